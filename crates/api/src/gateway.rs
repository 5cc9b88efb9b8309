//! Gateway API v1: GatewayClass and Gateway.
//!
//! Enumerations are kept as text, so that an object with a value nobody knows still decodes and gets a status that says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, list, nullable, object};
use crate::selector::Selector;

/// The group of all Gateway API kinds.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// Who serves the Gateways that name this class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayClass {
    /// Name, generation and so on.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: GatewayClassSpec,
}

/// `GatewayClass.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayClassSpec {
    /// The controller's name.
    pub controller_name: Arc<str>,
    /// None is supported.
    pub parameters_ref: Option<ParametersRef>,
}

/// A reference to an object with settings of an implementation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParametersRef {
    /// Its group.
    pub group: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// An address with listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Gateway {
    /// Name, namespace, generation and so on.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: GatewaySpec,
    /// What we said last, as far as it is read.
    pub status: GatewayStatus,
}

/// `Gateway.status`, as far as it is read: an address that was given once is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayStatus {
    /// Where it is reached.
    #[serde(deserialize_with = "list")]
    pub addresses: Vec<GatewayAddress>,
}

/// `Gateway.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewaySpec {
    /// Its GatewayClass.
    pub gateway_class_name: Arc<str>,
    /// Ports with what is spoken on them.
    #[serde(deserialize_with = "list")]
    pub listeners: Vec<GatewayListener>,
    /// The addresses asked for; empty leaves the choice to us.
    #[serde(deserialize_with = "list")]
    pub addresses: Vec<GatewayAddress>,
    /// What generated objects carry.
    pub infrastructure: Option<Infrastructure>,
    /// TLS of the whole Gateway.
    pub tls: Option<GatewayTls>,
    /// `All`: routes that ask for default Gateways attach (GEP-3793).
    pub default_scope: Option<Arc<str>>,
}

/// `Gateway.spec.tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayTls {
    /// Towards backends.
    pub backend: Option<GatewayBackendTls>,
    /// Towards clients.
    pub frontend: Option<GatewayFrontendTls>,
}

/// `Gateway.spec.tls.backend`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayBackendTls {
    /// The Secret whose certificate we show to backends.
    pub client_certificate_ref: Option<SecretRef>,
}

/// `Gateway.spec.tls.frontend`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayFrontendTls {
    /// For every port that `per_port` does not name.
    pub default: FrontendTls,
    /// For single ports, wholly.
    #[serde(deserialize_with = "list")]
    pub per_port: Vec<FrontendPort>,
}

/// TLS towards the clients of one port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontendPort {
    /// The port.
    pub port: i32,
    /// What holds there.
    pub tls: FrontendTls,
}

/// TLS towards clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontendTls {
    /// What clients must show; absent is nothing.
    pub validation: Option<FrontendValidation>,
}

/// What is asked of clients' certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontendValidation {
    /// Who may vouch for clients.
    #[serde(deserialize_with = "list")]
    pub ca_certificate_refs: Vec<SecretRef>,
    /// `AllowValidOnly` (also when absent) or `AllowInsecureFallback`.
    pub mode: Option<Arc<str>>,
}

/// `Gateway.spec.infrastructure`, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Infrastructure {
    /// None is supported.
    pub parameters_ref: Option<ParametersRef>,
}

/// An address that a Gateway asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayAddress {
    /// `IPAddress` (also when absent), `Hostname`, or a name with a domain.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// Empty leaves the choice to us.
    pub value: Arc<str>,
    /// From where it must be reachable (GEP-5093); empty leaves that to us, too.
    pub routability: Option<Arc<str>>,
}

/// A listener of a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayListener {
    /// Unique in the Gateway.
    pub name: Arc<str>,
    /// Exact name or `*.` and a suffix; absent is any.
    pub hostname: Option<Arc<str>>,
    /// 1..=65535.
    pub port: i32,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or a name with a domain.
    pub protocol: Arc<str>,
    /// Certificates.
    pub tls: Option<ListenerTls>,
    /// Which routes may attach.
    pub allowed_routes: Option<AllowedRoutes>,
    /// What runs before any route (GEP-5224).
    pub filters: Option<ListenerFilters>,
}

/// `listeners[].filters`, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerFilters {
    /// For each request, in order.
    #[serde(deserialize_with = "list")]
    pub requests: Vec<ListenerFilter>,
}

/// A filter of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerFilter {
    /// `ExternalAuth` or `ExtensionRef`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
}

/// `listeners[].tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerTls {
    /// `Terminate` (also when absent) or `Passthrough`.
    pub mode: Option<Arc<str>>,
    /// Secrets.
    #[serde(deserialize_with = "list")]
    pub certificate_refs: Vec<SecretRef>,
    /// Settings by `fairlead.dev/` names.
    #[serde(deserialize_with = "nullable")]
    pub options: BTreeMap<Arc<str>, Arc<str>>,
}

/// A reference to a Secret (or to something that is not one).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretRef {
    /// Absent or empty is the core group.
    pub group: Option<Arc<str>>,
    /// Absent is `Secret`.
    pub kind: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// Absent is the namespace of the referrer.
    pub namespace: Option<Arc<str>>,
}

/// `listeners[].allowedRoutes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AllowedRoutes {
    /// From which namespaces.
    pub namespaces: Option<RouteNamespaces>,
    /// Which kinds; empty is every kind that fits the protocol.
    #[serde(deserialize_with = "list")]
    pub kinds: Vec<RouteKind>,
}

/// `allowedRoutes.namespaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteNamespaces {
    /// `Same` (also when absent), `All`, `Selector` or `None`.
    pub from: Option<Arc<str>>,
    /// Labels of namespaces, for `Selector`.
    pub selector: Option<Selector>,
}

/// A kind of route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteKind {
    /// Absent is the Gateway API group.
    pub group: Option<Arc<str>>,
    /// `HTTPRoute`, ...
    pub kind: Arc<str>,
}

object!(GatewayClass, "gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", namespaced: false);

object!(Gateway, "gateway.networking.k8s.io", "v1", "Gateway", "gateways", namespaced: true);
