//! Replies in protobuf: what Go clients ask for first, for the kinds that have field numbers.
//!
//! Stored bytes are JSON, so each object is decoded and encoded on its way out. A list is framed by its length, which is known only after
//! that: what is small is kept from the first pass, the rest is encoded a second time while it is sent, so that no list exists at once.

use std::sync::Arc;

use bytes::Bytes;
use schema::protobuf::{ENVELOPE_TAIL, LIST_META, PARTIAL_OBJECT_METADATA, append, bytes, envelope_head, nested};
use schema::{Gvk, Message};
use serde_json::Value;

use crate::decode;
use crate::kinds::Kind;
use crate::negotiate::Form;
use crate::object::Object;
use crate::table::Shape;

/// Media type of an object or a list.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// Media type of a watch.
pub const WATCH_MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf;stream=watch";

/// How much of a list is kept from the first pass, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;
/// Lists are written in pieces of about this many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The table of what a reply of this form consists of; none when it has no protobuf.
pub fn message(kind: &Kind, version: &str, form: Form) -> Option<&'static Message> {
    match form {
        Form::Object => decode::table(kind, version).filter(|message| kind.native && !message.custom),
        Form::Metadata(_) => Some(&PARTIAL_OBJECT_METADATA),
        Form::Table(_) => None,
    }
}

/// A value in its envelope; none when its kind has no protobuf.
pub fn enveloped(value: &Value) -> Option<Vec<u8>> {
    let (api_version, kind) = (value["apiVersion"].as_str()?, value["kind"].as_str()?);
    let message = match kind {
        "PartialObjectMetadata" => &PARTIAL_OBJECT_METADATA,
        _ => schema::table(Gvk::new(api_version, kind)).filter(|message| !message.custom)?,
    };
    Some(schema::to_protobuf(message, value))
}

/// Appends an event of a watch: its length in four bytes, its type, and the object, whose envelope `write` appends.
pub fn event(out: &mut Vec<u8>, kind: &str, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    bytes(out, 1, kind.as_bytes());
    nested(out, 2, |object| nested(object, 1, write));
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// A list, in pieces.
pub fn list(shape: Shape, metadata: &Value, objects: Vec<Arc<Object>>) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut kept = Vec::new();
    nested(&mut kept, 1, |out| append(out, &LIST_META, metadata));
    let (mut total, mut done, mut item) = (kept.len(), 0, Vec::new());
    for object in &objects {
        item.clear();
        shape.write_item(&mut item, object);
        total += item.len();
        if total <= KEPT_BYTES {
            kept.extend_from_slice(&item);
            done += 1;
        }
    }
    let (kind, api_version) = shape.list_kind();
    let mut next = envelope_head(&api_version, &kind, total);
    next.append(&mut kept);
    Pieces { next, objects: objects.into_iter().skip(done), shape, is_done: false }
}

struct Pieces<O> {
    next: Vec<u8>,
    objects: O,
    shape: Shape,
    is_done: bool,
}

impl<O: Iterator<Item = Arc<Object>>> Iterator for Pieces<O> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.is_done {
            return None;
        }
        let mut out = std::mem::take(&mut self.next);
        while out.len() < PIECE_BYTES {
            let Some(object) = self.objects.next() else {
                out.extend_from_slice(&ENVELOPE_TAIL);
                self.is_done = true;
                break;
            };
            self.shape.write_item(&mut out, &object);
        }
        Some(out.into())
    }
}
