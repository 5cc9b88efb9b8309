//! What the tests of kinds share.

use serde_json::Value;

use crate::field::FieldErrors;

/// The messages as a client reads them.
pub fn texts(errors: &FieldErrors) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// A copy with another value at a JSON pointer; `null` removes.
pub fn with(object: &Value, pointer: &str, value: Value) -> Value {
    let mut copy = object.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let parent = copy.pointer_mut(parent).expect("the parent exists");
    match parent {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        Value::Object(fields) if value.is_null() => drop(fields.shift_remove(key)),
        other => other[key] = value,
    }
    copy
}
