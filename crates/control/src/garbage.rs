//! Deletes what nobody owns any more, and carries foreground and orphan deletion out (API spec R2).
//!
//! The graph is fed by metadata-only watches of every kind there is, custom ones included. Nothing is decided before all of
//! them are complete, and an owner that the graph has not heard of is asked for before its absence counts.

mod graph;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use api::OwnerReference;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use watch::{Event, Partial, Target, Watcher};

use crate::Context;
use crate::discovery::{Resource, discover};
use crate::wire::{Error, Propagation, Wire};
use graph::{Decision, Graph, Node, Uid};

const QUEUE: usize = 4096;
const BUSY_MAX: usize = 32;
/// New kinds are looked for this often, and soon after a definition changed.
const LOOK_FOR_KINDS: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(300);
/// Owners that are known to be absent. UIDs never come back, so forgetting one costs a question.
const ABSENT_MAX: usize = 10_000;
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// What a watch of one kind tells.
struct Input {
    resource: usize,
    event: Event<Partial>,
}

/// The end of one piece of work, or of the pause after one failed.
struct Done {
    uid: Uid,
    /// Owners that were asked for and do not exist.
    absent: Vec<Uid>,
    /// Owners that exist although the graph has not heard of them: it will.
    exists: bool,
    failed: Option<Error>,
    is_pause: bool,
}

/// Runs until the runtime ends.
pub(crate) async fn run(context: Context) {
    let (sender, mut inputs) = mpsc::channel(QUEUE);
    let mut all = Loop {
        wire: Wire::new(&context.client),
        context,
        sender,
        resources: Vec::new(),
        graph: Graph::default(),
        unsynced: 0,
        absent: HashSet::new(),
        dirty: BTreeSet::new(),
        busy: HashSet::new(),
        failures: HashMap::new(),
        work: JoinSet::new(),
        watches: JoinSet::new(),
    };
    let mut look_at = Instant::now();
    loop {
        tokio::select! {
            Some(input) = inputs.recv() => {
                let is_definition = all.resources[input.resource].plural == "customresourcedefinitions";
                if is_definition {
                    look_at = look_at.min(Instant::now() + SOON);
                }
                all.take(input);
            }
            Some(done) = all.work.join_next() => all.finish(done),
            () = sleep_until(look_at) => {
                all.look_for_kinds().await;
                look_at = Instant::now() + if all.resources.is_empty() { Duration::from_secs(1) } else { LOOK_FOR_KINDS };
            }
        }
        all.begin();
    }
}

struct Loop {
    wire: Wire,
    context: Context,
    sender: mpsc::Sender<Input>,
    resources: Vec<Arc<Resource>>,
    graph: Graph,
    unsynced: usize,
    absent: HashSet<Uid>,
    dirty: BTreeSet<Uid>,
    busy: HashSet<Uid>,
    failures: HashMap<Uid, u32>,
    work: JoinSet<Done>,
    watches: JoinSet<()>,
}

impl Loop {
    /// Begins to watch kinds that are new. A kind that is no longer served counts as empty by itself.
    async fn look_for_kinds(&mut self) {
        let Ok(found) = discover(self.wire.client()).await else { return };
        for resource in found.resources {
            // Events own nothing, are owned by nobody, and are many.
            if resource.plural == "events" || self.resources.iter().any(|known| **known == resource) {
                continue;
            }
            let target = Target::new(&resource.group, &resource.version, &resource.kind, &resource.plural).metadata_only();
            let mut watcher = Watcher::<Partial>::new(self.context.client.clone(), target, &self.context.metrics);
            let (index, sender) = (self.resources.len(), self.sender.clone());
            self.watches.spawn(async move {
                loop {
                    let event = watcher.next().await;
                    if sender.send(Input { resource: index, event }).await.is_err() {
                        return;
                    }
                }
            });
            self.resources.push(Arc::new(resource));
            self.unsynced += 1;
        }
    }

    fn take(&mut self, Input { resource, event }: Input) {
        let concerned = match event {
            Event::Upsert(partial) => self.graph.upsert(resource, partial.metadata),
            Event::Delete(key) => self.graph.remove(resource, key),
            Event::Synced => {
                self.unsynced -= 1;
                return;
            }
        };
        self.dirty.extend(concerned);
    }

    fn begin(&mut self) {
        if self.unsynced > 0 || self.resources.is_empty() {
            return;
        }
        while self.busy.len() < BUSY_MAX {
            let Some(uid) = self.dirty.iter().find(|uid| !self.busy.contains(*uid)).cloned() else { return };
            self.dirty.remove(&uid);
            self.dirty.extend(self.graph.follow(&uid));
            let decision = self.graph.decide(&uid, &self.absent);
            let Some(work) = self.work_for(&uid, decision) else {
                self.failures.remove(&uid);
                continue;
            };
            self.busy.insert(uid);
            self.work.spawn(work.done());
        }
    }

    fn work_for(&self, uid: &Uid, decision: Decision) -> Option<Work> {
        let object = |uid: &Uid| {
            let node = self.graph.get(uid)?;
            Some((self.resources[node.resource].clone(), node.clone()))
        };
        let task = match decision {
            Decision::Nothing => return None,
            Decision::Ask(owners) => Task::Ask(owners.into_iter().map(|owner| (self.resource_of(&owner), owner)).collect()),
            Decision::Delete(propagation) => Task::Delete(propagation),
            Decision::DropReferences(owners) => Task::DropReferences(owners),
            Decision::UnblockAndDelete => Task::UnblockAndDelete,
            Decision::Orphan(dependents) => Task::Orphan(dependents.iter().filter_map(object).collect()),
            Decision::RemoveFinalizer(name) => Task::RemoveFinalizer(name),
        };
        let (resource, node) = object(uid)?;
        Some(Work { wire: self.wire.clone(), uid: uid.clone(), resource, node, task })
    }

    /// The kind that a reference names, at whatever version is watched.
    fn resource_of(&self, owner: &OwnerReference) -> Option<Arc<Resource>> {
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        self.resources.iter().find(|one| one.group == group && *one.kind == *owner.kind).cloned()
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let Ok(Done { uid, absent, exists, failed, is_pause }) = done else { return };
        self.busy.remove(&uid);
        if is_pause {
            return;
        }
        if self.absent.len() + absent.len() > ABSENT_MAX {
            self.absent.clear();
        }
        let was_answered = !absent.is_empty();
        self.absent.extend(absent);
        if failed.is_none() && !exists {
            self.failures.remove(&uid);
            if was_answered {
                self.dirty.insert(uid);
            }
            return;
        }
        let failures = self.failures.entry(uid.clone()).or_default();
        *failures += 1;
        if let Some(error) = failed.filter(|_| *failures == 5) {
            let name = self.graph.get(&uid).map(|node| node.key.name.clone()).unwrap_or_default();
            tracing::warn!(%name, %error, "garbage: an object could not be taken care of; trying again");
        }
        // An owner that exists and is not in the graph yet: its event is on the way.
        let first = if exists { Duration::from_secs(1) } else { Duration::from_millis(20) };
        let pause = first.saturating_mul(1 << (*failures).min(12)).min(PAUSE_LONGEST);
        self.dirty.insert(uid.clone());
        self.busy.insert(uid.clone());
        self.work.spawn(async move {
            sleep(pause).await;
            Done { uid, absent: Vec::new(), exists: false, failed: None, is_pause: true }
        });
    }
}

enum Task {
    Ask(Vec<(Option<Arc<Resource>>, OwnerReference)>),
    Delete(Propagation),
    DropReferences(Vec<Uid>),
    UnblockAndDelete,
    Orphan(Vec<(Arc<Resource>, Node)>),
    RemoveFinalizer(&'static str),
}

/// One piece of work about one object.
struct Work {
    wire: Wire,
    uid: Uid,
    resource: Arc<Resource>,
    node: Node,
    task: Task,
}

impl Work {
    async fn done(self) -> Done {
        let mut done = Done { uid: self.uid.clone(), absent: Vec::new(), exists: false, failed: None, is_pause: false };
        let result = match &self.task {
            Task::Ask(owners) => self.ask(owners, &mut done).await,
            Task::Delete(propagation) => self.delete(*propagation).await,
            Task::DropReferences(owners) => self.drop_references(&self.resource, &self.node, owners).await,
            Task::UnblockAndDelete => match self.unblock().await {
                // Its version is another one now.
                Ok(()) => self.wire.delete(&self.path(), &self.uid, Propagation::Foreground).await,
                failed => failed,
            },
            Task::Orphan(dependents) => self.orphan(dependents).await,
            Task::RemoveFinalizer(name) => self.remove_finalizer(name).await,
        };
        done.failed = match result {
            // Gone, or somebody else's now: the watches tell.
            Ok(()) | Err(Error::NotFound) => None,
            Err(error) => Some(error),
        };
        done
    }

    fn path(&self) -> String {
        self.resource.path(&self.node.key.namespace, &self.node.key.name)
    }

    async fn ask(&self, owners: &[(Option<Arc<Resource>>, OwnerReference)], done: &mut Done) -> Result<(), Error> {
        for (resource, owner) in owners {
            let Some(resource) = resource else {
                return Err(Error::Later(format!("owner {} {} is of a kind that the server does not serve", owner.kind, owner.name)));
            };
            // An owner in another namespace is none; one outside namespaces may own what is inside.
            let namespace = if resource.is_namespaced { &*self.node.key.namespace } else { "" };
            if resource.is_namespaced && namespace.is_empty() {
                done.absent.push(owner.uid.clone());
                continue;
            }
            match self.wire.get(&resource.path(namespace, &owner.name)).await {
                Ok(found) if found["metadata"]["uid"] == *owner.uid => done.exists = true,
                Ok(_) | Err(Error::NotFound) => done.absent.push(owner.uid.clone()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn delete(&self, propagation: Propagation) -> Result<(), Error> {
        // Owners may have changed since: then its version has too, and it is decided anew.
        self.wire.delete_version(&self.path(), &self.uid, &self.node.version, propagation).await
    }

    /// Writes owner references as they are now, less or changed.
    async fn rewrite(&self, resource: &Resource, node: &Node, change: impl Fn(Vec<Value>) -> Vec<Value>) -> Result<(), Error> {
        let path = resource.path(&node.key.namespace, &node.key.name);
        let object = self.wire.get(&path).await?;
        let before: Vec<Value> = object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        let after = change(before.clone());
        if after == before {
            return Ok(());
        }
        let after = if after.is_empty() { Value::Null } else { after.into() };
        let version = &object["metadata"]["resourceVersion"];
        let patch = json!({"metadata": {"uid": object["metadata"]["uid"], "resourceVersion": version, "ownerReferences": after}});
        self.wire.merge(&path, &patch).await.map(drop)
    }

    async fn drop_references(&self, resource: &Resource, node: &Node, owners: &[Uid]) -> Result<(), Error> {
        let is_kept = |one: &Value| !owners.iter().any(|uid| one["uid"] == **uid);
        self.rewrite(resource, node, |all| all.into_iter().filter(is_kept).collect()).await
    }

    async fn unblock(&self) -> Result<(), Error> {
        let unblocked = |mut one: Value| {
            one["blockOwnerDeletion"] = json!(false);
            one
        };
        self.rewrite(&self.resource, &self.node, |all| all.into_iter().map(unblocked).collect()).await
    }

    async fn orphan(&self, dependents: &[(Arc<Resource>, Node)]) -> Result<(), Error> {
        for (resource, node) in dependents {
            match self.drop_references(resource, node, std::slice::from_ref(&self.uid)).await {
                Ok(()) | Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        // The events of these writes lead to another look, which finds none left and removes the finalizer.
        Ok(())
    }

    async fn remove_finalizer(&self, name: &str) -> Result<(), Error> {
        let object = self.wire.get(&self.path()).await?;
        if object["metadata"]["uid"] != *self.uid {
            return Ok(());
        }
        let finalizers: Vec<Value> = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let left: Vec<Value> = finalizers.iter().filter(|known| *known != name).cloned().collect();
        if left.len() == finalizers.len() {
            return Ok(());
        }
        let version = &object["metadata"]["resourceVersion"];
        self.wire.merge(&self.path(), &json!({"metadata": {"resourceVersion": version, "finalizers": left}})).await.map(drop)
    }
}
