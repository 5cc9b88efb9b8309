//! `networking.k8s.io/v1` Ingress and IngressClass.

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, list, object};

/// Rules that lead HTTP requests by host and path to Services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ingress {
    /// Name, namespace, labels and so on.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: IngressSpec,
}

/// `Ingress.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressSpec {
    /// The IngressClass, where it is named.
    pub ingress_class_name: Option<Arc<str>>,
    /// Serves what no rule matches.
    pub default_backend: Option<IngressBackend>,
    /// Hosts and their paths.
    #[serde(deserialize_with = "list")]
    pub rules: Vec<IngressRule>,
    /// Hosts and their certificates.
    #[serde(deserialize_with = "list")]
    pub tls: Vec<IngressTls>,
}

/// One host of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressRule {
    /// Exact, `*.` and a suffix, or empty for any host.
    pub host: Arc<str>,
    /// Its paths; absent sends everything to the default backend.
    pub http: Option<IngressHttp>,
}

/// The paths of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressHttp {
    /// In listed order, which does not matter.
    #[serde(deserialize_with = "list")]
    pub paths: Vec<IngressPath>,
}

/// One path of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressPath {
    /// Begins with `/`; empty is `/`.
    pub path: Arc<str>,
    /// `Exact`, `Prefix` or `ImplementationSpecific`.
    pub path_type: Arc<str>,
    /// Where it leads.
    pub backend: IngressBackend,
}

/// A Service port, or a resource that we do not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressBackend {
    /// A Service of the Ingress's namespace.
    pub service: Option<IngressService>,
    /// Another object; unsupported.
    pub resource: Option<TypedRef>,
}

/// A Service and one of its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressService {
    /// The Service's name.
    pub name: Arc<str>,
    /// Its port.
    pub port: IngressPort,
}

/// A Service port by name or by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressPort {
    /// Set when the port is named.
    pub name: Arc<str>,
    /// Set when it is not; 0 otherwise.
    pub number: i32,
}

/// A reference to an object by group, kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypedRef {
    /// Empty for the core group.
    pub api_group: Arc<str>,
    /// The kind.
    pub kind: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

/// Hosts that share a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressTls {
    /// Exact names and wildcards of one label; empty means the names of the certificate.
    #[serde(deserialize_with = "list")]
    pub hosts: Vec<Arc<str>>,
    /// A Secret of the Ingress's namespace; empty means the default certificate.
    pub secret_name: Arc<str>,
}

/// Who serves the Ingresses that name this class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressClass {
    /// Name, annotations and so on.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: IngressClassSpec,
}

/// `IngressClass.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressClassSpec {
    /// The controller's name.
    pub controller: Arc<str>,
    /// Unsupported; a diagnostic when set.
    pub parameters: Option<TypedRef>,
}

object!(Ingress, "networking.k8s.io", "v1", "Ingress", "ingresses", namespaced: true);

object!(IngressClass, "networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced: false);
