//! Refusals: [`ApiError`] is a Kubernetes `Status` of failure, with one constructor for each kind of refusal.
//!
//! The texts follow k8s.io/apimachinery `pkg/api/errors`: clients, suites and people's scripts compare them.

use serde_json::{Map, Value, json};

use crate::field::FieldErrors;
use crate::kinds::Kind;

/// The result of everything that can refuse.
pub type Result<T> = std::result::Result<T, ApiError>;

/// Why a request was refused, as the client will read it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub code: u16,
    /// `metav1.StatusReason`, empty when there is none.
    pub reason: &'static str,
    /// The whole sentence.
    pub message: String,
    /// Object and causes, when there are any. Boxed: most results carry none.
    pub details: Option<Box<Details>>,
    /// `Status.metadata.continue`: a fresh token beside an expired one.
    pub resume: Option<String>,
}

/// `Status.details`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Its resource (`services`), or its kind for 422.
    pub kind: String,
    /// Its uid.
    pub uid: String,
    /// What exactly is wrong.
    pub causes: Vec<Cause>,
    /// When to try again, 0 = not said.
    pub retry_after_s: u32,
}

/// One entry of `Status.details.causes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// `FieldValueInvalid` and the like.
    pub reason: &'static str,
    /// Text without the path.
    pub message: String,
    /// The path, when a field is to blame.
    pub field: String,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, resume: None }
    }

    fn about(mut self, group: &str, resource: &str, name: &str) -> Self {
        let details = self.details.get_or_insert_default();
        (details.group, details.kind, details.name) = (group.to_owned(), resource.to_owned(), name.to_owned());
        self
    }

    fn with_cause(mut self, reason: &'static str, message: &str, field: &str) -> Self {
        let cause = Cause { reason, message: message.to_owned(), field: field.to_owned() };
        self.details.get_or_insert_default().causes.push(cause);
        self
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_s = seconds;
        self
    }

    /// A refusal without a reason, as upstream gives for failures it did not foresee.
    pub fn plain(code: u16, message: impl Into<String>) -> Self {
        Self::new(code, "", message)
    }

    /// 404: there is no such object.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {} not found", kind.qualified(), quoted(name))).about(kind.group, kind.plural, name)
    }

    /// 404: there is no such namespace.
    pub fn no_namespace(name: &str) -> Self {
        Self::new(404, "NotFound", format!("namespaces {} not found", quoted(name))).about("", "namespaces", name)
    }

    /// 404: nothing is served at this path.
    pub fn no_resource() -> Self {
        let mut error = Self::new(404, "NotFound", "the server could not find the requested resource");
        error.details = Some(Box::default());
        error
    }

    /// 409: the name is taken.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} {} already exists", kind.qualified(), quoted(name))).about(kind.group, kind.plural, name)
    }

    /// 409: the object is not what the client thinks it is.
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {}: {why}", kind.qualified(), quoted(name));
        Self::new(409, "Conflict", message).about(kind.group, kind.plural, name)
    }

    /// 409: the object is not the one that its client means to delete. Names the kind where other conflicts name the resource.
    pub fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let qualified = if kind.group.is_empty() { kind.kind.to_owned() } else { format!("{}.{}", kind.kind, kind.group) };
        let message = format!("Operation cannot be fulfilled on {qualified} {}: {why}", quoted(name));
        Self::new(409, "Conflict", message).about(kind.group, kind.kind, name)
    }

    /// 409 of an action on an object.
    pub fn conflict_at(kind: &Kind, action: &str, name: &str, why: &str) -> Self {
        let resource = format!("{}/{action}", kind.qualified());
        let message = format!("Operation cannot be fulfilled on {resource} {}: {why}", quoted(name));
        Self::new(409, "Conflict", message).about(kind.group, &resource, name)
    }

    /// 409: somebody else wrote in between.
    pub fn modified(kind: &Kind, name: &str) -> Self {
        Self::conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again")
    }

    /// 409: fields of an apply that other owners hold; a text and a path for each.
    pub fn apply_conflict(message: String, conflicts: impl Iterator<Item = (String, String)>) -> Self {
        let mut error = Self::new(409, "Conflict", message);
        error.details = Some(Box::default());
        conflicts.fold(error, |error, (text, path)| error.with_cause("FieldManagerConflict", &text, &path))
    }

    /// 422: the object breaks rules. `kind` is the kind's name as in `Service` or `Ingress.networking.k8s.io`.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &FieldErrors) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for error in errors {
            let text = error.to_string();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let all = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut refusal = Self::new(422, "Invalid", format!("{qualified} {} is invalid: {all}", quoted(name))).about(group, kind, name);
        let details = refusal.details.get_or_insert_default();
        details.causes = errors.iter().map(|e| Cause { reason: e.kind.reason(), message: e.body(), field: e.path.clone() }).collect();
        refusal
    }

    /// 422 with a sentence of its own: a patch that cannot be applied.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        let mut error = Self::new(422, "Invalid", message);
        error.details = Some(Box::default());
        error
    }

    /// 403: admission says no.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", kind.qualified())
        } else {
            format!("{} {} is forbidden: {why}", kind.qualified(), quoted(name))
        };
        Self::new(403, "Forbidden", message).about(kind.group, kind.plural, name)
    }

    /// 403: the namespace is on its way out.
    pub fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let cause = format!("namespace {namespace} is being terminated");
        Self::forbidden(kind, name, &why).with_cause("NamespaceTerminating", &cause, "metadata.namespace")
    }

    /// 403: this user may not. `resource` and `group` are those asked for; `scope` is ` in the namespace "n"` or ` at the cluster scope`.
    pub fn not_allowed(user: &str, verb: &str, group: &str, resource: &str, name: &str, namespace: Option<&str>) -> Self {
        let scope = namespace.map_or_else(|| " at the cluster scope".to_owned(), |n| format!(" in the namespace {}", quoted(n)));
        let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let object = if name.is_empty() { qualified } else { format!("{qualified} {}", quoted(name)) };
        let message =
            format!("{object} is forbidden: User {} cannot {verb} resource {} in API group {}{scope}", quoted(user), quoted(resource), quoted(group));
        Self::new(403, "Forbidden", message).about(group, resource, name)
    }

    /// 403 for a path that is no resource.
    pub fn path_not_allowed(user: &str, verb: &str, path: &str) -> Self {
        let mut error = Self::new(403, "Forbidden", format!("forbidden: User {} cannot {verb} path {}", quoted(user), quoted(path)));
        error.details = Some(Box::default());
        error
    }

    /// 401: the credential is not known.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let mut error = Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        error.details = Some(Box::default());
        error
    }

    /// 406.
    pub fn not_acceptable(possible: &str) -> Self {
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {possible}"))
    }

    /// 406 of the router, which names what there is in other words.
    pub fn not_routable(possible: &str) -> Self {
        let mut error = Self::new(406, "NotAcceptable", format!("406: Not Acceptable\n\nAvailable representations: {possible}"));
        error.details = Some(Box::default());
        error
    }

    /// 406 with a sentence of its own.
    pub fn plain_not_acceptable(why: String) -> Self {
        Self::new(406, "NotAcceptable", why)
    }

    /// Whether no handler has seen the request.
    pub fn is_from_router(&self) -> bool {
        self.message.starts_with("406: ")
    }

    /// 415.
    pub fn unsupported_media_type(possible: &str) -> Self {
        let message = format!("the body of the request was in an unknown format - accepted media types include: {possible}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 410: the revision asked for is no longer kept.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 413.
    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit_bytes}"))
    }

    /// 413: a patch that asks for more work than the server does.
    pub fn over_limit(why: impl Into<String>) -> Self {
        Self::new(413, "RequestEntityTooLarge", why)
    }

    /// 429: more requests at once than the server takes.
    pub fn too_many_requests() -> Self {
        Self::new(429, "TooManyRequests", "too many requests at once, please try again later").retry_after(1)
    }

    /// 500.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {why}")).with_cause("", &why.to_string(), "")
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message).retry_after(1)
    }

    /// 504: the request took longer than it may.
    pub fn timeout(message: impl std::fmt::Display) -> Self {
        let mut error = Self::new(504, "Timeout", format!("Timeout: {message}"));
        error.details = Some(Box::default());
        error
    }

    /// 504: a revision that does not exist yet.
    pub fn future_revision(asked: u64, current: u64) -> Self {
        Self::timeout(format_args!("Too large resource version: {asked}, current: {current}"))
            .with_cause("ResourceVersionTooLarge", "Too large resource version", "")
            .retry_after(1)
    }

    /// The `Status` object.
    pub fn to_value(&self) -> Value {
        let meta = match &self.resume {
            Some(token) => json!({ "continue": token }),
            None => json!({}),
        };
        let mut status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": meta, "status": "Failure", "message": self.message });
        if let Value::Object(fields) = &mut status {
            if !self.reason.is_empty() {
                fields.insert("reason".to_owned(), self.reason.into());
            }
            if let Some(details) = &self.details {
                fields.insert("details".to_owned(), details.to_value());
            }
            fields.insert("code".to_owned(), self.code.into());
        }
        status
    }
}

impl Details {
    fn to_value(&self) -> Value {
        let mut fields = Map::new();
        for (key, text) in [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)] {
            if !text.is_empty() {
                fields.insert(key.to_owned(), text.as_str().into());
            }
        }
        if !self.causes.is_empty() {
            fields.insert("causes".to_owned(), self.causes.iter().map(Cause::to_value).collect());
        }
        if self.retry_after_s > 0 {
            fields.insert("retryAfterSeconds".to_owned(), self.retry_after_s.into());
        }
        Value::Object(fields)
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let mut fields = Map::new();
        for (key, text) in [("reason", self.reason), ("message", self.message.as_str()), ("field", self.field.as_str())] {
            if !text.is_empty() {
                fields.insert(key.to_owned(), text.into());
            }
        }
        Value::Object(fields)
    }
}

/// The answer to a deletion that returns no object: `kind` is the resource.
pub fn success(kind: &Kind, name: &str, uid: &str) -> Value {
    let details =
        Details { name: name.to_owned(), group: kind.group.to_owned(), kind: kind.plural.to_owned(), uid: uid.to_owned(), ..Details::default() };
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details.to_value() })
}

fn quoted(text: &str) -> String {
    crate::field::quote(text)
}
