//! The retry budget: one per service and process (balance spec R4). Retries may make up a percentage of the requests of
//! an interval, and a small number a second is always allowed.

use std::sync::atomic::{AtomicU64, Ordering};

use model::Now;
use model::policy;
use model::vitals::Window;

/// Counts of the requests and retries of a service, and the floor's tokens.
#[derive(Debug, Default)]
pub struct RetryBudget {
    window: Window,
    /// Floor tokens already taken in the second of the high half.
    floor: AtomicU64,
}

impl RetryBudget {
    /// So many requests came (not retries of one).
    pub fn requests(&self, count: u32, now: Now) {
        self.window.ok_many(count, now);
    }

    /// Takes a token for a retry, a hedge or a retry that waits in back-off; false when there is none. Under contention a
    /// few retries more than the percentage may pass, never more than one per thread.
    pub fn retry(&self, budget: policy::RetryBudget, now: Now) -> bool {
        // The window holds ten seconds; longer intervals are judged by the last ten.
        let seconds = budget.interval.as_secs().clamp(1, 10) as u32;
        let counts = self.window.counts(seconds, now);
        let allowed = u64::from(counts.ok) * u64::from(budget.percent) / 100;
        if u64::from(counts.failed) < allowed || self.floor_token(budget.min_per_second, now) {
            self.window.failed(now);
            return true;
        }
        false
    }

    fn floor_token(&self, per_second: u32, now: Now) -> bool {
        let second = now.seconds() & 0xFFFF_FFFF;
        let taken = self.floor.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let used = if word >> 32 == second { word as u32 } else { 0 };
            (used < per_second).then_some(second << 32 | u64::from(used + 1))
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BUDGET: policy::RetryBudget = policy::RetryBudget { percent: 20, interval: Duration::from_secs(10), min_per_second: 10 };

    fn allowed(budget: &RetryBudget, tries: u32, now: Now) -> u32 {
        (0..tries).filter(|_| budget.retry(BUDGET, now)).count() as u32
    }

    #[test]
    fn an_idle_service_may_retry_ten_times_a_second() {
        let budget = RetryBudget::default();
        assert_eq!(allowed(&budget, 50, Now::from_ms(1000)), 10);
        assert_eq!(allowed(&budget, 50, Now::from_ms(1999)), 0);
        assert_eq!(allowed(&budget, 50, Now::from_ms(2000)), 10);
    }

    #[test]
    fn a_busy_service_may_retry_a_fifth_of_its_requests() {
        let budget = RetryBudget::default();
        let now = Now::from_ms(5000);
        budget.requests(1000, now);
        assert_eq!(allowed(&budget, 2000, now), 210, "200 by percentage and 10 by the floor");
    }

    #[test]
    fn requests_of_the_past_earn_nothing() {
        let budget = RetryBudget::default();
        budget.requests(1000, Now::from_ms(5000));
        assert_eq!(allowed(&budget, 2000, Now::from_ms(20_000)), 10);
    }
}
