//! `/openapi/v3`: an index of documents by group and version, each under an address that names its content. `/openapi/v2`: all in one.

use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::body::{self, Body};
use crate::call::header_text;
use crate::kinds;
use crate::negotiate;
use crate::query::Query;
use crate::status::ApiError;

/// What client-go calls protobuf of OpenAPI v2, and what it is called in answers, where `@` has no place.
const V2_PROTOBUF: [&str; 2] =
    ["application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"];

/// The index or a document; nothing at other paths.
pub fn answer(path: &str, query: &Query, headers: &HeaderMap) -> Option<Response<Body>> {
    if path.trim_end_matches('/') == "/openapi/v2" {
        return Some(v2(headers));
    }
    let below = path.trim_end_matches('/').strip_prefix("/openapi/v3")?;
    if below.is_empty() {
        let paths: Map<String, Value> = schema::openapi::index()
            .iter()
            .filter(|d| is_served(d.path))
            .map(|d| (d.path.to_owned(), json!({ "serverRelativeURL": address(d.path, d.hash) })))
            .collect();
        return Some(body::json(200, &json!({ "paths": paths }), false));
    }
    let path = below.strip_prefix('/')?;
    let Some(document) = schema::openapi::document(path).filter(|_| is_served(path)) else {
        return Some(crate::route::refusal(&ApiError::no_resource(), false));
    };
    match query.get("hash") {
        Some(hash) if hash != document.hash => Some(moved(path, document.hash)),
        asked => Some(reply(document, asked.is_some(), headers)),
    }
}

/// Whether a kind of the document's group and version is served: documents of later kinds lie ready.
fn is_served(path: &str) -> bool {
    kinds::served().any(|kind| {
        let of = |version: &str| if kind.group.is_empty() { format!("api/{version}") } else { format!("apis/{}/{version}", kind.group) };
        kind.versions.iter().any(|version| of(version) == path)
    })
}

/// Made anew for each client that does not have it: those who ask are few, and it is large.
fn v2(headers: &HeaderMap) -> Response<Body> {
    let served = || schema::openapi::index().iter().filter(|document| is_served(document.path));
    let wanted = |clause: &negotiate::Clause<'_>| {
        let is_protobuf = V2_PROTOBUF.contains(&clause.media_type);
        (is_protobuf || clause.takes_json()).then_some(is_protobuf)
    };
    let Some(is_protobuf) = negotiate::clauses(headers).iter().find_map(wanted) else {
        return crate::route::refusal(&ApiError::not_acceptable(&["application/json", V2_PROTOBUF[1]].join(", ")), false);
    };
    let (media_type, mark) = if is_protobuf { (V2_PROTOBUF[1], "p") } else { ("application/json", "j") };
    let hash = served().fold(Sha256::new(), |hash, document| hash.chain_update(document.hash)).finalize();
    let etag = HeaderValue::from_str(&format!("\"{mark}{hash:X}\"")).expect("hexadecimal digits are a header value");
    if has(headers, &etag) {
        return marked(body::reply(304, media_type, Body::default()), etag);
    }
    let document = schema::openapi::v2::document(served());
    let bytes = if is_protobuf { schema::openapi::v2::to_protobuf(&document) } else { document.to_string().into_bytes() };
    marked(body::packed(200, media_type, bytes, negotiate::takes_gzip(headers)), etag)
}

/// Whether the client has what this tag names.
fn has(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    header_text(headers, header::IF_NONE_MATCH).split(',').any(|tag| tag.trim() == etag)
}

/// A reply that is kept under a tag.
fn marked(mut response: Response<Body>, etag: HeaderValue) -> Response<Body> {
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    response
}

fn address(path: &str, hash: &str) -> String {
    format!("/openapi/v3/{path}?hash={hash}")
}

/// The content has changed since the client saw the index.
fn moved(path: &str, hash: &str) -> Response<Body> {
    let mut response = body::text(301, "");
    if let Ok(to) = HeaderValue::from_str(&address(path, hash)) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

fn reply(document: &schema::openapi::Document, is_hashed: bool, headers: &HeaderMap) -> Response<Body> {
    let etag = HeaderValue::from_str(&format!("\"{}\"", document.hash)).expect("hexadecimal digits are a header value");
    let response = if has(headers, &etag) {
        body::reply(304, "application/json", Body::default())
    } else if negotiate::takes_gzip(headers) {
        let mut response = body::reply(200, "application/json", Body::whole(document.gzip));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        body::reply(200, "application/json", Body::whole(document.json()))
    };
    let mut response = marked(response, etag);
    // A hashed address names its content, so it may be kept for good.
    let caching = if is_hashed { "public, immutable, max-age=31536000" } else { "no-cache, private" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}
