//! A state written to one file, and read back.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes};

use crate::disk::{Disk, Tape};
use crate::index::{Entry, Index, Snapshot};
use crate::layout::{self, FRAME_BYTES, HEADER_BYTES, Header};
use crate::{Error, VALUE_BYTES_MAX};

/// Where an image grows until it is whole.
const TEMPORARY: &str = "image.tmp";
/// Entries are gathered to blocks of this size.
const BLOCK_BYTES: usize = 1 << 20;
/// An image is flushed in portions, so that the log's flush never waits behind all of it.
const FLUSH_BYTES: usize = 8 << 20;
/// The largest block: one more entry of the largest size than was planned.
const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + VALUE_BYTES_MAX + (64 << 10);

/// The name of the image of a revision.
pub(crate) fn name(revision: u64) -> String {
    format!("image-{revision:020}")
}

/// The revision in the name of an image.
pub(crate) fn revision_of(name: &str) -> Option<u64> {
    name.strip_prefix("image-")?.parse().ok()
}

/// Writes an image durably under its final name. `stop` ends it early, with an error of kind `Interrupted`.
pub(crate) fn write(disk: &dyn Disk, snapshot: &Snapshot, stop: &AtomicBool) -> io::Result<u64> {
    let result = write_temporary(disk, snapshot, stop).and_then(|bytes| {
        disk.rename(TEMPORARY, &name(snapshot.revision))?;
        disk.sync_names()?;
        Ok(bytes)
    });
    if result.is_err() {
        let _ = disk.remove(TEMPORARY);
    }
    result
}

fn write_temporary(disk: &dyn Disk, snapshot: &Snapshot, stop: &AtomicBool) -> io::Result<u64> {
    let mut tape = disk.create(TEMPORARY)?;
    write_to(&mut *tape, snapshot, stop)
}

/// The bytes of an image: a header, blocks of entries, and their number.
pub(crate) struct Pieces {
    snapshot: Snapshot,
    next: Next,
    /// Entries so far.
    count: u64,
}

enum Next {
    Header,
    /// Entries behind this key.
    Block(Option<Arc<str>>),
    Count,
    Nothing,
}

impl Pieces {
    pub fn of(snapshot: Snapshot) -> Self {
        Self { snapshot, next: Next::Header, count: 0 }
    }

    /// Entries behind a key, as many as a block takes, and the last key of them.
    fn block(&mut self, after: Option<&str>) -> (Vec<u8>, Option<Arc<str>>) {
        let mut entries = self.snapshot.index.entries_after(after);
        let (mut block, mut last) = (Vec::new(), None);
        layout::frame(&mut block, |out| {
            while out.len() < BLOCK_BYTES {
                let Some(entry) = entries.next() else { break };
                layout::encode_entry(out, entry);
                self.count += 1;
                last = Some(Arc::clone(&entry.record.key));
            }
        });
        (block, last)
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Header => {
                self.next = Next::Block(None);
                Some(Header { is_image: true, revision: self.snapshot.revision, is_relaxed: false }.encode().into())
            }
            Next::Block(after) => match self.block(after.as_deref()) {
                (block, Some(last)) => {
                    self.next = Next::Block(Some(last));
                    Some(block.into())
                }
                (_, None) => {
                    self.next = Next::Count;
                    self.next()
                }
            },
            Next::Count => {
                let mut block = Vec::new();
                layout::frame(&mut block, |out| out.extend_from_slice(&self.count.to_le_bytes()));
                Some(block.into())
            }
            Next::Nothing => None,
        }
    }
}

/// Writes an image to a file and flushes it; returns its length.
fn write_to(tape: &mut dyn Tape, snapshot: &Snapshot, stop: &AtomicBool) -> io::Result<u64> {
    let mut written = 0u64;
    let mut unflushed = 0;
    let mut put = |tape: &mut dyn Tape, bytes: &[u8]| -> io::Result<()> {
        tape.write(bytes)?;
        written += bytes.len() as u64;
        unflushed += bytes.len();
        if unflushed >= FLUSH_BYTES {
            unflushed = 0;
            tape.sync()?;
        }
        Ok(())
    };
    for piece in Pieces::of(snapshot.clone()) {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        put(tape, &piece)?;
    }
    tape.sync()?;
    Ok(written)
}

/// Reads the entries of an image, in the order of their keys.
pub(crate) fn read(disk: &dyn Disk, revision: u64) -> Result<Vec<Entry>, Error> {
    let name = name(revision);
    let file = format!("{}/{name}", disk.name());
    let reader = disk.read(&name).map_err(|e| Error::Io { path: file.clone(), reason: e.to_string() })?;
    let mut reader = io::BufReader::with_capacity(BLOCK_BYTES, reader);
    let mut offset = 0;
    let read = read_from(&mut reader, Some(revision), &mut offset);
    read.map(|(_, entries)| entries).map_err(|reason| Error::Corrupt { file, offset, reason })
}

/// Reads an image of any revision; `file` names it in messages.
pub(crate) fn read_any(reader: &mut dyn Read, file: &str) -> Result<Snapshot, Error> {
    let mut offset = 0;
    let (revision, entries) = read_from(reader, None, &mut offset).map_err(|reason| Error::Corrupt { file: file.to_owned(), offset, reason })?;
    let sorted = entries.into_iter().map(|entry| (entry.record.key.clone(), Arc::new(entry)));
    Ok(Snapshot { revision, index: Index::from_sorted(sorted) })
}

fn read_from(reader: &mut dyn Read, expected: Option<u64>, offset: &mut u64) -> Result<(u64, Vec<Entry>), String> {
    let mut header = [0; HEADER_BYTES];
    reader.read_exact(&mut header).map_err(|e| e.to_string())?;
    let header = Header::decode(&header).filter(|header| header.is_image && expected.is_none_or(|expected| header.revision == expected));
    let Some(Header { revision, .. }) = header else { return Err("not the header of an image of this revision".into()) };
    *offset = HEADER_BYTES as u64;
    let mut entries: Vec<Entry> = Vec::new();
    let mut block = Vec::new();
    loop {
        let mut head = [0; FRAME_BYTES];
        reader.read_exact(&mut head).map_err(|e| e.to_string())?;
        let (len, _) = layout::decode_frame(&head).filter(|(len, _)| *len <= BLOCK_BYTES_MAX).ok_or("a block does not begin as one")?;
        block.clear();
        block.extend_from_slice(&head);
        block.resize(FRAME_BYTES + len, 0);
        reader.read_exact(&mut block[FRAME_BYTES..]).map_err(|e| e.to_string())?;
        let mut body = layout::framed(&block).ok_or("the checksum of a block is wrong")?;
        if body.len() == size_of::<u64>() {
            let count = body.get_u64_le();
            let is_whole = count == entries.len() as u64;
            return if is_whole { Ok((revision, entries)) } else { Err("entries are missing".into()) };
        }
        while !body.is_empty() {
            let entry = layout::decode_entry(&mut body).ok_or("an entry does not fit its block")?;
            if entries.last().is_some_and(|last| last.record.key >= entry.record.key) {
                return Err("entries are out of order".into());
            }
            entries.push(entry);
        }
        *offset += block.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    fn image(keys: &[&str]) -> Vec<u8> {
        let mut bytes = Header { is_image: true, revision: 7, is_relaxed: false }.encode();
        layout::frame(&mut bytes, |out| {
            for key in keys {
                let record = Record { key: (*key).into(), value: Bytes::from_static(b"v"), create_revision: 2, mod_revision: 3 };
                layout::encode_entry(out, &Entry { record, expires_ms: None });
            }
        });
        layout::frame(&mut bytes, |out| out.extend_from_slice(&(keys.len() as u64).to_le_bytes()));
        bytes
    }

    #[test]
    fn an_image_whose_keys_are_out_of_order_or_there_twice_is_corrupt() {
        let read = |keys: &[&str]| read_any(&mut &image(keys)[..], "image").map(|snapshot| snapshot.index.len());
        assert_eq!(read(&["/a", "/b"]).ok(), Some(2));
        for keys in [["/b", "/a"], ["/a", "/a"]] {
            assert!(matches!(read(&keys), Err(Error::Corrupt { reason, .. }) if reason.contains("order")), "{keys:?}");
        }
    }
}
