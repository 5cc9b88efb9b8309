//! Objects that selectors match, found by their labels and by their node, never by going through all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use api::Labels;
use watch::{Event, Key, Read};

/// A kind that selectors match.
pub(crate) trait Selectable: Read + PartialEq {
    /// The node it is on; empty if none.
    fn node(&self) -> &str;
}

impl Selectable for api::Pod {
    fn node(&self) -> &str {
        &self.spec.node_name
    }
}

impl Selectable for api::Instance {
    fn node(&self) -> &str {
        self.spec.node.as_deref().unwrap_or("")
    }
}

type LabelKey = (Arc<str>, Arc<str>, Arc<str>);

/// An object before and after a change.
pub(crate) type Turn<T> = (Option<Arc<T>>, Option<Arc<T>>);

/// All objects of one kind.
pub(crate) struct Members<T> {
    objects: HashMap<Key, Arc<T>>,
    /// By namespace, label key and label value.
    by_label: HashMap<LabelKey, BTreeSet<Arc<str>>>,
    by_node: HashMap<Arc<str>, BTreeSet<Key>>,
}

impl<T> Default for Members<T> {
    fn default() -> Members<T> {
        Members { objects: HashMap::new(), by_label: HashMap::new(), by_node: HashMap::new() }
    }
}

impl<T: Selectable> Members<T> {
    /// Takes a change in; returns the object before and after. Nothing if only what nobody looks at changed.
    pub fn apply(&mut self, event: Event<T>) -> Option<Turn<T>> {
        match event {
            Event::Upsert(object) => {
                let key = Key::of(object.meta());
                let now = Arc::new(object);
                let before = self.objects.insert(key.clone(), now.clone());
                if let Some(before) = &before {
                    self.unlink(&key, before);
                }
                for (label, value) in &now.meta().labels {
                    let label = (key.namespace.clone(), label.clone(), value.clone());
                    self.by_label.entry(label).or_default().insert(key.name.clone());
                }
                if !now.node().is_empty() {
                    self.by_node.entry(now.node().into()).or_default().insert(key);
                }
                Some((before, Some(now)))
            }
            Event::Delete(key) => {
                let before = self.objects.remove(&key)?;
                self.unlink(&key, &before);
                Some((Some(before), None))
            }
            Event::Synced => None,
        }
    }

    fn unlink(&mut self, key: &Key, object: &T) {
        for (label, value) in &object.meta().labels {
            let label = (key.namespace.clone(), label.clone(), value.clone());
            remove(&mut self.by_label, &label, &key.name);
        }
        remove(&mut self.by_node, &Arc::from(object.node()), key);
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<T>> {
        self.objects.get(key)
    }

    /// What a selector matches in a namespace, by name. An empty selector matches nothing.
    pub fn select(&self, namespace: &Arc<str>, selector: &Labels) -> Vec<&Arc<T>> {
        let names = selector.iter().map(|(label, value)| self.by_label.get(&(namespace.clone(), label.clone(), value.clone())));
        // The rarest label decides how many are looked at; one that nobody has decides for all.
        let Some(Some(names)) = names.min_by_key(|names| names.map_or(0, BTreeSet::len)) else { return Vec::new() };
        let key = |name: &Arc<str>| Key { namespace: namespace.clone(), name: name.clone() };
        names.iter().filter_map(|name| self.objects.get(&key(name))).filter(|object| matches(selector, &object.meta().labels)).collect()
    }

    /// What is on a node.
    pub fn on_node(&self, node: &str) -> impl Iterator<Item = &Arc<T>> {
        self.by_node.get(node).into_iter().flatten().filter_map(|key| self.objects.get(key))
    }
}

fn remove<K: std::hash::Hash + Eq, V: Ord>(map: &mut HashMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}

/// Whether labels satisfy a selector.
pub(crate) fn matches(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Services by what they select.
#[derive(Default)]
pub(crate) struct Services {
    objects: BTreeMap<Key, Arc<api::Service>>,
    /// What all Services are that neither select nor stand for a name.
    plain: Arc<api::Service>,
    /// By the first label of the selector.
    by_label: HashMap<LabelKey, BTreeSet<Arc<str>>>,
}

impl Services {
    /// What is kept of a Service: of one that neither selects nor stands for a name only that it is there.
    fn kept(&self, service: api::Service) -> Arc<api::Service> {
        let is_read = !service.spec.selector.is_empty() || super::state::is_alias(&service);
        if is_read { Arc::new(service) } else { self.plain.clone() }
    }

    /// Takes a change in; returns the Service's key, and what was there before.
    pub fn apply(&mut self, event: Event<api::Service>) -> Option<(Key, Option<Arc<api::Service>>)> {
        let (key, now) = match event {
            Event::Upsert(service) => (Key::of(&service.metadata), Some(self.kept(service))),
            Event::Delete(key) => (key, None),
            Event::Synced => return None,
        };
        let before = match &now {
            Some(now) => self.objects.insert(key.clone(), now.clone()),
            None => self.objects.remove(&key),
        };
        if let Some(label) = before.as_deref().and_then(first_label) {
            remove(&mut self.by_label, &label, &key.name);
        }
        if let Some(label) = now.as_deref().and_then(first_label) {
            self.by_label.entry(label).or_default().insert(key.name.clone());
        }
        Some((key, before))
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<api::Service>> {
        self.objects.get(key)
    }

    /// The Services that select an object with these labels.
    pub fn selecting<'a>(&'a self, namespace: &'a Arc<str>, labels: &'a Labels) -> impl Iterator<Item = Key> + 'a {
        let names = labels.iter().filter_map(|(key, value)| self.by_label.get(&(namespace.clone(), key.clone(), value.clone())));
        let keys = names.flatten().map(|name| Key { namespace: namespace.clone(), name: name.clone() });
        keys.filter(move |key| self.objects.get(key).is_some_and(|service| matches(&service.spec.selector, labels)))
    }
}

fn first_label(service: &api::Service) -> Option<LabelKey> {
    let (key, value) = service.spec.selector.first()?;
    Some((service.metadata.namespace.clone(), key.clone(), value.clone()))
}
