//! `Namespace` (core v1).

use serde::Deserialize;
use std::sync::Arc;

use crate::meta::{Meta, object};

/// A Namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Metadata.
    pub metadata: Meta,
    /// Whether it is going.
    pub status: NamespaceStatus,
}

object!(Namespace, "", "v1", "Namespace", "namespaces", namespaced: false);

/// `Namespace.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NamespaceStatus {
    /// `Active` or `Terminating`.
    pub phase: Arc<str>,
}
