//! Reading the small texts that objects hold: addresses, networks, protocols, ports.

use std::net::{IpAddr, Ipv4Addr};

use model::Transport;

/// An address. IPv4 parts with leading zeros count as decimal: stored objects may hold them (KEP-4858).
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 16 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse::<u64>().ok().and_then(|number| u8::try_from(number).ok())?;
    }
    parts.next().is_none().then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// A network as (address, prefix length), its host bits cleared. Blanks around it are ignored (services spec S43).
pub(crate) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (base, length) = text.trim().split_once('/')?;
    let base = address(base)?;
    let length: u8 = length.parse().ok()?;
    let masked = match base {
        IpAddr::V4(v4) if length <= 32 => IpAddr::V4((u32::from(v4) & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)).into()),
        IpAddr::V6(v6) if length <= 128 => IpAddr::V6((u128::from(v6) & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)).into()),
        _ => return None,
    };
    Some((masked, length))
}

/// Whether a network holds an address; never across families.
pub fn holds(network: (IpAddr, u8), address: IpAddr) -> bool {
    match (network.0, address) {
        (IpAddr::V4(base), IpAddr::V4(one)) => (u32::from(base) ^ u32::from(one)).checked_shr(32 - u32::from(network.1)).unwrap_or(0) == 0,
        (IpAddr::V6(base), IpAddr::V6(one)) => (u128::from(base) ^ u128::from(one)).checked_shr(128 - u32::from(network.1)).unwrap_or(0) == 0,
        _ => false,
    }
}

/// A protocol; empty is TCP.
pub(crate) fn transport(text: &str) -> Option<Transport> {
    match text {
        "" | "TCP" => Some(Transport::Tcp),
        "UDP" => Some(Transport::Udp),
        "SCTP" => Some(Transport::Sctp),
        _ => None,
    }
}

/// A port number, 1..=65535.
pub(crate) fn port(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_decimal() {
        assert_eq!(address("010.000.0.08"), Some(IpAddr::from([10, 0, 0, 8])));
        for bad in ["", "10.0.0", "10.0.0.256", "10.0.0.1.1", "a.b.c.d", "10..0.1", "10.0.0.1 "] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn networks_lose_host_bits_and_blanks() {
        assert_eq!(network(" 10.1.2.3/8 "), Some((IpAddr::from([10, 0, 0, 0]), 8)));
        assert_eq!(network("1.2.3.4/0"), Some((IpAddr::from([0, 0, 0, 0]), 0)));
        assert_eq!(network("fd00::1/128"), Some(("fd00::1".parse().expect("address"), 128)));
        for bad in ["10.0.0.0", "10.0.0.0/33", "fd00::/129", "x/8", "10.0.0.0/-1"] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_network_holds_its_own_family_only() {
        assert!(holds((IpAddr::from([0, 0, 0, 0]), 0), IpAddr::from([9, 9, 9, 9])));
        assert!(holds((IpAddr::from([10, 0, 0, 0]), 8), IpAddr::from([10, 9, 9, 9])));
        assert!(!holds((IpAddr::from([10, 0, 0, 0]), 8), IpAddr::from([11, 0, 0, 0])));
        assert!(!holds((IpAddr::from([0, 0, 0, 0]), 0), "::1".parse().expect("address")));
        assert!(holds(("fd00::".parse().expect("address"), 64), "fd00::1".parse().expect("address")));
    }
}
