//! Instances that prove by heartbeats or by a connection that they live (instances spec I9, I10). Soft state: a server that
//! starts takes every lease as renewed just then and waits for connections to be made again, so that a restart is no mass
//! death (E7).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use api::Instance;
use parking_lot::Mutex;
use tokio::sync::Notify;
use watch::Key;

use crate::Evidence;
use crate::readiness::{Fact, Proof};

/// How long a connection that was lost may take to come back before its Instance is deleted.
pub(crate) const REDO_MS: i64 = 3_000;

/// When each Instance was last heard of, and whose connections are open.
pub struct Leases {
    /// Who holds the connections: the observer of their evidence.
    observer: Arc<str>,
    started_ms: i64,
    known: Mutex<HashMap<Key, Known>>,
    /// Those that are to be judged anew.
    changed: Mutex<BTreeSet<Key>>,
    bell: Notify,
}

/// Of one Instance.
#[derive(Default)]
struct Known {
    uid: Arc<str>,
    renewed_ms: Option<i64>,
    /// Connections that prove its life, and since when there is one or none.
    held: u32,
    held_since_ms: Option<i64>,
}

/// An open connection that proves the life of an Instance; dropping it says that the connection is gone.
pub struct Held {
    leases: Arc<Leases>,
    key: Key,
    uid: Arc<str>,
}

impl Leases {
    /// None yet. `started_ms`: now, in milliseconds since 1970.
    pub fn new(observer: &str, started_ms: i64) -> Leases {
        Leases { observer: observer.into(), started_ms, known: Mutex::default(), changed: Mutex::default(), bell: Notify::new() }
    }

    fn with<T>(&self, instance: &Instance, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock();
        let known = known.entry(Key::of(&instance.metadata)).or_default();
        if known.uid != instance.metadata.uid {
            *known = Known { uid: instance.metadata.uid.clone(), ..Known::default() };
        }
        change(known)
    }

    fn tell(&self, key: Key) {
        self.changed.lock().insert(key);
        self.bell.notify_one();
    }

    /// A heartbeat of this Instance.
    pub fn renew(&self, instance: &Instance, now_ms: i64) {
        let was_over = self.term(instance).is_some_and(|(_, until)| until <= now_ms);
        self.with(instance, |known| known.renewed_ms = Some(now_ms));
        if was_over {
            self.tell(Key::of(&instance.metadata));
        }
    }

    /// A connection was opened that proves the life of this Instance for as long as what is given lives.
    pub fn hold(self: &Arc<Self>, instance: &Instance, now_ms: i64) -> Held {
        let key = Key::of(&instance.metadata);
        self.with(instance, |known| {
            known.held += 1;
            if known.held == 1 {
                known.held_since_ms = Some(now_ms);
            }
        });
        self.tell(key.clone());
        Held { leases: Arc::clone(self), key, uid: instance.metadata.uid.clone() }
    }

    /// When it was last heard of and until when that counts, in milliseconds since 1970; `None` without a ttl.
    pub fn term(&self, instance: &Instance) -> Option<(i64, i64)> {
        let ttl_ms = instance.spec.ttl_seconds.filter(|ttl| *ttl > 0)?.saturating_mul(1000);
        let renewed_ms = self.with(instance, |known| known.renewed_ms);
        // Registering is the first heartbeat.
        let at_ms = renewed_ms.unwrap_or_else(|| self.started_ms.max(instance.metadata.creation_s.saturating_mul(1000)));
        Some((at_ms, at_ms.saturating_add(ttl_ms)))
    }

    /// What heartbeats and connections say of an Instance.
    pub(crate) fn facts(&self, instance: &Instance, now_ms: i64) -> Vec<Fact> {
        let lease = self.term(instance).map(|(at_ms, until)| Fact {
            proof: Proof::Lease,
            is_alive: true,
            at_ms,
            until_ms: Some(until),
            reason: "heartbeat".into(),
            is_ours: true,
        });
        let connection = self.connection(instance).filter(|(_, at_ms)| *at_ms <= now_ms).map(|(is_alive, at_ms)| Fact {
            proof: Proof::Connection,
            is_alive,
            at_ms,
            until_ms: None,
            reason: word(is_alive).1.into(),
            is_ours: true,
        });
        lease.into_iter().chain(connection).collect()
    }

    /// The words on its connection and its lease that the status does not have yet: the one opened or closed, the other began or ran out,
    /// since that was written. Single heartbeats are not noted. A server that starts again waits for connections that are noted.
    pub(crate) fn unnoted(&self, instance: &Instance, now_ms: i64) -> Vec<Evidence> {
        let connection = self.connection(instance).filter(|(_, at_ms)| *at_ms <= now_ms).map(|(is_alive, at_ms)| {
            let (verdict, reason) = word(is_alive);
            ("connection", verdict, reason, at_ms)
        });
        let lease = self.term(instance).map(|(at_ms, until_ms)| match until_ms > now_ms {
            true => ("lease", "alive", "heartbeats come in time", at_ms),
            false => ("lease", "dead", "no heartbeat in time", until_ms),
        });
        let meta = &instance.metadata;
        let is_new = |(proof, verdict, ..): &(&str, &str, &str, i64)| {
            let noted = instance.status.evidence.iter().find(|one| *one.proof == **proof && one.observer == self.observer);
            noted.is_none_or(|noted| *noted.verdict != **verdict)
        };
        let evidence = |(proof, verdict, reason, at_ms): (&str, &str, &str, i64)| Evidence {
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            proof: proof.into(),
            verdict: verdict.into(),
            time: jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into(),
            reason: reason.into(),
            observer: self.observer.clone(),
        };
        connection.into_iter().chain(lease).filter(is_new).map(evidence).collect()
    }

    /// Whether a word of the status is our note of a lease, which is known better here.
    pub fn is_note(&self, evidence: &api::instance::Evidence) -> bool {
        *evidence.proof == *"lease" && evidence.observer == self.observer
    }

    /// When what is said of it changes by itself.
    pub(crate) fn recheck_ms(&self, instance: &Instance, now_ms: i64) -> Option<i64> {
        self.connection(instance).map(|(_, at_ms)| at_ms).filter(|at_ms| *at_ms > now_ms)
    }

    /// Whether its connection is open, and since when. One that an earlier run of this server held is closed if it does not
    /// come back in time.
    fn connection(&self, instance: &Instance) -> Option<(bool, i64)> {
        let own = self.with(instance, |known| known.held_since_ms.map(|since| (known.held > 0, since)));
        own.or_else(|| {
            // Closed when that server ended, or before: it may come back to this one all the same.
            let is_ours = |one: &&api::instance::Evidence| *one.proof == *"connection" && one.observer == self.observer;
            instance.status.evidence.iter().find(is_ours).map(|_| (false, self.started_ms.saturating_add(REDO_MS)))
        })
    }

    /// Waits for Instances of which something new is known.
    pub(crate) async fn changed(&self) -> BTreeSet<Key> {
        loop {
            let changed = std::mem::take(&mut *self.changed.lock());
            if !changed.is_empty() {
                return changed;
            }
            self.bell.notified().await;
        }
    }

    /// The Instance is gone.
    pub(crate) fn forget(&self, key: &Key) {
        self.known.lock().remove(key);
    }
}

/// How a connection that is open, or is not, is told of.
fn word(is_alive: bool) -> (&'static str, &'static str) {
    if is_alive { ("alive", "the connection is open") } else { ("dead", "the connection is closed") }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut known = self.leases.known.lock();
        // Another Instance of that name, or none, is not concerned.
        let Some(own) = known.get_mut(&self.key).filter(|known| known.uid == self.uid) else { return };
        own.held = own.held.saturating_sub(1);
        if own.held > 0 {
            return;
        }
        own.held_since_ms = Some(jiff::Timestamp::now().as_millisecond());
        drop(known);
        self.leases.tell(self.key.clone());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn instance(json: &str) -> Instance {
        serde_json::from_str(json).unwrap()
    }

    #[tokio::test]
    async fn a_lease_runs_from_registration_then_from_the_last_heartbeat() {
        let leases = Leases::new("n1", 1_000_000);
        assert_eq!(leases.term(&instance("{}")), None, "no ttl, no lease");
        let one = instance(r#"{"metadata":{"name":"a","uid":"u1","creationTimestamp":"1970-01-01T01:00:00Z"},"spec":{"ttlSeconds":5}}"#);
        assert_eq!(leases.term(&one), Some((3_600_000, 3_605_000)));
        leases.renew(&one, 3_604_000);
        assert_eq!(leases.term(&one), Some((3_604_000, 3_609_000)));
        leases.renew(&one, 3_700_000);
        assert_eq!(leases.changed().await.len(), 1, "heard of after it was over");
        let other = instance(r#"{"metadata":{"name":"a","uid":"u2"},"spec":{"ttlSeconds":5}}"#);
        assert_eq!(leases.term(&other), Some((1_000_000, 1_005_000)), "one of the same name inherits nothing, and a restart counts as a heartbeat");
    }

    #[tokio::test]
    async fn a_connection_that_closes_is_a_proof_at_once_and_one_of_an_earlier_run_after_a_grace() {
        let leases = Arc::new(Leases::new("n1", 1_000));
        let one = instance(r#"{"metadata":{"name":"a","uid":"u1"}}"#);
        let held = leases.hold(&one, 5_000);
        assert_eq!(leases.connection(&one), Some((true, 5_000)));
        assert_eq!(leases.changed().await.len(), 1);
        drop(held);
        assert!(matches!(leases.connection(&one), Some((false, _))));
        assert_eq!(leases.changed().await.len(), 1);
        let held_before = r#"{"metadata":{"name":"b","uid":"u2"},"status":{"evidence":[{"proof":"connection","verdict":"alive","observer":"n1"}]}}"#;
        let before = instance(held_before);
        assert!(leases.facts(&before, 3_999).is_empty());
        assert_eq!(leases.recheck_ms(&before, 3_999), Some(4_000));
        assert!(leases.facts(&before, 4_000).iter().any(|fact| !fact.is_alive));
        assert!(leases.facts(&instance(&held_before.replace("n1", "door")), 9_000).is_empty(), "somebody else's to judge");
        let closed_before = instance(&held_before.replace("alive", "dead"));
        assert!(leases.facts(&closed_before, 4_000).iter().any(|fact| !fact.is_alive && fact.is_ours), "closed before, and never made again");
    }

    #[test]
    fn the_status_is_told_of_a_connection_once_when_it_opens_and_once_when_it_closes() {
        let leases = Arc::new(Leases::new("n1", 1_000));
        let noting = |verdict: &str| {
            instance(&format!(
                r#"{{"metadata":{{"name":"a","uid":"u1"}},"status":{{"evidence":[{{"proof":"connection","verdict":"{verdict}","observer":"n1"}}]}}}}"#
            ))
        };
        let bare = instance(r#"{"metadata":{"name":"a","uid":"u1"}}"#);
        let told = |instance: &Instance| leases.unnoted(instance, i64::MAX).first().map(|one| one.verdict.to_string());
        assert_eq!(told(&bare), None, "nobody ever held it");
        let held = leases.hold(&bare, 5_000);
        assert_eq!((told(&bare).as_deref(), told(&noting("alive"))), (Some("alive"), None));
        assert_eq!(&*leases.unnoted(&bare, 5_000)[0].time, "1970-01-01T00:00:05.000Z");
        drop(held);
        assert_eq!((told(&noting("alive")).as_deref(), told(&noting("dead"))), (Some("dead"), None));
    }
}
