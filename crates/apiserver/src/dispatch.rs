//! Changes on their way to watches: each is decoded once, encoded once per form, and shown only to watches that it can concern.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::negotiate::Form;
use crate::object::Object;

/// Changes that may wait for one slow client before its watch is ended with 410 and it lists again.
const QUEUE_MAX: usize = 4096;
/// The objects of those changes together, bytes.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Changes of one object at one revision.
pub struct Change {
    /// The revision.
    pub revision: u64,
    /// The object after it; none when deleted.
    pub now: Option<Arc<Object>>,
    /// The object before it; none when created.
    pub before: Option<Arc<Object>>,
    frames: Mutex<Vec<(FrameKey, Bytes)>>,
}

/// What distinguishes the encodings of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameKey {
    /// What happened, as the watch sees it.
    pub kind: EventKind,
    /// The shape of the object.
    pub form: Form,
    /// Protobuf, not JSON.
    pub protobuf: bool,
    /// The group asked for: kinds that share objects differ in it.
    pub group: &'static str,
    /// Which of the kind's versions.
    pub version: usize,
    /// `includeObject` of a Table: its first letter, `M` by default.
    pub include: u8,
}

/// The type of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// New, or newly matching.
    Added,
    /// Changed.
    Modified,
    /// Gone, or no longer matching.
    Deleted,
}

impl EventKind {
    /// The text of `type`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl Change {
    /// A change; one of the two objects is there.
    pub fn new(revision: u64, now: Option<Arc<Object>>, before: Option<Arc<Object>>) -> Self {
        Self { revision, now, before, frames: Mutex::default() }
    }

    /// Bytes of the objects it holds.
    pub fn bytes(&self) -> usize {
        [&self.now, &self.before].into_iter().flatten().map(|object| object.len()).sum()
    }

    /// What a watch with this filter sees: the type of the event and the object it shows.
    pub fn seen_by(&self, matches: impl Fn(&Object) -> bool) -> Option<(EventKind, &Arc<Object>)> {
        let now = self.now.as_ref().filter(|o| matches(o));
        let before = self.before.as_ref().filter(|o| matches(o));
        match (before, now) {
            (None, Some(now)) => Some((EventKind::Added, now)),
            (Some(_), Some(now)) => Some((EventKind::Modified, now)),
            (Some(before), None) => Some((EventKind::Deleted, before)),
            (None, None) => None,
        }
    }

    /// Lets go of the encoded events: those who watch closely have them by now.
    pub fn forget_frames(&self) {
        self.frames.lock().clear();
        self.frames.lock().shrink_to_fit();
    }

    /// The encoded event, made by the first watch that needs this form of it.
    pub fn frame(&self, key: FrameKey, encode: impl FnOnce() -> Bytes) -> Bytes {
        let mut frames = self.frames.lock();
        if let Some((_, bytes)) = frames.iter().find(|(k, _)| *k == key) {
            return bytes.clone();
        }
        let bytes = encode();
        frames.push((key, bytes.clone()));
        bytes
    }
}

/// What a watch can be concerned with at most. The narrower, the fewer changes it is woken for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The object with this key.
    Key(Arc<str>),
    /// Objects with this label value.
    Label(&'static str, Box<str>),
    /// Objects whose selectable field, by its index, has this value.
    Field(usize, Box<str>),
    /// Objects of one namespace.
    Namespace(Box<str>),
    /// Every object of the kind.
    All,
}

/// Labels so commonly watched by value that watches are indexed by them.
pub const INDEXED_LABELS: [&str; 1] = ["kubernetes.io/service-name"];

/// Where one watch receives its changes.
pub struct Watcher {
    scope: Scope,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    changes: VecDeque<Arc<Change>>,
    bytes: usize,
    end: Option<End>,
}

impl Queue {
    fn pop(&mut self) -> Option<Arc<Change>> {
        let change = self.changes.pop_front()?;
        self.bytes -= change.bytes();
        Some(change)
    }
}

/// Why a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It missed changes: its client must list again.
    Lagged,
    /// The server stops.
    Closed,
}

impl Watcher {
    /// The next change, or why there is none any more. Dropping the future loses nothing.
    pub async fn next(&self) -> Result<Arc<Change>, End> {
        loop {
            let news = self.wake.notified();
            {
                let mut queue = self.queue.lock();
                if let Some(change) = queue.pop() {
                    return Ok(change);
                }
                if let Some(end) = queue.end {
                    return Err(end);
                }
            }
            news.await;
        }
    }

    /// The next change if it is there already.
    pub fn try_next(&self) -> Option<Arc<Change>> {
        self.queue.lock().pop()
    }

    fn tell(&self, change: &Arc<Change>) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        if queue.changes.len() >= QUEUE_MAX || queue.bytes > QUEUE_BYTES_MAX {
            *queue = Queue { end: Some(End::Lagged), ..Queue::default() };
        } else {
            queue.bytes += change.bytes();
            queue.changes.push_back(change.clone());
        }
        drop(queue);
        self.wake.notify_one();
    }

    fn end(&self, end: End) {
        let mut queue = self.queue.lock();
        if end == End::Lagged {
            *queue = Queue::default();
        }
        queue.end.get_or_insert(end);
        drop(queue);
        self.wake.notify_one();
    }
}

/// The watches of one kind, indexed by what they can be concerned with.
#[derive(Default)]
pub struct Watchers {
    by_scope: HashMap<Scope, Vec<Arc<Watcher>>, foldhash::fast::RandomState>,
    /// Indexes of fields that some watch is scoped by.
    fields: Vec<usize>,
    count: usize,
    is_closed: bool,
}

impl Watchers {
    /// A new watch, told of every change from now on.
    pub fn add(&mut self, scope: Scope) -> Arc<Watcher> {
        let watcher = Arc::new(Watcher { scope: scope.clone(), queue: Mutex::default(), wake: Notify::new() });
        if self.is_closed {
            watcher.end(End::Closed);
            return watcher;
        }
        if let Scope::Field(index, _) = &scope
            && !self.fields.contains(index)
        {
            self.fields.push(*index);
        }
        self.by_scope.entry(scope).or_default().push(watcher.clone());
        self.count += 1;
        watcher
    }

    /// A watch went away.
    pub fn remove(&mut self, watcher: &Arc<Watcher>) {
        let Some(group) = self.by_scope.get_mut(&watcher.scope) else { return };
        if let Some(at) = group.iter().position(|w| Arc::ptr_eq(w, watcher)) {
            group.swap_remove(at);
            self.count -= 1;
        }
        if group.is_empty() {
            self.by_scope.remove(&watcher.scope);
        }
    }

    /// Shows a change to the watches that it can concern.
    pub fn tell(&self, change: &Arc<Change>) {
        if self.count == 0 {
            return;
        }
        let Some(object) = change.now.as_ref().or(change.before.as_ref()) else { return };
        self.tell_scope(&Scope::All, change);
        self.tell_scope(&Scope::Key(object.key.clone()), change);
        if !object.head.namespace.is_empty() {
            self.tell_scope(&Scope::Namespace(object.head.namespace.clone()), change);
        }
        let both = [change.now.as_deref(), change.before.as_deref()];
        for label in INDEXED_LABELS {
            let [now, before] = both.map(|o| o.and_then(|o| o.head.label(label)));
            self.tell_values(now, before, change, |value| Scope::Label(label, value.into()));
        }
        for field in &self.fields {
            let [now, before] = both.map(|o| o.and_then(|o| o.head.fields.get(*field).map(|v| &**v)));
            self.tell_values(now, before, change, |value| Scope::Field(*field, value.into()));
        }
    }

    /// Tells those who watch the value that is, and those who watch the value that was.
    fn tell_values(&self, now: Option<&str>, before: Option<&str>, change: &Arc<Change>, scope: impl Fn(&str) -> Scope) {
        if let Some(value) = now {
            self.tell_scope(&scope(value), change);
        }
        if let Some(value) = before.filter(|b| Some(*b) != now) {
            self.tell_scope(&scope(value), change);
        }
    }

    fn tell_scope(&self, scope: &Scope, change: &Arc<Change>) {
        for watcher in self.by_scope.get(scope).into_iter().flatten() {
            watcher.tell(change);
        }
    }

    /// How many changes wait for the watch that is furthest behind.
    pub fn longest_queue(&self) -> usize {
        self.by_scope.values().flatten().map(|watcher| watcher.queue.lock().changes.len()).max().unwrap_or(0)
    }

    /// Every watch missed changes.
    pub fn end_all(&mut self) {
        self.each(End::Lagged);
    }

    /// The server stops: watches end, and new ones end at once.
    pub fn close_all(&mut self) {
        self.is_closed = true;
        self.each(End::Closed);
    }

    fn each(&self, end: End) {
        for watcher in self.by_scope.values().flatten() {
            watcher.end(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use store::Record;

    use super::*;
    use crate::kinds;

    fn object(namespace: &str, name: &str, service: &str) -> Arc<Object> {
        let meta = serde_json::json!({ "name": name, "namespace": namespace, "labels": { "kubernetes.io/service-name": service } });
        let json = serde_json::json!({ "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "metadata": meta });
        let key = format!("/registry/endpointslices/{namespace}/{name}").into();
        let record = Record { key, value: json.to_string().into(), create_revision: 1, mod_revision: 1 };
        Arc::new(Object::decode(kinds::find("discovery.k8s.io", "v1", "endpointslices").expect("a row"), &record).expect("an object"))
    }

    #[tokio::test]
    async fn a_change_visits_only_watches_that_it_can_concern() {
        let mut watchers = Watchers::default();
        let scopes = [
            Scope::All,
            Scope::Namespace("n".into()),
            Scope::Namespace("m".into()),
            Scope::Key("/registry/endpointslices/n/a".into()),
            Scope::Key("/registry/endpointslices/n/b".into()),
            Scope::Label(INDEXED_LABELS[0], "web".into()),
            Scope::Label(INDEXED_LABELS[0], "api".into()),
            Scope::Label(INDEXED_LABELS[0], "other".into()),
        ];
        let all: Vec<_> = scopes.into_iter().map(|scope| watchers.add(scope)).collect();
        watchers.tell(&Arc::new(Change::new(2, Some(object("n", "a", "api")), Some(object("n", "a", "web")))));
        let told: Vec<bool> = all.iter().map(|w| w.try_next().is_some()).collect();
        assert_eq!(told, [true, true, false, true, false, true, true, false], "the label that was and the one that is");
        watchers.remove(&all[0]);
        watchers.tell(&Arc::new(Change::new(3, Some(object("n", "a", "api")), None)));
        assert!(all[0].try_next().is_none(), "a watch that went away");
    }

    #[tokio::test]
    async fn a_watch_that_is_not_read_is_ended_and_costs_no_more() {
        let mut watchers = Watchers::default();
        let watcher = watchers.add(Scope::All);
        for revision in 0..=QUEUE_MAX as u64 {
            watchers.tell(&Arc::new(Change::new(revision, Some(object("n", "a", "web")), None)));
        }
        assert_eq!(watcher.next().await.err(), Some(End::Lagged));
        watchers.close_all();
        assert_eq!(watchers.add(Scope::All).next().await.err(), Some(End::Closed));
    }

    #[test]
    fn a_change_is_encoded_once_for_each_form() {
        let change = Change::new(2, Some(object("n", "a", "web")), None);
        let key = FrameKey { kind: EventKind::Added, group: "", form: Form::Object, protobuf: false, version: 0, include: b'M' };
        assert_eq!(change.frame(key, || Bytes::from_static(b"1")), "1");
        assert_eq!(change.frame(key, || unreachable!("made already")), "1");
        assert_eq!(change.frame(FrameKey { version: 1, ..key }, || Bytes::from_static(b"2")), "2");
    }
}
