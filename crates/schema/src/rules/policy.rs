//! BackendTLSPolicy. Our own BackendPolicy has its rules in `apiserver::kinds`.

use serde_json::{Map, Value};

use super::{Scope, objects, text, unique};

pub fn backend_tls(scope: &mut Scope<'_>) {
    let targets: Vec<&Map<String, Value>> = objects(scope.object, "targetRefs").collect();
    let target = |t: &Map<String, Value>| [text(t, "group"), text(t, "kind"), text(t, "name")].map(str::to_owned);
    let mut ways = std::collections::HashMap::new();
    let narrowed = |t: &Map<String, Value>| !text(t, "sectionName").is_empty();
    if !targets.iter().all(|t| *ways.entry(target(t)).or_insert_with(|| narrowed(t)) == narrowed(t)) {
        scope.fail_at("targetRefs", "sectionName must be specified when targetRefs includes 2 or more references to the same target");
    }
    if !unique(targets.iter().map(|t| (target(t), text(t, "sectionName")))) {
        scope.fail_at("targetRefs", "sectionName must be unique when targetRefs includes 2 or more references to the same target");
    }
}

pub fn validation(scope: &mut Scope<'_>) {
    let holds = scope.has("caCertificateRefs") != scope.has("wellKnownCACertificates");
    scope.require(holds, "exactly one of the fields in [caCertificateRefs wellKnownCACertificates] must be set");
}

pub fn subject_alt_name(scope: &mut Scope<'_>) {
    for (kind, field) in [("Hostname", "hostname"), ("URI", "uri")] {
        let chosen = scope.text("type") == kind;
        let filled = !scope.text(field).is_empty();
        scope.require(!chosen || filled, &format!("SubjectAltName element must contain {kind}, if Type is set to {kind}"));
        scope.require(chosen || !filled, &format!("SubjectAltName element must not contain {kind}, if Type is not set to {kind}"));
    }
}
