//! What has a name: services, their endpoints, pods and namespaces, as the DNS plane needs them (dns spec section 1).
//!
//! An owner is a name plus a shape. Everything Kubernetes (readiness, host labels, `publishNotReadyAddresses`) is decided
//! before it arrives here.

use std::net::IpAddr;
use std::sync::Arc;

use crate::ident::Transport;
use crate::service::ServiceKey;
use crate::{Map, OrdMap};

/// All names of one generation. Clones share structure; two generations are compared with [`OrdMap::diff`].
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The cluster zone without a trailing dot, lower case: `cluster.local`.
    pub zone: Arc<str>,
    /// Service networks as (address, prefix length): their reverse zones are ours.
    pub networks: Vec<(IpAddr, u8)>,
    /// Services by namespace and name.
    pub owners: OrdMap<ServiceKey, Arc<Owner>>,
    /// Namespaces that exist.
    pub namespaces: Map<Arc<str>, ()>,
    /// Addresses of live pods by namespace, for `1-2-3-4.NS.pod.ZONE` in mode verified.
    pub pods: OrdMap<(Arc<str>, IpAddr), ()>,
    /// Unix time in seconds of the newest change, never falling: the SOA serial.
    pub serial: u32,
}

/// One service name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Namespace and name, lower case.
    pub key: ServiceKey,
    /// What it stands for.
    pub shape: Shape,
    /// Named and unnamed ports, for SRV.
    pub ports: Vec<NamedPort>,
    /// Ready endpoints: the addresses of a headless service, and the endpoint names of any service.
    pub endpoints: Vec<NamedEndpoint>,
    /// TTL in seconds where the service sets its own (0..=3600).
    pub ttl_s: Option<u32>,
}

/// The shape of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Virtual addresses; empty while none is allocated.
    Addresses(Vec<IpAddr>),
    /// The ready endpoints themselves (`clusterIP: None`).
    Headless,
    /// Another name (`ExternalName`), without a trailing dot; an IP literal never gets here.
    Alias(Arc<str>),
    /// A name that is refused although the object exists (an alias that is an IP literal).
    Refused,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    /// Empty when unnamed.
    pub name: Arc<str>,
    /// `_tcp`, `_udp`, `_sctp`.
    pub transport: Transport,
    /// The service port.
    pub port: u16,
}

/// A ready endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEndpoint {
    /// Its host label when it has one of its own; else the dashed form of each address.
    pub hostname: Option<Arc<str>>,
    /// Its addresses of one family.
    pub address: IpAddr,
    /// Ports by name as the slice says: (name, transport, port). Shared by the endpoints of a slice.
    pub ports: Arc<[NamedPort]>,
    /// Hundredths of one ordinary endpoint.
    pub weight: u32,
}
