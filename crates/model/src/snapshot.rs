//! One generation of the truth.

use std::net::IpAddr;
use std::sync::Arc;

use crate::endpoint::{Pool, PoolId};
use crate::names::Names;
use crate::policy::Check;
use crate::routes::Entrances;
use crate::service::{Frontend, FrontendKey, Service, ServiceKey};
use crate::{Endpoint, Map, OrdMap};

/// Everything the planes serve, immutable. Tables share structure with the generations before.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Grows by one with each publication. 0 is the empty snapshot before the first.
    pub generation: u64,
    /// False until every source delivered its first complete list: planes then hold their tongue (dns spec B9).
    pub complete: bool,
    /// This node.
    pub node: NodeView,
    /// Services by namespace and name.
    pub services: OrdMap<ServiceKey, Arc<Service>>,
    /// Pools by number.
    pub pools: Map<PoolId, Arc<Pool>>,
    /// Addresses that lead to services at L4.
    pub frontends: OrdMap<FrontendKey, Arc<Frontend>>,
    /// Ports that speak HTTP, TLS, TCP or UDP by routes.
    pub entrances: Entrances,
    /// Names for DNS.
    pub names: Names,
    /// Endpoints to probe: each once per distinct check, with the origin that asked.
    pub probes: OrdMap<ProbeKey, Arc<ProbeTarget>>,
}

/// What a probe is known by: the endpoint's stable name and address, and a digest of the check.
pub type ProbeKey = (Arc<str>, std::net::SocketAddr, u64);

/// An endpoint that somebody wants probed.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeTarget {
    /// Whom to probe.
    pub endpoint: Arc<Endpoint>,
    /// How.
    pub check: Check,
    /// Whether the endpoint's own object asks for it: its readiness then hangs on the verdict, not only this node's picks.
    pub own: bool,
}

/// What a snapshot knows of the node it was compiled for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeView {
    /// Its name.
    pub name: Arc<str>,
    /// `topology.kubernetes.io/zone`.
    pub zone: Option<Arc<str>>,
    /// Its addresses, primary first.
    pub addresses: Vec<IpAddr>,
}

impl Snapshot {
    /// The pool of this number.
    pub fn pool(&self, id: PoolId) -> Option<&Arc<Pool>> {
        self.pools.get(&id)
    }
}
