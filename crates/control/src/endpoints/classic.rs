//! The classic Endpoints object: made for Services with a selector, mirrored into slices when made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::slice::{Conditions, Endpoint, EndpointPort, ObjectReference};
use api::{Labels, Meta, Service};
use serde::Deserialize;
use serde_json::{Value, json};

use super::desired::{Group, family};
use super::plan::target_json;

/// What marks an Endpoints object as made from a selector.
const MANAGED_BY: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");
/// Says of an Endpoints object that it shall not be mirrored.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Marks Endpoints that were abused as a lock.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// Addresses of one Endpoints object; the rest is left out, as upstream does.
const ADDRESSES_MAX: usize = 1000;

/// `Endpoints` (core v1).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoints {
    pub metadata: Meta,
    pub subsets: Option<Vec<Subset>>,
}

impl api::Object for Endpoints {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Endpoints";
    const PLURAL: &'static str = "endpoints";
    const NAMESPACED: bool = true;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// Addresses times ports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subset {
    pub addresses: Option<Vec<Address>>,
    pub not_ready_addresses: Option<Vec<Address>>,
    pub ports: Option<Vec<EndpointPort>>,
}

/// One address.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Address {
    pub ip: Arc<str>,
    pub hostname: Option<Arc<str>>,
    pub node_name: Option<Arc<str>>,
    pub target_ref: Option<ObjectReference>,
}

/// The groups of slices that mirror an Endpoints object, or nothing if it is not to be mirrored.
pub(crate) fn mirrored(endpoints: &Endpoints) -> Option<Vec<Group>> {
    let meta = &endpoints.metadata;
    let is_skipped = meta.labels.get(SKIP_MIRROR).is_some_and(|value| &**value == "true") || meta.annotations.contains_key(LEADER);
    if is_skipped {
        return None;
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut room = ADDRESSES_MAX;
    for subset in endpoints.subsets.iter().flatten() {
        let ready = subset.addresses.iter().flatten().map(|address| (address, true));
        let waiting = subset.not_ready_addresses.iter().flatten().map(|address| (address, false));
        let ports = subset.ports.clone().unwrap_or_default();
        for (address, is_ready) in ready.chain(waiting) {
            let Ok(ip) = address.ip.parse() else { continue };
            if room == 0 {
                return Some(groups);
            }
            room -= 1;
            let address_type = family(&ip);
            let endpoint = mirrored_endpoint(address, is_ready);
            match groups.iter_mut().find(|group| group.address_type == address_type && group.ports == ports) {
                Some(group) => group.endpoints.push(endpoint),
                None => groups.push(Group { address_type, ports: ports.clone(), endpoints: vec![endpoint] }),
            }
        }
    }
    Some(groups)
}

fn mirrored_endpoint(address: &Address, is_ready: bool) -> Endpoint {
    Endpoint {
        addresses: [address.ip.clone()].into(),
        conditions: Conditions { ready: Some(is_ready), ..Conditions::default() },
        hostname: address.hostname.clone(),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone().map(Box::new),
        ..Endpoint::default()
    }
}

/// The labels that a Service's Endpoints object shall have.
fn labels(service: &Service) -> Labels {
    let mut labels = service.metadata.labels.clone();
    labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    if &*service.spec.cluster_ip == "None" {
        labels.insert("service.kubernetes.io/headless".into(), "".into());
    }
    labels
}

/// The whole object that a Service with a selector shall have, from the endpoints that its slices have.
pub(crate) fn of_service(service: &Service, groups: &[Group], family: &str) -> Value {
    let subsets: Vec<Value> = subsets(groups.iter().filter(|group| group.address_type == family)).iter().map(subset_json).collect();
    json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": service.metadata.name, "namespace": service.metadata.namespace, "labels": labels(service)},
        "subsets": subsets,
    })
}

/// Name, number, protocol and application protocol of a port; none for a Service without ports.
type Port = Option<(Arc<str>, i32, Arc<str>, Option<Arc<str>>)>;
/// An address, and whether it is ready.
type Place = (Arc<str>, bool);

/// The one unnamed port that each address is listed with. Instances on one host have one address and ports of their own, but this older kind
/// packs the ports of an address together and wants names where there are several: the lowest ready one stands for all. Slices have them all.
fn unnamed<'g>(groups: impl Iterator<Item = &'g Group>) -> BTreeMap<Arc<str>, (bool, i32)> {
    let mut found: BTreeMap<Arc<str>, (bool, i32)> = BTreeMap::new();
    for group in groups {
        let ports = group.ports.iter().filter(|port| port.name.as_deref().unwrap_or_default().is_empty()).filter_map(|port| port.port);
        for port in ports {
            for endpoint in group.endpoints.iter().filter(|endpoint| is_listed(endpoint)) {
                let Some(ip) = endpoint.addresses.first() else { continue };
                let place = (!endpoint.conditions.is_ready(), port);
                found.entry(ip.clone()).and_modify(|least| *least = place.min(*least)).or_insert(place);
            }
        }
    }
    found
}

/// Draining endpoints are in no list of this older kind.
fn is_listed(endpoint: &Endpoint) -> bool {
    !endpoint.conditions.is_terminating() || endpoint.conditions.is_ready()
}

/// Ports that the same addresses have make one subset; upstream packs them so, and clients compare.
fn subsets<'g>(groups: impl Iterator<Item = &'g Group> + Clone) -> Vec<Subset> {
    let unnamed = unnamed(groups.clone());
    let mut by_port: BTreeMap<Port, BTreeMap<Place, Address>> = BTreeMap::new();
    for group in groups {
        let port = |p: &EndpointPort| {
            (p.name.clone().unwrap_or_default(), p.port.unwrap_or(0), p.protocol.clone().unwrap_or_default(), p.app_protocol.clone())
        };
        let ports: Vec<Port> = if group.ports.is_empty() { vec![None] } else { group.ports.iter().map(|p| Some(port(p))).collect() };
        for endpoint in group.endpoints.iter().filter(|endpoint| is_listed(endpoint)) {
            let Some(ip) = endpoint.addresses.first() else { continue };
            let address = Address {
                ip: ip.clone(),
                hostname: endpoint.hostname.clone(),
                node_name: endpoint.node_name.clone(),
                target_ref: endpoint.target_ref.as_deref().cloned(),
            };
            let is_said = |port: &&Port| match port {
                Some((name, number, ..)) if name.is_empty() => unnamed.get(ip).is_none_or(|(_, only)| only == number),
                _ => true,
            };
            for port in ports.iter().filter(is_said) {
                by_port.entry(port.clone()).or_default().insert((ip.clone(), endpoint.conditions.is_ready()), address.clone());
            }
        }
    }
    let mut by_addresses: BTreeMap<BTreeSet<Place>, Vec<Port>> = BTreeMap::new();
    for (port, addresses) in &by_port {
        by_addresses.entry(addresses.keys().cloned().collect()).or_default().push(port.clone());
    }
    let mut room = ADDRESSES_MAX;
    let subset = |ports: Vec<Port>| {
        let all = by_port.get(&ports[0])?;
        let mut pick = |ready: bool| -> Vec<Address> {
            let picked: Vec<_> = all.iter().filter(|((_, is_ready), _)| *is_ready == ready).map(|(_, address)| address.clone()).take(room).collect();
            room -= picked.len();
            picked
        };
        let (addresses, waiting) = (pick(true), pick(false));
        let of = |(name, port, protocol, app_protocol)| EndpointPort { name: Some(name), protocol: Some(protocol), port: Some(port), app_protocol };
        let ports = ports.into_iter().flatten().map(of).collect();
        Some(Subset { addresses: Some(addresses), not_ready_addresses: Some(waiting), ports: Some(ports) })
    };
    by_addresses.into_values().filter_map(subset).collect()
}

fn subset_json(subset: &Subset) -> Value {
    let mut out = serde_json::Map::new();
    let lists = [("addresses", &subset.addresses), ("notReadyAddresses", &subset.not_ready_addresses)];
    for (name, list) in lists {
        let list: Vec<Value> = list.iter().flatten().map(address_json).collect();
        if !list.is_empty() {
            out.insert(name.into(), list.into());
        }
    }
    let ports: Vec<Value> = subset.ports.iter().flatten().map(port_json).collect();
    if !ports.is_empty() {
        out.insert("ports".into(), ports.into());
    }
    out.into()
}

fn port_json(port: &EndpointPort) -> Value {
    let mut out = json!({"port": port.port, "protocol": port.protocol});
    if let Some(name) = port.name.as_ref().filter(|name| !name.is_empty()) {
        out["name"] = json!(name);
    }
    if let Some(protocol) = &port.app_protocol {
        out["appProtocol"] = json!(protocol);
    }
    out
}

fn address_json(address: &Address) -> Value {
    let mut out = json!({"ip": address.ip});
    for (name, value) in [("hostname", &address.hostname), ("nodeName", &address.node_name)] {
        if let Some(value) = value {
            out[name] = json!(value);
        }
    }
    if let Some(target) = &address.target_ref {
        out["targetRef"] = target_json(target);
    }
    out
}

/// Whether an object that there is already says the same, whatever the order of its lists.
pub(crate) fn is_same(current: &Endpoints, wanted: &Value) -> bool {
    let Ok(wanted) = serde_json::from_value::<Endpoints>(wanted.clone()) else { return false };
    current.metadata.labels == wanted.metadata.labels && canonical(current) == canonical(&wanted)
}

fn canonical(endpoints: &Endpoints) -> Vec<String> {
    let sorted = |list: Vec<String>| {
        let mut list = list;
        list.sort();
        list.join(";")
    };
    let subset = |subset: &Subset| {
        let addresses = |list: &Option<Vec<Address>>| sorted(list.iter().flatten().map(|a| format!("{a:?}")).collect());
        let port = |p: &EndpointPort| format!("{:?} {:?} {:?} {:?}", p.name.as_deref().unwrap_or(""), p.port, p.protocol, p.app_protocol);
        let ports = sorted(subset.ports.iter().flatten().map(port).collect());
        format!("{}|{}|{ports}", addresses(&subset.addresses), addresses(&subset.not_ready_addresses))
    };
    let mut all: Vec<String> = endpoints.subsets.iter().flatten().map(subset).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(port: i32, name: Option<&str>, ready: bool) -> Group {
        let conditions = Conditions { ready: Some(ready), ..Conditions::default() };
        Group {
            address_type: "IPv4",
            ports: vec![EndpointPort { name: name.map(Into::into), protocol: Some("TCP".into()), port: Some(port), app_protocol: None }],
            endpoints: vec![Endpoint { addresses: ["127.0.0.1".into()].into(), conditions, ..Endpoint::default() }],
        }
    }

    fn ports(groups: &[Group]) -> Vec<Vec<i32>> {
        subsets(groups.iter()).iter().map(|subset| subset.ports.iter().flatten().filter_map(|port| port.port).collect()).collect()
    }

    #[test]
    fn of_several_unnamed_ports_of_one_address_the_lowest_ready_one_is_said() {
        assert_eq!(ports(&[group(9001, None, false), group(9003, Some(""), true), group(9002, None, true)]), [[9002]]);
        assert_eq!(ports(&[group(9001, None, false)]), [[9001]]);
        assert_eq!(ports(&[group(9002, Some("http"), true), group(9001, Some("http"), true)]), [[9001, 9002]], "names tell them apart");
    }
}
