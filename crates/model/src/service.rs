//! Services and the addresses they are reached by.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::{Endpoint, PoolId};
use crate::ident::{Origin, Transport};
use crate::policy::Policy;

/// Namespace and name of a service.
pub type ServiceKey = (Arc<str>, Arc<str>);

/// One service, as the tables and route look-ups need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The Service object.
    pub origin: Origin,
    /// Cluster addresses; empty when headless or an alias.
    pub addresses: Vec<IpAddr>,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`, for display.
    pub exposure: &'static str,
    /// Its ports with their pools.
    pub ports: Vec<ServicePort>,
    /// Every endpoint any slice names for it, in and out, for tables and `why`.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The merged policy and where each field came from.
    pub policy: Arc<Policy>,
    /// What is wrong with it, one sentence each; the rest of it works.
    pub diagnostics: Vec<Arc<str>>,
}

/// One port of a service (of one address family where it has two).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, empty when unnamed.
    pub name: Arc<str>,
    /// Its number.
    pub port: u16,
    /// NodePort, 0 when it has none.
    pub node_port: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// `appProtocol`, verbatim.
    pub app_protocol: Option<Arc<str>>,
    /// The pool of all usable endpoints. Always present, perhaps empty.
    pub cluster: PoolId,
    /// The pool of usable endpoints on this node, where a Local policy asks for it.
    pub local: Option<PoolId>,
}

/// Address, transport and port: the key of a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrontendKey {
    /// The address, v4 or v6.
    pub address: IpAddr,
    /// TCP or UDP.
    pub transport: Transport,
    /// The port.
    pub port: u16,
}

impl FrontendKey {
    /// The socket address to bind.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// Which sort of address a frontend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontendKind {
    /// A ClusterIP.
    ClusterIp,
    /// A NodePort on a node address.
    NodePort,
    /// A load-balancer address.
    LoadBalancer,
}

/// What becomes of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Choose from this pool.
    Pool(PoolId),
    /// Refuse within one round trip: there is no usable endpoint anywhere.
    Reject,
    /// Leave unanswered: there are endpoints, none of them local.
    Drop,
}

/// An address that leads to a service port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// Address, transport, port.
    pub key: FrontendKey,
    /// Sort of address.
    pub kind: FrontendKind,
    /// The service.
    pub service: Origin,
    /// The port's name, empty when unnamed.
    pub port_name: Arc<str>,
    /// For clients on this node and, in a cluster, its pods.
    pub inside: Verdict,
    /// For everybody else.
    pub outside: Verdict,
    /// `sessionAffinity: ClientIP` with its timeout.
    pub affinity: Option<Duration>,
    /// Clients admitted to a load-balancer address, as (network, prefix length); empty admits all.
    pub source_ranges: Vec<(IpAddr, u8)>,
    /// Endpoints are told the client by a header of the PROXY protocol, version 2, in front of each connection.
    pub announces: bool,
}
