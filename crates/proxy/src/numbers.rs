//! What the plane counts (gateway spec G132). Threads count for themselves and add up once a second, so that a request touches
//! no shared line; series exist only after traffic and go with their service.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::fast::FixedState;
use model::Snapshot;
use model::endpoint::PoolId;
use observe::Registry;
use observe::metrics::{Counter, Family, Gauge, Histogram};
use parking_lot::Mutex;

use crate::answer::Reason;

/// Services that have series of their own; the others share one.
const SERVICES_MAX: usize = 10_000;

type Labels = Vec<(&'static str, String)>;

/// The metrics of the process.
pub struct Numbers {
    requests: Family<Labels, Counter>,
    duration: Histogram,
    retries: Counter,
    abuse: Family<Labels, Counter>,
    open: Gauge,
    lines_dropped: Counter,
    /// Label sets in use, to take them out when their service is gone.
    known: Mutex<HashMap<Labels, String, FixedState>>,
    dropped_before: AtomicUsize,
}

impl Numbers {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        Self {
            requests: registry.register("fairlead_proxy_requests", "Requests by service, status and reason", Family::default()),
            duration: registry.latency("fairlead_proxy_request_duration_seconds", "From the first byte of a request to the last of its answer"),
            retries: registry.counter("fairlead_proxy_retries", "Tries after the first of a request"),
            abuse: registry.register("fairlead_proxy_h2_abuse", "HTTP/2 connections ended for a flood, by the kind of frame", Family::default()),
            open: registry.gauge("fairlead_proxy_connections", "Client connections and HTTP/2 streams open now"),
            lines_dropped: registry.counter("fairlead_proxy_log_lines_dropped", "Lines of the access log that found its queue full"),
            known: Mutex::default(),
            dropped_before: AtomicUsize::new(0),
        }
    }

    /// A connection was ended for a flood of this kind of frame.
    pub fn abused(&self, kind: &'static str) {
        self.abuse.get_or_create(&vec![("kind", kind.to_owned())]).inc();
    }

    /// Adds up what a thread counted since the last call.
    pub fn add(&self, tally: &mut Tally, snapshot: &Snapshot) {
        for ((pool, status, reason), count) in tally.requests.drain() {
            let service =
                pool.and_then(|id| snapshot.pool(id)).map(|pool| format!("{}/{}", pool.service.namespace, pool.service.name)).unwrap_or_default();
            let mut known = self.known.lock();
            let service = if known.len() < SERVICES_MAX || known.values().any(|one| *one == service) { service } else { "_other".to_owned() };
            let labels = vec![("service", service.clone()), ("code", status.to_string()), ("reason", reason.as_str().to_owned())];
            known.entry(labels.clone()).or_insert(service);
            drop(known);
            self.requests.get_or_create(&labels).inc_by(count);
        }
        for took in tally.took.drain(..) {
            self.duration.observe(took.as_secs_f64());
        }
        self.retries.inc_by(std::mem::take(&mut tally.retries));
    }

    /// What one thread does for all of them: gauges, and the end of series whose service is gone.
    pub fn sweep(&self, open: usize, lines_dropped: u64, snapshot: &Snapshot) {
        self.open.set(open as i64);
        let lines_dropped = usize::try_from(lines_dropped).unwrap_or(usize::MAX);
        self.lines_dropped.inc_by(lines_dropped.saturating_sub(self.dropped_before.swap(lines_dropped, Ordering::Relaxed)) as u64);
        self.known.lock().retain(|labels, service| {
            let Some((namespace, name)) = service.split_once('/') else { return true };
            let lives = snapshot.services.is_empty() || snapshot.services.contains_key(&(namespace.into(), name.into()));
            if !lives {
                self.requests.remove(labels);
            }
            lives
        });
    }
}

/// Durations that wait for the next second; beyond that they are sampled.
const TOOK_MAX: usize = 4096;

/// What one thread has counted since it last added up.
#[derive(Default)]
pub struct Tally {
    requests: HashMap<(Option<PoolId>, u16, Reason), u64, FixedState>,
    took: Vec<Duration>,
    retries: u64,
}

impl Tally {
    /// A request is over.
    pub fn count(&mut self, pool: Option<PoolId>, status: u16, reason: Reason, tries: u32, took: Duration) {
        *self.requests.entry((pool, status, reason)).or_default() += 1;
        self.retries += u64::from(tries.saturating_sub(1));
        if self.took.len() < TOOK_MAX {
            self.took.push(took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_over_threads() {
        let registry = Registry::default();
        let numbers = Numbers::new(&registry);
        for _ in 0..2 {
            let mut tally = Tally::default();
            tally.count(None, 404, Reason::NoRoute, 0, Duration::from_millis(1));
            tally.count(None, 200, Reason::Ok, 3, Duration::from_millis(1));
            numbers.add(&mut tally, &Snapshot::default());
        }
        let text = registry.encode();
        for line in [
            "fairlead_proxy_requests_total{service=\"\",code=\"404\",reason=\"no_route\"} 2",
            "fairlead_proxy_retries_total 4",
            "fairlead_proxy_request_duration_seconds_count 4",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
