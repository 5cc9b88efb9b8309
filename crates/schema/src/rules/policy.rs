//! BackendTLSPolicy and our own BackendPolicy (balance spec Y1).

use serde_json::{Map, Value};

use super::{Scope, duration, objects, text, unique};

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

pub fn backend(scope: &mut Scope<'_>) {
    let strategy = scope.text("strategy").to_owned();
    let hash = scope.object.get("hash").and_then(Value::as_object);
    let keys = hash.map_or(0, |h| super::list(h, "keys").len());
    if matches!(strategy.as_str(), "Maglev" | "RingHash") && keys == 0 {
        scope.fail_at("hash", &format!("hash.keys is required for strategy {strategy}"));
    }
    if strategy == "SourceIp" && keys > 0 {
        scope.fail_at("hash", "strategy SourceIp excludes hash.keys");
    }
    let bounded = scope.object.get("limits").is_some_and(|l| l["endpoint"].get("maxInFlight").is_some());
    if matches!(strategy.as_str(), "Reserve" | "Fill") && !bounded {
        scope.fail_at("limits", &format!("limits.endpoint.maxInFlight is required for strategy {strategy}"));
    }
    positive(scope, "drainTimeout");
}

pub fn health_check(scope: &mut Scope<'_>) {
    let kind = scope.text("type").to_owned();
    for body in ["http", "tcp", "grpc", "exec"] {
        let holds = !scope.has(body) || kind == body;
        scope.require(holds, &format!("{body} must stand with type {body} only"));
    }
    for field in ["interval", "timeout", "transitionInterval"] {
        positive(scope, field);
    }
    if let (Some(timeout), Some(interval)) = (duration(scope.text("timeout")), duration(scope.text("interval")))
        && scope.has("timeout")
        && scope.has("interval")
        && timeout > interval
    {
        scope.fail_at("timeout", "must not be longer than interval");
    }
}

pub fn outlier(scope: &mut Scope<'_>) {
    for field in ["baseTime", "maxTime", "window"] {
        positive(scope, field);
    }
    let [longest, first, window] = ["maxTime", "baseTime", "window"].map(|f| duration(scope.text(f)).filter(|_| scope.has(f)));
    // The defaults of the specification stand in for what is absent.
    if longest.unwrap_or(30e9) < first.unwrap_or(1e9) {
        scope.fail_at("maxTime", "must not be shorter than baseTime");
    }
    if window.is_some_and(|w| !(1e9..=10e9).contains(&w)) {
        scope.fail_at("window", "must be between 1s and 10s");
    }
}

pub fn hash(scope: &mut Scope<'_>) {
    let size = scope.object.get("tableSize").and_then(Value::as_i64);
    if size.is_some_and(|n| !is_prime(n)) {
        scope.fail_at("tableSize", "must be a prime number");
    }
}

fn is_prime(n: i64) -> bool {
    n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

fn positive(scope: &mut Scope<'_>, field: &str) {
    if scope.has(field) && duration(scope.text(field)) == Some(0.0) {
        scope.fail_at(field, "must be greater than zero");
    }
}
