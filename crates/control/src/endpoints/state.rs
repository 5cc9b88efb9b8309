//! Everything that is watched, and what it means for one Service. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::slice::SERVICE_NAME_LABEL;
use api::{EndpointSlice, Instance, Labels, Node, Pod, Service};
use serde_json::{Map, Value, json};
use watch::{Event, Key};

use super::Written;
use super::classic::{self, Endpoints};
use super::desired::{Group, Member, desired, families, outside, unfit};
use super::members::{Members, Services};
use super::plan::{Frame, Owner, Write, create_json, patch_json, plan};
use crate::instances::Judged;
use crate::readiness::flaps::Flaps;
use crate::readiness::{Fact, Verdict, judge, overruled};
use crate::{Leases, MIRRORS, Outside, Scope};

pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const HEADLESS: &str = "service.kubernetes.io/headless";
/// Names of others that are remembered; beyond them they are found out anew.
const TAKEN_MAX: usize = 1024;

/// One request.
#[derive(Debug, PartialEq)]
pub(crate) enum Op {
    CreateSlice(Value),
    PatchSlice(Arc<str>, Value),
    /// Name and UID.
    DeleteSlice(Arc<str>, Arc<str>),
    CreateEndpoints(Value),
    PatchEndpoints(Arc<str>, Value),
    /// Name and UID.
    DeleteEndpoints(Arc<str>, Arc<str>),
}

impl Op {
    /// The name of the slice that it makes.
    pub fn made_slice(&self) -> Option<&str> {
        match self {
            Op::CreateSlice(object) => object["metadata"]["name"].as_str(),
            _ => None,
        }
    }
}

pub(crate) struct State {
    scope: Scope,
    services: Services,
    pods: Members<Pod>,
    instances: Members<Instance>,
    verdicts: HashMap<Key, Seen>,
    /// When judgements change by themselves.
    rechecks: BTreeSet<(i64, Key)>,
    nodes: HashMap<Arc<str>, Arc<Node>>,
    /// Those that are written here.
    slices: HashMap<Key, Arc<EndpointSlice>>,
    /// Names that slices of others were found to have. One that has become free since is merely not used.
    taken: HashSet<Key>,
    slices_of: HashMap<Key, BTreeSet<Arc<str>>>,
    endpoints: BTreeMap<Key, Arc<Endpoints>>,
    /// Whether Services of type ExternalName have endpoints.
    outside: Outside,
    /// Who lives by names.
    by_name: BTreeMap<Arc<str>, BTreeSet<Named>>,
    names_changed: bool,
    /// What names lead to, as far as it is known.
    addresses: HashMap<Arc<str>, Vec<IpAddr>>,
}

/// An object that leads where a name does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Instance(Key),
    Service(Key),
}

/// The judgement of an Instance, and whether the data plane confirms that it is dead.
struct Seen {
    verdict: Verdict,
    is_confirmed: bool,
    flaps: Flaps,
}

type Dirty = BTreeSet<Key>;

impl State {
    pub fn new(scope: Scope, outside: Outside) -> State {
        State {
            scope,
            services: Services::default(),
            pods: Members::default(),
            instances: Members::default(),
            verdicts: HashMap::new(),
            rechecks: BTreeSet::new(),
            nodes: HashMap::new(),
            slices: HashMap::new(),
            taken: HashSet::new(),
            slices_of: HashMap::new(),
            endpoints: BTreeMap::new(),
            outside,
            by_name: BTreeMap::new(),
            names_changed: false,
            addresses: HashMap::new(),
        }
    }

    // Each of these takes a change in, marks the Services it touches, and says whether its kind is complete now.

    pub fn service(&mut self, event: Event<Service>, dirty: &mut Dirty) -> bool {
        let Some((key, before)) = self.services.apply(event) else { return true };
        let now = self.services.get(&key).and_then(|service| self.outer_name(service));
        let before = before.and_then(|service| self.outer_name(&service));
        if before != now {
            self.note_names(&Named::Service(key.clone()), before.as_slice(), now.as_slice());
        }
        dirty.insert(key);
        false
    }

    /// The name that a Service stands for, where that is to be asked for.
    fn outer_name(&self, service: &Service) -> Option<Arc<str>> {
        let name = &service.spec.external_name;
        let is_name = self.outside != Outside::Closed && is_alias(service) && name.parse::<IpAddr>().is_err();
        is_name.then(|| name.clone())
    }

    pub fn pod(&mut self, event: Event<Pod>, dirty: &mut Dirty) -> bool {
        let is_synced = matches!(event, Event::Synced);
        if let Some((before, now)) = self.pods.apply(event) {
            for pod in before.iter().chain(&now) {
                dirty.extend(self.services.selecting(&pod.metadata.namespace, &pod.metadata.labels));
            }
        }
        is_synced
    }

    pub fn instance(&mut self, event: Event<Instance>, dirty: &mut Dirty) -> bool {
        let is_synced = matches!(event, Event::Synced);
        if let Event::Delete(key) = &event {
            self.forget(key);
        }
        if let Some((before, now)) = self.instances.apply(event) {
            let list = |instance: Option<&Instance>| instance.into_iter().flat_map(names).cloned().collect::<Vec<_>>();
            let key = before.iter().chain(&now).next().map(|instance| Named::Instance(Key::of(&instance.metadata)));
            if let Some(key) = key {
                self.note_names(&key, &list(before.as_deref()), &list(now.as_deref()));
            }
            for instance in before.iter().chain(&now) {
                dirty.extend(self.services.selecting(&instance.metadata.namespace, &instance.metadata.labels));
            }
        }
        is_synced
    }

    fn note_names(&mut self, who: &Named, before: &[Arc<str>], now: &[Arc<str>]) {
        for name in before {
            if let Some(named) = self.by_name.get_mut(name) {
                named.remove(who);
                if named.is_empty() {
                    self.by_name.remove(name);
                }
            }
        }
        for name in now {
            self.by_name.entry(name.clone()).or_default().insert(who.clone());
        }
        self.names_changed |= !(before.is_empty() && now.is_empty());
    }

    /// The names that Instances and Services live by, if they may have changed since the last call.
    pub fn changed_names(&mut self) -> Option<BTreeSet<Arc<str>>> {
        if !std::mem::take(&mut self.names_changed) {
            return None;
        }
        self.addresses.retain(|name, _| self.by_name.contains_key(name));
        Some(self.by_name.keys().cloned().collect())
    }

    /// A name leads somewhere else now.
    pub fn resolved(&mut self, name: Arc<str>, addresses: Vec<IpAddr>, dirty: &mut Dirty) {
        for named in self.by_name.get(&name).into_iter().flatten() {
            match named {
                Named::Service(key) => drop(dirty.insert(key.clone())),
                Named::Instance(key) => {
                    let Some(instance) = self.instances.get(key) else { continue };
                    dirty.extend(self.services.selecting(&instance.metadata.namespace, &instance.metadata.labels));
                }
            }
        }
        self.addresses.insert(name, addresses);
    }

    pub fn node(&mut self, event: Event<Node>, dirty: &mut Dirty) -> bool {
        let (name, now) = match event {
            Event::Upsert(node) => (node.metadata.name.clone(), Some(Arc::new(node))),
            Event::Delete(key) => (key.name, None),
            Event::Synced => return true,
        };
        let before = match &now {
            Some(node) => self.nodes.insert(name.clone(), node.clone()),
            None => self.nodes.remove(&name),
        };
        // Heartbeats change nodes all the time; endpoints care for the zone and for there being one.
        let is_same = matches!((&before, &now), (Some(before), Some(now)) if before.zone() == now.zone());
        if !is_same {
            let pods = self.pods.on_node(&name).map(|pod| &pod.metadata);
            let instances = self.instances.on_node(&name).map(|instance| &instance.metadata);
            for meta in pods.chain(instances) {
                dirty.extend(self.services.selecting(&meta.namespace, &meta.labels));
            }
        }
        false
    }

    pub fn slice(&mut self, event: Event<EndpointSlice>, dirty: &mut Dirty) -> bool {
        match event {
            Event::Upsert(slice) => dirty.extend(self.put_slice(slice)),
            Event::Delete(key) => dirty.extend(self.remove_slice(&key)),
            Event::Synced => return true,
        }
        false
    }

    pub fn endpoints(&mut self, event: Event<Endpoints>, dirty: &mut Dirty) -> bool {
        let key = match event {
            Event::Upsert(endpoints) => {
                let key = Key::of(&endpoints.metadata);
                self.put_endpoints(endpoints);
                key
            }
            Event::Delete(key) => {
                self.endpoints.remove(&key);
                key
            }
            Event::Synced => return true,
        };
        dirty.insert(key);
        false
    }

    /// Takes the result of an own write in, so that the next computation does not wait for the watch to tell it.
    pub fn written(&mut self, written: Written) {
        match written {
            Written::Slice(slice) => drop(self.put_slice(slice)),
            Written::SliceGone(key) => drop(self.remove_slice(&key)),
            Written::SliceTaken(key) => {
                if self.taken.len() >= TAKEN_MAX {
                    self.taken.clear();
                }
                self.taken.insert(key);
            }
            Written::Endpoints(endpoints) => self.put_endpoints(endpoints),
            Written::EndpointsGone(key) => drop(self.endpoints.remove(&key)),
        }
    }

    /// Returns the Service that the slice belongs to.
    fn put_slice(&mut self, slice: EndpointSlice) -> Option<Key> {
        let key = Key::of(&slice.metadata);
        if self.slices.get(&key).is_some_and(|known| is_older(&slice.metadata, &known.metadata)) {
            return None;
        }
        self.remove_slice(&key);
        let service = service_of(&slice);
        if let Some(service) = &service {
            self.slices_of.entry(service.clone()).or_default().insert(key.name.clone());
        }
        self.slices.insert(key, Arc::new(slice));
        service
    }

    fn remove_slice(&mut self, key: &Key) -> Option<Key> {
        let service = service_of(&*self.slices.remove(key)?)?;
        if let Some(names) = self.slices_of.get_mut(&service) {
            names.remove(&key.name);
            if names.is_empty() {
                self.slices_of.remove(&service);
            }
        }
        Some(service)
    }

    fn put_endpoints(&mut self, endpoints: Endpoints) {
        let key = Key::of(&endpoints.metadata);
        if !self.endpoints.get(&key).is_some_and(|known| is_older(&endpoints.metadata, &known.metadata)) {
            self.endpoints.insert(key, Arc::new(endpoints));
        }
    }

    /// Judges an Instance anew. Returns the judgement, and marks its Services if it differs from the last one.
    pub fn judge(&mut self, key: &Key, leases: &Leases, now_ms: i64, dirty: &mut Dirty) -> Option<Judged> {
        let instance = self.instances.get(key)?.clone();
        let stored = instance.status.evidence.iter().filter(|one| !leases.is_note(one)).filter_map(Fact::stored);
        let facts: Vec<Fact> = stored.chain(leases.facts(&instance, now_ms)).collect();
        let mut flaps = self.verdicts.get(key).map(|seen| seen.flaps.clone()).unwrap_or_default();
        let mut verdict = flaps.damp(judge(&instance, &facts, now_ms), now_ms);
        let is_confirmed = facts.iter().any(|fact| fact.proof == crate::readiness::Proof::Passive && !fact.is_alive);
        self.forget(key);
        verdict.recheck_ms = verdict.recheck_ms.into_iter().chain(leases.recheck_ms(&instance, now_ms)).min();
        if let Some(at) = verdict.recheck_ms {
            self.rechecks.insert((at, key.clone()));
        }
        dirty.extend(self.services.selecting(&key.namespace, &instance.metadata.labels));
        self.verdicts.insert(key.clone(), Seen { verdict: verdict.clone(), is_confirmed, flaps });
        Some(Judged::Is(instance, verdict))
    }

    /// The Instances of a node.
    pub fn instances_on(&self, node: &str) -> Vec<Arc<Instance>> {
        self.instances.on_node(node).cloned().collect()
    }

    fn forget(&mut self, key: &Key) {
        if let Some(at) = self.verdicts.remove(key).and_then(|seen| seen.verdict.recheck_ms) {
            self.rechecks.remove(&(at, key.clone()));
        }
    }

    /// How long until a judgement changes by itself.
    pub fn next_recheck(&self, now_ms: i64) -> Duration {
        let wait_ms = self.rechecks.first().map_or(i64::MAX, |(at, _)| at.saturating_sub(now_ms).max(0));
        Duration::from_millis(wait_ms as u64)
    }

    /// Instances whose judgement is due.
    pub fn due(&self, now_ms: i64) -> Vec<Key> {
        self.rechecks.iter().take_while(|(at, _)| *at <= now_ms).map(|(_, key)| key.clone()).collect()
    }

    /// The writes that make a Service's slices and Endpoints what they shall be.
    pub fn ops(&self, key: &Key) -> Vec<Op> {
        let (alias, service) = match self.services.get(key) {
            Some(service) if is_alias(service) => (Some(service), None),
            service => (None, service),
        };
        let selects = service.is_some_and(|service| !service.spec.selector.is_empty());
        let mut ops = Vec::new();
        match service {
            Some(service) if selects => {
                let groups = self.groups(key, service);
                let frame = self.frame(service);
                ops.extend(self.slice_ops(key, self.scope.managed_by(), Some(&frame), &groups));
                if self.scope == Scope::Standalone {
                    ops.extend(self.classic_op(key, service, &groups));
                    ops.extend(self.slice_ops(key, MIRRORS, None, &[]));
                }
            }
            _ => {
                let outside = alias.and_then(|alias| Some((self.frame(alias), self.outside_of(alias)?)));
                let (frame, groups) = outside.unzip();
                ops.extend(self.slice_ops(key, self.scope.managed_by(), frame.as_ref(), groups.as_deref().unwrap_or_default()));
                if self.scope == Scope::Standalone {
                    ops.extend(self.mirror_ops(key, service.is_some()));
                }
            }
        }
        ops
    }

    /// Where a Service of type ExternalName leads, where that is allowed.
    fn outside_of(&self, alias: &Service) -> Option<Vec<Group>> {
        let Outside::Open { loopback } = self.outside else { return None };
        let name = &alias.spec.external_name;
        let literal = name.parse::<IpAddr>().ok();
        let addresses = literal.as_slice().iter().chain(self.addresses.get(name).into_iter().flatten());
        Some(outside(addresses.copied(), loopback))
    }

    /// What is wrong with Instances that a Service selects.
    pub fn unfit(&self, key: &Key) -> Option<Arc<str>> {
        let service = self.services.get(key)?;
        unfit(service, self.instances.select(&key.namespace, &service.spec.selector).into_iter())
    }

    fn groups(&self, key: &Key, service: &Service) -> Vec<Group> {
        let mut members: Vec<Member> = Vec::new();
        members.extend(self.pods.select(&key.namespace, &service.spec.selector).into_iter().cloned().map(Member::Pod));
        members.extend(self.judged_instances(key, service));
        let mut groups = desired(service, &members, |name| self.nodes.get(name), |name| self.addresses.get(name).map_or(&[], Vec::as_slice));
        if self.scope == Scope::InCluster {
            // The stock controller keeps the empty slice.
            groups.retain(|group| !group.endpoints.is_empty());
        }
        groups
    }

    fn judged_instances(&self, key: &Key, service: &Service) -> Vec<Member> {
        let selected = self.instances.select(&key.namespace, &service.spec.selector);
        let seen: Vec<_> = selected.into_iter().filter_map(|instance| Some((instance, self.verdicts.get(&Key::of(&instance.metadata))?))).collect();
        let suspects: Vec<_> = seen.iter().map(|(_, seen)| (&seen.verdict, seen.is_confirmed)).collect();
        let overruled = overruled(&suspects);
        let member = |((instance, seen), is_overruled): ((&Arc<Instance>, &Seen), bool)| {
            let ready = seen.verdict.ready || is_overruled;
            Member::Instance(instance.clone(), Verdict { ready, ..seen.verdict.clone() })
        };
        seen.into_iter().zip(overruled).map(member).collect()
    }

    fn frame(&self, service: &Service) -> Frame {
        let meta = &service.metadata;
        let mut labels = meta.labels.clone();
        labels.insert(SERVICE_NAME_LABEL.into(), meta.name.clone());
        labels.insert(MANAGED_BY.into(), self.scope.managed_by().into());
        labels.remove(HEADLESS);
        if &*service.spec.cluster_ip == "None" {
            labels.insert(HEADLESS.into(), "".into());
        }
        let owner = Owner { kind: "Service", name: meta.name.clone(), uid: meta.uid.clone() };
        Frame { namespace: meta.namespace.clone(), base: meta.name.clone(), labels, owner }
    }

    /// Writes for the slices of a Service that one manager made. Without a frame there shall be none.
    fn slice_ops(&self, key: &Key, manager: &str, frame: Option<&Frame>, groups: &[Group]) -> Vec<Op> {
        let names = self.slices_of.get(key).into_iter().flatten();
        let slices = names.filter_map(|name| self.slices.get(&Key { namespace: key.namespace.clone(), name: name.clone() }));
        let existing: Vec<_> = slices.filter(|slice| slice.metadata.labels.get(MANAGED_BY).is_some_and(|by| **by == *manager)).cloned().collect();
        // One that is being deleted already is nobody's to change.
        let existing: Vec<_> = existing.into_iter().filter(|slice| slice.metadata.deletion_s.is_none()).collect();
        let Some(frame) = frame else {
            return existing.iter().map(|slice| Op::DeleteSlice(slice.metadata.name.clone(), slice.metadata.uid.clone())).collect();
        };
        let is_taken = |name: &str| {
            let key = Key { namespace: key.namespace.clone(), name: name.into() };
            self.slices.contains_key(&key) || self.taken.contains(&key)
        };
        let mut writes = plan(frame, &existing, groups.to_vec(), is_taken);
        // What is added comes first, so that an endpoint that moves is never in no slice.
        writes.sort_by_key(|write| match write {
            Write::Create(_) => 0,
            Write::Update(..) => 1,
            Write::Delete(_) => 2,
        });
        let op = |write| match write {
            Write::Create(body) => Op::CreateSlice(create_json(frame, &body)),
            Write::Update(slice, body) => Op::PatchSlice(slice.metadata.name.clone(), patch_json(frame, &slice, &body)),
            Write::Delete(slice) => Op::DeleteSlice(slice.metadata.name.clone(), slice.metadata.uid.clone()),
        };
        writes.into_iter().map(op).collect()
    }

    fn classic_op(&self, key: &Key, service: &Service, groups: &[Group]) -> Option<Op> {
        let family = families(service)[0];
        let wanted = classic::of_service(service, groups, family);
        let Some(current) = self.endpoints.get(key) else { return Some(Op::CreateEndpoints(wanted)) };
        if classic::is_same(current, &wanted) {
            return None;
        }
        let mut labels: Map<String, Value> = wanted["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        for gone in current.metadata.labels.keys() {
            labels.entry(&**gone).or_insert(Value::Null);
        }
        let metadata = json!({"resourceVersion": current.metadata.resource_version, "labels": labels});
        Some(Op::PatchEndpoints(key.name.clone(), json!({"metadata": metadata, "subsets": wanted["subsets"]})))
    }

    /// A Service without a selector has its hand-made Endpoints mirrored; no Service at all has none of what was made for it.
    fn mirror_ops(&self, key: &Key, has_service: bool) -> Vec<Op> {
        let endpoints = self.endpoints.get(key);
        let is_made = endpoints.is_some_and(|one| one.metadata.labels.contains_key("endpoints.kubernetes.io/managed-by"));
        if let Some(endpoints) = endpoints.filter(|_| is_made && !has_service) {
            let mut ops = self.slice_ops(key, MIRRORS, None, &[]);
            ops.push(Op::DeleteEndpoints(key.name.clone(), endpoints.metadata.uid.clone()));
            return ops;
        }
        let mirrored = endpoints.filter(|_| has_service).and_then(|one| Some((one, classic::mirrored(one)?)));
        let Some((endpoints, groups)) = mirrored else { return self.slice_ops(key, MIRRORS, None, &[]) };
        let meta = &endpoints.metadata;
        let mut labels: Labels = meta.labels.clone();
        labels.insert(SERVICE_NAME_LABEL.into(), meta.name.clone());
        labels.insert(MANAGED_BY.into(), MIRRORS.into());
        let owner = Owner { kind: "Endpoints", name: meta.name.clone(), uid: meta.uid.clone() };
        let frame = Frame { namespace: meta.namespace.clone(), base: meta.name.clone(), labels, owner };
        self.slice_ops(key, MIRRORS, Some(&frame), &groups)
    }
}

pub(super) fn is_alias(service: &Service) -> bool {
    &*service.spec.kind == "ExternalName"
}

/// Addresses that are no literals.
fn names(instance: &Instance) -> impl Iterator<Item = &Arc<str>> {
    instance.spec.addresses.iter().filter(|text| text.parse::<IpAddr>().is_err())
}

fn service_of(slice: &EndpointSlice) -> Option<Key> {
    Some(Key { namespace: slice.metadata.namespace.clone(), name: slice.service_name()?.clone() })
}

/// Versions are numbers that grow (KEP-5504); what is none is taken as it comes.
fn is_older(one: &api::Meta, known: &api::Meta) -> bool {
    match (one.resource_version.parse::<u64>(), known.resource_version.parse::<u64>()) {
        (Ok(one), Ok(known)) => one < known && known != 0,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
