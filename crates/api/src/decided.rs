//! Statuses as `compile` decides them, before the planes say whether they serve what was decided.
//!
//! `control` holds them against the acknowledgements and is the only one that writes them. Rules of the merge: entries and
//! condition types of others are never touched; `lastTransitionTime` moves only when `status` flips (gateway spec G10).

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::backend_policy::PolicyTarget;
use crate::http_route::ParentRef;

/// The controller name of our GatewayClass and of our entries in `status.parents`.
pub const GATEWAY_CONTROLLER: &str = "fairlead.dev/gateway";
/// The controller name of our IngressClass.
pub const INGRESS_CONTROLLER: &str = "fairlead.dev/ingress";

/// Keeps a Service with a load-balancer address until that is withdrawn (k8s.io/cloud-provider calls it so, too).
pub const LOAD_BALANCER_FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// The status that one object shall have. Only objects whose decision changed since the last compile are handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// `Gateway`, `HTTPRoute`, ...
    pub kind: &'static str,
    /// Empty for objects without a namespace.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: Arc<str>,
    /// Which incarnation of that name: a status is never written to another one.
    pub uid: Arc<str>,
    /// `metadata.generation` the verdict was computed from: `observedGeneration` of every condition.
    pub generation: i64,
    /// The first snapshot that carries what this status says. What waits for planes is true once they applied this one.
    pub snapshot: u64,
    /// The status.
    pub body: DecidedStatus,
}

/// The status by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum DecidedStatus {
    /// A GatewayClass of ours.
    GatewayClass {
        /// `Accepted`.
        conditions: Vec<Condition>,
        /// `status.supportedFeatures`, sorted.
        features: &'static [&'static str],
        /// Gateways name it: a finalizer then keeps it from being deleted.
        in_use: bool,
    },
    /// A Gateway of a class of ours.
    Gateway {
        /// `status.addresses`.
        addresses: Vec<AssignedAddress>,
        /// `Accepted`, `Programmed`, `ResolvedRefs`.
        conditions: Vec<Condition>,
        /// `status.listeners`, in the order of the spec.
        listeners: Vec<ListenerStatus>,
    },
    /// A route: the entries of `status.parents` that are ours. Entries of ours that are not among them are removed.
    Route {
        /// In the order of `spec.parentRefs`.
        parents: Vec<ParentStatus>,
    },
    /// An Ingress, or a Service of type LoadBalancer: `status.loadBalancer.ingress`, written once the planes applied it. Empty takes
    /// back what we wrote.
    Ingress {
        /// Where it is reached.
        addresses: Vec<IngressAddress>,
        /// Of a Service: `Programmed`, which says why it has no address. An Ingress has no conditions.
        conditions: Vec<Condition>,
    },
    /// A policy of Gateway API: the entries of `status.ancestors` that are ours.
    Ancestors {
        /// One a Gateway.
        ancestors: Vec<ParentStatus>,
    },
    /// A BackendPolicy: our entries of `status.ancestors` (upstream PolicyStatus).
    Policy {
        /// One a target, in the order of `spec.targetRefs`.
        ancestors: Vec<PolicyAncestor>,
        /// The fields that it sets, by name as in the API; none of one that is not valid.
        fields: Vec<&'static str>,
    },
}

/// One entry of `status.ancestors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyAncestor {
    /// The target as the policy writes it.
    pub target: PolicyTarget,
    /// `Accepted`.
    pub conditions: Vec<Condition>,
}

/// One entry of `status.loadBalancer.ingress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressAddress {
    /// The address, or the name of one (Ingress).
    pub at: Arc<str>,
    /// The ports, all TCP. Those of a Service stand in its spec.
    pub ports: Vec<u16>,
    /// Sockets that must be bound for it.
    pub sockets: Vec<Socket>,
}

/// A condition, without the times that the writer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `Accepted`, `Programmed`, `ResolvedRefs`, ...
    pub kind: &'static str,
    /// What is said of it.
    pub truth: Truth,
    /// One CamelCase word of the API's list.
    pub reason: &'static str,
    /// One sentence, with the remedy when it is bad news.
    pub message: Arc<str>,
    /// Empty when it holds at once. Else it holds once the planes applied [`Decided::snapshot`] and reported no problem
    /// with any of these; until then the condition is `Unknown`/`Pending`, and with a problem `False` with its reason.
    pub waits_for: Vec<Socket>,
    /// It waits for the planes although it needs no socket.
    pub waits: bool,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Not decided yet.
    Unknown,
}

impl Truth {
    /// `True`, `False` or `Unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown => "Unknown",
        }
    }
}

/// A bound address that a condition waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Socket {
    /// Address and port.
    pub address: SocketAddr,
    /// UDP instead of TCP.
    pub datagrams: bool,
}

/// One entry of `status.addresses` of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignedAddress {
    /// `IPAddress` or `Hostname`.
    pub kind: &'static str,
    /// The address or name.
    pub value: Arc<str>,
    /// From where it can be reached (GEP-5093); empty promises nothing.
    pub routability: Arc<str>,
}

/// One entry of `status.listeners`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: Arc<str>,
    /// Kinds of routes it takes, all of the Gateway API group.
    pub supported_kinds: Vec<&'static str>,
    /// Accepted routes that are attached to it.
    pub attached_routes: u32,
    /// `Accepted`, `Programmed`, `ResolvedRefs`, `Conflicted`.
    pub conditions: Vec<Condition>,
}

/// One entry of `status.parents`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParentStatus {
    /// As the route writes it.
    pub parent: ParentRef,
    /// `Accepted`, `ResolvedRefs`, `PartiallyInvalid` where it is True.
    pub conditions: Vec<Condition>,
}

impl Condition {
    /// `Programmed`: it holds once the planes applied [`Decided::snapshot`], whatever they bind.
    pub fn programmed(message: impl Into<Arc<str>>) -> Self {
        Self { waits: true, ..Self::new("Programmed", Truth::True, "Programmed", message) }
    }

    /// A condition that holds at once.
    pub fn new(kind: &'static str, truth: Truth, reason: &'static str, message: impl Into<Arc<str>>) -> Self {
        Self { kind, truth, reason, message: message.into(), waits_for: Vec::new(), waits: false }
    }
}
