//! IngressClass: who serves an Ingress.

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{self, column};
use super::value::{annotation, default_absent, has, name, optional_text, text};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldError, FieldErrors, Path};
use crate::syntax;

/// Marks the class of Ingresses that name none.
pub(super) const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";
const MAX_CONTROLLER: usize = 250;
const SPEC: Path<'static> = Path::new("spec");

/// The rules of IngressClasses.
pub struct IngressClass;

impl Rules for IngressClass {
    fn defaults(&self, object: &mut Value) {
        super::value::object_at(object, "spec");
        if has(&object["spec"], "parameters") {
            default_absent(&mut object["spec"]["parameters"], "scope", "Cluster");
        }
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let (controller, at) = (text(&object["spec"], "controller"), SPEC.child("controller"));
        if controller.len() > MAX_CONTROLLER {
            errors.push(at.too_long(MAX_CONTROLLER));
        }
        errors.extend(domain_prefixed_path(&at, controller));
        if has(&object["spec"], "parameters") {
            check_parameters(&object["spec"]["parameters"], &mut errors);
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let controller = text(&new["spec"], "controller");
        if controller != text(&old["spec"], "controller") {
            errors.push(SPEC.child("controller").invalid(controller, "field is immutable"));
        }
        errors.extend(self.validate_create(new, settings));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Controller", "Who serves this class."), column("Parameters", "The object that configures it."), AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let suffix = if annotation(object, DEFAULT_CLASS) == Some("true") { " (default)" } else { "" };
        let parameters = &object["spec"]["parameters"];
        let described = if parameters.is_object() {
            let group = optional_text(parameters, "apiGroup").map(|g| format!(".{g}")).unwrap_or_default();
            format!("{}{group}/{}", text(parameters, "kind"), text(parameters, "name"))
        } else {
            "<none>".to_owned()
        };
        vec![format!("{}{suffix}", name(object)).into(), text(&object["spec"], "controller").into(), described.into(), cells::age(object, now)]
    }
}

/// `domain/path`, as `acme.io/foo`.
pub(super) fn domain_prefixed_path(at: &Path<'_>, s: &str) -> Vec<FieldError> {
    if s.is_empty() {
        return vec![at.required("")];
    }
    let Some((host, path)) = s.split_once('/').filter(|(host, path)| !host.is_empty() && !path.is_empty()) else {
        return vec![at.invalid(s, "must be a domain-prefixed path (such as \"acme.io/foo\")")];
    };
    let mut errors: Vec<FieldError> = at.invalid_all(host, syntax::dns1123_subdomain(host)).collect();
    if !path.bytes().all(|c| c.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&c)) {
        errors.push(at.invalid(path, syntax::pattern("Invalid path", "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+", &[])));
    }
    errors
}

fn check_parameters(parameters: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("parameters");
    check_reference(parameters, &at, errors);
    let namespace = optional_text(parameters, "namespace");
    let Some(scope) = optional_text(parameters, "scope") else {
        errors.push(at.child("scope").required(""));
        return;
    };
    match (scope, namespace) {
        ("Namespace", None) => errors.push(at.child("namespace").required("`parameters.scope` is set to 'Namespace'")),
        ("Namespace", Some(namespace)) => errors.extend(at.child("namespace").invalid_all(namespace, syntax::dns1123_label(namespace))),
        ("Cluster", Some(_)) => errors.push(at.child("namespace").forbidden("`parameters.scope` is set to 'Cluster'")),
        ("Cluster", None) => {}
        (other, _) => errors.push(at.child("scope").not_supported(other, &["Cluster", "Namespace"])),
    }
}

/// A reference by group, kind and name.
pub(super) fn check_reference(reference: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(group) = optional_text(reference, "apiGroup") {
        errors.extend(at.child("apiGroup").invalid_all(group, syntax::dns1123_subdomain(group)));
    }
    for field in ["kind", "name"] {
        match text(reference, field) {
            "" => errors.push(at.child(field).required("")),
            word => errors.extend(at.child(field).invalid_all(word, syntax::path_segment(word))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::texts;
    use super::*;

    #[test]
    fn each_rule_has_its_words() {
        let scope = "supported values: \"Cluster\", \"Namespace\"";
        for (spec, want) in [
            (
                json!({"controller": "plain"}),
                "spec.controller: Invalid value: \"plain\": must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned(),
            ),
            (json!({}), "spec.controller: Required value".to_owned()),
            (json!({"controller": format!("a.b/{}", "c".repeat(250))}), "spec.controller: Too long: may not be more than 250 bytes".to_owned()),
            (
                json!({"controller": "a.b/c", "parameters": {"kind": "K", "name": "n", "scope": "Odd"}}),
                format!("spec.parameters.scope: Unsupported value: \"Odd\": {scope}"),
            ),
            (
                json!({"controller": "a.b/c", "parameters": {"kind": "K", "name": "n", "scope": "Namespace"}}),
                "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'".to_owned(),
            ),
            (
                json!({"controller": "a.b/c", "parameters": {"kind": "K", "name": "n", "scope": "Cluster", "namespace": "x"}}),
                "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'".to_owned(),
            ),
            (
                json!({"controller": "a.b/c", "parameters": {"name": "a/b", "kind": "K", "scope": "Cluster"}}),
                "spec.parameters.name: Invalid value: \"a/b\": may not contain '/'".to_owned(),
            ),
        ] {
            assert_eq!(texts(&IngressClass.validate_create(&json!({"spec": spec}), &Settings::default())), [want]);
        }
    }

    #[test]
    fn the_controller_never_changes_and_the_default_is_marked() {
        let old = json!({"metadata": {"name": "a", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}, "spec": {"controller": "a.b/c"}});
        let new = json!({"spec": {"controller": "a.b/d"}});
        assert_eq!(
            texts(&IngressClass.validate_update(&new, &old, &Settings::default())),
            ["spec.controller: Invalid value: \"a.b/d\": field is immutable"]
        );
        assert_eq!(IngressClass.row(&old, Timestamp::UNIX_EPOCH)[..3], [json!("a (default)"), json!("a.b/c"), json!("<none>")]);
    }
}
