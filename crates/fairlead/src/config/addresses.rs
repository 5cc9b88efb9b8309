//! Addresses of this host: those it is reached at, those where NodePorts listen, and that no two settings want the same one.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use anyhow::{Result, bail};

use super::Settings;
use crate::cli::misused;

/// The addresses this host reaches others from, one a family. Connecting a datagram socket sends nothing; the kernel only looks up
/// a route.
pub(super) fn primary() -> Vec<IpAddr> {
    let towards = |any: IpAddr, other: IpAddr| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((other, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let v4 = towards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let v6 = towards(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    [v4, v6].into_iter().flatten().filter(|address| !address.is_loopback()).collect()
}

/// Node addresses as given: at most one of each family.
///
/// # Errors
/// When there are two of one.
pub(super) fn one_a_family(given: Vec<IpAddr>) -> Result<Vec<IpAddr>> {
    // Others are told to come to it, and Services would be bound where nobody asked for them.
    if let Some(no) = given.iter().find(|address| address.is_unspecified() || address.is_multicast()) {
        return Err(misused!("--node-address {no}: is no address of a node, name the one that others reach"));
    }
    match given.as_slice() {
        [] | [_] => Ok(given),
        [a, b] if a.is_ipv4() != b.is_ipv4() => Ok(given),
        _ => Err(misused!("--node-address {}: give one address, or one of each family", listed(&given))),
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",")
}

/// Where NodePorts listen: `primary` is the node's addresses, `localhost` the loopback ones, a network all addresses of this host in
/// it (services spec S40). Nothing given is nothing, which means the node's addresses.
///
/// # Errors
/// When a word is none of these, or this host has no address in a network.
pub(super) fn of_node_ports(given: &[String], node: &[IpAddr]) -> Result<Vec<IpAddr>> {
    let mut found = BTreeSet::new();
    for text in given {
        match text.as_str() {
            "primary" => found.extend(node),
            "localhost" => found.extend([IpAddr::from(Ipv4Addr::LOCALHOST)]),
            network => {
                let networks = node_port_networks(network)?;
                let here: Vec<_> =
                    of_this_host().into_iter().filter(|&address| networks.iter().any(|&network| compile::holds(network, address))).collect();
                if here.is_empty() {
                    bail!("--nodeport-addresses {network}: this host has no address in that network");
                }
                found.extend(here);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// A network of `--nodeport-addresses`.
///
/// # Errors
/// When it is none.
pub(super) fn node_port_networks(text: &str) -> Result<std::sync::Arc<[(IpAddr, u8)]>> {
    let networks = compile::networks(text).ok().filter(|networks| !networks.is_empty());
    networks.ok_or_else(|| misused!("--nodeport-addresses {text:?}: use ADDRESS/BITS, primary or localhost"))
}

/// Addresses of this host, from the kernel's local routes.
pub fn of_this_host() -> Vec<IpAddr> {
    let mut found = BTreeSet::new();
    let tree = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut last: Option<IpAddr> = None;
    for line in tree.lines() {
        if let Some(leaf) = line.trim_start().strip_prefix("|-- ") {
            last = leaf.trim().parse().ok();
        } else if line.contains("/32 host LOCAL") {
            found.extend(last);
        }
    }
    let listed = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    found.extend(listed.lines().filter_map(|line| v6(line.split_ascii_whitespace().next()?)));
    found.into_iter().collect()
}

/// An address of 32 hexadecimal digits. One of a link alone says nothing without that link.
fn v6(digits: &str) -> Option<IpAddr> {
    let address = Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?);
    (!address.is_unicast_link_local()).then_some(address.into())
}

/// Whether every socket of the settings has an address to itself. Two flags with one would tell of "another process" otherwise: us.
///
/// # Errors
/// When two of them want the same, named with both flags.
pub(super) fn apart(settings: &Settings) -> Result<()> {
    let single = [
        ("--api-address", settings.api),
        ("--http-address", settings.http),
        ("--https-address", settings.https),
        ("--admin-address", settings.admin),
    ];
    let all: Vec<(&str, SocketAddr)> = single.into_iter().chain(settings.dns.iter().map(|&address| ("--dns-address", address))).collect();
    for (index, (flag, address)) in all.iter().enumerate() {
        if let Some((other, _)) = all[..index].iter().find(|(_, known)| collide(*known, *address)) {
            return Err(misused!("{flag} {address}: {other} has that port already: choose another one"));
        }
    }
    Ok(())
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_host = a.ip() == b.ip() || (a.is_ipv4() == b.is_ipv4() && (a.ip().is_unspecified() || b.ip().is_unspecified()));
    a.port() != 0 && a.port() == b.port() && same_host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn node_ports_listen_at_networks_and_words() {
        let node = [IpAddr::from([192, 0, 2, 1])];
        let at = |list: &[&str]| of_node_ports(&texts(list), &node).map(|found| listed(&found)).map_err(|error| error.to_string());
        assert_eq!(at(&[]).unwrap(), "");
        assert_eq!(at(&["primary", "localhost"]).unwrap(), "127.0.0.1,192.0.2.1");
        assert_eq!(at(&["127.0.0.0/8"]).unwrap(), "127.0.0.1");
        assert!(at(&["198.51.100.0/24"]).unwrap_err().contains("no address in that network"));
        assert!(at(&["everywhere"]).unwrap_err().contains("use ADDRESS/BITS, primary or localhost"));
    }

    #[test]
    fn a_node_has_one_address_a_family() {
        let given = |list: &[&str]| one_a_family(list.iter().map(|text| text.parse().unwrap()).collect());
        assert_eq!(given(&["192.0.2.1", "2001:db8::1"]).unwrap().len(), 2);
        assert!(given(&["192.0.2.1", "192.0.2.2"]).unwrap_err().to_string().contains("one of each family"));
    }

    #[test]
    fn addresses_collide_by_port_and_host() {
        let collide = |a: &str, b: &str| super::collide(a.parse().unwrap(), b.parse().unwrap());
        assert!(collide("127.0.0.1:80", "127.0.0.1:80") && collide("0.0.0.0:80", "127.0.0.1:80"));
        assert!(!collide("127.0.0.1:0", "127.0.0.1:0") && !collide("127.0.0.1:80", "127.0.0.2:80") && !collide("[::]:80", "0.0.0.0:80"));
    }
}
