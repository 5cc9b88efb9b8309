use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use model::endpoint::Pool;
use model::policy::{HashKey, Limits, Policy, Prequal, Strategy, Tuning};
use model::vitals::AgentLine;
use proptest::prelude::*;

use crate::fixture::{Bench, endpoint, policy};
use crate::{Ask, Guard, Layer, Method, NoPick, Outcome, Peer, Worker, report};

#[test]
fn round_robin_gives_each_exactly_its_share() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 4]);
    assert_eq!(bench.shares(100), [25; 4]);
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[300, 100, 0]);
    assert_eq!(bench.shares(80), [60, 20, 0]);
}

#[test]
fn round_robin_goes_on_where_it_was_in_a_new_generation() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
    let mut counts = [0; 3];
    for _ in 0..30 {
        counts[bench.request(|_| Outcome::Success).unwrap()] += 1;
        bench.change(|pool| pool.app_protocol = Some("x".into()));
    }
    assert_eq!(counts, [10; 3]);
}

#[test]
fn two_workers_do_not_march_in_step() {
    let bench = Bench::new(policy(Strategy::RoundRobin), &[100; 64]);
    let firsts: HashSet<usize> =
        (0..8).map(|seed| Bench::number(&bench.picker().pick(&mut Worker::new(seed), &Ask::default(), bench.now).unwrap())).collect();
    assert!(firsts.len() > 4, "{firsts:?}");
}

#[test]
fn auto_means_what_the_layer_needs() {
    let method = |layer, policy: Policy| Bench::at(layer, policy, &[100; 2]).picker().method();
    let keyed = |key: HashKey| Policy { tuning: Tuning { hash_keys: vec![key], ..Tuning::default() }, ..policy(Strategy::Auto) };
    assert_eq!(method(Layer::Http, policy(Strategy::Auto)), Method::PeakEwma);
    assert_eq!(method(Layer::Tcp, policy(Strategy::Auto)), Method::LeastRequest);
    assert_eq!(method(Layer::Udp, policy(Strategy::Auto)), Method::Random);
    assert_eq!(method(Layer::Http, keyed(HashKey::Path)), Method::Maglev);
    assert_eq!(method(Layer::Tcp, keyed(HashKey::Path)), Method::LeastRequest, "a stream has no path");
    assert_eq!(method(Layer::Udp, keyed(HashKey::ClientIp)), Method::Maglev);
}

#[test]
fn one_endpoint_needs_no_draw() {
    for strategy in [Strategy::Auto, Strategy::Random, Strategy::LeastRequest] {
        let mut bench = Bench::new(policy(strategy), &[100]);
        let before = format!("{:?}", bench.worker.rng);
        assert_eq!(bench.shares(10), [10]);
        assert_eq!(format!("{:?}", bench.worker.rng), before, "{strategy:?}");
    }
}

#[test]
fn least_request_prefers_the_idle() {
    let mut bench = Bench::new(policy(Strategy::LeastRequest), &[100; 2]);
    let held: Vec<Guard> = (0..20).map(|_| bench.pick().unwrap()).collect();
    let first = held.iter().filter(|guard| Bench::number(guard) == 0).count();
    assert_eq!(first, 10, "two endpoints are always both drawn");
    drop(held);
    assert!(bench.pool.endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() == 0));
}

#[test]
fn least_request_among_all_finds_the_only_idle_one() {
    let tuning = Tuning { choices: 0, ..Tuning::default() };
    let mut bench = Bench::new(Policy { tuning, ..policy(Strategy::LeastRequest) }, &[100; 20]);
    let mut seen = HashSet::new();
    let held: Vec<Guard> = (0..20).map(|_| bench.pick().unwrap()).collect();
    assert!(held.iter().all(|guard| seen.insert(Bench::number(guard))), "each gets one");
}

#[test]
fn peak_ewma_avoids_the_slow_and_does_not_forget_it() {
    let mut bench = Bench::new(policy(Strategy::PeakEwma), &[100; 3]);
    let mut counts = [0; 3];
    for _ in 0..3000 {
        let guard = bench.pick().unwrap();
        let number = Bench::number(&guard);
        counts[number] += 1;
        let took = Duration::from_millis(if number == 2 { 250 } else { 5 });
        guard.head(Outcome::Success, took, bench.now);
        drop(guard);
        bench.pass(100);
    }
    // One visit each ten seconds of the five minutes, plus what the fading estimate lets through.
    assert!((20..200).contains(&counts[2]), "{counts:?}");
}

#[test]
fn an_endpoint_that_fails_fast_is_no_sinkhole() {
    let mut bench =
        Bench::new(Policy { outlier: model::policy::Outlier { enabled: false, ..Default::default() }, ..policy(Strategy::PeakEwma) }, &[100; 4]);
    let mut failed = 0;
    for _ in 0..1000 {
        let number = bench.request(|number| if number == 1 { Outcome::ServerError } else { Outcome::Success }).unwrap();
        failed += usize::from(number == 1);
        bench.now = bench.now.after(Duration::from_millis(5));
    }
    assert!(failed <= 5, "{failed} of 1000");
}

#[test]
fn a_newcomer_starts_from_the_median_of_the_pool() {
    let mut bench = Bench::new(policy(Strategy::PeakEwma), &[100; 3]);
    for _ in 0..50 {
        bench.request(|_| Outcome::Success);
    }
    bench.judge();
    bench.change(|pool| pool.endpoints.push(endpoint(3, 100)));
    let shares = bench.shares(400);
    assert!((40..=180).contains(&shares[3]), "neither flooded nor starved: {shares:?}");
}

fn by_header(strategy: Strategy) -> Policy {
    Policy { tuning: Tuning { hash_keys: vec![HashKey::Header("x-user".into())], ..Tuning::default() }, ..policy(strategy) }
}

fn owners(bench: &mut Bench, keys: std::ops::Range<u64>) -> Vec<usize> {
    keys.map(|key| {
        let hash = Some(crate::hash::xxh64(&key.to_le_bytes(), 0));
        Bench::number(&bench.ask(&Ask { hash, ..Ask::default() }).unwrap())
    })
    .collect()
}

#[test]
fn keys_stay_and_come_back_with_their_endpoint() {
    for strategy in [Strategy::Maglev, Strategy::RingHash] {
        let mut bench = Bench::new(by_header(strategy), &[100; 4]);
        let first = owners(&mut bench, 0..400);
        assert_eq!(owners(&mut bench, 0..400), first);
        let left = bench.pool.endpoints[3].clone();
        bench.change(|pool| pool.endpoints.truncate(3));
        let second = owners(&mut bench, 0..400);
        let moved = (0..400).filter(|&key| first[key] != 3 && second[key] != first[key]).count();
        assert!(moved <= 12, "{strategy:?}: {moved} moved without need");
        bench.change(|pool| pool.endpoints.push(left));
        assert_eq!(owners(&mut bench, 0..400), first, "{strategy:?}");
    }
}

#[test]
fn the_keys_of_an_ejected_endpoint_spread_over_all_others_and_return() {
    let mut bench = Bench::new(by_header(Strategy::Maglev), &[100; 4]);
    let first = owners(&mut bench, 0..600);
    let vitals = Arc::clone(&bench.pool.endpoints[0].vitals);
    vitals.eject(model::vitals::Why::Refused, Duration::from_secs(1), Duration::from_secs(1), 0.0, bench.now);
    let during = owners(&mut bench, 0..600);
    let heirs: HashSet<usize> = (0..600).filter(|&key| first[key] == 0).map(|key| during[key]).collect();
    assert_eq!(heirs, HashSet::from([1, 2, 3]));
    assert!((0..600).all(|key| first[key] == 0 || during[key] == first[key]));
    vitals.readmit(bench.now);
    assert_eq!(owners(&mut bench, 0..600), first);
}

#[test]
fn requests_without_a_key_are_balanced() {
    let mut bench = Bench::new(by_header(Strategy::Maglev), &[100; 4]);
    bench.shares(10);
    bench.judge();
    assert!(bench.shares(200).iter().all(|&count| count > 10));
}

#[test]
fn source_ip_keys_by_the_client() {
    let bench = Bench::at(Layer::Tcp, policy(Strategy::SourceIp), &[100; 3]);
    let key = |address: &str| bench.picker().hash_key(&Peer(address.parse().unwrap())).unwrap();
    assert_eq!(key("192.0.2.7"), key("192.0.2.7"));
    assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
    assert_eq!(Bench::new(policy(Strategy::Auto), &[100]).picker().hash_key(&Peer("192.0.2.7".parse().unwrap())), None);
}

#[test]
fn a_bounded_load_sends_a_hot_key_to_others() {
    let tuning = Tuning { bounded_load_percent: 150, ..by_header(Strategy::Maglev).tuning };
    let mut bench = Bench::new(Policy { tuning, ..policy(Strategy::Maglev) }, &[100; 4]);
    let hot = Ask { hash: Some(99), ..Ask::default() };
    let held: Vec<Guard> = (0..100).map(|_| bench.ask(&hot).unwrap()).collect();
    let most = bench.pool.endpoints.iter().map(|endpoint| endpoint.vitals.in_flight()).max().unwrap();
    assert!(most <= 38, "{most} of 100 with a bound of 150 % of 25");
    drop(held);
    let alone = bench.ask(&hot).unwrap();
    assert!(alone.endpoint().vitals.in_flight() == 1);
}

#[test]
fn performance_gives_the_busy_less() {
    let tuning = Tuning { blackout: Duration::from_secs(1), ..Tuning::default() };
    let mut bench = Bench::new(Policy { tuning, ..policy(Strategy::Performance) }, &[100; 3]);
    let mut late = [0; 3];
    for turn in 0..1000 {
        let guard = bench.pick().unwrap();
        let number = Bench::number(&guard);
        let busy = if number == 0 { "TEXT cpu_utilization=0.9" } else { "TEXT cpu_utilization=0.1" };
        guard.report(&report::Report::from_header(report::HEADER, busy.as_bytes()).unwrap(), bench.now);
        guard.head(Outcome::Success, Duration::from_millis(20), bench.now);
        drop(guard);
        if turn % 10 == 0 {
            bench.pass(100);
        }
        if turn >= 700 {
            late[number] += 1;
        }
    }
    assert!(late[0] < 75, "the busy one of three still gets {} of 300", late[0]);
    assert!(late[0] > 0, "and is not starved");
}

#[test]
fn full_memory_takes_an_endpoint_out_until_it_is_five_points_lower() {
    let mut bench = Bench::new(policy(Strategy::Performance), &[100; 2]);
    bench.shares(2);
    let say = |bench: &Bench, memory| {
        bench.pool.endpoints[0].vitals.report(&model::LoadReport { memory: Some(memory), ..Default::default() }, bench.now);
    };
    say(&bench, 0.98);
    bench.pass(1000);
    assert_eq!(bench.shares(20)[0], 0);
    say(&bench, 0.95);
    bench.pass(1000);
    assert_eq!(bench.shares(20)[0], 0, "not yet");
    say(&bench, 0.5);
    bench.pass(1000);
    assert!(bench.shares(40)[0] > 5);
    say(&bench, 0.99);
    bench.pool.endpoints[1].vitals.report(&model::LoadReport { memory: Some(0.99), ..Default::default() }, bench.now);
    bench.pass(1000);
    bench.shares(4);
}

#[test]
fn full_memory_holds_for_the_strategy_that_reads_it_only() {
    let mut bench = Bench::new(policy(Strategy::Performance), &[100; 2]);
    bench.shares(2);
    bench.pool.endpoints[0].vitals.report(&model::LoadReport { memory: Some(0.99), ..Default::default() }, bench.now);
    bench.pass(1000);
    assert_eq!(bench.shares(20)[0], 0);
    // Another Service of the same endpoints, or the same one after its policy went.
    let mut pool = (*bench.pool).clone();
    pool.policy = Arc::new(policy(Strategy::RoundRobin));
    bench.pool = Arc::new(pool);
    assert!(bench.shares(40)[0] > 5);
}

#[test]
fn an_endpoint_whose_agent_wants_nothing_is_nobody_who_is_left() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    bench.pool.endpoints[0].vitals.heed_agent(&AgentLine::read("0%").unwrap(), 100);
    bench.pass(1000);
    bench.pick().unwrap().head(Outcome::Refused, Duration::ZERO, bench.now);
    // Not a limit that others could wait for: the panic rule asks the one that refused.
    let last = bench.pick().unwrap();
    assert!(Arc::ptr_eq(last.endpoint(), &bench.pool.endpoints[1]));
    // And soft proof does not take the last one that wants requests.
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    bench.pool.endpoints[0].vitals.heed_agent(&AgentLine::read("0%").unwrap(), 100);
    bench.pass(1000);
    for _ in 0..20 {
        bench.pick().unwrap().head(Outcome::Gateway, Duration::ZERO, bench.now);
    }
    assert!(bench.pool.endpoints[1].vitals.ejection().is_none());
}

#[test]
fn s15_the_limit_of_an_agent_holds_under_any_number_of_threads() {
    let bench = Bench::new(policy(Strategy::LeastRequest), &[100; 2]);
    for endpoint in &bench.pool.endpoints {
        endpoint.vitals.heed_agent(&AgentLine::read("maxconn:5").unwrap(), 100);
    }
    let most = AtomicU32::new(0);
    let (pickers, pool, now) = (&bench.pickers, &bench.pool, bench.now);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let most = &most;
            scope.spawn(move || {
                let mut worker = Worker::new(seed);
                for _ in 0..2_000 {
                    let guards: Vec<_> = (0..4).filter_map(|_| pickers.of(pool, Layer::Http).pick(&mut worker, &Ask::default(), now).ok()).collect();
                    most.fetch_max(pool.endpoints.iter().map(|one| one.vitals.in_flight()).max().unwrap(), Ordering::Relaxed);
                    drop(guards);
                }
            });
        }
    });
    assert!(most.load(Ordering::Relaxed) <= 5, "{most:?}");
    assert_eq!(bench.pool.endpoints[0].vitals.in_flight(), 0);
}

#[test]
fn nothing_to_choose_is_no_endpoint() {
    assert_eq!(Bench::new(policy(Strategy::Auto), &[]).pick().unwrap_err(), NoPick::NoEndpoint);
    assert_eq!(Bench::new(policy(Strategy::RoundRobin), &[0, 0]).pick().unwrap_err(), NoPick::NoEndpoint);
}

fn strategies() -> impl proptest::strategy::Strategy<Value = Strategy> {
    prop::sample::select(vec![
        Strategy::Auto,
        Strategy::RoundRobin,
        Strategy::Random,
        Strategy::LeastRequest,
        Strategy::PeakEwma,
        Strategy::Performance,
        Strategy::Maglev,
        Strategy::RingHash,
        Strategy::Prequal,
        Strategy::Reserve,
        Strategy::Fill,
    ])
}

#[test]
fn a_key_is_spread_over_its_subset_and_no_further() {
    let tuning = Tuning { hash_subset: 3, ..by_header(Strategy::Maglev).tuning };
    let mut bench = Bench::new(Policy { tuning, ..by_header(Strategy::Maglev) }, &[100; 20]);
    let mut members = |key: u64, picks: usize| {
        (0..picks).map(|_| Bench::number(&bench.ask(&Ask { hash: Some(key), ..Ask::default() }).unwrap())).collect::<HashSet<_>>()
    };
    let subsets: Vec<_> = (0..30).map(|key| members(crate::rng::mix(key), 60)).collect();
    assert!(subsets.iter().all(|subset| subset.len() == 3), "{subsets:?}");
    assert!(subsets.iter().flatten().collect::<HashSet<_>>().len() > 15);
    assert_eq!(members(crate::rng::mix(7), 60), subsets[7], "always the same three");
    for &index in &subsets[7] {
        bench.pool.endpoints[index].vitals.mark(model::vitals::State::GONE, true);
    }
    let guard = bench.ask(&Ask { hash: Some(crate::rng::mix(7)), ..Ask::default() }).unwrap();
    assert!(!subsets[7].contains(&Bench::number(&guard)), "all three are out: somebody else");
}

#[test]
fn prequal_shuns_the_slow_half() {
    let mut bench = Bench::new(policy(Strategy::Prequal), &[100; 10]);
    let mut shares = [0_u32; 10];
    for turn in 0..4000 {
        bench.now = bench.now.after(std::time::Duration::from_millis(1));
        if turn % 100 == 0 {
            bench.judge();
        }
        let guard = bench.pick().unwrap();
        let number = Bench::number(&guard);
        shares[number] += u32::from(turn >= 1000);
        let took = std::time::Duration::from_millis(if number < 5 { 50 } else { 5 });
        guard.head(Outcome::Success, took, bench.now);
    }
    let slow: u32 = shares[..5].iter().sum();
    assert!(slow < 600, "{shares:?}");
}

#[test]
fn s18_in_sync_each_request_chooses_among_looks_of_its_own() {
    let prequal = Prequal { sync: true, ..Prequal::default() };
    let tuned = Policy { tuning: Tuning { prequal, ..Tuning::default() }, ..policy(Strategy::Prequal) };
    let mut bench = Bench::new(tuned.clone(), &[100; 3]);
    let slow_one = |bench: &mut Bench| {
        let guard = bench.pick().unwrap();
        let number = Bench::number(&guard);
        guard.finish(Outcome::Success, Duration::from_millis(if number == 0 { 500 } else { 5 }), bench.now);
        number
    };
    (0..30).for_each(|_| _ = slow_one(&mut bench));
    let counts = (0..300).filter(|_| slow_one(&mut bench) == 0).count();
    assert!(counts <= 3, "with three looks at three endpoints the slow one is never the best: {counts}");
    // An endpoint that recovers is seen at once: nothing old is in a pool.
    let (mut waits, mut held) = (Vec::new(), [0; 3]);
    for _ in 0..9 {
        let guard = bench.pick().unwrap();
        held[Bench::number(&guard)] += 1;
        waits.push(guard);
    }
    assert!(held[1] > 0 && held[2] > 0, "what is in flight counts at once: {held:?}");
}

#[test]
fn few_at_a_time_are_reserved_and_other_layers_do_what_they_can() {
    let few = Policy { limits: Limits { endpoint_in_flight: Some(4), ..Limits::default() }, ..policy(Strategy::Auto) };
    assert_eq!(Bench::new(few.clone(), &[100; 3]).picker().method(), Method::Reserve);
    assert_eq!(Bench::at(Layer::Tcp, few, &[100; 3]).picker().method(), Method::LeastRequest);
    for strategy in [Strategy::Prequal, Strategy::Reserve, Strategy::Fill] {
        assert_eq!(Bench::at(Layer::Tcp, policy(strategy), &[100; 3]).picker().method(), Method::LeastRequest);
        assert_eq!(Bench::at(Layer::Udp, policy(strategy), &[100; 3]).picker().method(), Method::Random);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_request_never_tries_an_endpoint_twice_while_another_is_left(strategy in strategies(), n in 1usize..9, hash: Option<u64>) {
        let mut bench = Bench::new(by_header(strategy), &vec![100; n]);
        let mut tried = Vec::new();
        for _ in 0..n {
            let guard = bench.ask(&Ask { hash, tried: &tried, again: false, retryable: true, may_wait: false }).unwrap();
            prop_assert!(!tried.contains(&guard.endpoint().address));
            tried.push(guard.endpoint().address);
        }
    }

    #[test]
    fn excluded_endpoints_are_never_picked(strategy in strategies(), n in 2usize..70, out in prop::collection::vec(0usize..70, 1..40)) {
        let mut bench = Bench::new(by_header(strategy), &vec![100; n]);
        let out: HashSet<usize> = out.into_iter().filter(|&index| index < n && index != n - 1).collect();
        for &index in &out {
            bench.pool.endpoints[index].vitals.mark(model::vitals::State::GONE, true);
        }
        for key in 0..40 {
            let guard = bench.ask(&Ask { hash: Some(crate::rng::mix(key)), ..Ask::default() }).unwrap();
            prop_assert!(!out.contains(&Bench::number(&guard)));
        }
    }

    #[test]
    fn shares_at_rest_follow_the_weights(
        strategy in prop::sample::select(vec![Strategy::LeastRequest, Strategy::PeakEwma, Strategy::Random, Strategy::RoundRobin]),
        weights in prop::collection::vec(0u32..10, 1..6),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let hundredths: Vec<u32> = weights.iter().map(|weight| weight * 100).collect();
        let mut bench = Bench::new(policy(strategy), &hundredths);
        // Until the judge has learned a prior, whoever was measured first looks better than those nobody has measured.
        bench.shares(20);
        bench.pass(100);
        let requests = 4000;
        let shares = bench.shares(requests);
        let sum: u32 = weights.iter().sum();
        for (share, weight) in shares.iter().zip(&weights) {
            let (got, due) = (*share as f64 / requests as f64, f64::from(*weight) / f64::from(sum));
            prop_assert!((got - due).abs() < 0.05, "{strategy:?} {weights:?}: {shares:?}");
        }
    }

    #[test]
    fn every_count_returns_to_zero(strategy in strategies(), steps in prop::collection::vec((any::<bool>(), 0u8..6), 1..200)) {
        let tuning = Tuning { bounded_load_percent: 125, ..by_header(strategy).tuning };
        let limits = Limits { service_in_flight: Some(20), endpoint_in_flight: Some(8), ..Limits::default() };
        let mut bench = Bench::new(Policy { tuning, limits, ..policy(strategy) }, &[100; 4]);
        let mut held = Vec::new();
        for (open, how) in steps {
            if open {
                held.extend(bench.ask(&Ask { hash: Some(u64::from(how)), ..Ask::default() }).ok());
            } else if let Some(guard) = held.pop() {
                let outcomes = [Outcome::Success, Outcome::Gateway, Outcome::Refused, Outcome::Canceled, Outcome::Throttled];
                if let Some(&outcome) = outcomes.get(usize::from(how)) {
                    guard.head(outcome, Duration::from_millis(1), bench.now);
                }
            }
            bench.pass(100);
        }
        drop(held);
        prop_assert!(bench.pool.endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() == 0));
        let picker = bench.picker();
        prop_assert_eq!(picker.ledger.in_flight.load(std::sync::atomic::Ordering::Relaxed), 0);
        prop_assert_eq!(picker.ledger.service.count(crate::Layer::Http).load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}

#[test]
fn two_draws_are_distinct_and_uniform() {
    let bench = Bench::new(policy(Strategy::LeastRequest), &[100; 10]);
    let picker = bench.picker();
    let mut worker = Worker::new(3);
    // With one endpoint idle and all others loaded, it is chosen exactly when it is drawn: 2 of 10 times.
    let load: Vec<_> = bench.pool.endpoints[1..].iter().map(|endpoint| model::InFlight::raise(Arc::clone(endpoint), bench.now)).collect();
    let hits = (0..20_000).filter(|_| Bench::number(&picker.pick(&mut worker, &Ask::default(), bench.now).unwrap()) == 0).count();
    assert!((3800..4200).contains(&hits), "{hits} of 20000");
    drop(load);
}

#[test]
fn a_thousand_generations_reset_no_number_and_lose_no_decrement() {
    let mut bench = Bench::new(policy(Strategy::PeakEwma), &[100; 3]);
    let mut held = std::collections::VecDeque::new();
    for turn in 0..1000 {
        held.push_back(bench.pick().unwrap());
        bench.change(|pool| pool.endpoints.rotate_left(turn % 3));
        if held.len() > 8 {
            held.pop_front();
        }
        let in_flight: u32 = bench.pool.endpoints.iter().map(|endpoint| endpoint.vitals.in_flight()).sum();
        assert_eq!(in_flight as usize, held.len());
    }
    held.clear();
    assert!(bench.pool.endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() == 0));
}

#[test]
fn s1_auto_goes_over_to_looks_while_half_of_the_endpoints_report() {
    let mut bench = Bench::new(policy(Strategy::Auto), &[100; 4]);
    let report = |bench: &Bench, count: usize| {
        for endpoint in &bench.pool.endpoints[..count] {
            endpoint.vitals.report(&model::LoadReport { in_flight: Some(3.0), ..Default::default() }, bench.now);
        }
    };
    let run = |bench: &mut Bench, count: usize, seconds: u64| {
        for _ in 0..seconds {
            report(bench, count);
            bench.shares(1);
            bench.pass(1000);
        }
        bench.picker().method()
    };
    assert_eq!(run(&mut bench, 2, 9), Method::PeakEwma, "not before it has been so for ten seconds");
    assert_eq!(run(&mut bench, 2, 3), Method::Prequal);
    assert_eq!(bench.pickers.method(&bench.pool, Layer::Http), Method::Prequal);
    let other = Pool { policy: Arc::new(policy(Strategy::Random)), ..Pool::clone(&bench.pool) };
    assert_eq!(bench.pickers.method(&other, Layer::Http), Method::Random, "a picker of an older policy says nothing of this one");
    assert_eq!(run(&mut bench, 0, 8), Method::Prequal);
    assert_eq!(run(&mut bench, 2, 2), Method::Prequal, "the ten seconds begin anew");
    assert_eq!(run(&mut bench, 1, 13), Method::PeakEwma);
    let mut few = Bench::new(policy(Strategy::Auto), &[100; 3]);
    assert_eq!(run(&mut few, 3, 12), Method::PeakEwma, "below four there is nothing to look at");
}

#[test]
fn s13_by_rates_the_weight_is_requests_for_each_unit_of_load_and_errors() {
    let tuning = Tuning { by_rates: true, blackout: Duration::ZERO, ..Tuning::default() };
    let mut bench = Bench::new(Policy { tuning, ..policy(Strategy::Performance) }, &[100; 3]);
    bench.shares(3);
    assert_eq!(bench.picker().method(), Method::RoundRobin);
    let say = |bench: &Bench, index: usize, text: &str| {
        let report = report::Report::from_header(report::HEADER, text.as_bytes()).unwrap();
        let guard = bench.picker().pick_at(&mut Worker::new(1), bench.pool.endpoints[index].address, bench.now).unwrap();
        guard.report(&report, bench.now);
    };
    say(&bench, 0, "TEXT cpu_utilization=0.5,rps_fractional=100");
    bench.pass(1000);
    assert_eq!(bench.shares(300), [100; 3], "one reporter is none");
    // 100 / 0.25 against 100 / (0.5 + 50/100 * 1.0): 400 and 100; the third, which says nothing, gets the mean.
    say(&bench, 0, "TEXT cpu_utilization=0.25,rps_fractional=100");
    (0..40).for_each(|_| {
        say(&bench, 0, "TEXT cpu_utilization=0.25,rps_fractional=100");
        say(&bench, 1, "TEXT cpu_utilization=0.5,rps_fractional=100,eps=50");
        bench.pass(1000);
    });
    let shares = bench.shares(750);
    assert!(shares[0].abs_diff(400) < 12 && shares[1].abs_diff(100) < 8 && shares[2].abs_diff(250) < 10, "{shares:?}");
}

#[test]
fn s13_weights_by_rates_are_computed_once_in_their_period() {
    let shares_after = |period_ms: u64, ms: u64| {
        let tuning = Tuning { by_rates: true, blackout: Duration::ZERO, update_period: Duration::from_millis(period_ms), ..Tuning::default() };
        let mut bench = Bench::new(Policy { tuning, ..policy(Strategy::Performance) }, &[100; 2]);
        bench.shares(2);
        // The first period ends at a moment of the pool's own.
        bench.pass(period_ms + 200);
        let reports = [(0, "TEXT cpu_utilization=0.25,rps_fractional=100"), (1, "TEXT cpu_utilization=0.5,rps_fractional=100")];
        for (index, text) in reports {
            let report = report::Report::from_header(report::HEADER, text.as_bytes()).unwrap();
            bench.picker().pick_at(&mut Worker::new(1), bench.pool.endpoints[index].address, bench.now).unwrap().report(&report, bench.now);
        }
        bench.pass(ms);
        bench.shares(300)
    };
    let two_to_one = |shares: &[usize]| shares[0].abs_diff(200) <= 2;
    assert!(two_to_one(&shares_after(200, 300)));
    assert_eq!(shares_after(20_000, 300), [150, 150], "not yet");
    assert!(two_to_one(&shares_after(20_000, 20_000)));
}

#[test]
fn requests_in_sessions_are_not_spread_by_address_unless_somebody_asks_for_it() {
    use model::session::{Carrier, Session};
    let mut policy = policy(Strategy::SourceIp);
    let method = |policy: &model::policy::Policy, layer| crate::Method::of(policy, layer);
    policy.sources = vec![("strategy", "sessionAffinity".into())];
    assert_eq!(method(&policy, Layer::Http), crate::Method::Maglev);
    policy.session = Some(std::sync::Arc::new(Session { carrier: Carrier::Header { name: None }, absolute: None, idle: None }));
    assert_eq!((method(&policy, Layer::Http), method(&policy, Layer::Tcp)), (crate::Method::PeakEwma, crate::Method::Maglev));
    policy.sources = vec![("strategy", "annotation".into())];
    assert_eq!(method(&policy, Layer::Http), crate::Method::Maglev);
}
