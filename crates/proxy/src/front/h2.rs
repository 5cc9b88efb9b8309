//! A client that speaks HTTP/2 (gateway spec G102): one task for the connection and all of its streams. Requests and answers take
//! the same way as those of HTTP/1.
//!
//! Each stream is served by a worker: a future that the connection's task polls in place, and that serves one stream after the
//! other with the same memory. What many workers have to say leaves in one write.

mod convert;
mod stream;
mod wakes;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use model::routes::Listener;

use crate::answer::{Answer, Reason};
use crate::caller::Caller;
use crate::core::{Core, Options, now};
use crate::door::{Door, Ticket};
use crate::front::Front as _;
use crate::front::h1::LAST_CALL;
use crate::h1::Head;
use crate::h2::{Code, Conn, Fatal, Io, Over, Shared};
use crate::log::{Record, Way};
use crate::request::asked::Asked;
use crate::request::{self, Visit};
use crate::wire::Wire;

use stream::Stream;
use wakes::Wakes;

/// What a client gets to hear that the connection ends, and to read why it is sent away.
const FAREWELL: Duration = Duration::from_secs(1);
/// After this long without a stream a connection keeps no memory for the next one.
const REST: Duration = Duration::from_secs(5);
/// Rounds of one turn, after which other connections have theirs.
const ROUNDS: usize = 16;
/// Workers that a connection keeps while they have nothing to do.
const IDLE_MAX: usize = 32;

/// Serves a connection to its end.
pub async fn serve(wire: Wire, caller: &Caller, listener: Option<Arc<Listener>>, core: &Rc<Core>, ticket: &Ticket) {
    let (socket, early) = wire.into_parts();
    let conn = Rc::new(RefCell::new(Conn::server(ticket.options().limits)));
    let (caller, core, door, options) = (caller.clone(), Rc::clone(core), Rc::clone(ticket.door()), Rc::clone(ticket.options()));
    ticket.timer().set(ticket.options().head_timeout);
    let client = Rc::new(Client { caller, listener, core, door, options, conn, busy: Cell::new(0) });
    let (workers, wakes) = (Vec::new(), Arc::default());
    let mut connection =
        Connection { client, io: Io::new(socket, early), workers, live: 0, wakes, turn: 0, greeted: false, called: false, phase: Phase::Open };
    // The runtime's budget is for tasks that wait for one thing. What one turn of many workers may take is bounded here.
    tokio::task::unconstrained(poll_fn(|context| connection.poll(context, ticket))).await;
}

/// What the workers of a connection have in common.
struct Client {
    caller: Caller,
    listener: Option<Arc<Listener>>,
    core: Rc<Core>,
    door: Rc<Door>,
    options: Rc<Options>,
    conn: Shared,
    /// Workers with a stream.
    busy: Cell<usize>,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It takes requests.
    Open,
    /// The client is being told that it will end; requests under way to us are still served.
    Leaving,
    /// It takes no new requests.
    Left,
    /// It ends, and the client may read what it was sent.
    Closing,
    /// There is nobody at the other end.
    Gone,
}

struct Worker {
    work: Pin<Box<dyn Future<Output = Infallible>>>,
    waker: Waker,
}

/// A connection as its task has it.
struct Connection {
    client: Rc<Client>,
    io: Io,
    /// By the place of their streams.
    workers: Vec<Option<Worker>>,
    /// How many there are.
    live: usize,
    wakes: Arc<Wakes>,
    /// The worker that is polled first next time.
    turn: usize,
    greeted: bool,
    /// It has not said hello, and was given the last call for it.
    called: bool,
    phase: Phase,
}

impl Connection {
    /// One turn: takes what has arrived, lets the workers work, sends what they have to say. Ready when the connection is over.
    fn poll(&mut self, context: &mut Context<'_>, ticket: &Ticket) -> Poll<()> {
        self.wakes.begin(context.waker());
        for _ in 0..ROUNDS {
            self.receive(context, ticket);
            self.work();
            let sent = self.send(context);
            if self.look_at_time(context, ticket, sent) {
                continue;
            }
            if self.is_over(context, ticket, sent) {
                return Poll::Ready(());
            }
            if self.wakes.rest() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn receive(&mut self, context: &mut Context<'_>, ticket: &Ticket) {
        if matches!(self.phase, Phase::Closing | Phase::Gone) {
            return;
        }
        let idle_timeout = ticket.patience();
        let mut conn = self.client.conn.borrow_mut();
        let over = self.io.poll_receive(context, &mut conn);
        if !self.greeted && conn.is_greeted() {
            self.greeted = true;
            ticket.timer().set(ticket.within_age(idle_timeout));
        }
        while let Some(slot) = conn.next_opened() {
            self.client.busy.set(self.client.busy.get() + 1);
            if self.workers.len() <= slot {
                self.workers.resize_with(slot + 1, || None);
            }
            if self.workers[slot].is_none() {
                let (stream, client) = (Stream::new(&self.client.conn), Rc::clone(&self.client));
                self.workers[slot] = Some(Worker { work: Box::pin(work(stream, slot, client)), waker: self.wakes.waker(slot) });
                self.live += 1;
            }
            self.wakes.add(slot);
            ticket.timer().set(ticket.within_age(REST.min(idle_timeout)));
        }
        drop(conn);
        match over {
            Poll::Pending => {}
            Poll::Ready(Over::Closed) => self.lose(),
            Poll::Ready(Over::Fatal(fatal)) => self.refuse(fatal, ticket),
        }
    }

    /// Lets those work that were woken. A few of those whose streams have ended are kept for the next ones.
    fn work(&mut self) {
        for slot in self.wakes.take(self.turn) {
            let Some(worker) = self.workers.get_mut(slot).and_then(Option::as_mut) else { continue };
            let before = self.client.busy.get();
            let _ = worker.work.as_mut().poll(&mut Context::from_waker(&worker.waker));
            let busy = self.client.busy.get();
            if busy < before && self.live - busy > IDLE_MAX {
                self.workers[slot] = None;
                self.live -= 1;
            }
        }
        self.turn = (self.turn + 1) % self.workers.len().max(1);
    }

    /// True when everything is sent, or nobody reads it.
    fn send(&mut self, context: &mut Context<'_>) -> bool {
        if self.phase == Phase::Gone {
            return true;
        }
        let outcome = self.io.poll_send(context, &mut self.client.conn.borrow_mut());
        match outcome {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(_)) => {
                self.lose();
                true
            }
        }
    }

    /// Drains, idle connections, and clients that do not read. True when there is something to do now.
    fn look_at_time(&mut self, context: &mut Context<'_>, ticket: &Ticket, sent: bool) -> bool {
        let (timer, idle_timeout) = (ticket.timer(), ticket.patience());
        let (expired, idle) = (timer.expired(context), self.client.busy.get() == 0);
        let mut conn = self.client.conn.borrow_mut();
        match self.phase {
            Phase::Gone => return false,
            _ if ticket.is_cut_off() => {
                drop(conn);
                self.lose();
                return true;
            }
            Phase::Open if expired && idle && self.live > 0 && !ticket.is_last() => {
                (self.workers, self.live) = (Vec::new(), 0);
                conn.rest();
                timer.set(ticket.within_age(idle_timeout.saturating_sub(REST)));
            }
            // One that has lived long enough says so twice, and lets its streams end (gateway spec G103).
            Phase::Open if self.greeted && (ticket.is_last() || (expired && idle)) => {
                conn.announce_end();
                self.phase = Phase::Leaving;
                timer.set(FAREWELL);
            }
            Phase::Leaving if expired || conn.is_end_known() => {
                conn.end(Code::NO_ERROR);
                self.phase = Phase::Left;
                timer.set(idle_timeout);
            }
            Phase::Left if idle && sent => {
                self.phase = Phase::Closing;
                timer.set(FAREWELL);
            }
            Phase::Open | Phase::Left if idle && expired => {
                drop(conn);
                self.lose();
            }
            Phase::Open if ticket.is_closing() && !self.greeted && !self.called => {
                self.called = true;
                timer.set(LAST_CALL);
            }
            Phase::Open if expired => timer.set(ticket.within_age(REST.min(idle_timeout))),
            Phase::Left if expired => timer.set(REST.min(idle_timeout)),
            _ => return false,
        }
        true
    }

    fn is_over(&mut self, context: &mut Context<'_>, ticket: &Ticket, sent: bool) -> bool {
        let idle = self.client.busy.get() == 0;
        match self.phase {
            Phase::Gone => idle,
            Phase::Closing => {
                let closed = ticket.timer().expired(context) || (sent && self.io.poll_close(context).is_ready());
                if closed {
                    self.phase = Phase::Gone;
                }
                closed && idle
            }
            _ => false,
        }
    }

    /// The client is gone: whoever works for it learns that.
    fn lose(&mut self) {
        self.phase = Phase::Gone;
        self.client.conn.borrow_mut().die();
    }

    /// The client broke the rules, and is told so.
    fn refuse(&mut self, fatal: Fatal, ticket: &Ticket) {
        let (client, mut conn) = (&self.client, self.client.conn.borrow_mut());
        tracing::debug!(client = %client.caller.address, why = fatal.why, "an HTTP/2 client breaks the rules");
        if let (Some(kind), Some(numbers)) = (conn.abused(), &client.core.shared.numbers) {
            numbers.abused(kind);
        }
        conn.end(fatal.code);
        conn.die();
        self.phase = Phase::Closing;
        ticket.timer().set(FAREWELL);
    }
}

/// Serves the streams at a place, one after the other.
async fn work(mut stream: Stream, slot: usize, client: Rc<Client>) -> Infallible {
    let (core, caller) = (&client.core, &client.caller);
    let (mut asked, mut head, timer) = (Asked::of(caller), Head::default(), Rc::new(core.wheel.timer()));
    loop {
        let judged = poll_fn(|_| {
            let mut conn = client.conn.borrow_mut();
            let Some((block, whole)) = conn.take_request(slot) else { return Poll::Pending };
            let random = u128::from(core.random()) << 64 | u128::from(core.random());
            Poll::Ready(convert::asked(block, whole, &client.options.limits, random, &mut asked))
        })
        .await;
        stream.begin(slot);
        let ticket = client.door.enter_again(Rc::clone(&timer), Rc::clone(&client.options));
        let visit = Visit { core, ticket: &ticket, caller, listener: client.listener.as_ref(), started: now() };
        match judged {
            Ok(()) => drop(request::serve(&mut stream, &mut asked, &mut head, &visit).await),
            Err(malformed) => {
                let answer = Answer::new(malformed.status(), Reason::of_refusal(malformed.status()));
                let mut record = Record::new(visit.started);
                (record.status, record.reason) = (answer.status, answer.reason);
                record.sent = request::say(&mut stream, &answer, None, false, false, &visit).await.unwrap_or(0);
                core.log(&asked, &record, Way { caller, stream: stream.stream(), generation: 0 });
            }
        }
        stream.release();
        client.busy.set(client.busy.get() - 1);
    }
}
