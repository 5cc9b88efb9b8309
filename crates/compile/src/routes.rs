//! Where routes join the World: what they are told, what they may look at, what they give back.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::service::ServiceKey;
use model::{Map, OrdMap};

use crate::{Change, Diagnostic, Settings, Wants};

/// What the rest of the World decided already, when routes are compiled.
#[allow(dead_code, reason = "read by the route compiler")]
pub(crate) struct Ground<'a> {
    /// Settings of the process.
    pub settings: &'a Settings,
    /// Services with their ports and pools. A port stands once per family, the primary family first; one that is an alias has
    /// `exposure` `ExternalName` and no ports.
    pub services: &'a OrdMap<ServiceKey, Arc<model::service::Service>>,
    /// Namespaces with their labels.
    pub namespaces: &'a Map<Arc<str>, Arc<api::Namespace>>,
    /// Services that came, went or changed their ports or exposure since the last call. Endpoints alone do not count: rules name
    /// pools by number.
    pub reshaped: &'a BTreeSet<ServiceKey>,
    /// The generation this snapshot will have.
    pub generation: u64,
    /// Whether every kind delivered its first complete list.
    pub complete: bool,
    /// Unix seconds.
    pub now_s: u32,
}

/// What came of the routes.
#[derive(Default)]
pub(crate) struct Routed {
    /// The new entrances; `None` when nothing changed.
    pub entrances: Option<model::routes::Entrances>,
    /// Statuses that changed.
    pub decided: Vec<api::Decided>,
    /// All that is wrong with routes now.
    pub diagnostics: Vec<Diagnostic>,
    /// Secrets that routes refer to.
    pub wants: Wants,
}

/// Gateways, routes, Ingresses and their certificates, with what is dirty among them.
#[derive(Default)]
pub(crate) struct Routes {}

impl Routes {
    /// Takes note of a change. Told of every kind, Services and Namespaces too.
    pub fn apply(&mut self, change: &Change) {
        let _ = change;
    }

    /// Redoes what is dirty.
    pub fn compile(&mut self, ground: &Ground<'_>) -> Routed {
        let _ = ground;
        Routed::default()
    }
}
