//! Hash keys: what of a request decides its endpoint (balance spec S10).

use std::net::IpAddr;

use model::policy::HashKey;

use crate::hash::xxh64;

/// What a hash key may be taken from. Everything but the client's address is absent for opaque streams.
pub trait KeySource {
    /// The first value of a header, by lower-case name.
    fn header(&self, _name: &str) -> Option<&[u8]> {
        None
    }
    /// The value of a cookie.
    fn cookie(&self, _name: &str) -> Option<&[u8]> {
        None
    }
    /// The first value of a query parameter, as it stands in the target.
    fn query(&self, _name: &str) -> Option<&[u8]> {
        None
    }
    /// The client's address, after the PROXY protocol and trusted forwarding headers.
    fn client(&self) -> Option<IpAddr>;
    /// The path in normal form.
    fn path(&self) -> Option<&[u8]> {
        None
    }
    /// The method.
    fn method(&self) -> Option<&[u8]> {
        None
    }
}

/// The source of an opaque stream or flow.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl KeySource for Peer {
    fn client(&self) -> Option<IpAddr> {
        Some(self.0)
    }
}

/// The client's address cut to the prefix that keys it: all of IPv4, `ipv6_prefix` bits of IPv6.
fn client_bytes(address: IpAddr, ipv6_prefix: u8) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(ipv6_prefix.min(128))).unwrap_or(0);
            (v6.to_bits() & mask).to_be_bytes()
        }
    }
}

/// The hash of every key that is present, in order; `None` when none is.
pub(crate) fn hash(keys: &[HashKey], ipv6_prefix: u8, source: &impl KeySource) -> Option<u64> {
    let mut sum: Option<u64> = None;
    for key in keys {
        let client;
        let value = match key {
            HashKey::Header(name) => source.header(name),
            HashKey::Cookie { name, .. } => source.cookie(name),
            HashKey::Query(name) => source.query(name),
            HashKey::Path => source.path(),
            HashKey::Method => source.method(),
            HashKey::ClientIp => {
                client = source.client().map(|address| client_bytes(address, ipv6_prefix));
                client.as_ref().map(<[u8; 16]>::as_slice)
            }
        };
        if let Some(value) = value {
            // Chained rather than concatenated: no buffer, and "ab"+"c" is not "a"+"bc".
            sum = Some(xxh64(value, sum.unwrap_or(0)));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Request;

    impl KeySource for Request {
        fn header(&self, name: &str) -> Option<&[u8]> {
            (name == "x-user").then_some(b"ann".as_slice())
        }
        fn client(&self) -> Option<IpAddr> {
            None
        }
    }

    #[test]
    fn a_request_without_any_of_the_keys_has_no_hash() {
        assert_eq!(hash(&[HashKey::Header("x-other".into()), HashKey::ClientIp, HashKey::Path], 64, &Request), None);
        assert!(hash(&[HashKey::Path, HashKey::Header("x-user".into())], 64, &Request).is_some());
    }

    #[test]
    fn clients_of_one_ipv6_network_share_a_key_and_ipv4_clients_do_not() {
        let keys = [HashKey::ClientIp];
        let of = |address: &str, prefix| hash(&keys, prefix, &Peer(address.parse().unwrap()));
        assert_eq!(of("2001:db8::1", 64), of("2001:db8::ffff:2", 64));
        assert_ne!(of("2001:db8::1", 128), of("2001:db8::ffff:2", 128));
        assert_ne!(of("192.0.2.1", 64), of("192.0.2.2", 64));
        assert_eq!(of("192.0.2.1", 64), of("::ffff:192.0.2.1", 64));
        assert_eq!(of("2001:db8::1", 0), of("2001:db9::1", 0));
    }
}
