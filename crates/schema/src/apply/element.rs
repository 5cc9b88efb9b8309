//! One step of a field path, in the order and the forms of `FieldsV1`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A step from a value to one inside it. The order of the variants is the order of serialization.
#[derive(Clone, Debug)]
pub enum Element {
    /// `f:name`: a field of an object.
    Field(Cow<'static, str>),
    /// `k:{…}`: the list item with these keys, sorted by name.
    Key(Vec<(String, Value)>),
    /// `v:…`: the list item that is this value.
    Value(Value),
    /// `i:0`: the list item at this place.
    Index(i64),
}

impl Element {
    /// The element of a field.
    pub fn field(name: &str) -> Element {
        Element::Field(Cow::Owned(name.to_owned()))
    }

    /// Reads the serialized form; `None` when it is malformed, `Some(None)` when its kind is unknown and to be skipped.
    pub fn parse(text: &str) -> Option<Option<Element>> {
        let (kind, rest) = text.split_at_checked(2)?;
        Some(Some(match kind {
            "f:" => Element::field(rest),
            "k:" => {
                let map: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys: Vec<(String, Value)> = map.into_iter().collect();
                keys.sort_by(|(a, _), (b, _)| a.cmp(b));
                Element::Key(keys)
            }
            "v:" => Element::Value(serde_json::from_str(rest).ok()?),
            "i:" => Element::Index(rest.parse().ok()?),
            _ if kind.as_bytes()[1] == b':' => return Some(None),
            _ => return None,
        }))
    }

    /// The serialized form.
    pub fn serialized(&self) -> String {
        match self {
            Element::Field(name) => format!("f:{name}"),
            Element::Key(keys) => {
                let fields: Vec<String> = keys.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
                format!("k:{{{}}}", html_safe(&fields.join(",")))
            }
            Element::Value(value) => format!("v:{}", html_safe(&value.to_string())),
            Element::Index(index) => format!("i:{index}"),
        }
    }
}

/// Go escapes these inside the JSON of keys and values.
fn html_safe(json: &str) -> String {
    if !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A path as texts show it: `.spec.ports[port=80,protocol="TCP"].name`.
pub fn path_text(path: &[Element]) -> String {
    let mut out = String::new();
    for element in path {
        let _ = match element {
            Element::Field(name) => write!(out, ".{name}"),
            Element::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
                write!(out, "[{}]", keys.join(","))
            }
            Element::Value(value) => write!(out, "[={}]", shown(value)),
            Element::Index(index) => write!(out, "[{index}]"),
        };
    }
    out
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Element) -> Ordering {
        match (self, other) {
            (Element::Field(a), Element::Field(b)) => a.cmp(b),
            (Element::Key(a), Element::Key(b)) => {
                for ((name_a, value_a), (name_b, value_b)) in a.iter().zip(b) {
                    let order = name_a.cmp(name_b).then_with(|| compare(value_a, value_b));
                    if order != Ordering::Equal {
                        return order;
                    }
                }
                a.len().cmp(&b.len())
            }
            (Element::Value(a), Element::Value(b)) => compare(a, b),
            (Element::Index(a), Element::Index(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl Element {
    fn rank(&self) -> u8 {
        match self {
            Element::Field(_) => 0,
            Element::Key(_) => 1,
            Element::Value(_) => 2,
            Element::Index(_) => 3,
        }
    }
}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Element) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Element) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Element {}

/// Upstream's order of values: numbers, texts, booleans, lists, objects, null. Numbers compare by value.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |v: &Value| match v {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|o| *o != Ordering::Equal).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let sorted = |map: &'_ Map<String, Value>| {
                let mut keys: Vec<String> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            let (keys_a, keys_b) = (sorted(a), sorted(b));
            let inside = keys_a.iter().zip(&keys_b).map(|(x, y)| x.cmp(y).then_with(|| compare(&a[x], &b[y])));
            inside.into_iter().find(|o| *o != Ordering::Equal).unwrap_or_else(|| keys_a.len().cmp(&keys_b.len()))
        }
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

/// Equality in which `1` is `1.0` and the order of keys does not count.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x == y,
            _ => x.as_f64() == y.as_f64(),
        },
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| equal(v, w))),
        (a, b) => a == b,
    }
}
