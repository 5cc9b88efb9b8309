//! One Service and its slices become ports, pools, frontends and names (services spec section 1).

mod claims;
mod endpoints;
mod frontends;
mod offers;
mod outside;
mod pools;
mod usable;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::EndpointSlice;
use model::names::Owner;
use model::policy::Policy;
use model::service::{Frontend, Service, ServiceKey, ServicePort};
use model::{Endpoint, Map, Origin, Pool, PoolId, Transport};
use smallvec::SmallVec;

pub(crate) use claims::Claims;
pub(crate) use endpoints::{Joined, ReadSlice, endpoint};
pub(crate) use offers::Offers;
pub(crate) use outside::Asked;
pub(crate) use pools::PoolKey;

use crate::complaints::Complaints;
use crate::names;
use crate::policy::Policies;
use crate::probes::{self, Probes};
use crate::{Diagnostic, Settings, text};
use endpoints::{Candidates, WantedPort};
use frontends::Exposed;
use pools::Numbers;

/// The label that keeps a Service out of the packet plane (services spec S4).
const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";
/// The label that gives a Service to another proxy (services spec S5).
const PROXY_NAME_LABEL: &str = "service.kubernetes.io/service-proxy-name";

/// Policies that are remembered from one Service to the next.
const POLICIES: usize = 8;

/// What a Service is compiled against.
pub(crate) struct Context<'a> {
    pub settings: &'a Settings,
    /// This node's addresses, primary first.
    pub node_addresses: &'a [IpAddr],
    /// This node's zone.
    pub zone: Option<Arc<str>>,
    pub nodes: &'a Map<Arc<str>, Arc<api::Node>>,
    pub instances: &'a Map<ServiceKey, Arc<api::Instance>>,
    pub policies: &'a Policies,
    /// Ports that routes name, where an ExternalName may be a backend.
    pub asked: Option<&'a Asked>,
}

/// An object whose change recompiles a Service besides its own and its slices.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Depends {
    /// For its zone.
    Node(Arc<str>),
    /// For its weight, maintenance and metadata.
    Instance(ServiceKey),
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "IPv4" => Some(Family::V4),
            "IPv6" => Some(Family::V6),
            _ => None,
        }
    }

    /// The family of a slice. FQDN slices are ignored, with a complaint (services spec S21, dns spec B21).
    pub fn of_slice(slice: &EndpointSlice, complaints: &mut Complaints) -> Option<Self> {
        let family = Self::parse(&slice.address_type);
        if family.is_none() {
            let message = format!("addressType {:?} is not served: use IPv4 or IPv6", &*slice.address_type);
            complaints.about(endpoints::slice_origin(slice), "UnsupportedAddressType", message);
        }
        family
    }
}

/// The slices of one Service, in the order of their names. In place: most Services have one.
#[derive(Default)]
pub(crate) struct Slices(SmallVec<[Arc<EndpointSlice>; 1]>);

impl Slices {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|slice| (*slice.metadata.name).cmp(name))
    }

    /// Adds a slice whose name is not among them.
    pub fn insert(&mut self, slice: Arc<EndpointSlice>) {
        if let Err(at) = self.place(&slice.metadata.name) {
            self.0.insert(at, slice);
        }
    }

    pub fn remove(&mut self, name: &str) {
        if let Ok(at) = self.place(name) {
            self.0.remove(at);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.0.iter()
    }
}

/// A compiled Service, all that it puts into tables.
pub(crate) struct Built {
    pub service: Arc<Service>,
    pub pools: Vec<Arc<Pool>>,
    /// The numbers of its pools.
    pub numbers: Vec<(PoolKey, PoolId)>,
    /// What it would hold if nobody else did.
    pub frontends: Vec<Arc<Frontend>>,
    /// Its DNS name, unless that is too long to have.
    pub owner: Option<Arc<Owner>>,
    pub probes: Probes,
    pub depends: BTreeSet<Depends>,
    pub complaints: BTreeSet<Diagnostic>,
    /// The load-balancer addresses that we give it; `None` where that is not ours to do.
    pub offer: Option<Vec<IpAddr>>,
    /// Age, which decides who holds an address that two Services claim.
    pub creation_s: i64,
}

impl Built {
    /// Whether ports, families or exposure differ: what routes look at.
    pub fn reshapes(&self, old: &Built) -> bool {
        self.service.exposure != old.service.exposure || self.service.ports != old.service.ports
    }
}

/// A service port with its numbers checked, once a family.
struct ReadPort<'a> {
    port: &'a api::service::ServicePort,
    number: u16,
    node_port: u16,
    transport: Transport,
    family: Family,
}

impl ReadPort<'_> {
    /// What slices are asked for. Those of an alias say nothing of ports: the Service does.
    fn wanted(&self, is_alias: bool) -> WantedPort<'_> {
        let target = match self.port.target_port {
            Some(api::service::IntOrString::Int(number)) => text::port(number).unwrap_or(self.number),
            _ => self.number,
        };
        WantedPort { name: &self.port.name, transport: self.transport, family: self.family, fixed: is_alias.then_some(target) }
    }
}

/// What Services that are compiled one after the other share.
#[derive(Default)]
pub(crate) struct Stock {
    /// The last pool number given.
    last_pool: u32,
    /// Policies of the last Services, the newest first: nearly all Services have the same one.
    policies: Vec<Arc<Policy>>,
}

impl Stock {
    fn remember(&mut self, policy: &Arc<Policy>) {
        if self.policies.first().is_none_or(|newest| !Arc::ptr_eq(newest, policy)) {
            self.policies.retain(|known| !Arc::ptr_eq(known, policy));
            self.policies.truncate(POLICIES - 1);
            self.policies.insert(0, Arc::clone(policy));
        }
    }
}

/// Compiles one Service. What did not change since `old` is kept by pointer.
pub(crate) fn build(context: &Context<'_>, service: &api::Service, slices: &Slices, old: Option<&Built>, stock: &mut Stock) -> Built {
    let of_old = old.iter().flat_map(|old| old.pools.iter().map(|pool| &pool.policy).chain([&old.service.policy]));
    let known_policies = of_old.chain(&stock.policies).cloned().collect();
    let builder = Builder {
        context,
        service,
        origin: origin(service),
        addresses: Vec::new(),
        old,
        known_policies,
        complaints: Complaints::default(),
        depends: Vec::new(),
    };
    let built = builder.build(slices, &mut stock.last_pool);
    stock.remember(&built.service.policy);
    built
}

struct Builder<'a> {
    context: &'a Context<'a>,
    service: &'a api::Service,
    origin: Origin,
    addresses: Vec<IpAddr>,
    old: Option<&'a Built>,
    known_policies: Vec<Arc<Policy>>,
    complaints: Complaints,
    depends: Vec<Depends>,
}

impl<'a> Builder<'a> {
    fn build(mut self, slices: &Slices, next_pool: &mut u32) -> Built {
        self.addresses = self.cluster_addresses();
        let ports = self.read_ports(slices);
        let wanted: Vec<_> = ports.iter().map(|port| port.wanted(is_alias(self.service))).collect();
        let old_endpoints = self.old.map(|old| &*old.service.endpoints).unwrap_or_default();
        let slices = endpoints::read(self.context, slices, &mut self.depends, &mut self.complaints);
        let candidates = endpoints::candidates(self.context, &slices, &wanted, old_endpoints);
        let exposed = Exposed::read(self.context, self.service, &self.addresses, &self.origin, &mut self.complaints);
        let mut numbers = Numbers { known: self.old.map(|old| &*old.numbers).unwrap_or_default(), next: next_pool, given: Vec::new() };
        let mut made = Made::default();
        for (port, candidates) in ports.iter().zip(&candidates) {
            self.port(port, candidates, &exposed, &mut numbers, &mut made);
        }
        let policy = self.policy("");
        let owner = names::owner(self.context.settings, self.service, &self.addresses, &slices, &mut self.complaints);
        let old_owner = self.old.and_then(|old| old.owner.as_ref());
        let service = Service {
            origin: self.origin,
            addresses: self.addresses,
            exposure: exposure(self.service),
            ports: made.ports,
            endpoints: every_endpoint(&candidates),
            policy,
            diagnostics: self.complaints.sentences(),
        };
        Built {
            service: self.old.map(|old| &old.service).filter(|old| ***old == service).cloned().unwrap_or_else(|| Arc::new(service)),
            pools: made.pools,
            numbers: numbers.given,
            frontends: made.frontends,
            owner: owner.map(|new| old_owner.filter(|old| ***old == new).cloned().unwrap_or_else(|| Arc::new(new))),
            probes: made.probes,
            offer: exposed.offered,
            depends: self.depends.into_iter().collect(),
            complaints: self.complaints.into_set(),
            creation_s: self.service.metadata.creation_s,
        }
    }

    /// One port of one family: its pools, its frontends, its probes.
    fn port(&mut self, port: &ReadPort<'_>, candidates: &Candidates, exposed: &Exposed, numbers: &mut Numbers<'_>, made: &mut Made) {
        let usable = usable::usable(self.context, candidates);
        let policy = self.policy(&port.port.name);
        probes::of_port(candidates.values().map(|one| &one.endpoint), &policy, &self.context.settings.node, &mut made.probes);
        if port.transport == Transport::Tcp {
            probes::of_named(self.context, candidates.values().map(|one| &one.endpoint), &mut made.probes);
        }
        let mut pool = |endpoints: Vec<Arc<Endpoint>>, draining: &[Arc<Endpoint>], local: bool| -> PoolId {
            let id = numbers.number(PoolKey { port: port.number, transport: port.transport, family: port.family, local });
            let old = self.old.and_then(|old| old.pools.iter().find(|pool| pool.id == id));
            let new = Pool {
                id,
                service: self.origin.clone(),
                port_name: Arc::clone(&port.port.name),
                port: port.number,
                transport: port.transport,
                app_protocol: port.port.app_protocol.clone(),
                endpoints: pools::in_slots(old.map(|old| &**old), endpoints),
                draining: draining.to_vec(),
                policy: Arc::clone(&policy),
            };
            made.pools.push(pools::keep(old, new));
            id
        };
        let has_local = !usable.local.is_empty();
        let cluster = pool(usable.cluster, &usable.draining, false);
        let local = exposed.needs_local(port).then(|| pool(usable.local, &[], true));
        made.ports.push(ServicePort {
            name: Arc::clone(&port.port.name),
            port: port.number,
            node_port: port.node_port,
            transport: port.transport,
            app_protocol: port.port.app_protocol.clone(),
            cluster,
            local,
        });
        let pools = frontends::Pools { cluster, local: local.filter(|_| has_local), anywhere: usable.anywhere };
        exposed.frontends(port, &self.origin, &pools, &mut made.frontends);
    }

    /// The policy of a port (empty: of the Service itself), the old one by pointer where it is the same.
    fn policy(&mut self, port_name: &str) -> Arc<Policy> {
        let policy = self.context.policies.resolve(self.service, port_name, &mut self.complaints);
        if let Some(known) = self.known_policies.iter().find(|known| ***known == policy) {
            return Arc::clone(known);
        }
        let policy = Arc::new(policy);
        self.known_policies.push(Arc::clone(&policy));
        policy
    }

    /// The virtual addresses: none while not allocated, for headless Services and for aliases.
    fn cluster_addresses(&mut self) -> Vec<IpAddr> {
        let spec = &self.service.spec;
        if is_alias(self.service) || is_headless(self.service) {
            return Vec::new();
        }
        let listed = if spec.cluster_ips.is_empty() { std::slice::from_ref(&spec.cluster_ip) } else { &*spec.cluster_ips };
        let mut addresses = Vec::new();
        for text in listed.iter().filter(|text| !text.is_empty()) {
            match text::address(text) {
                Some(address) if addresses.iter().all(|&known| Family::of(known) != Family::of(address)) => addresses.push(address),
                Some(_) => self.complaints.about(
                    self.origin.clone(),
                    "InvalidAddress",
                    format!("clusterIP {text} is the second one of its family: remove it"),
                ),
                None => {
                    self.complaints.about(self.origin.clone(), "InvalidAddress", format!("clusterIP {text:?} is no address: recreate the Service"))
                }
            }
        }
        addresses
    }

    /// Families that are served: those of the spec; else those of the addresses, else of the slices.
    fn families(&self, slices: &Slices) -> Vec<Family> {
        let declared: Vec<Family> = self.service.spec.ip_families.iter().filter_map(|family| Family::parse(family)).collect();
        let mut families = if !declared.is_empty() {
            declared
        } else if !self.addresses.is_empty() {
            self.addresses.iter().map(|&address| Family::of(address)).collect()
        } else {
            let mut of_slices: Vec<_> = slices.iter().filter_map(|slice| Family::parse(&slice.address_type)).collect();
            of_slices.sort_unstable();
            of_slices
        };
        families.dedup();
        if families.is_empty() { vec![Family::V4] } else { families }
    }

    /// Ports of an alias that routes name and itself does not list.
    fn asked_ports(&self) -> impl Iterator<Item = &'a api::service::ServicePort> + use<'a> {
        let (service, asked) = (self.service, self.context.asked);
        let key = (Arc::clone(&service.metadata.namespace), Arc::clone(&service.metadata.name));
        let named = asked.filter(|_| is_alias(service)).into_iter().flat_map(move |asked| asked.of(&key).collect::<Vec<_>>());
        named.filter(|one| service.spec.ports.iter().all(|listed| listed.port != one.port))
    }

    /// Ports with sound numbers, each once per family. A port that stands twice or has no sound number is left out.
    fn read_ports(&mut self, slices: &Slices) -> Vec<ReadPort<'a>> {
        let service: &'a api::Service = self.service;
        if is_alias(service) && !self.context.settings.external_names {
            return Vec::new();
        }
        let families = self.families(slices);
        let mut read: Vec<ReadPort<'a>> = Vec::new();
        for port in service.spec.ports.iter().chain(self.asked_ports()) {
            let (Some(number), Some(transport)) = (text::port(port.port), text::transport(&port.protocol)) else {
                let message = format!("port {} of protocol {:?} cannot be served: use 1 to 65535 and TCP, UDP or SCTP", port.port, &*port.protocol);
                self.complaints.about(self.origin.clone(), "InvalidPort", message);
                continue;
            };
            if read.iter().any(|known| (known.number, known.transport) == (number, transport)) {
                self.complaints.about(self.origin.clone(), "InvalidPort", format!("port {number}/{transport} stands twice: the first one counts"));
                continue;
            }
            let node_port = if port.node_port == 0 { 0 } else { text::port(port.node_port).unwrap_or(0) };
            read.extend(families.iter().map(|&family| ReadPort { port, number, node_port, transport, family }));
        }
        read
    }
}

/// What the ports of a Service come to.
#[derive(Default)]
struct Made {
    ports: Vec<ServicePort>,
    pools: Vec<Arc<Pool>>,
    frontends: Vec<Arc<Frontend>>,
    probes: Probes,
}

/// Every endpoint of every port, each once, by address.
fn every_endpoint(candidates: &[Candidates]) -> Vec<Arc<Endpoint>> {
    let mut all: BTreeMap<(SocketAddr, Transport), &Arc<Endpoint>> = BTreeMap::new();
    for one in candidates.iter().flat_map(BTreeMap::values) {
        all.insert((one.endpoint.address, one.endpoint.identity.transport), &one.endpoint);
    }
    all.into_values().cloned().collect()
}

pub(crate) fn origin(service: &api::Service) -> Origin {
    Origin { kind: "Service", namespace: Arc::clone(&service.metadata.namespace), name: Arc::clone(&service.metadata.name) }
}

/// `type: ExternalName`.
pub(crate) fn is_alias(service: &api::Service) -> bool {
    &*service.spec.kind == "ExternalName"
}

/// `clusterIP: None`.
pub(crate) fn is_headless(service: &api::Service) -> bool {
    let spec = &service.spec;
    !is_alias(service) && (&*spec.cluster_ip == "None" || spec.cluster_ips.first().is_some_and(|first| &**first == "None"))
}

fn exposure(service: &api::Service) -> &'static str {
    match &*service.spec.kind {
        "NodePort" => "NodePort",
        "LoadBalancer" => "LoadBalancer",
        "ExternalName" => "ExternalName",
        _ => "ClusterIP",
    }
}

/// Whether this process serves the Service's addresses (S4, S5). Its names and pools are there either way.
fn is_ours(service: &api::Service, settings: &Settings) -> bool {
    let labels = &service.metadata.labels;
    !labels.contains_key(HEADLESS_LABEL) && labels.get(PROXY_NAME_LABEL) == settings.service_proxy_name.as_ref()
}
