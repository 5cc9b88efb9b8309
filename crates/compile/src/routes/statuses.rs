//! Which statuses changed since they were handed out last.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Decided, DecidedStatus, Meta};

use super::Key;

/// What was decided for each object.
#[derive(Default)]
pub(crate) struct Statuses {
    last: BTreeMap<(&'static str, Key), Decided>,
    changed: Vec<(&'static str, Key)>,
}

impl Statuses {
    /// Decides the status of an object; it is handed out if it differs from the last one.
    pub fn decide(&mut self, kind: &'static str, meta: &Meta, body: DecidedStatus) {
        let key = (kind, (Arc::clone(&meta.namespace), Arc::clone(&meta.name)));
        let same = |last: &Decided| last.uid == meta.uid && last.generation == meta.generation && last.body == body;
        if self.last.get(&key).is_some_and(same) {
            return;
        }
        let decided = Decided {
            kind,
            namespace: Arc::clone(&meta.namespace),
            name: Arc::clone(&meta.name),
            uid: Arc::clone(&meta.uid),
            generation: meta.generation,
            snapshot: 0,
            body,
        };
        self.last.insert(key.clone(), decided);
        self.changed.push(key);
    }

    /// Whether a status of this object was handed out, and not forgotten since.
    pub fn knows(&self, kind: &'static str, key: &Key) -> bool {
        self.last.contains_key(&(kind, key.clone()))
    }

    /// The object is gone, or is no longer ours.
    pub fn forget(&mut self, kind: &'static str, key: &Key) {
        self.last.remove(&(kind, key.clone()));
    }

    /// What changed since the last call, each object once, to be held against this snapshot.
    pub fn take(&mut self, snapshot: u64) -> Vec<Decided> {
        let mut keys = std::mem::take(&mut self.changed);
        keys.sort();
        keys.dedup();
        keys.iter()
            .filter_map(|key| {
                let decided = self.last.get_mut(key)?;
                decided.snapshot = snapshot;
                Some(decided.clone())
            })
            .collect()
    }
}
