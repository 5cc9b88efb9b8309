//! `/openapi/v3`: an index of documents by group and version, each under an address that names its content.

use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Map, Value, json};

use crate::body::{self, Body};
use crate::call::header_text;
use crate::kinds;
use crate::negotiate;
use crate::query::Query;
use crate::status::ApiError;

/// The index or a document; nothing at other paths.
pub fn answer(path: &str, query: &Query, headers: &HeaderMap) -> Option<Response<Body>> {
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
    let mut response = if header_text(headers, header::IF_NONE_MATCH).split(',').any(|tag| tag.trim() == etag) {
        body::reply(304, "application/json", Body::default())
    } else if negotiate::takes_gzip(headers) {
        let mut response = body::reply(200, "application/json", Body::whole(document.gzip));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        body::reply(200, "application/json", Body::whole(document.json()))
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    // A hashed address names its content, so it may be kept for good.
    let caching = if is_hashed { "public, immutable, max-age=31536000" } else { "no-cache, private" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}
