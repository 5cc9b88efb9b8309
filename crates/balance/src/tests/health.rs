use std::sync::Arc;
use std::time::Duration;

use model::policy::{Outlier, Policy, SlowStart, Strategy};
use model::vitals::{Fade, State, Why};
use proptest::prelude::*;

use crate::fixture::{Bench, endpoint, policy};
use crate::{Ask, Guard, NoPick, Now, Outcome};

fn failing(bad: usize) -> impl Fn(usize) -> Outcome {
    move |number| if number == bad { Outcome::Gateway } else { Outcome::Success }
}

fn ejected(bench: &Bench) -> Vec<usize> {
    (0..bench.pool.endpoints.len()).filter(|&index| bench.pool.endpoints[index].vitals.state().has(State::EJECTED)).collect()
}

#[test]
fn a_refused_connection_ejects_at_once_and_beyond_the_cap() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
    for _ in 0..3 {
        bench.request(|_| Outcome::Refused);
    }
    assert_eq!(ejected(&bench), [0, 1, 2]);
    assert_eq!(bench.pool.endpoints[0].vitals.ejection().unwrap().why, Why::Refused);
    assert_eq!(bench.judge().refused.len(), 3);
    assert_eq!(bench.judge().panic.len(), 0, "nobody has asked yet");
}

#[test]
fn five_gateway_failures_in_a_row_eject_and_one_success_resets() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    let tries = std::cell::Cell::new(0);
    for _ in 0..40 {
        bench.request(|number| {
            tries.set(tries.get() + number);
            if number == 1 && !tries.get().is_multiple_of(5) { Outcome::Gateway } else { Outcome::Success }
        });
    }
    assert_eq!(ejected(&bench), [] as [usize; 0]);
    for _ in 0..10 {
        bench.request(failing(1));
    }
    assert_eq!(ejected(&bench), [1]);
    assert_eq!(bench.shares(20)[1], 0);
}

#[test]
fn a_trial_that_began_well_is_decided_by_its_end_or_by_time() {
    let trial = || {
        let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
        for _ in 0..20 {
            bench.request(failing(1));
        }
        bench.pass(2_000);
        let guard = bench.pick().unwrap();
        assert!(guard.is_trial());
        guard.heard(Duration::from_millis(5), bench.now);
        assert_eq!(ejected(&bench), [1], "its head says nothing yet");
        (bench, guard)
    };
    let (bench, guard) = trial();
    guard.finish(Outcome::ServerError, Duration::from_millis(6), bench.now);
    assert_eq!(ejected(&bench), [1], "a status in the trailers counts");
    assert!(bench.pool.endpoints[1].vitals.ejection().unwrap().level > 0);
    let (bench, guard) = trial();
    guard.finish(Outcome::Success, Duration::from_millis(6), bench.now);
    assert_eq!(ejected(&bench), [] as [usize; 0]);
    let (mut bench, guard) = trial();
    bench.pass(2_000);
    assert_eq!(ejected(&bench), [] as [usize; 0], "a stream of hours holds nobody out");
    guard.finish(Outcome::Gateway, Duration::from_secs(7), bench.now);
    assert_eq!(ejected(&bench), [] as [usize; 0], "by then it is a failure as any other");
    let (bench, guard) = trial();
    drop(guard);
    assert!(!bench.pool.endpoints[1].vitals.state().has(State::TRIAL), "one without an end lets the next one begin");
}

#[test]
fn a_429_is_one_request_and_a_failure_only_where_a_policy_says_so() {
    for counts in [false, true] {
        let outlier = Outlier { count_429: counts, ..Outlier::default() };
        let mut bench = Bench::new(Policy { outlier, ..policy(Strategy::RoundRobin) }, &[100; 3]);
        for _ in 0..90 {
            bench.request(|number| if number == 0 { Outcome::Throttled } else { Outcome::Success });
        }
        let seen = bench.pool.endpoints[0].vitals.counts(10, bench.now);
        assert_eq!((seen.total(), seen.failed), (30, if counts { 30 } else { 0 }));
        bench.judge();
        assert_eq!(ejected(&bench).len(), usize::from(counts));
    }
}

#[test]
fn whoever_the_cap_keeps_in_stays_suspect_while_it_fails() {
    let bad = |number: usize| if number < 2 { Outcome::ServerError } else { Outcome::Success };
    let outlier = Outlier { consecutive_gateway: 0, max_ejected_percent: 20, ..Outlier::default() };
    let mut bench = Bench::new(Policy { outlier, ..policy(Strategy::RoundRobin) }, &[100; 5]);
    for _ in 0..200 {
        bench.request(bad);
    }
    for _ in 0..5 {
        bench.judge();
        let words: Vec<_> = bench.pool.endpoints.iter().map(|endpoint| endpoint.vitals.state().word()).collect();
        assert_eq!(words, ["ejected", "suspect", "usable", "usable", "usable"]);
    }
    bench.pass(11_000);
    assert_ne!(bench.pool.endpoints[1].vitals.state().word(), "suspect", "nothing speaks for it any more");
}

#[test]
fn whoever_fails_in_a_row_and_is_the_last_one_stays_suspect() {
    let outlier = Outlier { consecutive_5xx: 5, ..Outlier::default() };
    let mut bench = Bench::new(Policy { outlier, ..policy(Strategy::RoundRobin) }, &[100]);
    (0..6).for_each(|_| assert!(bench.request(|_| Outcome::ServerError).is_some()));
    let told = bench.judge().transitions;
    assert_eq!(told.iter().map(|told| told.now.word()).collect::<Vec<_>>(), ["suspect"]);
    bench.request(|_| Outcome::Success);
    bench.judge();
    assert_eq!(bench.pool.endpoints[0].vitals.state(), State::default());
}

#[test]
fn o7_the_judge_ejects_nobody_while_a_request_does() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
    for _ in 0..180 {
        bench.request(|number| if number == 2 { Outcome::ServerError } else { Outcome::Success });
    }
    let ledger = std::sync::Arc::clone(&bench.picker().ledger);
    ledger.eject_alone(|_| drop(bench.judge()));
    assert_eq!(ejected(&bench), [] as [usize; 0], "two at once could pass the cap");
    bench.judge();
    assert_eq!(ejected(&bench), [2]);
}

#[test]
fn the_pool_of_the_snapshot_is_judged_also_after_somebody_asked_for_an_older_one() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    let older = Arc::clone(&bench.pool);
    bench.change(|pool| pool.endpoints.push(endpoint(2, 100)));
    bench.shares(3);
    // A worker that has not seen the newer snapshot yet.
    let _old = bench.pickers.of(&older, bench.layer);
    bench.pool.endpoints[2].vitals.eject(Why::Gateway, Duration::from_millis(100), Duration::from_millis(100), 0.0, bench.now);
    bench.pass(300);
    assert!(bench.shares(4)[2] > 0, "its trial is wished for");
}

#[test]
fn a_node_of_which_two_endpoints_refuse_together_is_tried_last() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 8]);
    bench.change(|pool| {
        for (number, endpoint) in pool.endpoints.iter_mut().enumerate() {
            let mut moved = (**endpoint).clone();
            moved.node = Some(if number < 4 { "n1" } else { "n2" }.into());
            *endpoint = Arc::new(moved);
        }
    });
    let refuse = |bench: &mut Bench, down: std::ops::Range<usize>| {
        for _ in 0..8 {
            bench.request(|number| if down.contains(&number) { Outcome::Refused } else { Outcome::Success });
        }
        bench.judge();
    };
    refuse(&mut bench, 0..1);
    assert!(bench.shares(70)[1] > 0, "one alone says nothing of its node");
    refuse(&mut bench, 1..2);
    assert_eq!(ejected(&bench), [0, 1]);
    let shares = bench.shares(80);
    assert_eq!(shares[..4], [0; 4], "the others of the node are left alone: {shares:?}");
    bench.pass(1_500);
    assert!(bench.shares(80)[2] > 0, "and tried again a little later");
    for number in 4..8 {
        bench.pool.endpoints[number].vitals.mark(State::GONE, true);
    }
    refuse(&mut bench, 0..0);
    assert!(bench.shares(20)[2] > 0, "with nobody elsewhere they serve");
}

/// A pool of six under this policy, with 150 requests to each; the first answers as told.
fn six(outlier: Outlier, first: impl Fn(u32) -> (Outcome, u64)) -> Bench {
    let mut bench = Bench::new(Policy { outlier, ..policy(Strategy::RoundRobin) }, &[100; 6]);
    for turn in 0..900 {
        let guard = bench.pick().unwrap();
        let (outcome, ms) = if Bench::number(&guard) == 0 { first(turn / 6) } else { (Outcome::Success, 5) };
        guard.head(outcome, Duration::from_millis(ms), bench.now);
    }
    bench
}

#[test]
fn a_success_rate_far_below_the_others_ejects_where_a_policy_asks_for_it() {
    let rule = model::policy::SuccessRate { stdev_factor: 1.9, min_hosts: 5, min_requests: 100 };
    let a_fifth = |turn: u32| (if turn.is_multiple_of(5) { Outcome::ServerError } else { Outcome::Success }, 5);
    let bench = six(Outlier { success_rate: Some(rule), ..Outlier::default() }, a_fifth);
    bench.judge();
    assert_eq!(ejected(&bench), [0]);
    assert_eq!(bench.pool.endpoints[0].vitals.ejection().unwrap().why, Why::SuccessRate);
    let bench = six(Outlier::default(), a_fifth);
    bench.judge();
    assert_eq!(ejected(&bench), [] as [usize; 0], "off unless asked for");
    let bench = six(Outlier { success_rate: Some(model::policy::SuccessRate { min_requests: 151, ..rule }), ..Outlier::default() }, a_fifth);
    bench.judge();
    assert_eq!(ejected(&bench), [] as [usize; 0], "too few requests");
}

#[test]
fn a_latency_far_above_the_others_for_ten_seconds_ejects_where_a_policy_asks_for_it() {
    let rule = model::policy::Slow { factor: 5.0, floor: Duration::from_millis(500) };
    let mut bench = six(Outlier { latency: Some(rule), ..Outlier::default() }, |_| (Outcome::Success, 5_000));
    bench.pass(9_000);
    assert_eq!(ejected(&bench), [] as [usize; 0]);
    bench.pass(1_500);
    assert_eq!(ejected(&bench), [0]);
    let mut quick = six(Outlier { latency: Some(rule), ..Outlier::default() }, |_| (Outcome::Success, 100));
    quick.pass(12_000);
    assert_eq!(ejected(&quick), [] as [usize; 0], "below the floor");
}

#[test]
fn cancels_and_429_never_make_a_streak() {
    for outcome in [Outcome::Canceled, Outcome::Throttled] {
        let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
        for _ in 0..100 {
            bench.request(|_| outcome);
        }
        bench.judge();
        assert_eq!(ejected(&bench), [] as [usize; 0], "{outcome:?}");
    }
}

#[test]
fn the_last_one_is_never_ejected_by_its_answers() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    for _ in 0..100 {
        bench.request(|_| Outcome::Gateway).expect("its own answer passes");
    }
    assert_eq!(ejected(&bench).len(), 1);
    let mut alone = Bench::new(policy(Strategy::RoundRobin), &[100]);
    for _ in 0..100 {
        alone.request(|_| Outcome::Gateway).expect("its own answer passes");
    }
    assert_eq!(ejected(&alone), [] as [usize; 0]);
    assert!(alone.pool.endpoints[0].vitals.state().has(State::SUSPECT));
}

#[test]
fn a_ratio_ejects_only_against_better_neighbours() {
    let run = |all_bad: bool| {
        let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
        for turn in 0..180 {
            bench.request(|number| if (all_bad || number == 2) && turn % 4 != 0 { Outcome::ServerError } else { Outcome::Success });
        }
        bench.judge();
        ejected(&bench)
    };
    assert_eq!(run(false), [2]);
    assert_eq!(run(true), [] as [usize; 0], "a bad release does not eject itself");
}

#[test]
fn a_trial_brings_an_endpoint_back_and_a_failed_one_doubles_its_time() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    (0..10).for_each(|_| assert!(bench.request(failing(1)).is_some()));
    assert_eq!(ejected(&bench), [1]);
    // Up to 1.5 s with jitter.
    bench.pass(1600);
    let trial = bench.pick().unwrap();
    assert!(trial.is_trial() && Bench::number(&trial) == 1);
    bench.judge();
    assert!(!bench.pick().unwrap().is_trial(), "one at a time");
    trial.head(Outcome::Gateway, Duration::ZERO, bench.now);
    drop(trial);
    let until = bench.pool.endpoints[1].vitals.ejection().unwrap().until;
    assert!((2000..=3000).contains(&until.since(bench.now).as_millis()), "{until:?}");
    bench.pass(3100);
    let trial = bench.pick().unwrap();
    assert!(trial.is_trial());
    trial.head(Outcome::Success, Duration::ZERO, bench.now);
    assert_eq!(ejected(&bench), [] as [usize; 0]);
    drop(trial);
    assert_eq!(bench.shares(20), [10, 10]);
}

#[test]
fn a_trial_without_an_end_lets_the_next_one_try() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    (0..10).for_each(|_| assert!(bench.request(failing(1)).is_some()));
    bench.pass(1600);
    drop(bench.pick().unwrap());
    bench.judge();
    assert!(bench.pick().unwrap().is_trial());
}

#[test]
fn requests_that_cannot_be_repeated_wait_a_second_before_they_are_a_trial() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    (0..10).for_each(|_| assert!(bench.request(failing(1)).is_some()));
    bench.pass(1600);
    assert!(!bench.ask(&Ask::default()).unwrap().is_trial());
    bench.pass(1500);
    assert!(bench.ask(&Ask::default()).unwrap().is_trial());
}

#[test]
fn with_nothing_usable_the_least_bad_gets_one_request_at_a_time() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
    bench.pool.endpoints[1].vitals.record(Outcome::Success, Duration::ZERO, bench.now);
    bench.now = bench.now.after(Duration::from_secs(2));
    for endpoint in &bench.pool.endpoints {
        endpoint.vitals.record(Outcome::Refused, Duration::ZERO, bench.now);
        endpoint.vitals.eject(Why::Refused, Duration::from_secs(1), Duration::from_secs(30), 0.0, bench.now);
    }
    let first = bench.pick().unwrap();
    assert_eq!(Bench::number(&first), 1, "the one that answered last");
    let others: Vec<Guard> = (0..2).map(|_| bench.pick().unwrap()).collect();
    assert_eq!(bench.pick().unwrap_err(), NoPick::NoEndpoint, "each has its one request");
    assert_eq!(bench.judge().panic, [bench.pool.service.clone()]);
    first.connected(bench.now);
    assert!(!bench.pool.endpoints[1].vitals.state().barred(), "a connection shows that it listens again");
    drop((first, others));
    assert_eq!(bench.shares(5), [0, 5, 0]);
    assert!(bench.judge().panic.is_empty());
}

#[test]
fn panic_fail_answers_nothing() {
    let outlier = Outlier { panic_fail: true, ..Outlier::default() };
    let mut bench = Bench::new(Policy { outlier, ..policy(Strategy::RoundRobin) }, &[100; 2]);
    (0..2).for_each(|_| assert!(bench.request(|_| Outcome::Refused).is_some()));
    assert_eq!(bench.pick().unwrap_err(), NoPick::NoEndpoint);
}

#[test]
fn a_service_that_opts_out_neither_ejects_nor_heeds() {
    let outlier = Outlier { enabled: false, ..Outlier::default() };
    let mut bench = Bench::new(Policy { outlier, ..policy(Strategy::RoundRobin) }, &[100; 2]);
    (0..100).for_each(|_| assert!(bench.request(failing(1)).is_some()));
    assert_eq!(ejected(&bench), [] as [usize; 0]);
    bench.pool.endpoints[0].vitals.eject(Why::Gateway, Duration::from_secs(9), Duration::from_secs(9), 0.0, bench.now);
    assert_eq!(bench.shares(20), [10, 10]);
    bench.pool.endpoints[0].vitals.eject(Why::Refused, Duration::from_secs(9), Duration::from_secs(9), 0.0, bench.now);
    assert_eq!(bench.shares(20), [0, 20], "hard proof counts for all");
}

#[test]
fn failing_checks_hold_at_most_half_of_a_pool_unless_the_data_plane_agrees() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 4]);
    bench.shares(4);
    for endpoint in &bench.pool.endpoints[..3] {
        endpoint.vitals.mark(State::PROBE_DOWN, true);
    }
    bench.judge();
    let used = bench.shares(80).iter().filter(|&&count| count > 0).count();
    assert_eq!(used, 2, "two of four may be held");
    assert!(bench.pool.endpoints[2].vitals.state().has(State::SUSPECT));
    for endpoint in &bench.pool.endpoints[..3] {
        endpoint.vitals.record(Outcome::Gateway, Duration::ZERO, bench.now);
    }
    bench.judge();
    assert_eq!(bench.shares(40), [0, 0, 0, 40]);
}

#[test]
fn an_endpoint_waits_for_its_first_pass_only_while_others_serve() {
    let mut bench = Bench::new(policy(Strategy::LeastRequest), &[100; 2]);
    bench.pool.endpoints[0].vitals.mark(State::WAITING, true);
    assert_eq!(bench.shares(20), [0, 20]);
    bench.pool.endpoints[1].vitals.mark(State::GONE, true);
    assert_eq!(bench.shares(5), [5, 0]);
}

#[test]
fn a_new_endpoint_ramps_up_and_the_first_ones_are_warm() {
    let slow_start = Some(SlowStart { window: Duration::from_secs(30), aggression: 1.0, min_weight_percent: 10 });
    let mut bench = Bench::new(Policy { slow_start, ..policy(Strategy::RoundRobin) }, &[100; 2]);
    assert_eq!(bench.shares(20), [10, 10]);
    bench.pass(1000);
    bench.change(|pool| pool.endpoints.push(endpoint(2, 100)));
    let share = |bench: &mut Bench| bench.shares(210)[2];
    assert_eq!(share(&mut bench), 10, "a tenth of the others' share");
    bench.pass(15_000);
    assert!((35..50).contains(&share(&mut bench)));
    bench.pass(16_000);
    // The visit that the judge wished for while it ramped.
    bench.shares(1);
    assert_eq!(bench.shares(210), [70, 70, 70]);
}

#[test]
fn changes_of_state_are_told_once() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    (0..10).for_each(|_| assert!(bench.request(failing(1)).is_some()));
    let told = bench.judge().transitions;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].before.word(), told[0].now.word()), ("usable", "ejected"));
    assert!(bench.judge().transitions.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn soft_ejections_stay_within_the_cap_whatever_happens(
        n in 1usize..12,
        events in prop::collection::vec((0usize..12, 0u8..4, 0u64..2500), 1..300),
    ) {
        let mut bench = Bench::new(policy(Strategy::RoundRobin), &vec![100; n]);
        for (bad, kind, pause) in events {
            let outcome = [Outcome::Gateway, Outcome::ServerError, Outcome::Success, Outcome::Canceled][usize::from(kind)];
            for _ in 0..6 {
                bench.request(|number| if number % 3 == bad % 3 { outcome } else { Outcome::Success });
            }
            bench.pass(pause / 10 * 10);
            let out = ejected(&bench).len();
            let cap = if n >= 2 { (n / 2).max(1) } else { 0 };
            prop_assert!(out <= cap, "{out} of {n}");
            let trials = bench.pool.endpoints.iter().filter(|endpoint| endpoint.vitals.state().has(State::TRIAL)).count();
            prop_assert_eq!(trials, 0, "no trial outlives its request");
        }
    }

    #[test]
    fn a_clock_that_stands_or_jumps_back_is_harmless(jumps in prop::collection::vec(0u64..2_000_000, 1..60)) {
        let mut bench = Bench::new(policy(Strategy::PeakEwma), &[100; 3]);
        for jump in jumps {
            bench.now = crate::Now::from_ms(jump);
            bench.request(failing(1));
            bench.judge();
            for endpoint in &bench.pool.endpoints {
                let latency = endpoint.vitals.latency_us(Fade::over(Duration::from_secs(10)), bench.now);
                prop_assert!(latency.is_none_or(f32::is_finite));
                prop_assert!(endpoint.vitals.penalty_us(bench.now).is_finite());
            }
        }
    }
}

#[test]
fn ejection_is_one_state_over_workers_and_generations() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    let mut workers: Vec<crate::Worker> = (0..4).map(crate::Worker::new).collect();
    let mut failures = 0;
    for turn in 0..100 {
        let guard = bench.picker().pick(&mut workers[turn % 4], &Ask::default(), bench.now).unwrap();
        if Bench::number(&guard) == 1 {
            guard.head(Outcome::Gateway, Duration::ZERO, bench.now);
            failures += 1;
        }
        drop(guard);
        bench.change(|pool| pool.policy = Arc::new(policy(Strategy::RoundRobin)));
    }
    assert_eq!(failures, 5, "as many as with one worker");
}

#[test]
fn c4_where_all_are_new_the_cap_of_each_holds_for_as_long_as_somebody_can_wait() {
    let mut bench = Bench::new(Policy { slow_start: Policy::default().slow_start, ..policy(Strategy::LeastRequest) }, &[100; 2]);
    bench.shares(2);
    bench.change(|pool| pool.endpoints = (50..52).map(|number| endpoint(number, 100)).collect());
    let waits = Ask { may_wait: true, retryable: true, ..Ask::default() };
    let held: Vec<Guard> = (0..4).map(|_| bench.ask(&waits).expect("two each are always allowed")).collect();
    assert_eq!(bench.ask(&waits).unwrap_err(), NoPick::Cold);
    assert_eq!(bench.pickers.backlogs(), [], "nothing overflowed yet");
    let fifth = bench.pick().expect("who waited goes through all the same");
    assert_eq!(bench.pickers.backlogs()[0].overflowed, 1);
    drop((held, fifth));
    assert!(bench.ask(&waits).is_ok(), "a place is free again");
    // A warm one takes what the new ones shall not have.
    bench.change(|pool| {
        let warm = endpoint(52, 100);
        warm.vitals.begin_ramp(true, Now::from_ms(1));
        pool.endpoints = [endpoint(53, 100), warm].to_vec();
    });
    let held: Vec<Guard> = (0..40).map(|_| bench.ask(&waits).expect("the warm one has no cap")).collect();
    assert!(held.iter().filter(|guard| Bench::number(guard) == 53).count() <= 2);
}

#[test]
fn a_session_is_at_home_at_an_endpoint_that_is_usable_or_drains_and_at_no_other() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
    let tags: Vec<u64> = bench.pool.endpoints.iter().map(|endpoint| model::session::tag(endpoint)).collect();
    let home = |bench: &mut Bench, tag: u64, tried: &[std::net::SocketAddr]| {
        let ask = Ask { tried, ..Ask::default() };
        bench.picker().pick_session(&mut bench.worker, tag, &ask, bench.now).as_ref().map(Bench::number)
    };
    for (number, tag) in tags.iter().enumerate() {
        assert_eq!(home(&mut bench, *tag, &[]), Some(number));
    }
    assert_eq!(home(&mut bench, tags[0] ^ 1, &[]), None);
    let address = bench.pool.endpoints[1].address;
    assert_eq!(home(&mut bench, tags[1], &[address]), None, "it was tried there");
    // Leaving, but serving.
    bench.change(|pool| {
        let leaving = pool.endpoints.remove(0);
        pool.draining.push(leaving);
    });
    assert_eq!(home(&mut bench, tags[0], &[]), Some(0));
    let held = bench.picker().pick_session(&mut bench.worker, tags[0], &Ask::default(), bench.now).unwrap();
    assert_eq!(bench.pool.draining[0].vitals.in_flight(), 1);
    drop(held);
    assert_eq!(bench.pool.draining[0].vitals.in_flight(), 0);
    assert!((0..20).all(|_| bench.request(|_| Outcome::Success) != Some(0)), "nobody new");
    // Ejected, or asked by its agent to be left alone.
    bench.pool.endpoints[0].vitals.eject(Why::Refused, Duration::from_secs(1), Duration::from_secs(30), 0.0, bench.now);
    let ejected = model::session::tag(&bench.pool.endpoints[0]);
    assert_eq!(home(&mut bench, ejected, &[]), None);
    bench.pool.endpoints[1].vitals.mark(State::AGENT_DRAIN, true);
    let asked = model::session::tag(&bench.pool.endpoints[1]);
    assert!(home(&mut bench, asked, &[]).is_some());
    bench.change(|pool| pool.draining.clear());
    assert_eq!(home(&mut bench, tags[0], &[]), None, "gone");
}
