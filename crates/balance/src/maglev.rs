//! Maglev's table (balance spec S8): each endpoint walks its own permutation of the slots and claims the next free one in
//! turn, so shares are even and a change moves little. The table depends on the set of endpoints only: every node builds
//! the same bytes.

use crate::hash::xxh64;

/// Two fixed seeds: one for where a permutation begins, one for its stride.
const OFFSET_SEED: u64 = 0x6D61_676C_6576_0001;
const STRIDE_SEED: u64 = 0x6D61_676C_6576_0002;

/// One who claims slots.
pub(crate) struct Claimant<'a> {
    /// Stable over generations and the same on every node.
    pub(crate) name: &'a str,
    /// Its share; 0 claims nothing.
    pub(crate) weight: u32,
}

/// A filled table.
#[derive(Debug)]
pub(crate) struct Maglev {
    slots: Slots,
}

#[derive(Debug)]
enum Slots {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

impl Maglev {
    /// Fills a table of `size` slots (a prime) for these claimants, at least one of which has a weight.
    pub(crate) fn new(claimants: &[Claimant<'_>], size: u32) -> Self {
        let size = size.max(2);
        let narrow = claimants.len() < usize::from(u16::MAX);
        let slots =
            if narrow { Slots::Narrow(fill(claimants, size, |index| index as u16)) } else { Slots::Wide(fill(claimants, size, |index| index)) };
        Self { slots }
    }

    /// Whose key this is.
    pub(crate) fn at(&self, key: u64) -> usize {
        match &self.slots {
            Slots::Narrow(slots) => usize::from(slots[slot_of(key, slots.len())]),
            Slots::Wide(slots) => slots[slot_of(key, slots.len())] as usize,
        }
    }
}

fn slot_of(key: u64, size: usize) -> usize {
    ((u128::from(key) * size as u128) >> 64) as usize
}

struct Walk {
    index: u32,
    next: u32,
    stride: u32,
    share: f64,
    saved: f64,
}

/// One bit a slot: small enough for the first cache, where the many looks at taken slots then stay.
struct Taken(Vec<u64>);

impl Taken {
    fn has(&self, slot: u32) -> bool {
        self.0[(slot / 64) as usize] >> (slot % 64) & 1 == 1
    }

    fn take(&mut self, slot: u32) {
        self.0[(slot / 64) as usize] |= 1 << (slot % 64);
    }
}

fn fill<S: Copy + Default>(claimants: &[Claimant<'_>], size: u32, slot: impl Fn(u32) -> S) -> Box<[S]> {
    let heaviest = f64::from(claimants.iter().map(|one| one.weight).max().unwrap_or(1).max(1));
    let mut order: Vec<usize> = (0..claimants.len()).filter(|&index| claimants[index].weight > 0).collect();
    order.sort_unstable_by_key(|&index| claimants[index].name);
    let mut walks: Vec<Walk> = order
        .into_iter()
        .map(|index| Walk {
            index: index as u32,
            next: (xxh64(claimants[index].name.as_bytes(), OFFSET_SEED) % u64::from(size)) as u32,
            stride: (xxh64(claimants[index].name.as_bytes(), STRIDE_SEED) % u64::from(size - 1)) as u32 + 1,
            share: f64::from(claimants[index].weight) / heaviest,
            saved: 0.0,
        })
        .collect();
    let mut slots = vec![S::default(); size as usize];
    let mut taken = Taken(vec![0; size.div_ceil(64) as usize]);
    let mut free = size;
    while free > 0 && !walks.is_empty() {
        for walk in &mut walks {
            walk.saved += walk.share;
            if walk.saved < 1.0 {
                continue;
            }
            walk.saved -= 1.0;
            let mut next = walk.next;
            while taken.has(next) {
                next = after(next, walk.stride, size);
            }
            taken.take(next);
            slots[next as usize] = slot(walk.index);
            walk.next = after(next, walk.stride, size);
            free -= 1;
            if free == 0 {
                break;
            }
        }
    }
    slots.into()
}

/// The slot a stride further. A prime size and a stride below it visit every slot; sizes go up to five million, so that the
/// sum fits.
fn after(slot: u32, stride: u32, size: u32) -> u32 {
    let next = slot + stride;
    if next >= size { next - size } else { next }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(range: std::ops::Range<u32>) -> Vec<String> {
        range.map(|index| format!("shop/cart-{index}")).collect()
    }

    fn table(names: &[String], size: u32) -> Vec<u32> {
        let claimants: Vec<Claimant<'_>> = names.iter().map(|name| Claimant { name, weight: 100 }).collect();
        fill(&claimants, size, |index| index).into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_slot_is_filled_and_shares_are_even(n in 2u32..120) {
            let size = 16_381;
            let slots = table(&names(0..n), size);
            let mut counts = vec![0u32; n as usize];
            slots.iter().for_each(|&slot| counts[slot as usize] += 1);
            let mean = f64::from(size) / f64::from(n);
            let most = f64::from(*counts.iter().max().unwrap());
            prop_assert!(most / mean <= 1.0 + f64::from(n) / f64::from(size) + 0.02, "{most} of {mean}");
        }

        #[test]
        fn the_order_of_the_input_does_not_matter(n in 2u32..60, seed: u64) {
            let straight = names(0..n);
            let mut shuffled = straight.clone();
            let mut rng = crate::Rng::new(seed);
            for index in (1..shuffled.len()).rev() {
                shuffled.swap(index, rng.below(index + 1));
            }
            let (a, b) = (table(&straight, 4093), table(&shuffled, 4093));
            prop_assert!(a.iter().zip(&b).all(|(&a, &b)| straight[a as usize] == shuffled[b as usize]));
        }

        #[test]
        fn one_that_leaves_moves_its_own_slots_and_two_percent_at_most(n in 3u32..120, gone in 0u32..120) {
            let size = 65_537;
            let all = names(0..n);
            let gone = all[(gone % n) as usize].clone();
            let rest: Vec<String> = all.iter().filter(|name| **name != gone).cloned().collect();
            let (before, after) = (table(&all, size), table(&rest, size));
            let moved = before.iter().zip(&after).filter(|&(&b, &a)| all[b as usize] != gone && all[b as usize] != rest[a as usize]).count();
            prop_assert!(moved as f64 <= f64::from(size) * 0.02, "{moved} moved");
        }

        #[test]
        fn slots_follow_the_weights(weights in prop::collection::vec(0u32..500, 2..20)) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let names = names(0..weights.len() as u32);
            let claimants: Vec<Claimant<'_>> = names.iter().zip(&weights).map(|(name, &weight)| Claimant { name, weight }).collect();
            let mut counts = vec![0f64; weights.len()];
            fill(&claimants, 16_381, |index| index).iter().for_each(|&slot| counts[slot as usize] += 1.0);
            let sum: u32 = weights.iter().sum();
            for (count, weight) in counts.iter().zip(&weights) {
                prop_assert!((count / 16_381.0 - f64::from(*weight) / f64::from(sum)).abs() < 0.01);
                prop_assert!(*weight > 0 || *count == 0.0);
            }
        }
    }
}
