//! Component schemas out of tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::table::{Check, Field, Kind, Message, Shape, flags};
use crate::words;

/// Adds the schema of a message, and of all it reaches, to `components`.
pub fn add(message: &'static Message, texts: &BTreeMap<String, Value>, components: &mut Map<String, Value>) {
    if components.contains_key(message.name) {
        return;
    }
    // Reserves the name first: messages may contain themselves.
    components.insert(message.name.to_owned(), Value::Null);
    let text = texts.get(message.name);
    let mut properties = Map::new();
    for field in message.fields {
        let description = text.and_then(|t| t["properties"][field.name]["description"].as_str());
        properties.insert(field.name.to_owned(), property(message, field, description, texts, components));
    }
    let mut schema = Map::new();
    if let Some(description) = text.and_then(|t| t["description"].as_str()) {
        schema.insert("description".to_owned(), description.into());
    }
    schema.insert("type".to_owned(), "object".into());
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), properties.into());
    }
    // What has a default of its own need not be there, even where it is always written.
    let is_required = |field: &&Field| field.is(flags::REQUIRED) && (message.custom || field.default().is_none() && field.name != "metadata");
    let required: Vec<&str> = message.fields.iter().filter(is_required).map(|f| f.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if let Some((group, version, kind)) = message.gvk {
        let gvk = json!([{"group": group, "kind": kind, "version": version}]);
        schema.insert("x-kubernetes-group-version-kind".to_owned(), gvk);
    }
    if message.atomic {
        schema.insert("x-kubernetes-map-type".to_owned(), "atomic".into());
    }
    components.insert(message.name.to_owned(), schema.into());
}

/// The schema of a list kind.
pub fn add_list(item: &'static Message, texts: &BTreeMap<String, Value>, components: &mut Map<String, Value>) -> Option<String> {
    let (group, version, kind) = item.gvk?;
    let name = format!("{}List", item.name);
    add(&crate::generated::meta_v1::LIST_META, texts, components);
    add(item, texts, components);
    let text = |of: &str| Value::from(format!("{of} of a list of {kind} objects."));
    let schema = json!({
        "description": format!("{kind}List is a list of {kind} objects."),
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string", "description": text("The version")},
            "items": {"type": "array", "description": text("The items"), "items": {"allOf": [reference(item.name)], "default": {}}},
            "kind": {"type": "string", "description": text("The kind")},
            "metadata": {"allOf": [reference(crate::generated::meta_v1::LIST_META.name)], "default": {}, "description": text("The metadata")},
        },
        "required": ["items"],
        "x-kubernetes-group-version-kind": [{"group": group, "kind": format!("{kind}List"), "version": version}],
    });
    components.insert(name.clone(), schema);
    Some(name)
}

/// `{"$ref": …}` to a component.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn property(
    message: &Message,
    field: &Field,
    description: Option<&str>,
    texts: &BTreeMap<String, Value>,
    components: &mut Map<String, Value>,
) -> Value {
    let check = field.extra.and_then(|e| e.check);
    // Where it is of ours and no object of any shape, it is any value: a text, a list, an object.
    let is_any = message.name.starts_with("dev.fairlead.") && !field.is(flags::OPEN);
    let mut one = single(field.kind, is_any, texts, components);
    if let Some(words) = words::of(message.name, field.name) {
        one.insert("enum".to_owned(), json!(words));
    }
    // What Go has by value and not by pointer is never absent: its zero value is its default.
    if !message.custom
        && (field.shape != Shape::One || is_by_value(field))
        && let Some(zero) = zero(field.kind)
    {
        one.insert("default".to_owned(), zero);
    }
    if let Some(check) = check {
        bounds(check, &mut one);
    }
    let mut out = match field.shape {
        Shape::One => {
            if is_by_value(field) && matches!(field.kind, Kind::Msg(_)) {
                one.insert("default".to_owned(), json!({}));
            }
            one
        }
        Shape::List | Shape::Map => {
            if matches!(field.kind, Kind::Msg(_)) {
                one.insert("default".to_owned(), json!({}));
            }
            let (outer, inner) = if field.shape == Shape::List { ("array", "items") } else { ("object", "additionalProperties") };
            let mut out = Map::new();
            out.insert("type".to_owned(), outer.into());
            out.insert(inner.to_owned(), one.into());
            out
        }
    };
    if let Some(check) = check {
        counts(check, field.shape, &mut out);
    }
    if let Some(description) = description {
        out.insert("description".to_owned(), description.into());
    }
    if let Some(default) = field.default() {
        out.insert("default".to_owned(), default);
    }
    extensions(field, &mut out);
    out.into()
}

/// Whether Go has a field by value and always writes it. A pointer that is always written can be null.
fn is_by_value(field: &Field) -> bool {
    field.is(flags::ALWAYS) && !field.is(flags::KEEP)
}

/// The zero value of a plain type that Go does not leave out.
fn zero(kind: Kind) -> Option<Value> {
    match kind {
        Kind::Bool => Some(false.into()),
        Kind::Int32 | Kind::Int64 | Kind::Float => Some(0.into()),
        Kind::Str => Some("".into()),
        _ => None,
    }
}

fn extensions(field: &Field, out: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    if field.shape == Shape::List {
        let kind = if field.is(flags::MAP) {
            "map"
        } else if field.is(flags::SET) {
            "set"
        } else {
            "atomic"
        };
        set("x-kubernetes-list-type", kind.into());
        if !field.keys().is_empty() {
            set("x-kubernetes-list-map-keys", json!(field.keys()));
        }
    } else if field.is(flags::ATOMIC) {
        set("x-kubernetes-map-type", "atomic".into());
    }
    let strategies: Vec<&str> =
        [(flags::MERGE, "merge"), (flags::RETAIN_KEYS, "retainKeys")].iter().filter(|(f, _)| field.is(*f)).map(|(_, n)| *n).collect();
    if !strategies.is_empty() {
        set("x-kubernetes-patch-strategy", strategies.join(",").into());
    }
    if !field.merge_key().is_empty() {
        set("x-kubernetes-patch-merge-key", field.merge_key().into());
    }
    if field.is(flags::NULLABLE) {
        set("nullable", true.into());
    }
    if field.is(flags::OPEN) {
        set("x-kubernetes-preserve-unknown-fields", true.into());
    }
}

fn bounds(check: &Check, out: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    if !check.allowed.is_empty() {
        let number = |text: &&str| text.parse::<i64>().map_or_else(|_| Value::from(*text), Value::from);
        set("enum", check.allowed.iter().map(number).collect());
    }
    if check.min_length > 0 {
        set("minLength", check.min_length.into());
    }
    if check.max_length < u32::MAX {
        set("maxLength", check.max_length.into());
    }
    if !check.pattern.is_empty() {
        set("pattern", check.pattern.into());
    }
    if check.minimum > i64::MIN {
        set("minimum", check.minimum.into());
    }
    if check.maximum < i64::MAX {
        set("maximum", check.maximum.into());
    }
}

fn counts(check: &Check, shape: Shape, out: &mut Map<String, Value>) {
    let (least, most) = match shape {
        Shape::One => return,
        Shape::List => ("minItems", "maxItems"),
        Shape::Map => ("minProperties", "maxProperties"),
    };
    if check.min_items > 0 {
        out.insert(least.to_owned(), check.min_items.into());
    }
    if check.max_items < u32::MAX {
        out.insert(most.to_owned(), check.max_items.into());
    }
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

fn single(kind: Kind, is_any: bool, texts: &BTreeMap<String, Value>, components: &mut Map<String, Value>) -> Map<String, Value> {
    let simple = |kind: &str, format: Option<&str>| {
        let mut out = Map::new();
        out.insert("type".to_owned(), kind.into());
        if let Some(format) = format {
            out.insert("format".to_owned(), format.into());
        }
        out
    };
    let (name, schema) = match kind {
        Kind::Bool => return simple("boolean", None),
        Kind::Int32 => return simple("integer", Some("int32")),
        Kind::Int64 => return simple("integer", Some("int64")),
        Kind::Float => return simple("number", Some("double")),
        Kind::Str => return simple("string", None),
        Kind::Bytes => return simple("string", Some("byte")),
        Kind::Strings => {
            let mut out = simple("array", None);
            out.insert("items".to_owned(), json!({"type": "string", "default": ""}));
            return out;
        }
        Kind::Quantity => ("io.k8s.apimachinery.pkg.api.resource.Quantity".to_owned(), json!({"oneOf": [{"type": "string"}, {"type": "number"}]})),
        Kind::IntOrString => {
            let schema = json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]});
            ("io.k8s.apimachinery.pkg.util.intstr.IntOrString".to_owned(), schema)
        }
        Kind::Time => (format!("{META}.Time"), json!({"type": "string", "format": "date-time"})),
        Kind::MicroTime => (format!("{META}.MicroTime"), json!({"type": "string", "format": "date-time"})),
        Kind::Duration => (format!("{META}.Duration"), json!({"type": "string"})),
        Kind::Fields => (format!("{META}.FieldsV1"), json!({"type": "object"})),
        Kind::Raw if is_any => return Map::new(),
        Kind::Raw => ("io.k8s.apimachinery.pkg.runtime.RawExtension".to_owned(), json!({"type": "object"})),
        Kind::Msg(message) => {
            add(message, texts, components);
            return Map::from_iter([("allOf".to_owned(), json!([reference(message.name)]))]);
        }
    };
    if !components.contains_key(&name) {
        let mut schema = schema;
        if let (Some(text), Some(object)) = (texts.get(&name).and_then(|t| t["description"].as_str()), schema.as_object_mut()) {
            object.insert("description".to_owned(), text.into());
        }
        components.insert(name.clone(), schema);
    }
    Map::from_iter([("allOf".to_owned(), json!([reference(&name)]))])
}
