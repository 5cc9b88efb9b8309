//! What readers, watchers and the writer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

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
}

impl Shared {
    /// Begins with a state and the history that led to it.
    pub fn new(newest: Snapshot, history: History) -> Shared {
        Shared {
            published: AtomicU64::new(newest.revision),
            newest: RwLock::new(newest),
            history: Mutex::new(history),
            closed: AtomicBool::new(false),
            failure: RwLock::new(None),
        }
    }

    /// An empty state. Revision 0 means "any" to Kubernetes clients, so the first state is 1, as etcd's is.
    pub fn empty(limits: Limits) -> Shared {
        let empty = Snapshot { revision: 1, ..Snapshot::default() };
        Shared::new(empty.clone(), History::new(empty, limits))
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
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.read().clone()
    }
}
