//! The label index of a kind: label and value to the keys of the objects that carry it, so that a selector costs what it matches.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};

use crate::object::Object;
use crate::selector::{LabelRequirement, LabelTest};

/// The objects with one value of a label. Where values name something, as those of slices name their Service, it is mostly one, and a set for
/// each would be nearly all spare room.
#[derive(Clone)]
enum Keys {
    One(Arc<str>),
    Many(OrdSet<Arc<str>>),
}

impl Keys {
    fn insert(&mut self, key: &Arc<str>) {
        match self {
            Keys::One(one) if one == key => {}
            Keys::One(one) => *self = Keys::Many([one.clone(), key.clone()].into_iter().collect()),
            Keys::Many(keys) => drop(keys.insert(key.clone())),
        }
    }

    /// True when none is left.
    fn remove(&mut self, key: &Arc<str>) -> bool {
        match self {
            Keys::One(one) => one == key,
            Keys::Many(keys) => {
                keys.remove(key);
                if let (1, Some(last)) = (keys.len(), keys.get_min()) {
                    *self = Keys::One(last.clone());
                }
                false
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Keys::One(_) => 1,
            Keys::Many(keys) => keys.len(),
        }
    }

    /// Those that begin with a prefix, in order.
    fn under(&self, prefix: &Arc<str>) -> Vec<Arc<str>> {
        match self {
            Keys::One(one) => one.starts_with(&**prefix).then(|| one.clone()).into_iter().collect(),
            Keys::Many(keys) => keys.range(prefix.clone()..).take_while(|key| key.starts_with(&**prefix)).cloned().collect(),
        }
    }
}

/// Persistent like the map of objects: a clone is a state of its own.
#[derive(Clone, Default)]
pub struct LabelIndex(HashMap<Box<str>, OrdMap<Box<str>, Keys>>);

impl LabelIndex {
    /// Takes in an object.
    pub fn add(&mut self, object: &Arc<Object>) {
        for (label, value) in &object.head.labels {
            let values = self.0.entry(label.clone()).or_default();
            match values.get_mut(value) {
                Some(keys) => keys.insert(&object.key),
                None => drop(values.insert(value.clone(), Keys::One(object.key.clone()))),
            }
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
        if values.get_mut(value).is_some_and(|keys| keys.remove(&object.key)) {
            values.remove(value);
        }
        if values.is_empty() {
            self.0.remove(label);
        }
    }

    /// The keys under a prefix that satisfy the narrowest of the requirements that the index can answer, in order; none when it cannot
    /// answer any. The other requirements remain to be tested.
    pub fn candidates(&self, requirements: &[LabelRequirement], prefix: &str) -> Option<Vec<Arc<str>>> {
        let sets = requirements.iter().filter_map(|r| self.sets(r)).min_by_key(|sets| sets.iter().map(|set| set.len()).sum::<usize>())?;
        let start: Arc<str> = prefix.into();
        let mut keys: Vec<Arc<str>> = sets.iter().flat_map(|set| set.under(&start)).collect();
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use store::Record;

    use super::*;
    use crate::kinds;

    fn object(name: u8, labels: &BTreeMap<String, String>) -> Arc<Object> {
        let json = serde_json::json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": name.to_string(), "namespace": "n", "labels": labels } });
        let key = format!("/registry/configmaps/n/{name}").into();
        let record = Record { key, value: json.to_string().into(), create_revision: 1, mod_revision: 1 };
        Arc::new(Object::decode(kinds::find("", "v1", "configmaps").expect("a row"), &record).expect("an object"))
    }

    fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map("[ab]", "[xy]", 0..3)
    }

    proptest! {
        #[test]
        fn the_index_answers_as_a_scan_would(writes in prop::collection::vec((0u8..6, prop::option::of(labels())), 0..40)) {
            let (mut index, mut objects) = (LabelIndex::default(), BTreeMap::new());
            for (name, labels) in writes {
                let now = labels.map(|labels| object(name, &labels));
                let before = match &now {
                    Some(now) => objects.insert(name, now.clone()),
                    None => objects.remove(&name),
                };
                index.replace(before.as_deref(), now.as_ref());
            }
            for selector in ["a", "a=x", "a in (x,y)", "a=x,b=y", "b notin (x),a"] {
                let requirements = crate::selector::labels(selector).expect("a selector");
                let admits = |o: &Object| requirements.iter().all(|r| r.admits(o.head.label(&r.key)));
                let candidates = index.candidates(&requirements, "/registry/configmaps/n/").expect("indexed");
                let found: Vec<Arc<str>> = candidates.into_iter().filter(|key| objects.values().any(|o| o.key == *key && admits(o))).collect();
                let wanted: Vec<Arc<str>> = objects.values().filter(|o| admits(o)).map(|o| o.key.clone()).collect();
                prop_assert_eq!(found, wanted, "{}", selector);
            }
            prop_assert!(index.candidates(&crate::selector::labels("!a").expect("a selector"), "").is_none());
        }
    }
}
