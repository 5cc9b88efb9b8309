//! What is done to a directory that no server has open: restore, import, check, repair; and reading backups.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::disk::{Directory, Disk};
use crate::index::{Entry, Index, Snapshot};
use crate::recover::{Damage, JUMP, recover};
use crate::{Error, KEY_BYTES_MAX, Options, Record, VALUE_BYTES_MAX, image};

/// What a directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The newest revision.
    pub revision: u64,
    /// The oldest revision that can be read or watched from.
    pub floor: u64,
    /// Live records.
    pub records: usize,
    /// Bytes of their keys and values.
    pub record_bytes: u64,
}

fn io_error(path: &Path, error: &io::Error) -> Error {
    Error::Io { path: path.display().to_string(), reason: error.to_string() }
}

/// Reads a backup whole, and so finds out whether it is.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Corrupt`] if it is damaged or not whole.
pub fn read_backup(backup: &Path) -> Result<Snapshot, Error> {
    let mut reader = io::BufReader::new(std::fs::File::open(backup).map_err(|e| io_error(backup, &e))?);
    image::read_any(&mut reader, &backup.display().to_string())
}

/// The newest state of a directory.
///
/// # Errors
/// Those of [`Store::open`](crate::Store::open); [`Error::Io`] also if there is no store, for none is made.
pub fn load(dir: &Path) -> Result<Snapshot, Error> {
    read(dir, Damage::Refuse).map(|(newest, _)| newest)
}

/// Makes a store of a backup, in a directory that holds none yet. Its revision is far above the backup's, because revisions
/// that were shown after the backup must not be used again; every watch begins anew.
///
/// # Errors
/// [`Error::Io`] if the directory holds a store or a file cannot be read or written, [`Error::Corrupt`] if the backup is damaged.
pub fn restore(backup: &Path, dir: &Path) -> Result<Summary, Error> {
    begin(dir, read_backup(backup)?)
}

/// Makes a store of records, in a directory that holds none yet. They keep their revisions; that of the store is as after [`restore`].
///
/// # Errors
/// [`Error::Io`] as [`restore`]; [`Error::TooLarge`] and [`Error::DuplicateKey`] if a record could not have been written.
pub fn import(records: impl IntoIterator<Item = (Record, Option<u64>)>, dir: &Path) -> Result<Summary, Error> {
    let mut sorted = BTreeMap::new();
    let mut revision = 1;
    for (record, expires_ms) in records {
        let too_large = |what, size, limit| if size > limit { Err(Error::TooLarge { what, size, limit }) } else { Ok(()) };
        too_large("key bytes", record.key.len(), KEY_BYTES_MAX)?;
        too_large("value bytes", record.value.len(), VALUE_BYTES_MAX)?;
        revision = revision.max(record.mod_revision);
        let key = Arc::clone(&record.key);
        if sorted.insert(Arc::clone(&key), Arc::new(Entry { record, expires_ms })).is_some() {
            return Err(Error::DuplicateKey { key: key.to_string() });
        }
    }
    begin(dir, Snapshot { revision, index: Index::from_sorted(sorted) })
}

/// Writes the first image of a directory.
fn begin(dir: &Path, snapshot: Snapshot) -> Result<Summary, Error> {
    let directory = Directory::open(dir)?;
    let is_used = |name: &str| image::revision_of(name).is_some() || crate::log::revision_of(name).is_some();
    let files = directory.list().map_err(|e| io_error(dir, &e))?;
    if files.iter().any(|(name, _)| is_used(name)) {
        return Err(Error::Io { path: dir.display().to_string(), reason: "there is a store already; name an empty directory".into() });
    }
    let snapshot = Snapshot { revision: snapshot.revision + JUMP, ..snapshot };
    image::write(&directory, &snapshot, &AtomicBool::new(false)).map_err(|e| io_error(dir, &e))?;
    Ok(summary(&snapshot, snapshot.revision))
}

/// Reads a directory from end to end as a server would.
///
/// # Errors
/// Those of [`Store::open`](crate::Store::open); a torn end is cut off as there.
pub fn check(dir: &Path) -> Result<Summary, Error> {
    read(dir, Damage::Refuse).map(|(newest, floor)| summary(&newest, floor))
}

/// Gives up everything from the first damaged record of the log on, if there is one. The revision then jumps, since some that
/// were shown are gone.
///
/// # Errors
/// Those of [`Store::open`](crate::Store::open); a damaged image cannot be repaired.
pub fn repair(dir: &Path) -> Result<Summary, Error> {
    read(dir, Damage::CutOff).map(|(newest, floor)| summary(&newest, floor))
}

/// The newest state and the floor.
fn read(dir: &Path, damage: Damage) -> Result<(Snapshot, u64), Error> {
    if !dir.is_dir() {
        return Err(Error::Io { path: dir.display().to_string(), reason: "there is no store here".into() });
    }
    let recovered = recover(&Directory::open(dir)?, Options::default().limits(), damage)?;
    Ok((recovered.newest, recovered.history.floor()))
}

fn summary(newest: &Snapshot, floor: u64) -> Summary {
    Summary { revision: newest.revision, floor, records: newest.index.len(), record_bytes: newest.index.bytes() }
}
