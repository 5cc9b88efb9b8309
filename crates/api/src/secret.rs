//! `v1` Secret, of which only a certificate and its key are read.

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, object};

/// A Secret of type `kubernetes.io/tls`. The texts stay base64 until somebody compiles them, and never reach a log.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Name, namespace, version and so on.
    pub metadata: Meta,
    /// `kubernetes.io/tls`, `Opaque`, ...
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// The fields of `data` that we know.
    pub data: SecretData,
}

/// `Secret.data`, as far as it is read.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SecretData {
    /// PEM certificates, base64.
    #[serde(rename = "tls.crt")]
    pub certificate: Option<Arc<str>>,
    /// PEM private key, base64.
    #[serde(rename = "tls.key")]
    pub key: Option<Arc<str>>,
    /// What the certificate's authority says of it, DER (RFC 6960), base64.
    #[serde(rename = "tls.ocsp-staple")]
    pub staple: Option<Arc<str>>,
    /// PEM certificates of authorities, base64.
    #[serde(rename = "ca.crt")]
    pub authorities: Option<Arc<str>>,
}

impl std::fmt::Debug for Secret {
    /// The name only: the contents never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("namespace", &self.metadata.namespace).field("name", &self.metadata.name).finish_non_exhaustive()
    }
}

object!(Secret, "", "v1", "Secret", "secrets", namespaced: true);
