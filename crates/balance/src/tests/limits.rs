//! Limits of endpoints and services over their layers, and what a request earns (balance spec R1, R2, R4).

use model::policy::{Limits, Policy, Strategy};
use model::session;

use crate::fixture::{Bench, policy};
use crate::{Ask, Guard, Layer, NoPick};

#[test]
fn a_limit_of_endpoints_or_service_answers_full() {
    let limited = |limits: Limits| Bench::new(Policy { limits, ..policy(Strategy::LeastRequest) }, &[100; 2]);
    let mut bench = limited(Limits { endpoint_in_flight: Some(2), ..Limits::default() });
    let held: Vec<Guard> = (0..4).map(|_| bench.pick().unwrap()).collect();
    assert_eq!(bench.pick().unwrap_err(), NoPick::Full);
    drop(held);
    let mut bench = limited(Limits { service_in_flight: Some(3), ..Limits::default() });
    let held: Vec<Guard> = (0..3).map(|_| bench.pick().unwrap()).collect();
    assert_eq!(bench.pick().unwrap_err(), NoPick::Full);
    drop(held);
    assert!(bench.pick().is_ok());
}

#[test]
fn requests_and_connections_of_a_service_have_a_limit_each() {
    let limits = Limits { service_in_flight: Some(2), service_connections: Some(1), ..Limits::default() };
    let mut http = Bench::new(Policy { limits, ..policy(Strategy::LeastRequest) }, &[100; 2]);
    let _requests: Vec<Guard> = (0..2).map(|_| http.pick().unwrap()).collect();
    assert_eq!(http.pick().unwrap_err(), NoPick::Full);
    http.layer = Layer::Tcp;
    let _connection = http.pick().expect("requests are no connections");
    assert_eq!(http.pick().unwrap_err(), NoPick::Full);
}

#[test]
fn a_request_earns_its_service_one_retry_share_however_often_it_asks() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    let counted = |bench: &mut Bench, again: bool| {
        let before = bench.worker.counted();
        (0..10).for_each(|_| drop(bench.ask(&Ask { again, ..Ask::default() })));
        bench.worker.counted() - before
    };
    assert_eq!((counted(&mut bench, false), counted(&mut bench, true)), (10, 0));
}

fn held(bench: &mut Bench, layer: Layer) -> Vec<Guard> {
    bench.layer = layer;
    std::iter::from_fn(|| bench.pick().ok()).take(10).collect()
}

#[test]
fn r1_what_ends_at_one_layer_makes_no_room_at_the_other() {
    let limits = Limits { service_in_flight: Some(3), service_connections: Some(5), ..Limits::default() };
    let mut bench = Bench::new(Policy { limits, ..policy(Strategy::LeastRequest) }, &[100; 2]);
    let (requests, connections) = (held(&mut bench, Layer::Http), held(&mut bench, Layer::Tcp));
    assert_eq!((requests.len(), connections.len()), (3, 5));
    drop(requests);
    assert_eq!(held(&mut bench, Layer::Udp).len(), 0, "flows are connections");
    assert_eq!(held(&mut bench, Layer::Http).len(), 3);
    drop(connections);
    assert_eq!(held(&mut bench, Layer::Tcp).len(), 5);
}

#[test]
fn r4_a_request_whose_session_moves_earns_once() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    bench.shares(2);
    let picker = bench.picker();
    let tag = session::tag(&bench.pool.endpoints[0]);
    let ask = Ask::default();
    let before = bench.worker.counted();
    assert!(picker.pick_session(&mut bench.worker, tag, &ask, bench.now).is_some());
    assert_eq!(bench.worker.counted() - before, 1, "at home");
    bench.pool.endpoints[0].vitals.mark(model::vitals::State::GONE, true);
    assert!(picker.pick_session(&mut bench.worker, tag, &ask, bench.now).is_none());
    assert!(picker.pick(&mut bench.worker, &ask, bench.now).is_ok());
    assert_eq!(bench.worker.counted() - before, 2, "and where it moves");
}
