//! Asking others (dns spec F1 to F5): which upstream, how long, and one question for many who ask the same.

mod exchange;
mod upstreams;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::answer::Ask;
use crate::cache::{Answer, Cache, Key};
use crate::metrics::Metrics;
use crate::name::Folded;
use crate::wire::{ede, kind};
use exchange::Failure;
pub(crate) use exchange::{random, random_secret};
use upstreams::Upstream;
pub(crate) use upstreams::{Upstreams, is_private, read_resolv_conf, within};

/// Longest wait for one attempt.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Longest wait for all of them: below the 5 s after which glibc asks again.
const TOTAL: Duration = Duration::from_secs(4);
/// Attempts per upstream.
const ROUNDS: usize = 2;
/// Who may wait for one question; more ask for themselves.
const MOST_WAITING: usize = 64;
/// How often an upstream that is down is asked whether it is back (F3).
const PROBE: Duration = Duration::from_millis(500);
/// How often the host's list is looked at, whose file may be replaced, mounted over or linked elsewhere: nothing tells us.
const REREAD: Duration = Duration::from_secs(2);
/// How often an upstream that forwards to us is asked whether it still does.
const LOOP_PROBE: Duration = Duration::from_secs(30);
/// How often an upstream is probed for a loop before its silence means that there is none.
const LOOP_PROBES: usize = 3;

/// Waits for one question that somebody else asks already.
type Waiting = Vec<oneshot::Sender<Result<Arc<Answer>, u16>>>;

/// Asks upstreams, on behalf of all cores.
pub(crate) struct Forwarder {
    pub upstreams: Arc<Upstreams>,
    /// An upstream went down.
    went_down: Notify,
    pub cache: Cache,
    asked: Mutex<HashMap<Box<[u8]>, Waiting>>,
    in_flight: AtomicUsize,
    max_concurrent: usize,
    /// Networks that were named, whose hosts are asked for.
    clients: Vec<(IpAddr, u8)>,
    metrics: Arc<Metrics>,
}

/// The right to wait for an upstream; given back when dropped.
pub(crate) struct Permit(Arc<Forwarder>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Forwarder {
    pub fn new(config: &crate::Config, metrics: Arc<Metrics>) -> Self {
        let forwarder = Self {
            upstreams: Arc::new(Upstreams::new(&config.upstreams)),
            went_down: Notify::new(),
            cache: Cache::new(config.cache_entries, exchange::random()),
            asked: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            max_concurrent: config.max_concurrent,
            clients: config.clients.clone(),
            metrics,
        };
        forwarder.know_neighbours();
        forwarder
    }

    /// Hosts in the networks that this one is in may ask, as those of the networks that were named (O5).
    fn know_neighbours(&self) {
        self.upstreams.set_clients([&self.clients[..], &upstreams::own_networks()].concat());
    }

    /// Lets one more query wait, unless too many do already (F4).
    pub fn admit(self: &Arc<Self>) -> Option<Permit> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(Arc::clone(self));
        if before < self.max_concurrent {
            Some(permit)
        } else {
            self.metrics.busy.inc();
            None
        }
    }

    /// The answer to a question: cached, or that of the first upstream that gives one. The error is the extended one to show.
    pub async fn resolve(&self, ask: &Ask) -> Result<Arc<Answer>, u16> {
        if let Some((answer, _)) = self.cache.get(ask, Instant::now()) {
            return Ok(answer);
        }
        let key: Box<[u8]> = Key::of(ask).octets().into();
        if let Some(waiter) = self.join(&key) {
            // If the one who asks goes away without a word, nobody is known to answer.
            return waiter.await.unwrap_or(Err(ede::NO_REACHABLE_AUTHORITY));
        }
        let lead = Lead { forwarder: self, key: Some(key) };
        let started = Instant::now();
        let result = match self.try_upstreams(ask).await {
            Ok(answer) => {
                let answer = self.cache.put(ask, answer, Instant::now());
                self.metrics.forward_seconds.observe(started.elapsed().as_secs_f64());
                Ok(answer)
            }
            Err(failure) => {
                self.metrics.forward_failures.inc();
                Err(failure.extended_error())
            }
        };
        for waiter in lead.end() {
            let _ = waiter.send(result.clone());
        }
        result
    }

    /// Waits for a question that is asked already; `None` makes the caller the one who asks.
    fn join(&self, key: &[u8]) -> Option<oneshot::Receiver<Result<Arc<Answer>, u16>>> {
        let mut asked = self.asked.lock();
        match asked.get_mut(key) {
            Some(waiting) if waiting.len() < MOST_WAITING => {
                let (send, receive) = oneshot::channel();
                waiting.push(send);
                Some(receive)
            }
            Some(_) => None,
            None => {
                asked.insert(key.into(), Vec::new());
                None
            }
        }
    }

    async fn try_upstreams(&self, ask: &Ask) -> Result<Answer, Failure> {
        let deadline = Instant::now() + TOTAL;
        let mut last = Failure::Unreachable;
        for round in 0..ROUNDS {
            for upstream in self.in_order() {
                let left = deadline.saturating_duration_since(Instant::now()).min(ATTEMPT);
                if left.is_zero() {
                    return Err(last);
                }
                let outcome = tokio::time::timeout(left, exchange::ask(upstream.address, ask)).await.unwrap_or(Err(Failure::Silent));
                match outcome {
                    Ok(answer) => {
                        upstream.answered();
                        return Ok(answer);
                    }
                    Err(failure) => {
                        tracing::debug!(upstream = %upstream.address, round, ?failure, "an upstream did not answer");
                        if upstream.failed() {
                            self.went_down.notify_one();
                        }
                        last = failure;
                    }
                }
            }
        }
        Err(last)
    }

    /// Upstreams in random order (F3), those that are down last, and those that forward to us not at all.
    fn in_order(&self) -> Vec<Arc<Upstream>> {
        let mut order: Vec<Arc<Upstream>> = self.upstreams.all().iter().filter(|upstream| !upstream.is_looping()).cloned().collect();
        let mut rng = crate::select::Rng::new(exchange::random());
        for index in (1..order.len()).rev() {
            order.swap(index, rng.below(index + 1));
        }
        order.sort_by_key(|upstream| upstream.is_down());
        order
    }

    /// Keeps what is known of the upstreams true, for as long as the plane runs: who they are, whether they are up, and whether they
    /// forward to us. `list` is the host's file, whose own entries among `ours` do not count.
    pub async fn tend(self: Arc<Self>, list: Option<PathBuf>, ours: Vec<std::net::SocketAddr>) {
        if list.is_none() && !self.upstreams.any() {
            return;
        }
        let (mut changed, mut looked_for_loops) = (true, Instant::now());
        let mut reread = tokio::time::interval(REREAD);
        loop {
            if changed || looked_for_loops.elapsed() >= LOOP_PROBE {
                self.look_for_loops(changed).await;
                looked_for_loops = Instant::now();
            }
            changed = false;
            let down = self.upstreams.all().iter().any(|upstream| upstream.is_down());
            tokio::select! {
                _ = reread.tick() => {
                    self.know_neighbours();
                    if let Some(servers) = list.as_deref().and_then(|path| read_resolv_conf(path, &ours)) {
                        changed = self.upstreams.replace(&servers);
                        if changed {
                            tracing::info!(?servers, "other names are asked of these servers now");
                        }
                    }
                }
                () = tokio::time::sleep(PROBE), if down => self.revive().await,
                () = self.went_down.notified() => {}
            }
        }
    }

    /// Asks those that are down for the root's servers; any answer brings them back.
    async fn revive(&self) {
        let down: Vec<_> = self.upstreams.all().iter().filter(|upstream| upstream.is_down()).cloned().collect();
        let question = Ask { name: Folded::of(&[0]), kind: kind::NS, dnssec_ok: false, checking_disabled: false };
        let probes = down.iter().map(async |upstream| {
            if tokio::time::timeout(PROBE, exchange::ask(upstream.address, &question)).await.is_ok_and(|outcome| outcome.is_ok()) {
                upstream.answered();
            }
        });
        futures_util::future::join_all(probes).await;
    }

    /// Asks each upstream (`all`, or those that looped before) for a name that only we know, and sees whether we are asked for it (F6).
    async fn look_for_loops(&self, all: bool) {
        let suspects: Vec<_> = self.upstreams.all().iter().filter(|upstream| all || upstream.is_looping()).cloned().collect();
        let probes = suspects.iter().map(async |upstream| {
            let name = Folded::of(&upstream.begin_loop_probe());
            let question = Ask { name, kind: kind::HINFO, dnssec_ok: false, checking_disabled: false };
            for _ in 0..LOOP_PROBES {
                if tokio::time::timeout(ATTEMPT, exchange::ask(upstream.address, &question)).await.is_ok_and(|outcome| outcome.is_ok()) {
                    break;
                }
            }
            if upstream.end_loop_probe() {
                tell(upstream);
            }
        });
        futures_util::future::join_all(probes).await;
        let looping = self.upstreams.all().iter().filter(|upstream| upstream.is_looping()).count();
        self.metrics.looping.set(i64::try_from(looping).unwrap_or(i64::MAX));
    }
}

fn tell(upstream: &Upstream) {
    if upstream.is_looping() {
        tracing::error!(
            upstream = %upstream.address,
            "this DNS server forwards to us, so nothing is asked of it: let it forward elsewhere, or name other servers with --dns-upstream"
        );
    } else {
        tracing::info!(upstream = %upstream.address, "this DNS server does not forward to us any more");
    }
}

/// Somebody who asks for others too. Dropped without an end, those learn of it by their closed channels.
struct Lead<'f> {
    forwarder: &'f Forwarder,
    /// `None` once it ended: the same question may be somebody else's then.
    key: Option<Box<[u8]>>,
}

impl Lead<'_> {
    fn end(mut self) -> Waiting {
        let key = self.key.take().unwrap_or_default();
        self.forwarder.asked.lock().remove(&key).unwrap_or_default()
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.forwarder.asked.lock().remove(key);
        }
    }
}
