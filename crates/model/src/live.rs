//! The one atomic swap, and the acknowledgements that come back.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use crate::ack::Applied;
use crate::snapshot::Snapshot;

/// The snapshot in force. Readers load it without locks; waiters are woken when a newer one is published.
///
/// Level-triggered: a waiter compares generations, so a missed wake-up is harmless and several publications may become one.
pub struct Live {
    current: ArcSwap<Snapshot>,
    waiting: Mutex<Vec<Waker>>,
    applied: Mutex<Acks>,
}

#[derive(Default)]
struct Acks {
    planes: Vec<Applied>,
    version: u64,
    waiting: Vec<Waker>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new(Snapshot::default())
    }
}

impl Live {
    /// Starts with this snapshot.
    pub fn new(first: Snapshot) -> Self {
        Self { current: ArcSwap::from_pointee(first), waiting: Mutex::default(), applied: Mutex::default() }
    }

    /// The snapshot in force, for one look.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// The snapshot in force, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts a snapshot in force and wakes everybody who waits for one.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.current.store(snapshot);
        for waker in self.waiting.lock().drain(..) {
            waker.wake();
        }
    }

    /// Waits until a generation newer than `after` is in force; gives it.
    pub async fn newer_than(&self, after: u64) -> Arc<Snapshot> {
        poll_fn(|context| {
            if let Some(newer) = self.if_newer(after) {
                return Poll::Ready(newer);
            }
            register(&mut self.waiting.lock(), context.waker());
            // Published between the look and the registration: look again.
            self.if_newer(after).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    fn if_newer(&self, after: u64) -> Option<Arc<Snapshot>> {
        let current = self.current.load();
        (current.generation > after).then(|| Arc::clone(&current))
    }

    /// A plane says what it serves now. Replaces what it said before.
    pub fn applied(&self, said: Applied) {
        let mut acks = self.applied.lock();
        match acks.planes.iter_mut().find(|known| known.plane == said.plane) {
            Some(known) => *known = said,
            None => acks.planes.push(said),
        }
        acks.version += 1;
        for waker in acks.waiting.drain(..) {
            waker.wake();
        }
    }

    /// What each plane said last, in order of first appearance, with a version that grows with each word.
    pub fn acknowledgements(&self) -> (u64, Vec<Applied>) {
        let acks = self.applied.lock();
        (acks.version, acks.planes.clone())
    }

    /// Waits until acknowledgements newer than `version` are there; gives them.
    pub async fn acknowledged_after(&self, version: u64) -> (u64, Vec<Applied>) {
        poll_fn(|context| {
            let mut acks = self.applied.lock();
            if acks.version > version {
                return Poll::Ready((acks.version, acks.planes.clone()));
            }
            register(&mut acks.waiting, context.waker());
            Poll::Pending
        })
        .await
    }
}

/// Remembers a waker once, so that a waiter which is polled often does not grow the list.
fn register(waiting: &mut Vec<Waker>, waker: &Waker) {
    if !waiting.iter().any(|known| known.will_wake(waker)) {
        waiting.push(waker.clone());
    }
}
