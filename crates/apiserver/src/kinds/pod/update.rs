//! What may change in a Pod once it is there: hardly anything.

use serde_json::Value;

use super::super::value::{copy, has, list, list_mut, number, optional_number, text};
use super::validate::tolerations;
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

const SPEC: Path<'static> = Path::new("spec");
const UPDATABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Judges a change of the spec.
pub(super) fn check(new: &Value, old: &Value, errors: &mut FieldErrors) {
    for kind in ["containers", "initContainers"] {
        if list(new, kind).len() != list(old, kind).len() {
            errors.push(SPEC.child(kind).forbidden("pod updates may not add or remove containers"));
            return;
        }
        let at = SPEC.child(kind);
        for (index, _) in list(new, kind).iter().enumerate().filter(|(_, c)| text(c, "image").is_empty()) {
            errors.push(at.index(index).child("image").required(""));
        }
    }
    if !deadline(new, old, errors) {
        return;
    }
    check_tolerations(new, old, errors);
    check_gates(new, old, errors);
    if new == old {
        return;
    }
    let as_old = without_changes_allowed(new, old, errors);
    if as_old != *old {
        let changed: Vec<String> = changed_fields(&as_old, old);
        errors.push(SPEC.forbidden(format!("pod updates may not change fields other than {UPDATABLE}\nchanged: {}", changed.join(", "))));
    }
}

/// A deadline may be set and shortened. False: the rest need not be looked at.
fn deadline(new: &Value, old: &Value, errors: &mut FieldErrors) -> bool {
    let at = SPEC.child("activeDeadlineSeconds");
    let (now, was) = (optional_number(new, "activeDeadlineSeconds"), optional_number(old, "activeDeadlineSeconds"));
    match (now, was) {
        (Some(now), _) if !(0..=i64::from(i32::MAX)).contains(&now) => errors.push(at.invalid(now, syntax::between(0, i64::from(i32::MAX)))),
        (Some(now), Some(was)) if was < now => errors.push(at.invalid(now, "must be less than or equal to previous value")),
        (None, Some(_)) => {
            errors.push(at.invalid(Value::Null, "must not update from a positive integer to nil value"));
            return true;
        }
        _ => return true,
    }
    false
}

fn check_tolerations(new: &Value, old: &Value, errors: &mut FieldErrors) {
    let kept = |was: &Value| {
        list(new, "tolerations").iter().any(|now| {
            let mut same = was.clone();
            copy(&mut same, now, "tolerationSeconds");
            same == *now
        })
    };
    if list(old, "tolerations").iter().all(kept) {
        tolerations(new, errors);
    } else {
        errors.push(SPEC.child("tolerations").forbidden("existing toleration can not be modified except its tolerationSeconds"));
    }
}

fn check_gates(new: &Value, old: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("schedulingGates");
    for (index, gate) in list(new, "schedulingGates").iter().enumerate() {
        let name = text(gate, "name");
        if !list(old, "schedulingGates").iter().any(|g| text(g, "name") == name) {
            errors.push(at.index(index).child("name").forbidden(format!("only deletion is allowed, but found new scheduling gate '{name}'")));
        }
    }
}

/// The new spec with everything that may change put back.
fn without_changes_allowed(new: &Value, old: &Value, errors: &mut FieldErrors) -> Value {
    let mut spec = new.clone();
    for kind in ["containers", "initContainers"] {
        for (container, was) in list_mut(&mut spec, kind).into_iter().flatten().zip(list(old, kind)) {
            copy(container, was, "image");
        }
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        copy(&mut spec, old, field);
    }
    if number(old, "terminationGracePeriodSeconds") < 0 && number(new, "terminationGracePeriodSeconds") == 1 {
        copy(&mut spec, old, "terminationGracePeriodSeconds");
    }
    if !list(old, "schedulingGates").is_empty() {
        // A Pod that waits to be scheduled may still be steered.
        let selects = super::super::value::map(new, "nodeSelector");
        let kept = super::super::value::map(old, "nodeSelector").iter().all(|(k, v)| selects.get(k) == Some(v));
        if !kept {
            errors.push(
                SPEC.child("nodeSelector")
                    .invalid(new["nodeSelector"].clone(), "only additions to spec.nodeSelector are allowed (no mutations or deletions)"),
            );
        }
        copy(&mut spec, old, "nodeSelector");
    }
    spec
}

fn changed_fields(new: &Value, old: &Value) -> Vec<String> {
    let keys = |v: &Value| v.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut all = keys(new);
    all.extend(keys(old));
    all.sort_unstable();
    all.dedup();
    all.into_iter().filter(|k| new.get(k) != old.get(k)).map(|k| format!("spec.{k}")).collect()
}

/// Judges a change of the status.
pub(super) fn check_status(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (at, status, was) = (Path::new("status"), &new["status"], &old["status"]);
    let conditions = at.child("conditions");
    for (index, condition) in list(status, "conditions").iter().enumerate() {
        let kind = text(condition, "type");
        if !matches!(kind, "PodScheduled" | "Ready" | "Initialized") {
            errors.extend(conditions.index(index).child("Type").invalid_all(kind, syntax::qualified_name(kind)));
        }
    }
    let nominated = text(status, "nominatedNodeName");
    if nominated != text(was, "nominatedNodeName") && !nominated.is_empty() {
        errors.extend(at.child("nominatedNodeName").invalid_all(nominated, syntax::dns1123_subdomain(nominated)));
    }
    if text(status, "qosClass") != text(was, "qosClass") {
        errors.push(at.child("qosClass").invalid(text(status, "qosClass"), "field is immutable"));
    }
    if text(&new["spec"], "restartPolicy") != "Always" {
        restarts(new, old, &at.child("containerStatuses"), &mut errors);
    }
    addresses(status, was, "podIPs", &at, &mut errors);
    if let Some(first) = list(status, "hostIPs").first().map(|i| text(i, "ip"))
        && first != text(status, "hostIP")
    {
        let here = at.child("hostIPs");
        errors.push(here.index(0).child("ip").invalid(first, "must be equal to `hostIP`"));
    }
    addresses(status, was, "hostIPs", &at, &mut errors);
    errors
}

/// A container that has ended for good does not come back.
fn restarts(new: &Value, old: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for (index, was) in list(&old["status"], "containerStatuses").iter().enumerate() {
        let ended = &was["state"]["terminated"];
        let may_retry = text(&new["spec"], "restartPolicy") == "OnFailure" && number(ended, "exitCode") != 0;
        if !ended.is_object() || may_retry {
            continue;
        }
        let now = list(&new["status"], "containerStatuses").iter().find(|s| text(s, "name") == text(was, "name"));
        if now.is_some_and(|s| !has(&s["state"], "terminated")) {
            errors.push(at.index(index).child("state").forbidden("may not be transitioned to non-terminated state"));
        }
    }
}

fn addresses(status: &Value, was: &Value, field: &str, at: &Path<'_>, errors: &mut FieldErrors) {
    let (ips, at) = (list(status, field), at.child(field));
    for (index, ip) in ips.iter().map(|i| text(i, "ip")).enumerate() {
        if !list(was, field).iter().any(|i| text(i, "ip") == ip) {
            errors.extend(at.index(index).invalid_all(ip, address::ip_legacy(ip)));
        }
    }
    let v6 = |ip: &Value| text(ip, "ip").contains(':');
    if ips.len() > 1 && (ips.len() > 2 || v6(&ips[0]) == v6(&ips[1])) {
        errors.push(at.invalid(ips.to_vec(), "may specify no more than one IP for each IP family"));
    }
}
