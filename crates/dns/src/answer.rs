//! From a query to the octets of its reply. Nothing here allocates, locks or waits: what must be asked of others is handed back.

mod chase;
mod compose;
pub(crate) mod fill;
mod special;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use crate::Config;
use crate::cookie::Secrets;
use crate::forward::{Upstreams, within};
use crate::name::{Folded, Reverse, reverse};
use crate::select::{Order, Rng};
use crate::table::{Table, Zone};
use crate::transfer::Transfer;
use crate::wire::{self, Edns, QUESTION_NAME, Query, Refused, Section, Writer, ede, flag, kind, rcode};

pub(crate) use compose::External;

/// A reply without EDNS may take so many octets (RFC 1035 §4.2.1).
const PLAIN_UDP: usize = 512;
/// What an idle connection is kept, in tenths of a second, as RFC 7828 counts.
const KEEPALIVE_100MS: u16 = 100;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Udp,
    Tcp,
}

/// Who asked, how and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub via: Via,
    pub address: IpAddr,
    /// Unix time in seconds.
    pub unix_s: u32,
    /// More comes than is answered: who has a cookie must show a good one (RFC 7873 §5.2.3).
    pub is_pressed: bool,
}

/// What becomes of a message.
#[allow(clippy::large_enum_variant, reason = "on the stack for one query; a box would be an allocation")]
pub(crate) enum Outcome {
    /// So many octets of the buffer are the reply; for the count its response code, and whether it lacks records that did not fit.
    Reply(usize, u16, bool),
    /// No reply.
    Silent,
    /// Somebody else knows.
    Ask(Ask),
    /// The whole zone, in messages that the connection asks for one by one.
    Transfer(Box<Transfer>),
}

/// A question for others.
#[derive(Clone)]
pub(crate) struct Ask {
    pub name: Folded,
    pub kind: u16,
    pub dnssec_ok: bool,
    pub checking_disabled: bool,
}

/// Answers on one thread.
pub(crate) struct Answerer {
    known: Known,
    draws: Draws,
}

/// What answers are made from, the same for all threads. A query changes nothing of it, not even a count of owners.
struct Known {
    table: Arc<Table>,
    config: Arc<Config>,
    upstreams: Arc<Upstreams>,
    secrets: Secrets,
}

/// What changes from one query to the next.
struct Draws {
    rng: Rng,
    order: Order,
    /// Where the target of each SRV record of the reply stands; kept so that none is allocated per query.
    targets: Vec<(u32, u16)>,
}

/// Who is responsible for a name.
enum Place {
    /// Our zone; so many labels stand before it.
    Own(usize),
    /// A reverse zone, where we may be.
    Reverse(Reverse),
    /// `localhost`, `invalid`, `onion` (RFC 6761, RFC 7686).
    Special,
    /// Others.
    Elsewhere,
}

fn place(zone: &Zone, name: &Folded) -> Place {
    if let Some(labels) = name.before(&zone.apex).filter(|_| zone.apex.len() > 1) {
        return Place::Own(labels);
    }
    if let Some(reverse) = reverse(name) {
        return Place::Reverse(reverse);
    }
    match name.labels() {
        0 => Place::Elsewhere,
        labels if matches!(name.label(labels - 1), b"localhost" | b"invalid" | b"onion") => Place::Special,
        _ => Place::Elsewhere,
    }
}

/// A reply under way, with what every step of it needs.
pub(crate) struct Reply<'q, 'b> {
    query: Query<'q>,
    writer: Writer<'b>,
    /// Flags besides QR and TC.
    flags: u16,
    rcode: u16,
    /// Others may be asked on the client's behalf.
    recursive: bool,
}

impl Reply<'_, '_> {
    fn finish(self) -> Outcome {
        let is_cut = self.writer.is_truncated();
        Outcome::Reply(self.writer.finish(self.query.id, self.flags, self.rcode), self.rcode, is_cut)
    }

    /// Ends it as a failure with a reason (RFC 8914).
    fn fail(mut self, reason: u16) -> Outcome {
        self.rcode = rcode::SERVFAIL;
        self.writer.restart();
        self.writer.explain(reason);
        self.finish()
    }
}

impl Answerer {
    /// An answerer of this table. `secrets` make cookies, the same on all cores; `seed` makes its random order.
    pub fn new(table: Arc<Table>, config: Arc<Config>, upstreams: Arc<Upstreams>, secrets: Secrets, seed: u64) -> Self {
        let known = Known { table, config, upstreams, secrets };
        Self { known, draws: Draws { rng: Rng::new(seed), order: Order::default(), targets: Vec::new() } }
    }

    /// Answers a message into `buffer`, which takes at least 64 KiB over TCP and the largest datagram over UDP.
    pub fn answer(&mut self, message: &[u8], client: Client, buffer: &mut [u8]) -> Outcome {
        match wire::parse(message) {
            Ok(query) => self.known.query(&mut self.draws, query, client, buffer, None),
            Err(refused) => self.known.refuse(message, refused, client, buffer),
        }
    }

    /// Answers a message again, now with what others said.
    pub fn complete(&mut self, message: &[u8], client: Client, buffer: &mut [u8], external: &External<'_>) -> Outcome {
        match wire::parse(message) {
            Ok(query) => self.known.query(&mut self.draws, query, client, buffer, Some(external)),
            Err(refused) => self.known.refuse(message, refused, client, buffer),
        }
    }

    /// Refuses a query that would have to wait where too many do.
    pub fn turn_away(&mut self, message: &[u8], client: Client, buffer: &mut [u8]) -> Outcome {
        match wire::parse(message) {
            Ok(query) => {
                let mut reply = self.known.begin(query, client, buffer);
                reply.rcode = rcode::REFUSED;
                reply.finish()
            }
            Err(refused) => self.known.refuse(message, refused, client, buffer),
        }
    }
}

impl Known {
    fn query(&self, draws: &mut Draws, query: Query<'_>, client: Client, buffer: &mut [u8], external: Option<&External<'_>>) -> Outcome {
        let zone = self.table.zone();
        let name = Folded::of(query.name());
        let mut reply = self.begin(query, client, buffer);
        if client.is_pressed && self.lacks_proof(&query, client) {
            reply.rcode = rcode::BADCOOKIE;
            return reply.finish();
        }
        if matches!(query.kind, kind::AXFR | kind::IXFR) {
            return self.transfer(reply, &zone, &name, client);
        }
        match place(&zone, &name) {
            Place::Own(_) if !zone.complete => reply.fail(ede::NOT_READY),
            Place::Own(_) => self.chase(draws, reply, &zone, name, external),
            Place::Reverse(reverse) => self.reverse(reply, &zone, &name, reverse, external),
            Place::Special => special::answer(reply, &zone, &name),
            Place::Elsewhere => self.elsewhere(reply, &name, external),
        }
    }

    /// Whether a client that knows cookies shows none of ours: its address may be somebody else's.
    fn lacks_proof(&self, query: &Query<'_>, client: Client) -> bool {
        let part = query.edns.and_then(|edns| Some((edns.cookie?, edns.shown)));
        client.via == Via::Udp
            && part.is_some_and(|(part, shown)| shown.is_none_or(|shown| !self.secrets.is_good(part, &shown, client.address, client.unix_s)))
    }

    /// Our zone as a whole, over TCP, for those who may have it (B14, W8). Who has the version in force already gets its SOA.
    fn transfer(&self, mut reply: Reply<'_, '_>, zone: &Arc<Zone>, name: &Folded, client: Client) -> Outcome {
        let allowed = self.config.transfer_to.iter().any(|&network| within(network, client.address));
        if client.via != Via::Tcp || !allowed || *name.wire() != *zone.apex {
            reply.rcode = rcode::REFUSED;
            return reply.finish();
        }
        if !zone.complete {
            return reply.fail(ede::NOT_READY);
        }
        reply.flags = (reply.flags | flag::AA) & !flag::RA;
        // Serials turn over: what is not ahead of the client's is nothing new (RFC 1982).
        let current = reply.query.has_serial.is_some_and(|has| zone.serial == has || zone.serial.wrapping_sub(has) > u32::MAX / 2);
        if current {
            fill::soa(&mut reply.writer, zone, Section::Answer, QUESTION_NAME, zone.ttl_s);
            return reply.finish();
        }
        Outcome::Transfer(Box::new(Transfer::new(&self.table, Arc::clone(zone), &reply.query, reply.flags, self.config.max_udp)))
    }

    /// A reply with nothing in it yet.
    fn begin<'q, 'b>(&self, query: Query<'q>, client: Client, buffer: &'b mut [u8]) -> Reply<'q, 'b> {
        let limit = match (client.via, query.edns) {
            (Via::Tcp, _) => usize::from(u16::MAX),
            (Via::Udp, None) => PLAIN_UDP,
            (Via::Udp, Some(edns)) => usize::from(edns.size).clamp(PLAIN_UDP, usize::from(self.config.max_udp).max(PLAIN_UDP)),
        };
        let mut writer = Writer::new(buffer, limit, query.question, query.edns, self.config.max_udp);
        if client.via == Via::Tcp {
            writer.last_resort();
        }
        if let Some(edns) = query.edns {
            self.options(&mut writer, edns, client);
        }
        let recursive = self.upstreams.serve(client.address);
        let available = if recursive { flag::RA } else { 0 };
        Reply { flags: (query.flags & (flag::RD | flag::CD)) | available, query, writer, rcode: rcode::NOERROR, recursive }
    }

    /// The options that a client with EDNS asked for.
    fn options(&self, writer: &mut Writer<'_>, edns: Edns, client: Client) {
        if client.via == Via::Tcp && edns.keepalive {
            writer.keepalive(KEEPALIVE_100MS);
        }
        if let Some(id) = self.config.server_id.as_ref().filter(|_| edns.server_id) {
            writer.identify(id);
        }
        if let Some(part) = edns.cookie {
            writer.cookie(self.secrets.make(part, client.address, client.unix_s));
        }
    }

    /// A name of others: ask, or say what was said.
    fn elsewhere(&self, mut reply: Reply<'_, '_>, name: &Folded, external: Option<&External<'_>>) -> Outcome {
        match external {
            Some(external) => compose::whole(reply, external),
            // Our own question, back from one who should have answered it: that is all the answer needed.
            None if !reply.recursive || self.upstreams.is_probe(name) => {
                reply.rcode = rcode::REFUSED;
                reply.finish()
            }
            None => Outcome::Ask(ask(&reply.query, name)),
        }
    }

    fn refuse(&self, message: &[u8], refused: Refused, client: Client, buffer: &mut [u8]) -> Outcome {
        let Refused::Code { rcode, question, edns } = refused else { return Outcome::Silent };
        let word = |at| wire::u16_at(message, at).unwrap_or(0);
        let question = message.get(wire::HEADER..question).unwrap_or_default();
        let mut writer = Writer::new(buffer, PLAIN_UDP, question, edns, self.config.max_udp);
        if let Some(edns) = edns {
            self.options(&mut writer, edns, client);
        }
        let available = if self.upstreams.serve(client.address) { flag::RA } else { 0 };
        let flags = (word(2) & (flag::OPCODE | flag::RD)) | available;
        Outcome::Reply(writer.finish(word(0), flags, rcode), rcode, false)
    }
}

fn ask(query: &Query<'_>, name: &Folded) -> Ask {
    Ask { name: name.clone(), kind: query.kind, dnssec_ok: query.edns.is_some_and(|edns| edns.dnssec_ok), checking_disabled: query.has(flag::CD) }
}
