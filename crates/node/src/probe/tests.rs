use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use model::policy::Check;
use model::vitals::State;
use model::{Endpoint, Identity, Interner, OrdMap, Origin, Standing, Target, Transport};

use super::*;
use crate::{Proof, Verdict};

/// An HTTP server on a thread that answers with a status that can be changed.
fn server(status: &Arc<AtomicU16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let status = Arc::clone(status);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 1024]);
            let _ = write!(client, "HTTP/1.1 {} Any\r\nContent-Length: 2\r\n\r\nok", status.load(Ordering::Relaxed));
        }
    });
    port
}

fn snapshot(port: u16, interner: &Interner, generation: u64) -> Arc<Snapshot> {
    let target = Target::object(Origin::new("Instance", "default", "web-1"), "u1".into());
    let identity = Identity { cluster: 0, target, port, transport: Transport::Tcp };
    let endpoint = Endpoint {
        address: ([127, 0, 0, 1], port).into(),
        vitals: interner.intern(&identity),
        identity,
        weight: 100,
        stable_name: "default/web-1".into(),
        node: None,
        zone: None,
        standing: Standing::Ready,
        serving: true,
        attributes: None,
    };
    let check = Check {
        probe: Question::Http {
            method: "GET".into(),
            path: "/".into(),
            host: "web.default".into(),
            expect: vec![],
            headers: vec![],
            expect_body: None,
            tls: false,
        },
        interval: Duration::from_millis(40),
        timeout: Duration::from_secs(2),
        unhealthy_threshold: 2,
        healthy_threshold: 2,
        transition_interval: Duration::from_millis(20),
        jitter_percent: 10,
        port: None,
    };
    let key: ProbeKey = ("default/web-1".into(), endpoint.address, 7);
    let target = Arc::new(ProbeTarget { endpoint: Arc::new(endpoint), check, own: true });
    Arc::new(Snapshot { generation, complete: true, probes: OrdMap::from_iter([(key, target)]), ..Snapshot::default() })
}

#[tokio::test]
async fn verdicts_reach_vitals_and_become_evidence_once_per_change() {
    let (live, interner, status) = (Arc::new(Live::default()), Interner::default(), Arc::new(AtomicU16::new(200)));
    let port = server(&status);
    let (send, mut evidence) = mpsc::channel(16);
    tokio::spawn(Prober::new(Arc::clone(&live), send, &Registry::default()).run());
    let shown = snapshot(port, &interner, 1);
    let vitals = Arc::clone(&shown.probes.values().next().unwrap().endpoint.vitals);
    live.publish(shown);
    let mut next = async || tokio::time::timeout(Duration::from_secs(10), evidence.recv()).await.unwrap().unwrap();
    assert_eq!(next().await.verdict, Verdict::Alive);
    status.store(503, Ordering::Relaxed);
    let dead = next().await;
    assert_eq!((dead.verdict, dead.proof, &*dead.reason), (Verdict::Dead, Proof::Probe, "status 503"));
    assert!(vitals.state().has(State::PROBE_DOWN));
    status.store(204, Ordering::Relaxed);
    assert_eq!(next().await.verdict, Verdict::Alive);
    assert!(!vitals.state().barred());
    assert!(vitals.ramp(Duration::from_secs(30), Now(monotonic_ns())) < 1.0, "it comes back slowly");
}

#[tokio::test]
async fn an_instance_of_two_addresses_lives_while_one_of_them_does() {
    let (live, interner, status) = (Arc::new(Live::default()), Interner::default(), Arc::new(AtomicU16::new(200)));
    let port = server(&status);
    let (send, mut evidence) = mpsc::channel(16);
    tokio::spawn(Prober::new(Arc::clone(&live), send, &Registry::default()).run());
    let mut both = Snapshot::clone(&snapshot(port, &interner, 1));
    let (key, first) = both.probes.iter().next().map(|(key, target)| (key.clone(), Arc::clone(target))).unwrap();
    // Nobody listens there; to the planes it is the same endpoint.
    let address = ([127, 0, 0, 9], port).into();
    let second = ProbeTarget { endpoint: Arc::new(Endpoint { address, ..Endpoint::clone(&first.endpoint) }), ..ProbeTarget::clone(&first) };
    both.probes.insert((key.0, address, key.2), Arc::new(second));
    let vitals = Arc::clone(&first.endpoint.vitals);
    live.publish(Arc::new(both));
    let mut next = async || tokio::time::timeout(Duration::from_secs(10), evidence.recv()).await.unwrap().unwrap();
    assert_eq!(next().await.verdict, Verdict::Alive);
    for _ in 0..100 {
        assert!(!vitals.state().barred(), "{:?}", vitals.state());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    status.store(503, Ordering::Relaxed);
    let dead = next().await;
    assert_eq!((dead.verdict, &*dead.reason), (Verdict::Dead, "status 503"), "softly: one of them answers");
    assert!(vitals.state().has(State::PROBE_DOWN) && !vitals.state().has(State::PROBE_REFUSED));
    live.publish(Arc::new(Snapshot { generation: 2, complete: true, ..Snapshot::default() }));
    assert_eq!(next().await.verdict, Verdict::Unknown, "nobody checks it any more");
    assert!(!vitals.state().barred());
}

#[tokio::test]
async fn a_refused_check_is_hard_and_a_check_nobody_wants_any_more_holds_nothing_back() {
    let (live, interner) = (Arc::new(Live::default()), Interner::default());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (send, mut evidence) = mpsc::channel(16);
    tokio::spawn(Prober::new(Arc::clone(&live), send, &Registry::default()).run());
    let shown = snapshot(closed, &interner, 1);
    let vitals = Arc::clone(&shown.probes.values().next().unwrap().endpoint.vitals);
    live.publish(shown);
    let dead = tokio::time::timeout(Duration::from_secs(10), evidence.recv()).await.unwrap().unwrap();
    assert!(dead.verdict == Verdict::Dead && dead.reason.contains("refused"));
    assert!(vitals.state().has(State::PROBE_REFUSED));
    live.publish(Arc::new(Snapshot { generation: 2, complete: true, ..Snapshot::default() }));
    let free = async {
        while vitals.state().barred() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.unwrap();
}
