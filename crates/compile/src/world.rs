//! The World: what is known, what is dirty, and the one step from there to the next snapshot.

mod ground;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::routes::Peers;
use model::{Interner, Origin, Snapshot};

use crate::Change;
use crate::routes::{self, Routes};
use ground::{Dirty, Ground};
use tables::{Tables, Unit};

/// What a process is told at its start; the rest it learns from objects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This node's name.
    pub node: Arc<str>,
    /// Its addresses, primary first; in force until its Node object names some.
    pub node_addresses: Vec<IpAddr>,
    /// Addresses that NodePorts are served on; empty means the node's.
    pub node_port_addresses: Vec<IpAddr>,
    /// The cluster zone: `cluster.local`.
    pub cluster_domain: Arc<str>,
    /// What has a name.
    pub names: NameSettings,
    /// Service networks as (address, prefix length).
    pub service_networks: Vec<(IpAddr, u8)>,
    /// Where Ingresses and Gateways without an address are entered over HTTP.
    pub http: SocketAddr,
    /// The same over HTTPS.
    pub https: SocketAddr,
    /// Addresses for Gateways, one each, as ranges with both ends; none: all share the one of `http` (gateway spec G40).
    pub gateway_addresses: Vec<(IpAddr, IpAddr)>,
    /// Whose word about a client counts at the entries of Ingresses, and at Gateways that say nothing of it.
    pub peers: Peers,
    /// What Ingresses have in common.
    pub ingress: IngressSettings,
    /// Gives endpoints their vitals; one for the whole process.
    pub interner: Arc<Interner>,
    /// Serve `Service.spec.externalIPs` (off: CVE-2020-8554).
    pub external_ips: bool,
    /// Let routes lead to Services of type ExternalName: whoever may write a Service may then reach what this host can.
    pub external_names: bool,
    /// Serve endpoints in 127.0.0.0/8 that name this node or none (services spec U8).
    pub loopback_endpoints: bool,
    /// Serve Services that name this proxy by label, instead of those that name none (services spec S5).
    pub service_proxy_name: Option<Arc<str>>,
    /// Defaults of all policies, from the process configuration.
    pub policy: api::backend_policy::BackendPolicySpec,
}

/// What has a name in DNS (dns spec R7, B11).
#[derive(Clone, Debug, Default)]
pub struct NameSettings {
    /// Endpoints without a host name are called by their Pod's name, where that is a label.
    pub endpoint_pod_names: bool,
    /// Only these namespaces, lower case; empty is all.
    pub namespaces: Vec<Arc<str>>,
    /// Endpoints have no names, and headless Services none either.
    pub no_endpoints: bool,
    /// Services with a ClusterIP have no name while none of their endpoints is ready.
    pub no_empty_services: bool,
}

impl NameSettings {
    /// Whether what is in this namespace has a name.
    pub(crate) fn has(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|one| one.eq_ignore_ascii_case(namespace))
    }
}

impl Settings {
    /// Settings of a node on loopback, as tests and a laptop want them.
    pub fn loopback(node: &str) -> Self {
        let localhost = IpAddr::from([127, 0, 0, 1]);
        Self {
            node: node.into(),
            node_addresses: vec![localhost],
            node_port_addresses: Vec::new(),
            cluster_domain: "cluster.local".into(),
            names: NameSettings::default(),
            service_networks: vec![(IpAddr::from([127, 96, 0, 0]), 12)],
            http: SocketAddr::new(localhost, 8080),
            https: SocketAddr::new(localhost, 8443),
            gateway_addresses: Vec::new(),
            peers: Peers::default(),
            ingress: IngressSettings::default(),
            interner: Arc::default(),
            external_ips: false,
            external_names: false,
            loopback_endpoints: true,
            service_proxy_name: None,
            policy: Default::default(),
        }
    }
}

/// What Ingresses of our class have in common (ingress spec I2, I6, I8, I9).
#[derive(Clone, Debug, Default)]
pub struct IngressSettings {
    /// The Secret whose certificate is served to names that nobody has one for, as namespace and name.
    pub default_certificate: Option<(Arc<str>, Arc<str>)>,
    /// The Service that answers what no Ingress does, as namespace and name; its first TCP port.
    pub default_backend: Option<(Arc<str>, Arc<str>)>,
    /// Addresses and names that statuses show instead of the address that is bound.
    pub published: Vec<Arc<str>>,
    /// Serve Ingresses that name no class, too.
    pub without_class: bool,
}

/// What one compilation gives.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The truth now. The same pointer as before when nothing that planes see has changed: then there is nothing to publish.
    pub snapshot: Arc<Snapshot>,
    /// Statuses whose decision changed since the last compilation.
    pub decided: Vec<api::Decided>,
    /// Complaints that are new since the last compilation.
    pub diagnostics: Vec<Diagnostic>,
    /// What must be read besides, all of it. The same pointer as before when it is the same.
    pub wants: Arc<Wants>,
}

/// Something that is wrong with an object; the rest of the object and all others work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The object.
    pub origin: Origin,
    /// One CamelCase word, fit for an Event.
    pub reason: &'static str,
    /// One sentence with the remedy.
    pub message: Arc<str>,
}

/// Objects that are read only because others refer to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Secrets by namespace and name.
    pub secrets: BTreeSet<(Arc<str>, Arc<str>)>,
    /// ConfigMaps by namespace and name.
    pub config_maps: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Every other kind was known to its end when this was found out, so that for now it is all.
    pub is_whole: bool,
}

/// Everything that sources said, and what of it has not been compiled yet.
pub struct World {
    settings: Settings,
    ground: Ground,
    dirty: Dirty,
    tables: Tables,
    routes: Routes,
    current: Arc<Snapshot>,
}

impl World {
    /// An empty World. Its snapshot is incomplete until every kind is synced.
    pub fn new(settings: Settings) -> Self {
        let ground = Ground::new(&settings);
        let dirty = Dirty { node: true, ..Dirty::default() };
        Self { ground, dirty, tables: Tables::new(&settings), routes: Routes::default(), current: Arc::default(), settings }
    }

    /// Takes in a change; cheap, nothing is compiled yet.
    pub fn apply(&mut self, change: Change) {
        self.routes.apply(&change);
        self.ground.apply(change, &mut self.dirty, &self.tables);
    }

    /// Other defaults of all policies: every Service is compiled anew.
    pub fn set_policy_defaults(&mut self, defaults: &api::backend_policy::BackendPolicySpec) {
        self.ground.policies.set_defaults(defaults);
        self.dirty.services.extend(self.ground.services.keys().cloned());
    }

    /// Redoes what the changes since the last call touch. `now_s` is Unix time in seconds.
    pub fn compile(&mut self, now_s: u32) -> Compiled {
        let mut dirty = std::mem::take(&mut self.dirty);
        if !self.ground.is_complete() {
            // A target that was not listed yet is not missing: nothing is said of policies before everything is known.
            self.dirty.policies = std::mem::take(&mut dirty.policies);
        }
        let mut news = News::default();
        let generation = self.current.generation + 1;
        let reshaped = self.tables.compile(&self.settings, &self.ground, dirty, generation, &mut news);
        let routed = self.routes.compile(&routes::Ground {
            settings: &self.settings,
            services: &self.tables.next.services,
            namespaces: &self.ground.namespaces,
            reshaped: &reshaped,
            generation,
            complete: self.ground.is_complete(),
            wants_are_whole: self.ground.lacks_what_is_wanted_at_most(),
            now_s,
        });
        if let Some(entrances) = routed.entrances {
            self.tables.next.entrances = entrances;
            news.changed = true;
        }
        news.decided.extend(routed.decided);
        news.diagnostics.extend(self.tables.complaints.replace(Unit::Routes, routed.diagnostics.into_iter().collect()));
        self.publish(now_s, generation, &mut news);
        Compiled { snapshot: Arc::clone(&self.current), decided: news.decided, diagnostics: news.diagnostics, wants: routed.wants }
    }

    /// All that is wrong now.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.tables.complaints.all()
    }

    /// Makes the next snapshot if planes would see a difference.
    fn publish(&mut self, now_s: u32, generation: u64, news: &mut News) {
        let next = &mut self.tables.next;
        if news.names_changed {
            // The serial never falls, also when the clock does (dns spec B8).
            next.names.serial = next.names.serial.max(now_s);
            news.changed = true;
        }
        let complete = self.ground.is_complete();
        if news.changed || complete != next.complete || self.current.generation == 0 {
            next.generation = generation;
            next.complete = complete;
            self.current = Arc::new(next.clone());
        }
    }
}

/// What one compilation brings about.
#[derive(Default)]
pub(crate) struct News {
    /// Planes would see a difference.
    pub changed: bool,
    /// DNS would.
    pub names_changed: bool,
    pub decided: Vec<api::Decided>,
    pub diagnostics: Vec<Diagnostic>,
}
