//! The fast slow loop, every 100 ms: failure ratios, trials that are due, forgotten endpoints, the guards against mass
//! removal, and the numbers that picks of unmeasured and ramping endpoints need (balance spec B5, sections 5, 7, 8).

mod nodes;
mod outliers;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::Now;
use model::endpoint::Endpoint;
use model::ident::Origin;
use model::policy::{HedgeAfter, Strategy};
use model::snapshot::Snapshot;
use model::vitals::{Counts, Ejection, State, exp_minus};

use crate::build::{Entry, Picker};
use crate::guard::{cap, eject_within_cap, in_a_row};
use crate::ledger::Ledger;
use crate::weigh::rates_moved;
use crate::{Method, Pickers};

/// A ramping endpoint is chosen at least this often while there is traffic (balance spec C5).
const RAMP_VISIT_MS: u32 = 5_000;
/// A forgotten endpoint of a latency-aware pool is visited after this long (balance spec V11).
const VISIT_MS: u32 = 10_000;
/// Of so many picks one may be a visit.
const VISIT_ONE_OF: u64 = 100;
/// `Auto` goes by looks from this many endpoints on, while half of them report; a change must have lasted so long.
const LOOKS_FROM: usize = 4;
const LOOKS_STABLE_MS: u32 = 10_000;
const REPORT_AGE: Duration = Duration::from_secs(1);
/// Of the smoothing of what is typically in flight: 100 ms over 60 s.
const TYPICAL_STEP: f32 = 0.1 / 60.0;

/// What a run of [`judge`] found out.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Endpoints whose state changed since the last run: one event and one log line each.
    pub transitions: Vec<Transition>,
    /// Endpoints ejected because nobody listens: `node` tries a connection to each about once a second and calls
    /// [`model::Vitals::reachable_again`] when one is made (balance spec H8).
    pub refused: Vec<Arc<Endpoint>>,
    /// Services of which every endpoint is out, so that the least bad one is used.
    pub panic: Vec<Origin>,
}

/// A change of state.
#[derive(Debug)]
pub struct Transition {
    /// Whose.
    pub endpoint: Arc<Endpoint>,
    /// The service through which it was noticed.
    pub service: Origin,
    /// Before.
    pub before: State,
    /// Now.
    pub now: State,
    /// The ejection, where there is one.
    pub ejection: Option<Ejection>,
}

/// Judges the endpoints of every pool with traffic in the last minute or an unsettled state.
pub fn judge(snapshot: &Snapshot, pickers: &Pickers, now: Now) -> Judgement {
    pickers.tick(now);
    let mut judgement = Judgement::default();
    for (&(id, _), ledger) in pickers.ledgers().iter() {
        let Some(pool) = snapshot.pool(id) else { continue };
        pickers.prefer(ledger, pool);
        let Some(picker) = ledger.newest() else { continue };
        let unsettled = picker.ramping || picker.entries.iter().any(|entry| entry.endpoint.vitals.state() != State::default());
        if !ledger.active(now) && !unsettled {
            continue;
        }
        relent(&picker, now);
        judge_ratio(&picker, now);
        outliers::judge(&picker, now);
        nodes::judge(&picker, now);
        let unsettled = settle(&picker, &mut judgement, now);
        overrule(&picker);
        remember(&picker, ledger, now);
        wish(&picker, ledger, now);
        // What calls nobody: terms that ended, verdicts of checks, places at endpoints that other services share.
        ledger.queue.call();
        if unsettled && picker.entries.iter().all(|entry| entry.endpoint.vitals.state().barred()) && ledger.panic.load(Ordering::Relaxed) {
            judgement.panic.push(ledger.service.origin.clone());
        } else {
            ledger.panic.store(false, Ordering::Relaxed);
        }
        let reweighed = rates_moved(&picker, ledger, pickers.seed(), now);
        let retold = picker.entries.iter().any(|entry| entry.vitals.agent_percent() != entry.agent_percent);
        if reweighed || retold || picker.ramping || is_ramping(&picker, now) || looks_turn(&picker, ledger, now) {
            pickers.rebuild(ledger, now);
        }
    }
    judgement
}

/// Under `Auto`: whether it is time to go over to looks, or back. Half of at least four endpoints must have told within the last
/// second what they have in flight, or fewer, for ten seconds on end (balance spec S1).
fn looks_turn(picker: &Picker, ledger: &Ledger, now: Now) -> bool {
    if picker.policy().strategy != Strategy::Auto || !matches!(picker.method, Method::PeakEwma | Method::Prequal) {
        return false;
    }
    let reports = |entry: &&Entry| entry.vitals.reported_within(REPORT_AGE, now).is_some();
    let reporters = picker.entries.iter().filter(reports).count();
    let wanted = picker.entries.len() >= LOOKS_FROM && reporters * 2 >= picker.entries.len();
    let since = &ledger.by_looks_tick;
    if wanted == ledger.by_looks.load(Ordering::Relaxed) {
        since.store(0, Ordering::Relaxed);
        return false;
    }
    match since.load(Ordering::Relaxed) {
        0 => since.store(now.tick_ms(), Ordering::Relaxed),
        tick if now.since_tick(tick) >= LOOKS_STABLE_MS => {
            ledger.by_looks.store(wanted, Ordering::Relaxed);
            since.store(0, Ordering::Relaxed);
            return true;
        }
        _ => {}
    }
    false
}

fn is_ramping(picker: &Picker, now: Now) -> bool {
    let slow_start = picker.policy().slow_start.as_ref();
    slow_start.is_some() && picker.entries.iter().any(|entry| crate::ramp::factor(&entry.endpoint.vitals, slow_start, now) < 1.0)
}

/// Takes suspicions back that nothing speaks for any more, before the rules that raise them, and lets trials pass whose answer began
/// well and goes on.
fn relent(picker: &Picker, now: Now) {
    let outlier = &picker.policy().outlier;
    let seconds = outlier.window.as_secs().clamp(1, 10) as u32;
    for entry in &picker.entries {
        let vitals = &entry.endpoint.vitals;
        let (state, streaks) = (vitals.state(), vitals.streaks());
        let fails = || {
            let counts = vitals.counts(seconds, now);
            counts.total() >= outlier.min_requests && counts.failed_percent() >= f32::from(outlier.failure_percent)
        };
        let in_a_row = || streaks.gateway > 0 || in_a_row(outlier, vitals).is_some();
        if state.has(State::SUSPECT) && !in_a_row() && !state.has(State::PROBE_DOWN) && !fails() {
            vitals.mark(State::SUSPECT, false);
        }
        vitals.pass_trial_in_time(now);
    }
}

/// Ejects whoever fails much and much more than the others (balance spec O4): relative, so that one bad release does not
/// eject itself.
fn judge_ratio(picker: &Picker, now: Now) {
    let outlier = &picker.policy().outlier;
    if !outlier.enabled || picker.drawable < 2 {
        return;
    }
    let seconds = outlier.window.as_secs().clamp(1, 10) as u32;
    let known: Vec<(usize, Counts)> = (0..picker.entries.len())
        .map(|index| (index, picker.vitals(index).counts(seconds, now)))
        .filter(|(_, counts)| counts.total() >= outlier.min_requests)
        .collect();
    for &(index, counts) in &known {
        let (vitals, percent) = (picker.vitals(index), counts.failed_percent());
        if percent < f32::from(outlier.failure_percent) || counts.failed == 0 || vitals.state().has(State::EJECTED) {
            continue;
        }
        let mut others: Vec<f32> = known.iter().filter(|(other, _)| *other != index).map(|(_, counts)| counts.failed_percent()).collect();
        if median(&mut others).is_some_and(|median| percent >= 3.0 * median) {
            // Not while a request ejects: each would count without the other.
            picker.ledger.eject_alone(|picker| eject_within_cap(picker, vitals, model::vitals::Why::Ratio, now));
        }
    }
}

/// Lets old ejections fade, announces changes, lists the refused. Gives whether anything is out of the ordinary.
fn settle(picker: &Picker, judgement: &mut Judgement, now: Now) -> bool {
    let mut unsettled = false;
    for entry in &picker.entries {
        let vitals = &entry.endpoint.vitals;
        unsettled |= vitals.settle(now);
        let state = vitals.state();
        if state.has(State(State::EJECTED.0 | State::HARD.0)) && !state.has(State::GONE) {
            judgement.refused.push(Arc::clone(&entry.endpoint));
        }
        unsettled |= state != State::default();
        if let Some((before, now)) = vitals.changed_state() {
            let service = picker.ledger.service.origin.clone();
            let ejection = vitals.ejection();
            judgement.transitions.push(Transition { endpoint: Arc::clone(&entry.endpoint), service, before, now, ejection });
        }
    }
    unsettled
}

/// Decides per pool whom soft evidence may keep out: ejections up to this policy's cap, failing checks up to half of the
/// pool unless the data plane agrees (balance spec O7, O10, H9).
fn overrule(picker: &Picker) {
    let n = picker.drawable;
    let (mut ejections_left, mut downs_left) = (cap(n, &picker.policy().outlier), n / 2);
    let held = |wanted: State| picker.entries.iter().filter(|entry| entry.endpoint.vitals.state().has(wanted)).count();
    ejections_left = ejections_left.max(held(State(State::EJECTED.0 | State::HARD.0)));
    ejections_left -= held(State(State::EJECTED.0 | State::HARD.0));
    let agreed = |index: usize| picker.vitals(index).streaks().gateway > 0;
    for index in 0..picker.entries.len() {
        let (vitals, state) = (picker.vitals(index), picker.vitals(index).state());
        let confirmed = state.has(State::PROBE_DOWN) && agreed(index);
        if confirmed {
            downs_left = downs_left.saturating_sub(1);
        }
        if confirmed != state.has(State::CONFIRMED) {
            vitals.mark(State::CONFIRMED, confirmed);
        }
    }
    for index in 0..picker.entries.len() {
        let state = picker.vitals(index).state();
        let mut keep_in = false;
        if state.has(State::EJECTED) && !state.has(State::HARD) {
            keep_in |= ejections_left == 0;
            ejections_left = ejections_left.saturating_sub(1);
        }
        if state.has(State::PROBE_DOWN) && !agreed(index) {
            keep_in |= downs_left == 0;
            downs_left = downs_left.saturating_sub(1);
            picker.vitals(index).mark(State::SUSPECT, keep_in);
        }
        let bit = 1 << (index % 64);
        let word = &picker.overruled[index / 64];
        if keep_in && !picker.is_overruled(index) {
            word.fetch_or(bit, Ordering::Relaxed);
        } else if !keep_in && picker.is_overruled(index) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
}

/// Keeps the pool's median latency for newcomers, what is typically in flight, and when a try is slow.
fn remember(picker: &Picker, ledger: &Ledger, now: Now) {
    let mut estimates: Vec<f32> = picker.entries.iter().filter_map(|entry| entry.endpoint.vitals.estimate_us(picker.fade, now)).collect();
    if let Some(median) = median(&mut estimates) {
        ledger.set_prior_us(median.max(1.0));
    }
    let usable = picker.entries.iter().filter(|entry| !entry.endpoint.vitals.state().barred());
    let (count, in_flight) = usable.fold((0u32, 0u32), |(count, sum), entry| (count + 1, sum + entry.endpoint.vitals.in_flight()));
    let keep = exp_minus(TYPICAL_STEP);
    let mean = in_flight as f32 / count.max(1) as f32;
    ledger.set_typical(ledger.typical() * keep + mean * (1.0 - keep));
    if let Some(HedgeAfter::Percentile(percent)) = picker.policy().hedge.map(|hedge| hedge.after) {
        ledger.set_hedge_after(ledger.service.hedging.learn(percent, now));
    }
}

/// Posts whom the next pick should choose: a trial that is due, else an endpoint that was left alone for too long.
fn wish(picker: &Picker, ledger: &Ledger, now: Now) {
    if !ledger.active(now) {
        ledger.drop_wish();
        return;
    }
    let due = |index: &usize| {
        let vitals = picker.vitals(*index);
        vitals.ejection().is_some_and(|ejection| ejection.until <= now) && !vitals.state().has(State::TRIAL) && !picker.shut(*index)
    };
    if let Some(index) = (0..picker.entries.len()).find(due) {
        ledger.post_wish(index, now);
        return;
    }
    let lonely = |limit: u32| {
        move |index: &usize| {
            let entry = &picker.entries[*index];
            let vitals = &entry.endpoint.vitals;
            entry.endpoint.weight > 0 && !vitals.state().barred() && vitals.since_picked_ms(now).is_none_or(|ms| ms >= limit)
        }
    };
    let ramping = (0..picker.entries.len()).filter(|&index| picker.entries[index].ramp < 1.0).find(lonely(RAMP_VISIT_MS));
    if let Some(index) = ramping {
        ledger.post_wish(index, now);
        return;
    }
    if !matches!(picker.method, Method::PeakEwma | Method::Performance | Method::Prequal) {
        return;
    }
    // One visit a hundred picks: with this many in ten seconds, the pause between two visits is the tenth part of 1000 / picks.
    let picks: u64 = (0..picker.entries.len()).map(|index| u64::from(picker.vitals(index).counts(10, now).total())).sum();
    let pause_ms = (VISIT_ONE_OF * 10_000).checked_div(picks).unwrap_or(u64::MAX);
    if u64::from(now.since_tick(ledger.visited_tick.load(Ordering::Relaxed))) < pause_ms {
        return;
    }
    if let Some(index) = (0..picker.entries.len()).find(lonely(VISIT_MS)) {
        ledger.visited_tick.store(now.tick_ms(), Ordering::Relaxed);
        ledger.post_wish(index, now);
    }
}

/// The middle one; of an even number the lower middle.
pub(crate) fn median(values: &mut [f32]) -> Option<f32> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}
