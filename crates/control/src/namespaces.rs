//! Deleting a namespace: everything in it goes first, Pods before all else (API spec R3).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use api::Meta;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use watch::{Event, Read, Target, Watcher};

use crate::Context;
use crate::discovery::{Found, Resource, discover};
use crate::wire::{Error, Propagation, Wire};

/// The finalizer that stands for this loop.
const FINALIZER: &str = "kubernetes";
/// Kinds of one namespace that are emptied at the same time, and namespaces too.
const BUSY_MAX: usize = 8;
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// A Namespace as this loop sees it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    metadata: Meta,
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    finalizers: Option<Vec<Arc<str>>>,
}

impl Read for Namespace {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Namespace {
    fn is_to_be_emptied(&self) -> bool {
        self.metadata.deletion_s.is_some() && self.spec.finalizers.iter().flatten().any(|name| **name == *FINALIZER)
    }
}

/// The end of one round, or of the pause after one.
struct Done {
    name: Arc<str>,
    is_over: bool,
    is_pause: bool,
}

/// Runs until the runtime ends.
pub(crate) async fn run(context: Context) {
    let (sender, mut inputs) = tokio::sync::mpsc::channel(64);
    let mut watches = JoinSet::new();
    let target = Target::new("", "v1", "Namespace", "namespaces");
    Watcher::<Namespace>::new(context.client.clone(), target, &context.metrics).spawn(&mut watches, sender, |event| event);
    let wire = Wire::new(&context.client);
    let mut waiting: HashMap<Arc<str>, u32> = HashMap::new();
    let mut busy: HashSet<Arc<str>> = HashSet::new();
    let mut rounds: JoinSet<Done> = JoinSet::new();
    loop {
        tokio::select! {
            event = inputs.recv() => match event {
                Some(Event::Upsert(namespace)) if namespace.is_to_be_emptied() => drop(waiting.entry(namespace.metadata.name).or_insert(0)),
                Some(Event::Upsert(namespace)) => drop(waiting.remove(&namespace.metadata.name)),
                Some(Event::Delete(key)) => drop(waiting.remove(&key.name)),
                Some(Event::Synced) => {}
                None => return,
            },
            Some(Ok(done)) = rounds.join_next() => {
                if done.is_over {
                    waiting.remove(&done.name);
                }
                match waiting.get_mut(&done.name) {
                    Some(tries) if !done.is_pause => {
                        *tries += 1;
                        let pause = PAUSE_FIRST.saturating_mul(1 << (*tries).min(10)).min(PAUSE_LONGEST);
                        rounds.spawn(async move {
                            sleep(pause).await;
                            Done { name: done.name, is_over: false, is_pause: true }
                        });
                    }
                    _ => drop(busy.remove(&done.name)),
                }
            }
        }
        for name in waiting.keys() {
            if busy.len() < BUSY_MAX && busy.insert(name.clone()) {
                let (wire, name) = (wire.clone(), name.clone());
                rounds.spawn(async move {
                    let is_over = match empty(&wire, &name).await {
                        Ok(is_over) => is_over,
                        Err(error) => {
                            tracing::debug!(namespace = &*name, %error, "namespaces: not empty yet; trying again");
                            false
                        }
                    };
                    Done { name, is_over, is_pause: false }
                });
            }
        }
    }
}

/// What a round left in a namespace.
#[derive(Default)]
struct Left {
    /// Number of objects by kind.
    objects: BTreeMap<String, usize>,
    /// Number of objects by finalizer.
    finalizers: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Left {
    fn join(&mut self, other: Left) {
        self.objects.extend(other.objects);
        for (name, count) in other.finalizers {
            *self.finalizers.entry(name).or_default() += count;
        }
        self.failures.extend(other.failures);
    }
}

/// One round. True if the namespace may go.
async fn empty(wire: &Wire, name: &Arc<str>) -> Result<bool, Error> {
    let found = discover(wire.client()).await?;
    let is_pods = |resource: &&Resource| resource.group.is_empty() && resource.plural == "pods";
    let of_namespaces = || found.resources.iter().filter(|resource| resource.is_namespaced);
    // Pods first: what they use, and what guards them, is there until they have ended.
    let mut left = empty_all(wire, name, of_namespaces().filter(is_pods).cloned().collect()).await;
    if left.objects.is_empty() {
        left = empty_all(wire, name, of_namespaces().filter(|one| !is_pods(one)).cloned().collect()).await;
    }
    let is_empty = left.objects.is_empty() && left.failures.is_empty() && found.failures.is_empty();
    let path = format!("/api/v1/namespaces/{name}");
    let namespace = match wire.get(&path).await {
        Ok(namespace) => namespace,
        Err(Error::NotFound) => return Ok(true),
        Err(error) => return Err(error),
    };
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let conditions = conditions(&namespace["status"]["conditions"], &found, &left, &now);
    // On the way to the end nobody needs to be told that nothing is in the way.
    if !is_empty && Value::from(conditions.clone()) != namespace["status"]["conditions"] {
        wire.merge(&format!("{path}/status"), &json!({"status": {"conditions": conditions}})).await?;
    }
    if !is_empty {
        return Ok(false);
    }
    let mut namespace = namespace;
    if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
        finalizers.retain(|one| one != FINALIZER);
    }
    match wire.replace(&format!("{path}/finalize"), &namespace).await {
        Ok(_) | Err(Error::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn empty_all(wire: &Wire, namespace: &Arc<str>, resources: Vec<Resource>) -> Left {
    let mut left = Left::default();
    let mut running = JoinSet::new();
    let mut resources = resources.into_iter();
    loop {
        while running.len() < BUSY_MAX {
            let Some(resource) = resources.next() else { break };
            let (wire, namespace) = (wire.clone(), namespace.clone());
            running.spawn(async move { empty_kind(&wire, &namespace, &resource).await });
        }
        match running.join_next().await {
            Some(Ok(one)) => left.join(one),
            Some(Err(_)) => left.failures.push("a task ended early".into()),
            None => return left,
        }
    }
}

/// Deletes all objects of a kind, and says what is still there.
async fn empty_kind(wire: &Wire, namespace: &str, resource: &Resource) -> Left {
    match delete_kind(wire, namespace, resource).await {
        Ok(left) => left,
        Err(Error::NotFound) => Left::default(),
        Err(error) => Left { failures: vec![format!("{}: {error}", resource.qualified())], ..Left::default() },
    }
}

async fn delete_kind(wire: &Wire, namespace: &str, resource: &Resource) -> Result<Left, Error> {
    let path = resource.path(namespace, "");
    let items = |list: Value| list["items"].as_array().cloned().unwrap_or_default();
    let before = items(wire.get(&path).await?);
    if before.is_empty() {
        return Ok(Left::default());
    }
    if resource.deletes_collections {
        wire.delete_all(&path).await?;
    } else {
        for item in &before {
            let (name, uid) = (item["metadata"]["name"].as_str().unwrap_or_default(), item["metadata"]["uid"].as_str().unwrap_or_default());
            wire.delete(&resource.path(namespace, name), uid, Propagation::Background).await?;
        }
    }
    let after = items(wire.get(&path).await?);
    let mut left = Left::default();
    for finalizer in after.iter().flat_map(|item| item["metadata"]["finalizers"].as_array().into_iter().flatten()) {
        *left.finalizers.entry(finalizer.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    if !after.is_empty() {
        left.objects.insert(resource.qualified(), after.len());
    }
    Ok(left)
}

/// The five conditions that upstream writes, with times that move only when a status flips.
fn conditions(current: &Value, found: &Found, left: &Left, now: &str) -> Vec<Value> {
    let list = |parts: Vec<String>| parts.join(", ");
    let objects = left.objects.iter().map(|(kind, count)| format!("{kind} has {count} resource instances")).collect();
    let finalizers = left.finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances")).collect();
    let wanted = [
        (
            "NamespaceDeletionDiscoveryFailure",
            !found.failures.is_empty(),
            ("DiscoveryFailed", format!("Discovery failed for some groups, {} failing: {}", found.failures.len(), found.failures.join("; "))),
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            ("GroupVersionParsingFailed", String::new()),
            ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        (
            "NamespaceDeletionContentFailure",
            !left.failures.is_empty(),
            (
                "ContentDeletionFailed",
                format!("Failed to delete all resource types, {} remaining: {}", left.failures.len(), left.failures.join("; ")),
            ),
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        (
            "NamespaceContentRemaining",
            !left.objects.is_empty(),
            ("SomeResourcesRemain", format!("Some resources are remaining: {}", list(objects))),
            ("ContentRemoved", "All content successfully removed"),
        ),
        (
            "NamespaceFinalizersRemaining",
            !left.finalizers.is_empty(),
            ("SomeFinalizersRemain", format!("Some content in the namespace has finalizers remaining: {}", list(finalizers))),
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    ];
    let old = |kind: &str| current.as_array().into_iter().flatten().find(|one| one["type"] == kind);
    let condition = |(kind, holds, bad, good): (&str, bool, (&str, String), (&str, &str))| {
        let status = if holds { "True" } else { "False" };
        let (reason, message) = if holds { bad } else { (good.0, good.1.to_owned()) };
        let kept = old(kind).filter(|old| old["status"] == status).map(|old| old["lastTransitionTime"].clone());
        json!({"type": kind, "status": status, "lastTransitionTime": kept.unwrap_or_else(|| json!(now)), "reason": reason, "message": message})
    };
    wanted.into_iter().map(condition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_name_what_is_left_and_keep_their_times() {
        let left = Left {
            objects: BTreeMap::from([("secrets.".into(), 2), ("pods.".into(), 1)]),
            finalizers: BTreeMap::from([("a.test/hold".into(), 2)]),
            failures: Vec::new(),
        };
        let first = conditions(&Value::Null, &Found::default(), &left, "t1");
        let text = |kind: &str, all: &[Value]| {
            let one =
                all.iter().find(|one| one["type"] == kind).map(|one| format!("{} {} {}", one["status"], one["message"], one["lastTransitionTime"]));
            one.unwrap_or_default().replace('"', "")
        };
        assert_eq!(
            text("NamespaceContentRemaining", &first),
            "True Some resources are remaining: pods. has 1 resource instances, secrets. has 2 resource instances t1"
        );
        assert_eq!(
            text("NamespaceFinalizersRemaining", &first),
            "True Some content in the namespace has finalizers remaining: a.test/hold in 2 resource instances t1"
        );
        let second = conditions(&first.into(), &Found::default(), &Left::default(), "t2");
        assert!(text("NamespaceContentRemaining", &second).ends_with("t2"));
        assert!(text("NamespaceDeletionDiscoveryFailure", &second).ends_with("t1"));
    }
}
