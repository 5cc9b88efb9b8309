//! `/openapi/v3`: an index of documents by group and version, each under an address that names its content. `/openapi/v2`: all in one.

use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::body::{self, Body};
use crate::call::header_text;
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
        let paths: Map<String, Value> =
            schema::openapi::index().iter().map(|d| (d.path.to_owned(), json!({ "serverRelativeURL": address(d.path, d.hash) }))).collect();
        return Some(body::json(200, &json!({ "paths": paths }), false));
    }
    let path = below.strip_prefix('/')?;
    let Some(document) = schema::openapi::document(path) else {
        let mut nothing = body::text(404, "");
        nothing.headers_mut().clear();
        return Some(nothing);
    };
    match query.get("hash") {
        Some(hash) if hash != document.hash => Some(moved(path, document.hash)),
        asked => Some(reply(document, asked.is_some(), headers)),
    }
}

/// Made anew for each client that does not have it: those who ask are few, and it is large.
fn v2(headers: &HeaderMap) -> Response<Body> {
    let wanted = |clause: &negotiate::Clause<'_>| {
        let is_protobuf = V2_PROTOBUF.contains(&clause.media_type);
        (is_protobuf || clause.takes_json()).then_some(is_protobuf)
    };
    let Some(is_protobuf) = negotiate::clauses(headers).iter().find_map(wanted) else {
        return crate::route::refusal(&ApiError::not_acceptable(&["application/json", V2_PROTOBUF[1]].join(", ")), false);
    };
    let (media_type, mark) = if is_protobuf { (V2_PROTOBUF[1], "p") } else { ("application/json", "j") };
    let hash = schema::openapi::index().iter().fold(Sha256::new(), |hash, document| hash.chain_update(document.hash)).finalize();
    let etag = HeaderValue::from_str(&format!("\"{mark}{hash:X}\"")).expect("hexadecimal digits are a header value");
    if has(headers, &etag) {
        return marked(body::reply(304, media_type, Body::default()), etag);
    }
    let document = schema::openapi::v2::document(schema::openapi::index().iter());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::discovery::Discovery;

    #[test]
    fn documents_describe_what_discovery_serves_and_nothing_else() {
        let discovery = Discovery::new("0.1.0");
        let (mut served, mut described) = (BTreeSet::new(), BTreeSet::new());
        for document in schema::openapi::index() {
            let root = format!("/{}", document.path);
            for resource in discovery.document(&root)["resources"].as_array().expect("a list of resources") {
                served.insert(format!("{root} {}", resource["name"].as_str().expect("a name")));
            }
            let text: Value = serde_json::from_slice(&document.json()).expect("JSON");
            for path in text["paths"].as_object().expect("paths").keys() {
                let parts: Vec<&str> = path[root.len()..].split('/').filter(|part| !part.is_empty() && *part != "{name}").collect();
                let resource = parts.strip_prefix(&["namespaces", "{namespace}"]).unwrap_or(&parts);
                described.insert(format!("{root} {}", resource.join("/")));
            }
            assert_eq!(text["info"]["version"], discovery.document("/version")["gitVersion"], "{}", document.path);
        }
        assert_eq!(described, served);
        assert_eq!(schema::openapi::index().len(), discovery.group_versions(), "a document for each group and version");
    }
}
