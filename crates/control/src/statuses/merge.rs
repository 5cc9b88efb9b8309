//! From the status that an object has to the one it shall have, leaving alone what is not ours (gateway spec G10).

use api::Decided;
use api::decided::{
    AssignedAddress, Condition, DecidedStatus, GATEWAY_CONTROLLER, IngressAddress, ListenerStatus, ParentStatus, PolicyAncestor, Truth,
};
use serde_json::{Map, Value, json};

use super::resolve::{Said, Words, Written};
use super::services::Seen;

/// Condition types that we state; one of them that is no longer stated is removed, all others belong to somebody else.
const OURS: [&str; 13] = [
    "Accepted",
    "AddressesAssigned",
    "Approximated",
    "Conflicted",
    "DefaultGateway",
    "InsecureFrontendValidationMode",
    "OverlappingTLSConfig",
    "Overridden",
    "Panic",
    "PartiallyInvalid",
    "Programmed",
    "ResolvedRefs",
    "SupportedVersion",
];

/// Whose entries of `status.ancestors` are ours.
const POLICY_CONTROLLER: &str = "fairlead.dev/policy";

/// The path of the kind's collection in the API: group, version, plural.
pub(crate) fn kind_path(kind: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let of = |group, version, plural| Some((group, version, plural));
    match kind {
        "GatewayClass" => of("gateway.networking.k8s.io", "v1", "gatewayclasses"),
        "Gateway" => of("gateway.networking.k8s.io", "v1", "gateways"),
        "HTTPRoute" => of("gateway.networking.k8s.io", "v1", "httproutes"),
        "GRPCRoute" => of("gateway.networking.k8s.io", "v1", "grpcroutes"),
        "TLSRoute" => of("gateway.networking.k8s.io", "v1", "tlsroutes"),
        "TCPRoute" => of("gateway.networking.k8s.io", "v1alpha2", "tcproutes"),
        "UDPRoute" => of("gateway.networking.k8s.io", "v1alpha2", "udproutes"),
        "Service" => of("", "v1", "services"),
        "BackendTLSPolicy" => of("gateway.networking.k8s.io", "v1", "backendtlspolicies"),
        "Ingress" => of("networking.k8s.io", "v1", "ingresses"),
        "BackendPolicy" => of("fairlead.dev", "v1alpha1", "backendpolicies"),
        _ => None,
    }
}

/// An address of a Gateway. Where the CRDs of an older version have no routability, ours is dropped as often as it is written: what is
/// there without one says that it is empty.
fn assigned(one: &AssignedAddress, current: &Value) -> Value {
    let bare = json!({"type": one.kind, "value": one.value});
    if one.routability.is_empty() && current.as_array().is_some_and(|known| known.contains(&bare)) {
        return bare;
    }
    json!({"type": one.kind, "value": one.value, "routability": one.routability})
}

/// One merge: the decision, the words of the planes, the time to write.
pub(crate) struct Merge<'a> {
    pub decided: &'a Decided,
    pub words: &'a Words<'a>,
    /// RFC 3339.
    pub now: &'a str,
    pub written: &'a Written,
    /// What was seen of the Services of a BackendPolicy, where they were looked at.
    pub seen: Option<&'a Seen>,
}

impl Merge<'_> {
    /// The whole new status.
    pub fn status(&self, current: &Value) -> Value {
        let mut status = current.as_object().cloned().unwrap_or_default();
        match &self.decided.body {
            DecidedStatus::GatewayClass { conditions, features, .. } => {
                self.put_conditions(&mut status, conditions);
                status.insert("supportedFeatures".into(), features.iter().map(|name| json!({"name": name})).collect());
            }
            DecidedStatus::Gateway { addresses, conditions, listeners } => {
                status.insert("addresses".into(), addresses.iter().map(|one| assigned(one, &current["addresses"])).collect());
                self.put_conditions(&mut status, conditions);
                status.insert("listeners".into(), self.listeners(&current["listeners"], listeners));
            }
            DecidedStatus::Route { parents } => {
                status.insert("parents".into(), self.parents(&current["parents"], "parentRef", parents));
            }
            DecidedStatus::Ancestors { ancestors } => {
                status.insert("ancestors".into(), self.parents(&current["ancestors"], "ancestorRef", ancestors));
            }
            DecidedStatus::Policy { ancestors, .. } => {
                status.insert("ancestors".into(), self.ancestors(&current["ancestors"], ancestors));
                if let Some(seen) = self.seen {
                    status.insert("services".into(), seen.services.clone());
                }
            }
            DecidedStatus::Ingress { conditions, .. } => {
                if !conditions.is_empty() || status.contains_key("conditions") {
                    self.put_conditions(&mut status, conditions);
                }
                let entries = self.ingress(&current["loadBalancer"]["ingress"]);
                status.insert("loadBalancer".into(), if entries.is_empty() { json!({}) } else { json!({"ingress": entries}) });
            }
        }
        Value::Object(status)
    }

    fn put_conditions(&self, object: &mut Map<String, Value>, conditions: &[Condition]) {
        let current = object.get("conditions").cloned().unwrap_or_default();
        object.insert("conditions".into(), self.conditions(&current, conditions).into());
    }

    /// Ours in their places, others untouched, new ones at the end.
    fn conditions(&self, current: &Value, wanted: &[Condition]) -> Vec<Value> {
        let said: Vec<Said> = wanted.iter().map(|condition| self.words.resolve(self.decided, condition)).collect();
        let mut all = Vec::new();
        for old in current.as_array().into_iter().flatten() {
            let kind = old["type"].as_str().unwrap_or_default();
            let is_newer = old["observedGeneration"].as_i64().unwrap_or(0) > self.decided.generation;
            match said.iter().find(|one| one.kind == kind) {
                // Somebody judged a newer version of the object; the next decision will catch up.
                _ if is_newer => all.push(old.clone()),
                Some(one) => all.push(self.condition(Some(old), one)),
                None if OURS.contains(&kind) => {}
                None => all.push(old.clone()),
            }
        }
        let is_there = |kind: &str, all: &[Value]| all.iter().any(|one| one["type"] == kind);
        for one in said {
            if !is_there(one.kind, &all) {
                all.push(self.condition(None, &one));
            }
        }
        all
    }

    fn condition(&self, old: Option<&Value>, said: &Said) -> Value {
        let status = said.truth.as_str();
        let kept = old.filter(|old| old["status"] == status).map(|old| old["lastTransitionTime"].clone()).filter(Value::is_string);
        json!({
            "type": said.kind, "status": status, "observedGeneration": self.decided.generation,
            "lastTransitionTime": kept.unwrap_or_else(|| json!(self.now)), "reason": said.reason, "message": said.message,
        })
    }

    fn listeners(&self, current: &Value, wanted: &[ListenerStatus]) -> Value {
        let old = |name: &str| current.as_array().into_iter().flatten().find(|one| one["name"] == name);
        let listener = |one: &ListenerStatus| {
            let kinds: Vec<Value> = one.supported_kinds.iter().map(|kind| json!({"group": "gateway.networking.k8s.io", "kind": kind})).collect();
            let conditions = old(&one.name).map_or(&Value::Null, |old| &old["conditions"]);
            json!({
                "name": one.name, "supportedKinds": kinds, "attachedRoutes": one.attached_routes,
                "conditions": self.conditions(conditions, &one.conditions),
            })
        };
        wanted.iter().map(listener).collect()
    }

    fn parents(&self, current: &Value, field: &str, wanted: &[ParentStatus]) -> Value {
        let key = |parent: &ParentStatus| serde_json::to_value(&parent.parent).unwrap_or_default();
        let wanted: Vec<(Value, &[Condition])> = wanted.iter().map(|parent| (key(parent), &parent.conditions[..])).collect();
        self.entries(current, field, GATEWAY_CONTROLLER, &wanted)
    }

    fn ancestors(&self, current: &Value, wanted: &[PolicyAncestor]) -> Value {
        let key = |ancestor: &PolicyAncestor| {
            let target = &ancestor.target;
            let mut key = json!({"group": target.group, "kind": target.kind, "name": target.name});
            if let Some(section) = &target.section_name {
                key["sectionName"] = json!(section);
            }
            key
        };
        // What was seen is told in the order of the targets, of those for which the policy is in force.
        let all = |(at, one): (usize, &PolicyAncestor)| {
            let in_force = one.conditions.first().is_some_and(|accepted| accepted.truth == Truth::True);
            let seen = self.seen.filter(|_| in_force).and_then(|seen| seen.conditions.get(at)).into_iter().flatten();
            one.conditions.iter().chain(seen).cloned().collect()
        };
        let all: Vec<Vec<Condition>> = wanted.iter().enumerate().map(all).collect();
        let wanted: Vec<(Value, &[Condition])> = wanted.iter().zip(&all).map(|(one, conditions)| (key(one), &conditions[..])).collect();
        self.entries(current, "ancestorRef", POLICY_CONTROLLER, &wanted)
    }

    /// A list with entries of several controllers: ours are kept in place, dropped or appended, the others stay as they are.
    fn entries(&self, current: &Value, field: &str, controller: &str, wanted: &[(Value, &[Condition])]) -> Value {
        let entry = |key: &Value, old: &Value, conditions: &[Condition]| json!({field: key, "controllerName": controller, "conditions": self.conditions(&old["conditions"], conditions)});
        let mut left: Vec<&(Value, &[Condition])> = wanted.iter().collect();
        let mut all = Vec::new();
        for old in current.as_array().into_iter().flatten() {
            if old["controllerName"] != controller {
                all.push(old.clone());
            } else if let Some(at) = left.iter().position(|(key, _)| same_reference(key, &old[field])) {
                let (key, conditions) = left.remove(at);
                all.push(entry(key, old, conditions));
            }
        }
        all.extend(left.into_iter().map(|(key, conditions)| entry(key, &Value::Null, conditions)));
        all.into()
    }

    /// What is in force, after what others wrote; an address that this process wrote and that is no longer wanted is taken back. While
    /// an Ingress is of our class, or a Service has addresses of ours (it gets none where somebody else gives one), nobody else has a
    /// say: what is there besides is what an earlier process wrote.
    fn ingress(&self, current: &Value) -> Vec<Value> {
        let wanted = self.words.bound(self.decided);
        let is_alone = matches!(self.decided.kind, "Ingress" | "Service") && !wanted.is_empty();
        let is_wanted = |at: &str| wanted.iter().any(|one| *one.at == *at);
        let place = |entry: &Value| entry["ip"].as_str().or(entry["hostname"].as_str()).map(str::to_owned);
        let foreign = |entry: &&Value| !is_alone && place(entry).is_none_or(|at| !is_wanted(&at) && !self.written.contains(&*at));
        let entry = |one: &&IngressAddress| {
            let ports: Vec<Value> = one.ports.iter().map(|port| json!({"port": port, "protocol": "TCP"})).collect();
            let field = if one.at.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "hostname" };
            match ports.is_empty() {
                _ if self.decided.kind == "Service" => json!({"ip": one.at, "ipMode": "VIP"}),
                true => json!({field: one.at}),
                false => json!({field: one.at, "ports": ports}),
            }
        };
        current.as_array().into_iter().flatten().filter(foreign).cloned().chain(wanted.iter().map(entry)).collect()
    }
}

/// The server fills defaults in, so an absent field equals its default.
fn same_reference(one: &Value, other: &Value) -> bool {
    let field = |value: &Value, name: &str, default: &str| value[name].as_str().unwrap_or(default).to_owned();
    let same = |name: &str, default: &str| field(one, name, default) == field(other, name, default);
    let group = "gateway.networking.k8s.io";
    same("group", group)
        && same("kind", "Gateway")
        && same("namespace", "")
        && same("name", "")
        && same("sectionName", "")
        && one["port"] == other["port"]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
