//! A stream of HTTP/2 as a body both ways: the same for a client's stream and for one to a backend. Whoever has one says where
//! ([`OnStream`]).

use std::io;
use std::task::{Context, Poll, ready};

use crate::h1::Head;
use crate::h2::{Code, Gone, Shared, Taken};
use crate::relay::{Broken, Fill, Sink, Source};
use crate::wire::allowed_trailer;

/// Memory of a body that is kept for the next stream.
const KEPT: usize = 4096;

/// Both halves of a stream.
pub struct Halves {
    /// Its connection.
    pub conn: Shared,
    /// Its place there, while it is open.
    pub slot: Option<usize>,
    data: Vec<u8>,
    used: usize,
    trailers: Head,
    ended: bool,
    finished: bool,
    stalled: bool,
}

impl Halves {
    /// Of no stream yet.
    pub fn new(conn: Shared) -> Self {
        let (data, trailers) = (Vec::new(), Head::default());
        Self { conn, slot: None, data, used: 0, trailers, ended: false, finished: false, stalled: false }
    }

    /// Of the stream at this place. Nothing is sent yet.
    pub fn begin(&mut self, slot: usize) {
        self.slot = Some(slot);
        (self.ended, self.finished, self.stalled) = (false, false, false);
    }

    /// A head was sent; a body follows, unless it `ended` the stream.
    pub fn begin_body(&mut self, ended: bool) {
        self.finished = ended;
    }

    /// Done with the stream, whatever is left of it.
    pub fn release(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        let mut conn = self.conn.borrow_mut();
        conn.give_back(self.data.len() - self.used);
        conn.release(slot, &mut self.data);
        self.used = 0;
        self.data.clear();
        self.data.shrink_to(KEPT);
        self.trailers.clear();
    }

    /// The peer's window is closed, or it does not read.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// The body that arrives was used to its end.
    pub fn body_ended(&self) -> bool {
        self.used == self.data.len() && (self.ended || self.slot.is_none_or(|slot| self.conn.borrow_mut().body_ended(slot)))
    }

    /// Ready when the stream is over before its time.
    pub fn poll_gone(&self, context: &Context<'_>) -> Poll<Gone> {
        match self.slot {
            Some(slot) => self.conn.borrow_mut().poll_gone(slot, context),
            None => Poll::Ready(Gone { unsent: true }),
        }
    }

    /// Ends the stream as broken.
    pub fn reset(&self, code: Code) {
        if let Some(slot) = self.slot {
            self.conn.borrow_mut().reset(slot, code);
        }
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        self.release();
    }
}

/// Who has a stream.
pub trait OnStream {
    /// Its halves.
    fn halves(&self) -> &Halves;
    /// Its halves, to move bytes.
    fn halves_mut(&mut self) -> &mut Halves;
}

impl<T: OnStream> Source for T {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        let halves = self.halves_mut();
        if halves.used < halves.data.len() {
            return Poll::Ready(Ok(Fill::Data));
        }
        if halves.ended {
            return Poll::Ready(Ok(Fill::End));
        }
        let slot = halves.slot.ok_or(Broken::Cut)?;
        let taken = ready!(halves.conn.borrow_mut().poll_body(slot, context, &mut halves.data, &mut halves.trailers));
        halves.used = 0;
        Poll::Ready(match taken {
            Ok(Taken::Data) => Ok(Fill::Data),
            Ok(Taken::End) => {
                halves.data.clear();
                halves.ended = true;
                Ok(Fill::End)
            }
            Err(_) => {
                halves.data.clear();
                Err(broken())
            }
        })
    }

    fn data(&self) -> &[u8] {
        &self.halves().data[self.halves().used..]
    }

    fn consume(&mut self, count: usize) {
        let halves = self.halves_mut();
        halves.used += count;
        if let Some(slot) = halves.slot {
            halves.conn.borrow_mut().credit(slot, count);
        }
    }

    fn trailers(&self) -> &Head {
        &self.halves().trailers
    }
}

impl<T: OnStream> Sink for T {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        let halves = self.halves_mut();
        let slot = halves.slot.ok_or(Broken::Cut)?;
        halves.stalled = true;
        let taken = ready!(halves.conn.borrow_mut().poll_send(slot, context, data)).map_err(|_| broken())?;
        halves.stalled = false;
        Poll::Ready(Ok(taken))
    }

    fn finish(&mut self, trailers: &Head) {
        let halves = self.halves_mut();
        if let (false, Some(slot)) = (std::mem::replace(&mut halves.finished, true), halves.slot) {
            halves.conn.borrow_mut().finish(slot, trailers, allowed_trailer);
        }
    }

    /// The connection's task writes.
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }
}

/// What a stream that is over before its time is to those who read or write it.
pub fn broken() -> Broken {
    Broken::Io(io::ErrorKind::ConnectionReset.into())
}
