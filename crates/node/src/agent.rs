//! The server's eye on the processes behind this node's Instances (instances spec R4, Q3, E3).
//!
//! Each Instance of this node that carries process evidence has a pidfd here. When the process ends, its endpoint is
//! marked gone in [`Vitals`](model::Vitals) first, so that local planes skip it within a wake-up; the evidence for the
//! status follows. An Instance whose supervisor died too is taken away.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::Instance;
use http::Request;
use model::vitals::State;
use model::{Interner, Origin, Target};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use watch::{Event, Key, Watcher};

use crate::process::Process;
use crate::{Evidence, Proof, Verdict};

/// How long a supervisor has to take away the Instance of a process that ended, before the agent does.
const ORPHAN_GRACE: Duration = Duration::from_secs(1);

/// What an agent needs.
pub struct Agent {
    /// This node's name.
    pub node: Arc<str>,
    /// To watch Instances and to delete orphans.
    pub client: kube::Client,
    /// Where local planes look.
    pub interner: Arc<Interner>,
    /// Where statuses are made.
    pub evidence: mpsc::Sender<Evidence>,
}

impl Agent {
    /// Watches for as long as the server lives.
    pub async fn run(self, metrics: &watch::Metrics) {
        let agent = Arc::new(self);
        let mut instances = Watcher::<Instance>::new(agent.client.clone(), watch::Target::of::<Instance>(), metrics);
        let mut watched: HashMap<Key, (Arc<str>, AbortHandle)> = HashMap::new();
        loop {
            match instances.next().await {
                Event::Upsert(instance) => agent.consider(&instance, &mut watched),
                Event::Delete(key) => {
                    if let Some((_, watching)) = watched.remove(&key) {
                        watching.abort();
                    }
                }
                Event::Synced => {}
            }
        }
    }

    fn consider(self: &Arc<Self>, instance: &Instance, watched: &mut HashMap<Key, (Arc<str>, AbortHandle)>) {
        let meta = &instance.metadata;
        let key = Key::of(meta);
        if instance.spec.node.as_deref() != Some(&self.node) || watched.get(&key).is_some_and(|(uid, _)| *uid == meta.uid) {
            return;
        }
        let alive = instance.status.evidence.iter().find(|one| &*one.proof == Proof::Process.as_str() && &*one.verdict == Verdict::Alive.as_str());
        let Some((pid, start_ticks)) = alive.and_then(|one| one.pid.zip(one.start_ticks)) else { return };
        let subject = Subject { namespace: Arc::clone(&meta.namespace), name: Arc::clone(&meta.name), uid: Arc::clone(&meta.uid) };
        let agent = Arc::clone(self);
        let watching = tokio::spawn(async move {
            if let Ok(process) = Process::open(pid, start_ticks) {
                process.ended().await;
            }
            agent.ended(subject, pid).await;
        });
        if let Some((_, former)) = watched.insert(key, (Arc::clone(&meta.uid), watching.abort_handle())) {
            former.abort();
        }
    }

    async fn ended(&self, subject: Subject, pid: u32) {
        let origin = Origin::new("Instance", Arc::clone(&subject.namespace), Arc::clone(&subject.name));
        for vitals in self.interner.of_target(&Target::object(origin, Arc::clone(&subject.uid))) {
            vitals.mark(State::GONE, true);
        }
        tracing::info!(instance = %subject.name, namespace = %subject.namespace, pid, "its process ended");
        let evidence = Evidence {
            namespace: Arc::clone(&subject.namespace),
            name: Arc::clone(&subject.name),
            uid: Arc::clone(&subject.uid),
            proof: Proof::Process,
            verdict: Verdict::Dead,
            reason: format!("process {pid} ended").into(),
        };
        let _ = self.evidence.send(evidence).await;
        tokio::time::sleep(ORPHAN_GRACE).await;
        // Its supervisor would have deleted it (this task with it) by now.
        let path = format!("/apis/fairlead.dev/v1alpha1/namespaces/{}/instances/{}", subject.namespace, subject.name);
        let only_this = serde_json::json!({"preconditions": {"uid": &*subject.uid}}).to_string().into_bytes();
        if let Ok(request) = Request::delete(path).header("Content-Type", "application/json").body(only_this) {
            let _ = self.client.request_text(request).await;
        }
    }
}

/// Which object a process stands behind.
struct Subject {
    namespace: Arc<str>,
    name: Arc<str>,
    uid: Arc<str>,
}
