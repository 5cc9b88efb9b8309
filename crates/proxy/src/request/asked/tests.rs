//! Hosts, targets and the fields that end here (gateway spec G95, G97, G99).

use super::*;
use crate::h1::{Fed, HeadParser, Limits};

fn asked(text: &str) -> Result<Asked, Malformed> {
    let mut asked = Asked::new(([192, 0, 2, 7], 4711).into(), false);
    let mut parser = HeadParser::request(Limits::default());
    assert!(matches!(parser.feed(text.as_bytes(), &mut asked.head)?, Fed::Complete(_)));
    asked.judge(parser.request_line()).map(|()| asked)
}

#[test]
fn hosts() {
    for (host, name) in [
        ("a.test", "a.test"),
        ("A.Test:8080", "a.test"),
        ("a.test.", "a.test"),
        ("A.test.:80", "a.test"),
        ("192.0.2.1:1", "192.0.2.1"),
        ("[::1]:80", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ] {
        let asked = asked(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).expect(host);
        assert_eq!((asked.text(asked.host), asked.text(asked.authority)), (name, host));
    }
    for host in ["a b", "a/x", "a@b", "a:x", "a:123456", "[::1", "[::1]x", "[zz]", "", ":80", "a,b", "a%41", "\u{e9}"] {
        assert_eq!(asked(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).map_err(Malformed::status).err(), Some(400), "{host:?}");
    }
    assert!(asked("GET / HTTP/1.1\r\n\r\n").is_err());
    assert!(asked("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").is_err());
    assert_eq!(asked("GET / HTTP/1.0\r\n\r\n").map(|asked| asked.host.is_empty()).ok(), Some(true));
}

#[test]
fn targets() {
    for (line, host, path, query) in [
        ("GET http://other.test/abs?q HTTP/1.1", "other.test", "/abs", Some("q")),
        ("GET http://other.test:81 HTTP/1.1", "other.test", "/", None),
        ("GET http://other.test?q HTTP/1.1", "other.test", "/", Some("q")),
        ("GET /a/../b?x=/../y HTTP/1.1", "a.test", "/b", Some("x=/../y")),
        ("GET /? HTTP/1.1", "a.test", "/", Some("")),
        ("OPTIONS * HTTP/1.1", "a.test", "*", None),
    ] {
        let asked = asked(&format!("{line}\r\nHost: a.test\r\n\r\n")).expect(line);
        assert_eq!((asked.text(asked.host), asked.text(asked.path), asked.query.map(|query| asked.text(query))), (host, path, query), "{line}");
    }
    for line in ["GET http:///x HTTP/1.1", "GET http://u@a.test/ HTTP/1.1", "GET /../x HTTP/1.1"] {
        assert!(asked(&format!("{line}\r\nHost: a.test\r\n\r\n")).is_err(), "{line}");
    }
    assert!(asked("GET http://a.test/ HTTP/1.1\r\nHost: b c\r\n\r\n").is_err(), "an unused Host is judged all the same");
}

#[test]
fn fields_that_end_here_are_taken_out_and_read() {
    let asked = asked(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop, Authorization, X-Forwarded-For\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nProxy: y\r\n\
         TE: gzip, trailers\r\nUpgrade: foo\r\nX_Under: 1\r\nAuthorization: b\r\nX-CaMeL: v\r\nX-Forwarded-For: 6.6.6.6\r\nX-Request-Id: z\r\nExpect: 100-Continue\r\n\
         Content-Length: 3\r\nVia: 1.0 c\r\n\r\n",
    )
    .expect("well-formed");
    let names: Vec<_> = asked.head.fields.iter().map(|field| String::from_utf8_lossy(asked.head.name(field)).into_owned()).collect();
    assert_eq!(names, ["Authorization", "X-CaMeL", "Via"]);
    assert!(asked.expects_continue && asked.takes_trailers && !asked.keep_alive && !asked.websocket);
    assert_eq!(asked.framing, Framing::Length(3));
}

#[test]
fn a_websocket_needs_both_fields_a_get_and_no_body() {
    let ask = |method: &str, fields: &str| asked(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).expect("well-formed").websocket;
    assert!(ask("GET", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"));
    assert!(!ask("GET", "Upgrade: websocket\r\n"));
    assert!(!ask("GET", "Connection: upgrade\r\nUpgrade: h2c\r\n"));
    assert!(!ask("POST", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    assert!(!ask("GET", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n"));
    assert_eq!(asked("GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n").map_err(Malformed::status).err(), Some(417));
}

#[test]
fn hash_keys_are_found() {
    let asked = asked("GET /p?x=1&y=2 HTTP/1.1\r\nHost: a\r\nCookie: a=b; sid=\"7\"\r\nX-User: ann\r\n\r\n").expect("well-formed");
    let source: &dyn Fn() -> [Option<Vec<u8>>; 4] = &|| {
        [
            KeySource::cookie(&asked, "sid").map(<[u8]>::to_vec),
            KeySource::query(&asked, "y").map(<[u8]>::to_vec),
            KeySource::header(&asked, "x-user").map(<[u8]>::to_vec),
            KeySource::cookie(&asked, "none").map(<[u8]>::to_vec),
        ]
    };
    assert_eq!(source(), [Some(b"\"7\"".to_vec()), Some(b"2".to_vec()), Some(b"ann".to_vec()), None]);
}
