//! The one writer: takes what waits, decides it against the state being built, makes it durable, shows it, answers.
//!
//! Whatever arrives during one fsync is the next batch. A batch that the disk refuses is forgotten whole: its revisions are
//! used again by the next one.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::history::{Change, Commit};
use crate::index::{Entry, Snapshot};
use crate::queue::{Queue, Request, Work};
use crate::shared::Shared;
use crate::{Error, Op, Outcome, Record, Txn};

/// How long the writer sleeps when nothing is due, and how long it waits before it tries expiries again on a full disk.
const IDLE: Duration = Duration::from_secs(1);
/// How many expired keys one batch deletes.
const EXPIRE_MAX: usize = 1000;

/// Where batches become durable.
pub(crate) trait Journal: Send {
    /// Returns once the commits would survive a crash. After an error nothing of them may survive.
    fn append(&mut self, commits: &[Commit], now_ms: u64) -> Result<(), Error>;
    /// Called after a batch was shown and when nothing is to do: the moment for slow work to be started.
    fn maintain(&mut self, _shared: &Shared) {}
    /// Flushes; nothing follows.
    fn close(&mut self) {}
}

/// Durable as long as the process lives.
pub(crate) struct NoJournal;

impl Journal for NoJournal {
    fn append(&mut self, _: &[Commit], _: u64) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) struct Writer {
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue>,
    pub journal: Box<dyn Journal>,
    deadlines: BTreeSet<(u64, Arc<str>)>,
    /// Expiries wait until then after a failed batch.
    rest_until_ms: u64,
    /// The last batch was not written.
    is_refusing: bool,
}

/// The state that a batch leads to.
struct Stage {
    snapshot: Snapshot,
    commits: Vec<Commit>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, queue: Arc<Queue>, journal: Box<dyn Journal>) -> Writer {
        let newest = shared.newest();
        let deadlines = newest.index.entries().filter_map(|e| Some((e.expires_ms?, e.record.key.clone()))).collect();
        Writer { shared, queue, journal, deadlines, rest_until_ms: 0, is_refusing: false }
    }

    /// Runs until the queue is stopped and empty. Should it ever panic, callers get errors and are not left waiting.
    pub fn run_to_the_end(self) {
        let (shared, queue) = (self.shared.clone(), self.queue.clone());
        if catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            shared.fail("the writer ended by a fault of the program; see its panic message".into());
            queue.abandon();
            shared.close();
        }
    }

    fn run(mut self) {
        loop {
            let work = self.queue.take(self.patience());
            let requests = match work {
                Work::Batch(requests) => requests,
                Work::Idle => Vec::new(),
                Work::Stop => break,
            };
            self.commit(requests);
            self.journal.maintain(&self.shared);
        }
        self.journal.close();
        self.shared.close();
    }

    fn patience(&self) -> Duration {
        let now_ms = self.shared.now_ms();
        let due_ms = self.deadlines.first().map_or(u64::MAX, |(at, _)| (*at).max(self.rest_until_ms));
        Duration::from_millis(due_ms.saturating_sub(now_ms)).min(IDLE)
    }

    fn commit(&mut self, requests: Vec<Request>) {
        let now_ms = self.shared.now_ms();
        let mut stage = Stage { snapshot: self.shared.newest(), commits: Vec::new() };
        let mut outcomes: Vec<Outcome> = requests.iter().map(|request| stage.decide(&request.txn, now_ms)).collect();
        self.expire(&mut stage, now_ms);
        let result = self.make_durable(&stage.commits, now_ms);
        match result {
            Ok(()) => self.show(stage, now_ms),
            Err(_) => {
                self.rest_until_ms = now_ms + IDLE.as_millis() as u64;
                // What a conflict saw may never have become durable: look again at what is.
                stage = Stage { snapshot: self.shared.newest(), commits: Vec::new() };
                outcomes = requests.iter().map(|request| stage.check(&request.txn)).collect();
            }
        }
        for (request, outcome) in requests.into_iter().zip(outcomes) {
            let answer = match (&result, outcome) {
                (Err(error), Outcome::Committed { .. }) => Err(error.clone()),
                (_, outcome) => Ok(outcome),
            };
            // A caller that stopped waiting is no reason to undo its write.
            let _ = request.reply.send(answer);
        }
    }

    fn make_durable(&mut self, commits: &[Commit], now_ms: u64) -> Result<(), Error> {
        if commits.is_empty() {
            return Ok(());
        }
        if let Some(reason) = self.shared.failure() {
            return Err(Error::Failed(reason));
        }
        let begin = Instant::now();
        let result = self.journal.append(commits, now_ms);
        self.shared.meters.count(commits.len(), begin.elapsed());
        match &result {
            Err(Error::Failed(reason)) => {
                tracing::error!(reason, "store: the disk failed, no more writes are accepted");
                self.shared.fail(reason.clone());
            }
            // Once, not for every write that is refused meanwhile.
            Err(error) if !self.is_refusing => tracing::warn!(%error, "store: writes are refused"),
            Err(_) => {}
            Ok(()) if self.is_refusing => tracing::info!("store: writes succeed again"),
            Ok(()) => {}
        }
        self.is_refusing = result.is_err();
        result
    }

    fn show(&mut self, stage: Stage, now_ms: u64) {
        if stage.commits.is_empty() {
            return;
        }
        for change in stage.commits.iter().flat_map(|commit| &commit.changes) {
            if let Some(at) = change.before.as_ref().and_then(|entry| entry.expires_ms) {
                self.deadlines.remove(&(at, change.key.clone()));
            }
            if let Some(at) = change.now.as_ref().and_then(|entry| entry.expires_ms) {
                self.deadlines.insert((at, change.key.clone()));
            }
        }
        self.shared.publish(stage.snapshot, stage.commits, now_ms);
    }

    /// Adds deletes of what is over its time. A key that the batch itself renewed has another deadline by now and stays.
    fn expire(&self, stage: &mut Stage, now_ms: u64) {
        if now_ms < self.rest_until_ms || self.shared.failure().is_some() {
            return;
        }
        for (at, key) in self.deadlines.iter().take_while(|(at, _)| *at <= now_ms).take(EXPIRE_MAX) {
            let is_due = stage.snapshot.index.get(key).is_some_and(|entry| entry.expires_ms == Some(*at));
            if is_due {
                stage.apply(&[Op::Delete { key: key.clone() }], now_ms);
            }
        }
    }
}

impl Stage {
    fn check(&self, txn: &Txn) -> Outcome {
        for (index, compare) in txn.compare.iter().enumerate() {
            let current = self.snapshot.get(&compare.key);
            if current.map_or(0, |record| record.mod_revision) != compare.revision {
                return Outcome::Conflict { index, current: current.cloned() };
            }
        }
        Outcome::Committed { revision: self.snapshot.revision }
    }

    fn decide(&mut self, txn: &Txn, now_ms: u64) -> Outcome {
        match self.check(txn) {
            Outcome::Committed { .. } => {
                self.apply(&txn.ops, now_ms);
                Outcome::Committed { revision: self.snapshot.revision }
            }
            conflict => conflict,
        }
    }

    fn apply(&mut self, ops: &[Op], now_ms: u64) {
        let revision = self.snapshot.revision + 1;
        let mut changes = Vec::with_capacity(ops.len());
        for op in ops {
            let key = op.key();
            let before = self.snapshot.index.get(key).cloned();
            let now = match op {
                Op::Delete { .. } if before.is_none() => continue,
                Op::Delete { .. } => None,
                Op::Put { value, ttl, .. } => {
                    let create_revision = before.as_ref().map_or(revision, |entry| entry.record.create_revision);
                    // One allocation per key for as long as the key lives.
                    let key = before.as_ref().map_or(key, |entry| &entry.record.key).clone();
                    let record = Record { key, value: value.clone(), create_revision, mod_revision: revision };
                    let expires_ms = ttl.map(|ttl| now_ms.saturating_add(ttl.as_millis().min(u64::MAX as u128) as u64));
                    Some(Arc::new(Entry { record, expires_ms }))
                }
            };
            let key = before.as_ref().or(now.as_ref()).map_or(key, |entry| &entry.record.key).clone();
            self.snapshot.index.set(&key, now.clone());
            changes.push(Change { key, now, before });
        }
        if !changes.is_empty() {
            self.snapshot.revision = revision;
            self.commits.push(Commit { revision, changes });
        }
    }
}
