//! Reading and filling JSON objects the way Kubernetes means them: absent, null and empty are one.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The text at `key`; empty when absent.
pub fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The text at `key` of a field whose absence differs from empty.
pub fn optional_text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// The whole number at `key`; 0 when absent.
pub fn number(object: &Value, key: &str) -> i64 {
    object.get(key).and_then(Value::as_i64).unwrap_or(0)
}

/// The whole number at `key`, if one is there.
pub fn optional_number(object: &Value, key: &str) -> Option<i64> {
    object.get(key).and_then(Value::as_i64)
}

/// The boolean at `key`; false when absent.
pub fn flag(object: &Value, key: &str) -> bool {
    object.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at `key`; empty when absent.
pub fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The list at `key` to change; `None` when absent.
pub fn list_mut<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Vec<Value>> {
    object.get_mut(key).and_then(Value::as_array_mut)
}

/// The texts of the list at `key`.
pub fn texts<'a>(object: &'a Value, key: &str) -> Vec<&'a str> {
    list(object, key).iter().filter_map(Value::as_str).collect()
}

/// The map at `key`; empty when absent.
pub fn map<'a>(object: &'a Value, key: &str) -> &'a Map<String, Value> {
    object.get(key).and_then(Value::as_object).unwrap_or(&EMPTY)
}

/// Whether something that is not null stands at `key`.
pub fn has(object: &Value, key: &str) -> bool {
    object.get(key).is_some_and(|v| !v.is_null())
}

/// The object at `key`, made if absent.
pub fn object_at<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let slot = &mut object[key];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot
}

/// Puts `value` at `key` where nothing, null or an empty text stands.
pub fn default_to(object: &mut Value, key: &str, value: impl Into<Value>) {
    if object.get(key).is_none_or(|v| v.is_null() || v.as_str() == Some("")) {
        object[key] = value.into();
    }
}

/// Puts `value` at `key` where nothing or null stands: for fields in which empty is a choice.
pub fn default_absent(object: &mut Value, key: &str, value: impl Into<Value>) {
    if !has(object, key) {
        object[key] = value.into();
    }
}

/// Removes `key`, keeping the order of the others.
pub fn remove(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut().and_then(|o| o.shift_remove(key))
}

/// Puts a copy of what `from` has at `key`, or removes it.
pub fn copy(to: &mut Value, from: &Value, key: &str) {
    match from.get(key) {
        Some(value) => to[key] = value.clone(),
        None => drop(remove(to, key)),
    }
}

/// The annotation of that name.
pub fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(name).and_then(Value::as_str)
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(&object["metadata"], "name")
}
