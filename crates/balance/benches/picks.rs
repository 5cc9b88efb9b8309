//! Nanoseconds per pick with its end, by strategy, number of endpoints and threads; and the times of table builds. Processor
//! time of the thread, not time of the wall: other work on the machine must not count.
//! `cargo bench -p fairlead-balance` prints them (balance spec T10, F4, F5).

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use balance::{Ask, Layer, Now, Outcome, Pickers, Worker};
use model::endpoint::{Endpoint, Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::{HashKey, Policy, Strategy, Tuning};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: u32 = 200_000;

fn pool(strategy: Strategy, n: u16) -> Arc<Pool> {
    let endpoint = |number: u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1 + number));
        Arc::new(Endpoint {
            address,
            identity: Identity { cluster: "".into(), target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: 100,
            stable_name: format!("shop/cart-{number}").into(),
            node: None,
            zone: None,
            standing: Standing::Ready,
            serving: true,
            attributes: None,
        })
    };
    let tuning = Tuning { hash_keys: vec![HashKey::Path], ..Tuning::default() };
    Arc::new(Pool {
        id: PoolId(1),
        service: Origin::new("Service", "shop", "cart"),
        port_name: "".into(),
        port: 80,
        transport: Transport::Tcp,
        app_protocol: None,
        endpoints: (0..n).map(endpoint).collect(),
        draining: Vec::new(),
        policy: Arc::new(Policy { strategy, tuning, slow_start: None, ..Policy::default() }),
    })
}

/// Processor time of this thread in nanoseconds.
fn spent_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Picks, and tells the end where asked; gives nanoseconds per round.
fn run(pickers: &Pickers, pool: &Arc<Pool>, seed: u64, ends: bool) -> f64 {
    let (mut worker, picker) = (Worker::new(seed), pickers.of(pool, Layer::Http));
    let started = spent_ns();
    for turn in 0..ROUNDS {
        let now = Now::from_ms(1_000_000 + u64::from(turn) / 1000);
        let ask = Ask { hash: Some(u64::from(turn).wrapping_mul(0x9E37_79B9_7F4A_7C15)), ..Ask::default() };
        let guard = picker.pick(&mut worker, &ask, now).expect("all are usable");
        if ends {
            guard.head(Outcome::Success, Duration::from_micros(u64::from(turn % 64)), now);
        }
        black_box(&guard);
    }
    (spent_ns() - started) / f64::from(ROUNDS)
}

fn main() {
    let strategies = [
        Strategy::RoundRobin,
        Strategy::Random,
        Strategy::LeastRequest,
        Strategy::PeakEwma,
        Strategy::Performance,
        Strategy::Maglev,
        Strategy::RingHash,
    ];
    println!("{:<14} {:>6} {:>10} {:>12} {:>12} {:>14}", "strategy", "n", "build us", "pick ns", "+ end ns", "2 threads ns");
    for strategy in strategies {
        for n in [2, 10, 100, 1000, 10_000] {
            let (pickers, pool) = (Pickers::new(1), pool(strategy, n));
            let started = spent_ns();
            pickers.of(&pool, Layer::Http);
            let build = (spent_ns() - started) / 1000.0;
            run(&pickers, &pool, 1, true);
            let pick = run(&pickers, &pool, 2, false);
            let end = run(&pickers, &pool, 3, true);
            let two: f64 = std::thread::scope(|scope| {
                let threads = [4, 5].map(|seed| {
                    scope.spawn({
                        let (pickers, pool) = (&pickers, &pool);
                        move || run(pickers, pool, seed, true)
                    })
                });
                threads.into_iter().map(|thread| thread.join().expect("a pick does not panic")).sum::<f64>() / 2.0
            });
            println!("{:<14} {n:>6} {build:>10.1} {pick:>12.1} {end:>12.1} {two:>14.1}", format!("{strategy:?}"));
        }
    }
}
