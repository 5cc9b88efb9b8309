//! A second try at another endpoint while the first has not answered yet (balance spec R6), where the policy asks for it: safe
//! methods without a body, once a request. Whoever answers first wins, and the other is cancelled.
//!
//! An answer of the second that says that its endpoint fails does not count: without it the client would not have got it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;

use balance::Guard;
use model::{Now, Outcome};

use super::exchange::{Clock, INTERIM_MAX};
use super::reply::{self, Reply};
use super::tries::{Failed, Tries, ends};
use super::upload::Upload;
use crate::core::now;
use crate::front::Front;
use crate::h1::{Framing, Head, HeadParser};
use crate::log::Record;
use crate::relay::{Sink, Stage};
use crate::upstream::Link;

/// A try that has ended: at whom, since when, and with which answer on which connection.
pub type Tried = (Guard, Now, Result<(Link, Reply), Failed>);

/// A second try that was answered.
struct Second {
    guard: Guard,
    began: Now,
    link: Link,
    head: Head,
    reply: Reply,
}

/// What is known of the second try while it runs.
#[derive(Default)]
struct Progress {
    /// Whom it goes to, once it has begun.
    endpoint: Cell<Option<SocketAddr>>,
    /// Its request is on its way.
    asks: Cell<bool>,
}

/// Who is done first.
enum Race {
    First(Result<(Link, Reply), Failed>),
    Second(Box<Second>),
}

impl Tries<'_> {
    /// Whether this request may have a second try.
    pub fn may_hedge(&self, upload: &Upload) -> bool {
        let asked = self.asked;
        // A session stays where it is, however long that takes.
        self.picker.hedges()
            && self.wishes.home.is_none()
            && !self.has_hedged
            && asked.is_safe()
            && asked.framing == Framing::None
            && !asked.websocket
            && !upload.held
    }

    /// Runs a try, and beside it a second one when it is slow.
    pub async fn hedged(
        &mut self,
        (guard, began): (Guard, Now),
        front: &mut impl Front,
        upload: &mut Upload,
        head: &mut Head,
        clock: &mut Clock<'_>,
        record: &mut Record<'_>,
    ) -> Tried {
        self.has_hedged = true;
        let this = &*self;
        let progress = Progress::default();
        let mut second = Some(Box::pin(this.second((&guard, began), &progress)));
        let race = {
            let mut first = pin!(this.attempt((&guard, began), front, upload, head, clock));
            poll_fn(|context| {
                if let Poll::Ready(outcome) = first.as_mut().poll(context) {
                    return Poll::Ready(Race::First(outcome));
                }
                match second.as_mut().map(|second| second.as_mut().poll(context)) {
                    Some(Poll::Ready(Some(won))) => return Poll::Ready(Race::Second(Box::new(won))),
                    Some(Poll::Ready(None)) => second = None,
                    Some(Poll::Pending) | None => {}
                }
                Poll::Pending
            })
            .await
        };
        let (won, told) = match race {
            Race::Second(won) => (won, Outcome::Canceled),
            Race::First(outcome) => {
                let failed = outcome.as_ref().err().and_then(Failed::outcome);
                // What is on its way already need not be asked again.
                let rescue = match (failed, second.as_mut().filter(|_| progress.asks.get())) {
                    (Some(told), Some(second)) => alone(second.as_mut(), front, clock).await.map(|won| (won, told)),
                    _ => None,
                };
                match rescue {
                    Some(rescue) => rescue,
                    None => {
                        if outcome.is_ok() {
                            this.picker.first_took(now().since(began));
                        }
                        if progress.endpoint.get().is_some() {
                            record.hedged(guard.endpoint().address);
                        }
                        drop(second);
                        return (guard, began, outcome);
                    }
                }
            }
        };
        let at = now();
        this.picker.first_took(at.since(began));
        guard.head(told, at.since(began), at);
        record.hedged(won.guard.endpoint().address);
        *head = won.head;
        // There was nothing to send but the head, and the winner has it.
        upload.stage = Stage::Done;
        clock.each = this.rule.timeouts.backend_request.map(|within| Box::pin(tokio::time::sleep(within.saturating_sub(at.since(won.began)))));
        drop(second);
        (won.guard, won.began, Ok((won.link, won.reply)))
    }

    /// Waits until the first try is slow, and asks another endpoint. `None`: there is no second try, or it failed.
    async fn second(&self, (first, began): (&Guard, Now), progress: &Progress) -> Option<Second> {
        let after = self.picker.hedge_after(began)?;
        tokio::time::sleep(after.saturating_sub(now().since(began))).await;
        if self.picker.has_queue() {
            // Nobody overtakes those who wait.
            return None;
        }
        let mut tried = self.tried.clone();
        tried.push(first.endpoint().address);
        let began = now();
        let guard = self.pick_from(&tried, false, began).ok().filter(|guard| !tried.contains(&guard.endpoint().address))?;
        if !self.picker.allows_hedge(began) {
            return None;
        }
        progress.endpoint.set(Some(guard.endpoint().address));
        let within = self.rule.timeouts.backend_request.unwrap_or(self.options.silence_timeout);
        let answered = tokio::time::timeout(within, self.ask(&guard, began, progress)).await.unwrap_or(Err(Outcome::Gateway));
        let at = now();
        match answered {
            Ok((link, head, reply)) if !reply::outcome(reply.status).failed() => Some(Second { guard, began, link, head, reply }),
            Ok((_, _, reply)) => {
                guard.head(reply::outcome(reply.status), at.since(began), at);
                None
            }
            Err(outcome) => {
                guard.head(outcome, at.since(began), at);
                None
            }
        }
    }

    /// Sends the request, which has no body, and reads the head of the answer, without a word to the client.
    async fn ask(&self, guard: &Guard, began: Now, progress: &Progress) -> Result<(Link, Head, Reply), Outcome> {
        let mut link = self.link(self.manner.offer, guard, began).await.map_err(|why| why.outcome().unwrap_or(Outcome::Canceled))?;
        // A kept connection that had died unseen says nothing about its endpoint.
        let broken = if link.served > 0 { Outcome::Canceled } else { Outcome::Gateway };
        link.served += 1;
        link.pipe.begin(self.asked, self.id, false).await;
        link.pipe.finish(&Head::default());
        progress.asks.set(true);
        let mut head = Head::default();
        let mut parser = HeadParser::answer(self.options.answer_limits);
        for _ in 0..=INTERIM_MAX {
            let line = poll_fn(|context| {
                // Where it does not take what it is sent, its answer, if there is one, says it.
                let _ = link.pipe.poll_flush(context);
                link.pipe.poll_head(context, &mut parser, &mut head).map(|line| line.ok().flatten().ok_or(broken))
            })
            .await?;
            if line.status >= 200 {
                let reply = reply::judge(&mut head, line, self.asked.is_head()).map_err(|_| Outcome::Gateway)?;
                return Ok((link, head, reply));
            }
            head.clear();
            parser = HeadParser::answer(self.options.answer_limits);
        }
        Err(Outcome::Gateway)
    }
}

/// Waits for the second try while the request has time and its client.
async fn alone<F: Future<Output = Option<Second>>>(mut second: Pin<&mut F>, front: &mut impl Front, clock: &mut Clock<'_>) -> Option<Box<Second>> {
    poll_fn(|context| match ends(front, clock, context) {
        Some(_) => Poll::Ready(None),
        None => second.as_mut().poll(context).map(|won| won.map(Box::new)),
    })
    .await
}
