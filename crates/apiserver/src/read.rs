//! GET of an object and of a collection.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, Response, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::body::{self, Body, GZIP_BYTES_MIN};
use crate::cache::{self, Sight};
use crate::call::Call;
use crate::filter::Filter;
use crate::negotiate::Form;
use crate::object::Object;
use crate::protobuf;
use crate::query::ListOptions;
use crate::server::Core;
use crate::status::{ApiError, Result};
use crate::table::{Shape, columns};

/// How long a read waits for a revision that this server has not seen yet.
const FUTURE_WAIT: Duration = Duration::from_secs(3);
/// Lists are written in pieces of about this many bytes.
const PIECE_BYTES: usize = 64 * 1024;
/// Lists above this many bytes are not indented: that needs all of them at once.
const PRETTY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where the next page begins, as `metadata.continue` carries it.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Token {
    v: String,
    /// -1: whatever is newest.
    rv: i64,
    /// The last key of the page before, behind the prefix of the kind.
    start: String,
}

impl Token {
    fn write(revision: i64, start: &str) -> String {
        let token = Self { v: "meta.k8s.io/v1".to_owned(), rv: revision, start: start.to_owned() };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).expect("a token has only plain fields"))
    }

    fn read(text: &str) -> Result<Self> {
        let bad = |why: String| ApiError::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|e| bad(format!("illegal base64 data at input byte {}", illegal_at(&e, text))))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        if token.v != "meta.k8s.io/v1" {
            return Err(bad(format!("server does not recognize this encoded version {}", token.v)));
        }
        if token.start.is_empty() {
            return Err(bad(format!("encoded start key empty (version {})", token.v)));
        }
        if token.rv == 0 || token.rv < -1 {
            return Err(bad("incorrect encoded start resourceVersion".to_owned()));
        }
        // A start that climbs out of the collection would read other objects.
        if token.start.split('/').any(|part| part == ".." || part == ".") {
            return Err(bad(token.start));
        }
        Ok(token)
    }
}

/// The octet that Go's decoder stops at.
fn illegal_at(error: &base64::DecodeError, text: &str) -> usize {
    match error {
        base64::DecodeError::InvalidByte(at, _) => *at,
        _ if text.contains('=') => text.find('=').unwrap_or_default(),
        _ => text.len() / 4 * 4,
    }
}

/// One page of a collection.
pub(crate) struct Page {
    pub objects: Vec<Arc<Object>>,
    pub revision: u64,
    resume: String,
    /// How many objects follow the page, where that is known cheaply.
    remaining: Option<usize>,
}

impl Core {
    /// GET of one object.
    pub(crate) async fn get(&self, call: &Call) -> Result<Response<Body>> {
        if let Some(revision) = call.query.get("resourceVersion") {
            self.reach(revision.parse().map_err(|_| crate::watch::unparsable(revision))?).await?;
        }
        let name = &call.address.name;
        let key = cache::key(call.kind, call.namespace(), name);
        let object = self.cache.get(call.kind, &key).ok_or_else(|| self.missing(call, &key))?;
        call.check_one()?;
        Ok(self.reply(call, 200, &object))
    }

    /// Why there is nothing to show under a key: usually because there is nothing.
    fn missing(&self, call: &Call, key: &str) -> ApiError {
        match self.cache.store().snapshot().get(key) {
            Some(_) => {
                ApiError::internal(format_args!("the stored object {key} cannot be decoded; restore it from a backup or delete it from the store"))
            }
            None => ApiError::not_found(call.kind, &call.address.name),
        }
    }

    /// A stored object as a reply.
    pub(crate) fn reply(&self, call: &Call, code: u16, object: &Object) -> Response<Body> {
        let mut out = Vec::with_capacity(object.len() + 1);
        let shape = Shape::of(call, (self.now)());
        shape.write(&mut out, object, object.revision);
        if shape.is_protobuf() {
            return body::packed(code, shape.media_type(), out, call.takes_gzip());
        }
        out.push(b'\n');
        whole(call, code, out)
    }

    /// Waits until a revision is here, but not for long.
    pub(crate) async fn reach(&self, revision: u64) -> Result<()> {
        let deadline = tokio::time::Instant::now() + FUTURE_WAIT;
        loop {
            let current = self.cache.sync();
            if current >= revision {
                return Ok(());
            }
            // Nobody but this server writes: a revision far ahead is a mistake, one slightly ahead is on its way to disk.
            if tokio::time::Instant::now() >= deadline || revision - current > 1_000_000 {
                return Err(ApiError::future_revision(revision, current));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// GET of a collection.
    pub(crate) async fn list(&self, call: &Call) -> Result<Response<Body>> {
        let options = ListOptions::read(&call.query)?;
        let filter = Filter::read(call.kind, call.namespace(), &call.query)?;
        let page = self.page(call, &options, &filter).await?;
        if let Form::Metadata(_) = call.form
            && call.wants_one()
        {
            let why = format!("you requested PartialObjectMetadata, but the requested object is a list ({})", call.kind.go_type(true));
            return Err(ApiError::plain_not_acceptable(why));
        }
        Ok(self.write_list(call, page))
    }

    /// The objects that a list shows.
    pub(crate) async fn page(&self, call: &Call, options: &ListOptions, filter: &Filter) -> Result<Page> {
        let kind_prefix = cache::key(call.kind, "", "");
        if !options.resume.is_empty() {
            let token = Token::read(&options.resume)?;
            if !matches!(options.resource_version.as_str(), "" | "0") {
                return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
            }
            let after = format!("{kind_prefix}{}", token.start);
            let Ok(revision) = u64::try_from(token.rv) else {
                return Ok(self.cut(call, options, filter, &self.cache.sight(call.kind), Some(&after)));
            };
            let sight = self.cache.sight_at(call.kind, revision).map_err(|error| expired_token(error, &token.start))?;
            return Ok(self.cut(call, options, filter, &sight, Some(&after)));
        }
        let revision = if options.resource_version.is_empty() { 0 } else { parse_revision(&options.resource_version)? };
        self.reach(revision).await?;
        // With a limit, a revision without a rule means exactly that revision: the way of clients before there were rules.
        let is_exact = options.exact || (options.limit > 0 && revision > 0 && !options.not_older_than);
        let sight = if is_exact {
            self.cache.sight_at(call.kind, revision).map_err(|error| match error {
                store::Error::Compacted { .. } => ApiError::expired("The resourceVersion for the provided list is too old."),
                other => ApiError::internal(other),
            })?
        } else {
            self.cache.sight(call.kind)
        };
        Ok(self.cut(call, options, filter, &sight, None))
    }

    /// The page that begins behind a key.
    fn cut(&self, call: &Call, options: &ListOptions, filter: &Filter, sight: &Sight, after: Option<&str>) -> Page {
        // From "any" revision the cache upstream answers whole lists, and clients count on it.
        let limit = if options.resource_version == "0" { 0 } else { options.limit };
        if limit == 0 {
            return Page {
                objects: filter.select(call.kind, sight, after, usize::MAX),
                revision: sight.revision,
                resume: String::new(),
                remaining: None,
            };
        }
        let mut objects = filter.select(call.kind, sight, after, limit + 1);
        if objects.len() <= limit {
            return Page { objects, revision: sight.revision, resume: String::new(), remaining: None };
        }
        objects.truncate(limit);
        let last = objects.last().map(|o| o.key.clone()).unwrap_or_default();
        let start = last.strip_prefix(&*cache::key(call.kind, "", "")).unwrap_or_default();
        let resume = Token::write(i64::try_from(sight.revision).unwrap_or(-1), start);
        self.cache.pin(call.kind, sight);
        let remaining = (!filter.has_selectors()).then(|| {
            let prefix = filter.prefix(call.kind);
            sight.items.range(last.clone()..).skip(1).take_while(|(key, _)| key.starts_with(&prefix)).count()
        });
        Page { objects, revision: sight.revision, resume, remaining }
    }

    fn write_list(&self, call: &Call, page: Page) -> Response<Body> {
        let shape = Shape::of(call, (self.now)());
        let (kind, api_version) = shape.list_kind();
        let mut meta = Map::new();
        meta.insert("resourceVersion".to_owned(), page.revision.to_string().into());
        if !page.resume.is_empty() {
            meta.insert("continue".to_owned(), page.resume.into());
        }
        if let Some(remaining) = page.remaining {
            meta.insert("remainingItemCount".to_owned(), remaining.into());
        }
        if shape.is_protobuf() {
            return streamed(call, shape.media_type(), protobuf::list(shape, &Value::Object(meta), page.objects));
        }
        let mut head = json!({ "kind": kind, "apiVersion": api_version, "metadata": meta });
        if matches!(shape.form(), Form::Table(_)) {
            head["columnDefinitions"] = columns(call.kind);
        }
        let mut head = head.to_string().into_bytes();
        head.pop();
        head.extend_from_slice(if matches!(shape.form(), Form::Table(_)) { b",\"rows\":[" } else { b",\"items\":[" });
        let bytes: usize = head.len() + page.objects.iter().map(|o| o.len() + 1).sum::<usize>();
        let pieces = Pieces { head: Some(head), objects: page.objects.into_iter(), shape, is_first: true, is_done: false };
        if bytes <= PIECE_BYTES || (call.pretty && bytes <= PRETTY_BYTES_MAX) {
            return whole(call, 200, pieces.flatten().collect());
        }
        streamed(call, "application/json", pieces)
    }
}

/// A list as a reply, compressed if it is long and the client takes that.
fn streamed(call: &Call, media_type: &'static str, mut pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Response<Body> {
    let mut begin: Vec<Bytes> = Vec::new();
    while begin.iter().map(Bytes::len).sum::<usize>() <= GZIP_BYTES_MIN {
        let Some(piece) = pieces.next() else { return body::reply(200, media_type, Body::pieces(begin.into_iter())) };
        begin.push(piece);
    }
    let pieces = begin.into_iter().chain(pieces);
    if !call.takes_gzip() {
        return body::reply(200, media_type, Body::pieces(pieces));
    }
    let zipped = Zipped { pieces, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) };
    let mut response = body::reply(200, media_type, Body::pieces(zipped));
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn expired_token(error: store::Error, start: &str) -> ApiError {
    match error {
        store::Error::Compacted { .. } => {
            let mut refusal = ApiError::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, \
                 or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects \
                 that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
            );
            refusal.resume = Some(Token::write(-1, start));
            refusal
        }
        store::Error::Future { .. } => ApiError::bad_request("continue key is not valid: its resourceVersion is in the future"),
        other => ApiError::internal(other),
    }
}

/// A resourceVersion as a number.
pub(crate) fn parse_revision(text: &str) -> Result<u64> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        let what = if *error.kind() == std::num::IntErrorKind::PosOverflow { "value out of range" } else { "invalid syntax" };
        let why = format!("strconv.ParseUint: parsing {}: {what}", crate::field::quote(text));
        ApiError::bad_request(format!("invalid resource version: {}", crate::field::Path::new("resourceVersion").invalid(text, why)))
    })
}

/// A reply whose JSON is at hand, compressed or indented as the client wants it.
fn whole(call: &Call, code: u16, json: Vec<u8>) -> Response<Body> {
    if call.pretty
        && let Ok(value) = serde_json::from_slice::<Value>(&json)
    {
        return body::json(code, &value, true);
    }
    body::packed(code, "application/json", json, call.takes_gzip())
}

/// A list written piece by piece from the stored bytes.
struct Pieces {
    head: Option<Vec<u8>>,
    objects: std::vec::IntoIter<Arc<Object>>,
    shape: Shape,
    is_first: bool,
    is_done: bool,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.is_done {
            return None;
        }
        let mut out = self.head.take().unwrap_or_default();
        while out.len() < PIECE_BYTES {
            let Some(object) = self.objects.next() else {
                out.extend_from_slice(b"]}\n");
                self.is_done = true;
                break;
            };
            if !std::mem::take(&mut self.is_first) {
                out.push(b',');
            }
            self.shape.write_item(&mut out, &object);
        }
        Some(out.into())
    }
}

/// Pieces of a list, compressed.
struct Zipped<P> {
    pieces: P,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<P: Iterator<Item = Bytes>> Iterator for Zipped<P> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        for piece in self.pieces.by_ref() {
            let encoder = self.encoder.as_mut()?;
            encoder.write_all(&piece).ok()?;
            if !encoder.get_ref().is_empty() {
                return Some(std::mem::take(encoder.get_mut()).into());
            }
        }
        self.encoder.take()?.finish().ok().map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_climb_out_or_are_garbage_are_400() {
        let good = Token::write(5, "n/a");
        assert_eq!(Token::read(&good).map(|t| (t.rv, t.start)).expect("our own"), (5, "n/a".to_owned()));
        for bad in [Token::write(5, "../secrets/x"), Token::write(0, "a"), Token::write(5, ""), "garbage".to_owned(), String::from("e30")] {
            assert_eq!(Token::read(&bad).err().expect("refused").code, 400, "{bad}");
        }
    }
}
