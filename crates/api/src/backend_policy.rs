//! `BackendPolicy` (fairlead.dev/v1alpha1): how one Service or one of its ports is balanced (balance spec section 12).
//!
//! Fields hold what the user wrote: numbers may be out of range, durations are text ([`crate::parse_duration`]). `compile` checks
//! them when it merges policies; a wrong one makes a diagnostic there, never a failure to decode.

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, list, object};
use crate::session::SessionPersistence;

/// A BackendPolicy.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BackendPolicy {
    /// Metadata.
    pub metadata: Meta,
    /// What it asks for.
    pub spec: BackendPolicySpec,
}

object!(BackendPolicy, "fairlead.dev", "v1alpha1", "BackendPolicy", "backendpolicies", namespaced: true);

/// `BackendPolicy.spec`; the same struct is the defaults block of the process configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendPolicySpec {
    /// Services, their ports, or Namespaces (= defaults), in its own namespace.
    #[serde(deserialize_with = "list")]
    pub target_refs: Vec<PolicyTarget>,
    /// The strategy's name or one of its synonyms.
    pub strategy: Option<Arc<str>>,
    /// Parameters of LeastRequest.
    pub least_request: Option<LeastRequest>,
    /// Parameters of PeakEwma.
    pub peak_ewma: Option<PeakEwma>,
    /// Parameters of Performance.
    pub performance: Option<Performance>,
    /// Parameters of Prequal.
    pub prequal: Option<Prequal>,
    /// Parameters of hash strategies.
    pub hash: Option<Hash>,
    /// The ramp of new endpoints.
    pub slow_start: Option<SlowStart>,
    /// The active check.
    pub health_check: Option<HealthCheck>,
    /// Passive ejection.
    pub outlier: Option<Outlier>,
    /// Limits.
    pub limits: Option<Limits>,
    /// Retries.
    pub retry_budget: Option<RetryBudget>,
    /// A second try before the first has failed.
    pub hedge: Option<Hedge>,
    /// Longest wait for requests in flight on an endpoint that leaves.
    pub drain_timeout: Option<Arc<str>>,
    /// What keeps clients of requests at their endpoints.
    pub session_persistence: Option<SessionPersistence>,
    /// Not read yet; that they are written is told.
    pub concurrency: Option<Unread>,
    /// As `concurrency`.
    pub locality: Option<Unread>,
    /// As `concurrency`.
    pub rate_limit: Option<Unread>,
    /// As `concurrency`.
    pub shed: Option<Unread>,
    /// As `concurrency`.
    pub subset: Option<Unread>,
}

/// Something that is written and not read: only that it is there is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(from).map(|_| Unread)
    }
}

/// `spec.targetRefs[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyTarget {
    /// Empty for core.
    pub group: Arc<str>,
    /// `Service`, `ServiceImport`, `Namespace`.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Name of a port.
    pub section_name: Option<Arc<str>>,
}

/// `spec.leastRequest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeastRequest {
    /// 2..=10 or `All`.
    pub choices: Option<crate::service::IntOrString>,
}

/// `spec.peakEwma`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PeakEwma {
    /// 1s..1m.
    pub decay: Option<Arc<str>>,
    /// The latency of a pool nobody has measured.
    pub default_latency: Option<Arc<str>>,
    /// `FirstByte` or `Complete`.
    pub measure: Option<Arc<str>>,
}

/// `spec.performance`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Performance {
    /// Metric names in order of preference.
    #[serde(deserialize_with = "list")]
    pub metrics: Vec<Arc<str>>,
    /// No weight from a younger reporter.
    pub blackout: Option<Arc<str>>,
    /// An older report counts no more.
    pub expiry: Option<Arc<str>>,
    /// Percent.
    pub memory_high: Option<i64>,
    /// Percent.
    pub memory_max: Option<i64>,
    /// Pass load reports on to clients.
    pub keep_response_headers: Option<bool>,
    /// `Scored` or `RoundRobin`.
    pub mode: Option<Arc<str>>,
    /// How much errors count under `RoundRobin`.
    pub error_penalty: Option<f64>,
    /// How often weights are computed under `RoundRobin`; 100ms at least.
    pub update_period: Option<Arc<str>>,
    /// Not built: that it is switched on is told.
    pub out_of_band: Option<OutOfBand>,
    /// The agent of each endpoint.
    pub agent: Option<Agent>,
}

/// `spec.performance.outOfBand`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OutOfBand {
    /// Load is asked for.
    pub enabled: Option<bool>,
}

/// `spec.performance.agent`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Its port; without one there is none.
    pub port: Option<i64>,
    /// From one question to the next.
    pub interval: Option<Arc<str>>,
}

/// `spec.hash`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hash {
    /// What a request is hashed by, at most four.
    #[serde(deserialize_with = "list")]
    pub keys: Vec<HashKey>,
    /// A prime.
    pub table_size: Option<i64>,
    /// Points on the ring.
    pub ring_size: Option<i64>,
    /// Percent of the mean; 0 is off.
    pub bounded_load: Option<i64>,
    /// Endpoints a key is spread over.
    pub subset: Option<i64>,
    /// 64..=128 for hosts, shorter for networks.
    pub ipv6_prefix: Option<i64>,
}

/// `spec.hash.keys[]`: exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HashKey {
    /// A header's name.
    pub header: Option<Arc<str>>,
    /// A cookie's name.
    pub cookie: Option<Arc<str>>,
    /// Life of a cookie that the proxy issues.
    pub ttl: Option<Arc<str>>,
    /// A cookie's path when it stands beside `cookie` as text; the path as key when it is an object.
    pub path: Option<TextOrObject>,
    /// A query parameter's name.
    pub query: Option<Arc<str>>,
    /// `{}`: the client's address.
    pub client_ip: Option<Empty>,
    /// `{}`: the method.
    pub method: Option<Empty>,
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Empty {}

/// A text, or `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum TextOrObject {
    /// A text.
    Text(Arc<str>),
    /// `{}`.
    Object(Empty),
}

/// `spec.slowStart`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SlowStart {
    /// `0s` is off.
    pub window: Option<Arc<str>>,
    /// 1 is linear.
    pub aggression: Option<f64>,
    /// Where the ramp begins.
    pub min_weight_percent: Option<i64>,
}

/// `spec.healthCheck`, and each of `Instance.spec.checks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// `http`, `tcp`, `grpc`, `exec`; absent: none.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// From one probe's start to the next.
    pub interval: Option<Arc<str>>,
    /// Longest wait for one probe.
    pub timeout: Option<Arc<str>>,
    /// Failures in a row.
    pub unhealthy_threshold: Option<i64>,
    /// Passes in a row.
    pub healthy_threshold: Option<i64>,
    /// Random part of the interval.
    pub jitter_percent: Option<i64>,
    /// Interval after the first contrary result.
    pub transition_interval: Option<Arc<str>>,
    /// `Shared` or `Node`.
    pub scope: Option<Arc<str>>,
    /// Another port than the endpoint's own.
    pub port: Option<i64>,
    /// For `http`.
    pub http: Option<HttpCheck>,
    /// For `tcp`.
    pub tcp: Option<TcpCheck>,
    /// For `grpc`.
    pub grpc: Option<GrpcCheck>,
    /// For `exec`.
    pub exec: Option<ExecCheck>,
}

/// `healthCheck.http`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpCheck {
    /// Path and query; absent: `/`.
    pub path: Option<Arc<str>>,
    /// `http` or `https`.
    pub scheme: Option<Arc<str>>,
    /// The Host field; absent: service.namespace.
    pub host: Option<Arc<str>>,
    /// `GET`, `HEAD`, `OPTIONS`.
    pub method: Option<Arc<str>>,
    /// `200-399`, `204`, `2xx`, `2xx-3xx`.
    #[serde(deserialize_with = "one_or_many")]
    pub expect: Vec<Arc<str>>,
    /// Fields to send.
    #[serde(deserialize_with = "list")]
    pub headers: Vec<HttpHeader>,
    /// A text the body must hold.
    pub expect_body: Option<Arc<str>>,
}

/// A header field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HttpHeader {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Arc<str>,
}

/// `healthCheck.tcp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TcpCheck {
    /// Sent after connecting.
    pub send: Option<Arc<str>>,
    /// Must come back.
    pub receive: Option<Arc<str>>,
}

/// `healthCheck.grpc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GrpcCheck {
    /// Empty for the whole server.
    pub service: Option<Arc<str>>,
}

/// `healthCheck.exec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ExecCheck {
    /// Program and arguments, no shell.
    #[serde(deserialize_with = "list")]
    pub command: Vec<Arc<str>>,
}

/// `spec.outlier`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Outlier {
    /// Off: never causes and never heeds a soft ejection.
    pub enabled: Option<bool>,
    /// Gateway failures in a row.
    pub consecutive_gateway: Option<i64>,
    /// 5xx in a row.
    #[serde(rename = "consecutive5xx")]
    pub consecutive_5xx: Option<i64>,
    /// 1s..10s.
    pub window: Option<Arc<str>>,
    /// Requests before the ratio counts.
    pub min_requests: Option<i64>,
    /// Failures that eject.
    pub failure_percent: Option<i64>,
    /// Count 429 as failure.
    #[serde(rename = "count429")]
    pub count_429: Option<bool>,
    /// First ejection.
    pub base_time: Option<Arc<str>>,
    /// Longest ejection.
    pub max_time: Option<Arc<str>>,
    /// Share of a pool.
    pub max_ejected_percent: Option<i64>,
    /// `LeastBad` or `Fail`.
    pub panic: Option<Arc<str>>,
    /// Off unless set.
    pub success_rate: Option<SuccessRate>,
    /// Off unless set.
    pub latency: Option<SlowOutlier>,
}

/// `spec.outlier.successRate`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SuccessRate {
    /// Standard deviations below the mean.
    pub stdev_factor: Option<f64>,
    /// Endpoints with enough requests.
    pub min_hosts: Option<i64>,
    /// Requests that are enough.
    pub min_requests: Option<i64>,
}

/// `spec.outlier.latency`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SlowOutlier {
    /// Times the median.
    pub factor: Option<f64>,
    /// And above this.
    pub floor: Option<Arc<str>>,
}

/// `spec.prequal`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prequal {
    /// Endpoints looked at per request.
    pub probes_per_request: Option<f64>,
    /// Looks taken out per request.
    pub remove_per_request: Option<f64>,
    /// Looks kept.
    pub pool_size: Option<i64>,
    /// A look that is older does not count.
    pub max_age: Option<Arc<str>>,
    /// Longest wait for a look from elsewhere.
    pub probe_timeout: Option<Arc<str>>,
    /// The quantile of requests in flight above which an endpoint is hot.
    pub hot_quantile: Option<f64>,
    /// Each request waits for looks of its own.
    pub sync: Option<bool>,
    /// `HotCold` or `Cubic`.
    pub score: Option<Arc<str>>,
}

/// `spec.limits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Per endpoint.
    pub endpoint: Option<LimitPair>,
    /// Of the whole service.
    pub service: Option<LimitPair>,
    /// Requests after which a connection is replaced.
    pub max_requests_per_connection: Option<i64>,
    /// Requests that wait for an endpoint.
    pub queue: Option<Queue>,
}

/// `spec.limits.queue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Queue {
    /// How many may wait; 0 fails at once.
    pub max_pending: Option<i64>,
    /// For how long.
    pub timeout: Option<Arc<str>>,
}

/// Two limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitPair {
    /// Open connections.
    pub max_connections: Option<i64>,
    /// Requests in flight.
    pub max_in_flight: Option<i64>,
}

/// `spec.retryBudget`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryBudget {
    /// Percent of the requests of the interval.
    pub percent: Option<i64>,
    /// The interval.
    pub interval: Option<Arc<str>>,
    /// What is always allowed.
    pub min_rate: Option<Rate>,
}

/// `spec.hedge`: exactly one of `percentile` and `delay`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hedge {
    /// Slow is who takes longer than this percentage of the service's requests.
    pub percentile: Option<f64>,
    /// Slow is who takes longer than this.
    pub delay: Option<Arc<str>>,
    /// Second tries for a hundred requests.
    pub max_extra_percent: Option<f64>,
}

/// A number per time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rate {
    /// How many.
    pub count: Option<i64>,
    /// In which time.
    pub interval: Option<Arc<str>>,
}

/// Reads a list, or one text as a list of one: Instances write `expect: 2xx-3xx`.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Arc<str>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(Arc<str>),
        Many(Vec<Arc<str>>),
    }
    Ok(match Option::deserialize(from)? {
        Some(Either::One(text)) => vec![text],
        Some(Either::Many(list)) => list,
        None => Vec::new(),
    })
}
