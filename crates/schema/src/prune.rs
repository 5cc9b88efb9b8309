//! Brings a decoded object into the one form the server keeps.
//!
//! For built-in kinds that is what Go's decoding and encoding does to it: unknown fields and nulls are dropped, types
//! checked, keys put into the order of the structs, empty values left out or written as the Go type demands,
//! quantities and times made canonical. For kinds that behave as custom resources it is structural pruning: unknown
//! fields and nulls are dropped and keys sorted; types are the validator's business.

mod named;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::error::{Error, Problem};
use crate::table::{Field, Kind, Message, Shape, flags};
use crate::{quantity, time};

/// How many problems are reported at most; a hostile body could hold millions.
const MOST_PROBLEMS: usize = 100;
/// Deeper nesting than any kind has.
const MOST_DEPTH: usize = 128;

/// Brings `value` into canonical form and says what was dropped.
///
/// # Errors
/// [`Error::Type`] when a value cannot be what the table says; `value` is unusable then.
pub fn prune(message: &'static Message, value: &mut Value) -> Result<Vec<Problem>, Error> {
    let mut walk = Walk { path: String::new(), names: Vec::new(), owner: message, problems: Vec::new() };
    if message.custom {
        walk.custom(message, value)?;
        // Structural pruning tells of fields in the order of their paths.
        walk.problems.sort_by_key(ToString::to_string);
    } else {
        walk.native(message, value)?;
    }
    Ok(walk.problems)
}

/// What Go writes for a value that was never set.
pub(crate) fn zero(kind: Kind) -> Value {
    match kind {
        Kind::Bool => Value::Bool(false),
        Kind::Int32 | Kind::Int64 | Kind::Float | Kind::IntOrString => Value::from(0),
        Kind::Str | Kind::Bytes => Value::from(""),
        Kind::Quantity => Value::from("0"),
        Kind::Duration => Value::from("0s"),
        Kind::Time | Kind::MicroTime | Kind::Raw | Kind::Fields | Kind::Strings => Value::Null,
        Kind::Msg(message) => {
            let always = message.fields.iter().filter(|f| f.is(flags::ALWAYS));
            Value::Object(always.map(|f| (f.name.to_owned(), zero_field(f))).collect())
        }
    }
}

fn zero_field(field: &Field) -> Value {
    match (field.shape, field.kind) {
        (Shape::List | Shape::Map, _) | (_, Kind::Bytes) => Value::Null,
        // A pointer without `omitempty` is null when unset.
        _ if field.is(flags::KEEP) => Value::Null,
        (Shape::One, kind) => zero(kind),
    }
}

struct Walk {
    /// The place as strictness texts show it: `spec.ports[0].name`.
    path: String,
    /// The place as Go's type errors show it: names of struct fields only.
    names: Vec<&'static str>,
    /// The innermost message.
    owner: &'static Message,
    problems: Vec<Problem>,
}

impl Walk {
    fn native(&mut self, message: &'static Message, value: &mut Value) -> Result<(), Error> {
        let Value::Object(map) = value else { return Err(self.mismatch(value, Shape::One, Kind::Msg(message))) };
        if self.names.len() > MOST_DEPTH {
            return Err(Error::Type("exceeded max depth".to_owned()));
        }
        let outer = std::mem::replace(&mut self.owner, message);
        let mut old = std::mem::take(map);
        let mut known = 0;
        map.reserve_or_new(old.len() + 2);
        // What each field, by its name, holds that nobody knows.
        let mut within: Vec<(&str, Vec<Problem>)> = Vec::new();
        for field in message.fields {
            let given = old.get_mut(field.name).map(Value::take);
            known += usize::from(given.is_some());
            let reported = self.problems.len();
            let kept = match given {
                None | Some(Value::Null) => None,
                Some(given) => self.at(field, |walk| walk.field(field, given))?,
            };
            match kept {
                Some(kept) => drop(map.insert(field.name.to_owned(), kept)),
                None if field.is(flags::ALWAYS) => drop(map.insert(field.name.to_owned(), zero_field(field))),
                None => {}
            }
            if self.problems.len() > reported {
                within.push((field.name, self.problems.split_off(reported)));
            }
        }
        if known < old.len() || !within.is_empty() {
            self.tell(message, &old, within);
        }
        self.owner = outer;
        Ok(())
    }

    /// Reports the fields that the message does not have and what lies `within` the others, in the order in which the client wrote them.
    fn tell(&mut self, message: &'static Message, map: &Map<String, Value>, mut within: Vec<(&str, Vec<Problem>)>) {
        for key in map.keys() {
            if let Some((_, problems)) = within.iter_mut().find(|(name, _)| name == key) {
                self.problems.append(problems);
            } else if message.field(key).is_none() {
                self.stranger(key);
            }
        }
    }

    fn stranger(&mut self, key: &str) {
        if self.problems.len() < MOST_PROBLEMS {
            let dot = if self.path.is_empty() { "" } else { "." };
            self.problems.push(Problem::Unknown(format!("{}{dot}{key}", self.path)));
        }
    }

    /// Reports the fields that the message does not have.
    fn strangers(&mut self, message: &'static Message, map: &Map<String, Value>) {
        map.keys().filter(|k| message.field(k).is_none()).for_each(|key| self.stranger(key));
    }

    /// Runs `inside` with the path at a field.
    fn at<T>(&mut self, field: &'static Field, inside: impl FnOnce(&mut Walk) -> Result<T, Error>) -> Result<T, Error> {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(field.name);
        self.names.push(field.name);
        let result = inside(self)?;
        self.names.pop();
        self.path.truncate(length);
        Ok(result)
    }

    /// The canonical value of a field, or nothing when it is to be left out.
    fn field(&mut self, field: &'static Field, mut given: Value) -> Result<Option<Value>, Error> {
        let keep_empty = field.flags & (flags::KEEP | flags::ALWAYS) != 0;
        let empty = match field.shape {
            Shape::One => {
                self.one(field.kind, &mut given)?;
                is_zero(field.kind, &given)
            }
            Shape::List => {
                let Value::Array(items) = &mut given else { return Err(self.mismatch(&given, field.shape, field.kind)) };
                for (i, item) in items.iter_mut().enumerate() {
                    self.inside(format_args!("[{i}]"), field.kind, item)?;
                }
                items.is_empty()
            }
            Shape::Map => {
                let Value::Object(map) = &mut given else { return Err(self.mismatch(&given, field.shape, field.kind)) };
                for (key, item) in map.iter_mut() {
                    self.inside(format_args!(".{key}"), field.kind, item)?;
                }
                if !map.keys().is_sorted() {
                    map.sort_keys();
                }
                map.is_empty()
            }
        };
        Ok((keep_empty || !empty).then_some(given))
    }

    /// One item of a list or map; null is its zero value, as Go reads it.
    fn inside(&mut self, step: std::fmt::Arguments<'_>, kind: Kind, item: &mut Value) -> Result<(), Error> {
        use std::fmt::Write as _;
        if item.is_null() {
            *item = zero(kind);
            return Ok(());
        }
        if !matches!(kind, Kind::Msg(_)) {
            return self.one(kind, item);
        }
        let length = self.path.len();
        let _ = self.path.write_fmt(step);
        self.one(kind, item)?;
        self.path.truncate(length);
        Ok(())
    }

    fn one(&mut self, kind: Kind, value: &mut Value) -> Result<(), Error> {
        match (kind, &*value) {
            (Kind::Bool, Value::Bool(_)) | (Kind::Str, Value::String(_)) | (Kind::Float, Value::Number(_)) | (Kind::Raw, _) => {}
            (Kind::Fields, Value::Object(_)) => {}
            (Kind::Int32, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {}
            (Kind::Int64, Value::Number(n)) if n.is_i64() => {}
            (Kind::IntOrString, Value::String(_)) => {}
            (Kind::IntOrString, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {}
            (Kind::IntOrString, _) => return Err(self.mismatch(value, Shape::One, Kind::Int32)),
            (Kind::Quantity, Value::String(text)) => self.quantity(&text.clone(), value)?,
            (Kind::Quantity, Value::Number(number)) => self.quantity(&number.to_string(), value)?,
            (Kind::Quantity, _) => return Err(Error::Type(quantity::INVALID.to_owned())),
            (Kind::Time, Value::String(text)) => *value = Value::String(time::canonical(text).map_err(Error::Type)?),
            (Kind::MicroTime, Value::String(text)) => *value = Value::String(time::canonical_micro(text).map_err(Error::Type)?),
            (Kind::Duration, Value::String(_)) => {}
            (Kind::Bytes, Value::String(text)) => base64(text)?,
            (Kind::Strings, Value::Array(items)) if items.iter().all(Value::is_string) => {}
            (Kind::Msg(message), _) => return self.native(message, value),
            _ => return Err(self.mismatch(value, Shape::One, kind)),
        }
        Ok(())
    }

    fn quantity(&self, text: &str, value: &mut Value) -> Result<(), Error> {
        let canonical = quantity::canonical(text).ok_or_else(|| Error::Type(quantity::INVALID.to_owned()))?;
        *value = Value::String(canonical);
        Ok(())
    }

    fn mismatch(&self, value: &Value, shape: Shape, kind: Kind) -> Error {
        let owner = self.owner.name.rsplit('.').next().unwrap_or_default();
        let own = || matches!(kind, Kind::Str).then(|| named::named(owner, self.names.last()?)).flatten();
        let one = own().map_or_else(|| go_type(kind), str::to_owned);
        let kind_name = match shape {
            Shape::One => one,
            Shape::List => format!("[]{one}"),
            Shape::Map => format!("map[string]{one}"),
        };
        let found = if shape == Shape::One { word(value, kind) } else { word(value, Kind::Raw) };
        Error::Type(if self.names.is_empty() {
            format!("json: cannot unmarshal {found} into Go value of type {kind_name}")
        } else {
            format!("json: cannot unmarshal {found} into Go struct field {owner}.{} of type {kind_name}", self.names.join("."))
        })
    }

    fn custom(&mut self, message: &'static Message, value: &mut Value) -> Result<(), Error> {
        let Value::Object(map) = value else { return Ok(()) };
        map.retain(|key, value| !value.is_null() || message.field(key).is_none_or(|f| f.is(flags::NULLABLE)));
        self.strangers(message, map);
        map.retain(|key, _| message.field(key).is_some());
        for field in message.fields {
            let Some(given) = map.get_mut(field.name) else { continue };
            let Kind::Msg(inner) = field.kind else {
                if let (Shape::Map, Value::Object(map)) = (field.shape, given) {
                    map.sort_keys();
                }
                continue;
            };
            self.at(field, |walk| match (field.shape, given) {
                (Shape::One, given) if inner.custom => walk.custom(inner, given),
                (Shape::One, given) => walk.native(inner, given),
                (Shape::List, Value::Array(items)) => {
                    items.iter_mut().enumerate().try_for_each(|(i, item)| walk.item(format_args!("[{i}]"), inner, item))
                }
                (Shape::Map, Value::Object(map)) => {
                    map.sort_keys();
                    map.iter_mut().try_for_each(|(key, item)| walk.item(format_args!(".{key}"), inner, item))
                }
                _ => Ok(()),
            })?;
        }
        map.sort_keys();
        Ok(())
    }

    fn item(&mut self, step: std::fmt::Arguments<'_>, message: &'static Message, item: &mut Value) -> Result<(), Error> {
        use std::fmt::Write as _;
        let length = self.path.len();
        let _ = self.path.write_fmt(step);
        if message.custom {
            self.custom(message, item)?
        } else {
            self.native(message, item)?
        }
        self.path.truncate(length);
        Ok(())
    }
}

/// `Map` has no `reserve`; replacing an empty one costs nothing.
trait Reserve {
    fn reserve_or_new(&mut self, capacity: usize);
}

impl Reserve for Map<String, Value> {
    fn reserve_or_new(&mut self, capacity: usize) {
        *self = Map::with_capacity(capacity);
    }
}

/// Whether Go's `omitempty` leaves the value out. Structs count when `omitzero` drops them: those without a flag.
fn is_zero(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Bool, Value::Bool(set)) => !set,
        (Kind::Int32 | Kind::Int64 | Kind::Float, Value::Number(n)) => n.as_f64() == Some(0.0),
        (Kind::Str | Kind::Bytes, Value::String(text)) => text.is_empty(),
        (Kind::Strings, Value::Array(items)) => items.is_empty(),
        (Kind::Msg(_), Value::Object(map)) => map.is_empty(),
        _ => value.is_null(),
    }
}

fn base64(text: &str) -> Result<(), Error> {
    match STANDARD.decode(text) {
        Ok(_) => Ok(()),
        Err(base64::DecodeError::InvalidByte(at, _)) => Err(Error::Type(format!("illegal base64 data at input byte {at}"))),
        // Go names the first octet of the group that is not whole.
        Err(_) if !text.ends_with('=') => Err(Error::Type(format!("illegal base64 data at input byte {}", text.len() / 4 * 4))),
        Err(_) => Err(Error::Type(format!("illegal base64 data at input byte {}", text.trim_end_matches('=').len()))),
    }
}

/// What Go calls a JSON value in its errors.
fn word(value: &Value, wanted: Kind) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(n) if matches!(wanted, Kind::Int32 | Kind::Int64 | Kind::Float) => format!("number {n}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

fn go_type(kind: Kind) -> String {
    match kind {
        Kind::Bool => "bool",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Float => "float64",
        Kind::Bytes => "[]uint8",
        Kind::Fields => "v1.FieldsV1",
        Kind::Strings => "[]string",
        // Times and durations are read as texts first.
        Kind::Str | Kind::Quantity | Kind::IntOrString | Kind::Raw | Kind::Time | Kind::MicroTime | Kind::Duration => "string",
        Kind::Msg(message) => {
            let mut parts = message.name.rsplit('.');
            let name = parts.next().unwrap_or_default();
            return format!("{}.{name}", parts.next().unwrap_or_default());
        }
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
