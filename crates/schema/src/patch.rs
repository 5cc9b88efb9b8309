//! The patches that need no table: JSON patch (RFC 6902) and merge patch (RFC 7396). The third one is
//! [`strategic_merge`].

mod restore;
mod strategic;

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use crate::error::{Error, Problem};

pub use restore::restorable;
pub use strategic::strategic_merge;

/// More operations than this are refused, as upstream does.
const MOST_OPERATIONS: usize = 10_000;
/// `copy` operations may add at most this many bytes of JSON; nested copies would grow exponentially otherwise.
const MOST_COPIED: usize = 3 * 1024 * 1024;
/// More unknown fields than this are not told.
const MOST_PROBLEMS: usize = 100;

/// Applies a JSON patch.
///
/// # Errors
/// [`Error::BadPatch`] when the patch is no list, [`Error::TooLarge`] beyond the limits, [`Error::PatchFailed`] when an
/// operation is unknown, malformed or fails.
pub fn json_patch(current: &Value, patch: &Value) -> Result<Value, Error> {
    let operations = match patch {
        Value::Array(operations) => operations.as_slice(),
        Value::Null => &[],
        _ => {
            let why = format!("error decoding patch: json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp", json_type(patch));
            return Err(Error::BadPatch(why));
        }
    };
    if operations.len() > MOST_OPERATIONS {
        let text = format!("The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}", operations.len());
        return Err(Error::TooLarge(text));
    }
    operations.iter().try_for_each(readable)?;
    let mut document = current.clone();
    let mut copied = 0;
    for operation in operations {
        let Some(operation) = as_upstream(&document, operation)? else { continue };
        let place = (&operation["op"], &operation["path"]);
        if place == (&Value::from("replace"), &Value::from("")) && operation["value"].is_object() {
            document = operation["value"].clone();
            continue;
        }
        let operation: PatchOperation = serde_json::from_value(operation).map_err(|_| rejected())?;
        if let PatchOperation::Copy(copy) = &operation
            && let Ok(value) = copy.from.resolve(&document)
        {
            copied += value.to_string().len();
            if copied > MOST_COPIED {
                return Err(Error::TooLarge(format!(
                    "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MOST_COPIED}"
                )));
            }
        }
        json_patch::patch_unsafe(&mut document, std::slice::from_ref(&operation)).map_err(|_| rejected())?;
    }
    Ok(document)
}

/// The fields of an operation.
const OPERATION_FIELDS: [&str; 4] = ["op", "from", "path", "value"];

/// Whether Go could read an operation into the struct that it has for one.
fn readable(operation: &Value) -> Result<(), Error> {
    let bad =
        |what: &Value, place: &str| Error::BadPatch(format!("error decoding patch: json: cannot unmarshal {} into Go {place}", json_type(what)));
    let Some(fields) = operation.as_object() else {
        return if operation.is_null() { Ok(()) } else { Err(bad(operation, "value of type handlers.jsonPatchOp")) };
    };
    match ["op", "from", "path"].iter().find(|name| fields.get(**name).is_some_and(|text| !text.is_null() && !text.is_string())) {
        Some(name) => Err(bad(&fields[*name], &format!("struct field jsonPatchOp.{name} of type string"))),
        None => Ok(()),
    }
}

/// The fields of a JSON patch that no operation has, each as `json patch unknown field "[0].x"` names it.
pub fn json_patch_problems(patch: &Value) -> Vec<Problem> {
    let operations = patch.as_array().into_iter().flatten().enumerate();
    operations
        .flat_map(|(at, operation)| operation.as_object().into_iter().flatten().map(move |(key, _)| (at, key)))
        .filter(|(_, key)| !OPERATION_FIELDS.contains(&key.as_str()))
        .take(MOST_PROBLEMS)
        .map(|(at, key)| Problem::UnknownInPatch(format!("[{at}].{key}")))
        .collect()
}

/// An operation with what upstream's library reads into it: a value that is left out is null, a member that is replaced need not be there, one
/// that is not there passes for null, and the items of a list can be counted from its end. None: there is nothing to do.
fn as_upstream(document: &Value, operation: &Value) -> Result<Option<Value>, Error> {
    let mut operation = operation.clone();
    let text = |operation: &Value, name: &str| operation[name].as_str().unwrap_or_default().to_owned();
    let (kind, path) = (text(&operation, "op"), text(&operation, "path"));
    let Some(fields) = operation.as_object_mut() else { return Err(rejected()) };
    // The document as a whole can be compared and replaced.
    if path.is_empty() && !matches!(kind.as_str(), "test" | "replace") {
        return Err(rejected());
    }
    for name in ["path", "from"] {
        if let Some(place) = fields.get(name).and_then(Value::as_str).and_then(|place| counted(document, place, &kind)) {
            fields.insert(name.to_owned(), place.into());
        }
    }
    let path = fields.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "add" | "replace" | "test") {
        fields.entry("value").or_insert(Value::Null);
    }
    let is_missing = |place: &str| {
        let parent = place.rsplit_once('/').and_then(|(parent, _)| document.pointer(parent));
        parent.is_some_and(Value::is_object) && document.pointer(place).is_none()
    };
    let source = fields.get("from").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "test" if fields["value"].is_null() && is_missing(&path) => return Ok(None),
        "replace" if is_missing(&path) => drop(fields.insert("op".to_owned(), "add".into())),
        "copy" if is_missing(&source) => {
            fields.insert("op".to_owned(), "add".into());
            fields.insert("value".to_owned(), Value::Null);
        }
        _ => {}
    }
    Ok(Some(operation))
}

/// A path whose last part counts from the end of a list, `-1` for the last item, as one that counts from the start.
fn counted(document: &Value, path: &str, kind: &str) -> Option<String> {
    let (parent, last) = path.rsplit_once('/')?;
    let back: usize = last.strip_prefix('-')?.parse().ok()?;
    // An item can also be added behind the last one.
    let length = document.pointer(parent)?.as_array()?.len() + usize::from(kind == "add");
    Some(format!("{parent}/{}", length.checked_sub(back)?))
}

/// Upstream says no more than this about an operation that fails.
fn rejected() -> Error {
    Error::PatchFailed("the server rejected our request due to an error in our request".to_owned())
}

/// Applies a merge patch.
pub fn merge_patch(current: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut out = match current {
        Value::Object(map) => map.clone(),
        _ => Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() {
            out.shift_remove(key);
        } else {
            let merged = merge_patch(out.get(key).unwrap_or(&Value::Null), change);
            out.insert(key.clone(), merged);
        }
    }
    Value::Object(out)
}

/// What Go calls the type of a JSON value, as its messages have it.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patch_follows_rfc_7396() {
        // The examples of RFC 7396, appendix A.
        for (current, patch, wanted) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merge_patch(&current, &patch), wanted);
        }
    }

    #[test]
    fn json_patch_fails_as_upstream_answers() {
        let current = json!({"a": {"b": [1, 2]}});
        let patched = json_patch(&current, &json!([{"op": "test", "path": "/a/b/0", "value": 1}, {"op": "add", "path": "/a/b/-", "value": 3}]));
        assert_eq!(patched, Ok(json!({"a": {"b": [1, 2, 3]}})));
        for bad in [
            json!([{"op": "test", "path": "/a/b/0", "value": 2}]),
            json!([{"op": "remove", "path": "/x"}]),
            json!([{"op": "cow", "path": "/a"}]),
            json!([{"op": "add", "path": "no slash", "value": 1}]),
            json!([null]),
        ] {
            assert_eq!(json_patch(&current, &bad), Err(rejected()), "{bad}");
        }
        for bad in [json!({}), json!([5]), json!([{"op": 1, "path": "/a"}])] {
            assert!(matches!(json_patch(&current, &bad), Err(Error::BadPatch(_))), "{bad}");
        }
    }

    #[test]
    fn json_patch_takes_what_is_missing_for_null() {
        let current = json!({"a": {"b": [1, 2]}});
        let after = |patch: Value| json_patch(&current, &patch).map(|made| made["a"].clone());
        assert_eq!(after(json!([{"op": "test", "path": "/a/x", "value": null}])), Ok(json!({"b": [1, 2]})));
        assert_eq!(after(json!([{"op": "copy", "from": "/a/x", "path": "/a/y"}])), Ok(json!({"b": [1, 2], "y": null})));
        assert_eq!(after(json!([{"op": "remove", "path": "/a/b/-1"}])), Ok(json!({"b": [1]})));
        assert_eq!(after(json!([{"op": "add", "path": "/a/b/-1", "value": 3}])), Ok(json!({"b": [1, 2, 3]})));
        assert_eq!(json_patch(&current, &json!([{"op": "replace", "path": "", "value": {"c": 1}}])), Ok(json!({"c": 1})));
        assert_eq!(after(json!([{"op": "test", "path": "/a/b", "value": null}])), Err(rejected()));
        let odd = json_patch_problems(&json!([{"op": "test", "path": "", "x": 1}]));
        assert_eq!(odd.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#"json patch unknown field "[0].x""#]);
    }

    #[test]
    fn json_patch_is_bounded() {
        let many = Value::Array(vec![json!({"op": "test", "path": "", "value": null}); 10_001]);
        assert!(matches!(json_patch(&Value::Null, &many), Err(Error::TooLarge(_))));
        let doubling = Value::Array(vec![json!({"op": "copy", "from": "/a", "path": "/a/b"}); 10_000]);
        assert!(matches!(json_patch(&json!({"a": {"c": "x".repeat(1000)}}), &doubling), Err(Error::TooLarge(_))));
    }
}
