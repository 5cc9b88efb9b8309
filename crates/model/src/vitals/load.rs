//! What instances report of their load, and the last result of an active check (balance spec V13, S12, S14).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::decay::left;
use super::{Fade, Now, Vitals, since};

/// Time constant of the smoothed utilisation (balance spec S12).
const UTILISATION_FADE: Fade = Fade::over(Duration::from_secs(5));

/// One report, already reduced to what is kept. Every number is finite and above 0, or absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// The share of its capacity in use, by the metrics the policy asks for; may exceed 1.
    pub utilisation: Option<f32>,
    /// Processor utilisation.
    pub cpu: Option<f32>,
    /// Share of memory in use, 0..=1.
    pub memory: Option<f32>,
    /// Requests in flight as the endpoint sees them.
    pub in_flight: Option<f32>,
    /// Latency as the endpoint sees it, in microseconds.
    pub latency_us: Option<f32>,
    /// Requests a second.
    pub requests_per_s: Option<f32>,
    /// Errors a second.
    pub errors_per_s: Option<f32>,
}

/// Time constant of the smoothed latency: the best of many single answers would be the luckiest one (balance spec S19).
const LATENCY_FADE: Fade = Fade::over(Duration::from_secs(1));

/// Read by `weigh` and tables, written by reports and probes.
#[derive(Debug, Default)]
pub(super) struct Load {
    utilisation: Average,
    cpu: AtomicU32,
    memory: AtomicU32,
    in_flight: AtomicU32,
    latency_us: AtomicU32,
    requests_per_s: AtomicU32,
    errors_per_s: AtomicU32,
    reported_tick: AtomicU32,
    in_flight_tick: AtomicU32,
    first_tick: AtomicU32,
    /// Last probe: 0 none, 1 failed, 2 passed; and its tick.
    probe: AtomicU32,
    probe_tick: AtomicU32,
}

/// An ordinary moving average over a time constant.
#[derive(Debug, Default)]
struct Average(std::sync::atomic::AtomicU64);

impl Average {
    fn update(&self, sample: f32, now: Now) {
        let word = self.0.load(Ordering::Relaxed);
        let (value, tick) = (f32::from_bits((word >> 32) as u32), word as u32);
        let next = if word == 0 {
            sample
        } else {
            let keep = left(tick, now, UTILISATION_FADE);
            value * keep + sample * (1.0 - keep)
        };
        // A lost update is one lost report of many.
        self.0.store(u64::from(next.to_bits()) << 32 | u64::from(now.tick_ms()), Ordering::Relaxed);
    }

    fn read(&self) -> Option<f32> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            word => Some(f32::from_bits((word >> 32) as u32)),
        }
    }
}

/// A number that a report may say, within bounds between which sums and quotients stay numbers. What is none, and 0 and less, is not
/// heard.
fn bounded(value: f32) -> Option<f32> {
    (value.is_finite() && value > 0.0).then(|| value.clamp(1e-6, 1e9))
}

fn put(slot: &AtomicU32, value: Option<f32>) {
    if let Some(value) = value.and_then(bounded) {
        slot.store(value.to_bits(), Ordering::Relaxed);
    }
}

fn get(slot: &AtomicU32) -> Option<f32> {
    match slot.load(Ordering::Relaxed) {
        0 => None,
        bits => Some(f32::from_bits(bits)),
    }
}

impl Vitals {
    /// Takes a report of the endpoint's load. Numbers that are not finite and above 0 are ignored.
    pub fn report(&self, report: &LoadReport, now: Now) {
        let load = &self.load;
        if let Some(utilisation) = report.utilisation.and_then(bounded) {
            load.utilisation.update(utilisation, now);
            // A pause longer than any expiry in use starts a new blackout through `forget_reports`.
            let _ = load.first_tick.compare_exchange(0, now.tick_ms(), Ordering::Relaxed, Ordering::Relaxed);
            load.reported_tick.store(now.tick_ms(), Ordering::Relaxed);
        }
        let latency_us = report.latency_us.and_then(bounded);
        put(&load.latency_us, latency_us.map(|latency_us| self.smoothed_latency(latency_us, now)));
        if report.in_flight.and_then(bounded).is_some() {
            load.in_flight_tick.store(now.tick_ms(), Ordering::Relaxed);
        }
        put(&load.cpu, report.cpu);
        put(&load.memory, report.memory);
        put(&load.in_flight, report.in_flight);
        put(&load.requests_per_s, report.requests_per_s);
        // No errors is a report too: a rate is not sent when it is 0.
        if report.requests_per_s.is_some() {
            load.errors_per_s.store(0, Ordering::Relaxed);
            put(&load.errors_per_s, report.errors_per_s);
        }
    }

    /// A reported latency with what is left of those before it, as old as the last report of requests in flight.
    fn smoothed_latency(&self, latency_us: f32, now: Now) -> f32 {
        let tick = self.load.in_flight_tick.load(Ordering::Relaxed);
        let keep = if tick == 0 { 0.0 } else { left(tick, now, LATENCY_FADE) };
        get(&self.load.latency_us).map_or(latency_us, |before| before * keep + latency_us * (1.0 - keep))
    }

    /// The smoothed utilisation, if the newest report is younger than `expiry` and the first older than `blackout`.
    pub fn utilisation(&self, blackout: Duration, expiry: Duration, now: Now) -> Option<f32> {
        let fresh = since(&self.load.reported_tick, now)? as u128 <= expiry.as_millis();
        let settled = since(&self.load.first_tick, now)? as u128 >= blackout.as_millis();
        if fresh && settled { self.load.utilisation.read() } else { None }
    }

    /// Requests in flight and latency in microseconds as the endpoint sees them, if it reported within `age`.
    pub fn reported_within(&self, age: Duration, now: Now) -> Option<(f32, Option<f32>)> {
        let fresh = since(&self.load.in_flight_tick, now)? as u128 <= age.as_millis();
        get(&self.load.in_flight).filter(|_| fresh).map(|in_flight| (in_flight, get(&self.load.latency_us)))
    }

    /// A report that has expired is forgotten, so that the next one begins a new blackout.
    pub fn forget_reports(&self, expiry: Duration, now: Now) {
        if since(&self.load.reported_tick, now).is_some_and(|age| age as u128 > expiry.as_millis()) {
            self.load.first_tick.store(0, Ordering::Relaxed);
            self.load.reported_tick.store(0, Ordering::Relaxed);
            self.load.memory.store(0, Ordering::Relaxed);
        }
    }

    /// The newest report, for tables.
    pub fn reported(&self) -> LoadReport {
        LoadReport {
            utilisation: self.load.utilisation.read(),
            cpu: get(&self.load.cpu),
            memory: get(&self.load.memory),
            in_flight: get(&self.load.in_flight),
            latency_us: get(&self.load.latency_us),
            requests_per_s: get(&self.load.requests_per_s),
            errors_per_s: get(&self.load.errors_per_s),
        }
    }

    /// An active check ended.
    pub fn probed(&self, passed: bool, now: Now) {
        self.load.probe.store(if passed { 2 } else { 1 }, Ordering::Relaxed);
        self.load.probe_tick.store(now.tick_ms(), Ordering::Relaxed);
    }

    /// The last check: whether it passed and how many milliseconds ago.
    pub fn last_probe(&self, now: Now) -> Option<(bool, u32)> {
        let age = since(&self.load.probe_tick, now)?;
        Some((self.load.probe.load(Ordering::Relaxed) == 2, age))
    }
}
