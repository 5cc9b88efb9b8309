//! Gateway API HTTPRoute, with the fields of the experimental channel that are compiled.
//!
//! Enumerations are kept as text, so that a route with a value nobody knows still decodes and gets a status that says so.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::meta::{Meta, list, object};
use crate::session::SessionPersistence;
use crate::text::{common, common_option};

/// Rules that lead HTTP requests from the listeners of its parents to backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRoute {
    /// Name, namespace, generation and so on.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: HttpRouteSpec,
}

/// `HTTPRoute.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteSpec {
    /// What it attaches to.
    #[serde(deserialize_with = "list")]
    pub parent_refs: Vec<ParentRef>,
    /// `All`: also to every default Gateway (GEP-3793).
    #[serde(deserialize_with = "common_option")]
    pub use_default_gateways: Option<Arc<str>>,
    /// Exact names and `*.` with a suffix; empty takes the listener's.
    #[serde(deserialize_with = "list")]
    pub hostnames: Vec<Arc<str>>,
    /// In order.
    #[serde(deserialize_with = "list")]
    pub rules: Vec<HttpRule>,
}

/// What a route attaches to, and the key of its entry in the status: absent fields stay absent there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParentRef {
    /// Absent is the Gateway API group.
    #[serde(deserialize_with = "common_option", skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// Absent is `Gateway`.
    #[serde(deserialize_with = "common_option", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Arc<str>>,
    /// Absent is the route's namespace.
    #[serde(deserialize_with = "common_option", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// The parent's name.
    #[serde(deserialize_with = "common")]
    pub name: Arc<str>,
    /// The listener's name; absent is every listener.
    #[serde(deserialize_with = "common_option", skip_serializing_if = "Option::is_none")]
    pub section_name: Option<Arc<str>>,
    /// The listener's port; absent is every port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
}

/// One rule of an HTTPRoute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRule {
    /// Its name, unique in the route.
    pub name: Option<Arc<str>>,
    /// Any of these; none means every path.
    #[serde(deserialize_with = "list")]
    pub matches: Vec<HttpMatch>,
    /// What is done, in order.
    #[serde(deserialize_with = "list")]
    pub filters: Vec<HttpFilter>,
    /// Where it goes, by weight.
    #[serde(deserialize_with = "list")]
    pub backend_refs: Vec<HttpBackend>,
    /// Deadlines. Few rules have any: boxed, as what follows.
    pub timeouts: Option<Box<HttpTimeouts>>,
    /// What is tried again.
    pub retry: Option<Box<HttpRetry>>,
    /// What keeps clients at their endpoints.
    pub session_persistence: Option<Box<SessionPersistence>>,
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    /// Absent is the prefix `/`.
    pub path: Option<TypedValue>,
    /// All of them; of two with one name the first.
    #[serde(deserialize_with = "list")]
    pub headers: Vec<NamedMatch>,
    /// All of them; of two with one name the first.
    #[serde(deserialize_with = "list")]
    pub query_params: Vec<NamedMatch>,
    /// Upper case.
    #[serde(deserialize_with = "common_option")]
    pub method: Option<Arc<str>>,
}

/// A value and how it is compared: `Exact`, `PathPrefix`, `RegularExpression`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypedValue {
    /// Absent is the default of the place.
    #[serde(rename = "type", deserialize_with = "common_option")]
    pub kind: Option<Arc<str>>,
    /// Absent is `/` for a path.
    pub value: Option<Arc<str>>,
}

/// A condition on a header or query parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamedMatch {
    /// `Exact` (also when absent) or `RegularExpression`.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// Whose value.
    pub name: Arc<str>,
    /// What it must be.
    pub value: Arc<str>,
}

/// A filter: `type` names the one member that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpFilter {
    /// `RequestHeaderModifier`, `ResponseHeaderModifier`, `RequestRedirect`, `URLRewrite`, `RequestMirror`, `CORS`, `ExtensionRef`, ...
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// For its type.
    pub request_header_modifier: Option<HeaderModifier>,
    /// For its type.
    pub response_header_modifier: Option<HeaderModifier>,
    /// For its type.
    pub request_redirect: Option<RequestRedirect>,
    /// For its type.
    pub url_rewrite: Option<UrlRewrite>,
    /// For its type.
    pub request_mirror: Option<RequestMirror>,
    /// For its type.
    pub cors: Option<CorsFilter>,
    /// For its type.
    pub external_auth: Option<ExternalAuthFilter>,
    /// For its type.
    pub extension_ref: Option<ExtensionRef>,
}

/// Changes of a header block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderModifier {
    /// Replaced.
    #[serde(deserialize_with = "list")]
    pub set: Vec<HeaderField>,
    /// Appended.
    #[serde(deserialize_with = "list")]
    pub add: Vec<HeaderField>,
    /// Removed.
    #[serde(deserialize_with = "list")]
    pub remove: Vec<Arc<str>>,
}

/// A header field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderField {
    /// Its name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Arc<str>,
}

/// `requestRedirect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestRedirect {
    /// `http` or `https`.
    pub scheme: Option<Arc<str>>,
    /// The new host.
    pub hostname: Option<Arc<str>>,
    /// The new path.
    pub path: Option<PathModifier>,
    /// The new port.
    pub port: Option<i32>,
    /// Absent is 302.
    pub status_code: Option<i32>,
}

/// `urlRewrite`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UrlRewrite {
    /// The new host.
    pub hostname: Option<Arc<str>>,
    /// The new path.
    pub path: Option<PathModifier>,
}

/// How a path is replaced: `type` names the member that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PathModifier {
    /// `ReplaceFullPath` or `ReplacePrefixMatch`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// For its type.
    pub replace_full_path: Option<Arc<str>>,
    /// For its type.
    pub replace_prefix_match: Option<Arc<str>>,
}

/// `requestMirror`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestMirror {
    /// Where copies go.
    pub backend_ref: BackendRef,
    /// Share of the requests, 0..=100.
    pub percent: Option<i32>,
    /// Share of the requests.
    pub fraction: Option<Fraction>,
}

/// `externalAuth` (GEP-1494).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalAuthFilter {
    /// `HTTP` or `GRPC`.
    pub protocol: Arc<str>,
    /// Who is asked.
    pub backend_ref: BackendRef,
    /// For its protocol.
    pub http: Option<AuthFields>,
    /// For its protocol.
    pub grpc: Option<AuthFields>,
    /// Whether the body is sent along.
    pub forward_body: Option<ForwardBody>,
}

/// What is sent to whoever is asked, and taken from its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthFields {
    /// Put before the path; of HTTP only.
    pub path: Option<Arc<str>>,
    /// Fields of the request that are sent.
    #[serde(deserialize_with = "list")]
    pub allowed_headers: Vec<Arc<str>>,
    /// Fields of the answer that are put into the request; of HTTP only.
    #[serde(deserialize_with = "list")]
    pub allowed_response_headers: Vec<Arc<str>>,
}

/// A bound of the body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardBody {
    /// In bytes; 0 sends none.
    pub max_size: i32,
}

/// A share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fraction {
    /// At most the denominator.
    pub numerator: i32,
    /// Absent is 100.
    pub denominator: Option<i32>,
}

/// `cors`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsFilter {
    /// Scheme and host, which may begin with `*`; `*` alone is any.
    #[serde(deserialize_with = "list")]
    pub allow_origins: Vec<Arc<str>>,
    /// Cookies and the like.
    pub allow_credentials: Option<bool>,
    /// `*` alone is any.
    #[serde(deserialize_with = "list")]
    pub allow_methods: Vec<Arc<str>>,
    /// `*` alone is any.
    #[serde(deserialize_with = "list")]
    pub allow_headers: Vec<Arc<str>>,
    /// `*` alone is any.
    #[serde(deserialize_with = "list")]
    pub expose_headers: Vec<Arc<str>>,
    /// Seconds; absent is 5.
    pub max_age: Option<i32>,
}

/// A filter of another group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtensionRef {
    /// Its group.
    pub group: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// A reference to a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendRef {
    /// Absent or empty is the core group.
    #[serde(deserialize_with = "common_option")]
    pub group: Option<Arc<str>>,
    /// Absent is `Service`.
    #[serde(deserialize_with = "common_option")]
    pub kind: Option<Arc<str>>,
    /// Its name.
    #[serde(deserialize_with = "common")]
    pub name: Arc<str>,
    /// Absent is the route's namespace.
    #[serde(deserialize_with = "common_option")]
    pub namespace: Option<Arc<str>>,
    /// The Service port's number.
    pub port: Option<i32>,
}

/// A backend of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpBackend {
    /// Which.
    #[serde(flatten)]
    pub to: BackendRef,
    /// Its share; absent is 1.
    pub weight: Option<i32>,
    /// Filters of its own.
    #[serde(deserialize_with = "list")]
    pub filters: Vec<HttpFilter>,
}

/// Deadlines as GEP-2257 durations: `1h30m`, `300ms`; zero is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpTimeouts {
    /// First request byte to last response byte.
    pub request: Option<Arc<str>>,
    /// One try.
    pub backend_request: Option<Arc<str>>,
}

/// A retry stanza (GEP-1731).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRetry {
    /// Statuses, 400..=599.
    #[serde(deserialize_with = "list")]
    pub codes: Vec<i32>,
    /// Retries, not tries; absent is 1.
    pub attempts: Option<i32>,
    /// A GEP-2257 duration.
    pub backoff: Option<Arc<str>>,
}

object!(HttpRoute, "gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", namespaced: true);
