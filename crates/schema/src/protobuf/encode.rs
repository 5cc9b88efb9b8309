//! JSON to Kubernetes protobuf, by the same tables: clients written in Go decode it in half the time (KEP-4222).
//!
//! Fields come in the order of their numbers, as Go writes them. What Go would write for a field that is empty anyway is left out, which
//! decodes to the same. Objects have been through [`crate::prune`]; a value that does not fit its table nevertheless is left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::MAGIC;
use crate::generated::meta_v1::OBJECT_META;
use crate::table::{Field, Kind, Message, Shape, f};
use crate::time;

/// The metadata of any kind, alone.
pub static PARTIAL_OBJECT_METADATA: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata",
    gvk: None,
    atomic: false,
    fields: &[f("metadata", 1, Shape::One, Kind::Msg(&OBJECT_META), 0)],
    inlined: &[],
    custom: false,
};

/// A whole object in the envelope `runtime.Unknown`, under the `kind` and `apiVersion` that it names.
pub fn to_protobuf(message: &'static Message, object: &Value) -> Vec<u8> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let mut raw = Vec::new();
    append(&mut raw, message, object);
    let mut out = envelope_head(text("apiVersion"), text("kind"), raw.len());
    out.append(&mut raw);
    out.extend_from_slice(&ENVELOPE_TAIL);
    out
}

/// What follows the content in an envelope: no content encoding, and no other content type than this one.
pub const ENVELOPE_TAIL: [u8; 4] = [0x1a, 0, 0x22, 0];

/// What precedes the content in an envelope, which has this many bytes.
pub fn envelope_head(api_version: &str, kind: &str, length: usize) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    nested(&mut out, 1, |meta| {
        bytes(meta, 1, api_version.as_bytes());
        bytes(meta, 2, kind.as_bytes());
    });
    tag(&mut out, 2, 2);
    varint(&mut out, length as u64);
    out
}

/// Appends the fields of a message, without an envelope.
pub fn append(out: &mut Vec<u8>, message: &'static Message, object: &Value) {
    if let Value::Object(map) = object {
        fields(out, message, map);
    }
}

/// Appends a field of bytes, such as a text or a message that is encoded already.
pub fn bytes(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    tag(out, number, 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// Appends a floating-point number.
pub fn double(out: &mut Vec<u8>, number: u32, value: f64) {
    tag(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field whose content `write` appends.
pub fn nested(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    tag(out, number, 2);
    let start = out.len();
    write(out);
    let end = out.len();
    varint(out, (end - start) as u64);
    // The length stands before the content, and is known only after it.
    let length = out.len() - end;
    out[start..].rotate_right(length);
}

fn fields(out: &mut Vec<u8>, message: &'static Message, object: &Map<String, Value>) {
    let mut present = present(message, object);
    present.sort_by_key(|(field, _)| field.number);
    let mut inlined = message.inlined.iter().peekable();
    for (field, given) in present {
        while let Some((number, inner)) = inlined.next_if(|(number, _)| *number < u32::from(field.number)) {
            nested(out, *number, |out| fields(out, inner, object));
        }
        value(out, field, given);
    }
    for (number, inner) in inlined {
        nested(out, *number, |out| fields(out, inner, object));
    }
}

/// The fields of a message that protobuf carries at its level and that the object has.
fn present<'v>(message: &'static Message, object: &'v Map<String, Value>) -> Vec<(&'static Field, &'v Value)> {
    // Keys come in the order of the table, so each search goes on where the last one ended.
    let mut at = 0;
    let found = object.iter().filter_map(|(key, given)| {
        let (before, after) = message.fields.split_at(at);
        let place = after.iter().position(|f| f.name == key).map(|place| place + at).or_else(|| before.iter().position(|f| f.name == key))?;
        at = place + 1;
        Some((&message.fields[place], given))
    });
    found.filter(|(field, given)| field.number != 0 && !given.is_null()).collect()
}

fn value(out: &mut Vec<u8>, field: &'static Field, given: &Value) {
    let number = u32::from(field.number);
    match (field.shape, given) {
        (Shape::One, given) => single(out, number, field.kind, given),
        (Shape::List, Value::Array(items)) => items.iter().for_each(|item| single(out, number, field.kind, item)),
        (Shape::Map, Value::Object(map)) => {
            for (key, item) in map {
                nested(out, number, |entry| {
                    bytes(entry, 1, key.as_bytes());
                    single(entry, 2, field.kind, item);
                });
            }
        }
        _ => {}
    }
}

fn single(out: &mut Vec<u8>, number: u32, kind: Kind, given: &Value) {
    match (kind, given) {
        (Kind::Bool, Value::Bool(flag)) => whole(out, number, u64::from(*flag)),
        (Kind::Int32 | Kind::Int64, Value::Number(n)) => whole(out, number, n.as_i64().unwrap_or_default() as u64),
        (Kind::Float, Value::Number(n)) => double(out, number, n.as_f64().unwrap_or_default()),
        (Kind::Str, Value::String(text)) => bytes(out, number, text.as_bytes()),
        (Kind::Bytes, Value::String(text)) => bytes(out, number, &STANDARD.decode(text).unwrap_or_default()),
        (Kind::Quantity, Value::String(text)) => nested(out, number, |out| bytes(out, 1, text.as_bytes())),
        (Kind::Time | Kind::MicroTime, given) => nested(out, number, |out| moment(out, given)),
        (Kind::Duration, Value::String(text)) => {
            nested(out, number, |out| whole(out, 1, time::nanoseconds(text).unwrap_or_default() as u64));
        }
        (Kind::IntOrString, given) => nested(out, number, |out| {
            whole(out, 1, u64::from(given.is_string()));
            whole(out, 2, given.as_i64().unwrap_or_default() as u64);
            bytes(out, 3, given.as_str().unwrap_or_default().as_bytes());
        }),
        (Kind::Raw | Kind::Fields, given) => nested(out, number, |out| {
            if !given.is_null() {
                bytes(out, 1, given.to_string().as_bytes());
            }
        }),
        (Kind::Strings, Value::Array(texts)) => nested(out, number, |out| {
            texts.iter().filter_map(Value::as_str).for_each(|text| bytes(out, 1, text.as_bytes()));
        }),
        (Kind::Msg(message), Value::Object(inside)) => nested(out, number, |out| fields(out, message, inside)),
        _ => {}
    }
}

/// Seconds and nanoseconds; an empty message for no time.
fn moment(out: &mut Vec<u8>, given: &Value) {
    let Some(time) = given.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else { return };
    let since_second = time.as_nanosecond().rem_euclid(1_000_000_000);
    whole(out, 1, (time.as_nanosecond() - since_second).div_euclid(1_000_000_000) as i64 as u64);
    whole(out, 2, since_second as u64);
}

fn tag(out: &mut Vec<u8>, number: u32, wire: u32) {
    varint(out, u64::from(number << 3 | wire));
}

/// Appends a number or a truth value.
pub fn whole(out: &mut Vec<u8>, number: u32, value: u64) {
    tag(out, number, 0);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
