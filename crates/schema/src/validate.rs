//! Checks an object against the bounds of its table, as a CustomResourceDefinition's schema would be enforced, with the
//! texts that a kube-apiserver gives (apiextensions-apiserver `pkg/apiserver/validation`).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use regex::Regex;
use serde_json::{Map, Value};

use crate::rules;
use crate::table::{Check, Field, Kind, Message, Shape, flags};
use crate::time;

/// How many violations are reported at most.
const MOST_VIOLATIONS: usize = 100;

/// Said when the object is too wrong for the rules between its fields to make sense.
const UNCHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// What kind of rule a value breaks; the words are those of Kubernetes field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// `Required value`.
    Required,
    /// `Invalid value`.
    Invalid,
    /// `Unsupported value`.
    NotSupported,
    /// `Duplicate value`.
    Duplicate,
    /// `Too long`.
    TooLong,
    /// `Too many`.
    TooMany,
    /// `Forbidden`.
    Forbidden,
    /// `Invalid value` of the wrong JSON type.
    TypeInvalid,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Dotted path of the field, for example `spec.listeners[0].port`.
    pub path: String,
    /// The kind of rule.
    pub kind: ViolationKind,
    /// The offending value, when it is worth showing.
    pub value: Option<Value>,
    /// What is wrong with it.
    pub detail: String,
}

/// Checks a pruned object of a kind that behaves as a custom resource. Metadata is not looked at: its rules are the same
/// for every kind and live with the server.
pub fn validate(message: &'static Message, object: &Value) -> Vec<Violation> {
    let mut walk = Walk { path: String::new(), found: Vec::new(), is_blocked: false };
    walk.message(message, object);
    if !walk.is_blocked {
        walk.rules(message, object);
    } else if rules::exist(message) {
        walk.found.push(Violation { path: "<nil>".to_owned(), kind: ViolationKind::Invalid, value: Some(Value::Null), detail: UNCHECKED.to_owned() });
    }
    walk.found
}

/// Fills in what the table gives a default for, as the server does on create, on update and on read. Parents that are
/// absent and have no default themselves stay absent.
pub fn apply_defaults(message: &'static Message, object: &mut Value) {
    let Value::Object(map) = object else { return };
    let mut added = false;
    for field in message.fields {
        match map.get(field.name) {
            None => {}
            Some(Value::Null) if !field.is(flags::NULLABLE) => {}
            Some(_) => continue,
        }
        if let Some(default) = field.default() {
            map.insert(field.name.to_owned(), default);
            added = true;
        }
    }
    for field in message.fields {
        let Some(inner) = field.message().filter(|m| m.custom) else { continue };
        match (field.shape, map.get_mut(field.name)) {
            (Shape::One, Some(value)) => apply_defaults(inner, value),
            (Shape::List, Some(Value::Array(items))) => items.iter_mut().for_each(|item| apply_defaults(inner, item)),
            (Shape::Map, Some(Value::Object(items))) => items.values_mut().for_each(|item| apply_defaults(inner, item)),
            _ => {}
        }
    }
    if added {
        map.sort_keys();
    }
}

struct Walk {
    path: String,
    found: Vec<Violation>,
    /// Something is missing, too large or of the wrong type: upstream then leaves the rules unchecked.
    is_blocked: bool,
}

impl Walk {
    fn add(&mut self, kind: ViolationKind, value: Option<Value>, detail: String) {
        self.is_blocked |= matches!(
            kind,
            ViolationKind::NotSupported | ViolationKind::Required | ViolationKind::TooLong | ViolationKind::TooMany | ViolationKind::TypeInvalid
        );
        if self.found.len() < MOST_VIOLATIONS {
            self.found.push(Violation { path: self.path.clone(), kind, value, detail });
        }
    }

    fn step(&mut self, step: std::fmt::Arguments<'_>, inside: impl FnOnce(&mut Walk)) {
        use std::fmt::Write as _;
        let length = self.path.len();
        let _ = self.path.write_fmt(step);
        inside(self);
        self.path.truncate(length);
    }

    fn field_step(&mut self, name: &str, inside: impl FnOnce(&mut Walk)) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.step(format_args!("{dot}{name}"), inside);
    }

    fn message(&mut self, message: &'static Message, value: &Value) {
        if !message.custom {
            return;
        }
        let Value::Object(map) = value else { return self.wrong_type("object", value) };
        if matches!(message.name.rsplit('.').next(), Some("GatewaySpecAddress" | "GatewayStatusAddress")) {
            self.gateway_address(map);
        }
        for field in message.fields {
            match map.get(field.name) {
                None if field.is(flags::REQUIRED) => self.field_step(field.name, |w| w.add(ViolationKind::Required, None, String::new())),
                None => {}
                Some(Value::Null) if field.is(flags::NULLABLE) => {}
                Some(value) => self.field_step(field.name, |w| w.field(field, value)),
            }
        }
    }

    /// An address that says it is an IP address is one: the only alternative schemas (`oneOf`) in what we serve.
    fn gateway_address(&mut self, map: &Map<String, Value>) {
        let Some(value) = map.get("value").and_then(Value::as_str).filter(|_| map.get("type").is_none_or(|kind| kind == "IPAddress")) else { return };
        if value.parse::<std::net::IpAddr>().is_ok() {
            return;
        }
        let nowhere = |detail: String| Violation { path: "<nil>".to_owned(), kind: ViolationKind::Invalid, value: Some("".into()), detail };
        let place = format!("{}.value", self.path);
        self.found.push(nowhere(format!("{:?} must validate one and only one schema (oneOf). Found none valid", self.path)));
        self.found.push(nowhere(format!("{place:?} must validate at least one schema (anyOf)")));
        let detail = format!("{place} in body must be of type ipv4: {value:?}");
        self.field_step("value", |w| w.add(ViolationKind::TypeInvalid, Some(value.into()), detail));
    }

    /// Runs the rules of a message and of everything in it.
    fn rules(&mut self, message: &'static Message, value: &Value) {
        let Some(map) = value.as_object().filter(|_| message.custom) else { return };
        rules::check(message, map, &self.path, &mut self.found);
        for field in message.fields {
            let (Some(inner), Some(value)) = (field.message(), map.get(field.name)) else { continue };
            self.field_step(field.name, |w| match (field.shape, value) {
                (Shape::One, value) => w.rules(inner, value),
                (Shape::List, Value::Array(items)) => {
                    items.iter().enumerate().for_each(|(i, item)| w.step(format_args!("[{i}]"), |w| w.rules(inner, item)))
                }
                (Shape::Map, Value::Object(items)) => items.iter().for_each(|(key, item)| w.step(format_args!(".{key}"), |w| w.rules(inner, item))),
                _ => {}
            });
        }
    }

    fn field(&mut self, field: &'static Field, value: &Value) {
        let check = field.extra.and_then(|e| e.check);
        match (field.shape, value) {
            (Shape::One, value) => self.one(field, check, value),
            (Shape::List, Value::Array(items)) => {
                self.count(check, items.len(), "items");
                self.duplicates(field, items);
                for (i, item) in items.iter().enumerate() {
                    self.step(format_args!("[{i}]"), |w| w.one(field, check, item));
                }
            }
            (Shape::Map, Value::Object(map)) => {
                self.count(check, map.len(), "properties");
                for (key, item) in map {
                    self.step(format_args!(".{key}"), |w| w.one(field, check, item));
                }
            }
            (Shape::List, value) => self.wrong_type("array", value),
            (Shape::Map, value) => self.wrong_type("object", value),
        }
    }

    fn one(&mut self, field: &'static Field, check: Option<&'static Check>, value: &Value) {
        match (field.kind, value) {
            (Kind::Msg(message), value) => self.message(message, value),
            (Kind::Str, Value::String(text)) => {
                if let Some(check) = check {
                    self.text(check, text);
                }
            }
            (Kind::Time, Value::String(text)) => {
                if time::canonical(text).is_err() {
                    let detail = format!("{} in body must be of type date-time: {text:?}", self.path);
                    self.add(ViolationKind::Invalid, Some(value.clone()), detail);
                }
            }
            (Kind::Int32, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => self.number(check, value),
            (Kind::Int64, Value::Number(n)) if n.is_i64() => self.number(check, value),
            (Kind::Bool, Value::Bool(_)) | (Kind::Float, Value::Number(_)) | (Kind::Raw, _) => {}
            (Kind::IntOrString | Kind::Quantity, Value::String(_) | Value::Number(_)) => {}
            (Kind::Int32 | Kind::Int64, value) => self.wrong_type("integer", value),
            (Kind::Bool, value) => self.wrong_type("boolean", value),
            (Kind::Float, value) => self.wrong_type("number", value),
            (_, value) => self.wrong_type("string", value),
        }
    }

    fn text(&mut self, check: &'static Check, text: &str) {
        let length = text.chars().count();
        let value = || Some(Value::from(text));
        if !check.allowed.is_empty() && !check.allowed.contains(&text) {
            let allowed: Vec<String> = check.allowed.iter().map(|a| format!("{a:?}")).collect();
            self.add(ViolationKind::NotSupported, value(), format!("supported values: {}", allowed.join(", ")));
        }
        if length > check.max_length as usize {
            self.add(ViolationKind::TooLong, None, format!("may not be more than {} bytes", check.max_length));
        }
        if length < check.min_length as usize {
            let detail = format!("{} in body should be at least {} chars long", self.path, check.min_length);
            self.add(ViolationKind::Invalid, value(), detail);
        }
        if !check.pattern.is_empty() && !pattern(check.pattern).is_some_and(|p| p.is_match(text)) {
            let detail = format!("{} in body should match '{}'", self.path, check.pattern);
            self.add(ViolationKind::Invalid, value(), detail);
        }
    }

    fn number(&mut self, check: Option<&'static Check>, value: &Value) {
        let (Some(check), Some(number)) = (check, value.as_i64()) else { return };
        if !check.allowed.is_empty() && !check.allowed.contains(&number.to_string().as_str()) {
            self.add(ViolationKind::NotSupported, Some(value.clone()), format!("supported values: {}", check.allowed.join(", ")));
        }
        let bound = if number < check.minimum {
            format!("greater than or equal to {}", check.minimum)
        } else if number > check.maximum {
            format!("less than or equal to {}", check.maximum)
        } else {
            return;
        };
        self.add(ViolationKind::Invalid, Some(value.clone()), format!("{} in body should be {bound}", self.path));
    }

    fn count(&mut self, check: Option<&'static Check>, count: usize, what: &str) {
        let Some(check) = check else { return };
        if count > check.max_items as usize {
            let detail = format!("must have at most {} {what}", check.max_items);
            self.add(ViolationKind::TooMany, Some(Value::from(count)), detail);
        }
        if count < check.min_items as usize {
            // Upstream shows how many there are, not what they are.
            let detail = format!("{} in body should have at least {} {what}", self.path, check.min_items);
            self.add(ViolationKind::Invalid, Some(Value::from(count)), detail);
        }
    }

    fn duplicates(&mut self, field: &'static Field, items: &[Value]) {
        if !field.is(flags::SET) && !field.is(flags::MAP) {
            return;
        }
        let mut seen = std::collections::HashSet::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let identity = if field.is(flags::SET) {
                item.clone()
            } else {
                let keys = field.keys().iter().filter_map(|k| Some(((*k).to_owned(), item.get(k)?.clone())));
                Value::Object(keys.collect::<Map<_, _>>())
            };
            if !seen.insert(identity.to_string()) {
                self.step(format_args!("[{i}]"), |w| w.add(ViolationKind::Duplicate, Some(identity), String::new()));
            }
        }
    }

    fn wrong_type(&mut self, wanted: &str, value: &Value) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let detail = format!("{} in body must be of type {wanted}: {found:?}", self.path);
        self.add(ViolationKind::TypeInvalid, Some(Value::from(found)), detail);
    }
}

/// Patterns by their text; `None` for one that does not compile.
type Patterns = HashMap<&'static str, Option<Arc<Regex>>>;

/// A compiled pattern of a table. Compiled on first need and kept: there are some sixty, most never used.
pub(crate) fn pattern(text: &'static str) -> Option<Arc<Regex>> {
    static COMPILED: OnceLock<RwLock<Patterns>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(Default::default);
    if let Some(found) = compiled.read().ok()?.get(text) {
        return found.clone();
    }
    let new = Regex::new(text).ok().map(Arc::new);
    compiled.write().ok()?.insert(text, new.clone());
    new
}

#[cfg(test)]
mod tests;
