//! Exact counts of the last ten seconds, in buckets of one second (balance spec O4: decayed averages hide a tight burst).

use std::sync::atomic::{AtomicU64, Ordering};

use super::Now;

/// One bucket a second.
const BUCKETS: u64 = 10;
/// Bits of each count; a bucket that is full stays full instead of running over.
const COUNT_BITS: u32 = 24;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const FAILED_ONE: u64 = 1 << COUNT_BITS;

/// Two exact counts (of what went well and what failed, or of requests and retries) over up to ten seconds. Each bucket is
/// one word: second (16 bits), failed (24), ok (24). 65,536 s is 18 hours: a bucket left alone for exactly that long would
/// count again, for one second.
#[derive(Debug, Default)]
pub struct Window {
    buckets: [AtomicU64; BUCKETS as usize],
}

/// What a [`Window`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The first count.
    pub ok: u32,
    /// The second count.
    pub failed: u32,
}

impl Counts {
    /// Both.
    pub fn total(self) -> u32 {
        self.ok + self.failed
    }

    /// Failures per hundred, 0 when there is nothing.
    pub fn failed_percent(self) -> f32 {
        if self.total() == 0 { 0.0 } else { self.failed as f32 * 100.0 / self.total() as f32 }
    }
}

fn split(word: u64) -> (u64, u64, u64) {
    (word >> (2 * COUNT_BITS), word >> COUNT_BITS & COUNT_MAX, word & COUNT_MAX)
}

impl Window {
    /// Counts one that went well (or a request).
    pub fn ok(&self, now: Now) {
        self.add(now, 1);
    }

    /// Counts several that went well.
    pub fn ok_many(&self, count: u32, now: Now) {
        self.add(now, u64::from(count).min(COUNT_MAX));
    }

    /// Counts one that failed (or a retry).
    pub fn failed(&self, now: Now) {
        self.add(now, FAILED_ONE);
    }

    fn add(&self, now: Now, one: u64) {
        let second = now.seconds();
        let stamp = second & 0xFFFF;
        let bucket = &self.buckets[(second % BUCKETS) as usize];
        let mut word = bucket.load(Ordering::Relaxed);
        loop {
            let (then, failed, ok) = split(word);
            let new = if then != stamp {
                stamp << (2 * COUNT_BITS) | one
            } else if ok + (one & COUNT_MAX) > COUNT_MAX || failed + (one >> COUNT_BITS) > COUNT_MAX {
                return;
            } else {
                word + one
            };
            match bucket.compare_exchange_weak(word, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
    }

    /// The counts of this second and the `seconds - 1` before it (1..=10).
    pub fn counts(&self, seconds: u32, now: Now) -> Counts {
        let current = now.seconds();
        let mut sum = Counts::default();
        for back in 0..u64::from(seconds).clamp(1, BUCKETS) {
            let Some(second) = current.checked_sub(back) else { break };
            let (then, failed, ok) = split(self.buckets[(second % BUCKETS) as usize].load(Ordering::Relaxed));
            if then == second & 0xFFFF {
                sum.ok += ok as u32;
                sum.failed += failed as u32;
            }
        }
        sum
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_age_out_after_the_window() {
        let window = Window::default();
        for second in 100..110 {
            window.ok(Now::from_ms(second * 1000));
            window.failed(Now::from_ms(second * 1000 + 999));
        }
        assert_eq!(window.counts(10, Now::from_ms(109_999)), Counts { ok: 10, failed: 10 });
        assert_eq!(window.counts(1, Now::from_ms(109_999)), Counts { ok: 1, failed: 1 });
        assert_eq!(window.counts(10, Now::from_ms(110_000)), Counts { ok: 9, failed: 9 });
        assert_eq!(window.counts(10, Now::from_ms(125_000)), Counts::default());
    }

    #[test]
    fn a_reused_bucket_starts_at_zero() {
        let window = Window::default();
        window.failed(Now::from_ms(5_000));
        window.ok(Now::from_ms(15_000));
        assert_eq!(window.counts(10, Now::from_ms(15_000)), Counts { ok: 1, failed: 0 });
    }
}
