//! Coarse deadlines for many connections (gateway spec G91): one wheel a thread, turned every 100 ms.
//!
//! Setting a deadline is a store to memory. The wheel looks at a timer only when the moment it was queued for has come, and
//! queues it again if the deadline has moved on meanwhile, as it nearly always has on a connection that lives.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Time of one turn.
pub const TICK: Duration = Duration::from_millis(100);

/// Turns in a second.
const TURNS: u64 = 1000 / TICK_MS;
const TICK_MS: u64 = TICK.as_millis() as u64;

/// Places of the wheel: 51.2 s. What is later waits for more than one round.
const PLACES: usize = 512;

/// Entries of a place that are searched for a timer that is dropped.
const SEARCHED: usize = 64;

/// No deadline, or not queued.
const NEVER: u64 = u64::MAX;

/// The wheel of a thread.
pub struct Wheel {
    now: Cell<u64>,
    places: RefCell<Vec<Vec<Rc<Entry>>>>,
}

struct Entry {
    deadline: Cell<u64>,
    /// The deadline that is meant, where one of its steps is in force.
    last: Cell<u64>,
    /// The deadline in force is a step.
    stepping: Cell<bool>,
    /// The turn it is queued for; entries of other turns are remains of a later deadline.
    queued: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// A deadline that can be moved.
pub struct Timer {
    entry: Rc<Entry>,
    wheel: Rc<Wheel>,
}

impl Default for Wheel {
    fn default() -> Self {
        Self { now: Cell::new(0), places: RefCell::new(vec![Vec::new(); PLACES]) }
    }
}

impl Wheel {
    /// A timer on this wheel, without a deadline.
    pub fn timer(self: &Rc<Self>) -> Timer {
        let entry = Entry {
            deadline: Cell::new(NEVER),
            last: Cell::new(NEVER),
            stepping: Cell::new(false),
            queued: Cell::new(NEVER),
            waker: RefCell::new(None),
        };
        Timer { entry: Rc::new(entry), wheel: Rc::clone(self) }
    }

    /// One tick has passed: wakes whoever is due.
    pub fn turn(&self) {
        let now = self.now.get() + 1;
        self.now.set(now);
        let due = std::mem::take(&mut self.places.borrow_mut()[now as usize % PLACES]);
        for entry in due {
            // Dropped timers are in nobody else's hands.
            if entry.queued.get() != now || Rc::strong_count(&entry) == 1 {
                continue;
            }
            entry.queued.set(NEVER);
            let deadline = entry.deadline.get();
            if deadline <= now {
                let waker = entry.waker.borrow_mut().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            } else if deadline != NEVER {
                self.queue(&entry, deadline);
            }
        }
    }

    fn queue(&self, entry: &Rc<Entry>, deadline: u64) {
        // A deadline beyond one round is looked at once a round.
        let place = deadline.min(self.now.get() + PLACES as u64 - 1);
        entry.queued.set(place);
        self.places.borrow_mut()[place as usize % PLACES].push(Rc::clone(entry));
    }
}

impl Timer {
    /// Due after this time, to the next tick or two. Replaces the former deadline.
    pub fn set(&self, after: Duration) {
        // One tick more: the current one is partly over.
        let ticks = after.as_secs().saturating_mul(TURNS).saturating_add(u64::from(after.subsec_millis()).div_ceil(TICK_MS) + 1);
        let deadline = self.wheel.now.get().saturating_add(ticks);
        self.entry.last.set(deadline);
        self.entry.stepping.set(false);
        self.entry.deadline.set(deadline);
        if self.entry.queued.get() > deadline {
            self.wheel.queue(&self.entry, deadline);
        }
    }

    /// The same, but it expires every second until then: whoever waits can look around ([`Timer::poll_steps`]).
    pub fn set_in_steps(&self, after: Duration) {
        let (pending, was_stepping, now) = (self.entry.deadline.get(), self.entry.stepping.get(), self.wheel.now.get());
        self.set(after);
        // A step that is due stays, however often the deadline moves: who is busy looks around, too.
        if was_stepping && pending > now && pending <= self.entry.last.get() {
            self.entry.deadline.set(pending);
            self.entry.stepping.set(true);
            if self.entry.queued.get() > pending {
                self.wheel.queue(&self.entry, pending);
            }
        } else {
            self.step();
        }
    }

    /// Of a timer that has expired: whether that was its deadline. If not, the next step begins.
    fn is_over(&self) -> bool {
        self.entry.last.get() <= self.wheel.now.get() || !self.step()
    }

    /// Waits for the deadline of [`Timer::set_in_steps`], and looks around at each step. Ready with false when there was something to see.
    pub fn poll_steps(&self, context: &Context<'_>, mut look: impl FnMut() -> bool) -> Poll<bool> {
        while self.expired(context) {
            if self.is_over() {
                return Poll::Ready(true);
            }
            if look() {
                return Poll::Ready(false);
            }
        }
        Poll::Pending
    }

    /// Brings the deadline forward by a step, if it is further away.
    fn step(&self) -> bool {
        let (next, last) = (self.wheel.now.get() + TURNS, self.entry.last.get());
        self.entry.deadline.set(next.min(last));
        self.entry.stepping.set(true);
        if self.entry.queued.get() > next.min(last) {
            self.wheel.queue(&self.entry, next.min(last));
        }
        last != NEVER
    }

    /// Wakes the task that waits for it, deadline or not.
    pub fn wake(&self) {
        // Taken out first: the task may look at its timer while it is woken.
        let waker = self.entry.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the deadline has passed; if not, the task is woken when it has.
    pub fn expired(&self, context: &Context<'_>) -> bool {
        if self.entry.deadline.get() <= self.wheel.now.get() {
            return true;
        }
        let mut waker = self.entry.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        false
    }
}

impl Drop for Timer {
    /// Takes it off the wheel, so that connections which come and go leave nothing behind. It stands near the end of its place
    /// unless it has lived for long; then it may stay there until its turn comes.
    fn drop(&mut self) {
        let queued = self.entry.queued.replace(NEVER);
        if queued == NEVER {
            return;
        }
        let place = &mut self.wheel.places.borrow_mut()[queued as usize % PLACES];
        let tail = place.len().saturating_sub(SEARCHED);
        if let Some(at) = place[tail..].iter().rposition(|entry| Rc::ptr_eq(entry, &self.entry)) {
            place.swap_remove(tail + at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns_until_expired(wheel: &Rc<Wheel>, timer: &Timer) -> usize {
        let context = Context::from_waker(Waker::noop());
        (0..2000)
            .position(|_| {
                timer.expired(&context) || {
                    wheel.turn();
                    false
                }
            })
            .unwrap_or(usize::MAX)
    }

    #[test]
    fn a_deadline_in_steps_expires_every_second_and_is_over_once() {
        let wheel = Rc::new(Wheel::default());
        let timer = wheel.timer();
        timer.set_in_steps(Duration::from_millis(3_450));
        let mut steps = Vec::new();
        loop {
            steps.push(turns_until_expired(&wheel, &timer));
            if timer.is_over() {
                break;
            }
        }
        assert_eq!(steps, [10, 10, 10, 6]);
        timer.set_in_steps(Duration::from_secs(60));
        for _ in 0..9 {
            wheel.turn();
            timer.set_in_steps(Duration::from_secs(60));
        }
        assert_eq!(turns_until_expired(&wheel, &timer), 1, "moving the deadline moves no step that is due");
        timer.set(Duration::from_millis(500));
        turns_until_expired(&wheel, &timer);
        assert!(timer.is_over(), "one without steps is over when it has expired");
    }

    #[test]
    fn deadlines_are_kept_and_moved() {
        let wheel = Rc::new(Wheel::default());
        let timer = wheel.timer();
        assert_eq!(turns_until_expired(&wheel, &timer), usize::MAX);
        timer.set(Duration::from_secs(10));
        assert_eq!(turns_until_expired(&wheel, &timer), 101);
        timer.set(Duration::from_secs(100));
        assert_eq!(turns_until_expired(&wheel, &timer), 1001, "longer than a round");
        timer.set(Duration::from_secs(60));
        timer.set(Duration::from_millis(1));
        assert_eq!(turns_until_expired(&wheel, &timer), 2, "an earlier one replaces a later one");
    }

    #[test]
    fn a_waiting_task_is_woken_once_it_is_due_and_moving_the_deadline_on_queues_nothing() {
        struct Flag(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Flag {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let flag = std::sync::Arc::new(Flag(0.into()));
        let waker = Waker::from(std::sync::Arc::clone(&flag));
        let context = Context::from_waker(&waker);
        let wheel = Rc::new(Wheel::default());
        let timer = wheel.timer();
        for _ in 0..50 {
            timer.set(Duration::from_secs(5));
            assert!(!timer.expired(&context));
            wheel.turn();
        }
        let queued: usize = wheel.places.borrow().iter().map(Vec::len).sum();
        assert_eq!((queued, flag.0.load(std::sync::atomic::Ordering::Relaxed)), (1, 0));
        for _ in 0..60 {
            wheel.turn();
        }
        assert_eq!(flag.0.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert!(timer.expired(&context));
    }

    #[test]
    fn timers_that_are_dropped_leave_nothing_behind() {
        let wheel = Rc::new(Wheel::default());
        for _ in 0..100 {
            let timers: Vec<_> = (0..10).map(|_| wheel.timer()).collect();
            timers.iter().for_each(|timer| timer.set(Duration::from_secs(10)));
        }
        assert_eq!(wheel.places.borrow().iter().map(Vec::len).sum::<usize>(), 0);
    }
}
