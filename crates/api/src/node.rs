//! `Node` (core v1).

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, list, object};
use crate::pod::StatusCondition;

/// The node label of its zone.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Metadata.
    pub metadata: Meta,
    /// What is asked of it.
    pub spec: NodeSpec,
    /// What it says.
    pub status: NodeStatus,
}

object!(Node, "", "v1", "Node", "nodes", namespaced: false);

impl Node {
    /// Its zone, by label.
    pub fn zone(&self) -> Option<&Arc<str>> {
        self.metadata.labels.get(ZONE_LABEL).filter(|zone| !zone.is_empty())
    }
}

/// `Node.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSpec {
    /// Networks of its Pods.
    #[serde(rename = "podCIDRs", deserialize_with = "list")]
    pub pod_cidrs: Vec<Arc<str>>,
}

/// `Node.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// Its addresses.
    #[serde(deserialize_with = "list")]
    pub addresses: Vec<NodeAddress>,
    /// Conditions, `Ready` first of all.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<StatusCondition>,
}

/// `status.addresses[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname`, ...
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// The address or name.
    pub address: Arc<str>,
}
