//! Values that fade with time, packed with the time of their last change into one word so that one compare-and-swap
//! moves both. The exponential is our own: libraries differ in the last bit between architectures, and a simulation must
//! give the same bytes everywhere (balance spec V6, M3).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Now;

/// How fast a value fades: the inverse of its time constant in milliseconds, made once, so that a read divides nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fade(f32);

impl Fade {
    /// Over this time to 1/e; less than a millisecond counts as one.
    pub const fn over(tau: Duration) -> Self {
        Self(1.0 / (tau.as_secs_f32() * 1000.0).max(1.0))
    }
}

/// e to the power of -x for x >= 0, to within 0.01 %. Multiplications and additions only, in one fixed order.
#[inline]
pub fn exp_minus(x: f32) -> f32 {
    // Beyond 80 the result is below 1e-34: nothing any caller could tell from 0. NaN counts as "long ago".
    if x.is_nan() || x > 80.0 {
        return 0.0;
    }
    let binary = x.max(0.0) * std::f32::consts::LOG2_E;
    // The nearest whole power, so that what is left is small in both directions and few terms do.
    let whole = (binary + 0.5) as u32;
    let y = (binary - whole as f32) * std::f32::consts::LN_2;
    // Taylor terms of exp(-y) for |y| <= 0.347; the fifth is below 5e-5. Products instead of divisions, in two short chains.
    let square = y * y;
    let series = (1.0 - y) + square * ((0.5 - y * (1.0 / 6.0)) + square * (1.0 / 24.0));
    // 2^-whole through the exponent field; whole <= 116 here, so the number stays normal.
    series * f32::from_bits((127 - whole) << 23)
}

/// A value in microseconds that fades, with the tick of its last change. Zero means that there is none.
#[derive(Debug, Default)]
pub(super) struct Fading(AtomicU64);

fn pack(value: f32, tick_ms: u32) -> u64 {
    u64::from(value.to_bits()) << 32 | u64::from(tick_ms)
}

fn unpack(word: u64) -> (f32, u32) {
    (f32::from_bits((word >> 32) as u32), word as u32)
}

/// The share of a value that is left after the time from `then` to `now`; all of it when time ran backwards.
#[inline]
pub(super) fn left(then_ms: u32, now: Now, fade: Fade) -> f32 {
    let age = now.since_tick(then_ms);
    if age == 0 { 1.0 } else { exp_minus(age as f32 * fade.0) }
}

impl Fading {
    /// The value as it has faded until now; `None` while nothing was ever recorded.
    #[inline]
    pub(super) fn read(&self, fade: Fade, now: Now) -> Option<f32> {
        let word = self.0.load(Ordering::Relaxed);
        (word != 0).then(|| {
            let (value, tick) = unpack(word);
            value * left(tick, now, fade)
        })
    }

    /// Peak rule: a sample above what is left replaces it, one below pulls it down with the weight of the time passed.
    pub(super) fn sample(&self, sample: f32, fade: Fade, now: Now) {
        self.update(
            now,
            |value, tick| {
                let keep = left(tick, now, fade);
                let faded = value * keep;
                if sample >= faded { sample } else { value * keep + sample * (1.0 - keep) }
            },
            sample,
        );
    }

    /// Raises what is left to at least this.
    pub(super) fn raise(&self, floor: f32, fade: Fade, now: Now) {
        self.update(now, |value, tick| (value * left(tick, now, fade)).max(floor), floor);
    }

    /// Halves what is there, without restarting its fading.
    pub(super) fn halve(&self) {
        let word = self.0.load(Ordering::Relaxed);
        if word != 0 {
            let (value, tick) = unpack(word);
            // Less than a microsecond is none, and none is quicker to read.
            let halved = if value < 2.0 { 0 } else { pack(value / 2.0, tick) };
            // Losing against a concurrent failure is right: the newer word stands.
            let _ = self.0.compare_exchange(word, halved, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Forgets.
    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// A tick that runs backwards keeps the newer one, so that a late sample cannot make an old value young.
    fn update(&self, now: Now, next: impl Fn(f32, u32) -> f32, first: f32) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let new = match word {
                0 => pack(first, now.tick_ms()),
                _ => {
                    let (value, tick) = unpack(word);
                    let newest = if now.since_tick(tick) > 0 { now.tick_ms() } else { tick };
                    pack(next(value, tick), newest)
                }
            };
            match self.0.compare_exchange_weak(word, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_SECONDS: Fade = Fade::over(Duration::from_secs(10));

    #[test]
    fn the_exponential_is_within_a_thousandth() {
        for step in 0..8000 {
            let x = step as f32 / 100.0;
            let (ours, true_one) = (f64::from(exp_minus(x)), (-f64::from(x)).exp());
            assert!((ours - true_one).abs() <= true_one * 0.001, "exp(-{x}): {ours} against {true_one}");
        }
        assert_eq!(exp_minus(0.0), 1.0);
        assert_eq!(exp_minus(f32::NAN), 0.0);
        assert_eq!(exp_minus(f32::INFINITY), 0.0);
    }

    #[test]
    fn a_peak_is_taken_at_once_and_fades() {
        let value = Fading::default();
        assert_eq!(value.read(TEN_SECONDS, Now::from_ms(5)), None);
        value.sample(1000.0, TEN_SECONDS, Now::from_ms(1000));
        value.sample(5000.0, TEN_SECONDS, Now::from_ms(1000));
        assert_eq!(value.read(TEN_SECONDS, Now::from_ms(1000)), Some(5000.0));
        let later = value.read(TEN_SECONDS, Now::from_ms(11_000)).expect("recorded");
        assert!((later - 5000.0 / std::f32::consts::E).abs() < 10.0, "{later}");
        value.sample(1000.0, TEN_SECONDS, Now::from_ms(11_000));
        let pulled = value.read(TEN_SECONDS, Now::from_ms(11_000)).expect("recorded");
        assert!(pulled > 1000.0 && pulled < 5000.0, "{pulled}");
    }

    #[test]
    fn time_that_runs_backwards_changes_nothing() {
        let value = Fading::default();
        value.sample(1000.0, TEN_SECONDS, Now::from_ms(9000));
        value.sample(10.0, TEN_SECONDS, Now::from_ms(100));
        assert_eq!(value.read(TEN_SECONDS, Now::from_ms(100)), Some(1000.0));
        assert_eq!(value.read(TEN_SECONDS, Now::from_ms(9000)), Some(1000.0));
    }
}
