//! The patches that need no table: JSON patch (RFC 6902) and merge patch (RFC 7396). The third one is
//! [`strategic_merge`].

mod strategic;

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use crate::error::Error;

pub use strategic::strategic_merge;

/// More operations than this are refused, as upstream does.
const MOST_OPERATIONS: usize = 10_000;
/// `copy` operations may add at most this many bytes of JSON; nested copies would grow exponentially otherwise.
const MOST_COPIED: usize = 3 * 1024 * 1024;

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
    let mut document = current.clone();
    let mut copied = 0;
    for operation in operations {
        let operation: PatchOperation = serde_json::from_value(as_upstream(&document, operation)?).map_err(|_| rejected())?;
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

/// An operation with what upstream's library reads into it: a value that is left out is null, and a member that is replaced need not be there.
/// The document itself is no place to write to.
fn as_upstream(document: &Value, operation: &Value) -> Result<Value, Error> {
    let mut operation = operation.clone();
    let text = |operation: &Value, name: &str| operation[name].as_str().unwrap_or_default().to_owned();
    let (kind, path) = (text(&operation, "op"), text(&operation, "path"));
    let Some(fields) = operation.as_object_mut() else { return Err(rejected()) };
    if path.is_empty() && kind != "test" {
        return Err(rejected());
    }
    if matches!(kind.as_str(), "add" | "replace" | "test") {
        fields.entry("value").or_insert(Value::Null);
    }
    let parent = path.rsplit_once('/').and_then(|(parent, _)| document.pointer(parent));
    if kind == "replace" && parent.is_some_and(Value::is_object) && document.pointer(&path).is_none() {
        fields.insert("op".to_owned(), "add".into());
    }
    Ok(operation)
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
            json!([5]),
        ] {
            assert_eq!(json_patch(&current, &bad), Err(rejected()), "{bad}");
        }
        assert!(matches!(json_patch(&current, &json!({})), Err(Error::BadPatch(_))));
    }

    #[test]
    fn json_patch_is_bounded() {
        let many = Value::Array(vec![json!({"op": "test", "path": "", "value": null}); 10_001]);
        assert!(matches!(json_patch(&Value::Null, &many), Err(Error::TooLarge(_))));
        let doubling = Value::Array(vec![json!({"op": "copy", "from": "/a", "path": "/a/b"}); 10_000]);
        assert!(matches!(json_patch(&json!({"a": {"c": "x".repeat(1000)}}), &doubling), Err(Error::TooLarge(_))));
    }
}
