//! Nanoseconds per pick and per end of one, by strategy, number of endpoints and threads; and the times of table builds.
//! Processor time of the thread, not time of the wall: other work on the machine must not count.
//! `cargo bench -p fairlead-balance` prints them (balance spec T10, F4, F5). An argument names the one strategy to run; `--json` prints an
//! object a line, which is what `cargo xtask bench balance` reads.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use balance::{Ask, Guard, Layer, Now, Outcome, Pickers, Worker};
use model::endpoint::Pool;
use rustix::time::{ClockId, clock_gettime};
use support::{STRATEGIES, pool};

/// Picks between two readings of the clock: as many are in flight at a time.
const BATCH: usize = 256;
const BATCHES: u32 = 800;

/// Processor time of this thread in nanoseconds.
fn spent_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Picks and ends in batches; gives nanoseconds per pick and per end.
fn run(pickers: &Pickers, pool: &Arc<Pool>, seed: u64) -> (f64, f64) {
    let (mut worker, picker) = (Worker::new(seed), pickers.of(pool, Layer::Http));
    let (mut picking, mut ending) = (0.0, 0.0);
    let mut guards: Vec<Guard> = Vec::with_capacity(BATCH);
    for batch in 0..BATCHES {
        let now = Now::from_ms(1_000_000 + u64::from(batch));
        let started = spent_ns();
        for turn in 0..BATCH as u64 {
            let hash = (u64::from(batch) << 32 | turn).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let ask = Ask { hash: Some(hash), ..Ask::default() };
            if let Ok(guard) = picker.pick(&mut worker, &ask, now) {
                guards.push(guard);
            }
        }
        let picked = spent_ns();
        for (turn, guard) in guards.drain(..).enumerate() {
            guard.head(Outcome::Success, Duration::from_micros(turn as u64 % 64), now);
            black_box(&guard);
        }
        (picking, ending) = (picking + picked - started, ending + spent_ns() - picked);
    }
    let count = f64::from(BATCHES) * BATCH as f64;
    (picking / count, ending / count)
}

fn heading() {
    println!("{:<14} {:>6} {:>10} {:>10} {:>10} {:>16}", "strategy", "n", "build us", "pick ns", "end ns", "2 threads, both");
}

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let as_json = std::env::args().any(|argument| argument == "--json");
    if !as_json {
        heading();
    }
    for strategy in STRATEGIES.into_iter().filter(|strategy| only.as_ref().is_none_or(|only| *only == format!("{strategy:?}"))) {
        for n in [2, 10, 100, 1000, 10_000] {
            let (pickers, pool) = (Pickers::new(1), pool(strategy, n, &[100]));
            let started = spent_ns();
            pickers.of(&pool, Layer::Http);
            let build = (spent_ns() - started) / 1000.0;
            run(&pickers, &pool, 1);
            let (pick, end) = run(&pickers, &pool, 2);
            let two: f64 = std::thread::scope(|scope| {
                let threads = [4, 5].map(|seed| {
                    scope.spawn({
                        let (pickers, pool) = (&pickers, &pool);
                        move || run(pickers, pool, seed)
                    })
                });
                threads.into_iter().map(|thread| thread.join().expect("a pick does not panic")).map(|(pick, end)| pick + end).sum::<f64>() / 2.0
            });
            if as_json {
                println!(r#"{{"strategy":"{strategy:?}","n":{n},"build_us":{build:.1},"pick_ns":{pick:.1},"end_ns":{end:.1},"two_ns":{two:.1}}}"#);
            } else {
                println!("{:<14} {n:>6} {build:>10.1} {pick:>10.1} {end:>10.1} {two:>16.1}", format!("{strategy:?}"));
            }
        }
    }
}
