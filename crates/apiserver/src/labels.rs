//! The label index of a kind: label and value to the keys of the objects that carry it, so that a selector costs what it matches.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};

use crate::object::Object;
use crate::selector::{LabelRequirement, LabelTest};

type Keys = OrdSet<Arc<str>>;

/// Persistent like the map of objects: a clone is a state of its own.
#[derive(Clone, Default)]
pub struct LabelIndex(HashMap<Box<str>, OrdMap<Box<str>, Keys>>);

impl LabelIndex {
    /// Takes in an object.
    pub fn add(&mut self, object: &Arc<Object>) {
        for (label, value) in &object.head.labels {
            self.0.entry(label.clone()).or_default().entry(value.clone()).or_default().insert(object.key.clone());
        }
    }

    /// An object changed, came or went. Unchanged labels cost a comparison.
    pub fn replace(&mut self, before: Option<&Object>, now: Option<&Arc<Object>>) {
        if before.map(|o| &o.head.labels) == now.map(|o| &o.head.labels) {
            return;
        }
        for (label, value) in before.iter().flat_map(|o| o.head.labels.iter()) {
            self.remove(label, value, before);
        }
        if let Some(object) = now {
            self.add(object);
        }
    }

    fn remove(&mut self, label: &str, value: &str, object: Option<&Object>) {
        let (Some(values), Some(object)) = (self.0.get_mut(label), object) else { return };
        if let Some(keys) = values.get_mut(value) {
            keys.remove(&object.key);
            if keys.is_empty() {
                values.remove(value);
            }
        }
        if values.is_empty() {
            self.0.remove(label);
        }
    }

    /// The keys under a prefix that satisfy the narrowest of the requirements that the index can answer, in order; none when it cannot
    /// answer any. The other requirements remain to be tested.
    pub fn candidates(&self, requirements: &[LabelRequirement], prefix: &str) -> Option<Vec<Arc<str>>> {
        let sets = requirements.iter().filter_map(|r| self.sets(r)).min_by_key(|sets| sets.iter().map(|s| s.len()).sum::<usize>())?;
        let start: Arc<str> = prefix.into();
        let under = |set: &&Keys| set.range(start.clone()..).take_while(|key| key.starts_with(prefix)).cloned().collect::<Vec<_>>();
        let mut keys: Vec<Arc<str>> = sets.iter().flat_map(|set| under(set)).collect();
        if sets.len() > 1 {
            keys.sort_unstable();
        }
        Some(keys)
    }

    fn sets(&self, requirement: &LabelRequirement) -> Option<Vec<&Keys>> {
        let values = self.0.get(requirement.key.as_str());
        match &requirement.test {
            LabelTest::In(wanted) => Some(values.map_or_else(Vec::new, |v| {
                let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                wanted.sort_unstable();
                wanted.dedup();
                wanted.into_iter().filter_map(|value| v.get(value)).collect()
            })),
            LabelTest::Exists | LabelTest::Above(_) | LabelTest::Below(_) => Some(values.map_or_else(Vec::new, |v| v.values().collect())),
            LabelTest::NotIn(_) | LabelTest::Absent => None,
        }
    }
}
