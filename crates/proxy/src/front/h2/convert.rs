//! Heads of HTTP/2 to and from the form that both versions share. h2 has already refused connection-specific fields, bad
//! pseudo-fields and upper-case names.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use crate::h1::{Framing, Head, Known, Limits, Malformed, RequestLine, Span, Target, Version};
use crate::request::asked::Asked;
use crate::wire::allowed_trailer;

/// Fills and judges a request. `whole`: there is no body.
///
/// # Errors
/// As for HTTP/1, and when `:authority` and `Host` differ.
pub fn asked(parts: &Parts, whole: bool, limits: &Limits, asked: &mut Asked) -> Result<(), Malformed> {
    if parts.method == Method::CONNECT {
        return Err(Malformed::Method);
    }
    asked.clear();
    let method = asked.head.push_text(parts.method.as_str().as_bytes());
    let path = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    if path.len() > limits.target {
        return Err(Malformed::TargetTooLong);
    }
    if !path.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && byte != b'#') {
        return Err(Malformed::Syntax("the request target holds a character that it must not"));
    }
    let target = asked.head.push_text(path.as_bytes());
    push_host(parts, asked)?;
    push_fields(parts, limits, asked)?;
    let form = if path == "*" && parts.method == Method::OPTIONS { Target::Asterisk } else { Target::Origin };
    if form == Target::Origin && !path.starts_with('/') {
        return Err(Malformed::Syntax("the request target has no known form"));
    }
    asked.judge(RequestLine { method, target, form, version: Version::Http11 })?;
    asked.framing = match asked.framing {
        _ if whole => Framing::None,
        Framing::Length(length) => Framing::Length(length),
        _ => Framing::Chunked,
    };
    Ok(())
}

/// `:authority`, or `Host` where there is none.
fn push_host(parts: &Parts, asked: &mut Asked) -> Result<(), Malformed> {
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let hosts: Vec<&[u8]> = parts.headers.get_all(http::header::HOST).iter().map(HeaderValue::as_bytes).collect();
    if hosts.len() > 1 || authority.is_some_and(|authority| hosts.iter().any(|host| !host.eq_ignore_ascii_case(authority))) {
        return Err(Malformed::Syntax("host and authority differ"));
    }
    if let Some(host) = authority.or(hosts.first().copied()) {
        asked.head.push(b"host", host);
    }
    Ok(())
}

/// All other fields; crumbs of Cookie become one (RFC 9113 §8.2.3).
fn push_fields(parts: &Parts, limits: &Limits, asked: &mut Asked) -> Result<(), Malformed> {
    if parts.headers.len() > limits.fields {
        return Err(Malformed::HeadTooLarge);
    }
    let mut cookie: Option<Span> = None;
    for (name, value) in &parts.headers {
        match *name {
            http::header::HOST => {}
            http::header::COOKIE => {
                let mut crumbs = cookie.map(|span| span.of(&asked.head.text).to_vec()).unwrap_or_default();
                if !crumbs.is_empty() {
                    crumbs.extend_from_slice(b"; ");
                }
                crumbs.extend_from_slice(value.as_bytes());
                cookie = Some(asked.head.push_text(&crumbs));
            }
            _ => asked.head.push(name.as_str().as_bytes(), value.as_bytes()),
        }
        if asked.head.text.len() > 2 * (limits.block + limits.target) {
            return Err(Malformed::HeadTooLarge);
        }
    }
    if let Some(cookie) = cookie {
        let crumbs = cookie.of(&asked.head.text).to_vec();
        asked.head.push(b"cookie", &crumbs);
    }
    Ok(())
}

/// The trailers of a request's body.
pub fn push_trailers(head: &mut Head, trailers: &HeaderMap) {
    for (name, value) in trailers {
        head.push(name.as_str().as_bytes(), value.as_bytes());
    }
}

/// An answer's head; `None` when its status does not exist in HTTP/2.
pub fn answer(status: u16, head: &Head, length: Option<u64>) -> Option<Response<()>> {
    let mut answer = Response::builder().status(status).body(()).ok()?;
    *answer.headers_mut() = fields(head, |known| known != Known::Trailer);
    if let Some(length) = length {
        answer.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Some(answer)
}

/// An answer's trailers.
pub fn trailers(head: &Head) -> HeaderMap {
    fields(head, allowed_trailer)
}

fn fields(head: &Head, keep: impl Fn(Known) -> bool) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(head.fields.len());
    for field in head.fields.iter().filter(|field| keep(field.known)) {
        // What a backend may say in HTTP/1, HTTP/2 can carry; anything else is left out rather than mangled.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(head.name(field)), HeaderValue::from_bytes(head.value(field))) {
            map.append(name, value);
        }
    }
    map
}
