//! `Service` (core v1).

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::Labels;
use crate::meta::{Meta, list, nullable, object};
use crate::text::{common, common_list, common_option};

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Metadata.
    pub metadata: Meta,
    /// What the user asks for.
    pub spec: ServiceSpec,
    /// Where a load balancer stands.
    pub status: ServiceStatus,
}

object!(Service, "", "v1", "Service", "services", namespaced: true);

/// `Service.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// `ClusterIP` (or empty), `NodePort`, `LoadBalancer`, `ExternalName`.
    #[serde(rename = "type", deserialize_with = "common")]
    pub kind: Arc<str>,
    /// `None` for headless; empty while not allocated.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Arc<str>,
    /// At most one per family, the primary first.
    #[serde(rename = "clusterIPs", deserialize_with = "list")]
    pub cluster_ips: Vec<Arc<str>>,
    /// `IPv4`, `IPv6`, the primary first.
    #[serde(deserialize_with = "common_list")]
    pub ip_families: Vec<Arc<str>>,
    /// Which Pods and Instances belong to it; empty: endpoints are made by hand.
    #[serde(deserialize_with = "nullable")]
    pub selector: Labels,
    /// Ports.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<ServicePort>,
    /// Target of an ExternalName.
    pub external_name: Arc<str>,
    /// Addresses somebody else routes here.
    #[serde(rename = "externalIPs", deserialize_with = "list")]
    pub external_ips: Vec<Arc<str>>,
    /// `None` or `ClientIP`.
    #[serde(deserialize_with = "common")]
    pub session_affinity: Arc<str>,
    /// Its timeout.
    #[serde(deserialize_with = "nullable")]
    pub session_affinity_config: SessionAffinityConfig,
    /// `Cluster` (or empty) or `Local`.
    #[serde(deserialize_with = "common")]
    pub internal_traffic_policy: Arc<str>,
    /// `Cluster` (or empty) or `Local`.
    #[serde(deserialize_with = "common")]
    pub external_traffic_policy: Arc<str>,
    /// `PreferClose`, `PreferSameZone`, `PreferSameNode` or empty.
    #[serde(deserialize_with = "common")]
    pub traffic_distribution: Arc<str>,
    /// Whether endpoints count as ready from the start.
    pub publish_not_ready_addresses: bool,
    /// Clients a load balancer admits, as CIDRs.
    #[serde(deserialize_with = "list")]
    pub load_balancer_source_ranges: Vec<Arc<str>>,
    /// Who provides the load balancer.
    #[serde(deserialize_with = "common_option")]
    pub load_balancer_class: Option<Arc<str>>,
    /// The address that is asked for (deprecated upstream, honoured).
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Arc<str>,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// Empty when unnamed.
    #[serde(deserialize_with = "common")]
    pub name: Arc<str>,
    /// `TCP` (or empty), `UDP`, `SCTP`.
    #[serde(deserialize_with = "common")]
    pub protocol: Arc<str>,
    /// The port clients use.
    pub port: i32,
    /// The endpoint's port: a number, or a name that each Pod resolves for itself. Absent: same as `port`.
    pub target_port: Option<IntOrString>,
    /// The port on every node; 0 when it has none.
    pub node_port: i32,
    /// Hint on what is spoken (`kubernetes.io/h2c`, ...).
    #[serde(deserialize_with = "common_option")]
    pub app_protocol: Option<Arc<str>>,
}

/// `spec.sessionAffinityConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionAffinityConfig {
    /// For `ClientIP`.
    #[serde(rename = "clientIP", deserialize_with = "nullable")]
    pub client_ip: ClientIpConfig,
}

/// `spec.sessionAffinityConfig.clientIP`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientIpConfig {
    /// 1..=86400; absent: 10800.
    pub timeout_seconds: Option<i64>,
}

/// `Service.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// The load balancer's addresses.
    #[serde(deserialize_with = "nullable")]
    pub load_balancer: LoadBalancerStatus,
    /// What its condition `Programmed` says, which is ours.
    #[serde(rename = "conditions", deserialize_with = "programmed")]
    pub programmed: Option<Arc<str>>,
}

/// The message of the condition `Programmed`.
fn programmed<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Written {
        #[serde(rename = "type")]
        kind: String,
        message: String,
    }
    let all = Option::<Vec<Written>>::deserialize(from)?.unwrap_or_default();
    Ok(all.into_iter().find(|one| one.kind == "Programmed").map(|one| one.message.into()))
}

/// `status.loadBalancer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancerStatus {
    /// Its ways in.
    #[serde(deserialize_with = "list")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// One way in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancerIngress {
    /// An address, or empty.
    pub ip: Arc<str>,
    /// A name, or empty.
    pub hostname: Arc<str>,
    /// `VIP` (or absent) or `Proxy`.
    pub ip_mode: Option<Arc<str>>,
}

/// A number or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A name.
    Name(Arc<str>),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = IntOrString;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a name")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<IntOrString, E> {
                i32::try_from(number).map(IntOrString::Int).map_err(|_| E::custom("number out of range"))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<IntOrString, E> {
                i32::try_from(number).map(IntOrString::Int).map_err(|_| E::custom("number out of range"))
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<IntOrString, E> {
                Ok(IntOrString::Name(name.into()))
            }
        }
        from.deserialize_any(Visitor)
    }
}
