//! Where bodies end, by example and by property (gateway spec G98, G100).

use super::super::parse::{Fed, HeadParser, Limits};
use super::*;
use proptest::prelude::*;

fn head(fields: &str) -> Head {
    let mut head = Head::default();
    let mut parser = HeadParser::request(Limits::default());
    let fed = parser.feed(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes(), &mut head);
    assert!(matches!(fed, Ok(Fed::Complete(_))), "{fed:?}");
    head
}

#[test]
fn requests() {
    let framing = |fields: &str| request_framing(&head(fields), Version::Http11).ok();
    assert_eq!(framing(""), Some(Framing::None));
    assert_eq!(framing("Content-Length: 0\r\n"), Some(Framing::Length(0)));
    assert_eq!(framing("content-length: 9223372036854775807\r\n"), Some(Framing::Length(i64::MAX as u64)));
    assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Some(Framing::Chunked));
    for wrong in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 0, 0\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x0\r\n",
        "Content-Length: \r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        assert_eq!(framing(wrong), None, "{wrong:?}");
    }
    assert!(request_framing(&head("Transfer-Encoding: chunked\r\n"), Version::Http10).is_err(), "chunks in a 1.0 request");
}

#[test]
fn answers() {
    let framing = |fields: &str, status, to_head| answer_framing(&head(fields), Version::Http11, status, to_head).ok();
    assert_eq!(framing("", 200, false), Some(Framing::Close));
    assert_eq!(framing("Content-Length: 4\r\n", 200, false), Some(Framing::Length(4)));
    assert_eq!(framing("Content-Length: 4\r\n", 200, true), Some(Framing::None));
    for status in [100, 101, 204, 304] {
        assert_eq!(framing("Content-Length: 4\r\n", status, false), Some(Framing::None), "{status}");
    }
    assert_eq!(framing("Content-Length: 4\r\nContent-Length: 4\r\n", 304, false), None);
}

/// Decodes a body from pieces: its data, its trailers, and how many bytes follow it.
fn decode(mut body: Body, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), Malformed> {
    let (mut data, mut trailers, mut waiting) = (Vec::new(), Head::default(), Vec::new());
    let mut ended = false;
    for piece in pieces {
        waiting.extend_from_slice(piece);
        while !ended {
            match body.decode(&waiting, &mut trailers)? {
                Piece::Data { skip, data: length } => {
                    // Half of what is there at a time, as a slow reader does.
                    let used = length.div_ceil(2);
                    data.extend_from_slice(&waiting[skip..skip + used]);
                    body.advance(used);
                    waiting.drain(..skip + used);
                }
                Piece::More { skip } => {
                    waiting.drain(..skip);
                    break;
                }
                Piece::End { skip } => {
                    waiting.drain(..skip);
                    ended = true;
                }
            }
        }
    }
    for field in &trailers.fields {
        data.extend_from_slice(trailers.name(field));
        data.extend_from_slice(trailers.value(field));
    }
    Ok((data, ended, waiting))
}

fn chunked(text: &str) -> Result<(Vec<u8>, bool, Vec<u8>), Malformed> {
    decode(Body::new(Framing::Chunked), &[text.as_bytes()])
}

#[test]
fn chunks_with_extensions_and_trailers() {
    let (data, ended, rest) = chunked("3\r\nabc\r\n0000A;x=y\r\n0123456789\r\n0\r\nX-Sum: 42\r\n\r\nNEXT").unwrap();
    assert_eq!((data.as_slice(), ended, rest.as_slice()), (&b"abc0123456789X-Sum42"[..], true, &b"NEXT"[..]));
    assert!(!chunked("64\r\nonly this").unwrap().1, "cut in a chunk");
    assert!(!chunked("4\r\nonly\r\n").unwrap().1, "cut before the last chunk");
}

#[test]
fn chunks_that_are_refused() {
    let long = format!("3;{}\r\nabc\r\n", "a".repeat(300));
    let trailers = format!("0\r\n{}\r\n", "X: 1\r\n".repeat(33));
    for body in [
        "xyz\r\nabc\r\n",
        "+3\r\nabc\r\n",
        "-3\r\nabc\r\n",
        "0x3\r\nabc\r\n",
        "\r\nabc\r\n",
        "00000000000000003\r\nabc\r\n",
        "ffffffffffffffff1\r\nabc\r\n",
        "3\r\nabcd\r\n",
        "3\nabc\r\n",
        "3\r\nabc\n",
        "3;a\rb\r\nabc\r\n",
        " 3\r\nabc\r\n",
        "3 \r\nabc\r\n",
        "3;\u{0}\r\nabc\r\n",
        "0\r\nbad trailer\r\n\r\n",
        "0\r\nX: 1\n\r\n",
        &long,
        &trailers,
    ] {
        assert!(chunked(&format!("{body}0\r\n\r\n")).is_err(), "{body:?}");
    }
}

proptest! {
    #[test]
    fn any_split_of_chunks_gives_the_same_result(
        pieces in prop::collection::vec(prop_oneof![
            Just("3\r\nabc\r\n"), Just("0\r\n\r\n"), Just("0\r\nA: b\r\n\r\n"), Just("10;x\r\n0123456789abcdef\r\n"), Just("\r\n"), Just("g"), Just("1"), Just("ffffffffffffffff\r\n"),
        ], 0..8),
        places in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let text = pieces.concat().into_bytes();
        let mut ends: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).chain([0, text.len()]).collect();
        ends.sort_unstable();
        let cut: Vec<&[u8]> = ends.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode(Body::new(Framing::Chunked), &[&text]), decode(Body::new(Framing::Chunked), &cut));
    }

    #[test]
    fn what_we_write_we_read(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6)) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            crate::h1::push_chunk_head(&mut wire, chunk.len());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(decode(Body::new(Framing::Chunked), &[&wire]), Ok((chunks.concat(), true, Vec::new())));
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode(Body::new(Framing::Chunked), &[&text]);
    }
}
