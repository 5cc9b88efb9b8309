//! What has a name: the DNS meaning of Services, their endpoints, and Pods (dns spec sections 2 and 3).

mod pods;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::Standing;
use model::names::{NamedEndpoint, NamedPort, Owner, Shape};

pub(crate) use pods::PodAddresses;

use crate::complaints::Complaints;
use crate::services::{ReadSlice, is_alias, is_headless, origin};
use crate::{Settings, text};

/// Sets the TTL of one Service's records, in seconds.
const TTL_ANNOTATION: &str = "fairlead.dev/dns-ttl";
/// Longest name in its wire form (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 255;

/// The owner that a Service is; `None` when it shall have no name, or one that would be too long for DNS.
pub(crate) fn owner(
    settings: &Settings,
    service: &api::Service,
    addresses: &[IpAddr],
    slices: &[ReadSlice<'_>],
    complaints: &mut Complaints,
) -> Option<Owner> {
    let meta = &service.metadata;
    if !settings.names.has(&meta.namespace) {
        return None;
    }
    let key = (lowered(&meta.namespace), lowered(&meta.name));
    // Each label takes one octet more than its text, and so does the root: `S.N.svc.Z.`
    let length = key.0.len() + 1 + key.1.len() + 1 + 4 + settings.cluster_domain.len() + 2;
    if length > LONGEST_NAME {
        let message = format!("its DNS name would take {length} octets of {LONGEST_NAME}: use a shorter cluster domain");
        complaints.about(origin(service), "NameTooLong", message);
        return None;
    }
    let shape = shape(service, addresses, complaints);
    let mut endpoints = if is_alias(service) { Vec::new() } else { named_endpoints(slices, settings.names.endpoint_pod_names) };
    if settings.names.no_empty_services && endpoints.is_empty() && matches!(shape, Shape::Addresses(_)) {
        return None;
    }
    if settings.names.no_endpoints {
        endpoints.clear();
    }
    Some(Owner { key, shape, ports: service_ports(service), endpoints, ttl_s: ttl(service, complaints) })
}

fn shape(service: &api::Service, addresses: &[IpAddr], complaints: &mut Complaints) -> Shape {
    if is_headless(service) {
        return Shape::Headless;
    }
    if !is_alias(service) {
        return Shape::Addresses(addresses.to_vec());
    }
    let target = service.spec.external_name.trim_end_matches('.');
    if text::address(target).is_some() {
        let message = format!("externalName {target} is an address, which a CNAME cannot hold: use a Service with an EndpointSlice");
        complaints.about(origin(service), "ExternalNameIsAddress", message);
        return Shape::Refused;
    }
    if !is_name(target) {
        complaints.about(origin(service), "ExternalNameInvalid", format!("externalName {target:?} is no DNS name"));
        return Shape::Refused;
    }
    Shape::Alias(target.into())
}

/// Whether a text, without a trailing dot, can be encoded as a name.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.is_ascii() && text.len() + 2 <= LONGEST_NAME && text.split('.').all(|label| (1..=63).contains(&label.len()))
}

/// Whether a text can be a host label of its own.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn service_ports(service: &api::Service) -> Vec<NamedPort> {
    if is_alias(service) {
        return Vec::new();
    }
    let read = |port: &api::service::ServicePort| {
        Some(NamedPort { name: lowered(&port.name), transport: text::transport(&port.protocol)?, port: text::port(port.port)? })
    };
    service.spec.ports.iter().filter_map(read).collect()
}

/// Ready endpoints, each (address, host label) once, with the ports of every slice that names it (R6, R8). The label is the
/// endpoint's own, else that of its Pod if those are asked for (R7).
fn named_endpoints(slices: &[ReadSlice<'_>], pod_names: bool) -> Vec<NamedEndpoint> {
    let mut found: BTreeMap<(IpAddr, Option<Arc<str>>), NamedEndpoint> = BTreeMap::new();
    for read in slices {
        let ports: Arc<[NamedPort]> = read.slice.ports.iter().filter_map(slice_port).collect();
        for (one, joined) in read.endpoints.iter().filter(|(_, joined)| joined.standing == Standing::Ready) {
            let pod_name = one.target_ref.as_ref().filter(|target| pod_names && &*target.kind == "Pod").map(|target| &*target.name);
            let hostname = one.hostname.as_deref().filter(|name| is_label(name)).or(pod_name.filter(|name| is_label(name))).map(lower);
            // Mostly an endpoint is in one slice and has its ports.
            let named = found.entry((joined.address, hostname.clone())).or_insert_with(|| NamedEndpoint {
                hostname,
                address: joined.address,
                ports: Arc::clone(&ports),
                weight: joined.weight,
            });
            if ports.iter().any(|port| !named.ports.contains(port)) {
                let more = ports.iter().filter(|port| !named.ports.contains(port));
                named.ports = named.ports.iter().chain(more).cloned().collect();
            }
        }
    }
    found.into_values().collect()
}

fn slice_port(port: &api::slice::EndpointPort) -> Option<NamedPort> {
    let transport = text::transport(port.protocol.as_deref().unwrap_or(""))?;
    Some(NamedPort { name: port.name.as_ref().map(lowered).unwrap_or_default(), transport, port: text::port(port.port?)? })
}

fn ttl(service: &api::Service, complaints: &mut Complaints) -> Option<u32> {
    let text = service.metadata.annotation(TTL_ANNOTATION)?;
    let ttl_s = text.parse().ok().filter(|ttl_s| *ttl_s <= 3600);
    if ttl_s.is_none() {
        complaints.about(origin(service), "InvalidAnnotation", format!("annotation {TTL_ANNOTATION} is {text:?}: write seconds, 0 to 3600"));
    }
    ttl_s
}

fn lower(text: &str) -> Arc<str> {
    text.to_ascii_lowercase().into()
}

/// As [`lower`], the same pointer where it is lower case already, as names mostly are.
fn lowered(text: &Arc<str>) -> Arc<str> {
    if text.bytes().any(|octet| octet.is_ascii_uppercase()) { lower(text) } else { Arc::clone(text) }
}
