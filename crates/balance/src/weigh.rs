//! The slower loop, every second: weights from the load that endpoints report, the memory gate, and the end of pickers
//! nobody needs (balance spec S12, S14).

use model::policy::Strategy;
use model::snapshot::Snapshot;
use model::vitals::State;
use model::{Now, Vitals};

use crate::Pickers;
use crate::build::Picker;
use crate::ledger::Ledger;

/// Step of the weights towards equal utilisation, and its bound a second.
const GAIN: f32 = 0.2;
const STEP_MAX: f32 = 0.1;
/// Below this mean utilisation differences are noise.
const MEAN_MIN: f32 = 0.05;
/// A lying backend takes at most five times its share.
const WEIGHT_MIN: f32 = 0.2;
const WEIGHT_MAX: f32 = 5.0;
/// Reported memory must fall this far below the gate to open it again.
const MEMORY_RELEASE: f32 = 0.05;

/// Moves the weights of pools whose strategy is `Performance`, and lets go of pickers of pools that are gone.
pub fn weigh(snapshot: &Snapshot, pickers: &Pickers, now: Now) {
    pickers.tick(now);
    for ledger in pickers.ledgers().values() {
        let scored = |picker: &Picker| picker.policy().strategy == Strategy::Performance && !picker.policy().tuning.by_rates;
        let Some(picker) = ledger.newest().filter(|picker| scored(picker) && ledger.active(now)) else { continue };
        if weigh_pool(&picker, now) {
            pickers.rebuild(ledger, now);
        }
    }
    pickers.collect(snapshot, now);
}

/// Gives whether a weight moved.
fn weigh_pool(picker: &Picker, now: Now) -> bool {
    let tuning = &picker.policy().tuning;
    let vitals: Vec<&Vitals> = picker.entries.iter().map(|entry| &*entry.endpoint.vitals).collect();
    let used: Vec<Option<f32>> = vitals.iter().map(|vitals| vitals.utilisation(tuning.blackout, tuning.expiry, now)).collect();
    let reporters: Vec<f32> = used.iter().copied().flatten().collect();
    let mean = reporters.iter().sum::<f32>() / reporters.len().max(1) as f32;
    let mut next: Vec<f32> = vitals
        .iter()
        .zip(&used)
        .map(|(vitals, used)| match used {
            Some(used) if reporters.len() >= 2 => step(vitals.slow_weight(), mean, *used),
            _ => 1.0,
        })
        .collect();
    let average = next.iter().sum::<f32>() / next.len().max(1) as f32;
    let mut moved = false;
    for ((vitals, next), used) in vitals.iter().zip(&mut next).zip(&used) {
        vitals.forget_reports(tuning.expiry, now);
        let gate = memory_gate(vitals, tuning.memory_high, tuning.memory_max);
        let weight = if used.is_some() { (*next / average).clamp(WEIGHT_MIN, WEIGHT_MAX) } else { 1.0 } * gate;
        moved |= (weight - vitals.slow_weight()).abs() > 0.005;
        vitals.set_slow_weight(weight);
    }
    moved
}

/// Whether weights by rates are due in this pool, and moved: `judge` asks every 100 ms, as their period is the policy's own.
pub(crate) fn rates_moved(picker: &Picker, ledger: &Ledger, seed: u64, now: Now) -> bool {
    let policy = picker.policy();
    let wanted = policy.strategy == Strategy::Performance && policy.tuning.by_rates && ledger.active(now);
    let period_ms = u32::try_from(policy.tuning.update_period.as_millis()).unwrap_or(u32::MAX);
    wanted && ledger.weighs(period_ms, seed, now) && weigh_by_rates(picker, now)
}

/// Weights of gRFC A58: requests a second for each unit of utilisation and share of errors, as the endpoints report them; who
/// reports nothing fresh gets the mean, and of fewer than two reporters all are equal. Gives whether a weight moved.
fn weigh_by_rates(picker: &Picker, now: Now) -> bool {
    let tuning = &picker.policy().tuning;
    let rate = |vitals: &Vitals| {
        let (used, told) = (vitals.utilisation(tuning.blackout, tuning.expiry, now)?, vitals.reported());
        let requests = told.requests_per_s?;
        Some(requests / (used + told.errors_per_s.unwrap_or(0.0) / requests * tuning.error_penalty))
    };
    let rates: Vec<Option<f32>> = picker.entries.iter().map(|entry| rate(&entry.vitals).filter(|rate| rate.is_finite() && *rate > 0.0)).collect();
    let reporters = rates.iter().flatten().count();
    let mean = rates.iter().flatten().sum::<f32>() / reporters.max(1) as f32;
    let mut moved = false;
    for (entry, rate) in picker.entries.iter().zip(&rates) {
        let vitals = &entry.vitals;
        vitals.forget_reports(tuning.expiry, now);
        let gate = memory_gate(vitals, tuning.memory_high, tuning.memory_max);
        let share = rate.filter(|_| reporters >= 2).map_or(1.0, |rate| (rate / mean).clamp(WEIGHT_MIN, WEIGHT_MAX)) * gate;
        moved |= (share - vitals.slow_weight()).abs() > 0.005;
        vitals.set_slow_weight(share);
    }
    moved
}

fn step(weight: f32, mean: f32, used: f32) -> f32 {
    let error = (mean - used) / mean.max(MEAN_MIN);
    (weight * (1.0 + (GAIN * error).clamp(-STEP_MAX, STEP_MAX))).clamp(WEIGHT_MIN, WEIGHT_MAX)
}

/// Memory is a gate, never a weight: heaps do not shrink when traffic leaves. Marks the endpoint when it is almost full
/// and gives the factor of its weight.
fn memory_gate(vitals: &Vitals, high_percent: u8, max_percent: u8) -> f32 {
    let (high, max) = (f32::from(high_percent) / 100.0, f32::from(max_percent) / 100.0);
    let used = vitals.reported().memory.unwrap_or(0.0);
    let shut = vitals.state().has(State::MEMORY);
    let wanted = if shut { used >= max - MEMORY_RELEASE } else { used >= max };
    if wanted != shut {
        vitals.mark(State::MEMORY, wanted);
    }
    if used >= high { 0.5 } else { 1.0 }
}
