//! Where the World's objects come from: watches of an API server, remote or in the same process, as [`compile::Change`]s.
//!
//! `fairlead` starts one [`Source`] and feeds what it says to its World. One task watches one kind (the protocol is crate
//! `watch`), all write to one bounded channel, so a slow reader slows the watches and nothing piles up. Secrets and
//! ConfigMaps are never listed: only those that the last compilation asked for are read, each by its name.
//!
//! It decides nothing, keeps no objects, and never says that something is gone because contact was lost.

mod named;
mod tried;

use std::sync::Arc;

use compile::{Change, Kind, Object, Wants};
use kube::Client;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use watch::{Event, Metrics, Target, Watcher};

use self::tried::Tried;
pub use self::tried::Tries;

/// Changes that may wait for the reader.
const QUEUE: usize = 4096;

/// What is wanted besides the watched kinds, as the last compilation says; `None` until there was one. The kinds Secret and ConfigMap
/// are synced when a compilation knew every other kind and everything that it wanted was tried.
pub type Wanted = tokio::sync::watch::Receiver<Option<Arc<Wants>>>;

/// Watches that run until this is dropped.
pub struct Source {
    changes: mpsc::Receiver<Change>,
    tried: Tried,
    _tasks: JoinSet<()>,
}

impl Source {
    /// Watches `kinds`; Secrets and ConfigMaps, if among them, as `wanted` says.
    pub fn start(client: &Client, kinds: &[Kind], wanted: Wanted, metrics: &Metrics) -> Source {
        let (sender, changes) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        let tried = Tried::default();
        let start = Arc::new(Start { client: client.clone(), metrics: metrics.clone(), changes: sender, tried: tried.clone() });
        for kind in kinds {
            let all = start.clone();
            match kind {
                Kind::Secret => drop(tasks.spawn(named::follow::<api::Secret>(all, *kind, wanted.clone(), |wants| &wants.secrets))),
                Kind::ConfigMap => drop(tasks.spawn(named::follow::<api::ConfigMap>(all, *kind, wanted.clone(), |wants| &wants.config_maps))),
                Kind::Service => watch_all::<api::Service>(&mut tasks, all, *kind),
                Kind::EndpointSlice => watch_all::<api::EndpointSlice>(&mut tasks, all, *kind),
                Kind::Node => watch_all::<api::Node>(&mut tasks, all, *kind),
                Kind::Pod => watch_all::<api::Pod>(&mut tasks, all, *kind),
                Kind::Namespace => watch_all::<api::Namespace>(&mut tasks, all, *kind),
                Kind::Instance => watch_all::<api::Instance>(&mut tasks, all, *kind),
                Kind::BackendPolicy => watch_all::<api::BackendPolicy>(&mut tasks, all, *kind),
                Kind::Ingress => watch_all::<api::Ingress>(&mut tasks, all, *kind),
                Kind::IngressClass => watch_all::<api::IngressClass>(&mut tasks, all, *kind),
                Kind::GatewayClass => watch_all::<api::GatewayClass>(&mut tasks, all, *kind),
                Kind::Gateway => watch_all::<api::Gateway>(&mut tasks, all, *kind),
                Kind::BackendTlsPolicy => watch_all::<api::BackendTlsPolicy>(&mut tasks, all, *kind),
                Kind::HttpRoute => watch_all::<api::HttpRoute>(&mut tasks, all, *kind),
                Kind::ReferenceGrant => watch_all::<api::ReferenceGrant>(&mut tasks, all, *kind),
            }
        }
        Source { changes, tried, _tasks: tasks }
    }

    /// The next change, in the order in which its kind was told; `None` never comes while watches run. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Change> {
        self.changes.recv().await
    }

    /// Whether each of these was read or found missing, and the change that says so can be had.
    pub fn has_tried(&self, wants: &Wants) -> bool {
        self.tried.all(wants)
    }

    /// Hears of what is tried from now on.
    pub fn tries(&self) -> Tries {
        self.tried.told()
    }

    /// From now on these count as tried: they take too long, or may not be read.
    pub fn give_up(&self, wants: &Wants) {
        named::kinds(wants).for_each(|(kind, name)| self.tried.add(kind, name));
    }

    /// The next change if there is one by now: a reader drains what is there and compiles once.
    pub fn try_next(&mut self) -> Option<Change> {
        self.changes.try_recv().ok()
    }
}

/// What every watch begins with.
struct Start {
    client: Client,
    metrics: Metrics,
    changes: mpsc::Sender<Change>,
    tried: Tried,
}

fn watch_all<T: api::Object + Into<Object>>(tasks: &mut JoinSet<()>, start: Arc<Start>, kind: Kind) {
    tasks.spawn(async move {
        let mut watcher = Watcher::<T>::new(start.client.clone(), Target::of::<T>(), &start.metrics);
        loop {
            // The reader went away: nobody wants to know any more.
            if start.changes.send(to_change(kind, watcher.next().await)).await.is_err() {
                return;
            }
        }
    });
}

fn to_change<T: Into<Object>>(kind: Kind, event: Event<T>) -> Change {
    match event {
        Event::Upsert(object) => Change::Upsert(object.into()),
        Event::Delete(key) => Change::Delete { kind, namespace: key.namespace, name: key.name },
        Event::Synced => Change::Synced(kind),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
