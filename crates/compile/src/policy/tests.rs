use std::time::Duration;

use api::decided::DecidedStatus;
use model::policy::{HashKey, Hedge, HedgeAfter, Policy, Probe, Strategy};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::testing::{delete, service, slice, upsert, world};
use crate::{Compiled, Kind};

fn two_ports(annotations: Value) -> Value {
    let mut web = service("web", json!({"clusterIP": "10.0.0.1", "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]}));
    web["metadata"]["annotations"] = annotations;
    web
}

fn policy(name: &str, year: u32, targets: Value, mut spec: Value) -> Value {
    spec["targetRefs"] = targets;
    json!({"kind": "BackendPolicy", "metadata": {"name": name, "namespace": "n", "uid": name, "generation": 3, "creationTimestamp": format!("{year}-01-01T00:00:00Z")}, "spec": spec})
}

fn web() -> Value {
    json!([{"group": "", "kind": "Service", "name": "web"}])
}

/// The policies of the ports `http` and `admin`.
fn effective(compiled: &Compiled) -> [Arc<Policy>; 2] {
    let service = &compiled.snapshot.services[&("n".into(), "web".into())];
    [0, 1].map(|port: usize| Arc::clone(&compiled.snapshot.pools[&service.ports[port].cluster].policy))
}

/// The reasons of `Accepted`, per policy and target.
fn accepted(compiled: &Compiled) -> Vec<(String, Vec<&'static str>)> {
    let reasons = |one: &api::Decided| match &one.body {
        DecidedStatus::Policy { ancestors, .. } => ancestors.iter().map(|ancestor| ancestor.conditions[0].reason).collect(),
        other => panic!("{other:?}"),
    };
    compiled.decided.iter().map(|one| (one.name.to_string(), reasons(one))).collect()
}

#[test]
fn y2_stronger_layers_win_field_by_field() {
    let (_, compiled) = world(&[
        two_ports(json!({"fairlead.dev/strategy": "random", "fairlead.dev/max-in-flight": "7", "fairlead.dev/slow-start": "10s"})),
        policy(
            "all",
            2020,
            json!([{"kind": "Namespace", "name": "n"}]),
            json!({"strategy": "RoundRobin", "drainTimeout": "1m", "slowStart": {"window": "0s"}}),
        ),
        policy("svc", 2021, web(), json!({"leastRequest": {"choices": 3}, "limits": {"endpoint": {"maxInFlight": 9}}})),
        policy("port", 2022, json!([{"kind": "Service", "name": "web", "sectionName": "admin"}]), json!({"strategy": "LeastRequest"})),
    ]);
    let [http, admin] = effective(&compiled);
    assert_eq!((http.strategy, admin.strategy), (Strategy::Random, Strategy::LeastRequest));
    for port in [&http, &admin] {
        assert_eq!((port.tuning.choices, port.limits.endpoint_in_flight, port.drain_timeout), (3, Some(9), Duration::from_secs(60)));
        assert_eq!(port.slow_start.as_ref().map(|ramp| ramp.window), Some(Duration::from_secs(10)));
    }
    let source = |field: &str| admin.sources.iter().find(|(name, _)| *name == field).map(|(_, source)| source.to_string());
    assert_eq!(source("strategy").as_deref(), Some("BackendPolicy n/port"));
    assert_eq!(source("slowStart.window").as_deref(), Some("annotation"));
    assert_eq!(source("drainTimeout").as_deref(), Some("BackendPolicy n/all"));
    assert_eq!(source("outlier.window"), None, "a default has no source");
}

#[test]
fn y2_conflicts_go_to_the_oldest_and_come_back() {
    let (mut world, first) = world(&[
        two_ports(json!({})),
        policy("young", 2022, web(), json!({"strategy": "Random"})),
        policy("old", 2020, web(), json!({"strategy": "RoundRobin"})),
    ]);
    assert_eq!(effective(&first)[0].strategy, Strategy::RoundRobin);
    assert_eq!(accepted(&first), [("old".to_owned(), vec!["Accepted"]), ("young".to_owned(), vec!["Conflicted"])]);
    world.apply(delete(Kind::BackendPolicy, "n", "old"));
    let second = world.compile(1001);
    assert_eq!(effective(&second)[0].strategy, Strategy::Random);
    assert_eq!(accepted(&second), [("young".to_owned(), vec!["Accepted"])]);
    assert_eq!(second.decided[0].generation, 3);
}

#[test]
fn y2_an_invalid_policy_is_ignored_whole_and_blocks_nobody() {
    let (_, compiled) = world(&[
        two_ports(json!({})),
        policy("bad", 2019, web(), json!({"strategy": "Random", "outlier": {"maxEjectedPercent": 101}})),
        policy("good", 2020, web(), json!({"strategy": "RoundRobin"})),
    ]);
    assert_eq!(effective(&compiled)[0].strategy, Strategy::RoundRobin);
    assert_eq!(accepted(&compiled), [("bad".to_owned(), vec!["Invalid"]), ("good".to_owned(), vec!["Accepted"])]);
}

#[test]
fn targets_that_are_missing_are_said_to_be_and_found_once_they_come() {
    let targets = json!([{"kind": "Service", "name": "web", "sectionName": "nope"}, {"kind": "Service", "name": "web"}, {"kind": "ServiceImport", "name": "web"}, {"kind": "Namespace", "name": "other"}]);
    let (mut world, first) = world(&[policy("p", 2020, targets, json!({"strategy": "Random"}))]);
    assert_eq!(accepted(&first), [("p".to_owned(), vec!["TargetNotFound"; 4])]);
    world.apply(upsert(two_ports(json!({}))));
    let second = world.compile(1001);
    assert_eq!(accepted(&second), [("p".to_owned(), vec!["TargetNotFound", "Accepted", "TargetNotFound", "TargetNotFound"])]);
    assert_eq!(effective(&second)[0].strategy, Strategy::Random);
}

#[test]
fn y5_annotations_apply_and_a_bad_one_is_a_diagnostic() {
    let (world, compiled) = world(&[two_ports(json!({
        "fairlead.dev/strategy": "peak-ewma", "fairlead.dev/hash-by": "header:X-User", "fairlead.dev/health-check": "http:/healthz",
        "fairlead.dev/slow-start": "off", "fairlead.dev/max-in-flight": "none", "fairlead.dev/outlier": "off",
    }))]);
    let [policy, _] = effective(&compiled);
    assert_eq!((policy.strategy, policy.slow_start.is_none(), policy.outlier.enabled), (Strategy::PeakEwma, true, false));
    assert_eq!(policy.tuning.hash_keys, [HashKey::Header("x-user".into())]);
    let Probe::Http { path, host, .. } = &policy.checks[0].probe else { panic!("{policy:?}") };
    assert_eq!((&**path, &**host), ("/healthz", "web.n"));
    assert_eq!(
        world.diagnostics().map(|one| one.message.to_string()).collect::<Vec<_>>(),
        ["annotation fairlead.dev/max-in-flight is \"none\": write a number above 0"]
    );
}

#[test]
fn s23_words_of_other_balancers_are_understood() {
    use super::fields::strategy;
    for (word, meaning) in [
        ("round_robin", Strategy::RoundRobin),
        ("wrr", Strategy::RoundRobin),
        ("least_conn", Strategy::LeastRequest),
        ("P2C", Strategy::LeastRequest),
        ("peak_ewma", Strategy::PeakEwma),
        ("ketama", Strategy::RingHash),
        ("hrw", Strategy::Maglev),
        ("ip_hash", Strategy::SourceIp),
        ("performance-based", Strategy::Performance),
        ("AUTO", Strategy::Auto),
    ] {
        assert_eq!(strategy(word), Ok(meaning), "{word}");
    }
    assert!(strategy("best").is_err());
}

#[test]
fn y8_client_affinity_is_source_ip_unless_a_strategy_is_set() {
    let mut web = two_ports(json!({}));
    web["spec"]["sessionAffinity"] = json!("ClientIP");
    let strategy = |web: &Value| effective(&world(std::slice::from_ref(web)).1)[0].strategy;
    assert_eq!(strategy(&web), Strategy::SourceIp);
    let affine = |web: &Value| effective(&world(std::slice::from_ref(web)).1)[0].strategy_is_affinity();
    assert!(affine(&web));
    web["metadata"]["annotations"] = json!({"fairlead.dev/strategy": "rr"});
    assert_eq!(strategy(&web), Strategy::RoundRobin);
    web["metadata"]["annotations"] = json!({"fairlead.dev/strategy": "source"});
    assert!(!affine(&web), "somebody asks for it");
}

#[test]
fn sessions_are_read_and_only_requests_have_them() {
    let (_, compiled) = world(&[two_ports(json!({})), policy("p", 2020, web(), json!({"sessionPersistence": {"cookie": {"name": "s"}}}))]);
    assert!(effective(&compiled)[0].session.is_some());
    assert_eq!(accepted(&compiled)[0].1[0], "Accepted");
    let bad = json!({"sessionPersistence": {"cookie": {"lifetimeType": "Permanent"}}});
    let (_, compiled) = world(&[two_ports(json!({})), policy("p", 2020, web(), bad)]);
    assert!(effective(&compiled)[0].session.is_none());
    assert_eq!(accepted(&compiled)[0].1[0], "Invalid");
}

#[test]
fn hash_keys_and_what_needs_them() {
    let of = |spec: Value| {
        let (_, compiled) = world(&[two_ports(json!({})), policy("p", 2020, web(), spec)]);
        (effective(&compiled)[0].clone(), accepted(&compiled)[0].1[0])
    };
    let (policy, reason) = of(
        json!({"strategy": "Maglev", "hash": {"keys": [{"cookie": "sid", "ttl": "1h", "path": "/app"}, {"path": {}}, {"clientIp": {}}, {"query": "q"}], "tableSize": 251}}),
    );
    assert_eq!((policy.strategy, policy.tuning.table_size, reason), (Strategy::Maglev, 251, "Accepted"));
    let cookie = HashKey::Cookie { name: "sid".into(), ttl_s: Some(3600), path: "/app".into() };
    assert_eq!(policy.tuning.hash_keys, [cookie, HashKey::Path, HashKey::ClientIp, HashKey::Query("q".into())]);
    for wrong in [
        json!({"strategy": "Maglev"}),
        json!({"hash": {"tableSize": 252}}),
        json!({"hash": {"keys": [{}]}}),
        json!({"hash": {"keys": [{"header": "a", "query": "b"}]}}),
        json!({"hash": {"boundedLoad": 50}}),
        json!({"strategy": "SourceIp", "hash": {"keys": [{"path": {}}]}}),
        json!({"outlier": {"baseTime": "10s", "maxTime": "5s"}}),
        json!({"slowStart": {"window": "2h"}}),
        json!({"peakEwma": {"decay": "0s"}}),
        json!({"healthCheck": {"type": "exec", "exec": {"command": []}}}),
    ] {
        assert_eq!(of(wrong.clone()).1, "Invalid", "{wrong}");
    }
}

#[test]
fn h2_an_endpoint_is_probed_once_per_distinct_check() {
    let other = service("other", json!({"clusterIP": "10.0.0.2", "ports": [{"name": "http", "port": 80}]}));
    let endpoints = json!([{"addresses": ["10.1.0.1"]}, {"addresses": ["10.1.0.2"], "conditions": {"ready": false}}, {"addresses": ["10.1.0.3"], "conditions": {"ready": false, "terminating": true}}]);
    let objects = [
        two_ports(json!({})),
        other,
        slice("web-a", "web", endpoints.clone()),
        slice("other-a", "other", endpoints),
        policy("p", 2020, json!([{"kind": "Namespace", "name": "n"}]), json!({"healthCheck": {"type": "tcp"}})),
    ];
    let (mut world, first) = world(&objects);
    assert_eq!(first.snapshot.probes.len(), 2, "two services, one probe for each endpoint that does not terminate");
    world.apply(delete(Kind::Service, "n", "other"));
    assert_eq!(world.compile(1001).snapshot.probes.len(), 2);
    world.apply(delete(Kind::Service, "n", "web"));
    assert_eq!(world.compile(1002).snapshot.probes.len(), 0);
}

#[test]
fn i6_checks_of_an_instance_are_probed_whether_a_service_selects_it_or_not() {
    let instance = json!({"kind": "Instance", "metadata": {"name": "i", "namespace": "n", "uid": "u"},
                          "spec": {"addresses": ["10.1.0.1"], "ports": [{"port": 8080}], "checks": [{"type": "http", "http": {"path": "/up"}}, {"type": "icmp"}]}});
    let (world, compiled) = world(&[instance]);
    let (key, target) = compiled.snapshot.probes.iter().next().expect("a probe");
    assert_eq!((&*key.0, key.1.to_string()), ("n/i", "10.1.0.1:8080".to_owned()));
    let Probe::Http { host, .. } = &target.check.probe else { panic!("{target:?}") };
    assert_eq!(&**host, "i.n");
    assert_eq!(world.diagnostics().map(|one| one.reason).collect::<Vec<_>>(), ["InvalidCheck"]);
}

#[test]
fn an_annotation_alone_does_not_say_what_a_strategy_needs_and_is_told() {
    for (word, more, told) in [
        ("maglev", json!({}), Some("fairlead.dev/hash-by")),
        ("ring-hash", json!({"fairlead.dev/hash-by": "client-ip"}), None),
        ("reserve", json!({}), Some("fairlead.dev/max-in-flight")),
        ("first", json!({"fairlead.dev/max-in-flight": "2"}), None),
    ] {
        let mut annotations = more;
        annotations["fairlead.dev/strategy"] = word.into();
        let (_, compiled) = world(&[two_ports(annotations)]);
        let said: Vec<_> = compiled.diagnostics.iter().filter(|one| one.reason == "StrategyIncomplete").collect();
        assert_eq!(said.len(), usize::from(told.is_some()), "{word}: {said:?}");
        assert!(said.iter().all(|one| one.message.contains(told.unwrap_or_default())), "{word}: {said:?}");
    }
}

#[test]
fn p6_what_a_policy_does_not_get_is_told_by_plane() {
    let (_, compiled) = world(&[
        two_ports(json!({})),
        policy("exact", 2020, web(), json!({"strategy": "rr", "performance": {"outOfBand": {"enabled": false}}})),
        policy(
            "less",
            2021,
            json!([{"kind": "Namespace", "name": "n"}]),
            json!({"strategy": "prequal", "subset": {"size": 4}, "shed": null,
            "prequal": {"poolSize": 64, "probeTimeout": "5ms"}, "retryBudget": {"interval": "1m"}}),
        ),
    ]);
    let said = |name: &str| {
        let one = compiled.decided.iter().find(|one| *one.name == *name).expect("decided");
        let DecidedStatus::Policy { ancestors, .. } = &one.body else { panic!("{one:?}") };
        (ancestors[0].conditions[1].reason, ancestors[0].conditions[1].message.to_string())
    };
    assert_eq!(said("exact").0, "Exact");
    let (reason, message) = said("less");
    assert_eq!(reason, "Approximated");
    assert!(message.contains("TCP: LeastRequest") && message.contains("without effect in this version: subset"), "{message}");
    for told in ["retryBudget.interval: judged by the last 10 s", "prequal.poolSize: 16 looks are kept", "prequal.probeTimeout"] {
        assert!(message.contains(told), "{message}");
    }
    assert!(!message.contains("shed"), "null is absent: {message}");
}

#[test]
fn r6_hedging_is_off_until_a_policy_says_when_a_try_is_slow() {
    let hedge = |written: serde_json::Value| {
        let (_, compiled) = world(&[two_ports(json!({})), policy("p", 2020, web(), json!({"hedge": written}))]);
        effective(&compiled)[0].hedge.ok_or_else(|| accepted(&compiled)[0].1.join(" "))
    };
    let of = |after, max_extra_percent| Ok(Hedge { after, max_extra_percent });
    assert!(hedge(json!(null)).is_err());
    assert_eq!(hedge(json!({"delay": "10ms"})), of(HedgeAfter::Delay(Duration::from_millis(10)), 2.0));
    assert_eq!(hedge(json!({"percentile": 95, "maxExtraPercent": 0.5})), of(HedgeAfter::Percentile(95.0), 0.5));
    for wrong in [
        json!({}),
        json!({"delay": "1s", "percentile": 9}),
        json!({"delay": "-1s"}),
        json!({"percentile": 100}),
        json!({"delay": "1s", "maxExtraPercent": 101}),
    ] {
        assert_eq!(hedge(wrong.clone()), Err("Invalid".to_owned()), "{wrong}");
    }
}

#[test]
fn s23_words_of_others_mean_our_strategies() {
    let limits = json!({"endpoint": {"maxInFlight": 2}});
    for (word, strategy) in [
        ("STATIC-RR", Strategy::RoundRobin),
        ("wrr", Strategy::RoundRobin),
        ("least_conn", Strategy::LeastRequest),
        ("p2c", Strategy::LeastRequest),
        ("least_time", Strategy::PeakEwma),
        ("performance-based", Strategy::Performance),
        ("first", Strategy::Fill),
        ("Reserve", Strategy::Reserve),
        ("prequal", Strategy::Prequal),
        ("ip_hash", Strategy::SourceIp),
    ] {
        let (_, compiled) = world(&[two_ports(json!({})), policy("p", 2020, web(), json!({"strategy": word, "limits": limits}))]);
        assert_eq!(effective(&compiled)[0].strategy, strategy, "{word}");
    }
    let (_, compiled) = world(&[two_ports(json!({})), policy("p", 2020, web(), json!({"strategy": "fill"}))]);
    assert_eq!(accepted(&compiled)[0].1, ["Invalid"], "without a number of slots it means nothing");
}
