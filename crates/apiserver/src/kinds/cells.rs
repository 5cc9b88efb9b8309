//! What the rows of a Table are made of.

use jiff::Timestamp;
use serde_json::Value;

use super::{Column, since, value};

/// A column of text that is always shown.
pub const fn column(name: &'static str, description: &'static str) -> Column {
    Column { name, kind: "string", format: "", description, priority: 0 }
}

/// A column of text that only `-o wide` shows.
pub const fn wide(name: &'static str, description: &'static str) -> Column {
    Column { name, kind: "string", format: "", description, priority: 1 }
}

/// The cell of the column `Name`.
pub fn name(object: &Value) -> Value {
    Value::from(value::name(object))
}

/// The cell of the column `Age`.
pub fn age(object: &Value, now: Timestamp) -> Value {
    Value::from(super::age(object, now))
}

/// Text, or what stands for its absence.
pub fn or<'a>(text: &'a str, absent: &'a str) -> &'a str {
    if text.is_empty() { absent } else { text }
}

/// The time since a moment, or the same of the next one where the first is absent.
pub fn since_first(moments: &[&str], now: Timestamp) -> String {
    since(moments.iter().find(|m| !m.is_empty()).copied().unwrap_or(""), now)
}

/// At most three items, and how many more there are.
pub fn three(items: &[String], count: usize, none: &str) -> String {
    if items.is_empty() {
        return none.to_owned();
    }
    let shown = items[..items.len().min(3)].join(",");
    if count > 3 { format!("{shown} + {} more...", count - 3) } else { shown }
}
