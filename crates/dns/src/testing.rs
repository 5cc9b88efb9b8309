//! Names, queries and decoded replies for tests. The decoder is another implementation (`domain`), so that writer and reader cannot
//! be wrong together.

use std::net::IpAddr;
use std::sync::Arc;

use domain::base::Message;
use domain::base::iana::Rtype;
use domain::base::message::RecordSection;
use domain::rdata::AllRecordData;
use model::names::{NamedEndpoint, NamedPort, Owner, Shape};
use model::{Snapshot, Transport};

use crate::Config;
use crate::answer::{Answerer, Client, Outcome, Via};
use crate::forward::Upstreams;
use crate::name::encode;
use crate::table::{Follower, Table};

pub(crate) fn port(name: &str, transport: Transport, port: u16) -> NamedPort {
    NamedPort { name: name.into(), transport, port }
}

pub(crate) fn endpoint(address: &str, hostname: Option<&str>, ports: &[NamedPort]) -> NamedEndpoint {
    NamedEndpoint { hostname: hostname.map(Into::into), address: address.parse().expect("an address"), ports: ports.into(), weight: 100 }
}

pub(crate) fn owner(name: &str, shape: Shape, ports: Vec<NamedPort>, endpoints: Vec<NamedEndpoint>) -> Owner {
    Owner { key: ("n".into(), name.into()), shape, ports, endpoints, ttl_s: None }
}

pub(crate) fn addresses(list: &[&str]) -> Shape {
    Shape::Addresses(list.iter().map(|address| address.parse().expect("an address")).collect())
}

/// A complete snapshot of zone `cluster.local` with namespaces `n` and `empty`.
pub(crate) fn snapshot(owners: Vec<Owner>) -> Snapshot {
    let mut snapshot = Snapshot { generation: 1, complete: true, ..Snapshot::default() };
    let names = &mut snapshot.names;
    names.zone = "cluster.local".into();
    names.networks = vec![(IpAddr::from([10, 96, 0, 0]), 12)];
    names.serial = 7;
    for namespace in ["n", "empty"] {
        names.namespaces.insert(namespace.into(), ());
    }
    names.pods.insert(("n".into(), IpAddr::from([10, 2, 0, 1])), ());
    for owner in owners {
        names.owners.insert(owner.key.clone(), Arc::new(owner));
    }
    snapshot
}

/// One core over a table of its own.
pub(crate) struct Bench {
    pub table: Arc<Table>,
    pub follower: Follower,
    pub answerer: Answerer,
    pub buffer: Vec<u8>,
}

impl Bench {
    pub fn new(config: Config, snapshot: &Snapshot) -> Self {
        let table = Arc::new(Table::new(config.ttl_s));
        let mut follower = Follower::new(Arc::clone(&table), config.listen_ips(), config.ttl_s);
        follower.apply(snapshot);
        let upstreams = Arc::new(Upstreams::new(&config.upstreams));
        let answerer = Answerer::new(Arc::clone(&table), Arc::new(config), upstreams, crate::cookie::Secrets::new([7; 16]), 1);
        Self { table, follower, answerer, buffer: vec![0; 1 << 16] }
    }

    /// What comes back to these octets; `None` for silence.
    pub fn raw(&mut self, message: &[u8], via: Via) -> Option<Vec<u8>> {
        match self.answerer.answer(message, client(via), &mut self.buffer) {
            Outcome::Reply(length, ..) => Some(self.buffer[..length].to_vec()),
            Outcome::Silent => None,
            Outcome::Ask(_) => panic!("asks others"),
            Outcome::Transfer(_) => panic!("transfers the zone"),
        }
    }

    pub fn ask(&mut self, name: &str, kind: u16) -> Decoded {
        self.ask_with(name, kind, None, Via::Udp)
    }

    pub fn ask_with(&mut self, name: &str, kind: u16, edns: Option<u16>, via: Via) -> Decoded {
        let query = query(name, kind, edns);
        let reply = self.raw(&query, via).expect("a reply");
        assert_eq!(reply[..2], query[..2], "the id");
        Decoded::of(&reply)
    }

    /// Whether others are asked about this.
    pub fn asks(&mut self, name: &str, kind: u16) -> bool {
        matches!(self.answerer.answer(&query(name, kind, None), client(Via::Udp), &mut self.buffer), Outcome::Ask(_))
    }
}

/// Somebody who asks this way.
pub(crate) fn client(via: Via) -> Client {
    Client { via, address: [192, 0, 2, 1].into(), unix_s: 1_559_731_985, is_pressed: false }
}

/// The octets of a query with RD set.
pub(crate) fn query(name: &str, kind: u16, edns: Option<u16>) -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())];
    octets.extend(encode(name).expect("a name"));
    octets.extend(kind.to_be_bytes());
    octets.extend([0, 1]);
    if let Some(size) = edns {
        octets.extend([0, 0, 41]);
        octets.extend(size.to_be_bytes());
        octets.extend([0; 6]);
    }
    octets
}

/// A reply as the other implementation reads it: records as `owner TTL IN TYPE data` texts, OPT apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub rcode: u16,
    pub aa: bool,
    pub tc: bool,
    pub ra: bool,
    pub question: String,
    pub answer: Vec<String>,
    pub authority: Vec<String>,
    pub additional: Vec<String>,
    pub opt: bool,
    pub length: usize,
}

impl Decoded {
    pub fn of(reply: &[u8]) -> Self {
        let message = Message::from_octets(reply).expect("a header");
        let header = message.header();
        let question: Vec<_> = message.question().map(|question| question.expect("a question").to_string()).collect();
        let decoded = Self {
            rcode: message.opt_rcode().to_int(),
            aa: header.aa(),
            tc: header.tc(),
            ra: header.ra(),
            question: question.join(","),
            answer: records(message.answer().expect("answers")),
            authority: records(message.authority().expect("authorities")),
            additional: records(message.additional().expect("additionals")),
            opt: message.opt().is_some(),
            length: reply.len(),
        };
        assert!(header.qr(), "a response");
        decoded
    }

    /// Reads names and sizes only: data of types that are passed on unread may be anything.
    pub fn walk(reply: &[u8]) {
        let message = Message::from_octets(reply).expect("a header");
        let sections = [message.answer().expect("answers"), message.authority().expect("authorities"), message.additional().expect("additionals")];
        sections.into_iter().flatten().for_each(|record| drop(record.expect("a record").owner().to_string()));
    }

    /// The data of the answer's records, sorted, without the dots that some names are shown with at their end.
    pub fn data(&self) -> Vec<&str> {
        let mut data: Vec<&str> =
            self.answer.iter().filter_map(|record| record.splitn(4, ' ').nth(3)).map(|data| data.trim_end_matches('.')).collect();
        data.sort_unstable();
        data
    }

    /// Response code, and whether answer and authority are those of a denial.
    pub fn denial(&self) -> (u16, bool) {
        (self.rcode, self.answer.is_empty() && self.authority.len() == 1 && self.authority[0].contains(" SOA ") && self.aa)
    }
}

/// Records as texts, OPT left out.
fn records(section: RecordSection<'_, &[u8]>) -> Vec<String> {
    let mut texts = Vec::new();
    for record in section {
        let record = record.expect("a record");
        if record.rtype() != Rtype::OPT {
            let record = record.to_any_record::<AllRecordData<_, _>>().expect("well-formed data");
            texts.push(format!("{} {} {} {}", record.owner(), record.ttl().as_secs(), record.rtype(), record.data()));
        }
    }
    texts
}
