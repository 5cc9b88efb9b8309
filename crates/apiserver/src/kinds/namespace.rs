//! Namespace: the scope of names, and what must be empty before it goes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, column};
use super::value::{copy, default_absent, has, name, object_at, remove, text, texts};
use super::{AGE, Column, NAME, NameRule, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax;

const FINALIZER: &str = "kubernetes";
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Namespaces that exist before the server is ready.
pub const PRESENT: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Whether a namespace may never be deleted: objects of others rely on it being there.
pub fn is_protected(name: &str) -> bool {
    matches!(name, "default" | "kube-system" | "kube-public")
}

/// The rules of Namespaces.
pub struct Namespace;

impl Rules for Namespace {
    fn defaults(&self, object: &mut Value) {
        let own = name(object).to_owned();
        if !own.is_empty() {
            object_at(object_at(object, "metadata"), "labels")[NAME_LABEL] = own.into();
        }
        object_at(object, "spec");
        default_absent(object_at(object, "status"), "phase", "Active");
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({"phase": "Active"});
        let spec = object_at(object, "spec");
        let mut finalizers: Vec<Value> = texts(spec, "finalizers").into_iter().map(Value::from).collect();
        if !finalizers.iter().any(|f| f == FINALIZER) {
            finalizers.push(FINALIZER.into());
        }
        spec["finalizers"] = finalizers.into();
        // The name may have been generated after defaults were filled in.
        self.defaults(object);
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        match old["spec"].get("finalizers") {
            Some(_) => copy(object_at(new, "spec"), &old["spec"], "finalizers"),
            None => drop(remove(object_at(new, "spec"), "finalizers")),
        }
        self.defaults(new);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let spec = Path::new("spec");
        check_finalizers(object, |_, value, detail| spec.child("finalizers").invalid(value, detail))
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> FieldErrors {
        let deleting = has(&new["metadata"], "deletionTimestamp");
        let (phase, want) = (text(&new["status"], "phase"), if deleting { "Terminating" } else { "Active" });
        if phase == want {
            return FieldErrors::new();
        }
        let detail = format!("may only be '{want}' if `deletionTimestamp` is {}", if deleting { "not empty" } else { "empty" });
        let status = Path::new("status");
        vec![status.child("Phase").invalid(phase, detail)]
    }

    fn name_rule(&self) -> NameRule {
        NameRule::Dns1123Label
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Status", "The status of the namespace."), AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), text(&object["status"], "phase").into(), cells::age(object, now)]
    }

    fn fields(&self) -> &'static [&'static str] {
        &["status.phase"]
    }
}

/// What is wrong with the finalizers that a write to `/finalize` leaves.
pub fn validate_finalize(object: &Value) -> FieldErrors {
    let spec = Path::new("spec");
    let at = spec.child("finalizers");
    check_finalizers(object, |index, value, detail| at.index(index).invalid(value, detail))
}

fn check_finalizers(object: &Value, error: impl Fn(usize, &str, String) -> crate::field::FieldError) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (index, finalizer) in texts(&object["spec"], "finalizers").into_iter().enumerate() {
        errors.extend(syntax::qualified_name(finalizer).into_iter().map(|why| error(index, finalizer, why)));
        if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion") {
            errors.push(error(index, finalizer, "name is neither a standard finalizer name nor is it fully qualified".to_owned()));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use super::*;

    #[test]
    fn a_new_namespace_is_active_labelled_and_held() {
        let mut object = json!({"metadata": {"name": "a"}, "status": {"phase": "Terminating"}});
        Namespace.defaults(&mut object);
        Namespace.prepare_create(&mut object);
        assert_eq!(
            object,
            json!({"metadata": {"name": "a", "labels": {"kubernetes.io/metadata.name": "a"}}, "status": {"phase": "Active"}, "spec": {"finalizers": ["kubernetes"]}})
        );
    }

    #[test]
    fn finalizers_change_through_finalize_only() {
        let old = json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["kubernetes"]}});
        let mut new = json!({"metadata": {"name": "a"}, "spec": {}});
        Namespace.prepare_update(&mut new, &old);
        assert_eq!(new["spec"], json!({"finalizers": ["kubernetes"]}));
        let bad = json!({"spec": {"finalizers": ["plain"]}});
        assert_eq!(
            texts(&validate_finalize(&bad)),
            ["spec.finalizers[0]: Invalid value: \"plain\": name is neither a standard finalizer name nor is it fully qualified"]
        );
    }

    #[test]
    fn the_phase_follows_deletion() {
        let object = json!({"metadata": {}, "status": {"phase": "Terminating"}});
        assert_eq!(
            texts(&Namespace.validate_status(&object, &object)),
            ["status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"]
        );
    }

    #[test]
    fn three_namespaces_are_protected() {
        assert!(PRESENT.iter().filter(|n| is_protected(n)).count() == 3 && !is_protected("kube-node-lease"));
    }
}
