//! All objects, decoded once: what reads and watches see of the store.
//!
//! One cursor follows the store through all kinds. Readers move it themselves before they look ([`Cache::sync`]), so that they see every
//! write that was acknowledged before they asked; a task moves it when nobody reads. Each kind is a persistent map, so that a list keeps
//! its state for as long as it streams without holding anything up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use imbl::OrdMap;
use parking_lot::Mutex;
use store::{Event, Record, Store};

use crate::dispatch::{Change, Watcher, Watchers};
use crate::kinds::{KINDS, Kind};
use crate::labels::LabelIndex;
use crate::object::Object;

/// Every key begins with this.
pub const ROOT: &str = "/registry/";

/// Changes of one kind kept decoded for watches that resume; older ones come from the store's history.
const RECENT_CHANGES: usize = 1000;
/// The objects of those changes together, bytes.
const RECENT_BYTES: usize = 16 * 1024 * 1024;
/// How many of them keep their encoded events, for watches that are a little behind.
const RECENT_ENCODED: usize = 64;

/// The objects of a kind by key, in the order of lists.
pub type Items = OrdMap<Arc<str>, Arc<Object>>;

/// States of one kind kept for the next pages of lists; beyond it they come from the store, which is slower.
const PINS: usize = 32;
/// How long they are kept.
const PIN_AGE: Duration = Duration::from_secs(300);

/// Every kind's objects, following one store.
pub struct Cache {
    store: Store,
    /// One per kind of objects, in the order of [`KINDS`].
    shelves: Vec<Shelf>,
    by_prefix: HashMap<&'static str, usize, foldhash::fast::RandomState>,
    feed: Mutex<store::Watch>,
    /// Every event up to this revision is in the shelves.
    applied: AtomicU64,
}

/// The objects of one kind and those who watch them.
pub struct Shelf {
    /// The kind.
    pub kind: &'static Kind,
    state: Mutex<State>,
    watchers: Mutex<Watchers>,
}

#[derive(Default)]
struct State {
    items: Items,
    labels: LabelIndex,
    /// Revision of the newest change of this kind.
    changed: u64,
    recent: VecDeque<Arc<Change>>,
    recent_bytes: usize,
    /// States that pages of lists were cut from, oldest first.
    pinned: VecDeque<Pin>,
    /// Every change above this revision is in `recent`.
    recent_floor: u64,
}

struct Pin {
    since: Instant,
    sight: Sight,
}

impl State {
    /// Lets go of states whose lists are surely over. What they held may be large.
    fn unpin(&mut self) {
        while self.pinned.front().is_some_and(|pin| self.pinned.len() > PINS || pin.since.elapsed() > PIN_AGE) {
            self.pinned.pop_front();
        }
    }

    fn remember(&mut self, change: Arc<Change>) {
        self.recent_bytes += change.bytes();
        self.recent.push_back(change);
        if let Some(at) = self.recent.len().checked_sub(RECENT_ENCODED + 1) {
            self.recent[at].forget_frames();
        }
        while self.recent.len() > RECENT_CHANGES || self.recent_bytes > RECENT_BYTES {
            let Some(oldest) = self.recent.pop_front() else { return };
            self.recent_bytes -= oldest.bytes();
            self.recent_floor = oldest.revision;
        }
    }
}

/// The objects of one kind at one revision.
#[derive(Clone)]
pub struct Sight {
    /// The revision: everything up to it is in, nothing above it.
    pub revision: u64,
    /// The objects.
    pub items: Items,
    /// Labels to keys; a state of the past has none.
    pub labels: Option<LabelIndex>,
}

/// How a watch begins.
pub enum Start {
    /// With the present state.
    Now,
    /// With the changes above a revision.
    After(u64),
}

/// A watch that has begun: what comes first, and where the rest arrives.
pub struct Begun {
    /// The state at `revision`, for [`Start::Now`].
    pub sight: Sight,
    /// The changes after the asked revision, for [`Start::After`].
    pub backlog: Vec<Arc<Change>>,
    /// Receives every later change that its scope can match.
    pub watcher: Arc<Watcher>,
}

impl Cache {
    /// Reads the whole store.
    pub fn new(store: Store) -> Result<Self, store::Error> {
        // A second view of a kind's objects shares its shelf.
        let homes: Vec<&'static Kind> = KINDS.iter().filter(|kind| !kind.is_view).collect();
        let by_prefix = homes.iter().enumerate().map(|(at, kind)| (kind.prefix, at)).collect();
        let shelf = |kind: &&'static Kind| Shelf { kind, state: Mutex::default(), watchers: Mutex::default() };
        let snapshot = store.snapshot();
        let feed = Mutex::new(store.watch(ROOT, snapshot.revision())?);
        let cache = Self { shelves: homes.iter().map(shelf).collect(), by_prefix, feed, applied: AtomicU64::new(0), store };
        cache.load(&snapshot);
        Ok(cache)
    }

    /// The store beneath.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The shelf of a kind of [`KINDS`].
    pub fn shelf(&self, kind: &Kind) -> &Shelf {
        let at = self.by_prefix.get(kind.prefix).expect("every kind has a shelf");
        &self.shelves[*at]
    }

    /// All shelves, in the order of [`KINDS`].
    pub fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    /// How many changes wait for the watch that is furthest behind, of all kinds.
    pub fn longest_queue(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.watchers.lock().longest_queue()).max().unwrap_or(0)
    }

    fn load(&self, snapshot: &store::Snapshot) {
        for shelf in &self.shelves {
            let mut state = State { recent_floor: snapshot.revision(), changed: snapshot.revision(), ..State::default() };
            for record in snapshot.range(&format!("{ROOT}{}/", shelf.kind.prefix), None) {
                if let Some(object) = shelf.decode(record) {
                    state.labels.add(&object);
                    state.items.insert(object.key.clone(), object);
                }
            }
            let mut present = shelf.state.lock();
            // What pages were cut from stays true.
            state.pinned = std::mem::take(&mut present.pinned);
            *present = state;
        }
        self.applied.store(snapshot.revision(), Ordering::Release);
    }

    /// Takes in everything that is durable by now; gives the revision reached.
    pub fn sync(&self) -> u64 {
        let applied = self.applied.load(Ordering::Acquire);
        if applied >= self.store.revision() { applied } else { self.follow(&mut self.feed.lock()) }
    }

    fn follow(&self, feed: &mut store::Watch) -> u64 {
        let target = self.store.revision();
        loop {
            match feed.try_next() {
                Ok(Some(event)) => self.apply(&event),
                // Readers see a revision a moment before the history is told of it.
                Ok(None) if feed.position() < target => std::thread::yield_now(),
                Ok(None) => break,
                Err(store::Error::Closed) => return self.applied.load(Ordering::Acquire),
                Err(_) => return self.start_over(feed),
            }
        }
        let reached = feed.position();
        self.applied.store(reached, Ordering::Release);
        reached
    }

    /// The cursor fell out of the history: read everything again; watches end and their clients list again.
    fn start_over(&self, feed: &mut store::Watch) -> u64 {
        tracing::warn!("the object cache fell behind the store's history and is read again");
        let snapshot = self.store.snapshot();
        if let Ok(fresh) = self.store.watch(ROOT, snapshot.revision()) {
            *feed = fresh;
            for shelf in &self.shelves {
                shelf.watchers.lock().end_all();
            }
            self.load(&snapshot);
        }
        self.applied.load(Ordering::Acquire)
    }

    fn apply(&self, event: &Event) {
        let Some(shelf) = self.shelf_of(&event.key) else { return };
        let now = event.now.as_ref().and_then(|record| shelf.decode(record));
        let mut state = shelf.state.lock();
        let before = match &now {
            Some(object) => state.items.insert(object.key.clone(), object.clone()),
            None => state.items.remove(&event.key),
        };
        state.labels.replace(before.as_deref(), now.as_ref());
        state.changed = event.revision;
        if now.is_none() && before.is_none() {
            return;
        }
        let change = Arc::new(Change::new(event.revision, now, before));
        state.remember(change.clone());
        state.unpin();
        drop(state);
        shelf.watchers.lock().tell(&change);
    }

    /// Keys are `/registry/PREFIX/...`, and a prefix has one segment or two.
    fn shelf_of(&self, key: &str) -> Option<&Shelf> {
        let rest = key.strip_prefix(ROOT)?;
        let mut ends = rest.match_indices('/').map(|(at, _)| at);
        let (one, two) = (ends.next()?, ends.next());
        let find = |end: usize| self.by_prefix.get(&rest[..end]).map(|at| &self.shelves[*at]);
        find(one).or_else(|| two.and_then(find))
    }

    /// One object as it is now.
    pub fn get(&self, kind: &Kind, key: &str) -> Option<Arc<Object>> {
        self.sync();
        self.shelf(kind).state.lock().items.get(key).cloned()
    }

    /// The objects of a kind as they are now.
    pub fn sight(&self, kind: &Kind) -> Sight {
        let reached = self.sync();
        let state = self.shelf(kind).state.lock();
        // Others may have moved on since: the state is that of the kind's newest change, or of `reached` if nothing changed after.
        Sight { revision: reached.max(state.changed), items: state.items.clone(), labels: Some(state.labels.clone()) }
    }

    /// Keeps a state for the next page of a list.
    pub fn pin(&self, kind: &Kind, sight: &Sight) {
        let mut state = self.shelf(kind).state.lock();
        if state.pinned.iter().all(|pin| pin.sight.revision != sight.revision) {
            state.pinned.push_back(Pin { since: Instant::now(), sight: sight.clone() });
            state.unpin();
        }
    }

    /// The objects of a kind at an earlier revision.
    pub fn sight_at(&self, kind: &Kind, revision: u64) -> Result<Sight, store::Error> {
        let reached = self.sync();
        let state = self.shelf(kind).state.lock();
        if state.changed <= revision && revision <= reached {
            return Ok(Sight { revision, items: state.items.clone(), labels: Some(state.labels.clone()) });
        }
        if let Some(pin) = state.pinned.iter().find(|pin| pin.sight.revision == revision) {
            return Ok(pin.sight.clone());
        }
        drop(state);
        let objects = self.read_at(kind, revision)?;
        Ok(Sight { revision, items: objects.into_iter().map(|o| (o.key.clone(), o)).collect(), labels: None })
    }

    fn read_at(&self, kind: &Kind, revision: u64) -> Result<Vec<Arc<Object>>, store::Error> {
        let snapshot = self.store.snapshot_at(revision)?;
        let present = self.sight(kind).items;
        let shelf = self.shelf(kind);
        let known = |record: &Record| present.get(&record.key).filter(|o| o.revision == record.mod_revision).cloned();
        let prefix = key(kind, "", "");
        Ok(snapshot.range(&prefix, None).filter_map(|record| known(record).or_else(|| shelf.decode(record))).collect())
    }

    /// Begins a watch without a gap: nothing is delivered twice, nothing is left out.
    pub fn watch(&self, kind: &Kind, scope: crate::dispatch::Scope, start: Start) -> Result<Begun, store::Error> {
        let mut feed = self.feed.lock();
        let revision = self.follow(&mut feed);
        let shelf = self.shelf(kind);
        let mut sight = Sight { revision, items: Items::new(), labels: None };
        let mut backlog = Vec::new();
        match start {
            Start::Now => {
                let state = shelf.state.lock();
                (sight.items, sight.labels) = (state.items.clone(), Some(state.labels.clone()));
            }
            Start::After(after) => backlog = self.changes(shelf, after, revision)?,
        }
        let watcher = shelf.watchers.lock().add(scope);
        Ok(Begun { sight, backlog, watcher })
    }

    fn changes(&self, shelf: &Shelf, after: u64, until: u64) -> Result<Vec<Arc<Change>>, store::Error> {
        {
            let state = shelf.state.lock();
            if after >= state.recent_floor {
                let start = state.recent.partition_point(|change| change.revision <= after);
                return Ok(state.recent.range(start..).cloned().collect());
            }
        }
        let mut past = self.store.watch(&format!("{ROOT}{}/", shelf.kind.prefix), after)?;
        let mut found = Vec::new();
        while let Some(event) = past.try_next()? {
            if event.revision > until {
                break;
            }
            let decode = |record: &Option<Record>| record.as_ref().and_then(|r| shelf.decode(r));
            let (now, before) = (decode(&event.now), decode(&event.before));
            if now.is_some() || before.is_some() {
                found.push(Arc::new(Change::new(event.revision, now, before)));
            }
        }
        Ok(found)
    }
}

impl Shelf {
    fn decode(&self, record: &Record) -> Option<Arc<Object>> {
        match Object::decode(self.kind, record) {
            Ok(object) => Some(Arc::new(object)),
            Err(error) => {
                tracing::warn!(key = %record.key, %error, "a stored object cannot be read; it is left out of lists");
                None
            }
        }
    }

    /// A watcher's client is gone.
    pub fn forget(&self, watcher: &Arc<Watcher>) {
        self.watchers.lock().remove(watcher);
    }

    /// All watches end: the server stops.
    pub fn end_watches(&self) {
        self.watchers.lock().close_all();
    }
}

/// Follows the store for as long as somebody holds the cache, so that watchers hear of changes nobody read.
pub async fn follow(cache: std::sync::Weak<Cache>, mut signal: store::Watch) {
    loop {
        let heard = signal.next().await;
        let Some(cache) = cache.upgrade() else { return };
        match heard {
            Ok(_) => while let Ok(Some(_)) = signal.try_next() {},
            Err(store::Error::Closed) => return,
            Err(_) => match cache.store.watch(ROOT, cache.store.revision()) {
                Ok(fresh) => signal = fresh,
                Err(_) => return,
            },
        }
        cache.sync();
    }
}

/// The key of an object; for an empty name the prefix of all of its namespace, for an empty namespace too the prefix of the kind.
pub fn key(kind: &Kind, namespace: &str, name: &str) -> String {
    let slash = if namespace.is_empty() { "" } else { "/" };
    [ROOT, kind.prefix, "/", namespace, slash, name].concat()
}
