//! Weighted draws in constant time: Walker's alias method in Vose's linear construction (balance spec S4).

use crate::rng::Rng;

/// A table that draws an index with probability in proportion to its weight, from one random word.
#[derive(Debug)]
pub(crate) struct Alias {
    columns: Box<[Column]>,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    /// Of 2^32: how often this column means itself.
    own: u32,
    other: u32,
}

impl Alias {
    /// From weights that are finite and not negative, at least one above 0. Those of 0 are never drawn.
    pub(crate) fn new(weights: &[f32]) -> Self {
        let n = weights.len();
        let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        let mut scaled: Vec<f64> = weights.iter().map(|&weight| f64::from(weight) * n as f64 / sum).collect();
        let heaviest = (0..n).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0) as u32;
        let mut columns: Vec<Column> = (0..n as u32).map(|own| Column { own: u32::MAX, other: own }).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&index| scaled[index] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            columns[poor] = Column { own: (scaled[poor] * f64::from(u32::MAX)) as u32, other: rich as u32 };
            scaled[rich] -= 1.0 - scaled[poor];
            if scaled[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What rounding left in `small` is worth a whole column, unless its weight is 0.
        for left in small {
            if weights[left] <= 0.0 {
                columns[left] = Column { own: 0, other: heaviest };
            }
        }
        Self { columns: columns.into() }
    }

    /// Draws an index.
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        let word = rng.word();
        let column = (((word >> 32) * self.columns.len() as u64) >> 32) as usize;
        let Column { own, other } = self.columns[column];
        if (word as u32) < own { column } else { other as usize }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn draws_follow_the_weights(weights in prop::collection::vec(0u32..1000, 1..20), seed: u64) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let floats: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
            let (table, mut rng) = (Alias::new(&floats), crate::Rng::new(seed));
            let mut drawn = vec![0u32; weights.len()];
            let turns = 20_000;
            for _ in 0..turns {
                drawn[table.draw(&mut rng)] += 1;
            }
            let sum: f32 = floats.iter().sum();
            for (index, &count) in drawn.iter().enumerate() {
                let share = floats[index] / sum;
                // Six standard deviations, and a little for the rounding of the columns.
                let slack = 6.0 * (share * (1.0 - share) / turns as f32).sqrt() + 1e-4;
                prop_assert!((count as f32 / turns as f32 - share).abs() <= slack, "{weights:?} {drawn:?}");
                prop_assert!(weights[index] > 0 || count == 0);
            }
        }
    }
}
