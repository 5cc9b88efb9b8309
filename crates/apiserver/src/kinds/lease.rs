//! Lease: who leads, who lives. The hottest write of all.

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{self, column};
use super::value::{optional_number, text};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax;

/// The rules of Leases.
pub struct Lease;

impl Rules for Lease {
    fn defaults(&self, object: &mut Value) {
        super::value::object_at(object, "spec");
    }

    fn prepare_create(&self, object: &mut Value) {
        drop_coordination(object, &Value::Null);
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        drop_coordination(new, old);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let (spec, at) = (&object["spec"], Path::new("spec"));
        if let Some(seconds) = optional_number(spec, "leaseDurationSeconds").filter(|s| *s <= 0) {
            errors.push(at.child("leaseDurationSeconds").invalid(seconds, "must be greater than 0"));
        }
        if let Some(count) = optional_number(spec, "leaseTransitions").filter(|c| *c < 0) {
            errors.push(at.child("leaseTransitions").invalid(count, "must be greater than or equal to 0"));
        }
        let strategy = text(spec, "strategy");
        if spec.get("strategy").is_some_and(Value::is_string) {
            // Upstream's path names the field twice.
            let (outer, twice) = (at.child("strategy"), "strategy");
            if !strategy.contains('/') {
                if strategy != "OldestEmulationVersion" {
                    errors.push(outer.child(twice).not_supported(strategy, &["OldestEmulationVersion"]));
                }
            } else {
                errors.extend(outer.child(twice).invalid_all(strategy, syntax::qualified_name(strategy)));
            }
        }
        if !text(spec, "preferredHolder").is_empty() && strategy.is_empty() {
            errors.push(at.child("preferredHolder").forbidden("may only be specified if `strategy` is defined"));
        }
        errors
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Holder", "Who holds the lease now."), AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), text(&object["spec"], "holderIdentity").into(), cells::age(object, now)]
    }
}

/// The fields of coordinated leader election are not kept as long as it is off upstream (KEP-4355), unless they are there already.
fn drop_coordination(object: &mut Value, old: &Value) {
    for field in ["strategy", "preferredHolder"] {
        if old["spec"][field].is_null()
            && let Some(spec) = object["spec"].as_object_mut()
        {
            spec.shift_remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::texts;
    use super::*;

    #[test]
    fn durations_transitions_and_strategies_have_bounds() {
        for (spec, want) in [
            (json!({"leaseDurationSeconds": 0}), "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"),
            (json!({"leaseTransitions": -1}), "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"),
            (json!({"strategy": "X"}), "spec.strategy.strategy: Unsupported value: \"X\": supported values: \"OldestEmulationVersion\""),
            (json!({"preferredHolder": "a"}), "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"),
        ] {
            assert_eq!(texts(&Lease.validate_create(&json!({"spec": spec}), &Settings::default())), [want]);
        }
        assert!(Lease.validate_create(&json!({"spec": {"strategy": "a.b/c", "preferredHolder": "x"}}), &Settings::default()).is_empty());
    }
}
