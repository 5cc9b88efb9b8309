//! Heads of HTTP/2 to the form that both versions share. [`crate::h2`] has already refused what is no message.

use crate::h1::{Framing, Head, Known, Limits, Malformed, RequestLine, Target, Version};
use crate::h2::{Block, Fault, push_content_length, push_field, push_status};
use crate::request::asked::Asked;
use crate::request::handshake;

/// Fills and judges a request; takes the head out of `block`. `whole`: there is no body. `random` becomes the key of a
/// WebSocket's handshake.
///
/// # Errors
/// As for HTTP/1, and when `:authority` and `Host` differ.
pub fn asked(block: &mut Block, whole: bool, limits: &Limits, random: u128, asked: &mut Asked) -> Result<(), Malformed> {
    asked.clear();
    std::mem::swap(&mut asked.head, &mut block.head);
    let head = &mut asked.head;
    if let Some(Fault::Message(malformed)) = block.fault {
        return Err(malformed);
    }
    let websocket = block.protocol.is_some_and(|protocol| protocol.of(&head.text) == b"websocket");
    let Some(mut method) = block.method.filter(|method| websocket || method.of(&head.text) != b"CONNECT") else {
        return Err(Malformed::Method);
    };
    if websocket {
        // A WebSocket is asked for with GET wherever HTTP/1 does it, and rules speak of that method.
        method = head.push_text(b"GET");
    }
    let Some(target) = block.path else { return Err(Malformed::Syntax("there is no request target")) };
    let path = target.of(&head.text);
    if path.len() > limits.target {
        return Err(Malformed::TargetTooLong);
    }
    if !path.iter().all(|byte| matches!(byte, 0x21..=0x7E) && *byte != b'#') {
        return Err(Malformed::Syntax("the request target holds a character that it must not"));
    }
    let form = match path {
        b"*" if method.of(&head.text) == b"OPTIONS" => Target::Asterisk,
        [b'/', ..] => Target::Origin,
        _ => return Err(Malformed::Syntax("the request target has no known form")),
    };
    one_host(block, head)?;
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

/// `:authority`, or `Host` where there is none, as the one field Host.
fn one_host(block: &Block, head: &mut Head) -> Result<(), Malformed> {
    let Some(authority) = block.authority else { return Ok(()) };
    let text = &head.text;
    let mut hosts = head.fields.iter().filter(|field| field.known == Known::Host);
    let host = hosts.next().map(|field| field.value.of(text));
    if hosts.next().is_some() || host.is_some_and(|host| !host.eq_ignore_ascii_case(authority.of(text))) {
        return Err(Malformed::Syntax("host and authority differ"));
    }
    if host.is_none() {
        head.push_at(b"host", authority);
    }
    Ok(())
}

/// Appends an answer's head.
pub fn push_answer(out: &mut Vec<u8>, status: u16, head: &Head, length: Option<u64>) {
    push_status(out, status);
    for field in head.fields.iter().filter(|field| field.known != Known::Trailer) {
        push_field(out, head.name(field), head.value(field));
    }
    if let Some(length) = length {
        push_content_length(out, length);
    }
}
