//! BackendPolicy: how to balance one Service (or one of its ports). Nothing is filled in here: a field that is absent is decided by the
//! next layer below.

use jiff::Timestamp;
use schema::Gvk;
use serde_json::Value;

use super::bounds::{self, Bound, COUNT, HOUR_MS, PERCENT, PORT, POSITIVE, SECOND_MS, at_path, span_at};
use super::cells::{self, column};
use super::gateway::{cell, condition};
use super::structural;
use super::value::{default_absent, default_to, has, list, list_mut, object_at, optional_text, text};
use super::{AGE, Column, NAME, Rules, Settings, health};
use crate::field::{FieldErrors, Path};
use crate::syntax;

const BACKEND_POLICY: Gvk<'static> = Gvk { group: "fairlead.dev", version: "v1alpha1", kind: "BackendPolicy" };
const SPEC: Path<'static> = Path::new("spec");
/// What may be targeted: (group, kind).
const TARGETS: [(&str, &str); 3] = [("", "Service"), ("multicluster.x-k8s.io", "ServiceImport"), ("", "Namespace")];
const KEYS: [&str; 6] = ["header", "cookie", "query", "clientIp", "path", "method"];

/// Bounds (balance specification, section 12) that the table of the schema does not state: of durations, and inside the blocks it leaves open.
const TABLE: &[(&str, Bound)] = &[
    ("peakEwma.decay", Bound::Span(SECOND_MS, 10 * 60 * SECOND_MS)),
    ("peakEwma.defaultLatency", POSITIVE),
    ("performance.mode", Bound::Word(&["Scored", "RoundRobin"])),
    ("performance.updatePeriod", Bound::Span(100, HOUR_MS)),
    ("performance.blackout", POSITIVE),
    ("performance.expiry", POSITIVE),
    ("performance.errorPenalty", Bound::Real(0.0, 1000.0)),
    ("performance.memoryHigh", PERCENT),
    ("performance.memoryMax", PERCENT),
    ("performance.outOfBand.period", POSITIVE),
    ("performance.outOfBand.port", PORT),
    ("performance.agent.port", PORT),
    ("performance.agent.interval", POSITIVE),
    ("prequal.probesPerRequest", Bound::Real(0.0, 10.0)),
    ("prequal.removePerRequest", Bound::Real(0.0, 16.0)),
    ("prequal.poolSize", Bound::Whole(2, 1024)),
    ("prequal.maxAge", POSITIVE),
    ("prequal.hotQuantile", Bound::Real(0.0, 1.0)),
    ("prequal.probeTimeout", POSITIVE),
    ("prequal.score", Bound::Word(&["HotCold", "Cubic"])),
    ("hash.ringSize", Bound::Whole(1, 8_388_608)),
    ("hash.subset", Bound::Whole(0, 16)),
    ("slowStart.window", Bound::Span(0, HOUR_MS)),
    ("slowStart.aggression", Bound::Real(0.01, 100.0)),
    ("outlier.window", Bound::Span(SECOND_MS, 10 * SECOND_MS)),
    ("outlier.baseTime", POSITIVE),
    ("outlier.maxTime", POSITIVE),
    ("outlier.successRate.stdevFactor", Bound::Real(0.1, 100.0)),
    ("outlier.latency.factor", Bound::Real(1.01, 1000.0)),
    ("outlier.latency.floor", POSITIVE),
    ("limits.endpoint.maxConnections", COUNT),
    ("limits.endpoint.maxInFlight", COUNT),
    ("limits.service.maxConnections", COUNT),
    ("limits.service.maxInFlight", COUNT),
    ("limits.maxRequestsPerConnection", COUNT),
    ("limits.queue.timeout", POSITIVE),
    ("retryBudget.interval", POSITIVE),
    ("retryBudget.minRate.interval", POSITIVE),
    ("hedge.percentile", Bound::Real(1.0, 99.999)),
    ("hedge.delay", POSITIVE),
    ("hedge.maxExtraPercent", PERCENT),
    ("concurrency.mode", Bound::Word(&["Fixed", "Gradient", "Aimd"])),
    ("concurrency.min", COUNT),
    ("concurrency.max", COUNT),
    ("concurrency.tolerance", Bound::Real(1.0, 100.0)),
    ("concurrency.smoothing", Bound::Real(0.0, 1.0)),
    ("shed.k", Bound::Real(1.0, 100.0)),
    ("shed.window", POSITIVE),
    ("shed.maxPercent", PERCENT),
    ("rateLimit.requests", COUNT),
    ("rateLimit.per", POSITIVE),
    ("rateLimit.burst", COUNT),
    ("rateLimit.scope", Bound::Word(&["Process", "Cluster"])),
    ("drainTimeout", Bound::Span(1, HOUR_MS)),
];

/// The rules of BackendPolicies.
pub struct BackendPolicy;

impl Rules for BackendPolicy {
    fn defaults(&self, object: &mut Value) {
        structural::fill(BACKEND_POLICY, object);
        for target in list_mut(object_at(object, "spec"), "targetRefs").into_iter().flatten() {
            default_absent(target, "group", "");
            default_to(target, "kind", "Service");
        }
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let (spec, mut errors) = (&object["spec"], structural::check(BACKEND_POLICY, object));
        // What the table refuses would only be refused again in other words.
        if !errors.is_empty() {
            return errors;
        }
        check_targets(spec, &mut errors);
        bounds::check(spec, TABLE, &SPEC, &mut errors);
        check_choices(spec, &mut errors);
        check_hash(spec, &mut errors);
        check_subset(spec, &mut errors);
        check_pairs(spec, &mut errors);
        if has(&spec["healthCheck"], "type") {
            health::check(&spec["healthCheck"], &SPEC.child("healthCheck"), &mut errors);
        }
        if has(spec, "hedge") && has(&spec["hedge"], "percentile") == has(&spec["hedge"], "delay") {
            errors.push(SPEC.child("hedge").invalid(spec["hedge"].clone(), "must have exactly one of `percentile` and `delay`"));
        }
        errors
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn warnings(&self, new: &Value, _old: Option<&Value>) -> Vec<String> {
        let spec = &new["spec"];
        let unchecked = has(spec, "healthCheck") && !has(&spec["healthCheck"], "type");
        let unchecked = unchecked.then(|| "spec.healthCheck has no effect without a type: http, tcp, grpc or exec".to_owned());
        let strategy = optional_text(spec, "strategy").unwrap_or_default();
        let own = blocks_of(strategy);
        let unused = ["leastRequest", "peakEwma", "performance", "prequal", "hash"]
            .into_iter()
            .filter(|b| has(spec, b) && !own.contains(b) && !is_agent_alone(spec, b));
        // Auto chooses among them itself; what it cannot know it does not warn of.
        let unused = unused.filter(|_| !own.is_empty()).map(|block| format!("spec.{block} has no effect under strategy {strategy}"));
        unused.chain(unchecked).collect()
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("Strategy", "How endpoints are chosen."),
                column("Target", "What it applies to."),
                column("Accepted", "Whether it takes effect."),
                AGE,
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let spec = &object["spec"];
        let targets: Vec<String> = list(spec, "targetRefs").iter().map(target_cell).collect();
        let accepted = list(&object["status"], "ancestors").first().map_or(Value::Null, |a| condition(a, "Accepted"));
        vec![cells::name(object), cell(optional_text(spec, "strategy").or(Some("Auto"))), targets.join(",").into(), accepted, cells::age(object, now)]
    }
}

/// An agent says weights and states under every strategy.
fn is_agent_alone(spec: &Value, block: &str) -> bool {
    block == "performance" && spec[block].as_object().is_some_and(|block| block.keys().all(|field| field == "agent"))
}

fn target_cell(target: &Value) -> String {
    let section = optional_text(target, "sectionName").map(|s| format!(":{s}")).unwrap_or_default();
    format!("{}/{}{section}", text(target, "kind"), text(target, "name"))
}

/// The canonical form of a strategy's name, from any of the words that migrants bring (balance specification S23); none for an unknown one.
fn canonical_strategy(word: &str) -> Option<&'static str> {
    let plain: String = word.to_ascii_lowercase().chars().filter(|c| !matches!(c, '_' | '-')).collect();
    Some(match plain.as_str() {
        "auto" => "Auto",
        "roundrobin" | "rr" | "wrr" | "staticrr" => "RoundRobin",
        "random" => "Random",
        "leastconn" | "leastrequest" | "p2c" => "LeastRequest",
        "ewma" | "peakewma" | "leasttime" => "PeakEwma",
        "ring" | "ringhash" | "ketama" => "RingHash",
        "maglev" | "hrw" | "consistenthash" => "Maglev",
        "source" | "iphash" | "sourceip" => "SourceIp",
        "performance" | "performancebased" => "Performance",
        "prequal" => "Prequal",
        "reserve" => "Reserve",
        "first" | "fill" => "Fill",
        _ => return None,
    })
}

/// The blocks of parameters that a strategy reads; none for one that chooses others or is unknown.
fn blocks_of(strategy: &str) -> &'static [&'static str] {
    match canonical_strategy(strategy) {
        Some("LeastRequest") => &["leastRequest"],
        // Both draw their candidates as LeastRequest does.
        Some("PeakEwma") => &["peakEwma", "leastRequest"],
        Some("Performance") => &["performance", "peakEwma", "leastRequest"],
        Some("Prequal") => &["prequal", "peakEwma", "leastRequest"],
        Some("RingHash" | "Maglev" | "SourceIp") => &["hash", "peakEwma", "leastRequest"],
        Some("RoundRobin" | "Random" | "Reserve" | "Fill") => &["limits"],
        _ => &[],
    }
}

fn check_targets(spec: &Value, errors: &mut FieldErrors) {
    let (targets, at) = (list(spec, "targetRefs"), SPEC.child("targetRefs"));
    for (index, target) in targets.iter().enumerate() {
        let at = at.index(index);
        let (group, kind, name) = (text(target, "group"), text(target, "kind"), text(target, "name"));
        if let Some((wanted, _)) = TARGETS.iter().find(|(_, k)| *k == kind).filter(|(g, _)| *g != group) {
            errors.push(at.child("group").not_supported(group, &[wanted]));
        }
        errors.extend(at.child("name").invalid_all(name, syntax::dns1123_subdomain(name)));
        if let Some(section) = optional_text(target, "sectionName") {
            if kind == "Namespace" {
                errors.push(at.child("sectionName").forbidden("may only be set for a Service or ServiceImport"));
            } else {
                errors.extend(at.child("sectionName").invalid_all(section, syntax::dns1123_label(section)));
            }
        }
        let same = |other: &Value| ["group", "kind", "name", "sectionName"].iter().all(|f| text(other, f) == text(target, f));
        if targets[..index].iter().any(same) {
            errors.push(at.duplicate(target.clone()));
        }
    }
}

fn check_choices(spec: &Value, errors: &mut FieldErrors) {
    let choices = &spec["leastRequest"]["choices"];
    let fine = choices.is_null() || choices == "All" || choices.as_i64().is_some_and(|n| (2..=10).contains(&n));
    if !fine {
        errors.push(SPEC.child("leastRequest").child("choices").invalid(choices.clone(), "must be between 2 and 10, inclusive, or All"));
    }
}

fn check_hash(spec: &Value, errors: &mut FieldErrors) {
    let (hash, at) = (&spec["hash"], SPEC.child("hash"));
    if let Some(size) = hash["tableSize"].as_i64().filter(|n| !is_prime(*n)) {
        errors.push(at.child("tableSize").invalid(size, "must be prime"));
    }
    if let Some(load) = hash["boundedLoad"].as_i64().filter(|n| *n != 0 && !(110..=1000).contains(n)) {
        errors.push(at.child("boundedLoad").invalid(load, "must be 0 (off) or between 110 and 1000, inclusive"));
    }
    let (keys, at) = (list(hash, "keys"), at.child("keys"));
    for (index, key) in keys.iter().enumerate() {
        bounds::check(key, &[("ttl", POSITIVE)], &at.index(index), errors);
        let path = &key["path"];
        match (has(key, "cookie"), path) {
            (true, Value::Null | Value::String(_)) | (false, Value::Null | Value::Object(_)) => {}
            (true, _) => errors.push(at.index(index).child("path").invalid(path.clone(), "must be a text: the path of the cookie")),
            (false, _) => errors.push(at.index(index).child("path").invalid(path.clone(), "must be {}: the path of the request is the key")),
        }
        if has(key, "ttl") && !has(key, "cookie") {
            errors.push(at.index(index).child("ttl").forbidden("may only be set for a cookie"));
        }
        // The path of a cookie is not the path of a request.
        let named = KEYS.iter().filter(|k| has(key, k) && !(**k == "path" && has(key, "cookie"))).count();
        if named != 1 {
            errors
                .push(at.index(index).invalid(key.clone(), "must have exactly one of `header`, `cookie`, `query`, `clientIp`, `path` and `method`"));
        }
    }
    match optional_text(spec, "strategy").and_then(canonical_strategy) {
        Some(strategy @ ("Maglev" | "RingHash")) if keys.is_empty() => errors.push(at.required(format!("must be set under strategy {strategy}"))),
        Some("SourceIp") if !keys.is_empty() => {
            errors.push(at.forbidden("may not be set under strategy SourceIp, which is keyed by the client's address"))
        }
        _ => {}
    }
}

fn is_prime(n: i64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

/// Off, or a number that makes sense.
fn check_subset(spec: &Value, errors: &mut FieldErrors) {
    let size = &spec["subset"]["size"];
    if size.as_i64().is_some_and(|size| size != 0 && !(2..=10_000).contains(&size)) {
        errors.push(SPEC.child("subset").child("size").invalid(size.clone(), "must be 0 (off) or between 2 and 10000, inclusive"));
    }
}

/// Fields that must agree with one another, the effective value standing for one that is absent.
fn check_pairs(spec: &Value, errors: &mut FieldErrors) {
    let ms = |path: &str, default: u128| span_at(spec, path).map_or(default, |s| s.as_millis());
    if ms("outlier.maxTime", 30_000) < ms("outlier.baseTime", 1000) {
        errors.push(SPEC.child("outlier.maxTime").invalid(at_path(spec, "outlier.maxTime").clone(), "must not be shorter than `baseTime`"));
    }
    let real = |path: &str, default: f64| at_path(spec, path).as_f64().unwrap_or(default);
    if real("performance.memoryHigh", 90.0) > real("performance.memoryMax", 97.0) {
        errors.push(SPEC.child("performance.memoryHigh").invalid(at_path(spec, "performance.memoryHigh").clone(), "must not be above `memoryMax`"));
    }
    if real("concurrency.min", 20.0) > real("concurrency.max", 200.0) {
        errors.push(SPEC.child("concurrency.min").invalid(at_path(spec, "concurrency.min").clone(), "must not be above `max`"));
    }
    let (probes, removed) = (real("prequal.probesPerRequest", 3.0), real("prequal.removePerRequest", 1.0));
    if probes > 1.0 && removed >= probes {
        errors.push(
            SPEC.child("prequal.removePerRequest").invalid(at_path(spec, "prequal.removePerRequest").clone(), "must be below `probesPerRequest`"),
        );
    }
    if let Some(strategy @ ("Reserve" | "Fill")) = optional_text(spec, "strategy").and_then(canonical_strategy)
        && !has(&spec["limits"]["endpoint"], "maxInFlight")
    {
        errors.push(SPEC.child("limits.endpoint.maxInFlight").required(format!("must be set under strategy {strategy}")));
    }
}

#[cfg(test)]
mod tests;
