//! What outlives a pool's recompilation: its current picker, hints of the judge, and the numbers of its service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use model::Now;
use model::endpoint::Pool;
use model::ident::Origin;

use crate::Layer;
use crate::budget::RetryBudget;
use crate::build::Picker;
use crate::hedge::Hedging;
use crate::queue::{Pending, Queue};
use crate::rng::mix;

/// Of one service: counted over all its pools, layers and workers.
#[derive(Debug)]
pub(crate) struct ServiceLedger {
    pub(crate) origin: Origin,
    /// Requests, and connections and flows of planes that read none: each has its own limit.
    requests: AtomicU32,
    connections: AtomicU32,
    pub(crate) budget: RetryBudget,
    pub(crate) pending: Pending,
    pub(crate) hedging: Hedging,
}

impl ServiceLedger {
    pub(crate) fn new(origin: Origin, budget: RetryBudget) -> Self {
        let (pending, hedging) = (Pending::default(), Hedging::default());
        Self { origin, requests: AtomicU32::new(0), connections: AtomicU32::new(0), budget, pending, hedging }
    }

    /// What is in flight at a layer.
    pub(crate) fn count(&self, layer: Layer) -> &AtomicU32 {
        if layer == Layer::Http { &self.requests } else { &self.connections }
    }
}

/// Of one pool at one layer.
pub(crate) struct Ledger {
    /// Unique in the process: the key of round-robin cursors.
    pub(crate) number: u64,
    pub(crate) service: Arc<ServiceLedger>,
    /// Who waits for an endpoint.
    pub(crate) queue: Queue,
    pickers: ArcSwapOption<Pair>,
    /// In flight over the pool, kept only where the load of hash strategies is bounded.
    pub(crate) in_flight: AtomicU32,
    touched_tick: AtomicU32,
    /// The endpoint the judge wants chosen next: index + 1 in the low half, tick of the wish in the high half.
    wish: AtomicU64,
    prior_us: AtomicU32,
    typical: AtomicU32,
    /// Microseconds after which a first try is slow; 0 while that is not known.
    hedge_after_us: AtomicU32,
    /// When a forgotten endpoint was last visited on purpose.
    pub(crate) visited_tick: AtomicU32,
    /// When the weights of reported rates were last computed; 0 is never.
    weighed_tick: AtomicU32,
    /// Taken for the moment of counting and ejecting, so that two failures at once cannot pass the cap.
    ejecting: AtomicBool,
    pub(crate) panic: AtomicBool,
    /// Under `Auto`: most endpoints report their load, so that looks say more than this process knows by itself (S1).
    pub(crate) by_looks: AtomicBool,
    /// Since when it is the other way round; 0 is not.
    pub(crate) by_looks_tick: AtomicU32,
}

impl fmt::Debug for Ledger {
    /// Without the pickers, which lead back here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("number", &self.number).field("service", &self.service.origin).finish_non_exhaustive()
    }
}

/// The picker of the newest pool and the one before: workers may still hold the older snapshot.
#[derive(Debug)]
struct Pair {
    newest: Arc<Picker>,
    before: Option<Arc<Picker>>,
}

/// Non-retryable requests leave a wish alone for this long (balance spec O6).
const WISH_WAITS_MS: u32 = 1000;
/// A pool without traffic for this long is not judged, unless something is unsettled (balance spec B5).
const ACTIVE_MS: u32 = 60_000;

impl Ledger {
    pub(crate) fn new(number: u64, service: Arc<ServiceLedger>) -> Self {
        Self {
            number,
            service,
            queue: Queue::default(),
            pickers: ArcSwapOption::empty(),
            in_flight: AtomicU32::new(0),
            touched_tick: AtomicU32::new(0),
            wish: AtomicU64::new(0),
            prior_us: AtomicU32::new(0),
            typical: AtomicU32::new(0),
            hedge_after_us: AtomicU32::new(0),
            visited_tick: AtomicU32::new(0),
            weighed_tick: AtomicU32::new(0),
            ejecting: AtomicBool::new(false),
            panic: AtomicBool::new(false),
            by_looks: AtomicBool::new(false),
            by_looks_tick: AtomicU32::new(0),
        }
    }

    /// The picker of exactly this pool.
    pub(crate) fn picker_of(&self, pool: &Arc<Pool>) -> Option<Arc<Picker>> {
        let pair = self.pickers.load();
        let pair = pair.as_ref()?;
        if Arc::ptr_eq(&pair.newest.pool, pool) {
            return Some(Arc::clone(&pair.newest));
        }
        pair.before.as_ref().filter(|picker| Arc::ptr_eq(&picker.pool, pool)).cloned()
    }

    /// The newest picker.
    pub(crate) fn newest(&self) -> Option<Arc<Picker>> {
        self.pickers.load().as_ref().map(|pair| Arc::clone(&pair.newest))
    }

    /// Runs `read` on the newest picker without counting a reference.
    pub(crate) fn with_newest<T>(&self, read: impl FnOnce(&Picker) -> T) -> Option<T> {
        let pair: Guard<Option<Arc<Pair>>> = self.pickers.load();
        pair.as_ref().map(|pair| read(&pair.newest))
    }

    /// Publishes a picker. One of the same pool replaces its predecessor, one of another pool moves it to second place.
    pub(crate) fn publish(&self, picker: Arc<Picker>) {
        let before = self.pickers.load_full();
        let before =
            before.and_then(|pair| if Arc::ptr_eq(&pair.newest.pool, &picker.pool) { pair.before.clone() } else { Some(Arc::clone(&pair.newest)) });
        self.pickers.store(Some(Arc::new(Pair { newest: picker, before })));
        // Other endpoints or other shares: somebody may be free now.
        self.queue.call();
    }

    /// Whether the newest picker is of another pool than this one, and the one before is of it.
    pub(crate) fn prefers_another(&self, pool: &Arc<Pool>) -> bool {
        let is_of = |picker: &Arc<Picker>| Arc::ptr_eq(&picker.pool, pool);
        self.pickers.load().as_ref().is_some_and(|pair| !is_of(&pair.newest) && pair.before.as_ref().is_some_and(is_of))
    }

    /// Makes the picker of this pool the newest again. Whoever publishes must not do so meanwhile.
    pub(crate) fn prefer(&self, pool: &Arc<Pool>) {
        if self.prefers_another(pool)
            && let Some(pair) = self.pickers.load_full()
            && let Some(before) = &pair.before
        {
            self.pickers.store(Some(Arc::new(Pair { newest: Arc::clone(before), before: Some(Arc::clone(&pair.newest)) })));
            self.queue.call();
        }
    }

    /// Lets go of the pickers, which point back here.
    pub(crate) fn close(&self) {
        self.pickers.store(None);
    }

    /// A pick happened.
    pub(crate) fn touch(&self, now: Now) {
        let tick = now.tick_ms();
        // Second precision is enough, and leaves the cache line alone.
        if now.since_tick(self.touched_tick.load(Ordering::Relaxed)) >= 1000 || self.touched_tick.load(Ordering::Relaxed) == 0 {
            self.touched_tick.store(tick, Ordering::Relaxed);
        }
    }

    /// Milliseconds since the last pick.
    pub(crate) fn idle_ms(&self, now: Now) -> u32 {
        match self.touched_tick.load(Ordering::Relaxed) {
            0 => u32::MAX,
            tick => now.since_tick(tick),
        }
    }

    pub(crate) fn active(&self, now: Now) -> bool {
        self.idle_ms(now) < ACTIVE_MS
    }

    /// Whether weights that are computed once in `period_ms` are due, and then notes that they were. The first time comes at a
    /// moment of the pool's own within a period, so that pools, and processes, do not march in step.
    pub(crate) fn weighs(&self, period_ms: u32, seed: u64, now: Now) -> bool {
        match self.weighed_tick.load(Ordering::Relaxed) {
            0 => {
                let early = mix(seed ^ self.number) % u64::from(period_ms.max(1));
                self.weighed_tick.store(now.tick_ms().wrapping_sub(early as u32).max(1), Ordering::Relaxed);
                false
            }
            tick if now.since_tick(tick) >= period_ms => {
                self.weighed_tick.store(now.tick_ms(), Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Asks that this endpoint be chosen next.
    pub(crate) fn post_wish(&self, index: usize, now: Now) {
        let wish = u64::from(now.tick_ms()) << 32 | (index as u64 + 1);
        let _ = self.wish.compare_exchange(0, wish, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn drop_wish(&self) {
        self.wish.store(0, Ordering::Relaxed);
    }

    /// Takes the wish, if this request may grant it. One caller gets it.
    pub(crate) fn take_wish(&self, retryable: bool, now: Now) -> Option<usize> {
        let wish = self.wish.load(Ordering::Relaxed);
        if wish == 0 || (!retryable && now.since_tick((wish >> 32) as u32) < WISH_WAITS_MS) {
            return None;
        }
        self.wish.compare_exchange(wish, 0, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        Some((wish as u32 - 1) as usize)
    }

    /// The latency of an endpoint nobody has measured, in microseconds; `None` while nobody is.
    pub(crate) fn prior_us(&self) -> Option<f32> {
        match self.prior_us.load(Ordering::Relaxed) {
            0 => None,
            bits => Some(f32::from_bits(bits)),
        }
    }

    pub(crate) fn set_prior_us(&self, prior: f32) {
        self.prior_us.store(prior.to_bits(), Ordering::Relaxed);
    }

    /// Smoothed requests in flight per usable endpoint.
    pub(crate) fn typical(&self) -> f32 {
        f32::from_bits(self.typical.load(Ordering::Relaxed))
    }

    pub(crate) fn set_typical(&self, typical: f32) {
        self.typical.store(typical.to_bits(), Ordering::Relaxed);
    }

    /// How long a first try may take before it is slow, where the policy goes by a percentile and it is known.
    pub(crate) fn hedge_after(&self) -> Option<Duration> {
        match self.hedge_after_us.load(Ordering::Relaxed) {
            0 => None,
            us => Some(Duration::from_micros(us.into())),
        }
    }

    pub(crate) fn set_hedge_after(&self, after: Option<Duration>) {
        let us = after.map_or(0, |after| u32::try_from(after.as_micros()).unwrap_or(u32::MAX).max(1));
        self.hedge_after_us.store(us, Ordering::Relaxed);
    }

    /// Runs `eject` unless another thread is ejecting in this pool at this moment.
    pub(crate) fn eject_alone(&self, eject: impl FnOnce(&Picker)) {
        if self.ejecting.swap(true, Ordering::Acquire) {
            return;
        }
        self.with_newest(eject);
        self.ejecting.store(false, Ordering::Release);
    }
}
