//! BackendTLSPolicy: which backends are spoken to over TLS, and who may vouch for them (gateway spec G48).
//!
//! A policy that holds for a port decides alone: where nothing of it can be used, requests are refused, for an answer in the
//! clear is what it forbids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::BackendTlsPolicy;
use api::backend_policy::PolicyTarget;
use api::backend_tls::{BackendTlsValidation, SubjectAltName};
use api::decided::{Condition, DecidedStatus, ParentStatus, Truth};
use api::gateway::GATEWAY_GROUP;
use api::http_route::ParentRef;
use model::tls::{Authorities, BackendTls, PeerName};

use crate::routes::links::Links;
use crate::routes::{Key, Refusal, origin};
use crate::tls::{Certificates, Holder};

/// Entries of `status.ancestors` that the API admits.
const ANCESTORS_MAX: usize = 16;

/// All policies and what came of them.
#[derive(Default)]
pub(super) struct Policies {
    known: BTreeMap<Key, Arc<BackendTlsPolicy>>,
    judged: BTreeMap<Key, Judged>,
    by_service: Links<Key, Key>,
    dirty: BTreeSet<Key>,
    /// Those of which a status may be another one by now.
    untold: BTreeSet<Key>,
}

/// What a policy comes to, whoever asks.
#[derive(Clone, Debug, PartialEq)]
struct Judged {
    accepted: Result<(), Refusal>,
    resolved: Result<(), Refusal>,
    /// `None` when nobody can vouch for anything.
    tls: Option<Arc<BackendTls>>,
}

/// How a port is spoken to: not by a policy, as one says, or not at all.
pub(super) type Verdict = Option<Result<Arc<BackendTls>, Arc<str>>>;

impl Policies {
    /// A policy came, changed or went.
    pub fn set(&mut self, key: &Key, policy: Option<&Arc<BackendTlsPolicy>>) {
        match policy {
            Some(new) => {
                let meta = |one: &BackendTlsPolicy| (Arc::clone(&one.metadata.uid), one.metadata.generation, one.metadata.creation_s);
                let old = self.known.insert(key.clone(), Arc::clone(new));
                if old.is_some_and(|old| meta(&old) == meta(new) && old.spec == new.spec) {
                    // Most of the changes are statuses that we wrote ourselves.
                    return;
                }
            }
            None => drop(self.known.remove(key)),
        }
        self.dirty.insert(key.clone());
    }

    /// A ConfigMap or Secret changed.
    pub fn authority_changed(&mut self, holder: Holder, key: &Key) {
        let refers = |policy: &BackendTlsPolicy| references(policy).any(|found| found == Some((holder, key.clone())));
        self.dirty.extend(self.known.iter().filter(|(_, policy)| refers(policy)).map(|(key, _)| key.clone()));
    }

    /// What the references of all policies name.
    pub fn wanted(&self) -> impl Iterator<Item = (Holder, Key)> {
        self.known.values().flat_map(|policy| references(policy).flatten())
    }

    /// Judges what changed; gives the Services for which something may be different.
    pub fn compile(&mut self, certificates: &Certificates) -> BTreeSet<Key> {
        let mut services = BTreeSet::new();
        for key in std::mem::take(&mut self.dirty) {
            let targets = self.known.get(&key).map(|policy| targets(policy).map(|(service, _)| service).collect()).unwrap_or_default();
            let now = self.known.get(&key).map(|policy| judge(policy, certificates));
            let mut touched: BTreeSet<Key> = self.by_service.set(&key, BTreeSet::clone(&targets)).into_iter().collect();
            touched.extend(targets);
            for service in &touched {
                self.untold.extend(self.by_service.owners(service).cloned());
            }
            services.extend(touched);
            self.untold.insert(key.clone());
            match now {
                Some(now) => drop(self.judged.insert(key, now)),
                None => drop(self.judged.remove(&key)),
            }
        }
        services
    }

    /// Routes to these Services changed: who their Gateways are is told anew.
    pub fn routes_changed<'a>(&mut self, services: impl Iterator<Item = &'a Key>) {
        for service in services {
            self.untold.extend(self.by_service.owners(service).cloned());
        }
    }

    /// How a port of a Service is spoken to.
    pub fn verdict(&self, service: &Key, port_name: &str) -> Verdict {
        let held = self.by_service.owners(service).filter_map(|key| self.known.get(key).map(|policy| (key, policy)));
        // A policy for the port goes before one for the Service, an older one before a younger one.
        let ranked = held.flat_map(|(key, policy)| {
            let here = targets(policy).filter(|(target, section)| target == service && section.as_deref().is_none_or(|name| name == port_name));
            here.map(move |(_, section)| (section.is_none(), age(policy), key))
        });
        let (.., key) = ranked.min()?;
        let unusable = || format!("nobody can vouch for it: see the status of BackendTLSPolicy {}/{}", key.0, key.1).into();
        Some(self.judged.get(key).and_then(|judged| judged.tls.clone()).ok_or_else(unusable))
    }

    /// Statuses that may be different, each with its policy; a policy that is gone has none. `gateways` gives those that route to
    /// a Service.
    pub fn tell(&mut self, gateways: impl Fn(&Key) -> BTreeSet<Key>) -> Vec<(Key, Option<Told>)> {
        let told = std::mem::take(&mut self.untold).into_iter().map(|key| {
            let status = self.known.get(&key).map(|policy| (Arc::clone(policy), self.status(&key, policy, &gateways)));
            (key, status)
        });
        told.collect()
    }

    fn status(&self, key: &Key, policy: &BackendTlsPolicy, gateways: impl Fn(&Key) -> BTreeSet<Key>) -> DecidedStatus {
        let mut by_gateway: BTreeMap<Key, Vec<Target>> = BTreeMap::new();
        for target in targets(policy) {
            for gateway in gateways(&target.0) {
                by_gateway.entry(gateway).or_default().push(target.clone());
            }
        }
        let ancestor = |(gateway, targets): (Key, Vec<Target>)| {
            let (namespace, name) = gateway;
            let (group, kind) = (Some(GATEWAY_GROUP.into()), Some("Gateway".into()));
            let parent = ParentRef { group, kind, namespace: Some(namespace), name, ..ParentRef::default() };
            ParentStatus { parent, conditions: self.conditions(key, policy, &targets) }
        };
        DecidedStatus::Ancestors { ancestors: by_gateway.into_iter().take(ANCESTORS_MAX).map(ancestor).collect() }
    }

    fn conditions(&self, key: &Key, policy: &BackendTlsPolicy, targets: &[Target]) -> Vec<Condition> {
        let Some(judged) = self.judged.get(key) else { return Vec::new() };
        // A policy that holds for one of its targets is no loser.
        let winners: Option<Vec<&Key>> = targets.iter().map(|target| self.winner(policy, target)).collect();
        let conflict = winners.as_ref().and_then(|winners| winners.first()).map(|(namespace, name)| {
            let message = format!("BackendTLSPolicy {namespace}/{name} is older and for the same target; remove one of the two");
            Refusal::new("Conflicted", message)
        });
        let verdict = |kind, message: &str, verdict: Result<(), Refusal>| match verdict {
            Ok(()) => Condition::new(kind, Truth::True, kind, message),
            Err(refusal) => Condition::new(kind, Truth::False, refusal.reason, refusal.message),
        };
        let accepted = conflict.map_or_else(|| judged.accepted.clone(), Err);
        vec![verdict("Accepted", "the policy holds", accepted), verdict("ResolvedRefs", "all references are resolved", judged.resolved.clone())]
    }

    /// The older policy that has this very target, if there is one.
    fn winner(&self, policy: &BackendTlsPolicy, target: &Target) -> Option<&Key> {
        let others = self.by_service.owners(&target.0).filter_map(|key| self.known.get_key_value(key));
        let older = others.filter(|(_, other)| age(other) < age(policy) && targets(other).any(|one| one == *target));
        older.min_by_key(|(_, other)| age(other)).map(|(key, _)| key)
    }
}

/// Older first, then by name.
fn age(policy: &BackendTlsPolicy) -> (i64, Arc<str>, Arc<str>) {
    let meta = &policy.metadata;
    (meta.creation_s, Arc::clone(&meta.namespace), Arc::clone(&meta.name))
}

/// The Services of a policy, with the name of a port where it is for that alone.
fn targets(policy: &BackendTlsPolicy) -> impl Iterator<Item = Target> {
    let service = |target: &&PolicyTarget| target.group.is_empty() && *target.kind == *"Service";
    policy.spec.target_refs.iter().filter(service).map(|target| {
        let section = target.section_name.clone().filter(|name| !name.is_empty());
        ((Arc::clone(&policy.metadata.namespace), Arc::clone(&target.name)), section)
    })
}

/// What its references name; `None` for kinds that hold no authorities.
fn references(policy: &BackendTlsPolicy) -> impl Iterator<Item = Option<(Holder, Key)>> {
    policy.spec.validation.ca_certificate_refs.iter().map(|to| {
        let holder = Holder::of(to.group.as_deref().unwrap_or(""), to.kind.as_deref().unwrap_or(""))?;
        Some((holder, (Arc::clone(&policy.metadata.namespace), Arc::clone(&to.name))))
    })
}

fn judge(policy: &BackendTlsPolicy, certificates: &Certificates) -> Judged {
    let validation = &policy.spec.validation;
    let key = (Arc::clone(&policy.metadata.namespace), Arc::clone(&policy.metadata.name));
    let refused = |refusal: Refusal, resolved| Judged { accepted: Err(refusal), resolved, tls: None };
    let names = match names(&validation.subject_alt_names) {
        Ok(names) => names,
        Err(refusal) => return refused(refusal, Ok(())),
    };
    let server_name: Arc<str> = validation.hostname.to_ascii_lowercase().into();
    if server_name.is_empty() || server_name.contains('*') {
        let message = format!("hostname {:?} is no server name that can be asked for", validation.hostname);
        return refused(Refusal::new("Invalid", message), Ok(()));
    }
    let (authorities, resolved) = match authorities(validation, policy, certificates) {
        Ok(found) => found,
        Err((refusal, resolved)) => return refused(refusal, resolved),
    };
    let tls = Arc::new(BackendTls { origin: origin("BackendTLSPolicy", &key), server_name, names, authorities });
    Judged { accepted: Ok(()), resolved, tls: Some(tls) }
}

type Resolved = Result<(), Refusal>;

/// A Service, with the name of a port where that alone is meant.
type Target = (Key, Option<Arc<str>>);

/// A policy and its status.
type Told = (Arc<BackendTlsPolicy>, DecidedStatus);

/// Who may vouch, and the first reference that could not be used; the error is why nobody may.
fn authorities(
    validation: &BackendTlsValidation,
    policy: &BackendTlsPolicy,
    certificates: &Certificates,
) -> Result<(Authorities, Resolved), (Refusal, Resolved)> {
    let invalid = |message: String| (Refusal::new("Invalid", message), Ok(()));
    match (validation.well_known_ca_certificates.as_deref().filter(|name| !name.is_empty()), validation.ca_certificate_refs.is_empty()) {
        (Some(_), false) => return Err(invalid("caCertificateRefs and wellKnownCACertificates exclude each other; remove one".into())),
        (Some("System"), true) => return Ok((Authorities::System, Ok(()))),
        (Some(other), true) => return Err(invalid(format!("wellKnownCACertificates {other:?} is not known; use System"))),
        (None, true) => return Err(invalid("neither caCertificateRefs nor wellKnownCACertificates says who may vouch for the backend".into())),
        (None, false) => {}
    }
    let mut these = Vec::new();
    let mut resolved = Ok(());
    for (to, found) in validation.ca_certificate_refs.iter().zip(references(policy)) {
        let kind = to.kind.as_deref().unwrap_or("");
        let read = match found {
            None => Err(Refusal::new("InvalidKind", format!("{kind} {} holds no authorities; name a ConfigMap or a Secret", to.name))),
            Some((holder, key)) => certificates.authorities(holder, &key).map_err(|message| Refusal { reason: "InvalidCACertificateRef", message }),
        };
        match read {
            Ok(found) => these.extend(found),
            Err(refusal) => resolved = resolved.and(Err(refusal)),
        }
    }
    if these.is_empty() {
        return Err((Refusal::new("NoValidCACertificate", "no reference of caCertificateRefs can be used; see ResolvedRefs"), resolved));
    }
    Ok((Authorities::These(these.into()), resolved))
}

fn names(from: &[SubjectAltName]) -> Result<Vec<PeerName>, Refusal> {
    let name = |one: &SubjectAltName| match (&*one.kind, &one.hostname, &one.uri) {
        ("Hostname", Some(name), _) if !name.is_empty() => Ok(PeerName::Dns(name.to_ascii_lowercase().into())),
        ("URI", _, Some(uri)) if !uri.is_empty() => Ok(PeerName::Uri(Arc::clone(uri))),
        (kind, ..) => {
            Err(Refusal::new("Invalid", format!("a name of subjectAltNames of type {kind:?} lacks its value, or is of no type that is known")))
        }
    };
    from.iter().map(name).collect()
}

#[cfg(test)]
mod tests;
