//! Strategies for backends that take a fixed number of requests at once (balance spec S20, S21): Reserve takes any endpoint
//! with a free slot, Fill the first one in a stable order, so that the last ones stay idle and can be stopped.
//!
//! Who is full is a hint, one bit each: it spares looking at a thousand counts. The count itself decides, exactly.

use std::sync::atomic::{AtomicU64, Ordering};

use model::endpoint::Pool;

use crate::rng::Rng;

/// Endpoints in the order in which they are looked at, and which of them may have a free slot.
#[derive(Debug)]
pub(crate) struct Slots {
    /// By rank, the index of the endpoint.
    order: Box<[u32]>,
    /// By index, the rank.
    rank: Box<[u32]>,
    /// By rank.
    free: Box<[AtomicU64]>,
}

impl Slots {
    /// In the order of the pool, or by stable name, which is the same on every node.
    pub(crate) fn new(pool: &Pool, by_name: bool) -> Self {
        let mut order: Vec<u32> = (0..pool.endpoints.len() as u32).collect();
        if by_name {
            order.sort_by(|&a, &b| pool.endpoints[a as usize].stable_name.cmp(&pool.endpoints[b as usize].stable_name));
        }
        let mut rank = vec![0; order.len()];
        for (at, &index) in order.iter().enumerate() {
            rank[index as usize] = at as u32;
        }
        let free = (0..order.len().div_ceil(64)).map(|word| AtomicU64::new(bits_of_word(order.len(), word))).collect();
        Self { order: order.into(), rank: rank.into(), free }
    }

    /// The first endpoint by order that is usable; `is_full` are those whose bit was behind.
    pub(crate) fn first(&self, usable: &impl Fn(usize) -> bool, is_full: &impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.free.len()).find_map(|word| self.in_word(word, 0, usable, is_full))
    }

    /// A usable endpoint from a random place on.
    pub(crate) fn any(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool, is_full: &impl Fn(usize) -> bool) -> Option<usize> {
        let (words, start) = (self.free.len(), rng.below(self.order.len()));
        let (first, bit) = (start / 64, (start % 64) as u32);
        // The first word once from the bit on, and once more as a whole at the end.
        self.in_word(first, bit, usable, is_full).or_else(|| (1..=words).find_map(|step| self.in_word((first + step) % words, 0, usable, is_full)))
    }

    fn in_word(&self, word: usize, from: u32, usable: &impl Fn(usize) -> bool, is_full: &impl Fn(usize) -> bool) -> Option<usize> {
        let mut bits = self.free[word].load(Ordering::Relaxed) & (u64::MAX << from);
        while bits != 0 {
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            let index = self.order[word * 64 + bit as usize] as usize;
            if usable(index) {
                return Some(index);
            }
            if is_full(index) {
                self.free[word].fetch_and(!(1 << bit), Ordering::Relaxed);
                // It may have become free between the two: whoever freed it then saw the bit still set.
                if !is_full(index) {
                    self.freed(index);
                }
            }
        }
        None
    }

    /// A request of this endpoint ended.
    pub(crate) fn freed(&self, index: usize) {
        let rank = self.rank[index];
        let (word, bit) = (&self.free[rank as usize / 64], 1 << (rank % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }
}

fn bits_of_word(count: usize, word: usize) -> u64 {
    match count - word * 64 {
        64.. => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

#[cfg(test)]
mod tests {
    use model::policy::{Limits, Policy, Strategy};
    use proptest::prelude::*;

    use crate::fixture::{Bench, policy};
    use crate::{Guard, NoPick};

    fn limited(strategy: Strategy, limit: u32, n: usize) -> Bench {
        let limits = Limits { endpoint_in_flight: Some(limit), ..Limits::default() };
        Bench::new(Policy { limits, ..policy(strategy) }, &vec![100; n])
    }

    #[test]
    fn reserve_fills_every_slot_and_never_one_more() {
        for n in [1, 3, 64, 65, 200] {
            let mut bench = limited(Strategy::Reserve, 2, n);
            let mut held: Vec<Guard> = (0..2 * n).map(|_| bench.pick().expect("a slot is free")).collect();
            assert!(bench.pool.endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() == 2));
            assert_eq!(bench.pick().unwrap_err(), NoPick::Full);
            let freed = Bench::number(&held.swap_remove(n));
            assert_eq!(bench.pick().map(|guard| Bench::number(&guard)), Ok(freed), "the one slot that is free is found");
        }
    }

    #[test]
    fn fill_keeps_to_the_first_by_name_and_leaves_the_last_idle() {
        let mut bench = limited(Strategy::Fill, 2, 3);
        let numbers = |held: &[Guard]| held.iter().map(Bench::number).collect::<Vec<_>>();
        let mut held: Vec<Guard> = (0..4).map(|_| bench.pick().unwrap()).collect();
        assert_eq!(numbers(&held), [0, 0, 1, 1]);
        held.remove(0);
        held.push(bench.pick().unwrap());
        assert_eq!(numbers(&held), [0, 1, 1, 0]);
        held.push(bench.pick().unwrap());
        assert_eq!(numbers(&held)[4], 2);
    }

    proptest! {
        #[test]
        fn a_free_slot_is_always_found(strategy in prop::sample::select(vec![Strategy::Reserve, Strategy::Fill]), n in 1usize..80, steps in prop::collection::vec((any::<bool>(), any::<u16>()), 1..400)) {
            let mut bench = limited(strategy, 2, n);
            let mut held: Vec<Guard> = Vec::new();
            for (picks, at) in steps {
                if picks {
                    match bench.pick() {
                        Ok(guard) => held.push(guard),
                        Err(why) => prop_assert!(why == NoPick::Full && held.len() == 2 * n),
                    }
                } else if !held.is_empty() {
                    held.swap_remove(usize::from(at) % held.len());
                }
                prop_assert!(bench.pool.endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() <= 2));
            }
        }
    }
}
