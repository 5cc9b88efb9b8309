//! Gateway API BackendTLSPolicy: how connections to the backends of a Service are secured (GEP-1897).

use std::sync::Arc;

use serde::Deserialize;

use crate::backend_policy::PolicyTarget;
use crate::gateway::SecretRef;
use crate::meta::{Meta, list, object};

/// TLS to the backends of Services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendTlsPolicy {
    /// Name, namespace, generation and so on.
    pub metadata: Meta,
    /// What it asks for.
    pub spec: BackendTlsPolicySpec,
}

/// `BackendTLSPolicy.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendTlsPolicySpec {
    /// Services of its namespace, or single ports of them.
    #[serde(deserialize_with = "list")]
    pub target_refs: Vec<PolicyTarget>,
    /// Who may vouch for the backend, and what its certificate must say.
    pub validation: BackendTlsValidation,
}

/// `BackendTLSPolicy.spec.validation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendTlsValidation {
    /// ConfigMaps or Secrets of its namespace.
    #[serde(deserialize_with = "list")]
    pub ca_certificate_refs: Vec<SecretRef>,
    /// `System`.
    #[serde(rename = "wellKnownCACertificates")]
    pub well_known_ca_certificates: Option<Arc<str>>,
    /// The server name that is asked for; also what the certificate must be for, unless it says so by the next field.
    pub hostname: Arc<str>,
    /// Names of which the certificate must have one.
    #[serde(deserialize_with = "list")]
    pub subject_alt_names: Vec<SubjectAltName>,
}

/// A name that a certificate may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubjectAltName {
    /// `Hostname` or `URI`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// Of type `Hostname`.
    pub hostname: Option<Arc<str>>,
    /// Of type `URI`.
    pub uri: Option<Arc<str>>,
}

object!(BackendTlsPolicy, "gateway.networking.k8s.io", "v1", "BackendTLSPolicy", "backendtlspolicies", namespaced: true);
