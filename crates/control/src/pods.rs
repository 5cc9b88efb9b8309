//! Deleted Pods that nobody ends: a Pod waits for the node it is bound to, but not for ever. When its grace has run out and it is still there,
//! nothing runs it (or its node is gone), and it goes; else it would hold its namespace, and every client that waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::Meta;
use serde::Deserialize;
use tokio::task::JoinSet;
use watch::{Event, Read, Target, Watcher};

use crate::Context;
use crate::wire::{Error, Wire, path};

/// What a node is given beyond the grace, to say that it has ended the Pod.
const PATIENCE_S: i64 = 1;
/// Until the next try after a refusal.
const PAUSE: Duration = Duration::from_secs(5);

/// A Pod as this loop sees it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Pod {
    metadata: Meta,
}

impl Read for Pod {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// Namespace and name.
type Key = (Arc<str>, Arc<str>);

/// Deleted Pods: their UIDs, and when they are to go.
#[derive(Default)]
struct Leaving(HashMap<Key, (Arc<str>, i64)>);

impl Leaving {
    fn hear(&mut self, event: Event<Pod>) {
        match event {
            Event::Upsert(Pod { metadata }) => {
                let key = (metadata.namespace.clone(), metadata.name.clone());
                match metadata.deletion_s {
                    Some(end_s) => drop(self.0.insert(key, (metadata.uid, end_s + PATIENCE_S))),
                    None => drop(self.0.remove(&key)),
                }
            }
            Event::Delete(key) => drop(self.0.remove(&(key.namespace, key.name))),
            Event::Synced => {}
        }
    }

    /// How long nothing is to be done; none when no Pod is leaving.
    fn rest(&self, now_ms: i64) -> Option<Duration> {
        let next_s = self.0.values().map(|(_, end_s)| *end_s).min()?;
        Some(Duration::from_millis(u64::try_from(next_s.saturating_mul(1000) - now_ms).unwrap_or(0)))
    }

    fn due(&self, now_ms: i64) -> Vec<(Key, Arc<str>)> {
        let is_due = |end_s: i64| end_s.saturating_mul(1000) <= now_ms;
        self.0.iter().filter(|(_, (_, end_s))| is_due(*end_s)).map(|(key, (uid, _))| (key.clone(), uid.clone())).collect()
    }
}

/// Runs until the runtime ends.
pub(crate) async fn run(context: Context) {
    let (sender, mut inputs) = tokio::sync::mpsc::channel(64);
    let mut watches = JoinSet::new();
    let target = Target::new("", "v1", "Pod", "pods");
    Watcher::<Pod>::new(context.client.clone(), target, &context.metrics).spawn(&mut watches, sender, |event| event);
    let wire = Wire::new(&context.client);
    let mut leaving = Leaving::default();
    loop {
        let rest = leaving.rest(context.now_ms());
        tokio::select! {
            event = inputs.recv() => match event {
                Some(event) => leaving.hear(event),
                None => return,
            },
            () = tokio::time::sleep(rest.unwrap_or_default()), if rest.is_some() => {
                if !end_all(&wire, &mut leaving, context.now_ms()).await {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Ends every Pod whose time has come; false when one could not be.
async fn end_all(wire: &Wire, leaving: &mut Leaving, now_ms: i64) -> bool {
    let mut is_done = true;
    for (key, uid) in leaving.due(now_ms) {
        match wire.delete_now(&path("", "v1", "pods", &key.0, &key.1), &uid).await {
            // Finalizers may still hold it; then its next change brings it back here, or its end takes it away.
            Ok(()) | Err(Error::Conflict(_)) => drop(leaving.0.remove(&key)),
            Err(error) => {
                tracing::debug!(namespace = &*key.0, pod = &*key.1, %error, "pods: not ended yet; trying again");
                is_done = false;
            }
        }
    }
    is_done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, deletion_s: Option<i64>) -> Event<Pod> {
        let metadata = Meta { namespace: "n".into(), name: name.into(), uid: format!("uid-{name}").as_str().into(), deletion_s, ..Meta::default() };
        Event::Upsert(Pod { metadata })
    }

    #[test]
    fn a_pod_is_due_when_its_grace_is_over_and_not_before() {
        let mut leaving = Leaving::default();
        leaving.hear(pod("stays", None));
        assert_eq!(leaving.rest(0), None);
        leaving.hear(pod("a", Some(30)));
        leaving.hear(pod("b", Some(40)));
        assert_eq!((leaving.rest(1_000), leaving.due(30_999).len()), (Some(Duration::from_secs(30)), 0));
        assert_eq!(leaving.due(31_000), [(("n".into(), "a".into()), "uid-a".into())]);
        leaving.hear(pod("a", None));
        assert!(leaving.due(31_000).is_empty(), "another Pod of that name");
    }
}
