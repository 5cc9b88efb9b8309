//! The status of an Instance as JSON: what it says, what it shall say, and the difference.

use api::Instance;
use serde_json::{Map, Value, json};

use super::leaving::Progress;
use crate::Evidence;
use crate::readiness::Verdict;

/// Words of observers that are kept: the newest of each observer on each proof, this many in all.
const EVIDENCE_MAX: usize = 16;

/// Whether the stored status says what was found.
pub(crate) fn says(instance: &Instance, verdict: &Verdict) -> bool {
    let status = &instance.status;
    status.ready == Some(verdict.ready)
        && status.serving == Some(verdict.serving)
        && status.terminating.unwrap_or(false) == verdict.terminating
        && *status.reason == *verdict.reason
        && status.observed_generation == instance.metadata.generation
}

/// Stored evidence with newer words in the place of older ones.
pub(crate) fn with_evidence<'e>(stored: &Value, new: impl Iterator<Item = &'e Evidence>) -> Value {
    let mut all: Vec<Value> = stored.as_array().cloned().unwrap_or_default();
    for one in new {
        let observer = |value: &Value| value["observer"].as_str().unwrap_or_default().to_owned();
        all.retain(|old| old["proof"] != *one.proof || observer(old) != *one.observer);
        all.push(json!({"proof": one.proof, "verdict": one.verdict, "time": one.time, "reason": one.reason, "observer": one.observer}));
    }
    let surplus = all.len().saturating_sub(EVIDENCE_MAX);
    all.drain(..surplus);
    all.into()
}

/// The status that an Instance shall have.
pub(crate) fn status(object: &Value, verdict: &Verdict, evidence: Value, progress: Option<Progress>, now: &str) -> Value {
    let mut status: Map<String, Value> = object["status"].as_object().cloned().unwrap_or_default();
    status.insert("ready".into(), verdict.ready.into());
    status.insert("serving".into(), verdict.serving.into());
    if verdict.terminating || status.contains_key("terminating") {
        status.insert("terminating".into(), verdict.terminating.into());
    }
    status.insert("reason".into(), verdict.reason.into());
    status.insert("observedGeneration".into(), object["metadata"]["generation"].as_i64().unwrap_or(0).into());
    if evidence.as_array().is_some_and(|all| !all.is_empty()) {
        status.insert("evidence".into(), evidence);
    }
    let conditions = conditions(&object["status"]["conditions"], &object["metadata"]["generation"], progress, now);
    if !conditions.is_empty() || status.contains_key("conditions") {
        status.insert("conditions".into(), conditions.into());
    }
    status.into()
}

/// `Programmed` and `Drained` while it leaves, neither otherwise; those of others stay.
fn conditions(current: &Value, generation: &Value, progress: Option<Progress>, now: &str) -> Vec<Value> {
    let old = |kind: &str| current.as_array().into_iter().flatten().find(|one| one["type"] == kind);
    let is_ours = |one: &&Value| one["type"] == "Programmed" || one["type"] == "Drained";
    let mut all: Vec<Value> = current.as_array().into_iter().flatten().filter(|one| !is_ours(one)).cloned().collect();
    let Some(progress) = progress else { return all };
    let mut put = |kind: &str, holds: bool, reason: &str, message: &str| {
        let status = if holds { "True" } else { "False" };
        let kept = old(kind).filter(|old| old["status"] == status).map(|old| old["lastTransitionTime"].clone());
        let time = kept.unwrap_or_else(|| json!(now));
        all.push(json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": generation, "lastTransitionTime": time}));
    };
    match progress.is_programmed {
        true => put("Programmed", true, "Programmed", "no plane sends it anything new"),
        false => put("Programmed", false, "Pending", "waiting for the data planes"),
    }
    match (progress.is_drained, progress.is_late) {
        (true, false) => put("Drained", true, "Drained", "nothing is under way to it"),
        (true, true) => put("Drained", true, "DrainTimeout", "the drain timeout is over; something was still under way"),
        (false, _) => put("Drained", false, "Draining", "requests or connections are under way"),
    }
    all
}

/// What a merge patch must name to get from one status to the other.
pub(crate) fn difference(current: &Value, wanted: &Value) -> Value {
    let fields = wanted.as_object().into_iter().flatten();
    Value::Object(
        fields.filter(|(name, value)| current.get(name.as_str()) != Some(value)).map(|(name, value)| (name.clone(), value.clone())).collect(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn word(proof: &str, observer: &str, verdict: &str) -> Evidence {
        Evidence {
            namespace: "a".into(),
            name: "vm".into(),
            uid: "u".into(),
            proof: proof.into(),
            verdict: verdict.into(),
            time: "2024-01-01T00:00:00Z".into(),
            reason: "".into(),
            observer: observer.into(),
        }
    }

    const READY: Verdict =
        Verdict { ready: true, serving: true, terminating: false, reason: "Ready", is_soft: false, recheck_ms: None, is_forfeit: false };

    #[test]
    fn the_newest_word_of_each_observer_on_each_proof_is_kept() {
        let first = [word("process", "n1", "alive"), word("probe", "n1", "alive"), word("probe", "n2", "alive")];
        let stored = with_evidence(&Value::Null, first.iter());
        let stored = with_evidence(&stored, [word("probe", "n1", "dead")].iter());
        let all: Vec<_> =
            stored.as_array().unwrap().iter().map(|e| format!("{} {} {}", e["proof"], e["observer"], e["verdict"]).replace('"', "")).collect();
        assert_eq!(all, ["process n1 alive", "probe n2 alive", "probe n1 dead"]);
        let many: Vec<_> = (0..40).map(|i| word("probe", &format!("n{i}"), "alive")).collect();
        assert_eq!(with_evidence(&Value::Null, many.iter()).as_array().unwrap().len(), EVIDENCE_MAX);
    }

    #[test]
    fn leaving_is_told_by_conditions_that_go_when_it_stays_after_all() {
        let object = json!({"metadata": {"generation": 2}, "status": {"conditions": [{"type": "x/Y", "status": "True"}]}});
        let draining = Progress { is_programmed: true, ..Progress::default() };
        let leaves = status(&object, &Verdict { ready: false, terminating: true, reason: "Terminating", ..READY }, json!([]), Some(draining), "t1");
        let said = |status: &Value| {
            status["conditions"].as_array().unwrap().iter().map(|c| format!("{}={}", c["type"], c["status"]).replace('"', "")).collect::<Vec<_>>()
        };
        assert_eq!(said(&leaves), ["x/Y=True", "Programmed=True", "Drained=False"]);
        assert_eq!((leaves["terminating"].clone(), leaves["observedGeneration"].clone()), (json!(true), json!(2)));
        let object = json!({"metadata": {"generation": 2}, "status": leaves});
        let stays = status(&object, &READY, json!([]), None, "t2");
        assert_eq!(said(&stays), ["x/Y=True"]);
        assert_eq!(stays["terminating"], false);
    }

    #[test]
    fn only_what_differs_is_written() {
        let object = json!({"metadata": {"generation": 1}, "status": {"ready": true, "serving": true, "reason": "Ready", "observedGeneration": 1, "foreign": 1}});
        let wanted = status(&object, &READY, json!([]), None, "t");
        assert_eq!(difference(&object["status"], &wanted), json!({}));
        let wanted = status(&object, &Verdict { ready: false, ..READY }, json!([]), None, "t");
        assert_eq!(difference(&object["status"], &wanted), json!({"ready": false}));
    }
}
