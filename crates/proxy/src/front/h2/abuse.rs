//! The bytes of an HTTP/2 connection between its socket and h2, with a count of its frames (gateway spec G102, G115).
//!
//! Frames that cost us more than the client are bounded per ten seconds. At the first one beyond a bound nothing more is read,
//! and whoever owns the connection says so with ENHANCE_YOUR_CALM. Streams that a client opens and resets again, or makes us
//! reset, are bounded by h2 itself.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::buffer::Buffer;
use crate::socket::Socket;

/// The time a count is kept for.
const WINDOW: Duration = Duration::from_secs(10);
/// The client preface comes before the first frame.
const PREFACE: usize = 24;
/// What is still taken off the socket of a client that is sent away, so that the close is no reset.
const DISCARDED: usize = 1 << 20;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const KINDS: usize = 10;

/// Raised when a bound is exceeded; names the kind of frame.
#[derive(Clone, Default)]
pub struct Alarm(Rc<Cell<Option<&'static str>>>);

impl Alarm {
    /// What was too much.
    pub fn raised(&self) -> Option<&'static str> {
        self.0.get()
    }
}

/// A socket whose frames are counted.
pub struct Watched {
    socket: Socket,
    early: Buffer,
    incoming: Headers,
    outgoing: Headers,
    counter: Counter,
    alarm: Alarm,
    discarded: usize,
}

impl Watched {
    /// A connection on which `early` was received already.
    pub fn new(socket: Socket, early: Buffer, alarm: Alarm) -> Self {
        let (incoming, outgoing) = (Headers { skip: PREFACE, ..Headers::default() }, Headers::default());
        Self { socket, early, incoming, outgoing, counter: Counter::default(), alarm, discarded: 0 }
    }

    /// These bytes, which `parts` begin with, were sent.
    fn sent(&mut self, parts: &[IoSlice<'_>], mut count: usize) {
        for part in parts {
            let part = &part[..count.min(part.len())];
            count -= part.len();
            let _ = self.outgoing.pass(part, |kind, length| {
                self.counter.answered(kind, length);
                None
            });
        }
    }
}

/// Finds the headers of frames in a stream of bytes, however it is cut.
#[derive(Debug, Default)]
struct Headers {
    /// Bytes to skip before the next header.
    skip: usize,
    header: [u8; 9],
    filled: usize,
}

impl Headers {
    /// Tells kind and length of each frame, until `each` objects.
    fn pass(&mut self, mut bytes: &[u8], mut each: impl FnMut(u8, usize) -> Option<&'static str>) -> Option<&'static str> {
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
                if let Some(objection) = each(self.header[3], self.skip) {
                    return Some(objection);
                }
            }
        }
        None
    }
}

/// What a client has sent of late.
#[derive(Debug, Default)]
struct Counter {
    counts: [u32; KINDS],
    /// PING frames since the last frame either way that carries a request, an answer or a body.
    pings: u32,
    continuations: u32,
    headers: u32,
    /// DATA frames that we sent in this window and in the one before, whose credit may come back late.
    answers: [u32; 2],
    since: Option<Instant>,
}

impl Counter {
    /// A frame arrived. Names its kind when that is too much.
    fn frame(&mut self, kind: u8, length: usize, now: impl FnOnce() -> Instant) -> Option<&'static str> {
        let above = |count: u32, bound: u32, word: &'static str| (count > bound).then_some(word);
        match kind {
            DATA if length > 0 => {
                self.pings = 0;
                return None;
            }
            HEADERS => {
                (self.pings, self.continuations) = (0, 0);
                self.headers += 1;
                return None;
            }
            CONTINUATION => {
                self.continuations += 1;
                return above(self.continuations, 20, "continuation");
            }
            PING => {
                self.pings += 1;
                return above(self.pings, 100, "ping");
            }
            _ => {}
        }
        let now = now();
        if self.since.is_none_or(|since| now.duration_since(since) > WINDOW) {
            (self.since, self.counts, self.headers, self.answers) = (Some(now), [0; KINDS], 0, [0, self.answers[0]]);
        }
        let count = self.counts.get_mut(usize::from(kind))?;
        *count += 1;
        match kind {
            RST_STREAM => above(*count, 100.max(self.headers / 2), "rst_stream"),
            SETTINGS => above(*count, 50, "settings"),
            DATA => above(*count, 100, "empty_data"),
            PRIORITY => above(*count, 100, "priority"),
            // Two for each piece it was sent, its stream's and the connection's.
            WINDOW_UPDATE => above(*count, 2 * (self.answers[0] + self.answers[1]) + 100, "window_update"),
            _ => None,
        }
    }

    /// A frame was sent.
    fn answered(&mut self, kind: u8, length: usize) {
        match kind {
            DATA if length > 0 => (self.answers[0], self.pings) = (self.answers[0].saturating_add(1), 0),
            HEADERS => self.pings = 0,
            _ => {}
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.alarm.raised().is_some() {
            // Nobody waits for it: the connection's owner ends it in this very turn.
            return Poll::Pending;
        }
        let before = into.filled().len();
        if this.early.is_empty() {
            let count = ready!(this.socket.poll_read(context, into.initialize_unfilled()))?;
            into.advance(count);
        } else {
            let count = this.early.len().min(into.remaining());
            into.put_slice(&this.early.bytes()[..count]);
            this.early.consume(count);
            this.early.release();
        }
        let counter = &mut this.counter;
        let objection = this.incoming.pass(&into.filled()[before..], |kind, length| counter.frame(kind, length, Instant::now));
        if objection.is_some() {
            this.alarm.0.set(objection);
            into.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let count = ready!(self.socket.poll_write(context, parts))?;
        self.sent(parts, count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_shutdown(context))?;
        // What a client that is sent away still sends is taken off the socket: a close with bytes unread would be a reset, which
        // may overtake the word that it is sent.
        let mut waste = [0; 4096];
        while self.alarm.raised().is_some() && self.discarded < DISCARDED {
            match ready!(self.socket.poll_read(context, &mut waste)) {
                Ok(0) | Err(_) => break,
                Ok(count) => self.discarded += count,
            }
        }
        Poll::Ready(Ok(()))
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

    /// What these frames are refused for, when they arrive in pieces of this size after `answers` pieces were sent.
    fn refused(frames: &[u8], step: usize, answers: u32) -> Option<&'static str> {
        let (mut headers, mut counter) = (Headers { skip: PREFACE, ..Headers::default() }, Counter::default());
        (0..answers).for_each(|_| counter.answered(DATA, 1));
        let stream: Vec<u8> = [&[0; PREFACE][..], frames].concat();
        let now = Instant::now();
        stream.chunks(step).find_map(|piece| headers.pass(piece, |kind, length| counter.frame(kind, length, || now)))
    }

    #[test]
    fn floods_are_noticed_however_they_arrive_and_ordinary_traffic_is_not() {
        for step in [1, 7, 10_000] {
            for (kind, length, count, word) in [
                (PING, 8, 101, "ping"),
                (SETTINGS, 0, 51, "settings"),
                (DATA, 0, 101, "empty_data"),
                (CONTINUATION, 3, 21, "continuation"),
                (RST_STREAM, 4, 101, "rst_stream"),
                (PRIORITY, 5, 101, "priority"),
                (WINDOW_UPDATE, 4, 101, "window_update"),
            ] {
                assert_eq!(refused(&frame(kind, length).repeat(count), step, 0), Some(word));
                assert_eq!(refused(&frame(kind, length).repeat(count - 1), step, 0), None, "{word}");
            }
            let ordinary = [frame(HEADERS, 30), frame(DATA, 900), frame(PING, 8)].concat();
            assert_eq!(refused(&ordinary.repeat(500), step, 0), None);
        }
    }

    #[test]
    fn credit_comes_back_twice_for_each_piece_that_was_sent() {
        let updates = frame(WINDOW_UPDATE, 4);
        assert_eq!(refused(&updates.repeat(300), 100, 100), None);
        assert_eq!(refused(&updates.repeat(301), 100, 100), Some("window_update"));
    }

    #[test]
    fn a_client_that_measures_its_connection_while_it_downloads_is_no_flood() {
        let mut counter = Counter::default();
        for _ in 0..1000 {
            assert_eq!(counter.frame(PING, 8, Instant::now), None);
            counter.answered(DATA, 16_384);
        }
    }
}
