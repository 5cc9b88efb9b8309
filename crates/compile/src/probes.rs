//! Who is probed, and how: each endpoint once per distinct check, whatever the number of Services, ports and routes that ask for it
//! (balance spec H2).

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::policy::{Agent, Check, Policy, Probe};
use model::snapshot::{ProbeKey, ProbeTarget};
use model::{Endpoint, ObjectTarget, OrdMap, Origin, Standing, Target, Transport};

use crate::complaints::Complaints;
use crate::services::{Context, Joined, endpoint};
use crate::{policy, text};

/// Longest wait for an agent's line (balance spec S15).
const AGENT_TIMEOUT: Duration = Duration::from_secs(1);

/// What one object wants probed.
pub(crate) type Probes = BTreeMap<ProbeKey, Arc<ProbeTarget>>;

/// Adds the endpoints of a port, for every check of its policy. Terminating ones are left alone: their verdict is made.
pub(crate) fn of_port<'a>(endpoints: impl Iterator<Item = &'a Arc<Endpoint>>, policy: &Policy, here: &str, into: &mut Probes) {
    let agent = policy.tuning.agent.map(|agent| asked(agent, policy));
    if policy.checks.is_empty() && agent.is_none() {
        return;
    }
    for endpoint in endpoints.filter(|endpoint| !is_leaving(endpoint)) {
        // Every check speaks TCP: a datagram port is probed only where the check names a port of its own.
        let fits = |check: &&Check| endpoint.identity.transport == Transport::Tcp || check.port.is_some();
        let fits = |check: &&Check| fits(check) && runs_here(check, endpoint.node.as_deref(), here);
        policy.checks.iter().chain(&agent).filter(fits).for_each(|check| add(endpoint, check, false, into));
    }
}

/// What an Instance's own checks ask for, whether a Service selects it or not: its readiness hangs on them (instances spec I6).
pub(crate) fn of_instance(context: &Context<'_>, instance: &api::Instance, complaints: &mut Complaints) -> Probes {
    let mut probes = Probes::new();
    let meta = &instance.metadata;
    let origin = Origin { kind: "Instance", namespace: Arc::clone(&meta.namespace), name: Arc::clone(&meta.name) };
    let addresses: Vec<IpAddr> = instance.spec.addresses.iter().filter_map(|address| text::address(address)).collect();
    for written in &instance.spec.checks {
        let check = match policy::check(written, &format!("{}.{}", meta.name, meta.namespace)) {
            Ok(Some(check)) => check,
            Ok(None) => continue,
            Err(why) => {
                complaints.about(origin.clone(), "InvalidCheck", format!("a check is not used: {why}"));
                continue;
            }
        };
        let listed =
            instance.spec.ports.iter().find(|port| text::transport(&port.protocol) == Some(Transport::Tcp)).and_then(|port| text::port(port.port));
        let Some(port) = listed.or(check.port) else {
            complaints.about(origin.clone(), "InvalidCheck", "a check has no port and the Instance has none either: write one");
            continue;
        };
        if !runs_here(&check, instance.spec.node.as_deref(), &context.settings.node) {
            if instance.spec.node.is_none() {
                complaints.about(origin.clone(), "UnsupportedCheck", "an exec check runs on the Instance's own node: write spec.node");
            }
            continue;
        }
        let target = Target::object(origin.clone(), Arc::clone(&meta.uid));
        for &address in &addresses {
            let joined = Joined {
                address,
                target: target.clone(),
                stable_name: format!("{}/{}", meta.namespace, meta.name).into(),
                weight: instance.spec.weight(),
                node: instance.spec.node.clone(),
                zone: None,
                standing: Standing::Ready,
                serving: true,
                attributes: None,
            };
            add(&Arc::new(endpoint(context, &joined, port, Transport::Tcp)), &check, true, &mut probes);
        }
    }
    probes
}

/// The question to the agent of an endpoint.
fn asked(agent: Agent, policy: &Policy) -> Check {
    Check {
        probe: Probe::Agent { expiry: policy.tuning.expiry },
        interval: agent.interval,
        timeout: AGENT_TIMEOUT.min(agent.interval),
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        transition_interval: agent.interval,
        jitter_percent: 10,
        port: Some(agent.port),
    }
}

/// The own checks of Instances whose addresses are names: what those lead to stands in the slices of the Services that select them, and
/// only there (instances spec I8). Each endpoint is asked by the port that the checks of its Instance mean.
pub(crate) fn of_named<'a>(context: &Context<'_>, endpoints: impl Iterator<Item = &'a Arc<Endpoint>>, into: &mut Probes) {
    for endpoint in endpoints.filter(|endpoint| !is_leaving(endpoint)) {
        let Target::Object(object) = &endpoint.identity.target else { continue };
        let ObjectTarget { origin, uid } = &**object;
        let key = (Arc::clone(&origin.namespace), Arc::clone(&origin.name));
        let Some(instance) = context.instances.get(&key).filter(|one| origin.kind == "Instance" && one.metadata.uid == *uid) else { continue };
        let is_literal = |address: &Arc<str>| text::address(address).is_some();
        if instance.spec.checks.is_empty() || instance.spec.addresses.iter().any(is_literal) {
            continue;
        }
        let listed = instance.spec.ports.iter().find(|port| text::transport(&port.protocol) == Some(Transport::Tcp));
        let meant =
            |check: &Check| check.port.is_some() || listed.and_then(|port| text::port(port.port)).is_none_or(|port| port == endpoint.address.port());
        let host = format!("{}.{}", instance.metadata.name, instance.metadata.namespace);
        // What is wrong with a check is told once, by the Instance itself.
        let checks = instance.spec.checks.iter().filter_map(|written| policy::check(written, &host).ok().flatten());
        let here = &context.settings.node;
        checks
            .filter(|check| meant(check) && runs_here(check, instance.spec.node.as_deref(), here))
            .for_each(|check| add(endpoint, &check, true, into));
    }
}

/// Whether its verdict is made.
fn is_leaving(endpoint: &Endpoint) -> bool {
    match &endpoint.standing {
        Standing::Ready => false,
        Standing::Draining => true,
        Standing::Out(why) => &**why == "terminating",
    }
}

/// A program is run on the endpoint's own node only (H5); anything else is asked from anywhere.
fn runs_here(check: &Check, node: Option<&str>, here: &str) -> bool {
    !matches!(check.probe, Probe::Exec { .. }) || node == Some(here)
}

fn add(endpoint: &Arc<Endpoint>, check: &Check, own: bool, into: &mut Probes) {
    let address = SocketAddr::new(endpoint.address.ip(), check.port.unwrap_or(endpoint.address.port()));
    let digest = foldhash::fast::FixedState::with_seed(0).hash_one(check);
    let key = (Arc::clone(&endpoint.stable_name), address, digest);
    into.insert(key, Arc::new(ProbeTarget { endpoint: Arc::clone(endpoint), check: check.clone(), own }));
}

/// Who asked: Services before Instances, so that the endpoint with the fuller description is the one that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Asker {
    /// By its policy.
    Service(model::service::ServiceKey),
    /// By its own checks.
    Instance(model::service::ServiceKey),
}

/// All wishes; several objects may wish for one probe.
#[derive(Default)]
pub(crate) struct Wishes {
    by_key: HashMap<ProbeKey, BTreeMap<Asker, Arc<ProbeTarget>>>,
}

impl Wishes {
    /// Replaces what one object wishes for. True if the table changed.
    pub fn replace(&mut self, asker: &Asker, old: &Probes, new: &Probes, table: &mut OrdMap<ProbeKey, Arc<ProbeTarget>>) -> bool {
        let mut changed = false;
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            if let Some(wishes) = self.by_key.get_mut(key) {
                wishes.remove(asker);
            }
            changed |= self.settle(key, table);
        }
        for (key, target) in new {
            self.by_key.entry(key.clone()).or_default().insert(asker.clone(), Arc::clone(target));
            changed |= self.settle(key, table);
        }
        changed
    }

    fn settle(&mut self, key: &ProbeKey, table: &mut OrdMap<ProbeKey, Arc<ProbeTarget>>) -> bool {
        let wishes = self.by_key.get(key);
        let own = wishes.is_some_and(|wishes| wishes.values().any(|target| target.own));
        match wishes.and_then(|wishes| wishes.values().next()) {
            Some(target) => {
                let target = if target.own == own { Arc::clone(target) } else { Arc::new(ProbeTarget { own, ..(**target).clone() }) };
                let changed = table.get(key).is_none_or(|known| *known != target);
                if changed {
                    table.insert(key.clone(), target);
                }
                changed
            }
            None => {
                self.by_key.remove(key);
                table.remove(key).is_some()
            }
        }
    }
}
