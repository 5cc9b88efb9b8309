//! The protocol, as states.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kube::Client;
use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::backoff::Backoff;
use crate::lines::{Lines, Trouble, fetch};
use crate::metrics::{Metrics, OfKind};
use crate::{Partial, Read, Target};

/// How long one watch lives, in seconds; a random part of the second number is added so that watches do not end together.
const WATCH_S: (u64, f64) = (300, 120.0);
/// A watch that outlives its own timeout by this is on a dead connection.
const GRACE: Duration = Duration::from_secs(30);
/// A server that sends bookmarks sends one a minute; after this long without a word the connection is dead.
const SILENCE: Duration = Duration::from_secs(150);
/// A streaming list that pauses this long is none: the server ignored the parameters.
const INITIAL_SILENCE: Duration = Duration::from_secs(30);
/// How long to wait before asking again for a kind that the server does not serve.
const ABSENT_KIND: Duration = Duration::from_secs(30);
/// The annotation of the bookmark that ends the initial events (KEP-3157).
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// Names an object of a known kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Empty for objects outside namespaces.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Key {
    /// The key of an object.
    pub fn of(meta: &api::Meta) -> Key {
        Key { namespace: meta.namespace.clone(), name: meta.name.clone() }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<T> {
    /// The object is there, and is now this.
    Upsert(T),
    /// The object is gone.
    Delete(Key),
    /// Everything that there was has been told; once.
    Synced,
}

/// What the conversation with the server is at.
enum State {
    /// Nothing can be resumed: ask for everything, as a stream.
    NeedsEverything,
    /// The stream of everything runs; the end mark has not come. Keys seen so far are kept, the others will be deleted.
    ReadsEverything { lines: Lines, seen: HashSet<Key>, ends: Instant },
    /// The server knows no streaming lists: ask for the next page.
    ListsPages { token: Option<String>, seen: HashSet<Key> },
    /// All is known up to a revision: ask for what follows.
    KnowsUpTo { revision: String },
    /// What follows is coming in.
    Follows { lines: Lines, revision: String, begun: Instant, ends: Instant, heard: bool },
    /// Something failed: rest, then go on with the other state.
    Rests { until: Instant, then: Box<State> },
}

/// An endless sequence of differences between what was told and what there is.
pub struct Watcher<T> {
    client: Client,
    target: Target,
    metrics: OfKind,
    state: State,
    /// What was told, with the version that was told.
    known: HashMap<Key, Arc<str>>,
    ready: VecDeque<Event<T>>,
    is_synced: bool,
    knows_streams: bool,
    backoff: Backoff,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PageMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    token: String,
}

impl<T: Read> Watcher<T> {
    /// A watcher that has asked nothing yet.
    pub fn new(client: Client, target: Target, metrics: &Metrics) -> Watcher<T> {
        Watcher {
            metrics: metrics.of(target.kind()),
            client,
            target,
            state: State::NeedsEverything,
            known: HashMap::new(),
            ready: VecDeque::new(),
            is_synced: false,
            knows_streams: true,
            backoff: Backoff::default(),
        }
    }

    /// The next difference. Dropping the future loses nothing, but a request under way is sent again; whoever waits for several
    /// things at once calls [`spawn`](Self::spawn).
    pub async fn next(&mut self) -> Event<T> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            // Watches of one object are many, and rest nearly always: they keep no room for what is not there.
            self.ready = VecDeque::new();
            self.step().await;
        }
    }

    /// Watches in a task of its own and sends what is told, until nobody receives any more. The receiver's bound is what holds a
    /// fast server back.
    pub fn spawn<M: Send + 'static>(mut self, tasks: &mut JoinSet<()>, to: mpsc::Sender<M>, message: fn(Event<T>) -> M) {
        tasks.spawn(async move {
            loop {
                let event = self.next().await;
                if to.send(message(event)).await.is_err() {
                    return;
                }
            }
        });
    }

    /// The versions of all objects that were told.
    pub fn known(&self) -> &HashMap<Key, Arc<str>> {
        &self.known
    }

    /// One exchange. The state is put back before every wait, so that a dropped future leaves it whole.
    async fn step(&mut self) {
        let result = match &mut self.state {
            // Requests are large and short: in a box they cost a resting watch nothing.
            State::NeedsEverything => Box::pin(self.ask_for_everything()).await,
            State::ReadsEverything { lines, ends, .. } => {
                let silent_at = (Instant::now() + INITIAL_SILENCE).min(*ends);
                let line = timeout_at(silent_at, lines.next()).await;
                self.read_initial(line.ok())
            }
            State::ListsPages { token, .. } => {
                let request = self.target.list(token.as_deref());
                let page = Box::pin(fetch(&self.client, request)).await;
                page.and_then(|page| self.read_page(&page))
            }
            State::KnowsUpTo { revision } => {
                let revision = revision.clone();
                Box::pin(self.follow(revision)).await
            }
            State::Follows { lines, ends, heard, .. } => {
                let silent_at = if *heard { (Instant::now() + SILENCE).min(*ends) } else { *ends };
                let line = timeout_at(silent_at, lines.next()).await;
                self.read_following(line.unwrap_or(Ok(None)))
            }
            State::Rests { until, .. } => {
                sleep_until(*until).await;
                if let State::Rests { then, .. } = std::mem::replace(&mut self.state, State::NeedsEverything) {
                    self.state = *then;
                }
                Ok(())
            }
        };
        if let Err(trouble) = result {
            self.recover(trouble);
        }
    }

    fn lifetime_s(&mut self) -> u64 {
        WATCH_S.0 + (self.backoff.fraction() * WATCH_S.1) as u64
    }

    async fn ask_for_everything(&mut self) -> Result<(), Trouble> {
        if !self.knows_streams {
            self.state = State::ListsPages { token: None, seen: HashSet::new() };
            return Ok(());
        }
        let timeout_s = self.lifetime_s();
        let request = self.target.stream(timeout_s);
        let lines = Lines::open(&self.client, request).await?;
        let ends = Instant::now() + Duration::from_secs(timeout_s) + GRACE;
        self.state = State::ReadsEverything { lines, seen: HashSet::new(), ends };
        Ok(())
    }

    async fn follow(&mut self, revision: String) -> Result<(), Trouble> {
        let timeout_s = self.lifetime_s();
        let request = self.target.follow(&revision, timeout_s);
        let lines = Lines::open(&self.client, request).await?;
        let ends = Instant::now() + Duration::from_secs(timeout_s) + GRACE;
        self.state = State::Follows { lines, revision, begun: Instant::now(), ends, heard: false };
        Ok(())
    }

    /// A line before the end mark; `None` if there was silence instead.
    fn read_initial(&mut self, line: Option<Result<Option<Bytes>, Trouble>>) -> Result<(), Trouble> {
        let Some(line) = line else {
            self.knows_streams = false;
            return Err(Trouble::Nonsense("a streaming list that does not end; lists and watches are used instead".into()));
        };
        let line = line?.ok_or_else(|| Trouble::Transport("the streaming list ended early".into()))?;
        let line = self.parse(&line)?;
        let State::ReadsEverything { seen, .. } = &mut self.state else { return Ok(()) };
        match line {
            Parsed::Upsert { key, object, .. } => {
                seen.insert(key.clone());
                self.tell(key, object);
            }
            // A deletion between the snapshot and the mark.
            Parsed::Delete { key, .. } => {
                seen.remove(&key);
                self.tell_gone(key);
            }
            Parsed::Mark { revision, is_initial_end: true } => {
                let state = std::mem::replace(&mut self.state, State::NeedsEverything);
                let State::ReadsEverything { lines, seen, ends } = state else { return Ok(()) };
                self.end_of_everything(&seen);
                self.state = State::Follows { lines, revision, begun: Instant::now(), ends, heard: true };
            }
            Parsed::Mark { .. } | Parsed::Nothing => {}
        }
        Ok(())
    }

    fn read_page(&mut self, page: &Bytes) -> Result<(), Trouble> {
        let page: Page = serde_json::from_slice(page).map_err(|e| Trouble::Nonsense(e.to_string()))?;
        self.metrics.heard_now();
        let State::ListsPages { mut seen, .. } = std::mem::replace(&mut self.state, State::NeedsEverything) else { return Ok(()) };
        for item in page.items.unwrap_or_default() {
            if let Parsed::Upsert { key, object, .. } = self.decode(item)? {
                seen.insert(key.clone());
                self.tell(key, object);
            }
        }
        if page.metadata.token.is_empty() {
            self.end_of_everything(&seen);
            self.state = State::KnowsUpTo { revision: page.metadata.resource_version };
        } else {
            self.state = State::ListsPages { token: Some(page.metadata.token), seen };
        }
        Ok(())
    }

    fn read_following(&mut self, line: Result<Option<Bytes>, Trouble>) -> Result<(), Trouble> {
        let Some(line) = line? else { return self.end_of_watch() };
        let version = match self.parse(&line)? {
            Parsed::Upsert { key, version, object } => {
                self.tell(key, object);
                version
            }
            Parsed::Delete { key, version } => {
                self.tell_gone(key);
                version
            }
            Parsed::Mark { revision, .. } => revision.into(),
            Parsed::Nothing => return Ok(()),
        };
        self.backoff.reset();
        if let State::Follows { revision, heard, .. } = &mut self.state {
            *heard = true;
            *revision = version.to_string();
        }
        Ok(())
    }

    /// The ordinary end of a watch, or a silent connection: what follows is asked for at once, unless the end came at once too.
    fn end_of_watch(&mut self) -> Result<(), Trouble> {
        let State::Follows { begun, revision, .. } = &mut self.state else { return Ok(()) };
        if begun.elapsed() < Duration::from_secs(1) {
            return Err(Trouble::Transport("the watch ended as soon as it began".into()));
        }
        let revision = std::mem::take(revision);
        self.state = State::KnowsUpTo { revision };
        Ok(())
    }

    /// Decides how to go on after a failure. Nothing that was told is taken back.
    fn recover(&mut self, trouble: Trouble) {
        self.metrics.failures.inc();
        let state = std::mem::replace(&mut self.state, State::NeedsEverything);
        let was_streaming = matches!(state, State::NeedsEverything | State::ReadsEverything { .. });
        if trouble.is_expired() && self.backoff.failures() == 0 {
            // The first time is nobody's fault: the list begins at once.
            self.backoff.pause();
            return;
        }
        if was_streaming && self.knows_streams && trouble.is_misunderstood() {
            self.knows_streams = false;
            return;
        }
        if trouble.is_absent_kind() {
            self.end_of_everything(&HashSet::new());
            tracing::debug!(kind = self.target.kind(), "watch: the server does not serve this kind; it counts as empty");
            let then = Box::new(State::NeedsEverything);
            self.state = State::Rests { until: Instant::now() + ABSENT_KIND, then };
            return;
        }
        let then = match state {
            State::KnowsUpTo { revision } | State::Follows { revision, .. } if !trouble.is_expired() && !trouble.is_unknown_revision() => {
                State::KnowsUpTo { revision }
            }
            _ => State::NeedsEverything,
        };
        let pause = self.backoff.pause();
        let (kind, failures) = (self.target.kind(), self.backoff.failures());
        // A watch that ends once is begun again within moments, and every server that stops ends them all.
        if failures == 1 {
            tracing::debug!(kind, error = %trouble, "watch: it ended, and is begun again");
        } else if failures.is_power_of_two() {
            tracing::warn!(kind, failures, error = %trouble, remedy = trouble.remedy(), "watch: no contact; what is known stays in force");
        }
        self.state = State::Rests { until: Instant::now() + pause, then: Box::new(then) };
    }

    /// Everything was told: what was not among it is gone.
    fn end_of_everything(&mut self, seen: &HashSet<Key>) {
        self.backoff.reset();
        self.metrics.lists.inc();
        let gone: Vec<Key> = self.known.keys().filter(|key| !seen.contains(*key)).cloned().collect();
        for key in gone {
            self.tell_gone(key);
        }
        if !std::mem::replace(&mut self.is_synced, true) {
            self.ready.push_back(Event::Synced);
        }
    }

    /// Tells an object unless this version of it was told. One that could not be decoded stays as it was.
    fn tell(&mut self, key: Key, object: Option<T>) {
        let Some(object) = object else { return };
        let version = &object.meta().resource_version;
        if self.known.get(&key) == Some(version) && !version.is_empty() {
            return;
        }
        self.known.insert(key, version.clone());
        self.ready.push_back(Event::Upsert(object));
    }

    fn tell_gone(&mut self, key: Key) {
        if self.known.remove(&key).is_some() {
            self.ready.push_back(Event::Delete(key));
        }
    }

    fn parse(&self, line: &[u8]) -> Result<Parsed<T>, Trouble> {
        let line: Line = serde_json::from_slice(line).map_err(|e| Trouble::Nonsense(e.to_string()))?;
        self.metrics.heard_now();
        let nonsense = |e: serde_json::Error| Trouble::Nonsense(e.to_string());
        match &*line.kind {
            "ADDED" | "MODIFIED" => {
                self.metrics.events.inc();
                self.decode(line.object)
            }
            "DELETED" => {
                self.metrics.events.inc();
                let Partial { metadata } = serde_json::from_str(line.object.get()).map_err(nonsense)?;
                Ok(Parsed::Delete { key: Key::of(&metadata), version: metadata.resource_version })
            }
            "BOOKMARK" => {
                let Partial { metadata } = serde_json::from_str(line.object.get()).map_err(nonsense)?;
                let is_initial_end = metadata.annotation(INITIAL_END) == Some("true");
                Ok(Parsed::Mark { revision: metadata.resource_version.to_string(), is_initial_end })
            }
            "ERROR" => {
                let status: Status = serde_json::from_str(line.object.get()).map_err(nonsense)?;
                Err(Trouble::Refused(Box::new(status)))
            }
            _ => Ok(Parsed::Nothing),
        }
    }

    /// Decodes an object; one that does not fit its type is complained of, and named so that it is not taken for deleted.
    fn decode(&self, object: &RawValue) -> Result<Parsed<T>, Trouble> {
        match serde_json::from_str::<T>(object.get()) {
            Ok(object) => {
                let meta = object.meta();
                Ok(Parsed::Upsert { key: Key::of(meta), version: meta.resource_version.clone(), object: Some(object) })
            }
            Err(error) => {
                let Partial { metadata } = serde_json::from_str(object.get()).map_err(|e| Trouble::Nonsense(e.to_string()))?;
                let key = Key::of(&metadata);
                self.metrics.undecodable.inc();
                let (kind, namespace, name) = (self.target.kind(), &*key.namespace, &*key.name);
                tracing::warn!(kind, namespace, name, %error, "watch: an object could not be decoded and keeps its last good state; correct it");
                Ok(Parsed::Upsert { key, version: metadata.resource_version, object: None })
            }
        }
    }
}

/// A line, understood.
enum Parsed<T> {
    /// `object` is absent if it could not be decoded.
    Upsert {
        key: Key,
        version: Arc<str>,
        object: Option<T>,
    },
    Delete {
        key: Key,
        version: Arc<str>,
    },
    Mark {
        revision: String,
        is_initial_end: bool,
    },
    /// An event of a kind that came after us.
    Nothing,
}
