//! `fairlead show services`: one row per service port.

use super::{Cell, Filter, Table};
use crate::endpoint::Standing;
use crate::service::{Service, ServicePort};
use crate::snapshot::Snapshot;

const COLUMNS: &[&str] = &["NAMESPACE", "SERVICE", "TYPE", "ADDRESS", "PORT", "STRATEGY", "USABLE", "DRAINING", "OUT", "WHY"];

/// The services that the filter admits.
pub fn services(snapshot: &Snapshot, filter: Filter<'_>) -> Table {
    let mut table = Table::new(COLUMNS);
    for ((namespace, name), service) in &snapshot.services {
        if !filter.admits(namespace, name) {
            continue;
        }
        for port in &service.ports {
            table.push(row(snapshot, service, Some(port)));
        }
        if service.ports.is_empty() {
            table.push(row(snapshot, service, None));
        }
    }
    table
}

fn row(snapshot: &Snapshot, service: &Service, port: Option<&ServicePort>) -> Vec<Cell> {
    let pool = port.and_then(|port| snapshot.pool(port.cluster));
    let out = service.endpoints.iter().filter(|endpoint| matches!(endpoint.standing, Standing::Out(_))).count();
    let addresses = service.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let strategy = pool.map_or(service.policy.strategy, |pool| pool.policy.strategy);
    vec![
        (&*service.origin.namespace).into(),
        (&*service.origin.name).into(),
        service.exposure.into(),
        if addresses.is_empty() { Cell::None } else { addresses.into() },
        port.map(describe).into(),
        format!("{strategy:?}").into(),
        Cell::Count(pool.map_or(0, |pool| pool.endpoints.len()) as u64),
        Cell::Count(pool.map_or(0, |pool| pool.draining.len()) as u64),
        Cell::Count(out as u64),
        why(service, pool.is_some_and(|pool| pool.endpoints.is_empty())).into(),
    ]
}

/// `http 80/TCP`, with `:30080` where there is a node port.
fn describe(port: &ServicePort) -> String {
    let name = if port.name.is_empty() { String::new() } else { format!("{} ", port.name) };
    let node_port = if port.node_port == 0 { String::new() } else { format!(":{}", port.node_port) };
    format!("{name}{}{node_port}/{}", port.port, port.transport)
}

fn why(service: &Service, empty: bool) -> Option<String> {
    let mut reasons: Vec<&str> = service.diagnostics.iter().map(|reason| &**reason).collect();
    if empty {
        reasons.push(if service.endpoints.is_empty() {
            "no endpoint: nothing matches its selector, or nothing is registered"
        } else {
            "no endpoint is usable: see fairlead why"
        });
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
