//! Watches: a stream of events, one JSON object a line, from a revision on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::body::{self, Body};
use crate::cache::{Cache, Start};
use crate::call::Call;
use crate::dispatch::{Change, End, EventKind, FrameKey, Watcher};
use crate::filter::Filter;
use crate::kinds::Kind;
use crate::metrics::Watching;
use crate::negotiate::{self, Form};
use crate::object::Object;
use crate::protobuf;
use crate::query::ListOptions;
use crate::server::Core;
use crate::status::{ApiError, Result};
use crate::table::Shape;

/// Bookmarks come about this often.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// The last bookmark comes this long before the deadline, so that the next watch begins close to the end of this one.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// A watch without `timeoutSeconds` lasts this long, and up to as long again, so that not all clients return at once.
const TIMEOUT_MIN: Duration = Duration::from_secs(30 * 60);
/// Events that are at hand are joined into writes of about this many bytes.
const PIECE_BYTES: usize = 32 * 1024;

impl Core {
    /// A watch of a collection.
    pub(crate) async fn watch(&self, call: Call) -> Result<Response<Body>> {
        let options = ListOptions::read(&call.query)?;
        let filter = Filter::read(call.kind, call.namespace(), &call.query)?;
        let revision = match options.resource_version.as_str() {
            "" => 0,
            text => text.parse().map_err(|_| unparsable(text))?,
        };
        if negotiate::prefers_yaml(&call.headers) {
            // YAML has no form for a stream of events.
            let protobuf = if call.kind.native { format!(", {}", protobuf::WATCH_MEDIA_TYPE) } else { String::new() };
            return Err(ApiError::not_acceptable(&format!("application/json;stream=watch{protobuf}")));
        }
        self.reach(revision).await?;
        let with_state = options.initial_events.unwrap_or(revision == 0);
        let start = if with_state || revision == 0 { Start::Now } else { Start::After(revision) };
        let shape = Shape::of(&call, (self.now)());
        let media_type = if shape.is_protobuf() { protobuf::WATCH_MEDIA_TYPE } else { "application/json" };
        let stream = match self.cache.watch(call.kind, filter.scope(call.kind), start) {
            Ok(begun) => {
                let state = if with_state { filter.select(call.kind, &begun.sight, None, usize::MAX) } else { Vec::new() };
                let guard = Guard { cache: self.cache.clone(), kind: call.kind, watcher: begun.watcher, _count: self.metrics.watching(call.kind) };
                let end = Instant::now() + options.timeout.unwrap_or_else(|| self.random_timeout());
                let marks_end = with_state && options.initial_events == Some(true) && options.bookmarks;
                Stream {
                    guard: Some(guard),
                    state: state.into_iter(),
                    backlog: begun.backlog.into_iter(),
                    first_mark: marks_end.then_some(begun.sight.revision),
                    told: if revision == 0 { begun.sight.revision } else { revision },
                    bookmarks: options.bookmarks.then(|| next_bookmark(Instant::now(), end)),
                    end,
                    encoder: Encoder { shape, version: call.version, kind: call.kind, api_version: call.api_version(), is_first: true },
                    filter,
                    failure: None,
                }
            }
            Err(store::Error::Compacted { floor }) => Stream::failed(too_old(revision, floor), shape, &call, filter),
            Err(error) => return Err(ApiError::internal(error)),
        };
        let body = futures_util::stream::unfold(stream, |mut stream| async move { stream.next().await.map(|bytes| (bytes, stream)) });
        Ok(body::reply(200, media_type, Body::live(body)))
    }

    fn random_timeout(&self) -> Duration {
        let mut bytes = [0; 2];
        (self.random)(&mut bytes);
        TIMEOUT_MIN + TIMEOUT_MIN * u32::from(u16::from_le_bytes(bytes)) / 65_536
    }
}

/// Upstream's watch and its reads of one object, other than its lists, take this for their own failure.
pub(crate) fn unparsable(text: &str) -> ApiError {
    let quoted = crate::field::quote(text);
    ApiError::plain(500, format!("resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: invalid syntax"))
}

fn too_old(revision: u64, floor: u64) -> ApiError {
    ApiError::expired(format!("too old resource version: {revision} ({floor})"))
}

/// When the next bookmark is due, at the latest shortly before the end.
fn next_bookmark(now: Instant, end: Instant) -> Instant {
    let last = end.checked_sub(BOOKMARK_BEFORE_END).unwrap_or(now);
    if last > now { last.min(now + BOOKMARK_EVERY) } else { now + BOOKMARK_EVERY }
}

/// Takes the watcher out when the client is gone.
struct Guard {
    cache: Arc<Cache>,
    kind: &'static Kind,
    watcher: Arc<Watcher>,
    _count: Watching,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.cache.shelf(self.kind).forget(&self.watcher);
    }
}

/// One watch: first the state, then the backlog, then what happens.
struct Stream {
    /// None once the watch has failed.
    guard: Option<Guard>,
    state: std::vec::IntoIter<Arc<Object>>,
    backlog: std::vec::IntoIter<Arc<Change>>,
    /// The revision of the bookmark that ends the initial events.
    first_mark: Option<u64>,
    /// Everything up to this revision was told.
    told: u64,
    /// When the next bookmark is due.
    bookmarks: Option<Instant>,
    end: Instant,
    filter: Filter,
    encoder: Encoder,
    failure: Option<ApiError>,
}

enum Heard {
    Change(Arc<Change>),
    End(End),
    Bookmark,
    Timeout,
}

impl Stream {
    fn failed(failure: ApiError, shape: Shape, call: &Call, filter: Filter) -> Self {
        let encoder = Encoder { shape, version: call.version, kind: call.kind, api_version: call.api_version(), is_first: true };
        let now = Instant::now();
        Self {
            guard: None,
            state: Vec::new().into_iter(),
            backlog: Vec::new().into_iter(),
            first_mark: None,
            told: 0,
            bookmarks: None,
            end: now,
            filter,
            encoder,
            failure: Some(failure),
        }
    }

    /// The next bytes; none when the watch has ended.
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        while out.len() < PIECE_BYTES {
            if let Some(object) = self.state.next() {
                self.encoder.event(&mut out, EventKind::Added, &object, object.revision);
            } else if let Some(revision) = self.first_mark.take() {
                self.encoder.bookmark(&mut out, revision, true);
            } else if let Some(change) = self.backlog.next() {
                self.change(&mut out, &change);
            } else {
                break;
            }
        }
        while out.len() < PIECE_BYTES
            && let Some(change) = self.guard.as_ref().and_then(|guard| guard.watcher.try_next())
        {
            self.change(&mut out, &change);
        }
        while out.is_empty() {
            if let Some(failure) = self.failure.take() {
                self.encoder.error(&mut out, &failure);
                self.guard = None;
                break;
            }
            match self.hear().await? {
                Heard::Change(change) => self.change(&mut out, &change),
                Heard::Bookmark => self.mark(&mut out),
                Heard::End(End::Lagged) => self.failure = Some(ApiError::expired("too old resource version: the watch fell behind the history")),
                Heard::End(End::Closed) | Heard::Timeout => return None,
            }
        }
        Some(out.into())
    }

    async fn hear(&self) -> Option<Heard> {
        let watcher = &self.guard.as_ref()?.watcher;
        let bookmark = self.bookmarks.unwrap_or(self.end);
        Some(tokio::select! {
            biased;
            next = watcher.next() => next.map_or_else(Heard::End, Heard::Change),
            () = sleep_until(self.end) => Heard::Timeout,
            () = sleep_until(bookmark), if self.bookmarks.is_some() => Heard::Bookmark,
        })
    }

    fn change(&mut self, out: &mut Vec<u8>, change: &Change) {
        if let Some((kind, object)) = change.seen_by(|object| self.filter.admits(object)) {
            self.encoder.change(out, change, kind, object);
            self.told = self.told.max(change.revision);
        }
    }

    /// A bookmark, if there is anything newer to tell of.
    fn mark(&mut self, out: &mut Vec<u8>) {
        self.bookmarks = Some(next_bookmark(Instant::now(), self.end));
        let Some(guard) = &self.guard else { return };
        // Whatever happened up to this revision is in the queue by now, so the queue goes first.
        let revision = guard.cache.sync();
        let watcher = guard.watcher.clone();
        while let Some(change) = watcher.try_next() {
            self.change(out, &change);
        }
        if revision > self.told {
            self.encoder.bookmark(out, revision, false);
            self.told = revision;
        }
    }
}

/// Writes events in the form that the client asked for.
struct Encoder {
    shape: Shape,
    version: usize,
    kind: &'static Kind,
    api_version: String,
    /// A Table's columns come with the first event only.
    is_first: bool,
}

impl Encoder {
    /// A change, encoded once for all watches of this form.
    fn change(&mut self, out: &mut Vec<u8>, change: &Change, kind: EventKind, object: &Object) {
        let key = FrameKey {
            kind,
            group: self.kind.group,
            form: self.shape.form(),
            protobuf: self.shape.is_protobuf(),
            version: self.version,
            include: self.shape.include().letter(),
        };
        let is_first_table = std::mem::take(&mut self.is_first) && matches!(key.form, Form::Table(_));
        if is_first_table {
            self.write(out, kind, object, change.revision, true);
            return;
        }
        let frame = change.frame(key, || {
            let mut frame = Vec::with_capacity(object.len() + 64);
            self.write(&mut frame, kind, object, change.revision, false);
            frame.into()
        });
        out.extend_from_slice(&frame);
    }

    fn event(&mut self, out: &mut Vec<u8>, kind: EventKind, object: &Object, revision: u64) {
        let with_columns = std::mem::take(&mut self.is_first);
        self.write(out, kind, object, revision, with_columns);
    }

    fn write(&self, out: &mut Vec<u8>, kind: EventKind, object: &Object, revision: u64, with_columns: bool) {
        if self.shape.is_protobuf() {
            return protobuf::event(out, kind.text(), |out| self.shape.write(out, object, revision));
        }
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.text().as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        match self.shape.form() {
            Form::Table(version) => self.shape.write_table(out, version, &[object], revision, with_columns),
            _ => self.shape.write(out, object, revision),
        }
        out.extend_from_slice(b"}\n");
    }

    fn bookmark(&mut self, out: &mut Vec<u8>, revision: u64, ends_initial: bool) {
        let mut meta = json!({ "resourceVersion": revision.to_string() });
        if ends_initial {
            meta["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = match self.shape.form() {
            Form::Object => json!({ "kind": self.kind.kind, "apiVersion": self.api_version, "metadata": meta }),
            Form::Metadata(version) => json!({ "kind": "PartialObjectMetadata", "apiVersion": version.api_version(), "metadata": meta }),
            Form::Table(version) => {
                json!({ "kind": "Table", "apiVersion": version.api_version(), "metadata": meta, "columnDefinitions": [], "rows": [] })
            }
        };
        self.line(out, "BOOKMARK", object);
    }

    fn error(&mut self, out: &mut Vec<u8>, failure: &ApiError) {
        self.line(out, "ERROR", failure.to_value());
    }

    fn line(&self, out: &mut Vec<u8>, kind: &str, object: Value) {
        if self.shape.is_protobuf() {
            let envelope = protobuf::enveloped(&object).unwrap_or_default();
            return protobuf::event(out, kind, |out| out.extend_from_slice(&envelope));
        }
        out.extend_from_slice(json!({ "type": kind, "object": object }).to_string().as_bytes());
        out.push(b'\n');
    }
}
