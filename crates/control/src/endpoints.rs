//! EndpointSlices and Endpoints from what Services select, and slices from Endpoints made by hand (API spec R1).
//!
//! One task holds everything that is watched. A change marks the Services it touches; a marked Service is computed as a whole
//! and compared with what is there, and the difference is written by a task of its own, one at a time for each Service. What
//! changes meanwhile marks it again. Nothing is remembered of why a Service was marked, so a lost wake-up cannot matter.

mod classic;
mod desired;
mod members;
mod plan;
mod state;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{EndpointSlice, Instance, Node, Pod, Service};
use model::Origin;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use watch::{Event, Key, Target, Watcher};

use crate::events::Complaint;
use crate::instances::Judged;
use crate::names::Names;
use crate::wire::{Error, Propagation, Wire, path_of};
use crate::{Context, Outside, Scope};
use classic::Endpoints;
use state::{MANAGED_BY, Op, State};

/// Services that are written at the same time.
const BUSY_MAX: usize = 64;
/// Changes that may wait.
const QUEUE: usize = 4096;
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// What the watches tell.
enum Input {
    Service(Event<Service>),
    Pod(Event<Pod>),
    Instance(Event<Instance>),
    Node(Event<Node>),
    Slice(Event<EndpointSlice>),
    Endpoints(Event<Endpoints>),
}

/// What a write left behind.
enum Written {
    Slice(EndpointSlice),
    SliceGone(Key),
    /// Nothing: a slice of another manager has the name.
    SliceTaken(Key),
    Endpoints(Endpoints),
    EndpointsGone(Key),
}

/// The end of the writes of one Service, or of the pause after one failed.
struct Done {
    service: Key,
    written: Vec<Written>,
    end: End,
}

enum End {
    Well,
    Failed(Error),
    Rested,
}

/// The slices that are written here. Those of other managers, which may be all of a large cluster's, are not even read.
fn own_slices(scope: Scope) -> Target {
    Target::of::<EndpointSlice>().with_labels(&format!("{MANAGED_BY} in ({})", scope.managers().join(",")))
}

/// Runs until its watches end, which is never.
pub(crate) async fn run(
    context: Context,
    judged: mpsc::Sender<Judged>,
    complaints: mpsc::Sender<Complaint>,
    resolver: Option<SocketAddr>,
    outside: Outside,
) {
    let mut tasks = JoinSet::new();
    let (sender, mut inputs) = mpsc::channel(QUEUE);
    let mut kinds = 4;
    let Context { client, metrics, scope, .. } = &context;
    Watcher::new(client.clone(), Target::of::<Service>(), metrics).spawn(&mut tasks, sender.clone(), Input::Service);
    Watcher::new(client.clone(), Target::of::<Instance>(), metrics).spawn(&mut tasks, sender.clone(), Input::Instance);
    Watcher::new(client.clone(), Target::of::<Node>(), metrics).spawn(&mut tasks, sender.clone(), Input::Node);
    Watcher::new(client.clone(), own_slices(*scope), metrics).spawn(&mut tasks, sender.clone(), Input::Slice);
    if *scope == Scope::Standalone {
        kinds += 2;
        Watcher::new(client.clone(), Target::of::<Pod>(), metrics).spawn(&mut tasks, sender.clone(), Input::Pod);
        Watcher::new(client.clone(), Target::of::<Endpoints>(), metrics).spawn(&mut tasks, sender, Input::Endpoints);
    }
    let leases = context.leases.clone();
    let (tell, mut resolved) = mpsc::channel(QUEUE);
    let mut all = Loop {
        wire: Wire::new(client),
        state: State::new(*scope, outside),
        judged,
        names: Names::new(resolver, tell),
        unsynced: kinds,
        dirty: BTreeSet::new(),
        busy: HashSet::new(),
        failures: HashMap::new(),
        complaints,
        complained: HashMap::new(),
        writes: JoinSet::new(),
        soft: context,
    };
    loop {
        let recheck = all.state.next_recheck(all.soft.now_ms());
        tokio::select! {
            input = inputs.recv() => {
                let Some(input) = input else { return };
                all.take(input).await;
                // What is there already is taken in before anything is computed, so that a burst costs one computation.
                while let Ok(input) = inputs.try_recv() {
                    all.take(input).await;
                }
            }
            Some(done) = all.writes.join_next() => all.finish(done),
            Some((name, addresses)) = resolved.recv() => all.state.resolved(name, addresses, &mut all.dirty),
            keys = leases.changed() => {
                for key in keys {
                    all.judge(&key).await;
                }
            }
            () = sleep(recheck.min(Duration::from_secs(60))) => all.recheck().await,
        }
        all.begin();
    }
}

struct Loop {
    wire: Wire,
    state: State,
    judged: mpsc::Sender<Judged>,
    names: Names,
    unsynced: usize,
    dirty: BTreeSet<Key>,
    busy: HashSet<Key>,
    failures: HashMap<Key, u32>,
    complaints: mpsc::Sender<Complaint>,
    /// What was said last of a Service.
    complained: HashMap<Key, Arc<str>>,
    writes: JoinSet<Done>,
    soft: Context,
}

impl Loop {
    async fn take(&mut self, input: Input) {
        let dirty = &mut self.dirty;
        let is_synced = match input {
            Input::Service(event) => self.state.service(event, dirty),
            Input::Pod(event) => self.state.pod(event, dirty),
            Input::Node(event) => {
                let gone = if let Event::Delete(key) = &event { self.state.instances_on(&key.name) } else { Vec::new() };
                let is_synced = self.state.node(event, dirty);
                // What ran on a host goes with it (instances spec I9).
                for instance in gone {
                    let _ = self.judged.send(Judged::Forfeit(instance)).await;
                }
                is_synced
            }
            Input::Slice(event) => self.state.slice(event, dirty),
            Input::Endpoints(event) => self.state.endpoints(event, dirty),
            Input::Instance(event) => {
                let (here, gone) = match &event {
                    Event::Upsert(instance) => (Some(Key::of(&instance.metadata)), None),
                    Event::Delete(key) => (None, Some(key.clone())),
                    Event::Synced => (None, None),
                };
                let is_synced = self.state.instance(event, dirty);
                if let Some(key) = here {
                    self.judge(&key).await;
                }
                if let Some(key) = gone {
                    self.soft.leases.forget(&key);
                    let _ = self.judged.send(Judged::Gone(key)).await;
                }
                is_synced
            }
        };
        if let Some(wanted) = self.state.changed_names() {
            self.names.follow(&wanted);
        }
        if is_synced {
            self.unsynced -= 1;
        }
    }

    /// Judges an Instance and tells who writes its status.
    async fn judge(&mut self, key: &Key) {
        let now_ms = self.soft.now_ms();
        if let Some(judged) = self.state.judge(key, &self.soft.leases, now_ms, &mut self.dirty) {
            // Without a receiver nobody writes statuses; slices are made all the same.
            let _ = self.judged.send(judged).await;
        }
    }

    async fn recheck(&mut self) {
        for key in self.state.due(self.soft.now_ms()) {
            self.judge(&key).await;
        }
    }

    /// Starts writing marked Services, as many as may run.
    fn begin(&mut self) {
        if self.unsynced > 0 {
            return;
        }
        while self.busy.len() < BUSY_MAX {
            let Some(key) = self.dirty.iter().find(|key| !self.busy.contains(*key)).cloned() else { return };
            self.dirty.remove(&key);
            self.complain(&key);
            let ops = self.state.ops(&key);
            if ops.is_empty() {
                self.failures.remove(&key);
                continue;
            }
            self.busy.insert(key.clone());
            self.writes.spawn(write(self.wire.clone(), key, ops));
        }
    }

    /// Tells once what is wrong with what a Service selects.
    fn complain(&mut self, key: &Key) {
        let Some(message) = self.state.unfit(key) else {
            self.complained.remove(key);
            return;
        };
        if self.complained.insert(key.clone(), message.clone()).is_none_or(|before| before != message) {
            tracing::warn!(service = %format!("{}/{}", key.namespace, key.name), "{message}");
            let about = Origin::new("Service", key.namespace.clone(), key.name.clone());
            // What does not fit stands in the log.
            let _ = self.complaints.try_send(Complaint { about, warns: true, reason: "InstancePortMismatch", message });
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        // Writes do not panic; should one, its Service stays busy and is left alone, and all others go on.
        let Ok(Done { service, written, end }) = done else { return };
        for one in written {
            self.state.written(one);
        }
        let error = match end {
            End::Failed(error) => error,
            End::Well => {
                self.busy.remove(&service);
                self.failures.remove(&service);
                return;
            }
            End::Rested => {
                self.busy.remove(&service);
                return;
            }
        };
        let failures = self.failures.entry(service.clone()).or_default();
        *failures += 1;
        let pause = match &error {
            // Nothing can be made there; when it is gone the Service is too.
            Error::Terminating => PAUSE_LONGEST,
            _ => PAUSE_FIRST.saturating_mul(1 << (*failures).min(12)).min(PAUSE_LONGEST),
        };
        if *failures == 3 || matches!(error, Error::Refused(_)) {
            tracing::warn!(namespace = &*service.namespace, service = &*service.name, %error, "endpoints: a write failed and is tried again");
        }
        self.dirty.insert(service.clone());
        self.writes.spawn(async move {
            tokio::time::sleep_until(Instant::now() + pause).await;
            Done { service, written: Vec::new(), end: End::Rested }
        });
    }
}

/// Carries out the writes of one Service, in order, until one fails.
async fn write(wire: Wire, service: Key, ops: Vec<Op>) -> Done {
    let mut written = Vec::new();
    for op in ops {
        let made = op.made_slice().map(|name| Key { namespace: service.namespace.clone(), name: name.into() });
        let is_classic = matches!(op, Op::CreateEndpoints(_) | Op::PatchEndpoints(..));
        match write_one(&wire, &service.namespace, op).await {
            Ok(one) => written.extend(one),
            // Slices say more than the older kind can: what it does not take must not keep their next change waiting.
            Err(Error::Refused(why)) if is_classic => {
                tracing::warn!(
                    namespace = &*service.namespace,
                    service = &*service.name,
                    why,
                    "endpoints: the Endpoints object is refused; its slices are written"
                );
            }
            Err(error) => {
                written.extend(made.filter(|_| matches!(error, Error::Conflict(_))).map(Written::SliceTaken));
                return Done { service, written, end: End::Failed(error) };
            }
        }
    }
    Done { service, written, end: End::Well }
}

async fn write_one(wire: &Wire, namespace: &str, op: Op) -> Result<Option<Written>, Error> {
    let key = |name: &str| Key { namespace: namespace.into(), name: name.into() };
    let slice = |reply: Value| serde_json::from_value(reply).ok().map(Written::Slice);
    let endpoints = |reply: Value| serde_json::from_value(reply).ok().map(Written::Endpoints);
    match op {
        Op::CreateSlice(object) => Ok(slice(wire.create(&path_of::<EndpointSlice>(namespace, ""), &object).await?)),
        Op::PatchSlice(name, patch) => Ok(slice(wire.merge(&path_of::<EndpointSlice>(namespace, &name), &patch).await?)),
        Op::DeleteSlice(name, uid) => {
            wire.delete(&path_of::<EndpointSlice>(namespace, &name), &uid, Propagation::Background).await?;
            Ok(Some(Written::SliceGone(key(&name))))
        }
        Op::CreateEndpoints(object) => Ok(endpoints(wire.create(&path_of::<Endpoints>(namespace, ""), &object).await?)),
        Op::PatchEndpoints(name, patch) => Ok(endpoints(wire.merge(&path_of::<Endpoints>(namespace, &name), &patch).await?)),
        Op::DeleteEndpoints(name, uid) => {
            wire.delete(&path_of::<Endpoints>(namespace, &name), &uid, Propagation::Background).await?;
            Ok(Some(Written::EndpointsGone(key(&name))))
        }
    }
}
