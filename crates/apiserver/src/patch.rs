//! PATCH: the four patch types, and the ways a write changes an object that is there.

use http::Response;
use jiff::Timestamp;
use schema::{Problem, Strictness};
use serde_json::Value;

use crate::body::Body;
use crate::cache;
use crate::call::Call;
use crate::decode::{self, Source};
use crate::kinds::Sub;
use crate::managed::{self, Origin};
use crate::metadata;
use crate::negotiate;
use crate::query::{Write, WriteOptions};
use crate::server::Core;
use crate::status::{ApiError, Result};
use crate::write::refuse_other;

/// How an object is changed.
pub enum Edit {
    /// By another one (stored form).
    Replace(Value),
    /// By a JSON patch (RFC 6902). What is odd about the text of a patch is told with what is odd about the result.
    Json(Value, Vec<Problem>),
    /// By a merge patch (RFC 7396).
    Merge(Value, Vec<Problem>),
    /// By a strategic merge patch.
    Strategic(Value, Vec<Problem>),
    /// By an apply configuration.
    Apply(Value),
}

impl Core {
    /// PATCH of an object or of a subresource.
    pub(crate) async fn patch(&self, call: &Call, sub: Option<Sub>) -> Result<Response<Body>> {
        let media_type = negotiate::content_type(&call.headers);
        let kind: fn(Value, Vec<Problem>) -> Edit = match media_type {
            "application/json-patch+json" => Edit::Json,
            "application/merge-patch+json" => Edit::Merge,
            "application/strategic-merge-patch+json" if call.kind.native => Edit::Strategic,
            "application/apply-patch+yaml" => |config, _| Edit::Apply(config),
            _ => return Err(ApiError::unsupported_media_type(if call.kind.native { negotiate::PATCHES } else { negotiate::CUSTOM_PATCHES })),
        };
        let is_apply = media_type == "application/apply-patch+yaml";
        let is_there = || self.cache.get(call.kind, &cache::key(call.kind, call.namespace(), &call.address.name)).is_some();
        // Upstream looks at a patch only when it has the object: one that is not there comes first.
        let undecodable = |error| if is_there() { undecodable(media_type, error) } else { ApiError::not_found(call.kind, &call.address.name) };
        let options = WriteOptions::read(&call.query, if is_apply { Write::Apply } else { Write::Patch }, call.user_agent())?;
        let (patch, mut problems) = if is_apply {
            schema::from_yaml(&call.body).map_err(|e| ApiError::bad_request(format!("error decoding YAML: {e}")))?
        } else {
            schema::from_json(&call.body).map_err(undecodable)?
        };
        let is_json = media_type == "application/json-patch+json";
        if is_json {
            problems.extend(schema::json_patch_problems(&patch));
        }
        // A strategic merge patch that is null changes nothing.
        let is_map = patch.is_object() || is_json || is_apply || (patch.is_null() && media_type == "application/strategic-merge-patch+json");
        if !is_map {
            let found = schema::json_type(&patch);
            return Err(undecodable(schema::Error::Json(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"))));
        }
        if is_apply {
            repeated_keys(call, &problems, options.strictness)?;
            if patch.is_null() {
                return Err(ApiError::bad_request("invalid object type: /, Kind="));
            }
            if !patch.is_object() {
                let found = schema::json_type(&patch);
                return Err(ApiError::bad_request(format!(
                    "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                )));
            }
            refuse_other(call, &patch)?;
        }
        self.modify(call, &options, sub, &kind(patch, problems)).await
    }
}

/// 400: the body is no patch. Upstream reads strategic merge patches elsewhere, which says so in other words.
fn undecodable(media_type: &str, error: schema::Error) -> ApiError {
    let why = match error {
        schema::Error::Json(why) => why,
        other => other.to_string(),
    };
    ApiError::bad_request(if media_type == "application/strategic-merge-patch+json" { why } else { format!("error decoding patch: {why}") })
}

/// An apply configuration that says a thing twice.
fn repeated_keys(call: &Call, problems: &[Problem], strictness: Strictness) -> Result<()> {
    match (strictness, schema::strict_text(problems)) {
        (Strictness::Strict, Some(text)) => {
            let why = text.strip_prefix("strict decoding error: ").unwrap_or(&text);
            return Err(ApiError::bad_request(format!("error strict decoding YAML: error converting YAML to JSON: {why}")));
        }
        (Strictness::Warn, Some(_)) => problems.iter().for_each(|problem| call.warnings.add(problem.to_string())),
        _ => {}
    }
    Ok(())
}

impl Edit {
    /// Who records ownership.
    pub(crate) fn origin(&self) -> Origin {
        if matches!(self, Self::Apply(_)) { Origin::Apply } else { Origin::Write }
    }

    /// The object to create when there is none to change.
    pub(crate) fn missing(&self, call: &Call, options: &WriteOptions, sub: Option<Sub>, now: Timestamp) -> Result<Value> {
        match self {
            Self::Apply(config) if sub.is_none() => {
                let uid = metadata::text(config, "uid");
                if !uid.is_empty() {
                    let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                    return Err(ApiError::conflict(call.kind, &call.address.name, &why));
                }
                let made = managed::apply(call, None, config, options, sub, now)?;
                if metadata::text(config, "name").is_empty() {
                    return Err(metadata::nameless(&call.address.name));
                }
                decode::canonical(call, made, Vec::new(), options.strictness, Source::Patch)
            }
            Self::Replace(object) if call.kind.create_on_update && sub.is_none() => Ok(object.clone()),
            _ => Err(ApiError::not_found(call.kind, &call.address.name)),
        }
    }

    /// The new state, in the stored form.
    pub(crate) fn apply(&self, call: &Call, options: &WriteOptions, sub: Option<Sub>, old: &Value, now: Timestamp) -> Result<Value> {
        let base = match self {
            Self::Replace(object) => return Ok(object.clone()),
            _ => as_seen(call, old),
        };
        let (patched, problems) = match self {
            Self::Json(patch, problems) => (schema::json_patch(&base, patch).map_err(refused)?, problems.clone()),
            Self::Strategic(patch, problems) if patch.is_null() => (base, problems.clone()),
            Self::Strategic(patch, problems) => (strategic(call, &base, patch)?, problems.clone()),
            Self::Merge(patch, problems) => (schema::merge_patch(&base, patch), problems.clone()),
            // A name that is given up is none, though one that is left out is that of the address.
            Self::Apply(config) if config["metadata"].get("name").is_some_and(|name| name.is_null() || name == "") => {
                return Err(metadata::nameless(&call.address.name));
            }
            Self::Apply(config) => (managed::apply(call, Some(&base), config, options, sub, now)?, Vec::new()),
            Self::Replace(object) => (object.clone(), Vec::new()),
        };
        let source = if matches!(self, Self::Apply(_)) { Source::Apply } else { Source::Patch };
        let mut patched = decode::canonical(call, patched, problems, options.strictness, source)?;
        if metadata::text(&patched, "name").is_empty() {
            return Err(metadata::nameless(&call.address.name));
        }
        if metadata::text(&patched, "resourceVersion").is_empty() {
            metadata::of(&mut patched).insert("resourceVersion".to_owned(), old["metadata"]["resourceVersion"].clone());
        }
        Ok(patched)
    }
}

/// What a strategic merge patch makes of an object. It is merged into a typed one, which stays of its kind whatever the patch says.
fn strategic(call: &Call, base: &Value, patch: &Value) -> Result<Value> {
    let mut merged = match decode::table(call.kind, call.kind.versions[call.version]) {
        Some(message) => {
            let merged = schema::strategic_merge(message, base, patch).map_err(misfit)?;
            schema::restorable(message, &merged).map_err(|why| decode::wrong_patch(patch, why))?;
            merged
        }
        None => schema::merge_patch(base, patch),
    };
    for field in ["apiVersion", "kind"] {
        merged[field] = base[field].clone();
    }
    Ok(merged)
}

/// A stored object as clients of the version asked for see it: what their patches are made for.
fn as_seen(call: &Call, stored: &Value) -> Value {
    let mut object = stored.clone();
    if call.kind.is_view {
        call.kind.rules.from_stored(&mut object);
    }
    object["kind"] = call.kind.kind.into();
    object["apiVersion"] = call.api_version().into();
    object
}

/// Upstream takes a strategic merge patch that does not fit the object for its own failure.
fn misfit(error: schema::Error) -> ApiError {
    match error {
        schema::Error::PatchFailed(why) => ApiError::plain(500, why),
        other => refused(other),
    }
}

fn refused(error: schema::Error) -> ApiError {
    match error {
        schema::Error::TooLarge(why) => ApiError::over_limit(why),
        schema::Error::PatchFailed(why) => ApiError::unprocessable(why),
        other => ApiError::bad_request(other.to_string()),
    }
}
