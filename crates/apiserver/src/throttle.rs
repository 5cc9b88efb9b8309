//! A brake for those who guess credentials: so many failures a second from one address, then no more tries for the rest of it.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use parking_lot::Mutex;

/// Failures a second from one address before further tries are refused unseen.
const FAILURES_MAX: u32 = 10;
/// Addresses remembered at once; beyond it all are forgotten, which is harmless: they are counted by the second.
const ADDRESSES_MAX: usize = 10_000;

/// The address a request came from, as a request extension. In-process callers have none and are not braked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// Failures by address within the present second.
#[derive(Default)]
pub struct Throttle(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    second: i64,
    failures: HashMap<IpAddr, u32, foldhash::fast::RandomState>,
}

impl Throttle {
    /// Whether this address has failed too often to be heard.
    pub fn is_braked(&self, source: Source, now: Timestamp) -> bool {
        let counts = self.0.lock();
        counts.second == now.as_second() && counts.failures.get(&source.0).is_some_and(|failures| *failures >= FAILURES_MAX)
    }

    /// A credential from this address was wrong.
    pub fn failed(&self, source: Source, now: Timestamp) {
        let mut counts = self.0.lock();
        if counts.second != now.as_second() || counts.failures.len() >= ADDRESSES_MAX {
            *counts = Counts { second: now.as_second(), ..Counts::default() };
        }
        *counts.failures.entry(source.0).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_try_of_a_second_is_not_heard_and_others_are() {
        let (throttle, now) = (Throttle::default(), Timestamp::UNIX_EPOCH);
        let source = |last| Source(IpAddr::from([192, 0, 2, last]));
        for _ in 0..FAILURES_MAX {
            assert!(!throttle.is_braked(source(1), now));
            throttle.failed(source(1), now);
        }
        assert!(throttle.is_braked(source(1), now) && !throttle.is_braked(source(2), now));
        let later = Timestamp::from_second(1).expect("a time");
        assert!(!throttle.is_braked(source(1), later), "a new second");
    }
}
