//! Pod: processes that live and die together. Everything that a server without a scheduler and kubelet must know of them: defaults,
//! validation, what may change, and how they are shown.

pub(crate) mod admission;
mod containers;
mod defaults;
mod placement;
mod security;
mod table;
#[cfg(test)]
mod tests;
mod update;
mod validate;
mod volumes;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::value::{copy, flag, has, list, number, object_at, text};
use super::{Column, Rules, Settings, field_at};
use crate::field::FieldErrors;

pub(in crate::kinds) use containers::amount;

/// The rules of Pods.
pub struct Pod;

impl Rules for Pod {
    fn defaults(&self, object: &mut Value) {
        defaults::pod(object);
    }

    fn prepare_create(&self, object: &mut Value) {
        defaults::drop_gated(&mut object["spec"]);
        let class = defaults::quality(&object["spec"]);
        object["status"] = json!({"phase": "Pending", "qosClass": class});
        if !list(&object["spec"], "schedulingGates").is_empty() {
            let made = &object["metadata"]["creationTimestamp"];
            object["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "lastProbeTime": null, "lastTransitionTime": made,
                "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}]);
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        admission::keep_priority(new, old);
        admission::tolerate_loss(new);
    }

    fn prepare_status(&self, new: &mut Value, old: &Value) {
        // A status never begins a deletion nor changes owners.
        for field in ["deletionTimestamp", "ownerReferences"] {
            copy(object_at(new, "metadata"), &old["metadata"], field);
        }
        let status = object_at(new, "status");
        for field in ["qosClass", "observedGeneration"] {
            let unset = text(status, field).is_empty() && number(status, field) == 0;
            if unset && has(&old["status"], field) {
                copy(status, &old["status"], field);
            }
        }
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = validate::pod(object);
        validate::only_new(&object["spec"], &mut errors);
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, _: &Settings) -> FieldErrors {
        let mut errors = validate::pod(new);
        update::check(&new["spec"], &old["spec"], &mut errors);
        errors
    }

    fn validate_status(&self, new: &Value, old: &Value) -> FieldErrors {
        update::check_status(new, old)
    }

    fn warnings(&self, new: &Value, _old: Option<&Value>) -> Vec<String> {
        validate::warnings(new)
    }

    fn grace_s(&self, object: &Value, asked: Option<i64>) -> Option<i64> {
        let spec = &object["spec"];
        let grace =
            asked.unwrap_or_else(|| if has(spec, "terminationGracePeriodSeconds") { number(spec, "terminationGracePeriodSeconds") } else { 30 });
        // Nobody would confirm that an unscheduled or finished Pod has stopped.
        let idle = text(spec, "nodeName").is_empty() || matches!(text(&object["status"], "phase"), "Succeeded" | "Failed");
        Some(match grace {
            _ if idle => 0,
            grace if grace < 0 => 1,
            grace => grace,
        })
    }

    fn columns(&self) -> &'static [Column] {
        table::COLUMNS
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::row(object, now)
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]
    }

    fn field(&self, object: &Value, name: &str) -> String {
        match name {
            "spec.hostNetwork" => flag(&object["spec"], "hostNetwork").to_string(),
            // Upstream takes the selector and knows no value for it.
            "status.podIPs" => String::new(),
            _ => field_at(object, name),
        }
    }
}
