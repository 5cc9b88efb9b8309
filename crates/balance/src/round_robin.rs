//! Smooth weighted round robin, exact: a sequence laid out once, picks are a cursor (balance spec S2, S3).

/// A laid-out round.
#[derive(Debug)]
pub(crate) struct Sequence {
    turns: Box<[u32]>,
}

impl Sequence {
    /// From weights (0 never has a turn; at least one above 0) and a layout order that breaks ties, smaller first. The
    /// weights are reduced to integers whose sum is at most max(4 n, 4096), each at least 1.
    pub(crate) fn new(weights: &[f32], order: &[u64]) -> Self {
        let turns = integers(weights);
        let mut due: Vec<(u64, u64, u32)> = Vec::with_capacity(turns.iter().map(|&count| count as usize).sum());
        for (index, &count) in turns.iter().enumerate() {
            for turn in 0..count {
                // Turn k is due at (k + 1/2) / w: twice that in 32 fractional bits, so that equal times are equal numbers.
                due.push((((u64::from(turn) * 2 + 1) << 32) / u64::from(count), order[index], index as u32));
            }
        }
        due.sort_unstable();
        Self { turns: due.into_iter().map(|(_, _, index)| index).collect() }
    }

    /// Turns in a round.
    pub(crate) fn len(&self) -> u32 {
        self.turns.len() as u32
    }

    /// Whose turn it is.
    pub(crate) fn at(&self, turn: u32) -> usize {
        self.turns[turn as usize] as usize
    }
}

fn integers(weights: &[f32]) -> Vec<u32> {
    let longest = (weights.len() * 4).max(4096) as u64;
    // Weights arrive as hundredths of an ordinary endpoint, so whole numbers unless a ramp or a report scaled them.
    // Next to nothing is no whole number: it would have no turn, and where all weigh so little there would be no round.
    if weights.iter().all(|&weight| (weight - weight.round()).abs() < 1e-3 && (weight <= 0.0 || weight >= 0.5)) {
        let whole: Vec<u64> = weights.iter().map(|&weight| weight.max(0.0).round() as u64).collect();
        let divisor = whole.iter().copied().fold(0, gcd).max(1);
        if whole.iter().sum::<u64>() / divisor <= longest {
            return whole.iter().map(|&weight| (weight / divisor) as u32).collect();
        }
        return apportioned(weights, longest);
    }
    // Made anew every moment while a ramp lasts: no longer than it must be for a share to be within a percent or two.
    apportioned(weights, longest.min((weights.len() as u64 * 64).max(256)))
}

/// Turns of a round of this length: each its share to one turn (the largest remainders are rounded up), and nobody none who weighs something.
fn apportioned(weights: &[f32], length: u64) -> Vec<u32> {
    let sum: f64 = weights.iter().map(|&weight| f64::from(weight.max(0.0))).sum();
    let exact: Vec<f64> = weights.iter().map(|&weight| f64::from(weight.max(0.0)) * length as f64 / sum).collect();
    let mut turns: Vec<u32> = exact.iter().map(|&turns| if turns > 0.0 { (turns as u32).max(1) } else { 0 }).collect();
    let left = length.saturating_sub(turns.iter().map(|&turns| u64::from(turns)).sum()) as usize;
    let mut order: Vec<usize> = (0..weights.len()).filter(|&index| exact[index] > 1.0).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    for index in order.into_iter().take(left) {
        turns[index] += 1;
    }
    turns
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence(weights: &[u32]) -> Sequence {
        let floats: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
        let order: Vec<u64> = (0..weights.len() as u64).collect();
        Sequence::new(&floats, &order)
    }

    #[test]
    fn hundredths_are_reduced_and_laid_out_smoothly() {
        let three_to_one = sequence(&[300, 100]);
        assert_eq!(three_to_one.turns.iter().filter(|&&index| index == 0).count(), 3);
        assert_eq!(three_to_one.len(), 4);
        assert_eq!(sequence(&[100, 100, 100]).turns.as_ref(), [0, 1, 2]);
        assert_eq!(sequence(&[0, 100]).turns.as_ref(), [1]);
    }

    #[test]
    fn whoever_weighs_next_to_nothing_has_a_turn() {
        // The first moments of a long ramp that begins at nothing.
        for weights in [&[0.0005, 0.0005][..], &[1e-9, 1e-9, 1e-9], &[0.0002, 100.0]] {
            let order: Vec<u64> = (0..weights.len() as u64).collect();
            let sequence = Sequence::new(weights, &order);
            assert!((0..weights.len()).all(|index| sequence.turns.contains(&(index as u32))), "{weights:?}");
        }
    }

    proptest! {
        #[test]
        fn any_round_is_exact_and_every_prefix_is_close(weights in prop::collection::vec(0u32..400, 1..12), start in 0usize..4096) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let sequence = sequence(&weights);
            let whole: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
            let turns = integers(&whole);
            let (length, n) = (sequence.len() as usize, weights.iter().filter(|&&weight| weight > 0).count());
            prop_assert_eq!(length, turns.iter().sum::<u32>() as usize);
            let mut seen = vec![0u32; weights.len()];
            for turn in 0..length {
                seen[sequence.at(((start + turn) % length) as u32)] += 1;
            }
            prop_assert_eq!(&seen, &turns, "any L picks in a row hold each endpoint exactly w times");
            let mut prefix = vec![0u32; weights.len()];
            for turn in 0..length {
                prefix[sequence.at(turn as u32)] += 1;
                for (index, &w) in turns.iter().enumerate() {
                    let ideal = (turn + 1) as f64 * f64::from(w) / length as f64;
                    let bound = 1.0 + n as f64 * f64::from(w) / (2.0 * length as f64) + 1e-6;
                    prop_assert!((f64::from(prefix[index]) - ideal).abs() <= bound);
                }
            }
        }

        #[test]
        fn shares_follow_weights_that_a_ramp_scaled_however_small(
            weights in prop::collection::vec((prop::sample::select(vec![1u32, 2, 3, 100]), 0.1f32..=1.0), 2..40),
        ) {
            let floats: Vec<f32> = weights.iter().map(|&(weight, ramp)| weight as f32 * ramp).collect();
            let turns = integers(&floats);
            let (length, sum) = (turns.iter().sum::<u32>() as f32, floats.iter().sum::<f32>());
            for (turn, weight) in turns.iter().zip(&floats) {
                let (got, wanted) = (*turn as f32 / length, weight / sum);
                // To one turn of the round, besides what those take that would have less than one.
                let lifted = floats.iter().filter(|weight| **weight / sum * length < 1.0).count() as f32;
                prop_assert!((got - wanted).abs() <= (1.01 + lifted) / length, "{got} for {wanted} of {length} turns");
            }
        }

        #[test]
        fn long_sums_stay_bounded_and_nobody_is_lost(weights in prop::collection::vec(1u32..65_535, 1..300)) {
            let sequence = sequence(&weights);
            prop_assert!(sequence.len() as usize <= (weights.len() * 4).max(4096) + weights.len());
            let mut seen = vec![false; weights.len()];
            sequence.turns.iter().for_each(|&index| seen[index as usize] = true);
            prop_assert!(seen.iter().all(|&once| once));
        }
    }
}
