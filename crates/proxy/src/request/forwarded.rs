//! What a trusted proxy before us says of the client (gateway spec G95). Everybody else's word was dropped with the head.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use model::routes::trusts;

use super::asked::Asked;

/// Finds out who the client is, and adds the proxy itself to what goes on to the backend.
pub fn adopt(asked: &mut Asked) {
    let Some(trusted) = asked.trusted.clone() else { return };
    let proxy = asked.peer.ip().to_canonical();
    let mut chain = joined(asked, b"x-forwarded-for");
    // From the right: each trusted proxy vouches for the one before it.
    let mut client = proxy;
    for entry in chain.split(|byte| *byte == b',').rev() {
        let Some(address) = address(entry) else { break };
        client = address;
        if !trusts(&trusted, address) {
            break;
        }
    }
    if client != proxy {
        // Its port is known to nobody here.
        asked.client = SocketAddr::new(client, 0);
    }
    append(asked, b"X-Forwarded-For", &mut chain, proxy.to_string().as_bytes());
    let mut chain = joined(asked, b"forwarded");
    if !chain.is_empty() {
        let mut element = Vec::with_capacity(48);
        // Writing to memory cannot fail.
        let _ = match proxy {
            IpAddr::V4(v4) => write!(element, "for={v4}"),
            IpAddr::V6(v6) => write!(element, "for=\"[{v6}]\""),
        };
        append(asked, b"Forwarded", &mut chain, &element);
    }
}

/// All values of a list field as one.
fn joined(asked: &Asked, name: &[u8]) -> Vec<u8> {
    let values: Vec<&[u8]> = asked.head.all(name).filter(|value| !value.is_empty()).collect();
    values.join(&b", "[..])
}

fn append(asked: &mut Asked, name: &[u8], chain: &mut Vec<u8>, element: &[u8]) {
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(element);
    asked.head.remove(name);
    asked.head.push(name, chain);
}

/// An address with or without a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let found = bare.parse::<IpAddr>().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    found.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::{HeadParser, Limits};

    /// The client that is found, and the fields that go on, of a request from 10.0.0.1.
    fn said(fields: &str, trusted: bool) -> (String, Vec<String>) {
        let mut asked = Asked::new(([10, 0, 0, 1], 5).into(), false);
        asked.trusted = trusted.then(|| [(IpAddr::from([10, 0, 0, 0]), 8)].into());
        let mut parser = HeadParser::request(Limits::default());
        parser.feed(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes(), &mut asked.head).expect("well-formed");
        asked.judge(parser.request_line()).expect("well-formed");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = asked.head.fields.iter().map(|field| text(asked.head.name(field)).to_lowercase() + "=" + &text(asked.head.value(field)));
        (asked.client.to_string(), fields.collect())
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxy_is_the_client() {
        for (fields, client, chain) in [
            ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7:0", "192.0.2.7, 10.0.0.1"),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-For: 10.2.0.1\r\n", "192.0.2.7:0", "6.6.6.6, 192.0.2.7, 10.2.0.1, 10.0.0.1"),
            ("X-Forwarded-For: 10.3.0.1\r\n", "10.3.0.1:0", "10.3.0.1, 10.0.0.1"),
            ("X-Forwarded-For: [2001:db8::7]:81\r\n", "[2001:db8::7]:0", "[2001:db8::7]:81, 10.0.0.1"),
            ("X-Forwarded-For: unknown\r\n", "10.0.0.1:5", "unknown, 10.0.0.1"),
            ("", "10.0.0.1:5", "10.0.0.1"),
        ] {
            assert_eq!(said(fields, true), (client.to_owned(), vec![format!("x-forwarded-for={chain}")]), "{fields}");
        }
    }

    #[test]
    fn what_a_trusted_proxy_says_besides_goes_on_and_nobody_elses_word_does() {
        let fields = "X-Forwarded-Proto: https\r\nX-Request-Id: 7\r\nForwarded: for=192.0.2.7\r\n";
        let kept = ["x-forwarded-proto=https", "x-request-id=7", "x-forwarded-for=10.0.0.1", "forwarded=for=192.0.2.7, for=10.0.0.1"];
        assert_eq!(said(fields, true), ("10.0.0.1:5".to_owned(), kept.map(str::to_owned).to_vec()));
        assert_eq!(said(&format!("{fields}X-Forwarded-For: 1.1.1.1\r\n"), false), ("10.0.0.1:5".to_owned(), Vec::new()));
    }
}
