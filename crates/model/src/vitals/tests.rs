use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::*;
use crate::endpoint::{Endpoint, Standing};
use crate::ident::{Identity, Target, Transport};

const TAU: Fade = Fade::over(Duration::from_secs(10));
const SECOND: Duration = Duration::from_secs(1);

fn endpoint() -> Arc<Endpoint> {
    let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let identity = identity(80);
    Arc::new(Endpoint {
        address,
        identity,
        vitals: Arc::default(),
        weight: 100,
        stable_name: "a".into(),
        node: None,
        zone: None,
        standing: Standing::Ready,
        serving: true,
        attributes: None,
    })
}

fn identity(port: u16) -> Identity {
    Identity { cluster: 0, target: Target::Address(IpAddr::from([127, 0, 0, 1])), port, transport: Transport::Tcp }
}

#[test]
fn in_flight_comes_back_to_zero_whatever_the_end() {
    let endpoint = endpoint();
    let one = InFlight::raise(Arc::clone(&endpoint), Now::from_ms(1));
    let panicked = std::thread::spawn({
        let endpoint = Arc::clone(&endpoint);
        move || {
            let _held = InFlight::raise(endpoint, Now::from_ms(2));
            panic!("a handler that dies");
        }
    })
    .join();
    assert!(panicked.is_err());
    assert_eq!(endpoint.vitals.in_flight(), 1);
    drop(one);
    assert_eq!(endpoint.vitals.in_flight(), 0);
}

#[test]
fn no_decrement_is_lost_between_threads() {
    let endpoint = endpoint();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for turn in 0..20_000 {
                    drop(InFlight::raise(Arc::clone(&endpoint), Now::from_ms(turn)));
                }
            });
        }
    });
    assert_eq!(endpoint.vitals.in_flight(), 0);
    assert_eq!(endpoint.vitals.latency_us(TAU, Now::from_ms(90_000)), None, "the tracked slot is free again");
}

#[test]
fn a_limit_is_exact() {
    let endpoint = endpoint();
    let held: Vec<_> = (0..5).filter_map(|_| InFlight::raise_below(Arc::clone(&endpoint), 3, Now::from_ms(1))).collect();
    assert_eq!((held.len(), endpoint.vitals.in_flight()), (3, 3));
}

#[test]
fn an_endpoint_on_which_everything_hangs_looks_slow() {
    let endpoint = endpoint();
    let hanging = InFlight::raise(Arc::clone(&endpoint), Now::from_ms(1000));
    let _younger = InFlight::raise(Arc::clone(&endpoint), Now::from_ms(2000));
    assert_eq!(endpoint.vitals.latency_us(TAU, Now::from_ms(5000)), Some(2_000_000.0));
    hanging.answered();
    assert_eq!(endpoint.vitals.latency_us(TAU, Now::from_ms(5000)), None);
}

#[test]
fn a_failure_costs_at_least_five_seconds_and_success_halves_it() {
    let vitals = Vitals::default();
    let now = Now::from_ms(1000);
    vitals.record(Outcome::Gateway, Duration::from_millis(2), now);
    assert_eq!(vitals.penalty_us(now), 5e6);
    vitals.record(Outcome::Success, Duration::ZERO, now);
    assert_eq!(vitals.penalty_us(now), 2.5e6);
    vitals.penalise(Duration::from_secs(9999), now);
    assert_eq!(vitals.penalty_us(now), 300e6);
}

#[test]
fn a_throttled_answer_is_penalised_but_ends_every_streak() {
    let vitals = Vitals::default();
    let now = Now::from_ms(1000);
    vitals.record(Outcome::Gateway, Duration::ZERO, now);
    vitals.record(Outcome::Throttled, Duration::ZERO, now);
    assert_eq!(vitals.streaks(), Streaks::default());
    assert!(vitals.penalty_us(now) >= 5e6);
}

#[test]
fn one_trial_at_a_time_and_each_failure_doubles_the_term() {
    let vitals = Vitals::default();
    let max = Duration::from_secs(30);
    assert!(vitals.eject(Why::Gateway, SECOND, max, 0.0, Now::from_ms(0)));
    assert!(!vitals.eject(Why::Gateway, SECOND, max, 0.0, Now::from_ms(500)), "a second ejection is not a new one");
    assert!(!vitals.begin_trial(Now::from_ms(999)));
    assert!(vitals.begin_trial(Now::from_ms(1000)));
    assert!(!vitals.begin_trial(Now::from_ms(1000)), "only one");
    vitals.end_trial(Trial::Failed, (SECOND, max, 0.0), Now::from_ms(1000));
    assert_eq!(vitals.ejection().unwrap().until, Now::from_ms(3000));
    assert!(vitals.begin_trial(Now::from_ms(3000)));
    vitals.end_trial(Trial::Abandoned, (SECOND, max, 0.0), Now::from_ms(3100));
    assert!(vitals.begin_trial(Now::from_ms(3100)), "the next may try at once");
    vitals.end_trial(Trial::Passed, (SECOND, max, 0.0), Now::from_ms(3200));
    assert_eq!(vitals.state(), State::default());
    assert!(vitals.settle(Now::from_ms(13_199)) && vitals.settle(Now::from_ms(13_200)) && !vitals.settle(Now::from_ms(30_000)));
}

#[test]
fn the_longest_term_is_bounded_with_its_jitter() {
    let vitals = Vitals::default();
    let max = Duration::from_secs(30);
    vitals.eject(Why::Refused, SECOND, max, 1.0, Now::from_ms(0));
    for _ in 0..40 {
        assert!(vitals.force_trial());
        vitals.end_trial(Trial::Failed, (SECOND, max, 1.0), Now::from_ms(0));
    }
    assert_eq!(vitals.ejection().unwrap().until, Now::from_ms(45_000));
}

#[test]
fn a_ramp_is_monotone_and_a_warm_endpoint_has_none() {
    let window = Duration::from_secs(30);
    let (warm, cold) = (Vitals::default(), Vitals::default());
    warm.begin_ramp(true, Now::from_ms(10));
    cold.begin_ramp(false, Now::from_ms(10));
    assert_eq!(warm.ramp(window, Now::from_ms(11)), 1.0);
    let steps: Vec<f32> = (0..40).map(|second| cold.ramp(window, Now::from_ms(10 + second * 1000))).collect();
    assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!((steps[0], steps[30]), (0.0, 1.0));
    cold.restart_ramp(Now::from_ms(100_000));
    assert_eq!(cold.ramp(window, Now::from_ms(110_000)), 1.0, "coming back takes ten seconds");
}

#[test]
fn reports_that_are_not_numbers_change_nothing() {
    let vitals = Vitals::default();
    for bad in [f32::NAN, f32::INFINITY, -1.0, 0.0] {
        vitals.report(&LoadReport { utilisation: Some(bad), cpu: Some(bad), ..LoadReport::default() }, Now::from_ms(5));
    }
    assert_eq!(vitals.reported(), LoadReport::default());
    assert_eq!(vitals.utilisation(Duration::ZERO, SECOND, Now::from_ms(5)), None);
}

#[test]
fn reports_beyond_all_measure_are_bounded() {
    let vitals = Vitals::default();
    let huge = LoadReport { utilisation: Some(f32::MAX), cpu: Some(f32::MIN_POSITIVE), ..LoadReport::default() };
    vitals.report(&huge, Now::from_ms(5));
    assert_eq!(vitals.utilisation(Duration::ZERO, SECOND, Now::from_ms(5)), Some(1e9));
    assert_eq!(vitals.reported().cpu, Some(1e-6));
}

#[test]
fn a_report_counts_after_its_blackout_and_until_its_expiry() {
    let vitals = Vitals::default();
    let report = LoadReport { utilisation: Some(0.5), ..LoadReport::default() };
    vitals.report(&report, Now::from_ms(1000));
    assert_eq!(vitals.utilisation(SECOND, 10 * SECOND, Now::from_ms(1999)), None);
    assert_eq!(vitals.utilisation(SECOND, 10 * SECOND, Now::from_ms(2000)), Some(0.5));
    assert_eq!(vitals.utilisation(SECOND, 10 * SECOND, Now::from_ms(11_001)), None);
}

#[test]
fn a_recycled_address_or_name_starts_cold_and_survivors_keep_their_numbers() {
    let interner = Interner::default();
    let first = interner.intern(&identity(80));
    first.record(Outcome::Gateway, SECOND, Now::from_ms(1));
    assert!(Arc::ptr_eq(&first, &interner.intern(&identity(80))));
    assert!(!Arc::ptr_eq(&first, &interner.intern(&identity(81))));
    drop(first);
    for turn in 0..64 {
        interner.sweep(turn, Now::from_ms(1));
    }
    assert_eq!(interner.len(), 2);
    assert_eq!(interner.intern(&identity(80)).streaks().gateway, 1, "back within a minute");
    for turn in 0..128 {
        interner.sweep(turn, Now::from_ms(1 + turn as u64 / 64 * 60_000));
    }
    for turn in 0..64 {
        interner.sweep(turn, Now::from_ms(60_001));
    }
    assert!(interner.is_empty());
}
