//! Whatever happens in whatever order, these hold at every step (balance spec T2).

use std::time::Duration;

use model::policy::{Outlier, Policy, RetryBudget, Strategy as Kind, Tuning};
use model::vitals::{LoadReport, State};
use proptest::prelude::*;

use crate::fixture::{Bench, policy};
use crate::guard::cap;
use crate::{Guard, Outcome, ramp};

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    Pick,
    /// The request with this number among those under way ends so.
    End(usize, Outcome, u16),
    Drop(usize),
    Pass(u16),
    /// A check of an endpoint says so.
    Check(usize, bool),
    Report(usize, [f32; 5]),
    /// The pool as a new generation has it.
    Change,
    Retry,
}

fn number() -> impl Strategy<Value = f32> + Clone {
    prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(-1.0), Just(0.0), Just(f32::MAX), Just(1e-30), 0.0f32..2.0]
}

fn event(endpoints: usize) -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        3 => Just(Outcome::Gateway),
        1 => Just(Outcome::ServerError),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Canceled),
        1 => Just(Outcome::Throttled),
        1 => Just(Outcome::ConnectTimeout),
    ];
    prop_oneof![
        6 => Just(Event::Pick),
        6 => (any::<usize>(), outcome, 0u16..2000).prop_map(|(which, outcome, ms)| Event::End(which, outcome, ms)),
        1 => any::<usize>().prop_map(Event::Drop),
        2 => (0u16..3000).prop_map(Event::Pass),
        1 => (0..endpoints, any::<bool>()).prop_map(|(which, up)| Event::Check(which, up)),
        1 => (0..endpoints, [number(), number(), number(), number(), number()]).prop_map(|(which, numbers)| Event::Report(which, numbers)),
        1 => Just(Event::Change),
        1 => Just(Event::Retry),
    ]
}

struct Machine {
    bench: Bench,
    under_way: Vec<Guard>,
    /// Those that the budget allowed.
    retries: u32,
}

impl Machine {
    fn step(&mut self, event: &Event) {
        let Self { bench, under_way, .. } = self;
        let one = |which: usize, of: usize| which.checked_rem(of);
        match event {
            Event::Pick => under_way.extend(bench.pick()),
            Event::End(which, outcome, ms) => {
                if let Some(at) = one(*which, under_way.len()) {
                    under_way.swap_remove(at).finish(*outcome, Duration::from_millis((*ms).into()), bench.now);
                }
            }
            Event::Drop(which) => {
                if let Some(at) = one(*which, under_way.len()) {
                    drop(under_way.swap_remove(at));
                }
            }
            Event::Pass(ms) => {
                bench.now = bench.now.after(Duration::from_millis((*ms).into()));
                bench.pass(100);
            }
            Event::Check(which, up) => {
                bench.pool.endpoints[*which].vitals.mark(State::PROBE_DOWN, !up);
            }
            Event::Report(which, [utilisation, cpu, memory, in_flight, latency_us]) => bench.pool.endpoints[*which].vitals.report(
                &LoadReport {
                    utilisation: Some(*utilisation),
                    cpu: Some(*cpu),
                    memory: Some(*memory),
                    in_flight: Some(*in_flight),
                    latency_us: Some(*latency_us),
                    requests_per_s: Some(*cpu),
                    errors_per_s: Some(*memory),
                },
                bench.now,
            ),
            Event::Change => bench.change(|pool| pool.app_protocol = Some("x".into())),
            Event::Retry => self.retries += u32::from(bench.picker().allows_retry(bench.now)),
        }
    }

    fn holds(&self) {
        let (bench, policy) = (&self.bench, &self.bench.pool.policy);
        let all = bench.pool.endpoints.iter().map(|endpoint| &endpoint.vitals);
        let mut soft = 0;
        for vitals in all.clone() {
            let state = vitals.state();
            soft += usize::from(state.has(State::EJECTED) && !state.has(State::HARD));
            let weight = vitals.slow_weight();
            assert!((0.1..=5.0).contains(&weight), "slow weight {weight}");
            let numbers = [vitals.latency_us(model::vitals::Fade::over(policy.tuning.decay), bench.now).unwrap_or(0.0), vitals.penalty_us(bench.now)];
            assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0), "{numbers:?}");
            let factor = ramp::factor(vitals, policy.slow_start.as_ref(), bench.now);
            assert!((0.1..=1.0).contains(&factor), "ramp {factor}");
        }
        assert!(soft <= cap(bench.pool.endpoints.len(), &policy.outlier), "{soft} are ejected by soft evidence");
        for (number, vitals) in all.enumerate() {
            let trials = self.under_way.iter().filter(|guard| guard.is_trial() && Bench::number(guard) == number).count();
            assert!(trials <= 1, "{trials} trials at once");
            assert_eq!(vitals.in_flight() as usize, self.under_way.iter().filter(|guard| Bench::number(guard) == number).count());
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Auto),
        Just(Kind::RoundRobin),
        Just(Kind::LeastRequest),
        Just(Kind::PeakEwma),
        Just(Kind::Performance),
        Just(Kind::Prequal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_must_hold_at_every_step(
        strategy in kinds(), n in 2usize..7, by_rates: bool, ramps: bool, events in prop::collection::vec(event(7), 1..250),
    ) {
        let tuning = Tuning { by_rates, blackout: Duration::ZERO, ..Tuning::default() };
        let outlier = Outlier { consecutive_gateway: 2, min_requests: 3, ..Outlier::default() };
        let retry_budget = RetryBudget { percent: 0, min_per_second: 1, ..Policy::default().retry_budget };
        let slow_start = Policy::default().slow_start.filter(|_| ramps);
        let wanted = Policy { tuning, outlier, retry_budget, slow_start, ..policy(strategy) };
        let mut machine = Machine { bench: Bench::new(wanted, &vec![100; n]), under_way: Vec::new(), retries: 0 };
        let began = machine.bench.now;
        for event in &events {
            // What concerns an endpoint that this pool does not have.
            if matches!(event, Event::Check(which, _) | Event::Report(which, _) if *which >= n) {
                continue;
            }
            machine.step(event);
            machine.holds();
        }
        let seconds = machine.bench.now.seconds() - began.seconds() + 1;
        prop_assert!(u64::from(machine.retries) <= seconds, "one a second is allowed");
        machine.under_way.clear();
        prop_assert!(machine.bench.pool.endpoints.iter().all(|endpoint| endpoint.vitals.in_flight() == 0));
    }

    #[test]
    fn a_ramp_only_rises(steps in prop::collection::vec(0u64..2_000, 1..60), aggression in 0.2f64..5.0) {
        let slow_start = Policy::default().slow_start.map(|ramp| model::policy::SlowStart { aggression, ..ramp });
        let vitals = model::Vitals::default();
        let mut now = model::Now::from_ms(5);
        vitals.begin_ramp(false, now);
        let mut before = 0.0;
        for step in steps {
            now = now.after(Duration::from_millis(step));
            let factor = ramp::factor(&vitals, slow_start.as_ref(), now);
            prop_assert!(factor >= before, "{factor} after {before}");
            before = factor;
        }
    }
}
