//! In which order addresses are given, and which when not all fit (dns spec section 8).

/// A small fast generator (splitmix64), one per core. Order of answers needs no secrecy: ids and ports of the forwarder come from
/// the system instead.
pub(crate) struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not 0; the bias of 2^-32 is of no matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(((self.next() >> 32) * bound) >> 32).unwrap_or(0)
    }
}

/// Room for permutations, kept from one query to the next so that none is allocated.
#[derive(Default)]
pub(crate) struct Order {
    indices: Vec<u32>,
}

impl Order {
    /// A uniformly random choice of `take` of `count`, in random order. `running` are running sums of weights, where these differ:
    /// then the first is drawn by weight (S2).
    pub fn draw(&mut self, rng: &mut Rng, count: usize, take: usize, running: Option<&[u64]>) -> &[u32] {
        self.indices.clear();
        self.indices.extend(0..u32::try_from(count).unwrap_or(u32::MAX));
        let mut settled = 0;
        if let Some(total) = running.and_then(<[u64]>::last).filter(|&&total| total > 0 && take > 0) {
            let point = rng.next() % total;
            let first = running.map_or(0, |sums| sums.partition_point(|&sum| sum <= point));
            self.indices.swap(0, first.min(count - 1));
            settled = 1;
        }
        for index in settled..take.min(count) {
            let other = index + rng.below(count - index);
            self.indices.swap(index, other);
        }
        &self.indices[..take.min(count)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_first_equally_often_and_kept_equally_often() {
        let (mut rng, mut order) = (Rng::new(1), Order::default());
        let (mut first, mut kept) = ([0u32; 5], [0u32; 5]);
        for _ in 0..50_000 {
            let drawn = order.draw(&mut rng, 5, 3, None);
            assert_eq!(drawn.len(), 3);
            first[drawn[0] as usize] += 1;
            drawn.iter().for_each(|&index| kept[index as usize] += 1);
        }
        // Expected 10,000 and 30,000; 500 are more than five standard deviations.
        assert!(first.iter().all(|&count| count.abs_diff(10_000) < 500), "{first:?}");
        assert!(kept.iter().all(|&count| count.abs_diff(30_000) < 600), "{kept:?}");
    }

    #[test]
    fn weights_choose_the_first_and_nothing_else() {
        let (mut rng, mut order) = (Rng::new(2), Order::default());
        let (mut first, mut last) = ([0u32; 3], [0u32; 3]);
        for _ in 0..40_000 {
            let drawn = order.draw(&mut rng, 3, 3, Some(&[100, 200, 400]));
            first[drawn[0] as usize] += 1;
            last[drawn[2] as usize] += 1;
        }
        assert!(first[0].abs_diff(10_000) < 500 && first[2].abs_diff(20_000) < 600, "{first:?}");
        assert!(last.iter().all(|&count| count > 5_000), "the rest is uniform: {last:?}");
    }
}
