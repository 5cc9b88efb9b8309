//! The streams that are open, in memory that serves one after the other.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use super::block::Block;
use super::frame::Code;
use crate::h1::Head;

/// Memory of a body that is kept for the next stream.
const KEPT: usize = 4096;
/// Streams of late that are remembered, to tell what arrives for them too late from what should never arrive.
const REMEMBERED: usize = 128;

/// One stream.
#[derive(Default)]
pub struct Stream {
    /// Its number; 0 while nobody uses this memory.
    pub id: u32,
    /// The head that arrived and was not taken yet, if `has_head`.
    pub block: Block,
    /// See `block`.
    pub has_head: bool,
    /// Heads that arrived after that one, of an answer that interim ones precede.
    pub later: VecDeque<Block>,
    /// The last head has arrived: what comes next is a body or trailers.
    pub answered: bool,
    /// What arrived of the body and was not taken yet.
    pub body: Vec<u8>,
    /// What followed the body.
    pub trailers: Head,
    /// What is left of a body whose length was announced.
    pub expected: Option<u64>,
    /// The peer's END_STREAM is there.
    pub recv_ended: bool,
    /// Ours is queued.
    pub send_ended: bool,
    /// It is over before its time, by the peer or by us.
    pub reset: Option<Code>,
    /// By us: what still arrives is ignored.
    pub reset_by_us: bool,
    /// The peer has not looked at the request.
    pub refused: bool,
    /// The answer has no body, whatever its head says.
    pub bodiless: bool,
    /// Where in the bytes of the connection it begins.
    pub begun_at: u64,
    /// Where the last frame of data that we sent begins, counted as `begun_at`.
    pub data_at: Option<u64>,
    /// What the peer lets us send.
    pub send_window: i64,
    /// What we let the peer send.
    pub recv_window: i64,
    /// What we took and did not yet tell the peer.
    pub credit: usize,
    /// It waits for the connection: for credit, or for room.
    pub blocked: bool,
    waiting: bool,
    waker: Option<Waker>,
}

impl Stream {
    /// Whoever works on it is to be woken when anything changes.
    pub fn wait(&mut self, context: &Context<'_>) {
        self.waiting = true;
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            self.waker = Some(context.waker().clone());
        }
    }

    /// Something has changed.
    pub fn wake(&mut self) {
        if std::mem::take(&mut self.waiting)
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
    }

    fn begin(&mut self, id: u32, send_window: i64, recv_window: i64) {
        let mut former = std::mem::take(self);
        former.body.clear();
        former.body.shrink_to(KEPT);
        former.trailers.clear();
        former.later.clear();
        let Self { block, body, trailers, later, .. } = former;
        *self = Self { id, block, body, trailers, later, send_window, recv_window, ..Self::default() };
    }
}

/// How a stream that is over ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former {
    /// By its peer or with its last frame: nothing may follow.
    Ended,
    /// By our reset, which the peer may not know yet.
    Reset,
}

/// All streams of a connection.
#[derive(Default)]
pub struct Streams {
    slots: Vec<Stream>,
    free: Vec<usize>,
    /// Numbers of those that are open, with their places; ascending.
    open: Vec<(u32, usize)>,
    former: VecDeque<(u32, Former)>,
}

impl Streams {
    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// Opens one, whose number is higher than all before; gives its place.
    pub fn open(&mut self, id: u32, send_window: i64, recv_window: i64) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stream::default());
            self.slots.len() - 1
        });
        self.slots[slot].begin(id, send_window, recv_window);
        self.open.push((id, slot));
        slot
    }

    /// The place of an open one.
    pub fn find(&self, id: u32) -> Option<usize> {
        let at = self.open.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.open[at].1)
    }

    /// The one at a place.
    pub fn at(&mut self, slot: usize) -> &mut Stream {
        &mut self.slots[slot]
    }

    /// The place is free for another one.
    pub fn close(&mut self, slot: usize) {
        let stream = &mut self.slots[slot];
        let (id, former) = (std::mem::take(&mut stream.id), if stream.reset_by_us { Former::Reset } else { Former::Ended });
        // Whoever waited for it may be gone, and takes memory for as long as it can be woken.
        stream.waker = None;
        if let Ok(at) = self.open.binary_search_by_key(&id, |(id, _)| *id) {
            self.open.remove(at);
            self.free.push(slot);
            self.remember(id, former);
        }
    }

    /// Gives back the memory of those that are over, unless one is open.
    pub fn rest(&mut self) {
        if self.open.is_empty() {
            (self.slots, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// Notes how one ended that was never opened, or is not any more.
    pub fn remember(&mut self, id: u32, former: Former) {
        if self.former.len() == REMEMBERED {
            self.former.pop_front();
        }
        self.former.push_back((id, former));
    }

    /// How one ended, if that was of late.
    pub fn former(&self, id: u32) -> Option<Former> {
        self.former.iter().rev().find(|(known, _)| *known == id).map(|(_, former)| *former)
    }

    /// Each that is open.
    pub fn each(&mut self, mut see: impl FnMut(&mut Stream)) {
        for (_, slot) in &self.open {
            see(&mut self.slots[*slot]);
        }
    }
}
