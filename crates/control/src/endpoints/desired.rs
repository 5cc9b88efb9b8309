//! Which endpoints a Service shall have: pure, from the Service, what its selector matches, and the nodes.
//!
//! The rules are those of upstream's endpointslice controller (services spec S20, S25; instances spec I2 to I4).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use api::service::{IntOrString, ServicePort};
use api::slice::{Conditions, Endpoint, EndpointPort, HintedName, Hints, ObjectReference};
use api::{Instance, Meta, Node, Pod, Service};

use crate::readiness::Verdict;

/// Addresses an endpoint of a slice may have.
const ADDRESSES_MAX: usize = 100;

/// Something that a selector matched.
#[derive(Clone)]
pub(crate) enum Member {
    Pod(Arc<Pod>),
    Instance(Arc<Instance>, Verdict),
}

/// Endpoints that can share slices: same family, same ports.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// `IPv4` or `IPv6`.
    pub address_type: &'static str,
    pub ports: Vec<EndpointPort>,
    pub endpoints: Vec<Endpoint>,
}

/// The families that a Service has endpoints of, the primary first.
pub(crate) fn families(service: &Service) -> Vec<&'static str> {
    let named: Vec<_> = service.spec.ip_families.iter().filter_map(|f| ["IPv4", "IPv6"].into_iter().find(|known| *known == &**f)).collect();
    if !named.is_empty() {
        return named;
    }
    match service.spec.cluster_ip.parse::<IpAddr>() {
        Ok(address) => vec![family(&address)],
        // Headless without a word on families: whatever its endpoints have.
        Err(_) => vec!["IPv4", "IPv6"],
    }
}

/// `IPv4` or `IPv6`.
pub(crate) fn family(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// All endpoints, grouped. A family without any has one empty group, so that the Service keeps an empty slice.
/// `resolve` gives what a name leads to.
pub(crate) fn desired<'n>(
    service: &Service,
    members: &[Member],
    node: impl Fn(&str) -> Option<&'n Arc<Node>>,
    resolve: impl Fn(&str) -> &'n [IpAddr],
) -> Vec<Group> {
    let mut groups = Vec::new();
    for address_type in families(service) {
        let mut by_ports: BTreeMap<Vec<PortKey>, Group> = BTreeMap::new();
        for member in members {
            let Some((endpoint, ports)) = endpoint_of(service, member, address_type, &node, &resolve) else { continue };
            let group = by_ports.entry(ports.iter().map(port_key).collect());
            group.or_insert_with(|| Group { address_type, ports, endpoints: Vec::new() }).endpoints.push(endpoint);
        }
        if by_ports.is_empty() {
            groups.push(Group { address_type, ports: Vec::new(), endpoints: Vec::new() });
        }
        groups.extend(by_ports.into_values());
    }
    groups
}

/// Endpoints at addresses that a name leads to, one each, of any port: the Service says which. Addresses that mean something else on
/// every link, such as those of metadata services, are nobody's endpoints; `loopback` says whether this host's own are.
pub(crate) fn outside(addresses: impl Iterator<Item = IpAddr>, loopback: bool) -> Vec<Group> {
    let is_sound = |address: &IpAddr| {
        let canonical = address.to_canonical();
        let is_link_local = match canonical {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        !canonical.is_unspecified() && !canonical.is_multicast() && !is_link_local && (loopback || !canonical.is_loopback())
    };
    let endpoint = |address: IpAddr| Endpoint {
        addresses: [address.to_string().into()].into(),
        conditions: conditions(true, true, false),
        ..Endpoint::default()
    };
    let port = EndpointPort { name: Some("".into()), protocol: Some("TCP".into()), port: None, app_protocol: None };
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.filter(is_sound).partition(IpAddr::is_ipv4);
    let group = |(address_type, list): (&'static str, Vec<IpAddr>)| {
        let endpoints: Vec<_> = list.into_iter().map(endpoint).collect();
        (!endpoints.is_empty()).then(|| Group { address_type, ports: vec![port.clone()], endpoints })
    };
    [("IPv4", v4), ("IPv6", v6)].into_iter().filter_map(group).collect()
}

type PortKey = (Arc<str>, Arc<str>, i32, Arc<str>);

fn port_key(port: &EndpointPort) -> PortKey {
    let text = |value: &Option<Arc<str>>| value.clone().unwrap_or_default();
    (text(&port.name), text(&port.protocol), port.port.unwrap_or(0), text(&port.app_protocol))
}

/// Two lists of ports are the same whatever their order.
pub(crate) fn same_ports(a: &[EndpointPort], b: &[EndpointPort]) -> bool {
    let sorted = |ports: &[EndpointPort]| {
        let mut keys: Vec<PortKey> = ports.iter().map(port_key).collect();
        keys.sort();
        keys
    };
    a.len() == b.len() && sorted(a) == sorted(b)
}

fn endpoint_of<'n>(
    service: &Service,
    member: &Member,
    address_type: &'static str,
    node: &impl Fn(&str) -> Option<&'n Arc<Node>>,
    resolve: &impl Fn(&str) -> &'n [IpAddr],
) -> Option<(Endpoint, Vec<EndpointPort>)> {
    let (endpoint, ports) = match member {
        Member::Pod(pod) => of_pod(service, pod, address_type, node)?,
        Member::Instance(instance, verdict) => of_instance(service, instance, verdict, address_type, resolve)?,
    };
    let zone = endpoint.node_name.as_deref().and_then(node).and_then(|node| node.zone()).cloned();
    let endpoint = Endpoint { zone, ..endpoint };
    let hints = hints(service, &endpoint);
    let hints = (hints != Hints::default()).then(|| Box::new(hints));
    Some((Endpoint { hints, ..endpoint }, ports))
}

fn of_family(addresses: impl Iterator<Item = Arc<str>>, address_type: &str) -> Vec<Arc<str>> {
    addresses.filter(|text| text.parse::<IpAddr>().is_ok_and(|address| family(&address) == address_type)).collect()
}

fn of_pod<'n>(
    service: &Service,
    pod: &Pod,
    address_type: &str,
    node: &impl Fn(&str) -> Option<&'n Arc<Node>>,
) -> Option<(Endpoint, Vec<EndpointPort>)> {
    let publishes = service.spec.publish_not_ready_addresses;
    let addresses = of_family(pod.status.addresses().cloned(), address_type);
    if pod.status.is_over() || addresses.is_empty() {
        return None;
    }
    // A Pod of a Node that is gone is most likely gone too.
    if !publishes && node(&pod.spec.node_name).is_none() {
        return None;
    }
    let serving = pod.status.is_ready();
    let terminating = pod.metadata.deletion_s.is_some();
    let is_named = !pod.spec.hostname.is_empty() && pod.spec.subdomain == service.metadata.name;
    let endpoint = Endpoint {
        addresses: addresses.into_iter().collect(),
        conditions: conditions(publishes || serving && !terminating, serving, terminating),
        hostname: is_named.then(|| pod.spec.hostname.clone()),
        node_name: Some(pod.spec.node_name.clone()).filter(|name| !name.is_empty()),
        target_ref: Some(Box::new(reference("Pod", &pod.metadata))),
        ..Endpoint::default()
    };
    let ports = service.spec.ports.iter().filter_map(|port| Some(endpoint_port(port, port_of_pod(pod, port)?)));
    Some((endpoint, ports.collect()))
}

fn of_instance<'n>(
    service: &Service,
    instance: &Instance,
    verdict: &Verdict,
    address_type: &str,
    resolve: &impl Fn(&str) -> &'n [IpAddr],
) -> Option<(Endpoint, Vec<EndpointPort>)> {
    let literal = |text: &Arc<str>| text.parse::<IpAddr>().is_ok();
    let written = instance.spec.addresses.iter().flat_map(|text| match literal(text) {
        true => vec![text.clone()],
        false => resolve(text).iter().map(|address| address.to_string().into()).collect(),
    });
    let mut addresses = of_family(written, address_type);
    // As many as a slice may name; the first is the one that is used.
    addresses.truncate(ADDRESSES_MAX);
    let wanted = &service.spec.ports;
    let ports: Vec<EndpointPort> = wanted.iter().filter_map(|port| Some(endpoint_port(port, port_of_instance(instance, port)?))).collect();
    // No port fits: there is nothing to reach (I3).
    if addresses.is_empty() || ports.is_empty() && !wanted.is_empty() {
        return None;
    }
    let ready = verdict.ready || service.spec.publish_not_ready_addresses;
    let endpoint = Endpoint {
        addresses: addresses.into_iter().collect(),
        conditions: conditions(ready, verdict.serving, verdict.terminating),
        hostname: instance.spec.hostname.clone().filter(|name| !name.is_empty()),
        node_name: instance.spec.node.clone().filter(|name| !name.is_empty()),
        target_ref: Some(Box::new(reference("Instance", &instance.metadata))),
        ..Endpoint::default()
    };
    Some((endpoint, ports))
}

fn conditions(ready: bool, serving: bool, terminating: bool) -> Conditions {
    Conditions { ready: Some(ready), serving: Some(serving), terminating: Some(terminating) }
}

fn reference(kind: &str, meta: &api::Meta) -> ObjectReference {
    ObjectReference { kind: kind.into(), namespace: meta.namespace.clone(), name: meta.name.clone(), uid: meta.uid.clone() }
}

fn protocol(text: &Arc<str>) -> Arc<str> {
    if text.is_empty() { "TCP".into() } else { text.clone() }
}

fn endpoint_port(port: &ServicePort, number: i32) -> EndpointPort {
    EndpointPort {
        name: Some(port.name.clone()),
        protocol: Some(protocol(&port.protocol)),
        port: Some(number),
        app_protocol: port.app_protocol.clone(),
    }
}

/// A number as it is; a name by the first container port of that name and protocol.
pub(crate) fn port_of_pod(pod: &Pod, port: &ServicePort) -> Option<i32> {
    match &port.target_port {
        None | Some(IntOrString::Int(0)) => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::Name(name)) => {
            let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
            let found = ports.find(|one| one.name == *name && protocol(&one.protocol) == protocol(&port.protocol));
            found.map(|one| one.container_port)
        }
    }
}

/// A name by the Instance's port of that name; a number if it is listed, or if nothing is (I3).
pub(crate) fn port_of_instance(instance: &Instance, port: &ServicePort) -> Option<i32> {
    let mut ports = instance.spec.ports.iter().filter(|one| protocol(&one.protocol) == protocol(&port.protocol));
    let number = match &port.target_port {
        Some(IntOrString::Name(name)) => return ports.find(|one| one.name == *name).map(|one| one.port),
        None | Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
    };
    (instance.spec.ports.is_empty() || ports.any(|one| one.port == number)).then_some(number)
}

/// What is said of Instances that a Service selects and none of whose ports it leads to (instances spec I3).
pub(crate) fn unfit<'i>(service: &Service, instances: impl Iterator<Item = &'i Arc<Instance>>) -> Option<Arc<str>> {
    let wanted = &service.spec.ports;
    let fits = |instance: &Instance| wanted.is_empty() || wanted.iter().any(|port| port_of_instance(instance, port).is_some());
    let mut unfit = instances.filter(|instance| !fits(instance));
    let first = unfit.next()?;
    let Meta { namespace, name, .. } = &first.metadata;
    let others = match unfit.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let target = |port: &ServicePort| match &port.target_port {
        Some(IntOrString::Name(name)) => format!("{name:?}"),
        None | Some(IntOrString::Int(0)) => port.port.to_string(),
        Some(IntOrString::Int(number)) => number.to_string(),
    };
    let wanted: Vec<String> = wanted.iter().map(target).collect();
    let remedy = "give it such a port in spec.ports, or the Service another targetPort";
    Some(format!("Instance {namespace}/{name}{others} is selected and has no port {}: it gets nothing; {remedy}", wanted.join(" or ")).into())
}

/// `trafficDistribution` acts through hints alone (S25): each ready endpoint is meant for its own zone, or its own node.
fn hints(service: &Service, endpoint: &Endpoint) -> Hints {
    let is_auto = service.metadata.annotation("service.kubernetes.io/topology-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("auto"));
    if is_auto || !endpoint.conditions.is_ready() {
        return Hints::default();
    }
    let own = |name: &Option<Arc<str>>| name.iter().map(|name| HintedName { name: name.clone() }).collect::<Vec<_>>();
    match &*service.spec.traffic_distribution {
        "PreferClose" | "PreferSameZone" => Hints { for_zones: own(&endpoint.zone), for_nodes: Vec::new() },
        "PreferSameNode" => Hints { for_zones: own(&endpoint.zone), for_nodes: own(&endpoint.node_name) },
        _ => Hints::default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
