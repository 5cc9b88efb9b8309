//! Whether what a strategic merge patch made of an object can become one of its type again, in the words of upstream's converter
//! (k8s.io/apimachinery `pkg/runtime/converter.go`), which are others than those of its JSON reader.

use serde_json::Value;

use crate::table::{Field, Kind, Message, Shape};

/// The first value that is of another type than its field.
///
/// # Errors
/// What is wrong with it.
pub fn restorable(message: &'static Message, object: &Value) -> Result<(), String> {
    let Value::Object(map) = object else { return Err(format!("cannot restore struct from: {}", go_kind(object))) };
    for word in ["kind", "apiVersion"] {
        if let Some(value) = map.get(word).filter(|value| !value.is_string() && !value.is_null()) {
            return Err(scalar("string", value));
        }
    }
    for field in message.fields {
        match map.get(field.name) {
            None | Some(Value::Null) => {}
            Some(value) => of_field(field, value)?,
        }
    }
    Ok(())
}

fn of_field(field: &'static Field, value: &Value) -> Result<(), String> {
    match (field.shape, value) {
        (Shape::One, value) => one(field, value),
        (Shape::List, Value::Array(items)) => items.iter().filter(|item| !item.is_null()).try_for_each(|item| one(field, item)),
        (Shape::Map, Value::Object(map)) => map.values().filter(|item| !item.is_null()).try_for_each(|item| one(field, item)),
        (Shape::List, value) => Err(format!("cannot restore slice from {}", go_kind(value))),
        (Shape::Map, value) => Err(format!("cannot restore map from {}", go_kind(value))),
    }
}

fn one(field: &'static Field, value: &Value) -> Result<(), String> {
    match (field.kind, value) {
        (Kind::Msg(message), value) => restorable(message, value),
        (Kind::Str, Value::String(_)) | (Kind::Bool, Value::Bool(_)) | (Kind::Float, Value::Number(_)) => Ok(()),
        (Kind::Int32 | Kind::Int64, Value::Number(number)) => match number.as_f64().filter(|float| float.fract() != 0.0) {
            Some(_) => Err(format!("cannot convert float64 to {}", if matches!(field.kind, Kind::Int32) { "int32" } else { "int64" })),
            None => Ok(()),
        },
        (Kind::Bytes, value) if !value.is_string() && !value.is_array() => Err(format!("cannot restore slice from {}", go_kind(value))),
        (Kind::Str, value) => Err(scalar("string", value)),
        (Kind::Bool, value) => Err(scalar("bool", value)),
        (Kind::Int32, value) => Err(scalar("int32", value)),
        (Kind::Int64, value) => Err(scalar("int64", value)),
        (Kind::Float, value) => Err(scalar("float64", value)),
        // Times, quantities and the like read JSON themselves.
        _ => Ok(()),
    }
}

/// Go turns numbers into strings, so that it says another thing of them.
fn scalar(wanted: &str, value: &Value) -> String {
    if wanted == "string" && value.is_number() && !value.is_f64() {
        return format!("cannot convert {} to string", go_kind(value));
    }
    format!("unrecognized type: {wanted}")
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Gvk, table};

    #[test]
    fn what_is_of_another_type_is_told_as_the_converter_does() {
        let message = table(Gvk::new("v1", "ConfigMap")).expect("a table");
        let said = |object: Value| restorable(message, &object).expect_err("refused");
        assert_eq!(said(json!({"data": 1})), "cannot restore map from int64");
        assert_eq!(said(json!({"data": {"a": true}})), "unrecognized type: string");
        assert_eq!(said(json!({"data": {"a": 1}})), "cannot convert int64 to string");
        assert_eq!(said(json!({"metadata": "x"})), "cannot restore struct from: string");
        assert_eq!(said(json!({"metadata": {"finalizers": {}}})), "cannot restore slice from map");
        assert_eq!(said(json!({"apiVersion": true})), "unrecognized type: string");
        assert_eq!(restorable(message, &json!({"data": null, "metadata": {"name": "a"}})), Ok(()));
    }
}
