//! An OpenAPI v2 document from JSON to protobuf: for each message the JSON keys it has, their numbers, and how each is written.

use serde_json::Value;

use crate::protobuf::{bytes, double, nested, whole};

/// How the value of a key is written.
enum How {
    Text,
    Flag,
    Whole,
    Double,
    /// Anything, as YAML, of which JSON is a part.
    Any,
    /// The same for each item of a list.
    Anys,
    /// One of a message, or as many as a list has.
    Message(&'static Shape),
    /// A message around a value: the number it has there.
    Inside(u32, &'static How),
    /// A message of named values: the number of an entry, and how its value is written.
    Named(u32, &'static How),
    /// True or false, or a schema.
    Additional,
    /// A parameter, whose message differs by where it stands.
    Parameter,
}

/// A message.
struct Shape {
    keys: &'static [(&'static str, u32, How)],
    /// The number of extensions, 0 for none.
    extensions: u32,
}

static DOCUMENT: Shape = Shape {
    keys: &[
        ("swagger", 1, How::Text),
        ("info", 2, How::Message(&INFO)),
        ("paths", 8, How::Named(2, &How::Message(&PATH_ITEM))),
        ("definitions", 9, How::Named(1, &How::Message(&SCHEMA))),
    ],
    extensions: 16,
};

static INFO: Shape = Shape { keys: &[("title", 1, How::Text), ("version", 2, How::Text)], extensions: 0 };

static PATH_ITEM: Shape = Shape {
    keys: &[
        ("get", 2, How::Message(&OPERATION)),
        ("put", 3, How::Message(&OPERATION)),
        ("post", 4, How::Message(&OPERATION)),
        ("delete", 5, How::Message(&OPERATION)),
        ("patch", 8, How::Message(&OPERATION)),
        ("parameters", 9, How::Parameter),
    ],
    extensions: 10,
};

static OPERATION: Shape = Shape {
    keys: &[
        ("produces", 6, How::Text),
        ("consumes", 7, How::Text),
        ("parameters", 8, How::Parameter),
        ("responses", 9, How::Named(1, &How::Inside(1, &How::Message(&RESPONSE)))),
        ("schemes", 10, How::Text),
    ],
    extensions: 13,
};

static RESPONSE: Shape = Shape { keys: &[("description", 1, How::Text), ("schema", 2, How::Inside(1, &How::Message(&SCHEMA)))], extensions: 5 };

static BODY: Shape =
    Shape { keys: &[("name", 2, How::Text), ("in", 3, How::Text), ("required", 4, How::Flag), ("schema", 5, How::Message(&SCHEMA))], extensions: 6 };

static QUERY: Shape =
    Shape { keys: &[("in", 2, How::Text), ("name", 4, How::Text), ("type", 6, How::Text), ("uniqueItems", 20, How::Flag)], extensions: 23 };

static PATH: Shape = Shape {
    keys: &[("required", 1, How::Flag), ("in", 2, How::Text), ("name", 4, How::Text), ("type", 5, How::Text), ("uniqueItems", 19, How::Flag)],
    extensions: 22,
};

static SCHEMA: Shape = Shape {
    keys: &[
        ("$ref", 1, How::Text),
        ("format", 2, How::Text),
        ("title", 3, How::Text),
        ("description", 4, How::Text),
        ("default", 5, How::Any),
        ("maximum", 7, How::Double),
        ("minimum", 9, How::Double),
        ("maxLength", 11, How::Whole),
        ("minLength", 12, How::Whole),
        ("pattern", 13, How::Text),
        ("maxItems", 14, How::Whole),
        ("minItems", 15, How::Whole),
        ("uniqueItems", 16, How::Flag),
        ("maxProperties", 17, How::Whole),
        ("minProperties", 18, How::Whole),
        ("required", 19, How::Text),
        ("enum", 20, How::Anys),
        ("additionalProperties", 21, How::Additional),
        ("type", 22, How::Inside(1, &How::Text)),
        ("items", 23, How::Inside(1, &How::Message(&SCHEMA))),
        ("allOf", 24, How::Message(&SCHEMA)),
        ("properties", 25, How::Named(1, &How::Message(&SCHEMA))),
    ],
    extensions: 31,
};

pub fn document(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, &DOCUMENT, document);
    out
}

fn message(out: &mut Vec<u8>, shape: &Shape, value: &Value) {
    for (key, place, how) in shape.keys {
        match (how, value.get(key)) {
            (_, None) => {}
            // A list of messages, texts or values is so many fields of one number.
            (How::Text | How::Anys | How::Message(_) | How::Parameter, Some(Value::Array(items))) => {
                items.iter().for_each(|item| field(out, *place, how, item));
            }
            (_, Some(given)) => field(out, *place, how, given),
        }
    }
    if shape.extensions == 0 {
        return;
    }
    for (key, given) in value.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with("x-")) {
        nested(out, shape.extensions, |out| {
            bytes(out, 1, key.as_bytes());
            field(out, 2, &How::Any, given);
        });
    }
}

fn field(out: &mut Vec<u8>, place: u32, how: &How, given: &Value) {
    match how {
        How::Text => bytes(out, place, given.as_str().unwrap_or_default().as_bytes()),
        How::Flag => whole(out, place, u64::from(given.as_bool().unwrap_or_default())),
        How::Whole => whole(out, place, given.as_u64().unwrap_or_default()),
        How::Double => double(out, place, given.as_f64().unwrap_or_default()),
        How::Any | How::Anys => nested(out, place, |out| bytes(out, 2, given.to_string().as_bytes())),
        How::Message(shape) => nested(out, place, |out| message(out, shape, given)),
        How::Inside(inner, how) => nested(out, place, |out| field(out, *inner, how, given)),
        How::Named(entry, how) => nested(out, place, |out| {
            for (name, value) in given.as_object().into_iter().flatten() {
                nested(out, *entry, |out| {
                    bytes(out, 1, name.as_bytes());
                    field(out, 2, how, value);
                });
            }
        }),
        How::Additional => nested(out, place, |out| match given {
            Value::Bool(all) => whole(out, 2, u64::from(*all)),
            schema => nested(out, 1, |out| message(out, &SCHEMA, schema)),
        }),
        // A parameter, not a reference to one.
        How::Parameter => nested(out, place, |out| {
            nested(out, 1, |out| match given["in"].as_str() {
                Some("body") => nested(out, 1, |out| message(out, &BODY, given)),
                Some("path") => nested(out, 2, |out| nested(out, 4, |out| message(out, &PATH, given))),
                _ => nested(out, 2, |out| nested(out, 3, |out| message(out, &QUERY, given))),
            });
        }),
    }
}
