//! The life of a request, read top to bottom (gateway spec G92).

pub mod asked;
mod cors;
mod deliver;
mod exchange;
mod filters;
mod mirror;
mod redirect;
mod reply;
mod send;
mod tries;
mod tunnel;
mod upload;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use model::routes::{BackendTo, Listener, NoTrace, Routed};
use model::{Now, Outcome, Snapshot};

use crate::answer::{Answer, Reason};
use crate::core::{Core, entrance, now};
use crate::door::Ticket;
use crate::front::{Extent, Front};
use crate::h1::{Head, Known};
use crate::log::Record;

use asked::Asked;
use deliver::Broke;
use exchange::Clock;
use tries::{Ending, Tries, Won};
use upload::Upload;

/// The connection that a request came on.
pub struct Visit<'a> {
    /// The thread.
    pub core: &'a Rc<Core>,
    /// The connection's place at its entrance.
    pub ticket: &'a Ticket,
    /// Of an encrypted connection: the listener that its server name chose.
    pub listener: Option<&'a Arc<Listener>>,
    /// When the first byte of the request was there.
    pub started: Now,
}

/// Serves one request. `asked` is judged; the front stands before its body. True when the connection may carry another one,
/// as far as this end is concerned.
pub async fn serve(front: &mut impl Front, asked: &mut Asked, head: &mut Head, visit: &Visit<'_>) -> bool {
    // Taken once, and kept until the log line: the whole life of a request sees one truth.
    let snapshot = visit.core.snapshot();
    let mut record = Record::new(visit.started);
    let ending = live(front, asked, head, visit, &snapshot, &mut record).await;
    let go_on = match ending {
        Ok(go_on) => go_on,
        Err(Ending::Answer(answer)) => refuse(front, asked, &answer, visit, &mut record).await,
        Err(Ending::Abort(reason)) => {
            record.reason = reason;
            front.abort();
            false
        }
    };
    visit.core.log(asked, &record);
    go_on && asked.keep_alive
}

async fn live<'s>(
    front: &mut impl Front,
    asked: &mut Asked,
    head: &mut Head,
    visit: &Visit<'_>,
    snapshot: &'s Snapshot,
    record: &mut Record<'s>,
) -> Result<bool, Ending> {
    let core = visit.core;
    let options = core.options();

    // Which listener, which route.
    let Some(entrance) = entrance(snapshot, &visit.ticket.door().key) else {
        return Err(Answer::new(if snapshot.complete { 404 } else { 503 }, Reason::NoRoute).into());
    };
    let matched = match entrance.route(asked, visit.listener, &mut NoTrace) {
        Routed::Match(_, matched) => matched,
        Routed::NoRoute => return Err(Answer::new(404, Reason::NoRoute).into()),
        Routed::Misdirected => return Err(Answer::new(421, Reason::Misdirected).into()),
    };
    let rule = &matched.rule;
    record.rule = Some(rule);

    // Until when.
    let whole = rule.timeouts.request.map(|within| Box::pin(tokio::time::sleep(within.saturating_sub(now().since(visit.started)))));
    let mut clock = Clock { timer: visit.ticket.timer(), whole, each: None };

    // What the rule does to the request; then which backend, and what that one does.
    let mut mirrors = Vec::new();
    let place = filters::Place { path: &matched.path, port: visit.ticket.door().key.1 };
    if let Some(answer) = filters::on_request(&rule.filters, asked, place, &mut mirrors) {
        return Err(answer.into());
    }
    let backend = core.draws.borrow_mut().pick(rule, || core.random()).map(|at| &rule.backends[at]);
    let Some(backend) = backend else { return Err(Answer::new(500, Reason::BackendInvalid).into()) };
    record.backend = Some(backend);
    if let Some(answer) = filters::on_request(&backend.filters, asked, place, &mut mirrors) {
        return Err(answer.into());
    }
    let pool = match &backend.to {
        BackendTo::Pool(id) => snapshot.pool(*id).ok_or_else(|| Answer::new(503, Reason::NoEndpoint))?,
        BackendTo::Nowhere { status, .. } => return Err(Answer::new(*status, Reason::BackendInvalid).into()),
    };

    // Which endpoint, its connection, the request out and the head of the answer in, with all retries.
    let id = u128::from(core.random()) << 64 | u128::from(core.random());
    let feeds = mirror::start(core, snapshot, &mirrors, asked, id);
    let mut tries = Tries::new(core, rule, pool, asked, id);
    let mut upload = Upload::new(tries.may_repeat(), asked.expects_continue, feeds);
    let won = tries.run(front, &mut upload, head, &mut clock, record).await;
    record.received = upload.bytes;
    let Won { mut link, guard, reply, began } = won?;
    let at = now();
    record.head_took = Some(at.since(began));

    // What the answer says to us, what the filters do to it.
    reply::take_reports(head, &guard, pool.policy.tuning.keep_response_headers, at);
    if let (Some(wait), 429 | 503) = (reply.retry_after, reply.status) {
        guard.pushed_back(wait, at);
    }
    guard.head(reply::outcome(reply.status), at.since(began), at);
    filters::on_answer(&backend.filters, asked, head);
    filters::on_answer(&rule.filters, asked, head);
    record.status = reply.status;

    // A tunnel, or the body and its trailers.
    if reply.websocket {
        if let Some(client) = front.tunnel() {
            switch(client, head);
            record.sent = tunnel::run(client, &mut link.wire, visit.ticket, options).await;
        }
        guard.finish(Outcome::Canceled, now().since(began), now());
        return Ok(false);
    }
    let closing = visit.ticket.is_closing();
    front.begin_answer(reply.status, head, reply.extent, closing || !asked.keep_alive);
    link.wire.begin_body(reply.framing);
    let outcome = deliver::run(front, &mut link, &mut upload, &mut clock, options).await;
    record.received = upload.bytes;
    let took = now().since(began);
    match outcome {
        Ok(sent) => {
            record.sent = sent;
            guard.finish(Outcome::Success, took, now());
            // Bytes beyond the message, or a request that did not arrive whole, poison the connection.
            if reply.keep_alive && upload.stage == crate::relay::Stage::Done && link.wire.inbox().is_empty() {
                core.idle.borrow_mut().put(link, now());
            }
            Ok(!closing && !upload.held)
        }
        Err((sent, broke)) => {
            record.sent = sent;
            let (reason, outcome) = match broke {
                Broke::Client(reason) => (reason, Outcome::Canceled),
                Broke::Backend(reason) => (reason, Outcome::Gateway),
            };
            guard.finish(outcome, took, now());
            // Nothing of the answer has left: there is still time to tell the truth.
            if matches!(broke, Broke::Backend(_)) && front.take_back() {
                let status = if reason == Reason::UpstreamReset { 502 } else { 504 };
                return Err(Answer::last(status, reason).into());
            }
            Err(Ending::Abort(reason))
        }
    }
}

/// Queues the 101 for the client.
fn switch(client: &mut crate::wire::Wire, head: &Head) {
    let out = client.queue(crate::h1::Encoder::Plain);
    out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
    crate::h1::push_fields(out, head, |_| true);
    out.extend_from_slice(b"\r\n");
}

/// Sends an answer of ours. The request's body is left where it is.
async fn refuse(front: &mut impl Front, asked: &Asked, answer: &Answer, visit: &Visit<'_>, record: &mut Record<'_>) -> bool {
    record.reason = answer.reason;
    record.status = answer.status;
    let close = answer.close || visit.ticket.is_closing() || !asked.keep_alive;
    let sent = say(front, answer, asked.head.first(Known::Accept), asked.is_head(), close, visit).await;
    record.sent = sent.unwrap_or(0);
    sent.is_some() && !close
}

/// Writes an answer of ours to the client; gives the bytes of its body, `None` when the client is gone or does not read.
pub async fn say(front: &mut impl Front, answer: &Answer, accept: Option<&[u8]>, to_head: bool, close: bool, visit: &Visit<'_>) -> Option<u64> {
    let options = visit.core.options();
    let (kind, body) = answer.body(accept).unzip();
    let body = body.unwrap_or_default();
    let mut head = answer.head(kind, options.show_reason);
    // A preflight is decorated already; everything else is plain.
    head.fields.retain(|field| !field.name.is_empty());
    let extent = match (kind, to_head) {
        (None, _) => Extent::Nothing(None),
        (_, true) => Extent::Nothing(Some(body.len() as u64)),
        _ => Extent::Length(body.len() as u64),
    };
    front.begin_answer(answer.status, &head, extent, close);
    let mut rest = if to_head { &[] } else { body.as_bytes() };
    let timer = visit.ticket.timer();
    timer.set(options.stalled_timeout);
    poll_fn(|context| {
        while !rest.is_empty() {
            match front.poll_send(context, rest) {
                std::task::Poll::Ready(Ok(taken)) => rest = &rest[taken..],
                std::task::Poll::Ready(Err(_)) => return std::task::Poll::Ready(None),
                std::task::Poll::Pending if timer.expired(context) => return std::task::Poll::Ready(None),
                std::task::Poll::Pending => return std::task::Poll::Pending,
            }
        }
        std::task::Poll::Ready(Some(()))
    })
    .await?;
    front.finish(&Head::default());
    poll_fn(|context| match front.poll_flush(context) {
        std::task::Poll::Ready(sent) => std::task::Poll::Ready(sent.ok()),
        std::task::Poll::Pending if timer.expired(context) => std::task::Poll::Ready(None),
        std::task::Poll::Pending => std::task::Poll::Pending,
    })
    .await?;
    Some(if to_head { 0 } else { body.len() as u64 })
}
