//! Heads of HTTP/2 to and from the form that both versions share. h2 has already refused connection-specific fields, bad
//! pseudo-fields and upper-case names.

use h2::ext::Protocol;
use http::request::Parts;
use http::{HeaderValue, Method, Response};

use crate::h1::{Framing, Head, Known, Limits, Malformed, RequestLine, Span, Target, Version};
use crate::halves::fields;
use crate::request::asked::Asked;
use crate::request::handshake;

/// Fills and judges a request. `whole`: there is no body. `random` becomes the key of a WebSocket's handshake.
///
/// # Errors
/// As for HTTP/1, and when `:authority` and `Host` differ.
pub fn asked(parts: &Parts, whole: bool, limits: &Limits, random: u128, asked: &mut Asked) -> Result<(), Malformed> {
    let websocket = parts.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    if parts.method == Method::CONNECT && !websocket {
        return Err(Malformed::Method);
    }
    asked.clear();
    // A WebSocket is asked for with GET wherever HTTP/1 does it, and rules speak of that method.
    let method = asked.head.push_text(if websocket { b"GET" } else { parts.method.as_str().as_bytes() });
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
        _ if whole || websocket => Framing::None,
        Framing::Length(length) => Framing::Length(length),
        _ => Framing::Chunked,
    };
    if websocket {
        handshake::begin(asked, random);
    }
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
    let mut block = 0;
    for (name, value) in &parts.headers {
        let line = name.as_str().len() + value.len();
        block += line;
        if line > limits.field || block > limits.block {
            return Err(Malformed::HeadTooLarge);
        }
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
    }
    if let Some(cookie) = cookie {
        let crumbs = cookie.of(&asked.head.text).to_vec();
        asked.head.push(b"cookie", &crumbs);
    }
    Ok(())
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
