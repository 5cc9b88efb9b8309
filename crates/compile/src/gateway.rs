//! Gateway API: GatewayClass, Gateway and HTTPRoute become listeners with routing tables, and statuses.
//!
//! Two layers. The *plan* (`plan.rs`) holds every Gateway of ours with its listeners and who gets which port; it is made anew when
//! a class, Gateway, grant or certificate changes, for there are few of those. *Routes* are compiled one by one: a changed route
//! redoes its own matches (`http_route.rs`), attaches them (`attach.rs`) and touches only those tables; matches that came out
//! equal keep their pointer.

mod addresses;
mod attach;
mod backend_tls;
mod clients;
pub(crate) mod edge;
mod features;
pub(crate) mod filters;
mod http_route;
mod plan;
mod references;
mod status;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::decided::GATEWAY_CONTROLLER;
use api::{BackendTlsPolicy, DecidedStatus, Gateway, GatewayClass, HttpRoute};
use model::routes::{EntranceKey, HostMap, HostPattern, HostTable, Limits, Listener, Peers, RouteMatch, Speaks};

use self::attach::Attached;
use self::http_route::Resolved;
use self::plan::{Admits, Means, Plan, PlannedListener};
use crate::grants::Grants;
use crate::routes::links::Links;
use crate::routes::statuses::Statuses;
use crate::routes::{Ground, Key, Refusal, origin};
use crate::tls::{self, Certificates, Holder};
use crate::{Diagnostic, Wants};

/// A listener: its Gateway and its name.
pub(crate) type ListenerKey = (Key, Arc<str>);

/// All Gateways and routes, what was compiled of them, and what is dirty.
#[derive(Default)]
pub(crate) struct Gateways {
    classes: BTreeMap<Arc<str>, Arc<GatewayClass>>,
    gateways: BTreeMap<Key, Arc<Gateway>>,
    routes: BTreeMap<Key, Arc<HttpRoute>>,

    plan: Plan,
    live: BTreeMap<ListenerKey, Live>,
    compiled: BTreeMap<Key, CompiledRoute>,
    /// Routes of which something is refused, dropped or unresolved: a reason and a sentence.
    complaints: BTreeMap<Key, Refusal>,

    backend_tls: backend_tls::Policies,

    by_gateway: Links<Key, Key>,
    /// Routes that ask for default Gateways.
    defaulted: BTreeSet<Key>,
    by_service: Links<Key, Key>,
    by_foreign_namespace: Links<Key, Arc<str>>,

    dirty_classes: BTreeSet<Arc<str>>,
    dirty_plan: bool,
    dirty_routes: BTreeSet<Key>,
}

/// A listener with its routes.
#[derive(Default)]
struct Live {
    table: HostTable,
    attached: u32,
    /// What planes have; none once the table or the plan changed.
    built: Option<Arc<Listener>>,
}

/// What was compiled of a route.
#[derive(Default)]
struct CompiledRoute {
    matches: Box<[Arc<RouteMatch>]>,
    attached: Attached,
}

/// What a compilation may use besides the ground.
pub(crate) struct Tools<'a> {
    pub grants: &'a Grants,
    pub certificates: &'a Certificates,
    pub statuses: &'a mut Statuses,
}

impl Gateways {
    /// A class came, changed or went.
    pub fn set_class(&mut self, name: &Arc<str>, class: Option<&Arc<GatewayClass>>) {
        match class {
            Some(class) => self.classes.insert(Arc::clone(name), Arc::clone(class)),
            None => self.classes.remove(name),
        };
        self.dirty_classes.insert(Arc::clone(name));
        self.dirty_plan = true;
    }

    /// A Gateway came, changed or went. Most of the changes are statuses that we wrote ourselves.
    pub fn set_gateway(&mut self, key: &Key, gateway: Option<&Arc<Gateway>>) {
        if let (Some(old), Some(new)) = (self.gateways.get(key), gateway)
            && says_the_same(old, new)
        {
            return;
        }
        let before = match gateway {
            Some(gateway) => self.gateways.insert(key.clone(), Arc::clone(gateway)),
            None => self.gateways.remove(key),
        };
        let classes = before.iter().chain(gateway).map(|one| Arc::clone(&one.spec.gateway_class_name));
        self.dirty_classes.extend(classes);
        self.dirty_plan = true;
    }

    /// A route came, changed or went.
    pub fn set_route(&mut self, key: &Key, route: Option<&Arc<HttpRoute>>) {
        match route {
            Some(route) => self.routes.insert(key.clone(), Arc::clone(route)),
            None => self.routes.remove(key),
        };
        self.dirty_routes.insert(key.clone());
    }

    /// A BackendTLSPolicy came, changed or went.
    pub fn set_backend_tls(&mut self, key: &Key, policy: Option<&Arc<BackendTlsPolicy>>) {
        self.backend_tls.set(key, policy);
    }

    /// A ConfigMap or Secret that may hold authorities changed.
    pub fn authority_changed(&mut self, holder: Holder, key: &Key) {
        self.backend_tls.authority_changed(holder, key);
        self.dirty_plan |= holder == Holder::ConfigMap && self.plan.wanted.config_maps.contains(key);
    }

    /// A Secret that may be referred to changed.
    pub fn secret_changed(&mut self, key: &Key) {
        self.dirty_plan |= self.plan.wanted.secrets.contains(key);
    }

    /// A grant into this namespace changed.
    pub fn grant_changed(&mut self, namespace: &Arc<str>) {
        self.dirty_plan = true;
        self.dirty_routes.extend(self.by_foreign_namespace.owners(namespace).cloned());
    }

    /// A namespace's labels may have changed.
    pub fn namespace_changed(&mut self, namespace: &Arc<str>) {
        let labelled = |one: &PlannedListener| matches!(one.gate.admits, Admits::Labelled(_));
        if self.plan.gateways.values().any(|planned| planned.listeners.iter().any(labelled)) {
            let first = (Arc::clone(namespace), Arc::from(""));
            let inside = self.routes.range(first..).take_while(|(key, _)| key.0 == *namespace);
            self.dirty_routes.extend(inside.map(|(key, _)| key.clone()));
        }
    }

    /// What permitted references name.
    pub fn wants(&self, settings: &crate::Settings, grants: &Grants, certificates: &Certificates) -> Wants {
        let mut wanted = self.plan.wanted.clone();
        if self.dirty_plan {
            let classes = self.classes_of_ours();
            wanted = plan::make(self.gateways.values(), &Means { settings, grants, certificates, classes: &classes }).wanted;
        }
        for (holder, key) in self.backend_tls.wanted() {
            match holder {
                Holder::ConfigMap => wanted.config_maps.insert(key),
                Holder::Secret => wanted.secrets.insert(key),
            };
        }
        Wants { secrets: wanted.secrets, config_maps: wanted.config_maps, ..Wants::default() }
    }

    /// Redoes what is dirty; gives the ports whose listeners changed.
    pub fn compile(&mut self, ground: &Ground<'_>, tools: &mut Tools<'_>) -> BTreeSet<EntranceKey> {
        let mut touched = Touched::default();
        self.dirty_routes.extend(ground.reshaped.iter().flat_map(|service| self.by_service.owners(service)).cloned());
        self.compile_classes(tools.statuses);
        if std::mem::take(&mut self.dirty_plan) {
            self.replan(ground, tools, &mut touched);
        }
        for service in self.backend_tls.compile(tools.certificates) {
            self.dirty_routes.extend(self.by_service.owners(&service).cloned());
        }
        for key in std::mem::take(&mut self.dirty_routes) {
            self.compile_route(&key, ground, tools, &mut touched);
        }
        for key in &touched.gateways {
            let Some(planned) = self.plan.gateways.get(key) else { continue };
            let attached = |name: &Arc<str>| self.live.get(&(key.clone(), Arc::clone(name))).map_or(0, |live| live.attached);
            tools.statuses.decide("Gateway", &planned.gateway.metadata, status::gateway(planned, attached));
        }
        self.tell_of_backend_tls(tools.statuses);
        touched.ports
    }

    /// Statuses of policies: one entry for each Gateway that routes to a Service of theirs.
    fn tell_of_backend_tls(&mut self, statuses: &mut Statuses) {
        let gateways = |service: &Key| -> BTreeSet<Key> {
            let routes = self.by_service.owners(service).filter_map(|route| self.compiled.get(route));
            routes.flat_map(|route| route.attached.iter().map(|(listener, _)| listener.0.clone())).collect()
        };
        for (key, status) in self.backend_tls.tell(gateways) {
            match status {
                Some((policy, status)) => statuses.decide("BackendTLSPolicy", &policy.metadata, status),
                None => statuses.forget("BackendTLSPolicy", &key),
            }
        }
    }

    /// What the listeners of a port serve, and what is spoken there. Listeners that did not change keep their pointer.
    pub fn listeners(&mut self, key: &EntranceKey) -> Option<(Speaks, Vec<Arc<Listener>>)> {
        let port = self.plan.ports.get(key)?;
        let mut listeners = Vec::with_capacity(port.listeners.len());
        for one in &port.listeners {
            let Some(planned) = self.plan.listener(one) else { continue };
            let live = self.live.entry(one.clone()).or_default();
            let build = || {
                Arc::new(Listener {
                    origin: origin("Gateway", &one.0),
                    name: Arc::clone(&one.1),
                    host: planned.gate.host.clone(),
                    ingress: false,
                    identities: identities(planned),
                    edge: Arc::clone(&planned.edge),
                    client: planned.client.clone(),
                    hosts: live.table.clone(),
                })
            };
            listeners.push(Arc::clone(live.built.get_or_insert_with(build)));
        }
        Some((port.speaks, listeners))
    }

    /// Whose word about a client counts at a port: that of the oldest Gateway there that says something of it.
    pub fn peers(&self, key: &EntranceKey) -> Option<Peers> {
        let mut listeners = self.plan.ports.get(key)?.listeners.iter().filter_map(|one| self.plan.listener(one));
        listeners.find_map(|one| one.peers.clone())
    }

    /// Bounds at a port: those of the oldest Gateway there that sets some.
    pub fn limits(&self, key: &EntranceKey) -> Option<Arc<Limits>> {
        let mut listeners = self.plan.ports.get(key)?.listeners.iter().filter_map(|one| self.plan.listener(one));
        listeners.find_map(|one| one.limits.clone())
    }

    /// What is wrong with routes, and what of Gateways has no effect.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> {
        let routes = self.complaints.iter().map(|(key, Refusal { reason, message })| {
            let message = Arc::clone(message);
            Diagnostic { origin: origin("HTTPRoute", key), reason, message }
        });
        let unknown = |(key, planned): (&Key, &plan::Planned)| {
            let origin = origin("Gateway", key);
            let tell = |name: &Arc<str>| {
                let message = format!("setting {name} is not known and has no effect").into();
                Diagnostic { origin: origin.clone(), reason: "UnknownSetting", message }
            };
            planned.unknown.iter().map(tell).collect::<Vec<_>>()
        };
        routes.chain(self.plan.gateways.iter().flat_map(unknown))
    }

    fn classes_of_ours(&self) -> BTreeMap<Arc<str>, Option<Refusal>> {
        let ours = self.classes.iter().filter(|(_, class)| *class.spec.controller_name == *GATEWAY_CONTROLLER);
        ours.map(|(name, class)| {
            let refused = class.spec.parameters_ref.is_some();
            let refusal = || Refusal::new("InvalidParameters", format!("parametersRef of GatewayClass {name} is not supported; remove it"));
            (Arc::clone(name), refused.then(refusal))
        })
        .collect()
    }

    fn compile_classes(&mut self, statuses: &mut Statuses) {
        let ours = self.classes_of_ours();
        for name in std::mem::take(&mut self.dirty_classes) {
            match (self.classes.get(&name), ours.get(&name)) {
                (Some(class), Some(refused)) => {
                    let in_use = self.gateways.values().any(|gateway| gateway.spec.gateway_class_name == name);
                    statuses.decide("GatewayClass", &class.metadata, status::class(refused.as_ref(), in_use));
                }
                _ => statuses.forget("GatewayClass", &(Arc::from(""), name)),
            }
        }
    }

    /// Makes the plan anew and finds out what is different.
    fn replan(&mut self, ground: &Ground<'_>, tools: &mut Tools<'_>, touched: &mut Touched) {
        let classes = self.classes_of_ours();
        let means = Means { settings: ground.settings, grants: tools.grants, certificates: tools.certificates, classes: &classes };
        let plan = plan::make(self.gateways.values(), &means);
        let before = std::mem::replace(&mut self.plan, plan);
        let keys: BTreeSet<Key> = before.gateways.keys().chain(self.plan.gateways.keys()).cloned().collect();
        for key in keys {
            let listeners =
                |plan: &Plan| -> Vec<PlannedListener> { plan.gateways.get(&key).map(|planned| planned.listeners.clone()).unwrap_or_default() };
            let (old, new) = (listeners(&before), listeners(&self.plan));
            let same_gates = old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.gate == new.gate);
            let default = |plan: &Plan| plan.gateways.get(&key).map(plan::Planned::is_default);
            let (was, is) = (default(&before), default(&self.plan));
            if !same_gates || was.is_some() != is.is_some() {
                self.dirty_routes.extend(self.by_gateway.owners(&key).cloned());
            }
            if was != is || (!same_gates && is == Some(true)) {
                self.dirty_routes.extend(self.defaulted.iter().cloned());
            }
            let differs = |one: &PlannedListener, others: &[PlannedListener]| !others.iter().any(|other| other.same(one));
            let changed = old.iter().filter(|one| differs(one, &new)).chain(new.iter().filter(|one| differs(one, &old)));
            touched.ports.extend(changed.flat_map(|one| one.sockets.iter().copied()));
            for one in &old {
                let listener = (key.clone(), Arc::clone(&one.gate.name));
                if !new.iter().any(|other| other.gate.name == one.gate.name) {
                    self.live.remove(&listener);
                } else if differs(one, &new) {
                    self.live.entry(listener).or_default().built = None;
                }
            }
            match self.plan.gateways.contains_key(&key) {
                true => touched.gateways.extend([key]),
                false => tools.statuses.forget("Gateway", &key),
            }
        }
        // A port may change hands without any listener of the new holder looking different.
        let ports: BTreeSet<&EntranceKey> = before.ports.keys().chain(self.plan.ports.keys()).collect();
        touched.ports.extend(ports.into_iter().filter(|key| before.ports.get(key) != self.plan.ports.get(key)));
    }

    fn compile_route(&mut self, key: &Key, ground: &Ground<'_>, tools: &mut Tools<'_>, touched: &mut Touched) {
        let before = self.compiled.remove(key).unwrap_or_default();
        let Some(route) = self.routes.get(key).map(Arc::clone) else {
            self.retable(&before.attached, &Attached::default(), touched);
            self.link(key, None, Resolved::default());
            self.complaints.remove(key);
            tools.statuses.forget("HTTPRoute", key);
            return;
        };
        let mut resolved = http_route::resolve(&route, ground, tools.grants, &self.backend_tls);
        keep_equal(&before.matches, &mut resolved.matches);
        let (listeners, parents) = attach::attach(&route, &resolved, &self.plan, ground.namespaces);
        tools.statuses.decide("HTTPRoute", &route.metadata, DecidedStatus::Route { parents });
        let attached: Attached = listeners.into_iter().map(|one| (one.clone(), self.share_of(&one, &resolved.matches))).collect();
        self.retable(&before.attached, &attached, touched);
        let dropped = resolved.dropped.clone().map(|message| Refusal { reason: "PartiallyInvalid", message });
        match resolved.refused.clone().or(dropped).or(resolved.unresolved.clone()) {
            Some(complaint) => self.complaints.insert(key.clone(), complaint),
            None => self.complaints.remove(key),
        };
        let matches = std::mem::take(&mut resolved.matches).into_boxed_slice();
        self.compiled.insert(key.clone(), CompiledRoute { matches, attached });
        self.link(key, Some(&route), resolved);
    }

    /// The matches that requests of a listener can reach.
    fn share_of(&self, key: &ListenerKey, matches: &[Arc<RouteMatch>]) -> Box<[Arc<RouteMatch>]> {
        let Some(one) = self.plan.listener(key) else { return Box::default() };
        matches.iter().filter(|found| found.host.intersects(&one.gate.host)).cloned().collect()
    }

    /// Remembers what a route depends on; no route forgets it.
    fn link(&mut self, key: &Key, route: Option<&HttpRoute>, resolved: Resolved) {
        let parents = route.into_iter().flat_map(|route| route.spec.parent_refs.iter().filter_map(|one| attach::gateway_of(one, route)));
        self.by_gateway.set(key, parents.collect());
        match route.is_some_and(attach::takes_defaults) {
            true => self.defaulted.insert(key.clone()),
            false => self.defaulted.remove(key),
        };
        self.backend_tls.routes_changed(resolved.services.iter());
        let left = self.by_service.set(key, resolved.services);
        self.backend_tls.routes_changed(left.iter());
        self.by_foreign_namespace.set(key, resolved.namespaces);
    }

    /// Moves the tables of listeners from what a route had there to what it has now.
    fn retable(&mut self, before: &Attached, now: &Attached, touched: &mut Touched) {
        let served = |attached: &'_ Attached, key: &ListenerKey| attached.iter().position(|(known, _)| known == key);
        let listeners: BTreeSet<&ListenerKey> = before.iter().chain(now).map(|(key, _)| key).collect();
        for key in listeners {
            let old = served(before, key).map(|at| &*before[at].1);
            let new = served(now, key).map(|at| &*now[at].1);
            if old.is_some() != new.is_some() {
                touched.gateways.insert(key.0.clone());
            }
            // A listener that went took its table along; what it had is counted from nothing when it comes back.
            let Some(planned) = self.plan.listener(key) else { continue };
            let fresh = !self.live.contains_key(key);
            let live = self.live.entry(key.clone()).or_default();
            let old = old.filter(|_| !fresh);
            live.attached = live.attached + u32::from(new.is_some()) - u32::from(old.is_some()).min(live.attached);
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            let (gone, came) = (without(old, new), without(new, old));
            gone.iter().for_each(|one| live.table.remove(one));
            if !gone.is_empty() || !came.is_empty() {
                live.built = None;
                touched.ports.extend(planned.sockets.iter().copied());
            }
            came.into_iter().for_each(|one| live.table.insert(Arc::clone(one)));
        }
    }
}

/// What a compilation made different.
#[derive(Default)]
struct Touched {
    ports: BTreeSet<EntranceKey>,
    gateways: BTreeSet<Key>,
}

/// Those of `these` that are not among `others`, by pointer.
fn without<'a>(these: &'a [Arc<RouteMatch>], others: &[Arc<RouteMatch>]) -> Vec<&'a Arc<RouteMatch>> {
    let known: BTreeSet<_> = others.iter().map(Arc::as_ptr).collect();
    these.iter().filter(|one| !known.contains(&Arc::as_ptr(one))).collect()
}

/// Replaces matches that came out as before by their former pointers, so that no table is touched for them.
fn keep_equal(before: &[Arc<RouteMatch>], now: &mut [Arc<RouteMatch>]) {
    for (old, new) in before.iter().zip(now) {
        if old == new {
            *new = Arc::clone(old);
        }
    }
}

/// Whether nothing differs that is decided on.
fn says_the_same(old: &Gateway, new: &Gateway) -> bool {
    let meta = |one: &Gateway| (Arc::clone(&one.metadata.uid), one.metadata.generation, one.metadata.creation_s);
    meta(old) == meta(new) && old.metadata.annotations == new.metadata.annotations && old.spec == new.spec && old.status == new.status
}

/// Certificates by the names they are for; whatever else the listener's host admits gets them too, in order.
fn identities(planned: &PlannedListener) -> HostMap<smallvec::SmallVec<[Arc<model::tls::TlsIdentity>; 1]>> {
    let mut map = HostMap::default();
    for identity in &planned.certificates {
        let mut patterns: BTreeSet<HostPattern> = identity.names.iter().map(tls::pattern).collect();
        patterns.insert(planned.gate.host.clone());
        for pattern in patterns {
            map.entry(&pattern, smallvec::SmallVec::new).push(Arc::clone(identity));
        }
    }
    map
}

/// A host as users write it: lower case, without the trailing dot; absent or empty is any.
pub(crate) fn host_pattern(name: Option<&str>) -> HostPattern {
    let lower = name.unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    match lower.strip_prefix("*.") {
        Some(suffix) => HostPattern::Below(suffix.into()),
        None if lower.is_empty() => HostPattern::Any,
        None => HostPattern::Exact(lower.into()),
    }
}
