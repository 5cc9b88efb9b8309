//! `Instance` and `BackendPolicy` of `fairlead.dev/v1alpha1`.

use super::{bounds, gateway};
use crate::generated::meta_v1::OBJECT_META;
use crate::table::flags::*;
use crate::table::{ANY, CUSTOM, Check, Extra, Kind::*, Message, NOTHING, Shape::*, f, x};

const GROUP: &str = "fairlead.dev";

/// Go duration text as users write it: `500ms`, `2s`, `1h30m`.
static DURATION: Extra = Extra { check: Some(&Check { max_length: 32, pattern: r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$", ..ANY }), ..NOTHING };
static NAME: Extra = Extra { check: Some(&Check { min_length: 1, max_length: 253, ..ANY }), ..NOTHING };
static TEXT: Extra = Extra { check: Some(&Check { max_length: 4096, ..ANY }), ..NOTHING };
static LINES: Extra = Extra { check: Some(&Check { max_length: 4096, max_items: 64, ..ANY }), ..NOTHING };
static PORT: Extra = Extra { check: Some(&Check { minimum: 1, maximum: 65_535, ..ANY }), ..NOTHING };
static PERCENT: Extra = Extra { check: Some(&Check { minimum: 0, maximum: 100, ..ANY }), ..NOTHING };
static COUNT: Extra = Extra { check: Some(&Check { minimum: 0, ..ANY }), ..NOTHING };
static THRESHOLD: Extra = Extra { check: Some(&Check { minimum: 1, maximum: 1000, ..ANY }), ..NOTHING };
static SECONDS: Extra = Extra { check: Some(&Check { minimum: 1, maximum: 31_536_000, ..ANY }), ..NOTHING };
static ADDRESSES: Extra = Extra { check: Some(&Check { min_items: 1, max_items: 100, min_length: 1, max_length: 253, ..ANY }), ..NOTHING };
static PORTS: Extra = Extra { check: Some(&Check { max_items: 100, ..ANY }), ..NOTHING };
static WEIGHT: Extra = Extra { default: "100", check: Some(&Check { minimum: 0, maximum: 65_535, ..ANY }), ..NOTHING };
static LABEL: Extra = Extra { check: Some(&Check { max_length: 63, pattern: "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$", ..ANY }), ..NOTHING };
static PROTOCOL: Extra = Extra { default: "\"TCP\"", check: Some(&Check { allowed: &["TCP", "UDP", "SCTP"], ..ANY }), ..NOTHING };
static CHECKS: Extra = Extra { check: Some(&Check { max_items: 8, ..ANY }), ..NOTHING };
static CHECK_TYPE: Extra = Extra { check: Some(&Check { allowed: &["http", "tcp", "grpc", "exec"], ..ANY }), ..NOTHING };
static SCOPE: Extra = Extra { check: Some(&Check { allowed: &["Shared", "Node"], ..ANY }), ..NOTHING };
static SCHEME: Extra = Extra { check: Some(&Check { allowed: &["http", "https"], ..ANY }), ..NOTHING };
static METHOD: Extra = Extra { check: Some(&Check { allowed: &["GET", "HEAD", "OPTIONS"], ..ANY }), ..NOTHING };
static TYPE_KEY: Extra = Extra { keys: &["type"], check: Some(&Check { max_items: 16, ..ANY }), ..NOTHING };
static TARGETS: Extra = Extra { check: Some(&Check { min_items: 1, max_items: 16, ..ANY }), ..NOTHING };
static TARGET_KIND: Extra = Extra { check: Some(&Check { allowed: &["Service", "ServiceImport", "Namespace"], ..ANY }), ..NOTHING };
static MEASURE: Extra = Extra { check: Some(&Check { allowed: &["FirstByte", "Complete"], ..ANY }), ..NOTHING };
static KEYS: Extra = Extra { check: Some(&Check { max_items: 4, ..ANY }), ..NOTHING };
static TABLE: Extra = Extra { check: Some(&Check { minimum: 251, maximum: 5_000_011, ..ANY }), ..NOTHING };
static PREFIX: Extra = Extra { check: Some(&Check { minimum: 1, maximum: 128, ..ANY }), ..NOTHING };
static PANIC: Extra = Extra { check: Some(&Check { allowed: &["LeastBad", "Fail"], ..ANY }), ..NOTHING };
static PREFER: Extra = Extra { check: Some(&Check { allowed: &["None", "Node", "Zone", "Region"], ..ANY }), ..NOTHING };
static LIMITED_BY: Extra = Extra { check: Some(&Check { allowed: &["None", "ClientIp", "Header"], ..ANY }), ..NOTHING };
static SPILL: Extra = Extra { check: Some(&Check { allowed: &["Capacity", "Never"], ..ANY }), ..NOTHING };

/// Every kind.
pub static KINDS: &[&Message] = &[&INSTANCE, &BACKEND_POLICY];

static INSTANCE: Message = Message {
    name: "dev.fairlead.v1alpha1.Instance",
    gvk: Some((GROUP, "v1alpha1", "Instance")),
    fields: &[
        f("apiVersion", 0, One, Str, 0),
        f("kind", 0, One, Str, 0),
        f("metadata", 0, One, Msg(&OBJECT_META), 0),
        f("spec", 0, One, Msg(&INSTANCE_SPEC), REQUIRED),
        f("status", 0, One, Msg(&INSTANCE_STATUS), 0),
    ],
    ..CUSTOM
};

static INSTANCE_SPEC: Message = Message {
    name: "dev.fairlead.v1alpha1.InstanceSpec",
    fields: &[
        x("addresses", 0, List, Str, REQUIRED, &ADDRESSES),
        x("checks", 0, List, Msg(&HEALTH_CHECK), 0, &CHECKS),
        x("hostname", 0, One, Str, 0, &LABEL),
        x("maintenance", 0, One, Str, NULLABLE, &TEXT),
        f("metadata", 0, One, Raw, OPEN),
        x("node", 0, One, Str, 0, &NAME),
        x("ports", 0, List, Msg(&INSTANCE_PORT), 0, &PORTS),
        f("retain", 0, One, Bool, 0),
        f("startFirst", 0, One, Bool, 0),
        x("ttlSeconds", 0, One, Int64, 0, &SECONDS),
        x("weight", 0, One, Int32, 0, &WEIGHT),
    ],
    ..CUSTOM
};

static INSTANCE_PORT: Message = Message {
    name: "dev.fairlead.v1alpha1.InstancePort",
    fields: &[
        x("appProtocol", 0, One, Str, 0, &NAME),
        x("name", 0, One, Str, 0, &LABEL),
        x("port", 0, One, Int32, REQUIRED, &PORT),
        x("protocol", 0, One, Str, 0, &PROTOCOL),
    ],
    ..CUSTOM
};

static INSTANCE_STATUS: Message = Message {
    name: "dev.fairlead.v1alpha1.InstanceStatus",
    fields: &[
        x("conditions", 0, List, Msg(&super::gateway::CONDITION), MAP, &TYPE_KEY),
        x("evidence", 0, List, Msg(&EVIDENCE), 0, &PORTS),
        f("observedGeneration", 0, One, Int64, 0),
        f("ready", 0, One, Bool, 0),
        x("reason", 0, One, Str, 0, &TEXT),
        f("serving", 0, One, Bool, 0),
        f("terminating", 0, One, Bool, 0),
    ],
    ..CUSTOM
};

static EVIDENCE: Message = Message {
    name: "dev.fairlead.v1alpha1.Evidence",
    fields: &[
        x("observer", 0, One, Str, 0, &TEXT),
        f("pid", 0, One, Int64, 0),
        x("proof", 0, One, Str, REQUIRED, &NAME),
        x("reason", 0, One, Str, 0, &TEXT),
        f("startTicks", 0, One, Int64, 0),
        f("time", 0, One, Time, 0),
        x("verdict", 0, One, Str, REQUIRED, &NAME),
    ],
    ..CUSTOM
};

static HEALTH_CHECK: Message = Message {
    name: "dev.fairlead.v1alpha1.HealthCheck",
    fields: &[
        f("exec", 0, One, Msg(&EXEC_CHECK), 0),
        f("grpc", 0, One, Msg(&GRPC_CHECK), 0),
        x("healthyThreshold", 0, One, Int32, 0, &THRESHOLD),
        f("http", 0, One, Msg(&HTTP_CHECK), 0),
        x("interval", 0, One, Str, 0, &DURATION),
        x("jitterPercent", 0, One, Int32, 0, &PERCENT),
        x("port", 0, One, Int32, 0, &PORT),
        x("scope", 0, One, Str, 0, &SCOPE),
        f("startFirst", 0, One, Bool, 0),
        f("tcp", 0, One, Msg(&TCP_CHECK), 0),
        x("timeout", 0, One, Str, 0, &DURATION),
        x("transitionInterval", 0, One, Str, 0, &DURATION),
        x("type", 0, One, Str, 0, &CHECK_TYPE),
        x("unhealthyThreshold", 0, One, Int32, 0, &THRESHOLD),
    ],
    ..CUSTOM
};

static HTTP_CHECK: Message = Message {
    name: "dev.fairlead.v1alpha1.HTTPCheck",
    fields: &[
        // A list, or one text as Instances of Rancher's users write it.
        f("expect", 0, One, Raw, 0),
        x("expectBody", 0, One, Str, 0, &TEXT),
        x("headers", 0, List, Msg(&HEADER), 0, &PORTS),
        x("host", 0, One, Str, 0, &NAME),
        x("method", 0, One, Str, 0, &METHOD),
        x("path", 0, One, Str, 0, &TEXT),
        x("scheme", 0, One, Str, 0, &SCHEME),
    ],
    ..CUSTOM
};

static HEADER: Message =
    Message { name: "dev.fairlead.v1alpha1.Header", fields: &[x("name", 0, One, Str, REQUIRED, &NAME), x("value", 0, One, Str, 0, &TEXT)], ..CUSTOM };

static TCP_CHECK: Message =
    Message { name: "dev.fairlead.v1alpha1.TCPCheck", fields: &[x("receive", 0, One, Str, 0, &TEXT), x("send", 0, One, Str, 0, &TEXT)], ..CUSTOM };

static GRPC_CHECK: Message = Message { name: "dev.fairlead.v1alpha1.GRPCCheck", fields: &[x("service", 0, One, Str, 0, &TEXT)], ..CUSTOM };

static EXEC_CHECK: Message = Message { name: "dev.fairlead.v1alpha1.ExecCheck", fields: &[x("command", 0, List, Str, 0, &LINES)], ..CUSTOM };

static BACKEND_POLICY: Message = Message {
    name: "dev.fairlead.v1alpha1.BackendPolicy",
    gvk: Some((GROUP, "v1alpha1", "BackendPolicy")),
    fields: &[
        f("apiVersion", 0, One, Str, 0),
        f("kind", 0, One, Str, 0),
        f("metadata", 0, One, Msg(&OBJECT_META), 0),
        f("spec", 0, One, Msg(&BACKEND_POLICY_SPEC), REQUIRED),
        // Written by control alone and read by people; free in form while it grows.
        f("status", 0, One, Raw, OPEN),
    ],
    ..CUSTOM
};

static BACKEND_POLICY_SPEC: Message = Message {
    name: "dev.fairlead.v1alpha1.BackendPolicySpec",
    fields: &[
        f("concurrency", 0, One, Msg(&CONCURRENCY), 0),
        x("drainTimeout", 0, One, Str, 0, &DURATION),
        f("hash", 0, One, Msg(&HASH), 0),
        f("healthCheck", 0, One, Msg(&HEALTH_CHECK), 0),
        f("hedge", 0, One, Msg(&HEDGE), 0),
        f("leastRequest", 0, One, Msg(&LEAST_REQUEST), 0),
        f("limits", 0, One, Msg(&LIMITS), 0),
        f("locality", 0, One, Msg(&LOCALITY), 0),
        f("outlier", 0, One, Msg(&OUTLIER), 0),
        f("peakEwma", 0, One, Msg(&PEAK_EWMA), 0),
        f("performance", 0, One, Msg(&PERFORMANCE), 0),
        f("prequal", 0, One, Msg(&PREQUAL), 0),
        f("rateLimit", 0, One, Msg(&RATE_LIMIT), 0),
        f("retryBudget", 0, One, Msg(&RETRY_BUDGET), 0),
        f("sessionPersistence", 0, One, Msg(&SESSION_PERSISTENCE), 0),
        f("shed", 0, One, Msg(&SHED), 0),
        f("slowStart", 0, One, Msg(&SLOW_START), 0),
        x("strategy", 0, One, Str, 0, &NAME),
        f("subset", 0, One, Msg(&SUBSET), 0),
        x("targetRefs", 0, List, Msg(&TARGET), REQUIRED, &TARGETS),
    ],
    ..CUSTOM
};

/// As that of Gateway API, with what v1.7 has taken out again.
static SESSION_PERSISTENCE: Message = Message {
    name: "dev.fairlead.v1alpha1.SessionPersistence",
    fields: &[
        x("absoluteTimeout", 0, One, Str, 0, &bounds::X69),
        f("cookie", 0, One, Msg(&gateway::COOKIE_CONFIG), 0),
        f("header", 0, One, Msg(&gateway::HEADER_CONFIG), 0),
        x("idleTimeout", 0, One, Str, 0, &bounds::X69),
        x("type", 0, One, Str, 0, &bounds::X72),
    ],
    ..CUSTOM
};

static TARGET: Message = Message {
    name: "dev.fairlead.v1alpha1.PolicyTarget",
    fields: &[
        x("group", 0, One, Str, 0, &TEXT),
        x("kind", 0, One, Str, REQUIRED, &TARGET_KIND),
        x("name", 0, One, Str, REQUIRED, &NAME),
        x("sectionName", 0, One, Str, 0, &NAME),
    ],
    ..CUSTOM
};

static LEAST_REQUEST: Message = Message { name: "dev.fairlead.v1alpha1.LeastRequest", fields: &[f("choices", 0, One, IntOrString, 0)], ..CUSTOM };

static PEAK_EWMA: Message = Message {
    name: "dev.fairlead.v1alpha1.PeakEwma",
    fields: &[x("decay", 0, One, Str, 0, &DURATION), x("defaultLatency", 0, One, Str, 0, &DURATION), x("measure", 0, One, Str, 0, &MEASURE)],
    ..CUSTOM
};

static HASH: Message = Message {
    name: "dev.fairlead.v1alpha1.Hash",
    fields: &[
        x("boundedLoad", 0, One, Int32, 0, &COUNT),
        x("ipv6Prefix", 0, One, Int32, 0, &PREFIX),
        x("keys", 0, List, Msg(&KEY), 0, &KEYS),
        x("ringSize", 0, One, Int32, 0, &COUNT),
        x("subset", 0, One, Int32, 0, &COUNT),
        x("tableSize", 0, One, Int32, 0, &TABLE),
    ],
    ..CUSTOM
};

static KEY: Message = Message {
    name: "dev.fairlead.v1alpha1.HashKey",
    fields: &[
        f("clientIp", 0, One, Msg(&EMPTY), 0),
        x("cookie", 0, One, Str, 0, &NAME),
        x("header", 0, One, Str, 0, &NAME),
        f("method", 0, One, Msg(&EMPTY), 0),
        // Of a cookie it is a text, as a key of its own `{}`.
        f("path", 0, One, Raw, 0),
        x("query", 0, One, Str, 0, &NAME),
        x("ttl", 0, One, Str, 0, &DURATION),
    ],
    ..CUSTOM
};

static EMPTY: Message = Message { name: "dev.fairlead.v1alpha1.Empty", fields: &[], ..CUSTOM };

static PERFORMANCE: Message = Message {
    name: "dev.fairlead.v1alpha1.Performance",
    fields: &[
        f("agent", 0, One, Msg(&AGENT), 0),
        x("blackout", 0, One, Str, 0, &DURATION),
        f("errorPenalty", 0, One, Float, 0),
        x("expiry", 0, One, Str, 0, &DURATION),
        f("keepResponseHeaders", 0, One, Bool, 0),
        x("memoryHigh", 0, One, Int32, 0, &PERCENT),
        x("memoryMax", 0, One, Int32, 0, &PERCENT),
        x("metrics", 0, List, Str, 0, &LINES),
        f("mode", 0, One, Str, 0),
        f("outOfBand", 0, One, Msg(&OUT_OF_BAND), 0),
        x("updatePeriod", 0, One, Str, 0, &DURATION),
    ],
    ..CUSTOM
};

static AGENT: Message =
    Message { name: "dev.fairlead.v1alpha1.Agent", fields: &[x("interval", 0, One, Str, 0, &DURATION), f("port", 0, One, Int32, 0)], ..CUSTOM };

static OUT_OF_BAND: Message = Message {
    name: "dev.fairlead.v1alpha1.OutOfBand",
    fields: &[f("enabled", 0, One, Bool, 0), x("period", 0, One, Str, 0, &DURATION), f("port", 0, One, Int32, 0)],
    ..CUSTOM
};

static PREQUAL: Message = Message {
    name: "dev.fairlead.v1alpha1.Prequal",
    fields: &[
        f("hotQuantile", 0, One, Float, 0),
        x("maxAge", 0, One, Str, 0, &DURATION),
        f("poolSize", 0, One, Int32, 0),
        x("probeTimeout", 0, One, Str, 0, &DURATION),
        f("probesPerRequest", 0, One, Float, 0),
        f("removePerRequest", 0, One, Float, 0),
        f("score", 0, One, Str, 0),
        f("sync", 0, One, Bool, 0),
    ],
    ..CUSTOM
};

static SUBSET: Message = Message { name: "dev.fairlead.v1alpha1.Subset", fields: &[f("size", 0, One, Int32, 0)], ..CUSTOM };

static SUCCESS_RATE: Message = Message {
    name: "dev.fairlead.v1alpha1.SuccessRate",
    fields: &[x("minHosts", 0, One, Int32, 0, &COUNT), x("minRequests", 0, One, Int32, 0, &COUNT), f("stdevFactor", 0, One, Float, 0)],
    ..CUSTOM
};

static SLOW_OUTLIER: Message =
    Message { name: "dev.fairlead.v1alpha1.SlowOutlier", fields: &[f("factor", 0, One, Float, 0), x("floor", 0, One, Str, 0, &DURATION)], ..CUSTOM };

static HEDGE: Message = Message {
    name: "dev.fairlead.v1alpha1.Hedge",
    fields: &[x("delay", 0, One, Str, 0, &DURATION), f("maxExtraPercent", 0, One, Float, 0), f("percentile", 0, One, Float, 0)],
    ..CUSTOM
};

static CONCURRENCY: Message = Message {
    name: "dev.fairlead.v1alpha1.Concurrency",
    fields: &[
        f("max", 0, One, Int32, 0),
        f("min", 0, One, Int32, 0),
        f("mode", 0, One, Str, 0),
        f("smoothing", 0, One, Float, 0),
        f("tolerance", 0, One, Float, 0),
    ],
    ..CUSTOM
};

static SHED: Message = Message {
    name: "dev.fairlead.v1alpha1.Shed",
    fields: &[
        x("criticalHeader", 0, One, Str, 0, &NAME),
        f("k", 0, One, Float, 0),
        f("maxPercent", 0, One, Int32, 0),
        x("window", 0, One, Str, 0, &DURATION),
    ],
    ..CUSTOM
};

static RATE_LIMIT: Message = Message {
    name: "dev.fairlead.v1alpha1.RateLimit",
    fields: &[
        f("burst", 0, One, Int32, 0),
        x("header", 0, One, Str, 0, &NAME),
        x("key", 0, One, Str, 0, &LIMITED_BY),
        x("per", 0, One, Str, 0, &DURATION),
        f("requests", 0, One, Int32, REQUIRED),
        f("scope", 0, One, Str, 0),
    ],
    ..CUSTOM
};

static SLOW_START: Message = Message {
    name: "dev.fairlead.v1alpha1.SlowStart",
    fields: &[f("aggression", 0, One, Float, 0), x("minWeightPercent", 0, One, Int32, 0, &PERCENT), x("window", 0, One, Str, 0, &DURATION)],
    ..CUSTOM
};

static LOCALITY: Message =
    Message { name: "dev.fairlead.v1alpha1.Locality", fields: &[x("prefer", 0, One, Str, 0, &PREFER), x("spill", 0, One, Str, 0, &SPILL)], ..CUSTOM };

static OUTLIER: Message = Message {
    name: "dev.fairlead.v1alpha1.Outlier",
    fields: &[
        x("baseTime", 0, One, Str, 0, &DURATION),
        x("consecutive5xx", 0, One, Int32, 0, &COUNT),
        x("consecutiveGateway", 0, One, Int32, 0, &COUNT),
        f("count429", 0, One, Bool, 0),
        f("enabled", 0, One, Bool, 0),
        x("failurePercent", 0, One, Int32, 0, &PERCENT),
        f("latency", 0, One, Msg(&SLOW_OUTLIER), 0),
        x("maxEjectedPercent", 0, One, Int32, 0, &PERCENT),
        x("maxTime", 0, One, Str, 0, &DURATION),
        x("minRequests", 0, One, Int32, 0, &COUNT),
        x("panic", 0, One, Str, 0, &PANIC),
        f("successRate", 0, One, Msg(&SUCCESS_RATE), 0),
        x("window", 0, One, Str, 0, &DURATION),
    ],
    ..CUSTOM
};

static LIMITS: Message = Message {
    name: "dev.fairlead.v1alpha1.Limits",
    fields: &[
        f("endpoint", 0, One, Msg(&LIMIT_PAIR), 0),
        x("maxRequestsPerConnection", 0, One, Int64, 0, &COUNT),
        f("queue", 0, One, Msg(&QUEUE), 0),
        f("service", 0, One, Msg(&LIMIT_PAIR), 0),
    ],
    ..CUSTOM
};

static LIMIT_PAIR: Message = Message {
    name: "dev.fairlead.v1alpha1.LimitPair",
    fields: &[x("maxConnections", 0, One, Int64, 0, &COUNT), x("maxInFlight", 0, One, Int64, 0, &COUNT)],
    ..CUSTOM
};

static QUEUE: Message = Message {
    name: "dev.fairlead.v1alpha1.Queue",
    fields: &[x("maxPending", 0, One, Int64, 0, &COUNT), x("timeout", 0, One, Str, 0, &DURATION)],
    ..CUSTOM
};

static RETRY_BUDGET: Message = Message {
    name: "dev.fairlead.v1alpha1.RetryBudget",
    fields: &[x("interval", 0, One, Str, 0, &DURATION), f("minRate", 0, One, Msg(&RATE), 0), x("percent", 0, One, Int32, 0, &PERCENT)],
    ..CUSTOM
};

static RATE: Message = Message {
    name: "dev.fairlead.v1alpha1.Rate",
    fields: &[x("count", 0, One, Int64, 0, &COUNT), x("interval", 0, One, Str, 0, &DURATION)],
    ..CUSTOM
};
