//! Defaults of kinds that behave as custom resources: what their field tables say, filled in wherever the parent stands.

use schema::{Gvk, Message, Shape};
use serde_json::Value;

use super::value::has;

/// Fills in what the table of this kind has defaults for. Nothing happens to a kind without a table.
pub(super) fn fill(gvk: Gvk<'_>, object: &mut Value) {
    if let Some(message) = schema::table(gvk) {
        fill_message(message, object);
    }
}

fn fill_message(message: &'static Message, object: &mut Value) {
    if !object.is_object() {
        return;
    }
    for field in message.fields {
        if !has(object, field.name)
            && let Some(default) = field.default()
        {
            object[field.name] = default;
        }
        let (Some(inner), Some(value)) = (field.message(), object.get_mut(field.name)) else { continue };
        match field.shape {
            Shape::One => fill_message(inner, value),
            Shape::List => value.as_array_mut().into_iter().flatten().for_each(|v| fill_message(inner, v)),
            Shape::Map => value.as_object_mut().into_iter().flatten().for_each(|(_, v)| fill_message(inner, v)),
        }
    }
}
