//! A client that speaks HTTP/2 (gateway spec G102): a task for the connection and one for each stream. Requests and answers take
//! the same way as those of HTTP/1.

mod abuse;
mod convert;

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason as Code, RecvStream, SendStream};
use model::routes::Listener;

use super::{Extent, Front};
use crate::answer::{Answer, Reason};
use crate::core::{Core, now};
use crate::door::Ticket;
use crate::h1::Head;
use crate::relay::{Broken, Fill, Sink, Source};
use crate::request::asked::Asked;
use crate::request::{self, Visit};
use crate::wire::Wire;

use abuse::Watched;

/// Bytes of one DATA frame we make.
const PIECE: usize = 16 << 10;

/// Serves a connection to its end.
pub async fn serve(wire: Wire, peer: SocketAddr, https: bool, listener: Option<Arc<Listener>>, core: &Rc<Core>, ticket: &Ticket) {
    let (socket, early) = wire.into_parts();
    let limits = core.options().limits;
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
        .max_local_error_reset_streams(Some(100));
    ticket.timer().set(core.options().head_timeout);
    let mut handshake = Box::pin(builder.handshake(Watched::new(socket, early)));
    let connection = poll_fn(|context| match std::future::Future::poll(handshake.as_mut(), context) {
        Poll::Ready(outcome) => Poll::Ready(outcome.ok()),
        Poll::Pending if ticket.timer().expired(context) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    if let Some(connection) = connection {
        accept(connection, peer, https, listener, core, ticket).await;
    }
}

/// Accepts streams until the connection ends. A drain says so twice (RFC 9113 §6.8), which h2 does, and lets streams finish.
async fn accept(
    mut connection: Connection<Watched, Bytes>,
    peer: SocketAddr,
    https: bool,
    listener: Option<Arc<Listener>>,
    core: &Rc<Core>,
    ticket: &Ticket,
) {
    let streams = Rc::new(Cell::new(0usize));
    let mut ending = false;
    ticket.timer().set(core.options().idle_timeout);
    loop {
        let stream = poll_fn(|context| {
            if ticket.is_cut_off() {
                return Poll::Ready(None);
            }
            let idle = ticket.timer().expired(context);
            if idle && streams.get() > 0 {
                ticket.timer().set(core.options().idle_timeout);
            }
            if !ending && (ticket.is_closing() || (idle && streams.get() == 0)) {
                ending = true;
                connection.graceful_shutdown();
            }
            connection.poll_accept(context)
        })
        .await;
        let Some(Ok((request, respond))) = stream else { return };
        ticket.timer().set(core.options().idle_timeout);
        let place = ticket.door().enter(core.wheel.timer());
        let (core, listener) = (Rc::clone(core), listener.clone());
        let open = Open::new(&streams);
        tokio::task::spawn_local(async move {
            let _open = open;
            stream_of(request, respond, (peer, https), listener.as_ref(), &core, &place).await;
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
    (peer, https): (SocketAddr, bool),
    listener: Option<&Arc<Listener>>,
    core: &Rc<Core>,
    ticket: &Ticket,
) {
    let (mut asked, mut head) = (Asked::new(peer, https), Head::default());
    let visit = Visit { core, ticket, listener, started: now() };
    let (parts, body) = request.into_parts();
    let whole = body.is_end_stream();
    let mut stream = Stream::new(body, respond, whole);
    match convert::asked(&parts, whole, &core.options().limits, &mut asked) {
        Ok(()) => drop(request::serve(&mut stream, &mut asked, &mut head, &visit).await),
        Err(malformed) => {
            let answer = Answer::new(malformed.status(), Reason::of_refusal(malformed.status()));
            request::say(&mut stream, &answer, None, false, false, &visit).await;
        }
    }
}

/// A stream: the client's side of one request.
pub struct Stream {
    body: RecvStream,
    respond: SendResponse<Bytes>,
    answer: Option<SendStream<Bytes>>,
    data: Bytes,
    ended: bool,
    trailers: Head,
    /// What is left of an answer whose length is known; its last byte ends the stream.
    left: Option<u64>,
    finished: bool,
    /// The client's window is closed.
    stalled: bool,
}

impl Stream {
    fn new(body: RecvStream, respond: SendResponse<Bytes>, ended: bool) -> Self {
        let (data, trailers) = (Bytes::new(), Head::default());
        Self { body, respond, answer: None, data, ended, trailers, left: None, finished: false, stalled: false }
    }

    fn sender(&mut self) -> Result<&mut SendStream<Bytes>, Broken> {
        self.answer.as_mut().ok_or(Broken::Cut)
    }
}

fn broken(error: h2::Error) -> Broken {
    Broken::Io(io::Error::other(error))
}

impl Source for Stream {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        loop {
            if !self.data.is_empty() {
                return Poll::Ready(Ok(Fill::Data));
            }
            if self.ended {
                return Poll::Ready(Ok(Fill::End));
            }
            match ready!(self.body.poll_data(context)) {
                Some(data) => self.data = data.map_err(broken)?,
                None => {
                    if let Some(trailers) = ready!(self.body.poll_trailers(context)).map_err(broken)? {
                        convert::push_trailers(&mut self.trailers, &trailers);
                    }
                    self.ended = true;
                }
            }
        }
    }

    fn data(&self) -> &[u8] {
        &self.data
    }

    fn consume(&mut self, count: usize) {
        self.data.advance(count);
        // Fails only on a stream that is over, whose window nobody needs.
        let _ = self.body.flow_control().release_capacity(count);
    }

    fn trailers(&self) -> &Head {
        &self.trailers
    }
}

impl Sink for Stream {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        let wanted = data.len().min(PIECE);
        self.stalled = true;
        let left = self.left;
        let sender = self.sender()?;
        sender.reserve_capacity(wanted);
        while sender.capacity() == 0 {
            match ready!(sender.poll_capacity(context)) {
                Some(capacity) => drop(capacity.map_err(broken)?),
                None => return Poll::Ready(Err(Broken::Cut)),
            }
        }
        let taken = sender.capacity().min(wanted);
        let last = left == Some(taken as u64);
        sender.send_data(Bytes::copy_from_slice(&data[..taken]), last).map_err(broken)?;
        self.left = left.map(|left| left.saturating_sub(taken as u64));
        self.finished |= last;
        self.stalled = false;
        Poll::Ready(Ok(taken))
    }

    fn finish(&mut self, trailers: &Head) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let fields = convert::trailers(trailers);
        if let Some(answer) = &mut self.answer {
            // An error here means that the stream is gone, which the next poll tells.
            let _ = match fields.is_empty() {
                true => answer.send_data(Bytes::new(), true),
                false => answer.send_trailers(fields),
            };
        }
    }

    /// The connection's task writes.
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
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
        self.left = length.filter(|_| !ends);
        self.finished = ends;
        if let Some(answer) = convert::answer(status, head, length) {
            self.answer = self.respond.send_response(answer, ends).ok();
        } else {
            self.respond.send_reset(Code::INTERNAL_ERROR);
        }
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.respond.poll_reset(context).map(drop)
    }

    fn take_back(&mut self) -> bool {
        false
    }

    fn has_queued(&self) -> bool {
        self.stalled
    }

    fn body_ended(&mut self) -> bool {
        self.ended && self.data.is_empty()
    }

    fn abort(&mut self) {
        match &mut self.answer {
            Some(answer) => answer.send_reset(Code::INTERNAL_ERROR),
            None => self.respond.send_reset(Code::INTERNAL_ERROR),
        }
    }

    fn tunnel(&mut self) -> Option<&mut Wire> {
        None
    }
}
