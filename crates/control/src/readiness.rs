//! Whether a registered instance is ready: one pure function of proofs and the time (instances spec section 4).
//!
//! Absence of a proof is never a proof of death. What the data plane saw (passive proofs) ejects on the host that saw it and
//! is no matter of this function, except that it may confirm a soft suspicion under the mass guard.

pub(crate) mod flaps;

use api::Instance;
use api::instance::Evidence;

/// What a proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A process, container or unit.
    Process,
    /// The registry connection that owns the Instance.
    Connection,
    /// An active check.
    Probe,
    /// Heartbeats.
    Lease,
    /// What proxies saw.
    Passive,
}

/// One proof with a verdict; unknown ones are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub proof: Proof,
    /// Alive, or dead.
    pub is_alive: bool,
    /// When it was found, in milliseconds since 1970.
    pub at_ms: i64,
    /// For a lease: until when it counts. `None` for ever.
    pub until_ms: Option<i64>,
    /// One word or sentence.
    pub reason: String,
    /// Found by this server and not read from the object.
    pub is_ours: bool,
}

impl Fact {
    /// The stored form; `None` if the verdict is unknown or the proof is of a kind that came after us.
    pub fn stored(evidence: &Evidence) -> Option<Fact> {
        let proof = match &*evidence.proof.to_ascii_lowercase() {
            "process" => Proof::Process,
            "connection" => Proof::Connection,
            "probe" => Proof::Probe,
            "lease" => Proof::Lease,
            "passive" => Proof::Passive,
            _ => return None,
        };
        let is_alive = match &*evidence.verdict.to_ascii_lowercase() {
            "alive" => true,
            "dead" => false,
            _ => return None,
        };
        let at_ms = evidence.time.parse::<jiff::Timestamp>().map_or(0, |time| time.as_millisecond());
        Some(Fact { proof, is_alive, at_ms, until_ms: None, reason: evidence.reason.to_string(), is_ours: false })
    }

    /// A hard proof needs no threshold: a process that exited, a connection that was closed, a port that refuses.
    fn is_hard(&self) -> bool {
        match self.proof {
            Proof::Process | Proof::Connection => true,
            Proof::Probe => !self.is_alive && self.reason.to_ascii_lowercase().contains("refused"),
            Proof::Lease | Proof::Passive => false,
        }
    }
}

/// The judgement of one Instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Gets new traffic.
    pub ready: bool,
    /// Could answer, as a last resort or while it drains (KEP-1669).
    pub serving: bool,
    /// Is on its way out.
    pub terminating: bool,
    /// Why, in one word of CamelCase.
    pub reason: &'static str,
    /// It is held out by a soft proof only, which the mass guard may overrule.
    pub is_soft: bool,
    /// When the judgement changes by itself, in milliseconds since 1970.
    pub recheck_ms: Option<i64>,
    /// Its heartbeats stayed away for so long that it is deleted.
    pub is_forfeit: bool,
}

impl Verdict {
    fn new(ready: bool, serving: bool, reason: &'static str) -> Verdict {
        Verdict { ready, serving, terminating: false, reason, is_soft: false, recheck_ms: None, is_forfeit: false }
    }

    fn suspended(reason: &'static str) -> Verdict {
        // The endpoint may be well: it stays a last resort.
        Verdict { is_soft: true, ..Verdict::new(false, true, reason) }
    }
}

/// Nobody who is silent for less than this is deleted.
const FORFEIT_MIN_MS: i64 = 60_000;

fn newest<'f>(facts: impl Iterator<Item = &'f Fact>) -> Option<&'f Fact> {
    // Of two at the same moment the bad news counts.
    facts.max_by_key(|fact| (fact.at_ms, !fact.is_alive))
}

/// Judges an Instance by the facts at a moment (E2).
pub fn judge(instance: &Instance, facts: &[Fact], now_ms: i64) -> Verdict {
    let mut living = judge_life(instance, facts, now_ms);
    if let Some(forfeit_ms) = forfeit_ms(instance, facts) {
        living.is_forfeit = forfeit_ms <= now_ms;
        living.recheck_ms = living.recheck_ms.into_iter().chain((forfeit_ms > now_ms).then_some(forfeit_ms)).min();
    }
    if instance.metadata.deletion_s.is_some() || instance.status.terminating == Some(true) {
        return Verdict { ready: false, terminating: true, reason: "Terminating", ..living };
    }
    if instance.spec.maintenance().is_some() {
        return Verdict { ready: false, reason: "Maintenance", is_soft: false, ..living };
    }
    living
}

/// When an Instance that is not heard of is deleted: three seconds after its connection closed, or after three times its ttl,
/// but not within a minute (I9, I10). Connections of others are for those to judge who hold them.
fn forfeit_ms(instance: &Instance, facts: &[Fact]) -> Option<i64> {
    let newest_connection = newest(facts.iter().filter(|fact| fact.proof == Proof::Connection));
    if let Some(lost) = newest_connection.filter(|fact| !fact.is_alive && fact.is_ours) {
        return (!instance.spec.retain).then(|| lost.at_ms.saturating_add(crate::leases::REDO_MS));
    }
    let ttl_ms = instance.spec.ttl_seconds?.saturating_mul(1000);
    let heard_ms = facts.iter().filter(|fact| fact.proof == Proof::Lease && fact.until_ms.is_some()).map(|fact| fact.at_ms).max()?;
    (!instance.spec.retain).then(|| heard_ms.saturating_add(ttl_ms.saturating_mul(3).max(FORFEIT_MIN_MS)))
}

fn judge_life(instance: &Instance, facts: &[Fact], now_ms: i64) -> Verdict {
    let hard = newest(facts.iter().filter(|fact| fact.is_hard()));
    if let Some(fact) = hard.filter(|fact| !fact.is_alive) {
        // A check that passes after a refusal is the refusal's end; nothing soft ends a process exit.
        let is_revived = fact.proof == Proof::Probe && facts.iter().any(|f| f.proof == Proof::Probe && f.is_alive && f.at_ms > fact.at_ms);
        if !is_revived {
            return Verdict::new(false, false, dead_reason(fact.proof));
        }
    }
    let lifts = |soft: &Fact| hard.is_some_and(|fact| fact.is_alive && fact.at_ms > soft.at_ms);
    let probe = newest(facts.iter().filter(|fact| fact.proof == Proof::Probe));
    match probe {
        Some(fact) if !fact.is_alive && !lifts(fact) => return Verdict::suspended("CheckFailed"),
        None if !instance.spec.checks.is_empty() => return Verdict { is_soft: false, ..Verdict::suspended("WaitingForCheck") },
        _ => {}
    }
    let lease = newest(facts.iter().filter(|fact| fact.proof == Proof::Lease));
    let over = |fact: &Fact| !fact.is_alive || fact.until_ms.is_some_and(|until| until <= now_ms);
    match lease {
        Some(fact) if over(fact) && !lifts(fact) => Verdict::suspended("LeaseExpired"),
        Some(fact) => Verdict { recheck_ms: fact.until_ms.filter(|until| *until > now_ms), ..Verdict::new(true, true, "Ready") },
        None => Verdict::new(true, true, if hard.is_some() || probe.is_some() { "Ready" } else { "Started" }),
    }
}

fn dead_reason(proof: Proof) -> &'static str {
    match proof {
        Proof::Process => "ProcessExited",
        Proof::Connection => "ConnectionLost",
        Proof::Probe => "ConnectionRefused",
        Proof::Lease | Proof::Passive => "Dead",
    }
}

/// The mass guard of one Service (E5): soft proofs hold at most half of its Instances out, those among them that the data
/// plane confirms, which are never overruled. Returns which of the verdicts are. Where nobody at all would be left, whoever
/// only soft proofs hold out stays: the planes then try the least bad (E6).
pub fn overruled(verdicts: &[(&Verdict, bool)]) -> Vec<bool> {
    let is_soft = |i: usize| verdicts[i].0.is_soft && !verdicts[i].0.terminating;
    let (confirmed, suspects): (Vec<usize>, Vec<usize>) = (0..verdicts.len()).filter(|i| is_soft(*i)).partition(|i| verdicts[*i].1);
    let allowed = (verdicts.len() / 2).saturating_sub(confirmed.len());
    let is_empty = suspects.len() <= allowed && !verdicts.iter().any(|(verdict, _)| verdict.ready);
    let mut out = vec![false; verdicts.len()];
    for i in suspects.into_iter().skip(if is_empty { 0 } else { allowed }).chain(confirmed.into_iter().filter(|_| is_empty)) {
        out[i] = true;
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn fact(proof: Proof, is_alive: bool, at_s: i64) -> Fact {
        Fact { proof, is_alive, at_ms: at_s * 1000, until_ms: None, reason: String::new(), is_ours: false }
    }

    fn instance(json: &str) -> Instance {
        serde_json::from_str(json).unwrap()
    }

    /// Facts, and what they come to: ready, serving, reason.
    #[test]
    fn the_table_of_proofs() {
        use Proof::{Connection, Lease, Passive, Probe, Process};
        let plain = instance("{}");
        let checked = instance(r#"{"spec":{"checks":[{"type":"tcp"}]}}"#);
        let refused = Fact { reason: "connection refused".into(), ..fact(Probe, false, 5) };
        let leased = |until_s: i64| Fact { until_ms: Some(until_s * 1000), ..fact(Lease, true, 1) };
        type Row<'a> = (&'a str, &'a Instance, Vec<Fact>, (bool, bool, &'a str));
        let table: &[Row] = &[
            ("nothing known: started", &plain, vec![], (true, true, "Started")),
            ("process lives", &plain, vec![fact(Process, true, 1)], (true, true, "Ready")),
            ("process exited", &plain, vec![fact(Process, false, 2)], (false, false, "ProcessExited")),
            ("process came back", &plain, vec![fact(Process, false, 2), fact(Process, true, 3)], (true, true, "Ready")),
            (
                "a passing check is no life after an exit",
                &plain,
                vec![fact(Process, false, 2), fact(Probe, true, 3)],
                (false, false, "ProcessExited"),
            ),
            ("connection closed", &plain, vec![fact(Connection, true, 1), fact(Connection, false, 2)], (false, false, "ConnectionLost")),
            ("a check that never ran keeps out", &checked, vec![fact(Process, true, 9)], (false, true, "WaitingForCheck")),
            ("a check passed", &checked, vec![fact(Probe, true, 1)], (true, true, "Ready")),
            ("a check failed softly", &checked, vec![fact(Probe, true, 1), fact(Probe, false, 5)], (false, true, "CheckFailed")),
            ("a refused check is hard", &checked, vec![fact(Probe, true, 1), refused.clone()], (false, false, "ConnectionRefused")),
            ("a check that passes again ends a refusal", &checked, vec![refused.clone(), fact(Probe, true, 6)], (true, true, "Ready")),
            ("newer hard life lifts a soft suspension", &plain, vec![fact(Probe, false, 5), fact(Process, true, 6)], (true, true, "Ready")),
            ("older hard life does not", &plain, vec![fact(Probe, false, 5), fact(Process, true, 4)], (false, true, "CheckFailed")),
            ("answers seen by a proxy lift nothing", &plain, vec![fact(Probe, false, 5), fact(Passive, true, 6)], (false, true, "CheckFailed")),
            ("passive death is no matter of this", &plain, vec![fact(Passive, false, 6)], (true, true, "Started")),
            ("lease in time", &plain, vec![leased(11)], (true, true, "Ready")),
            ("lease over", &plain, vec![leased(10)], (false, true, "LeaseExpired")),
            ("lease over, said by another", &plain, vec![fact(Lease, false, 3)], (false, true, "LeaseExpired")),
            ("lease over but the connection is newer", &plain, vec![leased(5), fact(Connection, true, 6)], (true, true, "Ready")),
        ];
        for (name, instance, facts, expected) in table {
            let verdict = judge(instance, facts, 10_000);
            assert_eq!((verdict.ready, verdict.serving, verdict.reason), *expected, "{name}");
            assert!(!verdict.terminating);
        }
    }

    #[test]
    fn deletion_and_maintenance_take_out_whatever_the_proofs_say() {
        let alive = [fact(Proof::Process, true, 1)];
        for json in [r#"{"metadata":{"deletionTimestamp":"2024-01-01T00:00:00Z"}}"#, r#"{"status":{"terminating":true}}"#] {
            let verdict = judge(&instance(json), &alive, 0);
            assert_eq!((verdict.ready, verdict.serving, verdict.terminating, verdict.reason), (false, true, true, "Terminating"));
            assert!(!judge(&instance(json), &[fact(Proof::Process, false, 1)], 0).serving, "a dead one does not even drain");
        }
        let verdict = judge(&instance(r#"{"spec":{"maintenance":"disk"}}"#), &alive, 0);
        assert_eq!((verdict.ready, verdict.serving, verdict.terminating, verdict.reason), (false, true, false, "Maintenance"));
    }

    #[test]
    fn a_lease_says_when_to_look_again() {
        let lease = Fact { until_ms: Some(11_000), ..fact(Proof::Lease, true, 1) };
        assert_eq!(judge(&instance("{}"), &[lease], 10_000).recheck_ms, Some(11_000));
    }

    #[test]
    fn who_is_silent_for_three_ttls_and_a_minute_is_deleted_unless_it_is_retained() {
        let lease = [Fact { until_ms: Some(31_000), ..fact(Proof::Lease, true, 1) }];
        let one = instance(r#"{"spec":{"ttlSeconds":30}}"#);
        let at = |instance: &Instance, s: i64| {
            let verdict = judge(instance, &lease, s * 1000);
            (verdict.ready, verdict.is_forfeit, verdict.recheck_ms)
        };
        assert_eq!(at(&one, 30), (true, false, Some(31_000)));
        assert_eq!(at(&one, 31), (false, false, Some(91_000)));
        assert_eq!(at(&one, 91), (false, true, None));
        assert_eq!(at(&instance(r#"{"spec":{"ttlSeconds":5}}"#), 60), (false, false, Some(61_000)));
        assert_eq!(at(&instance(r#"{"spec":{"ttlSeconds":30,"retain":true}}"#), 500), (false, false, None));
        let failing = [lease[0].clone(), fact(Proof::Probe, false, 80)];
        assert!(judge(&one, &failing, 91_000).is_forfeit, "whatever else is wrong with it");
    }

    #[test]
    fn unknown_is_never_dead() {
        let unknown = Evidence { proof: "process".into(), verdict: "unknown".into(), ..Evidence::default() };
        assert_eq!(Fact::stored(&unknown), None);
        let dead = Evidence { proof: "Process".into(), verdict: "Dead".into(), time: "2024-02-29T12:34:56.5Z".into(), ..Evidence::default() };
        assert_eq!(Fact::stored(&dead).unwrap().at_ms, 1_709_210_096_500);
    }

    #[test]
    fn soft_proofs_hold_out_at_most_half_unless_the_data_plane_agrees() {
        let (ready, soft, hard) = (Verdict::new(true, true, "Ready"), Verdict::suspended("CheckFailed"), Verdict::new(false, false, "ProcessExited"));
        let count = |verdicts: &[(&Verdict, bool)]| overruled(verdicts).iter().filter(|o| **o).count();
        assert_eq!(count(&[(&soft, false), (&soft, false), (&ready, false), (&ready, false)]), 0);
        assert_eq!(count(&[(&soft, false), (&soft, false), (&soft, false), (&ready, false)]), 1);
        assert_eq!(count(&[(&soft, false); 4]), 2);
        assert_eq!(count(&[(&soft, true), (&soft, true), (&soft, true), (&ready, false)]), 0, "confirmed one by one");
        assert_eq!(overruled(&[(&soft, true), (&soft, false), (&soft, false), (&soft, false)]), [false, false, true, true], "one of the half");
        assert_eq!(count(&[(&soft, true); 4]), 4, "the least bad of them is better than nobody");
        assert_eq!(overruled(&[(&soft, true), (&hard, false)]), [true, false]);
        assert_eq!(count(&[(&hard, false); 4]), 0, "hard proofs are not guarded");
        assert_eq!(count(&[(&soft, false)]), 1, "the only one stays");
    }
}
