//! The octets of a connection between its socket and its state.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use super::conn::{Conn, Fatal};
use crate::buffer::Buffer;
use crate::socket::Socket;

/// Reads in one turn, after which others have theirs.
const READS: usize = 8;
/// What is still taken off the socket of a peer that is sent away, so that the close is no reset.
const DISCARDED: usize = 1 << 20;

/// How receiving ends.
#[derive(Debug)]
pub enum Over {
    /// The peer closed the connection, or it broke.
    Closed,
    /// The peer broke the rules.
    Fatal(Fatal),
}

/// A socket with what was received on it.
pub struct Io {
    socket: Socket,
    inbox: Buffer,
    flushed: bool,
    discarded: usize,
    shut: bool,
}

impl Io {
    /// A connection on which `early` was received already.
    pub fn new(socket: Socket, early: Buffer) -> Self {
        Self { socket, inbox: early, flushed: true, discarded: 0, shut: false }
    }

    /// Hands over what has arrived; ready when no more will. Pauses while `conn` has too much to send. Holds no memory while it
    /// waits.
    pub fn poll_receive(&mut self, context: &mut Context<'_>, conn: &mut Conn) -> Poll<Over> {
        for _ in 0..READS {
            if !self.inbox.is_empty() {
                match conn.receive(self.inbox.bytes()) {
                    Ok(taken) => self.inbox.consume(taken),
                    Err(fatal) => return Poll::Ready(Over::Fatal(fatal)),
                }
            }
            if conn.is_overfull() {
                return Poll::Pending;
            }
            if self.inbox.is_empty() && ready!(self.socket.poll_readable(context)).is_err() {
                return Poll::Ready(Over::Closed);
            }
            match self.socket.poll_read(context, self.inbox.room()) {
                Poll::Ready(Ok(count @ 1..)) => self.inbox.filled(count),
                Poll::Ready(_) => return Poll::Ready(Over::Closed),
                Poll::Pending => {
                    self.inbox.release();
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends what there is to send; ready when that is done.
    ///
    /// # Errors
    /// When the connection broke.
    pub fn poll_send(&mut self, context: &mut Context<'_>, conn: &mut Conn) -> Poll<io::Result<()>> {
        while !conn.pending().is_empty() {
            let count = ready!(self.socket.poll_write(context, &[IoSlice::new(conn.pending())]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            conn.wrote(count);
            self.flushed = false;
        }
        if !self.flushed {
            ready!(self.socket.poll_flush(context))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the connection so that its peer can read to the end: a close with octets unread would be a reset, which may overtake
    /// them. Ready when the peer has closed, too.
    pub fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.shut {
            let _ = ready!(self.socket.poll_shutdown(context));
            self.shut = true;
        }
        while self.discarded < DISCARDED {
            self.inbox.consume(self.inbox.len());
            match self.socket.poll_read(context, self.inbox.room()) {
                Poll::Ready(Ok(count @ 1..)) => self.discarded += count,
                Poll::Ready(_) => break,
                Poll::Pending => {
                    self.inbox.release();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }
}
