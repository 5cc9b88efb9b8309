use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::{canonical, cluster_pool, delete, frontends, object, service, slice, upsert, web, world, world_with};
use crate::{Change, Kind, Settings, World};

#[test]
fn a_snapshot_is_complete_once_every_kind_is_synced() {
    let mut world = World::new(Settings::loopback("here"));
    assert!(!world.compile(1).snapshot.complete);
    for kind in Kind::ALL {
        assert!(!world.compile(1).snapshot.complete);
        world.apply(Change::Synced(*kind));
    }
    assert!(world.compile(1).snapshot.complete);
}

#[test]
fn nothing_new_is_the_same_pointer_and_generation() {
    let (mut world, first) = world(&[web("10.0.0.1"), slice("web-a", "web", json!([{"addresses": ["10.1.0.1"]}]))]);
    let again = world.compile(2000);
    assert!(std::sync::Arc::ptr_eq(&first.snapshot, &again.snapshot));
    world.apply(upsert(web("10.0.0.1")));
    world.apply(upsert(slice("web-a", "web", json!([{"addresses": ["10.1.0.1"]}]))));
    assert!(std::sync::Arc::ptr_eq(&first.snapshot, &world.compile(3000).snapshot), "an object that is the same makes no generation");
}

#[test]
fn a_change_of_one_slice_leaves_every_other_service_by_pointer() {
    let other = service("other", json!({"clusterIP": "10.0.0.2", "ports": [{"name": "http", "port": 80}]}));
    let (mut world, before) = world(&[
        web("10.0.0.1"),
        other,
        slice("web-a", "web", json!([{"addresses": ["10.1.0.1"]}])),
        slice("other-a", "other", json!([{"addresses": ["10.1.0.9"]}])),
    ]);
    world.apply(upsert(slice("web-a", "web", json!([{"addresses": ["10.1.0.1"]}, {"addresses": ["10.1.0.2"]}]))));
    let after = world.compile(1001);
    assert_eq!(after.snapshot.generation, before.snapshot.generation + 1);
    let key = |name: &str| ("n".into(), name.into());
    assert!(std::sync::Arc::ptr_eq(&before.snapshot.services[&key("other")], &after.snapshot.services[&key("other")]));
    assert!(!std::sync::Arc::ptr_eq(&before.snapshot.services[&key("web")], &after.snapshot.services[&key("web")]));
    let id = before.snapshot.services[&key("web")].ports[0].cluster;
    assert_eq!(after.snapshot.services[&key("web")].ports[0].cluster, id, "the pool keeps its number");
    assert!(
        std::sync::Arc::ptr_eq(&before.snapshot.pools[&id].endpoints[0], &after.snapshot.pools[&id].endpoints[0]),
        "a survivor is the same endpoint"
    );
    assert_eq!(cluster_pool(&after.snapshot, "web"), ["10.1.0.1:8080", "10.1.0.2:8080"]);
}

#[test]
fn of_two_services_that_claim_an_address_the_older_holds_it_until_it_goes() {
    let claim = |name: &str, year: u32| {
        let mut service = service(name, json!({"clusterIP": "10.0.0.1", "ports": [{"port": 80}]}));
        service["metadata"]["creationTimestamp"] = json!(format!("{year}-01-01T00:00:00Z"));
        service
    };
    let (mut world, first) = world(&[claim("young", 2024), claim("old", 2020)]);
    let holder = |snapshot: &model::Snapshot| snapshot.frontends.values().map(|one| one.service.name.to_string()).collect::<Vec<_>>();
    assert_eq!(holder(&first.snapshot), ["old"]);
    assert!(first.diagnostics.iter().any(|one| one.reason == "AddressConflict" && &*one.origin.name == "young"), "{:?}", first.diagnostics);
    world.apply(delete(Kind::Service, "n", "old"));
    let second = world.compile(1001);
    assert_eq!(holder(&second.snapshot), ["young"]);
    assert_eq!(world.diagnostics().count(), 0);
    assert!(second.snapshot.services[&("n".into(), "young".into())].diagnostics.is_empty());
}

#[test]
fn a_node_that_moves_to_another_zone_or_address_is_followed() {
    let node = |zone: &str, address: &str| json!({"kind": "Node", "metadata": {"name": "here", "labels": {"topology.kubernetes.io/zone": zone}}, "status": {"addresses": [{"type": "InternalIP", "address": address}]}});
    let port = service("web", json!({"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"name": "http", "port": 80, "nodePort": 30080}]}));
    let hinted = |address: &str, zone: &str| json!({"addresses": [address], "nodeName": "there", "hints": {"forZones": [{"name": zone}]}});
    let (mut world, first) = world(&[node("a", "192.0.2.1"), port, slice("web-a", "web", json!([hinted("10.1.0.1", "a"), hinted("10.1.0.2", "b")]))]);
    assert_eq!(
        frontends(&first.snapshot),
        ["10.0.0.1:80 TCP ClusterIp 10.1.0.1:8080 10.1.0.1:8080", "192.0.2.1:30080 TCP NodePort 10.1.0.1:8080 10.1.0.1:8080"]
    );
    world.apply(upsert(node("b", "192.0.2.9")));
    let second = world.compile(1001);
    assert_eq!(
        frontends(&second.snapshot),
        ["10.0.0.1:80 TCP ClusterIp 10.1.0.2:8080 10.1.0.2:8080", "192.0.2.9:30080 TCP NodePort 10.1.0.2:8080 10.1.0.2:8080"]
    );
    assert_eq!(second.snapshot.node.zone.as_deref(), Some("b"));
}

#[test]
fn a_heartbeat_of_an_instance_makes_no_generation_and_its_weight_does() {
    let instance = |weight: i32, time: &str| {
        json!({"kind": "Instance", "metadata": {"name": "i", "namespace": "n", "uid": "u"}, "spec": {"addresses": ["10.1.0.1"], "weight": weight, "metadata": {"k": 1}},
               "status": {"evidence": [{"proof": "lease", "time": time}]}})
    };
    let endpoint = json!([{"addresses": ["10.1.0.1"], "targetRef": {"kind": "Instance", "namespace": "n", "name": "i", "uid": "u"}}]);
    let (mut world, first) = world(&[web("10.0.0.1"), slice("web-a", "web", endpoint), instance(250, "1")]);
    let of = |snapshot: &model::Snapshot| {
        let endpoint = snapshot.services[&("n".into(), "web".into())].endpoints[0].clone();
        (endpoint.weight, endpoint.attributes.as_deref().map(str::to_owned), endpoint.stable_name.to_string())
    };
    assert_eq!(of(&first.snapshot), (250, Some(r#"{"k":1}"#.to_owned()), "n/i".to_owned()));
    world.apply(upsert(instance(250, "2")));
    assert!(std::sync::Arc::ptr_eq(&first.snapshot, &world.compile(1001).snapshot));
    world.apply(upsert(instance(0, "3")));
    let drained = world.compile(1002);
    assert!(cluster_pool(&drained.snapshot, "web").is_empty(), "weight 0 gets nothing");
    assert!(drained.snapshot.names.owners[&("n".into(), "web".into())].endpoints.is_empty());
}

#[test]
fn the_serial_is_the_time_of_the_last_change_and_never_falls() {
    let (mut world, first) = world(&[web("10.0.0.1")]);
    assert_eq!(first.snapshot.names.serial, 1000);
    world.apply(upsert(web("10.0.0.2")));
    assert_eq!(world.compile(500).snapshot.names.serial, 1000);
    world.apply(upsert(web("10.0.0.3")));
    assert_eq!(world.compile(2000).snapshot.names.serial, 2000);
}

#[test]
fn statuses_wait_until_everything_is_known() {
    let mut world = World::new(Settings::loopback("here"));
    let policy =
        json!({"kind": "BackendPolicy", "metadata": {"name": "p", "namespace": "n"}, "spec": {"targetRefs": [{"kind": "Service", "name": "web"}]}});
    world.apply(upsert(policy));
    assert!(world.compile(1).decided.is_empty());
    world.apply(upsert(web("10.0.0.1")));
    Kind::ALL.iter().for_each(|kind| world.apply(Change::Synced(*kind)));
    let decided = world.compile(1).decided;
    let api::DecidedStatus::Policy { ancestors, .. } = &decided[0].body else { panic!("{decided:?}") };
    assert_eq!(ancestors[0].conditions[0].reason, "Accepted");
}

/// A step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Put(Value),
    Remove(Kind, String, String),
    Compile,
}

fn name(of: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(of)
}

fn services() -> impl Strategy<Value = Value> {
    let kinds = name(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Headless"]);
    let policies = (name(&["Cluster", "Local"]), name(&["Cluster", "Local"]), name(&["", "ClientIP"]));
    let annotation = name(&["", "random", "nonsense"]);
    (name(&["a", "b", "c"]), name(&["n", "m"]), kinds, 1..4u8, 0..3usize, policies, annotation, 2020..2023u32).prop_map(
        |(name, namespace, kind, address, ports, (internal, external, affinity), strategy, year)| {
            let ports: Vec<Value> = [("http", 80, 30080), ("dns", 53, 30053)][..ports.min(2)]
                .iter()
                .map(|(name, port, node_port)| json!({"name": name, "port": port, "nodePort": if kind == "NodePort" { *node_port } else { 0 }}))
                .collect();
            let mut spec = json!({"type": kind, "clusterIP": format!("10.0.0.{address}"), "ports": ports, "internalTrafficPolicy": internal,
                                  "externalTrafficPolicy": external, "sessionAffinity": affinity, "externalName": "x.example.org"});
            if kind == "Headless" {
                spec["type"] = json!("ClusterIP");
                spec["clusterIP"] = json!("None");
            }
            let mut metadata = json!({"name": name, "namespace": namespace, "creationTimestamp": format!("{year}-01-01T00:00:00Z")});
            if !strategy.is_empty() {
                metadata["annotations"] = json!({"fairlead.dev/strategy": strategy});
            }
            json!({"kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.77"}]}}})
        },
    )
}

fn slices() -> impl Strategy<Value = Value> {
    let flags = prop::option::of(any::<bool>());
    let endpoint = (1..6u8, flags.clone(), flags.clone(), flags, name(&["", "here", "there"]), name(&["", "i", "j"]), name(&["", "a", "b"]))
        .prop_map(|(last, ready, serving, terminating, node, instance, zone)| {
            let mut endpoint =
                json!({"addresses": [format!("10.1.0.{last}")], "conditions": {"ready": ready, "serving": serving, "terminating": terminating}});
            if !node.is_empty() {
                endpoint["nodeName"] = json!(node);
            }
            if !instance.is_empty() {
                endpoint["targetRef"] = json!({"kind": "Instance", "namespace": "n", "name": instance, "uid": instance});
            }
            if !zone.is_empty() {
                endpoint["hints"] = json!({"forZones": [{"name": zone}]});
            }
            endpoint
        });
    let port = name(&["http", "dns", ""]);
    (
        name(&["s1", "s2", "s3"]),
        name(&["n", "m"]),
        name(&["a", "b", "c", ""]),
        prop::collection::vec(endpoint, 0..4),
        port,
        name(&["IPv4", "IPv4", "IPv6", "FQDN"]),
    )
        .prop_map(|(name, namespace, service, endpoints, port, family)| {
            let labels = if service.is_empty() { json!({}) } else { json!({"kubernetes.io/service-name": service}) };
            json!({"kind": "EndpointSlice", "metadata": {"name": name, "namespace": namespace, "labels": labels}, "addressType": family,
                   "ports": [{"name": port, "port": 8080}], "endpoints": endpoints})
        })
}

fn others() -> impl Strategy<Value = Value> {
    let instance = (name(&["i", "j"]), 0..3i32, name(&["", "disk"]), name(&["", "tcp", "icmp"])).prop_map(|(name, weight, maintenance, check)| {
        let checks = if check.is_empty() { json!([]) } else { json!([{"type": check}]) };
        json!({"kind": "Instance", "metadata": {"name": name, "namespace": "n", "uid": name},
               "spec": {"addresses": ["10.1.0.1"], "ports": [{"port": 8080}], "weight": weight * 100, "maintenance": maintenance, "checks": checks}})
    });
    let node = (name(&["here", "there"]), name(&["a", "b", ""]), 1..3u8).prop_map(|(name, zone, last)| {
        json!({"kind": "Node", "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
               "status": {"addresses": [{"type": "InternalIP", "address": format!("192.0.2.{last}")}]}})
    });
    let target = (name(&["Service", "Namespace"]), name(&["a", "b", "n"]), name(&["", "http"]))
        .prop_map(|(kind, name, section)| json!({"kind": kind, "name": name, "sectionName": section}));
    let policy = (name(&["p", "q"]), prop::collection::vec(target, 0..3), name(&["Random", "bogus", "RoundRobin"]), name(&["", "http"]), 2020..2022u32).prop_map(
        |(name, targets, strategy, check, year)| {
            let mut spec = json!({"targetRefs": targets, "strategy": strategy});
            if !check.is_empty() {
                spec["healthCheck"] = json!({"type": check});
            }
            json!({"kind": "BackendPolicy", "metadata": {"name": name, "namespace": "n", "creationTimestamp": format!("{year}-01-01T00:00:00Z")}, "spec": spec})
        },
    );
    let pod = (name(&["p", "q"]), 1..3u8, name(&["Running", "Failed"])).prop_map(|(name, last, phase)| {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": "n"}, "status": {"phase": phase, "podIP": format!("10.2.0.{last}")}})
    });
    let namespace = name(&["n", "m"]).prop_map(|name| json!({"kind": "Namespace", "metadata": {"name": name}}));
    prop_oneof![instance, node, policy, pod, namespace]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = prop_oneof![3 => services(), 4 => slices(), 4 => others()].prop_map(Step::Put);
    let step = prop_oneof![8 => put.clone(), 3 => put.prop_map(|step| match step {
        Step::Put(value) => {
            let (kind, namespace, name) = address(&value);
            Step::Remove(kind, namespace, name)
        }
        other => other,
    }), 2 => Just(Step::Compile)];
    prop::collection::vec(step, 0..60)
}

fn address(value: &Value) -> (Kind, String, String) {
    let kind = *Kind::ALL.iter().find(|kind| kind.as_str() == value["kind"]).expect("a kind of ours");
    let text = |name: &str| value["metadata"][name].as_str().unwrap_or_default().to_owned();
    (kind, text("namespace"), text("name"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// The most valuable property of the project: the way there does not matter.
    #[test]
    fn incremental_equals_compile_from_nothing(steps in steps()) {
        let settings = Settings::loopback("here");
        let (mut world, _) = world_with(settings.clone(), &[]);
        let mut last: BTreeMap<(Kind, String, String), Value> = BTreeMap::new();
        let mut decided: BTreeMap<(String, String), api::Decided> = BTreeMap::new();
        let mut note = |compiled: crate::Compiled| for one in compiled.decided {
            decided.insert((one.namespace.to_string(), one.name.to_string()), api::Decided { snapshot: 0, ..one });
        };
        for step in steps {
            match step {
                Step::Put(value) => {
                    last.insert(address(&value), value.clone());
                    world.apply(upsert(value));
                }
                Step::Remove(kind, namespace, name) => {
                    world.apply(delete(kind, &namespace, &name));
                    last.remove(&(kind, namespace, name));
                }
                Step::Compile => note(world.compile(1000)),
            }
        }
        let compiled = world.compile(1000);
        let incremental = compiled.snapshot.clone();
        note(compiled);
        let objects: Vec<Value> = last.into_values().collect();
        let (fresh, full) = world_with(settings, &objects);
        prop_assert_eq!(canonical(&incremental), canonical(&full.snapshot));
        let complaints = |world: &World| world.diagnostics().cloned().collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(complaints(&world), complaints(&fresh));
        for one in full.decided {
            prop_assert_eq!(decided.get(&(one.namespace.to_string(), one.name.to_string())), Some(&api::Decided { snapshot: 0, ..one.clone() }));
        }
        let _ = object::<api::Namespace>;
    }
}
