//! Endpoints and pools: who may be chosen, in which order they are numbered, under which policy.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::ident::{Identity, Origin, Transport};
use crate::policy::Policy;
use crate::vitals::Vitals;

/// A pool's number. Given once per (service, port, family, view) and kept over generations, so that routes and frontends
/// can name a pool without being recompiled when its endpoints change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u32);

/// Whether an endpoint may be chosen, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Ready: gets new traffic.
    Ready,
    /// Terminating but serving: used only when nothing is ready (KEP-1669), keeps what it has.
    Draining,
    /// Out, with the reason (`not ready`, `maintenance: disk swap`, `weight 0`, ...).
    Out(Arc<str>),
}

/// One address and port that serves a service port. Immutable; the numbers that move are in [`Vitals`].
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where to connect.
    pub address: SocketAddr,
    /// What the numbers are kept under.
    pub identity: Identity,
    /// The numbers, shared by every pool that holds this endpoint.
    pub vitals: Arc<Vitals>,
    /// Hundredths of one ordinary endpoint: a Pod has 100, an Instance its `spec.weight` (0..=65535; 0 gets nothing new).
    pub weight: u32,
    /// The name hash strategies use: namespace/name of the target, else the address. Stable over generations.
    pub stable_name: Arc<str>,
    /// The node it runs on, where known.
    pub node: Option<Arc<str>>,
    /// Its zone, where known.
    pub zone: Option<Arc<str>>,
    /// Ready, draining or out.
    pub standing: Standing,
    /// Whether it serves while terminating (`conditions.serving`).
    pub serving: bool,
    /// Foreign attributes (ids, tags, metadata of a registry) as one shared opaque block.
    pub attributes: Option<Arc<str>>,
}

impl PartialEq for Endpoint {
    /// Equal shape and the same vitals: a recompiled endpoint that equals its predecessor may be replaced by it.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.vitals, &other.vitals)
            && self.address == other.address
            && self.identity == other.identity
            && self.weight == other.weight
            && self.stable_name == other.stable_name
            && self.node == other.node
            && self.zone == other.zone
            && self.standing == other.standing
            && self.serving == other.serving
            && self.attributes == other.attributes
    }
}

/// The usable endpoints of one service port for one view (cluster or local), in a stable order: survivors keep their slot
/// over changes, a removal moves the last one into the hole (services spec S28).
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its number.
    pub id: PoolId,
    /// The service it belongs to.
    pub service: Origin,
    /// Name of the service port, empty when unnamed.
    pub port_name: Arc<str>,
    /// The service port's number.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// `Service.spec.ports[].appProtocol`, verbatim.
    pub app_protocol: Option<Arc<str>>,
    /// Whom to choose from. Everything here is usable; who is out stands in [`crate::service::Service::endpoints`].
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Those that drain: no new picks, but a tunnel or session may still be on them. Never chosen.
    pub draining: Vec<Arc<Endpoint>>,
    /// How to choose among them.
    pub policy: Arc<Policy>,
}

impl Pool {
    /// `namespace/service:port` for logs and tables.
    pub fn label(&self) -> String {
        format!(
            "{}/{}:{}",
            self.service.namespace,
            self.service.name,
            if self.port_name.is_empty() { self.port.to_string() } else { self.port_name.to_string() }
        )
    }
}
