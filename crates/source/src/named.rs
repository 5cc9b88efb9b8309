//! Objects that are read one by one, by name, as long as somebody refers to them: Secrets and ConfigMaps.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use compile::{Change, Kind, Object, Wants};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use watch::{Event, Target, Watcher};

use crate::{Start, Wanted, to_change};

/// How long the first reading of an object may hold up the rest of the World: one that we may not read never arrives.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) type Name = (Arc<str>, Arc<str>);

/// What is wanted, with its kind.
pub(crate) fn kinds(wants: &Wants) -> impl Iterator<Item = (Kind, Name)> {
    let secrets = wants.secrets.iter().map(|name| (Kind::Secret, name.clone()));
    secrets.chain(wants.config_maps.iter().map(|name| (Kind::ConfigMap, name.clone())))
}

/// Watches what is wanted until nobody reads any more.
pub(crate) async fn follow<T: api::Object + Into<Object>>(start: Arc<Start>, kind: Kind, mut wanted: Wanted, which: fn(&Wants) -> &BTreeSet<Name>) {
    let mut watched: HashMap<Name, oneshot::Sender<()>> = HashMap::new();
    let mut settling: Vec<oneshot::Receiver<()>> = Vec::new();
    let mut tasks = JoinSet::new();
    let mut is_synced = false;
    loop {
        let (names, is_whole) = wanted.borrow_and_update().as_ref().map(|wants| (which(wants).clone(), wants.is_whole)).unwrap_or_default();
        // Dropping the sender tells the task to take its object back.
        watched.retain(|name, _| names.contains(name));
        for name in names {
            if let Entry::Vacant(free) = watched.entry(name) {
                let (stop, stopped) = oneshot::channel();
                let (settle, settled) = oneshot::channel();
                tasks.spawn(watch_one::<T>(start.clone(), kind, free.key().clone(), stopped, settle));
                free.insert(stop);
                settling.push(settled);
            }
        }
        while tasks.try_join_next().is_some() {}
        if is_synced {
            settling.clear();
        } else if is_whole {
            settle_all(&mut settling).await;
            is_synced = true;
            if start.changes.send(Change::Synced(kind)).await.is_err() {
                return;
            }
        }
        if wanted.changed().await.is_err() {
            return;
        }
    }
}

/// Waits until every one was read once, was found missing, or took too long.
async fn settle_all(settling: &mut Vec<oneshot::Receiver<()>>) {
    let all = async {
        for settled in settling.drain(..) {
            // An error means that the task ended, and then there is nothing to wait for.
            let _ = settled.await;
        }
    };
    let _ = timeout(SETTLE, all).await;
}

/// Watches one object, and says that it is gone when it is no longer wanted.
async fn watch_one<T: api::Object + Into<Object>>(
    start: Arc<Start>,
    kind: Kind,
    (namespace, name): Name,
    mut stopped: oneshot::Receiver<()>,
    settle: oneshot::Sender<()>,
) {
    let target = Target::of::<T>().in_namespace(&namespace).with_fields(&format!("metadata.name={name}"));
    let mut watcher = Watcher::<T>::new(start.client.clone(), target, &start.metrics);
    let mut settle = Some(settle);
    loop {
        let event = tokio::select! {
            event = watcher.next() => event,
            _ = &mut stopped => {
                start.tried.forget(kind, (namespace.clone(), name.clone()));
                let _ = start.changes.send(Change::Delete { kind, namespace, name }).await;
                return;
            }
        };
        if matches!(event, Event::Synced) {
            // Nobody waits for the later ones.
            let _ = settle.take().map(|settle| settle.send(()));
            start.tried.add(kind, (namespace.clone(), name.clone()));
            continue;
        }
        if start.changes.send(to_change(kind, event)).await.is_err() {
            return;
        }
    }
}
