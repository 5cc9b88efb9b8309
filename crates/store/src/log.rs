//! The segmented log: the journal of a store on disk.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use crate::disk::{Disk, Tape};
use crate::history::Commit;
use crate::index::Snapshot;
use crate::layout::{self, Header};
use crate::recover::Recovered;
use crate::shared::Shared;
use crate::writer::Journal;
use crate::{Durability, Error, Options, image};

/// Restarts make short segments; so many of them are replaced by an image whatever their size.
const SEGMENTS_MAX: usize = 64;
/// How long the log waits after an image failed, in milliseconds.
const IMAGE_RETRY_MS: u64 = 60_000;
/// A buffer that a large batch made grow beyond this is given back.
const BUFFER_BYTES: usize = 4 << 20;

/// The name of the segment that begins with a revision.
pub(crate) fn name(first: u64) -> String {
    format!("log-{first:020}")
}

/// The first revision in the name of a segment.
pub(crate) fn revision_of(name: &str) -> Option<u64> {
    name.strip_prefix("log-")?.parse().ok()
}

/// One file of the log.
pub(crate) struct Segment {
    /// The revision of its first record.
    pub first: u64,
    pub bytes: u64,
}

/// An image being written in the background.
struct Job {
    result: Receiver<io::Result<u64>>,
    revision: u64,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    options: Options,
    /// In order; while `tape` is open, it is the last one.
    segments: VecDeque<Segment>,
    tape: Option<Box<dyn Tape>>,
    image: Option<(u64, u64)>,
    job: Option<Job>,
    retry_ms: u64,
    last: (u64, u64),
    buffer: Vec<u8>,
}

impl Log {
    pub fn new(disk: Arc<dyn Disk>, options: Options, recovered: &mut Recovered) -> Log {
        Log {
            disk,
            options,
            segments: std::mem::take(&mut recovered.segments),
            tape: None,
            image: recovered.image,
            job: None,
            retry_ms: 0,
            last: (recovered.newest.revision, 0),
            buffer: Vec::new(),
        }
    }

    fn is_relaxed(&self) -> bool {
        self.options.durability != Durability::Fsync
    }

    /// Begins a segment when there is none or the last one is full.
    fn rotate(&mut self, first: u64) -> io::Result<()> {
        let is_full = self.segments.back().is_some_and(|segment| segment.bytes >= self.options.segment_bytes);
        if self.tape.is_some() && !is_full {
            return Ok(());
        }
        if let Some(mut full) = self.tape.take() {
            // In a relaxed mode only the last segment may be in doubt.
            if self.options.durability == Durability::Os {
                full.sync()?;
            }
        }
        let name = name(first);
        let header = Header { is_image: false, revision: first, is_relaxed: self.is_relaxed() }.encode();
        let begin = || {
            let mut tape = self.disk.create(&name)?;
            tape.write(&header)?;
            tape.sync()?;
            self.disk.sync_names()?;
            Ok(tape)
        };
        let tape = begin().inspect_err(|_: &io::Error| {
            let _ = self.disk.remove(&name);
        })?;
        // A segment of the same name is one whose only records were cut off.
        self.segments.retain(|segment| segment.first != first);
        self.segments.push_back(Segment { first, bytes: header.len() as u64 });
        self.tape = Some(tape);
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        let (Some(tape), Some(segment)) = (&mut self.tape, self.segments.back_mut()) else {
            return Err(Error::Failed("the log has no open segment".into()));
        };
        let mut written = tape.write(&self.buffer);
        if written.is_ok() && self.options.durability == Durability::Fsync {
            // What a failed flush left in the page cache is unknowable, so it is never tried twice.
            tape.sync().map_err(|e| Error::Failed(format!("flushing {}/{}: {e}", self.disk.name(), name(segment.first))))?;
        }
        if let Err(error) = &mut written {
            // The start of the batch may be there, even whole records of it. Nothing of it was acknowledged, nothing may come back.
            let undone = tape.truncate(segment.bytes).and_then(|()| tape.sync());
            if let Err(second) = undone {
                return Err(Error::Failed(format!(
                    "undoing a failed write to {}/{}: {second}, after {error}",
                    self.disk.name(),
                    name(segment.first)
                )));
            }
        }
        match written {
            Ok(()) => {
                segment.bytes += self.buffer.len() as u64;
                Ok(())
            }
            Err(error) => Err(self.refusal(&error)),
        }
    }

    fn refusal(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { dir: self.disk.name() },
            _ => Error::Failed(format!("writing the log in {}: {error}", self.disk.name())),
        }
    }

    /// Segments that an image of a revision makes superfluous, and their bytes.
    fn superfluous(&self, revision: u64) -> (usize, u64) {
        let follows = |i: usize| self.segments.get(i + 1).is_some_and(|next| next.first <= revision + 1);
        let count = (0..self.segments.len()).take_while(|i| follows(*i)).count();
        (count, self.segments.range(..count).map(|segment| segment.bytes).sum())
    }

    /// Starts an image of the state at the history's floor when it would let enough of the log go.
    fn begin_image(&mut self, shared: &Shared) {
        if self.segments.len() < 2 || shared.now_ms() < self.retry_ms {
            return;
        }
        let base = shared.history.lock().base().clone();
        let (count, bytes) = self.superfluous(base.revision);
        let is_due = bytes > self.options.log_bytes_min.max(base.index.bytes()) || count > SEGMENTS_MAX;
        if !is_due || self.image.is_some_and(|(revision, _)| revision >= base.revision) {
            return;
        }
        self.job = self.spawn(base);
    }

    fn spawn(&self, base: Snapshot) -> Option<Job> {
        let (done, result) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let (disk, revision, stopped) = (self.disk.clone(), base.revision, stop.clone());
        let work = move || {
            // The receiver is gone only when the store is, and then nobody needs to know.
            let _ = done.send(image::write(&*disk, &base, &stopped));
        };
        let thread = std::thread::Builder::new().name("store-image".into()).spawn(work);
        thread.ok().map(|thread| Job { result, revision, stop, thread })
    }

    /// Takes the result of a finished image and removes what it replaces.
    fn end_image(&mut self, now_ms: u64) {
        let Some(job) = &self.job else { return };
        let result = match job.result.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err(io::Error::other("the thread ended early")),
        };
        let revision = job.revision;
        self.job = None;
        match result {
            Ok(bytes) => self.replace(revision, bytes),
            Err(error) => {
                self.retry_ms = now_ms + IMAGE_RETRY_MS;
                tracing::warn!(revision, %error, "store: an image was not written; the log keeps growing until one is");
            }
        }
    }

    fn replace(&mut self, revision: u64, bytes: u64) {
        let (count, _) = self.superfluous(revision);
        let old_image = self.image.replace((revision, bytes)).map(|(old, _)| image::name(old));
        let names = self.segments.drain(..count).map(|segment| name(segment.first)).chain(old_image);
        for name in names {
            if let Err(error) = self.disk.remove(&name) {
                tracing::warn!(name, %error, "store: a superfluous file was not removed; the next start tries again");
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(tape) = &mut self.tape else { return Ok(()) };
        if self.options.durability == Durability::Fsync {
            return Ok(());
        }
        self.buffer.clear();
        layout::encode_end(&mut self.buffer, self.last.0, self.last.1);
        tape.write(&self.buffer)?;
        tape.sync()
    }
}

impl Journal for Log {
    fn append(&mut self, commits: &[Commit], now_ms: u64) -> Result<(), Error> {
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else { return Ok(()) };
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
        for commit in commits {
            layout::encode_commit(&mut self.buffer, commit, now_ms, first.revision);
        }
        self.rotate(first.revision).map_err(|error| self.refusal(&error))?;
        self.write()?;
        self.last = (last.revision, now_ms);
        Ok(())
    }

    fn maintain(&mut self, shared: &Shared) {
        let now_ms = shared.now_ms();
        self.end_image(now_ms);
        if self.job.is_none() && shared.failure().is_none() {
            self.begin_image(shared);
        }
        shared.meters.log_bytes.store(self.segments.iter().map(|segment| segment.bytes).sum(), Ordering::Relaxed);
        shared.meters.segments.store(self.segments.len() as u64, Ordering::Relaxed);
        shared.meters.image_bytes.store(self.image.map_or(0, |(_, bytes)| bytes), Ordering::Relaxed);
    }

    fn close(&mut self) {
        if let Some(job) = self.job.take() {
            job.stop.store(true, Ordering::Relaxed);
            let _ = job.thread.join();
        }
        if let Err(error) = self.finish() {
            tracing::warn!(%error, "store: the log was not ended in order; revisions will jump at the next start");
        }
        self.tape = None;
    }
}
