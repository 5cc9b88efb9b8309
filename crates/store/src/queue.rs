//! What waits for the writer: bounded by bytes, drained whole.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{Error, Outcome, Txn};

/// Room for waiting transactions, in KiB: 64 MiB, so at most 65,536 small ones.
pub(crate) const QUEUE_KIB: usize = 64 * 1024;
/// One batch takes no more than this beyond its first transaction, so that a slow disk does not make latencies arbitrary.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A transaction and who waits for it.
pub(crate) struct Request {
    pub txn: Txn,
    pub reply: oneshot::Sender<Result<Outcome, Error>>,
    /// Given back when the request is answered or dropped.
    pub _room: OwnedSemaphorePermit,
}

/// What the writer is to do next.
pub(crate) enum Work {
    Batch(Vec<Request>),
    /// Nothing came in the time given.
    Idle,
    /// Everything queued was handed out and no more will come.
    Stop,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    is_stopping: bool,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    news: Condvar,
    room: Arc<Semaphore>,
}

impl Queue {
    pub fn new() -> Queue {
        Queue { state: Mutex::default(), news: Condvar::new(), room: Arc::new(Semaphore::new(QUEUE_KIB)) }
    }

    /// Waits for room, queues, and returns where the answer will arrive.
    pub async fn push(&self, txn: Txn) -> Result<oneshot::Receiver<Result<Outcome, Error>>, Error> {
        let kib = (txn.weight() / 1024 + 1).min(QUEUE_KIB) as u32;
        let room = self.room.clone().acquire_many_owned(kib).await.map_err(|_| Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        let mut state = self.state.lock();
        if state.is_stopping {
            return Err(Error::Closed);
        }
        state.waiting.push_back(Request { txn, reply, _room: room });
        drop(state);
        self.news.notify_one();
        Ok(answer)
    }

    /// Everything that waits, up to the size of one batch.
    pub fn take(&self, patience: Duration) -> Work {
        let mut state = self.state.lock();
        if state.waiting.is_empty() && !state.is_stopping {
            self.news.wait_for(&mut state, patience);
        }
        let mut batch = Vec::with_capacity(state.waiting.len().min(1024));
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let Some(request) = state.waiting.pop_front() else { break };
            bytes += request.txn.weight();
            batch.push(request);
        }
        match batch.is_empty() {
            false => Work::Batch(batch),
            true if state.is_stopping => Work::Stop,
            true => Work::Idle,
        }
    }

    /// No more is accepted; what waits is still done.
    pub fn stop(&self) {
        self.state.lock().is_stopping = true;
        self.room.close();
        self.news.notify_one();
    }

    /// As `stop`, and what waits is dropped, which answers it.
    pub fn abandon(&self) {
        self.stop();
        self.state.lock().waiting.clear();
    }

    /// How many transactions wait.
    pub fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }
}
