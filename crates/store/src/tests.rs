//! What every store must do, by the names of the storage checklist of Kubernetes where it has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::clock::Clock;

mod disk;
mod faults;
mod model;

fn put(key: &str, value: &str) -> Op {
    Op::Put { key: key.into(), value: Bytes::copy_from_slice(value.as_bytes()), ttl: None }
}

fn delete(key: &str) -> Op {
    Op::Delete { key: key.into() }
}

fn expect(key: &str, revision: u64) -> Compare {
    Compare { key: key.into(), revision }
}

async fn commit(store: &Store, ops: Vec<Op>) -> u64 {
    match store.txn(Txn { compare: vec![], ops }).await {
        Ok(Outcome::Committed { revision }) => revision,
        other => panic!("not committed: {other:?}"),
    }
}

fn keys(snapshot: &Snapshot, prefix: &str) -> Vec<String> {
    snapshot.range(prefix, None).map(|record| record.key.to_string()).collect()
}

fn small_history(events: usize) -> Options {
    Options { history_events_min: events, history_bytes: 0, ..Options::default() }
}

#[tokio::test]
async fn create_sets_both_revisions_and_is_read_at_once() {
    let store = Store::memory();
    assert_eq!(store.revision(), 1);
    let revision = commit(&store, vec![put("/pods/a/x", "1")]).await;
    assert_eq!(revision, 2);
    let snapshot = store.snapshot();
    let record = snapshot.get("/pods/a/x").unwrap();
    assert_eq!((record.create_revision, record.mod_revision, &record.value[..]), (2, 2, &b"1"[..]));
    commit(&store, vec![put("/pods/a/x", "2")]).await;
    let snapshot = store.snapshot();
    let record = snapshot.get("/pods/a/x").unwrap();
    assert_eq!((record.create_revision, record.mod_revision), (2, 3));
}

#[tokio::test]
async fn create_with_key_exist_conflicts_and_shows_what_is_there() {
    let store = Store::memory();
    commit(&store, vec![put("/k", "old")]).await;
    let txn = Txn { compare: vec![expect("/other", 0), expect("/k", 0)], ops: vec![put("/k", "new")] };
    match store.txn(txn).await.unwrap() {
        Outcome::Conflict { index, current } => assert_eq!((index, current.unwrap().mod_revision), (1, 2)),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.revision(), 2);
}

#[tokio::test]
async fn conditional_delete_needs_the_revision() {
    let store = Store::memory();
    let revision = commit(&store, vec![put("/k", "v")]).await;
    let with = |revision| Txn { compare: vec![expect("/k", revision)], ops: vec![delete("/k")] };
    assert!(matches!(store.txn(with(revision + 1)).await.unwrap(), Outcome::Conflict { .. }));
    assert!(matches!(store.txn(with(revision)).await.unwrap(), Outcome::Committed { .. }));
    match store.txn(with(revision)).await.unwrap() {
        Outcome::Conflict { current: None, .. } => {}
        other => panic!("{other:?}"),
    }
    assert!(store.snapshot().get("/k").is_none());
}

#[tokio::test]
async fn a_transaction_that_changes_nothing_uses_no_revision() {
    let store = Store::memory();
    assert_eq!(commit(&store, vec![delete("/absent")]).await, 1);
    assert_eq!(commit(&store, vec![]).await, 1);
}

#[tokio::test]
async fn operations_of_one_transaction_share_a_revision() {
    let store = Store::memory();
    let mut watch = store.watch("/", 1).unwrap();
    let revision = commit(&store, vec![put("/b", "1"), put("/a", "1")]).await;
    assert_eq!(store.revision(), revision);
    assert_eq!(watch.next().await.unwrap().revision, revision);
    assert_eq!(watch.position(), revision - 1, "half a transaction is not delivered");
    assert_eq!(watch.next().await.unwrap().revision, revision);
    assert_eq!(watch.position(), revision);
}

#[tokio::test]
async fn list_recursive_prefix_is_ordered_and_continues() {
    let store = Store::memory();
    for key in ["/pods/b/2", "/pods/a/1", "/podsx/a", "/pods/b/1", "/nodes/n"] {
        commit(&store, vec![put(key, "v")]).await;
    }
    let snapshot = store.snapshot();
    assert_eq!(keys(&snapshot, "/pods/"), ["/pods/a/1", "/pods/b/1", "/pods/b/2"]);
    let rest: Vec<_> = snapshot.range("/pods/", Some("/pods/a/1")).map(|r| r.key.to_string()).collect();
    assert_eq!(rest, ["/pods/b/1", "/pods/b/2"]);
    let before: Vec<_> = snapshot.range("/pods/", Some("/a")).map(|r| r.key.to_string()).collect();
    assert_eq!(before.len(), 3, "a start before the prefix begins at the prefix");
    assert_eq!((snapshot.count("/pods/"), snapshot.count("/pods/b/"), snapshot.count("/pods"), snapshot.count("")), (3, 2, 4, 5));
    commit(&store, vec![delete("/pods/b/1")]).await;
    commit(&store, vec![delete("/pods/b/2")]).await;
    assert_eq!((store.snapshot().count("/pods/"), store.snapshot().count("/pods/b/")), (1, 0));
}

#[tokio::test]
async fn consistent_list_a_snapshot_does_not_move() {
    let store = Store::memory();
    commit(&store, vec![put("/a", "1")]).await;
    let before = store.snapshot();
    commit(&store, vec![put("/a", "2"), put("/b", "1")]).await;
    assert_eq!((&before.get("/a").unwrap().value[..], keys(&before, "/").len(), before.revision()), (&b"1"[..], 1, 2));
}

#[tokio::test]
async fn list_at_an_exact_revision_of_the_history() {
    let store = Store::memory();
    for i in 0..50 {
        commit(&store, vec![put(&format!("/k/{}", i % 7), &i.to_string())]).await;
    }
    commit(&store, vec![delete("/k/3")]).await;
    for revision in 1..=store.revision() {
        let snapshot = store.snapshot_at(revision).unwrap();
        assert_eq!(snapshot.revision(), revision);
        assert!(snapshot.range("/", None).all(|record| record.mod_revision <= revision));
        let writes = revision - 1;
        let alive = if revision == 52 { 6 } else { writes.min(7) as usize };
        assert_eq!(snapshot.count("/k/"), alive, "at {revision}");
    }
    assert_eq!(store.snapshot_at(53).unwrap_err(), Error::Future { current: 52 });
}

#[tokio::test]
async fn compact_revision_moves_the_floor_for_reads_and_watches() {
    let store = Store::memory();
    for i in 0..10 {
        commit(&store, vec![put("/k", &i.to_string())]).await;
    }
    store.compact(6);
    assert_eq!(store.floor(), 6);
    assert_eq!(store.snapshot_at(5).unwrap_err(), Error::Compacted { floor: 6 });
    assert_eq!(&store.snapshot_at(6).unwrap().get("/k").unwrap().value[..], b"4");
    assert!(matches!(store.watch("/", 5), Err(Error::Compacted { floor: 6 })));
    let mut watch = store.watch("/", 6).unwrap();
    assert_eq!(watch.next().await.unwrap().revision, 7);
    store.compact(1000);
    assert_eq!(store.floor(), store.revision(), "what has not happened is not compacted");
}

#[tokio::test]
async fn history_keeps_the_least_number_of_events() {
    let store = Store::memory_with(small_history(10), Clock::system());
    for i in 0..100 {
        commit(&store, vec![put("/k", &i.to_string())]).await;
    }
    assert_eq!(store.floor(), store.revision() - 10);
    for revision in store.floor()..=store.revision() {
        assert_eq!(store.snapshot_at(revision).unwrap().get("/k").unwrap().mod_revision, revision);
    }
}

#[tokio::test]
async fn history_drops_what_is_old() {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let options = Options { history_events_min: 1, ..Options::default() };
    let store = Store::memory_with(options, Clock::Manual(now.clone()));
    for _ in 0..5 {
        commit(&store, vec![put("/k", "v")]).await;
    }
    now.fetch_add(400_000, Ordering::Relaxed);
    commit(&store, vec![put("/k", "v")]).await;
    assert_eq!(store.floor(), store.revision() - 1);
}

#[tokio::test]
async fn watch_delivers_creation_change_and_deletion_with_what_was_before() {
    let store = Store::memory();
    let mut watch = store.watch("/pods/", 1).unwrap();
    commit(&store, vec![put("/pods/a", "1")]).await;
    commit(&store, vec![put("/nodes/n", "1")]).await;
    commit(&store, vec![put("/pods/a", "2")]).await;
    commit(&store, vec![delete("/pods/a")]).await;
    let seen: Vec<_> = [watch.next().await.unwrap(), watch.next().await.unwrap(), watch.next().await.unwrap()]
        .iter()
        .map(|e| (e.revision, e.now.as_ref().map(|r| r.value.clone()), e.before.as_ref().map(|r| r.value.clone())))
        .collect();
    let (one, two) = (Some(Bytes::from_static(b"1")), Some(Bytes::from_static(b"2")));
    assert_eq!(seen, [(2, one.clone(), None), (4, two.clone(), one), (5, None, two)]);
    assert_eq!(watch.try_next().unwrap(), None);
}

#[tokio::test]
async fn watch_from_non_zero_begins_after_it() {
    let store = Store::memory();
    for i in 0..10 {
        commit(&store, vec![put(&format!("/k/{i}"), "v")]).await;
    }
    let mut late = store.watch("/k/", 9).unwrap();
    let mut early = store.watch("/k/", 3).unwrap();
    let mut latest = store.watch("/k/", 11).unwrap();
    for revision in 4..=11 {
        assert_eq!(early.try_next().unwrap().unwrap().revision, revision, "the topic is extended backwards");
    }
    assert_eq!(late.try_next().unwrap().unwrap().revision, 10);
    assert_eq!(late.try_next().unwrap().unwrap().revision, 11);
    assert_eq!(latest.try_next().unwrap(), None);
    assert!(matches!(store.watch("/k/", 12), Err(Error::Future { current: 11 })));
}

#[tokio::test]
async fn progress_an_idle_prefix_keeps_up_with_the_store() {
    let store = Store::memory();
    let watch = store.watch("/pods/", 1).unwrap();
    assert_eq!(watch.position(), 1);
    commit(&store, vec![put("/nodes/n", "1")]).await;
    assert_eq!(watch.position(), 2);
}

#[tokio::test]
async fn a_stalled_watcher_falls_off_and_others_do_not() {
    let store = Store::memory_with(small_history(10), Clock::system());
    let mut stalled = store.watch("/k", 1).unwrap();
    let mut prompt = store.watch("/k", 1).unwrap();
    for i in 0..30u64 {
        commit(&store, vec![put("/k", "v")]).await;
        assert_eq!(prompt.next().await.unwrap().revision, i + 2);
    }
    assert_eq!(stalled.next().await.unwrap_err(), Error::Compacted { floor: store.floor() });
    let mut idle = store.watch("/none", store.revision()).unwrap();
    for _ in 0..30 {
        commit(&store, vec![put("/k", "v")]).await;
    }
    assert_eq!(idle.try_next().unwrap(), None, "a watcher that missed nothing has not fallen off");
    assert_eq!(idle.position(), store.revision());
}

#[tokio::test]
async fn no_leak_with_multiple_watchers() {
    let store = Store::memory();
    let watches: Vec<_> = (0..100).map(|i| store.watch(&format!("/p{}/", i % 10), 1).unwrap()).collect();
    assert_eq!(store.stats().topics, 10);
    drop(watches);
    assert_eq!(store.stats().topics, 0);
}

#[tokio::test]
async fn watch_context_cancel_loses_nothing() {
    let store = Store::memory();
    let mut watch = store.watch("/", 1).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(5), watch.next()).await.is_err());
    commit(&store, vec![put("/a", "1")]).await;
    assert_eq!(watch.next().await.unwrap().revision, 2);
}

#[tokio::test]
async fn a_waiting_watcher_is_woken() {
    let store = Store::memory();
    let mut watch = store.watch("/a/", 1).unwrap();
    let waiting = tokio::spawn(async move { watch.next().await.unwrap().revision });
    tokio::time::sleep(Duration::from_millis(10)).await;
    commit(&store, vec![put("/a/b", "1")]).await;
    assert_eq!(waiting.await.unwrap(), 2);
}

#[tokio::test]
async fn close_ends_writes_and_watches_but_not_reads() {
    let store = Store::memory();
    let mut watch = store.watch("/", 1).unwrap();
    commit(&store, vec![put("/a", "1")]).await;
    store.close().await;
    store.close().await;
    assert_eq!(watch.next().await.unwrap().revision, 2);
    assert_eq!(watch.next().await.unwrap_err(), Error::Closed);
    assert_eq!(store.txn(Txn::default()).await.unwrap_err(), Error::Closed);
    assert!(matches!(store.watch("/", 1), Err(Error::Closed)));
    assert_eq!(store.snapshot().count("/"), 1);
}

#[tokio::test]
async fn limits_are_those_of_etcd() {
    let store = Store::memory();
    let try_one = |op: Op| store.txn(Txn { compare: vec![], ops: vec![op] });
    assert!(try_one(put(&"k".repeat(KEY_BYTES_MAX), "v")).await.is_ok());
    assert!(matches!(try_one(put(&"k".repeat(KEY_BYTES_MAX + 1), "v")).await, Err(Error::TooLarge { .. })));
    assert!(try_one(put("/k", &"v".repeat(VALUE_BYTES_MAX))).await.is_ok());
    assert!(matches!(try_one(put("/k", &"v".repeat(VALUE_BYTES_MAX + 1))).await, Err(Error::TooLarge { .. })));
    let many = |n: usize| Txn { compare: vec![], ops: (0..n).map(|i| put(&format!("/{i}"), "v")).collect() };
    assert!(store.txn(many(TXN_OPS_MAX)).await.is_ok());
    assert!(matches!(store.txn(many(TXN_OPS_MAX + 1)).await, Err(Error::TooLarge { .. })));
    let twice = Txn { compare: vec![], ops: vec![put("/k", "1"), delete("/k")] };
    assert_eq!(store.txn(twice).await.unwrap_err(), Error::DuplicateKey { key: "/k".into() });
}

#[tokio::test]
async fn create_with_ttl_is_deleted_in_time_and_a_renewal_postpones_it() {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let store = Store::memory_with(Options::default(), Clock::Manual(now.clone()));
    let with_ttl = |key: &str, s| Op::Put { key: key.into(), value: Bytes::new(), ttl: Some(Duration::from_secs(s)) };
    commit(&store, vec![with_ttl("/gone", 10)]).await;
    commit(&store, vec![with_ttl("/renewed", 10)]).await;
    commit(&store, vec![with_ttl("/kept", 10)]).await;
    let mut watch = store.watch("/gone", store.revision()).unwrap();
    now.fetch_add(9_000, Ordering::Relaxed);
    commit(&store, vec![with_ttl("/renewed", 10), put("/kept", "for ever")]).await;
    now.fetch_add(1_000, Ordering::Relaxed);
    let event = tokio::time::timeout(Duration::from_secs(5), watch.next()).await.unwrap().unwrap();
    assert_eq!((event.revision, event.now.is_none(), event.before.is_some()), (6, true, true));
    assert_eq!(keys(&store.snapshot(), "/"), ["/kept", "/renewed"]);
    now.fetch_add(60_000, Ordering::Relaxed);
    let mut watch = store.watch("/renewed", store.revision()).unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(5), watch.next()).await.unwrap().unwrap().now.is_none());
    assert_eq!(keys(&store.snapshot(), "/"), ["/kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guaranteed_update_conflict_loses_no_increment() {
    let store = Store::memory();
    commit(&store, vec![put("/n", "0")]).await;
    let tasks = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < 50 {
                let record = store.snapshot().get("/n").unwrap().clone();
                let n: u64 = std::str::from_utf8(&record.value).unwrap().parse().unwrap();
                let txn = Txn { compare: vec![expect("/n", record.mod_revision)], ops: vec![put("/n", &(n + 1).to_string())] };
                if let Outcome::Committed { revision } = store.txn(txn).await.unwrap() {
                    assert!(store.revision() >= revision, "a write is visible when it is acknowledged");
                    done += 1;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(&store.snapshot().get("/n").unwrap().value[..], b"400");
    assert_eq!(store.revision(), 402);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_hears_of_a_change_reads_it_too() {
    let store = Store::memory();
    let mut watch = store.watch("/", 1).unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0..500 {
                commit(&store, vec![put(&format!("/{}", i % 10), "v")]).await;
            }
        })
    };
    for revision in 2..=501 {
        let event = watch.next().await.unwrap();
        assert_eq!(event.revision, revision);
        assert!(store.revision() >= revision);
        assert!(store.snapshot_at(revision).is_ok());
    }
    writer.await.unwrap();
}
