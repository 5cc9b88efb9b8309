use super::*;
use crate::Leases;

/// A state, and a pretended server that carries its writes out.
struct World {
    state: State,
    dirty: Dirty,
    version: u64,
}

impl World {
    fn new() -> World {
        World { state: State::new(Scope::Standalone, crate::Outside::Closed), dirty: Dirty::new(), version: 0 }
    }

    fn object<T: serde::de::DeserializeOwned>(&mut self, json: &str) -> T {
        self.version += 1;
        let mut value: Value = serde_json::from_str(json).unwrap();
        value["metadata"]["resourceVersion"] = json!(self.version.to_string());
        value["metadata"]["namespace"] = json!("a");
        serde_json::from_value(value).unwrap()
    }

    fn service(&mut self, json: &str) {
        let event = Event::Upsert(self.object(json));
        self.state.service(event, &mut self.dirty);
    }

    fn pod(&mut self, name: &str, label: &str, ip: &str) {
        let event = Event::Upsert(self.object(&format!(
            r#"{{"metadata":{{"name":"{name}","uid":"{name}","labels":{{"app":"{label}","x":"y"}}}},"spec":{{"nodeName":"n"}},
                "status":{{"phase":"Running","podIP":"{ip}","conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
        )));
        self.state.pod(event, &mut self.dirty);
    }

    fn node(&mut self, zone: &str) {
        let event = Event::Upsert(self.object(&format!(r#"{{"metadata":{{"name":"n","labels":{{"topology.kubernetes.io/zone":"{zone}"}}}}}}"#)));
        self.state.node(event, &mut self.dirty);
    }

    fn instance(&mut self, json: &str) {
        let instance: Instance = self.object(json);
        let key = Key::of(&instance.metadata);
        self.state.instance(Event::Upsert(instance), &mut self.dirty);
        self.state.judge(&key, &Leases::new("n", 0), 0, &mut self.dirty);
    }

    fn endpoints(&mut self, json: &str) {
        let event = Event::Upsert(self.object(json));
        self.state.endpoints(event, &mut self.dirty);
    }

    /// Computes and carries out until nothing is left to do; returns how many writes it took.
    fn settle(&mut self) -> usize {
        let mut writes = 0;
        while let Some(key) = self.dirty.pop_first() {
            for op in self.state.ops(&key) {
                writes += 1;
                assert!(writes < 100, "writes do not end: {op:?}");
                self.carry_out(op);
                self.dirty.insert(key.clone());
            }
        }
        writes
    }

    fn carry_out(&mut self, op: Op) {
        self.version += 1;
        let (version, uid) = (json!(self.version.to_string()), json!(format!("uid{}", self.version)));
        let key = |name: Arc<str>| Key { namespace: "a".into(), name };
        let merged = |current: Value, patch: Value| {
            let mut all = current;
            for (name, value) in patch.as_object().unwrap() {
                if name == "metadata" {
                    let labels = value["labels"].as_object().unwrap().iter().filter(|(_, v)| !v.is_null());
                    all["metadata"]["labels"] = labels.map(|(k, v)| (k.clone(), v.clone())).collect::<Map<_, _>>().into();
                } else {
                    all[name] = value.clone();
                }
            }
            all["metadata"]["resourceVersion"] = version.clone();
            all
        };
        let written = match op {
            Op::CreateSlice(mut object) => {
                object["metadata"]["resourceVersion"] = version;
                object["metadata"]["uid"] = uid;
                Written::Slice(serde_json::from_value(object).unwrap())
            }
            Op::PatchSlice(name, patch) => {
                let slice = &self.state.slices[&key(name.clone())];
                let meta = &slice.metadata;
                let current = json!({
                    "metadata": {"name": name, "namespace": "a", "uid": meta.uid, "ownerReferences": patch["metadata"]["ownerReferences"]},
                    "addressType": slice.address_type,
                });
                Written::Slice(serde_json::from_value(merged(current, patch)).unwrap())
            }
            Op::DeleteSlice(name, _) => Written::SliceGone(key(name)),
            Op::CreateEndpoints(mut object) => {
                object["metadata"]["resourceVersion"] = version;
                object["metadata"]["uid"] = uid;
                Written::Endpoints(serde_json::from_value(object).unwrap())
            }
            Op::PatchEndpoints(name, patch) => {
                Written::Endpoints(serde_json::from_value(merged(json!({"metadata": {"name": name, "namespace": "a"}}), patch)).unwrap())
            }
            Op::DeleteEndpoints(name, _) => Written::EndpointsGone(key(name)),
        };
        self.state.written(written);
    }

    /// Addresses of all slices of a Service, by manager.
    fn addresses(&self, service: &str) -> Vec<String> {
        let slices = self.state.slices.values().filter(|slice| slice.service_name().is_some_and(|name| **name == *service));
        let of = |slice: &Arc<EndpointSlice>| {
            let by = slice.metadata.labels[MANAGED_BY].split('-').next().unwrap().to_owned();
            slice.endpoints.iter().map(|e| format!("{by} {} {}", e.addresses[0], e.zone.as_deref().unwrap_or("-"))).collect::<Vec<_>>()
        };
        let mut all: Vec<String> = slices.flat_map(of).collect();
        all.sort();
        all
    }

    fn classic(&self, name: &str) -> Vec<String> {
        let endpoints = self.state.endpoints.get(&Key { namespace: "a".into(), name: name.into() });
        let subsets = endpoints.into_iter().flat_map(|one| one.subsets.iter().flatten());
        subsets.flat_map(|subset| subset.addresses.iter().flatten().map(|address| address.ip.to_string())).collect()
    }
}

const WEB: &str = r#"{"metadata":{"name":"web","uid":"w"},"spec":{"clusterIP":"10.96.0.9","selector":{"app":"web"},"ports":[{"port":80}]}}"#;

#[test]
fn slices_and_endpoints_follow_pods_labels_and_zones() {
    let mut world = World::new();
    world.node("east");
    world.pod("p1", "web", "10.0.0.1");
    world.pod("p2", "other", "10.0.0.2");
    assert_eq!(world.settle(), 0, "no Service, no writes");
    world.service(WEB);
    assert_eq!(world.settle(), 2);
    assert_eq!(world.addresses("web"), ["endpointslice 10.0.0.1 east"]);
    world.pod("p2", "web", "10.0.0.2");
    world.settle();
    assert_eq!(world.classic("web"), ["10.0.0.1", "10.0.0.2"]);
    world.pod("p1", "other", "10.0.0.1");
    world.node("west");
    world.settle();
    assert_eq!(world.addresses("web"), ["endpointslice 10.0.0.2 west"]);
    world.node("west");
    assert!(world.dirty.is_empty(), "a heartbeat of a node is nobody's business");
    let key = Key { namespace: "a".into(), name: "web".into() };
    world.state.service(Event::Delete(key), &mut world.dirty);
    world.settle();
    assert_eq!((world.addresses("web").len(), world.classic("web").len(), world.state.slices.len()), (0, 0, 0));
}

#[test]
fn pods_and_instances_stand_side_by_side() {
    let mut world = World::new();
    world.node("east");
    world.pod("p1", "web", "10.0.0.1");
    world.service(WEB);
    world.instance(r#"{"metadata":{"name":"vm","uid":"vm","labels":{"app":"web"}},"spec":{"addresses":["192.0.2.1"]}}"#);
    world.settle();
    assert_eq!(world.addresses("web"), ["endpointslice 10.0.0.1 east", "endpointslice 192.0.2.1 -"]);
    world.state.instance(Event::Delete(Key { namespace: "a".into(), name: "vm".into() }), &mut world.dirty);
    world.settle();
    assert_eq!(world.addresses("web"), ["endpointslice 10.0.0.1 east"]);
}

#[test]
fn an_instance_in_maintenance_stays_but_is_not_ready() {
    let mut world = World::new();
    world.service(WEB);
    world.instance(r#"{"metadata":{"name":"vm","uid":"vm","labels":{"app":"web"}},"spec":{"addresses":["192.0.2.1"],"maintenance":"disk"}}"#);
    world.settle();
    let slice = world.state.slices.values().next().unwrap();
    let conditions = slice.endpoints[0].conditions;
    assert_eq!((conditions.ready, conditions.serving, conditions.terminating), (Some(false), Some(true), Some(false)));
}

#[test]
fn endpoints_made_by_hand_are_mirrored_and_those_that_ask_not_to_are_not() {
    let mut world = World::new();
    world.service(r#"{"metadata":{"name":"db","uid":"d"},"spec":{"ports":[{"name":"sql","port":5432}]}}"#);
    let hand = |ips: &str, labels: &str| {
        format!(
            r#"{{"metadata":{{"name":"db","uid":"e","labels":{{{labels}}}}},"subsets":[{{"addresses":[{ips}],"ports":[{{"name":"sql","port":5433,"protocol":"TCP"}}]}}]}}"#
        )
    };
    world.endpoints(&hand(r#"{"ip":"10.78.0.1"},{"ip":"10.78.0.2"}"#, ""));
    assert_eq!(world.settle(), 1);
    assert_eq!(world.addresses("db"), ["endpointslicemirroring 10.78.0.1 -", "endpointslicemirroring 10.78.0.2 -"]);
    world.endpoints(&hand(r#"{"ip":"10.78.0.2"}"#, ""));
    world.settle();
    assert_eq!(world.addresses("db"), ["endpointslicemirroring 10.78.0.2 -"]);
    world.endpoints(&hand(r#"{"ip":"10.78.0.2"}"#, r#""endpointslice.kubernetes.io/skip-mirror":"true""#));
    world.settle();
    assert_eq!(world.state.slices.len(), 0);
}

#[test]
fn a_service_that_gets_a_selector_changes_hands() {
    let mut world = World::new();
    world.node("east");
    world.pod("p1", "web", "10.0.0.1");
    world.service(r#"{"metadata":{"name":"web","uid":"w"},"spec":{"ports":[{"port":80}]}}"#);
    world.endpoints(r#"{"metadata":{"name":"web","uid":"e"},"subsets":[{"addresses":[{"ip":"10.9.9.9"}],"ports":[{"port":80}]}]}"#);
    world.settle();
    assert_eq!(world.addresses("web"), ["endpointslicemirroring 10.9.9.9 -"]);
    world.service(WEB);
    world.settle();
    assert_eq!(world.addresses("web"), ["endpointslice 10.0.0.1 east"]);
    assert_eq!(world.classic("web"), ["10.0.0.1"]);
}

#[test]
fn a_late_event_of_an_older_version_is_no_news() {
    let mut world = World::new();
    world.service(WEB);
    world.settle();
    let (key, slice) = world.state.slices.iter().next().map(|(key, slice)| (key.clone(), slice.clone())).unwrap();
    let mut old = (*slice).clone();
    old.metadata.resource_version = "1".into();
    old.metadata.labels.clear();
    world.state.slice(Event::Upsert(old), &mut world.dirty);
    assert_eq!(world.state.slices[&key], slice);
}

#[test]
fn an_expiring_lease_is_looked_at_again_in_time() {
    let mut world = World::new();
    let vm = r#"{"metadata":{"name":"vm","uid":"vm","labels":{"app":"web"}},"spec":{"addresses":["192.0.2.1"],"ttlSeconds":5}}"#;
    let leases = Leases::new("n", 0);
    world.instance(vm);
    let key = Key { namespace: "a".into(), name: "vm".into() };
    let judged = world.state.judge(&key, &leases, 1_000, &mut world.dirty).unwrap();
    assert!(matches!(judged, Judged::Is(_, verdict) if verdict.ready));
    assert_eq!(world.state.next_recheck(1_000), Duration::from_secs(4));
    assert_eq!(world.state.due(5_000), std::slice::from_ref(&key));
    let judged = world.state.judge(&key, &leases, 5_000, &mut world.dirty).unwrap();
    assert!(matches!(judged, Judged::Is(_, verdict) if !verdict.ready));
    assert_eq!(world.state.due(60_000), std::slice::from_ref(&key), "the end of its grace");
    let judged = world.state.judge(&key, &leases, 60_000, &mut world.dirty).unwrap();
    assert!(matches!(judged, Judged::Is(_, verdict) if verdict.is_forfeit));
    assert!(world.state.due(100_000).is_empty());
}

#[test]
fn a_name_that_a_slice_of_another_manager_has_is_not_tried_again() {
    let mut world = World::new();
    world.pod("p1", "web", "10.0.0.1");
    world.service(WEB);
    let key = world.dirty.pop_first().unwrap();
    let made = |world: &World| world.state.ops(&key).iter().find_map(|op| op.made_slice().map(Arc::<str>::from)).unwrap();
    let name = made(&world);
    world.state.written(Written::SliceTaken(Key { namespace: "a".into(), name: name.clone() }));
    assert_ne!(made(&world), name);
}
