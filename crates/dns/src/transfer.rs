//! The zone as a whole (RFC 5936; dns spec B14): its SOA, everything that is answered for services, its SOA again, in as many messages
//! as that takes. Names of pods are left out: they are made of addresses, and a cluster has too many.

use std::net::IpAddr;
use std::sync::Arc;

use model::Transport;

use crate::answer::fill::{VERSION, VERSION_TTL_S, soa};
use crate::table::{Block, Srv, Table, Zone};
use crate::wire::{Edns, Name, QUESTION_NAME, Query, Section, Writer, kind, rcode};

/// Octets of one message. Less than the most, so that a client has something to read while the next is made.
const MESSAGE: usize = 32 * 1024;
/// The zone's name, which is the question of every message.
const APEX: [u8; 2] = QUESTION_NAME.to_be_bytes();

/// A transfer under way, of the zone as it was when it began.
pub(crate) struct Transfer {
    zone: Arc<Zone>,
    blocks: Vec<Arc<Block>>,
    id: u16,
    flags: u16,
    question: Box<[u8]>,
    edns: Option<Edns>,
    max_udp: u16,
    /// Which part is next: the apex, then each block, then the end.
    part: usize,
    /// Records of that part that are written.
    written: usize,
}

impl Transfer {
    pub fn new(table: &Table, zone: Arc<Zone>, query: &Query<'_>, flags: u16, max_udp: u16) -> Self {
        let (question, edns) = (query.question.into(), query.edns);
        Self { zone, blocks: table.blocks(), id: query.id, flags, question, edns, max_udp, part: 0, written: 0 }
    }

    /// Writes the next message; `None` when the last one was written.
    pub fn next(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.part == self.blocks.len() + 2 {
            return None;
        }
        let mut page = Page { writer: Writer::new(buffer, MESSAGE, &self.question, self.edns, self.max_udp), skip: self.written, seen: 0 };
        while self.part < self.blocks.len() + 2 {
            let done = match self.part.checked_sub(1) {
                None => apex(&mut page, &self.zone),
                Some(index) => match self.blocks.get(index) {
                    Some(block) => service(&mut page, &self.zone, block),
                    None => page.soa(&self.zone),
                },
            };
            if done.is_none() {
                self.written = page.seen;
                break;
            }
            self.part += 1;
            (self.written, page.skip, page.seen) = (0, 0, 0);
        }
        Some(page.writer.finish(self.id, self.flags, rcode::NOERROR))
    }
}

/// A message that takes records until it is full, those left out that former messages have.
struct Page<'b> {
    writer: Writer<'b>,
    skip: usize,
    /// Records that were offered and are in this message or a former one.
    seen: usize,
}

impl Page<'_> {
    /// `None` when the message is full. Owners are pieces of names before the zone.
    fn record(&mut self, owner: &[&[u8]], kind: u16, ttl_s: u32, data: &[&[u8]]) -> Option<()> {
        if self.seen >= self.skip {
            let mut pieces: [&[u8]; 8] = [b""; 8];
            pieces[..owner.len()].copy_from_slice(owner);
            pieces[owner.len()] = &APEX;
            self.writer.record(Name::Plain(&pieces[..=owner.len()]), kind, ttl_s, data)?;
        }
        self.seen += 1;
        Some(())
    }

    fn address(&mut self, owner: &[&[u8]], ttl_s: u32, address: IpAddr) -> Option<()> {
        match address {
            IpAddr::V4(v4) => self.record(owner, kind::A, ttl_s, &[&v4.octets()]),
            IpAddr::V6(v6) => self.record(owner, kind::AAAA, ttl_s, &[&v6.octets()]),
        }
    }

    fn soa(&mut self, zone: &Zone) -> Option<()> {
        if self.seen >= self.skip && !soa(&mut self.writer, zone, Section::Answer, QUESTION_NAME, zone.ttl_s) {
            return None;
        }
        self.seen += 1;
        Some(())
    }

    fn services(&mut self, zone: &Zone, block: &Block, owner: &[&[u8]], records: &[Srv]) -> Option<()> {
        records.iter().try_for_each(|srv| {
            let head = [[0, 0], srv.weight.to_be_bytes(), srv.port.to_be_bytes()];
            let head = head.as_flattened();
            match block.hosts.get(srv.host as usize) {
                Some(host) => {
                    host.with_label(|label| self.record(owner, kind::SRV, block.ttl_s, &[head, &[length(label)], label, &block.name, &zone.services]))
                }
                None => self.record(owner, kind::SRV, block.ttl_s, &[head, &block.name, &zone.services]),
            }
        })
    }
}

fn length(label: &[u8]) -> u8 {
    u8::try_from(label.len()).unwrap_or(u8::MAX)
}

fn apex(page: &mut Page<'_>, zone: &Zone) -> Option<()> {
    page.soa(zone)?;
    page.record(&[], kind::NS, zone.ttl_s, &[b"\x02ns\x03dns", &zone.apex])?;
    zone.servers.iter().try_for_each(|&address| page.address(&[b"\x02ns\x03dns"], zone.ttl_s, address))?;
    page.record(&[b"\x0bdns-version"], kind::TXT, VERSION_TTL_S, &[VERSION])
}

fn service(page: &mut Page<'_>, zone: &Zone, block: &Block) -> Option<()> {
    const SVC: &[u8] = b"\x03svc";
    if !block.exists {
        return Some(());
    }
    let own: [&[u8]; 2] = [&block.name, SVC];
    if let Some(target) = &block.alias {
        return page.record(&own, kind::CNAME, block.ttl_s, &[target]);
    }
    block.a.iter().try_for_each(|record| page.record(&own, kind::A, block.ttl_s, &[&record[12..]]))?;
    block.aaaa.iter().try_for_each(|record| page.record(&own, kind::AAAA, block.ttl_s, &[&record[12..]]))?;
    page.services(zone, block, &own, &block.all)?;
    for port in &block.ports {
        let transport: &[u8] = match port.transport {
            Transport::Tcp => b"\x04_tcp",
            Transport::Udp => b"\x04_udp",
            Transport::Sctp => b"\x05_sctp",
        };
        let head = [length(&port.label) + 1, b'_'];
        page.services(zone, block, &[&head, &port.label, transport, &block.name, SVC], &port.srv)?;
    }
    block.hosts.iter().enumerate().try_for_each(|(index, host)| {
        host.with_label(|label| {
            let head = [length(label)];
            let owner: [&[u8]; 4] = [&head, label, &block.name, SVC];
            host.addresses().iter().try_for_each(|&address| page.address(&owner, block.ttl_s, address))?;
            page.services(zone, block, &owner, block.ports_of(index))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::names::Shape;

    use super::*;
    use crate::Config;
    use crate::answer::{Client, Outcome, Via};
    use crate::testing::{Bench, Decoded, addresses, client, endpoint, owner, port, query, snapshot};

    fn bench() -> Bench {
        let http = [port("http", Transport::Tcp, 80)];
        let many = (0..900).map(|number| endpoint(&format!("10.{}.{}.1", number / 250, number % 250), None, &http)).collect();
        let config = Config {
            transfer_to: vec![([192, 0, 2, 0].into(), 24)],
            listens: vec![([192, 0, 2, 53], 53).into()],
            upstreams: vec![([9, 9, 9, 9], 53).into()],
            ..Config::default()
        };
        let six = endpoint("2001:db8::1", Some("six"), &[port("sql", Transport::Udp, 9)]);
        let owners = vec![
            owner("web", addresses(&["10.96.0.1", "fd00::1"]), vec![port("http", Transport::Tcp, 80), port("", Transport::Udp, 81)], vec![six]),
            owner("big", Shape::Headless, vec![], many),
            owner("far", Shape::Alias("www.example.org".into()), vec![], vec![]),
            owner("none", Shape::Headless, vec![], vec![]),
        ];
        Bench::new(config, &snapshot(owners))
    }

    fn messages(bench: &mut Bench, question: &[u8]) -> Vec<Decoded> {
        let Outcome::Transfer(mut transfer) = bench.answerer.answer(question, client(Via::Tcp), &mut bench.buffer) else { panic!("a transfer") };
        let mut messages = Vec::new();
        while let Some(length) = transfer.next(&mut bench.buffer) {
            messages.push(Decoded::of(&bench.buffer[..length]));
        }
        messages
    }

    #[test]
    fn b14_a_transfer_is_the_zone_between_its_soa_twice() {
        let mut bench = bench();
        let messages = messages(&mut bench, &query("Cluster.local", kind::AXFR, None));
        assert!(messages.len() > 2, "in {} messages", messages.len());
        assert!(messages.iter().all(|one| one.aa && !one.ra && !one.tc && one.length <= 32 * 1024 && one.question.starts_with("Cluster.local")));
        let records: Vec<String> = messages.into_iter().flat_map(|message| message.answer).collect();
        assert_eq!(records.first(), records.last());
        assert!(records[0].contains(" SOA ") && records.iter().filter(|record| record.contains(" SOA ")).count() == 2);
        let once: BTreeSet<String> = records[1..].iter().map(|record| record.to_lowercase()).collect();
        assert_eq!(once.len(), records.len() - 1, "no record twice");
        // What is transferred is what is answered, and nothing of these names is missing.
        let mut asked = BTreeSet::new();
        let names: BTreeSet<&str> = once.iter().filter_map(|record| record.split(' ').next()).collect();
        for name in names {
            for kind in [kind::A, kind::AAAA, kind::SRV, kind::CNAME, kind::NS, kind::TXT, kind::SOA] {
                let alias = name.starts_with("far.") && kind != kind::CNAME;
                let of_port = name.starts_with('_') && kind != kind::SRV;
                if !alias && !of_port {
                    asked.extend(bench.ask_with(name, kind, None, Via::Tcp).answer.iter().map(|record| record.to_lowercase()));
                }
            }
        }
        assert_eq!(once, asked);
    }

    #[test]
    fn b14_others_are_refused_and_who_is_up_to_date_is_told_so() {
        let mut bench = bench();
        let question = query("cluster.local", kind::AXFR, None);
        let mut refused = |message: &[u8], client: Client| {
            let Outcome::Reply(_, code, _) = bench.answerer.answer(message, client, &mut bench.buffer) else { panic!("a reply") };
            assert_eq!(code, rcode::REFUSED);
        };
        refused(&question, client(Via::Udp));
        refused(&question, Client { address: [192, 0, 3, 1].into(), ..client(Via::Tcp) });
        for other in ["svc.cluster.local", "example.org", "10.in-addr.arpa"] {
            refused(&query(other, kind::AXFR, None), client(Via::Tcp));
        }
        let with_serial = |serial: u32| {
            let mut message = query("cluster.local", kind::IXFR, None);
            message[9] = 1;
            message.extend(b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x05\x00\x18\xc0\x0c\xc0\x0c");
            message.extend(serial.to_be_bytes());
            message.extend([0; 16]);
            message
        };
        // The serial of the zone is 7.
        for (has, up_to_date) in [(7, true), (8, true), (6, false), (0xFFFF_FFF0, false)] {
            match bench.answerer.answer(&with_serial(has), client(Via::Tcp), &mut bench.buffer) {
                Outcome::Reply(length, ..) => {
                    let reply = Decoded::of(&bench.buffer[..length]);
                    assert!(up_to_date && reply.answer.len() == 1 && reply.answer[0].contains(" SOA "), "{has}");
                }
                Outcome::Transfer(_) => assert!(!up_to_date, "{has}"),
                _ => panic!("neither"),
            }
        }
        assert!(matches!(
            bench.answerer.answer(&query("cluster.local", kind::IXFR, None), client(Via::Tcp), &mut bench.buffer),
            Outcome::Transfer(_)
        ));
    }
}
