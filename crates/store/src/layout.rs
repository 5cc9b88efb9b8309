//! The bytes of the files. All numbers are little-endian.
//!
//! | file | content |
//! | --- | --- |
//! | `log-R` | a header, then records; R is the revision of the first one |
//! | `image-R` | a header, then blocks of entries, then an empty block with their number; R is the revision shown |
//!
//! A record is one transaction: mark, length and checksum, then revision, time, the first revision of its batch, and the
//! changed keys. The batch tells a torn write from damage: a batch is written only after the one before it was flushed, so a
//! bad record that is followed by a good one of a later batch was good once.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

use crate::Record;
use crate::history::Commit;
use crate::index::Entry;

/// Begins every record; not zero, because lost pages read as zeros.
pub(crate) const MARK: [u8; 4] = [0xF1, 0x1E, 0xAD, 0x01];
/// Mark, length, checksum.
pub(crate) const FRAME_BYTES: usize = 12;
/// Magic, revision, mode, checksum.
pub(crate) const HEADER_BYTES: usize = 8 + 8 + 4 + 4;
const LOG_MAGIC: [u8; 8] = *b"FAIRLOG1";
const IMAGE_MAGIC: [u8; 8] = *b"FAIRIMG1";

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub is_image: bool,
    /// Of the first record, or of the image.
    pub revision: u64,
    /// Whether records were acknowledged before they were flushed.
    pub is_relaxed: bool,
}

impl Header {
    pub fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.put_slice(if self.is_image { &IMAGE_MAGIC } else { &LOG_MAGIC });
        out.put_u64_le(self.revision);
        out.put_u32_le(self.is_relaxed as u32);
        let crc = crc32c::crc32c(&out);
        out.put_u32_le(crc);
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<Header> {
        let (body, mut rest) = bytes.get(..HEADER_BYTES)?.split_at(HEADER_BYTES - 4);
        if rest.get_u32_le() != crc32c::crc32c(body) {
            return None;
        }
        let is_image = body[..8] == IMAGE_MAGIC;
        let mut numbers = &body[8..];
        let header = Header { is_image, revision: numbers.get_u64_le(), is_relaxed: numbers.get_u32_le() != 0 };
        (is_image || body[..8] == LOG_MAGIC).then_some(header)
    }
}

/// One transaction as read back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub revision: u64,
    pub at_ms: u64,
    /// The first revision of the batch it was written in.
    pub batch: u64,
    /// `None` is a delete. No change at all marks an orderly end.
    pub changes: Vec<(Arc<str>, Option<Value>)>,
}

/// What a key became.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub bytes: Bytes,
    /// When it is deleted by itself, in milliseconds since 1970.
    pub expires_ms: Option<u64>,
}

const DELETED: u8 = 0;
const PUT: u8 = 1;
const PUT_UNTIL: u8 = 2;

/// Appends a record.
pub(crate) fn encode_commit(out: &mut Vec<u8>, commit: &Commit, at_ms: u64, batch: u64) {
    frame(out, |out| {
        out.put_u64_le(commit.revision);
        out.put_u64_le(at_ms);
        out.put_u64_le(batch);
        out.put_u16_le(commit.changes.len() as u16);
        for change in &commit.changes {
            match change.now.as_deref() {
                None => {
                    out.put_u8(DELETED);
                    put_key(out, &change.key);
                }
                Some(Entry { record, expires_ms }) => {
                    out.put_u8(if expires_ms.is_some() { PUT_UNTIL } else { PUT });
                    put_key(out, &change.key);
                    if let Some(at) = expires_ms {
                        out.put_u64_le(*at);
                    }
                    put_value(out, &record.value);
                }
            }
        }
    });
}

/// Appends the record of an orderly end, which repeats the last revision.
pub(crate) fn encode_end(out: &mut Vec<u8>, revision: u64, at_ms: u64) {
    encode_commit(out, &Commit { revision, changes: Vec::new() }, at_ms, revision);
}

/// Appends a block of an image; the writer of the entries is given the buffer.
pub(crate) fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.put_slice(&MARK);
    out.put_u64_le(0);
    body(out);
    let (crc, len) = (crc32c::crc32c(&out[begin + FRAME_BYTES..]), (out.len() - begin - FRAME_BYTES) as u32);
    out[begin + 4..begin + 8].copy_from_slice(&len.to_le_bytes());
    out[begin + 8..begin + 12].copy_from_slice(&crc.to_le_bytes());
}

/// The length and the checksum of a frame, if it begins as one.
pub(crate) fn decode_frame(bytes: &[u8]) -> Option<(usize, u32)> {
    let mut head = bytes.get(..FRAME_BYTES)?;
    if head[..4] != MARK {
        return None;
    }
    head.advance(4);
    Some((head.get_u32_le() as usize, head.get_u32_le()))
}

/// The body of the frame that begins here, if it is whole and right.
pub(crate) fn framed(bytes: &[u8]) -> Option<&[u8]> {
    let (len, crc) = decode_frame(bytes)?;
    let body = bytes.get(FRAME_BYTES..FRAME_BYTES.checked_add(len)?)?;
    (crc32c::crc32c(body) == crc).then_some(body)
}

/// Reads the body of a record. `None` if a length does not fit, which the checksum makes a fault of a program, not of a disk.
pub(crate) fn decode_commit(mut body: &[u8]) -> Option<Logged> {
    let revision = body.try_get_u64_le().ok()?;
    let at_ms = body.try_get_u64_le().ok()?;
    let batch = body.try_get_u64_le().ok()?;
    let count = body.try_get_u16_le().ok()?;
    let mut changes = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let kind = body.try_get_u8().ok()?;
        let key = get_key(&mut body)?;
        let value = match kind {
            DELETED => None,
            PUT => Some(Value { bytes: get_value(&mut body)?, expires_ms: None }),
            PUT_UNTIL => {
                let expires_ms = Some(body.try_get_u64_le().ok()?);
                Some(Value { bytes: get_value(&mut body)?, expires_ms })
            }
            _ => return None,
        };
        changes.push((key, value));
    }
    body.is_empty().then_some(Logged { revision, at_ms, batch, changes })
}

/// Appends an entry of an image.
pub(crate) fn encode_entry(out: &mut Vec<u8>, entry: &Entry) {
    put_key(out, &entry.record.key);
    out.put_u64_le(entry.record.create_revision);
    out.put_u64_le(entry.record.mod_revision);
    out.put_u64_le(entry.expires_ms.unwrap_or(0));
    put_value(out, &entry.record.value);
}

/// Takes an entry of an image off the front.
pub(crate) fn decode_entry(body: &mut &[u8]) -> Option<Entry> {
    let key = get_key(body)?;
    let create_revision = body.try_get_u64_le().ok()?;
    let mod_revision = body.try_get_u64_le().ok()?;
    let expires_ms = Some(body.try_get_u64_le().ok()?).filter(|at| *at != 0);
    let value = get_value(body)?;
    Some(Entry { record: Record { key, value, create_revision, mod_revision }, expires_ms })
}

fn put_key(out: &mut Vec<u8>, key: &str) {
    // Keys are at most 1 KiB, checked before anything is queued.
    out.put_u16_le(key.len() as u16);
    out.put_slice(key.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &[u8]) {
    out.put_u32_le(value.len() as u32);
    out.put_slice(value);
}

fn get_key(body: &mut &[u8]) -> Option<Arc<str>> {
    let len = body.try_get_u16_le().ok()? as usize;
    Some(std::str::from_utf8(take(body, len)?).ok()?.into())
}

fn get_value(body: &mut &[u8]) -> Option<Bytes> {
    let len = body.try_get_u32_le().ok()? as usize;
    // Copied: a slice would keep the whole file in memory.
    Some(Bytes::copy_from_slice(take(body, len)?))
}

fn take<'a>(body: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = body.split_at_checked(len)?;
    *body = rest;
    Some(taken)
}
