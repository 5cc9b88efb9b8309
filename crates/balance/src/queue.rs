//! Requests that wait because nobody can take them now: every endpoint is full, or all are out and each is being tried by
//! one request (balance spec R3, O9). One line per pool and layer for the whole process, first come, first served; the
//! bound holds for the service.
//!
//! Only the first in line looks for an endpoint. It is called when a request of its pool ends, when shares or endpoints
//! change and by each run of `judge`; when it leaves, served or not, the next one is called. So a free place goes to who
//! waited longest, and nobody polls.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::build::Picker;
use crate::ledger::Ledger;

/// The line of one pool.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// How many stand in line: what the end of a request reads, so that nobody takes the lock while nobody waits.
    waiting: AtomicU32,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// In the order of their numbers.
    places: VecDeque<Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    /// Something has changed since the waiter last looked.
    called: bool,
    waker: Option<Waker>,
}

/// What a service tells of its lines.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Waiting now, over all its pools.
    pub(crate) depth: AtomicU32,
    /// Turned away because too many waited already, or because waiting was in vain.
    pub(crate) dropped: AtomicU64,
    /// Sent to endpoints that are new beyond what these shall have, because all are new and waiting was in vain.
    pub(crate) overflowed: AtomicU64,
}

/// A place in line. Dropping it leaves the line and calls the next.
#[derive(Debug)]
pub struct Place {
    ledger: Arc<Ledger>,
    number: u64,
}

impl Picker {
    /// Whether requests wait for this pool: a later one stands in line too, or it would overtake them.
    pub fn has_queue(&self) -> bool {
        self.ledger.queue.waiting.load(Ordering::Relaxed) != 0
    }

    /// Takes the last place in line; `None` when as many wait for the service as its policy allows: `circuit_open`.
    pub fn enter_queue(&self) -> Option<Place> {
        let (ledger, most) = (&self.ledger, self.pool.policy.limits.pending_max);
        let pending = &ledger.service.pending;
        let below = |depth: u32| (depth < most).then_some(depth + 1);
        if pending.depth.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).is_err() {
            pending.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Place { ledger: Arc::clone(ledger), number: ledger.queue.enter() })
    }
}

impl Place {
    /// Ready when the first in line should look for an endpoint; each call of it is told once. Others stay pending.
    pub fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut line = self.ledger.queue.line.lock();
        let is_first = line.places.front().is_some_and(|first| first.number == self.number);
        let Some(own) = line.place(self.number) else { return Poll::Ready(()) };
        if is_first && std::mem::take(&mut own.called) {
            return Poll::Ready(());
        }
        if !own.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            own.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Whether everybody who came earlier is gone.
    pub fn is_first(&self) -> bool {
        self.ledger.queue.line.lock().places.front().is_some_and(|first| first.number == self.number)
    }

    /// The wait was in vain: counted as turned away.
    pub fn give_up(self) {
        self.ledger.service.pending.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.ledger.queue.leave(self.number);
        self.ledger.service.pending.depth.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    fn enter(&self) -> u64 {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Whoever lowers a count reads `waiting` after it; who waits reads the counts after this. One of the two sees the
        // other, so that no place becomes free unnoticed.
        fence(Ordering::SeqCst);
        let mut line = self.line.lock();
        let number = line.next;
        line.next += 1;
        line.places.push_back(Waiter { number, called: true, waker: None });
        number
    }

    fn leave(&self, number: u64) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let mut line = self.line.lock();
        let was_first = line.places.front().is_some_and(|first| first.number == number);
        if let Ok(at) = line.places.binary_search_by_key(&number, |place| place.number) {
            line.places.remove(at);
        }
        let next = if was_first { line.call_first() } else { None };
        drop(line);
        if let Some(waker) = next {
            waker.wake();
        }
    }

    /// Something changed: the first in line, if there is one, looks again.
    pub(crate) fn call(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let waker = self.line.lock().call_first();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }
}

impl Line {
    fn place(&mut self, number: u64) -> Option<&mut Waiter> {
        let at = self.places.binary_search_by_key(&number, |place| place.number).ok()?;
        self.places.get_mut(at)
    }

    fn call_first(&mut self) -> Option<Waker> {
        let first = self.places.front_mut()?;
        first.called = true;
        first.waker.take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;
    use std::time::Duration;

    use model::policy::{Limits, Policy, Strategy};

    use super::*;
    use crate::fixture::{Bench, policy};
    use crate::{Ask, Layer, NoPick, Worker};

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn one_at_a_time(pending_max: u32) -> Policy {
        let limits = Limits { endpoint_in_flight: Some(1), pending_max, ..Limits::default() };
        Policy { limits, ..policy(Strategy::LeastRequest) }
    }

    fn polls_ready(place: &Place, bell: &Arc<Bell>) -> bool {
        place.poll_turn(&mut Context::from_waker(&Arc::clone(bell).into())).is_ready()
    }

    #[test]
    fn who_waited_longest_is_called_when_a_place_becomes_free() {
        let mut bench = Bench::new(one_at_a_time(10), &[100]);
        let running = bench.pick().unwrap();
        assert_eq!(bench.pick().unwrap_err(), NoPick::Full);
        let (first, second) = (bench.picker().enter_queue().unwrap(), bench.picker().enter_queue().unwrap());
        let bells: [Arc<Bell>; 2] = Default::default();
        assert!(polls_ready(&first, &bells[0]), "the first looks once");
        assert_eq!(bench.pick().unwrap_err(), NoPick::Full, "a look in vain calls nobody");
        assert!(!polls_ready(&first, &bells[0]) && !polls_ready(&second, &bells[1]));
        drop(running);
        assert_eq!(bells.each_ref().map(|bell| bell.0.load(Ordering::SeqCst)), [1, 0]);
        assert!(polls_ready(&first, &bells[0]));
        let running = bench.pick().unwrap();
        drop(first);
        assert_eq!(bells[1].0.load(Ordering::SeqCst), 1, "the next is called when the first is served");
        assert!(polls_ready(&second, &bells[1]) && second.is_first());
        drop((running, second));
        assert!(!bench.picker().has_queue());
    }

    #[test]
    fn who_leaves_from_the_middle_is_forgotten() {
        let bench = Bench::new(one_at_a_time(3), &[100]);
        let mut places: Vec<Place> = (0..3).filter_map(|_| bench.picker().enter_queue()).collect();
        assert!(places.len() == 3 && bench.picker().enter_queue().is_none(), "bounded");
        places.remove(1);
        let last = places.pop().unwrap();
        assert!(!last.is_first());
        drop(places);
        assert!(last.is_first());
        let ledger = Arc::clone(&last.ledger);
        last.give_up();
        assert_eq!(ledger.service.pending.depth.load(Ordering::SeqCst), 0);
        assert_eq!(ledger.service.pending.dropped.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn with_a_bound_of_zero_nobody_waits() {
        let bench = Bench::new(one_at_a_time(0), &[100]);
        assert!(bench.picker().enter_queue().is_none());
    }

    struct Thread(std::thread::Thread);

    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Without the judge: a call that was lost would leave a thread parked for ever.
    #[test]
    fn no_free_place_goes_unnoticed_under_contention() {
        let bench = Bench::new(one_at_a_time(64), &[100, 100]);
        let served = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for seed in 0..6 {
                let (pickers, pool, served, now) = (&bench.pickers, &bench.pool, &served, bench.now);
                scope.spawn(move || {
                    let mut worker = Worker::new(seed);
                    let waker = Arc::new(Thread(std::thread::current())).into();
                    for _ in 0..2_000 {
                        let picker = pickers.of(pool, Layer::Http);
                        let mut guard = picker.pick(&mut worker, &Ask::default(), now);
                        if guard.is_err() {
                            let place = picker.enter_queue().expect("fewer threads than places");
                            while guard.is_err() {
                                while place.poll_turn(&mut Context::from_waker(&waker)).is_pending() {
                                    std::thread::park_timeout(Duration::from_secs(20));
                                }
                                guard = picker.pick(&mut worker, &Ask::default(), now);
                            }
                        }
                        served.fetch_add(1, Ordering::Relaxed);
                        std::hint::black_box(&guard);
                    }
                });
            }
        });
        assert_eq!(served.into_inner(), 12_000);
    }
}
