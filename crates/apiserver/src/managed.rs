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
    let home = call.kind.home();
    if origin == Origin::Apply {
        return;
    }
    let Some(message) = decode::table(home, home.storage) else {
        metadata::of(new).shift_remove("managedFields");
        return;
    };
    schema::apply::update(message, old, new, &Writer { manager: &options.manager, subresource: name_of(sub), api_version: &api_version(call), now });
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

/// The version that the fields are recorded in: the one asked for, or that of the stored form when the kind is a view of another.
fn api_version(call: &Call) -> String {
    if call.kind.is_view { call.kind.home().api_version() } else { call.api_version() }
}
