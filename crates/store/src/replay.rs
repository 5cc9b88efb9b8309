//! A log being replayed. Nobody reads the store meanwhile, so the state is a plain map; the persistent ones, whose every insert
//! costs a descent with comparisons of long keys, are made once, from sorted keys, when the end is reached.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::history::{Change, Commit, History, Limits};
use crate::index::{Entry, Index};
use crate::layout::{Logged, Value};
use crate::{Record, Snapshot};

type Keyed = (Arc<str>, Arc<Entry>);

/// The state so far, and those of the last commits that the history will hold.
pub(crate) struct Replay {
    revision: u64,
    entries: HashMap<Arc<str>, Arc<Entry>, RandomState>,
    limits: Limits,
    /// With the time of each.
    tail: VecDeque<(Commit, u64)>,
    tail_events: usize,
    tail_bytes: usize,
    /// The revision before the tail.
    floor: u64,
}

impl Replay {
    /// Begins with the entries of an image.
    pub fn new(revision: u64, entries: Vec<Entry>, limits: Limits) -> Replay {
        let entries = entries.into_iter().map(|entry| (entry.record.key.clone(), Arc::new(entry))).collect();
        Replay { revision, entries, limits, tail: VecDeque::new(), tail_events: 0, tail_bytes: 0, floor: revision }
    }

    /// The revision of the last commit.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Applies a commit, unless the image has it already.
    pub fn apply(&mut self, logged: Logged) {
        let Logged { revision, at_ms, changes, .. } = logged;
        if revision <= self.revision {
            return;
        }
        self.revision = revision;
        let changes: Vec<Change> = changes.into_iter().map(|(key, value)| self.change(revision, key, value)).collect();
        self.tail_events += changes.len();
        self.tail_bytes += changes.iter().map(Change::bytes).sum::<usize>();
        self.tail.push_back((Commit { revision, changes }, at_ms));
        while self.tail_events > self.limits.events_min
            && let Some((commit, at)) = self.tail.front()
            && (self.tail_bytes > self.limits.bytes || self.limits.is_old(*at, at_ms))
        {
            self.floor = commit.revision;
            self.tail_events -= commit.changes.len();
            self.tail_bytes -= commit.changes.iter().map(Change::bytes).sum::<usize>();
            self.tail.pop_front();
        }
    }

    fn change(&mut self, revision: u64, key: Arc<str>, value: Option<Value>) -> Change {
        let made = |key: &Arc<str>, create_revision, Value { bytes, expires_ms }| {
            Arc::new(Entry { record: Record { key: key.clone(), value: bytes, create_revision, mod_revision: revision }, expires_ms })
        };
        match self.entries.entry(key) {
            Place::Occupied(mut known) => {
                // The key that is there already is shared.
                let key = known.key().clone();
                let now = value.map(|value| made(&key, known.get().record.create_revision, value));
                let before = match &now {
                    Some(now) => known.insert(now.clone()),
                    None => known.remove(),
                };
                Change { key, now, before: Some(before) }
            }
            Place::Vacant(free) => {
                let key = free.key().clone();
                let now = value.map(|value| made(&key, revision, value));
                if let Some(now) = &now {
                    free.insert(now.clone());
                }
                Change { key, now, before: None }
            }
        }
    }

    /// The state at the end, and what led to it.
    pub fn finish(self) -> (Snapshot, History) {
        let mut newest: Vec<Keyed> = self.entries.into_iter().collect();
        newest.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let base = undo(&newest, &self.tail);
        let newest = Snapshot { revision: self.revision, index: Index::from_sorted(newest) };
        let base = Snapshot { revision: self.floor, index: base.map_or_else(|| newest.index.clone(), Index::from_sorted) };
        (newest, History::resume(base, self.tail, self.limits))
    }
}

/// The state before the commits of the tail, in order; `None` when there are none.
fn undo(newest: &[Keyed], tail: &VecDeque<(Commit, u64)>) -> Option<Vec<Keyed>> {
    let mut before: HashMap<&str, Option<&Arc<Entry>>, RandomState> = HashMap::default();
    for change in tail.iter().flat_map(|(commit, _)| &commit.changes) {
        before.entry(&change.key).or_insert(change.before.as_ref());
    }
    if before.is_empty() {
        return None;
    }
    let was = |(key, now): &Keyed| match before.remove(&**key) {
        Some(was) => Some((key.clone(), was?.clone())),
        None => Some((key.clone(), now.clone())),
    };
    let mut base: Vec<Keyed> = newest.iter().filter_map(was).collect();
    // What is left was deleted meanwhile.
    base.extend(before.into_values().flatten().map(|entry| (entry.record.key.clone(), entry.clone())));
    base.sort_by(|one, other| one.0.cmp(&other.0));
    Some(base)
}
