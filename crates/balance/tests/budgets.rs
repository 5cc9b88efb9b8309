//! What a pick may cost (balance spec B4, F4): no heap allocation, whatever the strategy, and none at its end.

#![allow(unsafe_code, reason = "counting allocations needs an allocator of our own")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use balance::{Ask, Layer, Now, Outcome, Pickers, Worker};
use support::{STRATEGIES, pool};

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

#[test]
fn a_pick_and_its_end_allocate_nothing() {
    for strategy in STRATEGIES {
        let (pickers, pool, mut worker) = (Pickers::new(1), pool(strategy, 100, &[100, 150, 200]), Worker::new(2));
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
