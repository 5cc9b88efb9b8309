//! The wire format (RFC 1035 §4, RFC 6891): numbers, names, the query as it arrives, and the walk through records. Nothing here
//! allocates, and nothing trusts a length.

mod query;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use query::{Edns, Query, Refused, parse};
pub(crate) use writer::{Name, Section, Writer};

/// Octets of a header.
pub(crate) const HEADER: usize = 12;
/// Longest name in octets.
pub(crate) const LONGEST_NAME: usize = 255;
/// A compression pointer to the question's name, which always stands right after the header.
pub(crate) const QUESTION_NAME: u16 = 0xC000 | HEADER as u16;

/// Record types.
pub(crate) mod kind {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const HINFO: u16 = 13;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const DNAME: u16 = 39;
    pub const OPT: u16 = 41;
    pub const TKEY: u16 = 249;
    pub const TSIG: u16 = 250;
    pub const IXFR: u16 = 251;
    pub const AXFR: u16 = 252;
    pub const ANY: u16 = 255;
}

/// The one class that is served.
pub(crate) const IN: u16 = 1;

/// Response codes; those above 15 need an OPT record.
pub(crate) mod rcode {
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const SERVFAIL: u16 = 2;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    pub const BADVERS: u16 = 16;
    pub const BADCOOKIE: u16 = 23;
}

/// Extended errors (RFC 8914).
pub(crate) mod ede {
    /// The server is up, its data is not there yet.
    pub const NOT_READY: u16 = 14;
    /// No upstream answered.
    pub const NO_REACHABLE_AUTHORITY: u16 = 22;
    /// An upstream could not be reached at all.
    pub const NETWORK_ERROR: u16 = 23;
}

/// Bits of the second header word.
pub(crate) mod flag {
    pub const QR: u16 = 0x8000;
    pub const AA: u16 = 0x0400;
    pub const TC: u16 = 0x0200;
    pub const RD: u16 = 0x0100;
    pub const RA: u16 = 0x0080;
    pub const AD: u16 = 0x0020;
    pub const CD: u16 = 0x0010;
    pub const OPCODE: u16 = 0x7800;
    pub const RCODE: u16 = 0x000F;
}

/// Whether the names and the size of a record are what its type says; types that are not known are opaque (RFC 3597). `ttls` are where
/// the TTLs stand of the records up to this one, in order: they change when the message is passed on, and so does its header, so that
/// no name may be made of their octets.
pub(crate) fn is_sound(message: &[u8], record: &Record, ttls: &[usize]) -> bool {
    let mut name = [0; LONGEST_NAME];
    let mut names = |from: usize, count: usize, rest: usize| {
        let mut at = from;
        for _ in 0..count {
            let (Some(_), Some(after)) = (expand_name(message, at, &mut name), skip_name(message, at)) else { return false };
            if !is_lasting(message, at, ttls) {
                return false;
            }
            at = after;
        }
        at + rest == record.end
    };
    names(record.name, 1, record.end - record.data + 10)
        && match record.kind {
            kind::A => record.end - record.data == 4,
            kind::AAAA => record.end - record.data == 16,
            kind::NS | kind::CNAME | kind::PTR | kind::DNAME => names(record.data, 1, 0),
            kind::MX => record.end - record.data > 2 && names(record.data + 2, 1, 0),
            kind::SRV => record.end - record.data > 6 && names(record.data + 6, 1, 0),
            kind::SOA => names(record.data, 2, 20),
            _ => true,
        }
}

/// Two octets at a place, if they are there.
pub(crate) fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

/// Four octets at a place, if they are there.
pub(crate) fn u32_at(message: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

/// Where the name at `at` ends, without following pointers; `None` when it runs out of the message or has a label of a reserved kind.
pub(crate) fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xC0..=0xFF => return message.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
        if at - start > LONGEST_NAME {
            return None;
        }
    }
}

/// Writes the name at `at`, pointers followed, into `into`; gives its length. Pointers must lead backwards, so that there is no loop
/// (RFC 9267), and to a name that ends before the pointer: one that runs over its own end means something else in every copy.
pub(crate) fn expand_name(message: &[u8], mut at: usize, into: &mut [u8; LONGEST_NAME]) -> Option<usize> {
    let mut length = 0;
    let mut bound = message.len();
    let mut limit = message.len();
    loop {
        match *message.get(..limit)?.get(at)? {
            0 => {
                *into.get_mut(length)? = 0;
                return Some(length + 1);
            }
            label @ 1..=63 => {
                let octets = message.get(..limit)?.get(at..at + 1 + usize::from(label))?;
                into.get_mut(length..length + octets.len())?.copy_from_slice(octets);
                length += octets.len();
                at += octets.len();
            }
            0xC0..=0xFF => {
                let target = usize::from(u16_at(message, at)? & 0x3FFF);
                if target >= at.min(bound) {
                    return None;
                }
                bound = target;
                limit = at;
                at = target;
            }
            _ => return None,
        }
    }
}

/// Whether a name that can be expanded is made of octets that stay as they are: none of the header, none of these TTLs.
fn is_lasting(message: &[u8], mut at: usize, ttls: &[usize]) -> bool {
    let untouched = |from: usize, to: usize| {
        // The last TTL that begins before the end of the octets is the only one that may reach into them.
        let before = ttls.partition_point(|&ttl| ttl < to);
        from >= HEADER && before.checked_sub(1).is_none_or(|last| ttls[last] + 4 <= from)
    };
    loop {
        match message.get(at).copied() {
            Some(0) => return untouched(at, at + 1),
            Some(label @ 1..=63) => {
                let end = at + 1 + usize::from(label);
                if !untouched(at, end) {
                    return false;
                }
                at = end;
            }
            Some(0xC0..) if untouched(at, at + 2) => at = usize::from(u16_at(message, at).unwrap_or(0) & 0x3FFF),
            _ => return false,
        }
    }
}

/// A record as it stands in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Where its name begins.
    pub name: usize,
    /// Its type.
    pub kind: u16,
    /// Its class.
    pub class: u16,
    /// Where its TTL stands.
    pub ttl_at: usize,
    /// Its TTL in seconds.
    pub ttl_s: u32,
    /// Where its data begins.
    pub data: usize,
    /// Where it ends, and the next one begins.
    pub end: usize,
}

/// The record at `at`; `None` when it does not fit into the message.
pub(crate) fn record(message: &[u8], at: usize) -> Option<Record> {
    let after = skip_name(message, at)?;
    let data = after + 10;
    let end = data + usize::from(u16_at(message, after + 8)?);
    if end > message.len() {
        return None;
    }
    Some(Record {
        name: at,
        kind: u16_at(message, after)?,
        class: u16_at(message, after + 2)?,
        ttl_at: after + 4,
        ttl_s: u32_at(message, after + 4)?,
        data,
        end,
    })
}
