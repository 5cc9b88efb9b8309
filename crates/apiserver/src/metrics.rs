//! The server's numbers, under kube-apiserver's names so that its dashboards read them.

use std::time::Duration;

use observe::Registry;
use observe::metrics::{Counter, Family, Gauge, Histogram, LATENCY_BUCKETS_S};
use observe::scrape::Reading;

use crate::cache::Cache;
use crate::kinds::Kind;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Latency = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// Handles of all numbers; they count whether or not anybody shows them.
pub struct Metrics {
    requests: Family<Labels<4>, Counter>,
    latency: Latency,
    watches: Family<Labels<3>, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let latency: fn() -> Histogram = || Histogram::new(LATENCY_BUCKETS_S);
        Self { requests: Family::default(), latency: Family::new_with_constructor(latency), watches: Family::default() }
    }
}

impl Metrics {
    /// Shows the numbers in a registry.
    pub fn register(&self, registry: &Registry) {
        registry.register("apiserver_request", "Requests by verb, resource and status code", self.requests.clone());
        registry.register("apiserver_request_duration_seconds", "Time to the head of the reply, watches left out", self.latency.clone());
        registry.register("apiserver_longrunning_requests", "Watches under way", self.watches.clone());
    }

    /// A request for a kind was answered.
    pub fn answered(&self, verb: &'static str, kind: &'static Kind, code: u16, took: Duration) {
        let verb = shown(verb);
        self.requests.get_or_create(&[("verb", verb), ("group", kind.group), ("resource", kind.plural), ("code", code_text(code))]).inc();
        if verb != "WATCH" {
            self.latency.get_or_create(&[("verb", verb), ("resource", kind.plural)]).observe(took.as_secs_f64());
        }
    }

    /// A watch began; it ends with the value returned.
    pub fn watching(&self, kind: &'static Kind) -> Watching {
        let gauge = self.watches.get_or_create_owned(&[("verb", "WATCH"), ("group", kind.group), ("resource", kind.plural)]);
        gauge.inc();
        Watching(gauge)
    }
}

/// What the store and the cache over it say of themselves.
pub fn readings(cache: &Cache) -> Vec<Reading> {
    let stats = cache.store().stats();
    let gauge = |name, help, value: f64| Reading { name, help, is_counter: false, label: None, value };
    let counter = |name, help, value: f64| Reading { name, help, is_counter: true, label: None, value };
    let mut all = vec![
        gauge("fairlead_store_revision", "Newest durable revision", stats.revision as f64),
        gauge("fairlead_store_floor_revision", "Oldest revision that can be read or watched from", stats.floor as f64),
        gauge("fairlead_store_history_age_seconds", "Age of the oldest change that is kept", stats.history_age_ms as f64 / 1e3),
        gauge("fairlead_store_history_events", "Changes kept for watches that resume", stats.events as f64),
        gauge("fairlead_store_history_bytes", "What they are counted as", stats.event_bytes as f64),
        gauge("fairlead_store_record_bytes", "Keys and values of all records", stats.record_bytes as f64),
        gauge("fairlead_store_roots", "States of the past that are held", stats.roots as f64),
        gauge("fairlead_store_queued_transactions", "Transactions that wait for the writer", stats.queued as f64),
        counter("fairlead_store_batches", "Batches written; each is one flush to the disk", stats.batches as f64),
        counter("fairlead_store_transactions", "Transactions in these batches", stats.txns as f64),
        counter("fairlead_store_write_seconds", "Time spent making batches durable", stats.journal_us as f64 / 1e6),
        gauge("fairlead_store_write_seconds_max", "Longest time that a batch took", stats.journal_us_max as f64 / 1e6),
        gauge("fairlead_store_log_bytes", "Log on the disk", stats.log_bytes as f64),
        gauge("fairlead_store_log_segments", "Files of the log", stats.segments as f64),
        gauge("fairlead_store_image_bytes", "Image on the disk", stats.image_bytes as f64),
        gauge("fairlead_watch_queue_longest", "Changes that wait for the slowest watch", cache.longest_queue() as f64),
    ];
    let snapshot = cache.store().snapshot();
    all.extend(cache.shelves().iter().map(|shelf| Reading {
        name: "apiserver_storage_objects",
        help: "Stored objects by resource",
        is_counter: false,
        label: Some(("resource", shelf.kind.qualified())),
        value: snapshot.count(&format!("{}{}/", crate::cache::ROOT, shelf.kind.prefix)) as f64,
    }));
    all
}

/// One watch, counted while it lasts.
pub struct Watching(Gauge);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn shown(verb: &str) -> &'static str {
    match verb {
        "get" => "GET",
        "list" => "LIST",
        "watch" => "WATCH",
        "create" => "POST",
        "update" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "deletecollection" => "DELETECOLLECTION",
        _ => "OTHER",
    }
}

/// Codes are few and known, so that labels stay few and need no memory of their own.
fn code_text(code: u16) -> &'static str {
    match code {
        200 => "200",
        201 => "201",
        400 => "400",
        403 => "403",
        404 => "404",
        405 => "405",
        406 => "406",
        409 => "409",
        410 => "410",
        413 => "413",
        415 => "415",
        422 => "422",
        429 => "429",
        500 => "500",
        503 => "503",
        504 => "504",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_watches_are_counted_by_what_they_ask() {
        let (metrics, registry) = (Metrics::default(), Registry::default());
        metrics.register(&registry);
        let kind = crate::kinds::find("", "v1", "configmaps").expect("a row");
        metrics.answered("create", kind, 201, Duration::from_millis(3));
        let watch = metrics.watching(kind);
        let text = registry.encode();
        assert!(text.contains(r#"apiserver_request_total{verb="POST",group="",resource="configmaps",code="201"} 1"#), "{text}");
        assert!(text.contains(r#"apiserver_longrunning_requests{verb="WATCH",group="",resource="configmaps"} 1"#), "{text}");
        drop(watch);
        assert!(registry.encode().contains(r#"resource="configmaps"} 0"#));
    }
}
