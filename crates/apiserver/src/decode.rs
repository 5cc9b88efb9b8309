//! Bodies of writes into objects: the right kind, the right types, nothing unknown, in the storage version.

use schema::{Gvk, Message, Problem, Strictness};
use serde_json::Value;

use crate::call::Call;
use crate::field::Path;
use crate::kinds::Kind;
use crate::negotiate;
use crate::status::{ApiError, Result};

/// The field table of a kind in one of its versions; none for a kind that keeps whatever it is given.
pub fn table(kind: &Kind, version: &str) -> Option<&'static Message> {
    schema::table(Gvk { group: kind.group, version, kind: kind.kind })
}

/// The object in the body of a POST or PUT.
pub fn object(call: &Call, strictness: Strictness) -> Result<Value> {
    let (value, problems) = match negotiate::content_type(&call.headers) {
        "application/json" => schema::from_json(&call.body).map_err(|e| unreadable(call, &e))?,
        "application/yaml" => schema::from_yaml(&call.body).map_err(|e| unreadable(call, &e))?,
        "application/vnd.kubernetes.protobuf" if call.kind.native => {
            let decoded = schema::from_protobuf(&call.body).map_err(|e| unreadable(call, &e))?;
            (decoded.object, Vec::new())
        }
        _ => return Err(ApiError::unsupported_media_type(negotiate::BODIES)),
    };
    canonical(call, value, problems, strictness, Source::Body)
}

/// Where an object comes from; refusals differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is the body.
    Body,
    /// It is what a patch made of the stored object.
    Patch,
}

/// Brings a decoded object into the form that is stored: the kind asked for, pruned, in the storage version. What is dropped is told,
/// or refused, as strictness says.
pub fn canonical(call: &Call, mut value: Value, mut problems: Vec<Problem>, strictness: Strictness, source: Source) -> Result<Value> {
    if source == Source::Body {
        check_words(call, &value)?;
    } else if !value.is_object() {
        return Err(ApiError::bad_request(format!("the object provided is unrecognized (must be of type {}): it is no object", call.kind.kind)));
    }
    let sent = (own_text(&value, "apiVersion"), own_text(&value, "kind"));
    check_kind(call, &sent.0, &sent.1).map_err(|error| match source {
        Source::Body => error,
        Source::Patch => wrong_patch(&value, error.message),
    })?;
    let version = call.kind.versions[call.version];
    let shown = if sent.0.is_empty() { version } else { sent.0.rsplit('/').next().unwrap_or_default() };
    let refuse = |why: String, object: &Value| match source {
        Source::Body => {
            ApiError::bad_request(format!("{} in version {} cannot be handled as a {0}: {why}", call.kind.kind, crate::field::quote(shown)))
        }
        Source::Patch => wrong_patch(object, why),
    };
    value["apiVersion"] = call.api_version().into();
    value["kind"] = call.kind.kind.into();
    if let Some(message) = table(call.kind, version) {
        let before = if source == Source::Patch { value.clone() } else { Value::Null };
        problems.extend(schema::prune(message, &mut value).map_err(|e| refuse(e.to_string(), &before))?);
    }
    if call.kind.is_view {
        call.kind.rules.to_stored(&mut value);
    }
    let home = call.kind.home();
    value["kind"] = home.kind.into();
    value["apiVersion"] = home.api_version().into();
    match (strictness, schema::strict_text(&problems)) {
        (Strictness::Strict, Some(text)) => return Err(refuse(text, &value)),
        (Strictness::Warn, Some(_)) => problems.iter().for_each(|problem| call.warnings.add(problem.to_string())),
        _ => {}
    }
    Ok(value)
}

/// What Go says of a body that is no object.
pub fn not_typed(value: &Value) -> schema::Error {
    const TYPED: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    schema::Error::Json(format!("json: cannot unmarshal {} into Go value of type {TYPED}", schema::json_type(value)))
}

/// A body is an object, and its kind and version are texts.
fn check_words(call: &Call, value: &Value) -> Result<()> {
    let error = if !value.is_object() {
        not_typed(value)
    } else {
        let wrong = |field: &&str| !value[*field].is_null() && !value[*field].is_string();
        let Some(field) = ["apiVersion", "kind"].into_iter().find(wrong) else { return Ok(()) };
        let found = schema::json_type(&value[field]);
        schema::Error::Json(format!("json: cannot unmarshal {found} into Go struct field .{field} of type string"))
    };
    Err(unreadable(call, &error))
}

/// The field table of what is stored of a kind.
fn stored_table(kind: &Kind) -> Option<&'static Message> {
    let home = kind.home();
    table(home, home.storage)
}

/// Puts the fields of an object in the order in which they are shown, behind everything that was filled in and carried over.
pub fn order(kind: &Kind, object: &mut Value) {
    if let Some(message) = stored_table(kind) {
        schema::order(message, object);
    }
}

/// 422: what a patch made is no object of the kind.
fn wrong_patch(object: &Value, why: String) -> ApiError {
    ApiError::invalid("", "", "", &vec![Path::new("patch").invalid(object.to_string(), why)])
}

fn own_text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// The body may leave its kind and version out, but not name others than the address does.
fn check_kind(call: &Call, api_version: &str, kind: &str) -> Result<()> {
    let wanted = call.kind;
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let cannot = |why: String| {
        Err(ApiError::bad_request(format!("{kind} in version {} cannot be handled as a {}: {why}", crate::field::quote(version), wanted.kind)))
    };
    if !kind.is_empty() && kind != wanted.kind {
        let registered = schema::table(Gvk { group: wanted.group, version, kind }).is_some();
        return cannot(if registered {
            format!("the address is that of a {}", wanted.kind)
        } else {
            format!("no kind {} is registered for version {}", crate::field::quote(kind), crate::field::quote(api_version))
        });
    }
    if !api_version.is_empty() && !wanted.versions.iter().any(|v| wanted.api_version_of(v) == api_version) {
        return cannot(format!("no kind {} is registered for version {}", crate::field::quote(kind), crate::field::quote(api_version)));
    }
    if !api_version.is_empty() && api_version != call.api_version() {
        let why = format!("the API version in the data ({api_version}) does not match the expected API version ({})", call.api_version());
        return Err(ApiError::bad_request(why));
    }
    Ok(())
}

fn unreadable(call: &Call, error: &schema::Error) -> ApiError {
    // JSON is looked at for its kind first; the other readers speak for themselves.
    let why = match error {
        schema::Error::Json(_) if call.kind.native => format!("couldn't get version/kind; {error}"),
        schema::Error::NotProtobuf if call.body.is_empty() => "empty data".to_owned(),
        schema::Error::Protobuf(why) | schema::Error::Yaml(why) => why.clone(),
        other => other.to_string(),
    };
    let body = beginning(&call.body);
    ApiError::bad_request(format!("the object provided is unrecognized (must be of type {}): {why} ({body})", call.kind.kind))
}

/// The first octets of a body that is no object, as messages show them: text when it looks like JSON, else hexadecimal.
fn beginning(body: &[u8]) -> String {
    const OCTETS_MAX: usize = 30;
    if body.is_empty() {
        return "<empty>".to_owned();
    }
    let (start, rest) = body.split_at(body.len().min(OCTETS_MAX));
    let shown = if body[0] == b'{' { String::from_utf8_lossy(start).into_owned() } else { start.iter().map(|b| format!("{b:02x}")).collect() };
    if rest.is_empty() { shown } else { format!("{shown} ...") }
}
