//! What is done to a directory that no server has open: restore, check, repair; and the single-file backup.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::disk::{Directory, Disk, single_file};
use crate::index::Snapshot;
use crate::recover::{Damage, JUMP, recover};
use crate::{Error, Options, image};

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

pub(crate) fn backup(snapshot: &Snapshot, file: &Path) -> Result<u64, Error> {
    let mut tape = single_file(file).map_err(|e| io_error(file, &e))?;
    let written = image::write_to(&mut *tape, snapshot, &AtomicBool::new(false));
    written.map(|_| snapshot.revision).map_err(|e| io_error(file, &e))
}

/// Makes a store of a backup, in a directory that holds none yet. Its revision is far above the backup's, because revisions
/// that were shown after the backup must not be used again; every watch begins anew.
///
/// # Errors
/// [`Error::Io`] if the directory holds a store or a file cannot be read or written, [`Error::Corrupt`] if the backup is damaged.
pub fn restore(backup: &Path, dir: &Path) -> Result<Summary, Error> {
    let mut reader = io::BufReader::new(std::fs::File::open(backup).map_err(|e| io_error(backup, &e))?);
    let snapshot = image::read_any(&mut reader, &backup.display().to_string())?;
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
    read(dir, Damage::Refuse)
}

/// Gives up everything from the first damaged record of the log on, if there is one. The revision then jumps, since some that
/// were shown are gone.
///
/// # Errors
/// Those of [`Store::open`](crate::Store::open); a damaged image cannot be repaired.
pub fn repair(dir: &Path) -> Result<Summary, Error> {
    read(dir, Damage::CutOff)
}

fn read(dir: &Path, damage: Damage) -> Result<Summary, Error> {
    let recovered = recover(&Directory::open(dir)?, Options::default().limits(), damage)?;
    Ok(summary(&recovered.newest, recovered.history.floor()))
}

fn summary(newest: &Snapshot, floor: u64) -> Summary {
    Summary { revision: newest.revision, floor, records: newest.index.len(), record_bytes: newest.index.bytes() }
}
