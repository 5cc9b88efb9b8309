//! Which backend of a rule a request goes to, by weights (gateway spec G65, balance spec S22): a smooth weighted turn per rule
//! and thread, so that any run of as many requests as the weights add up to holds each backend exactly its weight times.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use foldhash::fast::FixedState;
use model::routes::Rule;
use smallvec::SmallVec;

/// Turns of a new rule that may be skipped, so that threads and edited rules do not all begin with the heaviest backend.
const SKIPPED_MAX: u64 = 64;

/// The turns of every rule this thread has served.
#[derive(Default)]
pub struct Draws {
    turns: HashMap<usize, Turn, FixedState>,
}

struct Turn {
    rule: Weak<Rule>,
    /// What each backend is owed.
    owed: SmallVec<[i64; 4]>,
}

impl Draws {
    /// The index of the backend whose turn it is; `None` when no backend has a weight. `random` places a new rule's beginning.
    pub fn pick(&mut self, rule: &Arc<Rule>, random: impl FnOnce() -> u64) -> Option<usize> {
        let mut weighty = rule.backends.iter().enumerate().filter(|(_, backend)| backend.weight > 0);
        let (first, _) = weighty.next()?;
        if weighty.next().is_none() {
            return Some(first);
        }
        let turn = self.turns.entry(Arc::as_ptr(rule) as usize).or_insert_with(|| {
            let mut turn = Turn { rule: Arc::downgrade(rule), owed: SmallVec::from_elem(0, rule.backends.len()) };
            for _ in 0..random() % SKIPPED_MAX {
                turn.next(rule);
            }
            turn
        });
        // An address may be used again by another rule before the sweep has noticed.
        if turn.rule.as_ptr() != Arc::as_ptr(rule) || turn.owed.len() != rule.backends.len() {
            *turn = Turn { rule: Arc::downgrade(rule), owed: SmallVec::from_elem(0, rule.backends.len()) };
        }
        Some(turn.next(rule))
    }

    /// Forgets rules that are gone.
    pub fn sweep(&mut self) {
        self.turns.retain(|_, turn| turn.rule.strong_count() > 0);
    }
}

impl Turn {
    fn next(&mut self, rule: &Rule) -> usize {
        let mut total = 0;
        let mut best = 0;
        for (at, backend) in rule.backends.iter().enumerate() {
            let weight = i64::from(backend.weight);
            total += weight;
            self.owed[at] += weight;
            if backend.weight > 0 && (rule.backends[best].weight == 0 || self.owed[at] > self.owed[best]) {
                best = at;
            }
        }
        self.owed[best] -= total;
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{nowhere, rule};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_run_of_the_sum_of_weights_holds_each_backend_its_weight_times(weights in prop::collection::vec(0u32..12, 1..6), random in any::<u64>(), skip in 0usize..20) {
            let rule = Arc::new(rule(weights.iter().map(|weight| nowhere(*weight)).collect()));
            let mut draws = Draws::default();
            let total: u32 = weights.iter().sum();
            let mut counts = vec![0u32; weights.len()];
            for at in 0..skip + total as usize {
                match draws.pick(&rule, || random) {
                    Some(backend) if at >= skip => counts[backend] += 1,
                    Some(_) => {}
                    None => prop_assert_eq!(total, 0),
                }
            }
            prop_assert_eq!(counts, weights);
        }
    }

    #[test]
    fn rules_that_are_gone_are_forgotten() {
        let mut draws = Draws::default();
        let gone = Arc::new(rule(vec![nowhere(1), nowhere(2)]));
        draws.pick(&gone, || 0);
        drop(gone);
        draws.sweep();
        assert!(draws.turns.is_empty());
    }
}
