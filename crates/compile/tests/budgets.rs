//! What a World may weigh: the bytes that stay for an endpoint and for a Service, from the bytes of watch events to the snapshot.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by ending")]
#![allow(unsafe_code, reason = "counting bytes needs an allocator of our own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

use compile::{Change, Compiled, Kind, Object, Settings, World};
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
fn an_endpoint_and_a_service_stay_within_their_bytes() {
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
}

/// An endpoint of a slice, in the snapshot, its vitals (256), and its name for DNS.
const ENDPOINT_BYTES: f64 = 850.0;
/// The same with a Pod, whose names and UID are texts of its own.
const POD_BYTES: f64 = 1300.0;
/// A Service and its slice, their tables, one frontend and one pool.
const SERVICE_BYTES: f64 = 4000.0;
