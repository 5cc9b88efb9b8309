//! What a World may weigh: the bytes that stay for an endpoint, a Service, a route and a rule, from the bytes of watch events to the snapshot.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by ending")]
#![allow(unsafe_code, reason = "counting bytes needs an allocator of our own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use compile::{Change, Compiled, Kind, Object, Settings, World};
use model::routes::{HostTable, RouteMatch, Rule};
use serde_json::json;

/// Counts the bytes that are allocated now. One test only runs in this process, so that all of them are its own.
struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A World of so many Services with so many endpoints each, without and with Pods behind them.
fn world(services: usize, endpoints: usize, with_pods: bool) -> (World, Compiled) {
    let mut world = World::new(Settings::loopback("bench"));
    for index in 0..services {
        let name = format!("service-{index}");
        let meta = |name: &str, labels| json!({"name": name, "namespace": "default", "uid": format!("9b2f1c1e-5f6a-4f0e-8f0e-{name:0>12}"), "resourceVersion": index.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels});
        let vip = format!("127.96.{}.{}", 1 + index / 250, 1 + index % 250);
        let service = json!({"metadata": meta(&name, json!({})), "spec": {"type": "ClusterIP", "clusterIP": vip, "clusterIPs": [vip], "ipFamilies": ["IPv4"], "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]}});
        let one = |host: usize| {
            let mut one = json!({"addresses": [format!("10.{}.{}.{host}", index >> 8, index & 255)], "conditions": {"ready": true}});
            if with_pods {
                one["nodeName"] = "node-1".into();
                one["zone"] = "east".into();
                one["targetRef"] = json!({"kind": "Pod", "namespace": "default", "name": format!("{name}-6d4cf56db6-{host:05}"), "uid": format!("1c1e9b2f-5f6a-4f0e-8f0e-{index:06}{host:06}")});
            }
            one
        };
        let slice = json!({"metadata": meta(&format!("{name}-0"), json!({"kubernetes.io/service-name": name})), "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": (1..=endpoints).map(one).collect::<Vec<_>>()});
        let (service, slice) = (service.to_string(), slice.to_string());
        world.apply(Change::upsert(Object::from(serde_json::from_str::<api::Service>(&service).unwrap())));
        world.apply(Change::upsert(Object::from(serde_json::from_str::<api::EndpointSlice>(&slice).unwrap())));
    }
    Kind::ALL.iter().for_each(|kind| world.apply(Change::Synced(*kind)));
    let compiled = world.compile(0);
    assert_eq!(compiled.snapshot.services.len(), services);
    (world, compiled)
}

fn weight(services: usize, endpoints: usize, with_pods: bool) -> f64 {
    let before = LIVE.load(Ordering::Relaxed);
    let kept = world(services, endpoints, with_pods);
    let after = LIVE.load(Ordering::Relaxed);
    drop(kept);
    (after - before) as f64
}

#[test]
fn endpoints_services_routes_and_rules_stay_within_their_bytes() {
    // What a thread remembers of common text is no World's.
    weight(10, 10, true);
    let (small, more, wide) = (weight(500, 10, false), weight(1000, 10, false), weight(1000, 20, false));
    let endpoint = (wide - more) / 10_000.0;
    let service = (more - small) / 500.0 - 10.0 * endpoint;
    let pod = (weight(1000, 20, true) - weight(1000, 10, true)) / 10_000.0;
    println!("bytes: a bare endpoint {endpoint:.0}, one with a Pod {pod:.0}, a Service with its slice {service:.0}");
    assert!(endpoint <= ENDPOINT_BYTES, "an endpoint takes {endpoint:.0} bytes of {ENDPOINT_BYTES}");
    assert!(pod <= POD_BYTES, "an endpoint with a Pod takes {pod:.0} bytes of {POD_BYTES}");
    assert!(service <= SERVICE_BYTES, "a Service takes {service:.0} bytes of {SERVICE_BYTES}");
    a_route_and_a_rule_stay_within_their_bytes();
}

/// In the same test as the others: what another thread allocates would count.
fn a_route_and_a_rule_stay_within_their_bytes() {
    routes_weight(10, 2);
    let (few, many, wide) = (routes_weight(500, 1), routes_weight(1000, 1), routes_weight(1000, 11));
    let (route, rule) = ((many - few) / 500.0, (wide - many) / 10_000.0);
    let (_, compiled) = routes(1, 5000);
    let listener = compiled.snapshot.entrances.ports.values().flat_map(|port| &port.listeners).find(|one| !one.ingress).unwrap();
    let before = LIVE.load(Ordering::Relaxed);
    let copied = |one: &Arc<RouteMatch>| Arc::new(RouteMatch { rule: Arc::new(Rule::clone(&one.rule)), ..RouteMatch::clone(one) });
    let table = HostTable::new(listener.hosts.matches().map(copied));
    let in_table = (LIVE.load(Ordering::Relaxed) - before) as f64 / 5000.0;
    println!("bytes: a route with one rule {route:.0}, one more rule {rule:.0}, of which in the table {in_table:.0}");
    assert_eq!(table.matches().count(), 5000);
    assert!(route <= ROUTE_BYTES, "a route takes {route:.0} bytes of {ROUTE_BYTES}");
    assert!(rule <= RULE_BYTES, "a rule takes {rule:.0} bytes of {RULE_BYTES}");
    assert!(in_table <= TABLE_BYTES, "a rule takes {in_table:.0} bytes of {TABLE_BYTES} in the table (gateway spec G87)");
}

/// A World of one Gateway and so many HTTPRoutes, each with a host of its own and so many simple rules.
fn routes(routes: usize, rules: usize) -> (World, Compiled) {
    let mut world = World::new(Settings::loopback("bench"));
    let add = |world: &mut World, object: Object| world.apply(Change::upsert(object));
    let meta = |name: &str, index: usize| json!({"name": name, "namespace": "default", "uid": format!("9b2f1c1e-5f6a-4f0e-8f0e-{index:012}"), "resourceVersion": index.to_string(), "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"});
    let class =
        json!({"metadata": {"name": "fairlead", "uid": "c", "resourceVersion": "1"}, "spec": {"controllerName": "fairlead.dev/gateway"}}).to_string();
    add(&mut world, Object::from(serde_json::from_str::<api::GatewayClass>(&class).unwrap()));
    let gateway = json!({"metadata": meta("edge", 1), "spec": {"gatewayClassName": "fairlead", "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}]}}).to_string();
    add(&mut world, Object::from(serde_json::from_str::<api::Gateway>(&gateway).unwrap()));
    let vip = "127.96.0.9";
    let service = json!({"metadata": meta("web", 2), "spec": {"type": "ClusterIP", "clusterIP": vip, "clusterIPs": [vip], "ipFamilies": ["IPv4"], "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]}}).to_string();
    add(&mut world, Object::from(serde_json::from_str::<api::Service>(&service).unwrap()));
    for index in 0..routes {
        let rule = |path: usize| json!({"matches": [{"path": {"type": "PathPrefix", "value": format!("/part-{path}")}}], "backendRefs": [{"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1}]});
        let route = json!({"metadata": meta(&format!("route-{index}"), 10 + index), "spec": {"parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}],
            "hostnames": [format!("host-{index}.example.com")], "rules": (0..rules).map(rule).collect::<Vec<_>>()}}).to_string();
        add(&mut world, Object::from(serde_json::from_str::<api::HttpRoute>(&route).unwrap()));
    }
    Kind::ALL.iter().for_each(|kind| world.apply(Change::Synced(*kind)));
    let compiled = world.compile(0);
    (world, compiled)
}

fn routes_weight(count: usize, rules: usize) -> f64 {
    let before = LIVE.load(Ordering::Relaxed);
    let kept = routes(count, rules);
    let after = LIVE.load(Ordering::Relaxed);
    drop(kept);
    (after - before) as f64
}

/// An endpoint of a slice, in the snapshot, its vitals (256), and its name for DNS.
const ENDPOINT_BYTES: f64 = 850.0;
/// The same with a Pod, whose names and UID are texts of its own.
const POD_BYTES: f64 = 1300.0;
/// An HTTPRoute with one host and one rule: the object, its status as decided, its rule, and what finds it again.
const ROUTE_BYTES: f64 = 3800.0;
/// One more rule with one prefix and one backend, in the object, compiled, and in the table.
const RULE_BYTES: f64 = 1200.0;
/// The compiled rule, its match and its place in a table of thousands, without the texts that it shares with the object.
const TABLE_BYTES: f64 = 600.0;
/// A Service and its slice, their tables, one frontend and one pool.
const SERVICE_BYTES: f64 = 4000.0;
