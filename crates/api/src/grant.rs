//! Gateway API ReferenceGrant: leave to refer into a namespace from another one.

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, list, object};

/// Lets objects of other namespaces refer to objects of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReferenceGrant {
    /// Its namespace is the one referred into.
    pub metadata: Meta,
    /// Who may refer to what.
    pub spec: ReferenceGrantSpec,
}

/// `ReferenceGrant.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReferenceGrantSpec {
    /// Who may refer: any of these.
    #[serde(deserialize_with = "list")]
    pub from: Vec<GrantFrom>,
    /// To what: any of these.
    #[serde(deserialize_with = "list")]
    pub to: Vec<GrantTo>,
}

/// A kind of referrer in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrantFrom {
    /// Its group.
    pub group: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
}

/// A kind of target, or one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrantTo {
    /// Its group; empty is the core group.
    pub group: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Absent is every object of the kind.
    pub name: Option<Arc<str>>,
}

object!(ReferenceGrant, "gateway.networking.k8s.io", "v1beta1", "ReferenceGrant", "referencegrants", namespaced: true);
