//! The handle that everyone holds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::disk::{Directory, Disk};
use crate::history::Limits;
use crate::log::Log;
use crate::queue::Queue;
use crate::recover::{Damage, recover};
use crate::shared::Shared;
use crate::writer::{Journal, NoJournal, Writer};
use crate::{Error, Outcome, Snapshot, Txn, Watch};

/// When a write counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power failure.
    #[default]
    Fsync,
    /// It survives the process. After a power failure the newest writes may be gone; revisions then jump, so that none is used twice.
    Os,
    /// As `Os`, and nothing is ever flushed. For tests.
    None,
}

/// How a store keeps its data.
#[derive(Clone, Debug)]
pub struct Options {
    /// When a write counts as durable.
    pub durability: Durability,
    /// Events that are kept whatever their age and size.
    pub history_events_min: usize,
    /// Beyond `history_events_min`, events are dropped when all together exceed this many bytes...
    pub history_bytes: usize,
    /// ...or when they are older than this.
    pub history_age: Duration,
    /// When a segment of the log is full, in bytes.
    pub segment_bytes: u64,
    /// The log is replaced by a snapshot when it exceeds both this and the size of the live data, in bytes.
    pub log_bytes_min: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Fsync,
            history_events_min: 1000,
            history_bytes: 64 << 20,
            history_age: Duration::from_secs(300),
            segment_bytes: 64 << 20,
            log_bytes_min: 64 << 20,
        }
    }
}

impl Options {
    pub(crate) fn limits(&self) -> Limits {
        Limits { events_min: self.history_events_min, bytes: self.history_bytes, age: self.history_age }
    }
}

/// Sizes and counts at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The newest durable revision.
    pub revision: u64,
    /// The oldest revision that can be read or watched from.
    pub floor: u64,
    /// How old the oldest event of the history is, in milliseconds.
    pub history_age_ms: u64,
    /// Live records.
    pub records: usize,
    /// Bytes of their keys and values.
    pub record_bytes: u64,
    /// Events in the history.
    pub events: usize,
    /// What they are counted as, in bytes.
    pub event_bytes: usize,
    /// States of the past that are held.
    pub roots: usize,
    /// Distinct prefixes that are watched.
    pub topics: usize,
    /// Transactions that wait for the writer.
    pub queued: usize,
    /// Batches since the start, tried.
    pub batches: u64,
    /// Transactions in them that changed something.
    pub txns: u64,
    /// Time spent making batches durable, in microseconds.
    pub journal_us: u64,
    /// The longest batch, in microseconds.
    pub journal_us_max: u64,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
    /// Files of the log.
    pub segments: u64,
    /// Bytes of the image on disk.
    pub image_bytes: u64,
}

/// A revisioned map from keys to bytes. Clones are handles to the same one; the last handle closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// A store without a disk, for tests.
    pub fn memory() -> Store {
        Store::memory_with(Options::default(), Clock::system())
    }

    pub(crate) fn memory_with(options: Options, clock: Clock) -> Store {
        Store::start(Shared::empty(options.limits(), clock), Box::new(NoJournal))
    }

    /// Opens a directory, created if need be: locks it, reads it, and cuts off what a crash left unfinished.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::NewerVersion`], [`Error::Corrupt`], [`Error::Io`]; the data was not changed.
    pub fn open(dir: &Path, options: Options) -> Result<Store, Error> {
        Store::open_on(Arc::new(Directory::open(dir)?), options, Clock::system())
    }

    pub(crate) fn open_on(disk: Arc<dyn Disk>, options: Options, clock: Clock) -> Result<Store, Error> {
        let mut recovered = recover(&*disk, options.limits(), Damage::Refuse)?;
        let log = Log::new(disk, options, &mut recovered);
        Ok(Store::start(Shared::new(recovered.newest, recovered.history, clock), Box::new(log)))
    }

    fn start(shared: Shared, journal: Box<dyn Journal>) -> Store {
        let (shared, queue) = (Arc::new(shared), Arc::new(Queue::new()));
        let writer = Writer::new(shared.clone(), queue.clone(), journal);
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || writer.run_to_the_end());
        if let Err(error) = &thread {
            shared.fail(format!("cannot start the writer thread: {error}"));
            queue.stop();
        }
        Store(Arc::new(Inner { shared, queue, writer: Mutex::new(thread.ok()) }))
    }

    /// The newest durable revision.
    pub fn revision(&self) -> u64 {
        self.0.shared.revision()
    }

    /// The oldest revision that can be read or watched from.
    pub fn floor(&self) -> u64 {
        self.0.shared.history.lock().floor()
    }

    /// The newest durable state; costs two pointers.
    pub fn snapshot(&self) -> Snapshot {
        self.0.shared.newest()
    }

    /// The state at a revision of the kept history.
    ///
    /// # Errors
    /// [`Error::Compacted`] below the history, [`Error::Future`] above the newest revision.
    pub fn snapshot_at(&self, revision: u64) -> Result<Snapshot, Error> {
        self.0.shared.snapshot_at(revision)
    }

    /// Decides and writes a transaction; it is durable and visible when this returns. Dropping the future does not take it back.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::DuplicateKey`], [`Error::DiskFull`], [`Error::Failed`], [`Error::Closed`]; after any of them nothing was written.
    pub async fn txn(&self, txn: Txn) -> Result<Outcome, Error> {
        txn.check()?;
        if let Some(reason) = self.failure() {
            return Err(Error::Failed(reason));
        }
        let answer = self.0.queue.push(txn).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Events with a revision above `after` whose key begins with `prefix`, in order.
    ///
    /// # Errors
    /// [`Error::Compacted`] if the history no longer has them all, [`Error::Future`] if `after` has not happened, [`Error::Closed`].
    pub fn watch(&self, prefix: &str, after: u64) -> Result<Watch, Error> {
        self.0.shared.watch(prefix, after)
    }

    /// Forgets the history up to a revision; states from it on stay readable.
    pub fn compact(&self, revision: u64) {
        self.0.shared.compact(revision);
    }

    /// Sizes and counts, for metrics.
    pub fn stats(&self) -> Stats {
        let newest = self.snapshot();
        let queued = self.0.queue.len();
        let read = |meter: &AtomicU64| meter.load(Ordering::Relaxed);
        let meters = &self.0.shared.meters;
        let history = self.0.shared.history.lock();
        let (events, event_bytes, roots, topics) = history.sizes();
        Stats {
            revision: newest.revision,
            floor: history.floor(),
            history_age_ms: history.oldest_ms().map_or(0, |at| self.0.shared.now_ms().saturating_sub(at)),
            records: newest.index.len(),
            record_bytes: newest.index.bytes(),
            events,
            event_bytes,
            roots,
            topics,
            queued,
            batches: read(&meters.batches),
            txns: read(&meters.txns),
            journal_us: read(&meters.journal_us),
            journal_us_max: read(&meters.journal_us_max),
            log_bytes: read(&meters.log_bytes),
            segments: read(&meters.segments),
            image_bytes: read(&meters.image_bytes),
        }
    }

    /// Why the store accepts no more writes, if the disk failed.
    pub fn failure(&self) -> Option<String> {
        self.0.shared.failure()
    }

    /// Waits until the disk fails; the process should then end with an error.
    pub async fn failed(&self) -> String {
        self.0.shared.failed().await
    }

    /// Finishes what is queued, flushes and releases the directory. Reads go on; writes and watches end with [`Error::Closed`].
    pub async fn close(&self) {
        self.0.queue.stop();
        let Some(thread) = self.0.writer.lock().take() else { return };
        let (done, finished) = tokio::sync::oneshot::channel();
        // Joining blocks for as long as the disk takes, which is no wait for a runtime's thread.
        let spawned = std::thread::Builder::new().name("store-close".into()).spawn(move || {
            let _ = thread.join();
            let _ = done.send(());
        });
        if spawned.is_ok() {
            let _ = finished.await;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.stop();
        // Whoever opens the directory next must find it released.
        if let Some(thread) = self.writer.lock().take() {
            let _ = thread.join();
        }
    }
}
