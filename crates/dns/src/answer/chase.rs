//! Names in our own zone: what is at a name, and following aliases from one to the next (dns spec R10, B17).

use std::net::IpAddr;

use model::Transport;

use super::{Ask, Draws, External, Known, Outcome, Place, Reply, ask, compose, place};
use crate::Pods;
use crate::name::{Folded, undash};
use crate::table::{self, Block, Port, Shard, Table, Zone};
use crate::wire::{HEADER, Name, QUESTION_NAME, flag, kind, rcode};

/// The longest chain of aliases.
const LONGEST_CHAIN: usize = 10;

/// What is at a name of our zone.
pub(super) enum Found<'a> {
    /// Nothing, and nothing below.
    Missing,
    /// No records, but the name exists.
    Empty,
    /// The zone itself.
    Apex,
    /// `ns.dns`.
    Servers,
    /// `dns-version`.
    Version,
    /// A pod, with its namespace.
    Pod(IpAddr, &'a str),
    Service(&'a Block),
    Alias(&'a Block, &'a [u8]),
    Port(&'a Block, &'a Port),
    /// A host of a service, by its index.
    Host(&'a Block, usize),
}

impl Known {
    /// Answers a name of our zone.
    pub(super) fn chase(&self, draws: &mut Draws, mut reply: Reply<'_, '_>, zone: &Zone, name: Folded, external: Option<&External<'_>>) -> Outcome {
        reply.flags |= flag::AA;
        let mut current = name;
        let mut owner = QUESTION_NAME;
        let mut passed = Passed::default();
        loop {
            let labels = match place(zone, &current) {
                Place::Own(labels) => labels,
                _ => return self.beyond(reply, &current, owner, external),
            };
            let shard = shard_of(&self.table, &current, labels);
            let found = find(zone, shard.as_deref().map(|shard| &**shard), &current, labels, self.config.pods);
            let (Found::Alias(block, target), false) = (&found, matches!(reply.query.kind, kind::CNAME | kind::ANY)) else {
                draws.fill(&mut reply, zone, &found, owner);
                return reply.finish();
            };
            let Some(at) = reply.writer.record(Name::Pointer(owner), kind::CNAME, block.ttl_s, &[target]) else {
                reply.writer.truncate();
                return reply.finish();
            };
            // A name that came before, or a chain too long, ends it with what there is.
            if !passed.add(reply.writer.written(), at, target) {
                return reply.finish();
            }
            owner = pointer_to(at);
            current = Folded::of(target);
        }
    }

    /// The alias leads out of our zone.
    fn beyond(&self, mut reply: Reply<'_, '_>, target: &Folded, owner: u16, external: Option<&External<'_>>) -> Outcome {
        match external {
            Some(external) if external.name.wire() == target.wire() => compose::append(reply, owner, external),
            _ if !reply.recursive => {
                reply.rcode = rcode::NOERROR;
                reply.finish()
            }
            _ => Outcome::Ask(Ask { ..ask(&reply.query, target) }),
        }
    }
}

/// A pointer to a place that is known to be near the front.
pub(super) fn pointer_to(at: usize) -> u16 {
    0xC000 | u16::try_from(at & 0x3FFF).unwrap_or(QUESTION_NAME)
}

/// Where the targets of a chain stand in the reply.
#[derive(Default)]
struct Passed {
    at: [u16; LONGEST_CHAIN],
    count: usize,
}

impl Passed {
    /// Notes a target that was written at `at`. False if it was passed before, or is one too many.
    fn add(&mut self, written: &[u8], at: usize, target: &[u8]) -> bool {
        let same = |place: usize| written.get(place..place + target.len()).is_some_and(|name| name.eq_ignore_ascii_case(target));
        if self.count == LONGEST_CHAIN || same(HEADER) || self.at[..self.count].iter().any(|&place| same(usize::from(place))) {
            return false;
        }
        self.at[self.count] = u16::try_from(at).unwrap_or(u16::MAX);
        self.count += 1;
        true
    }
}

/// The shard of the service that a name is of or below.
fn shard_of(table: &Table, name: &Folded, labels: usize) -> Option<arc_swap::Guard<std::sync::Arc<Shard>>> {
    (labels >= 3 && name.label(labels - 1) == b"svc").then(|| table.shard(name.slice(labels - 3, labels - 1)))
}

/// What is at a name; so many labels stand before the zone.
fn find<'a>(zone: &'a Zone, shard: Option<&'a Shard>, name: &Folded, labels: usize, pods: Pods) -> Found<'a> {
    if labels == 0 {
        return Found::Apex;
    }
    match (name.label(labels - 1), labels) {
        // `dns` is no name although `ns.dns` is one, as in CoreDNS (B2).
        (b"svc" | b"pod", 1) => Found::Empty,
        (b"dns-version", 1) => Found::Version,
        (b"dns", 2) if name.label(0) == b"ns" => Found::Servers,
        (b"pod", 2..) if pods == Pods::Disabled => Found::Missing,
        (b"svc" | b"pod", 2) if namespace(zone, name.label(0)).is_some() => Found::Empty,
        (b"pod", 3) => pod(zone, name, pods),
        (b"svc", 3..) => {
            let block = shard.and_then(|shard| table::find(shard, name.slice(labels - 3, labels - 1)));
            block.filter(|block| block.exists).map_or(Found::Missing, |block| below(block, name, labels - 3))
        }
        _ => Found::Missing,
    }
}

/// What is at the name of a service, or so many labels below it.
fn below<'a>(block: &'a Block, name: &Folded, labels: usize) -> Found<'a> {
    match (labels, &block.alias) {
        (0, Some(target)) => Found::Alias(block, target),
        (_, Some(_)) => Found::Missing,
        (0, None) => Found::Service(block),
        (1, None) => match transport(name.label(0)) {
            Some(transport) if block.ports.iter().any(|port| port.transport == transport) => Found::Empty,
            _ => block.host(name.label(0)).map_or(Found::Missing, |host| Found::Host(block, host)),
        },
        (2, None) => {
            let port = match (name.label(0), transport(name.label(1))) {
                ([b'_', label @ ..], Some(transport)) => block.port(label, transport),
                _ => None,
            };
            port.map_or(Found::Missing, |port| Found::Port(block, port))
        }
        _ => Found::Missing,
    }
}

fn transport(label: &[u8]) -> Option<Transport> {
    match label {
        b"_tcp" => Some(Transport::Tcp),
        b"_udp" => Some(Transport::Udp),
        b"_sctp" => Some(Transport::Sctp),
        _ => None,
    }
}

fn namespace<'z>(zone: &'z Zone, label: &[u8]) -> Option<&'z std::sync::Arc<str>> {
    zone.namespaces.get_key_value(std::str::from_utf8(label).ok()?).map(|(name, ())| name)
}

/// `1-2-3-4.N.pod`: there while a live pod of the namespace has the address, or whatever it is (B1).
fn pod<'a>(zone: &'a Zone, name: &Folded, pods: Pods) -> Found<'a> {
    let found = undash(name.label(0)).zip(namespace(zone, name.label(1)));
    match found {
        Some((address, namespace)) if pods == Pods::Insecure => Found::Pod(address, namespace),
        Some((address, namespace)) if zone.pods.contains_key(&(std::sync::Arc::clone(namespace), address)) => Found::Pod(address, namespace),
        _ => Found::Missing,
    }
}
