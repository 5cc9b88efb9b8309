//! An entrance as one thread sees it: the connections that came through it, and whether it is being closed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::Now;
use model::routes::{EntranceKey, Limits, Speaks};

use crate::core::{Options, Shared, now};
use crate::wheel::Timer;

/// How long idle clients may stay when memory runs short.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// An entrance on one thread.
pub struct Door {
    /// Address and port.
    pub key: EntranceKey,
    shared: Arc<Shared>,
    thread: usize,
    /// What is spoken there, also when no snapshot says it any more.
    speaks: Cell<Option<Speaks>>,
    closing: Cell<bool>,
    cut_off: Cell<bool>,
    /// Bounds of the entrance, and what they make of the plane's options; who is inside keeps what it came in with.
    bounds: RefCell<(Option<Arc<Limits>>, Rc<Options>)>,
    /// A timer per connection: waking it is how a connection learns that something changed.
    timers: RefCell<Vec<Option<Rc<Timer>>>>,
    free: RefCell<Vec<usize>>,
}

/// A connection's place at the door; dropping it is leaving.
pub struct Ticket {
    door: Rc<Door>,
    timer: Rc<Timer>,
    options: Rc<Options>,
    /// When the connection has lived long enough; never, of a stream.
    aged_at: Option<Now>,
    place: usize,
}

impl Door {
    /// An open one.
    pub fn new(key: EntranceKey, shared: Arc<Shared>, thread: usize) -> Rc<Self> {
        let options = Rc::new(shared.options.clone());
        Rc::new(Self {
            key,
            bounds: RefCell::new((None, options)),
            shared,
            thread,
            speaks: Cell::new(None),
            closing: Cell::new(false),
            cut_off: Cell::new(false),
            timers: RefCell::default(),
            free: RefCell::default(),
        })
    }

    /// What holds for those who come in from now on.
    pub fn bound(&self, limits: Option<&Arc<Limits>>) {
        let mut bounds = self.bounds.borrow_mut();
        if bounds.0.as_ref().map(Arc::as_ptr) != limits.map(Arc::as_ptr) {
            let options = limits.map_or_else(|| self.shared.options.clone(), |limits| self.shared.options.within(limits));
            *bounds = (limits.cloned(), Rc::new(options));
        }
    }

    /// A connection comes in. `random` decides how long exactly it may live, where that is bounded.
    pub fn enter(self: &Rc<Self>, timer: Timer, random: u64) -> Ticket {
        let options = Rc::clone(&self.bounds.borrow().1);
        // From nine to eleven tenths.
        let aged_at = options.age_max.map(|age| now().after(age / 10 * 9 + age / 1280 * (random % 256) as u32));
        let mut ticket = self.enter_again(Rc::new(timer), options);
        ticket.aged_at = aged_at;
        ticket
    }

    /// A stream comes in, with a timer that served another one before, and what holds for its connection.
    pub fn enter_again(self: &Rc<Self>, timer: Rc<Timer>, options: Rc<Options>) -> Ticket {
        let mut timers = self.timers.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            timers.push(None);
            timers.len() - 1
        });
        timers[place] = Some(Rc::clone(&timer));
        self.shared.loads.enter(self.thread);
        Ticket { door: Rc::clone(self), timer, options, aged_at: None, place }
    }

    /// What a connection that came in speaks: as its entrance says, or said while it was there.
    pub fn speaks(&self, now: Option<Speaks>) -> Option<Speaks> {
        if now.is_some() {
            self.speaks.set(now);
        }
        self.speaks.get()
    }

    /// No new requests: idle connections end now, the others after their answer.
    pub fn close(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// Whether it takes no new requests.
    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// The drain is over: what still runs ends now.
    pub fn cut_off(&self) {
        self.cut_off.set(true);
        self.close();
    }

    /// Connections that came through it and are open.
    pub fn open(&self) -> usize {
        self.timers.borrow().len() - self.free.borrow().len()
    }

    fn wake(&self) {
        for timer in self.timers.borrow().iter().flatten() {
            timer.wake();
        }
    }
}

impl Ticket {
    /// The connection's timer.
    pub fn timer(&self) -> &Timer {
        &self.timer
    }

    /// How to behave towards it.
    pub fn options(&self) -> &Rc<Options> {
        &self.options
    }

    /// How long it may wait for its next request: not for long when memory is.
    pub fn patience(&self) -> Duration {
        let idle = self.options.idle_timeout;
        if self.door.shared.pressure.is_tight() { idle.min(SHORT_PATIENCE) } else { idle }
    }

    /// The entrance.
    pub fn door(&self) -> &Rc<Door> {
        &self.door
    }

    /// This is the connection's last answer.
    pub fn is_closing(&self) -> bool {
        self.door.is_closing()
    }

    /// The connection has lived long enough: it ends with its next answer (gateway spec G103).
    pub fn is_aged(&self) -> bool {
        self.aged_at.is_some_and(|at| at <= now())
    }

    /// A wait no longer than this that ends when the connection has lived long enough.
    pub fn within_age(&self, wait: Duration) -> Duration {
        self.aged_at.map_or(wait, |at| at.since(now()).min(wait))
    }

    /// Nothing follows the answer that is given now.
    pub fn is_last(&self) -> bool {
        self.is_closing() || self.is_aged()
    }

    /// Everything ends now.
    pub fn is_cut_off(&self) -> bool {
        self.door.cut_off.get()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.door.timers.borrow_mut()[self.place] = None;
        self.door.free.borrow_mut().push(self.place);
        self.door.shared.loads.leave(self.door.thread);
    }
}
