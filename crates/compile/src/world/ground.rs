//! The ground state: objects as users wrote them, found by the ways that compiling needs, and what their changes make dirty.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use model::Map;
use model::service::ServiceKey;

use super::Settings;
use super::tables::Tables;
use crate::policy::{Attach, Policies};
use crate::services::{Asked, Context, Depends, Slices};
use crate::{Change, Kind, Object, text};

/// What changed and is not compiled yet.
#[derive(Default)]
pub(super) struct Dirty {
    pub services: BTreeSet<ServiceKey>,
    /// Statuses of BackendPolicies.
    pub policies: BTreeSet<ServiceKey>,
    /// Probes of Instances.
    pub instances: BTreeSet<ServiceKey>,
    /// Namespaces that came or went.
    pub namespaces: BTreeSet<Arc<str>>,
    /// Pods as they were when last compiled; what they are now is on the ground.
    pub pods: BTreeMap<ServiceKey, Option<Arc<api::Pod>>>,
    /// This node's addresses or zone.
    pub node: bool,
}

/// Objects as users wrote them.
pub(super) struct Ground {
    pub services: BTreeMap<ServiceKey, Arc<api::Service>>,
    /// By the Service they belong to.
    pub slices: BTreeMap<ServiceKey, Slices>,
    /// The name of the Service that a slice belongs to.
    slice_owner: HashMap<ServiceKey, Arc<str>>,
    pub nodes: Map<Arc<str>, Arc<api::Node>>,
    pub pods: Map<ServiceKey, Arc<api::Pod>>,
    pub namespaces: Map<Arc<str>, Arc<api::Namespace>>,
    pub instances: Map<ServiceKey, Arc<api::Instance>>,
    pub policies: Policies,
    /// Ports that routes name; noted only where an ExternalName may be a backend.
    asked: Option<Asked>,
    /// This node's addresses, primary first.
    pub node_addresses: Vec<IpAddr>,
    synced: BTreeSet<Kind>,
    node: Arc<str>,
    configured_addresses: Vec<IpAddr>,
}

impl Ground {
    pub fn new(settings: &Settings) -> Self {
        Self {
            services: BTreeMap::new(),
            slices: BTreeMap::new(),
            slice_owner: HashMap::new(),
            nodes: Map::default(),
            pods: Map::default(),
            namespaces: Map::default(),
            instances: Map::default(),
            policies: Policies::new(&settings.policy),
            asked: settings.external_names.then(Asked::default),
            node_addresses: settings.node_addresses.clone(),
            synced: BTreeSet::new(),
            node: Arc::clone(&settings.node),
            configured_addresses: settings.node_addresses.clone(),
        }
    }

    /// Whether every kind delivered its first complete list.
    pub fn is_complete(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.synced.contains(kind))
    }

    /// Whether every kind did but those of which an object is read because others name it.
    pub fn lacks_what_is_wanted_at_most(&self) -> bool {
        Kind::ALL.iter().all(|kind| matches!(kind, Kind::Secret | Kind::ConfigMap) || self.synced.contains(kind))
    }

    /// What Services are compiled against.
    pub fn context<'a>(&'a self, settings: &'a Settings) -> Context<'a> {
        Context {
            settings,
            node_addresses: &self.node_addresses,
            zone: self.nodes.get(&self.node).and_then(|node| node.zone().cloned()),
            nodes: &self.nodes,
            instances: &self.instances,
            policies: &self.policies,
            asked: self.asked.as_ref(),
        }
    }

    /// Takes in a change and notes what it touches.
    pub fn apply(&mut self, change: Change, dirty: &mut Dirty, tables: &Tables) {
        if let Some(asked) = &mut self.asked {
            dirty.services.extend(asked.apply(&change));
        }
        match change {
            Change::Synced(kind) => {
                self.synced.insert(kind);
            }
            Change::Upsert(object) => {
                let meta = object.meta();
                let key = (Arc::clone(&meta.namespace), Arc::clone(&meta.name));
                match object {
                    Object::Service(service) => self.service(key, Some(service), dirty),
                    Object::EndpointSlice(slice) => self.slice(key, Some(slice), dirty),
                    Object::Node(node) => self.node(key.1, Some(node), dirty, tables),
                    Object::Pod(pod) => self.pod(key, Some(pod), dirty),
                    Object::Namespace(namespace) => self.namespace(key.1, Some(namespace), dirty),
                    Object::Instance(instance) => self.instance(key, Some(instance), dirty, tables),
                    Object::BackendPolicy(policy) => self.policy(key, Some(policy), dirty),
                    // The rest belongs to routes.
                    _ => {}
                }
            }
            Change::Delete { kind, namespace, name } => {
                let key = (namespace, name);
                match kind {
                    Kind::Service => self.service(key, None, dirty),
                    Kind::EndpointSlice => self.slice(key, None, dirty),
                    Kind::Node => self.node(key.1, None, dirty, tables),
                    Kind::Pod => self.pod(key, None, dirty),
                    Kind::Namespace => self.namespace(key.1, None, dirty),
                    Kind::Instance => self.instance(key, None, dirty, tables),
                    Kind::BackendPolicy => self.policy(key, None, dirty),
                    _ => {}
                }
            }
        }
    }

    fn service(&mut self, key: ServiceKey, new: Option<Arc<api::Service>>, dirty: &mut Dirty) {
        // Whether a policy's target exists depends on it.
        dirty.policies.extend(self.policies.of_any_port(&key));
        match new {
            Some(service) => drop(self.services.insert(key.clone(), service)),
            None => drop(self.services.remove(&key)),
        }
        dirty.services.insert(key);
    }

    fn slice(&mut self, key: ServiceKey, new: Option<Arc<api::EndpointSlice>>, dirty: &mut Dirty) {
        if let Some(service) = self.slice_owner.remove(&key) {
            let owner = (Arc::clone(&key.0), service);
            if let Some(slices) = self.slices.get_mut(&owner) {
                slices.remove(&key.1);
                if slices.is_empty() {
                    self.slices.remove(&owner);
                }
            }
            dirty.services.insert(owner);
        }
        let Some(slice) = new else { return };
        let Some(service) = slice.service_name() else { return };
        let owner = (Arc::clone(&key.0), Arc::clone(service));
        self.slice_owner.insert(key, Arc::clone(service));
        self.slices.entry(owner.clone()).or_default().insert(slice);
        dirty.services.insert(owner);
    }

    fn node(&mut self, name: Arc<str>, new: Option<Arc<api::Node>>, dirty: &mut Dirty, tables: &Tables) {
        let zone = |node: Option<&Arc<api::Node>>| node.and_then(|node| node.zone().cloned());
        let moved = zone(self.nodes.get(&name)) != zone(new.as_ref());
        if moved {
            dirty.services.extend(tables.dependents(&Depends::Node(Arc::clone(&name))));
        }
        if name == self.node {
            let addresses =
                new.as_deref().map(internal_addresses).filter(|list| !list.is_empty()).unwrap_or_else(|| self.configured_addresses.clone());
            let readdressed = addresses != self.node_addresses;
            self.node_addresses = addresses;
            if moved || readdressed {
                dirty.node = true;
                dirty.services.extend(self.services.keys().cloned());
            }
        }
        match new {
            Some(node) => drop(self.nodes.insert(name, node)),
            None => drop(self.nodes.remove(&name)),
        }
    }

    fn pod(&mut self, key: ServiceKey, new: Option<Arc<api::Pod>>, dirty: &mut Dirty) {
        let old = match new {
            Some(pod) => self.pods.insert(key.clone(), pod),
            None => self.pods.remove(&key),
        };
        // What it was at the last compilation counts, not what it was in between.
        dirty.pods.entry(key).or_insert(old);
    }

    fn namespace(&mut self, name: Arc<str>, new: Option<Arc<api::Namespace>>, dirty: &mut Dirty) {
        match new {
            Some(namespace) => drop(self.namespaces.insert(Arc::clone(&name), namespace)),
            None => drop(self.namespaces.remove(&name)),
        }
        dirty.namespaces.insert(name);
    }

    fn instance(&mut self, key: ServiceKey, new: Option<Arc<api::Instance>>, dirty: &mut Dirty, tables: &Tables) {
        let old = match &new {
            Some(instance) => self.instances.insert(key.clone(), Arc::clone(instance)),
            None => self.instances.remove(&key),
        };
        // Heartbeats rewrite the evidence all the time; only what is compiled counts.
        if let (Some(old), Some(new)) = (&old, &new)
            && (&old.metadata.uid, &old.spec, &old.status.reason) == (&new.metadata.uid, &new.spec, &new.status.reason)
        {
            return;
        }
        dirty.services.extend(tables.dependents(&Depends::Instance(key.clone())));
        dirty.instances.insert(key);
    }

    fn policy(&mut self, key: ServiceKey, new: Option<Arc<api::BackendPolicy>>, dirty: &mut Dirty) {
        let touched = self.policies.replace(&key, new);
        dirty.policies.extend(self.policies.attached_to(&key.0, &touched));
        for attach in touched {
            match attach {
                Attach::Service(name, _) => drop(dirty.services.insert((Arc::clone(&key.0), name))),
                Attach::Namespace => {
                    let from = (Arc::clone(&key.0), Arc::from(""));
                    let in_namespace = self.services.range(from..).take_while(|(service, _)| service.0 == key.0);
                    dirty.services.extend(in_namespace.map(|(service, _)| service.clone()));
                }
            }
        }
        dirty.policies.insert(key);
    }
}

/// `InternalIP` addresses, in order.
fn internal_addresses(node: &api::Node) -> Vec<IpAddr> {
    let internal = node.status.addresses.iter().filter(|one| &*one.kind == "InternalIP");
    internal.filter_map(|one| text::address(&one.address)).collect()
}
