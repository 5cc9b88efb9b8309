//! Strategic merge patch: a merge patch that knows which lists merge by key (k8s.io/apimachinery
//! `pkg/util/strategicpatch`; the behaviour, with its corners, is part of the API).
//!
//! Directives: `$patch: replace|delete` in an object or list item, `$setElementOrder/FIELD`,
//! `$deleteFromPrimitiveList/FIELD`, `$retainKeys`.

mod order;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::table::{Field, Kind, Message, Shape, flags};
use order::Lookup;

const PATCH: &str = "$patch";
const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const RETAIN: &str = "$retainKeys";

/// Applies a strategic merge patch. Lists of plain values come out with the patch's items first.
///
/// # Errors
/// [`Error::BadPatch`] for malformed directives, [`Error::PatchFailed`] when patch and object do not fit together.
pub fn strategic_merge(message: &'static Message, current: &Value, patch: &Value) -> Result<Value, Error> {
    let (Value::Object(current), Value::Object(patch)) = (current, patch) else {
        return Err(Error::BadPatch("invalid JSON document".to_owned()));
    };
    Ok(Value::Object(merge_objects(Some(message), current.clone(), patch.clone())?))
}

/// `message` is `None` where the table knows nothing (free-form values).
fn merge_objects(
    message: Option<&'static Message>,
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    match patch.get(PATCH) {
        None => {}
        Some(Value::String(directive)) if directive == "replace" => {
            patch.shift_remove(PATCH);
            return Ok(patch);
        }
        Some(Value::String(directive)) if directive == "delete" => return Ok(Map::new()),
        Some(directive) => return Err(bad_directive(directive, &patch)),
    }
    retain_keys(&mut original, &mut patch)?;
    ordered_lists(message, &mut original, &mut patch)?;
    for (key, change) in patch {
        let (key, deletes) = match key.split_once('/') {
            Some(("$deleteFromPrimitiveList", rest)) => (rest.to_owned(), true),
            _ if key.starts_with("$deleteFromPrimitiveList") => return Err(Error::BadPatch("invalid patch format of primitive list".to_owned())),
            _ => (key, false),
        };
        if change.is_null() {
            original.shift_remove(&key);
            continue;
        }
        let Some(present) = original.get_mut(&key) else {
            if !deletes {
                insert_new(&mut original, key, change);
            }
            continue;
        };
        match (present, change) {
            (Value::Object(present), Value::Object(change)) => {
                let field = field(message, &key)?;
                if field.is_some_and(|f| f.is(flags::REPLACE)) {
                    *present = change;
                } else {
                    *present = merge_objects(inner(field), std::mem::take(present), change)?;
                }
            }
            (Value::Array(present), Value::Array(change)) => {
                let field = field(message, &key)?;
                *present = merge_lists(field, std::mem::take(present), change, deletes)?.0;
            }
            (_, change) => {
                if !deletes {
                    insert_new(&mut original, key, change);
                }
            }
        }
    }
    Ok(original)
}

/// Puts a value that has no counterpart: its nulls and the parts that are directives go.
fn insert_new(original: &mut Map<String, Value>, key: String, mut change: Value) {
    discard_nulls(&mut change);
    match without_directives(change) {
        Some(value) => drop(original.insert(key, value)),
        None => drop(original.shift_remove(&key)),
    }
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

/// `None` when the value is a directive itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(PATCH) => None,
        Value::Object(map) => Some(Value::Object(map.into_iter().filter_map(|(k, v)| Some((k, without_directives(v)?))).collect())),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

/// What the table says about a field of `message`; `None` for free-form values.
fn field(message: Option<&'static Message>, key: &str) -> Result<Option<&'static Field>, Error> {
    let Some(message) = message else { return Ok(None) };
    match message.field(key) {
        Some(field) => Ok(Some(field)),
        None => {
            let name = message.name.rsplit('.').next().unwrap_or_default();
            Err(Error::PatchFailed(format!("unable to find api field in struct {name} for the json field {key:?}")))
        }
    }
}

/// The message inside a field, when it holds one directly or in a list.
fn inner(field: Option<&'static Field>) -> Option<&'static Message> {
    match field {
        Some(Field { kind: Kind::Msg(message), shape: Shape::One | Shape::List, .. }) => Some(message),
        _ => None,
    }
}

fn retain_keys(original: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Error> {
    let Some(directive) = patch.shift_remove(RETAIN) else { return Ok(()) };
    let bad = || Error::BadPatch("invalid patch format of retainKeys".to_owned());
    let Value::Array(retained) = directive else { return Err(bad()) };
    let retained: std::collections::HashSet<&str> = retained.iter().filter_map(Value::as_str).collect();
    let listed = |key: &String| retained.contains(key.as_str());
    if patch.iter().any(|(k, v)| !v.is_null() && !k.starts_with(ORDER) && !k.starts_with(DELETE_FROM) && !listed(k)) {
        return Err(bad());
    }
    original.retain(|key, _| listed(key));
    Ok(())
}

/// Merges every list that comes with a `$setElementOrder` and takes both out of the patch.
fn ordered_lists(message: Option<&'static Message>, original: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Error> {
    let directives: Vec<String> = patch.keys().filter(|k| k.starts_with("$setElementOrder")).cloned().collect();
    for directive in directives {
        let malformed = || Error::BadPatch("invalid patch format of setElementOrder list".to_owned());
        let key = directive.strip_prefix(ORDER).ok_or_else(malformed)?;
        let order = match patch.shift_remove(&directive) {
            Some(Value::Array(order)) => order,
            other => return Err(no_list(&other.unwrap_or_default())),
        };
        let given = array(patch.get(key))?;
        let present = array(original.get(key))?;
        let field = field(message, key)?;
        let merge_key = field.map_or("", |f| f.merge_key());
        if let Some(given) = given {
            order::check(given, &order, merge_key)?;
        }
        let server_order = present.cloned().unwrap_or_default();
        let first = server_order.iter().chain(given.into_iter().flatten()).next();
        let objects = first.is_some_and(Value::is_object);
        if present.is_none() && given.is_none() {
            continue;
        }
        if first.is_none() {
            return Err(Error::PatchFailed("no elements in any of the given slices".to_owned()));
        }
        let mut server_order = server_order;
        let merged = match (present.is_some(), patch.shift_remove(key)) {
            (true, Some(Value::Array(change))) => {
                let (merged, order) = merge_lists(field, server_order, change, false)?;
                server_order = order;
                merged
            }
            (_, Some(change)) => match without_directives(change) {
                Some(Value::Array(items)) => items,
                _ => continue,
            },
            (_, None) => server_order.clone(),
        };
        let (from_patch, server_only) = order::partition(merged, &order, merge_key)?;
        let sorted = order::normalized(from_patch, server_only, &order, &server_order, if objects { merge_key } else { "" })?;
        original.insert(key.to_owned(), Value::Array(sorted));
    }
    Ok(())
}

fn array(value: Option<&Value>) -> Result<Option<&Vec<Value>>, Error> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(no_list(other)),
    }
}

fn no_list(found: &Value) -> Error {
    let found = match found {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    Error::PatchFailed(format!("expected a []interface {{}}, but received a {found}"))
}

/// The merged list, and what is left of the order of the server's list: where items were deleted, upstream lets appended
/// ones take their places in that order.
fn merge_lists(field: Option<&'static Field>, original: Vec<Value>, patch: Vec<Value>, deletes: bool) -> Result<(Vec<Value>, Vec<Value>), Error> {
    if !deletes && !field.is_some_and(|f| f.is(flags::MERGE)) {
        return Ok((patch, original));
    }
    if original.is_empty() && patch.is_empty() {
        return Ok((original, patch));
    }
    if !uniform(original.iter().chain(&patch))? {
        return Err(Error::PatchFailed("list element types are not identical".to_owned()));
    }
    let objects = original.iter().chain(&patch).next().is_some_and(Value::is_object);
    if !objects {
        if deletes {
            let gone = Lookup::new(&patch, "");
            let kept = original.iter().filter(|v| gone.find(v).is_none()).cloned().collect();
            return Ok((kept, original));
        }
        let merged = order::deduplicated(original.iter().chain(&patch));
        let (from_patch, server_only) = order::partition(merged, &patch, "")?;
        return Ok((order::normalized(from_patch, server_only, &patch, &original, "")?, original));
    }
    let merge_key = field.map_or("", |f| f.merge_key());
    if merge_key.is_empty() {
        return Err(Error::PatchFailed("cannot merge lists without merge key for struct".to_owned()));
    }
    let length = original.len();
    let (original, patch) = list_directives(original, patch, merge_key)?;
    let merged = merge_items(inner(field), original.clone(), &patch, merge_key)?;
    let left_over = merged.iter().take(length).cloned().collect();
    let (from_patch, server_only) = order::partition(merged, &patch, merge_key)?;
    Ok((order::normalized(from_patch, server_only, &patch, &original, merge_key)?, left_over))
}

/// Whether all items are of one type; lists of lists are refused.
fn uniform<'a>(mut items: impl Iterator<Item = &'a Value>) -> Result<bool, Error> {
    let Some(first) = items.next() else { return Ok(true) };
    if first.is_array() {
        return Err(Error::PatchFailed("lists of lists are not supported".to_owned()));
    }
    let same = |v: &Value| match (first, v) {
        (Value::Number(a), Value::Number(b)) => a.is_f64() == b.is_f64(),
        _ => std::mem::discriminant(first) == std::mem::discriminant(v),
    };
    Ok(items.all(same))
}

/// Carries out the `$patch` directives among the items of a patch; what is left merges item by item.
fn list_directives(mut original: Vec<Value>, patch: Vec<Value>, merge_key: &str) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let mut rest = Vec::with_capacity(patch.len());
    let mut deleted = Vec::new();
    let mut replace = false;
    for item in patch {
        match item.get(PATCH) {
            None => rest.push(item),
            Some(Value::String(directive)) if directive == "delete" => match item.get(merge_key) {
                Some(_) => deleted.push(item),
                None => return Err(no_merge_key(&item, merge_key)),
            },
            Some(Value::String(directive)) if directive == "replace" => replace = true,
            Some(Value::String(directive)) if directive == "merge" => {
                return Err(Error::PatchFailed("merging lists cannot yet be specified in the patch".to_owned()));
            }
            Some(directive) => return Err(Error::PatchFailed(format!("unknown patch type: {directive} in map: {item}"))),
        }
    }
    if replace {
        return Ok((rest, Vec::new()));
    }
    let gone = Lookup::new(&deleted, merge_key);
    original.retain(|item| gone.find(item).is_none());
    Ok((original, rest))
}

/// Merges each item into the one with the same key, or appends it. Of several equal keys the first one is meant.
fn merge_items(message: Option<&'static Message>, mut original: Vec<Value>, patch: &[Value], merge_key: &str) -> Result<Vec<Value>, Error> {
    if patch.is_empty() {
        return Ok(original);
    }
    let mut at = Lookup::new(&original, merge_key).owned();
    for item in patch {
        let Some(key) = item.get(merge_key) else { return Err(no_merge_key(item, merge_key)) };
        let known = at.get(&key.to_string()).and_then(|i| original.get_mut(*i));
        match (known, item) {
            (Some(Value::Object(present)), Value::Object(change)) => {
                *present = merge_objects(message, std::mem::take(present), change.clone())?;
            }
            _ => {
                at.insert(key.to_string(), original.len());
                original.push(item.clone());
            }
        }
    }
    Ok(original)
}

fn no_merge_key(item: &Value, merge_key: &str) -> Error {
    Error::PatchFailed(format!("map: {item} does not contain declared merge key: {merge_key}"))
}

fn bad_directive(directive: &Value, patch: &Map<String, Value>) -> Error {
    let map = serde_json::to_string(patch).unwrap_or_default();
    Error::PatchFailed(format!("unknown patch type: {} in map: {map}", directive.as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
