//! `Instance` (fairlead.dev/v1alpha1): a registered service instance that is not a Pod (instances spec I1).

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::backend_policy::HealthCheck;
use crate::meta::{Meta, list, object};
use crate::text::common;

/// An Instance.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Instance {
    /// Metadata; its labels are what `Service.spec.selector` matches.
    pub metadata: Meta,
    /// What was registered.
    pub spec: InstanceSpec,
    /// What the evidence says.
    pub status: InstanceStatus,
}

object!(Instance, "fairlead.dev", "v1alpha1", "Instance", "instances", namespaced: true);

/// `Instance.spec`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceSpec {
    /// IP literals or names.
    #[serde(deserialize_with = "list")]
    pub addresses: Vec<Arc<str>>,
    /// Its ports; none means any number.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<InstancePort>,
    /// 0..=65535; absent: 100, one ordinary endpoint.
    pub weight: Option<i32>,
    /// The node it runs on.
    pub node: Option<Arc<str>>,
    /// Its DNS host label.
    pub hostname: Option<Arc<str>>,
    /// Active checks.
    #[serde(deserialize_with = "list")]
    pub checks: Vec<HealthCheck>,
    /// Heartbeats are due within this time.
    pub ttl_seconds: Option<i64>,
    /// One whose heartbeats stay away is suspended, but never deleted for it.
    pub retain: bool,
    /// Present (and not empty): out of rotation, with this reason.
    pub maintenance: Option<Arc<str>>,
    /// Foreign attributes as they were written, byte for byte.
    #[serde(deserialize_with = "raw")]
    pub metadata: Option<Arc<str>>,
}

impl InstanceSpec {
    /// The weight in force, 0..=65535.
    pub fn weight(&self) -> u32 {
        self.weight.map_or(100, |weight| weight.clamp(0, 65_535).unsigned_abs())
    }

    /// Why it is out of rotation.
    pub fn maintenance(&self) -> Option<&Arc<str>> {
        self.maintenance.as_ref().filter(|why| !why.is_empty())
    }
}

/// A port of an Instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstancePort {
    /// Empty when unnamed.
    pub name: Arc<str>,
    /// The number.
    pub port: i32,
    /// `TCP` (or empty), `UDP`, `SCTP`.
    #[serde(deserialize_with = "common")]
    pub protocol: Arc<str>,
    /// Hint on what is spoken.
    pub app_protocol: Option<Arc<str>>,
}

/// `Instance.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceStatus {
    /// Gets new traffic; absent while nobody judged it.
    pub ready: Option<bool>,
    /// May serve as a last resort.
    pub serving: Option<bool>,
    /// Is going.
    pub terminating: Option<bool>,
    /// What stands behind the verdict.
    #[serde(deserialize_with = "list")]
    pub evidence: Vec<Evidence>,
    /// One line on the verdict.
    pub reason: Arc<str>,
    /// The generation that was judged.
    pub observed_generation: i64,
}

/// One proof (instances spec section 4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// `process`, `connection`, `probe`, `lease`, `passive`.
    #[serde(deserialize_with = "common")]
    pub proof: Arc<str>,
    /// `alive`, `dead`, `unknown`.
    #[serde(deserialize_with = "common")]
    pub verdict: Arc<str>,
    /// RFC 3339.
    pub time: Arc<str>,
    /// One line.
    pub reason: Arc<str>,
    /// Who saw it.
    #[serde(deserialize_with = "common")]
    pub observer: Arc<str>,
    /// Proof `process`: its number on the Instance's node.
    pub pid: Option<u32>,
    /// Proof `process`: when it began, in clock ticks after the node's boot; numbers are reused.
    pub start_ticks: Option<u64>,
}

fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
    let text: Option<Box<RawValue>> = Option::deserialize(from)?;
    Ok(text.map(|text| Arc::from(Box::<str>::from(text))))
}
