//! Whom other names are asked of, and on whose behalf: read again when the host's list changes, set aside while silent, and left out while they ask us
//! (dns spec F1, F3, F6, O5).

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use super::exchange::random_secret;
use crate::name::Folded;

/// Failures in a row after which an upstream comes last, and is probed.
const MAX_FAILS: u32 = 2;
/// Most upstreams of a rule (F1).
const MOST: usize = 15;
/// Octets of a probe's first label: 16 random ones in hexadecimal.
const TOKEN: usize = 32;

/// One upstream.
pub(crate) struct Upstream {
    pub address: SocketAddr,
    /// Failures in a row.
    fails: AtomicU32,
    /// The first label of the name it was last asked for to see whether it asks us; nobody else can know it.
    token: Mutex<[u8; TOKEN]>,
    /// That name came back to us.
    returned: AtomicBool,
    /// It forwards to us: asking it would turn in a circle.
    looping: AtomicBool,
}

impl Upstream {
    fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            fails: AtomicU32::new(0),
            token: Mutex::new([0; TOKEN]),
            returned: AtomicBool::new(false),
            looping: AtomicBool::new(false),
        })
    }

    pub fn answered(&self) {
        self.fails.store(0, Ordering::Relaxed);
    }

    /// True when this failure makes it one that is down.
    pub fn failed(&self) -> bool {
        self.fails.fetch_add(1, Ordering::Relaxed) + 1 == MAX_FAILS
    }

    pub fn is_down(&self) -> bool {
        self.fails.load(Ordering::Relaxed) >= MAX_FAILS
    }

    pub fn is_looping(&self) -> bool {
        self.looping.load(Ordering::Relaxed)
    }

    /// A name in wire form that nobody can guess. Who asks us for it next was asked for it by us (CVE-2026-26018).
    pub fn begin_loop_probe(&self) -> Vec<u8> {
        let mut token = [0; TOKEN];
        for (pair, octet) in token.chunks_exact_mut(2).zip(random_secret()) {
            pair.copy_from_slice(&[hex(octet >> 4), hex(octet & 15)]);
        }
        *self.token.lock() = token;
        self.returned.store(false, Ordering::Release);
        // The last label is random too: a name below a known one may be answered on the way.
        [&[TOKEN as u8][..], &token, b"\x0d", b"x", &token[..12], b"\x00"].concat()
    }

    /// Judges by the probe that was begun. True if the verdict is another one than before.
    pub fn end_loop_probe(&self) -> bool {
        let returned = self.returned.load(Ordering::Acquire);
        self.looping.swap(returned, Ordering::Relaxed) != returned
    }
}

fn hex(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble & 15)]
}

/// The upstreams in force.
pub(crate) struct Upstreams {
    list: ArcSwap<Vec<Arc<Upstream>>>,
    /// There is one.
    any: AtomicBool,
    /// One of them is in a private network, and may know its names.
    private: AtomicBool,
    /// Networks, besides private ones, whose hosts we ask for: those that were named, then those that this host is in.
    clients: ArcSwap<Vec<(IpAddr, u8)>>,
}

impl Upstreams {
    pub fn new(addresses: &[SocketAddr]) -> Self {
        let upstreams = Self { list: ArcSwap::default(), any: AtomicBool::new(false), private: AtomicBool::new(false), clients: ArcSwap::default() };
        upstreams.replace(addresses);
        upstreams
    }

    /// Puts other upstreams in force; those that stay keep what is known of them. True if anything changed.
    pub fn replace(&self, addresses: &[SocketAddr]) -> bool {
        let old = self.list.load_full();
        let mut new: Vec<Arc<Upstream>> = Vec::new();
        for &address in addresses.iter().take(MOST) {
            if new.iter().all(|one| one.address != address) {
                new.push(old.iter().find(|one| one.address == address).cloned().unwrap_or_else(|| Upstream::new(address)));
            }
        }
        let same = old.iter().map(|one| one.address).eq(new.iter().map(|one| one.address));
        self.any.store(!new.is_empty(), Ordering::Relaxed);
        self.private.store(new.iter().any(|one| is_private(one.address.ip())), Ordering::Relaxed);
        self.list.store(Arc::new(new));
        !same
    }

    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Says on whose behalf others are asked, besides hosts in private networks.
    pub fn set_clients(&self, networks: Vec<(IpAddr, u8)>) {
        self.clients.store(Arc::new(networks));
    }

    /// Whether others are asked for this client: an open resolver is a weapon (RFC 5358), so it must be near or named.
    pub fn serve(&self, client: IpAddr) -> bool {
        self.any() && (is_private(client) || self.clients.load().iter().any(|&network| within(network, client)))
    }

    pub fn any_private(&self) -> bool {
        self.private.load(Ordering::Relaxed)
    }

    pub fn all(&self) -> Guard<Arc<Vec<Arc<Upstream>>>> {
        self.list.load()
    }

    /// Whether a name that somebody asks us for is our own probe. Its upstream forwards to us.
    pub fn is_probe(&self, name: &Folded) -> bool {
        name.labels() == 2
            && name.label(0).len() == TOKEN
            && self.all().iter().any(|upstream| {
                let own = upstream.token.lock()[..] == *name.label(0);
                if own {
                    upstream.returned.store(true, Ordering::Release);
                }
                own
            })
    }
}

/// The servers of a `resolv.conf`, ourselves left out: forwarding to us would turn in a circle. `None` when it cannot be read.
pub(crate) fn read_resolv_conf(path: &Path, ours: &[SocketAddr]) -> Option<Vec<SocketAddr>> {
    let text = std::fs::read_to_string(path).ok()?;
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let word = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        // A link-local server carries its interface, which only a number can name here.
        let (text, scope) = word.split_once('%').unwrap_or((word, "0"));
        match text.parse().ok()? {
            IpAddr::V4(v4) => Some(SocketAddr::from((v4, 53))),
            IpAddr::V6(v6) => Some(std::net::SocketAddrV6::new(v6, 53, 0, scope_id(scope)?).into()),
        }
    };
    Some(text.lines().filter_map(server).filter(|server| !ours.contains(server)).collect())
}

/// The index of an interface, by number or by name.
fn scope_id(scope: &str) -> Option<u32> {
    scope.parse().ok().or_else(|| std::fs::read_to_string(format!("/sys/class/net/{scope}/ifindex")).ok()?.trim().parse().ok())
}

/// The networks that this host is in, from the kernel's tables of routes: those that are reached without a gateway.
pub(crate) fn own_networks() -> Vec<(IpAddr, u8)> {
    let table = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let v4 = table("/proc/net/route").lines().skip(1).filter_map(v4_route).collect::<Vec<_>>();
    let v6 = table("/proc/net/ipv6_route").lines().filter_map(v6_route).collect::<Vec<_>>();
    [v4, v6].concat()
}

/// A line of `/proc/net/route`: interface, destination and gateway as words in the order of this machine, four numbers, mask.
fn v4_route(line: &str) -> Option<(IpAddr, u8)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let word = |index: usize| u32::from_str_radix(fields.get(index)?, 16).ok();
    let (base, gateway, mask) = (word(1)?, word(2)?, word(7)?);
    (gateway == 0 && mask != 0).then(|| (IpAddr::from(base.to_ne_bytes()), u8::try_from(mask.count_ones()).unwrap_or(32)))
}

/// A line of `/proc/net/ipv6_route`: destination, its prefix, source, its prefix, gateway, all in hexadecimal, and more.
fn v6_route(line: &str) -> Option<(IpAddr, u8)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let base = u128::from_str_radix(fields.first()?, 16).ok()?;
    let length = u8::from_str_radix(fields.get(1)?, 16).ok()?;
    let gateway = u128::from_str_radix(fields.get(4)?, 16).ok()?;
    (gateway == 0 && length != 0).then(|| (IpAddr::from(base.to_be_bytes()), length))
}

/// Whether an address is in a network.
pub(crate) fn within(network: (IpAddr, u8), address: IpAddr) -> bool {
    let shift = |length: u8, bits: u32| bits - u32::from(length).min(bits);
    match (network.0, address) {
        (IpAddr::V4(base), IpAddr::V4(one)) => (u32::from(base) ^ u32::from(one)).checked_shr(shift(network.1, 32)).unwrap_or(0) == 0,
        (IpAddr::V6(base), IpAddr::V6(one)) => (u128::from(base) ^ u128::from(one)).checked_shr(shift(network.1, 128)).unwrap_or(0) == 0,
        _ => false,
    }
}

/// Ranges that mean something else at every site (RFC 6303, RFC 7793).
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xC0 == 64;
            let local = v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared;
            local || v4.is_documentation() || v4.octets()[0] == 0 || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.segments()[..2] == [0x2001, 0xdb8]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn f1_a_resolv_conf_is_read_without_ourselves() {
        let path = std::env::temp_dir().join(format!("fairlead-resolv-{}.conf", std::process::id()));
        let text = "# nameserver 1.1.1.1\nsearch example.org\nnameserver 127.0.0.1\n nameserver\t192.0.2.1 # comment\nnameserver 2001:db8::1\n\
                    nameserver fe80::1%1\nnameserver fe80::2%nosuch\nnameserverx 9.9.9.9\nnameserver word\noptions ndots:5\n";
        std::fs::write(&path, text).expect("written");
        let read = read_resolv_conf(&path, &[address("127.0.0.1:53")]).expect("read");
        let _ = std::fs::remove_file(&path);
        assert_eq!(read, [address("192.0.2.1:53"), address("[2001:db8::1]:53"), address("[fe80::1%1]:53")]);
        assert_eq!(read_resolv_conf(&path, &[]), None);
    }

    #[test]
    fn o5_only_near_and_named_hosts_are_asked_for() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let upstreams = Upstreams::new(&[address("192.0.2.1:53")]);
        upstreams.set_clients(vec![(ip("203.0.114.0"), 24), (ip("2a00:1::"), 64)]);
        for near in ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "100.64.0.1", "fd00::9", "fe80::1", "203.0.114.7", "2a00:1::7"] {
            assert!(upstreams.serve(ip(near)), "{near}");
        }
        for far in ["8.8.8.8", "203.0.115.7", "2a00:1:0:1::7", "100.128.0.1"] {
            assert!(!upstreams.serve(ip(far)), "{far}");
        }
        assert!(!Upstreams::new(&[]).serve(ip("127.0.0.1")), "nobody to ask");
        let line = format!(
            "eth0\t{:08X}\t00000000\t0001\t0\t0\t0\t{:08X}\t0\t0\t0",
            u32::from_ne_bytes([198, 18, 0, 0]),
            u32::from_ne_bytes([255, 255, 0, 0])
        );
        assert_eq!(v4_route(&line), Some((ip("198.18.0.0"), 16)));
        assert_eq!(v4_route("eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0"), None, "what has a gateway is not ours");
        let zero = "0".repeat(32);
        assert_eq!(v6_route(&format!("2a000001{} 40 {zero} 00 {zero} 00000100 1 0 1 eth0", "0".repeat(24))), Some((ip("2a00:1::"), 64)));
        assert_eq!(v6_route(&format!("{zero} 00 {zero} 00 {zero} ffffffff 1 0 200200 lo")), None);
    }

    #[test]
    fn f6_only_the_upstream_that_was_asked_is_found_looping() {
        let upstreams = Upstreams::new(&[address("192.0.2.1:53"), address("192.0.2.2:53"), address("192.0.2.1:53")]);
        assert_eq!(upstreams.all().len(), 2, "one that is named twice is asked once");
        let [one, other] = [0, 1].map(|index| Arc::clone(&upstreams.all()[index]));
        let (name, _) = (Folded::of(&one.begin_loop_probe()), other.begin_loop_probe());
        assert!(upstreams.is_probe(&name) && !upstreams.is_probe(&Folded::of(b"\x01a\x01b\x00")));
        assert!(one.end_loop_probe() && one.is_looping() && !other.end_loop_probe() && !other.is_looping());
        assert!(!upstreams.replace(&[address("192.0.2.1:53"), address("192.0.2.2:53")]), "nothing changed");
        assert!(upstreams.all()[0].is_looping(), "what is known of it is kept");
        one.begin_loop_probe();
        assert!(one.end_loop_probe() && !one.is_looping(), "until a probe does not return");
        assert!(upstreams.replace(&[]) && !upstreams.any());
    }
}
