//! Secrets, one by one, by name, as long as somebody refers to them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use compile::{Change, Kind};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use watch::{Event, Target, Watcher};

use crate::{Start, Wanted, to_change};

/// How long the first reading of a Secret may hold up the rest of the World: one that we may not read never arrives.
const SETTLE: Duration = Duration::from_secs(5);

/// How long the wants must rest, after all other kinds are complete, to count as those of a complete World.
const QUIET: Duration = Duration::from_millis(50);

type Name = (Arc<str>, Arc<str>);

/// Watches what is wanted until nobody reads any more.
pub(crate) async fn follow(start: Arc<Start>, mut wanted: Wanted) {
    let mut unsynced = start.unsynced.subscribe();
    let mut watched: HashMap<Name, oneshot::Sender<()>> = HashMap::new();
    let mut settling: Vec<oneshot::Receiver<()>> = Vec::new();
    let mut tasks = JoinSet::new();
    let mut is_synced = false;
    loop {
        let names: Option<BTreeSet<Name>> = wanted.borrow_and_update().as_ref().map(|wants| wants.secrets.clone());
        let is_known = names.is_some();
        // Dropping the sender tells the task to take its Secret back.
        watched.retain(|name, _| names.as_ref().is_some_and(|names| names.contains(name)));
        for name in names.into_iter().flatten() {
            if let Entry::Vacant(free) = watched.entry(name) {
                let (stop, stopped) = oneshot::channel();
                let (settle, settled) = oneshot::channel();
                tasks.spawn(watch_one(start.clone(), free.key().clone(), stopped, settle));
                free.insert(stop);
                settling.push(settled);
            }
        }
        while tasks.try_join_next().is_some() {}
        let others_are_complete = *unsynced.borrow_and_update() == 0;
        if is_synced {
            settling.clear();
        } else if is_known && others_are_complete {
            settle_all(&mut settling).await;
            match timeout(QUIET, wanted.changed()).await {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => return,
                Err(_) => {}
            }
            is_synced = true;
            if start.changes.send(Change::Synced(Kind::Secret)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            _ = unsynced.changed(), if !is_synced => {}
        }
    }
}

/// Waits until every Secret was read once, was found missing, or took too long.
async fn settle_all(settling: &mut Vec<oneshot::Receiver<()>>) {
    let all = async {
        for settled in settling.drain(..) {
            // An error means that the task ended, and then there is nothing to wait for.
            let _ = settled.await;
        }
    };
    let _ = timeout(SETTLE, all).await;
}

/// Watches one Secret, and says that it is gone when it is no longer wanted.
async fn watch_one(start: Arc<Start>, (namespace, name): Name, mut stopped: oneshot::Receiver<()>, settle: oneshot::Sender<()>) {
    let target = Target::of::<api::Secret>().in_namespace(&namespace).with_fields(&format!("metadata.name={name}"));
    let mut watcher = Watcher::<api::Secret>::new(start.client.clone(), target, &start.metrics);
    let mut settle = Some(settle);
    loop {
        let event = tokio::select! {
            event = watcher.next() => event,
            _ = &mut stopped => {
                let _ = start.changes.send(Change::Delete { kind: Kind::Secret, namespace, name }).await;
                return;
            }
        };
        if matches!(event, Event::Synced) {
            // Nobody waits for the later ones.
            let _ = settle.take().map(|settle| settle.send(()));
            continue;
        }
        if start.changes.send(to_change(Kind::Secret, event)).await.is_err() {
            return;
        }
    }
}
