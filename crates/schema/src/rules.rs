//! Rules between fields, which upstream states as CEL in its CustomResourceDefinitions. One function a message; the
//! path of a violation is that of the list or object the rule is about.
//!
//! They see objects with defaults applied, in which nothing is missing, too large or of the wrong type.

mod gateway;
mod policy;
mod route;

use serde_json::{Map, Value};

use crate::table::Message;
use crate::validate::{Violation, ViolationKind};

/// Whether a kind has rules at all: what its definition states beyond shapes and bounds.
pub fn exist(message: &'static Message) -> bool {
    message.gvk.is_some_and(|(group, _, kind)| group == "gateway.networking.k8s.io" && kind != "ReferenceGrant")
}

/// Runs the rules of a message.
pub fn check(message: &'static Message, object: &Map<String, Value>, path: &str, found: &mut Vec<Violation>) {
    let part = message.name.rsplit('.').next().unwrap_or_default();
    let mut scope = Scope { object, path, found };
    match part {
        "GatewaySpec" => gateway::spec(&mut scope),
        "ListenerSetSpec" => gateway::listener_set(&mut scope),
        "GatewaySpecAddress" | "GatewayStatusAddress" => gateway::address(&mut scope),
        "GatewayInfrastructure" => gateway::infrastructure(&mut scope),
        "Listener" | "ListenerEntry" => gateway::listener(&mut scope),
        "ListenerTLSConfig" => gateway::listener_tls(&mut scope),
        "FrontendTLSConfig" => gateway::frontend_tls(&mut scope),
        "FrontendTLSValidation" => gateway::frontend_validation(&mut scope),
        "HTTPRouteSpec" | "GRPCRouteSpec" | "TCPRouteSpec" | "UDPRouteSpec" | "TLSRouteSpec" => route::spec(&mut scope, part),
        "HTTPRouteRule" => route::http_rule(&mut scope),
        "GRPCRouteRule" => route::filters(&mut scope),
        "HTTPBackendRef" | "GRPCBackendRef" => {
            route::backend(&mut scope);
            route::filters(&mut scope);
        }
        "BackendRef" | "BackendObjectReference" => route::backend(&mut scope),
        "HTTPRouteFilter" | "GRPCRouteFilter" | "ListenerFilter" => route::filter(&mut scope),
        "HTTPCORSFilter" => route::cors(&mut scope),
        "HTTPExternalAuthFilter" => route::external_auth(&mut scope),
        "HTTPRequestMirrorFilter" => route::mirror(&mut scope),
        "Fraction" => route::fraction(&mut scope),
        "HTTPPathModifier" => route::path_modifier(&mut scope),
        "HTTPPathMatch" => route::path_match(&mut scope),
        "GRPCMethodMatch" => route::grpc_method(&mut scope),
        "HTTPRouteTimeouts" => route::timeouts(&mut scope),
        "SessionPersistence" => route::session_persistence(&mut scope),
        "BackendTLSPolicySpec" => policy::backend_tls(&mut scope),
        "BackendTLSPolicyValidation" => policy::validation(&mut scope),
        "SubjectAltName" => policy::subject_alt_name(&mut scope),
        _ => {}
    }
}

/// The object a rule looks at, and where it is.
pub(crate) struct Scope<'a> {
    object: &'a Map<String, Value>,
    path: &'a str,
    found: &'a mut Vec<Violation>,
}

impl Scope<'_> {
    fn text(&self, name: &str) -> &str {
        text(self.object, name)
    }

    fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    fn list(&self, name: &str) -> &[Value] {
        list(self.object, name)
    }

    /// The object itself breaks a rule.
    fn fail(&mut self, detail: &str) {
        self.push(self.path.to_owned(), "object", detail);
    }

    /// A field breaks a rule.
    fn fail_at(&mut self, field: &str, detail: &str) {
        let shown = match self.object.get(field) {
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
            Some(value) => {
                let violation =
                    Violation { path: self.below(field), kind: ViolationKind::Invalid, value: Some(value.clone()), detail: detail.to_owned() };
                self.found.push(violation);
                return;
            }
            None => "null",
        };
        self.push(self.below(field), shown, detail);
    }

    /// Fails unless `holds`.
    fn require(&mut self, holds: bool, detail: &str) {
        if !holds {
            self.fail(detail);
        }
    }

    fn below(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    fn push(&mut self, path: String, shown: &str, detail: &str) {
        self.found.push(Violation { path, kind: ViolationKind::Invalid, value: Some(Value::from(shown)), detail: detail.to_owned() });
    }
}

/// A text field; empty when absent.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list field; empty when absent.
fn list<'a>(object: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The objects of a list field.
fn objects<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> + Clone {
    list(object, name).iter().filter_map(Value::as_object)
}

/// Whether no two items have the same key.
fn unique<T: std::hash::Hash + Eq>(mut keys: impl Iterator<Item = T>) -> bool {
    let mut seen = std::collections::HashSet::new();
    keys.all(|key| seen.insert(key))
}

/// A Go duration in nanoseconds, of the units that the API allows; `None` when it is none.
fn duration(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some(total)
}
