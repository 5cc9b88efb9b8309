//! References of a route to backends, each judged in the order permitted, kind, existence, data (gateway spec G30).

use std::collections::BTreeSet;
use std::sync::Arc;

use api::Meta;
use api::http_route::BackendRef;
use model::Origin;
use model::routes::BackendTo;

use super::backend_tls::Policies;
use crate::grants::{Grants, Reference};
use crate::routes::backends::{self, PortName};
use crate::routes::{Ground, Key, Refusal};

/// Resolves the references of one route and remembers what it looked at.
pub(super) struct References<'a> {
    route: &'a Meta,
    ground: &'a Ground<'a>,
    grants: &'a Grants,
    backend_tls: &'a Policies,
    /// Services whose existence or shape made a difference.
    pub services: BTreeSet<Key>,
    /// Other namespaces that were referred into.
    pub namespaces: BTreeSet<Arc<str>>,
    failed: Vec<Refusal>,
}

impl<'a> References<'a> {
    pub fn new(route: &'a Meta, ground: &'a Ground<'a>, grants: &'a Grants, backend_tls: &'a Policies) -> Self {
        Self { route, ground, grants, backend_tls, services: BTreeSet::new(), namespaces: BTreeSet::new(), failed: Vec::new() }
    }

    /// Where a reference leads; what is wrong with it is remembered, and answered with 500.
    pub fn backend(&mut self, to: &BackendRef) -> (BackendTo, Origin, u16) {
        let kind = if to.kind.as_deref().is_none_or(|kind| kind == "Service") { "Service" } else { "Other" };
        let namespace = to.namespace.clone().filter(|one| !one.is_empty()).unwrap_or_else(|| Arc::clone(&self.route.namespace));
        let origin = Origin::new(kind, Arc::clone(&namespace), Arc::clone(&to.name));
        let port = to.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        let to = match self.resolve(to, (namespace, Arc::clone(&to.name)), port) {
            Ok(to) => to,
            Err(refusal) => {
                let detail = Arc::clone(&refusal.message);
                self.fail(refusal);
                BackendTo::Nowhere { status: 500, detail }
            }
        };
        (to, origin, port)
    }

    fn resolve(&mut self, to: &BackendRef, key: Key, port: u16) -> Result<BackendTo, Refusal> {
        let (group, kind) = (to.group.as_deref().unwrap_or(""), to.kind.as_deref().unwrap_or("Service"));
        let (namespace, name) = &key;
        if *namespace != self.route.namespace {
            self.namespaces.insert(Arc::clone(namespace));
        }
        let from = (api::gateway::GATEWAY_GROUP, "HTTPRoute", &*self.route.namespace);
        if !self.grants.permit(&Reference { from, to: (group, kind), at: (namespace, name) }) {
            let message = format!("no ReferenceGrant in namespace {namespace} lets HTTPRoutes of {} refer to {kind} {name}", self.route.namespace);
            return Err(Refusal::new("RefNotPermitted", message));
        }
        if !group.is_empty() || kind != "Service" {
            let shown = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
            return Err(Refusal::new("InvalidKind", format!("backend {namespace}/{name} is a {shown}; only a Service is a backend")));
        }
        self.services.insert(key.clone());
        if port == 0 {
            return Err(Refusal::new("BackendNotFound", format!("backend service {namespace}/{name} is named without a port")));
        }
        let found = backends::find(self.ground, &key, PortName::Number(port)).map_err(|missing| Refusal::new("BackendNotFound", missing))?;
        let app_protocol = found.app_protocol.as_deref().unwrap_or_default();
        if !backends::speaks_http(app_protocol) {
            let message = format!("port {port} of service {namespace}/{name} has appProtocol {app_protocol}, which an HTTPRoute does not speak");
            return Err(Refusal::new("UnsupportedProtocol", message));
        }
        Ok(match self.backend_tls.verdict(&key, &found.port_name) {
            None => BackendTo::Pool(found.pool),
            Some(Ok(tls)) => BackendTo::Covered(found.pool, tls),
            Some(Err(detail)) => BackendTo::Unvouched { detail },
        })
    }

    /// Something could not be resolved.
    pub fn fail(&mut self, refusal: Refusal) {
        self.failed.push(refusal);
    }

    /// How many references failed so far, to take back those of a rule that is dropped.
    pub fn failures(&self) -> usize {
        self.failed.len()
    }

    /// Takes back failures of a rule that is dropped for another reason.
    pub fn forget_failures_after(&mut self, count: usize) {
        self.failed.truncate(count);
    }

    /// The first failure's reason, with the sentences of a few.
    pub fn verdict(&self) -> Result<(), Refusal> {
        let Some(first) = self.failed.first() else { return Ok(()) };
        const SHOWN: usize = 4;
        let mut seen = BTreeSet::new();
        let mut sentences: Vec<&str> = self.failed.iter().map(|one| &*one.message).filter(|one| seen.insert(*one)).collect();
        let more = sentences.len().saturating_sub(SHOWN);
        sentences.truncate(SHOWN);
        let mut message = sentences.join("; ");
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        Err(Refusal::new(first.reason, message))
    }
}
