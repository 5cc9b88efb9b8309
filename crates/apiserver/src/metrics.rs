//! The server's numbers, under kube-apiserver's names so that its dashboards read them.

use std::time::Duration;

use observe::Registry;
use observe::metrics::{Counter, Family, Gauge, Histogram, LATENCY_BUCKETS_S};

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
