//! The numbers that move per request, one record per endpoint for the whole process (balance spec section 2).
//!
//! Planes raise and lower them through [`InFlight`], `balance` reads them to choose and to judge, `node` writes verdicts
//! of probes and of the processes it watches, tables print them. Relaxed atomics: no decision depends on the order of two
//! numbers, except where [`standing`] says so.

mod agent;
mod decay;
mod in_flight;
mod interner;
mod load;
mod standing;
mod window;

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use decay::Fading;
use load::Load;
use standing::Marks;

pub use agent::AgentLine;
pub use decay::{Fade, exp_minus};
pub use in_flight::{Holds, InFlight};
pub use interner::Interner;
pub use load::LoadReport;
pub use standing::{Ejection, State, Trial, Why};
pub use window::{Counts, Window};

/// A time of the monotonic clock in nanoseconds (`net::clock::monotonic_ns`). All planes of a process must read the same clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Now(pub u64);

impl Now {
    /// From milliseconds of the same clock.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }

    /// Milliseconds.
    pub const fn ms(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// This much later.
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The time since an earlier moment; zero when that is later.
    pub fn since(self, earlier: Now) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Milliseconds in 32 bits, as the packed words keep them; never 0, which means "never". Wraps after 49 days.
    #[inline]
    pub fn tick_ms(self) -> u32 {
        (self.ms() as u32).max(1)
    }

    /// Milliseconds since a tick; 0 when the tick is later (a clock that ran backwards, or 25 days of silence).
    #[inline]
    pub fn since_tick(self, tick_ms: u32) -> u32 {
        let passed = self.tick_ms().wrapping_sub(tick_ms);
        if passed > i32::MAX as u32 { 0 } else { passed }
    }
}

/// How a try at an endpoint ended, as far as judging the endpoint goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer that is not the endpoint's fault: below 500, not 429.
    Success,
    /// 502, 503, 504, gRPC 14, a reset before the head, a timeout, a TLS failure.
    Gateway,
    /// Any other 5xx; gRPC 2, 4, 13, 15.
    ServerError,
    /// 429; gRPC 8.
    Throttled,
    /// The connection was refused or reset while connecting, or there is no route: nobody is there.
    Refused,
    /// The connection was not made in time.
    ConnectTimeout,
    /// The client went away, or a limit of ours stopped it: says nothing about the endpoint.
    Canceled,
}

impl Outcome {
    /// Whether the endpoint failed.
    pub fn failed(self) -> bool {
        !matches!(self, Outcome::Success | Outcome::Canceled)
    }
}

/// Smallest penalty of a failure (balance spec V8).
const PENALTY_FLOOR_US: f32 = 5e6;
/// Largest penalty that a `Retry-After` may ask for.
const PENALTY_CEILING_US: f32 = 300e6;
/// Time constant of the penalty.
const PENALTY_FADE: Fade = Fade::over(Duration::from_secs(10));

/// In flight, latency, errors, ejection and reported load of one endpoint. Survives recompilation.
///
/// 240 bytes, which make 256 with the two reference counts of the [`std::sync::Arc`] that they live in: a block that allocators put on a
/// cache line of its own. The first line has the reference counts, which only recompilation moves, and the 48 bytes that a
/// pick reads and writes; then come the counts that the end of a request writes; then what is seldom written.
#[derive(Debug, Default)]
#[repr(C, align(16))]
pub struct Vitals {
    in_flight: AtomicU32,
    /// Beside what every pick reads anyway; it changes seldom.
    state: AtomicU32,
    latency: Fading,
    penalty: Fading,
    oldest_ns: AtomicU64,
    picked_tick: AtomicU32,
    success_tick: AtomicU32,
    streak_connect: AtomicU16,
    streak_gateway: AtomicU16,
    streak_server: AtomicU16,
    window: Window,
    load: Load,
    marks: Marks,
}

/// The two reference counts in front of what an `Arc` holds.
const COUNTS_BYTES: usize = 2 * size_of::<usize>();
const LINE_BYTES: usize = 64;
const _: () = assert!(COUNTS_BYTES + size_of::<Vitals>() <= 4 * LINE_BYTES, "balance spec V1");
const _: () = assert!(COUNTS_BYTES + std::mem::offset_of!(Vitals, window) <= LINE_BYTES, "a pick touches one line");

/// Failures in a row by class; a success clears them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streaks {
    /// Refused, unreachable or not connected in time.
    pub connect: u16,
    /// As [`Outcome::Gateway`] or any connect failure.
    pub gateway: u16,
    /// Any 5xx.
    pub server: u16,
}

impl Vitals {
    /// Requests (or connections, for opaque streams) in flight now, over all planes and workers.
    #[inline]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Open connections to the endpoint, idle ones too.
    pub fn connections(&self) -> u32 {
        self.marks.connections.load(Ordering::Relaxed)
    }

    /// A connection to the endpoint was opened. Each call is matched by one of [`Vitals::disconnected`].
    pub fn connected(&self) {
        self.marks.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection to the endpoint was closed.
    pub fn disconnected(&self) {
        self.marks.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// The latency to count with, in microseconds: what is left of the peak estimate, but at least half the age of the
    /// oldest request in flight (balance spec V5: an endpoint that hangs must not look like one that was never measured).
    /// `None` without a sample and without such a request.
    #[inline]
    pub fn latency_us(&self, fade: Fade, now: Now) -> Option<f32> {
        let estimate = self.latency.read(fade, now);
        match self.oldest_ns.load(Ordering::Relaxed) {
            0 => estimate,
            // Half of the age in microseconds.
            started => Some(estimate.unwrap_or(0.0).max((now.0.saturating_sub(started) / 2000) as f32)),
        }
    }

    /// The estimate alone, in microseconds, without the floor.
    pub fn estimate_us(&self, fade: Fade, now: Now) -> Option<f32> {
        self.latency.read(fade, now)
    }

    /// One more measured latency.
    pub fn sample(&self, latency: Duration, fade: Fade, now: Now) {
        self.latency.sample((latency.as_secs_f32() * 1e6).max(1.0), fade, now);
    }

    /// What recent failures add to the latency, in microseconds.
    #[inline]
    pub fn penalty_us(&self, now: Now) -> f32 {
        self.penalty.read(PENALTY_FADE, now).unwrap_or(0.0)
    }

    /// Counts an outcome: streaks, window and penalty. `took` is the measured time of a failed try.
    pub fn record(&self, outcome: Outcome, took: Duration, now: Now) {
        match outcome {
            Outcome::Canceled => return,
            Outcome::Success => {
                self.succeed(now);
                return;
            }
            Outcome::Refused | Outcome::ConnectTimeout => {
                bump(&self.streak_connect);
                bump(&self.streak_gateway);
                self.window.failed(now);
            }
            Outcome::Gateway => {
                bump(&self.streak_gateway);
                bump(&self.streak_server);
                self.window.failed(now);
            }
            Outcome::ServerError => {
                // Not a gateway failure, and it shows that the endpoint answers.
                self.streak_connect.store(0, Ordering::Relaxed);
                self.streak_gateway.store(0, Ordering::Relaxed);
                bump(&self.streak_server);
                self.window.failed(now);
            }
            Outcome::Throttled => {
                self.throttled(false, took, now);
                return;
            }
        }
        self.penalise(took, now);
    }

    /// Counts a 429: never part of a streak, and a failure in the ratio's window only where a policy has it so (balance spec O4).
    pub fn throttled(&self, counts: bool, took: Duration, now: Now) {
        if counts {
            self.window.failed(now);
        } else {
            self.window.ok(now);
        }
        self.answered_at(now);
        self.penalise(took, now);
    }

    fn succeed(&self, now: Now) {
        self.window.ok(now);
        self.answered_at(now);
        self.penalty.halve();
    }

    /// There is somebody who answers: no streak goes on.
    fn answered_at(&self, now: Now) {
        store_if_other(&self.success_tick, now.tick_ms());
        for streak in [&self.streak_connect, &self.streak_gateway, &self.streak_server] {
            if streak.load(Ordering::Relaxed) != 0 {
                streak.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Raises the penalty to at least this, 5 s and at most 300 s: the measured time, or a `Retry-After`.
    pub fn penalise(&self, time: Duration, now: Now) {
        let floor = (time.as_secs_f32() * 1e6).clamp(PENALTY_FLOOR_US, PENALTY_CEILING_US);
        self.penalty.raise(floor, PENALTY_FADE, now);
    }

    /// Failures in a row.
    pub fn streaks(&self) -> Streaks {
        Streaks {
            connect: self.streak_connect.load(Ordering::Relaxed),
            gateway: self.streak_gateway.load(Ordering::Relaxed),
            server: self.streak_server.load(Ordering::Relaxed),
        }
    }

    /// Exact counts of the last `seconds` (1..=10).
    pub fn counts(&self, seconds: u32, now: Now) -> Counts {
        self.window.counts(seconds, now)
    }

    /// Milliseconds since the last success, `None` when there was none.
    pub fn since_success_ms(&self, now: Now) -> Option<u32> {
        since(&self.success_tick, now)
    }

    /// Milliseconds since the endpoint was last chosen, `None` when it never was.
    pub fn since_picked_ms(&self, now: Now) -> Option<u32> {
        since(&self.picked_tick, now)
    }

    /// It was chosen.
    #[inline]
    pub fn picked(&self, now: Now) {
        store_if_other(&self.picked_tick, now.tick_ms());
    }
}

fn bump(streak: &AtomicU16) {
    // Saturates: 65,535 failures in a row say no more than 65,534.
    let _ = streak.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |streak| streak.checked_add(1));
}

/// Leaves the cache line shared when the tick is already there.
fn store_if_other(tick: &AtomicU32, now: u32) {
    if tick.load(Ordering::Relaxed) != now {
        tick.store(now, Ordering::Relaxed);
    }
}

fn since(tick: &AtomicU32, now: Now) -> Option<u32> {
    match tick.load(Ordering::Relaxed) {
        0 => None,
        tick => Some(now.since_tick(tick)),
    }
}

#[cfg(test)]
mod tests;
