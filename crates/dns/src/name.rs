//! Names: folded for comparison, taken apart by label, and the two ways an address becomes one.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::LONGEST_NAME;

/// A name in lower case (ASCII only, RFC 4343), with the places of its labels. On the stack: look-ups allocate nothing.
#[derive(Clone)]
pub(crate) struct Folded {
    octets: [u8; LONGEST_NAME],
    length: u8,
    /// Where each label's length octet stands; the root is not counted.
    starts: [u8; 127],
    count: u8,
}

impl Folded {
    /// Folds a name in wire form that was checked: whole labels, a root at the end, no pointers.
    pub fn of(wire: &[u8]) -> Self {
        let mut folded = Self { octets: [0; LONGEST_NAME], length: 0, starts: [0; 127], count: 0 };
        let length = wire.len().min(LONGEST_NAME);
        folded.octets[..length].copy_from_slice(&wire[..length]);
        // Length octets are below `A`, so that folding the whole name leaves them as they are.
        folded.octets[..length].make_ascii_lowercase();
        folded.length = u8::try_from(length).unwrap_or(u8::MAX);
        let mut at = 0;
        while at < length && folded.octets[at] != 0 && usize::from(folded.count) < folded.starts.len() {
            folded.starts[usize::from(folded.count)] = u8::try_from(at).unwrap_or(u8::MAX);
            folded.count += 1;
            at += 1 + usize::from(folded.octets[at]);
        }
        folded
    }

    /// Labels before the root.
    pub fn labels(&self) -> usize {
        usize::from(self.count)
    }

    /// A label's text.
    pub fn label(&self, index: usize) -> &[u8] {
        let start = usize::from(self.starts[index]);
        &self.octets[start + 1..start + 1 + usize::from(self.octets[start])]
    }

    /// The labels of a range in wire form, without a root.
    pub fn slice(&self, from: usize, to: usize) -> &[u8] {
        &self.octets[self.offset(from)..self.offset(to)]
    }

    /// Where a label begins.
    pub fn offset(&self, index: usize) -> usize {
        if index < self.labels() { usize::from(self.starts[index]) } else { usize::from(self.length.saturating_sub(1)) }
    }

    /// All of it.
    pub fn wire(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// How many labels stand before this suffix (folded, with root), if it is one.
    pub fn before(&self, suffix: &[u8]) -> Option<usize> {
        let at = usize::from(self.length).checked_sub(suffix.len())?;
        if self.octets[at..usize::from(self.length)] != *suffix {
            return None;
        }
        if suffix.len() == 1 {
            return Some(self.labels());
        }
        // The suffix must begin where a label does.
        (0..self.labels()).find(|&index| usize::from(self.starts[index]) == at)
    }
}

/// A text name, with or without a trailing dot, in wire form with its root; `None` when it is no name.
pub(crate) fn encode(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut wire = Vec::with_capacity(text.len() + 2);
    if !text.is_empty() {
        for label in text.split('.') {
            let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
            wire.push(length);
            wire.extend_from_slice(label.as_bytes());
        }
    }
    wire.push(0);
    (wire.len() <= LONGEST_NAME).then_some(wire)
}

/// A label that stands for an address: `10-0-0-1`, `2001-db8--1`; a trailing dash gets a `0` (dns spec R7).
#[derive(Clone, Copy)]
pub(crate) struct Dashed {
    octets: [u8; 48],
    length: usize,
}

impl Dashed {
    pub fn of(address: IpAddr) -> Self {
        let mut dashed = Self { octets: [0; 48], length: 0 };
        let mut rest = &mut dashed.octets[..];
        let room = rest.len();
        // 39 octets are the longest text of an address.
        let _ = write!(rest, "{address}");
        dashed.length = room - rest.len();
        for octet in &mut dashed.octets[..dashed.length] {
            if matches!(octet, b'.' | b':') {
                *octet = b'-';
            }
        }
        if dashed.octets[..dashed.length].last() == Some(&b'-') {
            dashed.octets[dashed.length] = b'0';
            dashed.length += 1;
        }
        dashed
    }

    pub fn label(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// The address that a dashed label stands for, in any spelling.
pub(crate) fn undash(label: &[u8]) -> Option<IpAddr> {
    let mut text = [0u8; 48];
    let text = text.get_mut(..label.len())?;
    let mut read = |separator: u8| -> Option<IpAddr> {
        for (octet, from) in text.iter_mut().zip(label) {
            *octet = if *from == b'-' { separator } else { *from };
        }
        std::str::from_utf8(text).ok()?.parse().ok()
    };
    // A dot or colon of the client's own is no dash.
    if label.iter().any(|octet| !octet.is_ascii_hexdigit() && *octet != b'-') {
        return None;
    }
    read(b'.').or_else(|| read(b':'))
}

/// What a name in a reverse zone stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reverse {
    /// One address.
    Address(IpAddr),
    /// Every address from the first to the second: a name above some.
    Network(IpAddr, IpAddr),
    /// No address can have it; the name above it that is one's, or a network's, stands for these.
    Nothing(IpAddr, IpAddr),
}

const V4_ZONE: &[u8] = b"\x07in-addr\x04arpa\x00";
const V6_ZONE: &[u8] = b"\x03ip6\x04arpa\x00";

/// Reads a name in `in-addr.arpa` or `ip6.arpa`; `None` for any other.
pub(crate) fn reverse(name: &Folded) -> Option<Reverse> {
    if let Some(labels) = name.before(V4_ZONE) {
        return Some(read_reverse::<4>(name, labels, octet, |parts| IpAddr::V4(Ipv4Addr::from(parts))));
    }
    let labels = name.before(V6_ZONE)?;
    let join = |nibbles: [u8; 32]| IpAddr::V6(Ipv6Addr::from(nibbles.iter().fold(0u128, |sum, nibble| sum << 4 | u128::from(nibble & 0xF))));
    Some(read_reverse::<32>(name, labels, nibble, join))
}

fn read_reverse<const N: usize>(name: &Folded, labels: usize, part: fn(&[u8]) -> Option<u8>, join: impl Fn([u8; N]) -> IpAddr) -> Reverse {
    let (mut low, mut high) = ([0u8; N], [0xFFu8; N]);
    let mut sound = 0;
    while let Some(value) = (sound < labels.min(N)).then(|| part(name.label(labels - 1 - sound))).flatten() {
        (low[sound], high[sound]) = (value, value);
        sound += 1;
    }
    match (sound == labels, sound == N) {
        (true, true) => Reverse::Address(join(low)),
        (true, false) => Reverse::Network(join(low), join(high)),
        (false, _) => Reverse::Nothing(join(low), join(high)),
    }
}

/// A decimal octet without leading zeros.
fn octet(label: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(label).ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn nibble(label: &[u8]) -> Option<u8> {
    let [digit] = label else { return None };
    char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> Folded {
        Folded::of(&encode(text).expect("a name"))
    }

    #[test]
    fn labels_and_suffixes() {
        let name = folded("Web.Default.svc.Cluster.local");
        assert_eq!((name.labels(), name.label(0), name.offset(3)), (5, &b"web"[..], 16));
        assert_eq!(name.before(b"\x07cluster\x05local\x00"), Some(3));
        assert_eq!(name.slice(0, 2), b"\x03web\x07default");
        assert_eq!((name.before(b"\x00"), folded(".").before(b"\x00"), folded(".").labels()), (Some(5), Some(0), 0));
        assert_eq!(folded("xcluster.local").before(b"\x07cluster\x05local\x00"), None);
        assert_eq!(folded("a.local").before(b"\x07cluster\x05local\x00"), None);
    }

    #[test]
    fn a_suffix_counts_at_the_border_of_a_label_only() {
        // The octets of a label may look like a label of their own.
        let tricky = Folded::of(b"\x06\x01acb\x01z\x00");
        assert_eq!(tricky.before(b"\x01z\x00"), None);
    }

    #[test]
    fn addresses_become_labels_and_back() {
        for (address, label) in [("10.0.0.1", "10-0-0-1"), ("2001:db8:5::1", "2001-db8-5--1"), ("2001:db8:5:1::", "2001-db8-5-1--0"), ("::1", "--1")]
        {
            let address: IpAddr = address.parse().expect("address");
            assert_eq!(std::str::from_utf8(Dashed::of(address).label()), Ok(label));
            assert_eq!(undash(label.as_bytes()), Some(address), "{label}");
        }
        for bad in ["1-2-3", "1-2-3-256", "p", "", "1.2.3.4", "01-2-3-4"] {
            assert_eq!(undash(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn reverse_names() {
        let address = |text: &str| text.parse::<IpAddr>().expect("address");
        assert_eq!(reverse(&folded("4.3.2.10.in-addr.arpa")), Some(Reverse::Address(address("10.2.3.4"))));
        assert_eq!(reverse(&folded("2.10.in-addr.arpa")), Some(Reverse::Network(address("10.2.0.0"), address("10.2.255.255"))));
        assert_eq!(reverse(&folded("in-addr.arpa")), Some(Reverse::Network(address("0.0.0.0"), address("255.255.255.255"))));
        for nothing in ["256.3.2.10.in-addr.arpa", "x.in-addr.arpa", "1.4.3.2.10.in-addr.arpa", "04.3.2.10.in-addr.arpa", "+4.3.2.10.in-addr.arpa"] {
            assert!(matches!(reverse(&folded(nothing)), Some(Reverse::Nothing(..))), "{nothing}");
        }
        assert_eq!(reverse(&folded("x.2.10.in-addr.arpa")), Some(Reverse::Nothing(address("10.2.0.0"), address("10.2.255.255"))));
        let six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(reverse(&folded(six)), Some(Reverse::Address(address("2001:db8::1"))));
        assert_eq!(
            reverse(&folded("8.b.d.0.1.0.0.2.ip6.arpa")),
            Some(Reverse::Network(address("2001:db8::"), address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")))
        );
        assert_eq!(reverse(&folded("arpa")), None);
    }

    proptest! {
        #[test]
        fn dashing_and_undashing_is_the_address(v4: u32, v6: u128) {
            for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
                // An IPv4-mapped address has dots in its text, which is not an address label of IPv6 any more.
                if !matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some()) {
                    prop_assert_eq!(undash(Dashed::of(address).label()), Some(address));
                }
            }
        }
    }
}
