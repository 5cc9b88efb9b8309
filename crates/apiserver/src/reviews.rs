//! Reviews: questions about identities and rights. They are answered by the code that decides for real, and never stored.

use http::{Method, Response};
use serde_json::{Value, json};

use crate::access::{self, Identity};
use crate::body::Body;
use crate::call::Call;
use crate::decode;
use crate::field::{FieldErrors, Path};
use crate::negotiate;
use crate::query::{Write, WriteOptions};
use crate::request::Address;
use crate::server::Core;
use crate::status::{ApiError, Result};

impl Core {
    /// POST of a review.
    pub(crate) fn review(&self, call: &Call, method: &Method, identity: &Identity) -> Result<Response<Body>> {
        if *method != Method::POST || !call.address.name.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        if call.kind.namespaced != call.address.namespace.is_some() {
            return Err(ApiError::no_resource());
        }
        negotiate::plain(&call.headers)?;
        let options = WriteOptions::read(&call.query, Write::Create, call.user_agent())?;
        let mut object = decode::object(call, options.strictness)?;
        self.agree(call, &mut object)?;
        object["status"] = match call.kind.kind {
            "SelfSubjectReview" => {
                object["metadata"] = json!({ "creationTimestamp": self.timestamp() });
                json!({ "userInfo": user_info(identity) })
            }
            "TokenReview" if object["spec"]["token"].as_str().is_none_or(str::is_empty) => {
                return Err(ApiError::bad_request("token is required for TokenReview in authentication"));
            }
            "TokenReview" => self.token_status(&object["spec"]),
            "SelfSubjectRulesReview" if object["spec"]["namespace"].as_str().is_none_or(str::is_empty) => {
                return Err(ApiError::bad_request("no namespace on request"));
            }
            "SelfSubjectRulesReview" => rules_status(identity),
            "SelfSubjectAccessReview" => {
                refuse(call, access_errors(&object["spec"], None))?;
                access_status(identity, &object["spec"])
            }
            _ => {
                let namespace = call.address.namespace.as_deref();
                refuse(call, [subject_errors(&object["spec"]), access_errors(&object["spec"], namespace)].concat())?;
                access_status(&subject(&object["spec"]), &object["spec"])
            }
        };
        Ok(call.reply(201, &object))
    }

    fn token_status(&self, spec: &Value) -> Value {
        match self.tokens.find(spec["token"].as_str().unwrap_or_default()) {
            Some(identity) => json!({ "authenticated": true, "user": user_info(identity), "audiences": spec["audiences"] }),
            None => json!({ "user": {}, "error": "invalid bearer token" }),
        }
    }
}

/// Upstream names no kind here.
fn refuse(call: &Call, errors: FieldErrors) -> Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid(call.kind.group, "", "", &errors)) }
}

fn user_info(identity: &Identity) -> Value {
    let mut user = json!({ "username": identity.user });
    if !identity.uid.is_empty() {
        user["uid"] = identity.uid.as_str().into();
    }
    user["groups"] = identity.all_groups().into();
    if !identity.extra.is_empty() {
        user["extra"] = identity.extra.iter().map(|(key, values)| (key.clone(), Value::from(values.as_slice()))).collect();
    }
    user
}

/// Whom a SubjectAccessReview asks about.
fn subject(spec: &Value) -> Identity {
    let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Identity::new(spec["user"].as_str().unwrap_or_default(), groups)
}

fn subject_errors(spec: &Value) -> FieldErrors {
    let is_empty = |field: &str| spec[field].as_str().is_none_or(str::is_empty) && spec[field].as_array().is_none_or(Vec::is_empty);
    if is_empty("user") && is_empty("groups") {
        return vec![Path::new("spec").child("user").invalid("", "at least one of user or group must be specified")];
    }
    FieldErrors::new()
}

/// Exactly one of the two questions, and that of a local review in its namespace.
fn access_errors(spec: &Value, namespace: Option<&str>) -> FieldErrors {
    let at = Path::new("spec");
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let mut errors = FieldErrors::new();
    match (resource.is_object(), path.is_object()) {
        (true, true) => {
            errors.push(at.child("nonResourceAttributes").invalid(path.to_string(), "cannot be specified in combination with resourceAttributes"))
        }
        (false, false) => errors.push(
            at.child("resourceAttributes").invalid(Value::Null, "exactly one of nonResourceAttributes or resourceAttributes must be specified"),
        ),
        _ => {}
    }
    if let Some(namespace) = namespace {
        let asked = resource["namespace"].as_str().unwrap_or_default();
        if path.is_object() {
            errors.push(at.child("nonResourceAttributes").invalid(path.to_string(), "disallowed on this kind of request"));
        } else if asked != namespace {
            errors.push(at.child("resourceAttributes").child("namespace").invalid(asked, "must match metadata.namespace"));
        }
    }
    errors
}

fn access_status(identity: &Identity, spec: &Value) -> Value {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let path = &spec["nonResourceAttributes"];
    let decision = if path.is_object() {
        access::authorize_path(identity, &text(path, "verb"), &text(path, "path"))
    } else {
        let asked = &spec["resourceAttributes"];
        let address = Address {
            group: text(asked, "group"),
            version: text(asked, "version"),
            namespace: Some(text(asked, "namespace")).filter(|n| !n.is_empty()),
            resource: text(asked, "resource"),
            name: text(asked, "name"),
            subresource: text(asked, "subresource"),
            ..Address::default()
        };
        access::authorize_resource(identity, &text(asked, "verb"), &address)
    };
    match decision {
        Ok(()) if identity.is_master() => json!({ "allowed": true, "reason": "member of group system:masters" }),
        Ok(()) => json!({ "allowed": true, "reason": "open to everybody with a credential" }),
        Err(_) => json!({ "allowed": false, "reason": "this server grants rights to group system:masters only" }),
    }
}

fn rules_status(identity: &Identity) -> Value {
    let (resources, paths) = if identity.is_master() {
        (json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }]), json!([{ "verbs": ["*"], "nonResourceURLs": ["*"] }]))
    } else {
        let open = |(group, resource): &(&str, &str)| json!({ "verbs": ["create"], "apiGroups": [group], "resources": [resource] });
        (access::OPEN_REVIEWS.iter().map(open).collect(), json!([{ "verbs": ["get"], "nonResourceURLs": access::open_paths(identity) }]))
    };
    json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": false })
}
