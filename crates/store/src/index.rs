//! The database: a persistent (copy-on-write) ordered map, so that a snapshot is a pointer.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;

use crate::Record;

/// A record with what only the store needs to know of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub record: Record,
    /// When it is deleted by itself, in milliseconds since 1970.
    pub expires_ms: Option<u64>,
}

/// All records by key, and how many there are under each directory (`/a/`, `/a/b/`).
///
/// Counting by directory makes "how many are left" of a paged list a look-up; it is paid for on create and delete only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    entries: OrdMap<Arc<str>, Arc<Entry>>,
    counts: OrdMap<Arc<str>, usize>,
    bytes: u64,
}

fn weight(entry: &Arc<Entry>) -> u64 {
    (entry.record.key.len() + entry.record.value.len()) as u64
}

/// The directories a key is in, outermost first, each with its final slash.
fn directories(key: &str) -> impl Iterator<Item = &str> {
    key.char_indices().filter(|(_, c)| *c == '/').map(move |(i, _)| &key[..=i])
}

impl Index {
    /// All of them at once, in the order of their keys, none twice.
    pub fn from_sorted(sorted: impl IntoIterator<Item = (Arc<str>, Arc<Entry>)>) -> Index {
        let mut index = Index::default();
        // Neighbours are mostly in the same directory: those are counted together.
        let (mut directory, mut run) = (Arc::<str>::from(""), 0);
        for (key, entry) in sorted {
            let end = key.rfind('/').map_or(0, |at| at + 1);
            if directory[..] != key[..end] {
                index.count(&directory, run);
                (directory, run) = (key[..end].into(), 0);
            }
            run += 1;
            index.bytes += weight(&entry);
            index.entries.insert(key, entry);
        }
        index.count(&directory, run);
        index
    }

    /// So many more keys are directly in this directory.
    fn count(&mut self, directory: &str, keys: usize) {
        for outer in directories(directory) {
            *self.counts.entry(outer.into()).or_default() += keys;
        }
    }

    pub fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    /// Sets or deletes, and says what was there.
    pub fn set(&mut self, key: &Arc<str>, entry: Option<Arc<Entry>>) -> Option<Arc<Entry>> {
        let added = entry.as_ref().map_or(0, weight);
        let is_put = entry.is_some();
        let before = match entry {
            Some(entry) => self.entries.insert(key.clone(), entry),
            None => self.entries.remove(key),
        };
        self.bytes = self.bytes + added - before.as_ref().map_or(0, weight);
        if is_put != before.is_some() {
            for directory in directories(key) {
                self.count_one(directory, is_put);
            }
        }
        before
    }

    fn count_one(&mut self, directory: &str, more: bool) {
        match self.counts.get_mut(directory) {
            Some(count) if more => *count += 1,
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => {
                self.counts.remove(directory);
            }
            None => {
                self.counts.insert(directory.into(), 1);
            }
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// Those behind a key, in the order of their keys.
    pub fn entries_after(&self, key: Option<&str>) -> impl Iterator<Item = &Arc<Entry>> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range::<_, str>((from, Bound::Unbounded)).map(|(_, entry)| entry)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes of all keys and values.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Everything as it was at one revision. Taking and cloning one costs two pointers; holding one keeps only what changed since.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(crate) revision: u64,
    pub(crate) index: Index,
}

impl Snapshot {
    /// The revision that is shown.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The record of a key.
    pub fn get(&self, key: &str) -> Option<&Record> {
        self.index.get(key).map(|entry| &entry.record)
    }

    /// Records whose key begins with `prefix`, in the order of their keys, beginning after `start_after`.
    pub fn range<'a>(&'a self, prefix: &'a str, start_after: Option<&'a str>) -> impl Iterator<Item = &'a Record> + 'a {
        let from = match start_after {
            Some(key) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix),
        };
        let range = self.index.entries.range::<_, str>((from, Bound::Unbounded));
        range.map(|(_, entry)| &entry.record).take_while(move |record| record.key.starts_with(prefix))
    }

    /// How many keys begin with `prefix`: a look-up when it is empty or ends in a slash, else a scan of the range.
    pub fn count(&self, prefix: &str) -> usize {
        if prefix.is_empty() {
            self.index.len()
        } else if prefix.ends_with('/') {
            self.index.counts.get(prefix).copied().unwrap_or(0)
        } else {
            self.range(prefix, None).count()
        }
    }

    /// When a key is deleted by itself, in milliseconds since 1970; `None` when never, or when it is not there.
    pub fn expires_ms(&self, key: &str) -> Option<u64> {
        self.index.get(key)?.expires_ms
    }

    /// All of it as the bytes of a backup file, made piece by piece: what is read with [`restore`](crate::restore). The pieces keep the
    /// snapshot, which costs what changes meanwhile.
    pub fn backup(&self) -> impl Iterator<Item = Bytes> + Send + 'static {
        crate::image::Pieces::of(self.clone())
    }

    /// How many keys there are under each directory: every prefix of a key that ends in a slash.
    pub fn directories(&self) -> impl Iterator<Item = (&str, usize)> {
        self.index.counts.iter().map(|(directory, count)| (&**directory, *count))
    }
}
