//! The two rules that are off unless a policy asks for them (balance spec O5): success rates far below the mean (gRFC A50),
//! and latencies far above the median.

use model::Now;
use model::policy::{Slow, SuccessRate};
use model::vitals::{State, Why};

use super::median;
use crate::build::Picker;
use crate::guard::eject_within_cap;

/// How long an endpoint must be slow.
const SLOW_MS: u32 = 10_000;

/// Applies the rules that the policy has.
pub(super) fn judge(picker: &Picker, now: Now) {
    let outlier = &picker.policy().outlier;
    if !outlier.enabled || picker.drawable < 2 {
        return;
    }
    if let Some(rule) = &outlier.success_rate {
        success_rates(picker, rule, now);
    }
    if let Some(rule) = &outlier.latency {
        latencies(picker, rule, now);
    }
}

fn success_rates(picker: &Picker, rule: &SuccessRate, now: Now) {
    let rates: Vec<(usize, f32)> = (0..picker.entries.len())
        .map(|index| (index, picker.vitals(index).counts(10, now)))
        .filter(|(_, counts)| counts.total() >= rule.min_requests.max(1))
        .map(|(index, counts)| (index, 100.0 - counts.failed_percent()))
        .collect();
    if rates.len() < rule.min_hosts.max(2) as usize {
        return;
    }
    let n = rates.len() as f32;
    let mean = rates.iter().map(|(_, rate)| rate).sum::<f32>() / n;
    let deviation = (rates.iter().map(|(_, rate)| (rate - mean).powi(2)).sum::<f32>() / n).sqrt();
    for &(index, rate) in &rates {
        if rate < mean - rule.stdev_factor * deviation && !picker.vitals(index).state().has(State::EJECTED) {
            picker.ledger.eject_alone(|newest| eject_within_cap(newest, picker.vitals(index), Why::SuccessRate, now));
        }
    }
}

fn latencies(picker: &Picker, rule: &Slow, now: Now) {
    let known: Vec<(usize, f32)> =
        (0..picker.entries.len()).filter_map(|index| Some((index, picker.vitals(index).latency_us(picker.fade, now)?))).collect();
    let mut all: Vec<f32> = known.iter().map(|(_, latency)| *latency).collect();
    let Some(median) = median(&mut all) else { return };
    let bound = (median * rule.factor).max(rule.floor.as_secs_f32() * 1e6);
    for (index, latency) in known {
        let vitals = picker.vitals(index);
        if vitals.slow_for_ms(latency >= bound, now) >= SLOW_MS && !vitals.state().has(State::EJECTED) {
            picker.ledger.eject_alone(|picker| eject_within_cap(picker, vitals, Why::Slow, now));
            // Counted anew after its trial.
            vitals.slow_for_ms(false, now);
        }
    }
}
