//! The metrics registry and its Prometheus text form.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
pub use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Metric;

/// Upper bounds in seconds of every latency histogram (observability spec M6).
pub const LATENCY_BUCKETS_S: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The media type of [`Registry::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Mutex<prometheus_client::registry::Registry>>);

impl Default for Registry {
    fn default() -> Self {
        let mut inner = prometheus_client::registry::Registry::default();
        inner.register_collector(Box::new(crate::process::ProcessCollector));
        Self(Arc::new(Mutex::new(inner)))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Registers a metric and gives back the handle to keep. `help` is a sentence without its full stop; counters get
    /// `_total` by themselves.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.0.lock().register(name, help, metric.clone());
        metric
    }

    /// A new counter.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.register(name, help, Counter::default())
    }

    /// A new gauge.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(name, help, Gauge::default())
    }

    /// A new latency histogram in seconds.
    pub fn latency(&self, name: &str, help: &str) -> Histogram {
        self.register(name, help, Histogram::new(LATENCY_BUCKETS_S))
    }

    /// Shows numbers that are read when somebody scrapes.
    pub fn on_scrape(&self, read: impl Fn() -> Vec<crate::scrape::Reading> + Send + Sync + 'static) {
        self.0.lock().register_collector(Box::new(crate::scrape::Scraped(Box::new(read))));
    }

    /// The text of a scrape ([`CONTENT_TYPE`]).
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail; a metric that fails to encode itself is a bug of ours and shows as a short scrape.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.0.lock());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_holds_what_was_registered_and_the_process() {
        let registry = Registry::default();
        registry.counter("fairlead_tests", "Tests that ran").inc();
        let text = registry.encode();
        assert!(text.contains("fairlead_tests_total 1"), "{text}");
        let resident = text.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
        assert!(resident.rsplit(' ').next().unwrap().parse::<u64>().unwrap() > 1 << 20);
        assert!(text.contains("process_cpu_seconds_total "));
    }
}
