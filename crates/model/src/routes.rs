//! The compiled routing table (gateway spec section 9): entrances, listeners, hosts, rules, and the look-up that decides
//! which rule a request matches. HTTPRoute and Ingress compile into the same tables.
//!
//! A rule names its backends by [`PoolId`], so a change of endpoints recompiles no route.

mod ask;
mod bucket;
mod edge;
mod host_map;
mod order;
mod paths;
mod pattern;
mod table;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::OrdMap;
use crate::endpoint::PoolId;
use crate::ident::{Origin, Transport};
use crate::session::Session;
use crate::tls::{BackendTls, TlsIdentity};

pub use ask::{Ask, Failed};
pub use edge::{Clients, Edge, Limits, Peers, Terms, trusts};
pub use host_map::HostMap;
pub use order::{decided_by, precedes};
pub use pattern::{PATTERN_BYTES, Pattern};
pub use table::{HostTable, NoTrace, Routed, Step, Trace};

/// Every bound (address, port) that routes by what it reads.
#[derive(Clone, Debug, Default)]
pub struct Entrances {
    /// By address, port and transport.
    pub ports: OrdMap<EntranceKey, Arc<Entrance>>,
}

/// Address, port, transport.
pub type EntranceKey = (IpAddr, u16, Transport);

/// One bound port and the listeners that share its sockets.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// Address, port, transport.
    pub key: EntranceKey,
    /// What is spoken on it.
    pub speaks: Speaks,
    /// Its listeners, the most specific host first, the Ingress entry last. No two of Gateways are for one host.
    pub listeners: Vec<Arc<Listener>>,
    /// The identity for a server name that no listener knows (Ingress); `None` refuses such a handshake.
    pub fallback: Option<Fallback>,
    /// Whose word about a client counts here.
    pub peers: Peers,
    /// Bounds of its own.
    pub limits: Option<Arc<Limits>>,
    /// Positions of the Gateways' listeners by host.
    by_host: HostMap<usize>,
}

impl Entrance {
    /// An entrance with these listeners, whose order does not matter. Of two Gateway listeners for one host the first serves.
    pub fn new(key: EntranceKey, speaks: Speaks, mut listeners: Vec<Arc<Listener>>, fallback: Option<Fallback>) -> Self {
        listeners.sort_by_key(|one| (one.ingress, one.host.specificity()));
        let mut by_host = HostMap::default();
        for (at, listener) in listeners.iter().enumerate().filter(|(_, one)| !one.ingress) {
            by_host.entry(&listener.host, || at);
        }
        Self { key, speaks, listeners, fallback, peers: Peers::default(), limits: None, by_host }
    }

    /// The same where the word of these peers counts and these bounds hold.
    pub fn with(self, peers: Peers, limits: Option<Arc<Limits>>) -> Self {
        Self { peers, limits, ..self }
    }
}

/// What answers a TLS client whose server name nobody claims.
#[derive(Clone, Debug)]
pub enum Fallback {
    /// This Secret's certificate.
    Identity(Arc<TlsIdentity>),
    /// A certificate the proxy signs itself at start.
    SelfSigned,
}

/// The protocol of an entrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1 and HTTP/2 by prior knowledge.
    Http,
    /// HTTP over TLS that ends here (ALPN h2, http/1.1).
    Https,
    /// TLS routed by server name (passed through or ended here), then opaque.
    Tls,
    /// Opaque TCP.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A listener: a Gateway's, or the one that all Ingresses of a class share.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The Gateway or IngressClass.
    pub origin: Origin,
    /// The listener's section name.
    pub name: Arc<str>,
    /// Which hosts it is for.
    pub host: HostPattern,
    /// The entry of all Ingresses: asked when no Gateway listener of the port has a rule for the request. Its hosts do not
    /// fall through to less specific ones (ingress spec I3).
    pub ingress: bool,
    /// Certificates by the server names they serve; several of one name differ in their key type.
    pub identities: HostMap<SmallVec<[Arc<TlsIdentity>; 1]>>,
    /// What it asks of its clients before any rule is looked at.
    pub edge: Arc<Edge>,
    /// What is shown to backends that ask for a certificate, where a policy says that they are spoken to over TLS.
    pub client: Option<Arc<TlsIdentity>>,
    /// Its rules by host and path.
    pub hosts: HostTable,
}

impl Listener {
    /// The certificates for a server name (lower case): the most specific name that has any, else those for any name.
    /// Empty: nobody here can answer for it.
    pub fn identities_for(&self, server_name: Option<&str>) -> &[Arc<TlsIdentity>] {
        match server_name {
            Some(name) => self.identities.matching(name).next(),
            None => self.identities.any(),
        }
        .map_or(&[], |found| found)
    }
}

/// A host that something is for. Names are lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Exactly this name.
    Exact(Arc<str>),
    /// `*.` and this suffix, any number of labels (Gateway API); stored without the `*.`.
    Below(Arc<str>),
    /// `*.` and this suffix, exactly one label (Ingress, certificates); stored without the `*.`.
    OneBelow(Arc<str>),
    /// Any host, also none.
    Any,
}

/// What a rule looks at besides the host, and the rule it leads to. One per host and match of a route's rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteMatch {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Position among the rule's matches.
    pub index: u16,
    /// The host as its route writes it.
    pub host: HostPattern,
    /// The path.
    pub path: PathMatch,
    /// The method, upper case.
    pub method: Option<Arc<str>>,
    /// Header conditions, all of which must hold.
    pub headers: Box<[ValueMatch]>,
    /// Query conditions, all of which must hold.
    pub query: Box<[ValueMatch]>,
}

impl RouteMatch {
    /// Whether path, method, headers and query of a request are as asked for; the host is not looked at. For tables: the
    /// look-up itself tests only what its hashes have not decided.
    pub fn holds(&self, ask: &impl Ask) -> bool {
        self.path.holds(ask.path()) && ask::Asked::new(ask).failed(self).is_none()
    }

    /// Whether both stand for the same match of the same route's rule, whatever it says now.
    pub fn same_place(&self, other: &RouteMatch) -> bool {
        (self.index, self.rule.index) == (other.index, other.rule.index) && self.rule.origin == other.rule.origin
    }
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// Byte for byte.
    Exact(Arc<str>),
    /// By whole elements, trailing slash ignored; `/` matches all.
    Prefix(Arc<str>),
    /// The whole path.
    Regex(Pattern),
    /// What no other path of the host matches: the default backend of an Ingress.
    Rest,
}

impl PathMatch {
    /// Whether a path in normal form matches. A default backend matches any.
    pub fn holds(&self, path: &str) -> bool {
        match self {
            PathMatch::Exact(exact) => **exact == *path,
            PathMatch::Regex(pattern) => pattern.matches(path.as_bytes()),
            PathMatch::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                prefix.is_empty() || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            PathMatch::Rest => true,
        }
    }

    /// Sorts what is asked first before the rest: exact, regular expressions from the longest, prefixes from the longest.
    pub fn specificity(&self) -> (u8, std::cmp::Reverse<usize>) {
        let (rank, length) = match self {
            PathMatch::Exact(_) => (0, 0),
            PathMatch::Regex(pattern) => (1, pattern.text().len()),
            PathMatch::Prefix(prefix) => (2, prefix.trim_end_matches('/').len()),
            PathMatch::Rest => (3, 0),
        };
        (rank, std::cmp::Reverse(length))
    }
}

/// A condition on a named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueMatch {
    /// Header names are lower case; query names are decoded.
    pub name: Arc<str>,
    /// What the value must be.
    pub test: ValueTest,
}

/// How a value is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueTest {
    /// Equal.
    Exact(Arc<str>),
    /// The whole value.
    Regex(Pattern),
}

/// What is done with a request that matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The HTTPRoute or Ingress.
    pub origin: Origin,
    /// `metadata.creationTimestamp` in Unix seconds: the older rule wins a tie.
    pub created_s: i64,
    /// Position in the route.
    pub index: u16,
    /// The rule's own name, empty when it has none.
    pub name: Arc<str>,
    /// In listed order; run so on the request, reversed on the response.
    pub filters: Vec<Filter>,
    /// Where it goes, by weight. Empty: 500.
    pub backends: Vec<Backend>,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// The retry stanza; `None` is the default behaviour of gateway spec G113. Boxed: few rules have one.
    pub retry: Option<Box<Retry>>,
    /// A number made of the route's name and of the rule's own, or else of what the rule matches: what its sessions are told apart by.
    /// Rules that come before it do not change it.
    pub place: u64,
    /// What keeps its clients at their endpoints; goes before what the policy of a service says.
    pub session: Option<Arc<Session>>,
}

/// One backend of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Its share; 0 gets nothing.
    pub weight: u32,
    /// The pool, or why there is none.
    pub to: BackendTo,
    /// For the log: the service (or what was asked for).
    pub service: Origin,
    /// The service port.
    pub port: u16,
    /// Filters of this backend alone, after the rule's.
    pub filters: Vec<Filter>,
}

/// Where a backend leads.
#[derive(Clone, Debug, PartialEq)]
pub enum BackendTo {
    /// A pool. A pool without endpoints answers 503.
    Pool(PoolId),
    /// A pool that is spoken to over TLS, as a policy says.
    Covered(PoolId, Arc<BackendTls>),
    /// A pool that must be spoken to over TLS, but nobody can vouch for it: 503, never in the clear (gateway spec G48).
    Unvouched {
        /// Why: `no authority of BackendTLSPolicy shop/cart can be used`.
        detail: Arc<str>,
    },
    /// Nowhere: this status (500 for an invalid reference, 503 for a missing service of an Ingress) with this detail.
    Nowhere {
        /// The status.
        status: u16,
        /// For `why` and the log: `service shop/cart not found`.
        detail: Arc<str>,
    },
}

impl BackendTo {
    /// The pool that requests go to.
    pub fn pool(&self) -> Option<PoolId> {
        match self {
            BackendTo::Pool(id) | BackendTo::Covered(id, _) => Some(*id),
            BackendTo::Unvouched { .. } | BackendTo::Nowhere { .. } => None,
        }
    }

    /// How that pool is spoken to over TLS, where a policy says so.
    pub fn cover(&self) -> Option<&Arc<BackendTls>> {
        match self {
            BackendTo::Covered(_, tls) => Some(tls),
            _ => None,
        }
    }
}

/// Deadlines of a rule; `None` is no deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first request byte to the last response byte, all tries.
    pub request: Option<Duration>,
    /// One try.
    pub backend_request: Option<Duration>,
}

/// A retry stanza (GEP-1731).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Statuses that are retried.
    pub codes: Vec<u16>,
    /// Retries, not tries; 0 turns every retry off.
    pub attempts: u32,
    /// First wait; doubles with jitter.
    pub backoff: Duration,
}

/// What a rule or backend does to a request or its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Change the request's header.
    EditRequest(HeaderEdit),
    /// Change the answer's header.
    EditResponse(HeaderEdit),
    /// Answer with a redirect.
    Redirect(Redirect),
    /// Change host and path.
    Rewrite(Rewrite),
    /// Send a copy elsewhere.
    Mirror(Mirror),
    /// Cross-origin rules.
    Cors(Arc<Cors>),
    /// Ask somebody whether the request may pass.
    Auth(Arc<ExternalAuth>),
    /// Answer with this status: a filter that could not be resolved never is skipped.
    Refuse {
        /// The status.
        status: u16,
        /// Why.
        detail: Arc<str>,
    },
}

/// Changes of a header block, in the order set, add, remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdit {
    /// Replace all fields of this name.
    pub set: Vec<(Arc<str>, Arc<str>)>,
    /// Append a field.
    pub add: Vec<(Arc<str>, Arc<str>)>,
    /// Remove all fields of this name (lower case).
    pub remove: Vec<Arc<str>>,
}

/// A redirect (gateway spec G59).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// `http` or `https`; absent keeps the request's.
    pub scheme: Option<Arc<str>>,
    /// Absent keeps the request's.
    pub host: Option<Arc<str>>,
    /// Absent: well known for a given scheme, else the listener's.
    pub port: Option<u16>,
    /// Absent keeps the path.
    pub path: Option<PathEdit>,
}

/// A rewrite (gateway spec G60).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The new Host.
    pub host: Option<Arc<str>>,
    /// The new path.
    pub path: Option<PathEdit>,
}

/// How a path is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathEdit {
    /// The whole path.
    Full(Arc<str>),
    /// The matched prefix, by whole elements.
    Prefix(Arc<str>),
}

impl PathEdit {
    /// The path after the edit. A replaced prefix takes its slash along or not so that exactly one stands between it and the rest
    /// (the table of gateway spec G59).
    pub fn applied(&self, path: &str, matched: &PathMatch) -> String {
        let (replacement, prefix) = match (self, matched) {
            (PathEdit::Full(full), _) => return full.to_string(),
            (PathEdit::Prefix(replacement), PathMatch::Prefix(prefix)) => (replacement, &**prefix),
            // Only a prefix match can have its prefix replaced; admission says so, and what slipped through stays as it was.
            (PathEdit::Prefix(_), _) => return path.to_owned(),
        };
        let Some(rest) = path.strip_prefix(prefix.trim_end_matches('/')) else { return path.to_owned() };
        let base = replacement.trim_end_matches('/');
        match (rest, base) {
            ("" | "/", "") => "/".to_owned(),
            ("", _) => replacement.to_string(),
            (rest, base) if rest.starts_with('/') => format!("{base}{rest}"),
            (rest, base) => format!("{base}/{rest}"),
        }
    }
}

/// A mirror (gateway spec G61).
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// Where copies go.
    pub to: BackendTo,
    /// The service.
    pub service: Origin,
    /// Numerator of the share of requests.
    pub numerator: u32,
    /// Its denominator, at least 1.
    pub denominator: u32,
}

/// Another service decides whether a request may pass (gateway spec G66, GEP-1494).
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAuth {
    /// Who is asked.
    pub to: BackendTo,
    /// The service.
    pub service: Origin,
    /// In which protocol.
    pub protocol: AuthProtocol,
    /// Names of the request's fields that are sent, in lower case. Empty: of HTTP only those that always are; of gRPC all.
    pub allowed: Vec<Arc<str>>,
    /// Most bytes of a body; a longer one is refused. 0: it is not sent along.
    pub body_max: u32,
}

/// How somebody is asked whether a request may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthProtocol {
    /// By a request like that of the client; 200 lets it pass, any other answer is the client's.
    Http {
        /// Put before its path; without a slash at its end.
        prefix: Arc<str>,
        /// Names of the answer's fields that are put into the request, in lower case; empty: all.
        taken: Vec<Arc<str>>,
    },
    /// By Envoy's `envoy.service.auth.v3.Authorization/Check`.
    Grpc,
}

/// A CORS filter (gateway spec G62).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Allowed origins; `*` alone is any.
    pub origins: Vec<Arc<str>>,
    /// Allowed methods; `*` alone is any.
    pub methods: Vec<Arc<str>>,
    /// Allowed request headers; `*` alone is any.
    pub headers: Vec<Arc<str>>,
    /// Exposed response headers; `*` alone is any.
    pub expose: Vec<Arc<str>>,
    /// Whether credentials are allowed.
    pub credentials: bool,
    /// How long a preflight holds, in seconds.
    pub max_age_s: u32,
}
