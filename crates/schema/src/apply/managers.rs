//! `metadata.managedFields`: reading, writing, and the housekeeping of its entries.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fieldset::Set;
use super::{Owners, Writer};
use crate::time;

/// More entries of updates than this are merged, the oldest first.
const MOST_UPDATERS: usize = 10;
/// Who owns what the merged entries owned.
const ANCIENT: &str = "ancient-changes";

/// How a manager came to own something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Apply,
    Update,
}

/// Who an entry belongs to. An applier is the same in every version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    manager: String,
    operation: Operation,
    /// Empty for appliers.
    api_version: String,
    subresource: String,
}

impl Id {
    pub fn new(writer: &Writer<'_>, operation: Operation) -> Id {
        let manager = if writer.manager.is_empty() { "unknown" } else { writer.manager };
        let api_version = if operation == Operation::Apply { "" } else { writer.api_version };
        Id { manager: manager.to_owned(), operation, api_version: api_version.to_owned(), subresource: writer.subresource.to_owned() }
    }

    /// Whether both entries are of one writer, whatever the version they are written in.
    pub fn same_writer(&self, other: &Id) -> bool {
        self.manager == other.manager && self.operation == other.operation && self.subresource == other.subresource
    }

    /// The same writer in another version.
    pub fn at_version(&self, version: &str) -> Id {
        let api_version = if self.operation == Operation::Apply { String::new() } else { version.to_owned() };
        Id { api_version, ..self.clone() }
    }

    /// As conflicts name it: `"m" with subresource "status" using v1`.
    pub fn shown(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    pub set: Set,
    /// The version in whose terms the set is written.
    pub api_version: String,
    pub applied: bool,
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managers {
    owners: Owners,
    times: BTreeMap<Id, Timestamp>,
}

impl Managers {
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Hands out the owners; [`Managers::replace`] gives them back.
    pub fn take(&mut self) -> Owners {
        std::mem::take(&mut self.owners)
    }

    pub fn replace(&mut self, owners: Owners) {
        self.owners = owners;
    }

    pub fn touch(&mut self, id: &Id, now: Timestamp) {
        self.times.insert(id.clone(), now);
    }

    /// Adds to what a manager owns by updates.
    pub fn claim(&mut self, id: &Id, set: Set, api_version: &str, now: Timestamp) {
        let set = match self.owners.get(id) {
            Some(owned) => set.union(&owned.set),
            None => set,
        };
        self.owners.insert(id.clone(), Owned { set, api_version: api_version.to_owned(), applied: false });
        self.touch(id, now);
    }

    /// Takes out of an entry what nobody owns.
    pub fn strip(&mut self, id: &Id) {
        if let Some(owned) = self.owners.get_mut(id) {
            owned.set = owned.set.difference(stripped());
            if owned.set.is_empty() {
                self.owners.remove(id);
            }
        }
    }

    /// Merges the oldest entries of updates, version by version, until there are few enough.
    pub fn cap(&mut self) {
        let mut updaters: Vec<Id> = self.owners.iter().filter(|(_, o)| !o.applied).map(|(id, _)| id.clone()).collect();
        let mut count = updaters.len();
        if count <= MOST_UPDATERS {
            return;
        }
        updaters.sort_by_key(|id| (self.times.get(id).map_or(0, |t| t.as_second()), id.clone()));
        let mut first_of_version: BTreeMap<String, Id> = BTreeMap::new();
        for id in updaters {
            if count <= MOST_UPDATERS {
                return;
            }
            let Some(version) = self.owners.get(&id).map(|o| o.api_version.clone()) else { continue };
            let bucket = Id { manager: ANCIENT.to_owned(), operation: Operation::Update, api_version: version.clone(), subresource: String::new() };
            let Some(first) = first_of_version.get(&version) else {
                first_of_version.insert(version, id);
                continue;
            };
            if !self.owners.contains_key(&bucket)
                && let Some(owned) = self.owners.remove(first)
            {
                self.owners.insert(bucket.clone(), owned);
            }
            let Some(owned) = self.owners.get(&id).cloned() else { continue };
            if let Some(into) = self.owners.get_mut(&bucket) {
                into.set = owned.set.union(&into.set);
            }
            if id != bucket {
                self.owners.remove(&id);
            }
            count -= 1;
            if let Some(time) = self.times.get(&id).copied() {
                self.times.insert(bucket, time);
            }
        }
    }

    /// Entries in the order of output.
    fn sorted(&self) -> Vec<(&Id, &Owned, Option<Timestamp>)> {
        let mut entries: Vec<_> = self.owners.iter().map(|(id, owned)| (id, owned, self.times.get(id).copied())).collect();
        entries.sort_by(|(a, owned_a, time_a), (b, owned_b, time_b)| {
            let seconds = |t: &Option<Timestamp>| t.map_or(0, |t| t.as_second());
            let key = |id: &Id| (id.operation, id.manager.clone());
            (key(a).0, seconds(time_a), key(a).1, &owned_a.api_version, &a.subresource).cmp(&(
                key(b).0,
                seconds(time_b),
                key(b).1,
                &owned_b.api_version,
                &b.subresource,
            ))
        });
        entries
    }

    /// Entries whose sets hold `wanted`, each with the set that `convert` makes of it.
    pub fn mapped(self, mut convert: impl FnMut(&Id, Owned) -> Option<Owned>) -> Managers {
        let owners = self.owners.into_iter().filter_map(|(id, owned)| convert(&id, owned).map(|owned| (id, owned))).collect();
        Managers { owners, times: self.times }
    }

    /// Adds an entry with its time.
    pub fn insert(&mut self, id: Id, owned: Owned, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.times.insert(id.clone(), time);
        }
        self.owners.insert(id, owned);
    }

    /// Every entry with its time.
    pub fn entries(&self) -> impl Iterator<Item = (&Id, &Owned, Option<Timestamp>)> {
        self.owners.iter().map(|(id, owned)| (id, owned, self.times.get(id).copied()))
    }
}

/// Paths that belong to the object, not to a manager.
pub fn stripped() -> &'static Set {
    static STRIPPED: LazyLock<Set> = LazyLock::new(|| {
        Set::of_fields(&[
            &["apiVersion"],
            &["kind"],
            &["metadata"],
            &["metadata", "name"],
            &["metadata", "namespace"],
            &["metadata", "creationTimestamp"],
            &["metadata", "selfLink"],
            &["metadata", "uid"],
            &["metadata", "clusterName"],
            &["metadata", "generation"],
            &["metadata", "managedFields"],
            &["metadata", "resourceVersion"],
        ])
    });
    &STRIPPED
}

/// Whether a client asks to forget all owners: `[]` or `[{}]`.
pub fn is_reset(entries: Option<&Value>) -> bool {
    match entries {
        Some(Value::Array(items)) => match items.as_slice() {
            [] => true,
            [Value::Object(only)] => only.values().all(|v| v.is_null() || v.as_str() == Some("")),
            _ => false,
        },
        _ => false,
    }
}

/// Reads the entries; `None` when one of them is malformed.
pub fn decode(entries: Option<&Value>) -> Option<Managers> {
    let mut managers = Managers::default();
    let Some(Value::Array(items)) = entries else { return Some(managers) };
    for item in items {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let operation = match text("operation").as_str() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        let api_version = text("apiVersion");
        if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
            return None;
        }
        let set = match item.get("fieldsV1") {
            None | Some(Value::Null) => Set::default(),
            Some(fields) => Set::from_fields(fields)?,
        };
        let applied = operation == Operation::Apply;
        let id = Id {
            manager: text("manager"),
            operation,
            api_version: if applied { String::new() } else { api_version.clone() },
            subresource: text("subresource"),
        };
        let time = item.get("time").and_then(Value::as_str).and_then(|t| t.parse().ok());
        managers.insert(id, Owned { set, api_version, applied }, time);
    }
    Some(managers)
}

/// Writes the entries into an object; none when nobody owns anything.
pub fn encode(object: &mut Value, managers: &Managers) {
    let Some(map) = object.as_object_mut() else { return };
    if managers.is_empty() {
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
        return;
    }
    let metadata = map.entry("metadata").or_insert(Value::Null);
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("managedFields".to_owned(), entries(managers));
    }
}

/// The entries as the API shows them.
pub fn entries(managers: &Managers) -> Value {
    let entry = |(id, owned, time): (&Id, &Owned, Option<Timestamp>)| {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| drop(entry.insert(name.to_owned(), value));
        if !id.manager.is_empty() {
            put("manager", id.manager.as_str().into());
        }
        put("operation", if owned.applied { "Apply" } else { "Update" }.into());
        put("apiVersion", owned.api_version.as_str().into());
        if let Some(time) = time {
            put("time", time::seconds(time).into());
        }
        put("fieldsType", json!("FieldsV1"));
        put("fieldsV1", owned.set.to_fields());
        if !id.subresource.is_empty() {
            put("subresource", id.subresource.as_str().into());
        }
        Value::Object(entry)
    };
    managers.sorted().into_iter().map(entry).collect()
}
