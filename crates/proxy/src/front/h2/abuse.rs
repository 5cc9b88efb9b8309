//! The bytes of an HTTP/2 connection on their way to h2, with a count of its frames (gateway spec G102, G115).
//!
//! Frames that cost us more than the client are bounded per ten seconds; a client that exceeds a bound loses its connection.
//! Streams it opens and resets again are bounded by h2 itself.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::buffer::Buffer;
use crate::socket::Socket;

/// The time a count is kept for.
const WINDOW: Duration = Duration::from_secs(10);
/// The client preface comes before the first frame.
const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const KINDS: usize = 10;
/// DATA without a byte counts apart.
const EMPTY_DATA: usize = 7;

/// A socket whose incoming frames are counted.
pub struct Watched {
    socket: Socket,
    early: Buffer,
    counter: Counter,
}

impl Watched {
    /// A connection on which `early` was received already.
    pub fn new(socket: Socket, early: Buffer) -> Self {
        Self { socket, early, counter: Counter::default() }
    }
}

/// Reads frame headers as they pass.
#[derive(Debug)]
struct Counter {
    /// Bytes to skip before the next header.
    skip: usize,
    header: [u8; 9],
    filled: usize,
    counts: [u32; KINDS],
    /// PING and WINDOW_UPDATE frames since the last one that carries a request or its body.
    idle: u32,
    continuations: u32,
    headers: u32,
    since: Option<Instant>,
}

impl Default for Counter {
    fn default() -> Self {
        Self { skip: PREFACE, header: [0; 9], filled: 0, counts: [0; KINDS], idle: 0, continuations: 0, headers: 0, since: None }
    }
}

impl Counter {
    /// These bytes arrived. False when a bound is exceeded.
    fn pass(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> bool {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (9 - self.filled).min(bytes.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == 9 {
                self.filled = 0;
                self.skip = usize::from(self.header[0]) << 16 | usize::from(self.header[1]) << 8 | usize::from(self.header[2]);
                if !self.frame(self.header[3], &now) {
                    return false;
                }
            }
        }
        true
    }

    fn frame(&mut self, kind: u8, now: impl Fn() -> Instant) -> bool {
        match kind {
            DATA if self.skip > 0 => {
                self.idle = 0;
                return true;
            }
            HEADERS => {
                (self.idle, self.continuations) = (0, 0);
                self.headers += 1;
                return true;
            }
            CONTINUATION => {
                self.continuations += 1;
                return self.continuations <= 20;
            }
            PING => {
                self.idle += 1;
                return self.idle <= 100;
            }
            _ => {}
        }
        let now = now();
        if self.since.is_none_or(|since| now.duration_since(since) > WINDOW) {
            (self.since, self.counts, self.headers) = (Some(now), [0; KINDS], 0);
        }
        let kind = if kind == DATA { EMPTY_DATA } else { usize::from(kind) };
        let Some(count) = self.counts.get_mut(kind) else { return true };
        *count += 1;
        match kind as u8 {
            RST_STREAM => *count <= 100 || *count <= self.headers / 2,
            SETTINGS => *count <= 50,
            PRIORITY | 7 => *count <= 100,
            // A client that reads large answers opens its windows often; what it sends for nothing is bounded generously.
            WINDOW_UPDATE => *count <= 100_000,
            _ => true,
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        if this.early.is_empty() {
            let count = match this.socket.poll_read(context, into.initialize_unfilled()) {
                Poll::Ready(count) => count?,
                Poll::Pending => return Poll::Pending,
            };
            into.advance(count);
        } else {
            let count = this.early.len().min(into.remaining());
            into.put_slice(&this.early.bytes()[..count]);
            this.early.consume(count);
            this.early.release();
        }
        if this.counter.pass(&into.filled()[before..], Instant::now) {
            return Poll::Ready(Ok(()));
        }
        // h2 gives no way to say ENHANCE_YOUR_CALM from here; the connection ends all the same.
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too many frames that carry nothing")))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_write(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.socket.poll_write(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![(length >> 16) as u8, (length >> 8) as u8, length as u8, kind, 0, 0, 0, 0, 1];
        frame.resize(9 + length, 0);
        frame
    }

    fn survives(frames: &[u8], step: usize) -> bool {
        let mut counter = Counter::default();
        let stream: Vec<u8> = [&[0; PREFACE][..], frames].concat();
        let now = Instant::now();
        stream.chunks(step).all(|piece| counter.pass(piece, || now))
    }

    #[test]
    fn floods_are_noticed_however_they_arrive_and_ordinary_traffic_is_not() {
        for step in [1, 7, 10_000] {
            for (kind, length, count) in
                [(PING, 8, 101), (SETTINGS, 0, 51), (DATA, 0, 101), (CONTINUATION, 3, 21), (RST_STREAM, 4, 101), (PRIORITY, 5, 101)]
            {
                assert!(!survives(&frame(kind, length).repeat(count), step), "{kind} x {count}");
                assert!(survives(&frame(kind, length).repeat(count - 1), step), "{kind} x {}", count - 1);
            }
            let ordinary = [frame(HEADERS, 30), frame(DATA, 900), frame(WINDOW_UPDATE, 4), frame(PING, 8)].concat();
            assert!(survives(&ordinary.repeat(500), step));
        }
    }
}
