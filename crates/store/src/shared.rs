//! What readers, watchers and the writer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::history::{Commit, History, Limits, overlay};
use crate::{Error, Snapshot, Watch};

/// The visible state. Only the writer changes it, through [`Shared::publish`].
pub(crate) struct Shared {
    newest: RwLock<Snapshot>,
    pub history: Mutex<History>,
    /// Every event up to this revision is in the topics.
    published: AtomicU64,
    closed: AtomicBool,
    failure: RwLock<Option<String>>,
    failed: Notify,
    pub meters: Meters,
    clock: Clock,
}

/// What the writer counts. Written by it alone.
#[derive(Default)]
pub(crate) struct Meters {
    pub batches: AtomicU64,
    pub txns: AtomicU64,
    /// Time spent making batches durable, in microseconds.
    pub journal_us: AtomicU64,
    /// The longest batch of all, in microseconds.
    pub journal_us_max: AtomicU64,
    pub log_bytes: AtomicU64,
    pub image_bytes: AtomicU64,
    pub segments: AtomicU64,
}

impl Meters {
    /// Counts one batch that was tried.
    pub fn count(&self, txns: usize, took: Duration) {
        let us = took.as_micros() as u64;
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.txns.fetch_add(txns as u64, Ordering::Relaxed);
        self.journal_us.fetch_add(us, Ordering::Relaxed);
        self.journal_us_max.fetch_max(us, Ordering::Relaxed);
    }
}

impl Shared {
    /// Begins with a state and the history that led to it.
    pub fn new(newest: Snapshot, history: History, clock: Clock) -> Shared {
        Shared {
            published: AtomicU64::new(newest.revision),
            newest: RwLock::new(newest),
            history: Mutex::new(history),
            closed: AtomicBool::new(false),
            failure: RwLock::new(None),
            failed: Notify::new(),
            meters: Meters::default(),
            clock,
        }
    }

    /// An empty state. Revision 0 means "any" to Kubernetes clients, so the first state is 1, as etcd's is.
    pub fn empty(limits: Limits, clock: Clock) -> Shared {
        let empty = Snapshot { revision: 1, ..Snapshot::default() };
        Shared::new(empty.clone(), History::new(empty, limits), clock)
    }

    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub fn newest(&self) -> Snapshot {
        self.newest.read().clone()
    }

    pub fn revision(&self) -> u64 {
        self.newest.read().revision
    }

    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Makes durable commits visible: to reads first, so that whoever hears of a change also reads it.
    pub fn publish(&self, newest: Snapshot, commits: Vec<Commit>, now_ms: u64) {
        let revision = newest.revision;
        let touched = {
            let mut history = self.history.lock();
            *self.newest.write() = newest.clone();
            let touched = history.push(commits, &newest, now_ms);
            self.published.store(revision, Ordering::Release);
            touched
        };
        for topic in touched {
            topic.wake.notify_waiters();
        }
    }

    pub fn snapshot_at(&self, revision: u64) -> Result<Snapshot, Error> {
        let (root, changes) = {
            let history = self.history.lock();
            let newest = self.newest.read();
            if revision > newest.revision {
                return Err(Error::Future { current: newest.revision });
            }
            if revision == newest.revision {
                return Ok(newest.clone());
            }
            history.rebuild(revision)?
        };
        let is_exact = root.revision == revision;
        let snapshot = if is_exact { root } else { overlay(root, revision, changes) };
        self.history.lock().pin(snapshot.clone());
        Ok(snapshot)
    }

    pub fn watch(self: &Arc<Self>, prefix: &str, after: u64) -> Result<Watch, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let mut history = self.history.lock();
        let current = self.revision();
        if after > current {
            return Err(Error::Future { current });
        }
        let (topic, place) = history.subscribe(prefix, after)?;
        Ok(Watch::new(self.clone(), topic, prefix.into(), after, place))
    }

    pub fn compact(&self, revision: u64) {
        let mut history = self.history.lock();
        let revision = revision.min(self.published());
        history.raise_floor(revision);
    }

    /// No event will come any more; watchers learn it after the last one.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for topic in self.history.lock().topics() {
            topic.wake.notify_waiters();
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The disk failed: nothing is written any more.
    pub fn fail(&self, reason: String) {
        self.failure.write().get_or_insert(reason);
        self.failed.notify_waiters();
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.read().clone()
    }

    pub async fn failed(&self) -> String {
        loop {
            let news = self.failed.notified();
            if let Some(reason) = self.failure() {
                return reason;
            }
            news.await;
        }
    }
}
