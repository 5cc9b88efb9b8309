//! What the server fills into a new Pod because of what else there is: its priority and how long it stays on a node that is lost.
//! Upstream: the admission plugins Priority, DefaultTolerationSeconds and RuntimeClass.

use serde_json::{Value, json};

use super::super::value::{has, list, object_at, optional_number, optional_text, text};

/// The priority classes that always exist. There are no others: the kind is not served.
const CLASSES: [(&str, i64); 3] = [("", 0), ("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];
const PREEMPTION: &str = "PreemptLowerPriority";
/// Taints that tell of a node that is lost, and how long a Pod stays there.
const LOST: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const LOST_S: i64 = 300;

/// Fills in a new Pod, or says why it is forbidden.
pub(crate) fn admit(pod: &mut Value) -> Result<(), String> {
    let spec = object_at(pod, "spec");
    let class = text(spec, "priorityClassName");
    let Some((_, priority)) = CLASSES.iter().find(|(name, _)| *name == class) else {
        return Err(format!("no PriorityClass with name {class} was found"));
    };
    let computed = "must not be provided in pod spec; priority admission controller computed";
    if let Some(given) = optional_number(spec, "priority").filter(|given| given != priority) {
        return Err(format!("the integer value of priority ({given}) {computed} {priority} from the given PriorityClass name"));
    }
    if let Some(given) = optional_text(spec, "preemptionPolicy").filter(|given| *given != PREEMPTION) {
        return Err(format!("the string value of PreemptionPolicy ({given}) {computed} {PREEMPTION} from the given PriorityClass name"));
    }
    if let Some(class) = optional_text(spec, "runtimeClassName") {
        return Err(format!("pod rejected: RuntimeClass {} not found", crate::field::quote(class)));
    }
    if has(spec, "overhead") {
        return Err("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead".to_owned());
    }
    spec["priority"] = (*priority).into();
    spec["preemptionPolicy"] = PREEMPTION.into();
    tolerate_loss(pod);
    Ok(())
}

/// The priority was given once; a client that leaves it out means no other.
pub(super) fn keep_priority(new: &mut Value, old: &Value) {
    let spec = object_at(new, "spec");
    for field in ["priority", "preemptionPolicy"] {
        if !has(spec, field) && has(&old["spec"], field) {
            spec[field] = old["spec"][field].clone();
        }
    }
}

/// A Pod leaves a node that is lost after a while, unless it says how long it stays.
pub(super) fn tolerate_loss(pod: &mut Value) {
    let spec = object_at(pod, "spec");
    for key in LOST {
        let is_told = |t: &Value| text(t, "key").is_empty() || text(t, "key") == key;
        let is_tolerated = list(spec, "tolerations").iter().any(|t| is_told(t) && matches!(text(t, "effect"), "" | "NoExecute"));
        if !is_tolerated {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LOST_S});
            match spec.get_mut("tolerations").and_then(Value::as_array_mut) {
                Some(all) => all.push(toleration),
                None => spec["tolerations"] = json!([toleration]),
            }
        }
    }
}
