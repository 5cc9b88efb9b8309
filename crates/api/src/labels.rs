//! Labels and annotations.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Common;

/// Labels or annotations by their keys. A sorted list without spare room: nearly every object has a few of them and keeps them for as long as
/// it lives, where the smallest tree would have room for eleven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Arc<str>> {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    /// Whether there is such a key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Sets a value, in time of all of them.
    pub fn insert(&mut self, key: Arc<str>, value: Arc<str>) {
        match self.place(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                let mut pairs = std::mem::take(&mut self.0).into_vec();
                pairs.insert(at, (key, value));
                self.0 = pairs.into();
            }
        }
    }

    /// Takes one away, in time of all of them.
    pub fn remove(&mut self, key: &str) {
        if let Ok(at) = self.place(key) {
            let mut pairs = std::mem::take(&mut self.0).into_vec();
            pairs.remove(at);
            self.0 = pairs.into();
        }
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.0 = Box::default();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.into_iter()
    }

    /// The one whose key is first.
    pub fn first(&self) -> Option<(&Arc<str>, &Arc<str>)> {
        self.into_iter().next()
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(key, _)| key)
    }
}

impl Index<&str> for Labels {
    type Output = Arc<str>;

    fn index(&self, key: &str) -> &Arc<str> {
        self.get(key).expect("whoever indexes knows that the key is there")
    }
}

type Pair<'a> = (&'a Arc<str>, &'a Arc<str>);

impl<'a> IntoIterator for &'a Labels {
    type Item = Pair<'a>;
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (Arc<str>, Arc<str>)>, fn(&'a (Arc<str>, Arc<str>)) -> Pair<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl FromIterator<(Arc<str>, Arc<str>)> for Labels {
    /// Of a key that comes twice the last value counts, as in every JSON object.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Arc<str>)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = pairs.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
        Self(pairs.into())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Common(key), Common(value))) = map.next_entry()? {
                    pairs.push((key, value));
                }
                Ok(pairs.into_iter().collect())
            }
        }
        from.deserialize_map(Reader)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Labels {
        serde_json::from_str(json).expect("labels")
    }

    #[test]
    fn they_are_found_by_key_in_whatever_order_they_were_written() {
        let mut labels = read(r#"{"b":"2","a":"1","c":"3","a":"0"}"#);
        assert_eq!(labels.get("a").map(|value| &**value), Some("0"), "the last one counts");
        assert_eq!((labels.len(), labels.contains_key("c"), labels.contains_key("d")), (3, true, false));
        assert_eq!(labels, read(r#"{"a":"0","b":"2","c":"3"}"#));
        labels.insert("aa".into(), "4".into());
        labels.insert("c".into(), "5".into());
        labels.insert("bb".into(), "6".into());
        labels.remove("bb");
        labels.remove("nobody");
        assert_eq!(serde_json::to_string(&labels).expect("JSON"), r#"{"a":"0","aa":"4","b":"2","c":"5"}"#);
        assert_eq!(labels.keys().map(|key| &**key).collect::<Vec<_>>(), ["a", "aa", "b", "c"]);
        assert!(serde_json::from_str::<Labels>(r#"{"a":1}"#).is_err());
    }
}
