//! What a pick may cost (balance spec B4, F4): no heap allocation, whatever the strategy, and none at its end.

#![allow(unsafe_code, reason = "counting allocations needs an allocator of our own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use balance::{Ask, Layer, Now, Outcome, Pickers, Worker};
use model::endpoint::{Endpoint, Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::{HashKey, Policy, Strategy, Tuning};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has no counter any more, and nothing to count.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn pool(strategy: Strategy, n: u16) -> Arc<Pool> {
    let endpoint = |number: u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1 + number));
        Arc::new(Endpoint {
            address,
            identity: Identity { cluster: "".into(), target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: 100 + u32::from(number % 3) * 50,
            stable_name: format!("e{number}").into(),
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

#[test]
fn a_pick_and_its_end_allocate_nothing() {
    for strategy in [
        Strategy::RoundRobin,
        Strategy::Random,
        Strategy::LeastRequest,
        Strategy::PeakEwma,
        Strategy::Performance,
        Strategy::Maglev,
        Strategy::RingHash,
    ] {
        let (pickers, pool, mut worker) = (Pickers::new(1), pool(strategy, 100), Worker::new(2));
        let mut one = |turn: u64| {
            let now = Now::from_ms(1000 + turn);
            let ask = Ask { hash: Some(turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)), ..Ask::default() };
            let guard = pickers.of(&pool, Layer::Http).pick(&mut worker, &ask, now).expect("somebody is usable");
            // Every seventh fails, so that penalties, streaks and ejections are part of it.
            let outcome = if turn.is_multiple_of(7) { Outcome::Gateway } else { Outcome::Success };
            guard.head(outcome, Duration::from_micros(turn), now);
            guard.finish(Outcome::Success, Duration::from_micros(turn), now);
        };
        (0..10).for_each(&mut one);
        let before = ALLOCATIONS.get();
        (10..5_000).for_each(&mut one);
        assert_eq!(ALLOCATIONS.get() - before, 0, "{strategy:?}");
    }
}
