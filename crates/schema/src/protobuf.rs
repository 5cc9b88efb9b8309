//! Kubernetes protobuf to JSON (here) and back ([`to_protobuf`]), driven by the tables. Clients written in Go send built-in kinds this way and have no
//! fallback (kubernetes/kubernetes `runtime/serializer/protobuf`).
//!
//! Unknown numbers are skipped; bytes that contradict the table are an error. The result still has to go through
//! [`crate::prune`], as a decoded JSON body has: Go's writers put every plain field on the wire, empty or not.

mod encode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::table::{Field, Gvk, Kind, Message, Shape, table};
use crate::time;

pub use crate::generated::meta_v1::LIST_META;
pub use encode::{ENVELOPE_TAIL, PARTIAL_OBJECT_METADATA, append, bytes, envelope_head, nested, to_protobuf};
pub(crate) use encode::{double, whole};

/// `k8s` and a zero byte: what every body starts with.
const MAGIC: &[u8] = b"k8s\0";
/// Deeper nesting than any kind has; a bound against hostile bodies.
const MOST_DEPTH: u32 = 64;

/// A decoded body.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// `v1` or `group/version`.
    pub api_version: String,
    /// For example `Service`.
    pub kind: String,
    /// The object, with `kind` and `apiVersion`.
    pub object: Value,
}

/// Decodes a body in the envelope `runtime.Unknown`.
///
/// # Errors
/// [`Error::NotProtobuf`] without the envelope, [`Error::UnknownKind`] for a kind without a table, [`Error::Protobuf`]
/// for truncated or contradictory bytes.
pub fn from_protobuf(body: &[u8]) -> Result<Decoded, Error> {
    envelope(body, 0)
}

fn envelope(body: &[u8], depth: u32) -> Result<Decoded, Error> {
    let mut reader = Reader(body.strip_prefix(MAGIC).ok_or(Error::NotProtobuf)?);
    let (mut api_version, mut kind) = (String::new(), String::new());
    let (mut raw, mut content_type): (&[u8], &[u8]) = (&[], &[]);
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Bytes) => {
                let mut meta = Reader(reader.bytes()?);
                while let Some((number, wire)) = meta.tag()? {
                    match (number, wire) {
                        (1, Wire::Bytes) => api_version = text(meta.bytes()?),
                        (2, Wire::Bytes) => kind = text(meta.bytes()?),
                        _ => meta.skip(wire)?,
                    }
                }
            }
            (2, Wire::Bytes) => raw = reader.bytes()?,
            (4, Wire::Bytes) => content_type = reader.bytes()?,
            _ => reader.skip(wire)?,
        }
    }
    let Some(message) = table(Gvk::new(&api_version, &kind)).filter(|m| !m.custom) else {
        return Err(Error::UnknownKind { api_version, kind });
    };
    let mut object = Map::new();
    object.insert("kind".to_owned(), Value::from(kind.as_str()));
    object.insert("apiVersion".to_owned(), Value::from(api_version.as_str()));
    match content_type {
        b"" | b"application/vnd.kubernetes.protobuf" => read(message, raw, &mut object, depth)?,
        b"application/json" => {
            object = serde_json::from_slice(raw).map_err(|e| Error::Json(e.to_string()))?;
        }
        other => return Err(Error::Protobuf(format!("unknown content type {:?}", text(other)))),
    }
    Ok(Decoded { api_version, kind, object: Value::Object(object) })
}

/// Reads one message into `object`. A message that comes in several pieces is merged, as protobuf demands.
fn read(message: &'static Message, bytes: &[u8], object: &mut Map<String, Value>, depth: u32) -> Result<(), Error> {
    if depth > MOST_DEPTH {
        return Err(Error::Protobuf("nested too deeply".to_owned()));
    }
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.tag()? {
        if let Some(field) = message.fields.iter().find(|f| u32::from(f.number) == number && f.number != 0) {
            value(field, wire, &mut reader, object, depth)?;
        } else if let Some((_, inner)) = message.inlined.iter().find(|(n, _)| *n == number) {
            expect(wire, Wire::Bytes, number)?;
            read(inner, reader.bytes()?, object, depth + 1)?;
        } else {
            reader.skip(wire)?;
        }
    }
    Ok(())
}

fn value(field: &'static Field, wire: Wire, reader: &mut Reader<'_>, object: &mut Map<String, Value>, depth: u32) -> Result<(), Error> {
    let number = u32::from(field.number);
    match field.shape {
        Shape::One => {
            if let (Kind::Msg(message), Some(Value::Object(present))) = (field.kind, object.get_mut(field.name)) {
                expect(wire, Wire::Bytes, number)?;
                return read(message, reader.bytes()?, present, depth + 1);
            }
            let one = single(field.kind, wire, number, reader, depth)?;
            object.insert(field.name.to_owned(), one);
        }
        Shape::List => {
            let packed = wire == Wire::Bytes && matches!(field.kind, Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Float);
            let mut items = Vec::new();
            if packed {
                let mut inside = Reader(reader.bytes()?);
                let wire = if matches!(field.kind, Kind::Float) { Wire::Fixed64 } else { Wire::Varint };
                while !inside.0.is_empty() {
                    items.push(single(field.kind, wire, number, &mut inside, depth)?);
                }
            } else {
                items.push(single(field.kind, wire, number, reader, depth)?);
            }
            match object.get_mut(field.name) {
                Some(Value::Array(list)) => list.append(&mut items),
                _ => {
                    object.insert(field.name.to_owned(), Value::Array(items));
                }
            }
        }
        Shape::Map => {
            expect(wire, Wire::Bytes, number)?;
            let (key, one) = entry(field.kind, reader.bytes()?, depth)?;
            match object.get_mut(field.name) {
                Some(Value::Object(map)) => {
                    map.insert(key, one);
                }
                _ => {
                    object.insert(field.name.to_owned(), Value::Object(Map::from_iter([(key, one)])));
                }
            }
        }
    }
    Ok(())
}

fn entry(kind: Kind, bytes: &[u8], depth: u32) -> Result<(String, Value), Error> {
    let mut reader = Reader(bytes);
    let (mut key, mut one) = (String::new(), None);
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Bytes) => key = text(reader.bytes()?),
            (2, _) => one = Some(single(kind, wire, 2, &mut reader, depth)?),
            _ => reader.skip(wire)?,
        }
    }
    Ok((key, one.unwrap_or_else(|| crate::prune::zero(kind))))
}

fn single(kind: Kind, wire: Wire, number: u32, reader: &mut Reader<'_>, depth: u32) -> Result<Value, Error> {
    match kind {
        Kind::Bool => {
            expect(wire, Wire::Varint, number)?;
            return Ok(Value::Bool(reader.varint()? != 0));
        }
        // Go truncates both the same way: the low 32 bits with their sign.
        Kind::Int32 => {
            expect(wire, Wire::Varint, number)?;
            return Ok(Value::from(reader.varint()? as u32 as i32));
        }
        Kind::Int64 => {
            expect(wire, Wire::Varint, number)?;
            return Ok(Value::from(reader.varint()? as i64));
        }
        Kind::Float => {
            expect(wire, Wire::Fixed64, number)?;
            let bits = reader.fixed::<8>()?;
            return Ok(Value::from(f64::from_le_bytes(bits)));
        }
        _ => expect(wire, Wire::Bytes, number)?,
    }
    let bytes = reader.bytes()?;
    Ok(match kind {
        Kind::Str => Value::String(text(bytes)),
        Kind::Bytes => Value::String(STANDARD.encode(bytes)),
        Kind::Quantity => Value::String(text(first_bytes(bytes)?)),
        Kind::Time => moment(bytes)?.map_or(Value::Null, |(s, _)| stamp(s, 0, time::seconds)),
        Kind::MicroTime => moment(bytes)?.map_or(Value::Null, |(s, n)| stamp(s, n, time::micros)),
        Kind::Duration => Value::String(time::duration(numbers(bytes)?.0)),
        Kind::IntOrString => int_or_string(bytes)?,
        Kind::Raw | Kind::Fields => raw(first_bytes(bytes)?, depth)?,
        Kind::Strings => {
            let mut reader = Reader(bytes);
            let mut items = Vec::new();
            while let Some((number, wire)) = reader.tag()? {
                match (number, wire) {
                    (1, Wire::Bytes) => items.push(Value::String(text(reader.bytes()?))),
                    _ => reader.skip(wire)?,
                }
            }
            Value::Array(items)
        }
        Kind::Msg(message) => {
            let mut inside = Map::new();
            read(message, bytes, &mut inside, depth + 1)?;
            Value::Object(inside)
        }
        Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Float => Value::Null,
    })
}

/// Raw JSON, or another envelope (an object that a Go client embedded).
fn raw(bytes: &[u8], depth: u32) -> Result<Value, Error> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if bytes.starts_with(MAGIC) {
        if depth > MOST_DEPTH {
            return Err(Error::Protobuf("nested too deeply".to_owned()));
        }
        return Ok(envelope(bytes, depth + 1)?.object);
    }
    serde_json::from_slice(bytes).map_err(|e| Error::Json(e.to_string()))
}

/// Field 1 of a message that wraps one string or byte field.
fn first_bytes(bytes: &[u8]) -> Result<&[u8], Error> {
    let mut reader = Reader(bytes);
    let mut found: &[u8] = &[];
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Bytes) => found = reader.bytes()?,
            _ => reader.skip(wire)?,
        }
    }
    Ok(found)
}

/// Fields 1 and 2 of a message that wraps two numbers.
fn numbers(bytes: &[u8]) -> Result<(i64, i64), Error> {
    let mut reader = Reader(bytes);
    let (mut first, mut second) = (0, 0);
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Varint) => first = reader.varint()? as i64,
            (2, Wire::Varint) => second = reader.varint()? as i64,
            _ => reader.skip(wire)?,
        }
    }
    Ok((first, second))
}

/// Seconds and nanoseconds; a zero time is an empty message.
fn moment(bytes: &[u8]) -> Result<Option<(i64, i64)>, Error> {
    if bytes.is_empty() { Ok(None) } else { numbers(bytes).map(Some) }
}

fn stamp(seconds: i64, nanos: i64, print: fn(Timestamp) -> String) -> Value {
    let nanos = i32::try_from(nanos).unwrap_or(0);
    Timestamp::new(seconds, nanos).map_or(Value::Null, |t| Value::String(print(t)))
}

fn int_or_string(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader(bytes);
    let (mut is_text, mut number_value, mut text_value) = (false, 0, String::new());
    while let Some((number, wire)) = reader.tag()? {
        match (number, wire) {
            (1, Wire::Varint) => is_text = reader.varint()? != 0,
            (2, Wire::Varint) => number_value = reader.varint()? as u32 as i32,
            (3, Wire::Bytes) => text_value = text(reader.bytes()?),
            _ => reader.skip(wire)?,
        }
    }
    Ok(if is_text { Value::String(text_value) } else { Value::from(number_value) })
}

/// Text of a string field. Go does not check UTF-8 here and replaces what is none when it writes JSON.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn expect(found: Wire, wanted: Wire, number: u32) -> Result<(), Error> {
    if found == wanted { Ok(()) } else { Err(Error::Protobuf(format!("wrong wireType = {} for field {number}", found as u8))) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Start = 3,
    End = 4,
    Fixed32 = 5,
}

/// The rest of the bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, Error> {
        let mut out = 0u64;
        for (i, byte) in self.0.iter().take(10).enumerate() {
            out |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.0 = &self.0[i + 1..];
                return Ok(out);
            }
        }
        Err(if self.0.len() < 10 { truncated() } else { Error::Protobuf("integer overflow".to_owned()) })
    }

    /// Field number and wire type of the next field; `None` at the end.
    fn tag(&mut self) -> Result<Option<(u32, Wire)>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            3 => Wire::Start,
            4 => Wire::End,
            5 => Wire::Fixed32,
            other => return Err(Error::Protobuf(format!("illegal wireType {other}"))),
        };
        match u32::try_from(tag >> 3) {
            Ok(number) if number > 0 => Ok(Some((number, wire))),
            _ => Err(Error::Protobuf(format!("illegal tag {} (wire type {})", tag >> 3, tag & 7))),
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.varint()?).map_err(|_| truncated())?;
        let (head, tail) = self.0.split_at_checked(length).ok_or_else(truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or_else(truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    fn skip(&mut self, wire: Wire) -> Result<(), Error> {
        let mut open = 0u32;
        let mut wire = wire;
        loop {
            match wire {
                Wire::Varint => drop(self.varint()?),
                Wire::Fixed64 => drop(self.fixed::<8>()?),
                Wire::Fixed32 => drop(self.fixed::<4>()?),
                Wire::Bytes => drop(self.bytes()?),
                Wire::Start => open += 1,
                Wire::End if open == 0 => return Err(Error::Protobuf("unexpected end of group".to_owned())),
                Wire::End => open -= 1,
            }
            if open == 0 {
                return Ok(());
            }
            wire = self.tag()?.ok_or_else(truncated)?.1;
        }
    }
}

fn truncated() -> Error {
    Error::Protobuf("unexpected EOF".to_owned())
}

#[cfg(test)]
mod tests;
