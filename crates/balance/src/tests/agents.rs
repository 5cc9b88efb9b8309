//! What an agent says of its endpoint, against everything that would choose it.

use std::time::Duration;

use model::policy::Strategy;
use model::vitals::{AgentLine, State, Why};

use crate::Outcome;
use crate::fixture::{Bench, policy};

/// Two endpoints of which the second is ejected, with a trial that is due.
fn due() -> Bench {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 2]);
    bench.shares(2);
    bench.pool.endpoints[1].vitals.eject(Why::Gateway, Duration::from_millis(100), Duration::from_millis(100), 0.0, bench.now);
    bench
}

fn say(bench: &Bench, line: &str) {
    bench.pool.endpoints[1].vitals.heed_agent(&AgentLine::read(line).unwrap(), 100);
}

#[test]
fn o6_no_trial_goes_to_an_endpoint_whose_agent_wants_no_requests() {
    for line in ["maint", "drain", "down", "0%"] {
        let mut bench = due();
        say(&bench, line);
        bench.pass(1000);
        assert_eq!(bench.shares(20), [20, 0], "{line}");
        assert!(!bench.pool.endpoints[1].vitals.state().has(State::TRIAL), "{line}");
        // And it is the agent's word that holds it back: after that the trial comes.
        say(&bench, "ready up 100%");
        bench.pass(200);
        assert!(bench.shares(2)[1] > 0, "{line}");
    }
}

#[test]
fn o6_an_agent_that_speaks_after_a_trial_was_wished_for_is_heeded() {
    for line in ["maint", "drain", "down", "0%"] {
        let mut bench = due();
        bench.pass(200);
        say(&bench, line);
        assert_eq!(bench.shares(1), [1, 0], "{line}");
    }
}

#[test]
fn o6_a_due_trial_is_not_held_up_by_one_that_must_not_be() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100; 3]);
    bench.shares(3);
    for endpoint in &bench.pool.endpoints[1..] {
        endpoint.vitals.eject(Why::Gateway, Duration::from_millis(100), Duration::from_millis(100), 0.0, bench.now);
    }
    say(&bench, "maint");
    bench.pass(200);
    assert_eq!(bench.request(|_| Outcome::Success), Some(2));
}

#[test]
fn d1_no_trial_goes_to_an_endpoint_without_a_weight() {
    let mut bench = Bench::new(policy(Strategy::RoundRobin), &[100, 0]);
    bench.shares(2);
    bench.pool.endpoints[1].vitals.eject(Why::Gateway, Duration::from_millis(100), Duration::from_millis(100), 0.0, bench.now);
    bench.pass(1000);
    assert_eq!(bench.shares(20), [20, 0]);
}
