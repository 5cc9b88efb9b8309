//! Frames that leave.

use std::task::{Context, Poll};

use super::{Conn, FULL, Gone, STREAM_WINDOW};
use crate::h1::{Head, Known};
use crate::h2::frame::{self, FrameHead, HEADER};
use crate::h2::hpack;

/// Octets of one DATA frame, whatever the peer would take: others want their turn.
const PIECE: usize = 16 << 10;

impl Conn {
    /// Opens a stream, when the peer allows one more; gives its place.
    pub fn poll_open(&mut self, context: &Context<'_>) -> Poll<Result<usize, Gone>> {
        if !self.is_open() {
            return Poll::Ready(Err(Gone { unsent: true }));
        }
        if self.streams.count() >= self.peer.streams_max {
            if !self.openers.iter().any(|known| known.will_wake(context.waker())) {
                self.openers.push(context.waker().clone());
            }
            return Poll::Pending;
        }
        self.last = if self.last == 0 { 1 } else { self.last + 2 };
        let slot = self.streams.open(self.last, self.peer.window, STREAM_WINDOW);
        self.streams.at(slot).begun_at = self.written + self.pending().len() as u64;
        Poll::Ready(Ok(slot))
    }

    /// Whether the peer takes extended CONNECTs, as soon as it has said so.
    pub fn poll_extended(&mut self, context: &Context<'_>) -> Poll<bool> {
        if self.peer.settled || !self.is_open() {
            return Poll::Ready(self.peer.extended);
        }
        if !self.openers.iter().any(|known| known.will_wake(context.waker())) {
            self.openers.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// No body follows the answer on this stream, whatever its head says: it is to a HEAD.
    pub fn expect_no_body(&mut self, slot: usize) {
        self.streams.at(slot).bodiless = true;
    }

    /// Sends a header block that `fill` appends; `ends` with it.
    pub fn send_block(&mut self, slot: usize, ends: bool, fill: impl FnOnce(&mut Vec<u8>)) {
        let stream = self.streams.at(slot);
        if self.dead || stream.reset.is_some() || stream.send_ended {
            return;
        }
        stream.send_ended = ends;
        let (id, start) = (stream.id, self.out.len());
        self.out.extend_from_slice(&[0; HEADER]);
        if std::mem::take(&mut self.size_update) {
            hpack::push_size_update(&mut self.out);
        }
        fill(&mut self.out);
        let flags = if ends { frame::END_STREAM } else { 0 };
        self.close_block(start, id, flags);
        if let Some(flood) = &mut self.flood {
            flood.answered(false);
        }
        self.kick();
    }

    /// Writes the header of the frame that begins at `start`, and those of its continuations.
    fn close_block(&mut self, start: usize, stream: u32, flags: u8) {
        let (length, most) = (self.out.len() - start - HEADER, self.peer.payload_max);
        let first = length.min(most);
        let flags = if length > most { flags } else { flags | frame::END_HEADERS };
        let head = FrameHead { length: first, kind: frame::HEADERS, flags, stream };
        self.out[start..start + HEADER].copy_from_slice(&head.octets());
        if length > most {
            let rest = self.out.split_off(start + HEADER + first);
            let count = rest.len().div_ceil(most);
            for (at, piece) in rest.chunks(most).enumerate() {
                let flags = if at + 1 == count { frame::END_HEADERS } else { 0 };
                frame::push(&mut self.out, frame::CONTINUATION, flags, stream, piece);
            }
        }
    }

    /// Sends some of `data`, at least an octet of it; gives how much. Trailers may follow a body of whatever length, so that only
    /// [`Conn::finish`] ends it.
    pub fn poll_send(&mut self, slot: usize, context: &Context<'_>, data: &[u8]) -> Poll<Result<usize, Gone>> {
        let full = self.pending().len() >= FULL;
        let stream = self.streams.at(slot);
        if self.dead || stream.reset.is_some() || stream.send_ended {
            return Poll::Ready(Err(Gone { unsent: stream.refused }));
        }
        let window = stream.send_window.min(self.send_window);
        if full || window <= 0 {
            stream.wait(context);
            if !stream.blocked && (full || self.send_window <= 0) {
                stream.blocked = true;
                self.blocked.push(slot);
            }
            return Poll::Pending;
        }
        let taken = data.len().min(window as usize).min(self.peer.payload_max.min(PIECE));
        stream.send_window -= taken as i64;
        self.send_window -= taken as i64;
        stream.data_at = Some(self.written + (self.out.len() - self.sent) as u64);
        frame::push(&mut self.out, frame::DATA, 0, stream.id, &data[..taken]);
        if let Some(flood) = &mut self.flood {
            flood.answered(true);
        }
        self.kick();
        Poll::Ready(Ok(taken))
    }

    /// Ends a body, perhaps with trailers.
    pub fn finish(&mut self, slot: usize, trailers: &Head, keep: impl Fn(Known) -> bool) {
        if trailers.fields.iter().any(|field| keep(field.known)) {
            return self.send_block(slot, true, |out| {
                for field in trailers.fields.iter().filter(|field| keep(field.known)) {
                    hpack::push_field(out, trailers.name(field), trailers.value(field));
                }
            });
        }
        let stream = self.streams.at(slot);
        if self.dead || stream.reset.is_some() || std::mem::replace(&mut stream.send_ended, true) {
            return;
        }
        let id = stream.id;
        match stream.data_at.and_then(|at| at.checked_sub(self.written)) {
            // The last of the data has not left: its frame says that it is the last.
            Some(ahead) => self.out[self.sent + ahead as usize + frame::FLAGS] |= frame::END_STREAM,
            None => frame::push(&mut self.out, frame::DATA, frame::END_STREAM, id, &[]),
        }
        self.kick();
    }
}
