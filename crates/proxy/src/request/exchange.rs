//! One try: the request out, the head of its answer in, both at the same time (a backend may answer before it has read all).

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::asked::Asked;
use super::handshake;
use super::reply::{self, Reply};
use super::upload::Upload;
use crate::answer::Reason;
use crate::core::{Core, Options};
use crate::front::Front;
use crate::h1::{AnswerLine, Head, HeadParser, Malformed};
use crate::relay::Broken;
use crate::upstream::{Leaving, Link};
use crate::wheel::Timer;
use crate::wire::status_of;

/// Interim answers that are passed on; one more is an attack (gateway spec G100).
pub const INTERIM_MAX: usize = 8;
/// How long a body waits for the backend's `100 Continue`.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// How a try failed.
#[derive(Debug)]
pub enum Failure {
    /// The client is at fault or gone; no other try would help.
    Client {
        /// What it is told, if it can be told anything.
        status: Option<u16>,
        /// Why.
        reason: Reason,
    },
    /// The deadline of the whole request passed.
    Deadline {
        /// The client owed the next bytes of its body: nothing is said of the endpoint.
        client_owes: bool,
    },
    /// The backend broke the connection before its answer.
    Reset {
        /// A byte of the request had left.
        sent: bool,
    },
    /// It did not answer in time.
    Late {
        /// As above.
        client_owes: bool,
    },
    /// It leaves, and had its time for what it was doing.
    Drained,
    /// Its answer is against the grammar.
    Garbled(Malformed),
}

impl Failure {
    /// The word of the log.
    pub fn reason(&self) -> Reason {
        match self {
            Failure::Client { reason, .. } => *reason,
            Failure::Deadline { .. } => Reason::RequestTimeout,
            Failure::Reset { .. } => Reason::UpstreamReset,
            Failure::Late { .. } => Reason::UpstreamTimeout,
            Failure::Drained => Reason::Draining,
            Failure::Garbled(_) => Reason::UpstreamProtocol,
        }
    }
}

/// The deadlines of a request.
pub struct Clock<'a> {
    /// Coarse, for silences.
    pub timer: &'a Timer,
    /// Of the whole request.
    pub whole: Option<Pin<Box<Sleep>>>,
    /// Of this try.
    pub each: Option<Pin<Box<Sleep>>>,
}

impl Clock<'_> {
    /// Whether the request's deadline has passed.
    pub fn whole_is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.whole.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready())
    }

    /// Whether the try's deadline has passed.
    pub fn each_is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.each.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready())
    }
}

/// A try in progress.
pub struct Try<'a, 'c, F> {
    /// The client.
    pub front: &'a mut F,
    /// What it asked.
    pub asked: &'a Asked,
    /// Its body.
    pub upload: &'a mut Upload,
    /// The backend.
    pub link: &'a mut Link,
    /// Where the answer's head goes.
    pub head: &'a mut Head,
    /// Deadlines.
    pub clock: &'a mut Clock<'c>,
    /// The thread.
    pub core: &'a Core,
    /// How to behave.
    pub options: &'a Options,
}

impl<F: Front> Try<'_, '_, F> {
    /// Sends the request (its head is queued already) and reads the head of the final answer.
    ///
    /// # Errors
    /// As [`Failure`] says. The backend's connection is of no use then.
    pub async fn run(mut self) -> Result<Reply, Failure> {
        self.head.clear();
        let before = self.link.pipe.written();
        if self.link.pipe.is_stream() {
            // On a stream of many a body costs nobody a connection: it need not wait.
            self.go_on();
        }
        let mut parser = HeadParser::answer(self.options.answer_limits);
        let mut interim = 0;
        let (mut progress, mut leaving) = ((u64::MAX, 0), Leaving::default());
        // The wait for 100 (Continue) begins when the head has left, which is now as far as clocks of this grain can tell.
        let mut patience = self.upload.held.then(|| Box::pin(tokio::time::sleep(CONTINUE_WAIT)));
        poll_fn(|context| {
            if let Some(wait) = &mut patience
                && wait.as_mut().poll(context).is_ready()
            {
                patience = None;
                self.go_on();
            }
            let held = self.upload.held;
            if let Poll::Ready(Err(broken)) = self.upload.poll(context, self.front, &mut self.link.pipe) {
                return Poll::Ready(Err(client_fault(&broken)));
            }
            match self.poll_answer(context, &mut parser, &mut interim, before) {
                Poll::Ready(outcome) => return Poll::Ready(outcome),
                Poll::Pending if !self.upload.held => {
                    patience = None;
                    if held {
                        // The body may lie here already, and nothing that comes would wake this task for it.
                        context.waker().wake_by_ref();
                    }
                }
                Poll::Pending => {}
            }
            if self.front.has_queued() && matches!(self.front.poll_flush(context), Poll::Ready(Err(_))) {
                return Poll::Ready(Err(Failure::Client { status: None, reason: Reason::ClientGone }));
            }
            let waits = self.upload.is_over() || self.upload.held;
            if waits && self.front.poll_gone(context).is_ready() {
                return Poll::Ready(Err(Failure::Client { status: None, reason: Reason::ClientGone }));
            }
            self.poll_time(context, &mut progress, &mut leaving)
        })
        .await
    }

    /// Lets a held body go, in the backend's name when it says nothing.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.upload.held) {
            self.front.interim(100, &Head::default());
        }
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, parser: &mut HeadParser, interim: &mut usize, before: u64) -> Poll<Result<Reply, Failure>> {
        loop {
            let line = match self.link.pipe.poll_head(context, parser, self.head) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(line))) => line,
                Poll::Ready(Err(Broken::Malformed(malformed))) => return Poll::Ready(Err(Failure::Garbled(malformed))),
                Poll::Ready(Err(Broken::Cut)) => return Poll::Ready(Err(Failure::Garbled(Malformed::Syntax("the answer ends in its head")))),
                Poll::Ready(Ok(None) | Err(Broken::Io(_))) => {
                    let sent = self.link.pipe.has_sent_since(before) || !self.head.text.is_empty();
                    return Poll::Ready(Err(Failure::Reset { sent }));
                }
            };
            if line.status >= 200 || line.status == 101 {
                return Poll::Ready(self.judge(line));
            }
            *interim += 1;
            if *interim > INTERIM_MAX {
                return Poll::Ready(Err(Failure::Garbled(Malformed::Syntax("too many interim answers"))));
            }
            match line.status {
                100 => self.go_on(),
                status => {
                    if reply::judge(self.head, line, false).is_err() {
                        return Poll::Ready(Err(Failure::Garbled(Malformed::Syntax("an interim answer is malformed"))));
                    }
                    self.front.interim(status, self.head);
                }
            }
            self.head.clear();
            *parser = HeadParser::answer(self.options.answer_limits);
        }
    }

    fn judge(&mut self, line: AnswerLine) -> Result<Reply, Failure> {
        let mut reply = reply::judge(self.head, line, self.asked.is_head()).map_err(Failure::Garbled)?;
        if self.asked.websocket && self.link.pipe.is_stream() && (200..300).contains(&reply.status) {
            // An extended CONNECT has succeeded; the client may expect the proof of the older handshake.
            (reply.status, reply.websocket) = (101, true);
            handshake::prove(self.asked, self.head);
        }
        if reply.status == 101 && !(reply.websocket && self.asked.websocket) {
            return Err(Failure::Garbled(Malformed::Syntax("the answer switches to a protocol that was not asked for")));
        }
        if reply.status == 101 && !handshake::accepts(self.asked, self.head) {
            return Err(Failure::Garbled(Malformed::Syntax("the answer to a websocket handshake proves nothing")));
        }
        Ok(reply)
    }

    /// Deadlines, and silences: whoever owes the next bytes is at fault.
    fn poll_time(&mut self, context: &mut Context<'_>, progress: &mut (u64, u64), leaving: &mut Leaving) -> Poll<Result<Reply, Failure>> {
        let client_owes = self.upload.waits_for(self.front) && !self.link.pipe.has_queued();
        if self.clock.whole_is_over(context) {
            return Poll::Ready(Err(Failure::Deadline { client_owes }));
        }
        if self.clock.each_is_over(context) {
            return Poll::Ready(Err(Failure::Late { client_owes }));
        }
        let seen = (self.upload.bytes, self.link.pipe.written());
        if seen != *progress {
            *progress = seen;
            self.clock.timer.set_in_steps(if client_owes { self.options.body_timeout } else { self.options.silence_timeout });
        }
        let (core, link) = (self.core, &*self.link);
        if !ready!(self.clock.timer.poll_steps(context, || leaving.is_over(core, link))) {
            return Poll::Ready(Err(Failure::Drained));
        }
        Poll::Ready(Err(match client_owes {
            true => Failure::Client { status: Some(408), reason: Reason::ClientTimeout },
            false => Failure::Late { client_owes: false },
        }))
    }
}

/// What a client that broke its body is told.
pub fn client_fault(broken: &Broken) -> Failure {
    match broken {
        Broken::Malformed(_) => {
            let status = status_of(broken);
            Failure::Client { status: Some(status), reason: Reason::of_refusal(status) }
        }
        Broken::Io(_) | Broken::Cut => Failure::Client { status: None, reason: Reason::ClientGone },
    }
}
