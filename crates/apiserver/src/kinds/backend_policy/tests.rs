use serde_json::json;

use super::super::testing::texts as messages;
use super::*;

fn policy(extra: Value) -> Value {
    let mut object = json!({"metadata": {"name": "p"}, "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "web"}]}});
    for (field, value) in extra.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    object
}

fn refused(extra: Value) -> Vec<String> {
    let mut object = policy(extra);
    BackendPolicy.defaults(&mut object);
    messages(&BackendPolicy.validate_create(&object, &Settings::default()))
}

#[test]
fn each_rule_names_its_field() {
    for (extra, want) in [
        (json!({"targetRefs": []}), "spec.targetRefs: Invalid value: 0: spec.targetRefs in body should have at least 1 items"),
        (
            json!({"targetRefs": [{"group": "", "kind": "Pod", "name": "a"}]}),
            "spec.targetRefs[0].kind: Unsupported value: \"Pod\": supported values: \"Service\", \"ServiceImport\", \"Namespace\"",
        ),
        (
            json!({"targetRefs": [{"group": "", "kind": "Namespace", "name": "a", "sectionName": "x"}]}),
            "spec.targetRefs[0].sectionName: Forbidden: may only be set for a Service or ServiceImport",
        ),
        (
            json!({"healthCheck": {"type": "tcp", "port": 65536}}),
            "spec.healthCheck.port: Invalid value: 65536: spec.healthCheck.port in body should be less than or equal to 65535",
        ),
        (
            json!({"outlier": {"maxEjectedPercent": 101}}),
            "spec.outlier.maxEjectedPercent: Invalid value: 101: spec.outlier.maxEjectedPercent in body should be less than or equal to 100",
        ),
        (json!({"outlier": {"window": "11s"}}), "spec.outlier.window: Invalid value: \"11s\": must be between 1s and 10s, inclusive"),
        (json!({"outlier": {"maxTime": "500ms"}}), "spec.outlier.maxTime: Invalid value: \"500ms\": must not be shorter than `baseTime`"),
        (json!({"leastRequest": {"choices": 1}}), "spec.leastRequest.choices: Invalid value: 1: must be between 2 and 10, inclusive, or All"),
        (json!({"hash": {"tableSize": 65536}}), "spec.hash.tableSize: Invalid value: 65536: must be prime"),
        (
            json!({"hash": {"tableSize": 250}}),
            "spec.hash.tableSize: Invalid value: 250: spec.hash.tableSize in body should be greater than or equal to 251",
        ),
        (json!({"hash": {"boundedLoad": 105}}), "spec.hash.boundedLoad: Invalid value: 105: must be 0 (off) or between 110 and 1000, inclusive"),
        (json!({"strategy": "maglev"}), "spec.hash.keys: Required value: must be set under strategy Maglev"),
        (
            json!({"strategy": "ip_hash", "hash": {"keys": [{"query": "q"}]}}),
            "spec.hash.keys: Forbidden: may not be set under strategy SourceIp, which is keyed by the client's address",
        ),
        (json!({"strategy": "first"}), "spec.limits.endpoint.maxInFlight: Required value: must be set under strategy Fill"),
        (json!({"slowStart": {"window": "1.5s"}}), "spec.slowStart.window: Invalid value: \"1.5s\": must be a duration such as 500ms, 10s or 1m30s"),
        (json!({"drainTimeout": "0s"}), "spec.drainTimeout: Invalid value: \"0s\": must be between 1ms and 1h, inclusive"),
        (json!({"drainTimeout": "2h"}), "spec.drainTimeout: Invalid value: \"2h\": must be between 1ms and 1h, inclusive"),
        (
            json!({"hash": {"keys": [{"cookie": "c", "ttl": "0s"}]}}),
            "spec.hash.keys[0].ttl: Invalid value: \"0s\": must be between 1ms and 24h, inclusive",
        ),
        (
            json!({"hash": {"keys": [{"path": {}}, {"path": "/a"}]}}),
            "spec.hash.keys[1].path: Invalid value: \"/a\": must be {}: the path of the request is the key",
        ),
        (json!({"hash": {"keys": [{"header": "x", "ttl": "1s"}]}}), "spec.hash.keys[0].ttl: Forbidden: may only be set for a cookie"),
        (json!({"hash": {"subset": 17}}), "spec.hash.subset: Invalid value: 17: must be between 0 and 16, inclusive"),
        (json!({"subset": {"size": 1}}), "spec.subset.size: Invalid value: 1: must be 0 (off) or between 2 and 10000, inclusive"),
        (
            json!({"outlier": {"successRate": {"stdevFactor": -1}}}),
            "spec.outlier.successRate.stdevFactor: Invalid value: -1: must be between 0.1 and 100, inclusive",
        ),
        (json!({"outlier": {"latency": {"factor": 1}}}), "spec.outlier.latency.factor: Invalid value: 1: must be between 1.01 and 1000, inclusive"),
        (
            json!({"locality": {"prefer": "Moon"}}),
            "spec.locality.prefer: Unsupported value: \"Moon\": supported values: \"None\", \"Node\", \"Zone\", \"Region\"",
        ),
        (json!({"prequal": {"removePerRequest": 3}}), "spec.prequal.removePerRequest: Invalid value: 3: must be below `probesPerRequest`"),
        (json!({"hedge": {}}), "spec.hedge: Invalid value: {}: must have exactly one of `percentile` and `delay`"),
    ] {
        assert_eq!(refused(extra), [want]);
    }
}

#[test]
fn the_defaults_of_the_specification_are_valid() {
    let all = json!({
        "strategy": "Auto", "leastRequest": {"choices": 2}, "peakEwma": {"decay": "10s", "defaultLatency": "30ms", "measure": "FirstByte"},
        "performance": {"mode": "Scored", "metrics": [], "updatePeriod": "1s", "blackout": "10s", "expiry": "180s", "errorPenalty": 1.0, "memoryHigh": 90, "memoryMax": 97,
                        "outOfBand": {"enabled": false, "period": "10s"}, "agent": {"interval": "2s"}},
        "prequal": {"probesPerRequest": 3, "removePerRequest": 1, "poolSize": 16, "maxAge": "1s", "hotQuantile": 0.84, "probeTimeout": "3ms", "sync": false, "score": "HotCold"},
        "hash": {"keys": [], "tableSize": 65537, "boundedLoad": 0, "subset": 0, "ipv6Prefix": 64},
        "slowStart": {"window": "30s", "aggression": 1.0, "minWeightPercent": 10}, "locality": {"spill": "Capacity"}, "subset": {"size": 0},
        "healthCheck": {"interval": "2s", "timeout": "2s", "unhealthyThreshold": 3, "healthyThreshold": 2, "jitterPercent": 10, "transitionInterval": "1s", "scope": "Shared", "http": {"path": "/", "method": "GET", "expect": ["200-399"], "headers": []},
                        "tcp": {}, "grpc": {"service": ""}, "exec": {"command": []}},
        "outlier": {"enabled": true, "consecutiveGateway": 5, "consecutive5xx": 0, "window": "10s", "minRequests": 20, "failurePercent": 50, "count429": false, "baseTime": "1s", "maxTime": "30s",
                    "maxEjectedPercent": 50, "panic": "LeastBad"},
        "limits": {"queue": {"maxPending": 128, "timeout": "1s"}},
        "retryBudget": {"percent": 20, "interval": "10s", "minRate": {"count": 10, "interval": "1s"}}, "drainTimeout": "30s"});
    assert_eq!(refused(all), Vec::<String>::new());
    assert!(refused(json!({"strategy": "NoSuchStrategy"})).is_empty(), "an unknown strategy is for the status to tell");
    assert!(refused(json!({"leastRequest": {"choices": "All"}, "slowStart": {"window": "0s"}})).is_empty());
    assert!(refused(json!({"strategy": "ketama", "hash": {"keys": [{"cookie": "c", "ttl": "1h", "path": "/"}, {"clientIp": {}}]}})).is_empty());
}

#[test]
fn a_block_of_another_strategy_is_warned_of() {
    let warnings = |extra: Value| BackendPolicy.warnings(&policy(extra), None);
    assert_eq!(warnings(json!({"strategy": "LeastRequest", "prequal": {}})), ["spec.prequal has no effect under strategy LeastRequest"]);
    assert!(warnings(json!({"strategy": "PeakEwma", "leastRequest": {}})).is_empty());
    assert_eq!(warnings(json!({"healthCheck": {"interval": "1s"}})), ["spec.healthCheck has no effect without a type: http, tcp, grpc or exec"]);
    assert!(warnings(json!({"strategy": "Auto", "prequal": {}})).is_empty() && warnings(json!({"prequal": {}})).is_empty());
}

#[test]
fn rows_show_strategy_target_and_verdict() {
    let mut object = policy(json!({"strategy": "LeastRequest"}));
    object["status"] = json!({"ancestors": [{"conditions": [{"type": "Accepted", "status": "True"}]}]});
    let row = BackendPolicy.row(&object, Timestamp::UNIX_EPOCH);
    assert_eq!(row[1..4], [json!("LeastRequest"), json!("Service/web"), json!("True")]);
    assert_eq!(BackendPolicy.row(&policy(json!({})), Timestamp::UNIX_EPOCH)[1..4], [json!("Auto"), json!("Service/web"), Value::Null]);
}
