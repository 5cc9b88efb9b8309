//! Server-side apply and the tracking of field owners in `metadata.managedFields` (KEP-555, sigs.k8s.io/structured-merge-diff).
//!
//! [`apply`] merges what a manager wants into the live object and finds conflicts with other managers; [`update`] records
//! what any other write changed. Both are pure: the caller stores the result. An object goes in and comes out in the
//! stored form; only the configuration of an apply is taken as the client sent it.

mod element;
mod fieldset;
mod managers;
mod merge;
mod reconcile;
mod scale;
mod typed;
mod updater;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::prune;
use crate::table::Message;
use element::Element;
use fieldset::Set;
use managers::{Id, Managers, Operation, Owned};
use typed::Type;
use updater::Failure;

pub use scale::{from_scale, to_scale};

/// What `kubectl apply` without `--server-side` leaves behind.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Who owns what was there before the first apply to an untracked object.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Who writes, through what.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// Empty for the object itself.
    pub subresource: &'a str,
    /// `v1` or `group/version` of the request.
    pub api_version: &'a str,
    /// The time of the request.
    pub now: Timestamp,
}

/// Why an apply is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields with different values: 409.
    #[error("{}", conflict_text(.0))]
    Conflict(Vec<Conflict>),
    /// The configuration is not what it has to be: 400.
    #[error("{0}")]
    BadRequest(String),
    /// The configuration does not fit the schema; upstream answers 500.
    #[error("{0}")]
    Typed(String),
}

/// One field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The owner as texts show it: `"m" using v1`.
    pub manager: String,
    /// The field: `.spec.ports[port=80,protocol="TCP"].name`.
    pub path: String,
}

fn conflict_text(conflicts: &[Conflict]) -> String {
    use std::fmt::Write as _;
    if let [only] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", only.manager, only.path);
    }
    let mut text = format!("Apply failed with {} conflicts:", conflicts.len());
    let mut last: Option<&str> = None;
    for conflict in conflicts {
        let gap = if last.is_none() { ' ' } else { '\n' };
        if last != Some(&conflict.manager) {
            let _ = write!(text, "{gap}conflicts with {}:", conflict.manager);
            last = Some(&conflict.manager);
        }
        let _ = write!(text, "\n- {}", conflict.path);
    }
    text
}

/// Merges `config` into `live` (or creates it) and records the ownership in `metadata.managedFields` of the result.
///
/// `config` must not have gone through [`crate::prune`]: an unknown field is an error here, and what is absent is not
/// claimed. The result has to: it may hold nulls where the last owner gave something up, and misses defaults.
///
/// # Errors
/// See [`ApplyError`].
pub fn apply(message: &'static Message, live: Option<&Value>, config: &Value, writer: &Writer<'_>, force: bool) -> Result<Value, ApplyError> {
    check_kind(message, config, writer)?;
    if config["metadata"].get("managedFields").is_some_and(Value::is_array) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    let live = live.cloned().unwrap_or_else(|| nothing(message));
    let mut managers = managers::decode(live["metadata"].get("managedFields")).unwrap_or_default();
    let live = without_managed_fields(live);
    let identity = live["metadata"].clone();
    let root = Type::of_message(message);
    let subject = subject(config, writer);
    let errors = typed::validate(root, config, false);
    if !errors.is_empty() {
        return Err(ApplyError::Typed(format!("failed to create typed patch object ({subject}): {}", typed::error_text(&errors))));
    }
    if managers.is_empty() {
        let before = Writer { manager: BEFORE_FIRST_APPLY, ..*writer };
        track(message, &nothing(message), &live, &mut managers, &before);
    }
    let id = Id::new(writer, Operation::Apply);
    let allowed = if writer.manager == "kubectl" { allowed_by_last_applied(message, &live, writer) } else { None };
    let before = allowed.as_ref().map(|_| managers.clone());
    let mut owners = managers.take();
    let mut outcome = updater::apply(message, &live, config, writer, &mut owners, &id, force);
    if let (Err(Failure::Conflicts(conflicts)), Some(allowed), Some(mut before)) = (&outcome, allowed, before) {
        let remaining: Vec<_> = conflicts.iter().filter(|(_, path)| !allowed.has(path)).cloned().collect();
        outcome = if remaining.is_empty() {
            owners = before.take();
            updater::apply(message, &live, config, writer, &mut owners, &id, true)
        } else {
            Err(Failure::Conflicts(remaining))
        };
    }
    let merged = outcome.map_err(|failure| refusal(failure, &subject))?;
    managers.replace(owners);
    managers.strip(&id);
    let mut object = match merged {
        Some(object) => {
            managers.touch(&id, writer.now);
            object
        }
        None => live,
    };
    keep_identity(&mut object, &identity);
    if writer.manager == "kubectl" {
        keep_last_applied(&mut object, config);
    }
    managers::encode(&mut object, &managers);
    Ok(object)
}

/// Records in `new`'s managed fields what it changes against `old` (`None` = create). Both are in stored form; a
/// `managedFields` in `new` is what the client sent: empty or undecodable ones fall back to those of `old`, `[]` and
/// `[{}]` reset all tracking.
pub fn update(message: &'static Message, old: Option<&Value>, new: &mut Value, writer: &Writer<'_>) {
    let given = new["metadata"].get("managedFields");
    let stored = || managers::decode(old.and_then(|o| o["metadata"].get("managedFields"))).unwrap_or_default();
    let mut managers = if !writer.subresource.is_empty() {
        stored()
    } else if managers::is_reset(given) {
        Managers::default()
    } else {
        managers::decode(given).filter(|m| !m.is_empty()).unwrap_or_else(stored)
    };
    let object = without_managed_fields(std::mem::take(new));
    // What does not fit its schema has no fields that could be owned; where it is not refused, nobody owns any.
    if message.custom && !typed::validate(Type::of_message(message), &object, true).is_empty() {
        *new = object;
        return managers::encode(new, &Managers::default());
    }
    // An object that nobody tracks stays untracked until it is applied; a new one is tracked from the start.
    if !managers.is_empty() || old.is_none() {
        let empty = old.is_none().then(|| nothing(message));
        // The stored managed fields count as removed, which nobody owned.
        if let Some(live) = old.or(empty.as_ref()) {
            track(message, live, &object, &mut managers, writer);
        }
        managers.cap();
    }
    *new = object;
    managers::encode(new, &managers);
}

/// The update of the managers: what `writer` changed becomes its own, what vanished is nobody's.
fn track(message: &'static Message, live: &Value, new: &Value, managers: &mut Managers, writer: &Writer<'_>) {
    let mut owners = managers.take();
    let id = Id::new(writer, Operation::Update);
    let taken = updater::update(message, live, new, writer, &mut owners).without(managers::stripped());
    managers.replace(owners);
    if !taken.is_empty() {
        managers.claim(&id, taken, writer.api_version, writer.now);
    }
}

fn refusal(failure: Failure, subject: &str) -> ApplyError {
    match failure {
        Failure::Conflicts(found) => {
            let shown = |(id, path): &(Id, Vec<Element>)| Conflict { manager: id.shown(), path: element::path_text(path) };
            ApplyError::Conflict(found.iter().map(shown).collect())
        }
        Failure::Merge(text) => ApplyError::Typed(format!("failed to merge config ({subject}): {text}")),
    }
}

fn check_kind(message: &'static Message, config: &Value, writer: &Writer<'_>) -> Result<(), ApplyError> {
    let (api_version, kind) = (config["apiVersion"].as_str().unwrap_or_default(), config["kind"].as_str().unwrap_or_default());
    let wanted = message.gvk.map_or("", |(_, _, kind)| kind);
    if api_version == writer.api_version && kind == wanted {
        return Ok(());
    }
    let group_version = if api_version.contains('/') { api_version.to_owned() } else { format!("/{api_version}") };
    Err(ApplyError::BadRequest(format!("invalid object type: {group_version}, Kind={kind}")))
}

/// `namespace/name; group/version, Kind=kind`, as upstream's typed errors start.
fn subject(config: &Value, writer: &Writer<'_>) -> String {
    let text = |name: &str| config["metadata"][name].as_str().unwrap_or_default().to_owned();
    let slash = if writer.api_version.contains('/') { "" } else { "/" };
    let kind = config["kind"].as_str().unwrap_or_default();
    format!("{}/{}; {slash}{}, Kind={kind}", text("namespace"), text("name"), writer.api_version)
}

/// The object before there was one: what Go's zero value of the kind encodes to.
fn nothing(message: &'static Message) -> Value {
    let mut empty = Value::Object(Map::new());
    if !message.custom {
        // An empty object has nothing that could be of the wrong type.
        let _ = prune(message, &mut empty);
    }
    empty
}

fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    object
}

/// What `kubectl apply` without `--server-side` set and nobody changed since: server-side apply by kubectl may take it over.
fn allowed_by_last_applied(message: &'static Message, live: &Value, writer: &Writer<'_>) -> Option<Set> {
    let text = live["metadata"]["annotations"].get(LAST_APPLIED)?.as_str()?;
    let (last, _) = crate::from_json(text.as_bytes()).ok()?;
    let root = Type::of_message(message);
    if last["apiVersion"] != writer.api_version || !typed::validate(root, &last, false).is_empty() {
        return None;
    }
    let changes = typed::compare(root, Some(&last), Some(live));
    Some(typed::field_set(root, &last).difference(&changes.modified).difference(&changes.added).difference(&changes.removed))
}

/// What the server gave an object stays, even where an applier gives up the last field beside it.
fn keep_identity(object: &mut Value, identity: &Value) {
    const OF_THE_SERVER: &[&str] =
        &["name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
    let Some(map) = object.as_object_mut() else { return };
    for name in OF_THE_SERVER {
        let Some(value) = identity.get(name) else { continue };
        let metadata = map.entry("metadata").or_insert(Value::Null);
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        if metadata.get(name).is_none_or(Value::is_null) {
            metadata[*name] = value.clone();
        }
    }
}

/// Keeps the annotation of client-side apply in step, where there is one.
fn keep_last_applied(object: &mut Value, config: &Value) {
    let annotations = object.get_mut("metadata").and_then(|m| m.get_mut("annotations"));
    let Some(annotation) = annotations.and_then(|a| a.get_mut(LAST_APPLIED)) else { return };
    if annotation.as_str().is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    let annotations = config.get_mut("metadata").and_then(|m| m.get_mut("annotations")).and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.shift_remove(LAST_APPLIED);
    }
    sort_all(&mut config);
    *annotation = Value::String(format!("{config}\n"));
}

fn sort_all(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort_all);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_all),
        _ => {}
    }
}

/// The owners by identity, without their times.
type Owners = std::collections::BTreeMap<Id, Owned>;

#[cfg(test)]
mod tests;
