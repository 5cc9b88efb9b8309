//! `Pod` (core v1), as far as naming and reaching it goes.

use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{Meta, list, object};
use crate::text::common;

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Metadata.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: PodSpec,
    /// What a node says.
    pub status: PodStatus,
}

object!(Pod, "", "v1", "Pod", "pods", namespaced: true);

/// `Pod.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// The node it runs on; empty while unscheduled.
    #[serde(deserialize_with = "common")]
    pub node_name: Arc<str>,
    /// Its host name, where it sets one.
    pub hostname: Arc<str>,
    /// The headless service it belongs to by name.
    pub subdomain: Arc<str>,
    /// Whether it shares the node's addresses.
    pub host_network: bool,
    /// Containers, for their ports.
    #[serde(deserialize_with = "list")]
    pub containers: Vec<Container>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its ports, which named target ports resolve by.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<ContainerPort>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerPort {
    /// Empty when unnamed.
    #[serde(deserialize_with = "common")]
    pub name: Arc<str>,
    /// The number.
    pub container_port: i32,
    /// `TCP` (or empty), `UDP`, `SCTP`.
    #[serde(deserialize_with = "common")]
    pub protocol: Arc<str>,
}

/// `Pod.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: Arc<str>,
    /// The primary address.
    #[serde(rename = "podIP")]
    pub pod_ip: Arc<str>,
    /// All addresses, at most one a family.
    #[serde(rename = "podIPs", deserialize_with = "list")]
    pub pod_ips: Vec<PodIp>,
    /// Conditions, `Ready` first of all.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<StatusCondition>,
}

impl PodStatus {
    /// All addresses: `podIPs`, else `podIP` alone.
    pub fn addresses(&self) -> impl Iterator<Item = &Arc<str>> {
        let single = if self.pod_ips.is_empty() { Some(&self.pod_ip) } else { None };
        self.pod_ips.iter().map(|one| &one.ip).chain(single).filter(|ip| !ip.is_empty())
    }

    /// Whether it will never run again (`Succeeded`, `Failed`).
    pub fn is_over(&self) -> bool {
        matches!(&*self.phase, "Succeeded" | "Failed")
    }

    /// Whether the condition `Ready` is true.
    pub fn is_ready(&self) -> bool {
        self.conditions.iter().any(|one| &*one.kind == "Ready" && &*one.status == "True")
    }
}

/// `status.podIPs[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodIp {
    /// The address.
    pub ip: Arc<str>,
}

/// A condition of a Pod or Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusCondition {
    /// `Ready`, ...
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// `True`, `False`, `Unknown`.
    pub status: Arc<str>,
    /// CamelCase word.
    pub reason: Arc<str>,
}
