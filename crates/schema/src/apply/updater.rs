//! The rules of ownership: who gains, shares, loses and gives up which paths.

use serde_json::Value;

use super::element::{Element, equal};
use super::fieldset::Set;
use super::managers::{Id, Owned};
use super::merge;
use super::reconcile::reconciled;
use super::typed::{self, Changes, Type};
use super::{Owners, Writer};
use crate::table::{Gvk, Message, table};

/// Why an apply cannot go on.
pub enum Failure {
    /// Paths with their owners.
    Conflicts(Vec<(Id, Vec<Element>)>),
    /// The values do not merge.
    Merge(String),
}

/// Records an update. Returns the paths that the writer changed or added; everybody else has lost them.
pub fn update(message: &'static Message, live: &Value, new: &Value, writer: &Writer<'_>, owners: &mut Owners) -> Set {
    prepare(message, owners);
    let root = Type::of_message(message);
    let ignored = ignored(message, writer);
    let changes = typed::compare(root, Some(live), Some(new)).without(&ignored);
    // Without an applier there is nobody who could object.
    let _ = settle(&changes, None, owners, true);
    if changes.modified.is_empty() { changes.added } else { changes.modified.union(&changes.added) }
}

/// Merges a configuration. Returns the new object, or nothing when it equals the live one.
pub fn apply(
    message: &'static Message,
    live: &Value,
    config: &Value,
    writer: &Writer<'_>,
    owners: &mut Owners,
    applier: &Id,
    force: bool,
) -> Result<Option<Value>, Failure> {
    prepare(message, owners);
    let root = Type::of_message(message);
    let merged = merge::merge(root, Some(live), Some(config)).map_err(Failure::Merge)?.unwrap_or(Value::Null);
    let ignored = ignored(message, writer);
    let wanted = typed::field_set(root, config).recursive_difference(&ignored);
    let last = owners.insert(applier.clone(), Owned { set: wanted, api_version: writer.api_version.to_owned(), applied: true });
    let merged = match last {
        Some(last) if !last.set.is_empty() => given_up(root, merged, &last.set, owners),
        _ => merged,
    };
    let changes = typed::compare(root, Some(live), Some(&merged)).without(&ignored);
    settle(&changes, Some(applier), owners, force)?;
    Ok((!equal(live, &merged)).then_some(merged))
}

/// Drops owners of versions that are no longer served and adapts sets to the present schema.
fn prepare(message: &'static Message, owners: &mut Owners) {
    let kind = message.gvk.map_or("", |(_, _, kind)| kind);
    owners.retain(|_, owned| {
        let served = message.gvk.is_some_and(|(group, version, _)| Gvk::new(&owned.api_version, kind) == Gvk { group, version, kind })
            || table(Gvk::new(&owned.api_version, kind)).is_some();
        if served {
            owned.set = reconciled(std::mem::take(&mut owned.set), Type::of_message(message));
        }
        served
    });
}

/// Takes changed paths away from their owners, unless that is a conflict; removed paths are nobody's.
fn settle(changes: &Changes, applier: Option<&Id>, owners: &mut Owners, force: bool) -> Result<(), Failure> {
    if owners.is_empty() {
        return Ok(());
    }
    let touched = changes.modified.union(&changes.added);
    let others = || owners.iter().filter(|(id, _)| Some(*id) != applier);
    let conflicts: Vec<(Id, Set)> =
        others().map(|(id, owned)| (id.clone(), owned.set.intersection(&touched))).filter(|(_, set)| !set.is_empty()).collect();
    if !force && !conflicts.is_empty() {
        let paths = conflicts.iter().flat_map(|(id, set)| set.paths().into_iter().map(|path| (id.clone(), path)));
        return Err(Failure::Conflicts(paths.collect()));
    }
    for (id, lost) in &conflicts {
        if let Some(owned) = owners.get_mut(id) {
            owned.set = owned.set.difference(lost);
        }
    }
    for (id, owned) in owners.iter_mut() {
        if Some(id) != applier {
            owned.set = owned.set.difference(&changes.removed);
        }
    }
    owners.retain(|_, owned| !owned.set.is_empty());
    Ok(())
}

/// Removes what the applier applied last time and does not now, unless somebody else owns it.
fn given_up(root: Type, merged: Value, last: &Set, owners: &Owners) -> Value {
    let pruned = merge::without(root, &merged, &last.with_named_fields(root));
    let managed = owners.values().fold(Set::default(), |all, owned| all.union(&owned.set));
    let merged_set = typed::field_set(root, &merged).with_named_fields(root);
    let kept = typed::field_set(root, &pruned).with_named_fields(root).union(&managed.with_named_fields(root));
    let pruned = merge::without(root, &merged, &merged_set.difference(&kept));
    let pruned_set = typed::field_set(root, &pruned).with_named_fields(root);
    // Only what the applier owned may go: paths that nobody owned stay.
    let gone = merged_set.difference(&pruned_set).intersection(&last.with_named_fields(root));
    merge::without(root, &merged, &gone)
}

/// Paths that a request cannot change, so nobody comes to own them through it (`GetResetFields` of the strategies).
fn ignored(message: &'static Message, writer: &Writer<'_>) -> Set {
    let kind = message.gvk.map_or("", |(_, _, kind)| kind);
    match writer.subresource {
        "" if message.field("status").is_some() => Set::of_fields(&[&["status"]]),
        "status" if message.custom => Set::of_fields(&[&["spec"], &["metadata"]]),
        "status" if kind == "Pod" => Set::of_fields(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]),
        "status" if kind == "Deployment" => Set::of_fields(&[&["spec"], &["metadata", "labels"]]),
        "status" => Set::of_fields(&[&["spec"]]),
        _ => Set::default(),
    }
}
