//! What a request says of where it comes from (gateway spec G95): the word of a trusted proxy about the client (everybody else's was
//! dropped with the head), and the trace that it is part of.

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

/// `traceparent` as it is seen in a head (W3C Trace Context §3.2).
#[derive(Default)]
pub struct Traces {
    seen: bool,
    sound: bool,
}

impl Traces {
    /// Looks at a field.
    pub fn see(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"traceparent") {
            // Of two nobody knows which one counts.
            self.sound = !self.seen && is_trace(value);
            self.seen = true;
        }
    }

    /// There is exactly one, and it can be gone on with.
    pub fn are_sound(&self) -> bool {
        self.sound
    }
}

/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits, none of the ids all zeros. Later versions may say more behind it.
fn is_trace(value: &[u8]) -> bool {
    let is_hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |part: &[u8]| is_hex(part) && part.iter().any(|digit| *digit != b'0');
    let Some((known, more)) = value.split_at_checked(55) else { return false };
    let dashes = [known[2], known[35], known[52]] == *b"---";
    let ends = more.is_empty() || known[..2] != *b"00" && more[0] == b'-';
    let version = is_hex(&known[..2]) && known[..2] != *b"ff";
    dashes && ends && version && is_id(&known[3..35]) && is_id(&known[36..52]) && is_hex(&known[53..55])
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
    fn a_trace_that_can_be_gone_on_with_stays_and_no_other() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let sound = format!("00-{id}-00f067aa0ba902b7-01");
        for good in [sound.clone(), format!("01-{id}-00f067aa0ba902b7-01-more"), format!("cc-{id}-00f067aa0ba902b7-00")] {
            let fields = format!("traceparent: {good}\r\ntracestate: a=1\r\n");
            assert_eq!(said(&fields, false).1, [format!("traceparent={good}"), "tracestate=a=1".into()], "{good}");
        }
        let zero = "0".repeat(32);
        for bad in [
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{zero}-00f067aa0ba902b7-01"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            format!("{sound}-more"),
            format!("{sound}\r\ntraceparent: {sound}"),
            "x".into(),
        ] {
            assert_eq!(said(&format!("traceparent: {bad}\r\ntracestate: a=1\r\n"), false).1, [] as [&str; 0], "{bad}");
        }
        assert_eq!(said("tracestate: a=1\r\nConnection: traceparent\r\n", false).1, [] as [&str; 0], "a state of no trace");
    }

    #[test]
    fn what_a_trusted_proxy_says_besides_goes_on_and_nobody_elses_word_does() {
        let fields = "X-Forwarded-Proto: https\r\nX-Request-Id: 7\r\nForwarded: for=192.0.2.7\r\n";
        let kept = ["x-forwarded-proto=https", "x-request-id=7", "x-forwarded-for=10.0.0.1", "forwarded=for=192.0.2.7, for=10.0.0.1"];
        assert_eq!(said(fields, true), ("10.0.0.1:5".to_owned(), kept.map(str::to_owned).to_vec()));
        assert_eq!(said(&format!("{fields}X-Forwarded-For: 1.1.1.1\r\n"), false), ("10.0.0.1:5".to_owned(), Vec::new()));
    }
}
