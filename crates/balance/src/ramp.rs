//! Slow start (balance spec section 5): the factor by which an endpoint that is new, or comes back, weighs less.

use model::policy::SlowStart;
use model::{Now, Vitals};

/// The factor r, from the least weight to 1; 1 when slow start is off.
pub(crate) fn factor(vitals: &Vitals, slow_start: Option<&SlowStart>, now: Now) -> f32 {
    let Some(slow_start) = slow_start else { return 1.0 };
    let part = vitals.ramp(slow_start.window, now);
    if part >= 1.0 {
        return 1.0;
    }
    let least = f32::from(slow_start.min_weight_percent.min(100)) / 100.0;
    // An aggression of 0 or less would have no meaning; `compile` refuses it, the division must not.
    part.powf(1.0 / slow_start.aggression.max(0.01) as f32).clamp(least, 1.0)
}

/// The most requests in flight at a ramping endpoint: its share of what is typical, never below 2 (balance spec C3).
pub(crate) fn cap(factor: f32, typical: f32) -> u32 {
    (factor * typical).max(2.0) as u32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn slow_start(aggression: f64) -> SlowStart {
        SlowStart { window: Duration::from_secs(30), aggression, min_weight_percent: 10 }
    }

    #[test]
    fn the_factor_rises_from_a_tenth_to_one() {
        let vitals = Vitals::default();
        vitals.begin_ramp(false, Now::from_ms(1));
        let at = |second: u64, aggression| factor(&vitals, Some(&slow_start(aggression)), Now::from_ms(1 + second * 1000));
        assert_eq!((at(0, 1.0), at(15, 1.0), at(30, 1.0)), (0.1, 0.5, 1.0));
        assert!(at(15, 2.0) > 0.7 && at(15, 0.5) < 0.26);
        assert_eq!(factor(&vitals, None, Now::from_ms(1)), 1.0);
    }
}
