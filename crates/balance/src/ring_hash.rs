//! The consistent ring (balance spec S7): points per endpoint in proportion to its weight, a key belongs to the first
//! point clockwise. An index on the top bits finds it in a comparison or two.

use std::fmt::Write;

use crate::hash::xxh64;
use crate::maglev::Claimant;

/// Bits of a point that say whose it is.
const OWNER_BITS: u32 = 24;
const OWNER_MASK: u64 = (1 << OWNER_BITS) - 1;
/// Points a ring may have at most.
const POINTS_MAX: u64 = 8_388_608;

/// A ring of points.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Half a word each, for the cache: the upper 40 bits of the hash, then whose point it is.
    points: Box<[u64]>,
    /// For each value of the top bits: the first point at or above it.
    index: Box<[u32]>,
    shift: u32,
}

impl Ring {
    /// A ring of at least `size` points (0 means max(1024, 100 n)) for claimants of which at least one has a weight.
    pub(crate) fn new(claimants: &[Claimant<'_>], size: u32) -> Self {
        let n = (claimants.len() as u64).max(1);
        // Points per ordinary endpoint: a power of two that stays the same while n changes a little, so that only the keys
        // of those who came or left move. The default makes at least max(1024, 100 n) points of two or more endpoints.
        let each = match (size, n) {
            (0, ..=16) => 512,
            (0, _) => 128,
            (size, n) => u64::from(size).min(POINTS_MAX).div_ceil(n).next_power_of_two(),
        };
        let mut points: Vec<u64> = Vec::with_capacity((each * n) as usize);
        let mut name = String::new();
        for (index, one) in claimants.iter().enumerate().take(OWNER_MASK as usize) {
            let count = (each * u64::from(one.weight)).div_ceil(100).min(POINTS_MAX / n);
            for point in 0..count {
                name.clear();
                let _ = write!(name, "{}#{point}", one.name);
                points.push(xxh64(name.as_bytes(), 0) & !OWNER_MASK | index as u64);
            }
        }
        // Ties by name, so that the order of the input does not matter.
        let owner = |point: u64| claimants[(point & OWNER_MASK) as usize].name;
        points.sort_unstable_by(|a, b| (a >> OWNER_BITS).cmp(&(b >> OWNER_BITS)).then_with(|| owner(*a).cmp(owner(*b))));
        // As many buckets as points: the expected number of points in one is at most one.
        let bits = (points.len() as u64).next_power_of_two().trailing_zeros().max(1);
        let shift = 64 - bits;
        let index = (0..1u64 << bits).map(|top| points.partition_point(|&point| point & !OWNER_MASK < top << shift) as u32).collect();
        Self { points: points.into(), index, shift }
    }

    /// Whose key this is.
    pub(crate) fn at(&self, key: u64) -> usize {
        let mut at = self.index[(key >> self.shift) as usize] as usize;
        while at < self.points.len() && self.points[at] >> OWNER_BITS < key >> OWNER_BITS {
            at += 1;
        }
        let point = self.points[if at == self.points.len() { 0 } else { at }];
        (point & OWNER_MASK) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Rng;

    fn ring(names: &[String]) -> Ring {
        let claimants: Vec<Claimant<'_>> = names.iter().map(|name| Claimant { name, weight: 100 }).collect();
        Ring::new(&claimants, 0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_key_goes_to_the_first_point_clockwise(n in 1u32..50, seed: u64) {
            let names: Vec<String> = (0..n).map(|index| format!("e{index}")).collect();
            let ring = ring(&names);
            let mut rng = Rng::new(seed);
            for key in (0..200).map(|_| rng.word()).chain([0, u64::MAX]) {
                let first = ring.points.iter().find(|&&point| point >> OWNER_BITS >= key >> OWNER_BITS).unwrap_or(&ring.points[0]);
                prop_assert_eq!(ring.at(key), (first & OWNER_MASK) as usize);
            }
        }

        #[test]
        fn only_keys_of_the_one_that_left_move(n in 2u32..50, seed: u64) {
            let names: Vec<String> = (0..n).map(|index| format!("e{index}")).collect();
            let claimants = |gone: bool| -> Vec<Claimant<'_>> {
                names.iter().enumerate().map(|(index, name)| Claimant { name, weight: if gone && index == 0 { 0 } else { 100 } }).collect()
            };
            let (before, after) = (Ring::new(&claimants(false), 256 * n), Ring::new(&claimants(true), 256 * n));
            let mut rng = Rng::new(seed);
            for key in (0..500).map(|_| rng.word()) {
                prop_assert!(before.at(key) == 0 || before.at(key) == after.at(key));
            }
        }
    }
}
