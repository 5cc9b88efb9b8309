//! Writes a reply into a buffer, whole records only, within the limit of its client.

use std::sync::Arc;

use super::{Edns, HEADER, IN, flag, rcode};
use crate::cookie::Cookie;

/// An OPT record without options.
const OPT: usize = 11;
/// An option without its value.
const OPTION: usize = 4;
/// Codes of options.
const SERVER_ID: u16 = 3;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const EXTENDED_ERROR: u16 = 15;
/// Octets of a record besides its name and data: type, class, TTL, length.
const FIXED: usize = 10;

/// Which section a record goes to. They are written in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Answer,
    Authority,
    Additional,
}

/// A reply under way.
pub(crate) struct Writer<'b> {
    buffer: &'b mut [u8],
    at: usize,
    /// Records end here; what the OPT takes is held back.
    limit: usize,
    counts: [u16; 3],
    section: Section,
    edns: Option<Edns>,
    /// Own size to announce.
    announce: u16,
    extended_error: Option<u16>,
    keepalive_100ms: Option<u16>,
    server_id: Option<Arc<[u8]>>,
    cookie: Option<Cookie>,
    truncated: bool,
    /// No TC: there is no larger transport to turn to.
    last_resort: bool,
    /// Where the first record begins.
    records: usize,
}

impl<'b> Writer<'b> {
    /// Begins a reply with this question (empty: none) that may take `limit` octets. `announce` is our own largest datagram.
    pub fn new(buffer: &'b mut [u8], limit: usize, question: &[u8], edns: Option<Edns>, announce: u16) -> Self {
        let limit = limit.min(buffer.len());
        let at = HEADER + question.len();
        buffer[HEADER..at].copy_from_slice(question);
        let mut writer = Self {
            buffer,
            at,
            limit,
            counts: [0; 3],
            section: Section::Answer,
            edns,
            announce,
            extended_error: None,
            keepalive_100ms: None,
            server_id: None,
            cookie: None,
            truncated: false,
            last_resort: false,
            records: at,
        };
        if edns.is_some() {
            writer.limit = writer.limit.saturating_sub(OPT);
        }
        writer
    }

    /// Says why (RFC 8914), if the client understands EDNS. Call before records are written.
    pub fn explain(&mut self, code: u16) {
        if self.edns.is_some() && self.extended_error.is_none() {
            self.extended_error = Some(code);
            self.hold_back(OPTION + 2);
        }
    }

    /// Says how long a connection may idle, in tenths of a second (RFC 7828). Call before records are written.
    pub fn keepalive(&mut self, tenths: u16) {
        if self.edns.is_some() && self.keepalive_100ms.is_none() {
            self.keepalive_100ms = Some(tenths);
            self.hold_back(OPTION + 2);
        }
    }

    /// Says which server this is (RFC 5001). Call before records are written.
    pub fn identify(&mut self, id: &Arc<[u8]>) {
        if self.edns.is_some() && self.server_id.is_none() {
            self.server_id = Some(Arc::clone(id));
            self.hold_back(OPTION + id.len());
        }
    }

    /// Gives the client its cookie (RFC 7873). Call before records are written.
    pub fn cookie(&mut self, cookie: Cookie) {
        if self.edns.is_some() && self.cookie.is_none() {
            self.cookie = Some(cookie);
            self.hold_back(OPTION + cookie.len());
        }
    }

    fn hold_back(&mut self, octets: usize) {
        self.limit = self.limit.saturating_sub(octets);
    }

    /// Where the next record begins.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What does not fit is left out without TC, because the client has no larger transport to turn to.
    pub fn last_resort(&mut self) {
        self.last_resort = true;
    }

    /// Everything written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.at]
    }

    /// Records follow in this section.
    pub fn section(&mut self, section: Section) {
        self.section = section;
    }

    /// How many records a section has.
    pub fn count(&self, section: Section) -> u16 {
        self.counts[section as usize]
    }

    /// Octets that are left.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.at)
    }

    /// Marks the reply as cut.
    pub fn truncate(&mut self) {
        self.truncated = true;
    }

    /// Whether the reply was cut.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Writes a ready record. False, and nothing written, if it does not fit.
    pub fn ready(&mut self, record: &[u8]) -> bool {
        if record.len() > self.room() {
            return false;
        }
        self.buffer[self.at..self.at + record.len()].copy_from_slice(record);
        self.at += record.len();
        self.counts[self.section as usize] += 1;
        true
    }

    /// Writes a record as it stood in another message at the same place, with another TTL at `ttl_at` of it. False, and nothing
    /// written, if it does not fit.
    pub fn aged(&mut self, record: &[u8], ttl_at: usize, ttl_s: u32) -> bool {
        let begin = self.at;
        if !self.ready(record) {
            return false;
        }
        self.buffer[begin + ttl_at..begin + ttl_at + 4].copy_from_slice(&ttl_s.to_be_bytes());
        true
    }

    /// Writes a record whose data comes in pieces. Gives where the data begins; `None`, and nothing written, if it does not fit.
    pub fn record(&mut self, name: Name<'_>, kind: u16, ttl_s: u32, data: &[&[u8]]) -> Option<usize> {
        let size: usize = data.iter().map(|piece| piece.len()).sum();
        let name_size = match name {
            Name::Pointer(_) => 2,
            Name::Plain(pieces) => pieces.iter().map(|piece| piece.len()).sum(),
        };
        if name_size + FIXED + size > self.room() {
            return None;
        }
        match name {
            Name::Pointer(to) => self.put(&to.to_be_bytes()),
            Name::Plain(pieces) => pieces.iter().for_each(|piece| self.put(piece)),
        }
        self.put(&kind.to_be_bytes());
        self.put(&IN.to_be_bytes());
        self.put(&ttl_s.to_be_bytes());
        self.put(&u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes());
        let begin = self.at;
        data.iter().for_each(|piece| self.put(piece));
        self.counts[self.section as usize] += 1;
        Some(begin)
    }

    fn put(&mut self, octets: &[u8]) {
        self.buffer[self.at..self.at + octets.len()].copy_from_slice(octets);
        self.at += octets.len();
    }

    /// Takes back every record.
    pub fn restart(&mut self) {
        self.at = self.records;
        self.counts = [0; 3];
        self.section = Section::Answer;
    }

    /// Writes header and OPT; gives the reply's length. `flags` are those besides QR, TC and the response code.
    pub fn finish(mut self, id: u16, flags: u16, rcode: u16) -> usize {
        let mut additional = self.counts[Section::Additional as usize];
        if let Some(edns) = self.edns {
            self.limit = self.buffer.len();
            self.opt(edns, rcode);
            additional += 1;
        }
        let cut = if self.truncated && !self.last_resort { flag::TC } else { 0 };
        // Without an OPT there is no room for the upper bits: the nearest plain code is "format error".
        let low = if self.edns.is_none() && rcode > flag::RCODE { rcode::FORMERR } else { rcode & flag::RCODE };
        let words = [id, flag::QR | flags | cut | low, u16::from(self.records > HEADER), self.counts[0], self.counts[1], additional];
        for (index, word) in words.iter().enumerate() {
            self.buffer[index * 2..index * 2 + 2].copy_from_slice(&word.to_be_bytes());
        }
        self.at
    }

    fn opt(&mut self, edns: Edns, code: u16) {
        let extended = (u32::from(code >> 4) << 24) | if edns.dnssec_ok { 0x8000 } else { 0 };
        self.put(&[0, 0, 41]);
        self.put(&self.announce.to_be_bytes());
        self.put(&extended.to_be_bytes());
        let length_at = self.at;
        self.put(&[0, 0]);
        let (extended_error, keepalive) = (self.extended_error.map(u16::to_be_bytes), self.keepalive_100ms.map(u16::to_be_bytes));
        let (server_id, cookie) = (self.server_id.take(), self.cookie);
        let options = [
            (EXTENDED_ERROR, extended_error.as_ref().map(|value| &value[..])),
            (KEEPALIVE, keepalive.as_ref().map(|value| &value[..])),
            (SERVER_ID, server_id.as_deref()),
            (COOKIE, cookie.as_ref().map(|value| &value[..])),
        ];
        for (number, value) in options {
            if let Some(value) = value {
                self.put(&number.to_be_bytes());
                self.put(&u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
                self.put(value);
            }
        }
        let length = u16::try_from(self.at - length_at - 2).unwrap_or(0);
        self.buffer[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }
}

/// The owner of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name<'a> {
    /// A compression pointer, with its two upper bits set.
    Pointer(u16),
    /// Pieces of a name in wire form that make up the whole of it.
    Plain(&'a [&'a [u8]]),
}
