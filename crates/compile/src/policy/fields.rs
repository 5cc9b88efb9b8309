//! The fields of a BackendPolicy: checked, and as steps that write them into a [`Policy`].

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use api::backend_policy::{BackendPolicySpec, Hash, HashKey as WrittenKey, LimitPair, TextOrObject};
use api::{IntOrString, parse_duration};
use model::policy::{Agent, HashKey, Hedge, HedgeAfter, Policy, Slow, SlowStart, Strategy, SuccessRate};

/// Writes one field.
type Set = Box<dyn Fn(&mut Policy) + Send + Sync>;

/// The fields that one layer sets, by name as in the API.
#[derive(Default)]
pub(crate) struct Overlay {
    fields: Vec<(&'static str, Set)>,
}

impl Overlay {
    /// Only a strategy.
    pub fn strategy(strategy: Strategy) -> Self {
        let mut overlay = Self::default();
        overlay.set("strategy", move |policy| policy.strategy = strategy);
        overlay
    }

    /// Adds a field.
    pub fn set(&mut self, name: &'static str, set: impl Fn(&mut Policy) + Send + Sync + 'static) {
        self.fields.push((name, Box::new(set)));
    }

    /// The fields it sets.
    pub fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|(name, _)| *name).collect()
    }

    /// Writes its fields and notes where they came from.
    pub fn apply(&self, policy: &mut Policy, source: &Arc<str>) {
        for (name, set) in &self.fields {
            set(policy);
            policy.sources.retain(|(known, _)| known != name);
            policy.sources.push((name, Arc::clone(source)));
        }
    }
}

/// A strategy by its name or one of the words that users of other balancers know (S23).
pub(super) fn strategy(word: &str) -> Result<Strategy, String> {
    let plain: String = word.chars().filter(|letter| !matches!(letter, '_' | '-' | ' ')).map(|letter| letter.to_ascii_lowercase()).collect();
    Ok(match &*plain {
        "auto" => Strategy::Auto,
        "roundrobin" | "rr" | "wrr" | "staticrr" => Strategy::RoundRobin,
        "random" => Strategy::Random,
        "leastrequest" | "leastconn" | "p2c" => Strategy::LeastRequest,
        "peakewma" | "ewma" | "leasttime" => Strategy::PeakEwma,
        "ringhash" | "ring" | "ketama" => Strategy::RingHash,
        "maglev" | "hrw" | "consistenthash" => Strategy::Maglev,
        "sourceip" | "source" | "iphash" => Strategy::SourceIp,
        "performance" | "performancebased" => Strategy::Performance,
        "prequal" => Strategy::Prequal,
        "reserve" => Strategy::Reserve,
        "fill" | "first" => Strategy::Fill,
        _ => {
            return Err(format!(
                "strategy {word:?} is unknown: use Auto, RoundRobin, Random, LeastRequest, PeakEwma, RingHash, Maglev, SourceIp, Performance, \
                 Prequal, Reserve or Fill"
            ));
        }
    })
}

/// Reads a whole spec. Everything that is wrong with it, in one text, if anything is: then the policy is ignored whole (Y2).
pub(super) fn overlay(spec: &BackendPolicySpec) -> Result<Overlay, Arc<str>> {
    let mut reader = Reader::default();
    reader.strategies(spec);
    reader.prequal(spec);
    reader.hash(spec);
    reader.slow_start(spec);
    reader.outlier(spec);
    reader.limits(spec);
    reader.hedge(spec);
    if let Some(written) = &spec.health_check {
        match super::check(written, "") {
            Ok(Some(check)) => reader.overlay.set("healthCheck", move |policy| policy.checks = vec![check.clone()]),
            Ok(None) => {}
            Err(why) => reader.wrong.push(format!("healthCheck: {why}")),
        }
    }
    if let Some(written) = &spec.session_persistence {
        match crate::sessions::read(written).map(Arc::new) {
            Ok(session) => reader.overlay.set("sessionPersistence", move |policy| policy.session = Some(Arc::clone(&session))),
            Err(why) => reader.wrong.push(format!("sessionPersistence: {why}")),
        }
    }
    reader.duration("drainTimeout", &spec.drain_timeout, ANY, |policy, time| policy.drain_timeout = time);
    if reader.wrong.is_empty() { Ok(reader.overlay) } else { Err(reader.wrong.join("; ").into()) }
}

/// Any duration that is one.
const ANY: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400 * 365);
const PERCENT: RangeInclusive<i64> = 0..=100;
const COUNT: RangeInclusive<i64> = 0..=u32::MAX as i64;
const POSITIVE: RangeInclusive<i64> = 1..=u32::MAX as i64;

#[derive(Default)]
struct Reader {
    overlay: Overlay,
    wrong: Vec<String>,
}

impl Reader {
    fn duration(&mut self, name: &'static str, text: &Option<Arc<str>>, range: RangeInclusive<Duration>, set: fn(&mut Policy, Duration)) {
        let Some(text) = text else { return };
        match parse_duration(text).filter(|time| range.contains(time)) {
            Some(time) => self.overlay.set(name, move |policy| set(policy, time)),
            None => self.wrong.push(format!("{name} {text:?} is not a duration from {:?} to {:?}", range.start(), range.end())),
        }
    }

    fn number(&mut self, name: &'static str, number: Option<i64>, range: RangeInclusive<i64>, set: fn(&mut Policy, u32)) {
        let Some(number) = number else { return };
        match u32::try_from(number).ok().filter(|_| range.contains(&number)) {
            Some(number) => self.overlay.set(name, move |policy| set(policy, number)),
            None => self.wrong.push(format!("{name} {number} is not within {} to {}", range.start(), range.end())),
        }
    }

    fn real(&mut self, name: &'static str, number: Option<f64>, range: RangeInclusive<f64>, set: fn(&mut Policy, f32)) {
        let Some(number) = number else { return };
        if range.contains(&number) {
            self.overlay.set(name, move |policy| set(policy, number as f32));
        } else {
            self.wrong.push(format!("{name} {number} is not within {} to {}", range.start(), range.end()));
        }
    }

    fn percent(&mut self, name: &'static str, number: Option<i64>, set: fn(&mut Policy, u8)) {
        let Some(number) = number else { return };
        match u8::try_from(number).ok().filter(|_| PERCENT.contains(&number)) {
            Some(number) => self.overlay.set(name, move |policy| set(policy, number)),
            None => self.wrong.push(format!("{name} {number} is not within 0 to 100")),
        }
    }

    fn flag(&mut self, name: &'static str, flag: Option<bool>, set: fn(&mut Policy, bool)) {
        if let Some(flag) = flag {
            self.overlay.set(name, move |policy| set(policy, flag));
        }
    }

    /// One of two words.
    fn either(&mut self, name: &'static str, word: &Option<Arc<str>>, no: &str, yes: &str, set: fn(&mut Policy, bool)) {
        let Some(word) = word else { return };
        match &**word {
            word if word.eq_ignore_ascii_case(no) => self.flag(name, Some(false), set),
            word if word.eq_ignore_ascii_case(yes) => self.flag(name, Some(true), set),
            word => self.wrong.push(format!("{name} {word:?} is neither {no} nor {yes}")),
        }
    }

    fn strategies(&mut self, spec: &BackendPolicySpec) {
        if let Some(word) = &spec.strategy {
            match strategy(word) {
                Ok(Strategy::Maglev | Strategy::RingHash) if spec.hash.as_ref().is_none_or(|hash| hash.keys.is_empty()) => {
                    self.wrong.push(format!("strategy {word} needs hash.keys"));
                }
                Ok(Strategy::Reserve | Strategy::Fill) if !has_slots(spec) => {
                    self.wrong.push(format!("strategy {word} needs limits.endpoint.maxInFlight"));
                }
                Ok(Strategy::SourceIp) if spec.hash.as_ref().is_some_and(|hash| !hash.keys.is_empty()) => {
                    self.wrong.push("strategy SourceIp and hash.keys exclude each other".to_owned());
                }
                Ok(strategy) => self.overlay.set("strategy", move |policy| policy.strategy = strategy),
                Err(why) => self.wrong.push(why),
            }
        }
        match spec.least_request.as_ref().and_then(|block| block.choices.as_ref()) {
            Some(IntOrString::Name(word)) if word.eq_ignore_ascii_case("all") => {
                self.overlay.set("leastRequest.choices", |policy| policy.tuning.choices = 0)
            }
            Some(IntOrString::Name(word)) => self.wrong.push(format!("leastRequest.choices {word:?} is neither a number nor All")),
            Some(&IntOrString::Int(choices)) => {
                self.number("leastRequest.choices", Some(choices.into()), 2..=10, |policy, n| policy.tuning.choices = narrow(n))
            }
            None => {}
        }
        if let Some(block) = &spec.peak_ewma {
            self.duration("peakEwma.decay", &block.decay, Duration::from_secs(1)..=Duration::from_secs(600), |policy, time| {
                policy.tuning.decay = time
            });
            self.duration("peakEwma.defaultLatency", &block.default_latency, ANY, |policy, time| policy.tuning.default_latency = time);
            self.either("peakEwma.measure", &block.measure, "FirstByte", "Complete", |policy, complete| policy.tuning.measure_complete = complete);
        }
        if let Some(block) = &spec.performance {
            self.agent(block);
            if !block.metrics.is_empty() {
                let metrics = block.metrics.clone();
                self.overlay.set("performance.metrics", move |policy| policy.tuning.metrics = metrics.clone());
            }
            self.either("performance.mode", &block.mode, "Scored", "RoundRobin", |policy, by_rates| policy.tuning.by_rates = by_rates);
            self.real("performance.errorPenalty", block.error_penalty, 0.0..=1000.0, |policy, n| policy.tuning.error_penalty = n);
            self.duration(
                "performance.updatePeriod",
                &block.update_period,
                Duration::from_millis(100)..=Duration::from_secs(3600),
                |policy, time| policy.tuning.update_period = time,
            );
            self.duration("performance.blackout", &block.blackout, ANY, |policy, time| policy.tuning.blackout = time);
            self.duration("performance.expiry", &block.expiry, ANY, |policy, time| policy.tuning.expiry = time);
            self.percent("performance.memoryHigh", block.memory_high, |policy, percent| policy.tuning.memory_high = percent);
            self.percent("performance.memoryMax", block.memory_max, |policy, percent| policy.tuning.memory_max = percent);
            self.flag("performance.keepResponseHeaders", block.keep_response_headers, |policy, keep| policy.tuning.keep_response_headers = keep);
        }
    }

    /// Its interval means nothing without a port.
    fn agent(&mut self, block: &api::backend_policy::Performance) {
        let Some((port, written)) = block.agent.as_ref().and_then(|agent| Some((agent.port?, &agent.interval))) else { return };
        let interval = written.as_deref().map_or(Some(Duration::from_secs(2)), parse_duration).filter(|time| !time.is_zero());
        match (u16::try_from(port).ok().filter(|port| *port > 0), interval) {
            (Some(port), Some(interval)) => self.overlay.set("performance.agent", move |policy| policy.tuning.agent = Some(Agent { port, interval })),
            (None, _) => self.wrong.push(format!("performance.agent.port {port} is not within 1 to 65535")),
            (_, None) => self.wrong.push("performance.agent.interval is not a duration above 0".to_owned()),
        }
    }

    fn prequal(&mut self, spec: &BackendPolicySpec) {
        let Some(block) = &spec.prequal else { return };
        self.real("prequal.probesPerRequest", block.probes_per_request, 0.0..=10.0, |policy, n| policy.tuning.prequal.probes_per_request = n);
        self.real("prequal.removePerRequest", block.remove_per_request, 0.0..=16.0, |policy, n| policy.tuning.prequal.remove_per_request = n);
        self.number("prequal.poolSize", block.pool_size, 2..=1024, |policy, n| policy.tuning.prequal.pool_size = narrow(n));
        self.duration("prequal.maxAge", &block.max_age, ANY, |policy, time| policy.tuning.prequal.max_age = time);
        self.real("prequal.hotQuantile", block.hot_quantile, 0.0..=1.0, |policy, n| policy.tuning.prequal.hot_quantile = n);
        self.flag("prequal.sync", block.sync, |policy, sync| policy.tuning.prequal.sync = sync);
        self.either("prequal.score", &block.score, "HotCold", "Cubic", |policy, cubic| policy.tuning.prequal.cubic = cubic);
        let (looks, removes) = (block.probes_per_request.unwrap_or(3.0), block.remove_per_request.unwrap_or(1.0));
        if looks > 1.0 && removes >= looks {
            self.wrong.push("prequal.removePerRequest is not below probesPerRequest".to_owned());
        }
    }

    fn hash(&mut self, spec: &BackendPolicySpec) {
        let Some(Hash { keys, table_size, ring_size, bounded_load, subset, ipv6_prefix }) = &spec.hash else { return };
        if keys.len() > 4 {
            self.wrong.push(format!("hash.keys has {} entries: 4 are the most", keys.len()));
        } else if !keys.is_empty() {
            match keys.iter().map(hash_key).collect::<Result<Vec<_>, _>>() {
                Ok(keys) => self.overlay.set("hash.keys", move |policy| policy.tuning.hash_keys = keys.clone()),
                Err(why) => self.wrong.push(why),
            }
        }
        match table_size {
            Some(size) if !is_prime(*size) => self.wrong.push(format!("hash.tableSize {size} is not a prime number")),
            size => self.number("hash.tableSize", *size, 251..=5_000_011, |policy, size| policy.tuning.table_size = size),
        }
        self.number("hash.ringSize", *ring_size, 1..=8_388_608, |policy, size| policy.tuning.ring_size = size);
        match bounded_load {
            Some(1..110) => self.wrong.push("hash.boundedLoad is not 0 (off) or within 110 to 1000".to_owned()),
            load => self
                .number("hash.boundedLoad", *load, 0..=1000, |policy, percent| policy.tuning.bounded_load_percent = percent.try_into().unwrap_or(0)),
        }
        self.number("hash.subset", *subset, 0..=16, |policy, size| policy.tuning.hash_subset = narrow(size));
        self.number("hash.ipv6Prefix", *ipv6_prefix, 1..=128, |policy, length| policy.tuning.ipv6_prefix = narrow(length));
    }

    /// One field as a whole: half of it means nothing.
    fn hedge(&mut self, spec: &BackendPolicySpec) {
        let Some(written) = &spec.hedge else { return };
        let after = match (written.percentile, written.delay.as_deref().map(parse_duration)) {
            (Some(percent), None) if (1.0..=99.999).contains(&percent) => HedgeAfter::Percentile(percent as f32),
            (Some(percent), None) => return self.wrong.push(format!("hedge.percentile {percent} is not within 1 to 99.999")),
            (None, Some(Some(delay))) if !delay.is_zero() => HedgeAfter::Delay(delay),
            (None, Some(_)) => return self.wrong.push("hedge.delay is not a duration above 0".to_owned()),
            (None, None) | (Some(_), Some(_)) => return self.wrong.push("hedge has not exactly one of percentile and delay".to_owned()),
        };
        match written.max_extra_percent.unwrap_or(2.0) {
            percent if (0.0..=100.0).contains(&percent) => {
                self.overlay.set("hedge", move |policy| policy.hedge = Some(Hedge { after, max_extra_percent: percent as f32 }));
            }
            percent => self.wrong.push(format!("hedge.maxExtraPercent {percent} is not within 0 to 100")),
        }
    }

    fn slow_start(&mut self, spec: &BackendPolicySpec) {
        let Some(block) = &spec.slow_start else { return };
        self.duration("slowStart.window", &block.window, Duration::ZERO..=Duration::from_secs(3600), ramp_window);
        if let Some(aggression) = block.aggression {
            if aggression.is_finite() && aggression > 0.0 {
                self.overlay.set("slowStart.aggression", move |policy| ramp(policy, |ramp| ramp.aggression = aggression));
            } else {
                self.wrong.push("slowStart.aggression is not a positive number".to_owned());
            }
        }
        self.percent("slowStart.minWeightPercent", block.min_weight_percent, |policy, percent| {
            ramp(policy, |ramp| ramp.min_weight_percent = percent)
        });
    }

    fn outlier(&mut self, spec: &BackendPolicySpec) {
        let Some(block) = &spec.outlier else { return };
        self.flag("outlier.enabled", block.enabled, |policy, on| policy.outlier.enabled = on);
        self.number("outlier.consecutiveGateway", block.consecutive_gateway, COUNT, |policy, n| policy.outlier.consecutive_gateway = n);
        self.number("outlier.consecutive5xx", block.consecutive_5xx, COUNT, |policy, n| policy.outlier.consecutive_5xx = n);
        self.duration("outlier.window", &block.window, Duration::from_secs(1)..=Duration::from_secs(10), |policy, time| policy.outlier.window = time);
        self.number("outlier.minRequests", block.min_requests, COUNT, |policy, n| policy.outlier.min_requests = n);
        self.percent("outlier.failurePercent", block.failure_percent, |policy, percent| policy.outlier.failure_percent = percent);
        self.flag("outlier.count429", block.count_429, |policy, on| policy.outlier.count_429 = on);
        self.duration("outlier.baseTime", &block.base_time, ANY, |policy, time| policy.outlier.base_time = time);
        self.duration("outlier.maxTime", &block.max_time, ANY, |policy, time| policy.outlier.max_time = time);
        self.percent("outlier.maxEjectedPercent", block.max_ejected_percent, |policy, percent| policy.outlier.max_ejected_percent = percent);
        self.either("outlier.panic", &block.panic, "LeastBad", "Fail", |policy, fail| policy.outlier.panic_fail = fail);
        self.optional_outliers(block);
        let defaults = model::policy::Outlier::default();
        let time = |text: &Option<Arc<str>>, default| text.as_deref().and_then(parse_duration).unwrap_or(default);
        if time(&block.max_time, defaults.max_time) < time(&block.base_time, defaults.base_time) {
            self.wrong.push("outlier.maxTime is shorter than baseTime".to_owned());
        }
    }

    /// The two rules that are on only where they are written.
    fn optional_outliers(&mut self, block: &api::backend_policy::Outlier) {
        if let Some(rule) = &block.success_rate {
            let read = SuccessRate {
                stdev_factor: rule.stdev_factor.unwrap_or(1.9) as f32,
                min_hosts: rule.min_hosts.and_then(|n| u32::try_from(n).ok()).unwrap_or(5),
                min_requests: rule.min_requests.and_then(|n| u32::try_from(n).ok()).unwrap_or(100),
            };
            if read.stdev_factor.is_finite() && read.stdev_factor > 0.0 {
                self.overlay.set("outlier.successRate", move |policy| policy.outlier.success_rate = Some(read));
            } else {
                self.wrong.push("outlier.successRate.stdevFactor is not a positive number".to_owned());
            }
        }
        let Some(rule) = &block.latency else { return };
        let floor = rule.floor.as_deref().map_or(Some(Duration::from_millis(500)), parse_duration);
        match (rule.factor.unwrap_or(5.0), floor) {
            (factor, Some(floor)) if factor.is_finite() && factor > 1.0 => {
                let read = Slow { factor: factor as f32, floor };
                self.overlay.set("outlier.latency", move |policy| policy.outlier.latency = Some(read));
            }
            _ => self.wrong.push("outlier.latency is not a factor above 1 and a duration as floor".to_owned()),
        }
    }

    fn limits(&mut self, spec: &BackendPolicySpec) {
        if let Some(block) = &spec.limits {
            let LimitPair { max_connections, max_in_flight } = block.endpoint.clone().unwrap_or_default();
            self.number("limits.endpoint.maxConnections", max_connections, POSITIVE, |policy, n| policy.limits.endpoint_connections = Some(n));
            self.number("limits.endpoint.maxInFlight", max_in_flight, POSITIVE, |policy, n| policy.limits.endpoint_in_flight = Some(n));
            let LimitPair { max_connections, max_in_flight } = block.service.clone().unwrap_or_default();
            self.number("limits.service.maxConnections", max_connections, POSITIVE, |policy, n| policy.limits.service_connections = Some(n));
            self.number("limits.service.maxInFlight", max_in_flight, POSITIVE, |policy, n| policy.limits.service_in_flight = Some(n));
            self.number("limits.maxRequestsPerConnection", block.max_requests_per_connection, POSITIVE, |policy, n| {
                policy.limits.requests_per_connection = Some(n)
            });
            let queue = block.queue.clone().unwrap_or_default();
            self.number("limits.queue.maxPending", queue.max_pending, COUNT, |policy, n| policy.limits.pending_max = n);
            self.duration("limits.queue.timeout", &queue.timeout, ANY, |policy, time| policy.limits.pending_timeout = time);
        }
        let Some(block) = &spec.retry_budget else { return };
        self.percent("retryBudget.percent", block.percent, |policy, percent| policy.retry_budget.percent = percent);
        self.duration("retryBudget.interval", &block.interval, ANY, |policy, time| policy.retry_budget.interval = time);
        let Some(rate) = &block.min_rate else { return };
        let interval = rate.interval.as_deref().map_or(Some(Duration::from_secs(1)), parse_duration).filter(|time| !time.is_zero());
        match (rate.count.unwrap_or(10), interval) {
            (count @ 0..=1_000_000, Some(interval)) => {
                // Retries a second, rounded up so that a slow rate is not none at all.
                let per_second = (count.unsigned_abs() * 1000).div_ceil(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1));
                let per_second = u32::try_from(per_second).unwrap_or(u32::MAX);
                self.overlay.set("retryBudget.minRate", move |policy| policy.retry_budget.min_per_second = per_second);
            }
            _ => self.wrong.push("retryBudget.minRate is not a count within 0 to 1000000 and a duration above 0".to_owned()),
        }
    }
}

/// Whether endpoints have a number of slots (Y1).
fn has_slots(spec: &BackendPolicySpec) -> bool {
    spec.limits.as_ref().and_then(|limits| limits.endpoint.as_ref()).is_some_and(|limits| limits.max_in_flight.is_some())
}

/// The values that reach this fit: their range was checked.
fn narrow(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

pub(super) fn ramp_window(policy: &mut Policy, window: Duration) {
    if window.is_zero() {
        policy.slow_start = None;
    } else {
        policy.slow_start.get_or_insert_with(standard_ramp).window = window;
    }
}

/// Changes the ramp if there is one; a layer above may have turned it off.
fn ramp(policy: &mut Policy, change: impl FnOnce(&mut SlowStart)) {
    if let Some(ramp) = &mut policy.slow_start {
        change(ramp);
    }
}

fn standard_ramp() -> SlowStart {
    Policy::default().slow_start.unwrap_or(SlowStart { window: Duration::from_secs(30), aggression: 1.0, min_weight_percent: 10 })
}

fn hash_key(written: &WrittenKey) -> Result<HashKey, String> {
    let WrittenKey { header, cookie, ttl, path, query, client_ip, method } = written;
    let path_is_key = cookie.is_none() && path.is_some();
    let set = [header.is_some(), cookie.is_some(), query.is_some(), client_ip.is_some(), method.is_some(), path_is_key];
    if set.iter().filter(|&&set| set).count() != 1 {
        return Err("hash.keys: an entry names exactly one of header, cookie, query, clientIp, path and method".to_owned());
    }
    Ok(if let Some(name) = header {
        HashKey::Header(name.to_ascii_lowercase().into())
    } else if let Some(name) = cookie {
        let ttl_s = match ttl.as_deref() {
            Some(text) => Some(parse_duration(text).ok_or_else(|| format!("hash.keys: ttl {text:?} is no duration"))?.as_secs()),
            None => None,
        };
        let path = match path {
            Some(TextOrObject::Text(path)) => Arc::clone(path),
            _ => "/".into(),
        };
        HashKey::Cookie { name: Arc::clone(name), ttl_s, path }
    } else if let Some(name) = query {
        HashKey::Query(Arc::clone(name))
    } else if client_ip.is_some() {
        HashKey::ClientIp
    } else if method.is_some() {
        HashKey::Method
    } else {
        HashKey::Path
    })
}

/// Trial division: sizes are at most 5,000,011, so 2,236 divisors at most.
fn is_prime(number: i64) -> bool {
    (2..=5_000_011).contains(&number) && (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| number % divisor != 0)
}
