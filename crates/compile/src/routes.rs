//! Where routes join the World: what they are told, what they may look at, what they give back. Gateways and Ingresses meet here,
//! at the ports they share.

pub(crate) mod backends;
pub(crate) mod links;
pub(crate) mod paths;
pub(crate) mod statuses;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::routes::{Entrance, EntranceKey, Entrances, Fallback, Speaks};
use model::service::ServiceKey;
use model::{Map, OrdMap, Origin, Transport};

use self::statuses::Statuses;
use crate::gateway::{Gateways, Tools};
use crate::grants::Grants;
use crate::ingress::Ingresses;
use crate::tls::{Certificates, Holder};
use crate::{Change, Diagnostic, Kind, Object, Settings, Wants};

/// Namespace and name of an object.
pub(crate) type Key = ServiceKey;

/// Why something is not served: a reason of the API's list and a sentence with the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// One CamelCase word.
    pub reason: &'static str,
    /// One sentence.
    pub message: Arc<str>,
}

impl Refusal {
    /// A refusal.
    pub fn new(reason: &'static str, message: impl Into<Arc<str>>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What the rest of the World decided already, when routes are compiled.
pub(crate) struct Ground<'a> {
    /// Settings of the process.
    pub settings: &'a Settings,
    /// Services with their ports and pools. A port stands once per family, the primary family first; one that is an alias has
    /// `exposure` `ExternalName`, and ports only where it may be a backend.
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
    /// Whether what is wanted now is all that is wanted.
    pub wants_are_whole: bool,
    /// Unix seconds.
    pub now_s: u32,
}

/// What came of the routes.
#[derive(Default)]
pub(crate) struct Routed {
    /// The new entrances; `None` when nothing changed.
    pub entrances: Option<Entrances>,
    /// Statuses that changed.
    pub decided: Vec<api::Decided>,
    /// All that is wrong with routes now.
    pub diagnostics: Vec<Diagnostic>,
    /// What must be read besides.
    pub wants: Arc<Wants>,
}

/// Gateways, routes, Ingresses and their certificates, with what is dirty among them.
#[derive(Default)]
pub(crate) struct Routes {
    gateways: Gateways,
    ingresses: Ingresses,
    grants: Grants,
    certificates: Certificates,
    statuses: Statuses,
    entrances: Entrances,
    /// Services that changed while the World was not complete.
    reshaped: BTreeSet<ServiceKey>,
    /// Secrets that changed since the last compilation.
    secrets_changed: BTreeSet<Key>,
    /// What must be read besides, and whether something changed that may refer to it.
    wants: Option<Arc<Wants>>,
    wants_changed: bool,
}

impl Routes {
    /// Takes note of a change. Told of every kind, Services and Namespaces too.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Upsert(object) => {
                let meta = object.meta();
                self.note(object.kind(), (Arc::clone(&meta.namespace), Arc::clone(&meta.name)), Some(object));
            }
            Change::Delete { kind, namespace, name } => self.note(*kind, (Arc::clone(namespace), Arc::clone(name)), None),
            Change::Synced(_) => {}
        }
    }

    fn note(&mut self, kind: Kind, key: Key, object: Option<&Object>) {
        self.wants_changed |= matches!(kind, Kind::GatewayClass | Kind::Gateway | Kind::BackendTlsPolicy | Kind::ReferenceGrant);
        match (kind, object) {
            (Kind::GatewayClass, Some(Object::GatewayClass(class))) => self.gateways.set_class(&key.1, Some(class)),
            (Kind::GatewayClass, _) => self.gateways.set_class(&key.1, None),
            (Kind::Gateway, Some(Object::Gateway(gateway))) => self.gateways.set_gateway(&key, Some(gateway)),
            (Kind::Gateway, _) => self.gateways.set_gateway(&key, None),
            (Kind::HttpRoute, Some(Object::HttpRoute(route))) => self.gateways.set_route(&key, Some(route)),
            (Kind::HttpRoute, _) => self.gateways.set_route(&key, None),
            (Kind::BackendTlsPolicy, Some(Object::BackendTlsPolicy(policy))) => self.gateways.set_backend_tls(&key, Some(policy)),
            (Kind::BackendTlsPolicy, _) => self.gateways.set_backend_tls(&key, None),
            (Kind::ConfigMap, found) => {
                let found = if let Some(Object::ConfigMap(found)) = found { Some(found) } else { None };
                if self.certificates.set_config_map(&key, found) {
                    self.gateways.authority_changed(Holder::ConfigMap, &key);
                }
            }
            (Kind::IngressClass, Some(Object::IngressClass(class))) => self.ingresses.set_class(&key.1, Some(class)),
            (Kind::IngressClass, _) => self.ingresses.set_class(&key.1, None),
            (Kind::Ingress, Some(Object::Ingress(ingress))) => self.wants_changed |= self.ingresses.set_ingress(&key, Some(ingress)),
            (Kind::Ingress, _) => self.wants_changed |= self.ingresses.set_ingress(&key, None),
            (Kind::Namespace, _) => self.gateways.namespace_changed(&key.1),
            (Kind::ReferenceGrant, found) => {
                match found {
                    Some(Object::ReferenceGrant(grant)) => self.grants.insert(grant),
                    _ => self.grants.remove(&key.0, &key.1),
                }
                self.gateways.grant_changed(&key.0);
            }
            (Kind::Secret, found) => {
                let changed = match found {
                    Some(Object::Secret(secret)) => self.certificates.insert(secret),
                    _ => self.certificates.remove(&key),
                };
                if changed {
                    self.gateways.secret_changed(&key);
                    self.gateways.authority_changed(Holder::Secret, &key);
                    self.ingresses.secret_changed(&key);
                    self.secrets_changed.insert(key);
                }
            }
            _ => {}
        }
    }

    /// Redoes what is dirty.
    pub fn compile(&mut self, ground: &Ground<'_>) -> Routed {
        if !ground.complete {
            // Half a World would give statuses that are taken back a moment later; only what must be read besides is known.
            self.reshaped.extend(ground.reshaped.iter().cloned());
            return Routed { wants: self.wanted(ground), ..Routed::default() };
        }
        let mut reshaped = std::mem::take(&mut self.reshaped);
        reshaped.extend(ground.reshaped.iter().cloned());
        let ground = &Ground { reshaped: &reshaped, ..*ground };
        let mut tools = Tools { grants: &self.grants, certificates: &self.certificates, statuses: &mut self.statuses };
        let mut touched = self.gateways.compile(ground, &mut tools);
        let entries = entries(ground.settings);
        let fallback_changed = settings_name(ground.settings, &std::mem::take(&mut self.secrets_changed));
        if self.ingresses.compile(ground, &mut tools) || fallback_changed || entries.iter().any(|(key, _)| !self.entrances.ports.contains_key(key)) {
            touched.extend(entries.iter().map(|(key, _)| *key));
        }
        for key in &touched {
            match self.entrance(key, ground.settings) {
                Some(entrance) => self.entrances.ports.insert(*key, Arc::new(entrance)),
                None => self.entrances.ports.remove(key),
            };
        }
        // Without a new table, what statuses say is in force since the generation before this one at the latest.
        let since = if touched.is_empty() { ground.generation.saturating_sub(1) } else { ground.generation };
        Routed {
            entrances: (!touched.is_empty()).then(|| self.entrances.clone()),
            decided: self.statuses.take(since),
            diagnostics: self.diagnostics(ground.settings),
            wants: self.wanted(ground),
        }
    }

    /// The listeners of a port: those of Gateways, and the entry of the Ingresses where it is one.
    fn entrance(&mut self, key: &EntranceKey, settings: &Settings) -> Option<Entrance> {
        let entry = entries(settings).into_iter().find(|(entry, _)| entry == key);
        let of_gateways = self.gateways.listeners(key);
        let speaks = entry.map(|(_, speaks)| speaks).or(of_gateways.as_ref().map(|(speaks, _)| *speaks))?;
        let mut listeners = of_gateways.map(|(_, listeners)| listeners).unwrap_or_default();
        listeners.extend(entry.map(|_| self.ingresses.listener(speaks)));
        let fallback = (entry.is_some() && speaks == Speaks::Https).then(|| self.fallback(settings));
        // On the entries the process decides: what one Gateway says there would count for all Ingresses.
        let peers = self.gateways.peers(key).filter(|_| entry.is_none()).unwrap_or_else(|| settings.peers.clone());
        let limits = self.gateways.limits(key).filter(|_| entry.is_none());
        Some(Entrance::new(*key, speaks, listeners, fallback).with(peers, limits))
    }

    /// What answers for a server name that nobody has a certificate for (ingress spec I6).
    fn fallback(&self, settings: &Settings) -> Fallback {
        let named = settings.ingress.default_certificate.as_ref().and_then(|key| self.certificates.identity(key).ok());
        named.map_or(Fallback::SelfSigned, Fallback::Identity)
    }

    fn diagnostics(&self, settings: &Settings) -> Vec<Diagnostic> {
        let unusable = settings.ingress.default_certificate.as_ref().and_then(|key| {
            let wrong = self.certificates.identity(key).err()?;
            let message = format!("{wrong}; names without a certificate get one that signs itself (--default-ssl-certificate)").into();
            Some(Diagnostic { origin: origin("Secret", key), reason: "InvalidCertificate", message })
        });
        self.gateways.diagnostics().chain(self.ingresses.diagnostics().cloned()).chain(unusable).collect()
    }

    /// The same pointer as long as it is the same: with ten thousand certificates it is not gathered for every change.
    fn wanted(&mut self, ground: &Ground<'_>) -> Arc<Wants> {
        let changed = std::mem::take(&mut self.wants_changed);
        if let Some(known) = self.wants.as_ref().filter(|known| !changed && known.is_whole == ground.wants_are_whole) {
            return Arc::clone(known);
        }
        let mut wants = self.gateways.wants(ground.settings, &self.grants, &self.certificates);
        wants.secrets.extend(self.ingresses.secrets().cloned());
        wants.secrets.extend(ground.settings.ingress.default_certificate.clone());
        wants.is_whole = ground.wants_are_whole;
        match &self.wants {
            Some(known) if **known == wants => Arc::clone(known),
            _ => Arc::clone(self.wants.insert(Arc::new(wants))),
        }
    }
}

/// Whether the default certificate is among these Secrets.
fn settings_name(settings: &Settings, secrets: &BTreeSet<Key>) -> bool {
    settings.ingress.default_certificate.as_ref().is_some_and(|key| secrets.contains(key))
}

/// The ports that all Ingresses share.
fn entries(settings: &Settings) -> [(EntranceKey, Speaks); 2] {
    [(settings.http, Speaks::Http), (settings.https, Speaks::Https)].map(|(address, speaks)| ((address.ip(), address.port(), Transport::Tcp), speaks))
}

/// The origin of an object by its kind and key.
pub(crate) fn origin(kind: &'static str, key: &Key) -> Origin {
    Origin::new(kind, Arc::clone(&key.0), Arc::clone(&key.1))
}
