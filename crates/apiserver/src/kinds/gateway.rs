//! GatewayClass, Gateway and ReferenceGrant. What their definitions state as CEL rules is written out here, with the same texts and paths;
//! types, bounds and patterns come from the field tables.

mod http_route;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schema::Gvk;
use serde_json::{Value, json};

use super::cells::{self, column, wide};
use super::structural;
use super::value::{default_absent, has, list, map, number, optional_text, text};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax;

pub use http_route::HttpRoute;
pub(super) use http_route::persistence_rules;

pub(super) const GROUP: &str = "gateway.networking.k8s.io";
const SPEC: Path<'static> = Path::new("spec");
/// How a broken CEL rule shows the value it is about: by its type.
pub(super) const OBJECT: &str = "object";
pub(super) const ARRAY: &str = "array";

fn waiting(kind: &str) -> Value {
    json!({"type": kind, "status": "Unknown", "reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"})
}

/// The rules of GatewayClasses.
pub struct GatewayClass;

impl Rules for GatewayClass {
    fn defaults(&self, object: &mut Value) {
        structural::fill(Gvk { group: GROUP, version: "v1", kind: "GatewayClass" }, object);
        default_absent(object, "status", json!({"conditions": [waiting("Accepted")]}));
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = self.validate_create(new, settings);
        if text(&new["spec"], "controllerName") != text(&old["spec"], "controllerName") {
            errors.push(SPEC.child("controllerName").invalid("string", "Value is immutable"));
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("Controller", "Who serves this class."),
                column("Accepted", "Whether the controller takes it."),
                AGE,
                wide("Description", "What it is for."),
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let spec = &object["spec"];
        vec![
            cells::name(object),
            cell(optional_text(spec, "controllerName")),
            condition(&object["status"], "Accepted"),
            cells::age(object, now),
            cell(optional_text(spec, "description")),
        ]
    }
}

/// The rules of Gateways.
pub struct Gateway;

impl Rules for Gateway {
    fn defaults(&self, object: &mut Value) {
        structural::fill(Gvk { group: GROUP, version: "v1", kind: "Gateway" }, object);
        default_absent(object, "status", json!({"conditions": [waiting("Accepted"), waiting("Programmed")]}));
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let (spec, mut errors) = (&object["spec"], FieldErrors::new());
        check_addresses(spec, &mut errors);
        check_infrastructure(&spec["infrastructure"], &mut errors);
        check_listeners(list(spec, "listeners"), &mut errors);
        let (tls, ports) = (SPEC.child("tls"), list(&spec["tls"]["frontend"], "perPort"));
        if repeats(ports, |a, b| number(a, "port") == number(b, "port")) {
            errors.push(tls.child("frontend").child("perPort").invalid(ARRAY, "Port for TLS configuration must be unique within the Gateway"));
        }
        errors
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("Class", "The GatewayClass that serves it."),
                column("Address", "Where it is reached."),
                column("Programmed", "Whether it is in force."),
                AGE,
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let status = &object["status"];
        vec![
            cells::name(object),
            cell(optional_text(&object["spec"], "gatewayClassName")),
            cell(list(status, "addresses").first().and_then(|a| optional_text(a, "value"))),
            condition(status, "Programmed"),
            cells::age(object, now),
        ]
    }
}

/// The rules of ReferenceGrants: their table says everything.
pub struct ReferenceGrant;

impl Rules for ReferenceGrant {
    fn defaults(&self, object: &mut Value) {
        structural::fill(Gvk { group: GROUP, version: "v1beta1", kind: "ReferenceGrant" }, object);
    }
}

/// A cell of a path that leads nowhere is empty, not a word.
pub(super) fn cell(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

/// The status of a condition.
pub(super) fn condition(status: &Value, kind: &str) -> Value {
    cell(list(status, "conditions").iter().find(|c| text(c, "type") == kind).and_then(|c| optional_text(c, "status")))
}

/// Whether two items are the same in the sense of `same`.
pub(super) fn repeats(items: &[Value], same: impl Fn(&Value, &Value) -> bool) -> bool {
    items.iter().enumerate().any(|(i, a)| items[..i].iter().any(|b| same(a, b)))
}

fn is_host_or_wildcard(name: &str) -> bool {
    syntax::is_subdomain(name.strip_prefix("*.").unwrap_or(name))
}

fn check_addresses(spec: &Value, errors: &mut FieldErrors) {
    let (addresses, at) = (list(spec, "addresses"), SPEC.child("addresses"));
    for kind in ["IPAddress", "Hostname"] {
        let named: Vec<Value> = addresses.iter().filter(|a| text(a, "type") == kind && has(a, "value")).cloned().collect();
        if repeats(&named, |a, b| text(a, "value") == text(b, "value")) {
            errors.push(at.invalid(ARRAY, format!("{kind} values must be unique")));
        }
    }
    for (index, address) in addresses.iter().enumerate().filter(|(_, a)| text(a, "type") == "Hostname") {
        if optional_text(address, "value").is_some_and(|v| !is_host_or_wildcard(v)) {
            let pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
            errors
                .push(at.index(index).invalid(OBJECT, format!("Hostname value must be empty or contain only valid characters (matching {pattern})")));
        }
    }
}

fn check_infrastructure(infrastructure: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("infrastructure");
    for (field, what, lower) in [("annotations", "Annotation", "annotation"), ("labels", "Label", "label")] {
        let keys = map(infrastructure, field).keys();
        let (mut form, mut prefix) = (false, false);
        for key in keys {
            form |= !syntax::qualified_name(key).is_empty();
            prefix |= key.split('/').next().is_some_and(|p| p.len() >= 253);
        }
        if form {
            let words = "keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.";
            errors.push(at.child(field).invalid(OBJECT, format!("{what} {words}")));
        }
        if prefix {
            errors.push(
                at.child(field).invalid(
                    OBJECT,
                    format!("If specified, the {lower} key's prefix must be a DNS subdomain not longer than 253 characters in total."),
                ),
            );
        }
    }
}

fn check_listeners(listeners: &[Value], errors: &mut FieldErrors) {
    let at = SPEC.child("listeners");
    let protocol = |l: &Value| text(l, "protocol").to_owned();
    let mode = |l: &Value| text(&l["tls"], "mode").to_owned();
    let mut rule = |broken: bool, message: &str| {
        if broken {
            errors.push(at.invalid(ARRAY, message));
        }
    };
    let any = |test: &dyn Fn(&Value) -> bool| listeners.iter().any(test);
    rule(
        any(&|l| matches!(protocol(l).as_str(), "HTTP" | "TCP" | "UDP") && has(l, "tls")),
        "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
    );
    rule(
        any(&|l| protocol(l) == "HTTPS" && has(l, "tls") && !matches!(mode(l).as_str(), "" | "Terminate")),
        "tls mode must be Terminate for protocol HTTPS",
    );
    rule(any(&|l| protocol(l) == "TLS" && mode(l).is_empty()), "tls mode must be set for protocol TLS");
    rule(
        any(&|l| matches!(protocol(l).as_str(), "TCP" | "UDP") && !text(l, "hostname").is_empty()),
        "hostname must not be specified for protocols ['TCP', 'UDP']",
    );
    rule(repeats(listeners, |a, b| text(a, "name") == text(b, "name")), "Listener name must be unique within the Gateway");
    let same_place = |a: &Value, b: &Value| {
        number(a, "port") == number(b, "port")
            && text(a, "protocol") == text(b, "protocol")
            && optional_text(a, "hostname") == optional_text(b, "hostname")
    };
    rule(repeats(listeners, same_place), "Combination of port, protocol and hostname must be unique for each listener");
    for (index, listener) in listeners.iter().enumerate().filter(|(_, l)| has(l, "tls")) {
        let tls = &listener["tls"];
        if text(tls, "mode") == "Terminate" && list(tls, "certificateRefs").is_empty() && map(tls, "options").is_empty() {
            errors.push(at.index(index).child("tls").invalid(OBJECT, "certificateRefs or options must be specified when mode is Terminate"));
        }
    }
}

/// The hostnames of a route as its column shows them.
pub(super) fn json_cell(object: &Value, field: &str) -> Value {
    match object.get(field) {
        Some(found) if !found.is_null() => Value::from(texts_as_json(found)),
        _ => Value::Null,
    }
}

fn texts_as_json(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}
