//! A client that speaks HTTP/1: one request after the other on its connection (gateway spec G101).

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use model::routes::Listener;

use super::{Extent, Front};
use crate::answer::{Answer, Reason};
use crate::caller::Caller;
use crate::core::{Core, now};
use crate::door::Ticket;
use crate::h1::{Encoder, Framing, Head, HeadParser, Version, push_decimal, push_fields, reason_phrase};
use crate::log::{Record, Way};
use crate::relay::{Broken, Fill, Sink, Source};
use crate::request::asked::Asked;
use crate::request::{self, Visit};
use crate::wire::{Wire, status_of};

/// What a client may send ahead while it waits for an answer: the next request, or early frames of a tunnel.
const AHEAD_MAX: usize = 16 << 10;
/// Unread body that is taken off a connection to keep it, and how long that may take (gateway spec G100).
const DRAIN_MAX: u64 = 64 << 10;
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// What a client that has not asked yet gets to do so once its entrance closes: it may have connected before it could know
/// (gateway spec G123).
pub(super) const LAST_CALL: Duration = Duration::from_secs(1);
/// What an HTTP/2 client with prior knowledge sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What became of a connection.
pub enum Over {
    /// It is closed.
    Closed,
    /// It speaks HTTP/2.
    Http2(Box<Wire>),
}

/// The client's side of a request.
pub struct Client {
    wire: Wire,
    version: Version,
    keep_alive: bool,
    /// Only the end of the connection ends the answer.
    must_close: bool,
    /// The answer could not be completed.
    broken: bool,
    /// Bytes of answers that had left when the current one was begun.
    before: u64,
}

/// Serves a connection to its end. `listener` is the one that its server name chose.
pub async fn serve(wire: Wire, caller: &Caller, listener: Option<Arc<Listener>>, core: &Rc<Core>, ticket: &Ticket) -> Over {
    let mut client = Client { wire, version: Version::Http11, keep_alive: false, must_close: false, broken: false, before: 0 };
    let (mut asked, mut head) = (Asked::of(caller), Head::default());
    let mut first = true;
    loop {
        match wait(&mut client.wire, ticket, first, first && !caller.https).await {
            Waited::Request => {}
            Waited::Http2 => return Over::Http2(Box::new(client.wire)),
            Waited::Over => {
                if client.wire.is_covered() {
                    client.close(ticket).await;
                }
                return Over::Closed;
            }
        }
        first = false;
        let visit = Visit { core, ticket, caller, listener: listener.as_ref(), started: now() };
        if let Err(answer) = client.read(&mut asked, &visit).await {
            if let Some(answer) = answer {
                Box::pin(refuse(&mut client, &asked, &answer, &visit)).await;
            }
            return Over::Closed;
        }
        let go_on = request::serve(&mut client, &mut asked, &mut head, &visit).await;
        if client.broken {
            return Over::Closed;
        }
        if !go_on || client.must_close || !client.drain(ticket).await {
            // With nothing unread a plain close is no reset.
            if !client.has_read_all() {
                client.linger(ticket).await;
            } else if client.wire.is_covered() {
                client.close(ticket).await;
            }
            return Over::Closed;
        }
    }
}

enum Waited {
    Request,
    Http2,
    Over,
}

/// Waits for the first bytes of a request, without memory for it. What has arrived already is always served; of a client whose
/// `first` request this would be, also what arrives during the last call.
async fn wait(wire: &mut Wire, ticket: &Ticket, first: bool, may_be_http2: bool) -> Waited {
    ticket.timer().set(if first { ticket.options().head_timeout } else { ticket.patience() });
    let mut called = false;
    poll_fn(|context| {
        loop {
            let seen = wire.inbox();
            let maybe_preface = may_be_http2 && seen.len() < PREFACE.len() && PREFACE.starts_with(seen);
            if !seen.is_empty() && !maybe_preface {
                return Poll::Ready(if may_be_http2 && seen.starts_with(PREFACE) { Waited::Http2 } else { Waited::Request });
            }
            match wire.poll_receive(context) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Waited::Over),
                Poll::Ready(Ok(_)) => continue,
                Poll::Pending => {}
            }
            if ticket.is_cut_off() || (ticket.is_closing() && !first) || ticket.timer().expired(context) {
                return Poll::Ready(Waited::Over);
            }
            if ticket.is_closing() && !std::mem::replace(&mut called, true) {
                ticket.timer().set(LAST_CALL);
            }
            return Poll::Pending;
        }
    })
    .await
}

/// Answers a head that could not be read.
async fn refuse(client: &mut Client, asked: &Asked, answer: &Answer, visit: &Visit<'_>) {
    let mut record = Record::new(visit.started);
    (record.status, record.reason) = (answer.status, answer.reason);
    record.sent = request::say(client, answer, None, false, true, visit).await.unwrap_or(0);
    visit.core.log(asked, &record, Way { caller: visit.caller, stream: None, generation: 0 });
    client.linger(visit.ticket).await;
}

impl Client {
    /// Reads and judges a head. The error is the answer to give before closing, if any.
    async fn read(&mut self, asked: &mut Asked, visit: &Visit<'_>) -> Result<(), Option<Answer>> {
        asked.clear();
        let timer = visit.ticket.timer();
        timer.set(visit.ticket.options().head_timeout);
        let mut parser = HeadParser::request(visit.ticket.options().limits);
        let outcome = poll_fn(|context| match self.wire.poll_head(context, &mut parser, &mut asked.head) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if visit.ticket.is_cut_off() || timer.expired(context) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        let refusal = |status| Some(Answer::last(status, Reason::of_refusal(status)));
        match outcome {
            Some(Ok(true)) => {}
            None => return Err(refusal(408)),
            Some(Err(broken @ Broken::Malformed(_))) => return Err(refusal(status_of(&broken))),
            Some(Ok(false) | Err(_)) => return Err(None),
        }
        let judged = asked.judge(parser.request_line());
        (self.version, self.keep_alive, self.must_close) = (asked.version, asked.keep_alive, false);
        judged.map_err(|malformed| refusal(malformed.status()))?;
        self.wire.begin_body(asked.framing);
        self.before = self.wire.written;
        Ok(())
    }

    /// The request was read to its end, and nothing was received beyond it.
    fn has_read_all(&mut self) -> bool {
        self.wire.body_ended() && self.wire.inbox().is_empty()
    }

    /// Takes what is left of a request's body off the connection; false when that is too much.
    async fn drain(&mut self, ticket: &Ticket) -> bool {
        if self.wire.body_ended() {
            return true;
        }
        if self.wire.body_left().is_some_and(|left| left > DRAIN_MAX) {
            return false;
        }
        ticket.timer().set(DRAIN_TIME);
        let mut taken = 0;
        poll_fn(|context| {
            loop {
                match self.wire.poll_fill(context) {
                    Poll::Ready(Ok(Fill::End)) => return Poll::Ready(true),
                    Poll::Ready(Ok(Fill::Data)) if taken <= DRAIN_MAX => {
                        let count = self.wire.data().len();
                        taken += count as u64;
                        self.wire.consume(count);
                    }
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending if ticket.timer().expired(context) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    /// Says that the answer was whole: without its end of TLS an answer that only the end of the connection ends might be cut off
    /// (RFC 8446 §6.1).
    async fn close(&mut self, ticket: &Ticket) {
        ticket.timer().set(DRAIN_TIME);
        poll_fn(|context| match self.wire.poll_shutdown(context) {
            Poll::Pending if !ticket.timer().expired(context) => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// Closes so that the client can read the answer to its end: a close with bytes unread would be a reset, which may
    /// overtake the answer.
    async fn linger(&mut self, ticket: &Ticket) {
        ticket.timer().set(DRAIN_TIME);
        let mut shut = false;
        poll_fn(|context| {
            if ticket.timer().expired(context) {
                return Poll::Ready(());
            }
            if !shut {
                if self.wire.poll_shutdown(context).is_pending() {
                    return Poll::Pending;
                }
                shut = true;
            }
            loop {
                self.wire.discard_inbox();
                match self.wire.poll_receive(context) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}

impl Source for Client {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        self.wire.poll_fill(context)
    }

    fn data(&self) -> &[u8] {
        self.wire.data()
    }

    fn consume(&mut self, count: usize) {
        self.wire.consume(count);
    }

    fn trailers(&self) -> &Head {
        self.wire.trailers()
    }
}

impl Sink for Client {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        self.wire.poll_send(context, data)
    }

    fn finish(&mut self, trailers: &Head) {
        self.wire.finish(trailers);
        // With something unread the close is not at once.
        if self.must_close && self.has_read_all() {
            self.wire.end_with_queued();
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.wire.poll_flush(context)
    }
}

impl Front for Client {
    fn interim(&mut self, status: u16, head: &Head) {
        // A 1.0 client knows no interim answers (RFC 9110 §15.2).
        if self.version == Version::Http11 {
            let out = self.wire.queue(Encoder::Plain);
            push_status(out, status);
            push_fields(out, head, |_| true);
            out.extend_from_slice(b"\r\n");
        }
    }

    fn begin_answer(&mut self, status: u16, head: &Head, extent: Extent, close: bool) {
        let chunked = extent == Extent::Open && self.version == Version::Http11;
        self.must_close = close || !self.keep_alive || (extent == Extent::Open && !chunked);
        let must_close = self.must_close;
        let out = self.wire.queue(if chunked { Encoder::Chunked } else { Encoder::Plain });
        push_status(out, status);
        push_fields(out, head, |_| true);
        match extent {
            Extent::Empty => out.extend_from_slice(b"Content-Length: 0\r\n"),
            Extent::Length(length) | Extent::Nothing(Some(length)) => {
                out.extend_from_slice(b"Content-Length: ");
                push_decimal(out, length);
                out.extend_from_slice(b"\r\n");
            }
            Extent::Open if chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Extent::Open | Extent::Nothing(None) => {}
        }
        if must_close {
            out.extend_from_slice(b"Connection: close\r\n");
        } else if self.version == Version::Http10 {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.wire.poll_gone(context, AHEAD_MAX)
    }

    fn take_back(&mut self) -> bool {
        self.wire.written == self.before && self.wire.discard_queued()
    }

    fn has_queued(&self) -> bool {
        self.wire.has_queued()
    }

    fn body_ended(&mut self) -> bool {
        self.wire.body_ended()
    }

    fn abort(&mut self) {
        // An answer that only the end of the connection ends must not end in good order.
        if self.must_close {
            self.wire.socket().reset();
        }
        self.wire.discard_queued();
        self.broken = true;
    }

    fn begin_tunnel(&mut self, head: &Head) {
        let out = self.wire.queue(Encoder::Plain);
        push_status(out, 101);
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
        push_fields(out, head, |_| true);
        out.extend_from_slice(b"\r\n");
        self.wire.begin_body(Framing::Close);
    }

    fn poll_shut(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.wire.poll_shutdown(context).map(drop)
    }
}

fn push_status(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    push_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason_phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}
