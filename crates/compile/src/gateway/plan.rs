//! Gateways before any route: their addresses, which listeners are valid, who gets which port (gateway spec sections 5 and 6).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use api::decided::AssignedAddress;
use api::gateway::{GATEWAY_GROUP, GatewayListener, SecretRef};
use api::{Gateway, Selector};
use model::routes::{Edge, EntranceKey, HostPattern, Limits, Peers, Speaks};
use model::tls::TlsIdentity;
use model::{Origin, Transport};

use super::ListenerKey;
use super::clients;
use super::edge::{self, Annotated};
use crate::Settings;
use crate::grants::{Grants, Reference};
use crate::routes::{Key, Refusal};
use crate::tls::Certificates;

/// Every Gateway that is ours.
#[derive(Default)]
pub(super) struct Plan {
    /// By namespace and name.
    pub gateways: BTreeMap<Key, Planned>,
    /// Who is served on which port.
    pub ports: BTreeMap<EntranceKey, Port>,
    /// What permitted references name.
    pub wanted: Wanted,
}

/// Objects that permitted references name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Secrets.
    pub secrets: BTreeSet<Key>,
    /// ConfigMaps.
    pub config_maps: BTreeSet<Key>,
}

/// A port with listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub speaks: Speaks,
    pub listeners: Vec<ListenerKey>,
}

/// One Gateway.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub gateway: Arc<Gateway>,
    /// Where its listeners are bound.
    pub addresses: Vec<IpAddr>,
    /// Where it is reached, for the status.
    pub shown: Vec<AssignedAddress>,
    /// How many addresses it asks for.
    pub wishes: usize,
    /// Which of them it did not get, and why.
    pub unassigned: Vec<String>,
    /// Settings that have no effect.
    pub unknown: Vec<Arc<str>>,
    /// What of its own references is not resolved.
    pub unresolved: Option<Refusal>,
    /// Why it is not accepted.
    pub refused: Option<Refusal>,
    /// Why it cannot be programmed as it asks.
    pub unusable: Option<Refusal>,
    /// In the order of the spec.
    pub listeners: Vec<PlannedListener>,
}

/// One listener.
#[derive(Clone, Debug)]
pub(super) struct PlannedListener {
    /// What routes see of it.
    pub gate: Gate,
    /// What is spoken, where we speak it.
    pub speaks: Option<Speaks>,
    /// `status.listeners[].supportedKinds`.
    pub kinds: Vec<&'static str>,
    /// Why it is not accepted.
    pub refused: Option<Refusal>,
    /// Whether that is a conflict with another listener of its Gateway.
    pub conflicted: bool,
    /// What of its references or kinds is not resolved.
    pub unresolved: Option<Refusal>,
    /// Valid certificates, in the order of the spec.
    pub certificates: Vec<Arc<TlsIdentity>>,
    /// What is shown to backends over TLS.
    pub client: Option<Arc<TlsIdentity>>,
    /// `OverlappingCertificates` or `OverlappingHostnames` with another HTTPS listener of the port: browsers may reuse a
    /// connection for both, which ends in 421 (RFC 9113 section 9.1.1).
    pub overlapping: Option<&'static str>,
    /// What it asks of its clients.
    pub edge: Arc<Edge>,
    /// Whose word about a client its Gateway believes, where it says.
    pub peers: Option<Peers>,
    /// Bounds that its Gateway sets for its ports.
    pub limits: Option<Arc<Limits>>,
    /// Where it is served; empty when it is not.
    pub sockets: Vec<EntranceKey>,
}

/// What decides whether a route attaches to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    pub name: Arc<str>,
    pub port: i32,
    pub host: HostPattern,
    /// Whether it takes HTTPRoutes at all.
    pub takes_http: bool,
    pub admits: Admits,
}

/// From which namespaces a listener takes routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admits {
    Same,
    All,
    Nobody,
    Labelled(Selector),
}

impl Plan {
    /// A listener by its Gateway and name.
    pub fn listener(&self, key: &ListenerKey) -> Option<&PlannedListener> {
        self.gateways.get(&key.0)?.listeners.iter().find(|one| one.gate.name == key.1)
    }
}

impl Planned {
    /// Whether routes that ask for default Gateways attach (gateway spec G31).
    pub fn is_default(&self) -> bool {
        self.gateway.spec.default_scope.as_deref() == Some("All")
    }
}

impl PlannedListener {
    /// Whether both look the same to clients and routes.
    pub fn same(&self, other: &Self) -> bool {
        let pointers = |one: &Self| one.certificates.iter().map(Arc::as_ptr).collect::<Vec<_>>();
        let shape = |one: &Self| (one.speaks, pointers(one), one.client.as_ref().map(Arc::as_ptr));
        let terms = |one: &Self| (Arc::clone(&one.edge), one.peers.clone(), one.limits.clone());
        self.gate == other.gate && self.sockets == other.sockets && shape(self) == shape(other) && terms(self) == terms(other)
    }
}

/// What a plan is made from besides the Gateways.
pub(super) struct Means<'a> {
    pub settings: &'a Settings,
    pub grants: &'a Grants,
    pub certificates: &'a Certificates,
    /// Classes of ours, with why they are not accepted.
    pub classes: &'a BTreeMap<Arc<str>, Option<Refusal>>,
}

/// Plans all Gateways of classes of ours.
pub(super) fn make<'a>(gateways: impl Iterator<Item = &'a Arc<Gateway>>, means: &Means<'_>) -> Plan {
    let mut plan = Plan::default();
    for gateway in gateways {
        let Some(class) = means.classes.get(&gateway.spec.gateway_class_name) else { continue };
        let key = (Arc::clone(&gateway.metadata.namespace), Arc::clone(&gateway.metadata.name));
        let mut planned = alone(gateway, class.as_ref(), means, &mut plan.wanted);
        refuse_conflicts(&mut planned.listeners);
        find_overlaps(&mut planned.listeners);
        plan.gateways.insert(key, planned);
    }
    super::addresses::assign(&mut plan.gateways, means.settings);
    share_ports(&mut plan, means.settings);
    plan
}

/// Who came first: creation in Unix seconds, then namespace and name.
pub(super) fn age(planned: &Planned) -> (i64, &Arc<str>, &Arc<str>) {
    let meta = &planned.gateway.metadata;
    (meta.creation_s, &meta.namespace, &meta.name)
}

/// A Gateway by itself.
fn alone(gateway: &Arc<Gateway>, class: Option<&Refusal>, means: &Means<'_>, wanted: &mut Wanted) -> Planned {
    // The API admits each name once; where nothing checked that, the first one counts.
    let mut names = BTreeSet::new();
    let listeners = gateway.spec.listeners.iter().filter(|one| names.insert(&one.name));
    let mut said = edge::annotations(gateway, means.settings);
    let listeners = listeners.map(|one| listener(gateway, one, &mut said, means, wanted)).collect();
    let client = client(gateway, means, wanted);
    let mut planned = Planned {
        gateway: Arc::clone(gateway),
        addresses: Vec::new(),
        shown: Vec::new(),
        wishes: 0,
        unassigned: Vec::new(),
        unknown: said.unknown,
        unresolved: None,
        refused: class.cloned(),
        unusable: None,
        listeners,
    };
    if gateway.spec.infrastructure.as_ref().is_some_and(|infrastructure| infrastructure.parameters_ref.is_some()) {
        planned.refused = Some(Refusal::new("InvalidParameters", "infrastructure.parametersRef is not supported; remove it"));
    }
    match client {
        Ok(client) => planned.listeners.iter_mut().for_each(|one| one.client.clone_from(&client)),
        Err(refusal) => planned.unresolved = Some(refusal),
    }
    planned
}

/// What a Gateway shows to backends that ask for a certificate (gateway spec G47).
fn client(gateway: &Gateway, means: &Means<'_>, wanted: &mut Wanted) -> Result<Option<Arc<TlsIdentity>>, Refusal> {
    let tls = gateway.spec.tls.as_ref().and_then(|tls| tls.backend.as_ref());
    let Some(to) = tls.and_then(|tls| tls.client_certificate_ref.as_ref()) else { return Ok(None) };
    identity(gateway, to, "InvalidClientCertificateRef", means, wanted).map(Some)
}

/// The identity that a reference of a Gateway names (gateway spec G30).
fn identity(gateway: &Gateway, to: &SecretRef, reason: &'static str, means: &Means<'_>, wanted: &mut Wanted) -> Result<Arc<TlsIdentity>, Refusal> {
    let namespace = to.namespace.clone().filter(|one| !one.is_empty()).unwrap_or_else(|| Arc::clone(&gateway.metadata.namespace));
    let (group, kind) = (to.group.as_deref().unwrap_or(""), to.kind.as_deref().unwrap_or("Secret"));
    let from = (GATEWAY_GROUP, "Gateway", &*gateway.metadata.namespace);
    if !means.grants.permit(&Reference { from, to: (group, kind), at: (&namespace, &to.name) }) {
        let message =
            format!("no ReferenceGrant in namespace {namespace} lets Gateways of {} refer to {kind} {}", gateway.metadata.namespace, to.name);
        return Err(Refusal::new("RefNotPermitted", message));
    }
    if !group.is_empty() || kind != "Secret" {
        return Err(Refusal::new(reason, format!("{kind} {} is no Secret", to.name)));
    }
    let key = (namespace, Arc::clone(&to.name));
    wanted.secrets.insert(key.clone());
    means.certificates.identity(&key).map_err(|message| Refusal { reason, message })
}

fn listener(gateway: &Gateway, from: &GatewayListener, said: &mut Annotated, means: &Means<'_>, wanted: &mut Wanted) -> PlannedListener {
    let speaks = match &*from.protocol {
        "HTTP" => Some(Speaks::Http),
        "HTTPS" => Some(Speaks::Https),
        _ => None,
    };
    let (kinds, mut unresolved) = kinds(from, speaks.is_some());
    let (admits, mut refused) = admits(from);
    let mut edge = said.edge.clone();
    match edge::options(from, &mut edge) {
        Ok(unknown) => said.unknown.extend(unknown),
        Err(refusal) => refused = Some(refusal),
    }
    refused = said.refused.clone().or(refused);
    if speaks.is_none() {
        let message = format!("protocol {} is not served; use HTTP or HTTPS", from.protocol);
        refused = Some(Refusal::new("UnsupportedProtocol", message));
    } else if !(1..=65535).contains(&from.port) {
        refused = Some(Refusal::new("PortUnavailable", format!("port {} is not within 1..65535", from.port)));
    }
    // One that is left out may be the one that keeps people out.
    if let Some((at, filter)) = from.filters.as_ref().and_then(|filters| filters.requests.iter().enumerate().next()) {
        let message = format!("filters.requests[{at}]: {} is not served on a listener; put it into the rules of its HTTPRoutes", filter.kind);
        refused = Some(Refusal::new("UnsupportedValue", message));
    }
    let mut certificates = Vec::new();
    if speaks == Some(Speaks::Https) {
        let tls = from.tls.as_ref();
        if let Some(mode) = tls.and_then(|tls| tls.mode.as_deref()).filter(|mode| *mode != "Terminate") {
            refused = Some(Refusal::new("UnsupportedValue", format!("an HTTPS listener cannot have TLS mode {mode}; use Terminate")));
        }
        let (valid, wrong) = identities(gateway, from, means, wanted);
        certificates = valid;
        unresolved = wrong.or(unresolved);
        let asked = clients::asked_of(gateway, from.port, means, wanted);
        unresolved = unresolved.or(asked.unresolved);
        refused = refused.or(asked.refused);
        edge.terms.clients = asked.clients;
    }
    let gate = Gate {
        name: Arc::clone(&from.name),
        port: from.port,
        host: super::host_pattern(from.hostname.as_deref()),
        takes_http: kinds.contains(&"HTTPRoute"),
        admits,
    };
    PlannedListener {
        gate,
        speaks,
        kinds,
        refused,
        conflicted: false,
        unresolved,
        certificates,
        client: None,
        overlapping: None,
        edge: Arc::new(edge),
        peers: said.peers.clone(),
        limits: said.limits.clone(),
        sockets: Vec::new(),
    }
}

/// Kinds of routes that are served on it and asked for (gateway spec G15).
fn kinds(from: &GatewayListener, speaks_http: bool) -> (Vec<&'static str>, Option<Refusal>) {
    let served: &[&'static str] = if speaks_http { &["HTTPRoute"] } else { &[] };
    let asked = from.allowed_routes.as_ref().map_or(&[][..], |allowed| &allowed.kinds);
    if asked.is_empty() {
        return (served.to_vec(), None);
    }
    let known = |one: &api::gateway::RouteKind| {
        let group = one.group.as_deref().unwrap_or(GATEWAY_GROUP);
        served.iter().copied().find(|kind| group == GATEWAY_GROUP && **kind == *one.kind)
    };
    let kinds: BTreeSet<_> = asked.iter().filter_map(known).collect();
    let unknown: Vec<&str> = asked.iter().filter(|one| known(one).is_none()).map(|one| &*one.kind).collect();
    let refusal = (!unknown.is_empty())
        .then(|| Refusal::new("InvalidRouteKinds", format!("routes of kind {} are not served on {}", unknown.join(", "), from.protocol)));
    (kinds.into_iter().collect(), refusal)
}

fn admits(from: &GatewayListener) -> (Admits, Option<Refusal>) {
    let Some(namespaces) = from.allowed_routes.as_ref().and_then(|allowed| allowed.namespaces.as_ref()) else { return (Admits::Same, None) };
    match namespaces.from.as_deref() {
        None | Some("Same") => (Admits::Same, None),
        Some("All") => (Admits::All, None),
        Some("None") => (Admits::Nobody, None),
        Some("Selector") => (namespaces.selector.clone().map_or(Admits::Nobody, Admits::Labelled), None),
        Some(other) => {
            let message = format!("allowedRoutes.namespaces.from {other:?} is none of Same, All, Selector, None");
            (Admits::Nobody, Some(Refusal::new("UnsupportedValue", message)))
        }
    }
}

/// The valid certificates of a listener, and the first thing that is wrong with its references (gateway spec G30, G45).
fn identities(gateway: &Gateway, from: &GatewayListener, means: &Means<'_>, wanted: &mut Wanted) -> (Vec<Arc<TlsIdentity>>, Option<Refusal>) {
    let refs = from.tls.as_ref().map_or(&[][..], |tls| &tls.certificate_refs);
    let mut valid = Vec::new();
    let mut wrong = None;
    if refs.is_empty() {
        wrong = Some(Refusal::new("InvalidCertificateRef", "an HTTPS listener needs tls.certificateRefs"));
    }
    for to in refs {
        match identity(gateway, to, "InvalidCertificateRef", means, wanted) {
            Ok(identity) => valid.push(identity),
            Err(refusal) => drop(wrong.get_or_insert(refusal)),
        }
    }
    (valid, wrong)
}

/// Listeners of one Gateway that cannot be told apart: all of them lose (gateway spec G35).
fn refuse_conflicts(listeners: &mut [PlannedListener]) {
    let valid = |one: &&PlannedListener| one.refused.is_none();
    let mut protocols: BTreeMap<i32, BTreeSet<bool>> = BTreeMap::new();
    let mut hosts: BTreeMap<(i32, HostPattern), usize> = BTreeMap::new();
    for one in listeners.iter().filter(valid) {
        protocols.entry(one.gate.port).or_default().insert(one.speaks == Some(Speaks::Https));
        *hosts.entry((one.gate.port, one.gate.host.clone())).or_default() += 1;
    }
    for one in listeners.iter_mut().filter(|one| one.refused.is_none()) {
        let port = one.gate.port;
        if protocols.get(&port).is_some_and(|spoken| spoken.len() > 1) {
            one.refused = Some(Refusal::new("ProtocolConflict", format!("listeners of different protocols share port {port}")));
        } else if hosts.get(&(port, one.gate.host.clone())).is_some_and(|count| *count > 1) {
            let message = format!("several listeners are for host {} on port {port}", one.gate.host);
            one.refused = Some(Refusal::new("HostnameConflict", message));
        }
        one.conflicted = one.refused.is_some();
    }
}

/// HTTPS listeners of one Gateway and port that a browser may take for one (GEP-3567).
fn find_overlaps(listeners: &mut [PlannedListener]) {
    for at in 0..listeners.len() {
        let one = &listeners[at];
        let tls = |one: &PlannedListener| one.speaks == Some(Speaks::Https) && one.refused.is_none();
        let others = listeners.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
        let others: Vec<&PlannedListener> = others.filter(|other| tls(other) && tls(one) && other.gate.port == one.gate.port).collect();
        let certificates = |one: &PlannedListener| -> Vec<HostPattern> {
            one.certificates.iter().flat_map(|identity| identity.names.iter().map(crate::tls::pattern)).collect()
        };
        let mine = certificates(one);
        let shares = |other: &&PlannedListener| certificates(other).iter().any(|name| mine.iter().any(|own| own.intersects(name)));
        let found = if others.iter().copied().any(|other| shares(&other)) {
            Some("OverlappingCertificates")
        } else {
            others.iter().any(|other| other.gate.host.intersects(&one.gate.host)).then_some("OverlappingHostnames")
        };
        listeners[at].overlapping = found;
    }
}

/// Who holds a port, and which hosts of it are taken by whom.
struct Claim {
    speaks: Speaks,
    holder: String,
    hosts: BTreeMap<HostPattern, Origin>,
}

/// Gives each valid listener its sockets. Of Gateways that want one thing the older gets it (gateway spec G40); the entries of
/// the Ingresses were there before all.
fn share_ports(plan: &mut Plan, settings: &Settings) {
    let entry = |address: std::net::SocketAddr, speaks, flag: &str| {
        let claim = Claim { speaks, holder: format!("the entry of Ingresses ({flag})"), hosts: BTreeMap::new() };
        ((address.ip(), address.port(), Transport::Tcp), claim)
    };
    let mut claims = BTreeMap::from([entry(settings.http, Speaks::Http, "--http-address"), entry(settings.https, Speaks::Https, "--https-address")]);
    let mut order: Vec<&mut Planned> = plan.gateways.values_mut().filter(|one| one.refused.is_none()).collect();
    order.sort_by(|a, b| age(a).cmp(&age(b)));
    for planned in order {
        let meta = &planned.gateway.metadata;
        let origin = Origin::new("Gateway", Arc::clone(&meta.namespace), Arc::clone(&meta.name));
        for one in planned.listeners.iter_mut().filter(|one| one.refused.is_none()) {
            let (Some(speaks), Ok(port)) = (one.speaks, u16::try_from(one.gate.port)) else { continue };
            let wanted: Vec<EntranceKey> = planned.addresses.iter().map(|address| (*address, port, Transport::Tcp)).collect();
            if let Some(refusal) = wanted.iter().find_map(|key| taken(claims.get(key)?, &one.gate.host, speaks, port)) {
                one.refused = Some(refusal);
                continue;
            }
            // Without a certificate no handshake could end well: not bound, so that clients are refused at once.
            if speaks == Speaks::Https && one.certificates.is_empty() {
                continue;
            }
            for key in &wanted {
                let claim = claims.entry(*key).or_insert_with(|| Claim { speaks, holder: origin.to_string(), hosts: BTreeMap::new() });
                claim.hosts.insert(one.gate.host.clone(), origin.clone());
                let listener = ((Arc::clone(&meta.namespace), Arc::clone(&meta.name)), Arc::clone(&one.gate.name));
                plan.ports.entry(*key).or_insert_with(|| Port { speaks, listeners: Vec::new() }).listeners.push(listener);
            }
            one.sockets = wanted;
        }
    }
}

fn taken(claim: &Claim, host: &HostPattern, speaks: Speaks, port: u16) -> Option<Refusal> {
    if claim.speaks != speaks {
        return Some(Refusal::new("PortUnavailable", format!("port {port} speaks another protocol for {}; choose another port", claim.holder)));
    }
    let holder = claim.hosts.get(host)?;
    Some(Refusal::new("PortUnavailable", format!("port {port} serves host {host} for {holder}, which is older; choose another port or host")))
}
