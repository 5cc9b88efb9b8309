//! What becomes of clients when memory runs short (gateway spec G115): first what is kept for later goes, then nothing new is begun.
//! The alternative is the end of the process, and of all requests with it.

use std::sync::atomic::{AtomicU8, Ordering};

use net::memory::Memory;

/// From so many hundredths of the bound on, idle connections are given up.
const TIGHT: u64 = 90;
/// From so many on, requests are refused.
const FULL: u64 = 95;

/// How short memory is; looked at by all threads, said by one.
#[derive(Default)]
pub struct Pressure(AtomicU8);

impl Pressure {
    /// Takes a measurement in; none where nothing bounds the process.
    pub fn measured(&self, memory: Option<Memory>) {
        let percent = memory.map_or(0, Memory::percent);
        let now = u8::from(percent >= TIGHT) + u8::from(percent >= FULL);
        let before = self.0.swap(now, Ordering::Relaxed);
        match (now, before) {
            (2, 0 | 1) => tracing::warn!(percent, "memory is nearly used up: requests are answered 503; raise the limit of the control group"),
            (0 | 1, 2) => tracing::info!(percent, "there is memory again: requests are served"),
            _ => {}
        }
    }

    /// What is only kept for later is to go.
    pub fn is_tight(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Nothing new is to begin.
    pub fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_go_at_90_and_requests_at_95_hundredths() {
        let pressure = Pressure::default();
        let at = |used| {
            pressure.measured(Some(Memory { used, limit: 1000 }));
            (pressure.is_tight(), pressure.is_full())
        };
        assert_eq!([899, 900, 949, 950, 1200, 0].map(at), [(false, false), (true, false), (true, false), (true, true), (true, true), (false, false)]);
        pressure.measured(Some(Memory { used: 950, limit: 1000 }));
        pressure.measured(None);
        assert!(!pressure.is_tight(), "without a bound there is no pressure");
    }
}
