//! Which listeners a route attaches to, and why not to others (gateway spec G25, G26, G17).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use api::decided::{Condition, ParentStatus, Truth};
use api::gateway::GATEWAY_GROUP;
use api::http_route::ParentRef;
use api::{HttpRoute, Namespace};
use model::Map;

use super::ListenerKey;
use super::http_route::Resolved;
use super::plan::{Admits, Gate, Plan};
use crate::routes::{Key, Refusal};

/// What is said of every good route, in one place for all of them.
static ACCEPTED: LazyLock<Arc<str>> = LazyLock::new(|| "the route is accepted".into());
static RESOLVED: LazyLock<Arc<str>> = LazyLock::new(|| "all references are resolved".into());

/// The Gateway a parentRef names; `None` when it names something else.
pub(super) fn gateway_of(parent: &ParentRef, route: &HttpRoute) -> Option<Key> {
    let group = parent.group.as_deref().unwrap_or(GATEWAY_GROUP);
    let kind = parent.kind.as_deref().unwrap_or("Gateway");
    let namespace = parent.namespace.clone().unwrap_or_else(|| Arc::clone(&route.metadata.namespace));
    (group == GATEWAY_GROUP && kind == "Gateway").then(|| (namespace, Arc::clone(&parent.name)))
}

/// Everything a route attaches to: what it names, and each default Gateway that it does not, if it asks for those (gateway spec G31).
fn parents<'a>(route: &'a HttpRoute, plan: &Plan) -> Vec<Cow<'a, ParentRef>> {
    let named: BTreeSet<Key> = route.spec.parent_refs.iter().filter_map(|parent| gateway_of(parent, route)).collect();
    let wanted = takes_defaults(route).then(|| plan.gateways.iter().filter(|(key, planned)| planned.is_default() && !named.contains(key)));
    let default = |(key, _): (&Key, _)| {
        let (group, kind) = (Some(GATEWAY_GROUP.into()), Some("Gateway".into()));
        ParentRef { group, kind, namespace: Some(Arc::clone(&key.0)), name: Arc::clone(&key.1), ..ParentRef::default() }
    };
    let own = route.spec.parent_refs.iter().map(Cow::Borrowed);
    own.chain(wanted.into_iter().flatten().map(|one| Cow::Owned(default(one)))).collect()
}

/// Whether a route asks for default Gateways.
pub(super) fn takes_defaults(route: &HttpRoute) -> bool {
    route.spec.use_default_gateways.as_deref() == Some("All")
}

/// The listeners a route attaches to, and its status.
pub(super) fn attach(
    route: &HttpRoute,
    resolved: &Resolved,
    plan: &Plan,
    namespaces: &Map<Arc<str>, Arc<Namespace>>,
) -> (BTreeSet<ListenerKey>, Vec<ParentStatus>) {
    let mut attached = BTreeSet::new();
    let mut statuses = Vec::with_capacity(route.spec.parent_refs.len());
    for parent in parents(route, plan) {
        let parent = &*parent;
        let Some(planned) = gateway_of(parent, route).and_then(|key| plan.gateways.get_key_value(&key)) else { continue };
        let gates = planned.1.listeners.iter().map(|one| &one.gate);
        let verdict = listeners(parent, route, resolved, gates, &planned.0.0, namespaces);
        if let (Ok(names), None) = (&verdict, &resolved.refused) {
            attached.extend(names.iter().map(|name| (planned.0.clone(), Arc::clone(name))));
        }
        statuses.push(ParentStatus { parent: parent.clone(), conditions: conditions(verdict.err(), resolved) });
    }
    statuses.shrink_to_fit();
    (attached, statuses)
}

/// The listeners of one parent that the route attaches to.
fn listeners<'a>(
    parent: &ParentRef,
    route: &HttpRoute,
    resolved: &Resolved,
    gates: impl Iterator<Item = &'a Gate>,
    gateway_namespace: &str,
    namespaces: &Map<Arc<str>, Arc<Namespace>>,
) -> Result<Vec<Arc<str>>, Refusal> {
    let named = |gate: &&Gate| parent.section_name.as_ref().is_none_or(|name| *name == gate.name) && parent.port.is_none_or(|port| port == gate.port);
    let named: Vec<&Gate> = gates.filter(named).collect();
    if named.is_empty() {
        return Err(Refusal::new("NoMatchingParent", format!("gateway {} has no listener {}", parent.name, wanted(parent))));
    }
    let namespace = &route.metadata.namespace;
    let open: Vec<&Gate> =
        named.iter().copied().filter(|gate| gate.takes_http && admitted(&gate.admits, namespace, gateway_namespace, namespaces)).collect();
    if open.is_empty() {
        let message = format!("no listener of gateway {} takes HTTPRoutes of namespace {namespace}; see its allowedRoutes", parent.name);
        return Err(Refusal::new("NotAllowedByListeners", message));
    }
    let meeting = open.iter().filter(|gate| resolved.hosts.iter().any(|host| host.intersects(&gate.host)));
    let names: Vec<Arc<str>> = meeting.map(|gate| Arc::clone(&gate.name)).collect();
    if names.is_empty() {
        let hosts: Vec<String> = open.iter().map(|gate| gate.host.to_string()).collect();
        let message = format!("no hostname of the route lies within those of the listeners: {}", hosts.join(", "));
        return Err(Refusal::new("NoMatchingListenerHostname", message));
    }
    Ok(names)
}

/// `web`, `with port 80`, for a message.
fn wanted(parent: &ParentRef) -> String {
    match (&parent.section_name, parent.port) {
        (Some(name), Some(port)) => format!("{name} with port {port}"),
        (Some(name), None) => name.to_string(),
        (None, Some(port)) => format!("with port {port}"),
        (None, None) => "at all".into(),
    }
}

fn admitted(admits: &Admits, namespace: &str, gateway_namespace: &str, namespaces: &Map<Arc<str>, Arc<Namespace>>) -> bool {
    match admits {
        Admits::All => true,
        Admits::Same => namespace == gateway_namespace,
        Admits::Nobody => false,
        Admits::Labelled(selector) => {
            namespaces.get(namespace).is_some_and(|found| selector.selects(|key| found.metadata.labels.get(key).map(|value| &**value)))
        }
    }
}

/// The conditions of one parent.
fn conditions(not_attached: Option<Refusal>, resolved: &Resolved) -> Vec<Condition> {
    let verdict = |kind, good: &'static str, message: &Arc<str>, bad: Option<Refusal>| match bad {
        None => Condition::new(kind, Truth::True, good, Arc::clone(message)),
        Some(refusal) => Condition::new(kind, Truth::False, refusal.reason, refusal.message),
    };
    let refused = not_attached.or_else(|| resolved.refused.clone());
    let mut conditions =
        vec![verdict("Accepted", "Accepted", &ACCEPTED, refused), verdict("ResolvedRefs", "ResolvedRefs", &RESOLVED, resolved.unresolved.clone())];
    if let Some(message) = &resolved.dropped {
        conditions.push(Condition::new("PartiallyInvalid", Truth::True, "UnsupportedValue", Arc::clone(message)));
    }
    conditions
}

/// What listeners serve of a route, each once. A list: most routes are served by one listener, and there are routes by the thousand.
pub(super) type Attached = Box<[(ListenerKey, Box<[Arc<model::routes::RouteMatch>]>)]>;
