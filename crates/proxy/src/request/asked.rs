//! A request as everybody after the parser sees it: one host, one path, one framing; nothing left that means something to a
//! proxy only.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use balance::KeySource;

use super::forwarded;
use crate::caller::Caller;
use crate::h1::{Framing, Head, Known, Malformed, RequestLine, Span, Target, Version, connection_options, request_framing};
use crate::path::{Normal, normalise};

/// A request that was judged to be well-formed.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Text and end-to-end fields. Every span below points into its text.
    pub head: Head,
    /// The method.
    pub method: Span,
    /// The version the client speaks; HTTP/2 counts as 1.1.
    pub version: Version,
    /// The host in normal form: lower case, no port, no trailing dot; empty when there is none.
    pub host: Span,
    /// Host and port as the client sent them.
    pub authority: Span,
    /// The path in normal form.
    pub path: Span,
    /// The query, without its `?`.
    pub query: Option<Span>,
    /// Host to send upstream: `authority` until a filter changes it.
    pub sent_authority: Span,
    /// Path to send upstream.
    pub sent_path: Span,
    /// How its body is delimited.
    pub framing: Framing,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
    /// It asks for a WebSocket.
    pub websocket: bool,
    /// By an extended CONNECT of HTTP/2 (RFC 8441): the older handshake is ours.
    pub extended: bool,
    /// `TE: trailers`.
    pub takes_trailers: bool,
    /// The client wants its connection kept.
    pub keep_alive: bool,
    /// It came through TLS.
    pub https: bool,
    /// The client, which is the peer unless a trusted proxy names another one.
    pub client: SocketAddr,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The networks whose word about a client counts, if the peer is in one of them.
    pub trusted: Option<Arc<[(IpAddr, u8)]>>,
}

impl Asked {
    /// An empty one for a connection, filled by [`Asked::judge`].
    pub fn new(client: SocketAddr, https: bool) -> Self {
        let none = Span::default();
        Self {
            head: Head::default(),
            method: none,
            version: Version::Http11,
            host: none,
            authority: none,
            path: none,
            query: None,
            sent_authority: none,
            sent_path: none,
            framing: Framing::None,
            expects_continue: false,
            websocket: false,
            extended: false,
            takes_trailers: false,
            keep_alive: false,
            https,
            client,
            peer: client,
            trusted: None,
        }
    }

    /// An empty one for the connection of this caller.
    pub fn of(caller: &Caller) -> Self {
        Self { trusted: caller.trusted.clone(), ..Self::new(caller.address, caller.https) }
    }

    /// Forgets the former request: its memory stays, its spans point nowhere.
    pub fn clear(&mut self) {
        let (mut head, trusted) = (std::mem::take(&mut self.head), self.trusted.take());
        head.clear();
        *self = Self { head, trusted, ..Self::new(self.peer, self.https) };
    }

    /// Judges the parsed head, brings host and path into normal form, and takes out the fields that end here
    /// (gateway spec G95, G97 to G99).
    ///
    /// # Errors
    /// When two readers could understand it differently.
    pub fn judge(&mut self, line: RequestLine) -> Result<(), Malformed> {
        self.method = line.method;
        self.version = line.version;
        self.framing = request_framing(&self.head, line.version)?;
        let host = self.only_host(line)?;
        let rest = self.target(line, host)?;
        self.path_and_query(rest)?;
        self.options()
    }

    /// The one Host field; none is fine in version 1.0.
    fn only_host(&self, line: RequestLine) -> Result<Option<Span>, Malformed> {
        let mut hosts = self.head.fields.iter().filter(|field| field.known == Known::Host).map(|field| field.value);
        match (hosts.next(), hosts.next()) {
            (None, _) if line.version == Version::Http11 => Err(Malformed::Syntax("there is no host")),
            (_, Some(_)) => Err(Malformed::Syntax("there is more than one host")),
            (host, None) => Ok(host),
        }
    }

    /// Sets the authority; gives what is left of the target: path and query.
    fn target(&mut self, line: RequestLine, host: Option<Span>) -> Result<Span, Malformed> {
        let text = &self.head.text;
        let (authority, rest) = match line.form {
            Target::Origin | Target::Asterisk => (host, line.target),
            Target::Absolute => {
                let target = line.target.of(text);
                let start = memchr::memmem::find(target, b"://").map_or(0, |at| at + 3);
                let end = target[start..].iter().position(|byte| matches!(byte, b'/' | b'?')).map_or(target.len(), |at| start + at);
                (Some(line.target.slice(start, end)), line.target.slice(end, target.len()))
            }
        };
        // A Host that is not used is judged all the same: somebody behind us may use it.
        if let Some(host) = host {
            host_length(host.of(text))?;
        }
        if let Some(authority) = authority {
            let length = host_length(authority.of(text))?;
            let name = authority.of(text)[..length].strip_suffix(b".").unwrap_or(&authority.of(text)[..length]);
            let host = if name.iter().any(u8::is_ascii_uppercase) {
                let lower = name.to_ascii_lowercase();
                self.head.push_text(&lower)
            } else {
                authority.slice(0, name.len())
            };
            (self.authority, self.host) = (authority, host);
        }
        self.sent_authority = self.authority;
        Ok(rest)
    }

    fn path_and_query(&mut self, rest: Span) -> Result<(), Malformed> {
        let text = rest.of(&self.head.text);
        let mark = memchr::memchr(b'?', text);
        self.query = mark.map(|mark| rest.slice(mark + 1, text.len()));
        let path = rest.slice(0, mark.unwrap_or(text.len()));
        self.path = match path.of(&self.head.text) {
            b"" => self.head.push_text(b"/"),
            b"*" => path,
            raw => match normalise(raw) {
                Normal::Same => path,
                Normal::Changed(normal) => self.head.push_text(&normal),
                Normal::Refused => return Err(Malformed::Syntax("the path has no normal form")),
            },
        };
        self.sent_path = self.path;
        Ok(())
    }

    /// What the fields that end here say, and the fields without them.
    fn options(&mut self) -> Result<(), Malformed> {
        self.keep_alive = self.version == Version::Http11;
        let (mut close, mut upgrade, mut websocket) = (false, false, false);
        let mut named: Vec<Vec<u8>> = Vec::new();
        for option in connection_options(&self.head) {
            match option {
                _ if option.eq_ignore_ascii_case(b"close") => close = true,
                _ if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                _ if option.eq_ignore_ascii_case(b"upgrade") => upgrade = true,
                _ if option.eq_ignore_ascii_case(b"te") => {}
                other if Known::of(other).removable() => named.push(other.to_vec()),
                _ => {}
            }
        }
        self.keep_alive &= !close;
        let mut traces = forwarded::Traces::default();
        for field in &self.head.fields {
            let value = self.head.value(field);
            match field.known {
                Known::Expect if value.eq_ignore_ascii_case(b"100-continue") => self.expects_continue = self.version == Version::Http11,
                Known::Expect => return Err(Malformed::Expectation),
                Known::Te => {
                    self.takes_trailers |= value.split(|byte| *byte == b',').any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
                }
                Known::Protected => traces.see(self.head.name(field), value),
                Known::Upgrade => websocket |= value.eq_ignore_ascii_case(b"websocket"),
                _ => {}
            }
        }
        self.websocket = websocket && upgrade && self.version == Version::Http11 && self.framing == Framing::None && self.method_text() == b"GET";
        let (text, believed) = (&self.head.text, self.trusted.is_some());
        self.head.fields.retain(|field| {
            let ends_here = matches!(
                field.known,
                Known::Host
                    | Known::ContentLength
                    | Known::TransferEncoding
                    | Known::Connection
                    | Known::Hop
                    | Known::Te
                    | Known::Upgrade
                    | Known::Expect
                    | Known::Underscore
            ) || (field.known == Known::Forwarding && !believed);
            !ends_here && !named.iter().any(|name| field.name.of(text).eq_ignore_ascii_case(name))
        });
        if !traces.are_sound() {
            // The state of a trace that does not go on says nothing.
            self.head.remove(b"traceparent");
            self.head.remove(b"tracestate");
        }
        forwarded::adopt(self);
        Ok(())
    }

    /// The method's bytes.
    pub fn method_text(&self) -> &[u8] {
        self.method.of(&self.head.text)
    }

    /// The method is HEAD.
    pub fn is_head(&self) -> bool {
        self.method_text() == b"HEAD"
    }

    /// RFC 9110 §9.2.1: it asks for nothing to be changed.
    pub fn is_safe(&self) -> bool {
        matches!(self.method_text(), b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE")
    }

    /// gRPC, by its content type.
    pub fn is_grpc(&self) -> bool {
        self.head.all(b"content-type").next().is_some_and(|value| value.starts_with(b"application/grpc"))
    }

    /// A span as text; all of them are ASCII.
    pub fn text(&self, span: Span) -> &str {
        std::str::from_utf8(span.of(&self.head.text)).unwrap_or_default()
    }
}

/// The host that a backend is asked for, without its port: that of the client, or what a filter made of it.
pub fn host_of(asked: &Asked) -> &str {
    let authority = asked.text(asked.sent_authority);
    let length = host_length(authority.as_bytes()).unwrap_or(0);
    authority.get(..length).unwrap_or_default()
}

/// The length of the host in an authority: a name, an IPv4 address or a bracketed IPv6 address, then perhaps a port.
fn host_length(authority: &[u8]) -> Result<usize, Malformed> {
    const WRONG: Malformed = Malformed::Syntax("the host is malformed");
    let host = match authority {
        [] | [b':', ..] => return Err(WRONG),
        [b'[', inside @ ..] => {
            let end = memchr::memchr(b']', inside).ok_or(WRONG)?;
            let address = std::str::from_utf8(&inside[..end]).map_err(|_| WRONG)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| WRONG)?;
            end + 2
        }
        _ => authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len()),
    };
    let named = authority[0] != b'[';
    if named && !authority[..host].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')) {
        return Err(WRONG);
    }
    match &authority[host..] {
        [] => Ok(host),
        [b':', port @ ..] if port.len() <= 5 && port.iter().all(u8::is_ascii_digit) => Ok(host),
        _ => Err(WRONG),
    }
}

impl model::routes::Ask for Asked {
    fn host(&self) -> &str {
        self.text(self.host)
    }

    fn path(&self) -> &str {
        self.text(self.path)
    }

    fn query(&self) -> Option<&str> {
        self.query.map(|query| self.text(query))
    }

    fn method(&self) -> &str {
        self.text(self.method)
    }

    /// Also of those that end here and mean something to rules: they are no longer among the fields.
    fn header(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        match name {
            "host" if !self.authority.is_empty() => each(self.authority.of(&self.head.text)),
            "upgrade" if self.websocket => each(b"websocket"),
            _ => self.head.all(name.as_bytes()).for_each(each),
        }
    }
}

impl KeySource for Asked {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.head.fields.iter().find(|field| self.head.name(field).eq_ignore_ascii_case(name.as_bytes())).map(|field| self.head.value(field))
    }

    fn cookie(&self, name: &str) -> Option<&[u8]> {
        let cookies = self.head.fields.iter().filter(|field| self.head.name(field).eq_ignore_ascii_case(b"cookie"));
        cookies.flat_map(|field| self.head.value(field).split(|byte| *byte == b';')).find_map(|pair| {
            let equals = memchr::memchr(b'=', pair)?;
            (pair[..equals].trim_ascii() == name.as_bytes()).then(|| pair[equals + 1..].trim_ascii())
        })
    }

    fn query(&self, name: &str) -> Option<&[u8]> {
        self.query?.of(&self.head.text).split(|byte| *byte == b'&').find_map(|pair| match memchr::memchr(b'=', pair) {
            Some(equals) => (&pair[..equals] == name.as_bytes()).then(|| &pair[equals + 1..]),
            None => (pair == name.as_bytes()).then_some(b"".as_slice()),
        })
    }

    fn client(&self) -> Option<IpAddr> {
        Some(self.client.ip())
    }

    fn path(&self) -> Option<&[u8]> {
        Some(self.path.of(&self.head.text))
    }

    fn method(&self) -> Option<&[u8]> {
        Some(self.method_text())
    }
}

#[cfg(test)]
mod tests;
