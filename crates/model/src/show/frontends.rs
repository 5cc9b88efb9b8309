//! `fairlead show frontends`: every address that leads to a service, and whether it is in force.

use super::{Cell, Filter, Table};
use crate::ack::Applied;
use crate::service::{Frontend, FrontendKind, Verdict};
use crate::snapshot::Snapshot;

const COLUMNS: &[&str] = &["NAMESPACE", "SERVICE", "ADDRESS", "PORT", "PROTOCOL", "KIND", "VERDICT", "ENDPOINTS", "AFFINITY", "PROGRAMMED", "WHY"];

/// The frontends of the services that the filter admits; `applied` is what the planes said last.
pub fn frontends(snapshot: &Snapshot, applied: &[Applied], filter: Filter<'_>) -> Table {
    let mut table = Table::new(COLUMNS);
    for (_, frontend) in &snapshot.frontends {
        if filter.admits(&frontend.service.namespace, &frontend.service.name) {
            table.push(row(snapshot, frontend, applied));
        }
    }
    table
}

fn row(snapshot: &Snapshot, frontend: &Frontend, applied: &[Applied]) -> Vec<Cell> {
    let pool = match frontend.inside {
        Verdict::Pool(id) => snapshot.pool(id),
        Verdict::Reject | Verdict::Drop => None,
    };
    let problem = applied.iter().flat_map(|plane| &plane.problems).find(|problem| problem.frontend == Some(frontend.key));
    let in_force = applied.iter().any(|plane| plane.plane == "stream" && plane.generation >= snapshot.generation);
    let (programmed, why) = match problem {
        Some(problem) => ("False", Some(format!("{}: {}", problem.reason, problem.message))),
        None if in_force => ("True", None),
        None => ("Unknown", Some("the plane has not applied this generation yet".to_owned())),
    };
    vec![
        (&*frontend.service.namespace).into(),
        (&*frontend.service.name).into(),
        frontend.key.address.to_string().into(),
        u32::from(frontend.key.port).into(),
        frontend.key.transport.as_str().into(),
        kind(frontend.kind).into(),
        verdict(frontend.inside).into(),
        Cell::Count(pool.map_or(0, |pool| pool.endpoints.len()) as u64),
        frontend.affinity.map(|time| format!("{} s", time.as_secs())).into(),
        programmed.into(),
        why.into(),
    ]
}

fn kind(kind: FrontendKind) -> &'static str {
    match kind {
        FrontendKind::ClusterIp => "ClusterIP",
        FrontendKind::NodePort => "NodePort",
        FrontendKind::LoadBalancer => "LoadBalancer",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pool(_) => "pool",
        Verdict::Reject => "reject",
        Verdict::Drop => "drop",
    }
}
