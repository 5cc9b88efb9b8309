//! What the plane counts. Handles are resolved here, once; a query only adds to them.

use observe::metrics::{Counter, Family, Gauge, Histogram};

use crate::answer::Via;

/// Response codes that are counted apart; the last slot takes the rest.
const CODES: [&str; 8] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "BADVERS", "other"];

/// One label with its value.
type Label = [(&'static str, &'static str); 1];

/// Handles of the plane's metrics.
pub(crate) struct Metrics {
    requests: [Counter; 2],
    responses: [Counter; 8],
    pub cache_hits: Counter,
    pub cache_misses: Counter,
    /// Messages that get no reply by design: too short, or responses.
    silent: Counter,
    truncated: Counter,
    subsets: Counter,
    unfair: Counter,
    /// Queries refused because too many wait for upstreams.
    pub busy: Counter,
    /// Datagrams that came faster than they were read.
    pub overflown: Counter,
    /// Replies that the kernel did not take.
    pub unsent: Counter,
    /// Connections closed at once because there are too many.
    pub crowded: Counter,
    pub connections: Gauge,
    /// Upstreams that forward to us.
    pub looping: Gauge,
    pub forward_failures: Counter,
    pub forward_seconds: Histogram,
}

impl Metrics {
    pub fn register(registry: &observe::Registry) -> Self {
        let requests = registry.register("fairlead_dns_requests", "DNS queries by transport", Family::<Label, Counter>::default());
        let responses = registry.register("fairlead_dns_responses", "DNS replies by response code", Family::<Label, Counter>::default());
        let dropped =
            registry.register("fairlead_dns_dropped", "DNS messages and connections turned away, by reason", Family::<Label, Counter>::default());
        let reason = |reason| dropped.get_or_create(&[("reason", reason)]).clone();
        Self {
            requests: ["udp", "tcp"].map(|proto| requests.get_or_create(&[("proto", proto)]).clone()),
            responses: CODES.map(|rcode| responses.get_or_create(&[("rcode", rcode)]).clone()),
            cache_hits: registry.counter("fairlead_dns_cache_hits", "Answers of others given from the cache"),
            cache_misses: registry.counter("fairlead_dns_cache_misses", "Questions that had to be asked of others"),
            silent: reason("silent"),
            truncated: registry.counter("fairlead_dns_truncated", "Replies over UDP that did not hold all records"),
            subsets: registry
                .counter("fairlead_dns_subsets", "Replies over TCP that hold some of the records, drawn at random, because all do not fit"),
            unfair: reason("unfair_share"),
            busy: reason("too_many_waiting"),
            overflown: reason("queue_full"),
            unsent: reason("not_sent"),
            crowded: reason("too_many_connections"),
            connections: registry.gauge("fairlead_dns_tcp_connections", "Open DNS connections over TCP"),
            looping: registry.gauge("fairlead_dns_looping_upstreams", "Servers that are asked nothing because they forward to this one"),
            forward_failures: registry.counter("fairlead_dns_forward_failures", "Questions that no upstream answered in time"),
            forward_seconds: registry.latency("fairlead_dns_forward_seconds", "Time that upstreams took to answer"),
        }
    }

    /// Adds what a thread counted, and begins its count anew.
    pub fn add(&self, tally: &mut Tally) {
        let tally = std::mem::take(tally);
        let [truncated, subsets] = tally.cut;
        let others = [(&self.silent, tally.silent), (&self.truncated, truncated), (&self.subsets, subsets), (&self.unfair, tally.unfair)];
        let pairs = self.requests.iter().zip(tally.requests).chain(self.responses.iter().zip(tally.responses)).chain(others);
        for (counter, count) in pairs.filter(|(_, count)| *count > 0) {
            counter.inc_by(count);
        }
    }
}

/// What one thread counted since it told: cores that count into one place for every query wait for one another.
#[derive(Default)]
pub(crate) struct Tally {
    requests: [u64; 2],
    responses: [u64; 8],
    silent: u64,
    /// Replies without all records: over UDP, which say so (TC), and over TCP, after which there is no larger transport.
    cut: [u64; 2],
    /// Queries beyond a client's share.
    pub unfair: u64,
}

impl Tally {
    pub fn request(&mut self, via: Via) {
        self.requests[usize::from(via == Via::Tcp)] += 1;
    }

    pub fn response(&mut self, rcode: u16) {
        let slot = match rcode {
            0..=5 => usize::from(rcode),
            16 => 6,
            _ => 7,
        };
        self.responses[slot] += 1;
    }

    pub fn cut(&mut self, via: Via) {
        self.cut[usize::from(via == Via::Tcp)] += 1;
    }

    pub fn silence(&mut self) {
        self.silent += 1;
    }
}
