use model::names::{Owner, Shape};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::testing::{delete, service, slice, upsert, web, world, world_with};
use crate::{Kind, testing};
use crate::{NameSettings, Settings};

fn owner(objects: &[Value], name: &str) -> Arc<Owner> {
    let (_, compiled) = world(objects);
    Arc::clone(compiled.snapshot.names.owners.get(&("n".into(), name.into())).expect("the owner is there"))
}

#[test]
fn shapes_of_services() {
    assert_eq!(owner(&[web("10.0.0.1")], "web").shape, Shape::Addresses(vec![[10, 0, 0, 1].into()]));
    assert_eq!(owner(&[service("web", json!({"clusterIP": ""}))], "web").shape, Shape::Addresses(vec![]), "not allocated yet");
    assert_eq!(owner(&[service("web", json!({"clusterIP": "None"}))], "web").shape, Shape::Headless);
    let alias = |target: &str| owner(&[service("web", json!({"type": "ExternalName", "externalName": target}))], "web").shape.clone();
    assert_eq!(alias("db.example.org."), Shape::Alias("db.example.org".into()));
    for refused in ["10.9.9.9", "010.9.9.9", "fd00::1", "", "a..b", &"x".repeat(64)] {
        assert_eq!(alias(refused), Shape::Refused, "{refused}");
    }
}

#[test]
fn endpoints_are_the_ready_ones_each_once_with_the_ports_of_all_slices() {
    let mut admin = slice("b", "web", json!([{"addresses": ["10.1.0.1"], "hostname": "DB-0"}, {"addresses": ["10.1.0.3"]}]));
    admin["ports"] = json!([{"name": "admin", "port": 9}]);
    let first = slice(
        "a",
        "web",
        json!([{"addresses": ["10.1.0.1"], "hostname": "db-0"}, {"addresses": ["10.1.0.2"], "conditions": {"ready": false, "serving": true}}]),
    );
    let owner = owner(&[web("10.0.0.1"), first, admin], "web");
    let found: Vec<_> = owner
        .endpoints
        .iter()
        .map(|one| (one.address.to_string(), one.hostname.as_deref(), one.ports.iter().map(|port| port.port).collect::<Vec<_>>()))
        .collect();
    assert_eq!(found, [("10.1.0.1".to_owned(), Some("db-0"), vec![8080, 9]), ("10.1.0.3".to_owned(), None, vec![9])]);
}

#[test]
fn the_ttl_annotation_is_0_to_3600() {
    let ttl = |value: &str| {
        let mut web = web("10.0.0.1");
        web["metadata"]["annotations"] = json!({"fairlead.dev/dns-ttl": value});
        let (world, compiled) = world(&[web]);
        (compiled.snapshot.names.owners[&("n".into(), "web".into())].ttl_s, world.diagnostics().count())
    };
    assert_eq!([ttl("60"), ttl("0"), ttl("3600")], [(Some(60), 0), (Some(0), 0), (Some(3600), 0)]);
    assert_eq!([ttl("3601"), ttl("-1"), ttl("soon")], [(None, 1), (None, 1), (None, 1)]);
}

#[test]
fn a_name_too_long_for_dns_is_a_diagnostic() {
    let domain = vec!["d".repeat(60); 4].join(".");
    let (world, compiled) = world_with(
        Settings { cluster_domain: domain.into(), ..Settings::loopback("here") },
        &[web("10.0.0.1"), testing::service(&"w".repeat(63), json!({"clusterIP": "10.0.0.2"}))],
    );
    assert_eq!(compiled.snapshot.names.owners.len(), 1);
    assert_eq!(world.diagnostics().map(|one| one.reason).collect::<Vec<_>>(), ["NameTooLong"]);
}

#[test]
fn pods_have_names_while_they_live_and_shared_addresses_outlive_one_of_two() {
    let pod = |name: &str, phase: &str| json!({"kind": "Pod", "metadata": {"name": name, "namespace": "n"}, "status": {"phase": phase, "podIP": "10.2.0.1", "podIPs": [{"ip": "10.2.0.1"}, {"ip": "fd02::1"}]}});
    let (mut world, first) = world(&[pod("a", "Running"), pod("b", "Running")]);
    assert_eq!(first.snapshot.names.pods.len(), 2);
    world.apply(delete(Kind::Pod, "n", "a"));
    assert_eq!(world.compile(1001).snapshot.names.pods.len(), 2);
    world.apply(upsert(pod("b", "Succeeded")));
    assert_eq!(world.compile(1002).snapshot.names.pods.len(), 0);
    let mut going = pod("c", "Running");
    going["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    world.apply(upsert(going));
    assert_eq!(world.compile(1003).snapshot.names.pods.len(), 0, "a terminating Pod has no name");
}

#[test]
fn b11_what_shall_have_no_name_has_none() {
    let ready = slice("a", "web", json!([{"addresses": ["10.1.0.1"]}]));
    let headless = testing::service("all", json!({"clusterIP": "None"}));
    let alias = testing::service("alias", json!({"type": "ExternalName", "externalName": "example.com"}));
    let objects = [web("10.0.0.1"), ready, testing::service("empty", json!({"clusterIP": "10.0.0.2"})), headless, alias];
    let named = |names: NameSettings| {
        let (_, compiled) = world_with(Settings { names, ..Settings::loopback("here") }, &objects);
        let owners = compiled.snapshot.names.owners.values();
        owners.map(|owner| (owner.key.1.to_string(), owner.endpoints.len())).collect::<Vec<_>>()
    };
    let all = [("alias", 0), ("all", 0), ("empty", 0), ("web", 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(named(NameSettings::default()), all);
    assert_eq!(named(NameSettings { namespaces: vec!["other".into(), "N".into()], ..NameSettings::default() }), all);
    assert_eq!(named(NameSettings { namespaces: vec!["other".into()], ..NameSettings::default() }), []);
    let empty_ones_left = named(NameSettings { no_empty_services: true, ..NameSettings::default() });
    assert_eq!(
        empty_ones_left.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["alias", "all", "web"],
        "neither headless ones nor aliases"
    );
    assert!(named(NameSettings { no_endpoints: true, ..NameSettings::default() }).iter().all(|(_, endpoints)| *endpoints == 0));
}

#[test]
fn r7_endpoints_are_called_by_their_pods_where_that_is_asked_for_and_possible() {
    let pod = |name: &str, address: &str| json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": name, "namespace": "n", "uid": name}});
    let mut own = pod("web-1", "10.1.0.2");
    own["hostname"] = json!("first");
    let objects =
        [web("10.0.0.1"), slice("a", "web", json!([pod("web-0", "10.1.0.1"), own, pod("web.2", "10.1.0.3"), pod(&"w".repeat(64), "10.1.0.4")]))];
    let labels = |endpoint_pod_names| {
        let (_, compiled) =
            world_with(Settings { names: NameSettings { endpoint_pod_names, ..NameSettings::default() }, ..Settings::loopback("here") }, &objects);
        let owner = &compiled.snapshot.names.owners[&("n".into(), "web".into())];
        owner.endpoints.iter().map(|one| (one.address.to_string(), one.hostname.as_deref().map(str::to_owned))).collect::<Vec<_>>()
    };
    let found = |first: Option<&str>| {
        let label = |address: &str, label: Option<&str>| (address.to_owned(), label.map(str::to_owned));
        vec![label("10.1.0.1", first), label("10.1.0.2", Some("first")), label("10.1.0.3", None), label("10.1.0.4", None)]
    };
    assert_eq!(labels(true), found(Some("web-0")), "a name with a dot or of 64 letters is no label");
    assert_eq!(labels(false), found(None));
}
