//! The head of a request as a backend gets it (gateway spec G95, G99).

use std::io::Write;

use super::asked::Asked;
use crate::h1::{Encoder, Framing, Known, push_decimal, push_fields};
use crate::wire::Wire;

/// Queues the request's head. `id` is its X-Request-Id; `expects` passes `Expect: 100-continue` on.
pub fn queue_head(wire: &mut Wire, asked: &Asked, id: u128, expects: bool) {
    let encoder = if asked.framing == Framing::Chunked { Encoder::Chunked } else { Encoder::Plain };
    let out = wire.queue(encoder);
    let text = &asked.head.text;
    out.extend_from_slice(asked.method_text());
    out.push(b' ');
    out.extend_from_slice(asked.sent_path.of(text));
    if let Some(query) = asked.query {
        out.push(b'?');
        out.extend_from_slice(query.of(text));
    }
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(asked.sent_authority.of(text));
    out.extend_from_slice(b"\r\n");
    push_fields(out, &asked.head, |_| true);
    push_forwarding(out, asked, id);
    if asked.websocket {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
    } else if asked.takes_trailers {
        out.extend_from_slice(b"Connection: TE\r\nTE: trailers\r\n");
    }
    if expects {
        out.extend_from_slice(b"Expect: 100-continue\r\n");
    }
    push_framing(out, asked);
    out.extend_from_slice(b"\r\n");
}

fn push_framing(out: &mut Vec<u8>, asked: &Asked) {
    match asked.framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        // Said aloud where a body would be expected (RFC 9110 §8.6).
        Framing::None | Framing::Close if matches!(asked.method_text(), b"POST" | b"PUT" | b"PATCH") => {
            out.extend_from_slice(b"Content-Length: 0\r\n");
        }
        Framing::None | Framing::Close => {}
    }
}

fn push_forwarding(out: &mut Vec<u8>, asked: &Asked, id: u128) {
    each_forwarding(asked, id, &mut |name, value| {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    });
}

/// Who asked, how, and for whom. What the client said of that is gone already; what is here was set by a filter and stands.
pub fn each_forwarding(asked: &Asked, id: u128, each: &mut dyn FnMut(&[u8], &[u8])) {
    let set =
        |name: &[u8]| asked.head.fields.iter().any(|field| field.known == Known::Forwarding && asked.head.name(field).eq_ignore_ascii_case(name));
    if !set(b"x-forwarded-for") {
        // No address is longer than 45 characters, so writing it cannot fail.
        let mut text = std::io::Cursor::new([0; 48]);
        let _ = write!(text, "{}", asked.client.ip().to_canonical());
        each(b"X-Forwarded-For", &text.get_ref()[..text.position() as usize]);
    }
    if !set(b"x-forwarded-proto") {
        each(b"X-Forwarded-Proto", if asked.https { b"https" } else { b"http" });
    }
    if !set(b"x-forwarded-host") && !asked.authority.is_empty() {
        each(b"X-Forwarded-Host", asked.authority.of(&asked.head.text));
    }
    if !set(b"x-request-id") {
        let digits: [u8; 32] = std::array::from_fn(|at| b"0123456789abcdef"[(id >> (4 * (31 - at))) as usize & 15]);
        each(b"X-Request-Id", &digits);
    }
}
