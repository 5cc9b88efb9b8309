//! Where a Pod wants to run: affinities, and how it spreads.

use serde_json::Value;

use super::super::value::{has, list, map, number, optional_number, text, texts};
use crate::field::{FieldErrors, Path};
use crate::syntax;

const OPERATORS: [&str; 6] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The affinities of a Pod.
pub(super) fn affinity(spec: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (affinity, at) = (&spec["affinity"], at.child("affinity"));
    node_affinity(&affinity["nodeAffinity"], &at.child("nodeAffinity"), errors);
    for kind in ["podAffinity", "podAntiAffinity"] {
        let (one, at) = (&affinity[kind], at.child(kind));
        let here = at.child(REQUIRED);
        for (index, term) in list(one, REQUIRED).iter().enumerate() {
            pod_term(term, &here.index(index), errors);
        }
        let here = at.child(PREFERRED);
        for (index, preference) in list(one, PREFERRED).iter().enumerate() {
            let at = here.index(index);
            weight(preference, &at, errors);
            pod_term(&preference["podAffinityTerm"], &at.child("podAffinityTerm"), errors);
        }
    }
}

fn node_affinity(affinity: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if has(affinity, REQUIRED) {
        let (terms, at) = (list(&affinity[REQUIRED], "nodeSelectorTerms"), at.child(REQUIRED));
        let at = at.child("nodeSelectorTerms");
        if terms.is_empty() {
            errors.push(at.required("must have at least one node selector term"));
        }
        for (index, term) in terms.iter().enumerate() {
            node_term(term, &at.index(index), errors);
        }
    }
    let at = at.child(PREFERRED);
    for (index, preference) in list(affinity, PREFERRED).iter().enumerate() {
        let at = at.index(index);
        weight(preference, &at, errors);
        node_term(&preference["preference"], &at.child("preference"), errors);
    }
}

fn weight(preference: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let weight = number(preference, "weight");
    if !(1..=100).contains(&weight) {
        errors.push(at.child("weight").invalid(weight, "must be in the range 1-100"));
    }
}

fn node_term(term: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let here = at.child("matchExpressions");
    for (index, requirement) in list(term, "matchExpressions").iter().enumerate() {
        let (at, operator, values) = (here.index(index), text(requirement, "operator"), list(requirement, "values"));
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                errors.push(at.child("values").required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.push(at.child("values").forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            "Gt" | "Lt" if values.len() != 1 => {
                errors.push(at.child("values").required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
            }
            known if OPERATORS.contains(&known) => {}
            other => errors.push(at.child("operator").invalid(other, "not a valid selector operator")),
        }
        let key = text(requirement, "key");
        errors.extend(at.child("key").invalid_all(key, syntax::qualified_name(key)));
    }
    node_fields(term, at, errors);
}

/// Requirements on the fields of a node; it has one that counts.
fn node_fields(term: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let here = at.child("matchFields");
    for (index, requirement) in list(term, "matchFields").iter().enumerate() {
        let (at, operator, key) = (here.index(index), text(requirement, "operator"), text(requirement, "key"));
        if !matches!(operator, "In" | "NotIn") {
            errors.push(at.child("operator").invalid(operator, "not a valid selector operator"));
        } else if list(requirement, "values").len() != 1 {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.push(at.child("values").required(why));
        }
        if key != "metadata.name" {
            errors.push(at.child("key").invalid(key, "not a valid field selector key"));
        }
    }
}

/// What is wrong with a label selector of the API.
pub(super) fn label_selector(selector: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    errors.extend(super::super::labels(map(selector, "matchLabels"), &at.child("matchLabels")));
    let here = at.child("matchExpressions");
    for (index, requirement) in list(selector, "matchExpressions").iter().enumerate() {
        let (at, values) = (here.index(index), texts(requirement, "values"));
        match text(requirement, "operator") {
            "In" | "NotIn" if values.is_empty() => {
                errors.push(at.child("values").required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.push(at.child("values").forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(at.child("operator").invalid(other, "not a valid selector operator")),
        }
        let key = text(requirement, "key");
        errors.extend(at.child("key").invalid_all(key, syntax::qualified_name(key)));
        let here = at.child("values");
        for (index, value) in values.into_iter().enumerate() {
            errors.extend(here.index(index).invalid_all(value, syntax::label_value(value)));
        }
    }
}

fn pod_term(term: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for field in ["labelSelector", "namespaceSelector"] {
        label_selector(&term[field], &at.child(field), errors);
    }
    for namespace in texts(term, "namespaces") {
        errors.extend(at.child("namespace").invalid_all(namespace, syntax::dns1123_label(namespace)));
    }
    let key = text(term, "topologyKey");
    if key.is_empty() {
        errors.push(at.child("topologyKey").required("can not be empty"));
    }
    errors.extend(at.child("topologyKey").invalid_all(key, syntax::qualified_name(key)));
}

/// Terms that can match nothing.
pub(super) fn warnings(spec: &Value, warnings: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let affinity = &spec["affinity"][kind];
        let required = list(affinity, REQUIRED).iter().enumerate().map(|(index, term)| (format!("{REQUIRED}[{index}]"), term));
        let preferred = list(affinity, PREFERRED).iter().enumerate();
        let preferred = preferred.map(|(index, one)| (format!("{PREFERRED}[{index}].podAffinityTerm"), &one["podAffinityTerm"]));
        for (place, _) in required.chain(preferred).filter(|(_, term)| !has(term, "labelSelector")) {
            warnings.push(format!("spec.affinity.{kind}.{place}.labelSelector: a null labelSelector results in matching no pod"));
        }
    }
}

/// The fewest domains that a constraint counts.
pub(super) fn fewest_domains(constraint: &Value, action: &str, at: &Path<'_>, errors: &mut FieldErrors) {
    let Some(fewest) = optional_number(constraint, "minDomains") else { return };
    let at = at.child("minDomains");
    if fewest <= 0 {
        errors.push(at.invalid(fewest, "must be greater than zero"));
    }
    if action != "DoNotSchedule" {
        errors.push(at.invalid(fewest, format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}")));
    }
}
