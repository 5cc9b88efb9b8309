//! `metadata` of every kind: what the server fills in, what may never change, and what is wrong with it.
//!
//! Follows k8s.io/apimachinery `pkg/api/validation/objectmeta.go`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::field::{FieldErrors, Path};
use crate::kinds::Kind;
use crate::status::ApiError;
use crate::syntax;

/// All annotations of one object together, bytes.
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;
/// The most of a generated name's base that is kept: 63 minus the five random characters.
const GENERATED_BASE_MAX: usize = 58;
/// Letters and digits of generated names: no vowels, so that no words appear, and none that look alike.
const GENERATED_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Finalizers without a domain.
const STANDARD_FINALIZERS: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

/// The metadata of an object that has some.
pub fn of(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    object["metadata"].as_object_mut().expect("metadata was just made an object")
}

/// A text of the metadata, empty when absent.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// A time as metadata has it: RFC 3339, whole seconds.
pub fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// The finalizers.
pub fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether the object is marked as deleted.
pub fn is_deleting(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// A name made of a base and five characters picked by `random`.
pub fn generated_name(base: &str, random: &dyn Fn(&mut [u8])) -> String {
    let mut end = base.len().min(GENERATED_BASE_MAX);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let mut bytes = [0; 5];
    random(&mut bytes);
    let letters = bytes.iter().map(|b| GENERATED_LETTERS[*b as usize % GENERATED_LETTERS.len()] as char);
    base[..end].chars().chain(letters).collect()
}

/// What a new object gets and loses, whatever the client sent. `uid` and `now` (RFC 3339, seconds) are the server's.
pub fn fill_new(kind: &Kind, object: &mut Value, namespace: &str, uid: String, now: String) {
    let meta = of(object);
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        meta.shift_remove(field);
    }
    if namespace.is_empty() {
        meta.shift_remove("namespace");
    } else {
        meta.insert("namespace".to_owned(), namespace.into());
    }
    meta.insert("uid".to_owned(), uid.into());
    meta.insert("creationTimestamp".to_owned(), now.into());
    if kind.generation {
        meta.insert("generation".to_owned(), 1.into());
    } else if !kind.native {
        meta.shift_remove("generation");
    }
}

/// Gives back what a client may leave out of an update and what it may not touch.
pub fn fill_updated(object: &mut Value, old: &Value) {
    let (meta, old) = (of(object), &old["metadata"]);
    meta.shift_remove("selfLink");
    for field in ["namespace", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let absent = meta.get(field).is_none_or(|v| v.is_null() || v == "");
        if absent && !old[field].is_null() {
            meta.insert(field.to_owned(), old[field].clone());
        }
    }
    for field in ["creationTimestamp", "generation", "resourceVersion"] {
        match old[field].is_null() {
            true => meta.shift_remove(field),
            false => meta.insert(field.to_owned(), old[field].clone()),
        };
    }
}

/// Fields of the metadata in the order in which they are shown; others follow.
const ORDER: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

fn rank(field: &str) -> usize {
    ORDER.iter().position(|known| *known == field).unwrap_or(ORDER.len())
}

/// The fields of a metadata in the order in which they are shown. A known one that is null is left out.
pub fn ordered(metadata: &Value) -> Vec<(&str, &Value)> {
    let known = metadata.as_object().into_iter().flatten().map(|(field, value)| (rank(field), field.as_str(), value));
    let mut fields: Vec<_> = known.filter(|(rank, _, value)| *rank == ORDER.len() || !value.is_null()).collect();
    fields.sort_by_key(|(rank, ..)| *rank);
    fields.into_iter().map(|(_, field, value)| (field, value)).collect()
}

/// Puts the fields into the order in which they are shown.
pub fn order(object: &mut Value) {
    let fields = ordered(&object["metadata"]).into_iter().map(|(field, value)| (field.to_owned(), value.clone())).collect();
    *of(object) = fields;
}

/// 400: an object without a name came to an address that has one.
pub fn nameless(wanted: &str) -> ApiError {
    ApiError::bad_request(format!("the name of the object ({wanted} based on URL) was undeterminable: name must be provided"))
}

/// Everything wrong with the metadata of a new object.
pub fn validate_new(kind: &Kind, object: &Value) -> FieldErrors {
    let meta = &object["metadata"];
    let path = Path::new("metadata");
    let mut errors = FieldErrors::new();
    errors.extend(validate_base(kind, object));
    match text(object, "name") {
        "" => errors.push(path.child("name").required("name or generateName is required")),
        name => errors.extend(path.child("name").invalid_all(name, syntax::name(kind.rules.name_rule(), name))),
    }
    let namespace = text(object, "namespace");
    match (kind.namespaced, namespace.is_empty()) {
        (true, true) => errors.push(path.child("namespace").required("")),
        (true, false) => errors.extend(path.child("namespace").invalid_all(namespace, syntax::dns1123_label(namespace))),
        (false, false) => errors.push(path.child("namespace").forbidden("not allowed on this type")),
        (false, true) => {}
    }
    if let Some(generation) = meta["generation"].as_i64().filter(|g| *g < 0) {
        errors.push(path.child("generation").invalid(generation, "must be greater than or equal to 0"));
    }
    errors.extend(validate_contents(kind, object));
    errors
}

/// What names are generated from.
fn validate_base(kind: &Kind, object: &Value) -> FieldErrors {
    let base = text(object, "generateName");
    if base.is_empty() {
        return FieldErrors::new();
    }
    // The random characters follow, so a base may end in a dash. Upstream does not look at the character before it either.
    let stem = base.strip_suffix('-').filter(|stem| !stem.is_empty());
    let checked = stem.map_or_else(|| base.to_owned(), |stem| format!("{}a", stem.strip_suffix(|_: char| true).unwrap_or_default()));
    Path::new("metadata").child("generateName").invalid_all(base, syntax::name(kind.rules.name_rule(), &checked)).collect()
}

/// What is checked the same way at creation and at every update.
fn validate_contents(kind: &Kind, object: &Value) -> FieldErrors {
    let meta = &object["metadata"];
    let mut errors = validate_labels(&meta["labels"], &Path::new("metadata").child("labels"));
    errors.extend(validate_annotations(&meta["annotations"]));
    errors.extend(validate_owners(&meta["ownerReferences"]));
    errors.extend(validate_finalizers(kind, object));
    errors
}

/// Labels at any path.
pub fn validate_labels(labels: &Value, path: &Path<'_>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (key, value) in sorted(labels) {
        errors.extend(path.invalid_all(key, syntax::qualified_name(key)));
        let value = value.as_str().unwrap_or_default();
        errors.extend(path.invalid_all(value, syntax::label_value(value)));
    }
    errors
}

fn sorted(map: &Value) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.as_object().into_iter().flatten().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn validate_annotations(annotations: &Value) -> FieldErrors {
    let parent = Path::new("metadata");
    let path = parent.child("annotations");
    let mut errors = FieldErrors::new();
    let mut bytes = 0;
    for (key, value) in sorted(annotations) {
        // Upper case was allowed in keys once and still is.
        errors.extend(path.invalid_all(key, syntax::qualified_name(&key.to_lowercase())));
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        errors.push(path.too_long(ANNOTATIONS_BYTES_MAX));
    }
    errors
}

fn validate_owners(owners: &Value) -> FieldErrors {
    let parent = Path::new("metadata");
    let path = parent.child("ownerReferences");
    let mut errors = FieldErrors::new();
    let mut controller: Option<&Value> = None;
    for owner in owners.as_array().into_iter().flatten() {
        let field = |name: &str| owner[name].as_str().unwrap_or_default();
        let version = field("apiVersion");
        if version.rsplit('/').next().unwrap_or_default().is_empty() || version.matches('/').count() > 1 {
            errors.push(path.child("apiVersion").invalid(version, "version must not be empty"));
        }
        for (name, why) in [("kind", "must not be empty"), ("name", "must not be empty"), ("uid", "must not be empty")] {
            if field(name).is_empty() {
                errors.push(path.child(name).invalid("", why));
            }
        }
        if version == "v1" && field("kind") == "Event" {
            errors.push(path.invalid(owner.clone(), "/v1, Kind=Event is disallowed from being an owner"));
        }
        if owner["controller"] == true {
            if let Some(other) = controller {
                let shown = |owner: &Value| ["kind", "name"].map(|name| owner[name].as_str().unwrap_or_default().to_owned()).join("/");
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                    shown(other),
                    shown(owner)
                );
                errors.push(path.invalid(owners.clone(), why));
            }
            controller = Some(owner);
        }
    }
    errors
}

fn validate_finalizers(kind: &Kind, object: &Value) -> FieldErrors {
    let parent = Path::new("metadata");
    let path = parent.child("finalizers");
    let mut errors = FieldErrors::new();
    let finalizers = finalizers(object);
    for (at, finalizer) in finalizers.iter().enumerate() {
        let place = path.index(at);
        errors.extend(path.invalid_all(finalizer, syntax::qualified_name(finalizer)));
        // Custom resources may name theirs without a slash, as Gateway API does with the one of its classes.
        if kind.native && !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(finalizer) {
            errors.push(place.invalid(*finalizer, "name is neither a standard finalizer name nor is it fully qualified"));
        }
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        errors.push(path.invalid(object["metadata"]["finalizers"].clone(), "finalizer orphan and foregroundDeletion cannot be both set"));
    }
    errors
}

/// Kinds whose updates upstream judges as it does new objects, what names are generated from included.
const JUDGED_WHOLE: [&str; 5] = ["Endpoints", "EndpointSlice", "Ingress", "IngressClass", "Namespace"];

/// Everything wrong with the metadata of a changed object.
pub fn validate_updated(kind: &Kind, object: &Value, old: &Value) -> FieldErrors {
    let path = Path::new("metadata");
    let (meta, before) = (&object["metadata"], &old["metadata"]);
    let mut errors = FieldErrors::new();
    if is_deleting(old) {
        let known = finalizers(old);
        let added: Vec<String> = finalizers(object).into_iter().filter(|f| !known.contains(f)).map(crate::field::quote).collect();
        if !added.is_empty() {
            let why = format!("no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}", added.join(", "));
            errors.push(path.child("finalizers").forbidden(why));
        }
    }
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        if meta[field] != before[field] {
            errors.push(path.child(field).invalid(meta[field].clone(), "field is immutable"));
        }
    }
    if JUDGED_WHOLE.contains(&kind.kind) && meta["generateName"] != before["generateName"] {
        errors.extend(validate_base(kind, object));
    }
    // Contents that were stored already may break rules that are newer than they (ratcheting).
    let stale = validate_contents(kind, old);
    errors.extend(validate_contents(kind, object).into_iter().filter(|e| !stale.contains(e)));
    errors
}

/// Removes owners named twice; gives the warning that tells of it. What a patch makes is looked at later than a whole body, which the text says.
pub fn drop_repeated_owners(object: &mut Value, is_patched: bool) -> Option<String> {
    let owners = object["metadata"].get_mut("ownerReferences").and_then(Value::as_array_mut)?;
    let (mut seen, mut repeated): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    owners.retain(|owner| {
        let is_new = !seen.contains(owner);
        if is_new {
            seen.push(owner.clone());
        } else {
            repeated.push(owner["uid"].as_str().unwrap_or_default().to_owned());
        }
        is_new
    });
    let when = if is_patched { " after mutating admission happens" } else { "" };
    (!repeated.is_empty()).then(|| {
        format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests as \
             early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds;

    fn texts(meta: Value) -> Vec<String> {
        let kind = kinds::find("", "v1", "configmaps").expect("a row");
        validate_new(kind, &json!({ "metadata": meta })).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn generated_names_keep_58_bytes_of_the_base() {
        let made = generated_name(&"x".repeat(70), &|bytes| bytes.fill(1));
        assert_eq!((made.len(), &made[58..]), (63, "ccccc"));
    }

    #[test]
    fn owners_and_finalizers_are_refused_field_by_field() {
        assert_eq!(
            texts(json!({ "name": "a", "namespace": "n", "ownerReferences": [{ "kind": "X" }] })),
            [
                r#"metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty"#,
                r#"metadata.ownerReferences.name: Invalid value: "": must not be empty"#,
                r#"metadata.ownerReferences.uid: Invalid value: "": must not be empty"#
            ]
        );
        assert_eq!(
            texts(json!({ "name": "a", "namespace": "n", "finalizers": ["plain"] })),
            [r#"metadata.finalizers[0]: Invalid value: "plain": name is neither a standard finalizer name nor is it fully qualified"#]
        );
        let class = kinds::find("gateway.networking.k8s.io", "v1", "gatewayclasses").expect("a row");
        let plain = json!({ "metadata": { "name": "a", "finalizers": ["plain"] } });
        assert!(validate_new(class, &plain).is_empty(), "custom resources are free in this");
        assert_eq!(texts(json!({ "namespace": "n" })), ["metadata.name: Required value: name or generateName is required"]);
    }

    #[test]
    fn what_was_stored_before_a_rule_may_stay() {
        let kind = kinds::find("", "v1", "configmaps").expect("a row");
        let old = json!({ "metadata": { "name": "a", "labels": { "bad key": "v" } } });
        let mut new = old.clone();
        assert!(validate_updated(kind, &new, &old).is_empty());
        new["metadata"]["labels"]["worse key"] = "v".into();
        assert_eq!(validate_updated(kind, &new, &old).len(), 1);
    }
}
