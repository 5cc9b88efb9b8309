//! The time, as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
#[derive(Clone)]
pub(crate) enum Clock {
    /// The wall clock when the store was opened, carried on by a clock that nobody sets.
    System { opened_ms: u64, since: Instant },
    /// Set by a test.
    #[cfg_attr(not(test), allow(dead_code, reason = "constructed by tests only"))]
    Manual(Arc<AtomicU64>),
}

impl Clock {
    pub fn system() -> Clock {
        // A clock before 1970 reads as 1970; deadlines then pass early, which is all that could be done.
        let opened_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        Clock::System { opened_ms, since: Instant::now() }
    }

    pub fn now_ms(&self) -> u64 {
        match self {
            Clock::System { opened_ms, since } => opened_ms + since.elapsed().as_millis() as u64,
            Clock::Manual(now_ms) => now_ms.load(Ordering::Relaxed),
        }
    }
}
