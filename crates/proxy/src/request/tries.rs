//! Choosing an endpoint, reaching it, and what to do when that fails (gateway spec G64, G112 to G114; balance spec R5).
//!
//! A request of which no byte was sent may go to another endpoint: that is not a retry. One that was sent is repeated only if
//! that is safe, or the rule says so, and the service's budget allows it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use balance::{Ask, Guard, Layer, NoPick, Picker};
use model::endpoint::Pool;
use model::routes::Rule;
use model::{Now, Outcome};
use smallvec::SmallVec;

use super::Visit;
use super::asked::Asked;
use super::exchange::{Clock, Failure, Try};
use super::reply::{self, Reply};
use super::upload::Upload;
use crate::answer::{Answer, Reason};
use crate::core::{Core, Options, now};
use crate::front::Front;
use crate::h1::Head;
use crate::log::{Again, Record, micros};
use crate::upstream::tls::{Manner, Offer};
use crate::upstream::{self, Link, Unconnected};

/// Other endpoints that an unsent request is tried on (gateway spec G112).
const UNSENT_MAX: u32 = 3;
/// First and longest wait between retries without a word of the rule (gateway spec G64).
const BACKOFF: Duration = Duration::from_millis(25);
const BACKOFF_MAX: Duration = Duration::from_millis(250);
/// Longest wait that an answer may ask for before its request is tried again, where the request has no deadline.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest wait while every endpoint is new and has as much as it shall have (balance spec C4).
const COLD: Duration = Duration::from_secs(1);
/// Time between two tries at endpoints of which none is reachable.
const KNOCK: Duration = Duration::from_millis(10);

/// How a request ends before its answer's body.
pub enum Ending {
    /// With an answer of ours.
    Answer(Answer),
    /// With nothing more.
    Abort(Reason),
}

impl From<Answer> for Ending {
    fn from(answer: Answer) -> Self {
        Ending::Answer(answer)
    }
}

/// A backend that answered.
pub struct Won {
    /// Its connection; the answer's body follows on it.
    pub link: Link,
    /// Its count.
    pub guard: Guard,
    /// The answer.
    pub reply: Reply,
    /// When the winning try began.
    pub began: Now,
    /// When the head of its answer was there.
    pub heard: Now,
}

/// Where in its pool a request had better go.
#[derive(Clone, Copy, Default)]
pub struct Wishes {
    /// Its hash, where the strategy hashes.
    pub hash: Option<u64>,
    /// The number of the endpoint that its session is at.
    pub home: Option<u64>,
}

/// All tries of a request.
pub struct Tries<'a> {
    core: &'a Rc<Core>,
    pub options: &'a Options,
    pub rule: &'a Rule,
    pool: Arc<Pool>,
    pub picker: Arc<Picker>,
    pub asked: &'a Asked,
    pub id: u128,
    pub manner: Manner<'a>,
    pub wishes: Wishes,
    pub tried: SmallVec<[SocketAddr; 4]>,
    /// Tries whose request was not sent.
    unsent: u32,
    /// Retries of a sent request.
    retries: u32,
    /// It has had its second try.
    pub has_hedged: bool,
    /// It has asked for an endpoint.
    has_picked: Cell<bool>,
    /// Pooled connections are not trusted any more.
    fresh: bool,
    /// Why the last endpoint could not be reached.
    unreached: Option<Reason>,
    /// Since when.
    unreached_since: Option<Now>,
}

/// Why a try was not answered.
pub enum Failed {
    /// There was no connection.
    Unconnected(Unconnected),
    /// It broke.
    Broken {
        /// How.
        failure: Failure,
        /// The connection had carried requests before.
        reused: bool,
    },
}

impl Failed {
    /// What it says of the endpoint, where another one can still answer; nothing where that is over.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Failed::Unconnected(why) => why.outcome(),
            Failed::Broken { failure: Failure::Client { .. } | Failure::Deadline { .. }, .. } => None,
            Failed::Broken { failure: Failure::Late { client_owes: true } | Failure::Drained, .. } => Some(Outcome::Canceled),
            // A pooled connection that had died unseen says nothing about its endpoint; a fresh one does.
            Failed::Broken { failure: Failure::Reset { .. }, reused: true } => Some(Outcome::Canceled),
            Failed::Broken { .. } => Some(Outcome::Gateway),
        }
    }
}

/// What to do after a failed try.
enum Next {
    Again(Duration),
    End(Ending),
}

impl<'a> Tries<'a> {
    /// For a request that goes to this pool in this manner, with its number.
    pub fn new(visit: &Visit<'a>, rule: &'a Rule, pool: &'a Arc<Pool>, asked: &'a Asked, (id, manner): (u128, Manner<'a>), wishes: Wishes) -> Self {
        let picker = visit.core.shared.pickers.of(pool, Layer::Http);
        Self {
            core: visit.core,
            options: visit.ticket.options(),
            rule,
            pool: Arc::clone(pool),
            picker,
            asked,
            id,
            manner,
            wishes,
            tried: SmallVec::new(),
            unsent: 0,
            retries: 0,
            has_hedged: false,
            has_picked: Cell::new(false),
            fresh: false,
            unreached: None,
            unreached_since: None,
        }
    }

    /// Whether a body is worth remembering.
    pub fn may_repeat(&self) -> bool {
        // A stream may be refused with its body under way, and was not worked on then (RFC 9113 §8.7).
        let by_stream = self.manner.offer == Offer::Http2 || self.manner.may_join();
        self.rule.retry.as_ref().map_or(by_stream || self.asked.is_safe(), |retry| retry.attempts > 0)
    }

    /// Runs tries until one is answered for good.
    ///
    /// # Errors
    /// How the request ends without an answer of a backend.
    pub async fn run(
        &mut self,
        front: &mut impl Front,
        upload: &mut Upload,
        head: &mut Head,
        clock: &mut Clock<'_>,
        record: &mut Record<'_>,
    ) -> Result<Won, Ending> {
        loop {
            let mut began = now();
            let guard = match self.pick(began) {
                Ok(guard) => guard,
                Err(why) => {
                    let guard = Box::pin(self.wait(why, front, clock)).await?;
                    let since = std::mem::replace(&mut began, now());
                    record.queued_us = micros(began.since(since));
                    guard
                }
            };
            record.tried(guard.endpoint());
            let mut why = Again::Status;
            let (guard, began, outcome) = if self.may_hedge(upload) {
                Box::pin(self.hedged((guard, began), front, upload, head, clock, record)).await
            } else {
                let outcome = self.attempt((&guard, began), front, upload, head, clock).await;
                (guard, began, outcome)
            };
            let next = match outcome {
                Ok((link, reply)) => {
                    let at = now();
                    let Some(wait) = self.repeats_status(&reply, head, upload, clock, at) else {
                        return Ok(Won { link, guard, reply, began, heard: at });
                    };
                    if let Some(asked) = reply.retry_after.filter(|_| reply::outcome(reply.status).failed()) {
                        guard.pushed_back(asked, at);
                    }
                    guard.head(reply::outcome(reply.status), at.since(began), at);
                    self.failed_at(&guard);
                    Next::Again(wait)
                }
                Err(Failed::Broken { failure, reused }) => {
                    why = Again::Failed(failure.reason());
                    self.after(failure, reused, &guard, began, upload)
                }
                Err(Failed::Unconnected(unconnected)) => {
                    why = Again::Failed(unconnected.reason());
                    self.after_unconnected(&unconnected, &guard, began)
                }
            };
            match next {
                Next::End(ending) => return Err(ending),
                Next::Again(wait) => {
                    record.retried = Some(why);
                    Box::pin(self.pause(wait, front, clock)).await?;
                }
            }
            if !upload.rewind() {
                return Err(Answer::last(502, Reason::UpstreamReset).into());
            }
        }
    }

    /// One try: a connection, the request out, the head of the answer in.
    pub async fn attempt(
        &self,
        (guard, began): (&Guard, Now),
        front: &mut impl Front,
        upload: &mut Upload,
        head: &mut Head,
        clock: &mut Clock<'_>,
    ) -> Result<(Link, Reply), Failed> {
        let linked = match self.asked.websocket {
            true => Box::pin(self.link_websocket(guard, began)).await,
            false => self.link(self.manner.offer, guard, began).await,
        };
        let mut link = linked.map_err(Failed::Unconnected)?;
        link.pipe.begin(self.asked, self.id, upload.held).await;
        clock.each = self.rule.timeouts.backend_request.map(|within| Box::pin(tokio::time::sleep(within)));
        let reused = link.served > 0;
        link.served += 1;
        let attempt = Try { front, asked: self.asked, upload, link: &mut link, head, clock, core: self.core, options: self.options };
        match attempt.run().await {
            Ok(reply) => Ok((link, reply)),
            Err(failure) => Err(Failed::Broken { failure, reused }),
        }
    }

    /// The first pick is from the pool that the request was routed to, later ones from what that pool is by then: an endpoint
    /// that replaces a dead one is in a newer snapshot only.
    fn pick(&mut self, at: Now) -> Result<Guard, NoPick> {
        if self.fresh || self.unsent + self.retries > 0 {
            self.renew();
        }
        if self.picker.has_queue() {
            // Nobody overtakes those who wait.
            return Err(NoPick::Full);
        }
        self.pick_from(&self.tried, true, at)
    }

    pub fn pick_from(&self, tried: &[SocketAddr], may_wait: bool, at: Now) -> Result<Guard, NoPick> {
        let again = self.has_picked.replace(true);
        let ask = Ask { hash: self.wishes.hash, tried, again, retryable: self.asked.is_safe(), may_wait };
        let mut worker = self.core.worker.borrow_mut();
        if let Some(guard) = self.wishes.home.and_then(|home| self.picker.pick_session(&mut worker, home, &ask, at)) {
            return Ok(guard);
        }
        self.picker.pick(&mut worker, &ask, at)
    }

    /// Takes the pool as the snapshot in force has it.
    fn renew(&mut self) {
        let snapshot = self.core.snapshot();
        if let Some(pool) = snapshot.pool(self.pool.id).filter(|pool| !Arc::ptr_eq(pool, &self.pool)) {
            self.picker = self.core.shared.pickers.of(pool, Layer::Http);
            self.pool = Arc::clone(pool);
        }
    }

    /// The answer when nobody takes the request.
    fn refusal(&self, why: NoPick) -> Answer {
        match (why, &self.unreached) {
            (NoPick::Full | NoPick::Cold, _) => Answer::new(503, Reason::CircuitOpen).with("retry-after", "1".to_owned()),
            (NoPick::NoEndpoint, Some(reason)) => Answer::new(503, *reason),
            (NoPick::NoEndpoint, None) => Answer::new(503, Reason::NoEndpoint),
        }
    }

    /// Waits in line until an endpoint can take the request, if there is one that might.
    async fn wait(&mut self, mut why: NoPick, front: &mut impl Front, clock: &mut Clock<'_>) -> Result<Guard, Ending> {
        let hopeless = self.pool.policy.outlier.panic_fail || self.pool.endpoints.iter().all(|endpoint| endpoint.weight == 0);
        if why == NoPick::NoEndpoint && hopeless {
            return Err(self.refusal(why).into());
        }
        let Some(place) = self.picker.enter_queue() else {
            // Where only new endpoints are left those who cannot wait are not turned away (balance spec C4).
            return self.pick_from(&self.tried, false, now()).map_err(|_| self.refusal(NoPick::Full).into());
        };
        let longest = self.picker.policy().limits.pending_timeout;
        let mut over = Box::pin(tokio::time::sleep(if why == NoPick::Cold { longest.min(COLD) } else { longest }));
        // When a port is listened on again nothing of ours tells it.
        let mut knock = tokio::time::interval(KNOCK);
        loop {
            let is_over = poll_fn(|context| {
                if let Some(ending) = ends(front, clock, context) {
                    return Poll::Ready(Err(ending));
                }
                let turn = place.poll_turn(context).is_ready();
                let knocks = why == NoPick::NoEndpoint && knock.poll_tick(context).is_ready() && place.is_first();
                match over.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Ok(true)),
                    Poll::Pending if turn || knocks => Poll::Ready(Ok(false)),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await?;
            self.renew();
            // Whoever comes back first will do, also one that has refused this request before.
            match self.pick_from(&[], !is_over, now()) {
                Ok(guard) => return Ok(guard),
                Err(latest) => why = latest,
            }
            if is_over {
                place.give_up();
                return Err(self.refusal(why).into());
            }
        }
    }

    async fn link_websocket(&self, guard: &Guard, at: Now) -> Result<Link, Unconnected> {
        let link = self.link(self.manner.offer, guard, at).await?;
        if !link.pipe.is_stream() {
            return Ok(link);
        }
        let answer = tokio::time::timeout(self.options.connect_timeout, link.pipe.takes_websockets());
        if answer.await.unwrap_or(false) {
            return Ok(link);
        }
        // An endpoint that knows HTTP/2 without WebSockets (RFC 8441) may know HTTP/1.1 with them.
        self.link(Offer::Http1, guard, at).await
    }

    pub async fn link(&self, offer: Offer, guard: &Guard, at: Now) -> Result<Link, Unconnected> {
        let endpoint = guard.endpoint();
        let manner = Manner { offer, ..self.manner };
        if manner.may_join()
            && !self.fresh
            && let Some(link) = upstream::join_now(&self.core.http2, endpoint, self.pool.id, manner)
        {
            return Ok(link);
        }
        if !self.fresh && manner.offer != Offer::Http2 {
            let most = self.picker.policy().limits.requests_per_connection;
            let idle = self.core.idle.borrow_mut().take(endpoint, manner.cover, !self.asked.is_safe(), at);
            let in_common = || self.core.shared.commons.take(endpoint, !self.asked.is_safe(), at);
            let idle = idle.or_else(|| if manner.cover.is_none() { in_common() } else { None });
            if let Some(link) = idle.filter(|link| most.is_none_or(|most| link.served < most)) {
                return Ok(link);
            }
        }
        let bounds = (self.options.connect_timeout, self.options.answer_limits);
        let link = Box::pin(upstream::connect(self.core, endpoint, self.pool.id, bounds, manner)).await?;
        guard.connected(now());
        Ok(link)
    }

    fn failed_at(&mut self, guard: &Guard) {
        let address = guard.endpoint().address;
        if !self.tried.contains(&address) {
            self.tried.push(address);
        }
    }

    /// Every endpoint has refused this request by now. For as long as requests may wait, knocking on goes on: a service that
    /// restarts as a whole then loses nothing. The picker lets one request knock at a time.
    fn knocks_on(&mut self, guard: &Guard, at: Now) -> bool {
        let since = *self.unreached_since.get_or_insert(at);
        let repeated = self.tried.contains(&guard.endpoint().address);
        repeated && !self.pool.policy.outlier.panic_fail && at.since(since) < self.pool.policy.limits.pending_timeout
    }

    fn after_unconnected(&mut self, why: &Unconnected, guard: &Guard, began: Now) -> Next {
        let reason = match why {
            Unconnected::Refused => Reason::ConnectRefused,
            Unconnected::Timeout => Reason::ConnectTimeout,
            Unconnected::NoTls(error) => {
                tracing::debug!(%error, endpoint = %guard.endpoint().address, "no TLS with an endpoint that shall speak it");
                Reason::TlsUpstream
            }
            Unconnected::Exhausted(error) => {
                tracing::warn!(%error, endpoint = %guard.endpoint().address, "cannot open a connection: raise the limit of open files or ports");
                return Next::End(Answer::new(503, Reason::Overload).into());
            }
        };
        let at = now();
        if let Some(outcome) = why.outcome() {
            guard.head(outcome, at.since(began), at);
        }
        self.unreached = Some(reason);
        // Waiting helps against a restart, not against a port that speaks something else.
        if !matches!(why, Unconnected::NoTls(_)) && self.knocks_on(guard, at) {
            return Next::Again(KNOCK);
        }
        self.failed_at(guard);
        // Where there is no other endpoint, silence is not waited for again.
        if matches!(why, Unconnected::Timeout) && self.pool.endpoints.iter().all(|endpoint| self.tried.contains(&endpoint.address)) {
            return Next::End(Answer::new(503, reason).into());
        }
        self.again_unsent(Answer::new(503, reason))
    }

    /// Another endpoint for a request of which nothing was sent. An explicit zero of the rule forbids even that.
    fn again_unsent(&mut self, otherwise: Answer) -> Next {
        let forbidden = self.rule.retry.as_ref().is_some_and(|retry| retry.attempts == 0);
        if forbidden || self.unsent >= UNSENT_MAX {
            return Next::End(otherwise.into());
        }
        self.unsent += 1;
        Next::Again(Duration::ZERO)
    }

    fn after(&mut self, failure: Failure, reused: bool, guard: &Guard, began: Now, upload: &Upload) -> Next {
        let at = now();
        let took = at.since(began);
        let tell = |outcome| guard.head(outcome, took, at);
        match failure {
            Failure::Client { status, reason } => {
                tell(Outcome::Canceled);
                Next::End(status.map_or(Ending::Abort(reason), |status| Answer::last(status, reason).into()))
            }
            Failure::Deadline { client_owes } => {
                tell(if client_owes { Outcome::Canceled } else { Outcome::Gateway });
                Next::End(Answer::new(504, Reason::RequestTimeout).into())
            }
            Failure::Garbled(malformed) => {
                tracing::debug!(%malformed, endpoint = %guard.endpoint().address, "malformed answer");
                tell(Outcome::Gateway);
                Next::End(Answer::new(502, Reason::UpstreamProtocol).into())
            }
            Failure::Drained => {
                tell(Outcome::Canceled);
                Next::End(Answer::last(503, Reason::Draining).into())
            }
            Failure::Reset { sent: false } => {
                // A pooled connection that had died unseen says nothing about its endpoint; a fresh one does.
                tell(if reused { Outcome::Canceled } else { Outcome::Gateway });
                self.fresh = true;
                self.again_unsent(Answer::new(503, Reason::UpstreamReset))
            }
            Failure::Reset { sent: true } => {
                tell(if reused { Outcome::Canceled } else { Outcome::Gateway });
                self.fresh = true;
                if !reused {
                    self.failed_at(guard);
                }
                let exhausted = self.rule.retry.as_ref().is_some_and(|retry| retry.attempts > 0 && self.retries >= retry.attempts);
                let otherwise = if exhausted { Answer::new(503, Reason::RetriesExhausted) } else { Answer::new(502, Reason::UpstreamReset) };
                // Nobody asked more of the service than before: bounds are for retries of what it may have worked on, and this
                // connection was most likely closed before it was read. The endpoint may die for good in the next moment, and
                // the one retry is for that. Where the rule says how many there may be, it was told how many requests there may be.
                self.again_sent(true, !reused || self.rule.retry.is_some(), upload, at, otherwise)
            }
            Failure::Late { client_owes: true } => {
                tell(Outcome::Canceled);
                Next::End(Answer::last(504, Reason::UpstreamTimeout).into())
            }
            Failure::Late { client_owes: false } => {
                tell(Outcome::Gateway);
                self.failed_at(guard);
                self.again_sent(false, true, upload, at, Answer::new(504, Reason::UpstreamTimeout))
            }
        }
    }

    /// Another try for a request that was sent. Only safe methods; without a stanza once and only after a reset (G113). One that
    /// is not `counted` followed a kept connection that died; it happens once at most, as only fresh ones are used from then on.
    fn again_sent(&mut self, reset: bool, counted: bool, upload: &Upload, at: Now, otherwise: Answer) -> Next {
        let allowed = match &self.rule.retry {
            None => reset && (!counted || self.retries < 1),
            Some(retry) => retry.attempts > 0 && (!counted || self.retries < retry.attempts),
        };
        if !allowed || !self.asked.is_safe() || !upload.can_rewind() {
            return Next::End(otherwise.into());
        }
        if !counted {
            return Next::Again(Duration::ZERO);
        }
        if !self.picker.allows_retry(at) {
            return Next::End(Answer::new(503, Reason::RetryBudget).into());
        }
        let wait = self.backoff();
        self.retries += 1;
        Next::Again(wait)
    }

    /// The wait before the rule's retry of this answer; `None` when the answer stands: also where its service asks for more patience than
    /// the request has, or not to be asked again (balance spec R5).
    fn repeats_status(&mut self, reply: &Reply, head: &Head, upload: &Upload, clock: &Clock<'_>, at: Now) -> Option<Duration> {
        let retry = self.rule.retry.as_ref()?;
        let repeats = retry.codes.contains(&reply.status) && self.retries < retry.attempts && upload.can_rewind();
        if !repeats {
            return None;
        }
        let asked = match reply::grpc_wait(head) {
            Some(Err(reply::Never)) => return None,
            Some(Ok(wait)) => Some(wait),
            None => reply.retry_after,
        };
        let wait = self.backoff().max(asked.unwrap_or_default());
        let left = clock.whole.as_ref().map_or(PATIENCE, |whole| whole.deadline().saturating_duration_since(tokio::time::Instant::now()));
        if asked.is_some() && wait >= left || !self.picker.allows_retry(at) {
            return None;
        }
        self.retries += 1;
        Some(wait)
    }

    /// Doubles from the base with jitter upwards, so that it is never less than what the rule says. Nothing without a rule.
    fn backoff(&self) -> Duration {
        let Some(retry) = &self.rule.retry else { return Duration::ZERO };
        let base = if retry.backoff.is_zero() { BACKOFF } else { retry.backoff };
        let doubled = base.saturating_mul(1 << self.retries.min(16)).min(BACKOFF_MAX.max(base));
        let jitter = (self.core.random() % 256) as u32;
        (doubled + doubled / 512 * jitter).min(BACKOFF_MAX.max(base + base / 2))
    }

    /// Waits, no longer than the request's deadline and the client do.
    async fn pause(&self, wait: Duration, front: &mut impl Front, clock: &mut Clock<'_>) -> Result<(), Ending> {
        if wait.is_zero() {
            return Ok(());
        }
        let mut sleep = Box::pin(tokio::time::sleep(wait));
        poll_fn(|context| match ends(front, clock, context) {
            Some(ending) => Poll::Ready(Err(ending)),
            None => sleep.as_mut().poll(context).map(Ok),
        })
        .await
    }
}

/// How a request that waits ends before its wait does: its deadline has passed, or its client has left.
pub fn ends(front: &mut impl Front, clock: &mut Clock<'_>, context: &mut Context<'_>) -> Option<Ending> {
    if clock.whole_is_over(context) {
        return Some(Answer::new(504, Reason::RequestTimeout).into());
    }
    (front.body_ended() && front.poll_gone(context).is_ready()).then_some(Ending::Abort(Reason::ClientGone))
}
