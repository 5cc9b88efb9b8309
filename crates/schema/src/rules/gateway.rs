//! Gateway and ListenerSet.

use serde_json::{Map, Value};

use super::{Scope, duration, objects, text, unique};
use crate::validate::pattern;

const HOSTNAME: &str = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const LABEL_KEY: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$";

pub fn spec(scope: &mut Scope<'_>) {
    for kind in ["IPAddress", "Hostname"] {
        let values = objects(scope.object, "addresses").filter(|a| text(a, "type") == kind && a.contains_key("value"));
        if !unique(values.map(|a| text(a, "value"))) {
            scope.fail_at("addresses", &format!("{kind} values must be unique"));
        }
    }
    listeners(scope);
    // An absent hostname differs from every present one.
    if !unique(objects(scope.object, "listeners").map(place)) {
        scope.fail_at("listeners", "Combination of port, protocol and hostname must be unique for each listener");
    }
}

pub fn listener_set(scope: &mut Scope<'_>) {
    listeners(scope);
    if !unique(objects(scope.object, "listeners").filter(|l| l.contains_key("port")).map(place)) {
        scope.fail_at("listeners", "Combination of port, protocol and hostname must be unique for each listener");
    }
}

fn place(listener: &Map<String, Value>) -> (Option<i64>, &str, Option<&str>) {
    (listener.get("port").and_then(Value::as_i64), text(listener, "protocol"), listener.get("hostname").and_then(Value::as_str))
}

fn listeners(scope: &mut Scope<'_>) {
    let listeners: Vec<&Map<String, Value>> = objects(scope.object, "listeners").collect();
    let every = |holds: &dyn Fn(&str, &Map<String, Value>) -> bool| listeners.iter().all(|l| holds(text(l, "protocol"), l));
    let mode = |l: &Map<String, Value>| l.get("tls").and_then(|t| t["mode"].as_str()).map(str::to_owned);
    let rules = [
        (
            every(&|protocol, l| !matches!(protocol, "HTTP" | "TCP" | "UDP") || !l.contains_key("tls")),
            "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
        ),
        (
            every(&|protocol, l| protocol != "HTTPS" || !l.contains_key("tls") || mode(l).is_none_or(|m| m.is_empty() || m == "Terminate")),
            "tls mode must be Terminate for protocol HTTPS",
        ),
        (every(&|protocol, l| protocol != "TLS" || mode(l).is_some_and(|m| !m.is_empty())), "tls mode must be set for protocol TLS"),
        (
            every(&|protocol, l| !matches!(protocol, "TCP" | "UDP") || text(l, "hostname").is_empty()),
            "hostname must not be specified for protocols ['TCP', 'UDP']",
        ),
        (unique(listeners.iter().map(|l| text(l, "name"))), "Listener name must be unique within the Gateway"),
    ];
    for (holds, detail) in rules {
        if !holds {
            scope.fail_at("listeners", detail);
        }
    }
}

pub fn listener(scope: &mut Scope<'_>) {
    let holds = !scope.has("filters") || matches!(scope.text("protocol"), "HTTP" | "HTTPS");
    scope.require(holds, "filters may only be set when protocol is HTTP or HTTPS");
}

pub fn listener_tls(scope: &mut Scope<'_>) {
    let filled = !scope.list("certificateRefs").is_empty() || scope.object.get("options").and_then(Value::as_object).is_some_and(|o| !o.is_empty());
    let holds = scope.text("mode") != "Terminate" || filled;
    scope.require(holds, "certificateRefs or options must be specified when mode is Terminate");
}

pub fn address(scope: &mut Scope<'_>) {
    let value = scope.text("value");
    let is_hostname = pattern(HOSTNAME).is_some_and(|p| p.is_match(value));
    let holds = scope.text("type") != "Hostname" || !scope.has("value") || is_hostname;
    scope.require(holds, &format!("Hostname value must be empty or contain only valid characters (matching {HOSTNAME})"));
    let routability = scope.text("routability");
    let prefixed = routability
        .split_once('/')
        .is_some_and(|(prefix, rest)| !rest.is_empty() && is_subdomain(prefix) && prefix != "k8s.io" && !prefix.ends_with(".k8s.io"));
    if !(routability.is_empty() || routability == "Cluster" || prefixed) {
        scope.fail_at("routability", "must be empty, Cluster, or a path prefixed with a domain outside k8s.io");
    }
}

fn is_subdomain(name: &str) -> bool {
    !name.starts_with('*') && name.len() <= 253 && pattern(HOSTNAME).is_some_and(|p| p.is_match(name))
}

pub fn infrastructure(scope: &mut Scope<'_>) {
    for (field, what) in [("labels", "Label"), ("annotations", "Annotation")] {
        let keys = || scope.object.get(field).and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let qualified = keys().all(|key| pattern(LABEL_KEY).is_some_and(|p| p.is_match(key)));
        let short = keys().all(|key| key.split('/').next().unwrap_or_default().chars().count() < 253);
        if !qualified {
            scope.fail_at(
                field,
                &format!(
                    "{what} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters."
                ),
            );
        }
        if !short {
            let key = what.to_lowercase();
            scope.fail_at(field, &format!("If specified, the {key} key's prefix must be a DNS subdomain not longer than 253 characters in total."));
        }
    }
}

pub fn frontend_tls(scope: &mut Scope<'_>) {
    if !unique(objects(scope.object, "perPort").map(|p| p.get("port").and_then(Value::as_i64))) {
        scope.fail_at("perPort", "Port for TLS configuration must be unique within the Gateway");
    }
}

pub fn frontend_validation(scope: &mut Scope<'_>) {
    let bundles = objects(scope.object, "caCertificateRefs")
        .filter(|r| text(r, "group") == "certificates.k8s.io" && text(r, "kind") == "ClusterTrustBundle")
        .any(|r| r.contains_key("namespace"));
    if bundles {
        scope.fail_at("caCertificateRefs", "ClusterTrustBundle references must not specify namespace");
    }
}

/// Shared with routes: whether `longer` exceeds `shorter`, both durations.
pub fn exceeds(longer: &str, shorter: &str) -> bool {
    matches!((duration(longer), duration(shorter)), (Some(l), Some(s)) if s != 0.0 && l > s)
}
