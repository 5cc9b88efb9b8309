//! The Gateway API's kinds. What their definitions state comes from the field tables; here are only what a table cannot say, and the columns.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schema::Gvk;
use serde_json::{Value, json};

use super::cells::{self, column, wide};
use super::structural;
use super::value::{default_absent, list, optional_text, text};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};

const GROUP: &str = "gateway.networking.k8s.io";
const GATEWAY_CLASS: Gvk<'static> = Gvk { group: GROUP, version: "v1", kind: "GatewayClass" };
const GATEWAY: Gvk<'static> = Gvk { group: GROUP, version: "v1", kind: "Gateway" };
const HTTP_ROUTE: Gvk<'static> = Gvk { group: GROUP, version: "v1", kind: "HTTPRoute" };
const BACKEND_TLS_POLICY: Gvk<'static> = Gvk { group: GROUP, version: "v1", kind: "BackendTLSPolicy" };
const REFERENCE_GRANT: Gvk<'static> = Gvk { group: GROUP, version: "v1beta1", kind: "ReferenceGrant" };

/// The condition of an object that no controller has looked at, as the definitions have it by default.
fn waiting(kind: &str) -> Value {
    json!({"type": kind, "status": "Unknown", "reason": "Pending", "message": "Waiting for controller", "lastTransitionTime": "1970-01-01T00:00:00Z"})
}

/// The rules of GatewayClasses.
pub struct GatewayClass;

impl Rules for GatewayClass {
    fn defaults(&self, object: &mut Value) {
        structural::fill(GATEWAY_CLASS, object);
        default_absent(object, "status", json!({"conditions": [waiting("Accepted")]}));
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        structural::check(GATEWAY_CLASS, object)
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = self.validate_create(new, settings);
        if text(&new["spec"], "controllerName") != text(&old["spec"], "controllerName") {
            let spec = Path::new("spec");
            errors.push(spec.child("controllerName").invalid("string", "Value is immutable"));
        }
        errors
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> FieldErrors {
        structural::check(GATEWAY_CLASS, new)
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
        structural::fill(GATEWAY, object);
        default_absent(object, "status", json!({"conditions": [waiting("Accepted"), waiting("Programmed")]}));
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        structural::check(GATEWAY, object)
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> FieldErrors {
        structural::check(GATEWAY, new)
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

/// The rules of HTTPRoutes.
pub struct HttpRoute;

impl Rules for HttpRoute {
    fn defaults(&self, object: &mut Value) {
        structural::fill(HTTP_ROUTE, object);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        structural::check(HTTP_ROUTE, object)
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> FieldErrors {
        structural::check(HTTP_ROUTE, new)
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Hostnames", "Hosts that requests are matched by."), AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        // A list is shown as JSON, an absent one as nothing.
        let hostnames = object["spec"].get("hostnames").filter(|h| !h.is_null()).map_or(Value::Null, |h| h.to_string().into());
        vec![cells::name(object), hostnames, cells::age(object, now)]
    }
}

/// The rules of ReferenceGrants.
pub struct ReferenceGrant;

impl Rules for ReferenceGrant {
    fn defaults(&self, object: &mut Value) {
        structural::fill(REFERENCE_GRANT, object);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        structural::check(REFERENCE_GRANT, object)
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }
}

/// The rules of BackendTLSPolicies.
pub struct BackendTlsPolicy;

impl Rules for BackendTlsPolicy {
    fn defaults(&self, object: &mut Value) {
        structural::fill(BACKEND_TLS_POLICY, object);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        structural::check(BACKEND_TLS_POLICY, object)
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> FieldErrors {
        structural::check(BACKEND_TLS_POLICY, new)
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
