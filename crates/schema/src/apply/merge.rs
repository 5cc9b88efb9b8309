//! Merging a configuration into a live value, and taking paths out of a value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::element::{Element, path_text};
use super::fieldset::Set;
use super::typed::{Type, item_element};
use crate::table::Field;

/// `live` with everything that `config` says. Nothing is removed; lists with identities keep the order of `config` where
/// it speaks. `None` when both are empty containers that cancel out.
pub fn merge(kind: Type, live: Option<&Value>, config: Option<&Value>) -> Result<Option<Value>, String> {
    let keep = || Ok(config.or(live).cloned());
    match (kind, live, config) {
        (_, None, _) | (_, _, None) if !matches!(kind, Type::List(_)) => keep(),
        (Type::Struct(message), ..) if message.atomic => keep(),
        (Type::Struct(_) | Type::Map(_), Some(live), Some(config)) => objects(kind, live, config),
        (Type::Open, Some(live @ (Value::Object(_) | Value::Null)), Some(config @ (Value::Object(_) | Value::Null))) => objects(kind, live, config),
        (Type::List(field), live, config) => lists(field, kind, live, config),
        _ => keep(),
    }
}

fn objects(kind: Type, live: &Value, config: &Value) -> Result<Option<Value>, String> {
    let (left, right) = (live.as_object(), config.as_object());
    if left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty) {
        return Ok(Some(config.clone()));
    }
    let mut out = Map::new();
    let mut put = |key: &String, live: Option<&Value>, config: Option<&Value>| -> Result<(), String> {
        let inner = kind.field(key).unwrap_or(Type::Leaf);
        let merged = merge(inner, live, config).map_err(|e| format!(".{key}{e}"))?;
        if let Some(merged) = merged {
            out.insert(key.clone(), merged);
        }
        Ok(())
    };
    for (key, value) in left.into_iter().flatten() {
        put(key, Some(value), right.and_then(|r| r.get(key)))?;
    }
    for (key, value) in right.into_iter().flatten().filter(|(key, _)| left.is_none_or(|l| !l.contains_key(*key))) {
        put(key, None, Some(value))?;
    }
    Ok((!out.is_empty()).then_some(Value::Object(out)))
}

fn lists(field: &'static Field, kind: Type, live: Option<&Value>, config: Option<&Value>) -> Result<Option<Value>, String> {
    let items = |v: Option<&Value>| v.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().to_vec();
    let (left, right) = (items(live), items(config));
    if left.is_empty() && right.is_empty() {
        return Ok(config.or(live).cloned());
    }
    let interleaving =
        Interleaving { item: kind.item().unwrap_or(Type::Leaf), left: Side::new(field, left, true)?, right: Side::new(field, right, false)? };
    let out = interleaving.run()?;
    Ok((!out.is_empty()).then_some(Value::Array(out)))
}

/// One of the two lists.
struct Side {
    /// Identity of each item, in order.
    order: Vec<Element>,
    /// The item of an identity; null when several share it.
    items: BTreeMap<Element, Value>,
    all: Vec<Value>,
}

impl Side {
    fn new(field: &'static Field, all: Vec<Value>, repeats: bool) -> Result<Side, String> {
        let mut order = Vec::with_capacity(all.len());
        let mut items = BTreeMap::new();
        for (i, item) in all.iter().enumerate() {
            let element = item_element(field, item).map_err(|e| format!(": element {i}: {e}"))?;
            if items.contains_key(&element) {
                if !repeats {
                    return Err(format!(": duplicate entries for key {}", path_text(std::slice::from_ref(&element))));
                }
                // Items that share an identity are not merged with the new one.
                items.insert(element.clone(), Value::Null);
            } else {
                items.insert(element.clone(), item.clone());
            }
            order.push(element);
        }
        Ok(Side { order, items, all })
    }
}

struct Interleaving {
    item: Type,
    left: Side,
    right: Side,
}

impl Interleaving {
    /// Walks both lists: items of the live list stay where they are, shared ones come in the order of the
    /// configuration, and its new ones follow their predecessors.
    fn run(&self) -> Result<Vec<Value>, String> {
        let (left, right) = (&self.left, &self.right);
        let mut out = Vec::with_capacity(left.order.len().max(right.order.len()));
        let mut shared = right.order.iter().filter(|e| left.items.contains_key(e));
        let mut next_shared = shared.next();
        let mut merged: BTreeSet<&Element> = BTreeSet::new();
        let (mut l, mut r) = (0, 0);
        while l < left.order.len() || r < right.order.len() {
            if let (Some(own), Some(given)) = (left.order.get(l), right.order.get(r)) {
                if own == given {
                    merged.insert(given);
                    out.extend(self.both(given)?);
                    (l, r) = (l + 1, r + 1);
                    next_shared = shared.next();
                    continue;
                }
                if right.items.contains_key(own) && next_shared.is_some_and(|next| next != own) {
                    l += 1;
                    continue;
                }
            }
            if let Some(own) = left.order.get(l) {
                if !right.items.contains_key(own) {
                    out.extend(merge(self.item, left.all.get(l), None)?);
                    l += 1;
                    continue;
                }
                if merged.contains(own) {
                    l += 1;
                }
            }
            if let Some(given) = right.order.get(r) {
                merged.insert(given);
                out.extend(self.both(given)?);
                r += 1;
                if next_shared == Some(given) {
                    next_shared = shared.next();
                }
            }
        }
        Ok(out)
    }

    fn both(&self, element: &Element) -> Result<Option<Value>, String> {
        merge(self.item, self.left.items.get(element), self.right.items.get(element))
    }
}

/// `value` without the paths in `gone`. A container that loses everything becomes null, as does an atomic one that is
/// reached into.
pub fn without(kind: Type, value: &Value, gone: &Set) -> Value {
    match (kind, value) {
        (Type::Struct(message), Value::Object(_)) if message.atomic => Value::Null,
        (Type::Struct(_) | Type::Map(_) | Type::Open, Value::Object(map)) => {
            let mut out = Map::with_capacity(map.len());
            for (key, inside) in map {
                let element = Element::field(key);
                if gone.has_member(&element) {
                    continue;
                }
                let kept = match gone.below(&element).filter(|s| !s.is_empty()) {
                    Some(deeper) => without(kind.field(key).unwrap_or(Type::Leaf), inside, deeper),
                    None => inside.clone(),
                };
                out.insert(key.clone(), kept);
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        (Type::List(field), Value::Array(items)) => {
            let inner = kind.item().unwrap_or(Type::Leaf);
            let keep = |item: &Value| match item_element(field, item) {
                Ok(element) if gone.has_member(&element) => None,
                Ok(element) => Some(match gone.below(&element).filter(|s| !s.is_empty()) {
                    Some(deeper) => without(inner, item, deeper),
                    None => item.clone(),
                }),
                Err(_) => Some(item.clone()),
            };
            let kept: Vec<Value> = items.iter().filter_map(keep).collect();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        (Type::Atomic(_) | Type::Leaf | Type::Open, Value::Array(_) | Value::Object(_)) => Value::Null,
        (_, value) => value.clone(),
    }
}
