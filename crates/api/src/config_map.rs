//! `v1` ConfigMap, of which only certificates of authorities are read.

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, object};

/// A ConfigMap that somebody refers to for its authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigMap {
    /// Name, namespace, version and so on.
    pub metadata: Meta,
    /// The fields of `data` that we know.
    pub data: ConfigMapData,
}

/// `ConfigMap.data`, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ConfigMapData {
    /// PEM certificates.
    #[serde(rename = "ca.crt")]
    pub authorities: Option<Arc<str>>,
}

object!(ConfigMap, "", "v1", "ConfigMap", "configmaps", namespaced: true);
