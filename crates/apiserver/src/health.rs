//! `/healthz`, `/livez` and `/readyz`: plain text, as load balancers and kubectl expect it.

use std::sync::atomic::{AtomicBool, Ordering};

use http::Response;

use crate::body::{self, Body};
use crate::cache::Cache;
use crate::query::Query;

type Check = Box<dyn Fn() -> bool + Send + Sync>;

/// The named checks.
#[derive(Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
    is_stopping: AtomicBool,
}

impl Health {
    /// Adds a check that readyz and healthz make.
    pub fn add(&mut self, name: &'static str, check: impl Fn() -> bool + Send + Sync + 'static) {
        self.checks.push((name, Box::new(check)));
    }

    /// From now on readyz fails.
    pub fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Answers `/readyz`, `/readyz?verbose`, `/readyz/NAME` and the like; nothing for an unknown check.
    pub fn answer(&self, path: &str, query: &Query, cache: &Cache) -> Option<Response<Body>> {
        let mut parts = path.trim_matches('/').splitn(2, '/');
        let (which, only) = (parts.next()?, parts.next());
        // The cache is filled before there is a server that could be asked.
        let mut results = vec![("ping", true), ("log", true), ("store", cache.store().failure().is_none()), ("informer-sync", true)];
        if which != "livez" {
            results.extend(self.checks.iter().map(|(name, check)| (*name, check())));
        }
        if which == "readyz" {
            results.push(("shutdown", !self.is_stopping.load(Ordering::Relaxed)));
        }
        if let Some(only) = only {
            let (_, ok) = results.iter().find(|(name, _)| *name == only)?;
            return Some(if *ok { body::text(200, "ok") } else { body::text(500, format!("internal server error: {only} check failed\n")) });
        }
        let excluded: Vec<&str> = query.all("exclude").collect();
        let counts = |name: &str| !excluded.contains(&name);
        let ok = results.iter().all(|(name, ok)| *ok || !counts(name));
        if ok && !query.has("verbose") {
            return Some(body::text(200, "ok"));
        }
        let line = |(name, ok): &(&str, bool)| match (counts(name), ok) {
            (false, _) => format!("[+]{name} excluded: ok\n"),
            (true, true) => format!("[+]{name} ok\n"),
            (true, false) => format!("[-]{name} failed: reason withheld\n"),
        };
        let lines: String = results.iter().map(line).collect();
        let verdict = if ok { "passed" } else { "failed" };
        Some(body::text(if ok { 200 } else { 500 }, format!("{lines}{which} check {verdict}\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(health: &Health, path: &str, query: &str) -> Option<u16> {
        let cache = Cache::new(store::Store::memory()).expect("an open store");
        health.answer(path, &Query::parse(query), &cache).map(|r| r.status().as_u16())
    }

    #[test]
    fn a_failing_check_fails_readiness_but_not_liveness_and_can_be_excluded() {
        let mut health = Health::default();
        health.add("planes", || false);
        assert_eq!(
            (answer(&health, "/livez", ""), answer(&health, "/readyz", ""), answer(&health, "/readyz", "exclude=planes")),
            (Some(200), Some(500), Some(200))
        );
        assert_eq!(
            (answer(&health, "/readyz/planes", ""), answer(&health, "/readyz/ping", ""), answer(&health, "/readyz/nope", "")),
            (Some(500), Some(200), None)
        );
    }

    #[test]
    fn a_stopping_server_is_alive_and_not_ready() {
        let health = Health::default();
        assert_eq!(answer(&health, "/readyz", "verbose"), Some(200));
        health.begin_stop();
        assert_eq!((answer(&health, "/readyz", ""), answer(&health, "/livez", "")), (Some(500), Some(200)));
    }
}
