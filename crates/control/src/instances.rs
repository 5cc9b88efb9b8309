//! The status of Instances: evidence that observers bring, the judgement, and how far their leaving has come.
//!
//! An Instance that leaves is `Programmed` once every plane serves a generation in which it gets no new traffic, and `Drained`
//! once nothing is under way to it any more, or the drain timeout is over (instances spec R3, D4).

mod leaving;
mod status;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api::Instance;
use api::instance::Evidence as Stored;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use watch::Key;

use crate::readiness::{Fact, Verdict, judge};
use crate::wire::{Error, Propagation, Wire, path_of};
use crate::{Context, Evidence};
use leaving::{Leaving, Progress};

/// The reason of one whose re-entry is held back (E8).
const FLAPPING: &str = "Flapping";
const BUSY_MAX: usize = 32;
/// How often numbers in flight are looked at while somebody leaves.
const LOOK: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);

/// What the loop that judges tells.
pub(crate) enum Judged {
    /// An Instance and what was found of it.
    Is(Arc<Instance>, Verdict),
    /// An Instance is to be deleted: its node is gone.
    Forfeit(Arc<Instance>),
    /// An Instance is gone.
    Gone(Key),
}

#[derive(Default)]
struct Subject {
    /// Brought by observers and not written yet.
    evidence: Vec<Evidence>,
    leaving: Option<Leaving>,
    progress: Progress,
    /// To be deleted: the UID of whom.
    forfeit: Option<Arc<str>>,
    /// Re-entry is held back until then, in milliseconds since 1970.
    held_until_ms: Option<i64>,
    is_busy: bool,
    failures: u32,
}

/// The end of one write, or of the pause after one failed.
struct Done {
    key: Key,
    /// Evidence that was not written.
    evidence: Vec<Evidence>,
    /// Absent after a pause.
    result: Option<Result<(), Error>>,
}

/// Runs until nobody judges any more.
pub(crate) async fn run(context: Context, mut judged: mpsc::Receiver<Judged>, mut evidence: mpsc::Receiver<Evidence>) {
    let mut all = Loop {
        wire: Wire::new(&context.client),
        context,
        subjects: HashMap::new(),
        marked: BTreeSet::new(),
        leaving: BTreeSet::new(),
        writes: JoinSet::new(),
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let someone_leaves = !all.leaving.is_empty();
        tokio::select! {
            one = judged.recv() => match one {
                Some(one) => all.take(one),
                None => return,
            },
            Some(one) = evidence.recv() => all.bring(one),
            Some(done) = all.writes.join_next() => all.finish(done),
            _ = look.tick(), if someone_leaves => all.look(),
        }
        all.begin();
    }
}

struct Loop {
    wire: Wire,
    context: Context,
    subjects: HashMap<Key, Subject>,
    /// Those whose status is to be written.
    marked: BTreeSet<Key>,
    /// Those that leave and are not drained yet.
    leaving: BTreeSet<Key>,
    writes: JoinSet<Done>,
}

impl Loop {
    fn take(&mut self, judged: Judged) {
        let (instance, verdict) = match judged {
            Judged::Is(instance, verdict) => (instance, verdict),
            Judged::Forfeit(instance) => {
                self.forfeit(&instance, "its node was deleted");
                return;
            }
            Judged::Gone(key) => {
                self.subjects.remove(&key);
                self.marked.remove(&key);
                self.leaving.remove(&key);
                return;
            }
        };
        if verdict.is_forfeit {
            self.forfeit(&instance, "its heartbeats stayed away");
            return;
        }
        let key = Key::of(&instance.metadata);
        let subject = self.subjects.entry(key.clone()).or_default();
        subject.held_until_ms = verdict.recheck_ms.filter(|_| verdict.reason == FLAPPING);
        let is_leaving = verdict.terminating || verdict.reason == "Maintenance";
        let was_leaving = subject.leaving.is_some();
        if !is_leaving {
            (subject.leaving, subject.progress) = (None, Progress::default());
            self.leaving.remove(&key);
        } else if subject.leaving.as_ref().is_none_or(|leaving| leaving.uid != instance.metadata.uid) {
            subject.leaving = Some(Leaving::begin(&instance));
            self.leaving.insert(key.clone());
        }
        if !status::says(&instance, &verdict) || was_leaving != is_leaving {
            self.marked.insert(key.clone());
        }
        for word in self.context.leases.unnoted(&instance, self.context.now_ms()) {
            self.bring(word);
        }
        self.look_at(&key);
    }

    fn forfeit(&mut self, instance: &Instance, why: &str) {
        let key = Key::of(&instance.metadata);
        let subject = self.subjects.entry(key.clone()).or_default();
        if subject.forfeit.as_ref() != Some(&instance.metadata.uid) {
            tracing::info!(namespace = &*key.namespace, instance = &*key.name, why, "an Instance is deleted");
            subject.forfeit = Some(instance.metadata.uid.clone());
            self.marked.insert(key);
        }
    }

    fn bring(&mut self, evidence: Evidence) {
        let key = Key { namespace: evidence.namespace.clone(), name: evidence.name.clone() };
        let subject = self.subjects.entry(key.clone()).or_default();
        // The newest word of an observer on a proof replaces the one before.
        subject.evidence.retain(|known| !known.replaces(&evidence));
        subject.evidence.push(evidence);
        self.marked.insert(key);
    }

    fn look(&mut self) {
        for key in self.leaving.clone() {
            self.look_at(&key);
        }
    }

    /// Looks how far the leaving of an Instance has come, and has it written when it came further.
    fn look_at(&mut self, key: &Key) {
        let Some(subject) = self.subjects.get_mut(key) else { return };
        let Some(leaving) = &mut subject.leaving else { return };
        let progress = leaving.look(&self.context, &key.namespace);
        if progress != subject.progress {
            subject.progress = progress;
            self.marked.insert(key.clone());
        }
        if progress.is_drained {
            self.leaving.remove(key);
        }
    }

    fn begin(&mut self) {
        let is_free = |key: &&Key| self.subjects.get(*key).is_some_and(|subject| !subject.is_busy);
        let room = BUSY_MAX.saturating_sub(self.writes.len());
        let keys: Vec<Key> = self.marked.iter().filter(is_free).take(room).cloned().collect();
        for key in keys {
            self.marked.remove(&key);
            let Some(subject) = self.subjects.get_mut(&key) else { continue };
            subject.is_busy = true;
            let write = Write {
                wire: self.wire.clone(),
                context: self.context.clone(),
                key,
                evidence: std::mem::take(&mut subject.evidence),
                progress: subject.leaving.is_some().then_some(subject.progress),
                forfeit: subject.forfeit.clone(),
                held_until_ms: subject.held_until_ms,
            };
            self.writes.spawn(write.done());
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let Ok(Done { key, evidence, result }) = done else { return };
        let Some(subject) = self.subjects.get_mut(&key) else { return };
        subject.is_busy = false;
        let error = match result {
            None => return,
            Some(Ok(())) => {
                subject.failures = 0;
                return;
            }
            // Gone; should one of its name come, it is judged anew.
            Some(Err(Error::NotFound)) => {
                subject.evidence.clear();
                return;
            }
            Some(Err(error)) => error,
        };
        subject.failures += 1;
        if subject.failures == 3 {
            tracing::warn!(namespace = &*key.namespace, name = &*key.name, %error, "instances: a status was not written and is tried again");
        }
        let newer = std::mem::take(&mut subject.evidence);
        subject.evidence = evidence.into_iter().filter(|old| !newer.iter().any(|new| new.replaces(old))).collect();
        subject.evidence.extend(newer);
        subject.is_busy = true;
        self.marked.insert(key.clone());
        let pause = Duration::from_millis(20).saturating_mul(1 << subject.failures.min(10)).min(PAUSE_LONGEST);
        self.writes.spawn(async move {
            sleep(pause).await;
            Done { key, evidence: Vec::new(), result: None }
        });
    }
}

/// One read-modify-write of one status.
struct Write {
    wire: Wire,
    context: Context,
    key: Key,
    evidence: Vec<Evidence>,
    progress: Option<Progress>,
    forfeit: Option<Arc<str>>,
    held_until_ms: Option<i64>,
}

impl Write {
    async fn done(self) -> Done {
        let result = self.run().await;
        let evidence = if result.is_ok() { Vec::new() } else { self.evidence };
        Done { key: self.key, evidence, result: Some(result) }
    }

    async fn run(&self) -> Result<(), Error> {
        let path = path_of::<Instance>(&self.key.namespace, &self.key.name);
        if let Some(uid) = &self.forfeit {
            return self.wire.delete(&path, uid, Propagation::Background).await;
        }
        let object = self.wire.get(&path).await?;
        let evidence = self.evidence.iter().filter(|one| object["metadata"]["uid"] == *one.uid);
        let merged = status::with_evidence(&object["status"]["evidence"], evidence);
        let mut probed = object.clone();
        probed["status"]["evidence"] = merged.clone();
        let instance: Instance = serde_json::from_value(probed).map_err(|e| Error::Refused(e.to_string()))?;
        let stored: Vec<Stored> = instance.status.evidence.clone();
        let now_ms = self.context.now_ms();
        let facts: Vec<Fact> = {
            let leases = &self.context.leases;
            let stored = stored.iter().filter(|one| !leases.is_note(one)).filter_map(Fact::stored);
            stored.chain(leases.facts(&instance, now_ms)).collect()
        };
        let mut verdict = judge(&instance, &facts, now_ms);
        if verdict.ready && self.held_until_ms.is_some_and(|until| now_ms < until) {
            verdict = Verdict { ready: false, reason: FLAPPING, ..verdict };
        }
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let wanted = status::status(&object, &verdict, merged, self.progress, &now);
        let patch = status::difference(&object["status"], &wanted);
        if patch == json!({}) {
            return Ok(());
        }
        let version: &Value = &object["metadata"]["resourceVersion"];
        self.wire.merge(&format!("{path}/status"), &json!({"metadata": {"resourceVersion": version}, "status": patch})).await?;
        Ok(())
    }
}
