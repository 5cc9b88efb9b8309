//! What becomes of a connection to an address of a Service, whose bytes pass as they are (services spec 1.4).

use std::net::IpAddr;

use super::{Explanation, Notes, at_pool};
use crate::service::{Frontend, FrontendKey, FrontendKind, Verdict};
use crate::show::{Cell, Table};
use crate::snapshot::Snapshot;

/// Explains a connection to an address and port; `None` where the address is no Service's. `from` is the client, if it is not on this
/// host.
pub fn why_address(snapshot: &Snapshot, key: FrontendKey, from: Option<IpAddr>) -> Option<Explanation> {
    let mut notes = Notes { table: Table::new(super::COLUMNS), candidates: 0, hosts: Vec::new(), pools: Vec::new(), sent_to: None };
    let reason = match snapshot.frontends.get(&key) {
        Some(frontend) => through(snapshot, frontend, from, &mut notes),
        None => {
            let missing = without_port(snapshot, key)?;
            notes.row("frontend", place(key), "closed", missing.into());
            "connect_refused"
        }
    };
    let answer = if reason == "ok" { "by an endpoint" } else { "none" };
    notes.row("answer", answer.into(), reason, Cell::None);
    Some(Explanation { table: notes.table, status: None, reason, pools: notes.pools, limits: None })
}

fn place(key: FrontendKey) -> String {
    format!("{}/{}", key.socket(), key.transport.as_str())
}

/// Why an address of a Service is closed at a port.
fn without_port(snapshot: &Snapshot, key: FrontendKey) -> Option<String> {
    let service = snapshot.services.values().find(|service| service.addresses.contains(&key.address))?;
    let ports: Vec<String> = service.ports.iter().map(|port| format!("{}/{}", port.port, port.transport.as_str())).collect();
    let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
    Some(format!("{} has no port {}/{}: its ports are {ports}", service.origin, key.port, key.transport.as_str()))
}

/// The verdict for this client, and who it may reach.
fn through(snapshot: &Snapshot, frontend: &Frontend, from: Option<IpAddr>, notes: &mut Notes) -> &'static str {
    let kind = match frontend.kind {
        FrontendKind::ClusterIp => "ClusterIP",
        FrontendKind::NodePort => "NodePort",
        FrontendKind::LoadBalancer => "LoadBalancer",
    };
    let port = if frontend.port_name.is_empty() { String::new() } else { format!(", port {}", frontend.port_name) };
    notes.row("frontend", place(frontend.key), kind, format!("{}{port}; bytes pass as they are", frontend.service).into());
    let outside = from.filter(|client| !client.is_loopback() && !snapshot.node.addresses.contains(client));
    if let Some(client) = from.filter(|_| !frontend.source_ranges.is_empty()) {
        let admitted = frontend.source_ranges.iter().any(|&range| holds(range, client));
        notes.row("source", client.to_string(), if admitted { "admitted" } else { "refused" }, "by loadBalancerSourceRanges".into());
        if !admitted {
            return "connect_timeout";
        }
    }
    if let Some(time) = frontend.affinity {
        notes.row("affinity", "ClientIP".into(), "applies", format!("a client stays with its endpoint for {} s", time.as_secs()).into());
    }
    match if outside.is_some() { frontend.outside } else { frontend.inside } {
        Verdict::Pool(id) => {
            notes.pools.push(id);
            at_pool(snapshot, id, &frontend.service, notes);
            "ok"
        }
        Verdict::Reject => {
            let next = format!("fairlead why {} -n {}", frontend.service.name, frontend.service.namespace);
            notes.row("endpoint", "none".into(), "refused", format!("no endpoint is usable on any node: {next}").into());
            "connect_refused"
        }
        Verdict::Drop => {
            notes.row("endpoint", "none".into(), "dropped", "endpoints are usable, but none on this node, which its traffic policy asks for".into());
            "connect_timeout"
        }
    }
}

/// Whether a network holds an address.
fn holds((base, length): (IpAddr, u8), address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let ((base, width), (one, other)) = (bits(base), bits(address));
    width == other && (base ^ one).checked_shr(width - u32::from(length)).unwrap_or(0) == 0
}
