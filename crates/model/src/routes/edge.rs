//! What stands between a listener's sockets and its routes: who may speak for a client, what TLS must be like, how large a body
//! may be (gateway spec G43, G95, G115).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What a listener asks of its clients and promises them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Its terms of TLS.
    pub terms: Terms,
    /// `Strict-Transport-Security` of its answers over TLS.
    pub hsts: Option<Arc<str>>,
    /// Bytes of a request's body; beyond it 413. `None` is no bound.
    pub body_max: Option<u64>,
    /// Its requests leave no line in the access log.
    pub silent: bool,
}

/// Bounds at an entrance; what is absent is as the process has it (gateway spec G115).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's target.
    pub target_max: Option<usize>,
    /// Bytes of one field.
    pub field_max: Option<usize>,
    /// Bytes of all fields.
    pub head_max: Option<usize>,
    /// Number of fields.
    pub fields_max: Option<usize>,
    /// From the first byte of a head to its last.
    pub head_timeout: Option<Duration>,
    /// Longest silence of a client that owes a body.
    pub body_timeout: Option<Duration>,
    /// Longest wait for the next request of a connection.
    pub idle_timeout: Option<Duration>,
    /// Longest wait for a backend to accept a connection.
    pub connect_timeout: Option<Duration>,
    /// Longest silence of a backend that owes an answer.
    pub silence_timeout: Option<Duration>,
    /// Longest wait for a client that does not read.
    pub stalled_timeout: Option<Duration>,
    /// Longest silence of a tunnel.
    pub tunnel_timeout: Option<Duration>,
    /// Longest life of a connection, give or take a tenth.
    pub age_max: Option<Duration>,
}

/// Terms of TLS. Empty lists ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Terms {
    /// TLS 1.3 at least.
    pub only_13: bool,
    /// Cipher suites by their number (RFC 8446 §B.4); none: all that are sound.
    pub suites: Vec<u16>,
    /// Application protocols, the one we prefer first; none: `h2`, `http/1.1`.
    pub alpn: Vec<Arc<str>>,
    /// What clients must show; `None` asks for no certificate.
    pub clients: Option<Clients>,
}

/// Which certificates of clients are taken (gateway spec G46).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clients {
    /// Who may vouch for clients, DER.
    pub authorities: Arc<[Vec<u8>]>,
    /// Clients that show nothing, or nothing that is vouched for, are let in all the same.
    pub fallback: bool,
}

/// Whose word about a client counts at an entrance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Networks (address, prefix length) whose `X-Forwarded-*` and `Forwarded` fields are believed. Empty: nobody's.
    pub trusted: Arc<[(IpAddr, u8)]>,
    /// Every connection begins with a header of the PROXY protocol.
    pub announced: bool,
}

impl Peers {
    /// Whether an address lies in one of the trusted networks. An IPv4 address inside IPv6 counts as IPv4.
    pub fn trusts(&self, address: IpAddr) -> bool {
        trusts(&self.trusted, address)
    }
}

/// Whether one of these networks holds an address; never across families.
pub fn trusts(networks: &[(IpAddr, u8)], address: IpAddr) -> bool {
    let holds = |(base, length): &(IpAddr, u8)| match (base, address.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(one)) => (base.to_bits() ^ one.to_bits()).checked_shr(32 - u32::from(*length)).unwrap_or(0) == 0,
        (IpAddr::V6(base), IpAddr::V6(one)) => (base.to_bits() ^ one.to_bits()).checked_shr(128 - u32::from(*length)).unwrap_or(0) == 0,
        _ => false,
    };
    networks.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_compared_within_their_family() {
        let networks = [(IpAddr::from([10, 0, 0, 0]), 8), ("fd00::".parse().expect("an address"), 64)];
        let trusted = |text: &str| trusts(&networks, text.parse().expect("an address"));
        assert!(trusted("10.9.9.9") && trusted("::ffff:10.1.1.1") && trusted("fd00::7"));
        assert!(!trusted("11.0.0.1") && !trusted("fd00:0:0:1::1"));
        assert!(trusts(&[([0, 0, 0, 0].into(), 0)], [9, 9, 9, 9].into()) && !trusts(&[], [9, 9, 9, 9].into()));
    }
}
