//! The addresses of a Gateway (gateway spec G40): its own where it asks for some, else the one of `--http-address`.

use std::net::IpAddr;
use std::sync::Arc;

use api::gateway::GatewayAddress;

use super::plan::Planned;
use crate::Settings;
use crate::routes::Refusal;

/// Decides where a Gateway is bound and what its status shows.
pub(super) fn assign(planned: &mut Planned, settings: &Settings) {
    let wanted = planned.gateway.spec.addresses.clone();
    let mut addresses: Vec<IpAddr> = Vec::new();
    for one in &wanted {
        match usable(one, settings) {
            Ok(address) => addresses.push(address),
            Err(refusal) if refusal.reason == "UnsupportedAddress" => planned.refused = planned.refused.take().or(Some(refusal)),
            Err(refusal) => planned.unusable = planned.unusable.take().or(Some(refusal)),
        }
    }
    if wanted.is_empty() {
        addresses.push(settings.http.ip());
    }
    addresses.sort();
    addresses.dedup();
    planned.shown = addresses.iter().flat_map(|address| reached(*address, settings)).collect();
    planned.shown.dedup();
    planned.addresses = addresses;
}

fn usable(wanted: &GatewayAddress, settings: &Settings) -> Result<IpAddr, Refusal> {
    let value = &wanted.value;
    match wanted.kind.as_deref().unwrap_or("IPAddress") {
        "IPAddress" if value.is_empty() => Ok(settings.http.ip()),
        "IPAddress" => {
            let unusable = |why: &str| Refusal::new("AddressNotUsable", format!("address {value} {why}"));
            let address: IpAddr = value.parse().map_err(|_| unusable("is no IP address"))?;
            let local = settings.http.ip() == address || settings.node_addresses.contains(&address) || address.is_loopback();
            if local { Ok(address) } else { Err(unusable("is not an address of this node; use one of its own, or leave addresses out")) }
        }
        "Hostname" => Err(Refusal::new("AddressNotUsable", format!("host name {value} is not one of this node; name an IP address"))),
        kind => Err(Refusal::new("UnsupportedAddress", format!("addresses of type {kind} are not supported; use IPAddress"))),
    }
}

/// What clients connect to: the address, or the node's when it is bound on all.
fn reached(address: IpAddr, settings: &Settings) -> Vec<Arc<str>> {
    if !address.is_unspecified() {
        return vec![address.to_string().into()];
    }
    let same_family = settings.node_addresses.iter().filter(|one| one.is_ipv4() || address.is_ipv6());
    same_family.map(|one| one.to_string().into()).collect()
}
