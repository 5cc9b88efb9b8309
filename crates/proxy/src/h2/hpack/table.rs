//! The fields that an index stands for (RFC 7541 §2.3): the static ones, then those that the sender had us keep, newest first.

use std::collections::VecDeque;

/// The static table (RFC 7541, Appendix A). Its first entry has index 1.
#[rustfmt::skip]
pub static STATIC: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// What an entry counts for beside its text (RFC 7541 §4.1).
const OVERHEAD: usize = 32;

/// An entry's place in the text.
#[derive(Clone, Copy)]
struct Entry {
    /// Counted from the first octet that was ever kept.
    start: usize,
    name: usize,
    value: usize,
}

impl Entry {
    fn size(self) -> usize {
        self.name + self.value + OVERHEAD
    }
}

/// The dynamic table. Its memory grows to twice its bound at most, and is kept.
pub struct Table {
    /// Texts of all entries, one after the other; before `dead`, of those that are gone.
    text: Vec<u8>,
    /// The octet that the text begins with, counted as [`Entry::start`].
    base: usize,
    /// Oldest first.
    entries: VecDeque<Entry>,
    size: usize,
    bound: usize,
}

impl Table {
    /// An empty one with this bound in octets.
    pub fn new(bound: usize) -> Self {
        Self { text: Vec::new(), base: 0, entries: VecDeque::new(), size: 0, bound }
    }

    /// The field of an index, `None` if there is none.
    pub fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let place = index.checked_sub(1)?;
        if let Some(known) = STATIC.get(place) {
            return Some(*known);
        }
        let newest = self.entries.len().checked_sub(1)?;
        let entry = self.entries.get(newest.checked_sub(place - STATIC.len())?)?;
        let start = entry.start - self.base;
        Some(self.text[start..start + entry.name + entry.value].split_at(entry.name))
    }

    /// Changes the bound; what has no room any more is dropped.
    pub fn resize(&mut self, bound: usize) {
        self.bound = bound;
        self.make_room(0);
    }

    /// Keeps a field. One that is larger than the table empties it (RFC 7541 §4.4).
    pub fn insert(&mut self, name: &[u8], value: &[u8]) {
        let entry = Entry { start: self.base + self.text.len(), name: name.len(), value: value.len() };
        self.make_room(entry.size());
        if entry.size() > self.bound {
            return;
        }
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.size += entry.size();
        self.entries.push_back(entry);
    }

    fn make_room(&mut self, wanted: usize) {
        while self.size + wanted > self.bound
            && let Some(oldest) = self.entries.pop_front()
        {
            self.size -= oldest.size();
        }
        let end = self.base + self.text.len();
        let dead = self.entries.front().map_or(end, |oldest| oldest.start) - self.base;
        // Moved only once as much is dead as may live: each octet moves once on average.
        if dead == self.text.len() || dead > self.bound {
            self.text.drain(..dead);
            self.base += dead;
        }
    }
}
