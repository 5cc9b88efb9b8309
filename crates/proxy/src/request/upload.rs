//! The body of a request on its way to a backend: copied to mirrors as it passes, and remembered while it is short enough to
//! be sent again.

use std::task::{Context, Poll, ready};

use super::mirror::{self, Feed};
use crate::front::Front;
use crate::h1::{Head, Malformed};
use crate::relay::Side;
use crate::relay::{Broken, Fill, Sink, Source, Stage, poll_relay};

/// Bytes of a body that are remembered for another try (gateway spec G115).
const REPLAY_MAX: usize = 64 << 10;

/// The body's progress over all tries.
#[derive(Default)]
pub struct Upload {
    /// How far the current try is.
    pub stage: Stage,
    /// The backend closed its ear: nothing more is sent, its answer may still come.
    pub refused: bool,
    /// It waits for the backend's word (`Expect: 100-continue`).
    pub held: bool,
    /// Bytes taken from the client.
    pub bytes: u64,
    body: Body,
}

#[derive(Default)]
struct Body {
    /// There is none, whatever the client sends after the head: the early bytes of a tunnel wait for the backend's word.
    absent: bool,
    /// The most it may have; beyond that it is refused.
    most: Option<u64>,
    keep: bool,
    kept: Vec<u8>,
    /// Something went past that is not in `kept`.
    lost: bool,
    /// How much of `kept` the current try has sent.
    at: usize,
    mirrors: Vec<Feed>,
    /// What the mirrors were fed since their last turn.
    fed: usize,
    ended: bool,
    /// Whether the data last shown came from `kept`.
    replaying: bool,
}

impl Upload {
    /// For a new request, perhaps without a body. With `keep`, the body is remembered.
    pub fn new(absent: bool, keep: bool, held: bool, mirrors: Vec<Feed>) -> Self {
        Self { held, body: Body { absent, keep, mirrors, ..Body::default() }, ..Self::default() }
    }

    /// A body of more bytes is refused while it passes.
    pub fn bound(&mut self, most: Option<u64>) {
        self.body.most = most;
    }

    /// Bytes of the body that were read already: they go first.
    pub fn bring(&mut self, bytes: Vec<u8>) {
        self.body.mirrors.iter().for_each(|mirror| mirror.data(&bytes));
        self.bytes = bytes.len() as u64;
        self.body.kept = bytes;
    }

    /// Begins again for another try. False when what was sent is not known any more.
    pub fn rewind(&mut self) -> bool {
        if self.body.lost {
            return false;
        }
        self.body.at = 0;
        (self.stage, self.refused) = (Stage::Moving, false);
        true
    }

    /// Whether [`Upload::rewind`] would succeed.
    pub fn can_rewind(&self) -> bool {
        !self.body.lost
    }

    /// Nothing more is to be sent.
    pub fn is_over(&self) -> bool {
        self.refused || self.stage == Stage::Done
    }

    /// Whether the next bytes are the client's to send: nothing that the backend could take is there.
    pub fn waits_for(&self, front: &impl Front) -> bool {
        !self.is_over() && !self.held && self.body.at >= self.body.kept.len() && front.data().is_empty()
    }

    /// Moves what can be moved from the client to the backend.
    pub fn poll(&mut self, context: &mut Context<'_>, front: &mut impl Front, to: &mut impl Sink) -> Poll<Result<(), Broken>> {
        if self.refused {
            return Poll::Ready(Ok(()));
        }
        let outcome = if self.held {
            to.poll_flush(context).map_err(Side::To)
        } else {
            let mut source = Replayed { front, body: &mut self.body, bytes: &mut self.bytes };
            poll_relay(context, &mut source, to, &mut self.stage, &mut 0)
        };
        match ready!(outcome) {
            Ok(()) if self.held => Poll::Pending,
            Ok(()) => Poll::Ready(Ok(())),
            Err(Side::From(broken)) => Poll::Ready(Err(broken)),
            Err(Side::To(_)) => {
                self.refused = true;
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// What was remembered, then what the client still sends.
struct Replayed<'a, F> {
    front: &'a mut F,
    body: &'a mut Body,
    bytes: &'a mut u64,
}

impl<F: Front> Source for Replayed<'_, F> {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        self.body.replaying = self.body.at < self.body.kept.len();
        if self.body.replaying {
            return Poll::Ready(Ok(Fill::Data));
        }
        if self.body.fed >= mirror::TURN {
            // Copies run on this thread, too: fed without a pause they would lag however fast they are.
            self.body.fed = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let fill = if self.body.absent { Fill::End } else { ready!(self.front.poll_fill(context))? };
        let beyond = |most: u64| *self.bytes + self.front.data().len() as u64 > most;
        if fill == Fill::Data && self.body.most.is_some_and(beyond) {
            return Poll::Ready(Err(Broken::Malformed(Malformed::BodyTooLarge)));
        }
        if fill == Fill::End && !std::mem::replace(&mut self.body.ended, true) {
            self.body.mirrors.iter().for_each(Feed::end);
        }
        Poll::Ready(Ok(fill))
    }

    fn data(&self) -> &[u8] {
        if self.body.replaying { &self.body.kept[self.body.at..] } else { self.front.data() }
    }

    fn consume(&mut self, count: usize) {
        let body = &mut *self.body;
        if body.replaying {
            body.at += count;
            return;
        }
        let bytes = &self.front.data()[..count];
        if !body.mirrors.is_empty() {
            body.mirrors.iter().for_each(|mirror| mirror.data(bytes));
            body.fed += count;
        }
        if body.keep && !body.lost && body.kept.len() + count <= REPLAY_MAX {
            body.kept.extend_from_slice(bytes);
            body.at = body.kept.len();
        } else {
            body.lost = true;
            body.kept = Vec::new();
            body.at = 0;
        }
        *self.bytes += count as u64;
        self.front.consume(count);
    }

    fn trailers(&self) -> &Head {
        self.front.trailers()
    }
}
