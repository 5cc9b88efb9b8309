//! Objects for tests, written as JSON the way users write them.

use std::fmt::Write as _;
use std::sync::Arc;

use model::service::{ServiceKey, Verdict};
use model::{PoolId, Snapshot};
use serde_json::{Value, json};

use crate::{Change, Compiled, Kind, Object, Settings, World};

pub(crate) fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|why| panic!("{why}: {value}"))
}

/// A change from an object with `kind`.
pub(crate) fn upsert(value: Value) -> Change {
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    Change::Upsert(match &*kind {
        "Service" => Object::from(object::<api::Service>(value)),
        "EndpointSlice" => Object::from(object::<api::EndpointSlice>(value)),
        "Node" => Object::from(object::<api::Node>(value)),
        "Pod" => Object::from(object::<api::Pod>(value)),
        "Namespace" => Object::from(object::<api::Namespace>(value)),
        "Instance" => Object::from(object::<api::Instance>(value)),
        "BackendPolicy" => Object::from(object::<api::BackendPolicy>(value)),
        "Secret" => Object::from(object::<api::Secret>(value)),
        "Ingress" => Object::from(object::<api::Ingress>(value)),
        "IngressClass" => Object::from(object::<api::IngressClass>(value)),
        "GatewayClass" => Object::from(object::<api::GatewayClass>(value)),
        "Gateway" => Object::from(object::<api::Gateway>(value)),
        "HTTPRoute" => Object::from(object::<api::HttpRoute>(value)),
        "BackendTLSPolicy" => Object::from(object::<api::BackendTlsPolicy>(value)),
        "ConfigMap" => Object::from(object::<api::ConfigMap>(value)),
        "ReferenceGrant" => Object::from(object::<api::ReferenceGrant>(value)),
        other => panic!("no such kind in tests: {other}"),
    })
}

pub(crate) fn delete(kind: Kind, namespace: &str, name: &str) -> Change {
    Change::Delete { kind, namespace: namespace.into(), name: name.into() }
}

pub(crate) fn service(name: &str, spec: Value) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": "n", "creationTimestamp": "2024-01-01T00:00:00Z"}, "spec": spec})
}

/// A ClusterIP Service with port 80 `http`.
pub(crate) fn web(address: &str) -> Value {
    service("web", json!({"clusterIP": address, "clusterIPs": [address], "ports": [{"name": "http", "port": 80}]}))
}

pub(crate) fn slice(name: &str, service: &str, endpoints: Value) -> Value {
    json!({"kind": "EndpointSlice", "metadata": {"name": name, "namespace": "n", "labels": {"kubernetes.io/service-name": service}},
           "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": endpoints})
}

/// A World of node `here` that every kind is synced in, with these objects, and what compiling gave.
pub(crate) fn world(objects: &[Value]) -> (World, Compiled) {
    world_with(Settings::loopback("here"), objects)
}

pub(crate) fn world_with(settings: Settings, objects: &[Value]) -> (World, Compiled) {
    let mut world = World::new(settings);
    for kind in Kind::ALL {
        world.apply(Change::Synced(*kind));
    }
    for object in objects {
        world.apply(upsert(object.clone()));
    }
    let compiled = world.compile(1000);
    (world, compiled)
}

/// The pool of the first port of a service in namespace `n`, as `address` texts in slot order.
pub(crate) fn cluster_pool(snapshot: &Snapshot, service: &str) -> Vec<String> {
    let key: ServiceKey = ("n".into(), service.into());
    let service = snapshot.services.get(&key).expect("the service is there");
    addresses(snapshot, service.ports[0].cluster)
}

pub(crate) fn addresses(snapshot: &Snapshot, pool: PoolId) -> Vec<String> {
    snapshot.pool(pool).expect("every number leads to a pool").endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()
}

/// Frontends as `address transport/port kind inside outside` lines, pools named by what is in them.
pub(crate) fn frontends(snapshot: &Snapshot) -> Vec<String> {
    let name = |verdict: Verdict| match verdict {
        Verdict::Pool(id) => addresses(snapshot, id).join(","),
        Verdict::Reject => "Reject".to_owned(),
        Verdict::Drop => "Drop".to_owned(),
    };
    let line = |one: &Arc<model::service::Frontend>| {
        format!("{} {} {:?} {} {}", one.key.socket(), one.key.transport, one.kind, name(one.inside), name(one.outside))
    };
    snapshot.frontends.values().map(line).collect()
}

/// Everything of a snapshot that must not depend on the way there: no generation, no serial, no pool numbers, no slot order.
pub(crate) fn canonical(snapshot: &Snapshot) -> String {
    let mut names: std::collections::BTreeMap<PoolId, String> = Default::default();
    for (key, service) in &snapshot.services {
        for (index, port) in service.ports.iter().enumerate() {
            names.insert(port.cluster, format!("{}/{}#{index} cluster", key.0, key.1));
            if let Some(local) = port.local {
                names.insert(local, format!("{}/{}#{index} local", key.0, key.1));
            }
        }
    }
    let mut text = format!(
        "complete {} node {:?}\nnamespaces {:?}\npods {:?}\n",
        snapshot.complete,
        snapshot.node,
        sorted(snapshot.names.namespaces.keys()),
        snapshot.names.pods
    );
    let mut pools: Vec<String> = Vec::new();
    for (id, pool) in &snapshot.pools {
        let mut pool = (**pool).clone();
        pool.id = PoolId(0);
        pool.endpoints.sort_by_key(|endpoint| endpoint.address);
        pools.push(format!("{}: {pool:?}", names.get(id).expect("every pool belongs to a port")));
    }
    pools.sort();
    for pool in pools {
        let _ = writeln!(text, "pool {pool}");
    }
    for (key, service) in &snapshot.services {
        let mut service = (**service).clone();
        for port in &mut service.ports {
            port.cluster = PoolId(0);
            port.local = port.local.map(|_| PoolId(0));
        }
        let _ = writeln!(text, "service {key:?} {service:?}");
    }
    for frontend in snapshot.frontends.values() {
        let name = |verdict| match verdict {
            Verdict::Pool(id) => names.get(&id).expect("every verdict leads to a pool").clone(),
            other => format!("{other:?}"),
        };
        let (inside, outside) = (name(frontend.inside), name(frontend.outside));
        let frontend = model::service::Frontend { inside: Verdict::Drop, outside: Verdict::Drop, ..(**frontend).clone() };
        let _ = writeln!(text, "frontend {frontend:?} {inside} {outside}");
    }
    for owner in snapshot.names.owners.values() {
        let _ = writeln!(text, "owner {owner:?}");
    }
    for (key, probe) in &snapshot.probes {
        let _ = writeln!(text, "probe {key:?} {probe:?}");
    }
    text
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}

/// A GET, as the routing table asks it.
pub(crate) struct Get<'a>(pub &'a str, pub &'a str, pub &'a [(&'a str, &'a str)]);

impl model::routes::Ask for Get<'_> {
    fn host(&self) -> &str {
        self.0
    }

    fn path(&self) -> &str {
        self.1
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn method(&self) -> &str {
        "GET"
    }

    fn header(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        self.2.iter().filter(|(known, _)| *known == name).for_each(|(_, value)| each(value.as_bytes()));
    }
}

/// Who answers `http://host:port/path` on loopback: the services of the rule, a status, or `refused`.
pub(crate) fn answer(snapshot: &Snapshot, port: u16, host: &str, path: &str) -> String {
    answer_with(snapshot, port, host, path, &[])
}

pub(crate) fn answer_with(snapshot: &Snapshot, port: u16, host: &str, path: &str, headers: &[(&str, &str)]) -> String {
    use model::routes::{BackendTo, Filter, NoTrace, Routed};
    let key = ([127, 0, 0, 1].into(), port, model::Transport::Tcp);
    let Some(entrance) = snapshot.entrances.ports.get(&key) else { return "refused".into() };
    match entrance.route(&Get(host, path, headers), None, &mut NoTrace) {
        Routed::NoRoute => "404".into(),
        Routed::Misdirected => "421".into(),
        Routed::Match(_, found) => {
            let refused =
                found.rule.filters.iter().find_map(|one| if let Filter::Refuse { status, .. } = one { Some(status.to_string()) } else { None });
            let backend = |one: &model::routes::Backend| match &one.to {
                BackendTo::Unvouched { .. } => "503".into(),
                BackendTo::Pool(id) | BackendTo::Covered(id, _) => {
                    snapshot.pool(*id).map_or("no such pool".into(), |pool| pool.service.name.to_string())
                }
                BackendTo::Nowhere { status, .. } => status.to_string(),
            };
            refused.unwrap_or_else(|| found.rule.backends.iter().map(backend).collect::<Vec<_>>().join(" "))
        }
    }
}

/// The conditions of a status as `Type=Status/Reason`, with the names of listeners in front of theirs.
pub(crate) fn conditions(compiled: &Compiled, kind: &str, name: &str) -> Vec<String> {
    use api::DecidedStatus;
    let Some(decided) = compiled.decided.iter().find(|one| one.kind == kind && *one.name == *name) else { return vec!["undecided".into()] };
    let line = |before: &str, one: &api::decided::Condition| format!("{before}{}={}/{}", one.kind, one.truth.as_str(), one.reason);
    match &decided.body {
        DecidedStatus::GatewayClass { conditions, .. } => conditions.iter().map(|one| line("", one)).collect(),
        DecidedStatus::Gateway { conditions, listeners, .. } => {
            let own = conditions.iter().map(|one| line("", one));
            let of = |listener: &api::decided::ListenerStatus| {
                let name = format!("{}: ", listener.name);
                let mut lines: Vec<_> = listener.conditions.iter().map(|one| line(&name, one)).collect();
                lines.push(format!("{name}{} attached", listener.attached_routes));
                lines
            };
            own.chain(listeners.iter().flat_map(of)).collect()
        }
        DecidedStatus::Route { parents } | DecidedStatus::Ancestors { ancestors: parents } => {
            parents.iter().flat_map(|parent| parent.conditions.iter().map(|one| line("", one))).collect()
        }
        DecidedStatus::Ingress { addresses, .. } => addresses.iter().map(|one| format!("{} {:?}", one.at, one.ports)).collect(),
        other => vec![format!("{other:?}")],
    }
}

/// What clients of each entrance reach, one line a match, pools by service, sorted: nothing of it depends on the way there.
pub(crate) fn routes(snapshot: &Snapshot) -> String {
    let mut lines = Vec::new();
    for entrance in snapshot.entrances.ports.values() {
        for listener in &entrance.listeners {
            let at = format!("{:?} {:?} {} {} {}", entrance.key, entrance.speaks, listener.origin, listener.name, listener.host);
            lines.push(at.clone());
            lines.extend(listener.identities.iter().map(|(name, found)| {
                let names: Vec<String> = found.iter().map(|one| format!("{one:?}")).collect();
                format!("{at} tls {name} {names:?}")
            }));
            lines.extend(listener.hosts.matches().map(|found| {
                let mut found = (**found).clone();
                for backend in &mut Arc::make_mut(&mut found.rule).backends {
                    if let model::routes::BackendTo::Pool(id) | model::routes::BackendTo::Covered(id, _) = &mut backend.to {
                        assert_eq!(snapshot.pool(*id).expect("a rule leads to a pool that is there").service, backend.service);
                        *id = PoolId(0);
                    }
                }
                format!("{at} {found:?}")
            }));
        }
    }
    lines.sort();
    lines.join("\n")
}
