//! Which endpoints are usable for whom: readiness, the terminating fallback, topology, the local view (services spec 1.3).

use std::sync::Arc;

use model::{Endpoint, Standing};

use super::Context;
use super::endpoints::{Candidate, Candidates};

/// The two views of a service port.
pub(super) struct Usable {
    /// For the whole cluster, as seen from this node.
    pub cluster: Vec<Arc<Endpoint>>,
    /// On this node alone.
    pub local: Vec<Arc<Endpoint>>,
    /// Terminating ones that still serve, where others do the work: never chosen, perhaps in use.
    pub draining: Vec<Arc<Endpoint>>,
    /// Whether anything is usable on any node: decides between `Reject` and `Drop` (S27).
    pub anywhere: bool,
}

/// Splits candidates into views.
pub(super) fn usable(context: &Context<'_>, candidates: &Candidates) -> Usable {
    let ready: Vec<&Candidate> = candidates.values().filter(|one| one.endpoint.standing == Standing::Ready).collect();
    let leaving: Vec<&Candidate> = candidates.values().filter(|one| one.endpoint.standing == Standing::Draining).collect();
    let take = |from: &[&Candidate]| -> Vec<Arc<Endpoint>> { from.iter().map(|one| Arc::clone(&one.endpoint)).collect() };
    let here = |from: &[&Candidate]| -> Vec<Arc<Endpoint>> { from.iter().filter(|one| one.local).map(|one| Arc::clone(&one.endpoint)).collect() };

    // Hints are ignored once only terminating endpoints are left (KEP-1669), and never apply to the local view (S23).
    let cluster = if ready.is_empty() { take(&leaving) } else { near(context, &ready) };
    let local = Some(here(&ready)).filter(|list| !list.is_empty()).unwrap_or_else(|| here(&leaving));
    let draining = if ready.is_empty() { Vec::new() } else { take(&leaving) };
    Usable { anywhere: !cluster.is_empty(), cluster, local, draining }
}

/// Topology over ready endpoints only: node hints if every endpoint has one and one names this node; else zone hints likewise; else
/// all. One missing hint switches that mode off (S24).
fn near(context: &Context<'_>, ready: &[&Candidate]) -> Vec<Arc<Endpoint>> {
    let pick = |hints: fn(&Candidate) -> &[Arc<str>], name: &Arc<str>| -> Option<Vec<Arc<Endpoint>>> {
        if ready.iter().any(|one| hints(one).is_empty()) {
            return None;
        }
        let meant: Vec<_> = ready.iter().filter(|one| hints(one).contains(name)).map(|one| Arc::clone(&one.endpoint)).collect();
        (!meant.is_empty()).then_some(meant)
    };
    pick(|one| &one.for_nodes, &context.settings.node)
        .or_else(|| context.zone.as_ref().and_then(|zone| pick(|one| &one.for_zones, zone)))
        .unwrap_or_else(|| ready.iter().map(|one| Arc::clone(&one.endpoint)).collect())
}
