//! Asking others (dns spec F1 to F5): which upstream, how long, and one question for many who ask the same.

mod exchange;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::answer::Ask;
use crate::cache::{Answer, Cache, Key};
use crate::metrics::Metrics;
use crate::wire::ede;
use exchange::Failure;
pub(crate) use exchange::{random, random_secret};

/// Longest wait for one attempt.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Longest wait for all of them: below the 5 s after which glibc asks again.
const TOTAL: Duration = Duration::from_secs(4);
/// Attempts per upstream.
const ROUNDS: usize = 2;
/// Failures in a row after which an upstream comes last.
const MAX_FAILS: u32 = 2;
/// Who may wait for one question; more ask for themselves.
const MOST_WAITING: usize = 64;
/// Most upstreams of a rule (F1).
const MOST_UPSTREAMS: usize = 15;

struct Upstream {
    address: SocketAddr,
    /// Failures in a row.
    fails: AtomicU32,
}

/// Waits for one question that somebody else asks already.
type Waiting = Vec<oneshot::Sender<Result<Arc<Answer>, u16>>>;

/// Asks upstreams, on behalf of all cores.
pub(crate) struct Forwarder {
    upstreams: Vec<Upstream>,
    pub cache: Cache,
    asked: Mutex<HashMap<Box<[u8]>, Waiting>>,
    in_flight: AtomicUsize,
    max_concurrent: usize,
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
        let upstreams = config.upstreams.iter().take(MOST_UPSTREAMS).map(|&address| Upstream { address, fails: AtomicU32::new(0) }).collect();
        Self {
            upstreams,
            cache: Cache::new(config.cache_entries, exchange::random()),
            asked: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            max_concurrent: config.max_concurrent,
            metrics,
        }
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
        let lead = Lead { forwarder: self, key };
        let started = Instant::now();
        let result = match self.try_upstreams(ask).await {
            Ok(answer) => {
                let answer = Arc::new(answer);
                self.cache.put(ask, &answer, Instant::now());
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
                        upstream.fails.store(0, Ordering::Relaxed);
                        return Ok(answer);
                    }
                    Err(failure) => {
                        tracing::debug!(upstream = %upstream.address, round, ?failure, "an upstream did not answer");
                        upstream.fails.fetch_add(1, Ordering::Relaxed);
                        last = failure;
                    }
                }
            }
        }
        Err(last)
    }

    /// Upstreams in random order (F3), those that failed lately last: they are tried when nobody else is left, and so come back.
    fn in_order(&self) -> Vec<&Upstream> {
        let mut order: Vec<&Upstream> = self.upstreams.iter().collect();
        let mut rng = crate::select::Rng::new(exchange::random());
        for index in (1..order.len()).rev() {
            order.swap(index, rng.below(index + 1));
        }
        order.sort_by_key(|upstream| upstream.fails.load(Ordering::Relaxed) >= MAX_FAILS);
        order
    }
}

/// Somebody who asks for others too. Dropped without an end, those learn of it by their closed channels.
struct Lead<'f> {
    forwarder: &'f Forwarder,
    key: Box<[u8]>,
}

impl Lead<'_> {
    fn end(self) -> Waiting {
        self.forwarder.asked.lock().remove(&self.key).unwrap_or_default()
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.forwarder.asked.lock().remove(&self.key);
    }
}
