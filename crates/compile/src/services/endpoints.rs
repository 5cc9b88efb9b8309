//! From the endpoints of slices to endpoints of the model: addresses read, Instances joined, standing decided.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::EndpointSlice;
use model::{Endpoint, Identity, Origin, Standing, Target, Transport};

use super::{Complaints, Context, Depends, Family};
use crate::text;

/// An endpoint of a service port, with what decides who may use it.
#[derive(Clone)]
pub(super) struct Candidate {
    pub endpoint: Arc<Endpoint>,
    /// On this node.
    pub local: bool,
    /// Nodes that should use it.
    pub for_nodes: Vec<Arc<str>>,
    /// Zones that should use it.
    pub for_zones: Vec<Arc<str>>,
}

/// What is known of a slice's endpoint before a port is chosen.
pub(crate) struct Joined {
    pub address: IpAddr,
    pub target: Target,
    pub stable_name: Arc<str>,
    pub weight: u32,
    pub node: Option<Arc<str>>,
    pub zone: Option<Arc<str>>,
    pub standing: Standing,
    pub serving: bool,
    pub attributes: Option<Arc<str>>,
}

/// The candidates of one service port, by address: an address that several slices name stands once, with its best standing, so that
/// an endpoint which moves between slices never leaves (services spec S21).
pub(super) type Candidates = BTreeMap<SocketAddr, Candidate>;

/// A service port as far as slices care: slices name it, not number it.
pub(super) struct WantedPort<'a> {
    pub name: &'a str,
    pub transport: Transport,
    pub family: Family,
    /// The number where slices have no say.
    pub fixed: Option<u16>,
}

impl WantedPort<'_> {
    /// The endpoint's port for this service port, where the slice has it.
    fn of(&self, slice: &EndpointSlice) -> Option<u16> {
        let fits = |port: &&api::slice::EndpointPort| {
            port.name.as_deref().unwrap_or("") == self.name && text::transport(port.protocol.as_deref().unwrap_or("")) == Some(self.transport)
        };
        self.fixed.or_else(|| slice.ports.iter().find(fits).and_then(|port| text::port(port.port?)))
    }
}

/// A slice of a served family with its endpoints read.
pub(crate) struct ReadSlice<'a> {
    pub slice: &'a EndpointSlice,
    pub family: Family,
    pub endpoints: Vec<(&'a api::slice::Endpoint, Joined)>,
}

/// Reads the slices of a Service; what cannot be read is a complaint and left out.
pub(super) fn read<'a>(
    context: &Context<'_>,
    slices: &'a super::Slices,
    depends: &mut Vec<Depends>,
    complaints: &mut Complaints,
) -> Vec<ReadSlice<'a>> {
    let mut read = Vec::new();
    for slice in slices.iter() {
        let Some(family) = Family::of_slice(slice, complaints) else { continue };
        let endpoints = slice.endpoints.iter().filter_map(|one| Some((one, join(context, slice, one, family, depends, complaints)?))).collect();
        read.push(ReadSlice { slice, family, endpoints });
    }
    read
}

/// Every endpoint that slices name for each of these ports. `old` gives back what did not change by pointer.
pub(super) fn candidates(context: &Context<'_>, slices: &[ReadSlice<'_>], ports: &[WantedPort<'_>], old: &[Arc<Endpoint>]) -> Vec<Candidates> {
    let known: BTreeMap<(SocketAddr, Transport), &Arc<Endpoint>> =
        old.iter().map(|endpoint| ((endpoint.address, endpoint.identity.transport), endpoint)).collect();
    let mut found: Vec<Candidates> = ports.iter().map(|_| Candidates::new()).collect();
    for read in slices {
        let of_family = ports.iter().enumerate().filter(|(_, port)| port.family == read.family);
        let wanted: Vec<(usize, u16)> = of_family.filter_map(|(index, port)| Some((index, port.of(read.slice)?))).collect();
        for (one, joined) in &read.endpoints {
            for &(index, port) in &wanted {
                let made = endpoint(context, joined, port, ports[index].transport);
                let endpoint = match known.get(&(made.address, made.identity.transport)) {
                    Some(same) if ***same == made => Arc::clone(same),
                    _ => Arc::new(made),
                };
                keep_better(&mut found[index], candidate(context, one, endpoint));
            }
        }
    }
    found
}

fn candidate(context: &Context<'_>, one: &api::slice::Endpoint, endpoint: Arc<Endpoint>) -> Candidate {
    let names = |hints: &[api::slice::HintedName]| hints.iter().map(|hint| Arc::clone(&hint.name)).collect();
    Candidate {
        local: endpoint.node.as_ref() == Some(&context.settings.node),
        for_nodes: names(one.for_nodes()),
        for_zones: names(one.for_zones()),
        endpoint,
    }
}

/// Of two slices that name one address the better standing counts; of equals the first slice by name.
fn keep_better(found: &mut Candidates, candidate: Candidate) {
    let rank = |candidate: &Candidate| match candidate.endpoint.standing {
        Standing::Ready => 0,
        Standing::Draining => 1,
        Standing::Out(_) => 2,
    };
    match found.entry(candidate.endpoint.address) {
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(candidate);
        }
        std::collections::btree_map::Entry::Occupied(mut taken) => {
            if rank(&candidate) < rank(taken.get()) {
                taken.insert(candidate);
            }
        }
    }
}

/// The model's endpoint for one port of a joined one.
pub(crate) fn endpoint(context: &Context<'_>, joined: &Joined, port: u16, transport: Transport) -> Endpoint {
    let identity = Identity { cluster: 0, target: joined.target.clone(), port, transport };
    Endpoint {
        address: SocketAddr::new(joined.address, port),
        vitals: context.settings.interner.intern(&identity),
        identity,
        weight: joined.weight,
        stable_name: Arc::clone(&joined.stable_name),
        node: joined.node.clone(),
        zone: joined.zone.clone(),
        standing: joined.standing.clone(),
        serving: joined.serving,
        attributes: joined.attributes.clone(),
    }
}

/// Reads an endpoint of a slice and joins the Instance behind it: a slice carries neither weight nor metadata (instances spec I5).
fn join(
    context: &Context<'_>,
    slice: &EndpointSlice,
    one: &api::slice::Endpoint,
    family: Family,
    depends: &mut Vec<Depends>,
    complaints: &mut Complaints,
) -> Option<Joined> {
    let first = one.addresses.first()?;
    let Some(address) = text::address(first).filter(|&address| Family::of(address) == family) else {
        complaints.about(
            slice_origin(slice),
            "InvalidAddress",
            format!("endpoint address {first:?} is no {} address: write one, or fix addressType", family.as_str()),
        );
        return None;
    };
    let instance = instance_of(context, slice, one, depends);
    let node = one.node_name.clone().filter(|node| !node.is_empty()).or_else(|| instance.as_ref().and_then(|instance| instance.spec.node.clone()));
    let zone = one.zone.clone().filter(|zone| !zone.is_empty()).or_else(|| {
        let node = node.as_ref()?;
        depends.push(Depends::Node(Arc::clone(node)));
        context.nodes.get(node)?.zone().cloned()
    });
    let weight = instance.as_ref().map_or(100, |instance| instance.spec.weight());
    let target = target_of(one, slice, instance.as_deref(), address);
    let stable_name = match &one.target_ref {
        Some(target) if !target.name.is_empty() => format!("{}/{}", namespace_of(target, slice), target.name).into(),
        // The text that the slice has, unless it is another spelling of the address.
        _ => Some(first).filter(|text| ***text == address.to_string()).cloned().unwrap_or_else(|| address.to_string().into()),
    };
    let standing = standing(context, one, address, weight, instance.as_deref());
    Some(Joined {
        address,
        target,
        stable_name,
        weight,
        node,
        zone,
        standing,
        serving: one.conditions.is_serving(),
        attributes: instance.as_ref().and_then(|instance| instance.spec.metadata.clone()),
    })
}

/// The Instance behind an endpoint, if it is the one the slice means and not a later one of that name.
fn instance_of(context: &Context<'_>, slice: &EndpointSlice, one: &api::slice::Endpoint, depends: &mut Vec<Depends>) -> Option<Arc<api::Instance>> {
    let target = one.target_ref.as_ref().filter(|target| &*target.kind == "Instance")?;
    let key = (Arc::clone(namespace_of(target, slice)), Arc::clone(&target.name));
    let instance = context.instances.get(&key).cloned();
    depends.push(Depends::Instance(key));
    instance.filter(|instance| target.uid.is_empty() || target.uid == instance.metadata.uid)
}

fn namespace_of<'a>(target: &'a api::slice::ObjectReference, slice: &'a EndpointSlice) -> &'a Arc<str> {
    if target.namespace.is_empty() { &slice.metadata.namespace } else { &target.namespace }
}

/// Whose numbers these are (balance spec B2). Without a UID a name could be a recycled one, so the address has to do.
fn target_of(one: &api::slice::Endpoint, slice: &EndpointSlice, instance: Option<&api::Instance>, address: IpAddr) -> Target {
    let Some(target) = &one.target_ref else { return Target::Address(address) };
    let kind = match &*target.kind {
        "Pod" => "Pod",
        "Instance" => "Instance",
        _ => return Target::Address(address),
    };
    let uid = if target.uid.is_empty() { instance.map(|instance| &instance.metadata.uid) } else { Some(&target.uid) };
    match uid.filter(|uid| !uid.is_empty()) {
        Some(uid) => {
            let origin = Origin { kind, namespace: Arc::clone(namespace_of(target, slice)), name: Arc::clone(&target.name) };
            Target::object(origin, Arc::clone(uid))
        }
        None => Target::Address(address),
    }
}

/// Whether an endpoint may be chosen, and if not, why. Conditions first say what the slice says; an Instance may only take away.
fn standing(context: &Context<'_>, one: &api::slice::Endpoint, address: IpAddr, weight: u32, instance: Option<&api::Instance>) -> Standing {
    let conditions = one.conditions;
    if address.is_loopback() && !loopback_counts(context, one) {
        return Standing::Out("a loopback address of another node".into());
    }
    if let Some(why) = instance.and_then(|instance| instance.spec.maintenance()) {
        return Standing::Out(format!("maintenance: {why}").into());
    }
    if weight == 0 {
        return Standing::Out("weight 0".into());
    }
    if conditions.is_ready() {
        return Standing::Ready;
    }
    match (conditions.is_terminating(), conditions.is_serving()) {
        (true, true) => Standing::Draining,
        (true, false) => Standing::Out("terminating".into()),
        (false, _) => match instance.map(|instance| &instance.status.reason).filter(|reason| !reason.is_empty()) {
            Some(reason) => Standing::Out(format!("not ready: {reason}").into()),
            None => Standing::Out("not ready".into()),
        },
    }
}

/// A loopback address means the node it is on, so it counts only where the slice says this node, or none (services spec U8).
fn loopback_counts(context: &Context<'_>, one: &api::slice::Endpoint) -> bool {
    context.settings.loopback_endpoints && one.node_name.as_ref().is_none_or(|node| node.is_empty() || *node == context.settings.node)
}

pub(super) fn slice_origin(slice: &EndpointSlice) -> Origin {
    Origin { kind: "EndpointSlice", namespace: Arc::clone(&slice.metadata.namespace), name: Arc::clone(&slice.metadata.name) }
}
