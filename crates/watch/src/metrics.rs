//! What watches count, by kind.

use observe::Registry;
use observe::metrics::{Counter, Family, Gauge};

type ByKind<M> = Family<[(&'static str, String); 1], M>;

/// The counters of all watches of a process.
#[derive(Clone, Default)]
pub struct Metrics {
    events: ByKind<Counter>,
    lists: ByKind<Counter>,
    failures: ByKind<Counter>,
    undecodable: ByKind<Counter>,
    heard: ByKind<Gauge>,
}

impl Metrics {
    /// Registers them; once a process.
    pub fn new(registry: &Registry) -> Metrics {
        let new = Metrics::default();
        Metrics {
            events: registry.register("fairlead_watch_events", "Changes received, by kind", new.events),
            lists: registry.register("fairlead_watch_lists", "Complete lists received, by kind", new.lists),
            failures: registry.register("fairlead_watch_failures", "Requests that failed, by kind", new.failures),
            undecodable: registry.register("fairlead_watch_undecodable_objects", "Objects that could not be decoded, by kind", new.undecodable),
            heard: registry.register("fairlead_watch_last_heard_timestamp_seconds", "When the server last said anything, by kind", new.heard),
        }
    }

    pub(crate) fn of(&self, kind: &str) -> OfKind {
        let label = [("kind", kind.to_owned())];
        OfKind {
            events: self.events.get_or_create(&label).clone(),
            lists: self.lists.get_or_create(&label).clone(),
            failures: self.failures.get_or_create(&label).clone(),
            undecodable: self.undecodable.get_or_create(&label).clone(),
            heard: self.heard.get_or_create(&label).clone(),
        }
    }
}

/// Handles, resolved once.
pub(crate) struct OfKind {
    pub events: Counter,
    pub lists: Counter,
    pub failures: Counter,
    pub undecodable: Counter,
    heard: Gauge,
}

impl OfKind {
    pub fn heard_now(&self) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        self.heard.set(now.map_or(0, |d| d.as_secs() as i64));
    }
}
