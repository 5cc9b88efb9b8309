//! The life of a request, read top to bottom (gateway spec G92).

mod affinity;
pub mod asked;
mod auth;
mod cors;
mod deliver;
mod exchange;
mod filters;
mod forwarded;
pub mod handshake;
mod hedge;
mod mirror;
mod redirect;
mod reply;
mod send;
pub mod session;
mod tries;
mod tunnel;
mod upload;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use balance::Guard;
use model::endpoint::Pool;
use model::routes::{Backend, BackendTo, Listener, NoTrace, RouteMatch, Routed, Rule};
use model::{Now, Outcome, Snapshot};

use crate::answer::{Answer, Reason};
use crate::caller::Caller;
use crate::core::{Core, entrance, now};
use crate::door::Ticket;
use crate::front::{Extent, Front};
use crate::h1::{Framing, Head, Known};
use crate::log::{Record, Way, micros};
use crate::numbers::Opened;
use crate::relay::{Source as _, Stage};
use crate::upstream::tls::Manner;

use asked::Asked;
use auth::{Gate, Halt, Passed};
use deliver::Broke;
use exchange::Clock;
pub use send::{each_forwarding, queue_head};
use session::Kept;
use tries::{Ending, Tries, Wishes, Won};
use upload::Upload;

/// The connection that a request came on.
pub struct Visit<'a> {
    /// The thread.
    pub core: &'a Rc<Core>,
    /// The connection's place at its entrance.
    pub ticket: &'a Ticket,
    /// Who is at its other end.
    pub caller: &'a Caller,
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
        Err(Ending::Answer(mut answer)) => {
            if let Some(rule) = record.rule {
                filters::on_own_answer(&rule.filters, asked, &mut answer);
            }
            Box::pin(refuse(front, asked, &answer, visit, &mut record)).await
        }
        Err(Ending::Abort(reason)) => {
            record.reason = reason;
            front.abort();
            false
        }
    };
    visit.core.log(asked, &record, Way { caller: visit.caller, stream: front.stream(), generation: snapshot.generation });
    go_on && asked.keep_alive
}

/// From the route to the last byte of the answer. True when the connection may carry another request.
async fn live<'s>(
    front: &mut impl Front,
    asked: &mut Asked,
    head: &mut Head,
    visit: &Visit<'_>,
    snapshot: &'s Snapshot,
    record: &mut Record<'s>,
) -> Result<bool, Ending> {
    if visit.core.shared.pressure.is_full() {
        return Err(Answer::last(503, Reason::Overload).with("retry-after", "1".to_owned()).into());
    }
    // Which listener and rule, and until when.
    let (listener, matched) = route(asked, visit, snapshot, record)?;
    let edge = &listener.edge;
    let rule = &matched.rule;
    record.rule = Some(rule);
    record.matched = matched.index;
    record.silent = edge.silent;
    if let (Framing::Length(length), Some(most)) = (asked.framing, edge.body_max)
        && length > most
    {
        return Err(Answer::new(413, Reason::BodyLimit).into());
    }
    let mut clock = deadlines(rule, asked, visit);

    // What the filters do to the request, and which service it goes to.
    let id = u128::from(visit.core.random()) << 64 | u128::from(visit.core.random());
    let mut passed = Passed::default();
    let place = filters::Place { path: &matched.path, port: visit.ticket.door().key.1 };
    let gate = Gate { front, head, clock: &mut clock, visit, snapshot, listener, id, place, passed: &mut passed };
    let Destination { backend, pool, session } = match destination(asked, gate, matched, record).await {
        Ok(destination) => destination,
        Err(Halt::Ending(ending)) => return Err(ending),
        Err(Halt::Denied(denied)) => {
            record.id = id;
            return Box::pin(deny(front, *denied, (asked, head), &mut clock, visit, record)).await;
        }
    };
    record.id = id;

    // Which endpoint, its connection, the request out and the head of the answer in, with all retries.
    let copies = mirror::start(visit.core, snapshot, (&passed.mirrors, listener.client.as_ref()), asked, id);
    record.mirrors = u8::try_from(copies.len()).unwrap_or(u8::MAX);
    let affinity = affinity::of(visit.core, pool, asked);
    let manner = Manner::of(pool, &backend.to, listener.client.as_ref(), asked);
    let wishes = Wishes { hash: affinity.hash, home: session.as_ref().and_then(Kept::home) };
    let mut tries = Tries::new(visit, rule, pool, asked, (id, manner), wishes);
    let mut upload = Upload::new(asked.framing == Framing::None, tries.may_repeat(), asked.expects_continue, copies);
    upload.bound(edge.body_max);
    if let Some(body) = passed.body.take() {
        upload.bring(body);
    }
    let won = tries.run(front, &mut upload, head, &mut clock, record).await;
    record.received = upload.bytes;
    let mut won = won?;

    // What the answer says to us, and what the filters do to it.
    // The outcome of a gRPC call stands at its end, beside a status that is always 200.
    let is_told = visit.core.shared.log.is_some() && !record.silent;
    let is_grpc = (asked.takes_trailers || is_told) && asked.is_grpc();
    hear(&won, head, pool, is_grpc, record);
    if let Some(cookie) = affinity.cookie {
        head.push(b"set-cookie", cookie.as_bytes());
    }
    passed.on_answer(head);
    filters::on_answer(&backend.filters, asked, head);
    filters::on_answer(&rule.filters, asked, head);
    if let Some(session) = session {
        session.tell(won.guard.endpoint(), asked.https, &visit.core.shared.seals, head);
    }
    if let Some(hsts) = edge.hsts.as_ref().filter(|_| asked.https) {
        head.set(b"strict-transport-security", hsts.as_bytes());
    }

    // A tunnel, or the body and its trailers.
    if won.reply.websocket {
        Box::pin(tunnel_through(front, won, head, visit, record)).await;
        return Ok(false);
    }
    visit.core.date(head);
    let close = visit.ticket.is_last() || !asked.keep_alive;
    // What gRPC says by trailers alone must not become a head with an end of its own after it.
    let extent = if won.reply.extent == Extent::Open && won.link.pipe.is_over() { Extent::Empty } else { won.reply.extent };
    front.begin_answer(won.reply.status, head, extent, close);
    if is_grpc {
        record.grpc_status = status_of_grpc(head);
    }
    deliver(front, (won, is_grpc), &mut upload, &mut clock, visit, record).await?;
    Ok(!close && !upload.held)
}

/// What the listener asks, and the rule that the request matches.
fn route<'s>(asked: &Asked, visit: &Visit<'_>, snapshot: &'s Snapshot, record: &mut Record<'s>) -> Result<(&'s Listener, &'s RouteMatch), Answer> {
    let Some(entrance) = entrance(snapshot, &visit.ticket.door().key) else {
        // Before the first complete snapshot nothing is known to be absent.
        return Err(Answer::new(if snapshot.complete { 404 } else { 503 }, Reason::NoRoute));
    };
    match entrance.route(asked, visit.listener, &mut NoTrace) {
        Routed::Match(listener, matched) => {
            record.listener = Some(listener);
            Ok((listener, matched))
        }
        missed => {
            record.listener = entrance.listener_for(Some(asked.text(asked.host)));
            Err(match missed {
                Routed::Misdirected => Answer::new(421, Reason::Misdirected),
                _ => Answer::new(404, Reason::NoRoute),
            })
        }
    }
}

/// The deadlines of a request: the rule's, and that of a gRPC client, which learns of the rule's where that is the nearer (gateway spec
/// G103).
fn deadlines<'v>(rule: &Rule, asked: &mut Asked, visit: &Visit<'v>) -> Clock<'v> {
    let mut within = rule.timeouts.request;
    if asked.takes_trailers
        && asked.is_grpc()
        && let Some(wanted) = reply::grpc_timeout(&asked.head)
    {
        match within {
            Some(most) if most < wanted => asked.head.set(b"grpc-timeout", format!("{}m", most.as_millis().min(99_999_999)).as_bytes()),
            _ => within = Some(wanted),
        }
    }
    let whole = within.map(|within| Box::pin(tokio::time::sleep(within.saturating_sub(now().since(visit.started)))));
    Clock { timer: visit.ticket.timer(), whole, each: None }
}

/// Where a request goes.
struct Destination<'s> {
    backend: &'s Backend,
    pool: &'s Arc<Pool>,
    session: Option<Kept<'s>>,
}

/// Runs the filters of the rule, draws a backend, runs its filters, and gives its pool and the client's session there. Sessions are
/// looked at after the weights have chosen (gateway spec G67) and before filters take from the request what carries them.
async fn destination<'s>(
    asked: &mut Asked,
    mut gate: Gate<'_, '_, 's, impl Front>,
    matched: &'s RouteMatch,
    record: &mut Record<'s>,
) -> Result<Destination<'s>, Halt> {
    let (core, snapshot, rule) = (gate.visit.core, gate.snapshot, &matched.rule);
    let of_rule = rule.session.as_ref().map(|one| session::read(one, rule, asked, &core.shared.seals, session::now_s()));
    gate.screen(&rule.filters, asked).await?;
    let drawn = core.draws.borrow_mut().pick(rule, || core.random());
    let backend = drawn.map(|at| &rule.backends[at]).ok_or_else(|| Answer::new(500, Reason::BackendInvalid))?;
    record.backend = Some(backend);
    let pool = backend.to.pool().and_then(|id| snapshot.pool(id));
    let of_policy = || {
        let session = pool.and_then(|pool| pool.policy.session.as_ref())?;
        Some(session::read(session, rule, asked, &core.shared.seals, session::now_s()))
    };
    let session = of_rule.or_else(of_policy).map(|brought| brought.at(rule, backend));
    gate.screen(&backend.filters, asked).await?;
    match &backend.to {
        BackendTo::Unvouched { .. } => Err(Answer::new(503, Reason::TlsUpstream).into()),
        BackendTo::Pool(_) | BackendTo::Covered(..) => {
            Ok(Destination { backend, pool: pool.ok_or_else(|| Answer::new(503, Reason::NoEndpoint))?, session })
        }
        BackendTo::Nowhere { status, .. } => Err(Answer::new(*status, Reason::BackendInvalid).into()),
    }
}

/// Passes on what whoever was asked about a request says instead of letting it pass.
async fn deny<'s>(
    front: &mut impl Front,
    (won, mut upload): (Won, Upload),
    (asked, head): (&Asked, &mut Head),
    clock: &mut Clock<'_>,
    visit: &Visit<'_>,
    record: &mut Record<'s>,
) -> Result<bool, Ending> {
    (record.status, record.reason) = (won.reply.status, Reason::AuthDenied);
    if let Some(rule) = record.rule {
        filters::on_denial(&rule.filters, asked, head);
    }
    visit.core.date(head);
    let close = visit.ticket.is_last() || !asked.keep_alive;
    front.begin_answer(won.reply.status, head, won.reply.extent, close);
    deliver(front, (won, false), &mut upload, clock, visit, record).await?;
    Ok(!close)
}

/// Hands what the answer's head says of the endpoint to its vitals.
fn hear(won: &Won, head: &mut Head, pool: &Pool, is_grpc: bool, record: &mut Record<'_>) {
    let Won { guard, reply, began, heard: at, .. } = won;
    let at = *at;
    record.status = reply.status;
    record.head_took = Some(at.since(*began));
    record.to_http2 = Some(won.link.pipe.is_stream());
    record.connect_us = if won.link.served == 1 { won.link.connect_us } else { 0 };
    reply::take_reports(head, guard, pool.policy.tuning.keep_response_headers, at);
    if let Some(wait) = reply.retry_after.filter(|_| reply::outcome(reply.status).failed()) {
        guard.pushed_back(wait, at);
    }
    let took = at.since(*began);
    if !is_grpc || reply.status != 200 {
        return guard.head(reply::outcome(reply.status), took, at);
    }
    match status_of_grpc(head) {
        Some(status) => guard.head(reply::grpc_outcome(status), took, at),
        None => guard.heard(took, at),
    }
    if let Some(pause) = reply::grpc_pause(head) {
        guard.pushed_back(pause, at);
    }
}

/// Passes bytes both ways until the tunnel ends.
async fn tunnel_through(front: &mut impl Front, won: Won, head: &Head, visit: &Visit<'_>, record: &mut Record<'_>) {
    let Won { mut link, guard, began, .. } = won;
    let guard = guard.lasting();
    let _open = Opened::count(&visit.core.shared.open.tunnels);
    front.begin_tunnel(head);
    let ended = tunnel::run(front, &mut link, visit).await;
    record.sent = ended.sent;
    if ended.drained {
        record.reason = Reason::Draining;
    }
    let at = now();
    guard.finish(Outcome::Canceled, at.since(began), at);
}

/// Moves the answer's body, whose head is queued, and keeps the backend's connection if it can carry another request.
async fn deliver(
    front: &mut impl Front,
    (won, is_grpc): (Won, bool),
    upload: &mut Upload,
    clock: &mut Clock<'_>,
    visit: &Visit<'_>,
    record: &mut Record<'_>,
) -> Result<(), Ending> {
    let Won { mut link, guard, reply, began, .. } = won;
    link.pipe.begin_body(reply.framing);
    let outcome = deliver::run(front, &mut link, upload, clock, (visit.core, visit.ticket.options())).await;
    let at = now();
    record.ended = Some(at);
    record.upstream_us = micros(at.since(began));
    if is_grpc {
        record.grpc_status = status_of_grpc(link.pipe.trailers()).or(record.grpc_status);
    }
    let took = at.since(began);
    record.received = upload.bytes;
    let (sent, broke) = match outcome {
        Ok(sent) => (sent, None),
        Err((sent, broke)) => (sent, Some(broke)),
    };
    record.sent = sent;
    match broke {
        None => {
            let outcome = at_end(link.pipe.trailers(), &guard, is_grpc, at);
            guard.finish(outcome, took, at);
            // Bytes beyond the message, or a request that did not arrive whole, poison the connection.
            if reply.keep_alive && upload.stage == Stage::Done && link.pipe.is_clean() {
                visit.core.idle.borrow_mut().put(link, at);
            }
            Ok(())
        }
        Some(Broke::Left) => {
            guard.finish(Outcome::Canceled, took, at);
            Err(Ending::Abort(Reason::Draining))
        }
        Some(Broke::Client(reason)) => {
            guard.finish(Outcome::Canceled, took, at);
            Err(Ending::Abort(reason))
        }
        Some(Broke::Backend(reason)) => {
            guard.finish(Outcome::Gateway, took, at);
            // While nothing of the answer has left, there is still time to tell the truth.
            if front.take_back() {
                let status = if reason == Reason::UpstreamReset { 502 } else { 504 };
                return Err(Answer::last(status, reason).into());
            }
            Err(Ending::Abort(reason))
        }
    }
}

/// `grpc-status` of a head or of trailers.
fn status_of_grpc(head: &Head) -> Option<u8> {
    std::str::from_utf8(head.all(b"grpc-status").next()?).ok()?.trim().parse().ok()
}

/// What the trailers of a whole answer say of the endpoint; most have none.
fn at_end(trailers: &Head, guard: &Guard, is_grpc: bool, at: Now) -> Outcome {
    if trailers.fields.is_empty() {
        return Outcome::Success;
    }
    reply::read_reports(trailers, guard, at);
    if !is_grpc {
        return Outcome::Success;
    }
    if let Some(pause) = reply::grpc_pause(trailers) {
        guard.pushed_back(pause, at);
    }
    status_of_grpc(trailers).map_or(Outcome::Success, reply::grpc_outcome)
}

/// Sends an answer of ours. The request's body is left where it is.
async fn refuse(front: &mut impl Front, asked: &Asked, answer: &Answer, visit: &Visit<'_>, record: &mut Record<'_>) -> bool {
    record.reason = answer.reason;
    record.status = answer.status;
    let close = answer.close || visit.ticket.is_last() || !asked.keep_alive;
    if asked.is_grpc() {
        let mut head = answer.to_grpc(visit.ticket.options().show_reason);
        visit.core.date(&mut head);
        front.begin_answer(200, &head, Extent::Nothing(None), close);
        front.finish(&Head::default());
        return poll_fn(|context| front.poll_flush(context)).await.is_ok() && !close;
    }
    let sent = say(front, answer, asked.head.first(Known::Accept), asked.is_head(), close, visit).await;
    record.sent = sent.unwrap_or(0);
    sent.is_some() && !close
}

/// Writes an answer of ours to the client; gives the bytes of its body, `None` when the client is gone or does not read.
pub async fn say(front: &mut impl Front, answer: &Answer, accept: Option<&[u8]>, to_head: bool, close: bool, visit: &Visit<'_>) -> Option<u64> {
    let options = visit.ticket.options();
    let (kind, body) = answer.body(accept).unzip();
    let body = body.unwrap_or_default();
    let mut head = answer.head(kind, options.show_reason);
    visit.core.date(&mut head);
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
                Poll::Ready(Ok(taken)) => rest = &rest[taken..],
                Poll::Ready(Err(_)) => return Poll::Ready(None),
                Poll::Pending if timer.expired(context) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Some(()))
    })
    .await?;
    front.finish(&Head::default());
    poll_fn(|context| match front.poll_flush(context) {
        Poll::Ready(sent) => Poll::Ready(sent.ok()),
        Poll::Pending if timer.expired(context) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await?;
    Some(if to_head { 0 } else { body.len() as u64 })
}
