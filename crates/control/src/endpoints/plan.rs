//! From the slices there are to the slices there shall be, with the fewest and smallest writes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use api::slice::{Endpoint, EndpointPort};
use api::{EndpointSlice, Labels};
use serde_json::{Map, Value, json};

use super::desired::{Group, same_ports};

/// Endpoints of one slice; upstream's default.
pub(crate) const ENDPOINTS_MAX: usize = 100;
/// What random-looking ends of names are made of: no vowels, so that no words come out.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// What all slices of one Service have in common.
pub(crate) struct Frame {
    pub namespace: Arc<str>,
    /// The Service's or Endpoints' name, which the slices' names begin with.
    pub base: Arc<str>,
    pub labels: Labels,
    pub owner: Owner,
}

/// The object that the slices go with.
pub(crate) struct Owner {
    pub kind: &'static str,
    pub name: Arc<str>,
    pub uid: Arc<str>,
}

/// The content of a slice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Body {
    pub name: Arc<str>,
    pub address_type: Arc<str>,
    pub ports: Vec<EndpointPort>,
    pub endpoints: Vec<Endpoint>,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Write {
    Create(Body),
    Update(Arc<EndpointSlice>, Body),
    Delete(Arc<EndpointSlice>),
}

/// Whom an endpoint stands for: what makes it the same one when its conditions change.
fn identity(endpoint: &Endpoint) -> (Arc<str>, Arc<str>, Arc<str>) {
    let target = endpoint.target_ref.as_ref();
    let part = |text: Option<&Arc<str>>| text.cloned().unwrap_or_default();
    (part(target.map(|t| &t.uid)), part(target.map(|t| &t.name)), part(endpoint.addresses.first()))
}

/// A slice that stays, with what it shall hold.
struct Kept {
    slice: Arc<EndpointSlice>,
    endpoints: Vec<Endpoint>,
}

impl Kept {
    fn is_changed(&self) -> bool {
        self.slice.endpoints != self.endpoints
    }

    fn room(&self) -> usize {
        ENDPOINTS_MAX.saturating_sub(self.endpoints.len())
    }

    fn fill(&mut self, from: &mut Vec<Endpoint>) {
        let count = self.room().min(from.len());
        self.endpoints.extend(from.drain(..count));
    }
}

/// Decides the writes. `is_taken` says whether a name is in use for something else.
pub(crate) fn plan(frame: &Frame, existing: &[Arc<EndpointSlice>], groups: Vec<Group>, is_taken: impl Fn(&str) -> bool) -> Vec<Write> {
    let mut spare: Vec<Arc<EndpointSlice>> = existing.to_vec();
    spare.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let mut writes = Vec::new();
    let mut missing: Vec<Group> = Vec::new();
    for mut group in groups {
        if group.endpoints.is_empty() {
            missing.push(group);
            continue;
        }
        let fits = |slice: &mut Arc<EndpointSlice>| *slice.address_type == *group.address_type && same_ports(&slice.ports, &group.ports);
        let matching = spare.extract_if(.., fits).collect();
        let (kept, left) = distribute(matching, std::mem::take(&mut group.endpoints), &mut spare);
        for Kept { slice, endpoints } in kept {
            let ports = group.ports.clone();
            writes.extend(update(frame, slice, Group { endpoints, ports, ..group }));
        }
        missing.extend(left.chunks(ENDPOINTS_MAX).map(|chunk| Group { endpoints: chunk.to_vec(), ..group.clone() }));
    }
    let mut names: Vec<Arc<str>> = Vec::new();
    for group in missing {
        // A slice that is no longer needed takes the content over: its address family cannot change, all else can.
        let is_same = |slice: &Arc<EndpointSlice>| same_ports(&slice.ports, &group.ports) && slice.endpoints == group.endpoints;
        let is_usable = |slice: &Arc<EndpointSlice>| *slice.address_type == *group.address_type;
        let best = spare.iter().position(|slice| is_usable(slice) && is_same(slice)).or_else(|| spare.iter().position(is_usable));
        match best.map(|at| spare.remove(at)) {
            Some(slice) => writes.extend(update(frame, slice, group)),
            None => {
                let name = fresh_name(frame, &group, |name| is_taken(name) || names.iter().any(|known| **known == *name));
                names.push(name.clone());
                writes.push(Write::Create(body(name, group)));
            }
        }
    }
    writes.extend(spare.into_iter().map(Write::Delete));
    writes
}

fn body(name: Arc<str>, group: Group) -> Body {
    Body { name, address_type: group.address_type.into(), ports: group.ports, endpoints: group.endpoints }
}

/// Keeps every endpoint that is still wanted where it is, puts new ones where something changes anyway, and leaves a slice
/// alone if it can. Slices that lost all go to `spare`; endpoints for which there is no room are returned.
fn distribute(matching: Vec<Arc<EndpointSlice>>, wanted: Vec<Endpoint>, spare: &mut Vec<Arc<EndpointSlice>>) -> (Vec<Kept>, Vec<Endpoint>) {
    let places: HashMap<_, usize> = wanted.iter().enumerate().map(|(i, endpoint)| (identity(endpoint), i)).collect();
    let mut wanted: Vec<Option<Endpoint>> = wanted.into_iter().map(Some).collect();
    let mut kept = Vec::new();
    for slice in matching {
        let still = |endpoint: &Endpoint| wanted[*places.get(&identity(endpoint))?].take();
        let endpoints: Vec<_> = slice.endpoints.iter().filter_map(still).take(ENDPOINTS_MAX).collect();
        if endpoints.is_empty() {
            spare.push(slice);
        } else {
            kept.push(Kept { slice, endpoints });
        }
    }
    let mut left: Vec<Endpoint> = wanted.into_iter().flatten().collect();
    for one in kept.iter_mut().filter(|one| one.is_changed()) {
        one.fill(&mut left);
    }
    if !left.is_empty() {
        let tightest = kept.iter_mut().filter(|one| one.room() >= left.len()).min_by_key(|one| one.room());
        if let Some(one) = tightest {
            one.fill(&mut left);
        }
    }
    (kept, left)
}

/// The write that makes a slice hold a group, if it does not yet.
fn update(frame: &Frame, slice: Arc<EndpointSlice>, group: Group) -> Option<Write> {
    let is_owned = slice.metadata.owners.iter().any(|owner| owner.uid == frame.owner.uid);
    let is_same = slice.endpoints == group.endpoints && same_ports(&slice.ports, &group.ports) && slice.metadata.labels == frame.labels;
    let name = slice.metadata.name.clone();
    (!is_same || !is_owned).then(|| Write::Update(slice, body(name, group)))
}

/// A name that the same content gets again after a restart, unless it is in use.
fn fresh_name(frame: &Frame, group: &Group, is_taken: impl Fn(&str) -> bool) -> Arc<str> {
    let mut hasher = DefaultHasher::new();
    (&frame.owner.uid, group.address_type).hash(&mut hasher);
    for port in &group.ports {
        (&port.name, &port.protocol, port.port).hash(&mut hasher);
    }
    let seed = hasher.finish();
    let name = |attempt: u64| {
        let mut number = seed.wrapping_add(attempt.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 16;
        let mut end = String::with_capacity(5);
        for _ in 0..5 {
            end.push(LETTERS[(number % LETTERS.len() as u64) as usize] as char);
            number /= LETTERS.len() as u64;
        }
        // Names of objects are ASCII of at most 253 bytes.
        let base = frame.base.get(..247).unwrap_or(&frame.base);
        Arc::<str>::from(format!("{base}-{end}"))
    };
    (0..).map(name).find(|name| !is_taken(name)).unwrap_or_else(|| name(0))
}

/// A whole slice, to be created.
pub(crate) fn create_json(frame: &Frame, body: &Body) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": body.name, "namespace": frame.namespace, "labels": frame.labels, "ownerReferences": [owner_json(&frame.owner)]},
        "addressType": body.address_type, "endpoints": endpoints_json(body), "ports": ports_json(body),
    })
}

/// A merge patch for the version of the slice that was looked at; what it does not mention stays.
pub(crate) fn patch_json(frame: &Frame, slice: &EndpointSlice, body: &Body) -> Value {
    let mut labels: Map<String, Value> = frame.labels.iter().map(|(key, value)| (key.to_string(), json!(value))).collect();
    for gone in slice.metadata.labels.keys().filter(|key| !frame.labels.contains_key(key)) {
        labels.insert(gone.to_string(), Value::Null);
    }
    json!({
        "metadata": {"resourceVersion": slice.metadata.resource_version, "labels": labels, "ownerReferences": [owner_json(&frame.owner)]},
        "endpoints": endpoints_json(body), "ports": ports_json(body),
    })
}

fn owner_json(owner: &Owner) -> Value {
    json!({"apiVersion": "v1", "kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": true, "blockOwnerDeletion": true})
}

/// An object without the fields that are absent.
fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn ports_json(body: &Body) -> Vec<Value> {
    let of = |port: &EndpointPort| {
        object([
            ("name", port.name.as_ref().map(|v| json!(v))),
            ("protocol", port.protocol.as_ref().map(|v| json!(v))),
            ("port", port.port.map(|v| json!(v))),
            ("appProtocol", port.app_protocol.as_ref().map(|v| json!(v))),
        ])
    };
    body.ports.iter().map(of).collect()
}

fn endpoints_json(body: &Body) -> Vec<Value> {
    body.endpoints.iter().map(endpoint_json).collect()
}

fn endpoint_json(endpoint: &Endpoint) -> Value {
    let names = |names: &[api::slice::HintedName]| (!names.is_empty()).then(|| names.iter().map(|n| json!({"name": n.name})).collect::<Value>());
    let hints = object([("forZones", names(endpoint.for_zones())), ("forNodes", names(endpoint.for_nodes()))]);
    let conditions = object([
        ("ready", endpoint.conditions.ready.map(Value::from)),
        ("serving", endpoint.conditions.serving.map(Value::from)),
        ("terminating", endpoint.conditions.terminating.map(Value::from)),
    ]);
    let target = endpoint.target_ref.as_deref().map(target_json);
    object([
        ("addresses", Some(json!(&endpoint.addresses[..]))),
        ("conditions", Some(conditions)),
        ("hostname", endpoint.hostname.as_ref().map(|v| json!(v))),
        ("targetRef", target),
        ("nodeName", endpoint.node_name.as_ref().map(|v| json!(v))),
        ("zone", endpoint.zone.as_ref().map(|v| json!(v))),
        ("hints", Some(hints).filter(|hints| hints != &json!({}))),
    ])
}

/// A reference to a Pod or Instance.
pub(crate) fn target_json(target: &api::slice::ObjectReference) -> Value {
    let version = (&*target.kind == "Instance").then(|| json!("fairlead.dev/v1alpha1"));
    let text = |value: &Arc<str>| (!value.is_empty()).then(|| json!(value));
    object([
        ("kind", text(&target.kind)),
        ("apiVersion", version),
        ("namespace", text(&target.namespace)),
        ("name", text(&target.name)),
        ("uid", text(&target.uid)),
    ])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
