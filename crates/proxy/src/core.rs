//! What a data thread keeps: the snapshot it serves from, idle backend connections, timers, random state. Not shared with
//! any other thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use balance::{Pickers, Worker};
use model::routes::{Entrance, EntranceKey, Limits};
use model::{Live, Now, Snapshot};

use crate::backends::Draws;
use crate::crew::Crew;
use crate::date::{self, Date};
use crate::h1::Head;
use crate::loads::Loads;
use crate::log::{AccessLog, Sampler};
use crate::numbers::{Numbers, Open, Tally};
use crate::pressure::Pressure;
use crate::request::session::Seals;
use crate::tls::Certificates;
use crate::upstream::commons::Commons;
use crate::upstream::tls::Clients;
use crate::upstream::{Dials, Idle};
use crate::wheel::{TICK, Wheel};

/// Sweeps of idle connections happen every so many ticks: once a second.
const SWEEP_TICKS: u64 = 10;

/// How the plane behaves; the same for every entrance.
#[derive(Clone, Debug)]
pub struct Options {
    /// Answers of ours carry `fairlead-reason`.
    pub show_reason: bool,
    /// Bounds of request heads.
    pub limits: crate::h1::Limits,
    /// Bounds of heads of answers.
    pub answer_limits: crate::h1::Limits,
    /// How long what came through an entrance may go on after that is gone, before it is cut off.
    pub drain: Duration,
    /// From the first byte of a head to its last.
    pub head_timeout: Duration,
    /// Longest silence of a client that owes a body.
    pub body_timeout: Duration,
    /// Longest wait for the next request of a connection.
    pub idle_timeout: Duration,
    /// Longest wait for a backend to accept a connection.
    pub connect_timeout: Duration,
    /// Longest silence of a backend that owes an answer.
    pub silence_timeout: Duration,
    /// Longest wait for a client that does not read.
    pub stalled_timeout: Duration,
    /// Longest silence of a tunnel.
    pub tunnel_timeout: Duration,
    /// Longest life of a client's connection, give or take a tenth, so that not all are renewed at once. `None` is for ever.
    pub age_max: Option<Duration>,
    /// Open client connections and streams beyond which nothing is accepted; `None` is 80 % of the limit of open files, half of
    /// which is for the backends' side.
    pub connections_max: Option<usize>,
    /// TLS handshakes in progress on one thread; more are reset.
    pub handshakes_max: usize,
}

impl Default for Options {
    /// The defaults of gateway spec G115.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            show_reason: true,
            limits: crate::h1::Limits::default(),
            answer_limits: crate::h1::Limits::default(),
            drain: seconds(30),
            head_timeout: seconds(10),
            body_timeout: seconds(60),
            idle_timeout: seconds(75),
            connect_timeout: seconds(5),
            silence_timeout: seconds(300),
            stalled_timeout: seconds(60),
            tunnel_timeout: seconds(3600),
            age_max: None,
            connections_max: None,
            handshakes_max: 1000,
        }
    }
}

impl Options {
    /// The same with what an entrance bounds otherwise.
    pub fn within(&self, limits: &Limits) -> Self {
        let head = crate::h1::Limits {
            target: limits.target_max.unwrap_or(self.limits.target),
            field: limits.field_max.unwrap_or(self.limits.field),
            block: limits.head_max.unwrap_or(self.limits.block),
            fields: limits.fields_max.unwrap_or(self.limits.fields),
        };
        Self {
            limits: head,
            head_timeout: limits.head_timeout.unwrap_or(self.head_timeout),
            body_timeout: limits.body_timeout.unwrap_or(self.body_timeout),
            idle_timeout: limits.idle_timeout.unwrap_or(self.idle_timeout),
            connect_timeout: limits.connect_timeout.unwrap_or(self.connect_timeout),
            silence_timeout: limits.silence_timeout.unwrap_or(self.silence_timeout),
            stalled_timeout: limits.stalled_timeout.unwrap_or(self.stalled_timeout),
            tunnel_timeout: limits.tunnel_timeout.unwrap_or(self.tunnel_timeout),
            age_max: limits.age_max.or(self.age_max),
            ..self.clone()
        }
    }
}

/// What all data threads share; nothing in it is locked on the request path.
pub struct Shared {
    /// The swap.
    pub live: Arc<Live>,
    /// Pickers of all pools.
    pub pickers: Arc<Pickers>,
    /// The access log; `None` when it is off.
    pub log: Option<AccessLog>,
    /// What is counted; `None` when nobody asks.
    pub numbers: Option<Numbers>,
    /// Keys by identity.
    pub certificates: Certificates,
    /// TLS towards backends.
    pub clients: Clients,
    /// What seals the tokens of sessions.
    pub seals: Seals,
    /// How to behave.
    pub options: Options,
    /// How many data threads there are.
    pub cores: usize,
    /// The data threads.
    pub runtime: crate::Runtime,
    /// Client connections and HTTP/2 streams open now, by thread.
    pub loads: Loads,
    /// Idle backend connections that any thread may take.
    pub commons: Commons,
    /// What is open now.
    pub open: Open,
    /// How many client connections and streams may be.
    pub open_max: usize,
    /// Whether memory runs short.
    pub pressure: Pressure,
}

/// A snapshot as a thread holds it: its requests count themselves here, and the threads do not fight over the one count that
/// all of them share.
pub struct Held(Arc<Snapshot>);

impl std::ops::Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

/// The state of one data thread.
pub struct Core {
    /// Its number.
    pub thread: usize,
    /// What is shared with the others.
    pub shared: Arc<Shared>,
    /// Deadlines.
    pub wheel: Rc<Wheel>,
    /// Idle backend connections.
    pub idle: RefCell<Idle>,
    /// Connections to backends that speak HTTP/2.
    pub http2: RefCell<crate::upstream::h2::Connections>,
    /// Connections that are being opened and others may share.
    pub dials: Dials,
    /// Turns of weighted backends.
    pub draws: RefCell<Draws>,
    /// State of picks.
    pub worker: RefCell<Worker>,
    /// What was counted since the last second.
    pub tally: RefCell<Tally>,
    /// What the access log counts.
    pub sampler: RefCell<Sampler>,
    /// Copies of requests under way.
    pub copies: Cell<usize>,
    /// TLS handshakes under way.
    pub handshakes: Cell<usize>,
    /// Refused certificates of clients that were told in this second of the clock.
    pub refusals: Cell<(u64, u32)>,
    /// Tasks that wait for the next connection.
    pub crew: Crew,
    snapshot: RefCell<Rc<Held>>,
    connections: Cell<u64>,
    random: Cell<u64>,
    ticks: Cell<u64>,
    /// This second, for answers.
    date: Cell<Date>,
}

impl Core {
    /// The state of a thread, with a seed of its own.
    pub fn new(shared: Arc<Shared>, thread: usize) -> Rc<Self> {
        let mut seed = [0; 8];
        // Without the system's random source the clock must do: threads then only march in step sometimes.
        let seed = getrandom::fill(&mut seed).map_or_else(|_| now().0, |()| u64::from_ne_bytes(seed));
        let snapshot = shared.live.snapshot();
        Rc::new(Self {
            thread,
            wheel: Rc::default(),
            idle: RefCell::default(),
            http2: RefCell::default(),
            dials: Dials::default(),
            draws: RefCell::default(),
            worker: RefCell::new(Worker::new(seed)),
            tally: RefCell::default(),
            sampler: RefCell::default(),
            copies: Cell::new(0),
            handshakes: Cell::new(0),
            refusals: Cell::new((0, 0)),
            connections: Cell::new(0),
            crew: Crew::default(),
            snapshot: RefCell::new(Rc::new(Held(snapshot))),
            random: Cell::new(seed ^ 0x9E37_79B9_7F4A_7C15),
            ticks: Cell::new(0),
            date: Cell::new(date::now()),
            shared,
        })
    }

    /// The snapshot in force, to hold for a request. The count that is raised is this thread's own.
    pub fn snapshot(&self) -> Rc<Held> {
        let newest = self.shared.live.load();
        let mut held = self.snapshot.borrow_mut();
        if !Arc::ptr_eq(&held.0, &newest) {
            *held = Rc::new(Held(Arc::clone(&newest)));
        }
        Rc::clone(&held)
    }

    /// How to behave.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// A number for the next connection that no other one of the process has.
    pub fn next_connection(&self) -> u64 {
        self.connections.set(self.connections.get() + 1);
        self.connections.get() * self.shared.cores as u64 + self.thread as u64
    }

    /// 64 random bits (splitmix64): for ids and draws, not for secrets.
    pub fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Gives an answer the time, if it has none: ours must have it, and one that is passed on, too (RFC 9110 §6.6.1).
    pub fn date(&self, head: &mut Head) {
        if !head.fields.iter().any(|field| head.name(field).eq_ignore_ascii_case(b"date")) {
            head.push(b"date", &self.date.get());
        }
    }

    /// Turns the wheel and sweeps, until the thread ends. One task a thread.
    pub async fn tick(self: Rc<Self>) {
        let mut interval = tokio::time::interval(TICK);
        // After a stall the wheel catches up: deadlines are counted in turns.
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        loop {
            interval.tick().await;
            self.wheel.turn();
            net::reactor::tick();
            self.ticks.set(self.ticks.get() + 1);
            self.date.set(date::now());
            if self.ticks.get().is_multiple_of(SWEEP_TICKS) {
                let snapshot = self.snapshot();
                if self.shared.pressure.is_tight() {
                    self.idle.borrow_mut().clear();
                    self.shared.commons.clear();
                    self.crew.dismiss();
                }
                self.idle.borrow_mut().sweep(&snapshot, now());
                if self.shared.cores > 1 {
                    let rested = self.idle.borrow_mut().rested(now());
                    self.shared.commons.leave(rested.into_iter());
                }
                if self.thread == 0 {
                    self.shared.commons.sweep(&snapshot, now());
                }
                self.http2.borrow_mut().sweep(&snapshot);
                self.draws.borrow_mut().sweep();
                if let Some(numbers) = &self.shared.numbers {
                    numbers.add(&mut self.tally.borrow_mut(), &snapshot);
                }
            }
        }
    }
}

/// The entrance of this key in a snapshot.
pub fn entrance<'a>(snapshot: &'a Snapshot, key: &EntranceKey) -> Option<&'a Arc<Entrance>> {
    snapshot.entrances.ports.get(key)
}

/// The time all planes agree on.
pub fn now() -> Now {
    Now(net::clock::monotonic_ns())
}
