//! Every rule of gateway spec G96 and G115 by example, and the property that the manner of arrival does not matter.

use super::*;
use proptest::prelude::*;

/// What a head says, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Said {
    first: String,
    fields: Vec<(String, String)>,
    /// Bytes after the head.
    rest: Vec<u8>,
}

/// Feeds the pieces one after the other, as a connection does: what is not taken comes again with the next piece.
fn feed(mut parser: HeadParser, pieces: &[&[u8]]) -> Result<Option<Said>, Malformed> {
    let (mut head, mut waiting) = (Head::default(), Vec::new());
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        waiting.extend_from_slice(piece);
        match parser.feed(&waiting, &mut head)? {
            Fed::Partial(taken) => drop(waiting.drain(..taken)),
            Fed::Complete(taken) => {
                waiting.drain(..taken);
                waiting.extend(pieces.flat_map(|piece| piece.iter().copied()));
                return Ok(Some(said(&parser, &head, waiting)));
            }
        }
    }
    Ok(None)
}

fn said(parser: &HeadParser, head: &Head, rest: Vec<u8>) -> Said {
    let text = |span: Span| String::from_utf8_lossy(span.of(&head.text)).into_owned();
    let (request, answer) = (parser.request_line(), parser.answer_line());
    let first = match answer.status {
        0 => format!("{} {} {:?} {:?}", text(request.method), text(request.target), request.form, request.version),
        status => format!("{status} {:?}", answer.version),
    };
    Said { first, fields: head.fields.iter().map(|field| (text(field.name), text(field.value))).collect(), rest }
}

fn request(text: &str) -> Result<Option<Said>, Malformed> {
    feed(HeadParser::request(Limits::default()), &[text.as_bytes()])
}

fn answer(text: &str) -> Result<Option<Said>, Malformed> {
    feed(HeadParser::answer(Limits::default()), &[text.as_bytes()])
}

#[test]
fn a_request_is_read_with_names_in_their_case_and_values_without_blanks() {
    let got = request("GET /a?b HTTP/1.1\r\nHost:x\r\nX-CaMeL: \t v w \t\r\nEmpty:\r\n\r\nrest").unwrap().unwrap();
    assert_eq!(got.first, "GET /a?b Origin Http11");
    let fields: Vec<_> = got.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("Host", "x"), ("X-CaMeL", "v w"), ("Empty", "")]);
    assert_eq!(got.rest, b"rest");
}

#[test]
fn forms_of_the_target() {
    for (line, first) in [
        ("OPTIONS * HTTP/1.1", "OPTIONS * Asterisk Http11"),
        ("GET http://a.test/x HTTP/1.0", "GET http://a.test/x Absolute Http10"),
        ("GET HTTPS://a.test HTTP/1.1", "GET HTTPS://a.test Absolute Http11"),
        ("M-SEARCH //a HTTP/1.1", "M-SEARCH //a Origin Http11"),
    ] {
        assert_eq!(request(&format!("{line}\r\n\r\n")).unwrap().unwrap().first, first, "{line}");
    }
    assert_eq!(request("\r\nGET / HTTP/1.1\r\n\r\n").unwrap().unwrap().first, "GET / Origin Http11", "one empty line before");
}

#[test]
fn request_lines_that_are_refused() {
    for line in [
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET x HTTP/1.1",
        "GET * HTTP/1.1",
        "GET ftp://a/ HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/3",
        "GET / HTTP/1.10",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1",
        "\r\nGET / HTTP/1.1\r\n",
        "GET /\x7f HTTP/1.1",
        "GET / HTTP/1.1\r",
        "",
    ] {
        let text = if line.is_empty() { "\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned() } else { format!("{line}\r\nHost: a\r\n\r\n") };
        let text = if line.starts_with("\r\n") { format!("\r\n{text}") } else { text };
        assert_eq!(request(&text).map_err(Malformed::status), Err(400), "{line:?}");
    }
    for line in ["GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9"] {
        assert_eq!(request(&format!("{line}\r\n\r\n")).map_err(Malformed::status), Err(505), "{line}");
    }
    assert_eq!(request("CONNECT a:443 HTTP/1.1\r\n\r\n").map_err(Malformed::status), Err(405));
    assert!(request("GET / HTTP/1.1\nHost: a\n\n").is_err(), "bare LF");
    assert!(request("\x16\x03\x01\x02\x00").is_err(), "a TLS handshake is refused by its first byte");
}

#[test]
fn fields_that_are_refused() {
    for field in [
        "X-A : 1",
        ": 1",
        "X A: 1",
        "X(A): 1",
        "Nonsense",
        " folded: 1",
        "\tfolded: 1",
        "X-A: 1\rX-B: 2",
        "X-A: 1\u{0}2",
        "X-A: \u{b}v",
        "X-A: 1\nX-B: 2",
        "X-A: \x7f",
        "\u{e9}: 1",
    ] {
        assert_eq!(request(&format!("GET / HTTP/1.1\r\n{field}\r\n\r\n")).map_err(Malformed::status), Err(400), "{field:?}");
        assert!(answer(&format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n")).is_err(), "{field:?}");
    }
    assert!(request("GET / HTTP/1.1\r\nX-A: \u{e9}\u{80}\tb\r\n\r\n").is_ok(), "bytes above ASCII and HTAB pass in values");
}

#[test]
fn limits_have_their_own_status_and_what_is_just_below_passes() {
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: a\r\n")).collect::<String>();
    // Field lines of so many bytes in all.
    let block = |bytes: usize| format!("{}X: {}\r\n", format!("X: {}\r\n", "a".repeat(8187)).repeat(3), "a".repeat(bytes - 3 * 8192 - 5));
    for (text, status) in [
        (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(8192)), 414),
        (format!("GET /{}", "a".repeat(9000)), 414),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat((16 << 10) - 2)), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", block((32 << 10) + 1)), 431),
        (format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(40_000)), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", format!("X: {}\r\n", "a".repeat(15_000)).repeat(3)), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", fields(129)), 431),
    ] {
        assert_eq!(request(&text).map_err(Malformed::status), Err(status), "{}", &text[..40]);
    }
    for text in [
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(8191)),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat((16 << 10) - 3)),
        format!("GET / HTTP/1.1\r\n{}\r\n", block(32 << 10)),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(16_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", format!("X: {}\r\n", "a".repeat(10_000)).repeat(3)),
        format!("GET / HTTP/1.1\r\n{}\r\n", fields(128)),
    ] {
        assert!(request(&text).unwrap().is_some());
    }
}

#[test]
fn status_lines() {
    for (line, first) in [
        ("HTTP/1.1 200 OK", "200 Http11"),
        ("HTTP/1.0 404 Not Found", "404 Http10"),
        ("HTTP/1.1 204 ", "204 Http11"),
        ("HTTP/1.1 204", "204 Http11"),
        ("HTTP/1.1 999 \u{e9}", "999 Http11"),
    ] {
        assert_eq!(answer(&format!("{line}\r\n\r\n")).unwrap().unwrap().first, first);
    }
    for line in [
        "hello",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 X",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 200\tOK",
        "",
        "HTTP/1.1 200 O\x01K",
    ] {
        assert!(answer(&format!("{line}\r\n\r\n")).is_err(), "{line:?}");
    }
}

#[test]
fn known_fields_are_recognised_in_any_case() {
    for (name, known) in [
        ("hOST", Known::Host),
        ("TE", Known::Te),
        ("Proxy", Known::Hop),
        ("proxy-anything", Known::Hop),
        ("Keep-Alive", Known::Hop),
        ("Cookie", Known::Protected),
        ("x_under", Known::Underscore),
        ("X-Forwarded-Port", Known::Forwarding),
        ("proxyish", Known::Other),
        ("content_length", Known::Underscore),
    ] {
        assert_eq!(Known::of(name.as_bytes()), known, "{name}");
    }
}

/// Text that is nearly a message, so that both verdicts and every boundary are met.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("GET / HTTP/1.1\r\n"),
        Just("HTTP/1.1 200 OK\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("\r"),
        Just("Host: a\r\n"),
        Just("X-A:  b \r\n"),
        Just("Content-Length: 3\r\n"),
        Just("abc"),
        Just(":"),
        Just(" "),
        Just("X: 1\r\n"),
        Just("POST /x%20y?z HTTP/1.0\r\n"),
        Just("\u{0}"),
        Just("CONNECT a:1 HTTP/1.1\r\n"),
        Just("GET / HTTP/2.0\r\n")
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Cuts at these places (modulo the length).
fn cut<'a>(text: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).chain([0, text.len()]).collect();
    ends.sort_unstable();
    ends.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same_result(text in nearly(), places in prop::collection::vec(any::<usize>(), 0..8)) {
        for parser in [HeadParser::request(Limits::default()), HeadParser::answer(Limits::default()), HeadParser::trailers()] {
            prop_assert_eq!(feed(parser.clone(), &[&text]), feed(parser, &cut(&text, &places)));
        }
    }

    #[test]
    fn tight_limits_do_not_depend_on_the_split(text in nearly(), places in prop::collection::vec(any::<usize>(), 0..8)) {
        let limits = Limits { target: 3, field: 9, block: 20, fields: 2 };
        prop_assert_eq!(feed(HeadParser::request(limits), &[&text]), feed(HeadParser::request(limits), &cut(&text, &places)));
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = feed(HeadParser::request(Limits::default()), &[&text]);
        let _ = feed(HeadParser::answer(Limits::default()), &[&text]);
    }
}
