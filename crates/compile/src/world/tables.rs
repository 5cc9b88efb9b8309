//! What is compiled: the tables of the next snapshot and, per object, what of them is its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::service::{Service, ServiceKey};
use model::{NodeView, Snapshot};

use super::ground::{Dirty, Ground};
use super::{Diagnostic, News, Settings};
use crate::complaints::Complaints;
use crate::names::PodAddresses;
use crate::policy;
use crate::probes::{self, Asker, Probes, Wishes};
use crate::services::{self, Built, Claims, Context, Depends, Offers};

/// The next snapshot and what it is made of.
pub(super) struct Tables {
    /// Changed in place; clones share structure.
    pub next: Snapshot,
    pub complaints: Register,
    /// Boxed: a third of the places of the table are empty.
    services: HashMap<ServiceKey, Box<Built>>,
    dependents: HashMap<Depends, BTreeSet<ServiceKey>>,
    claims: Claims,
    offers: Offers,
    wishes: Wishes,
    instance_probes: HashMap<ServiceKey, Probes>,
    pods: PodAddresses,
    decided: HashMap<ServiceKey, api::Decided>,
    stock: services::Stock,
}

/// What complaints belong to: compiled anew, it brings a new set of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    Service(ServiceKey),
    Instance(ServiceKey),
    Routes,
}

/// All complaints there are.
#[derive(Default)]
pub(super) struct Register {
    by_unit: HashMap<Unit, BTreeSet<Diagnostic>>,
}

impl Register {
    /// Replaces the complaints of a unit; gives those it had not before.
    pub fn replace(&mut self, unit: Unit, now: BTreeSet<Diagnostic>) -> Vec<Diagnostic> {
        if now.is_empty() {
            self.by_unit.remove(&unit);
            return Vec::new();
        }
        let before = self.by_unit.insert(unit, now.clone()).unwrap_or_default();
        now.into_iter().filter(|one| !before.contains(one)).collect()
    }

    pub fn all(&self) -> impl Iterator<Item = &Diagnostic> {
        self.by_unit.values().flatten()
    }
}

impl Tables {
    pub fn new(settings: &Settings) -> Self {
        let mut next = Snapshot::default();
        next.names.zone = settings.cluster_domain.trim_end_matches('.').to_ascii_lowercase().into();
        next.names.networks = settings.service_networks.clone();
        Self {
            next,
            complaints: Register::default(),
            services: HashMap::new(),
            dependents: HashMap::new(),
            claims: Claims::default(),
            offers: Offers::default(),
            wishes: Wishes::default(),
            instance_probes: HashMap::new(),
            pods: PodAddresses::default(),
            decided: HashMap::new(),
            stock: services::Stock::default(),
        }
    }

    /// Services that looked at this object.
    pub fn dependents(&self, on: &Depends) -> impl Iterator<Item = ServiceKey> {
        self.dependents.get(on).into_iter().flatten().cloned()
    }

    /// Redoes what is dirty. Gives the Services whose shape changed.
    pub fn compile(&mut self, settings: &Settings, ground: &Ground, dirty: Dirty, generation: u64, news: &mut News) -> BTreeSet<ServiceKey> {
        let context = ground.context(settings);
        if dirty.node {
            self.next.node = NodeView { name: Arc::clone(&settings.node), zone: context.zone.clone(), addresses: ground.node_addresses.clone() };
            news.changed = true;
        }
        let mut reshaped = BTreeSet::new();
        let mut contested = BTreeSet::new();
        for key in dirty.services {
            if self.service(&context, ground, &key, &mut contested, news) {
                reshaped.insert(key);
            }
        }
        for key in contested {
            self.settle(&key, news);
            let holds = |frontend: &model::service::Frontend| self.claims.holder(&frontend.key) == Some(&key);
            news.decided.extend(self.offers.decide(
                &key,
                ground.services.get(&key).map(|one| &**one),
                self.services.get(&key).map(|built| &**built),
                holds,
                generation,
            ));
        }
        for key in dirty.instances {
            self.instance(&context, &key, news);
        }
        let named = dirty.namespaces.into_iter().filter(|name| settings.names.has(name));
        self.names(ground, named, dirty.pods, news);
        for key in dirty.policies {
            self.policy(ground, key, generation, news);
        }
        reshaped
    }

    /// Recompiles one Service. True if its shape changed.
    fn service(&mut self, context: &Context<'_>, ground: &Ground, key: &ServiceKey, contested: &mut BTreeSet<ServiceKey>, news: &mut News) -> bool {
        let none = services::Slices::default();
        let old = self.services.remove(key);
        let slices = ground.slices.get(key).unwrap_or(&none);
        let new = ground.services.get(key).map(|service| Box::new(services::build(context, service, slices, old.as_deref(), &mut self.stock)));

        let (was, is) = (old.as_deref(), new.as_deref());
        self.depend(key, was, is);
        let claimed = self.claims.replace(key, was, is, &mut self.next.frontends);
        news.changed |= claimed.changed;
        contested.extend(claimed.affected);
        contested.insert(key.clone());

        let no_probes = Probes::new();
        let (probed, probes) = (old.as_ref().map_or(&no_probes, |built| &built.probes), new.as_ref().map_or(&no_probes, |built| &built.probes));
        news.changed |= self.wishes.replace(&Asker::Service(key.clone()), probed, probes, &mut self.next.probes);
        self.pools(was, is, news);
        self.owner(key, was, is, news);

        let reshaped = match (&old, &new) {
            (Some(old), Some(new)) => new.reshapes(old),
            (old, new) => old.is_some() != new.is_some(),
        };
        if let Some(new) = new {
            self.services.insert(key.clone(), new);
        }
        reshaped
    }

    fn pools(&mut self, old: Option<&Built>, new: Option<&Built>, news: &mut News) {
        let now: BTreeSet<_> = new.iter().flat_map(|built| &built.pools).map(|pool| pool.id).collect();
        for pool in old.iter().flat_map(|built| &built.pools).filter(|pool| !now.contains(&pool.id)) {
            self.next.pools.remove(&pool.id);
            news.changed = true;
        }
        for pool in new.iter().flat_map(|built| &built.pools) {
            if self.next.pools.get(&pool.id).is_none_or(|known| !Arc::ptr_eq(known, pool)) {
                self.next.pools.insert(pool.id, Arc::clone(pool));
                news.changed = true;
            }
        }
    }

    fn owner(&mut self, key: &ServiceKey, old: Option<&Built>, new: Option<&Built>, news: &mut News) {
        match (old.and_then(|built| built.owner.as_ref()), new.and_then(|built| built.owner.as_ref())) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
            (_, Some(new)) => {
                self.next.names.owners.insert(key.clone(), Arc::clone(new));
                news.names_changed = true;
            }
            (Some(_), None) => {
                self.next.names.owners.remove(key);
                news.names_changed = true;
            }
            (None, None) => {}
        }
    }

    /// Keeps the reverse of what Services depend on.
    fn depend(&mut self, key: &ServiceKey, old: Option<&Built>, new: Option<&Built>) {
        let none = BTreeSet::new();
        let (old, new) = (old.map_or(&none, |built| &built.depends), new.map_or(&none, |built| &built.depends));
        for on in old.difference(new) {
            if let Some(dependents) = self.dependents.get_mut(on) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(on);
                }
            }
        }
        for on in new.difference(old) {
            self.dependents.entry(on.clone()).or_default().insert(key.clone());
        }
    }

    /// Puts a Service into its table, with a complaint for each address that another one holds (S47).
    fn settle(&mut self, key: &ServiceKey, news: &mut News) {
        let Some(built) = self.services.get(key) else {
            news.changed |= self.next.services.remove(key).is_some();
            self.complaints.replace(Unit::Service(key.clone()), BTreeSet::new());
            return;
        };
        let mut complaints = built.complaints.clone();
        let mut sentences = Vec::new();
        for frontend in &built.frontends {
            if let Some(holder) = self.claims.holder(&frontend.key).filter(|holder| *holder != key) {
                let model::service::FrontendKey { address, port, transport } = frontend.key;
                let message: Arc<str> = format!("{address} port {port}/{transport} belongs to the older Service {}/{}", holder.0, holder.1).into();
                sentences.push(Arc::clone(&message));
                complaints.insert(Diagnostic { origin: built.service.origin.clone(), reason: "AddressConflict", message });
            }
        }
        let service = if sentences.is_empty() {
            Arc::clone(&built.service)
        } else {
            let diagnostics = built.service.diagnostics.iter().cloned().chain(sentences).collect();
            Arc::new(Service { diagnostics, ..(*built.service).clone() })
        };
        if self.next.services.get(key).is_none_or(|known| !Arc::ptr_eq(known, &service) && **known != *service) {
            self.next.services.insert(key.clone(), service);
            news.changed = true;
        }
        news.diagnostics.extend(self.complaints.replace(Unit::Service(key.clone()), complaints));
    }

    fn instance(&mut self, context: &Context<'_>, key: &ServiceKey, news: &mut News) {
        let mut complaints = Complaints::default();
        let old = self.instance_probes.remove(key).unwrap_or_default();
        let new = context.instances.get(key).map(|instance| probes::of_instance(context, instance, &mut complaints)).unwrap_or_default();
        news.changed |= self.wishes.replace(&Asker::Instance(key.clone()), &old, &new, &mut self.next.probes);
        if !new.is_empty() {
            self.instance_probes.insert(key.clone(), new);
        }
        news.diagnostics.extend(self.complaints.replace(Unit::Instance(key.clone()), complaints.into_set()));
    }

    fn names(
        &mut self,
        ground: &Ground,
        namespaces: impl Iterator<Item = Arc<str>>,
        pods: BTreeMap<ServiceKey, Option<Arc<api::Pod>>>,
        news: &mut News,
    ) {
        let names = &mut self.next.names;
        for name in namespaces {
            news.names_changed |= match ground.namespaces.contains_key(&name) {
                true => names.namespaces.insert(name, ()).is_none(),
                false => names.namespaces.remove(&name).is_some(),
            };
        }
        for (key, old) in pods {
            let new = ground.pods.get(&key);
            news.names_changed |= self.pods.replace(old.as_deref(), new.map(|pod| &**pod), &mut names.pods);
        }
    }

    fn policy(&mut self, ground: &Ground, key: ServiceKey, generation: u64, news: &mut News) {
        match policy::decide(&ground.policies, &key, |service| ground.services.get(service)) {
            Some(decided) if self.decided.get(&key) == Some(&decided) => {}
            Some(decided) => {
                news.decided.push(api::Decided { snapshot: generation, ..decided.clone() });
                self.decided.insert(key, decided);
            }
            None => drop(self.decided.remove(&key)),
        }
    }
}
