//! What happened lately: one ring of events for the whole store, topics that watchers read, and roots for reads in the past.
//!
//! A watcher is a cursor into its topic and a wake-up. Nothing is queued per watcher, so a stalled one costs the others
//! nothing and learns that it was too slow when its place has left the history. A write looks up the topics that its key
//! begins with and visits no others.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::index::{Entry, Index};
use crate::{Error, Event, Record, Snapshot};

/// Keep a root at least this often, so that a read in the past replays at most this many events...
const ROOT_EVENTS: usize = 4096;
/// ...or what was written in this time.
const ROOT_MS: u64 = 1000;
/// Snapshots of the past that were asked for and lie between roots: one per paged list under way.
const PINNED_MAX: usize = 64;
/// What an event costs beyond its bytes: the event, its two records, its places in ring and topics.
const EVENT_OVERHEAD_BYTES: usize = 256;

/// How much is kept.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub events_min: usize,
    pub bytes: usize,
    pub age: Duration,
}

/// One committed transaction as the history and the log see it.
pub(crate) struct Commit {
    pub revision: u64,
    pub changes: Vec<Change>,
}

/// One key of a committed transaction.
pub(crate) struct Change {
    pub key: Arc<str>,
    pub now: Option<Arc<Entry>>,
    pub before: Option<Arc<Entry>>,
}

impl Change {
    /// What it costs to keep.
    pub fn bytes(&self) -> usize {
        weight(&self.key, self.now.as_ref().map(|entry| &entry.record))
    }
}

impl Limits {
    /// What happened then is not kept for its age.
    pub fn is_old(&self, at_ms: u64, now_ms: u64) -> bool {
        at_ms < now_ms.saturating_sub(self.age.as_millis() as u64)
    }
}

fn weight(key: &str, now: Option<&Record>) -> usize {
    EVENT_OVERHEAD_BYTES + key.len() + now.map_or(0, |record| record.value.len())
}

struct Slot {
    event: Arc<Event>,
    now: Option<Arc<Entry>>,
    at_ms: u64,
}

impl Slot {
    fn bytes(&self) -> usize {
        weight(&self.event.key, self.event.now.as_ref())
    }
}

/// Events under one prefix, shared by all watchers of that prefix.
#[derive(Default)]
pub(crate) struct Topic {
    pub ring: RwLock<TopicRing>,
    pub wake: Notify,
}

#[derive(Default)]
pub(crate) struct TopicRing {
    /// The place of the first event. Places count up and never repeat.
    pub first: u64,
    pub events: VecDeque<Arc<Event>>,
    /// Events up to this revision may be absent; no cursor points there.
    pub since: u64,
    watchers: usize,
}

impl TopicRing {
    /// The place of the first event after a revision.
    fn place_after(&self, revision: u64) -> u64 {
        self.first + self.events.partition_point(|event| event.revision <= revision) as u64
    }
}

pub(crate) struct History {
    limits: Limits,
    ring: VecDeque<Slot>,
    bytes: usize,
    /// The state at the floor: every event after its revision is in the ring.
    base: Snapshot,
    /// Later states, in order.
    roots: VecDeque<Snapshot>,
    last_root_ms: u64,
    events_since_root: usize,
    pinned: VecDeque<Snapshot>,
    topics: HashMap<Arc<str>, Arc<Topic>, RandomState>,
    /// How many topics there are per length of prefix: the topics of a key are found by these look-ups alone.
    lengths: BTreeMap<usize, usize>,
}

impl History {
    /// A history that begins with a state.
    pub fn new(base: Snapshot, limits: Limits) -> History {
        History {
            limits,
            ring: VecDeque::new(),
            bytes: 0,
            base,
            roots: VecDeque::new(),
            last_root_ms: 0,
            events_since_root: 0,
            pinned: VecDeque::new(),
            topics: HashMap::default(),
            lengths: BTreeMap::new(),
        }
    }

    /// A history that begins with a state and the commits that followed it, each with its time.
    pub fn resume(base: Snapshot, commits: impl IntoIterator<Item = (Commit, u64)>, limits: Limits) -> History {
        let mut history = History::new(base, limits);
        let mut nobody = Vec::new();
        for (commit, at_ms) in commits {
            history.push_commit(commit, at_ms, &mut nobody);
        }
        history
    }

    /// The same limits, nothing of what happened.
    pub fn begin_anew(self, base: Snapshot) -> History {
        History::new(base, self.limits)
    }

    /// The revision below which nothing can be read.
    pub fn floor(&self) -> u64 {
        self.base.revision
    }

    /// When the oldest event happened.
    pub fn oldest_ms(&self) -> Option<u64> {
        self.ring.front().map(|slot| slot.at_ms)
    }

    /// Number of events, their bytes, roots, distinct watched prefixes.
    pub fn sizes(&self) -> (usize, usize, usize, usize) {
        (self.ring.len(), self.bytes, self.roots.len() + self.pinned.len(), self.topics.len())
    }

    /// The state at the floor, from which everything kept can be rebuilt.
    pub fn base(&self) -> &Snapshot {
        &self.base
    }

    /// Appends commits that led to `after`, and returns the topics that have news. The caller wakes them.
    pub fn push(&mut self, commits: Vec<Commit>, after: &Snapshot, now_ms: u64) -> Vec<Arc<Topic>> {
        let mut touched: Vec<Arc<Topic>> = Vec::new();
        for commit in commits {
            self.push_commit(commit, now_ms, &mut touched);
        }
        if self.events_since_root >= ROOT_EVENTS || now_ms.saturating_sub(self.last_root_ms) >= ROOT_MS {
            self.roots.push_back(after.clone());
            self.last_root_ms = now_ms;
            self.events_since_root = 0;
        }
        self.trim(now_ms);
        touched.sort_unstable_by_key(Arc::as_ptr);
        touched.dedup_by_key(|topic| Arc::as_ptr(topic));
        touched
    }

    fn push_commit(&mut self, commit: Commit, at_ms: u64, touched: &mut Vec<Arc<Topic>>) {
        for Change { key, now, before } in commit.changes {
            let event = Event {
                revision: commit.revision,
                key,
                now: now.as_ref().map(|e| e.record.clone()),
                before: before.as_ref().map(|e| e.record.clone()),
            };
            self.push_event(Arc::new(event), now, at_ms, touched);
        }
    }

    fn push_event(&mut self, event: Arc<Event>, now: Option<Arc<Entry>>, at_ms: u64, touched: &mut Vec<Arc<Topic>>) {
        for topic in topics_of(&self.topics, &self.lengths, &event.key) {
            topic.ring.write().events.push_back(event.clone());
            touched.push(topic.clone());
        }
        let slot = Slot { event, now, at_ms };
        self.bytes += slot.bytes();
        self.events_since_root += 1;
        self.ring.push_back(slot);
    }

    /// Drops what is beyond the limits. A revision is kept or dropped whole.
    fn trim(&mut self, now_ms: u64) {
        let mut floor = self.floor();
        let (mut count, mut bytes) = (self.ring.len(), self.bytes);
        for slot in &self.ring {
            let is_over = count > self.limits.events_min && (bytes > self.limits.bytes || self.limits.is_old(slot.at_ms, now_ms));
            if !is_over && slot.event.revision != floor {
                break;
            }
            floor = slot.event.revision;
            count -= 1;
            bytes -= slot.bytes();
        }
        self.raise_floor(floor);
    }

    /// Forgets events up to a revision.
    pub fn raise_floor(&mut self, revision: u64) {
        if revision <= self.floor() {
            return;
        }
        while self.roots.front().is_some_and(|root| root.revision <= revision) {
            self.base = self.roots.pop_front().unwrap_or_default();
        }
        while self.ring.front().is_some_and(|slot| slot.event.revision <= revision) {
            let Some(slot) = self.ring.pop_front() else { break };
            self.bytes -= slot.bytes();
            if slot.event.revision > self.base.revision {
                self.base.index.set(&slot.event.key, slot.now);
            }
            for topic in topics_of(&self.topics, &self.lengths, &slot.event.key) {
                let mut ring = topic.ring.write();
                while ring.events.front().is_some_and(|event| event.revision <= revision) {
                    ring.events.pop_front();
                    ring.first += 1;
                }
            }
        }
        self.base.revision = revision;
        self.pinned.retain(|snapshot| snapshot.revision >= revision);
    }

    /// The nearest state at or below a revision, and the changes from there to it. No changes if the state is exact.
    pub fn rebuild(&self, revision: u64) -> Result<(Snapshot, Vec<Overlay>), Error> {
        if revision < self.floor() {
            return Err(Error::Compacted { floor: self.floor() });
        }
        if let Some(exact) = self.pinned.iter().find(|snapshot| snapshot.revision == revision) {
            return Ok((exact.clone(), Vec::new()));
        }
        let later = self.roots.partition_point(|root| root.revision <= revision);
        let root = if later == 0 { &self.base } else { &self.roots[later - 1] }.clone();
        let begin = self.ring.partition_point(|slot| slot.event.revision <= root.revision);
        let end = self.ring.partition_point(|slot| slot.event.revision <= revision);
        let overlay = self.ring.range(begin..end).map(|slot| (slot.event.key.clone(), slot.now.clone())).collect();
        Ok((root, overlay))
    }

    /// Remembers a rebuilt state: the next page of the same list will ask for it again.
    pub fn pin(&mut self, snapshot: Snapshot) {
        if snapshot.revision < self.floor() || self.pinned.iter().any(|known| known.revision == snapshot.revision) {
            return;
        }
        if self.pinned.len() == PINNED_MAX {
            self.pinned.pop_front();
        }
        self.pinned.push_back(snapshot);
    }

    /// A topic that has every event after a revision, and the place of the first one.
    pub fn subscribe(&mut self, prefix: &str, after: u64) -> Result<(Arc<Topic>, u64), Error> {
        if after < self.floor() {
            return Err(Error::Compacted { floor: self.floor() });
        }
        let topic = match self.topics.get(prefix) {
            Some(topic) => topic.clone(),
            None => self.add_topic(prefix, after),
        };
        let mut ring = topic.ring.write();
        if after < ring.since {
            // An earlier watcher began later than this one: fetch what lies between from the ring of the whole store.
            let begin = self.ring.partition_point(|slot| slot.event.revision <= after);
            let end = self.ring.partition_point(|slot| slot.event.revision <= ring.since);
            for slot in self.ring.range(begin..end).rev().filter(|slot| slot.event.key.starts_with(prefix)) {
                ring.events.push_front(slot.event.clone());
                ring.first -= 1;
            }
            ring.since = after;
        }
        ring.watchers += 1;
        let place = ring.place_after(after);
        drop(ring);
        Ok((topic, place))
    }

    fn add_topic(&mut self, prefix: &str, after: u64) -> Arc<Topic> {
        let begin = self.ring.partition_point(|slot| slot.event.revision <= after);
        let events = self.ring.range(begin..).map(|slot| &slot.event).filter(|event| event.key.starts_with(prefix));
        // Places leave room below for events that a later watcher asks for from further back.
        let ring = TopicRing { first: 1 << 48, events: events.cloned().collect(), since: after, watchers: 0 };
        let topic = Arc::new(Topic { ring: RwLock::new(ring), wake: Notify::new() });
        self.topics.insert(prefix.into(), topic.clone());
        *self.lengths.entry(prefix.len()).or_default() += 1;
        topic
    }

    /// One watcher of a prefix went away; the last one takes the topic along.
    pub fn unsubscribe(&mut self, prefix: &str) {
        let Some(topic) = self.topics.get(prefix) else { return };
        let watchers = {
            let mut ring = topic.ring.write();
            ring.watchers -= 1;
            ring.watchers
        };
        if watchers == 0 {
            self.topics.remove(prefix);
            if let Some(count) = self.lengths.get_mut(&prefix.len()) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&prefix.len());
                }
            }
        }
    }

    /// All topics, to wake them when the store closes.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.values()
    }
}

/// A key and what it became.
pub(crate) type Overlay = (Arc<str>, Option<Arc<Entry>>);

/// Applies changes to a state of the past.
pub(crate) fn overlay(root: Snapshot, revision: u64, changes: Vec<Overlay>) -> Snapshot {
    let mut index: Index = root.index;
    for (key, entry) in changes {
        index.set(&key, entry);
    }
    Snapshot { revision, index }
}

fn topics_of<'a>(
    topics: &'a HashMap<Arc<str>, Arc<Topic>, RandomState>,
    lengths: &'a BTreeMap<usize, usize>,
    key: &'a str,
) -> impl Iterator<Item = &'a Arc<Topic>> {
    lengths.range(..=key.len()).filter_map(move |(length, _)| topics.get(key.get(..*length)?))
}
