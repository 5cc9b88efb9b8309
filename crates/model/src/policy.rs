//! How a service is balanced, checked and protected: the merged result of BackendPolicies, annotations and defaults
//! (balance spec section 12). `compile` resolves it, `balance` and the planes obey it.

use std::sync::Arc;
use std::time::Duration;

use crate::session::Session;

/// The effective policy of a service port.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How to choose.
    pub strategy: Strategy,
    /// Parameters of the strategies, all of them, whichever is in force.
    pub tuning: Tuning,
    /// Active checks, at most one per type.
    pub checks: Vec<Check>,
    /// Passive ejection.
    pub outlier: Outlier,
    /// The ramp of new endpoints; `None` is off.
    pub slow_start: Option<SlowStart>,
    /// Connection and request limits.
    pub limits: Limits,
    /// Retries per service and process.
    pub retry_budget: RetryBudget,
    /// A second try before the first has failed; `None` is off.
    pub hedge: Option<Hedge>,
    /// Longest wait for requests in flight on an endpoint that leaves.
    pub drain_timeout: Duration,
    /// What keeps clients of requests at their endpoints.
    pub session: Option<Arc<Session>>,
    /// Where each field came from: (field, source object or `default`), for tables.
    pub sources: Vec<(&'static str, Arc<str>)>,
}

/// The strategies of balance spec section 3 that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Chosen by what is balanced: peak EWMA for HTTP, least connections for opaque TCP, random for UDP; Maglev with a hash key.
    Auto,
    /// Smooth weighted round robin, exact.
    RoundRobin,
    /// Weighted random.
    Random,
    /// Power of d choices on requests in flight.
    LeastRequest,
    /// Power of d choices on latency times load.
    PeakEwma,
    /// Consistent ring.
    RingHash,
    /// Maglev table by hash key.
    Maglev,
    /// Maglev keyed by the client's address.
    SourceIp,
    /// Peak EWMA with weights from the load that instances report.
    Performance,
    /// Hot and cold by requests in flight, then latency, over a pool of recent looks.
    Prequal,
    /// Any endpoint with a free slot; never more than its limit.
    Reserve,
    /// The first endpoint in a stable order with a free slot.
    Fill,
}

/// Parameters of strategies (units in the names; defaults from balance spec section 12).
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Least request: how many are drawn, 2..=10; 0 means all.
    pub choices: u8,
    /// Peak EWMA: time constant of the latency estimate.
    pub decay: Duration,
    /// Peak EWMA: the latency of a pool nobody has measured.
    pub default_latency: Duration,
    /// Measure to the last byte instead of the response head.
    pub measure_complete: bool,
    /// Keys of hash strategies, in order; all that are present are concatenated.
    pub hash_keys: Vec<HashKey>,
    /// Maglev table size, a prime.
    pub table_size: u32,
    /// Ring points; 0 means max(1024, 100 n).
    pub ring_size: u32,
    /// Percent of the mean an endpoint may carry before its keys move on; 0 is off.
    pub bounded_load_percent: u16,
    /// Endpoints that a key is spread over; 0 and 1 are one.
    pub hash_subset: u8,
    /// Prefix length that IPv6 clients are keyed by.
    pub ipv6_prefix: u8,
    /// Performance: weighted round robin by reported rates instead of a score (gRFC A58).
    pub by_rates: bool,
    /// The agent of each endpoint that is asked for its weight and state.
    pub agent: Option<Agent>,
    /// Performance by rates: how often weights are computed anew.
    pub update_period: Duration,
    /// Performance by rates: how much errors count.
    pub error_penalty: f32,
    /// Performance: metric names in order of preference; empty means application, else CPU.
    pub metrics: Vec<Arc<str>>,
    /// Performance: no weight from a report younger than this after the first one.
    pub blackout: Duration,
    /// Performance: a report older than this counts no more.
    pub expiry: Duration,
    /// Performance: memory percentage that halves the weight.
    pub memory_high: u8,
    /// Performance: memory percentage that takes the endpoint out while another is usable.
    pub memory_max: u8,
    /// Prequal.
    pub prequal: Prequal,
    /// Pass load reports on to clients instead of stripping them.
    pub keep_response_headers: bool,
}

/// Where and how often the agents of endpoints are asked (balance spec S15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The port that it listens on, at the endpoint's address.
    pub port: u16,
    /// From one question to the next.
    pub interval: Duration,
}

/// Parameters of [`Strategy::Prequal`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prequal {
    /// Endpoints looked at per request.
    pub probes_per_request: f32,
    /// Looks taken out of the pool per request.
    pub remove_per_request: f32,
    /// Looks kept, at most.
    pub pool_size: u8,
    /// A look that is older does not count.
    pub max_age: Duration,
    /// Endpoints above this quantile of requests in flight are hot.
    pub hot_quantile: f32,
    /// Each request chooses among looks of its own, taken for it; nothing is kept (the paper's synchronous mode).
    pub sync: bool,
    /// One score of latency and load in the place of hot and cold.
    pub cubic: bool,
}

impl Default for Prequal {
    fn default() -> Self {
        Self {
            probes_per_request: 3.0,
            remove_per_request: 1.0,
            pool_size: 16,
            max_age: Duration::from_secs(1),
            hot_quantile: 0.84,
            sync: false,
            cubic: false,
        }
    }
}

/// What a request is hashed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HashKey {
    /// A header, by lower-case name.
    Header(Arc<str>),
    /// A cookie; with a ttl the proxy issues it when absent (0 = session cookie).
    Cookie {
        /// Its name.
        name: Arc<str>,
        /// Life of an issued cookie in seconds.
        ttl_s: Option<u64>,
        /// Path of an issued cookie.
        path: Arc<str>,
    },
    /// The first value of a query parameter.
    Query(Arc<str>),
    /// The client's address.
    ClientIp,
    /// The path.
    Path,
    /// The method.
    Method,
}

/// An active health check (balance spec section 7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// What is asked.
    pub probe: Probe,
    /// From one probe's start to the next.
    pub interval: Duration,
    /// Longest wait for one probe.
    pub timeout: Duration,
    /// Failures in a row that take an endpoint out.
    pub unhealthy_threshold: u32,
    /// Passes in a row that bring it back.
    pub healthy_threshold: u32,
    /// Interval after the first contrary result, until settled.
    pub transition_interval: Duration,
    /// Random part of the interval, in percent.
    pub jitter_percent: u8,
    /// Another port than the endpoint's own.
    pub port: Option<u16>,
}

/// The question of a [`Check`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// An HTTP request on a new connection.
    Http {
        /// `GET`, `HEAD` or `OPTIONS`.
        method: Arc<str>,
        /// Path and query.
        path: Arc<str>,
        /// The Host field; `service.namespace` unless set.
        host: Arc<str>,
        /// Inclusive status ranges that pass.
        expect: Vec<(u16, u16)>,
        /// Fields to send.
        headers: Vec<(Arc<str>, Arc<str>)>,
        /// A text the first 4 KiB of the body must hold.
        expect_body: Option<Arc<str>>,
        /// Over TLS, certificates not verified.
        tls: bool,
    },
    /// A TCP connect, optionally with a line to send and a text to receive.
    Tcp {
        /// Sent after connecting.
        send: Option<Arc<str>>,
        /// Must be contained in what comes back.
        receive: Option<Arc<str>>,
    },
    /// `grpc.health.v1.Health/Check`.
    Grpc {
        /// The service asked for, empty for the server.
        service: Arc<str>,
        /// The authority; `service.namespace` unless set.
        host: Arc<str>,
    },
    /// A line of the agent at the check's port, in HAProxy's dialect. No verdict: it says its weight and state itself.
    Agent {
        /// A weight counts for so long after the last line.
        expiry: Duration,
    },
    /// A program that is run on the endpoint's own node, without a shell; exit status 0 passes.
    Exec {
        /// The program and its arguments.
        command: Vec<Arc<str>>,
    },
}

/// Passive ejection (balance spec section 8).
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// Off means: never causes and never heeds a soft ejection.
    pub enabled: bool,
    /// Connect errors, resets before the head, timeouts, 502, 503, 504 in a row; 0 is off.
    pub consecutive_gateway: u32,
    /// 5xx in a row; 0 is off.
    pub consecutive_5xx: u32,
    /// Window of the ratio rule, 1 s to 10 s.
    pub window: Duration,
    /// Requests in the window before the ratio counts.
    pub min_requests: u32,
    /// Percent of failures that ejects, if also three times the others' median.
    pub failure_percent: u8,
    /// Count 429 as a failure in the ratio.
    pub count_429: bool,
    /// First ejection; doubles per failed trial.
    pub base_time: Duration,
    /// Longest ejection.
    pub max_time: Duration,
    /// Share of a pool that may be ejected by soft evidence.
    pub max_ejected_percent: u8,
    /// Eject by success rate far below the others'; off unless set.
    pub success_rate: Option<SuccessRate>,
    /// Eject by latency far above the others'; off unless set.
    pub latency: Option<Slow>,
    /// With nothing usable: answer 503 instead of trying the least bad.
    pub panic_fail: bool,
}

/// The rule of success rates (gRFC A50).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuccessRate {
    /// Out is who is below the mean by so many standard deviations.
    pub stdev_factor: f32,
    /// Endpoints with enough requests before it counts.
    pub min_hosts: u32,
    /// Requests in ten seconds that are enough.
    pub min_requests: u32,
}

/// The rule of latencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slow {
    /// Out is who is above the pool's median so many times, for ten seconds.
    pub factor: f32,
    /// And above this.
    pub floor: Duration,
}

/// The ramp of an endpoint that is new or comes back (balance spec C1).
#[derive(Clone, Debug, PartialEq)]
pub struct SlowStart {
    /// Time to full weight.
    pub window: Duration,
    /// Exponent: 1 is linear.
    pub aggression: f64,
    /// Where the ramp begins.
    pub min_weight_percent: u8,
}

/// Limits; `None` is unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections per endpoint.
    pub endpoint_connections: Option<u32>,
    /// Requests in flight per endpoint.
    pub endpoint_in_flight: Option<u32>,
    /// Open connections of the service.
    pub service_connections: Option<u32>,
    /// Requests in flight of the service.
    pub service_in_flight: Option<u32>,
    /// Requests after which an upstream connection is replaced.
    pub requests_per_connection: Option<u32>,
    /// Requests of the service that may wait for an endpoint; 0 fails at once.
    pub pending_max: u32,
    /// Longest wait for an endpoint.
    pub pending_timeout: Duration,
}

/// The token bucket of retries (balance spec R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    /// Percent of the requests of the interval.
    pub percent: u8,
    /// The interval.
    pub interval: Duration,
    /// Retries a second that are always allowed.
    pub min_per_second: u32,
}

/// A second try at another endpoint when the first is slow to answer (balance spec R6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    /// What slow means.
    pub after: HedgeAfter,
    /// Second tries for a hundred requests, at most.
    pub max_extra_percent: f32,
}

/// How long the first try has for the head of its answer before there is a second one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HedgeAfter {
    /// As long as this percentage of the service's requests takes at most.
    Percentile(f32),
    /// So long.
    Delay(Duration),
}

impl Policy {
    /// Nobody asked for the strategy but `sessionAffinity` of the Service. Requests that are in sessions need none (balance spec Y8).
    pub fn strategy_is_affinity(&self) -> bool {
        self.sources.iter().any(|(field, source)| *field == "strategy" && **source == *"sessionAffinity")
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strategy: Strategy::Auto,
            tuning: Tuning::default(),
            checks: Vec::new(),
            outlier: Outlier::default(),
            slow_start: Some(SlowStart { window: Duration::from_secs(30), aggression: 1.0, min_weight_percent: 10 }),
            limits: Limits::default(),
            retry_budget: RetryBudget { percent: 20, interval: Duration::from_secs(10), min_per_second: 10 },
            hedge: None,
            drain_timeout: Duration::from_secs(30),
            session: None,
            sources: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            endpoint_connections: None,
            endpoint_in_flight: None,
            service_connections: None,
            service_in_flight: None,
            requests_per_connection: None,
            pending_max: 128,
            pending_timeout: Duration::from_secs(1),
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            choices: 2,
            decay: Duration::from_secs(10),
            default_latency: Duration::from_millis(30),
            measure_complete: false,
            hash_keys: Vec::new(),
            table_size: 65_537,
            ring_size: 0,
            bounded_load_percent: 0,
            hash_subset: 0,
            prequal: Prequal::default(),
            ipv6_prefix: 64,
            by_rates: false,
            agent: None,
            update_period: Duration::from_secs(1),
            error_penalty: 1.0,
            metrics: Vec::new(),
            blackout: Duration::from_secs(10),
            expiry: Duration::from_secs(180),
            memory_high: 90,
            memory_max: 97,
            keep_response_headers: false,
        }
    }
}

impl Default for Outlier {
    fn default() -> Self {
        Self {
            enabled: true,
            consecutive_gateway: 5,
            consecutive_5xx: 0,
            window: Duration::from_secs(10),
            min_requests: 20,
            failure_percent: 50,
            count_429: false,
            base_time: Duration::from_secs(1),
            max_time: Duration::from_secs(30),
            max_ejected_percent: 50,
            success_rate: None,
            latency: None,
            panic_fail: false,
        }
    }
}
