//! Addresses that lead to a Service, and what becomes of a flow to each (services spec 1.4 and 1.5).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::service::{Frontend, FrontendKey, FrontendKind, Verdict};
use model::{Origin, PoolId};

use super::offers::is_given;
use super::{Context, Family, ReadPort, is_headless, is_ours};
use crate::complaints::Complaints;
use crate::text;

/// The timeout of `sessionAffinity: ClientIP` unless the Service sets one (S51).
const AFFINITY_TIMEOUT_S: i64 = 10_800;

/// The class of load balancers that is ours, as is none (S45).
const BALANCER_CLASS: &str = "fairlead.dev/l2";

/// A network as (address, prefix length).
type Network = (IpAddr, u8);

/// Where a Service is exposed, and by which rules.
pub(super) struct Exposed {
    /// ClusterIPs.
    cluster: Vec<IpAddr>,
    /// Addresses for its NodePorts.
    node: Vec<IpAddr>,
    /// Load-balancer addresses with the clients they admit.
    balancers: Vec<(IpAddr, Vec<Network>)>,
    /// Those of them that we give the Service: `None` where somebody else does, or nobody shall.
    pub offered: Option<Vec<IpAddr>>,
    /// `externalIPs`.
    external: Vec<IpAddr>,
    internal_local: bool,
    external_local: bool,
    affinity: Option<Duration>,
    announces: bool,
}

/// The pools of a port, as verdicts need them.
pub(super) struct Pools {
    pub cluster: PoolId,
    /// Present if it has an endpoint.
    pub local: Option<PoolId>,
    /// Whether any endpoint is usable on any node.
    pub anywhere: bool,
}

impl Exposed {
    /// Reads the exposure of a Service. One that is not ours is exposed nowhere.
    pub fn read(context: &Context<'_>, service: &api::Service, cluster: &[IpAddr], origin: &Origin, complaints: &mut Complaints) -> Self {
        let spec = &service.spec;
        let mut exposed = Self {
            cluster: Vec::new(),
            node: Vec::new(),
            balancers: Vec::new(),
            offered: None,
            external: Vec::new(),
            internal_local: &*spec.internal_traffic_policy == "Local",
            external_local: &*spec.external_traffic_policy == "Local",
            affinity: affinity(service),
            announces: announces(service, origin, complaints),
        };
        if !is_ours(service, context.settings) || is_headless(service) || super::is_alias(service) {
            return exposed;
        }
        exposed.cluster = cluster.to_vec();
        let chosen = &context.settings.node_port_addresses;
        let node = if chosen.is_empty() { primary_addresses(context.node_addresses) } else { chosen.clone() };
        exposed.node =
            node.into_iter().filter(|&address| cluster.is_empty() || cluster.iter().any(|&one| Family::of(one) == Family::of(address))).collect();
        exposed.balancers = balancers(context, service, origin, complaints);
        exposed.offered = offered(context, service, origin, complaints);
        for &address in exposed.offered.iter().flatten() {
            if exposed.balancers.iter().all(|(known, _)| *known != address)
                && let Some(ranges) = source_ranges(context, service, address, origin, complaints)
            {
                exposed.balancers.push((address, ranges));
            }
        }
        exposed.external = external(context, service, origin, complaints);
        exposed
    }

    /// Whether a Local policy asks for the local pool of this port (S33).
    pub fn needs_local(&self, port: &ReadPort<'_>) -> bool {
        let of_family = |addresses: &[IpAddr]| addresses.iter().any(|&one| Family::of(one) == port.family);
        let inside = self.internal_local && of_family(&self.cluster);
        let outside = (port.node_port != 0 && of_family(&self.node))
            || of_family(&self.external)
            || self.balancers.iter().any(|(one, _)| Family::of(*one) == port.family);
        inside || (self.external_local && outside)
    }

    /// The frontends of a port.
    pub fn frontends(&self, port: &ReadPort<'_>, origin: &Origin, pools: &Pools, into: &mut Vec<Arc<Frontend>>) {
        let mut add = |address: IpAddr, number: u16, kind: FrontendKind, ranges: Option<&[Network]>| {
            if Family::of(address) != port.family {
                return;
            }
            let (inside, outside) = match kind {
                FrontendKind::ClusterIp => (pools.verdict(self.internal_local), pools.verdict(self.internal_local)),
                // From inside, an external address under policy Local is short-circuited to the cluster pool.
                FrontendKind::NodePort | FrontendKind::LoadBalancer => (pools.verdict(false), pools.verdict(self.external_local)),
            };
            into.push(Arc::new(Frontend {
                key: FrontendKey { address, transport: port.transport, port: number },
                kind,
                service: origin.clone(),
                port_name: Arc::clone(&port.port.name),
                inside,
                outside,
                affinity: self.affinity,
                source_ranges: ranges.map(<[_]>::to_vec).unwrap_or_default(),
                announces: self.announces,
            }));
        };
        for &address in &self.cluster {
            add(address, port.number, FrontendKind::ClusterIp, None);
        }
        if port.node_port != 0 {
            for &address in &self.node {
                add(address, port.node_port, FrontendKind::NodePort, None);
            }
        }
        for (address, ranges) in &self.balancers {
            add(*address, port.number, FrontendKind::LoadBalancer, Some(ranges));
        }
        for &address in &self.external {
            add(address, port.number, FrontendKind::LoadBalancer, None);
        }
    }
}

impl Pools {
    /// Reject if nothing is usable anywhere, drop if nothing is usable here (S27).
    fn verdict(&self, local: bool) -> Verdict {
        match (self.anywhere, local, self.local) {
            (false, _, _) => Verdict::Reject,
            (true, false, _) => Verdict::Pool(self.cluster),
            (true, true, Some(local)) => Verdict::Pool(local),
            (true, true, None) => Verdict::Drop,
        }
    }
}

/// The first address of each family (S40).
fn primary_addresses(all: &[IpAddr]) -> Vec<IpAddr> {
    [Family::V4, Family::V6].iter().filter_map(|&family| all.iter().copied().find(|&address| Family::of(address) == family)).collect()
}

fn affinity(service: &api::Service) -> Option<Duration> {
    if &*service.spec.session_affinity != "ClientIP" {
        return None;
    }
    let timeout_s = service.spec.session_affinity_config.client_ip.timeout_seconds.unwrap_or(AFFINITY_TIMEOUT_S);
    Some(Duration::from_secs(timeout_s.clamp(1, 86_400).unsigned_abs()))
}

/// Whether endpoints are told the client by the PROXY protocol (services spec U5).
fn announces(service: &api::Service, origin: &Origin, complaints: &mut Complaints) -> bool {
    const ANNOTATION: &str = "fairlead.dev/proxy-protocol";
    match service.metadata.annotation(ANNOTATION) {
        None | Some("off") => false,
        Some("v2") => true,
        Some(other) => {
            complaints.about(origin.clone(), "InvalidAnnotation", format!("annotation {ANNOTATION} is {other:?}: write v2 or off"));
            false
        }
    }
}

/// Load-balancer addresses: those that are ours to translate (`ipMode: VIP`), each with the clients it admits (S42, S43).
fn balancers(context: &Context<'_>, service: &api::Service, origin: &Origin, complaints: &mut Complaints) -> Vec<(IpAddr, Vec<Network>)> {
    let mut found: Vec<(IpAddr, Vec<Network>)> = Vec::new();
    if &*service.spec.kind != "LoadBalancer" {
        return found;
    }
    for ingress in &service.status.load_balancer.ingress {
        if ingress.ip.is_empty() || ingress.ip_mode.as_deref() == Some("Proxy") {
            continue;
        }
        let Some(address) = text::address(&ingress.ip) else {
            complaints.about(origin.clone(), "InvalidAddress", format!("status.loadBalancer names {:?}, which is no address", &*ingress.ip));
            continue;
        };
        // What we gave is withdrawn when its Service goes; then the finalizer falls by which `control` keeps it (S45).
        if found.iter().any(|(known, _)| *known == address) || service.metadata.deletion_s.is_some() && is_given(service, &ingress.ip) {
            continue;
        }
        if let Some(ranges) = source_ranges(context, service, address, origin, complaints) {
            found.push((address, ranges));
        }
    }
    found
}

/// The addresses that we give a Service of type LoadBalancer without a class, or of ours: `loadBalancerIP`, else the node's of its
/// families (services spec S45, U6). Once its status holds another address than these, it is somebody else's to give.
fn offered(context: &Context<'_>, service: &api::Service, origin: &Origin, complaints: &mut Complaints) -> Option<Vec<IpAddr>> {
    let spec = &service.spec;
    let class = spec.load_balancer_class.as_deref().unwrap_or("");
    if &*spec.kind != "LoadBalancer" || !matches!(class, "" | BALANCER_CLASS) || service.metadata.deletion_s.is_some() {
        return None;
    }
    let offered = match &*spec.load_balancer_ip {
        "" => {
            let families: Vec<Family> = spec.ip_families.iter().filter_map(|family| Family::parse(family)).collect();
            let served = |address: &IpAddr| families.is_empty() || families.contains(&Family::of(*address));
            primary_addresses(context.node_addresses).into_iter().filter(served).collect()
        }
        asked => match text::address(asked) {
            Some(address) => vec![address],
            None => {
                complaints.about(origin.clone(), "InvalidAddress", format!("loadBalancerIP {asked:?} is no address: remove it, or write one"));
                Vec::new()
            }
        },
    };
    let status = &service.status.load_balancer.ingress;
    let ours = |one: &api::service::LoadBalancerIngress| {
        let is_offered = || text::address(&one.ip).is_some_and(|ip| offered.contains(&ip));
        one.hostname.is_empty() && (is_offered() || is_given(service, &one.ip))
    };
    status.iter().all(ours).then_some(offered)
}

/// The clients that a load-balancer address admits, empty for all; `None` if there are ranges and none can be read, because then
/// nobody may be let in.
fn source_ranges(context: &Context<'_>, service: &api::Service, vip: IpAddr, origin: &Origin, complaints: &mut Complaints) -> Option<Vec<Network>> {
    let listed = &service.spec.load_balancer_source_ranges;
    if listed.is_empty() {
        return Some(Vec::new());
    }
    let mut read = Vec::new();
    for text in listed {
        match text::network(text) {
            Some(network) => read.push(network),
            None => complaints.about(
                origin.clone(),
                "SourceRangesInvalid",
                format!("loadBalancerSourceRanges holds {text:?}, which is no network: write 10.0.0.0/8"),
            ),
        }
    }
    if read.is_empty() {
        return None;
    }
    read.retain(|network| Family::of(network.0) == Family::of(vip));
    if read.is_empty() {
        let message = format!("loadBalancerSourceRanges has no {} network, so {vip} admits everybody: add one", Family::of(vip).as_str());
        complaints.about(origin.clone(), "SourceRangesOtherFamily", message);
        return Some(read);
    }
    // The node itself reaches the address with the address as source.
    if context.node_addresses.iter().any(|&node| read.iter().any(|&network| text::holds(network, node))) {
        read.push((vip, if vip.is_ipv4() { 32 } else { 128 }));
    }
    read.sort_unstable();
    read.dedup();
    Some(read)
}

/// `externalIPs`, which anybody may set to anything: only where the process allows them (S46).
fn external(context: &Context<'_>, service: &api::Service, origin: &Origin, complaints: &mut Complaints) -> Vec<IpAddr> {
    let listed = &service.spec.external_ips;
    if listed.is_empty() {
        return Vec::new();
    }
    if !context.settings.external_ips {
        complaints.about(origin.clone(), "ExternalIPsRefused", "externalIPs are not served (CVE-2020-8554): start the server with --external-ips");
        return Vec::new();
    }
    let mut found = Vec::new();
    for text in listed {
        match text::address(text) {
            Some(address) if found.contains(&address) => {}
            Some(address) => found.push(address),
            None => complaints.about(origin.clone(), "InvalidAddress", format!("externalIPs holds {text:?}, which is no address")),
        }
    }
    found
}
