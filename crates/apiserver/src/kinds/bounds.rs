//! Bounds of the fields of our own kinds, as tables: a field that is absent or null is fine, one that is there stays inside.

use std::time::Duration;

use serde_json::Value;

use crate::field::{FieldErrors, Path};
use crate::syntax;

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// A whole number, both ends included.
    Whole(i64, i64),
    /// A number, both ends included.
    Real(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A duration in milliseconds, both ends included.
    Span(u64, u64),
    /// Text of at most this many bytes.
    Text(usize),
}

pub(super) const PERCENT: Bound = Bound::Whole(0, 100);
/// A duration above zero; a day is as long as any of them makes sense.
pub(super) const POSITIVE: Bound = Bound::Span(1, DAY_MS);
pub(super) const COUNT: Bound = Bound::Whole(1, i32::MAX as i64);
pub(super) const PORT: Bound = Bound::Whole(1, 65_535);
pub(super) const SECOND_MS: u64 = 1000;
pub(super) const HOUR_MS: u64 = 3600 * SECOND_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The value at a dotted path; null when there is none.
pub(super) fn at_path<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, part| &value[part])
}

/// The duration at a dotted path, if a readable one is there.
pub(super) fn span_at(object: &Value, path: &str) -> Option<Duration> {
    at_path(object, path).as_str().and_then(api::time::parse_duration)
}

/// Holds the fields of `object` against a table.
pub(super) fn check(object: &Value, table: &[(&str, Bound)], at: &Path<'_>, errors: &mut FieldErrors) {
    for (field, bound) in table {
        let value = at_path(object, field);
        if !value.is_null() {
            check_one(value, *bound, &at.child(field), errors);
        }
    }
}

fn check_one(value: &Value, bound: Bound, at: &Path<'_>, errors: &mut FieldErrors) {
    match bound {
        Bound::Whole(low, high) => {
            if !value.as_i64().is_some_and(|n| (low..=high).contains(&n)) {
                errors.push(at.invalid(value.clone(), syntax::between(low, high)));
            }
        }
        Bound::Real(low, high) => {
            if !value.as_f64().is_some_and(|n| (low..=high).contains(&n)) {
                errors.push(at.invalid(value.clone(), format!("must be between {low} and {high}, inclusive")));
            }
        }
        Bound::Word(words) => {
            if !value.as_str().is_some_and(|w| words.contains(&w)) {
                errors.push(at.not_supported(value.clone(), words));
            }
        }
        Bound::Span(low, high) => match value.as_str().and_then(api::time::parse_duration) {
            None => errors.push(at.invalid(value.clone(), "must be a duration such as 500ms, 10s or 1m30s")),
            Some(span) if !(u128::from(low)..=u128::from(high)).contains(&span.as_millis()) => {
                errors.push(at.invalid(value.clone(), format!("must be between {} and {}, inclusive", span_text(low), span_text(high))));
            }
            Some(_) => {}
        },
        Bound::Text(most) => {
            if value.as_str().is_none_or(|t| t.len() > most) {
                errors.push(at.too_long(most));
            }
        }
    }
}

fn span_text(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        ms if ms % HOUR_MS == 0 => format!("{}h", ms / HOUR_MS),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % SECOND_MS == 0 => format!("{}s", ms / SECOND_MS),
        ms => format!("{ms}ms"),
    }
}
