//! The forms of objects in replies: the objects themselves, their metadata, or rows of a Table.

use std::sync::Arc;

use jiff::Timestamp;
use schema::Message;
use serde_json::{Value, json};

use crate::call::Call;
use crate::decode;
use crate::field::Path;
use crate::kinds::Kind;
use crate::negotiate::{Form, MetaVersion};
use crate::object::Object;
use crate::protobuf;
use crate::query::Query;
use crate::status::{ApiError, Result};

/// How the objects of one reply are written.
#[derive(Clone)]
pub struct Shape {
    kind: &'static Kind,
    form: Form,
    /// What protobuf replies consist of; none when the reply is JSON.
    protobuf: Option<&'static Message>,
    /// The `apiVersion` to rewrite objects to, when it is not the stored one.
    api_version: Option<Arc<str>>,
    include: Include,
    now: Timestamp,
}

/// What a Table's rows carry besides their cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// `includeObject=None`.
    Nothing,
    /// The default.
    Metadata,
    /// `includeObject=Object`.
    Object,
}

impl Include {
    /// Refuses what rows cannot carry.
    pub fn check(query: &Query) -> Result<()> {
        match query.get("includeObject") {
            None | Some("None" | "Metadata" | "Object") => Ok(()),
            Some(other) => {
                let error = Path::new("includeObject").invalid(other, "must be 'Metadata', 'Object', 'None', or empty");
                Err(ApiError::bad_request(format!("Unable to convert to Table as requested: {error}")))
            }
        }
    }

    /// A letter that distinguishes them.
    pub fn letter(self) -> u8 {
        match self {
            Self::Nothing => b'N',
            Self::Metadata => b'M',
            Self::Object => b'O',
        }
    }
}

impl Shape {
    /// The shape that a call asks for.
    pub fn of(call: &Call, now: Timestamp) -> Self {
        let include = match call.query.get("includeObject") {
            Some("None") => Include::Nothing,
            Some("Object") => Include::Object,
            _ => Include::Metadata,
        };
        let message = || protobuf::message(call.kind, call.kind.versions[call.version], call.form);
        let protobuf = if call.protobuf { message() } else { None };
        Self { kind: call.kind, form: call.form, protobuf, api_version: call.other_version().map(Into::into), include, now }
    }

    /// Whether objects are written as protobuf.
    pub fn is_protobuf(&self) -> bool {
        self.protobuf.is_some()
    }

    /// The media type of one object or of a list.
    pub fn media_type(&self) -> &'static str {
        if self.is_protobuf() { protobuf::MEDIA_TYPE } else { "application/json" }
    }

    /// The form.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What rows carry.
    pub fn include(&self) -> Include {
        self.include
    }

    /// The kind and apiVersion of a list in this shape.
    pub fn list_kind(&self) -> (String, String) {
        match self.form {
            Form::Object => (format!("{}List", self.kind.kind), self.api_version.as_deref().map_or_else(|| self.kind.api_version(), str::to_owned)),
            Form::Metadata(version) => ("PartialObjectMetadataList".to_owned(), version.api_version().to_owned()),
            Form::Table(version) => ("Table".to_owned(), version.api_version().to_owned()),
        }
    }

    /// One object alone.
    pub fn write(&self, out: &mut Vec<u8>, object: &Object, revision: u64) {
        if let Some(message) = self.protobuf {
            return out.extend_from_slice(&schema::to_protobuf(message, &self.decoded(object, revision)));
        }
        match self.form {
            Form::Object => self.write_object(out, object, revision),
            Form::Metadata(version) => object.write_metadata(out, version.api_version(), revision),
            Form::Table(version) => self.write_table(out, version, &[object], revision, true),
        }
    }

    /// One object as an item or row of a list.
    pub fn write_item(&self, out: &mut Vec<u8>, object: &Object) {
        if let Some(message) = self.protobuf {
            return schema::protobuf::nested(out, 2, |out| schema::protobuf::append(out, message, &self.decoded(object, object.revision)));
        }
        match self.form {
            Form::Object if self.kind.is_view => {
                let mut value = self.object(object.value());
                for word in ["kind", "apiVersion"] {
                    value.as_object_mut().and_then(|fields| fields.shift_remove(word));
                }
                out.extend_from_slice(value.to_string().as_bytes());
            }
            Form::Object if self.kind.native => object.write_item(out),
            Form::Object => self.write_object(out, object, object.revision),
            Form::Metadata(version) => object.write_metadata(out, version.api_version(), object.revision),
            Form::Table(version) => self.write_row(out, version, object, object.revision),
        }
    }

    /// What JSON in this shape says of an object.
    fn decoded(&self, object: &Object, revision: u64) -> Value {
        let json = Self { protobuf: None, ..self.clone() };
        let mut text = Vec::with_capacity(object.len());
        json.write(&mut text, object, revision);
        serde_json::from_slice(&text).expect("what was just written is JSON")
    }

    /// A Table; a watch sends the definitions of columns only once.
    pub fn write_table(&self, out: &mut Vec<u8>, version: MetaVersion, objects: &[&Object], revision: u64, with_columns: bool) {
        let head = json!({ "kind": "Table", "apiVersion": version.api_version(), "metadata": { "resourceVersion": revision.to_string() }, "columnDefinitions": if with_columns { columns(self.kind) } else { Value::Array(Vec::new()) } });
        let head = head.to_string();
        out.extend_from_slice(&head.as_bytes()[..head.len() - 1]);
        out.extend_from_slice(b",\"rows\":[");
        for (at, object) in objects.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write_row(out, version, object, revision);
        }
        out.extend_from_slice(b"]}");
    }

    fn write_row(&self, out: &mut Vec<u8>, version: MetaVersion, object: &Object, revision: u64) {
        let value = object.value();
        let cells = Value::Array(self.kind.rules.row(&value, self.now));
        out.extend_from_slice(b"{\"cells\":");
        out.extend_from_slice(cells.to_string().as_bytes());
        out.extend_from_slice(b",\"object\":");
        match self.include {
            Include::Nothing => out.extend_from_slice(b"null"),
            Include::Metadata => object.write_metadata(out, version.api_version(), revision),
            Include::Object => self.write_object(out, object, revision),
        }
        out.push(b'}');
    }

    /// A stored value as clients of this kind and version see it.
    pub fn object(&self, mut object: Value) -> Value {
        if self.kind.is_view {
            object["kind"] = self.kind.kind.into();
            self.kind.rules.from_stored(&mut object);
            object["apiVersion"] = self.kind.api_version().into();
            decode::order_view(self.kind, &mut object);
        }
        if let Some(version) = &self.api_version {
            object["apiVersion"] = (**version).into();
        }
        object
    }

    /// The bytes of an object, as clients of this kind and version see it.
    fn write_object(&self, out: &mut Vec<u8>, object: &Object, revision: u64) {
        if !self.kind.is_view {
            return object.write(out, self.api_version.as_deref(), revision);
        }
        let mut value = object.value();
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        out.extend_from_slice(self.object(value).to_string().as_bytes());
    }

    /// The JSON of a value that is no stored object (a dry run's result, an object after its deletion) in this shape.
    pub fn value(&self, object: Value) -> Value {
        let partial = |object: &Value, version: MetaVersion| json!({ "kind": "PartialObjectMetadata", "apiVersion": version.api_version(), "metadata": object["metadata"] });
        match self.form {
            Form::Object => self.object(object),
            Form::Metadata(version) => partial(&object, version),
            Form::Table(version) => {
                let cells = self.kind.rules.row(&object, self.now);
                let meta = match object["metadata"]["resourceVersion"].as_str() {
                    Some(revision) => json!({ "resourceVersion": revision }),
                    None => json!({}),
                };
                let carried = match self.include {
                    Include::Nothing => Value::Null,
                    Include::Metadata => partial(&object, version),
                    Include::Object => self.object(object),
                };
                let row = json!({ "cells": cells, "object": carried });
                json!({ "kind": "Table", "apiVersion": version.api_version(), "metadata": meta, "columnDefinitions": columns(self.kind), "rows": [row] })
            }
        }
    }
}

/// The column definitions of a kind.
pub fn columns(kind: &Kind) -> Value {
    let column = |c: &crate::kinds::Column| json!({ "name": c.name, "type": c.kind, "format": c.format, "description": c.description, "priority": c.priority });
    kind.rules.columns().iter().map(column).collect()
}
