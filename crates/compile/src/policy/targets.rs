//! Which BackendPolicy holds for what: targets, conflicts, and the status that says so (balance spec Y2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::BackendPolicy;
use api::backend_policy::{BackendPolicySpec, PolicyTarget};
use api::decided::{Condition, DecidedStatus, PolicyAncestor, Truth};
use model::service::ServiceKey;

use super::fields::{self, Overlay};

/// What a policy may be attached to, in its own namespace. Ordered so that all of one Service lie together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attach {
    /// The Namespace: defaults for all Services in it.
    Namespace,
    /// A Service, or one of its ports by name.
    Service(Arc<str>, Option<Arc<str>>),
}

impl Attach {
    fn of(target: &PolicyTarget, namespace: &str) -> Option<Self> {
        let section = target.section_name.clone().filter(|name| !name.is_empty());
        match (&*target.group, &*target.kind) {
            ("", "Service") => Some(Attach::Service(Arc::clone(&target.name), section)),
            ("", "Namespace") if &*target.name == namespace && section.is_none() => Some(Attach::Namespace),
            _ => None,
        }
    }
}

/// A policy that was read.
struct Known {
    object: Arc<BackendPolicy>,
    overlay: Result<Overlay, Arc<str>>,
}

/// Older first, then by name: the first of several at one level wins.
type Age = (i64, Arc<str>);

/// All BackendPolicies by what they are attached to.
pub(crate) struct Policies {
    known: BTreeMap<ServiceKey, Known>,
    attached: BTreeMap<(Arc<str>, Attach), BTreeSet<Age>>,
    defaults: Overlay,
}

impl Policies {
    /// No policies, and these defaults of the process. Defaults that are wrong are left out: the process checks them at its start.
    pub fn new(defaults: &BackendPolicySpec) -> Self {
        Self { known: BTreeMap::new(), attached: BTreeMap::new(), defaults: fields::overlay(defaults).unwrap_or_default() }
    }

    /// Replaces a policy. Gives what it is or was attached to.
    pub fn replace(&mut self, key: &ServiceKey, new: Option<Arc<BackendPolicy>>) -> BTreeSet<Attach> {
        let mut touched = BTreeSet::new();
        if let Some(old) = self.known.remove(key) {
            for attach in attachments(&old.object) {
                let at = (Arc::clone(&key.0), attach);
                if let Some(ages) = self.attached.get_mut(&at) {
                    ages.remove(&age(&old.object));
                    if ages.is_empty() {
                        self.attached.remove(&at);
                    }
                }
                touched.insert(at.1);
            }
        }
        if let Some(object) = new {
            for attach in attachments(&object) {
                self.attached.entry((Arc::clone(&key.0), attach.clone())).or_default().insert(age(&object));
                touched.insert(attach);
            }
            let overlay = fields::overlay(&object.spec);
            self.known.insert(key.clone(), Known { object, overlay });
        }
        touched
    }

    /// Policies that are attached to any of these, winners and losers.
    pub fn attached_to(&self, namespace: &Arc<str>, to: &BTreeSet<Attach>) -> BTreeSet<ServiceKey> {
        let ages = to.iter().filter_map(|attach| self.attached.get(&(Arc::clone(namespace), attach.clone())));
        ages.flatten().map(|(_, name)| (Arc::clone(namespace), Arc::clone(name))).collect()
    }

    /// Policies that name this Service or one of its ports.
    pub fn of_any_port(&self, service: &ServiceKey) -> BTreeSet<ServiceKey> {
        let from = (Arc::clone(&service.0), Attach::Service(Arc::clone(&service.1), None));
        let of_service = self
            .attached
            .range(from..)
            .take_while(|((namespace, attach), _)| *namespace == service.0 && matches!(attach, Attach::Service(name, _) if *name == service.1));
        of_service.flat_map(|(_, ages)| ages).map(|(_, name)| (Arc::clone(&service.0), Arc::clone(name))).collect()
    }

    /// Other defaults of the process from now on.
    pub fn set_defaults(&mut self, defaults: &BackendPolicySpec) {
        self.defaults = fields::overlay(defaults).unwrap_or_default();
    }

    pub(super) fn defaults(&self) -> &Overlay {
        &self.defaults
    }

    pub(super) fn of_namespace(&self, namespace: &Arc<str>) -> Option<(&Arc<str>, &Overlay)> {
        self.winner(namespace, Attach::Namespace)
    }

    pub(super) fn of_service(&self, namespace: &Arc<str>, name: &Arc<str>, port: Option<&str>) -> Option<(&Arc<str>, &Overlay)> {
        self.winner(namespace, Attach::Service(Arc::clone(name), port.map(Into::into)))
    }

    /// The oldest valid policy of a level.
    fn winner(&self, namespace: &Arc<str>, attach: Attach) -> Option<(&Arc<str>, &Overlay)> {
        let ages = self.attached.get(&(Arc::clone(namespace), attach))?;
        ages.iter().find_map(|(_, name)| {
            let known = self.known.get(&(Arc::clone(namespace), Arc::clone(name)))?;
            Some((name, known.overlay.as_ref().ok()?))
        })
    }
}

fn attachments(object: &BackendPolicy) -> BTreeSet<Attach> {
    object.spec.target_refs.iter().filter_map(|target| Attach::of(target, &object.metadata.namespace)).collect()
}

fn age(object: &BackendPolicy) -> Age {
    (object.metadata.creation_s, Arc::clone(&object.metadata.name))
}

/// The status of a policy: one entry a target. `service` finds a Service.
pub(crate) fn decide<'a>(
    policies: &Policies,
    key: &ServiceKey,
    service: impl Fn(&ServiceKey) -> Option<&'a Arc<api::Service>>,
) -> Option<api::Decided> {
    let known = policies.known.get(key)?;
    let ancestors = known.object.spec.target_refs.iter().map(|target| {
        let accepted = accepted(policies, key, known, target, &service);
        // What is not in force approximates nothing.
        let in_force = accepted.truth == Truth::True;
        let approximated = in_force.then(|| super::shortfalls::condition(&known.object.spec));
        let programmed = in_force.then(|| Condition::programmed("the data planes serve a generation with it"));
        PolicyAncestor { target: target.clone(), conditions: std::iter::once(accepted).chain(approximated).chain(programmed).collect() }
    });
    let meta = &known.object.metadata;
    Some(api::Decided {
        kind: "BackendPolicy",
        namespace: Arc::clone(&meta.namespace),
        name: Arc::clone(&meta.name),
        uid: Arc::clone(&meta.uid),
        generation: meta.generation,
        snapshot: 0,
        body: DecidedStatus::Policy { ancestors: ancestors.collect(), fields: known.overlay.as_ref().map(Overlay::names).unwrap_or_default() },
    })
}

fn accepted<'a>(
    policies: &Policies,
    key: &ServiceKey,
    known: &Known,
    target: &PolicyTarget,
    service: &impl Fn(&ServiceKey) -> Option<&'a Arc<api::Service>>,
) -> Condition {
    let refuse = |reason, message: String| Condition::new("Accepted", Truth::False, reason, message);
    let not_found = |what: String| refuse("TargetNotFound", format!("{what} does not exist in namespace {}", key.0));
    let attach = match Attach::of(target, &key.0) {
        Some(attach) => attach,
        None => return not_found(format!("{} {}", target.kind, target.name)),
    };
    if let Attach::Service(name, section) = &attach {
        let Some(service) = service(&(Arc::clone(&key.0), Arc::clone(name))) else { return not_found(format!("Service {name}")) };
        if let Some(section) = section.as_ref().filter(|section| service.spec.ports.iter().all(|port| port.name != **section)) {
            return not_found(format!("port {section} of Service {name}"));
        }
    }
    if let Err(why) = &known.overlay {
        return refuse("Invalid", why.to_string());
    }
    match policies.winner(&key.0, attach) {
        Some((winner, _)) if *winner != key.1 => refuse("Conflicted", format!("BackendPolicy {winner} is older and has the same target")),
        _ => Condition::new("Accepted", Truth::True, "Accepted", "the policy is in force"),
    }
}
