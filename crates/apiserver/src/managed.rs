//! Who owns which field: `metadata.managedFields` of every write.

use jiff::Timestamp;
use schema::apply::{ApplyError, Writer};
use serde_json::Value;

use crate::call::Call;
use crate::decode;
use crate::kinds::Sub;
use crate::metadata;
use crate::query::WriteOptions;
use crate::status::{ApiError, Result};

/// How a new state came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A create, update or patch: its manager owns what it changed.
    Write,
    /// An apply, which has recorded its ownership already.
    Apply,
}

/// Records the writer as the owner of what it changed. Both states are in the stored form.
pub fn track(call: &Call, old: Option<&Value>, new: &mut Value, options: &WriteOptions, sub: Option<Sub>, origin: Origin, now: Timestamp) {
    if origin == Origin::Apply {
        return;
    }
    let Some(message) = decode::table(call.kind, call.kind.versions[call.version]) else {
        metadata::of(new).shift_remove("managedFields");
        return;
    };
    let writer = Writer { manager: &options.manager, subresource: name_of(sub), api_version: &call.api_version(), now };
    if !call.kind.is_view {
        return schema::apply::update(message, old, new, &writer);
    }
    // Fields are owned by the names that the writer knows them by.
    let seen = |object: &Value| {
        let mut object = object.clone();
        call.kind.rules.from_stored(&mut object);
        object
    };
    let mut written = seen(new);
    schema::apply::update(message, old.map(seen).as_ref(), &mut written, &writer);
    match metadata::of(&mut written).shift_remove("managedFields") {
        Some(owners) => drop(metadata::of(new).insert("managedFields".to_owned(), owners)),
        None => drop(metadata::of(new).shift_remove("managedFields")),
    }
}

/// The state that an apply makes of the one there is (or of none), with its ownership recorded. States are in the stored form, `config` is as
/// the client sent it.
pub fn apply(call: &Call, live: Option<&Value>, config: &Value, options: &WriteOptions, sub: Option<Sub>, now: Timestamp) -> Result<Value> {
    let Some(message) = decode::table(call.kind, call.kind.versions[call.version]) else {
        return Err(ApiError::internal(format_args!("{} has no field table, so nothing can be applied to it", call.kind.kind)));
    };
    let config = without_reset_fields(call, config.clone(), sub);
    let writer = Writer { manager: &options.manager, subresource: name_of(sub), api_version: &call.api_version(), now };
    schema::apply::apply(message, live, &config, &writer, options.force).map_err(|error| match &error {
        ApplyError::Conflict(conflicts) => {
            let causes = conflicts.iter().map(|c| (format!("conflict with {}", c.manager), c.path.clone()));
            ApiError::apply_conflict(error.to_string(), causes)
        }
        ApplyError::BadRequest(why) => ApiError::bad_request(why.clone()),
        ApplyError::Typed(why) => ApiError::plain(500, why.clone()),
    })
}

/// What an apply to the object, or to one of its subresources, says of the other part is not heard.
fn without_reset_fields(call: &Call, mut config: Value, sub: Option<Sub>) -> Value {
    let Some(fields) = config.as_object_mut() else { return config };
    match sub {
        None if call.kind.has(Sub::Status) => drop(fields.shift_remove("status")),
        None => {}
        Some(_) => {
            fields.retain(|key, _| matches!(key.as_str(), "kind" | "apiVersion" | "metadata" | "status"));
            if let Some(meta) = fields.get_mut("metadata").and_then(Value::as_object_mut).filter(|_| !call.kind.native) {
                meta.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "uid" | "resourceVersion" | "managedFields"));
            }
        }
    }
    config
}

fn name_of(sub: Option<Sub>) -> &'static str {
    match sub {
        None => "",
        Some(Sub::Status) => "status",
        Some(Sub::Scale) => "scale",
        Some(Sub::Finalize) => "finalize",
        Some(Sub::Binding) => "binding",
        Some(Sub::Eviction) => "eviction",
    }
}
