//! EndpointSlice: where the traffic of a Service goes.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{self, column};
use super::value::{default_absent, default_to, has, list, list_mut, map, optional_text, remove, text, texts};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
const MAX_PORTS: usize = 20_000;
const MAX_TOPOLOGY_LABELS: usize = 16;
const MAX_HINTS: usize = 8;
const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
/// Slices that carry one of these as `managed-by` hold addresses that were checked where they came from.
const CHECKED_BY: [&str; 2] = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

/// The transport protocols of ports, as errors list them.
pub(super) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// The rules of EndpointSlices.
pub struct EndpointSlice;

impl Rules for EndpointSlice {
    fn defaults(&self, object: &mut Value) {
        for port in list_mut(object, "ports").into_iter().flatten() {
            default_absent(port, "name", "");
            default_absent(port, "protocol", "TCP");
        }
        for endpoint in list_mut(object, "endpoints").into_iter().flatten() {
            default_absent(endpoint, "conditions", Value::Object(serde_json::Map::new()));
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        drop_topology(object, &[]);
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if list(new, "endpoints") != list(old, "endpoints") {
            let known: Vec<&str> =
                list(old, "endpoints").iter().map(|e| text(&e["deprecatedTopology"], HOSTNAME_LABEL)).filter(|n| !n.is_empty()).collect();
            drop_topology(new, &known);
        }
    }

    fn counts_generation(&self, new: &Value, old: &Value) -> bool {
        ["addressType", "ports", "endpoints"].iter().any(|f| new.get(f) != old.get(f))
            || map(&new["metadata"], "labels") != map(&old["metadata"], "labels")
    }

    fn validate_create(&self, object: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = check_shape(object);
        check_endpoints(object, settings, &mut errors);
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = check_shape(new);
        // What an older server accepted stays acceptable while nobody touches it.
        if list(new, "endpoints") != list(old, "endpoints") {
            check_endpoints(new, settings, &mut errors);
        }
        if text(new, "addressType") != text(old, "addressType") {
            errors.push(Path::new("addressType").invalid(text(new, "addressType"), "field is immutable"));
        }
        errors
    }

    fn warnings(&self, new: &Value, old: Option<&Value>) -> Vec<String> {
        let mut warnings = Vec::new();
        if old.is_none() && text(new, "addressType") == "FQDN" {
            warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
        }
        let checked = text(&new["metadata"]["labels"], "endpointslice.kubernetes.io/managed-by");
        if !CHECKED_BY.contains(&checked) && text(new, "addressType") != "FQDN" {
            for (i, endpoint) in list(new, "endpoints").iter().enumerate() {
                for (j, ip) in texts(endpoint, "addresses").into_iter().enumerate() {
                    warnings.extend(address::ip_warnings(&format!("endpoints[{i}].addresses[{j}]"), ip));
                }
            }
        }
        warnings
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("AddressType", "What the addresses are: IPv4, IPv6 or FQDN."),
                column("Ports", "Ports of every endpoint."),
                column("Endpoints", "The first addresses."),
                AGE,
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let ports: Vec<String> = list(object, "ports")
            .iter()
            .map(|p| p.get("port").and_then(Value::as_i64).map_or_else(|| optional_text(p, "name").unwrap_or("*").to_owned(), |n| n.to_string()))
            .collect();
        let addresses = || list(object, "endpoints").iter().flat_map(|e| texts(e, "addresses"));
        let first: Vec<String> = addresses().take(3).map(str::to_owned).collect();
        vec![
            cells::name(object),
            text(object, "addressType").into(),
            cells::three(&ports, ports.len(), "<unset>").into(),
            cells::three(&first, addresses().count(), "<unset>").into(),
            cells::age(object, now),
        ]
    }
}

/// `deprecatedTopology` cannot be written; the node name that it once held moves to its field, if it stood there before.
fn drop_topology(object: &mut Value, known_nodes: &[&str]) {
    for endpoint in list_mut(object, "endpoints").into_iter().flatten() {
        let Some(topology) = remove(endpoint, "deprecatedTopology") else { continue };
        let node = text(&topology, HOSTNAME_LABEL);
        if known_nodes.contains(&node) && syntax::dns1123_subdomain(node).is_empty() {
            default_to(endpoint, "nodeName", node);
        }
    }
}

/// The rules that concern everything but the endpoints.
fn check_shape(object: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let at = Path::new("addressType");
    match text(object, "addressType") {
        "" => errors.push(at.required("")),
        "IPv4" | "IPv6" | "FQDN" => {}
        other => errors.push(at.not_supported(other, &["FQDN", "IPv4", "IPv6"])),
    }
    let (ports, at) = (list(object, "ports"), Path::new("ports"));
    if ports.len() > MAX_PORTS {
        errors.push(at.too_many(ports.len(), MAX_PORTS));
        return errors;
    }
    let mut names: Vec<&str> = Vec::with_capacity(ports.len().min(16));
    for (index, port) in ports.iter().enumerate() {
        let at = at.index(index);
        let name = text(port, "name");
        if !name.is_empty() {
            errors.extend(at.child("name").invalid_all(name, syntax::dns1123_label(name)));
        }
        if names.contains(&name) {
            errors.push(at.child("name").duplicate(name));
        } else {
            names.push(name);
        }
        check_protocol(port, &at, &mut errors);
    }
    errors
}

/// `protocol` and `appProtocol` of a port.
pub(super) fn check_protocol(port: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    match optional_text(port, "protocol") {
        None => errors.push(at.child("protocol").required("")),
        Some(protocol) if PROTOCOLS.contains(&protocol) => {}
        Some(other) => errors.push(at.child("protocol").not_supported(other, &PROTOCOLS)),
    }
    if let Some(app) = optional_text(port, "appProtocol") {
        errors.extend(at.child("appProtocol").invalid_all(app, syntax::qualified_name(app)));
    }
}

fn check_endpoints(object: &Value, settings: &Settings, errors: &mut FieldErrors) {
    let (endpoints, at) = (list(object, "endpoints"), Path::new("endpoints"));
    if endpoints.len() > MAX_ENDPOINTS {
        errors.push(at.too_many(endpoints.len(), MAX_ENDPOINTS));
        return;
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        let at = at.index(index);
        check_addresses(endpoint, text(object, "addressType"), &at, settings, errors);
        if let Some(node) = optional_text(endpoint, "nodeName") {
            errors.extend(at.child("nodeName").invalid_all(node, syntax::dns1123_subdomain(node)));
        }
        check_topology(endpoint, &at, errors);
        if let Some(hostname) = optional_text(endpoint, "hostname") {
            errors.extend(at.child("hostname").invalid_all(hostname, syntax::dns1123_label(hostname)));
        }
        if has(endpoint, "hints") {
            check_hints(&endpoint["hints"], &at.child("hints"), errors);
        }
    }
}

fn check_addresses(endpoint: &Value, kind: &str, at: &Path<'_>, settings: &Settings, errors: &mut FieldErrors) {
    let (addresses, at) = (texts(endpoint, "addresses"), at.child("addresses"));
    if addresses.is_empty() {
        errors.push(at.required("must contain at least 1 address"));
    } else if addresses.len() > MAX_ADDRESSES {
        errors.push(at.too_many(addresses.len(), MAX_ADDRESSES));
    }
    for (index, text) in addresses.into_iter().enumerate() {
        let one = at.index(index);
        let wrong = match kind {
            "IPv4" => address::ip_legacy(text),
            "IPv6" => address::ip_strict(text),
            "FQDN" => {
                errors.extend(address::fqdn(&one, text));
                continue;
            }
            _ => continue,
        };
        if !wrong.is_empty() {
            errors.extend(one.invalid_all(text, wrong));
            continue;
        }
        // A list of addresses is given as the place, not the address in it: upstream's path.
        match (kind, text.parse::<IpAddr>()) {
            ("IPv4", Ok(IpAddr::V6(_))) => errors.push(at.invalid(text, "must be an IPv4 address")),
            ("IPv6", Ok(IpAddr::V4(_))) => errors.push(at.invalid(text, "must be an IPv6 address")),
            _ => {}
        }
        check_reachable(text, &one, loopback_allowed(endpoint, settings), errors);
    }
}

/// Whether this endpoint or address may be on loopback: on a server that is a node itself, if the endpoint is on that node.
pub(super) fn loopback_allowed(endpoint: &Value, settings: &Settings) -> bool {
    settings.loopback_node.as_deref().is_some_and(|own| optional_text(endpoint, "nodeName").is_none_or(|node| node == own))
}

/// Addresses that cannot be somebody else's: unspecified, loopback, link-local.
pub(super) fn check_reachable(text: &str, at: &Path<'_>, loopback: bool, errors: &mut FieldErrors) {
    let Some(ip) = address::parse_ip_sloppy(text) else {
        errors.push(at.invalid(text, "must be a valid IP address"));
        return;
    };
    if ip.is_unspecified() {
        errors.push(at.invalid(text, format!("may not be unspecified ({text})")));
    }
    if ip.is_loopback() && !loopback {
        errors.push(at.invalid(text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
    }
    let (unicast, multicast) = match ip {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    if unicast {
        errors.push(at.invalid(text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
    }
    if multicast {
        errors.push(at.invalid(text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"));
    }
}

fn check_topology(endpoint: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (labels, at) = (map(endpoint, "deprecatedTopology"), at.child("deprecatedTopology"));
    if labels.len() > MAX_TOPOLOGY_LABELS {
        errors.push(at.too_many(labels.len(), MAX_TOPOLOGY_LABELS));
    }
    errors.extend(super::labels(labels, &at));
}

fn check_hints(hints: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for (field, rule) in [("forZones", syntax::label_value as fn(&str) -> Vec<String>), ("forNodes", syntax::dns1123_subdomain)] {
        let (items, at) = (list(hints, field), at.child(field));
        if items.len() > MAX_HINTS {
            errors.push(at.too_many(items.len(), MAX_HINTS));
            return;
        }
        for (index, item) in items.iter().enumerate() {
            let (name, at) = (text(item, "name"), at.index(index));
            if items[..index].iter().any(|i| text(i, "name") == name) {
                errors.push(at.child("name").duplicate(name));
            }
            errors.extend(at.child("name").invalid_all(name, rule(name)));
        }
    }
}

#[cfg(test)]
mod tests;
