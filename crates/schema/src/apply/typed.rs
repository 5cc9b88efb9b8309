//! Walks over a value and its table at once: which paths it has, how two values differ, whether a value fits.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::element::{Element, equal};
use super::fieldset::Set;
use crate::table::{Field, Kind, Message, Shape, flags};

/// What apply needs to know about the place of a value.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// One value as a whole: scalars, and everything atomic.
    Leaf,
    /// A whole object or list, checked inside nevertheless.
    Atomic(&'static Field),
    /// A scalar that is checked.
    Scalar(Kind),
    /// An object with named fields.
    Struct(&'static Message),
    /// An object with free keys.
    Map(Kind),
    /// A list whose items have an identity.
    List(&'static Field),
    /// Free-form content: objects merge by key, everything else is a leaf.
    Open,
}

impl Type {
    pub fn of_message(message: &'static Message) -> Type {
        Type::Struct(message)
    }

    fn of_field(field: &'static Field) -> Type {
        let atomic = field.is(flags::ATOMIC);
        match field.shape {
            Shape::One if atomic => Type::Atomic(field),
            Shape::One => Type::of_kind(field.kind, field.is(flags::OPEN)),
            Shape::Map if atomic => Type::Atomic(field),
            Shape::Map => Type::Map(field.kind),
            Shape::List if field.is(flags::SET) || field.is(flags::MAP) => Type::List(field),
            Shape::List => Type::Atomic(field),
        }
    }

    fn of_kind(kind: Kind, open: bool) -> Type {
        match kind {
            Kind::Msg(message) => Type::Struct(message),
            Kind::Raw if open => Type::Open,
            Kind::Fields => Type::Open,
            Kind::Raw | Kind::Strings => Type::Leaf,
            scalar => Type::Scalar(scalar),
        }
    }

    /// The type of a field or key; `None` when an object here cannot have it.
    pub fn field(self, name: &str) -> Option<Type> {
        match self {
            Type::Struct(message) => message.field(name).map(Type::of_field),
            Type::Map(kind) => Some(Type::of_kind(kind, false)),
            Type::Open => Some(Type::Open),
            _ => None,
        }
    }

    /// The type of a list's items.
    pub fn item(self) -> Option<Type> {
        match self {
            Type::List(field) => Some(Type::of_kind(field.kind, false)),
            _ => None,
        }
    }

    pub fn has_named_field(self, name: &str) -> bool {
        matches!(self, Type::Struct(message) if message.field(name).is_some())
    }

    fn is_atomic(self) -> bool {
        matches!(self, Type::Leaf | Type::Atomic(_) | Type::Scalar(_)) || matches!(self, Type::Struct(m) if m.atomic)
    }

    fn is_list(self) -> bool {
        matches!(self, Type::List(_))
    }
}

/// The step to an item of a list with identities.
pub fn item_element(field: &'static Field, item: &Value) -> Result<Element, String> {
    if field.is(flags::SET) {
        return match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
            scalar => Ok(Element::Value(scalar.clone())),
        };
    }
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let default = |key: &str| field.message().and_then(|m| m.field(key)).and_then(Field::default);
    let mut keys: Vec<(String, Value)> =
        field.keys().iter().filter_map(|key| map.get(*key).cloned().or_else(|| default(key)).map(|value| ((*key).to_owned(), value))).collect();
    if keys.is_empty() {
        let names: Vec<String> = field.keys().iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Element::Key(keys))
}

/// Every leaf and item that a value mentions.
pub fn field_set(root: Type, value: &Value) -> Set {
    let mut set = Set::default();
    collect(root, value, &mut Vec::new(), &mut set);
    set
}

fn collect(kind: Type, value: &Value, path: &mut Vec<Element>, set: &mut Set) {
    if kind.is_atomic() {
        return set.insert(path);
    }
    match (kind, value) {
        (Type::List(field), Value::Array(items)) => {
            // An item without identity, which pruning can leave behind, still counts as one.
            let elements: Vec<Element> = items.iter().map(|item| item_element(field, item).unwrap_or(Element::Index(-1))).collect();
            let mut counts: std::collections::BTreeMap<&Element, usize> = Default::default();
            elements.iter().for_each(|element| *counts.entry(element).or_default() += 1);
            for (element, item) in elements.iter().zip(items) {
                path.push(element.clone());
                // Items that share an identity are owned as one, whatever is in them.
                if counts.get(element) == Some(&1) {
                    collect(kind.item().unwrap_or(Type::Leaf), item, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        (Type::Struct(_) | Type::Map(_) | Type::Open, Value::Object(map)) => {
            for (key, inside) in map {
                let Some(inner) = kind.field(key) else { continue };
                path.push(step(kind, key));
                collect(inner, inside, path, set);
                let empty = inside.is_null() || inside.as_object().is_some_and(Map::is_empty);
                if empty || !kind.has_named_field(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Type::Open, Value::Null) | (Type::List(_) | Type::Struct(_) | Type::Map(_), _) => {}
        (Type::Open, _) => set.insert(path),
        _ => {}
    }
}

/// A field step that borrows the table's name where there is one.
fn step(kind: Type, key: &str) -> Element {
    match kind {
        Type::Struct(message) => Element::Field(message.field(key).map_or_else(|| Cow::Owned(key.to_owned()), |f| Cow::Borrowed(f.name))),
        _ => Element::field(key),
    }
}

/// How one value became another.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub removed: Set,
    pub modified: Set,
    pub added: Set,
}

impl Changes {
    /// Without the paths in `ignored` and all below them.
    pub fn without(self, ignored: &Set) -> Changes {
        if ignored.is_empty() {
            return self;
        }
        Changes {
            removed: self.removed.recursive_difference(ignored),
            modified: self.modified.recursive_difference(ignored),
            added: self.added.recursive_difference(ignored),
        }
    }
}

/// Compares two values of one type.
pub fn compare(root: Type, old: Option<&Value>, new: Option<&Value>) -> Changes {
    let mut changes = Changes::default();
    differ(root, old, new, &mut Vec::new(), &mut changes);
    changes
}

fn differ(kind: Type, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Element>, changes: &mut Changes) {
    let is_leaf = if kind.is_atomic() {
        leaf(old, new, path, changes);
        true
    } else if kind.is_list() {
        lists(kind, old, new, path, changes)
    } else if matches!(kind, Type::Open) {
        open(old, new, path, changes)
    } else {
        objects(kind, old, new, path, changes)
    };
    if !is_leaf {
        if old.is_none() {
            changes.added.insert(path);
        } else if new.is_none() {
            changes.removed.insert(path);
        }
    }
}

fn leaf(old: Option<&Value>, new: Option<&Value>, path: &[Element], changes: &mut Changes) {
    match (old, new) {
        (None, _) => changes.added.insert(path),
        (_, None) => changes.removed.insert(path),
        (Some(old), Some(new)) => {
            if !equal(old, new) {
                changes.modified.insert(path);
            }
        }
    }
}

/// Free-form content has the type that its value has.
fn open(old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Element>, changes: &mut Changes) -> bool {
    let is_object = |v: Option<&Value>| matches!(v, Some(Value::Object(_)));
    let is_leaf = |v: Option<&Value>| v.is_some_and(|v| !matches!(v, Value::Object(_) | Value::Null));
    if is_leaf(old) || is_leaf(new) {
        if is_object(old) || is_object(new) {
            objects(Type::Open, old, new, path, changes);
        }
        leaf(old, new, path, changes);
        return true;
    }
    objects(Type::Open, old, new, path, changes)
}

/// Both sides as objects; whether they counted as one leaf because both are empty.
fn objects(kind: Type, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Element>, changes: &mut Changes) -> bool {
    let (left, right) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
    if left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty) {
        leaf(old, new, path, changes);
        return true;
    }
    let mut visit = |key: &str, old: Option<&Value>, new: Option<&Value>| {
        let Some(inner) = kind.field(key) else { return };
        path.push(step(kind, key));
        differ(inner, old, new, path, changes);
        path.pop();
    };
    for (key, value) in left.into_iter().flatten() {
        visit(key, Some(value), right.and_then(|r| r.get(key)));
    }
    for (key, value) in right.into_iter().flatten().filter(|(key, _)| left.is_none_or(|l| !l.contains_key(*key))) {
        visit(key, None, Some(value));
    }
    false
}

/// Both sides as lists with identities; whether they counted as one leaf because both are empty.
fn lists(kind: Type, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Element>, changes: &mut Changes) -> bool {
    let (Type::List(field), Some(item_type)) = (kind, kind.item()) else { return false };
    let (left, right) = (old.and_then(Value::as_array), new.and_then(Value::as_array));
    if left.is_none_or(Vec::is_empty) && right.is_none_or(Vec::is_empty) {
        leaf(old, new, path, changes);
        return true;
    }
    for (element, lefts, rights) in grouped(field, left, right) {
        path.push(element);
        match (lefts.as_slice(), rights.as_slice()) {
            ([] | [_], [] | [_]) => differ(item_type, lefts.first().copied(), rights.first().copied(), path, changes),
            ([_, _, ..], [_, _, ..]) => {
                let same = lefts.len() == rights.len() && lefts.iter().zip(&rights).all(|(l, r)| equal(l, r));
                if !same {
                    changes.modified.insert(path);
                }
            }
            ([_, _, ..], _) => {
                if let Some(one) = rights.first() {
                    differ(item_type, None, Some(one), path, changes);
                }
                changes.removed.insert(path);
            }
            (_, [_, _, ..]) => {
                if let Some(one) = lefts.first() {
                    differ(item_type, Some(one), None, path, changes);
                }
                changes.added.insert(path);
            }
        }
        path.pop();
    }
    false
}

/// The items of both lists by identity.
type Group<'v> = (Element, Vec<&'v Value>, Vec<&'v Value>);

fn grouped<'v>(field: &'static Field, left: Option<&'v Vec<Value>>, right: Option<&'v Vec<Value>>) -> Vec<Group<'v>> {
    let mut groups: std::collections::BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = Default::default();
    for item in left.into_iter().flatten() {
        if let Ok(element) = item_element(field, item) {
            groups.entry(element).or_default().0.push(item);
        }
    }
    for item in right.into_iter().flatten() {
        if let Ok(element) = item_element(field, item) {
            groups.entry(element).or_default().1.push(item);
        }
    }
    groups.into_iter().map(|(element, (left, right))| (element, left, right)).collect()
}

/// A value that does not fit: path and reason.
pub type Misfit = (String, String);

/// What does not fit the type. Items of one identity are allowed to repeat where `repeats` says so.
pub fn validate(root: Type, value: &Value, repeats: bool) -> Vec<Misfit> {
    let mut found = Vec::new();
    check(root, value, repeats, &mut Vec::new(), &mut found);
    found
}

/// Several reasons as one text.
pub fn error_text(errors: &[Misfit]) -> String {
    match errors {
        [(path, text)] => format!("{path}: {text}"),
        many => {
            let lines: Vec<String> = many.iter().map(|(path, text)| format!("  {path}: {text}")).collect();
            format!("errors:\n{}", lines.join("\n"))
        }
    }
}

fn misfit(found: &mut Vec<Misfit>, path: &[Element], text: String) {
    found.push((super::element::path_text(path), text));
}

fn check(kind: Type, value: &Value, repeats: bool, path: &mut Vec<Element>, found: &mut Vec<Misfit>) {
    match (kind, value) {
        (_, Value::Null) | (Type::Leaf | Type::Open, _) => {}
        (Type::Scalar(scalar), value) => {
            if let Some(text) = scalar_misfit(scalar, value) {
                misfit(found, path, text);
            }
        }
        (Type::Atomic(field), value) => atomic(field, value, repeats, path, found),
        (Type::List(field), Value::Array(items)) => {
            let mut seen = std::collections::BTreeSet::new();
            for (i, item) in items.iter().enumerate() {
                let element = match item_element(field, item) {
                    Ok(element) => element,
                    Err(text) => return misfit(found, path, format!("element {i}: {text}")),
                };
                if !seen.insert(element.clone()) && !repeats {
                    let shown = super::element::path_text(std::slice::from_ref(&element));
                    misfit(found, path, format!("duplicate entries for key {shown}"));
                }
                path.push(element);
                check(kind.item().unwrap_or(Type::Leaf), item, repeats, path, found);
                path.pop();
            }
        }
        (Type::Struct(_) | Type::Map(_), Value::Object(map)) => {
            for (key, inside) in map {
                path.push(step(kind, key));
                match kind.field(key) {
                    Some(inner) => check(inner, inside, repeats, path, found),
                    None => {
                        misfit(found, path, "field not declared in schema".to_owned());
                        path.pop();
                        return;
                    }
                }
                path.pop();
            }
        }
        (Type::List(_), value) => misfit(found, path, format!("expected list, got {}", go_value(value))),
        (Type::Struct(_) | Type::Map(_), value) => misfit(found, path, format!("expected map, got {}", go_value(value))),
    }
}

/// The inside of an atomic value is checked like any other.
fn atomic(field: &'static Field, value: &Value, repeats: bool, path: &mut Vec<Element>, found: &mut Vec<Misfit>) {
    let inner = Type::of_kind(field.kind, field.is(flags::OPEN));
    match (field.shape, value) {
        (Shape::One, value) => check(inner, value, repeats, path, found),
        (Shape::List, Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                path.push(Element::Index(i as i64));
                check(inner, item, repeats, path, found);
                path.pop();
            }
        }
        (Shape::Map, Value::Object(map)) => {
            for (key, item) in map {
                path.push(Element::field(key));
                check(inner, item, repeats, path, found);
                path.pop();
            }
        }
        (Shape::List, value) => misfit(found, path, format!("expected list, got {}", go_value(value))),
        (Shape::Map, value) => misfit(found, path, format!("expected map, got {}", go_value(value))),
    }
}

fn scalar_misfit(kind: Kind, value: &Value) -> Option<String> {
    let fits = match kind {
        Kind::Int32 | Kind::Int64 | Kind::Float => value.is_number(),
        Kind::Bool => value.is_boolean(),
        Kind::Str | Kind::Bytes => value.is_string(),
        _ => !value.is_object() && !value.is_array(),
    };
    if fits {
        return None;
    }
    Some(match kind {
        Kind::Int32 | Kind::Int64 | Kind::Float => format!("expected numeric (int or float), got {}", go_type(value)),
        Kind::Bool => format!("expected boolean, got {}", go_value(value)),
        Kind::Str | Kind::Bytes => format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_syntax(value)),
        _ => format!("expected any scalar, got {}", go_value(value)),
    })
}

/// A value as Go's `%v` shows what upstream keeps it in.
fn go_value(value: &Value) -> String {
    fn plain(value: &Value) -> String {
        match value {
            Value::Null => "<nil>".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
            Value::Object(map) => format!("map[{}]", sorted(map).map(|(key, value)| format!("{key}:{}", plain(value))).collect::<Vec<_>>().join(" ")),
            other => other.to_string(),
        }
    }
    format!("&{{{}}}", plain(value))
}

/// A value as Go's `%#v` shows it.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(items) => format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let fields = sorted(map).map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), go_syntax(value)));
            format!("map[string]interface {{}}{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn sorted(map: &serde_json::Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_by_key(|(key, _)| *key);
    fields.into_iter()
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
