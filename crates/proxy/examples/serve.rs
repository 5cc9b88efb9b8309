//! The HTTP plane alone, with one route to some backends: for benchmarks, profiles and differential tests, without a server
//! around it.
//!
//!     cargo run --release -p fairlead-proxy --example serve -- THREADS LISTEN [https] [h2c] BACKEND...
//!     cargo run --release -p fairlead-proxy --example serve -- 1 127.0.0.1:8080 127.0.0.1:9001

#![allow(clippy::unwrap_used, reason = "a tool for the hand: what goes wrong is said where it goes wrong")]

use std::net::SocketAddr;
use std::sync::Arc;

use balance::Pickers;
use model::endpoint::{Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::Policy;
use model::routes::{
    Backend, BackendTo, Entrance, Fallback, HostMap, HostPattern, HostTable, Listener, PathMatch, RouteMatch, Rule, Speaks, Timeouts,
};
use model::{Endpoint, Live, Snapshot, Vitals};
use proxy::{Plane, Runtime, Settings};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [threads, listen, backends @ ..] = arguments.as_slice() else { panic!("usage: serve THREADS LISTEN [https] [h2c] BACKEND...") };
    let (speaks, backends) = match backends {
        [first, rest @ ..] if first == "https" => (Speaks::Https, rest),
        all => (Speaks::Http, all),
    };
    let (protocol, backends) = match backends {
        [first, rest @ ..] if first == "h2c" => (Some("kubernetes.io/h2c"), rest),
        all => (None, all),
    };
    let runtime = Runtime::start(threads.parse().unwrap()).unwrap();
    let live = Arc::new(Live::default());
    let _plane = Plane::start(&runtime, Arc::clone(&live), Arc::new(Pickers::new(1)), Settings::default());
    live.publish(Arc::new(snapshot(listen.parse().unwrap(), backends.iter().map(|one| one.parse().unwrap()), speaks, protocol)));
    loop {
        std::thread::park();
    }
}

fn snapshot(listen: SocketAddr, backends: impl Iterator<Item = SocketAddr>, speaks: Speaks, protocol: Option<&str>) -> Snapshot {
    let service = Origin::new("Service", "bench", "web");
    let pool = Pool {
        id: PoolId(1),
        service: service.clone(),
        port_name: "".into(),
        port: 80,
        transport: Transport::Tcp,
        app_protocol: protocol.map(Into::into),
        endpoints: backends.map(endpoint).collect(),
        draining: Vec::new(),
        policy: Arc::new(Policy { slow_start: None, ..Policy::default() }),
    };
    let rule = Rule {
        origin: Origin::new("HTTPRoute", "bench", "web"),
        created_s: 0,
        index: 0,
        name: "".into(),
        filters: Vec::new(),
        backends: vec![Backend { weight: 1, to: BackendTo::Pool(PoolId(1)), service, port: 80, filters: Vec::new() }],
        timeouts: Timeouts::default(),
        retry: None,
        place: 0,
        session: None,
    };
    let everything = RouteMatch {
        rule: Arc::new(rule),
        index: 0,
        host: HostPattern::Any,
        path: PathMatch::Prefix("/".into()),
        method: None,
        headers: Box::default(),
        query: Box::default(),
    };
    let listener = Listener {
        origin: Origin::new("Gateway", "bench", "gw"),
        name: "web".into(),
        host: HostPattern::Any,
        ingress: false,
        identities: HostMap::default(),
        edge: Arc::default(),
        client: None,
        hosts: HostTable::new([Arc::new(everything)]),
    };
    let key = (listen.ip(), listen.port(), Transport::Tcp);
    let mut snapshot = Snapshot { generation: 1, complete: true, ..Snapshot::default() };
    snapshot.pools.insert(PoolId(1), Arc::new(pool));
    snapshot.entrances.ports.insert(key, Arc::new(Entrance::new(key, speaks, vec![Arc::new(listener)], Some(Fallback::SelfSigned))));
    snapshot
}

fn endpoint(address: SocketAddr) -> Arc<Endpoint> {
    let identity = Identity { cluster: 0, target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp };
    Arc::new(Endpoint {
        address,
        identity,
        vitals: Arc::new(Vitals::default()),
        weight: 100,
        stable_name: address.to_string().into(),
        node: None,
        zone: None,
        standing: Standing::Ready,
        serving: true,
        attributes: None,
    })
}
