//! What a BackendPolicy asks for and does not get, plane by plane (balance spec P1, P6): no setting is ignored in silence.

use std::time::Duration;

use api::backend_policy::BackendPolicySpec;
use api::decided::{Condition, Truth};
use api::parse_duration;
use model::policy::Strategy;

use super::fields::strategy;

/// The condition that says it; `Approximated` is False where every plane does all of it.
pub(super) fn condition(spec: &BackendPolicySpec) -> Condition {
    let sessions = spec.session_persistence.is_some().then(|| "sessionPersistence: HTTP only".to_owned());
    let said: Vec<String> =
        by_strategy(spec).into_iter().chain(by_layer(spec)).chain(sessions).chain(narrowed(spec)).chain(without_effect(spec)).collect();
    if said.is_empty() {
        return Condition::new("Approximated", Truth::False, "Exact", "every plane does what the policy says");
    }
    Condition::new("Approximated", Truth::True, "Approximated", said.join("; "))
}

/// What connections and datagrams get instead of the strategy of requests.
fn by_strategy(spec: &BackendPolicySpec) -> Option<String> {
    let chosen = spec.strategy.as_deref().and_then(|word| strategy(word).ok())?;
    let by_client_only = || spec.hash.iter().flat_map(|hash| &hash.keys).all(|key| key.client_ip.is_some());
    let said = match chosen {
        Strategy::Prequal | Strategy::Reserve | Strategy::Fill => "HTTP: exact; TCP: LeastRequest on connections; UDP: random per flow",
        Strategy::LeastRequest | Strategy::PeakEwma | Strategy::Performance => {
            "HTTP: exact; TCP: by connections and the time to connect; UDP: random per flow"
        }
        Strategy::Maglev | Strategy::RingHash if !by_client_only() => "HTTP: exact; TCP and UDP: by the client's address only, where it is a key",
        _ => return None,
    };
    Some(said.to_owned())
}

/// Limits that one layer alone counts.
fn by_layer(spec: &BackendPolicySpec) -> Option<String> {
    let limits = spec.limits.as_ref()?;
    let counts = [&limits.endpoint, &limits.service].into_iter().flatten().any(|pair| pair.max_connections.is_some());
    counts.then(|| "limits.maxConnections: connections of TCP and TLS, flows of UDP; HTTP: bound requests with maxInFlight".to_owned())
}

/// Values that are taken for smaller ones.
fn narrowed(spec: &BackendPolicySpec) -> Vec<String> {
    let mut said = Vec::new();
    let interval = spec.retry_budget.as_ref().and_then(|budget| parse_duration(budget.interval.as_deref()?));
    if interval.is_some_and(|interval| interval > Duration::from_secs(10)) {
        said.push("retryBudget.interval: judged by the last 10 s".to_owned());
    }
    if spec.prequal.as_ref().is_some_and(|prequal| prequal.pool_size.is_some_and(|size| size > 16)) {
        said.push("prequal.poolSize: 16 looks are kept".to_owned());
    }
    said
}

/// Fields that are written and have no effect.
pub(super) fn without_effect(spec: &BackendPolicySpec) -> Option<String> {
    let performance = spec.performance.as_ref();
    let written = [
        ("concurrency", spec.concurrency.is_some()),
        ("locality", spec.locality.is_some()),
        ("rateLimit", spec.rate_limit.is_some()),
        ("shed", spec.shed.is_some()),
        ("subset", spec.subset.is_some()),
        ("prequal.probeTimeout", spec.prequal.as_ref().is_some_and(|block| block.probe_timeout.is_some())),
        ("performance.outOfBand", performance.and_then(|block| block.out_of_band).is_some_and(|block| block.enabled == Some(true))),
    ];
    let names: Vec<&str> = written.into_iter().filter(|(_, written)| *written).map(|(name, _)| name).collect();
    (!names.is_empty()).then(|| format!("without effect in this version: {}", names.join(", ")))
}
