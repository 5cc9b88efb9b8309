//! Ports of Services of type ExternalName (gateway spec G65, ingress spec I5): such a Service need not list any, so that what routes
//! ask for counts, too. Where it leads is in its slices, which name addresses and no port.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::http_route::{BackendRef, HttpFilter, HttpRule};
use api::service::ServicePort;
use model::service::ServiceKey;

use crate::routes::links::Links;
use crate::{Change, Kind, Object};

/// A route: its kind, namespace and name.
type Route = (Kind, ServiceKey);

/// Which ports of which Services routes name by number.
#[derive(Default)]
pub(crate) struct Asked {
    links: Links<Route, (ServiceKey, u16)>,
    ports: BTreeMap<ServiceKey, BTreeMap<u16, ServicePort>>,
}

impl Asked {
    /// Takes note of a change of a route; gives the Services of which other ports may be asked for now.
    pub fn apply(&mut self, change: &Change) -> Vec<ServiceKey> {
        let (route, now) = match change {
            Change::Upsert(Object::HttpRoute(route)) => {
                let meta = &route.metadata;
                let rules = route.spec.rules.iter();
                let named = rules.flat_map(of_rule).filter_map(|to| of_backend(to, &meta.namespace)).collect();
                ((Kind::HttpRoute, (Arc::clone(&meta.namespace), Arc::clone(&meta.name))), named)
            }
            Change::Upsert(Object::Ingress(ingress)) => {
                let meta = &ingress.metadata;
                let paths = ingress.spec.rules.iter().flat_map(|rule| &rule.http).flat_map(|http| &http.paths);
                let services = paths.map(|path| &path.backend).chain(&ingress.spec.default_backend).filter_map(|one| one.service.as_ref());
                let port = |number| u16::try_from(number).ok().filter(|port| *port > 0);
                let named = services.filter_map(|one| Some(((Arc::clone(&meta.namespace), Arc::clone(&one.name)), port(one.port.number)?)));
                ((Kind::Ingress, (Arc::clone(&meta.namespace), Arc::clone(&meta.name))), named.collect())
            }
            Change::Delete { kind: kind @ (Kind::HttpRoute | Kind::Ingress), namespace, name } => {
                ((*kind, (Arc::clone(namespace), Arc::clone(name))), std::collections::BTreeSet::new())
            }
            _ => return Vec::new(),
        };
        let mut touched = Vec::new();
        for (service, port) in self.links.set(&route, now) {
            let is_asked = self.links.owners(&(service.clone(), port)).next().is_some();
            let ports = self.ports.entry(service.clone()).or_default();
            let known = match is_asked {
                true => ports.insert(port, made(port)).is_some(),
                false => ports.remove(&port).is_none(),
            };
            if ports.is_empty() {
                self.ports.remove(&service);
            }
            touched.extend((!known).then_some(service));
        }
        touched
    }

    /// The ports of a Service that routes name.
    pub fn of(&self, service: &ServiceKey) -> impl Iterator<Item = &ServicePort> {
        self.ports.get(service).into_iter().flat_map(BTreeMap::values)
    }
}

/// All that a rule refers to, mirrors too.
fn of_rule(rule: &HttpRule) -> impl Iterator<Item = &BackendRef> {
    let filters = rule.filters.iter().chain(rule.backend_refs.iter().flat_map(|backend| &backend.filters));
    rule.backend_refs.iter().map(|backend| &backend.to).chain(filters.filter_map(mirrored))
}

fn mirrored(filter: &HttpFilter) -> Option<&BackendRef> {
    filter.request_mirror.as_ref().map(|mirror| &mirror.backend_ref)
}

fn of_backend(to: &BackendRef, here: &Arc<str>) -> Option<(ServiceKey, u16)> {
    let namespace = to.namespace.as_ref().filter(|name| !name.is_empty()).unwrap_or(here);
    let port = u16::try_from(to.port?).ok().filter(|port| *port > 0)?;
    Some(((Arc::clone(namespace), Arc::clone(&to.name)), port))
}

/// A port as if the Service listed it.
fn made(port: u16) -> ServicePort {
    ServicePort { port: i32::from(port), protocol: "TCP".into(), ..ServicePort::default() }
}
