//! How a Service is balanced: BackendPolicies, annotations and defaults become one [`Policy`] per port (balance spec section 12).

mod annotations;
mod check;
mod fields;
mod shortfalls;
mod targets;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::policy::{Policy, Probe, Strategy};

pub(crate) use check::check;
pub(crate) use targets::{Attach, Policies, decide};

use crate::complaints::Complaints;
use crate::services::origin;
use fields::Overlay;

/// What is wrong with the defaults of a process, or what of them has no effect.
///
/// # Errors
/// When they cannot be in force; then nothing of them is.
pub fn judge_defaults(defaults: &api::backend_policy::BackendPolicySpec) -> Result<Option<String>, Arc<str>> {
    fields::overlay(defaults).map(|_| shortfalls::without_effect(defaults))
}

impl Policies {
    /// The policy of a Service's port (empty name: of the Service itself), weakest layer first, so that a stronger one overwrites it
    /// field by field (Y2): defaults, Namespace, annotations, Service, port.
    pub fn resolve(&self, service: &api::Service, port_name: &str, complaints: &mut Complaints) -> Policy {
        let meta = &service.metadata;
        let mut policy = Policy::default();
        self.defaults().apply(&mut policy, &"configuration".into());
        if &*service.spec.session_affinity == "ClientIP" {
            // The same stickiness for requests as for connections, unless somebody asks for a strategy (Y8).
            Overlay::strategy(Strategy::SourceIp).apply(&mut policy, &"sessionAffinity".into());
        }
        if let Some((name, overlay)) = self.of_namespace(&meta.namespace) {
            overlay.apply(&mut policy, &source(&meta.namespace, name));
        }
        annotations::overlay(service, |message| complaints.about(origin(service), "InvalidAnnotation", message))
            .apply(&mut policy, &"annotation".into());
        if let Some((name, overlay)) = self.of_service(&meta.namespace, &meta.name, None) {
            overlay.apply(&mut policy, &source(&meta.namespace, name));
        }
        if let Some((name, overlay)) =
            Some(port_name).filter(|name| !name.is_empty()).and_then(|port| self.of_service(&meta.namespace, &meta.name, Some(port)))
        {
            overlay.apply(&mut policy, &source(&meta.namespace, name));
        }
        fill_hosts(&mut policy, service);
        if let Some(lacking) = lacking(&policy) {
            complaints.about(origin(service), "StrategyIncomplete", lacking);
        }
        policy
    }
}

/// What a strategy needs that no layer says: a policy that asks for one without it is refused, an annotation cannot be.
fn lacking(policy: &Policy) -> Option<String> {
    let tuning = &policy.tuning;
    match policy.strategy {
        Strategy::Maglev | Strategy::RingHash if tuning.hash_keys.is_empty() => Some(format!(
            "strategy {:?} has no key to hash and balances like Auto: add annotation fairlead.dev/hash-by, or hash.keys to a BackendPolicy",
            policy.strategy
        )),
        Strategy::Reserve | Strategy::Fill if policy.limits.endpoint_in_flight.is_none() => Some(format!(
            "strategy {:?} has no slots to fill and balances like Auto: add annotation fairlead.dev/max-in-flight, or limits.endpoint.maxInFlight \
             to a BackendPolicy",
            policy.strategy
        )),
        _ => None,
    }
}

fn source(namespace: &str, name: &str) -> Arc<str> {
    format!("BackendPolicy {namespace}/{name}").into()
}

/// The Host field of HTTP checks that name none is the Service's, never a route's (H4).
fn fill_hosts(policy: &mut Policy, service: &api::Service) {
    for check in &mut policy.checks {
        if let Probe::Http { host, .. } | Probe::Grpc { host, .. } = &mut check.probe
            && host.is_empty()
        {
            *host = format!("{}.{}", service.metadata.name, service.metadata.namespace).into();
        }
    }
}
