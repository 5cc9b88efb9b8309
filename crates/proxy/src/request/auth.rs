//! Another service is asked whether a request may pass (gateway spec G66, GEP-1494). It is asked over the same pools, with the same
//! care for its endpoints, as any backend. Whatever goes wrong on the way there, the request does not pass.

mod check;

use std::future::poll_fn;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use model::Snapshot;
use model::ident::Origin;
use model::routes::{AuthProtocol, ExternalAuth, Filter, Listener, Mirror, Rule, Timeouts};

use super::asked::Asked;
use super::exchange::{Clock, Failure, client_fault};
use super::filters::{self, Place, Step};
use super::tries::{Ending, Tries, Wishes, Won};
use super::upload::Upload;
use super::{Visit, hear};
use crate::answer::{Answer, Reason};
use crate::core::now;
use crate::front::Front;
use crate::h1::{Framing, Head, Known};
use crate::log::Record;
use crate::relay::{Broken, Fill, Source as _, Stage};
use crate::upstream::tls::{Manner, Offer};

/// Longest wait for the verdict.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer whose end is read, so that its connection may be used again; and how long that may take.
const REST_MAX: usize = 64 << 10;
const REST_TIME: Duration = Duration::from_millis(100);

/// What governs the asking: no rule of a user does.
static ASKING: LazyLock<Rule> = LazyLock::new(|| Rule {
    origin: Origin::new("ExternalAuth", "", ""),
    created_s: 0,
    index: 0,
    name: "".into(),
    filters: Vec::new(),
    backends: Vec::new(),
    timeouts: Timeouts { request: None, backend_request: Some(PATIENCE) },
    retry: None,
    place: 0,
    session: None,
});

/// What the filters of a request leave for the rest of its life.
#[derive(Default)]
pub struct Passed<'s> {
    /// Where copies go.
    pub mirrors: Vec<&'s Mirror>,
    /// The client's body, where somebody wanted to see it first.
    pub body: Option<Vec<u8>>,
    /// Fields for the answer.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Passed<'_> {
    /// Gives an answer its fields.
    pub fn on_answer(&self, head: &mut Head) {
        for (name, value) in &self.fields {
            // Cookies stand beside each other.
            match name.eq_ignore_ascii_case(b"set-cookie") {
                true => head.push(name, value),
                false => head.set(name, value),
            }
        }
    }
}

/// Why a request goes no further.
pub enum Halt {
    /// As other requests end.
    Ending(Ending),
    /// Whoever was asked says no, and the client gets that answer, whose head is in the head of answers.
    Denied(Box<(Won, Upload)>),
}

impl<T: Into<Ending>> From<T> for Halt {
    fn from(ending: T) -> Self {
        Halt::Ending(ending.into())
    }
}

/// A request before its filters.
pub struct Gate<'g, 'v, 's, F> {
    /// The client.
    pub front: &'g mut F,
    /// Where heads of answers go.
    pub head: &'g mut Head,
    /// Deadlines.
    pub clock: &'g mut Clock<'v>,
    /// The connection.
    pub visit: &'g Visit<'v>,
    /// Who serves what.
    pub snapshot: &'s Snapshot,
    /// Where the request came in.
    pub listener: &'s Listener,
    /// Its number.
    pub id: u128,
    /// Its path condition.
    pub place: Place<'g>,
    /// What is left for later.
    pub passed: &'g mut Passed<'s>,
}

impl<'s, F: Front> Gate<'_, '_, 's, F> {
    /// Runs filters on the request, in order.
    ///
    /// # Errors
    /// When one of them ends it.
    pub async fn screen(&mut self, mut filters: &'s [Filter], asked: &mut Asked) -> Result<(), Halt> {
        loop {
            match filters::on_request(filters, asked, self.place, &mut self.passed.mirrors) {
                Step::Done => return Ok(()),
                Step::Answer(answer) => return Err(answer.into()),
                Step::Ask(auth, rest) => {
                    Box::pin(self.ask(auth, asked)).await?;
                    filters = rest;
                }
            }
        }
    }

    async fn ask(&mut self, auth: &'s ExternalAuth, asked: &mut Asked) -> Result<(), Halt> {
        let unreachable = || Answer::new(403, Reason::AuthUnreachable);
        let pool = auth.to.pool().and_then(|id| self.snapshot.pool(id)).ok_or_else(unreachable)?;
        let body = if auth.body_max > 0 { self.body(auth.body_max, asked).await?.to_vec() } else { Vec::new() };
        let (question, body) = match &auth.protocol {
            AuthProtocol::Http { prefix, .. } => (question(asked, auth, prefix, body.len()), body),
            AuthProtocol::Grpc => {
                let message = check::request(asked, &auth.allowed, &body, (self.visit, self.front.stream().is_some(), self.id));
                (check::question(asked, &auth.service, message.len()), message)
            }
        };
        let mut manner = Manner::of(pool, &auth.to, self.listener.client.as_ref(), &question);
        if auth.protocol == AuthProtocol::Grpc {
            manner.offer = Offer::Http2;
        }
        let mut upload = Upload::new(true, false, false, Vec::new());
        upload.bring(body);
        let mut record = Record::new(self.visit.started);
        let mut tries = Tries::new(self.visit, &ASKING, pool, &question, (self.id, manner), Wishes::default());
        let won = tries.run(self.front, &mut upload, self.head, self.clock, &mut record).await;
        self.clock.each = None;
        let won = won.map_err(|ending| match ending {
            // The client's own doing, or its time is up.
            Ending::Answer(answer) if !matches!(answer.reason, Reason::RequestTimeout | Reason::ClientTimeout) => unreachable().into(),
            ending => ending,
        })?;
        let is_grpc = auth.protocol == AuthProtocol::Grpc;
        hear(&won, self.head, pool, is_grpc, &mut record);
        match &auth.protocol {
            AuthProtocol::Http { .. } if won.reply.status != 200 => Err(Halt::Denied(Box::new((won, upload)))),
            AuthProtocol::Http { taken, .. } => {
                take(self.head, taken, asked);
                self.end(won, &upload, (REST_MAX, REST_TIME)).await;
                Ok(())
            }
            AuthProtocol::Grpc => {
                let said = if won.reply.status == 200 { self.end(won, &upload, (check::LONGEST, PATIENCE)).await } else { None };
                let verdict = said.and_then(|said| check::verdict(&said)).ok_or_else(unreachable)?;
                let passed = verdict.map_err(|denied| denied.into_answer())?;
                passed.apply(asked, &mut self.passed.fields);
                Ok(())
            }
        }
    }

    /// The client's body, read to its end.
    async fn body(&mut self, most: u32, asked: &mut Asked) -> Result<&[u8], Ending> {
        if self.passed.body.is_none() {
            let most = self.listener.edge.body_max.unwrap_or(u64::MAX).min(u64::from(most));
            self.passed.body = Some(self.gather(most, asked).await?);
        }
        let body = self.passed.body.as_deref().unwrap_or_default();
        // A second service may take less than the first.
        if body.len() > most as usize { Err(Answer::new(413, Reason::BodyLimit).into()) } else { Ok(body) }
    }

    async fn gather(&mut self, most: u64, asked: &mut Asked) -> Result<Vec<u8>, Ending> {
        let too_large = || Ending::from(Answer::new(413, Reason::BodyLimit));
        match asked.framing {
            Framing::None => return Ok(Vec::new()),
            Framing::Length(length) if length > most => return Err(too_large()),
            _ => {}
        }
        if std::mem::take(&mut asked.expects_continue) {
            self.front.interim(100, &Head::default());
        }
        let patience = self.visit.ticket.options().body_timeout;
        self.clock.timer.set(patience);
        let mut body = Vec::new();
        poll_fn(|context| {
            loop {
                match self.front.poll_fill(context) {
                    Poll::Ready(Ok(Fill::Data)) => {
                        let data = self.front.data();
                        if (body.len() + data.len()) as u64 > most {
                            return Poll::Ready(Err(too_large()));
                        }
                        body.extend_from_slice(data);
                        let count = data.len();
                        self.front.consume(count);
                        self.clock.timer.set(patience);
                    }
                    Poll::Ready(Ok(Fill::End)) => return Poll::Ready(Ok(())),
                    Poll::Ready(Err(broken)) => return Poll::Ready(Err(broke(&broken))),
                    Poll::Pending => return self.idle(context),
                }
            }
        })
        .await?;
        Ok(body)
    }

    /// The client owes the next bytes of its body.
    fn idle(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        if self.front.has_queued() && matches!(self.front.poll_flush(context), Poll::Ready(Err(_))) {
            return Poll::Ready(Err(Ending::Abort(Reason::ClientGone)));
        }
        if self.clock.whole_is_over(context) {
            return Poll::Ready(Err(Answer::last(504, Reason::RequestTimeout).into()));
        }
        if self.clock.timer.expired(context) {
            return Poll::Ready(Err(Answer::last(408, Reason::ClientTimeout).into()));
        }
        Poll::Pending
    }

    /// Reads an answer to its end; gives its body where that came in time and is not longer. Its trailers are in the head then.
    async fn end(&mut self, won: Won, upload: &Upload, (most, longest): (usize, Duration)) -> Option<Vec<u8>> {
        let Won { mut link, guard, reply, began, .. } = won;
        link.pipe.begin_body(reply.framing);
        let mut body = Vec::new();
        let reading = poll_fn(|context| {
            loop {
                match link.pipe.poll_fill(context) {
                    Poll::Ready(Ok(Fill::Data)) if body.len() + link.pipe.data().len() <= most => {
                        body.extend_from_slice(link.pipe.data());
                        let count = link.pipe.data().len();
                        link.pipe.consume(count);
                    }
                    Poll::Ready(Ok(Fill::End)) => return Poll::Ready(true),
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let whole = tokio::time::timeout(longest, reading).await.unwrap_or(false);
        let at = now();
        let trailers = link.pipe.trailers();
        let outcome = super::at_end(trailers, &guard, link.pipe.is_stream(), at);
        let failed = super::status_of_grpc(trailers).or(super::status_of_grpc(self.head)).is_some_and(|status| status != 0);
        guard.finish(outcome, at.since(began), at);
        if whole && reply.keep_alive && upload.stage == Stage::Done && link.pipe.is_clean() {
            self.visit.core.idle.borrow_mut().put(link, at);
        }
        (whole && !failed).then_some(body)
    }
}

/// How a request ends whose body broke.
fn broke(broken: &Broken) -> Ending {
    match client_fault(broken) {
        Failure::Client { status: Some(status), reason } => Answer::last(status, reason).into(),
        other => Ending::Abort(other.reason()),
    }
}

/// The request without its body, as whoever is asked gets it: with the fields that always are sent, and those that may be.
fn question(asked: &Asked, auth: &ExternalAuth, prefix: &str, length: usize) -> Asked {
    let mut copy = Asked { websocket: false, extended: false, takes_trailers: false, expects_continue: false, ..asked.clone() };
    let Head { text, fields } = &mut copy.head;
    fields.retain(|field| {
        let name = field.name.of(text);
        name.eq_ignore_ascii_case(b"authorization") || auth.allowed.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(name))
    });
    if !prefix.is_empty() {
        let path = [prefix.as_bytes(), copy.sent_path.of(&copy.head.text)].concat();
        copy.sent_path = copy.head.push_text(&path);
    }
    // Said also where it is 0.
    copy.framing = Framing::Length(length as u64);
    copy
}

/// Puts fields of the verdict into the request. What describes the verdict itself stays out, unless it is asked for by name.
fn take(head: &Head, taken: &[Arc<str>], asked: &mut Asked) {
    let is_taken = |name: &[u8]| match taken {
        [] => !name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-")) && !name.eq_ignore_ascii_case(b"date"),
        these => these.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(name)),
    };
    let these: Vec<_> = head.fields.iter().filter(|field| is_taken(head.name(field)) && may_set(field.known, head.name(field))).collect();
    for field in &these {
        asked.head.remove(head.name(field));
    }
    for field in these {
        asked.head.push(head.name(field), head.value(field));
    }
}

/// Whether a field may be set by whoever is asked: host and framing belong to us.
fn may_set(known: Known, name: &[u8]) -> bool {
    let ours = matches!(
        known,
        Known::Host | Known::ContentLength | Known::TransferEncoding | Known::Connection | Known::Hop | Known::Te | Known::Upgrade | Known::Expect
    );
    !ours && !name.starts_with(b":") && !name.eq_ignore_ascii_case(b"authority")
}
