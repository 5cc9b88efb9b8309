//! What a store on disk must survive.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::faults::{FaultyDisk, Handle, Plan};
use super::*;

const NOW_MS: u64 = 1_000_000_000;

fn open_at(disk: &Arc<FaultyDisk>, options: Options, now_ms: u64) -> Result<Store, Error> {
    let clock = Clock::Manual(Arc::new(AtomicU64::new(now_ms)));
    Store::open_on(Arc::new(Handle(disk.clone())), options, clock)
}

fn open(disk: &Arc<FaultyDisk>, options: Options) -> Result<Store, Error> {
    open_at(disk, options, NOW_MS)
}

/// Everything there is, to be compared.
fn everything(snapshot: &Snapshot) -> Vec<Record> {
    snapshot.range("", None).cloned().collect()
}

fn events_after(store: &Store, after: u64) -> Vec<Arc<Event>> {
    let mut watch = store.watch("", after).unwrap();
    std::iter::from_fn(|| watch.try_next().unwrap()).collect()
}

fn small_files() -> Options {
    Options { segment_bytes: 1500, log_bytes_min: 2000, ..small_history(10) }
}

fn last_log(disk: &FaultyDisk) -> String {
    disk.names().into_iter().rfind(|name| name.starts_with("log-")).unwrap()
}

#[tokio::test]
async fn restart_restores_revision_records_and_history() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    for i in 0..20 {
        commit(&store, vec![put(&format!("/k/{}", i % 3), &i.to_string())]).await;
    }
    commit(&store, vec![delete("/k/1")]).await;
    let (records, events) = (everything(&store.snapshot()), events_after(&store, 5));
    drop(store);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!((store.revision(), store.floor()), (22, 1));
    assert_eq!(everything(&store.snapshot()), records);
    assert_eq!(events_after(&store, 5), events, "a watch goes on where it was");
    assert_eq!(commit(&store, vec![put("/new", "v")]).await, 23);
}

#[tokio::test]
async fn create_with_ttl_keeps_its_remaining_time_across_a_restart() {
    let disk = Arc::new(FaultyDisk::default());
    let with_ttl = |key: &str, s| Op::Put { key: key.into(), value: Bytes::new(), ttl: Some(Duration::from_secs(s)) };
    let store = open(&disk, Options::default()).unwrap();
    commit(&store, vec![with_ttl("/soon", 10), with_ttl("/later", 100)]).await;
    drop(store);
    let store = open_at(&disk, Options::default(), NOW_MS + 10_000).unwrap();
    let mut watch = store.watch("/", 2).unwrap();
    let event = tokio::time::timeout(Duration::from_secs(5), watch.next()).await.unwrap().unwrap();
    assert_eq!((&*event.key, event.now.is_none()), ("/soon", true));
    assert_eq!(keys(&store.snapshot(), "/"), ["/later"]);
}

#[tokio::test]
async fn an_image_replaces_old_segments_and_keeps_the_history() {
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, small_files()).unwrap();
    for i in 0..400 {
        commit(&store, vec![put(&format!("/k/{}", i % 20), &"x".repeat(100))]).await;
    }
    store.close().await;
    let names = disk.names();
    assert!(names.iter().filter(|name| name.starts_with("image-")).count() == 1, "{names:?}");
    assert!(names.iter().filter(|name| name.starts_with("log-")).count() < 20, "{names:?}");
    let again = open(&disk, small_files()).unwrap();
    assert_eq!(everything(&again.snapshot()), everything(&store.snapshot()));
    assert_eq!(events_after(&again, store.floor()), events_after_closed(&store));
}

/// The events of a closed store, which no longer lets anyone watch: rebuilt from its states.
fn events_after_closed(store: &Store) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    for revision in store.floor() + 1..=store.revision() {
        let (before, now) = (store.snapshot_at(revision - 1).unwrap(), store.snapshot_at(revision).unwrap());
        let changed = now.range("", None).find(|record| record.mod_revision == revision).unwrap().clone();
        let before = before.get(&changed.key).cloned();
        events.push(Arc::new(Event { revision, key: changed.key.clone(), now: Some(changed), before }));
    }
    events
}

#[tokio::test]
async fn foreign_bytes_at_the_end_are_cut() {
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, Options::default()).unwrap();
    commit(&store, vec![put("/k", "v")]).await;
    drop(store);
    disk.append(&last_log(&disk), &[0xA5; 37]);
    let store = open(&disk, Options::default()).unwrap();
    assert_eq!(store.revision(), 2);
    assert_eq!(commit(&store, vec![put("/k", "w")]).await, 3);
    drop(store);
    assert_eq!(open(&disk, Options::default()).unwrap().revision(), 3);
}

#[tokio::test]
async fn a_torn_last_record_is_cut() {
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, Options::default()).unwrap();
    commit(&store, vec![put("/k", "v")]).await;
    commit(&store, vec![put("/k", "w")]).await;
    drop(store);
    let name = last_log(&disk);
    disk.flip(&name, disk.len_of(&name) - 1);
    assert_eq!(open(&disk, Options::default()).unwrap().revision(), 2);
}

#[tokio::test]
async fn a_bad_record_before_flushed_ones_refuses_and_names_segment_and_remedy() {
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, Options::default()).unwrap();
    for _ in 0..5 {
        commit(&store, vec![put("/k", "v")]).await;
    }
    drop(store);
    let name = last_log(&disk);
    disk.flip(&name, disk.len_of(&name) / 2);
    let error = open(&disk, Options::default()).err().unwrap();
    assert!(matches!(&error, Error::Corrupt { file, .. } if file.ends_with(&name)), "{error:?}");
    assert!(error.to_string().contains("restore a backup"));
    assert!(disk.len_of(&name) > 0, "nothing was touched");
}

#[tokio::test]
async fn a_bad_earlier_segment_a_missing_one_and_a_bad_image_refuse() {
    for case in 0..3 {
        let disk = Arc::new(FaultyDisk::default());
        let options = small_files();
        let store = open(&disk, options.clone()).unwrap();
        for i in 0..200 {
            commit(&store, vec![put(&format!("/k/{i}"), &"x".repeat(200))]).await;
        }
        store.close().await;
        let logs: Vec<_> = disk.names().into_iter().filter(|name| name.starts_with("log-")).collect();
        match case {
            0 => disk.flip(&logs[logs.len() - 2], 1000),
            1 => {
                use crate::disk::Disk;
                Handle(disk.clone()).remove(&logs[logs.len() - 2]).unwrap();
            }
            _ => disk.flip(disk.names().iter().find(|name| name.starts_with("image-")).unwrap(), 60),
        }
        assert!(matches!(open(&disk, options), Err(Error::Corrupt { .. })), "case {case}");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_reads_and_recovers_without_burning_revisions() {
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, Options::default()).unwrap();
    commit(&store, vec![put("/k", "v")]).await;
    let mut watch = store.watch("/", 2).unwrap();
    disk.plan.lock().space = Some(30);
    let create = || Txn { compare: vec![expect("/new", 0)], ops: vec![put("/new", &"x".repeat(100))] };
    for _ in 0..3 {
        let error = store.txn(create()).await.unwrap_err();
        assert_eq!(error, Error::DiskFull { dir: "faulty".into() });
        assert!(error.to_string().contains("no space left"));
    }
    let conflict = Txn { compare: vec![expect("/k", 0)], ops: vec![] };
    assert!(matches!(store.txn(conflict).await.unwrap(), Outcome::Conflict { index: 0, .. }), "deciding needs no disk");
    assert_eq!((store.revision(), store.snapshot().count("/")), (2, 1));
    assert_eq!(watch.try_next().unwrap(), None);
    disk.plan.lock().space = None;
    assert_eq!(store.txn(create()).await.unwrap(), Outcome::Committed { revision: 3 });
    assert_eq!(watch.next().await.unwrap().revision, 3);
    drop((store, watch));
    assert_eq!(open(&disk, Options::default()).unwrap().revision(), 3);
}

#[tokio::test]
async fn a_disk_that_is_full_when_a_segment_begins_recovers_too() {
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, Options { segment_bytes: 100, ..Options::default() }).unwrap();
    commit(&store, vec![put("/k", &"x".repeat(200))]).await;
    disk.plan.lock().space = Some(10);
    assert!(matches!(store.txn(Txn { compare: vec![], ops: vec![put("/k", "v")] }).await, Err(Error::DiskFull { .. })));
    disk.plan.lock().space = None;
    assert_eq!(commit(&store, vec![put("/k", "v")]).await, 3);
    drop(store);
    assert_eq!(open(&disk, Options::default()).unwrap().revision(), 3);
}

#[tokio::test]
async fn a_failed_flush_ends_writing_for_good_and_reads_go_on() {
    for by_write in [false, true] {
        let disk = Arc::new(FaultyDisk::default());
        let store = open(&disk, Options::default()).unwrap();
        commit(&store, vec![put("/k", "v")]).await;
        *disk.plan.lock() = Plan { sync_fails: !by_write, write_fails: by_write, ..Plan::default() };
        let write = || Txn { compare: vec![], ops: vec![put("/k", "w")] };
        assert!(matches!(store.txn(write()).await, Err(Error::Failed(_))));
        *disk.plan.lock() = Plan::default();
        assert!(matches!(store.txn(write()).await, Err(Error::Failed(_))), "not even when the disk seems well again");
        assert!(store.failed().await.contains("faulty"));
        assert_eq!(&store.snapshot().get("/k").unwrap().value[..], b"v");
        drop(store);
        let revision = open(&disk, Options::default()).unwrap().revision();
        assert!(revision == 2 || !by_write && revision == 3, "never shown, so it may be there or not");
    }
}

#[tokio::test]
async fn a_relaxed_store_that_was_not_closed_jumps() {
    let options = Options { durability: Durability::Os, ..Options::default() };
    let disk = Arc::new(FaultyDisk::default());
    let store = open(&disk, options.clone()).unwrap();
    for _ in 0..10 {
        commit(&store, vec![put("/k", "v")]).await;
    }
    let crashed = Arc::new(disk.after_crash(7));
    store.close().await;
    let store = open(&disk, options.clone()).unwrap();
    assert_eq!((store.revision(), store.floor()), (11, 1), "closed in order: nothing jumps");
    let store = open(&crashed, options.clone()).unwrap();
    assert!(store.revision() > 1_000_000_000);
    assert_eq!(store.floor(), store.revision());
    let revision = commit(&store, vec![put("/k", "w")]).await;
    store.close().await;
    drop(store);
    assert_eq!(open(&crashed, options).unwrap().revision(), revision);
}

#[test]
fn a_second_process_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path(), Options::default()).unwrap();
    match Store::open(dir.path(), Options::default()).err().unwrap() {
        Error::Locked { pid, .. } => assert_eq!(pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    drop(first);
    assert!(Store::open(dir.path(), Options::default()).is_ok());
}

#[test]
fn a_newer_format_is_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("format"), "999\n").unwrap();
    match Store::open(dir.path(), Options::default()).err().unwrap() {
        Error::NewerVersion { found: 999, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn files_are_for_the_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let store = Store::open(&dir, Options::default()).unwrap();
    commit(&store, vec![put("/k", "v")]).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in std::fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[tokio::test]
async fn many_writers_share_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let writes = (0..500).map(|i| {
        let store = store.clone();
        tokio::spawn(async move { commit(&store, vec![put(&format!("/{i}"), "v")]).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.txns, store.revision()), (500, 501));
    assert!(stats.batches < 100, "{} batches", stats.batches);
}

/// Writers run until a power failure at some operation; what is found after it must be a state that there was, not older
/// than the newest that was acknowledged, with the history that led to it.
async fn crash(writes: Vec<(u8, u8)>, at: u64, seed: u64) {
    let disk = Arc::new(FaultyDisk::default());
    disk.plan.lock().crash = Some((at, seed));
    let options = Options { segment_bytes: 600, log_bytes_min: 800, ..small_history(10) };
    let keep = Options { history_events_min: 100_000, ..options.clone() };
    let store = open(&disk, options.clone()).unwrap();
    // The witness sees every state: it is told of each commit by the store's own watch.
    let witness = Store::memory_with(keep, Clock::system());
    let mut watch = store.watch("", 1).unwrap();
    let mut acknowledged = 1;
    for burst in writes.chunks(7) {
        let pending: Vec<_> = burst
            .iter()
            .map(|(key, len)| {
                let op = if *len == 0 { delete(&format!("/{key}")) } else { put(&format!("/{key}"), &"x".repeat(*len as usize * 3)) };
                let store = store.clone();
                tokio::spawn(async move { commit(&store, vec![op]).await })
            })
            .collect();
        for write in pending {
            let revision = write.await.unwrap();
            if !disk.is_crashed() {
                acknowledged = acknowledged.max(revision);
            }
        }
        while let Some(event) = watch.try_next().unwrap() {
            let op = match &event.now {
                Some(record) => Op::Put { key: event.key.clone(), value: record.value.clone(), ttl: None },
                None => Op::Delete { key: event.key.clone() },
            };
            assert_eq!(commit(&witness, vec![op]).await, event.revision);
        }
    }
    let left = Arc::new(disk.after_crash(seed));
    store.close().await;
    for _ in 0..2 {
        let found = open(&left, options.clone()).unwrap();
        assert!(found.revision() >= acknowledged, "revision {} was acknowledged, {} found", acknowledged, found.revision());
        let expected = witness.snapshot_at(found.revision()).unwrap();
        assert_eq!(everything(&found.snapshot()), everything(&expected));
        let floor = found.floor();
        let events: Vec<_> = events_after(&witness, floor).into_iter().filter(|event| event.revision <= found.revision()).collect();
        assert_eq!(events_after(&found, floor), events);
        assert!(events.len() >= 10.min(found.revision() as usize - 1), "the history was kept");
        found.close().await;
    }
    let found = open(&left, options).unwrap();
    let next = found.revision() + 1;
    assert_eq!(commit(&found, vec![put("/after", "v")]).await, next);
}

#[tokio::test]
async fn repair_keeps_what_is_before_the_damage_and_revisions_jump() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 300, ..Options::default() };
    let store = Store::open(dir.path(), options.clone()).unwrap();
    for i in 0..20 {
        commit(&store, vec![put(&format!("/k/{i:02}"), &"x".repeat(100))]).await;
    }
    drop(store);
    assert_eq!(check(dir.path()).unwrap().records, 20);
    let mut logs: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    logs.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("log-"));
    logs.sort();
    let mut bytes = std::fs::read(&logs[3]).unwrap();
    let middle = bytes.len() - 20;
    bytes[middle] ^= 1;
    std::fs::write(&logs[3], bytes).unwrap();
    assert!(matches!(check(dir.path()), Err(Error::Corrupt { .. })));
    let repaired = repair(dir.path()).unwrap();
    assert!(repaired.records > 3 && repaired.records < 12 && repaired.revision > 1_000_000_000, "{repaired:?}");
    let store = Store::open(dir.path(), options).unwrap();
    assert_eq!((store.snapshot().count("/k/"), store.revision()), (repaired.records, repaired.revision));
    assert_eq!(commit(&store, vec![put("/k/new", "v")]).await, repaired.revision + 1);
}

#[tokio::test]
async fn a_backup_of_a_running_store_makes_another_one_with_later_revisions() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, file, copy) = (parent.path().join("store"), parent.path().join("backup"), parent.path().join("copy"));
    let store = Store::open(&dir, Options::default()).unwrap();
    commit(&store, vec![put("/a", "1"), put("/b", "2")]).await;
    let backup = store.snapshot().backup();
    commit(&store, vec![put("/c", "3")]).await;
    // Made piece by piece while the store goes on: what it shows is of the moment when it was asked for.
    std::fs::write(&file, backup.collect::<Vec<_>>().concat()).unwrap();
    assert_eq!((read_backup(&file).unwrap().revision(), keys(&read_backup(&file).unwrap(), "/").len()), (2, 2));
    let restored = restore(&file, &copy).unwrap();
    assert_eq!((restored.records, restored.floor), (2, restored.revision));
    assert!(restored.revision > 1_000_000_000);
    assert!(matches!(restore(&file, &copy), Err(Error::Io { .. })));
    assert!(matches!(restore(&file, &dir), Err(Error::Locked { .. })));
    let copy = Store::open(&copy, Options::default()).unwrap();
    assert_eq!(keys(&copy.snapshot(), "/"), ["/a", "/b"]);
    assert_eq!(commit(&copy, vec![put("/d", "4")]).await, restored.revision + 1);
}

#[test]
fn a_backup_that_is_not_whole_is_refused_and_nothing_is_made_of_it() {
    let parent = tempfile::tempdir().unwrap();
    let (file, dir) = (parent.path().join("backup"), parent.path().join("store"));
    let records = (0..3000).map(|i| (record(&format!("/k/{i:04}"), &"x".repeat(1000), i + 2), None));
    import(records, &dir).unwrap();
    let bytes = load(&dir).unwrap().backup().collect::<Vec<_>>();
    assert!(bytes.len() > 4, "several blocks: {}", bytes.len());
    for pieces in 0..bytes.len() {
        std::fs::write(&file, bytes[..pieces].concat()).unwrap();
        let copy = parent.path().join(format!("copy-{pieces}"));
        assert!(matches!(restore(&file, &copy), Err(Error::Corrupt { .. })), "{pieces} of {} pieces", bytes.len());
        assert!(!copy.exists());
    }
}

fn record(key: &str, value: &str, revision: u64) -> Record {
    Record { key: key.into(), value: Bytes::copy_from_slice(value.as_bytes()), create_revision: revision, mod_revision: revision }
}

#[tokio::test]
async fn records_are_imported_with_their_revisions_into_an_empty_directory_only() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    assert!(matches!(load(&dir), Err(Error::Io { reason, .. }) if reason.contains("no store")), "none is made by looking");
    assert!(!dir.exists());
    let twice = [record("/a", "1", 5), record("/a", "2", 6)].map(|one| (one, None));
    assert!(matches!(import(twice, &dir), Err(Error::DuplicateKey { .. })));
    assert!(matches!(import([(record(&"k".repeat(2000), "1", 5), None)], &dir), Err(Error::TooLarge { .. })));
    let made = import([(record("/b", "2", 9), Some(u64::MAX)), (record("/a", "1", 5), None)], &dir).unwrap();
    assert_eq!((made.records, made.floor), (2, made.revision));
    assert!(matches!(import([(record("/c", "1", 5), None)], &dir), Err(Error::Io { .. })), "never over another store");
    let store = Store::open(&dir, Options::default()).unwrap();
    let snapshot = store.snapshot();
    assert_eq!((snapshot.get("/b").unwrap().mod_revision, snapshot.expires_ms("/b"), snapshot.expires_ms("/a")), (9, Some(u64::MAX), None));
    assert_eq!(commit(&store, vec![put("/d", "4")]).await, made.revision + 1);
}

/// Not a test of its own: the process that the next one kills. It prints each revision that was acknowledged.
#[tokio::test]
#[ignore = "run by the test that kills it"]
async fn writes_until_killed() {
    let Ok(dir) = std::env::var("STORE_TO_WRITE") else { return };
    let store = Store::open(dir.as_ref(), small_files()).unwrap();
    loop {
        let writes = (0..16).map(|i| store.txn(Txn { compare: vec![], ops: vec![put(&format!("/k/{i}"), &"x".repeat(100))] }));
        for write in writes.collect::<Vec<_>>() {
            if let Outcome::Committed { revision } = write.await.unwrap() {
                println!("acknowledged {revision}");
            }
        }
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let mut newest = 1;
    for round in 0..20u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::disk::writes_until_killed", "--ignored", "--nocapture"])
            .env("STORE_TO_WRITE", dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut revisions = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        newest = revisions.nth(20 + round as usize * 7).unwrap();
        child.kill().unwrap();
        newest = revisions.last().unwrap_or(newest);
        child.wait().unwrap();
        let store = Store::open(dir.path(), small_files()).unwrap();
        assert!(store.revision() >= newest, "{} found, {newest} acknowledged", store.revision());
        assert_eq!(events_after(&store, store.floor()).len() as u64, store.revision() - store.floor());
    }
    assert!(newest > 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_power_failure_loses_nothing_acknowledged_and_invents_nothing(
        writes in proptest::collection::vec((0..20u8, 0..60u8), 1..150),
        at in 1..160u64,
        seed in any::<u64>(),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(crash(writes, at, seed));
    }
}
