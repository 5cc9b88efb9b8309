//! When a request gets a second try before its first has failed, and how many may (balance spec R6).
//!
//! Counted only for services whose policy asks for it. The time that is slow is learned from first tries alone: one that lost
//! against its second try counts with the time it had by then, which is above that bound, so that hedging does not lower its
//! own threshold.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use model::Now;
use model::policy::{Hedge, HedgeAfter};
use model::vitals::Window;

use crate::build::Picker;

/// Times below this, in microseconds, are not told apart.
const LEAST_US: f32 = 16.0;
/// Eight buckets for each doubling of 16 us to 134 s: a quantile is at most an eighth too high.
const BUCKETS: usize = 23 * 8;
/// Exponent and three bits of the fraction of a float are the number of its bucket.
const SHIFT: u32 = 20;
/// Fewer samples say nothing of how long the slowest take.
const SAMPLES_MIN: u64 = 20;
/// After so long a sample counts half.
const HALVED_MS: u32 = 10_000;

/// What a service knows of its hedges.
#[derive(Debug, Default)]
pub(crate) struct Hedging {
    /// Requests that may be hedged, and hedges.
    window: Window,
    /// Only where a policy goes by them.
    latencies: OnceLock<Box<Latencies>>,
}

/// A histogram that forgets.
#[derive(Debug)]
struct Latencies {
    buckets: [AtomicU32; BUCKETS],
    halved_tick: AtomicU32,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: [const { AtomicU32::new(0) }; BUCKETS], halved_tick: AtomicU32::new(0) }
    }
}

impl Latencies {
    fn sample(&self, latency: Duration) {
        let us = (latency.as_secs_f32() * 1e6).max(LEAST_US);
        let at = (us.to_bits() >> SHIFT) - (LEAST_US.to_bits() >> SHIFT);
        self.buckets[(at as usize).min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// The time within which so many of a hundred are done, rounded up to the end of its bucket.
    fn quantile(&self, percent: f32) -> Option<Duration> {
        let counts: Vec<u64> = self.buckets.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).collect();
        let total: u64 = counts.iter().sum();
        if total < SAMPLES_MIN {
            return None;
        }
        let rank = (total as f64 * f64::from(percent) / 100.0).ceil() as u64;
        let mut below = 0;
        let at = counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        let end_us = f32::from_bits(((LEAST_US.to_bits() >> SHIFT) + at as u32 + 1) << SHIFT);
        Some(Duration::from_secs_f32(end_us / 1e6))
    }

    fn fade(&self, now: Now) {
        match self.halved_tick.load(Ordering::Relaxed) {
            0 => self.halved_tick.store(now.tick_ms(), Ordering::Relaxed),
            tick if now.since_tick(tick) >= HALVED_MS => {
                self.halved_tick.store(now.tick_ms(), Ordering::Relaxed);
                // A sample that comes in between is one of many.
                self.buckets.iter().for_each(|count| count.store(count.load(Ordering::Relaxed) / 2, Ordering::Relaxed));
            }
            _ => {}
        }
    }
}

impl Hedging {
    /// Whether one more second try is within this percentage of the requests of the last ten seconds. The first one always is:
    /// a service of few requests shall have its hedge, too.
    fn admits(&self, max_extra_percent: f32, now: Now) -> bool {
        let counts = self.window.counts(10, now);
        let allowed = f64::from(counts.ok) * f64::from(max_extra_percent) / 100.0;
        max_extra_percent > 0.0 && f64::from(counts.failed) < allowed.max(1.0)
    }

    /// The threshold of a policy that goes by a percentile; called by `judge`.
    pub(crate) fn learn(&self, percent: f32, now: Now) -> Option<Duration> {
        let latencies = self.latencies.get()?;
        latencies.fade(now);
        latencies.quantile(percent)
    }
}

impl Picker {
    fn hedge(&self) -> Option<&Hedge> {
        self.pool.policy.hedge.as_ref()
    }

    /// Whether its policy asks for second tries.
    pub fn hedges(&self) -> bool {
        self.hedge().is_some()
    }

    /// A request begins that may have a second try; gives how long its first one has before that. `None`: it has no second one.
    pub fn hedge_after(&self, now: Now) -> Option<Duration> {
        let hedge = self.hedge()?;
        self.ledger.service.hedging.window.ok(now);
        match hedge.after {
            HedgeAfter::Delay(delay) => Some(delay),
            HedgeAfter::Percentile(_) => self.ledger.hedge_after(),
        }
    }

    /// Whether the second try may begin: it takes a token of the retry budget, too (balance spec R4).
    pub fn allows_hedge(&self, now: Now) -> bool {
        let hedging = &self.ledger.service.hedging;
        let allowed = self.hedge().is_some_and(|hedge| hedging.admits(hedge.max_extra_percent, now)) && self.allows_retry(now);
        if allowed {
            hedging.window.failed(now);
        }
        allowed
    }

    /// How long the first try of a request took that may have had a second one, or how long it was waited for.
    pub fn first_took(&self, latency: Duration) {
        if self.hedge().is_some_and(|hedge| matches!(hedge.after, HedgeAfter::Percentile(_))) {
            self.ledger.service.hedging.latencies.get_or_init(Box::default).sample(latency);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_the_threshold_is_the_percentile_of_first_tries_and_what_is_old_fades() {
        let hedging = Hedging::default();
        let now = Now::from_ms(1_000);
        assert_eq!(hedging.learn(95.0, now), None, "nobody has measured");
        let latencies = hedging.latencies.get_or_init(Box::default);
        (0..19).for_each(|_| latencies.sample(Duration::from_millis(1)));
        assert_eq!(hedging.learn(95.0, now), None, "too few");
        (0..930).for_each(|_| latencies.sample(Duration::from_millis(1)));
        (0..51).for_each(|_| latencies.sample(Duration::from_millis(100)));
        let within = |percent, low_ms: f32, high_ms: f32| {
            let ms = hedging.learn(percent, now).unwrap().as_secs_f32() * 1000.0;
            assert!((low_ms..=high_ms).contains(&ms), "{percent}: {ms}");
        };
        within(50.0, 1.0, 1.13);
        within(94.0, 1.0, 1.13);
        within(95.0, 100.0, 113.0);
        for second in 1..12 {
            hedging.learn(95.0, Now::from_ms(1_000 + second * 10_000));
        }
        assert_eq!(hedging.learn(95.0, Now::from_ms(200_000)), None, "forgotten");
    }

    #[test]
    fn r6_extra_tries_stay_within_their_percentage_of_the_requests() {
        let (hedging, now) = (Hedging::default(), Now::from_ms(1_000));
        let mut hedges = 0;
        for _ in 0..1_000 {
            hedging.window.ok(now);
            if hedging.admits(2.0, now) {
                hedging.window.failed(now);
                hedges += 1;
            }
        }
        assert_eq!(hedges, 20);
        assert!(!hedging.admits(0.0, Now::from_ms(20_000)), "nought is none");
        assert!(hedging.admits(0.1, Now::from_ms(20_000)), "the first of a quiet service");
    }

    #[test]
    fn any_latency_has_a_bucket() {
        let latencies = Latencies::default();
        for latency in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(86_400), Duration::MAX] {
            latencies.sample(latency);
        }
        assert_eq!(latencies.buckets.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u32>(), 4);
    }
}
