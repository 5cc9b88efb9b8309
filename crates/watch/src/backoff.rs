//! Pauses that grow and differ, so that a thousand watchers of a server that comes back do not ask at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// Counts failures in a row.
#[derive(Default)]
pub(crate) struct Backoff {
    failures: u32,
    random: RandomState,
    drawn: u64,
}

impl Backoff {
    /// The next pause: twice the last one up to half a minute, less a random part of up to a half.
    pub fn pause(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(12)).min(LONGEST);
        self.failures += 1;
        full.mul_f64(1.0 - self.fraction() / 2.0)
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many times in a row it failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// From 0 to 1. Not for secrets.
    pub fn fraction(&mut self) -> f64 {
        self.drawn += 1;
        (self.random.hash_one(self.drawn) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        for i in 0..20 {
            let pause = backoff.pause();
            let full = FIRST.saturating_mul(1 << i.min(12)).min(LONGEST);
            assert!(pause <= full && pause >= full / 2, "{pause:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
