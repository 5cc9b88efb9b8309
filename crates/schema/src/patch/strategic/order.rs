//! The order of merged lists: items of the patch in the patch's order, the server's own items in theirs, interleaved so
//! that where both orders speak the server's wins.

use std::collections::HashMap;

use serde_json::Value;

use crate::error::Error;

/// Positions of list items by what identifies them: the merge key's value, or the item itself when the key is empty.
pub struct Lookup<'a> {
    merge_key: &'a str,
    at: HashMap<String, usize>,
}

impl<'a> Lookup<'a> {
    pub fn new(items: &[Value], merge_key: &'a str) -> Lookup<'a> {
        let mut at = HashMap::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            if let Some(identity) = identity(item, merge_key) {
                at.entry(identity.to_string()).or_insert(i);
            }
        }
        Lookup { merge_key, at }
    }

    /// The position of the first item with the same identity.
    pub fn find(&self, item: &Value) -> Option<usize> {
        if self.at.is_empty() {
            return None;
        }
        self.at.get(&identity(item, self.merge_key)?.to_string()).copied()
    }

    pub fn owned(self) -> HashMap<String, usize> {
        self.at
    }
}

fn identity<'v>(item: &'v Value, merge_key: &str) -> Option<&'v Value> {
    if merge_key.is_empty() { Some(item) } else { item.get(merge_key) }
}

/// Without the repetitions.
pub fn deduplicated<'a>(items: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    items.filter(|v| seen.insert(v.to_string())).cloned().collect()
}

/// Splits into the items that `by` names and the others.
pub fn partition(items: Vec<Value>, by: &[Value], merge_key: &str) -> Result<(Vec<Value>, Vec<Value>), Error> {
    if !merge_key.is_empty()
        && let Some(item) = items.iter().find(|i| i.get(merge_key).is_none())
    {
        return Err(missing(item, merge_key));
    }
    let named = Lookup::new(by, merge_key);
    Ok(items.into_iter().partition(|item| named.find(item).is_some()))
}

/// Both parts, each in its order, as one list.
pub fn normalized(
    from_patch: Vec<Value>,
    server_only: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    merge_key: &str,
) -> Result<Vec<Value>, Error> {
    if !merge_key.is_empty()
        && let Some(item) = patch_order.iter().chain(server_order).find(|i| i.get(merge_key).is_none())
    {
        return Err(missing(item, merge_key));
    }
    let server = Lookup::new(server_order, merge_key);
    let from_patch = sorted(from_patch, &Lookup::new(patch_order, merge_key));
    let server_only = sorted(server_only, &server);
    let mut out = Vec::with_capacity(from_patch.len() + server_only.len());
    let mut left = server_only.into_iter().peekable();
    let mut right = from_patch.into_iter().peekable();
    while let (Some(own), Some(theirs)) = (left.peek(), right.peek()) {
        let own_first = matches!((server.find(own), server.find(theirs)), (Some(l), Some(r)) if l < r);
        out.extend(if own_first { left.next() } else { right.next() });
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}

/// Lists up to this length are sorted by insertion upstream; it shows where an item is not in the order.
const INSERTION_SORTED: usize = 20;

/// Stable sort by position. Upstream's comparison calls an item that the order does not name smaller and greater than
/// any other; insertion sort makes a defined result of that, which clients have come to see.
fn sorted(items: Vec<Value>, order: &Lookup<'_>) -> Vec<Value> {
    let mut keyed: Vec<(Option<usize>, Value)> = items.into_iter().map(|item| (order.find(&item), item)).collect();
    if keyed.len() <= INSERTION_SORTED && keyed.iter().any(|(position, _)| position.is_none()) {
        for i in 1..keyed.len() {
            let mut j = i;
            while j > 0 && keyed[j].0.zip(keyed[j - 1].0).is_none_or(|(this, before)| this < before) {
                keyed.swap(j, j - 1);
                j -= 1;
            }
        }
    } else {
        keyed.sort_by_key(|(position, _)| *position);
    }
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// The order list must name the patch's items in the patch's order. Items to be deleted are not named; other directives
/// may stand anywhere before the last named item.
pub fn check(patch: &[Value], order: &[Value], merge_key: &str) -> Result<(), Error> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut items = patch.iter().filter(|i| i.get("$patch").is_none_or(|d| d != "delete")).peekable();
    let mut named = order.iter().peekable();
    while let (Some(item), Some(candidate)) = (items.peek(), named.peek()) {
        if item.get("$patch").is_some() {
            items.next();
            continue;
        }
        let wanted = identity(item, merge_key).ok_or_else(|| missing(item, merge_key))?;
        let found = identity(candidate, merge_key).ok_or_else(|| missing(candidate, merge_key))?;
        if wanted == found {
            items.next();
        }
        named.next();
    }
    if items.peek().is_none() {
        return Ok(());
    }
    let (patch, order) = (Value::from(patch), Value::from(order));
    Err(Error::PatchFailed(format!("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")))
}

fn missing(item: &Value, merge_key: &str) -> Error {
    Error::PatchFailed(format!("map: {item} does not contain declared merge key: {merge_key}"))
}
