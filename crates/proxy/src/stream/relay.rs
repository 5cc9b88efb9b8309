//! Moving bytes between two streams: half-close, reset and backpressure pass through.
//!
//! One buffer per thread serves all connections: bytes stay in it only between a read and the write right after, and what
//! the other side does not take at once is copied out and waited for. An idle connection holds no buffer at all.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use net::Stream;

/// Most that is read before it is written.
const CHUNK: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// Relays until both directions have ended, or one failed.
///
/// # Errors
/// The first failure of either side. The caller resets both.
pub(super) async fn relay(client: &Stream, endpoint: &Stream) -> io::Result<()> {
    let (mut up, mut down) = (Way::default(), Way::default());
    poll_fn(|context| {
        let rising = up.poll(context, client, endpoint)?;
        let falling = down.poll(context, endpoint, client)?;
        if rising.is_ready() && falling.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// One direction.
#[derive(Default)]
struct Way {
    /// What the other side did not take at once, and how much of it has left since.
    left: Vec<u8>,
    sent: usize,
    ended: bool,
}

impl Way {
    /// Ready when it has ended and the other side knows.
    fn poll(&mut self, context: &mut Context<'_>, from: &Stream, to: &Stream) -> Poll<io::Result<()>> {
        while !self.ended {
            while self.sent < self.left.len() {
                self.sent += ready!(to.poll_write(context, &self.left[self.sent..]))?;
            }
            if self.sent > 0 {
                (self.left, self.sent) = (Vec::new(), 0);
            }
            ready!(from.poll_readable(context))?;
            match SCRATCH.with_borrow_mut(|scratch| self.step(from, to, scratch)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn step(&mut self, from: &Stream, to: &Stream, scratch: &mut [u8]) -> io::Result<()> {
        let read = from.try_read(scratch)?;
        if read == 0 {
            self.ended = true;
            return end(to);
        }
        let written = match to.try_write(&scratch[..read]) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.left.extend_from_slice(&scratch[written..read]);
        Ok(())
    }
}

/// Passes the end of one direction on; the other one goes on.
fn end(to: &Stream) -> io::Result<()> {
    match to.shut() {
        // It is gone already: its own direction says how.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        ended => ended,
    }
}

/// Lets the peer see a reset instead of an orderly end when the stream is dropped.
pub(super) fn reset(stream: &Stream) {
    let _ = stream.set_zero_linger();
}
