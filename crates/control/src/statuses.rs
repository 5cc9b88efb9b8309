//! Statuses that were decided, written once the planes have put them in force (gateway spec G10, G11).
//!
//! The newest decision about each object is kept and held against the words of the planes whenever either changes. A write
//! reads the object first, changes only what is ours, and happens only if that makes a difference; an object is written at
//! most every 100 ms.

mod merge;
mod resolve;
mod services;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use api::backend_policy::PolicyTarget;
use api::decided::LOAD_BALANCER_FINALIZER;
use api::{Decided, DecidedStatus};
use model::ack::Applied;
use model::snapshot::Snapshot;
use model::{Live, Now};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::wire::{Error, Wire, path};
use merge::Merge;
pub(crate) use merge::kind_path;
use resolve::{Words, Written};
use services::{Report, Seen};

pub use services::Methods;

/// The shortest time between two writes of one object.
const INTERVAL: Duration = Duration::from_millis(100);
/// After this long without the words of the planes a condition says that it waits.
const PATIENCE: Duration = Duration::from_millis(500);
const BUSY_MAX: usize = 32;
/// How often the Services of policies are looked at, and how often one policy tells of a change there (balance spec Y4).
const LOOK: Duration = Duration::from_secs(1);
const NEWS: Duration = Duration::from_secs(10);
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

type Key = (&'static str, Arc<str>, Arc<str>);

/// An object whose status was decided.
struct Subject {
    decided: Arc<Decided>,
    decided_at: Instant,
    /// When it will be looked at; absent if nothing is to be seen.
    due_at: Option<Instant>,
    /// Something changed while it was looked at.
    is_marked: bool,
    is_busy: bool,
    /// The planes had not said enough when it was looked at, or was to be.
    is_awaiting: bool,
    /// Not before.
    next_at: Instant,
    failures: u32,
    /// What was seen of the Services of a policy, and when it was last something else.
    seen: Option<(Arc<Seen>, Instant)>,
}

/// What a policy is attached to, in order.
fn targets(decided: &Decided) -> Option<Vec<&PolicyTarget>> {
    match &decided.body {
        DecidedStatus::Policy { ancestors, .. } => Some(ancestors.iter().map(|ancestor| &ancestor.target).collect()),
        _ => None,
    }
}

/// The end of one look at an object.
struct Done {
    key: Key,
    /// Addresses that were written.
    addresses: Vec<Arc<str>>,
    result: Result<(), Error>,
}

/// Runs until nobody decides any more.
pub(crate) async fn run(
    wire: Wire,
    live: Arc<Live>,
    planes: Vec<&'static str>,
    methods: Methods,
    mut decisions: mpsc::UnboundedReceiver<Vec<Decided>>,
) {
    let (mut version, applied) = live.acknowledgements();
    let mut all = Loop {
        wire,
        planes,
        applied: Arc::new(applied),
        subjects: BTreeMap::new(),
        due: BTreeSet::new(),
        written: Arc::new(HashSet::new()),
        looks: JoinSet::new(),
        has_new_policies: false,
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = all.due.first().map_or_else(|| Instant::now() + Duration::from_secs(3600), |(at, _)| *at);
        let can_begin = all.looks.len() < BUSY_MAX;
        tokio::select! {
            decided = decisions.recv() => match decided {
                Some(decided) => decided.into_iter().for_each(|one| all.decide(one)),
                None => return,
            },
            words = live.acknowledged_after(version) => {
                version = words.0;
                all.hear(words.1);
            }
            Some(done) = all.looks.join_next() => all.finish(done),
            () = sleep_until(next), if can_begin => {}
            _ = look.tick() => all.report(&live.snapshot(), &methods),
        }
        all.begin();
    }
}

struct Loop {
    wire: Wire,
    planes: Vec<&'static str>,
    /// What the planes said last.
    applied: Arc<Vec<Applied>>,
    subjects: BTreeMap<Key, Subject>,
    due: BTreeSet<(Instant, Key)>,
    written: Arc<Written>,
    looks: JoinSet<Done>,
    /// A policy was decided since the Services of policies were last looked at.
    has_new_policies: bool,
}

impl Loop {
    fn decide(&mut self, decided: Decided) {
        let key: Key = (decided.kind, decided.namespace.clone(), decided.name.clone());
        let now = Instant::now();
        let decided = Arc::new(decided);
        let subject = self.subjects.entry(key.clone()).or_insert_with(|| Subject {
            decided: decided.clone(),
            decided_at: now,
            due_at: None,
            is_marked: false,
            is_busy: false,
            is_awaiting: false,
            next_at: now,
            failures: 0,
            seen: None,
        });
        if targets(&subject.decided) != targets(&decided) {
            // What was seen is told by the place of the target.
            subject.seen = None;
        }
        // What a new policy, or a new version of one, changes is told at once, by all that it may touch.
        self.has_new_policies |= key.0 == "BackendPolicy";
        (subject.decided, subject.decided_at, subject.failures) = (decided, now, 0);
        self.mark(&key);
    }

    /// It must be looked at, now or as soon as it may.
    fn mark(&mut self, key: &Key) {
        let Some(subject) = self.subjects.get_mut(key) else { return };
        if subject.is_busy {
            subject.is_marked = true;
        } else {
            let at = subject.next_at;
            self.schedule(key.clone(), at);
        }
    }

    fn schedule(&mut self, key: Key, at: Instant) {
        let Some(subject) = self.subjects.get_mut(&key) else { return };
        if let Some(before) = subject.due_at.replace(at) {
            self.due.remove(&(before, key.clone()));
        }
        self.due.insert((at, key));
    }

    /// The planes said something: what waited for it, or may be touched by a new problem, is looked at again.
    fn hear(&mut self, applied: Vec<Applied>) {
        let problems = |applied: &[Applied]| applied.iter().flat_map(|one| one.problems.clone()).collect::<Vec<_>>();
        let is_news = problems(&applied) != problems(&self.applied);
        self.applied = Arc::new(applied);
        let words = Words::of(&self.planes, &self.applied);
        let concerned =
            |subject: &Subject| is_news && resolve::waits(&subject.decided) || subject.is_awaiting && words.reached(subject.decided.snapshot);
        let keys: Vec<Key> = self.subjects.iter().filter(|(_, subject)| concerned(subject)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.mark(&key);
        }
    }

    /// Looks at the Services of all policies; those with news are written.
    fn report(&mut self, snapshot: &Snapshot, methods: &Methods) {
        let now = Instant::now();
        let report = Report { snapshot, methods, now: Now(net::clock::monotonic_ns()), unix_ms: jiff::Timestamp::now().as_millisecond() };
        let mut news = Vec::new();
        let is_prompt = std::mem::take(&mut self.has_new_policies);
        for (key, subject) in self.subjects.iter_mut().filter(|((kind, ..), _)| *kind == "BackendPolicy") {
            let DecidedStatus::Policy { ancestors, fields } = &subject.decided.body else { continue };
            let is_early = snapshot.generation < subject.decided.snapshot;
            self.has_new_policies |= is_early;
            if is_early || !is_prompt && subject.seen.as_ref().is_some_and(|(_, since)| now < *since + NEWS) {
                continue;
            }
            let seen = report.of((&key.1, &key.2), ancestors, fields);
            if subject.seen.as_ref().is_none_or(|(before, _)| **before != seen) {
                subject.seen = Some((Arc::new(seen), now));
                news.push(key.clone());
            }
        }
        news.iter().for_each(|key| self.mark(key));
    }

    fn begin(&mut self) {
        let now = Instant::now();
        while self.looks.len() < BUSY_MAX {
            let Some((at, key)) = self.due.first().cloned() else { return };
            if at > now {
                return;
            }
            self.due.pop_first();
            let Some(subject) = self.subjects.get_mut(&key) else { continue };
            subject.due_at = None;
            subject.is_awaiting = Words::of(&self.planes, &self.applied).is_awaited(&subject.decided);
            // What waits for planes is not written twice within moments; planes that take long are worth a word.
            let patience = subject.decided_at + PATIENCE;
            if subject.is_awaiting && patience > now {
                self.schedule(key, patience);
                continue;
            }
            (subject.is_marked, subject.is_busy) = (false, true);
            let look = Look {
                wire: self.wire.clone(),
                planes: self.planes.clone(),
                applied: self.applied.clone(),
                written: self.written.clone(),
                decided: subject.decided.clone(),
                seen: subject.seen.as_ref().map(|(seen, _)| Arc::clone(seen)),
            };
            self.looks.spawn(look.done(key));
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let Ok(Done { key, addresses, result }) = done else { return };
        if !addresses.is_empty() {
            Arc::make_mut(&mut self.written).extend(addresses);
        }
        let Some(subject) = self.subjects.get_mut(&key) else { return };
        subject.is_busy = false;
        subject.next_at = Instant::now() + INTERVAL;
        match result {
            Ok(()) => subject.failures = 0,
            // The object of that UID is gone; a new one gets a decision of its own.
            Err(Error::NotFound) if !subject.is_marked => {
                self.subjects.remove(&key);
                return;
            }
            Err(error) => {
                subject.failures += 1;
                subject.next_at = Instant::now() + INTERVAL.saturating_mul(1 << subject.failures.min(9)).min(PAUSE_LONGEST);
                subject.is_marked = true;
                if subject.failures == 3 {
                    let (kind, namespace, name) = &key;
                    tracing::warn!(kind, %namespace, %name, %error, "statuses: a write failed and is tried again");
                }
            }
        }
        if subject.is_marked {
            let at = subject.next_at;
            self.schedule(key, at);
        }
    }
}

/// One look at one object, with a write if it makes a difference.
struct Look {
    wire: Wire,
    planes: Vec<&'static str>,
    applied: Arc<Vec<Applied>>,
    written: Arc<Written>,
    decided: Arc<Decided>,
    seen: Option<Arc<Seen>>,
}

impl Look {
    async fn done(self, key: Key) -> Done {
        match self.run().await {
            Ok(addresses) => Done { key, addresses, result: Ok(()) },
            Err(error) => Done { key, addresses: Vec::new(), result: Err(error) },
        }
    }

    async fn run(&self) -> Result<Vec<Arc<str>>, Error> {
        let decided = &*self.decided;
        let words = Words::of(&self.planes, &self.applied);
        let is_early = matches!(decided.body, DecidedStatus::Ingress { .. }) && !words.reached(decided.snapshot);
        let Some((group, version, plural)) = kind_path(decided.kind).filter(|_| !is_early) else { return Ok(Vec::new()) };
        let path = path(group, version, plural, &decided.namespace, &decided.name);
        let mut object = self.wire.get(&path).await?;
        if object["metadata"]["uid"] != *decided.uid {
            return Err(Error::NotFound);
        }
        let hold = Hold::of(decided);
        if let Some(finalizers) = hold.as_ref().and_then(|hold| hold.added(&object)) {
            object = self.wire.merge(&path, &finalizers).await?;
        }
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let status = Merge { decided, words: &words, now: &now, written: &self.written, seen: self.seen.as_deref() }.status(&object["status"]);
        let addresses = words.bound(decided).into_iter().map(|address| address.at.clone()).collect();
        let is_empty = |value: &Value| value.is_null() || *value == json!({});
        if status != object["status"] && !(is_empty(&status) && is_empty(&object["status"])) {
            let patch =
                json!({"metadata": {"resourceVersion": object["metadata"]["resourceVersion"]}, "status": patch_of(&object["status"], status)});
            object = self.wire.merge(&format!("{path}/status"), &patch).await?;
        }
        // The last word about an object: with it one that is being deleted may go.
        if let Some(finalizers) = hold.and_then(|hold| hold.removed(&object)) {
            self.wire.merge(&path, &finalizers).await?;
        }
        Ok(addresses)
    }
}

/// A finalizer of ours, and whether the object shall have it: a GatewayClass that Gateways name (gateway spec G4), a Service that has an
/// address of ours (services spec S45). A decision about a Service is acted on only when the planes have put it in force.
struct Hold {
    finalizer: &'static str,
    is_wanted: bool,
}

impl Hold {
    fn of(decided: &Decided) -> Option<Self> {
        match &decided.body {
            DecidedStatus::GatewayClass { in_use, .. } => {
                Some(Self { finalizer: "gateway-exists-finalizer.gateway.networking.k8s.io", is_wanted: *in_use })
            }
            DecidedStatus::Ingress { addresses, .. } if decided.kind == "Service" => {
                Some(Self { finalizer: LOAD_BALANCER_FINALIZER, is_wanted: !addresses.is_empty() })
            }
            _ => None,
        }
    }

    /// The patch that adds it, if it is missing. What is being deleted takes no new ones.
    fn added(&self, object: &Value) -> Option<Value> {
        let known = self.known(object);
        let is_missing = self.is_wanted && object["metadata"]["deletionTimestamp"].is_null() && known.iter().all(|one| one != self.finalizer);
        is_missing.then(|| patch(object, known.into_iter().chain([json!(self.finalizer)])))
    }

    /// The patch that removes it, if it is there and shall not be.
    fn removed(&self, object: &Value) -> Option<Value> {
        let known = self.known(object);
        let is_left = !self.is_wanted && known.iter().any(|one| one == self.finalizer);
        is_left.then(|| patch(object, known.into_iter().filter(|one| one != self.finalizer)))
    }

    fn known(&self, object: &Value) -> Vec<Value> {
        object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default()
    }
}

fn patch(object: &Value, finalizers: impl Iterator<Item = Value>) -> Value {
    json!({"metadata": {"resourceVersion": object["metadata"]["resourceVersion"], "finalizers": finalizers.collect::<Vec<_>>()}})
}

/// A merge patch adds; what is no longer there must be named.
fn patch_of(current: &Value, mut wanted: Value) -> Value {
    if let (Some(current), Some(wanted)) = (current.as_object(), wanted.as_object_mut()) {
        for (name, value) in current {
            match wanted.get_mut(name) {
                None => drop(wanted.insert(name.clone(), Value::Null)),
                Some(inner) if value.is_object() => *inner = patch_of(value, inner.take()),
                Some(_) => {}
            }
        }
    }
    wanted
}
