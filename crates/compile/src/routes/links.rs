//! Who depends on what, in both directions, so that a change finds those it touches.

use std::collections::{BTreeMap, BTreeSet};

/// From each owner to the targets it looked at, and back.
#[derive(Debug)]
pub(crate) struct Links<O, T> {
    targets: BTreeMap<O, BTreeSet<T>>,
    owners: BTreeMap<T, BTreeSet<O>>,
}

impl<O, T> Default for Links<O, T> {
    fn default() -> Self {
        Self { targets: BTreeMap::new(), owners: BTreeMap::new() }
    }
}

impl<O: Ord + Clone, T: Ord + Clone> Links<O, T> {
    /// Replaces what an owner depends on; empty forgets the owner. Gives the targets that it left and those that are new.
    pub fn set(&mut self, owner: &O, targets: BTreeSet<T>) -> Vec<T> {
        let before = self.targets.remove(owner).unwrap_or_default();
        for gone in before.difference(&targets) {
            if let Some(owners) = self.owners.get_mut(gone) {
                owners.remove(owner);
                if owners.is_empty() {
                    self.owners.remove(gone);
                }
            }
        }
        for new in targets.difference(&before) {
            self.owners.entry(new.clone()).or_default().insert(owner.clone());
        }
        let changed = before.symmetric_difference(&targets).cloned().collect();
        if !targets.is_empty() {
            self.targets.insert(owner.clone(), targets);
        }
        changed
    }

    /// Those that depend on a target.
    pub fn owners(&self, target: &T) -> impl Iterator<Item = &O> {
        self.owners.get(target).into_iter().flatten()
    }

    /// Everything somebody depends on.
    pub fn all_targets(&self) -> impl Iterator<Item = &T> {
        self.owners.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_set_of_targets_replaces_the_old_one_in_both_directions() {
        let mut links: Links<&str, u8> = Links::default();
        links.set(&"a", BTreeSet::from([1, 2]));
        links.set(&"b", BTreeSet::from([2]));
        links.set(&"a", BTreeSet::from([2, 3]));
        assert_eq!(links.owners(&1).count(), 0);
        assert_eq!(links.owners(&2).copied().collect::<Vec<_>>(), ["a", "b"]);
        links.set(&"a", BTreeSet::new());
        assert_eq!(links.all_targets().copied().collect::<Vec<_>>(), [2]);
    }
}
