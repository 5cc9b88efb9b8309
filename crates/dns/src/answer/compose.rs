//! Replies made of what others said: passed on whole, or put behind an alias of ours.

use super::{Outcome, Reply};
use crate::cache::Answer;
use crate::name::Folded;
use crate::wire::{self, LONGEST_NAME, Name, Section, flag, kind, rcode};

/// What came of asking others.
pub(crate) struct External<'a> {
    /// What was asked for.
    pub name: &'a Folded,
    /// The answer, or the extended error that says why there is none.
    pub result: Result<&'a Answer, u16>,
    /// Seconds since the answer was stored.
    pub age_s: u32,
}

/// The answer to the client's own question: its octets as they came, with our header, the client's letters and aged TTLs.
pub(super) fn whole(mut reply: Reply<'_, '_>, external: &External<'_>) -> Outcome {
    let answer = match external.result {
        Ok(answer) => answer,
        Err(reason) => return reply.fail(reason),
    };
    reply.rcode = answer.rcode;
    if reply.query.has(flag::AD) || reply.query.edns.is_some_and(|edns| edns.dnssec_ok) {
        reply.flags |= answer.flags & flag::AD;
    }
    if answer.rcode == rcode::SERVFAIL && answer.records.is_empty() {
        reply.writer.explain(wire::ede::NETWORK_ERROR);
    }
    // Names in it point at places of the message, so records stay where they are or are left out from the end.
    let mut at = reply.writer.position();
    for (index, kept) in answer.records.iter().enumerate() {
        let section = answer.section_of(index);
        reply.writer.section(section);
        let octets = &answer.message[at..usize::from(kept.end)];
        let ttl_at = usize::from(kept.ttl_at) - at;
        let ttl_s = kept.ttl_s.saturating_sub(external.age_s);
        if !reply.writer.aged(octets, ttl_at, ttl_s) {
            if section == Section::Answer {
                reply.writer.truncate();
            }
            break;
        }
        at = usize::from(kept.end);
    }
    reply.finish()
}

/// The records of an answer behind our alias, whose target `owner` points at; the response code is that of the last name (RFC 6604).
pub(super) fn append(mut reply: Reply<'_, '_>, owner: u16, external: &External<'_>) -> Outcome {
    let answer = match external.result {
        Ok(answer) if answer.rcode == rcode::NOERROR || answer.rcode == rcode::NXDOMAIN => answer,
        Ok(_) => return reply.fail(wire::ede::NETWORK_ERROR),
        Err(reason) => return reply.fail(reason),
    };
    reply.rcode = answer.rcode;
    let mut name = [0; LONGEST_NAME];
    let mut data = [0; LONGEST_NAME];
    for (index, kept) in answer.records.iter().enumerate() {
        let section = answer.section_of(index);
        let begin = answer.begin_of(index);
        let Some(record) = wire::record(&answer.message, begin) else { break };
        // Behind an answer only what it needs: no foreign authority, no additional records; the SOA of a denial stays.
        let wanted = section == Section::Answer || (section == Section::Authority && record.kind == kind::SOA);
        if !wanted || record.class != wire::IN {
            continue;
        }
        let Some(length) = wire::expand_name(&answer.message, record.name, &mut name) else { break };
        let plain = [&name[..length]];
        let owner = if name[..length].eq_ignore_ascii_case(external.name.wire()) { Name::Pointer(owner) } else { Name::Plain(&plain) };
        reply.writer.section(section);
        let ttl_s = kept.ttl_s.saturating_sub(external.age_s);
        if !transcribe(&mut reply, owner, record, ttl_s, &answer.message, &mut data) {
            if section == Section::Answer {
                reply.writer.truncate();
            }
            break;
        }
    }
    reply.finish()
}

/// Writes a record anew, the names in its data without pointers. False if it does not fit or is malformed.
fn transcribe(reply: &mut Reply<'_, '_>, owner: Name<'_>, record: wire::Record, ttl_s: u32, message: &[u8], name: &mut [u8; LONGEST_NAME]) -> bool {
    let raw = &message[record.data..record.end];
    let prefix = match record.kind {
        kind::NS | kind::CNAME | kind::PTR | kind::DNAME => 0,
        kind::MX => 2,
        kind::SRV => 6,
        kind::SOA => return soa(reply, owner, record, ttl_s, message),
        _ => return reply.writer.record(owner, record.kind, ttl_s, &[raw]).is_some(),
    };
    let (Some(head), Some(length)) = (raw.get(..prefix), wire::expand_name(message, record.data + prefix, name)) else { return false };
    reply.writer.record(owner, record.kind, ttl_s, &[head, &name[..length]]).is_some()
}

fn soa(reply: &mut Reply<'_, '_>, owner: Name<'_>, record: wire::Record, ttl_s: u32, message: &[u8]) -> bool {
    let (mut primary, mut mailbox) = ([0; LONGEST_NAME], [0; LONGEST_NAME]);
    let Some(after) = wire::skip_name(message, record.data) else { return false };
    let (Some(first), Some(second)) = (wire::expand_name(message, record.data, &mut primary), wire::expand_name(message, after, &mut mailbox)) else {
        return false;
    };
    let Some(numbers) = wire::skip_name(message, after).and_then(|at| message.get(at..record.end)).filter(|numbers| numbers.len() == 20) else {
        return false;
    };
    reply.writer.record(owner, kind::SOA, ttl_s, &[&primary[..first], &mailbox[..second], numbers]).is_some()
}
