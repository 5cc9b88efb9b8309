//! The head of a request as a backend gets it (gateway spec G95, G99).

use std::io::Write;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::asked::Asked;
use crate::h1::{Encoder, Framing, Known, push_decimal, push_fields};
use crate::wire::Wire;

/// Queues the request's head. `id` is its X-Request-Id; `expects` passes `Expect: 100-continue` on.
pub fn queue_head(wire: &mut Wire, asked: &Asked, id: u128, expects: bool) {
    let encoder = if asked.framing == Framing::Chunked { Encoder::Chunked } else { Encoder::Plain };
    push_head(wire.queue(encoder), asked, id, expects);
}

fn push_head(out: &mut Vec<u8>, asked: &Asked, id: u128, expects: bool) {
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
pub fn each_forwarding(asked: &Asked, id: u128, each: &mut impl FnMut(&[u8], &[u8])) {
    // Most requests bring none of them, which one look tells.
    let (mut forwards, mut protects) = (false, false);
    for field in &asked.head.fields {
        forwards |= field.known == Known::Forwarding;
        protects |= field.known == Known::Protected;
    }
    let brings =
        |known: Known, name: &[u8]| asked.head.fields.iter().any(|field| field.known == known && asked.head.name(field).eq_ignore_ascii_case(name));
    let set = |name: &[u8]| forwards && brings(Known::Forwarding, name);
    if !set(b"x-forwarded-for") {
        each(b"X-Forwarded-For", &address_text(asked.client.ip()));
    }
    if !set(b"x-forwarded-proto") {
        each(b"X-Forwarded-Proto", if asked.https { b"https" } else { b"http" });
    }
    if !set(b"x-forwarded-host") && !asked.authority.is_empty() {
        each(b"X-Forwarded-Host", asked.authority.of(&asked.head.text));
    }
    let traced = protects && brings(Known::Protected, b"traceparent");
    let trace = id.max(1);
    let digits: [u8; 32] = hex(trace.to_be_bytes());
    if !set(b"x-request-id") {
        each(b"X-Request-Id", &digits);
    }
    if !traced {
        // A trace begins here, under the request's own number. That it is recorded is what a service without a proxy before it
        // would have assumed of its own.
        let mut started = *b"00-00000000000000000000000000000000-0000000000000000-01";
        started[3..35].copy_from_slice(&digits);
        let span = (trace ^ trace >> 64) as u64;
        started[36..52].copy_from_slice(&hex::<8, 16>(span.max(1).to_be_bytes()));
        each(b"traceparent", &started);
    }
}

fn hex<const BYTES: usize, const DIGITS: usize>(bytes: [u8; BYTES]) -> [u8; DIGITS] {
    const { assert!(DIGITS == 2 * BYTES) };
    std::array::from_fn(|at| {
        let (byte, shift) = (bytes[at / 2], if at % 2 == 0 { 4 } else { 0 });
        b"0123456789abcdef"[usize::from(byte >> shift & 15)]
    })
}

/// An address as text. Those of version 4 are written by hand: every request carries one.
fn address_text(address: IpAddr) -> SmallVec<[u8; 48]> {
    let mut text = SmallVec::new();
    match address.to_canonical() {
        IpAddr::V4(address) => {
            // Fifteen characters at most, written in place and copied once.
            let (mut written, mut length) = ([0; 16], 0);
            for octet in address.octets() {
                let digits = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
                let skipped = usize::from(octet < 100) + usize::from(octet < 10);
                for digit in &digits[skipped..] {
                    written[length] = *digit;
                    length += 1;
                }
                written[length] = b'.';
                length += 1;
            }
            text.extend_from_slice(&written[..length - 1]);
        }
        IpAddr::V6(address) => {
            // No address is longer than 45 characters, so writing it cannot fail.
            let mut written = std::io::Cursor::new([0; 48]);
            let _ = write!(written, "{address}");
            text.extend_from_slice(&written.get_ref()[..written.position() as usize]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::h1::{Fed, HeadParser, Limits};

    fn read(text: &[u8]) -> Option<Asked> {
        let mut asked = Asked::new(([192, 0, 2, 7], 4711).into(), false);
        let mut parser = HeadParser::request(Limits::default());
        match parser.feed(text, &mut asked.head) {
            Ok(Fed::Complete(_)) => asked.judge(parser.request_line()).ok().map(|()| asked),
            _ => None,
        }
    }

    fn sent(asked: &Asked) -> Vec<u8> {
        let mut text = Vec::new();
        push_head(&mut text, asked, 7, asked.expects_continue);
        text
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        let some = ["0.0.0.0", "1.20.255.100", "127.0.0.1", "10.9.99.209", "::ffff:192.0.2.7", "2001:db8::1", "::1"];
        for text in some {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(String::from_utf8_lossy(&address_text(address)), address.to_canonical().to_string());
        }
        for octet in 0..=255 {
            assert_eq!(String::from_utf8_lossy(&address_text([octet; 4].into())), IpAddr::from([octet; 4]).to_string());
        }
    }

    /// What a message means to whoever reads it.
    fn meaning(asked: &Asked) -> (String, String, String, Option<String>, Framing, bool) {
        let text = |span| asked.text(span).to_owned();
        (text(asked.method), text(asked.host), text(asked.path), asked.query.map(text), asked.framing, asked.websocket)
    }

    #[test]
    fn a_head_as_a_backend_gets_it() {
        let asked =
            read(b"POST /a/../b?q HTTP/1.1\r\nhost: A.test:81\r\nX-Y: z\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n").expect("well-formed");
        let expected = "POST /b?q HTTP/1.1\r\nHost: A.test:81\r\nX-Y: z\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n\
             X-Forwarded-Host: A.test:81\r\nX-Request-Id: 00000000000000000000000000000007\r\n\
             traceparent: 00-00000000000000000000000000000007-0000000000000007-01\r\nConnection: TE\r\nTE: trailers\r\n\
             Transfer-Encoding: chunked\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&sent(&asked)), expected);
    }

    /// Heads that are nearly right, with everything that has ever confused two readers.
    fn nearly() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            Just("GET / HTTP/1.1"),
            Just("POST /a/%2e%2e/b%2F?x=%00&y#"),
            Just("POST /a%2fb;c//d?e HTTP/1.1"),
            Just("GET http://o.test:8/p?q HTTP/1.1"),
            Just("OPTIONS * HTTP/1.1"),
            Just("HEAD /x HTTP/1.0"),
            Just("PUT /%41%7e%c3%a9 HTTP/1.1"),
        ];
        let field = prop_oneof![
            Just("Host: a.test"),
            Just("Host: A.Test.:80"),
            Just("Content-Length: 5"),
            Just("Content-Length: 05"),
            Just("Transfer-Encoding: chunked"),
            Just("Transfer-Encoding:\tchunked "),
            Just("Connection: close, content-length, host, x-a"),
            Just("Connection: upgrade"),
            Just("Upgrade: websocket"),
            Just("X-A: b\u{e9}\t c"),
            Just("X-Forwarded-Host: evil"),
            Just("Expect: 100-continue"),
            Just("TE: trailers, gzip"),
            Just("content_length: 9"),
            Just("Cookie: a=1; b"),
        ];
        (line, prop::collection::vec(field, 0..6)).prop_map(|(line, fields)| format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n")).into_bytes())
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_sent_with_the_same_meaning_and_read_so_by_a_strict_reader(text in nearly()) {
            if let Some(asked) = read(&text).filter(|asked| !asked.host.is_empty()) {
                let again = read(&sent(&asked));
                // A body of length zero is said aloud where one is expected.
                let said = |mut what: (String, String, String, Option<String>, Framing, bool)| {
                    if what.4 == Framing::None { what.4 = Framing::Length(0) }
                    what
                };
                prop_assert_eq!(again.map(|again| said(meaning(&again))), Some(said(meaning(&asked))));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..120), line in prop_oneof![Just("GET / HTTP/1.1\r\n"), Just("")]) {
            let text = [line.as_bytes(), &text, b"\r\n\r\n"].concat();
            let _ = read(&text).map(|asked| sent(&asked));
        }
    }
}
