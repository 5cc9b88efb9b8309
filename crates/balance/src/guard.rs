//! What a pick gives: the endpoint, its raised count, and the place where the end of the try is told (balance spec V4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use model::endpoint::Endpoint;
use model::policy::{Outlier, Policy};
use model::vitals::{Fade, State, Trial, Vitals, Why};
use model::{Holds, InFlight, LoadReport, Now, Outcome};

use crate::build::{Picker, Table};
use crate::ledger::Ledger;
use crate::report::Report;
use crate::rng::{Handle, mix};
use crate::{Layer, NoPick};

/// One request at an endpoint. Dropping it lowers every count it raised, exactly once; the response body or the tunnel
/// holds it, not the future.
#[derive(Debug)]
pub struct Guard {
    flight: InFlight<Held>,
    seat: Seat,
    told: AtomicU8,
    trial: bool,
}

/// What a guard holds: one reference in all, counted where only its own worker counts.
#[derive(Debug)]
pub(crate) enum Held {
    /// An endpoint of the picker that chose it.
    Quick(Arc<Handle>, u32),
    /// What is needed of the picker, so that a tunnel of hours does not keep an old one with its tables.
    Lasting(Arc<Ledger>, Arc<Endpoint>, Arc<Policy>),
}

impl Holds for Held {
    fn endpoint(&self) -> &Arc<Endpoint> {
        match self {
            Held::Quick(handle, index) => &handle.picker.entries[*index as usize].endpoint,
            Held::Lasting(_, endpoint, _) => endpoint,
        }
    }
}

impl Held {
    fn ledger(&self) -> &Arc<Ledger> {
        match self {
            Held::Quick(handle, _) => &handle.picker.ledger,
            Held::Lasting(ledger, ..) => ledger,
        }
    }
}

/// The request's place in the counts of its service and pool, where those are kept.
#[derive(Debug)]
pub(crate) struct Seat {
    in_service: Option<Layer>,
    in_pool: bool,
}

const NOTHING_TOLD: u8 = 0;
const TOLD_GOOD: u8 = 1;
const TOLD_BAD: u8 = 2;
/// Its head is there; how it went is said at the end.
const TOLD_HALF: u8 = 3;

impl Seat {
    /// Takes a place in the service's limit, if it has one.
    pub(crate) fn take(picker: &Picker) -> Result<Self, NoPick> {
        if picker.uncounted {
            return Ok(Self { in_service: None, in_pool: false });
        }
        let limits = &picker.pool.policy.limits;
        let limit = if picker.layer == Layer::Http { limits.service_in_flight } else { limits.service_connections };
        let ledger = &picker.ledger;
        if let Some(limit) = limit {
            let count = ledger.service.count(picker.layer);
            let below = |count: u32| (count < limit).then_some(count + 1);
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).map_err(|_| NoPick::Full)?;
        }
        let in_pool = picker.pool.policy.tuning.bounded_load_percent > 0;
        if in_pool {
            ledger.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Self { in_service: limit.map(|_| picker.layer), in_pool })
    }

    /// Gives the places back.
    pub(crate) fn leave(&self, ledger: &Ledger) {
        if let Some(layer) = self.in_service {
            ledger.service.count(layer).fetch_sub(1, Ordering::Relaxed);
        }
        if self.in_pool {
            ledger.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Guard {
    pub(crate) fn new(flight: InFlight<Held>, seat: Seat, trial: bool) -> Self {
        Self { flight, seat, told: AtomicU8::new(NOTHING_TOLD), trial }
    }

    /// For what may last for hours: holds the endpoint itself and no longer the picker that chose it.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        if let Held::Quick(handle, _) = self.flight.holder()
            && !matches!(handle.picker.table, Table::Slots(_))
        {
            let (ledger, endpoint, policy) = (&handle.picker.ledger, self.endpoint(), &handle.picker.pool.policy);
            let held = Held::Lasting(Arc::clone(ledger), Arc::clone(endpoint), Arc::clone(policy));
            self.flight.hold_by(held);
        }
        self
    }

    fn ledger(&self) -> &Ledger {
        self.flight.holder().ledger()
    }

    /// The policy that it was picked under: what a request is judged by does not change while it is under way.
    fn policy(&self) -> &Policy {
        match self.flight.holder() {
            Held::Quick(handle, _) => &handle.picker.pool.policy,
            Held::Lasting(_, _, policy) => policy,
        }
    }

    /// Whom to connect to.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        self.flight.endpoint()
    }

    /// Whether this is the one trial of an ejected endpoint.
    pub fn is_trial(&self) -> bool {
        self.trial
    }

    /// A connection to the endpoint was made: a refusal is over.
    pub fn connected(&self, now: Now) {
        let vitals = self.flight.vitals();
        if self.trial && vitals.ejection().is_some_and(|ejection| ejection.why == Why::Refused) {
            vitals.readmit(now);
        }
    }

    /// The response head is complete, or the try failed before it, `latency` after dispatch. For an opaque stream: the
    /// connection is open, or could not be opened. Only the first call counts.
    pub fn head(&self, outcome: Outcome, latency: Duration, now: Now) {
        let told = if outcome.failed() { TOLD_BAD } else { TOLD_GOOD };
        // One thread at a time tells it: no exchange is needed.
        if self.told.load(Ordering::Relaxed) != NOTHING_TOLD {
            return;
        }
        self.told.store(told, Ordering::Relaxed);
        self.flight.answered();
        self.sample(outcome, latency, false, now);
        self.judge(outcome, latency, now);
    }

    /// The response head is complete, and says nothing of how it went: [`Guard::finish`] will, as a gRPC status in the trailers does.
    pub fn heard(&self, latency: Duration, now: Now) {
        if self.trial {
            // Whoever waits for the end of its trial does not wait for a stream of hours.
            self.flight.vitals().trial_began_well(now);
        }
        if self.told.load(Ordering::Relaxed) == NOTHING_TOLD {
            self.told.store(TOLD_HALF, Ordering::Relaxed);
            self.flight.answered();
            self.sample(Outcome::Success, latency, false, now);
        }
    }

    /// The last byte, `elapsed` after dispatch, or what went wrong after the head (a reset, a gRPC status in the trailers).
    /// Lowers the counts. Without a call of [`Guard::head`] before, it counts as one.
    pub fn finish(self, outcome: Outcome, elapsed: Duration, now: Now) {
        match self.told.load(Ordering::Relaxed) {
            NOTHING_TOLD => self.head(outcome, elapsed, now),
            TOLD_HALF => {
                self.told.store(TOLD_GOOD, Ordering::Relaxed);
                self.judge(outcome, elapsed, now);
            }
            TOLD_GOOD if outcome.failed() => self.judge(outcome, elapsed, now),
            _ => {}
        }
        self.sample(outcome, elapsed, true, now);
    }

    /// The answer asked to be left alone for this long (`Retry-After`, gRPC push-back).
    pub fn pushed_back(&self, time: Duration, now: Now) {
        self.flight.vitals().penalise(time, now);
    }

    /// The answer carried a report of the endpoint's load.
    pub fn report(&self, report: &Report, now: Now) {
        let utilisation = report.utilisation(&self.policy().tuning.metrics);
        let seconds = report.named("latency_seconds");
        self.flight.vitals().report(
            &LoadReport {
                utilisation: utilisation.map(|value| value as f32),
                cpu: report.cpu.map(|value| value as f32),
                memory: report.memory.map(|value| value as f32),
                in_flight: report.named("in_flight").map(|value| value as f32),
                latency_us: seconds.map(|value| (value * 1e6) as f32),
                requests_per_s: report.requests_per_second.map(|value| value as f32),
                errors_per_s: report.errors_per_second.map(|value| value as f32),
            },
            now,
        );
    }

    fn sample(&self, outcome: Outcome, latency: Duration, complete: bool, now: Now) {
        let (vitals, tuning) = (self.flight.vitals(), &self.policy().tuning);
        let fade = Fade::over(tuning.decay);
        let counts = match outcome {
            Outcome::Success => complete == tuning.measure_complete,
            // Time that was waited in vain counts only if it makes the endpoint look slower, not faster.
            Outcome::Canceled | Outcome::Gateway if !complete => {
                vitals.estimate_us(fade, now).is_some_and(|estimate| latency.as_secs_f32() * 1e6 > estimate)
            }
            _ => false,
        };
        if counts {
            vitals.sample(latency, fade, now);
        }
    }

    /// Counts the outcome, ends a trial, ejects (balance spec O2, O3, O6).
    fn judge(&self, outcome: Outcome, took: Duration, now: Now) {
        let vitals = self.flight.vitals();
        let ledger = self.ledger();
        let outlier = &self.policy().outlier;
        match outcome {
            Outcome::Throttled => vitals.throttled(outlier.count_429, took, now),
            outcome => vitals.record(outcome, took, now),
        }
        if self.trial && vitals.state().has(State::TRIAL) {
            let trial = match outcome {
                Outcome::Canceled => Trial::Abandoned,
                outcome if outcome.failed() && outcome != Outcome::Throttled => Trial::Failed,
                _ => Trial::Passed,
            };
            vitals.end_trial(trial, term(outlier, vitals, now), now);
            ledger.queue.call();
        } else if outcome == Outcome::Refused {
            let (base, max, jitter) = term(outlier, vitals, now);
            vitals.eject(Why::Refused, base, max, jitter, now);
        }
        if let Some(why) = streak(outlier, vitals, outcome) {
            ledger.eject_alone(|picker| eject_within_cap(picker, vitals, why, now));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A trial that ended without a word must not keep the next one out.
        if self.trial && matches!(self.told.load(Ordering::Relaxed), NOTHING_TOLD | TOLD_HALF) {
            self.flight.vitals().mark(State::TRIAL, false);
        }
        self.flight.lower();
        if let Held::Quick(handle, index) = self.flight.holder() {
            handle.picker.freed(*index);
        }
        let ledger = self.flight.holder().ledger();
        self.seat.leave(ledger);
        // Whoever waits finds the counts lower.
        ledger.queue.call();
    }
}

/// Base, maximum and jitter of an ejection. The jitter is drawn from the moment and the endpoint: no state, no random source.
pub(crate) fn term(outlier: &Outlier, vitals: &Vitals, now: Now) -> (Duration, Duration, f32) {
    let bits = mix(now.0 ^ std::ptr::from_ref(vitals) as u64);
    (outlier.base_time, outlier.max_time, (bits >> 40) as f32 / (1u64 << 24) as f32)
}

/// Whether failures in a row are enough.
fn streak(outlier: &Outlier, vitals: &Vitals, outcome: Outcome) -> Option<Why> {
    if !outlier.enabled || !outcome.failed() || outcome == Outcome::Throttled || vitals.state().has(State::EJECTED) {
        return None;
    }
    in_a_row(outlier, vitals)
}

/// Which failures in a row are as many as the policy ejects for.
pub(crate) fn in_a_row(outlier: &Outlier, vitals: &Vitals) -> Option<Why> {
    let streaks = vitals.streaks();
    let reached = |streak: u16, limit: u32| limit > 0 && u32::from(streak) >= limit;
    if reached(streaks.gateway, outlier.consecutive_gateway) {
        return Some(Why::Gateway);
    }
    reached(streaks.server, outlier.consecutive_5xx).then_some(Why::Server)
}

/// Ejects by soft evidence if the pool's cap allows one more and another endpoint stays usable (balance spec O7).
pub(crate) fn eject_within_cap(picker: &Picker, vitals: &Vitals, why: Why, now: Now) {
    let outlier = &picker.policy().outlier;
    let others = |held: &dyn Fn(State) -> bool| {
        picker
            .entries
            .iter()
            .filter(|entry| {
                entry.endpoint.weight > 0
                    && entry.agent_percent > 0
                    && !std::ptr::eq(&*entry.endpoint.vitals, vitals)
                    && held(entry.endpoint.vitals.state())
            })
            .count()
    };
    let ejected = others(&|state| state.has(State::EJECTED));
    let left = others(&|state| !state.barred());
    if ejected < cap(picker.drawable, outlier) && left > 0 {
        let (base, max, jitter) = term(outlier, vitals, now);
        vitals.mark(State::SUSPECT, false);
        vitals.eject(why, base, max, jitter, now);
    } else {
        vitals.mark(State::SUSPECT, true);
    }
}

/// How many of n endpoints soft evidence may eject.
pub(crate) fn cap(n: usize, outlier: &Outlier) -> usize {
    usize::from(n >= 2).max(n * usize::from(outlier.max_ejected_percent) / 100)
}
