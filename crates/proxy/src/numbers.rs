//! What the plane counts (gateway spec G132). Threads count for themselves and add up once a second, so that a request touches
//! no shared line; series exist only after traffic and go with their service or Gateway.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use foldhash::fast::FixedState;
use model::endpoint::PoolId;
use model::routes::Listener;
use model::{Live, Origin, Snapshot};
use observe::Registry;
use observe::metrics::{Counter, Family, Gauge, Histogram};
use observe::scrape::Reading;
use parking_lot::Mutex;

use crate::answer::Reason;
use crate::log::{Again, Record};

/// Services that have series of their own; the others share one.
const SERVICES_MAX: usize = 10_000;
const OTHER: &str = "_other";
/// Certificates whose end is told, the first to end first.
const CERTIFICATES_MAX: usize = 1000;

type Labels = Vec<(&'static str, String)>;

/// How a TLS handshake with a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shook {
    /// Well.
    Ok,
    /// It took too long.
    Timeout,
    /// Nobody here answers for the server name.
    UnknownName,
    /// The client's certificate is missing, or nobody vouches for it.
    ClientCertificate,
    /// Versions, suites or protocols in common: none. Or no TLS at all.
    Error,
    /// Too many were in progress.
    Overload,
}

impl Shook {
    const ALL: [Shook; 6] = [Shook::Ok, Shook::Timeout, Shook::UnknownName, Shook::ClientCertificate, Shook::Error, Shook::Overload];

    fn as_str(self) -> &'static str {
        match self {
            Shook::Ok => "ok",
            Shook::Timeout => "timeout",
            Shook::UnknownName => "unknown_name",
            Shook::ClientCertificate => "client_certificate",
            Shook::Error => "error",
            Shook::Overload => "overload",
        }
    }
}

/// What is open now, over all threads.
#[derive(Default)]
pub struct Open {
    /// Connections of clients.
    pub clients: AtomicUsize,
    /// Connections to endpoints, which move between threads.
    pub upstreams: Arc<AtomicUsize>,
    /// Tunnels.
    pub tunnels: AtomicUsize,
}

/// One of what is open, for as long as this lives.
pub struct Opened<'a>(&'a AtomicUsize);

impl<'a> Opened<'a> {
    /// One more.
    pub fn count(open: &'a AtomicUsize) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The metrics of the process.
pub struct Numbers {
    requests: Family<Labels, Counter>,
    duration: Histogram,
    upstream: Histogram,
    received: Counter,
    sent: Counter,
    retries: Family<Labels, Counter>,
    hedges: Counter,
    abuse: Family<Labels, Counter>,
    handshakes: Family<Labels, Counter>,
    /// Of the family, each resolved when it is first counted.
    shook: [OnceLock<Counter>; Shook::ALL.len()],
    connections: Family<Labels, Gauge>,
    tunnels: Gauge,
    generation: Family<Labels, Gauge>,
    mirrors_dropped: Counter,
    lines_dropped: Counter,
    /// Series in use, to take them out when what they are about is gone.
    known: Mutex<Known>,
    dropped_before: AtomicUsize,
    /// The generation that series were last held against.
    swept: AtomicU64,
}

/// Label sets and how many each service has.
#[derive(Default)]
struct Known {
    series: HashMap<Labels, (String, String), FixedState>,
    services: HashMap<String, usize, FixedState>,
}

impl Known {
    /// The service, or the name that those beyond the bound share.
    fn admit(&self, service: String) -> String {
        let fits = service.is_empty() || self.services.len() < SERVICES_MAX || self.services.contains_key(&service);
        if fits { service } else { OTHER.to_owned() }
    }

    fn note(&mut self, labels: &Labels, gateway: String, service: String) {
        if !self.series.contains_key(labels) {
            *self.services.entry(service.clone()).or_default() += 1;
            self.series.insert(labels.clone(), (gateway, service));
        }
    }

    /// Gives the label sets whose Gateway or service does not live any more, and forgets them.
    fn take_dead(&mut self, lives: impl Fn(&str, &str) -> bool) -> Vec<Labels> {
        let dead: Vec<Labels> =
            self.series.iter().filter(|(_, (gateway, service))| !lives(gateway, service)).map(|(labels, _)| labels.clone()).collect();
        for labels in &dead {
            let Some((_, service)) = self.series.remove(labels) else { continue };
            if let Some(count) = self.services.get_mut(&service) {
                *count -= 1;
                if *count == 0 {
                    self.services.remove(&service);
                }
            }
        }
        dead
    }
}

impl Numbers {
    /// Registers them.
    pub fn new(registry: &Registry, live: &Arc<Live>) -> Self {
        let live = Arc::clone(live);
        registry.on_scrape(move || certificates(&live.load()));
        Self {
            requests: registry.register("fairlead_proxy_requests", "Requests by listener, service, status and reason", Family::default()),
            duration: registry.latency("fairlead_proxy_request_duration_seconds", "From the first byte of a request to the last of its answer"),
            upstream: registry.latency("fairlead_proxy_upstream_duration_seconds", "From the last try's beginning to the last byte of its answer"),
            received: registry.counter("fairlead_proxy_request_bytes", "Bytes of bodies of requests"),
            sent: registry.counter("fairlead_proxy_response_bytes", "Bytes of bodies of answers"),
            retries: registry.register(
                "fairlead_proxy_retries",
                "Tries after the first of a request, by what went wrong with the one before the last",
                Family::default(),
            ),
            hedges: registry.counter("fairlead_proxy_hedges", "Second tries of requests whose first was slow"),
            abuse: registry.register("fairlead_proxy_h2_abuse", "HTTP/2 connections ended for a flood, by the kind of frame", Family::default()),
            handshakes: registry.register("fairlead_proxy_tls_handshakes", "TLS handshakes with clients by how they ended", Family::default()),
            shook: Default::default(),
            connections: registry.register("fairlead_proxy_connections", "Open connections by side: of clients, to endpoints", Family::default()),
            tunnels: registry.gauge("fairlead_proxy_tunnels", "WebSockets open now"),
            generation: registry.register(
                "fairlead_proxy_config_generation",
                "Generation of the snapshot that is published, and of the one that the plane has applied",
                Family::default(),
            ),
            mirrors_dropped: registry.counter("fairlead_proxy_mirrors_dropped", "Copies of requests that were not sent, or not to their end"),
            lines_dropped: registry.counter("fairlead_proxy_log_lines_dropped", "Lines of the access log that found its queue full"),
            known: Mutex::default(),
            dropped_before: AtomicUsize::new(0),
            swept: AtomicU64::new(0),
        }
    }

    /// A connection was ended for a flood of this kind of frame.
    pub fn abused(&self, kind: &'static str) {
        self.abuse.get_or_create(&vec![("kind", kind.to_owned())]).inc();
    }

    /// A handshake ended.
    pub fn shaken(&self, how: Shook) {
        let made = || self.handshakes.get_or_create(&vec![("result", how.as_str().to_owned())]).clone();
        self.shook[how as usize].get_or_init(made).inc();
    }

    /// A copy of a request was given up.
    pub fn mirror_dropped(&self) {
        self.mirrors_dropped.inc();
    }

    /// Adds up what a thread counted since the last call.
    pub fn add(&self, tally: &mut Tally, snapshot: &Snapshot) {
        for (Key { listener, pool, status, reason }, count) in tally.requests.drain() {
            let (gateway, listener) = tally.listeners.get(&listener).map(|one| (gateway(&one.origin), one.name.to_string())).unwrap_or_default();
            let service =
                pool.and_then(|id| snapshot.pool(id)).map(|pool| format!("{}/{}", pool.service.namespace, pool.service.name)).unwrap_or_default();
            let mut known = self.known.lock();
            let service = known.admit(service);
            let labels = vec![
                ("gateway", gateway.clone()),
                ("listener", listener),
                ("service", service.clone()),
                ("code", status.to_string()),
                ("reason", reason.as_str().to_owned()),
            ];
            known.note(&labels, gateway, service);
            drop(known);
            self.requests.get_or_create(&labels).inc_by(count);
        }
        tally.listeners.clear();
        tally.latest = 0;
        tally.took.drain(..).for_each(|took| self.duration.observe(took.as_secs_f64()));
        tally.upstream.drain(..).for_each(|took| self.upstream.observe(took.as_secs_f64()));
        for (reason, count) in tally.retries.drain() {
            self.retries.get_or_create(&vec![("reason", reason.to_owned())]).inc_by(count);
        }
        self.received.inc_by(std::mem::take(&mut tally.received));
        self.sent.inc_by(std::mem::take(&mut tally.sent));
        self.hedges.inc_by(std::mem::take(&mut tally.hedges));
    }

    /// What one thread does for all of them: gauges, and the end of series whose object is gone.
    pub fn sweep(&self, open: &Open, lines_dropped: u64, live: &Live) {
        let snapshot = live.load();
        let gauge = |family: &Family<Labels, Gauge>, label, value: &str, number: u64| {
            family.get_or_create(&vec![(label, value.to_owned())]).set(i64::try_from(number).unwrap_or(i64::MAX));
        };
        let now = |count: &AtomicUsize| count.load(Ordering::Relaxed) as u64;
        gauge(&self.connections, "side", "client", now(&open.clients));
        gauge(&self.connections, "side", "upstream", now(&open.upstreams));
        self.tunnels.set(now(&open.tunnels) as i64);
        let applied = live.acknowledgements().1.iter().find(|one| one.plane == "http").map_or(0, |one| one.generation);
        gauge(&self.generation, "state", "published", snapshot.generation);
        gauge(&self.generation, "state", "applied", applied);
        let lines_dropped = usize::try_from(lines_dropped).unwrap_or(usize::MAX);
        self.lines_dropped.inc_by(lines_dropped.saturating_sub(self.dropped_before.swap(lines_dropped, Ordering::Relaxed)) as u64);
        if snapshot.complete && self.swept.swap(snapshot.generation, Ordering::Relaxed) != snapshot.generation {
            self.forget(&snapshot);
        }
    }

    fn forget(&self, snapshot: &Snapshot) {
        let gateways: HashSet<String> =
            snapshot.entrances.ports.values().flat_map(|entrance| &entrance.listeners).map(|listener| gateway(&listener.origin)).collect();
        let lives = |gateway: &str, service: &str| {
            let serves = service.split_once('/').is_none_or(|(namespace, name)| snapshot.services.contains_key(&(namespace.into(), name.into())));
            serves && (gateway.is_empty() || gateways.contains(gateway))
        };
        for labels in self.known.lock().take_dead(lives) {
            self.requests.remove(&labels);
        }
    }
}

/// `shop/edge`, or the class of the Ingresses.
fn gateway(origin: &Origin) -> String {
    if origin.namespace.is_empty() { origin.name.to_string() } else { format!("{}/{}", origin.namespace, origin.name) }
}

/// When the certificates in use end, by Secret.
fn certificates(snapshot: &Snapshot) -> Vec<Reading> {
    let listeners = snapshot.entrances.ports.values().flat_map(|entrance| &entrance.listeners);
    let all: HashMap<&Origin, i64> = listeners.flat_map(|one| one.identities.values().flatten()).map(|one| (&one.origin, one.not_after_s)).collect();
    let mut sorted: Vec<_> = all.into_iter().collect();
    sorted.sort_by_key(|(origin, end)| (*end, *origin));
    let reading = |(origin, end): (&Origin, i64)| Reading {
        name: "fairlead_proxy_certificate_expiry_seconds",
        help: "Unix time at which a certificate ends",
        is_counter: false,
        label: Some(("secret", format!("{}/{}", origin.namespace, origin.name))),
        value: end as f64,
    };
    sorted.into_iter().take(CERTIFICATES_MAX).map(reading).collect()
}

/// Durations that wait for the next second; beyond that they are sampled.
const TOOK_MAX: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The address of the listener, 0 for none.
    listener: usize,
    pool: Option<PoolId>,
    status: u16,
    reason: Reason,
}

/// What one thread has counted since it last added up.
#[derive(Default)]
pub struct Tally {
    requests: HashMap<Key, u64, FixedState>,
    /// Listeners by their addresses, which stay theirs for as long as they are kept here.
    listeners: HashMap<usize, Arc<Listener>, FixedState>,
    /// The one that was counted last.
    latest: usize,
    took: Vec<Duration>,
    upstream: Vec<Duration>,
    retries: HashMap<&'static str, u64, FixedState>,
    received: u64,
    sent: u64,
    hedges: u64,
}

impl Tally {
    /// A request is over.
    pub fn count(&mut self, record: &Record<'_>, took: Duration) {
        let listener = record.listener.map_or(0, |listener| self.place(listener));
        let pool = record.backend.and_then(|backend| backend.to.pool());
        *self.requests.entry(Key { listener, pool, status: record.status, reason: record.reason }).or_default() += 1;
        if record.tries > 1 {
            *self.retries.entry(record.retried.map_or("other", Again::as_str)).or_default() += u64::from(record.tries - 1);
        }
        self.received += record.received;
        self.sent += record.sent;
        self.hedges += u64::from(record.hedges);
        if self.took.len() < TOOK_MAX {
            self.took.push(took);
            if record.upstream_us > 0 {
                self.upstream.push(Duration::from_micros(record.upstream_us.into()));
            }
        }
    }

    fn place(&mut self, listener: &Arc<Listener>) -> usize {
        let place = Arc::as_ptr(listener) as usize;
        if self.latest != place {
            self.listeners.entry(place).or_insert_with(|| Arc::clone(listener));
            self.latest = place;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use model::Now;
    use model::routes::{HostMap, HostPattern, HostTable};

    use super::*;

    fn listener() -> Arc<Listener> {
        Arc::new(Listener {
            origin: Origin::new("Gateway", "shop", "edge"),
            name: "web".into(),
            host: HostPattern::Any,
            ingress: false,
            identities: HostMap::default(),
            edge: Arc::default(),
            client: None,
            hosts: HostTable::default(),
        })
    }

    #[test]
    fn counts_add_up_over_threads_and_series_go_with_their_gateway() {
        let registry = Registry::default();
        let live = Arc::new(Live::default());
        let numbers = Numbers::new(&registry, &live);
        let listener = listener();
        for _ in 0..2 {
            let mut tally = Tally::default();
            let nowhere = Record { status: 404, reason: Reason::NoRoute, ..Record::new(Now(0)) };
            tally.count(&nowhere, Duration::from_millis(1));
            let retried = Record {
                status: 200,
                tries: 3,
                hedges: 1,
                retried: Some(Again::Failed(Reason::UpstreamReset)),
                listener: Some(&listener),
                sent: 5,
                ..Record::new(Now(0))
            };
            tally.count(&retried, Duration::from_millis(1));
            numbers.add(&mut tally, &Snapshot::default());
        }
        let text = registry.encode();
        for line in [
            "fairlead_proxy_requests_total{gateway=\"\",listener=\"\",service=\"\",code=\"404\",reason=\"no_route\"} 2",
            "fairlead_proxy_requests_total{gateway=\"shop/edge\",listener=\"web\",service=\"\",code=\"200\",reason=\"ok\"} 2",
            "fairlead_proxy_retries_total{reason=\"upstream_reset\"} 4",
            "fairlead_proxy_hedges_total 2",
            "fairlead_proxy_request_duration_seconds_count 4",
            "fairlead_proxy_response_bytes_total 10",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        live.publish(Arc::new(Snapshot { generation: 1, complete: true, ..Snapshot::default() }));
        numbers.sweep(&Open::default(), 0, &live);
        let text = registry.encode();
        assert!(!text.contains("shop/edge") && text.contains("code=\"404\""), "{text}");
        assert!(text.contains("fairlead_proxy_connections{side=\"upstream\"} 0"), "{text}");
    }

    #[test]
    fn services_beyond_the_bound_share_a_series() {
        let mut known = Known::default();
        for number in 0..SERVICES_MAX {
            known.note(&vec![("service", number.to_string())], String::new(), number.to_string());
        }
        assert_eq!((known.admit("7".into()), known.admit("new".into()), known.admit(String::new())), ("7".into(), OTHER.into(), String::new()));
        known.take_dead(|_, service| service != "7");
        assert_eq!(known.admit("new".into()), "new");
    }

    #[test]
    fn handshakes_are_counted_by_their_end() {
        let registry = Registry::default();
        let numbers = Numbers::new(&registry, &Arc::default());
        assert!(!registry.encode().contains("handshakes_total"), "nothing before there is traffic");
        numbers.shaken(Shook::ClientCertificate);
        numbers.shaken(Shook::ClientCertificate);
        assert!(registry.encode().contains("fairlead_proxy_tls_handshakes_total{result=\"client_certificate\"} 2"));
    }
}
