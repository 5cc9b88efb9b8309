//! What one change costs in a World of many services: from the bytes of a watch event to the published snapshot.
//!
//! `one_change SERVICES CHANGES` prints one JSON line: microseconds at the median, the 99th percentile and the worst, how long the first
//! complete compilation took, and the process's memory. `cargo xtask bench compile` runs it for several sizes.

use std::error::Error;
use std::time::{Duration, Instant};

use compile::{Change, Kind, Object, Settings, World};
use model::Live;
use serde_json::{Value, json};

/// Endpoints of each service.
const ENDPOINTS: u32 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let services: u32 = arguments.next().ok_or("usage: one_change SERVICES CHANGES")?.parse()?;
    let changes: u32 = arguments.next().ok_or("usage: one_change SERVICES CHANGES")?.parse()?;

    let live = Live::new(model::Snapshot::default());
    let mut world = World::new(Settings::loopback("bench"));
    for service in 0..services {
        world.apply(decode(&event(service, 0, Part::Service))?);
        world.apply(decode(&event(service, 0, Part::Slice))?);
    }
    Kind::ALL.iter().for_each(|kind| world.apply(Change::Synced(*kind)));
    let start = Instant::now();
    live.publish(world.compile(0).snapshot);
    let first = start.elapsed();

    let mut random = Random(1);
    let mut times: Vec<Duration> = Vec::with_capacity(changes as usize);
    for version in 1..=changes {
        // Mostly endpoints come and go; now and then a service changes its ports.
        let part = if random.below(10) == 0 { Part::Service } else { Part::Slice };
        let bytes = event(random.below(services), version, part);
        let before = live.load().generation;
        let start = Instant::now();
        world.apply(decode(&bytes)?);
        live.publish(world.compile(0).snapshot);
        times.push(start.elapsed());
        assert_ne!(live.load().generation, before, "every change must be seen by the planes");
    }
    times.sort();
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)].as_secs_f64() * 1e6;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    println!(
        "{}",
        json!({"services": services, "changes": changes, "p50_us": at(0.50), "p99_us": at(0.99), "worst_us": at(1.0), "first_ms": first.as_secs_f64() * 1e3, "resident_mb": resident.map(|kb| kb / 1e3)})
    );
    Ok(())
}

/// What an event is about.
#[derive(Clone, Copy)]
enum Part {
    Service,
    Slice,
}

/// The bytes of an object as a watch brings them; another version has other ports or addresses.
fn event(service: u32, version: u32, part: Part) -> Vec<u8> {
    let name = format!("service-{service}");
    let vip = std::net::Ipv4Addr::from(0x7f60_0000 + 1 + service);
    let metadata = |name: &str| json!({"name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": version.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z"});
    let object: Value = match part {
        Part::Service => {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata(&name), "spec": {"type": "ClusterIP", "clusterIP": vip, "clusterIPs": [vip],
            "selector": {"app": name}, "ports": [{"name": "http", "port": 1000 + version % 50_000, "protocol": "TCP", "targetPort": "http"}]}})
        }
        Part::Slice => {
            let endpoints: Vec<Value> = (0..ENDPOINTS)
                .map(|index| {
                    let address = std::net::Ipv4Addr::from(0x0a00_0000 + (service * ENDPOINTS + index + version * 7919) % 0x00ff_ffff);
                    json!({"addresses": [address], "conditions": {"ready": true, "serving": true, "terminating": false}, "nodeName": "bench",
                        "targetRef": {"kind": "Pod", "namespace": "default", "name": format!("{name}-{index}"), "uid": format!("pod-{service}-{index}-{version}")}})
                })
                .collect();
            let mut slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata(&format!("{name}-slice")), "addressType": "IPv4",
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": endpoints});
            slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": name});
            slice
        }
    };
    object.to_string().into_bytes()
}

fn decode(bytes: &[u8]) -> Result<Change, Box<dyn Error>> {
    // The kind is known from the watch; here the first letters tell it.
    let is_slice = bytes.windows(15).take(80).any(|window| window == b"\"EndpointSlice\"");
    Ok(Change::Upsert(if is_slice {
        Object::from(serde_json::from_slice::<api::EndpointSlice>(bytes)?)
    } else {
        Object::from(serde_json::from_slice::<api::Service>(bytes)?)
    }))
}

/// Splitmix64: the same changes on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(bound)) as u32
    }
}
