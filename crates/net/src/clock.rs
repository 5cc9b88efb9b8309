//! The one monotonic clock of the process. Vitals are shared by all planes, so all of them must read the same one.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Never negative: the clock counts from boot.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
