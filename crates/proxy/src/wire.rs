//! One HTTP/1 connection, of a client or to a backend: a socket, what was received, and what is to be sent.
//!
//! The bytes of a head and the first of its body leave in one write; small pieces are gathered, large ones are written from
//! where they were received (gateway spec G91).

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use crate::buffer::Buffer;
use crate::h1::{Body, Encoder, Fed, Framing, Head, HeadParser, Known, Malformed, Piece, push_chunk_head, push_fields};
use crate::relay::{Broken, Fill, Sink, Source};
use crate::socket::Socket;

/// Data below this is copied beside the head instead of being written from its own place.
const GATHERED: usize = 2048;

/// Gathered bytes beyond which a write is due.
const FULL: usize = 16 << 10;

/// With so many sockets ready at once, those of the thread write after all have read: who is woken by the first write then finds the
/// others, instead of being woken for each.
const CROWD: usize = 4;

/// Capacity of the outgoing memory that is kept from one message to the next.
const KEPT: usize = 4096;

/// A connection that speaks HTTP/1.
pub struct Wire {
    socket: Socket,
    inbox: Buffer,
    body: Body,
    /// Data of the body at the front of the inbox.
    ahead: usize,
    ended: bool,
    trailers: Head,
    outbox: Vec<u8>,
    sent: usize,
    encoder: Encoder,
    /// What is left of the chunk that is being written.
    chunk_left: usize,
    /// The connection is closed as soon as what is queued is sent.
    is_last: bool,
    /// The write that is due was put off already.
    is_put_off: bool,
    /// Bytes received and sent since the counters were last taken.
    pub received: u64,
    /// As `received`.
    pub written: u64,
}

impl Wire {
    /// A connection on which `early` was received already.
    pub fn new(socket: Socket, early: Buffer) -> Self {
        Self {
            socket,
            inbox: early,
            body: Body::new(Framing::None),
            ahead: 0,
            ended: true,
            trailers: Head::default(),
            outbox: Vec::new(),
            sent: 0,
            encoder: Encoder::Plain,
            chunk_left: 0,
            is_last: false,
            is_put_off: false,
            received: 0,
            written: 0,
        }
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The socket and what was received on it, for another protocol.
    pub fn into_parts(self) -> (Socket, Buffer) {
        (self.socket, self.inbox)
    }

    /// What was received and not yet read.
    pub fn inbox(&self) -> &[u8] {
        self.inbox.bytes()
    }

    /// Drops what was received and not yet read.
    pub fn discard_inbox(&mut self) {
        self.inbox.consume(self.inbox.len());
        self.inbox.release();
        self.ahead = 0;
    }

    /// Waits for bytes, 0 at the end of the connection. Holds no memory while it waits with nothing received.
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.inbox.is_empty() {
            ready!(self.socket.poll_readable(context))?;
        }
        let outcome = self.socket.poll_read(context, self.inbox.room());
        match &outcome {
            Poll::Ready(Ok(count)) => {
                self.inbox.filled(*count);
                self.received += *count as u64;
            }
            _ => self.inbox.release(),
        }
        outcome
    }

    /// Reads a head. `Ok(false)` is the end of the connection before its first byte.
    pub fn poll_head(&mut self, context: &mut Context<'_>, parser: &mut HeadParser, head: &mut Head) -> Poll<Result<bool, Broken>> {
        loop {
            if !self.inbox.is_empty() {
                match parser.feed(self.inbox.bytes(), head).map_err(Broken::Malformed)? {
                    Fed::Complete(taken) => {
                        self.inbox.consume(taken);
                        return Poll::Ready(Ok(true));
                    }
                    Fed::Partial(taken) => self.inbox.consume(taken),
                }
            }
            if ready!(self.poll_receive(context))? == 0 {
                let begun = !head.text.is_empty() || !self.inbox.is_empty();
                return Poll::Ready(if begun { Err(Broken::Cut) } else { Ok(false) });
            }
        }
    }

    /// What is received from now on is a body of this framing.
    pub fn begin_body(&mut self, framing: Framing) {
        self.body = Body::new(framing);
        self.ahead = 0;
        self.ended = false;
        self.trailers.clear();
    }

    /// The body was read to its end, so the next bytes begin another message.
    pub fn body_ended(&mut self) -> bool {
        self.ended || (self.ahead == 0 && matches!(self.body, Body::Length(0)))
    }

    /// Bytes of body that are known to be outstanding; `None` when only reading tells.
    pub fn body_left(&self) -> Option<u64> {
        match self.body {
            Body::Length(left) => Some(left),
            _ => None,
        }
    }

    /// Queues a head (or anything else that is finished text) and says how the body after it is written.
    pub fn queue(&mut self, encoder: Encoder) -> &mut Vec<u8> {
        self.encoder = encoder;
        self.chunk_left = 0;
        &mut self.outbox
    }

    /// What is queued is the last, and whoever flushes it drops the connection at once: so the end leaves in the same segment.
    pub fn end_with_queued(&mut self) {
        self.is_last = true;
    }

    /// It goes through TLS, whose end is said before that of the connection.
    pub fn is_covered(&self) -> bool {
        matches!(self.socket, Socket::Tls(_))
    }

    /// Bytes are queued that no write has taken yet.
    pub fn has_queued(&self) -> bool {
        self.sent < self.outbox.len()
    }

    /// Forgets what is queued; gives whether none of it had left.
    pub fn discard_queued(&mut self) -> bool {
        let untouched = self.sent == 0;
        self.outbox.clear();
        self.sent = 0;
        untouched
    }

    /// Says to the peer that nothing more comes.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_shutdown(context)
    }

    /// Whether the peer left while it should wait: takes what it sends meanwhile (the next request, early frames) up to `most`
    /// bytes and no more.
    pub fn poll_gone(&mut self, context: &mut Context<'_>, most: usize) -> Poll<()> {
        while self.inbox.len() < most {
            // Most answers are there before it would pay to be told that the client has left.
            if ready!(self.socket.poll_readable_late(context)).is_err() {
                return Poll::Ready(());
            }
            if let Ok(0) | Err(_) = ready!(self.poll_receive(context)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Writes the queue, then `data`, then `tail`; ready when a byte of `data` was taken or there is none. Gives how much of
    /// `data` was taken; what is left of `tail` once all data is taken becomes the queue.
    fn poll_write(&mut self, context: &mut Context<'_>, data: &[u8], tail: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let queued = &self.outbox[self.sent..];
            let parts = [IoSlice::new(queued), IoSlice::new(data), IoSlice::new(tail)];
            let parts = match (queued.is_empty(), data.is_empty(), tail.is_empty()) {
                (true, true, true) => return Poll::Ready(Ok(0)),
                (false, true, true) => &parts[..1],
                (true, false, true) => &parts[1..2],
                (_, _, true) => &parts[..2],
                _ => &parts[..],
            };
            let before = queued.len();
            let outcome = if self.is_last { self.socket.poll_write_last(context, parts) } else { self.socket.poll_write(context, parts) };
            let mut count = ready!(outcome)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count as u64;
            if count < before {
                self.sent += count;
                continue;
            }
            count -= before;
            self.outbox.clear();
            self.outbox.shrink_to(KEPT);
            self.sent = 0;
            let taken = count.min(data.len());
            if taken == data.len() {
                self.outbox.extend_from_slice(&tail[count - taken..]);
                return Poll::Ready(Ok(taken));
            }
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
        }
    }
}

impl Source for Wire {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        loop {
            if self.ahead > 0 {
                return Poll::Ready(Ok(Fill::Data));
            }
            if self.ended {
                return Poll::Ready(Ok(Fill::End));
            }
            match self.body.decode(self.inbox.bytes(), &mut self.trailers).map_err(Broken::Malformed)? {
                Piece::Data { skip, data } => {
                    self.inbox.consume(skip);
                    self.ahead = data;
                    continue;
                }
                Piece::End { skip } => {
                    self.inbox.consume(skip);
                    self.ended = true;
                    continue;
                }
                Piece::More { skip } => self.inbox.consume(skip),
            }
            if ready!(self.poll_receive(context))? == 0 {
                if !matches!(self.body, Body::Close) {
                    return Poll::Ready(Err(Broken::Cut));
                }
                self.ended = true;
            }
        }
    }

    fn data(&self) -> &[u8] {
        &self.inbox.bytes()[..self.ahead]
    }

    fn consume(&mut self, count: usize) {
        self.inbox.consume(count);
        self.ahead -= count;
        self.body.advance(count);
    }

    fn trailers(&self) -> &Head {
        &self.trailers
    }
}

impl Sink for Wire {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        if self.outbox.len() >= FULL {
            ready!(self.poll_write(context, &[], &[]))?;
        }
        if self.encoder == Encoder::Plain {
            if data.len() < GATHERED {
                self.outbox.extend_from_slice(data);
                return Poll::Ready(Ok(data.len()));
            }
            return self.poll_write(context, data, &[]).map_err(Broken::from);
        }
        if self.chunk_left == 0 {
            push_chunk_head(&mut self.outbox, data.len());
            self.chunk_left = data.len();
        }
        let data = &data[..data.len().min(self.chunk_left)];
        let last = data.len() == self.chunk_left;
        let taken = if data.len() < GATHERED {
            self.outbox.extend_from_slice(data);
            if last {
                self.outbox.extend_from_slice(b"\r\n");
            }
            data.len()
        } else {
            ready!(self.poll_write(context, data, if last { b"\r\n" } else { b"" }))?
        };
        self.chunk_left -= taken;
        Poll::Ready(Ok(taken))
    }

    fn finish(&mut self, trailers: &Head) {
        if self.encoder == Encoder::Chunked {
            self.outbox.extend_from_slice(b"0\r\n");
            push_fields(&mut self.outbox, trailers, |field| allowed_trailer(field.known));
            self.outbox.extend_from_slice(b"\r\n");
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.has_queued() {
            if !self.is_put_off && self.socket.tcp().crowd() >= CROWD {
                self.is_put_off = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(self.poll_write(context, &[], &[]))?;
            self.is_put_off = false;
        }
        self.socket.poll_flush(context).map_err(Broken::from)
    }
}

/// Trailers that frame, route or authorise are dropped (gateway spec G98; RFC 9110 §6.5.1).
pub fn allowed_trailer(known: Known) -> bool {
    matches!(known, Known::Other | Known::RetryAfter | Known::Accept)
}

/// The status a client gets for what broke while its message was read.
pub fn status_of(broken: &Broken) -> u16 {
    match broken {
        Broken::Malformed(malformed) => Malformed::status(*malformed),
        Broken::Io(_) | Broken::Cut => 400,
    }
}
