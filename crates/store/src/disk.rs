//! The little of a file system that the store needs, so that tests can put a lying disk in its place.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// One flat directory of files.
pub(crate) trait Disk: Send + Sync {
    /// What it is called in messages.
    fn name(&self) -> String;
    /// All files and their lengths, in no order.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    fn read(&self, file: &str) -> io::Result<Box<dyn Read + Send>>;
    /// Creates a file, or empties it.
    fn create(&self, file: &str) -> io::Result<Box<dyn Tape>>;
    /// Shortens a file, durably.
    fn cut(&self, file: &str, len: u64) -> io::Result<()>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, file: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file that grows at its end.
pub(crate) trait Tape: Send {
    /// Appends all of it. After an error any part of it may have been written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Drops what is beyond a length; the next write goes there.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The newest layout of the directory that this version reads, and the one it writes.
pub(crate) const FORMAT: u32 = 1;
const FORMAT_FILE: &str = "format";
const LOCK_FILE: &str = "lock";

/// A directory of the operating system, locked for this process until dropped.
pub(crate) struct Directory {
    path: PathBuf,
    /// Holding the file open holds the lock; the system releases it however the process ends.
    _lock: File,
}

fn io_error(path: &Path, error: &io::Error) -> Error {
    Error::Io { path: path.display().to_string(), reason: error.to_string() }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

impl Directory {
    /// Creates the directory if need be, checks its format before touching anything, and locks it.
    pub fn open(path: &Path) -> Result<Directory, Error> {
        let found = read_format(path)?;
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| io_error(path, &e))?;
        let lock_path = path.join(LOCK_FILE);
        let mut lock = private().read(true).write(true).create(true).truncate(false).open(&lock_path).map_err(|e| io_error(&lock_path, &e))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut text = String::new();
            let _ = lock.read_to_string(&mut text);
            return Err(Error::Locked { dir: path.display().to_string(), pid: text.trim().parse().unwrap_or(0) });
        }
        let write_pid = |lock: &mut File| {
            lock.set_len(0)?;
            lock.seek(SeekFrom::Start(0))?;
            writeln!(lock, "{}", std::process::id())
        };
        // Only the message for a second process needs the number, and a full disk must not keep reads from being served.
        let _ = write_pid(&mut lock);
        let directory = Directory { path: path.to_owned(), _lock: lock };
        if found.is_none() {
            directory.write_format().map_err(|e| io_error(&path.join(FORMAT_FILE), &e))?;
        }
        Ok(directory)
    }

    fn write_format(&self) -> io::Result<()> {
        let mut tape = self.create("format.tmp")?;
        tape.write(format!("{FORMAT}\n").as_bytes())?;
        tape.sync()?;
        self.rename("format.tmp", FORMAT_FILE)?;
        self.sync_names()
    }
}

/// The format of a directory, `None` if it is new.
fn read_format(path: &Path) -> Result<Option<u32>, Error> {
    let file = path.join(FORMAT_FILE);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&file, &error)),
    };
    match text.trim().parse::<u32>() {
        Ok(found) if found > FORMAT => Err(Error::NewerVersion { dir: path.display().to_string(), found, known: FORMAT }),
        Ok(found) => Ok(Some(found)),
        Err(_) => Err(Error::Corrupt { file: file.display().to_string(), offset: 0, reason: "not a format number".into() }),
    }
}

impl Disk for Directory {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if let (Ok(name), true) = (entry.file_name().into_string(), entry.file_type()?.is_file()) {
                files.push((name, entry.metadata()?.len()));
            }
        }
        Ok(files)
    }

    fn read(&self, file: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.path.join(file))?))
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn Tape>> {
        let file = private().write(true).create(true).truncate(true).open(self.path.join(file))?;
        Ok(Box::new(FileTape { file, len: 0 }))
    }

    fn cut(&self, file: &str, len: u64) -> io::Result<()> {
        let file = private().write(true).open(self.path.join(file))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(file))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

struct FileTape {
    file: File,
    len: u64,
}

impl Tape for FileTape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // At a given place, so that a failed write leaves no cursor behind.
        self.file.write_all_at(bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.len = len;
        Ok(())
    }
}
