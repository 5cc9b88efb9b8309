//! A client's stream: its side of one request, and of the next one at the same place.

use std::task::{Context, Poll};

use super::convert;
use crate::front::{Extent, Front};
use crate::h1::Head;
use crate::h2::{Code, Shared};
use crate::halves::{Halves, OnStream};

/// See the module.
pub struct Stream {
    halves: Halves,
}

impl Stream {
    /// On this connection, at no place yet.
    pub fn new(conn: &Shared) -> Self {
        Self { halves: Halves::new(Shared::clone(conn)) }
    }

    /// A request has come at this place.
    pub fn begin(&mut self, slot: usize) {
        self.halves.begin(slot);
    }

    /// It is served.
    pub fn release(&mut self) {
        self.halves.release();
    }

    fn head(&mut self, status: u16, head: &Head, length: Option<u64>, ends: bool) {
        if let Some(slot) = self.halves.slot {
            self.halves.conn.borrow_mut().send_block(slot, ends, |out| convert::push_answer(out, status, head, length));
        }
    }
}

impl OnStream for Stream {
    fn halves(&self) -> &Halves {
        &self.halves
    }

    fn halves_mut(&mut self) -> &mut Halves {
        &mut self.halves
    }
}

impl Front for Stream {
    fn stream(&self) -> Option<u32> {
        self.halves.slot.map(|slot| self.halves.conn.borrow_mut().number(slot))
    }

    fn interim(&mut self, status: u16, head: &Head) {
        self.head(status, head, None, false);
    }

    fn begin_answer(&mut self, status: u16, head: &Head, extent: Extent, _: bool) {
        let (length, ends) = match extent {
            Extent::Nothing(length) => (length, true),
            Extent::Empty => (None, true),
            Extent::Length(0) => (Some(0), true),
            Extent::Length(length) => (Some(length), false),
            Extent::Open => (None, false),
        };
        self.head(status, head, length, ends);
        self.halves.begin_body(ends);
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.halves.poll_gone(context).map(drop)
    }

    fn take_back(&mut self) -> bool {
        false
    }

    fn has_queued(&self) -> bool {
        self.halves.is_stalled()
    }

    fn body_ended(&mut self) -> bool {
        self.halves.body_ended()
    }

    fn abort(&mut self) {
        self.halves.reset(Code::INTERNAL_ERROR);
    }

    fn begin_tunnel(&mut self, head: &Head) {
        // An extended CONNECT succeeds with 200, and has no use for the proof of the older handshake (RFC 8441 §5).
        let mut answer = head.clone();
        answer.remove(b"sec-websocket-accept");
        self.begin_answer(200, &answer, Extent::Open, false);
    }

    fn poll_shut(&mut self, _: &mut Context<'_>) -> Poll<()> {
        // The end of the stream has gone out with the last of the body.
        Poll::Ready(())
    }
}
