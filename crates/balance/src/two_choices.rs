//! Draw a few, take the least loaded (balance spec S5, S6): least request and peak EWMA.

use model::Now;

use crate::build::Picker;
use crate::rng::Rng;

/// Least request may look at all endpoints up to this many; above, `All` means four draws.
const ALL_MAX: usize = 32;
/// Draws a caller may ask for.
const CHOICES_MAX: usize = 10;
/// Costs that differ by less than this factor are a tie where shares differ.
const NEARLY: f32 = 1.25;
/// Redraws when an endpoint is excluded, before the caller scans.
const REDRAWS: usize = 4;

impl Picker {
    /// Least request: in flight by share.
    pub(crate) fn least_request(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        let load = |index: usize| {
            let entry = &self.entries[index];
            entry.vitals.in_flight() as f32 * entry.inverse
        };
        match usize::from(self.pool.policy.tuning.choices) {
            0 if self.entries.len() <= ALL_MAX => self.least_of_all(rng, usable, &load),
            0 => self.least_of_few(rng, 4, usable, &load),
            choices => self.least_of_few(rng, choices.clamp(2, CHOICES_MAX), usable, &load),
        }
    }

    /// Peak EWMA: latency with its floor and penalty, times load by share.
    pub(crate) fn peak_ewma(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool, now: Now) -> Option<usize> {
        let cost = |index: usize| {
            let entry = &self.entries[index];
            let vitals = &*entry.vitals;
            let latency = vitals.latency_us(self.fade, now).unwrap_or_else(|| self.prior_us());
            (latency + vitals.penalty_us(now)) * (vitals.in_flight() as f32 * entry.inverse + 1.0)
        };
        self.least_of_few(rng, 2, usable, &cost)
    }

    /// The latency of one that nobody measured: the pool's median. Zero would draw a flood, infinity would starve it.
    pub(crate) fn prior_us(&self) -> f32 {
        self.ledger.prior_us().unwrap_or_else(|| self.pool.policy.tuning.default_latency.as_secs_f32() * 1e6)
    }

    /// One endpoint in proportion to its share; a few redraws when it is excluded.
    pub(crate) fn draw(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        (0..=REDRAWS).map(|_| self.draw_any(rng)).find(|&index| usable(index))
    }

    pub(crate) fn draw_any(&self, rng: &mut Rng) -> usize {
        match &self.shares {
            Some(shares) => shares.draw(rng),
            None => rng.below(self.entries.len()),
        }
    }

    fn least_of_few(&self, rng: &mut Rng, choices: usize, usable: &impl Fn(usize) -> bool, cost: &impl Fn(usize) -> f32) -> Option<usize> {
        let first = self.draw(rng, usable)?;
        let (mut best, mut least) = (first, cost(first));
        let mut drawn = [first; CHOICES_MAX];
        for count in 1..choices.min(self.entries.len()) {
            let Some(next) = self.draw_other(rng, &drawn[..count], usable) else { break };
            drawn[count] = next;
            let cost = cost(next);
            // Ties go to the one drawn first, so that shares at rest are the shares of the draw. Where these differ, what is nearly one is
            // one, too: else the noise of a few percent, of which each pick makes more, would decide instead of the weights.
            let wins = if self.shares.is_some() { cost * NEARLY < least } else { cost < least };
            if wins {
                (best, least) = (next, cost);
            }
        }
        Some(best)
    }

    /// With equal shares another endpoint than those drawn: repeats would send a quarter of the picks to the busier of
    /// two. With unequal shares the draws follow them and may repeat, or shares at rest would be lost.
    fn draw_other(&self, rng: &mut Rng, drawn: &[usize], usable: &impl Fn(usize) -> bool) -> Option<usize> {
        if self.shares.is_some() {
            return self.draw(rng, usable);
        }
        (0..=REDRAWS).find_map(|_| {
            let next = match drawn {
                [first] => {
                    let other = rng.below(self.entries.len() - 1);
                    other + usize::from(other >= *first)
                }
                _ => rng.below(self.entries.len()),
            };
            (!drawn.contains(&next) && usable(next)).then_some(next)
        })
    }

    /// The least loaded of all; ties by a draw, so that shares at rest follow the weights.
    fn least_of_all(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool, cost: &impl Fn(usize) -> f32) -> Option<usize> {
        let first = self.draw(rng, usable)?;
        let (mut best, mut least) = (first, cost(first));
        let start = rng.below(self.entries.len());
        for index in (start..self.entries.len()).chain(0..start) {
            if index != first && usable(index) {
                let cost = cost(index);
                if cost < least {
                    (best, least) = (index, cost);
                }
            }
        }
        Some(best)
    }
}
