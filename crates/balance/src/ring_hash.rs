//! The consistent ring (balance spec S7): points per endpoint in proportion to its weight, a key belongs to the first
//! point clockwise. Its top bits find it: in rings of ordinary size with one look at one place, in the largest in a comparison or two.

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
    places: Places,
    /// Top bits that tell where to look.
    bits: u32,
}

/// Where the points of each value of the top bits are.
#[derive(Debug)]
enum Places {
    /// They themselves, a few to a quarter of a cache line, so that a pick touches one line.
    Here(Box<[Few]>),
    /// The first point at or above it.
    Index(Box<[u32]>),
}

/// Up to three points.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
struct Few {
    /// The 16 bits after the top bits, in order; what is not used is above every key.
    keys: [u16; 3],
    /// Whose each is, and whose the next point after them is.
    owners: [u16; 4],
    /// There are more: the ring itself must be searched.
    is_full: u16,
}

/// Up to so many points lie in place: beyond, 16 octets for each would be too much.
const FEW_MAX: usize = 1 << 18;

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
        // Where most weigh less than an ordinary one, each gets more, by a power of two again: else the ring would be too small, and
        // shares of a few points uneven. Those without a weight take none of what is intended for them.
        let intended = if size == 0 { 1024.max(100 * n) } else { u64::from(size).min(POINTS_MAX) };
        let used = claimants.iter().filter(|one| one.weight > 0).count() as u64;
        let sum: u64 = claimants.iter().map(|one| u64::from(one.weight)).sum();
        let each = each * (100 * intended * used).div_ceil((n * each * sum).max(1)).next_power_of_two();
        // Where that is more than a ring may have, all get less alike: a bound for each would take from the heaviest only.
        let (mut hundred, most) = (100, POINTS_MAX.max(2 * used));
        let count = |one: &Claimant<'_>, hundred: u64| (each * u64::from(one.weight)).div_ceil(hundred);
        let total = |hundred| claimants.iter().map(|one| count(one, hundred)).sum::<u64>();
        while total(hundred) > most {
            hundred *= 2;
        }
        let mut points: Vec<u64> = Vec::with_capacity(total(hundred) as usize);
        let mut name = String::new();
        for (index, one) in claimants.iter().enumerate().take(OWNER_MASK as usize) {
            for point in 0..count(one, hundred) {
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
        let is_small = points.len() <= FEW_MAX && claimants.len() <= usize::from(u16::MAX);
        let places = if is_small { Places::Here(few_each(&points, bits)) } else { Places::Index(index(&points, bits)) };
        Self { points: points.into(), places, bits }
    }

    /// Whose key this is.
    #[inline]
    pub(crate) fn at(&self, key: u64) -> usize {
        let top = (key >> (64 - self.bits)) as usize;
        match &self.places {
            Places::Here(few) => {
                let few = &few[top];
                if few.is_full == 0 {
                    let low = low(key, self.bits);
                    // Counted rather than searched: no branch that a processor would guess wrong.
                    let before = few.keys.iter().map(|point| usize::from(*point < low)).sum::<usize>();
                    return usize::from(few.owners[before]);
                }
                self.from(self.points.partition_point(|point| point >> (64 - self.bits) < top as u64), key)
            }
            Places::Index(index) => self.from(index[top] as usize, key),
        }
    }

    /// From a point on that is not after the key.
    fn from(&self, mut at: usize, key: u64) -> usize {
        while at < self.points.len() && self.points[at] >> OWNER_BITS < key >> OWNER_BITS {
            at += 1;
        }
        let point = self.points[if at == self.points.len() { 0 } else { at }];
        (point & OWNER_MASK) as usize
    }
}

/// The 16 bits after the top ones. At the end of what a point keeps of its hash they would be those of its owner.
fn low(hash: u64, bits: u32) -> u16 {
    const { assert!(FEW_MAX.trailing_zeros() + 16 <= u64::BITS - OWNER_BITS) };
    (hash << bits >> 48) as u16
}

fn index(points: &[u64], bits: u32) -> Box<[u32]> {
    (0..1u64 << bits).map(|top| points.partition_point(|&point| point & !OWNER_MASK < top << (64 - bits)) as u32).collect()
}

fn few_each(points: &[u64], bits: u32) -> Box<[Few]> {
    let owner = |point: u64| (point & OWNER_MASK) as u16;
    let mut all = vec![Few { keys: [u16::MAX; 3], ..Few::default() }; 1 << bits];
    // From the end, so that the owner of the next point is known; after the last comes the first.
    let (mut next, mut end) = (points.first().map_or(0, |first| owner(*first)), points.len());
    for (top, few) in all.iter_mut().enumerate().rev() {
        let mut begin = end;
        while begin > 0 && points[begin - 1] >> (64 - bits) == top as u64 {
            begin -= 1;
        }
        let own = &points[begin..end];
        few.is_full = u16::from(own.len() > few.keys.len());
        if few.is_full == 0 {
            for (at, point) in own.iter().enumerate() {
                (few.keys[at], few.owners[at]) = (low(*point, bits), owner(*point));
            }
            few.owners[own.len()..].fill(next);
        }
        next = own.first().map_or(next, |first| owner(*first));
        end = begin;
    }
    all.into()
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

    #[test]
    fn small_weights_make_no_small_ring_and_no_uneven_shares() {
        for (weights, size) in [([1, 1, 2, 0], 0), ([1, 2, 3, 4], 0), ([1, 1, 2, 100], 5000), ([100, 100, 200, 100], 5000), ([2, 2, 2, 2], 1024)] {
            let names: Vec<String> = (0..4).map(|index| format!("e{index}")).collect();
            let claimants: Vec<Claimant<'_>> = names.iter().zip(weights).map(|(name, weight)| Claimant { name, weight }).collect();
            let ring = Ring::new(&claimants, size);
            let of = |index: usize| ring.points.iter().filter(|point| (**point & OWNER_MASK) as usize == index).count() as f64;
            let (total, sum) = (ring.points.len() as f64, f64::from(weights.iter().sum::<u32>()));
            let used = weights.iter().filter(|weight| **weight > 0).count() as f64 / 4.0;
            assert!(total >= f64::from(if size == 0 { 1024 } else { size }) * used, "{weights:?}: {total}");
            for (index, weight) in weights.into_iter().enumerate() {
                let wanted = f64::from(weight) / sum;
                assert!((of(index) / total - wanted).abs() <= 0.01 * wanted + 1.0 / total, "{weights:?}: {} for {wanted}", of(index) / total);
            }
        }
    }

    #[test]
    fn a_heavy_one_among_light_ones_has_its_share_of_the_largest_ring() {
        for (heavy, light, n, size) in [(100, 1, 10, 1_000_000), (65_535, 1, 200, 0)] {
            let names: Vec<String> = (0..n).map(|index| format!("e{index}")).collect();
            let weight = |index| if index == 0 { heavy } else { light };
            let claimants: Vec<Claimant<'_>> = names.iter().enumerate().map(|(index, name)| Claimant { name, weight: weight(index) }).collect();
            let ring = Ring::new(&claimants, size);
            assert!(ring.points.len() as u64 <= POINTS_MAX + n as u64);
            let own = ring.points.iter().filter(|point| **point & OWNER_MASK == 0).count() as f64;
            let (got, wanted) = (own / ring.points.len() as f64, f64::from(heavy) / f64::from(heavy + light * (n as u32 - 1)));
            assert!((got - wanted).abs() < 0.01, "{got} for {wanted} of {} points", ring.points.len());
        }
    }

    #[test]
    fn a_ring_that_is_too_large_to_lie_in_place_is_searched_by_its_index() {
        let names: Vec<String> = (0..2100).map(|index| format!("e{index}")).collect();
        let ring = ring(&names);
        assert!(matches!(ring.places, Places::Index(_)) && ring.points.len() > FEW_MAX);
        let mut rng = Rng::new(5);
        for key in (0..200).map(|_| rng.word()).chain([0, u64::MAX]) {
            let at = ring.points.partition_point(|point| point >> OWNER_BITS < key >> OWNER_BITS);
            assert_eq!(ring.at(key), (ring.points[at % ring.points.len()] & OWNER_MASK) as usize);
        }
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
                // Places keep so many bits of a point: with a key that has the same ones it is a tie.
                let shift = 64 - ring.bits - 16;
                let is_tie = ring.points.iter().any(|point| point >> shift == key >> shift);
                prop_assert!(is_tie || ring.at(key) == (first & OWNER_MASK) as usize);
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
