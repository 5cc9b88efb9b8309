//! Random histories against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One step of a random history.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Write { puts: Vec<(u8, u8)>, deletes: Vec<u8>, compare: Option<(u8, bool)> },
    Compact { back: u8 },
    Watch { back: u8, prefix: u8 },
    Reopen,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (
        proptest::collection::vec((0..12u8, any::<u8>()), 0..3),
        proptest::collection::vec(0..12u8, 0..2),
        proptest::option::of((0..12u8, any::<bool>())),
    )
        .prop_map(|(puts, deletes, compare)| Step::Write { puts, deletes, compare });
    let step = prop_oneof![
        12 => write,
        1 => any::<u8>().prop_map(|back| Step::Compact { back: back % 20 }),
        2 => (0..20u8, 0..4u8).prop_map(|(back, prefix)| Step::Watch { back, prefix }),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..60)
}

pub(super) fn key(i: u8) -> String {
    format!("/{}/{}", i % 3, i)
}

pub(super) type State = BTreeMap<String, (Vec<u8>, u64, u64)>;

/// The oracle: every state there ever was, and every event.
pub(super) struct Model {
    pub states: BTreeMap<u64, State>,
    pub events: Vec<(u64, String, Option<Vec<u8>>)>,
    pub floor: u64,
}

impl Model {
    pub fn new() -> Model {
        Model { states: BTreeMap::from([(1, State::new())]), events: Vec::new(), floor: 1 }
    }

    pub fn revision(&self) -> u64 {
        *self.states.last_key_value().unwrap().0
    }

    pub fn state(&self) -> &State {
        self.states.last_key_value().unwrap().1
    }

    /// Builds a transaction and applies it; says whether it must commit.
    pub fn write(&mut self, puts: &[(u8, u8)], deletes: &[u8], compare: Option<(u8, bool)>) -> (Txn, bool) {
        let mut ops: Vec<Op> = Vec::new();
        let mut state = self.state().clone();
        let revision = self.revision() + 1;
        let mut events = Vec::new();
        for (i, value) in puts {
            let key = key(*i);
            if ops.iter().any(|op| **op.key() == *key) {
                continue;
            }
            ops.push(put(&key, &value.to_string()));
            let created = state.get(&key).map_or(revision, |(_, created, _)| *created);
            state.insert(key.clone(), (value.to_string().into_bytes(), created, revision));
            events.push((revision, key, Some(value.to_string().into_bytes())));
        }
        for i in deletes {
            let key = key(*i);
            if ops.iter().any(|op| **op.key() == *key) {
                continue;
            }
            ops.push(delete(&key));
            if state.remove(&key).is_some() {
                events.push((revision, key, None));
            }
        }
        let compare: Vec<Compare> = compare
            .map(|(i, is_right)| {
                let found = self.state().get(&key(i)).map_or(0, |(_, _, modified)| *modified);
                expect(&key(i), if is_right { found } else { found + 1 })
            })
            .into_iter()
            .collect();
        let holds = compare.iter().all(|c| self.state().get(&*c.key).map_or(0, |(_, _, modified)| *modified) == c.revision);
        if holds && !events.is_empty() {
            self.states.insert(revision, state);
            self.events.extend(events);
        }
        (Txn { compare, ops }, holds)
    }

    /// Compares a snapshot with the state of its revision.
    pub fn check(&self, snapshot: &Snapshot) {
        let state = &self.states[&snapshot.revision()];
        let found: State = snapshot.range("/", None).map(|r| (r.key.to_string(), (r.value.to_vec(), r.create_revision, r.mod_revision))).collect();
        assert_eq!(&found, state, "at revision {}", snapshot.revision());
        for prefix in ["/", "/0/", "/1/", "/2/"] {
            assert_eq!(snapshot.count(prefix), state.keys().filter(|key| key.starts_with(prefix)).count());
        }
    }

    /// Compares everything a watch has with the events after a revision.
    pub fn check_watch(&self, watch: &mut Watch, prefix: &str, after: u64) {
        let expected: Vec<_> = self.events.iter().filter(|(r, k, _)| *r > after && k.starts_with(prefix)).cloned().collect();
        let mut seen = Vec::new();
        while let Some(event) = watch.try_next().unwrap() {
            let before = self.states[&(event.revision - 1)].get(&*event.key).map(|(value, ..)| value.clone());
            assert_eq!(event.before.as_ref().map(|r| r.value.to_vec()), before);
            seen.push((event.revision, event.key.to_string(), event.now.as_ref().map(|r| r.value.to_vec())));
        }
        // Keys of one transaction may come in the order they were written.
        assert_eq!(seen, expected, "watch of {prefix} after {after}");
        assert_eq!(watch.position(), self.revision());
    }
}

/// Runs steps against a store; `reopen` gives the store after a restart, or the same one.
pub(super) async fn run(mut store: Store, steps: Vec<Step>, mut reopen: impl AsyncFnMut(Store) -> Store) {
    let mut model = Model::new();
    let mut watches: Vec<(Watch, String, u64)> = Vec::new();
    for step in steps {
        match step {
            Step::Write { puts, deletes, compare } => {
                let (txn, holds) = model.write(&puts, &deletes, compare);
                match store.txn(txn).await.unwrap() {
                    Outcome::Committed { revision } => assert!(holds && revision == model.revision()),
                    Outcome::Conflict { .. } => assert!(!holds),
                }
            }
            Step::Compact { back } => {
                let revision = model.revision().saturating_sub(back as u64);
                store.compact(revision);
                model.floor = model.floor.max(revision);
                watches.clear();
            }
            Step::Watch { back, prefix } => {
                let after = model.revision().saturating_sub(back as u64).max(1);
                let prefix = ["/", "/0/", "/1/", "/2/5"][prefix as usize];
                match store.watch(prefix, after) {
                    Ok(watch) => watches.push((watch, prefix.into(), after)),
                    Err(error) => assert!(after < model.floor && error == Error::Compacted { floor: model.floor }),
                }
            }
            Step::Reopen => {
                watches.clear();
                store = reopen(store).await;
                model.floor = store.floor();
            }
        }
        assert_eq!(store.revision(), model.revision());
    }
    for (mut watch, prefix, after) in watches {
        model.check_watch(&mut watch, &prefix, after);
    }
    for revision in 1..=model.revision() {
        match store.snapshot_at(revision) {
            Ok(snapshot) => model.check(&snapshot),
            Err(error) => assert_eq!((error, revision < model.floor), (Error::Compacted { floor: model.floor }, true)),
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn memory_behaves_as_a_plain_map(steps in steps()) {
        block_on(run(Store::memory(), steps, async |store| store));
    }

    #[test]
    fn a_directory_behaves_as_a_plain_map_across_restarts(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { durability: Durability::None, segment_bytes: 400, log_bytes_min: 500, ..small_history(100_000) };
        block_on(run(Store::open(dir.path(), options.clone()).unwrap(), steps, async |store: Store| {
            let (revision, floor) = (store.revision(), store.floor());
            store.close().await;
            drop(store);
            let store = Store::open(dir.path(), options.clone()).unwrap();
            assert_eq!(store.revision(), revision);
            assert!(store.floor() <= floor, "the history is still there");
            store
        }));
    }
}
