//! `EndpointSlice` (discovery.k8s.io/v1).

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use smallvec::SmallVec;

use crate::meta::{Meta, list, nullable, object};
use crate::text::{common, common_option};

/// The label that names the Service of a slice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// An EndpointSlice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    /// Metadata.
    pub metadata: Meta,
    /// `IPv4`, `IPv6` or `FQDN`.
    #[serde(deserialize_with = "common")]
    pub address_type: Arc<str>,
    /// Endpoints; Go writes an empty list as null.
    #[serde(deserialize_with = "list")]
    pub endpoints: Vec<Endpoint>,
    /// Ports that every endpoint of the slice has.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<EndpointPort>,
}

object!(EndpointSlice, "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", namespaced: true);

impl EndpointSlice {
    /// The Service it belongs to, by label; `None` when it has no such label or an empty one.
    pub fn service_name(&self) -> Option<&Arc<str>> {
        self.metadata.labels.get(SERVICE_NAME_LABEL).filter(|name| !name.is_empty())
    }
}

/// One endpoint of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Interchangeable addresses; only the first counts. In place: nearly always there is one.
    #[serde(deserialize_with = "few")]
    pub addresses: SmallVec<[Arc<str>; 1]>,
    /// Ready, serving, terminating.
    #[serde(deserialize_with = "nullable")]
    pub conditions: Conditions,
    /// Its host label.
    pub hostname: Option<Arc<str>>,
    /// The node it runs on.
    #[serde(deserialize_with = "common_option")]
    pub node_name: Option<Arc<str>>,
    /// Its zone.
    #[serde(deserialize_with = "common_option")]
    pub zone: Option<Arc<str>>,
    /// For whom it is meant. Apart, as the reference is: most endpoints have none, and there are many of them.
    pub hints: Option<Box<Hints>>,
    /// The Pod or Instance behind it.
    pub target_ref: Option<Box<ObjectReference>>,
}

impl Endpoint {
    /// Zones that should use it; none when it is for all.
    pub fn for_zones(&self) -> &[HintedName] {
        self.hints.as_ref().map_or(&[], |hints| &hints.for_zones)
    }

    /// Nodes that should use it; none when it is for all.
    pub fn for_nodes(&self) -> &[HintedName] {
        self.hints.as_ref().map_or(&[], |hints| &hints.for_nodes)
    }
}

/// `endpoints[].conditions`. Absent is not false: see the methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conditions {
    /// As written.
    pub ready: Option<bool>,
    /// As written.
    pub serving: Option<bool>,
    /// As written.
    pub terminating: Option<bool>,
}

impl Conditions {
    /// Absent counts as ready.
    pub fn is_ready(&self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Absent counts as ready does.
    pub fn is_serving(&self) -> bool {
        self.serving.unwrap_or_else(|| self.is_ready())
    }

    /// Absent counts as not terminating.
    pub fn is_terminating(&self) -> bool {
        self.terminating.unwrap_or(false)
    }
}

/// `endpoints[].hints`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hints {
    /// Zones that should use it.
    #[serde(deserialize_with = "list")]
    pub for_zones: Vec<HintedName>,
    /// Nodes that should use it.
    #[serde(deserialize_with = "list")]
    pub for_nodes: Vec<HintedName>,
}

/// One hinted zone or node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HintedName {
    /// Its name.
    #[serde(deserialize_with = "common")]
    pub name: Arc<str>,
}

/// A reference to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// `Pod`, `Instance`.
    #[serde(deserialize_with = "common")]
    pub kind: Arc<str>,
    /// Its namespace.
    #[serde(deserialize_with = "common")]
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Arc<str>,
}

/// `ports[]` of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    /// Empty or absent when unnamed.
    #[serde(deserialize_with = "common_option")]
    pub name: Option<Arc<str>>,
    /// `TCP` (or absent), `UDP`, `SCTP`.
    #[serde(deserialize_with = "common_option")]
    pub protocol: Option<Arc<str>>,
    /// Absent: any port.
    pub port: Option<i32>,
    /// Hint on what is spoken.
    #[serde(deserialize_with = "common_option")]
    pub app_protocol: Option<Arc<str>>,
}

fn few<'de, D: Deserializer<'de>>(from: D) -> Result<SmallVec<[Arc<str>; 1]>, D::Error> {
    Ok(nullable::<D, Vec<Arc<str>>>(from)?.into_iter().collect())
}
