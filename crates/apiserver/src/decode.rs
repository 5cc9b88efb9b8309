//! Bodies of writes into objects: the right kind, the right types, nothing unknown, in the storage version.

use schema::{Gvk, Message, Problem, Strictness};
use serde_json::Value;

use crate::call::Call;
use crate::field::{FieldError, Path};
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
    /// It is what an apply made of it.
    Apply,
}

/// Brings a decoded object into the form that is stored: the kind asked for, pruned, in the storage version. What is dropped is told,
/// or refused, as strictness says.
pub fn canonical(call: &Call, mut value: Value, mut problems: Vec<Problem>, strictness: Strictness, source: Source) -> Result<Value> {
    if source == Source::Body {
        check_words(call, &value)?;
    } else if !value.is_object() {
        return Err(ApiError::bad_request(format!("the object provided is unrecognized (must be of type {}): it is no object", call.kind.kind)));
    }
    if source != Source::Body
        && let Some(why) = wrong_word(&value)
    {
        return Err(wrong_patch(&value, format!("couldn't get version/kind; json parse error: {why}")));
    }
    let sent = (own_text(&value, "apiVersion"), own_text(&value, "kind"));
    check_kind(call, &sent.0, &sent.1).map_err(|error| if source == Source::Body { error } else { wrong_patch(&value, error.message) })?;
    let version = call.kind.versions[call.version];
    let shown = if sent.0.is_empty() { version } else { sent.0.rsplit('/').next().unwrap_or_default() };
    let refuse = |why: String, object: &Value| match source {
        Source::Body => {
            ApiError::bad_request(format!("{} in version {} cannot be handled as a {0}: {why}", call.kind.kind, crate::field::quote(shown)))
        }
        Source::Patch => wrong_patch(object, why),
        Source::Apply => inconvertible(call, object, &why),
    };
    value["apiVersion"] = call.api_version().into();
    if call.kind.native || sent.1.is_empty() {
        value["kind"] = call.kind.kind.into();
    }
    if let Some(message) = table(call.kind, version) {
        let before = if source == Source::Body { Value::Null } else { value.clone() };
        let found = schema::prune(message, &mut value).map_err(|error| {
            let why = error.to_string();
            // The metadata of what is no built-in kind is read by itself, so that its place is not part of the path.
            refuse(if call.kind.native { why } else { why.replacen(".metadata.", ".", 1) }, &before)
        })?;
        problems.extend(found);
    }
    if call.kind.is_view {
        call.kind.rules.to_stored(&mut value);
    }
    let home = call.kind.home();
    if call.kind.native {
        value["kind"] = home.kind.into();
    }
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
    let error = match wrong_word(value) {
        _ if !value.is_object() => not_typed(value),
        Some(why) => schema::Error::Json(why),
        None => return Ok(()),
    };
    Err(unreadable(call, &error))
}

/// What Go says of a kind or version that is no text.
fn wrong_word(value: &Value) -> Option<String> {
    let wrong = |field: &&str| !value[*field].is_null() && !value[*field].is_string();
    let field = ["apiVersion", "kind"].into_iter().find(wrong)?;
    Some(format!("json: cannot unmarshal {} into Go struct field .{field} of type string", schema::json_type(&value[field])))
}

/// The field table of what is stored of a kind.
fn stored_table(kind: &Kind) -> Option<&'static Message> {
    let home = kind.home();
    table(home, home.storage)
}

/// Puts the fields of an object in the order in which they are shown, behind everything that was filled in and carried over.
pub fn order(kind: &Kind, object: &mut Value) {
    // A second view has fields of its own, which are put in order when it is shown.
    if let Some(message) = stored_table(kind) {
        schema::order(message, object);
    }
}

/// 422: what a patch made is no object of the kind.
pub fn wrong_patch(object: &Value, why: String) -> ApiError {
    ApiError::invalid("", "", "", &vec![Path::new("patch").invalid(object.to_string(), why)])
}

/// Puts the fields of an object in the order of the view that its kind is.
pub fn order_view(kind: &Kind, object: &mut Value) {
    if let Some(message) = table(kind, kind.storage) {
        schema::order(message, object);
    }
}

/// 500: what an apply made is no object of the kind, which upstream takes for its own failure.
fn inconvertible(call: &Call, object: &Value, why: &str) -> ApiError {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let slash = if call.kind.group.is_empty() { "/" } else { "" };
    let gvk = format!("{slash}{}, Kind={}", call.api_version(), call.kind.kind);
    let subject = format!("{}/{}; {gvk}", text("namespace"), text("name"));
    let what = format!("unable to convert unstructured object to {gvk}: error decoding from json: {why}");
    ApiError::plain(500, format!("failed to convert new object ({subject}) to proper version: {what}"))
}

fn own_text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// The body may leave its kind and version out, but not name others than the address does.
fn check_kind(call: &Call, api_version: &str, kind: &str) -> Result<()> {
    let wanted = call.kind;
    // Other than upstream, we take one that says nothing of its version for what its address says.
    if !wanted.native && !api_version.is_empty() && api_version != call.api_version() {
        let why = format!("the API version in the data ({api_version}) does not match the expected API version ({})", call.api_version());
        return Err(ApiError::bad_request(why));
    }
    if !wanted.native {
        // Another kind is found with whatever else is wrong: see `other_kind`.
        return Ok(());
    }
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let cannot = |why: String| {
        Err(ApiError::bad_request(format!("{kind} in version {} cannot be handled as a {}: {why}", crate::field::quote(version), wanted.kind)))
    };
    if !kind.is_empty() && kind != wanted.kind {
        let registered = schema::table(Gvk { group: wanted.group, version, kind }).is_some();
        return cannot(if registered { format!("the address is that of a {}", wanted.kind) } else { unregistered(kind, api_version) });
    }
    if !api_version.is_empty() && !wanted.versions.iter().any(|v| wanted.api_version_of(v) == api_version) {
        return cannot(unregistered(kind, api_version));
    }
    if !api_version.is_empty() && api_version != call.api_version() {
        let why = format!("the API version in the data ({api_version}) does not match the expected API version ({})", call.api_version());
        return Err(ApiError::bad_request(why));
    }
    Ok(())
}

/// What is wrong with an object of a custom kind that says it is of another. Built-in kinds are refused before they are looked at.
pub fn other_kind(kind: &Kind, object: &Value) -> Option<FieldError> {
    let sent = object["kind"].as_str().unwrap_or_default();
    (!kind.native && sent != kind.kind).then(|| Path::new("kind").invalid(sent, format!("must be {}", kind.kind)))
}

/// There is no such kind. Go names the file in which its registry of kinds is made.
pub fn unregistered(kind: &str, api_version: &str) -> String {
    let (kind, version) = (crate::field::quote(kind), crate::field::quote(api_version));
    format!("no kind {kind} is registered for version {version} in scheme \"pkg/runtime/scheme.go:111\"")
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
