//! How clients are kept at the endpoint they first met (GEP-1619, gateway spec G67), and the numbers that a token names a session and
//! its endpoint by. The numbers are the same on every node and over restarts.

use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::ident::{Identity, Target};
use crate::routes::{Backend, Rule};

/// What keeps the clients of a rule or a service at their endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What carries the token.
    pub carrier: Carrier,
    /// A session ends so long after it began.
    pub absolute: Option<Duration>,
    /// A session ends so long after its last request.
    pub idle: Option<Duration>,
}

/// What carries the token of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A cookie.
    Cookie {
        /// Its name; `None` is one made of the rule's number ([`name`]).
        name: Option<Arc<str>>,
        /// Its path.
        path: Arc<str>,
        /// It outlives the browser, for the session's absolute timeout.
        permanent: bool,
    },
    /// A header field, by lower-case name.
    Header {
        /// As for cookies.
        name: Option<Arc<str>>,
    },
}

impl Carrier {
    /// The name that is written, if one is.
    pub fn written(&self) -> Option<&Arc<str>> {
        match self {
            Carrier::Cookie { name, .. } | Carrier::Header { name } => name.as_ref(),
        }
    }

    /// `cookie` or `header`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Carrier::Cookie { .. } => "cookie",
            Carrier::Header { .. } => "header",
        }
    }
}

/// The name of the cookie or header field of a rule whose author names none: its own for every rule.
pub fn name(rule: &Rule) -> String {
    format!("fairlead-session-{:08x}", rule.place as u32)
}

/// The number of the sessions of a rule at one of its backends: sessions of different rules are never shared, and what pins inside one
/// backend says nothing about another.
pub fn scope(rule: &Rule, backend: &Backend) -> u64 {
    let service = &backend.service;
    number([&rule.place.to_le_bytes()[..], service.namespace.as_bytes(), service.name.as_bytes(), &backend.port.to_le_bytes()])
}

/// The number that a token names an endpoint by. A recycled name or address is another one, where the object has a UID.
pub fn tag(endpoint: &Endpoint) -> u64 {
    let Identity { cluster, target, port, .. } = &endpoint.identity;
    let (cluster, port) = (cluster.to_le_bytes(), port.to_le_bytes());
    match target {
        Target::Object(object) => {
            let origin = &object.origin;
            let name = [origin.kind.as_bytes(), origin.namespace.as_bytes(), origin.name.as_bytes(), object.uid.as_bytes()];
            number([&cluster[..]].into_iter().chain(name).chain([&port[..]]))
        }
        Target::Address(address) => number([&cluster[..], address.to_string().as_bytes(), &port]),
    }
}

/// FNV-1a of parts that cannot be mistaken for others when their ends move. Not a secret: tokens are sealed.
pub fn number<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(PRIME);
    parts.into_iter().fold(0xCBF2_9CE4_8422_2325, |sum, part| {
        let length = (part.len() as u64).to_le_bytes();
        length.iter().chain(part).fold(sum, |sum, byte| step(sum, *byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_parts_count() {
        assert_ne!(number([&b"ab"[..], b"c"]), number([&b"a"[..], b"bc"]));
        assert_ne!(number([&b"ab"[..]]), number([&b"ab"[..], b""]));
        assert_eq!(number([&b"ab"[..], b"c"]), number([&b"ab"[..], b"c"]));
    }
}
