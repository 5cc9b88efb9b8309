//! Who depends on what, in both directions, so that a change finds those it touches.

use std::collections::{BTreeMap, BTreeSet};

/// From each owner to the targets it looked at, and back. Pairs lie flat in one tree: a set of its own for each of thousands of owners
/// with one target each would be mostly room.
#[derive(Debug)]
pub(crate) struct Links<O, T> {
    /// Sorted, each once.
    targets: BTreeMap<O, Box<[T]>>,
    /// `None` stands before every owner of its target: where a search begins. It is never stored.
    owners: BTreeSet<(T, Option<O>)>,
}

impl<O, T> Default for Links<O, T> {
    fn default() -> Self {
        Self { targets: BTreeMap::new(), owners: BTreeSet::new() }
    }
}

impl<O: Ord + Clone, T: Ord + Clone> Links<O, T> {
    /// Replaces what an owner depends on; empty forgets the owner. Gives the targets that it left and those that are new.
    pub fn set(&mut self, owner: &O, targets: BTreeSet<T>) -> Vec<T> {
        let before = self.targets.remove(owner).unwrap_or_default();
        let mut changed = Vec::new();
        for gone in before.iter().filter(|one| !targets.contains(one)) {
            self.owners.remove(&(gone.clone(), Some(owner.clone())));
            changed.push(gone.clone());
        }
        for new in targets.iter().filter(|one| before.binary_search(one).is_err()) {
            self.owners.insert((new.clone(), Some(owner.clone())));
            changed.push(new.clone());
        }
        if !targets.is_empty() {
            self.targets.insert(owner.clone(), targets.into_iter().collect());
        }
        changed
    }

    /// Those that depend on a target.
    pub fn owners(&self, target: &T) -> impl Iterator<Item = &O> {
        let first = (target.clone(), None);
        let target = target.clone();
        self.owners.range(first..).take_while(move |(known, _)| *known == target).filter_map(|(_, owner)| owner.as_ref())
    }

    /// Everything somebody depends on, each once.
    pub fn all_targets(&self) -> impl Iterator<Item = &T> {
        let mut last = None;
        self.owners.iter().map(|(target, _)| target).filter(move |target| last.replace(*target) != Some(*target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_set_of_targets_replaces_the_old_one_in_both_directions() {
        let mut links: Links<&str, u8> = Links::default();
        assert_eq!(links.set(&"a", BTreeSet::from([1, 2])), [1, 2]);
        links.set(&"b", BTreeSet::from([2]));
        assert_eq!(links.set(&"a", BTreeSet::from([2, 3])), [1, 3]);
        assert_eq!(links.owners(&1).count(), 0);
        assert_eq!(links.owners(&2).copied().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(links.all_targets().copied().collect::<Vec<_>>(), [2, 3]);
        links.set(&"a", BTreeSet::new());
        assert_eq!(links.all_targets().copied().collect::<Vec<_>>(), [2]);
    }
}
