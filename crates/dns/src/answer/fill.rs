//! Records for what was found at a name, by the type that was asked for.

use std::net::IpAddr;

use super::chase::{Found, pointer_to};
use super::{Draws, Reply};
use crate::name::Dashed;
use crate::table::{Block, Host, SERVICE, Srv, Zone};
use crate::wire::{HEADER, Name, QUESTION_NAME, Section, Writer, kind, rcode};

/// `refresh`, `retry`, `expire` of every SOA (dns spec B8).
const TIMERS_S: [u32; 3] = [7200, 1800, 86_400];
/// The version of the DNS specification that is served, and how long that may be kept (R12).
pub(crate) const VERSION: &[u8] = b"\x051.1.0";
pub(crate) const VERSION_TTL_S: u32 = 28_800;
/// The longest negative TTL.
const LONGEST_NEGATIVE_S: u32 = 300;

impl Draws {
    /// Writes the records of this type at what was found, or the SOA if there are none.
    pub(super) fn fill(&mut self, reply: &mut Reply<'_, '_>, zone: &Zone, found: &Found<'_>, owner: u16) {
        let asked = reply.query.kind;
        match (found, asked) {
            (Found::Missing, _) => reply.rcode = rcode::NXDOMAIN,
            // Minimal instead of everything, at any name that exists (RFC 8482).
            (_, kind::ANY) => drop(reply.writer.record(Name::Pointer(owner), kind::HINFO, zone.ttl_s, &[b"\x07RFC8482\x00"])),
            (Found::Apex, kind::SOA) => {
                soa(&mut reply.writer, zone, Section::Answer, owner, zone.ttl_s);
            }
            (Found::Apex, kind::NS) => name_server(reply, zone, owner),
            (Found::Servers, kind::A | kind::AAAA) => zone.servers.iter().for_each(|&address| one_address(reply, owner, zone.ttl_s, address)),
            (Found::Version, kind::TXT) => drop(reply.writer.record(Name::Pointer(owner), kind::TXT, VERSION_TTL_S, &[VERSION])),
            (Found::Pod(address, _), kind::A | kind::AAAA) => one_address(reply, owner, zone.ttl_s, *address),
            (Found::Pod(address, namespace), kind::SRV) => of_pod(reply, zone, *address, namespace, owner),
            (Found::Alias(block, target), kind::CNAME) => drop(reply.writer.record(Name::Pointer(owner), kind::CNAME, block.ttl_s, &[target])),
            (Found::Service(block), kind::A) => self.ready(reply, &block.a, block.a_weights.as_deref(), owner),
            (Found::Service(block), kind::AAAA) => self.ready(reply, &block.aaaa, block.aaaa_weights.as_deref(), owner),
            (Found::Service(block), kind::SRV) => self.services(reply, zone, block, &block.all, owner),
            (Found::Port(block, port), kind::SRV) => self.services(reply, zone, block, &port.srv, owner),
            (Found::Host(block, host), kind::SRV) => self.services(reply, zone, block, block.ports_of(*host), owner),
            (Found::Port(block, port), kind::A | kind::AAAA) => self.of_port(reply, block, &port.srv, owner),
            (Found::Host(block, host), kind::A | kind::AAAA) => self.of_host(reply, block, &block.hosts[*host], owner),
            _ => {}
        }
        if reply.rcode == rcode::NXDOMAIN || (reply.is_empty_at(owner) && !reply.writer.is_truncated()) {
            negative(reply, zone);
        }
    }

    /// Copies ready records, as many as fit, in random order.
    fn ready<const N: usize>(&mut self, reply: &mut Reply<'_, '_>, records: &[[u8; N]], weights: Option<&[u64]>, owner: u16) {
        let take = records.len().min(reply.writer.room() / N);
        if take < records.len() {
            reply.writer.truncate();
        }
        if let ([one], QUESTION_NAME) = (records, owner) {
            reply.writer.ready(&one[..]);
            return;
        }
        for &index in self.order.draw(&mut self.rng, records.len(), take, weights) {
            let mut record = records[index as usize];
            record[..2].copy_from_slice(&owner.to_be_bytes());
            reply.writer.ready(&record);
        }
    }

    /// SRV records in random order, then the addresses of their targets as far as they fit (R4, W2).
    fn services(&mut self, reply: &mut Reply<'_, '_>, zone: &Zone, block: &Block, records: &[Srv], owner: u16) {
        self.targets.clear();
        for &index in self.order.draw(&mut self.rng, records.len(), records.len(), None) {
            let srv = records[index as usize];
            let head = [[0, 0], srv.weight.to_be_bytes(), srv.port.to_be_bytes()];
            let head = head.as_flattened();
            let written = match block.hosts.get(srv.host as usize) {
                Some(host) => host.with_label(|label| {
                    let length = [u8::try_from(label.len()).unwrap_or(u8::MAX)];
                    reply.writer.record(Name::Pointer(owner), kind::SRV, block.ttl_s, &[head, &length, label, &block.name, &zone.services])
                }),
                None => reply.writer.record(Name::Pointer(owner), kind::SRV, block.ttl_s, &[head, &block.name, &zone.services]),
            };
            match written {
                Some(at) => self.targets.push((srv.host, u16::try_from(at + head.len()).unwrap_or(u16::MAX))),
                None => {
                    // Additional records are the first to go, so none is tried.
                    reply.writer.truncate();
                    return;
                }
            }
        }
        reply.writer.section(Section::Additional);
        self.targets.sort_unstable();
        self.targets.dedup_by_key(|target| target.0);
        for &(host, at) in &self.targets {
            if !glue(reply, zone, block, host, usize::from(at)) {
                break;
            }
        }
        reply.writer.section(Section::Answer);
    }

    /// The addresses behind a named port (B4).
    fn of_port(&mut self, reply: &mut Reply<'_, '_>, block: &Block, records: &[Srv], owner: u16) {
        if records.iter().any(|srv| srv.host == SERVICE) {
            return match reply.query.kind {
                kind::A => self.ready(reply, &block.a, block.a_weights.as_deref(), owner),
                _ => self.ready(reply, &block.aaaa, block.aaaa_weights.as_deref(), owner),
            };
        }
        for &index in self.order.draw(&mut self.rng, records.len(), records.len(), None) {
            let host = records[index as usize].host;
            // One host may have the port under several numbers: its addresses are given once, with the first.
            let first = records.iter().position(|srv| srv.host == host) == Some(index as usize);
            if let Some(host) = block.hosts.get(host as usize).filter(|_| first) {
                host.addresses().iter().for_each(|&address| one_address(reply, owner, block.ttl_s, address));
            }
        }
    }

    fn of_host(&mut self, reply: &mut Reply<'_, '_>, block: &Block, host: &Host, owner: u16) {
        let addresses = host.addresses();
        for &index in self.order.draw(&mut self.rng, addresses.len(), addresses.len(), None) {
            one_address(reply, owner, block.ttl_s, addresses[index as usize]);
        }
    }
}

/// SRV at a pod: one record that names the pod and no port, as CoreDNS has it, with the address behind it.
fn of_pod(reply: &mut Reply<'_, '_>, zone: &Zone, address: IpAddr, namespace: &str, owner: u16) {
    const HEAD: [u8; 6] = [0, 0, 0, 100, 0, 0];
    let dashed = Dashed::of(address);
    let length = |label: &[u8]| [u8::try_from(label.len()).unwrap_or(u8::MAX)];
    let (host, below) = (dashed.label(), namespace.as_bytes());
    let target: [&[u8]; 7] = [&HEAD, &length(host), host, &length(below), below, b"\x03pod", &zone.apex];
    let Some(at) = reply.writer.record(Name::Pointer(owner), kind::SRV, zone.ttl_s, &target) else {
        reply.writer.truncate();
        return;
    };
    reply.writer.section(Section::Additional);
    let name = Name::Pointer(pointer_to(at + HEAD.len()));
    match address {
        IpAddr::V4(v4) => reply.writer.record(name, kind::A, zone.ttl_s, &[&v4.octets()]),
        IpAddr::V6(v6) => reply.writer.record(name, kind::AAAA, zone.ttl_s, &[&v6.octets()]),
    };
    reply.writer.section(Section::Answer);
}

impl Reply<'_, '_> {
    /// Whether the name that owner points at has no record in the answer: the CNAMEs before it are not its own.
    fn is_empty_at(&self, owner: u16) -> bool {
        let aliases = owner != QUESTION_NAME;
        if !aliases {
            return self.writer.count(Section::Answer) == 0;
        }
        // The last record written is the CNAME whose target the owner is, if its data ends where we are.
        let target = usize::from(owner & 0x3FFF);
        crate::wire::skip_name(self.writer.written(), target) == Some(self.writer.position())
    }
}

/// One address record, if its family is asked for; the reply is cut if it does not fit.
pub(super) fn one_address(reply: &mut Reply<'_, '_>, owner: u16, ttl_s: u32, address: IpAddr) {
    let written = match (address, reply.query.kind) {
        (IpAddr::V4(v4), kind::A) => reply.writer.record(Name::Pointer(owner), kind::A, ttl_s, &[&v4.octets()]),
        (IpAddr::V6(v6), kind::AAAA) => reply.writer.record(Name::Pointer(owner), kind::AAAA, ttl_s, &[&v6.octets()]),
        _ => return,
    };
    if written.is_none() {
        reply.writer.truncate();
    }
}

/// Addresses of an SRV target that stands at `at`. False once they do not fit.
fn glue(reply: &mut Reply<'_, '_>, zone: &Zone, block: &Block, host: u32, at: usize) -> bool {
    let Some(host) = block.hosts.get(host as usize) else {
        let v4 = block.a.iter().all(|record| address_record(reply, zone, block, None, at, kind::A, &record[12..]));
        return v4 && block.aaaa.iter().all(|record| address_record(reply, zone, block, None, at, kind::AAAA, &record[12..]));
    };
    host.addresses().iter().all(|address| match address {
        IpAddr::V4(v4) => address_record(reply, zone, block, Some(host), at, kind::A, &v4.octets()),
        IpAddr::V6(v6) => address_record(reply, zone, block, Some(host), at, kind::AAAA, &v6.octets()),
    })
}

/// A record whose owner is an SRV target: a pointer to it, unless it stands beyond the reach of pointers.
fn address_record(reply: &mut Reply<'_, '_>, zone: &Zone, block: &Block, host: Option<&Host>, at: usize, kind: u16, octets: &[u8]) -> bool {
    if at < 0x4000 {
        return reply.writer.record(Name::Pointer(pointer_to(at)), kind, block.ttl_s, &[octets]).is_some();
    }
    let mut write = |pieces: &[&[u8]]| reply.writer.record(Name::Plain(pieces), kind, block.ttl_s, &[octets]).is_some();
    match host {
        Some(host) => host.with_label(|label| write(&[&[u8::try_from(label.len()).unwrap_or(u8::MAX)], label, &block.name, &zone.services])),
        None => write(&[&block.name, &zone.services]),
    }
}

/// The NS record of the zone, with the server's addresses (B7).
fn name_server(reply: &mut Reply<'_, '_>, zone: &Zone, owner: u16) {
    let Some(at) = reply.writer.record(Name::Pointer(owner), kind::NS, zone.ttl_s, &[b"\x02ns\x03dns", &zone.apex]) else {
        reply.writer.truncate();
        return;
    };
    reply.writer.section(Section::Additional);
    for address in &zone.servers {
        let name = Name::Pointer(pointer_to(at));
        match address {
            IpAddr::V4(v4) => reply.writer.record(name, kind::A, zone.ttl_s, &[&v4.octets()]),
            IpAddr::V6(v6) => reply.writer.record(name, kind::AAAA, zone.ttl_s, &[&v6.octets()]),
        };
    }
    reply.writer.section(Section::Answer);
}

/// The SOA of our zone in the authority section: the name, or the type, is not there (RFC 2308).
fn negative(reply: &mut Reply<'_, '_>, zone: &Zone) {
    // The question is in our zone, or no alias would have led here.
    let at = HEADER + reply.query.name().len() - zone.apex.len();
    soa(&mut reply.writer, zone, Section::Authority, pointer_to(at), zone.ttl_s.min(LONGEST_NEGATIVE_S));
}

/// An SOA record. Its names are in lower case whatever the client's: they do not point at the question (B19). False if it does not
/// fit.
pub(crate) fn soa(writer: &mut Writer<'_>, zone: &Zone, section: Section, owner: u16, ttl_s: u32) -> bool {
    writer.section(section);
    // The data begins after the owner's pointer, type, class, TTL and length; the zone in it after `ns.dns.`
    let zone_at = writer.position() + 12 + 7;
    let pointer = pointer_to(zone_at).to_be_bytes();
    let again: &[u8] = if zone_at < 0x4000 { &pointer } else { &zone.apex };
    let [refresh, retry, expire] = TIMERS_S.map(u32::to_be_bytes);
    let numbers = [zone.serial.to_be_bytes(), refresh, retry, expire, zone.ttl_s.to_be_bytes()];
    let data: [&[u8]; 5] = [b"\x02ns\x03dns", &zone.apex, b"\x0ahostmaster", again, numbers.as_flattened()];
    let written = writer.record(Name::Pointer(owner), kind::SOA, ttl_s, &data).is_some();
    writer.section(Section::Answer);
    written
}
