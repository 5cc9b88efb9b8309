//! A client that speaks HTTP/2 (gateway spec G102): a task for the connection and one for each stream. Requests and answers take
//! the same way as those of HTTP/1.

mod abuse;
mod convert;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason as Code, RecvStream};
use model::routes::Listener;

use super::{Extent, Front};
use crate::answer::{Answer, Reason};
use crate::caller::Caller;
use crate::core::{Core, now};
use crate::door::Ticket;
use crate::h1::Head;
use crate::halves::{Halves, Incoming, OnStream, Outgoing};
use crate::request::asked::Asked;
use crate::request::{self, Visit};
use crate::wire::Wire;

use abuse::{Alarm, Watched};

/// What a client gets to read why it is sent away.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub async fn serve(wire: Wire, caller: &Caller, listener: Option<Arc<Listener>>, core: &Rc<Core>, ticket: &Ticket) {
    let (socket, early) = wire.into_parts();
    let limits = ticket.options().limits;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(100)
        .initial_window_size(64 << 10)
        .initial_connection_window_size(1 << 20)
        .max_frame_size(16 << 10)
        .header_table_size(4 << 10)
        .max_header_list_size((limits.block + limits.target) as u32)
        .max_send_buffer_size(64 << 10)
        .max_concurrent_reset_streams(50)
        .max_pending_accept_reset_streams(100)
        .max_local_error_reset_streams(Some(100))
        .enable_connect_protocol();
    ticket.timer().set(ticket.options().head_timeout);
    let alarm = Alarm::default();
    let mut handshake = Box::pin(builder.handshake(Watched::new(socket, early, alarm.clone())));
    let connection = poll_fn(|context| match std::future::Future::poll(handshake.as_mut(), context) {
        Poll::Ready(outcome) => Poll::Ready(outcome.ok()),
        Poll::Pending if ticket.timer().expired(context) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    if let Some(connection) = connection {
        accept(connection, &alarm, caller, listener, core, ticket).await;
    }
}

/// Accepts streams until the connection ends. A drain says so twice (RFC 9113 §6.8), which h2 does, and lets streams finish.
async fn accept(
    mut connection: Connection<Watched, Bytes>,
    alarm: &Alarm,
    caller: &Caller,
    listener: Option<Arc<Listener>>,
    core: &Rc<Core>,
    ticket: &Ticket,
) {
    let streams = Rc::new(Cell::new(0usize));
    let (mut ending, mut calmed) = (false, false);
    ticket.timer().set(ticket.options().idle_timeout);
    loop {
        let stream = poll_fn(|context| {
            let idle = ticket.timer().expired(context);
            if ticket.is_cut_off() || (calmed && idle) {
                return Poll::Ready(None);
            }
            if idle && streams.get() > 0 {
                ticket.timer().set(ticket.options().idle_timeout);
            }
            if !ending && (ticket.is_closing() || (idle && streams.get() == 0)) {
                ending = true;
                connection.graceful_shutdown();
            }
            let accepted = connection.poll_accept(context);
            if let (Some(kind), false) = (alarm.raised(), calmed) {
                calmed = true;
                tracing::debug!(client = %caller.address, kind, "an HTTP/2 client floods its connection");
                core.shared.numbers.iter().for_each(|numbers| numbers.abused(kind));
                connection.abrupt_shutdown(Code::ENHANCE_YOUR_CALM);
                ticket.timer().set(FAREWELL);
                return connection.poll_accept(context);
            }
            accepted
        })
        .await;
        let Some(Ok((request, respond))) = stream else { return };
        ticket.timer().set(ticket.options().idle_timeout);
        let place = ticket.door().enter(core.wheel.timer());
        let (core, caller, listener) = (Rc::clone(core), caller.clone(), listener.clone());
        let open = Open::new(&streams);
        tokio::task::spawn_local(async move {
            let _open = open;
            stream_of(request, respond, &caller, listener.as_ref(), &core, &place).await;
        });
    }
}

/// Counts a stream while it lives.
struct Open(Rc<Cell<usize>>);

impl Open {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn stream_of(
    request: http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
    caller: &Caller,
    listener: Option<&Arc<Listener>>,
    core: &Rc<Core>,
    ticket: &Ticket,
) {
    let (mut asked, mut head) = (Asked::of(caller), Head::default());
    let visit = Visit { core, ticket, listener, started: now() };
    let (parts, body) = request.into_parts();
    let whole = body.is_end_stream();
    let random = u128::from(core.random()) << 64 | u128::from(core.random());
    let mut stream = Stream { respond, halves: Halves { incoming: Incoming::new(body), ..Halves::default() } };
    match convert::asked(&parts, whole, &core.options().limits, random, &mut asked) {
        Ok(()) => drop(request::serve(&mut stream, &mut asked, &mut head, &visit).await),
        Err(malformed) => {
            let answer = Answer::new(malformed.status(), Reason::of_refusal(malformed.status()));
            request::say(&mut stream, &answer, None, false, false, &visit).await;
        }
    }
}

/// A stream: the client's side of one request.
pub struct Stream {
    respond: SendResponse<Bytes>,
    halves: Halves,
}

impl OnStream for Stream {
    fn halves(&self) -> &Halves {
        &self.halves
    }

    fn halves_mut(&mut self) -> &mut Halves {
        &mut self.halves
    }
}

impl Front for Stream {
    fn interim(&mut self, status: u16, head: &Head) {
        if let Some(answer) = convert::answer(status, head, None) {
            let _ = self.respond.send_informational(answer);
        }
    }

    fn begin_answer(&mut self, status: u16, head: &Head, extent: Extent, _: bool) {
        let (length, ends) = match extent {
            Extent::Nothing(length) => (length, true),
            Extent::Length(0) => (Some(0), true),
            Extent::Length(length) => (Some(length), false),
            Extent::Open => (None, false),
        };
        if let Some(answer) = convert::answer(status, head, length) {
            self.halves.outgoing = Outgoing::new(self.respond.send_response(answer, ends).ok(), length, ends);
        } else {
            self.respond.send_reset(Code::INTERNAL_ERROR);
        }
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // h2 answers through the handle that is in force: the one for the head, then the one for the body.
        self.halves.outgoing.poll_reset(context).unwrap_or_else(|| self.respond.poll_reset(context).map(drop))
    }

    fn take_back(&mut self) -> bool {
        false
    }

    fn has_queued(&self) -> bool {
        self.halves.outgoing.is_stalled()
    }

    fn body_ended(&mut self) -> bool {
        self.halves.incoming.ended()
    }

    fn abort(&mut self) {
        if !self.halves.outgoing.reset(Code::INTERNAL_ERROR) {
            self.respond.send_reset(Code::INTERNAL_ERROR);
        }
    }

    fn begin_tunnel(&mut self, head: &Head) {
        // An extended CONNECT succeeds with 200, and has no use for the proof of the older handshake (RFC 8441 §5).
        let mut answer = head.clone();
        answer.remove(b"sec-websocket-accept");
        self.begin_answer(200, &answer, Extent::Open, false);
    }

    fn poll_shut(&mut self, _: &mut Context<'_>) -> Poll<()> {
        // The end of the stream has gone out with the last of the body.
        Poll::Ready(())
    }
}
