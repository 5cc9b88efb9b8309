//! A query as it arrives, and why one is turned away (dns spec W1, W8).

use super::{HEADER, IN, LONGEST_NAME, flag, kind, rcode, record, u16_at, u32_at};
use crate::cookie::{ClientPart, ServerPart};

/// A query that may be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    pub id: u16,
    /// The flags as sent.
    pub flags: u16,
    /// The question: name, type, class, as sent.
    pub question: &'a [u8],
    pub kind: u16,
    pub edns: Option<Edns>,
    /// Which version of the zone the client has (RFC 1995).
    pub has_serial: Option<u32>,
}

/// What the OPT record of a query says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edns {
    /// The largest datagram that the client takes.
    pub size: u16,
    /// It wants DNSSEC records.
    pub dnssec_ok: bool,
    /// It would keep a connection open (RFC 7828).
    pub keepalive: bool,
    /// It asks which server this is (RFC 5001).
    pub server_id: bool,
    /// Its part of a cookie (RFC 7873).
    pub cookie: Option<ClientPart>,
    /// What it shows of one that it was given before, if that is as long as ours.
    pub shown: Option<ServerPart>,
}

/// Why a message is not answered as a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Silence: too short to have an id, or itself a response.
    Silent,
    /// This response code. `question` is how far the question goes, if it can be echoed.
    Code {
        rcode: u16,
        question: usize,
        /// An OPT was understood, so that one may be sent back.
        edns: Option<Edns>,
    },
}

impl<'a> Query<'a> {
    /// The name in wire form, as sent, with its root.
    pub fn name(&self) -> &'a [u8] {
        &self.question[..self.question.len() - 4]
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// Reads a message.
pub(crate) fn parse(message: &[u8]) -> Result<Query<'_>, Refused> {
    if message.len() < HEADER {
        return Err(Refused::Silent);
    }
    let word = |at| u16_at(message, at).unwrap_or(0);
    let (id, flags) = (word(0), word(2));
    if flags & flag::QR != 0 {
        return Err(Refused::Silent);
    }
    let refuse = |rcode, question, edns| Err(Refused::Code { rcode, question, edns });
    if flags & flag::OPCODE != 0 {
        return refuse(rcode::NOTIMP, 0, None);
    }
    let [questions, answers, authorities, additionals] = [word(4), word(6), word(8), word(10)];
    if questions == 0 && (answers, authorities) == (0, 0) {
        // A client that only wants its cookie (RFC 7873 §5.4).
        let edns = rest(message, HEADER, 0, additionals).and_then(|(edns, version)| edns.filter(|edns| version == 0 && edns.cookie.is_some()));
        return refuse(if edns.is_some() { rcode::NOERROR } else { rcode::FORMERR }, 0, edns);
    }
    if questions != 1 {
        return refuse(rcode::FORMERR, 0, None);
    }
    let Some(name_end) = plain_name(message) else { return refuse(rcode::FORMERR, 0, None) };
    let (Some(kind), Some(class)) = (u16_at(message, name_end), u16_at(message, name_end + 2)) else { return refuse(rcode::FORMERR, 0, None) };
    let end = name_end + 4;
    // An IXFR carries the SOA it has; no other query has answers or authorities.
    if answers != 0 || (authorities != 0 && kind != kind::IXFR) {
        return refuse(rcode::FORMERR, end, None);
    }
    let Some((edns, version)) = rest(message, end, authorities, additionals) else { return refuse(rcode::FORMERR, end, None) };
    if version != 0 {
        return refuse(rcode::BADVERS, end, edns);
    }
    if class != IN {
        return refuse(rcode::REFUSED, end, edns);
    }
    match kind {
        kind::OPT | kind::TSIG | kind::TKEY => refuse(rcode::FORMERR, end, edns),
        // Only transfers of zones are served of the queries that stand for many records.
        128..=254 if !matches!(kind, kind::AXFR | kind::IXFR) => refuse(rcode::NOTIMP, end, edns),
        _ => Ok(Query { id, flags, question: &message[HEADER..end], kind, edns, has_serial: serial(message, end, authorities, kind) }),
    }
}

/// The serial of the SOA that an IXFR carries.
fn serial(message: &[u8], at: usize, authorities: u16, kind: u16) -> Option<u32> {
    let soa = record(message, at).filter(|record| authorities == 1 && kind == kind::IXFR && record.kind == kind::SOA)?;
    u32_at(message, soa.end.checked_sub(20).filter(|at| *at >= soa.data)?)
}

/// The end of the question's name, which has no pointers: there is nothing before it to point at.
fn plain_name(message: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        match usize::from(*message.get(at)?) {
            0 if at + 1 - HEADER <= LONGEST_NAME => return Some(at + 1),
            length @ 1..=63 if at - HEADER < LONGEST_NAME => at += 1 + length,
            _ => return None,
        }
    }
}

/// Walks what follows the question: at most one OPT, at the root, and nothing after the last record.
fn rest(message: &[u8], mut at: usize, authorities: u16, additionals: u16) -> Option<(Option<Edns>, u8)> {
    let mut found = None;
    for index in 0..u32::from(authorities) + u32::from(additionals) {
        let record = record(message, at)?;
        if record.kind == kind::OPT {
            let at_root = message.get(record.name) == Some(&0);
            if found.is_some() || !at_root || index < u32::from(authorities) {
                return None;
            }
            found = Some((options(message, record)?, record.ttl_s.to_be_bytes()[1]));
        }
        at = record.end;
    }
    if at != message.len() {
        return None;
    }
    Some(match found {
        Some((edns, version)) => (Some(edns), version),
        None => (None, 0),
    })
}

/// Reads an OPT; unknown options are borne, malformed ones are not.
fn options(message: &[u8], opt: super::Record) -> Option<Edns> {
    const KEEPALIVE: u16 = 11;
    const SERVER_ID: u16 = 3;
    const COOKIE: u16 = 10;
    const DNSSEC_OK: u32 = 0x8000;
    let mut edns = Edns { size: opt.class, dnssec_ok: opt.ttl_s & DNSSEC_OK != 0, ..Edns::default() };
    let mut at = opt.data;
    while at < opt.end {
        let code = u16_at(message, at)?;
        let length = usize::from(u16_at(message, at + 2)?);
        match code {
            KEEPALIVE => edns.keepalive = true,
            SERVER_ID => edns.server_id = true,
            // A client alone, or with what a server of old or new gave it (RFC 7873 §4).
            COOKIE if length == 8 || (16..=40).contains(&length) => {
                edns.cookie = Some(*message.get(at + 4..)?.first_chunk()?);
                edns.shown = message.get(at + 12..at + 4 + length).and_then(|server| server.try_into().ok());
            }
            COOKIE => return None,
            _ => {}
        }
        at += 4 + length;
    }
    (at == opt.end).then_some(edns)
}
