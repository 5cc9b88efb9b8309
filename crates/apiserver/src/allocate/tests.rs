use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kinds::Rules;
use crate::kinds::service::Service;

fn allocator(cidrs: &[&str]) -> Allocator {
    let cidrs: Vec<Cidr> = cidrs.iter().map(|c| c.parse().unwrap()).collect();
    Allocator::new(&cidrs, 30000..=32767, 7)
}

fn service(name: &str, spec: Value) -> Value {
    let mut object = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
    Service.defaults(&mut object);
    object
}

/// What the write path does: reserve, validate, store.
fn write(allocator: &Allocator, mut new: Value, old: Option<&Value>) -> Result<Value, Refusal> {
    if let Some(old) = old {
        Service.prepare_update(&mut new, old);
    }
    let reservation = allocator.reserve(&mut new, old, false)?;
    let settings = crate::kinds::Settings::default();
    let errors = old.map_or_else(|| Service.validate_create(&new, &settings), |old| Service.validate_update(&new, old, &settings));
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    reservation.commit();
    Ok(new)
}

fn refused(result: Result<Value, Refusal>) -> Vec<String> {
    match result {
        Ok(object) => panic!("accepted: {object}"),
        Err(Refusal::Fields(errors)) => errors.iter().map(ToString::to_string).collect(),
        Err(Refusal::Internal(text)) => vec![text],
    }
}

fn web() -> Value {
    json!({"ports": [{"port": 80}]})
}

#[test]
fn a_new_service_gets_one_address_of_the_upper_band() {
    let allocator = allocator(&["127.96.0.0/12"]);
    let got = write(&allocator, service("a", web()), None).unwrap();
    let spec = &got["spec"];
    let ip: std::net::Ipv4Addr = spec["clusterIP"].as_str().unwrap().parse().unwrap();
    assert!(u32::from(ip) - u32::from(std::net::Ipv4Addr::new(127, 96, 0, 0)) > 256, "{ip}");
    assert_eq!(
        (&spec["clusterIPs"], &spec["ipFamilies"], &spec["ipFamilyPolicy"]),
        (&json!([spec["clusterIP"]]), &json!(["IPv4"]), &json!("SingleStack"))
    );
    assert_eq!(allocator.first_address(), Some("127.96.0.1".parse().unwrap()));
    assert_eq!(allocator.used(), (1, 0));
}

#[test]
fn what_is_asked_for_must_be_free_and_inside() {
    let allocator = allocator(&["10.96.0.0/16"]);
    let asks = |ip: &str| service("x", json!({"ports": [{"port": 80}], "clusterIP": ip}));
    write(&allocator, asks("10.96.0.9"), None).unwrap();
    let ranges = "The range of valid IPs is 10.96.0.0/16";
    for (ip, why) in [
        ("10.96.0.9", "provided IP is already allocated".to_owned()),
        ("10.96.0.1", "provided IP is already allocated".to_owned()),
        ("192.0.2.1", "the provided network does not match the current range".to_owned()),
        ("10.96.0.0", format!("the provided IP (10.96.0.0) is not in the valid range. {ranges}")),
        ("10.96.255.255", format!("the provided IP (10.96.255.255) is not in the valid range. {ranges}")),
    ] {
        assert_eq!(
            refused(write(&allocator, asks(ip), None)),
            [format!("spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: {why}")]
        );
    }
    let mut kubernetes = asks("10.96.0.1");
    kubernetes["metadata"]["name"] = "kubernetes".into();
    write(&allocator, kubernetes, None).unwrap();
    assert_eq!(
        refused(write(&allocator, asks("fd00::1"), None)),
        ["spec.clusterIPs[0]: Invalid value: [\"fd00::1\"]: IPv6 is not configured on this cluster"]
    );
}

#[test]
fn node_ports_must_be_free_and_inside_and_serve_two_protocols() {
    let allocator = allocator(&["10.96.0.0/16"]);
    let asks = |ports: Value| service("x", json!({"type": "NodePort", "ports": ports}));
    assert_eq!(
        refused(write(&allocator, asks(json!([{"port": 80, "nodePort": 80}])), None)),
        ["spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"]
    );
    let both = |protocol: &str, port: u16| json!([{"name": "a", "port": 53, "nodePort": 30053}, {"name": "b", "port": port, "protocol": protocol, "nodePort": 30053}]);
    let got = write(&allocator, asks(both("UDP", 53)), None).unwrap();
    assert_eq!(
        refused(write(&allocator, asks(json!([{"port": 80, "nodePort": 30053}])), None)),
        ["spec.ports[0].nodePort: Invalid value: 30053: provided port is already allocated"]
    );
    allocator.release(&got);
    assert_eq!(allocator.used(), (0, 0));
    assert_eq!(
        refused(write(&allocator, asks(both("TCP", 54)), None)),
        ["spec.ports[1].nodePort: Invalid value: 30053: provided port is already allocated"]
    );
    assert_eq!(allocator.used(), (0, 0), "a refused write gives back what it took");
}

#[test]
fn omitted_values_are_carried_over_and_unneeded_ones_released() {
    let allocator = allocator(&["10.96.0.0/16"]);
    let http = json!({"name": "http", "port": 80});
    let spec = |kind: &str, ports: Value| service("web", json!({"type": kind, "ports": ports}));
    let first = write(&allocator, spec("ClusterIP", json!([http])), None).unwrap();
    let ip = first["spec"]["clusterIP"].clone();
    let node_port = write(&allocator, spec("NodePort", json!([http])), Some(&first)).unwrap();
    assert_eq!(node_port["spec"]["clusterIP"], ip);
    let two = write(&allocator, spec("NodePort", json!([http, {"name": "more", "port": 81}])), Some(&node_port)).unwrap();
    assert_eq!(two["spec"]["ports"][0]["nodePort"], node_port["spec"]["ports"][0]["nodePort"]);
    assert_eq!(allocator.used(), (1, 2));
    let one = write(&allocator, spec("NodePort", json!([http])), Some(&two)).unwrap();
    assert_eq!((&one["spec"]["ports"][0]["nodePort"], allocator.used()), (&two["spec"]["ports"][0]["nodePort"], (1, 1)));
    let plain = write(&allocator, spec("ClusterIP", json!([http])), Some(&one)).unwrap();
    assert!(plain["spec"]["ports"][0].get("nodePort").is_none() && allocator.used() == (1, 0));
    let name = write(&allocator, service("web", json!({"type": "ExternalName", "externalName": "x.test"})), Some(&plain)).unwrap();
    assert_eq!((&name["spec"], allocator.used()), (&json!({"type": "ExternalName", "externalName": "x.test", "sessionAffinity": "None"}), (0, 0)));
    let back = write(&allocator, spec("ClusterIP", json!([http])), Some(&name)).unwrap();
    assert_eq!((back["spec"]["clusterIPs"].as_array().map(Vec::len), allocator.used()), (Some(1), (1, 0)));
}

#[test]
fn the_health_port_comes_and_goes_with_its_need() {
    let allocator = allocator(&["10.96.0.0/16"]);
    let balancer = |policy: &str| service("lb", json!({"type": "LoadBalancer", "externalTrafficPolicy": policy, "ports": [{"port": 80}]}));
    let cluster = write(&allocator, balancer("Cluster"), None).unwrap();
    let local = write(&allocator, balancer("Local"), Some(&cluster)).unwrap();
    let port = local["spec"]["healthCheckNodePort"].clone();
    assert!(port.as_i64().is_some_and(|p| (30000..=32767).contains(&p)) && allocator.used() == (1, 2));
    assert_eq!(write(&allocator, balancer("Local"), Some(&local)).unwrap()["spec"]["healthCheckNodePort"], port);
    let mut asks = balancer("Local");
    asks["spec"]["healthCheckNodePort"] = port.clone();
    assert_eq!(
        refused(write(&allocator, asks, None)),
        [format!("failed to allocate requested HealthCheck NodePort {port}: provided port is already allocated")]
    );
    let mut again = balancer("Cluster");
    again["spec"]["healthCheckNodePort"] = port;
    let again = write(&allocator, again, Some(&local)).unwrap();
    assert!(again["spec"].get("healthCheckNodePort").is_none() && allocator.used() == (1, 1));
}

#[test]
fn two_families_are_added_and_taken_by_policy() {
    let allocator = allocator(&["10.96.0.0/16", "fd96::/112"]);
    let asks = |policy: &str| service("x", json!({"ports": [{"port": 80}], "ipFamilyPolicy": policy}));
    let dual = write(&allocator, asks("PreferDualStack"), None).unwrap();
    assert_eq!((&dual["spec"]["ipFamilies"], allocator.used()), (&json!(["IPv4", "IPv6"]), (2, 0)));
    let single = write(&allocator, asks("SingleStack"), Some(&dual)).unwrap();
    assert_eq!((single["spec"]["clusterIPs"].as_array().map(Vec::len), allocator.used()), (Some(1), (1, 0)));
    let again = write(&allocator, asks("RequireDualStack"), Some(&single)).unwrap();
    assert_eq!((&again["spec"]["clusterIP"], allocator.used()), (&dual["spec"]["clusterIP"], (2, 0)));
    let mut shrunk = again.clone();
    shrunk["spec"]["clusterIPs"] = json!([again["spec"]["clusterIP"]]);
    shrunk["spec"]["ipFamilies"] = json!(["IPv4"]);
    assert_eq!(
        refused(write(&allocator, shrunk, Some(&again))),
        [
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary cluster IP",
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP family"
        ]
    );
}

#[test]
fn one_family_alone_refuses_to_be_two() {
    let allocator = allocator(&["127.96.0.0/12"]);
    let asks = |policy: &str| service("x", json!({"ports": [{"port": 80}], "ipFamilyPolicy": policy}));
    assert_eq!(
        refused(write(&allocator, asks("RequireDualStack"), None)),
        ["spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services"]
    );
    assert_eq!(write(&allocator, asks("PreferDualStack"), None).unwrap()["spec"]["ipFamilies"], json!(["IPv4"]));
    let open = write(&allocator, service("h", json!({"clusterIP": "None"})), None).unwrap();
    assert_eq!(
        (&open["spec"]["ipFamilyPolicy"], &open["spec"]["ipFamilies"], &open["spec"]["clusterIPs"]),
        (&json!("RequireDualStack"), &json!(["IPv4", "IPv6"]), &json!(["None"]))
    );
    let selecting = write(&allocator, service("s", json!({"clusterIP": "None", "selector": {"a": "b"}})), None).unwrap();
    assert_eq!((&selecting["spec"]["ipFamilyPolicy"], &selecting["spec"]["ipFamilies"]), (&json!("SingleStack"), &json!(["IPv4"])));
    assert_eq!(
        refused(write(&allocator, service("f", json!({"ports": [{"port": 80}], "ipFamilies": ["IPv6"]})), None)),
        ["spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"]
    );
}

#[test]
fn a_dry_run_answers_and_takes_nothing() {
    let allocator = allocator(&["10.96.0.0/16"]);
    let mut object = service("x", json!({"type": "NodePort", "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}));
    allocator.reserve(&mut object, None, true).unwrap().commit();
    assert_eq!(
        (&object["spec"]["clusterIP"], &object["spec"]["ports"][0]["nodePort"], &object["spec"]["ports"][1]["nodePort"]),
        (&json!("10.96.0.0"), &json!(32768), &json!(32769))
    );
    assert_eq!(allocator.used(), (0, 0));
    let stored = write(&allocator, service("y", json!({"type": "NodePort", "ports": [{"port": 80}]})), None).unwrap();
    let mut gone = service("y", web());
    allocator.reserve(&mut gone, Some(&stored), true).unwrap().commit();
    assert_eq!(allocator.used(), (1, 1), "what a dry run would release stays");
}

#[test]
fn the_last_address_and_the_last_port_are_found_then_nothing() {
    let small = Allocator::new(&["10.0.0.0/28".parse().unwrap()], 30000..=30003, 1);
    for n in 0..13 {
        write(&small, service(&format!("s{n}"), web()), None).unwrap();
    }
    assert_eq!(refused(write(&small, service("full", web()), None)), ["failed to allocate a serviceIP for Service \"full\": range is full"]);
    let ports = Allocator::new(&["10.0.0.0/16".parse().unwrap()], 30000..=30003, 1);
    let node_port = |n: usize| service(&format!("s{n}"), json!({"type": "NodePort", "ports": [{"port": 80}]}));
    for n in 0..4 {
        write(&ports, node_port(n), None).unwrap();
    }
    assert_eq!(refused(write(&ports, node_port(9), None)), ["failed to allocate a nodePort: range is full"]);
    assert_eq!(ports.used(), (4, 4));
}

#[test]
fn seeding_reports_what_two_services_use_and_repair_frees_leaks_slowly() {
    let stored = |name: &str, ip: &str| json!({"metadata": {"name": name, "namespace": "a"}, "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip]}});
    let services = [stored("one", "10.96.1.1"), stored("two", "10.96.1.1"), stored("old", "192.0.2.1")];
    let fresh = allocator(&["10.96.0.0/16"]);
    assert_eq!(fresh.seed(services.iter()), [(Item::Address("10.96.1.1".parse().unwrap()), "a/two".to_owned())]);
    let mut leaking = service("leak", web());
    fresh.reserve(&mut leaking, None, false).unwrap().keep();
    for _ in 0..2 {
        fresh.repair(services.iter());
        assert_eq!(fresh.used(), (2, 0));
    }
    fresh.repair(services.iter());
    assert_eq!(fresh.used(), (1, 0));
}

/// One step of a random history: a Service name, and what happens to it.
#[derive(Clone, Debug)]
enum Step {
    Put { name: usize, spec: Value, fails: bool, dry: bool },
    Delete(usize),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let port = (80u16..84, prop::option::of(30000u16..30004), prop::bool::ANY).prop_map(|(port, node_port, udp)| {
        let mut p = json!({"name": format!("p{port}{}", if udp { "u" } else { "t" }), "port": port, "protocol": if udp { "UDP" } else { "TCP" }});
        if let Some(n) = node_port {
            p["nodePort"] = n.into();
        }
        p
    });
    let kind = prop::sample::select(vec!["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]);
    let ip = prop::sample::select(vec!["", "", "", "10.96.0.2", "10.96.0.3", "None"]);
    let policy = prop::sample::select(vec!["", "SingleStack", "PreferDualStack", "RequireDualStack"]);
    let spec = (kind, ip, policy, prop::collection::vec(port, 1..4), prop::bool::ANY).prop_map(|(kind, ip, policy, ports, local)| {
        let mut spec = json!({"type": kind, "ports": ports});
        for (field, value) in [("clusterIP", ip), ("ipFamilyPolicy", policy)] {
            if !value.is_empty() && kind != "ExternalName" {
                spec[field] = value.into();
            }
        }
        if kind == "ExternalName" {
            spec = json!({"type": kind, "externalName": "x.test"});
        }
        if kind == "LoadBalancer" && local {
            spec["externalTrafficPolicy"] = "Local".into();
        }
        spec
    });
    let step = prop_oneof![
        8 => (0usize..5, spec, prop::bool::weighted(0.2), prop::bool::weighted(0.1)).prop_map(|(name, spec, fails, dry)| Step::Put { name, spec, fails, dry }),
        2 => (0usize..5).prop_map(Step::Delete),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    /// L9: whatever is written, refused, deleted and restarted, what is given out is what the stored Services use, and nothing is used twice.
    #[test]
    fn given_out_is_what_is_used(steps in steps()) {
        let cidrs = ["10.96.0.0/16", "fd96::/112"];
        let mut current = allocator(&cidrs);
        let mut stored: BTreeMap<usize, Value> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put { name, spec, fails, dry } => {
                    let mut new = service(&format!("s{name}"), spec);
                    let old = stored.get(&name).cloned();
                    if let Some(old) = &old {
                        Service.prepare_update(&mut new, old);
                    }
                    if let Ok(reservation) = current.reserve(&mut new, old.as_ref(), dry) {
                        let settings = crate::kinds::Settings::default();
                        let errors = old.as_ref().map_or_else(|| Service.validate_create(&new, &settings), |old| Service.validate_update(&new, old, &settings));
                        if errors.is_empty() && !fails {
                            reservation.commit();
                            if !dry {
                                stored.insert(name, new);
                            }
                        }
                    }
                }
                Step::Delete(name) => {
                    if let Some(gone) = stored.remove(&name) {
                        current.release(&gone);
                    }
                }
                Step::Restart => {
                    current = allocator(&cidrs);
                    prop_assert_eq!(current.seed(stored.values()), vec![]);
                }
            }
            let all: Vec<Item> = stored.values().flat_map(|s| items(&s["spec"])).collect();
            let used: BTreeSet<Item> = all.iter().copied().collect();
            prop_assert_eq!(all.len(), used.len(), "something is used twice: {:?}", stored);
            let given: BTreeSet<Item> = current.0.lock().given_out().collect();
            prop_assert_eq!(given, used);
        }
    }
}
