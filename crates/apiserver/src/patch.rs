//! PATCH: the four patch types, and the ways a write changes an object that is there.

use http::Response;
use jiff::Timestamp;
use serde_json::Value;

use crate::body::Body;
use crate::call::Call;
use crate::decode::{self, Source};
use crate::kinds::Sub;
use crate::managed::Origin;
use crate::metadata;
use crate::negotiate;
use crate::query::{Write, WriteOptions};
use crate::server::Core;
use crate::status::{ApiError, Result};

/// How an object is changed.
pub enum Edit {
    /// By another one (stored form).
    Replace(Value),
    /// By a JSON patch (RFC 6902).
    Json(Value),
    /// By a merge patch (RFC 7396).
    Merge(Value),
    /// By a strategic merge patch.
    Strategic(Value),
}

impl Core {
    /// PATCH of an object or of a subresource.
    pub(crate) async fn patch(&self, call: &Call, sub: Option<Sub>) -> Result<Response<Body>> {
        let media_type = negotiate::content_type(&call.headers);
        let write = if media_type == "application/apply-patch+yaml" { Write::Apply } else { Write::Patch };
        let kind: fn(Value) -> Edit = match media_type {
            "application/json-patch+json" => Edit::Json,
            "application/merge-patch+json" => Edit::Merge,
            "application/strategic-merge-patch+json" if call.kind.native => Edit::Strategic,
            _ => return Err(ApiError::unsupported_media_type(if call.kind.native { negotiate::PATCHES } else { negotiate::CUSTOM_PATCHES })),
        };
        let options = WriteOptions::read(&call.query, write, call.user_agent())?;
        let (patch, _) = schema::from_json(&call.body).map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
        self.modify(call, &options, sub, &kind(patch)).await
    }
}

impl Edit {
    /// Who records ownership.
    pub(crate) fn origin(&self) -> Origin {
        Origin::Write
    }

    /// The object to create when there is none to change.
    pub(crate) fn missing(&self, call: &Call, sub: Option<Sub>) -> Result<Value> {
        match self {
            Self::Replace(object) if call.kind.create_on_update && sub.is_none() => Ok(object.clone()),
            _ => Err(ApiError::not_found(call.kind, &call.address.name)),
        }
    }

    /// The new state, in the stored form.
    pub(crate) fn apply(&self, call: &Call, options: &WriteOptions, _: Option<Sub>, old: &Value, _: Timestamp) -> Result<Value> {
        let base = match self {
            Self::Replace(object) => return Ok(object.clone()),
            _ => as_seen(call, old),
        };
        let patched = match self {
            Self::Json(patch) => schema::json_patch(&base, patch).map_err(refused)?,
            Self::Strategic(patch) => match decode::table(call.kind, call.kind.versions[call.version]) {
                Some(message) => schema::strategic_merge(message, &base, patch).map_err(refused)?,
                None => schema::merge_patch(&base, patch),
            },
            Self::Replace(patch) | Self::Merge(patch) => schema::merge_patch(&base, patch),
        };
        let mut patched = decode::canonical(call, patched, Vec::new(), options.strictness, Source::Patch)?;
        if metadata::text(&patched, "resourceVersion").is_empty() {
            metadata::of(&mut patched).insert("resourceVersion".to_owned(), old["metadata"]["resourceVersion"].clone());
        }
        Ok(patched)
    }
}

/// A stored object as clients of the version asked for see it: what their patches are made for.
fn as_seen(call: &Call, stored: &Value) -> Value {
    let mut object = stored.clone();
    if call.kind.is_view() {
        call.kind.rules.from_stored(&mut object);
    }
    object["kind"] = call.kind.kind.into();
    object["apiVersion"] = call.api_version().into();
    object
}

fn refused(error: schema::Error) -> ApiError {
    match error {
        schema::Error::TooLarge(why) => ApiError::over_limit(why),
        schema::Error::PatchFailed(why) => ApiError::unprocessable(why),
        other => ApiError::bad_request(other.to_string()),
    }
}
