//! Who is who: the object a piece of the snapshot came from, and the identity that an endpoint's numbers are kept under.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The object that a service, route or endpoint came from. Opaque to planes: printed, compared, never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// `Service`, `HTTPRoute`, `Ingress`, `Gateway`, `Instance`, `Pod`, ...
    pub kind: &'static str,
    /// Empty for objects without a namespace.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: Arc<str>,
}

impl Origin {
    /// An origin from its parts.
    pub fn new(kind: &'static str, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Origin {
    /// `HTTPRoute shop/front`, or `GatewayClass fairlead`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// The transport protocol of a frontend or endpoint. Part of every key, in every plane (services spec S11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP: carried for completeness; the stream plane refuses it with a problem.
    Sctp,
}

impl Transport {
    /// `TCP`, `UDP` or `SCTP`.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
            Transport::Sctp => "SCTP",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an endpoint is: an object with a UID, or a bare address that nobody claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A Pod or an Instance. Apart and shared: an endpoint for each of its ports has it, and so do their vitals.
    Object(Arc<ObjectTarget>),
    /// An endpoint without a target reference.
    Address(IpAddr),
}

impl Target {
    /// A Pod or an Instance.
    pub fn object(origin: Origin, uid: Arc<str>) -> Self {
        Self::Object(Arc::new(ObjectTarget { origin, uid }))
    }
}

/// The object behind an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectTarget {
    /// Kind, namespace and name.
    pub origin: Origin,
    /// `metadata.uid`: it keeps a recycled name from inheriting old numbers.
    pub uid: Arc<str>,
}

/// The identity that [`crate::Vitals`] are interned by (balance spec B2): two services that select one Pod port share its
/// numbers, and so do its IPv4 and IPv6 addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The number of its cluster, 0 for the local one. A number, because every endpoint has it.
    pub cluster: u16,
    /// The object or the bare address.
    pub target: Target,
    /// The endpoint's own port, not the service's.
    pub port: u16,
    /// TCP and UDP of one number are two endpoints.
    pub transport: Transport,
}
