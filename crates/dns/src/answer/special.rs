//! Reverse zones, and the names that belong to every host (dns spec R5, R9, B16, W10).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::chase::pointer_to;
use super::fill::{one_address, soa};
use super::{External, Known, Outcome, Reply};
use crate::forward::{is_private, within};
use crate::name::{Folded, Reverse};
use crate::table::Zone;
use crate::wire::{HEADER, Name, QUESTION_NAME, Section, ede, flag, kind, rcode};

/// `localhost` and below, `invalid` and `onion`.
pub(super) fn answer(mut reply: Reply<'_, '_>, zone: &Zone, name: &Folded) -> Outcome {
    reply.flags |= flag::AA;
    let last = name.labels() - 1;
    if name.label(last) == b"localhost" {
        one_address(&mut reply, QUESTION_NAME, zone.ttl_s, IpAddr::V4(Ipv4Addr::LOCALHOST));
        one_address(&mut reply, QUESTION_NAME, zone.ttl_s, IpAddr::V6(Ipv6Addr::LOCALHOST));
    } else {
        reply.rcode = rcode::NXDOMAIN;
    }
    if reply.writer.count(Section::Answer) == 0 {
        deny(&mut reply, zone, name, last);
    }
    reply.finish()
}

/// The SOA of a zone that begins at a label of the question.
fn deny(reply: &mut Reply<'_, '_>, zone: &Zone, name: &Folded, label: usize) {
    soa(&mut reply.writer, zone, Section::Authority, pointer_to(HEADER + name.offset(label)), zone.ttl_s);
}

impl Known {
    /// A name in `in-addr.arpa` or `ip6.arpa`: ours if an address of ours has it, or if its network is ours; private ones are
    /// denied here, unless a private upstream may know better (RFC 6303).
    pub(super) fn reverse(&self, mut reply: Reply<'_, '_>, zone: &Zone, name: &Folded, asked: Reverse, external: Option<&External<'_>>) -> Outcome {
        let ours = own_zone(zone, name, asked);
        if ours.is_some() && !zone.complete {
            return reply.fail(ede::NOT_READY);
        }
        let exists = match asked {
            Reverse::Address(address) => {
                if let (Some(pointers), kind::PTR) = (zone.pointers.get(&address), reply.query.kind) {
                    let ttl_s = pointers.ttl_s();
                    pointers.each(address, &zone.services, |target| {
                        if reply.writer.record(Name::Pointer(QUESTION_NAME), kind::PTR, ttl_s, target).is_none() {
                            reply.writer.truncate();
                        }
                    });
                }
                zone.pointers.contains_key(&address)
            }
            // A name above public addresses is others' even where some of ours lie below it.
            Reverse::Network(low, high) => (ours.is_some() || self.denies(asked)) && zone.pointers.range(low..=high).next().is_some(),
            Reverse::Nothing(..) => false,
        };
        if !exists && localhost(&mut reply, zone, asked) {
            return reply.finish();
        }
        if !exists && ours.is_none() && !self.denies(asked) {
            return self.elsewhere(reply, name, external);
        }
        reply.flags |= flag::AA;
        if !exists {
            reply.rcode = rcode::NXDOMAIN;
        } else if reply.query.kind == kind::ANY {
            reply.writer.record(Name::Pointer(QUESTION_NAME), kind::HINFO, zone.ttl_s, &[b"\x07RFC8482\x00"]);
        }
        if reply.writer.count(Section::Answer) == 0 && !reply.writer.is_truncated() {
            deny(&mut reply, zone, name, ours.unwrap_or_else(|| neighbourhood(name)));
        }
        reply.finish()
    }

    /// Whether a name of nobody's is denied instead of asked for: private ranges, unless some upstream is private itself.
    fn denies(&self, asked: Reverse) -> bool {
        let private = match asked {
            Reverse::Address(address) => is_private(address),
            // Both ends of one range, not of two.
            Reverse::Network(low, high) | Reverse::Nothing(low, high) => first_octet(low) == first_octet(high) && is_private(low) && is_private(high),
        };
        private && !self.upstreams.any_private()
    }
}

/// The label at which our reverse zone begins, if the name is in one: networks of ours, cut at whole labels.
fn own_zone(zone: &Zone, name: &Folded, asked: Reverse) -> Option<usize> {
    let (low, high) = match asked {
        Reverse::Address(address) => (address, address),
        Reverse::Network(low, high) | Reverse::Nothing(low, high) => (low, high),
    };
    let (bits_a_label, suffix_labels) = if low.is_ipv4() { (8, 2) } else { (4, 2) };
    zone.networks.iter().find_map(|&(base, length)| {
        let labels = usize::from(length).div_ceil(bits_a_label);
        let inside = within((base, length), low) && within((base, length), high);
        (inside && name.labels() >= labels + suffix_labels).then(|| name.labels() - suffix_labels - labels)
    })
}

/// Where the zone of an address outside our networks is said to begin: its /24 or /64.
fn neighbourhood(name: &Folded) -> usize {
    match name.labels() {
        34 => 16,
        6 => 1,
        _ => 0,
    }
}

/// `127.0.0.1` and `::1` are this host to everybody.
fn localhost(reply: &mut Reply<'_, '_>, zone: &Zone, asked: Reverse) -> bool {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let here = matches!(asked, Reverse::Address(address) if loopback.contains(&address)) && reply.query.kind == kind::PTR;
    if here {
        reply.flags |= flag::AA;
        reply.writer.record(Name::Pointer(QUESTION_NAME), kind::PTR, zone.ttl_s, &[b"\x09localhost\x00"]);
    }
    here
}

fn first_octet(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) => v4.octets()[0],
        IpAddr::V6(v6) => v6.octets()[0],
    }
}
