//! A connection: what has arrived for which stream, what is to be sent, and how much either side may send.

mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use super::block::Block;
use super::flood::Flood;
use super::frame::{self, Code};
use super::hpack::Decoder;
use super::streams::Streams;
use crate::h1::{Head, Limits};

/// Streams that a client may have open.
const STREAMS_MAX: usize = 100;
/// What a peer may send on one stream, and on all, before we take it.
const STREAM_WINDOW: i64 = 64 << 10;
const CONNECTION_WINDOW: i64 = 1 << 20;
/// What a window is before anybody says anything (RFC 9113 §6.9.2).
const WINDOW: i64 = (64 << 10) - 1;
/// The dynamic table that peers may use, in octets.
const TABLE: usize = 4 << 10;
/// Octets to be sent beyond which bodies wait, and beyond which nothing more is read.
const FULL: usize = 64 << 10;
const OVERFULL: usize = 256 << 10;
/// Memory for octets to be sent that is kept.
const KEPT: usize = 16 << 10;
/// The payload of the PING that tells when a farewell has arrived.
const FAREWELL: [u8; 8] = *b"fairlead";

/// A connection that its streams' tasks and its own share; they all run on one thread.
pub type Shared = Rc<RefCell<Conn>>;

/// The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fatal {
    /// What the peer is told.
    pub code: Code,
    /// For the log.
    pub why: &'static str,
}

/// The stream is over before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The peer has not looked at it: nothing was sent, as far as the request is concerned.
    pub unsent: bool,
}

/// What came of taking from a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Octets.
    Data,
    /// Its end.
    End,
}

/// Who opens the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Server,
    Client,
}

/// What the peer has said of itself.
struct Peer {
    payload_max: usize,
    window: i64,
    streams_max: usize,
    /// It has said what it takes.
    settled: bool,
    /// It takes extended CONNECTs (RFC 8441).
    extended: bool,
}

/// A header block that goes on in the next frame.
struct Part {
    stream: u32,
    ends: bool,
    depends_on_itself: bool,
}

/// See the module.
pub struct Conn {
    side: Side,
    limits: Limits,
    streams: Streams,
    decoder: Decoder,
    flood: Option<Flood>,
    abused: Option<&'static str>,
    peer: Peer,
    /// Octets of the client's preface that have not arrived.
    preface_left: usize,
    greeted: bool,
    part: Option<Part>,
    fragments: Vec<u8>,
    /// Where blocks go that nobody will read.
    waste: Block,
    out: Vec<u8>,
    sent: usize,
    written: u64,
    send_window: i64,
    recv_window: i64,
    credit: usize,
    size_update: bool,
    /// The highest number of a stream so far.
    last: u32,
    /// Streams that were opened and that nobody works on yet.
    opened: VecDeque<usize>,
    blocked: Vec<usize>,
    /// Who waits to open a stream.
    openers: Vec<Waker>,
    /// No new streams: the peer said so (client), or we did (server).
    going: bool,
    ponged: bool,
    dead: bool,
    driver: Option<Waker>,
    kicked: bool,
}

impl Conn {
    /// The side that accepts streams.
    pub fn server(limits: Limits) -> Self {
        let mut this = Self::new(Side::Server, limits);
        let list = (limits.block + limits.target) as u32;
        this.greet(&[
            (frame::MAX_CONCURRENT_STREAMS, STREAMS_MAX as u32),
            (frame::INITIAL_WINDOW_SIZE, STREAM_WINDOW as u32),
            (frame::MAX_HEADER_LIST_SIZE, list),
            (frame::ENABLE_CONNECT_PROTOCOL, 1),
        ]);
        this
    }

    /// The side that opens them.
    pub fn client(limits: Limits) -> Self {
        let mut this = Self::new(Side::Client, limits);
        this.out.extend_from_slice(frame::PREFACE);
        this.greet(&[(frame::ENABLE_PUSH, 0), (frame::INITIAL_WINDOW_SIZE, STREAM_WINDOW as u32)]);
        this
    }

    fn new(side: Side, limits: Limits) -> Self {
        let serves = side == Side::Server;
        Self {
            side,
            limits,
            streams: Streams::default(),
            decoder: Decoder::new(TABLE),
            flood: serves.then(Flood::default),
            abused: None,
            peer: Peer { payload_max: frame::PAYLOAD_MAX, window: WINDOW, streams_max: STREAMS_MAX, settled: false, extended: false },
            preface_left: if serves { frame::PREFACE.len() } else { 0 },
            greeted: false,
            part: None,
            fragments: Vec::new(),
            waste: Block::default(),
            out: Vec::new(),
            sent: 0,
            written: 0,
            send_window: WINDOW,
            recv_window: CONNECTION_WINDOW,
            credit: 0,
            size_update: false,
            last: 0,
            opened: VecDeque::new(),
            blocked: Vec::new(),
            openers: Vec::new(),
            going: false,
            ponged: false,
            dead: false,
            driver: None,
            kicked: false,
        }
    }

    fn greet(&mut self, settings: &[(u16, u32)]) {
        let octets: Vec<u8> = settings.iter().flat_map(|(key, value)| key.to_be_bytes().into_iter().chain(value.to_be_bytes())).collect();
        frame::push(&mut self.out, frame::SETTINGS, 0, 0, &octets);
        frame::push(&mut self.out, frame::WINDOW_UPDATE, 0, 0, &((CONNECTION_WINDOW - WINDOW) as u32).to_be_bytes());
    }

    /// The next stream that was opened and that nobody works on, by its place.
    pub fn next_opened(&mut self) -> Option<usize> {
        self.opened.pop_front()
    }

    /// What the client is sent away for, once [`Conn::receive`] has failed with ENHANCE_YOUR_CALM.
    pub fn abused(&self) -> Option<&'static str> {
        self.abused
    }

    /// The client has said that it speaks HTTP/2.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Another stream may be opened, now or when one ends.
    pub fn is_open(&self) -> bool {
        !self.dead && !self.going && self.last < u32::MAX / 4
    }

    /// Streams that are open.
    pub fn count(&self) -> usize {
        self.streams.count()
    }

    /// Streams that the peer allows.
    pub fn streams_max(&self) -> usize {
        self.peer.streams_max
    }

    /// What is to be sent.
    pub fn pending(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// So much of it is sent.
    pub fn wrote(&mut self, count: usize) {
        self.sent += count;
        self.written += count as u64;
        if self.sent == self.out.len() {
            self.out.clear();
            self.out.shrink_to(KEPT);
            self.sent = 0;
        } else if self.sent >= FULL {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        self.unblock();
    }

    /// So much is to be sent that nothing should be read, which might add to it.
    pub fn is_overfull(&self) -> bool {
        self.pending().len() >= OVERFULL
    }

    /// The task that moves the octets. It is woken when there is something to send.
    pub fn drive(&mut self, context: &Context<'_>) {
        self.kicked = false;
        if !self.driver.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            self.driver = Some(context.waker().clone());
        }
    }

    /// Wakes the task that moves the octets.
    pub fn kick(&mut self) {
        if !std::mem::replace(&mut self.kicked, true)
            && let Some(driver) = &self.driver
        {
            driver.wake_by_ref();
        }
    }

    /// Begins a farewell: no stream is refused yet, and a PING shows when the peer knows (RFC 9113 §6.8).
    pub fn announce_end(&mut self) {
        self.push_goaway(u32::MAX >> 1, Code::NO_ERROR);
        frame::push(&mut self.out, frame::PING, 0, 0, &FAREWELL);
    }

    /// The peer has heard that this is the end.
    pub fn is_end_known(&self) -> bool {
        self.ponged
    }

    /// Ends it for new streams; those that are open go on.
    pub fn end(&mut self, code: Code) {
        self.going = true;
        let last = if self.side == Side::Server { self.last } else { 0 };
        self.push_goaway(last, code);
        self.kick();
    }

    fn push_goaway(&mut self, last: u32, code: Code) {
        let [a, b, c, d] = last.to_be_bytes();
        let [w, x, y, z] = code.0.to_be_bytes();
        frame::push(&mut self.out, frame::GOAWAY, 0, 0, &[a, b, c, d, w, x, y, z]);
    }

    /// The connection is gone, and every stream with it that is not complete.
    pub fn die(&mut self) {
        self.dead = true;
        let written = self.written;
        self.streams.each(|stream| {
            if stream.reset.is_none() && !(stream.recv_ended && stream.send_ended) {
                stream.reset = Some(Code::CANCEL);
                stream.refused = stream.begun_at >= written;
            }
            stream.wake();
        });
        self.openers.drain(..).for_each(Waker::wake);
        self.kick();
    }

    /// Everybody who waits for credit or room looks again, if there is some of both.
    fn unblock(&mut self) {
        if self.send_window <= 0 || self.pending().len() >= FULL {
            return;
        }
        for slot in self.blocked.drain(..) {
            let stream = self.streams.at(slot);
            stream.blocked = false;
            stream.wake();
        }
    }

    /// The number of the stream at this place.
    pub fn number(&mut self, slot: usize) -> u32 {
        self.streams.at(slot).id
    }

    /// The request that opened this stream: its head, and whether it has no body.
    pub fn take_request(&mut self, slot: usize) -> Option<(&mut Block, bool)> {
        let stream = self.streams.at(slot);
        let whole = stream.recv_ended && stream.body.is_empty();
        std::mem::take(&mut stream.has_head).then_some((&mut stream.block, whole))
    }

    /// Takes the head of an answer, interim or final, into `head`; gives its status.
    pub fn poll_answer(&mut self, slot: usize, context: &Context<'_>, head: &mut Head) -> Poll<Result<u16, Gone>> {
        let stream = self.streams.at(slot);
        if stream.has_head {
            std::mem::swap(head, &mut stream.block.head);
            let status = stream.block.status.unwrap_or(0);
            stream.has_head = stream.later.pop_front().map(|next| stream.block = next).is_some();
            return Poll::Ready(Ok(status));
        }
        self.poll_gone(slot, context).map(Err)
    }

    /// Takes what has arrived of a body into `data`, which is empty, or its trailers.
    pub fn poll_body(&mut self, slot: usize, context: &Context<'_>, data: &mut Vec<u8>, trailers: &mut Head) -> Poll<Result<Taken, Gone>> {
        let stream = self.streams.at(slot);
        if !stream.body.is_empty() {
            data.clear();
            std::mem::swap(data, &mut stream.body);
            return Poll::Ready(Ok(Taken::Data));
        }
        if stream.recv_ended {
            std::mem::swap(trailers, &mut stream.trailers);
            return Poll::Ready(Ok(Taken::End));
        }
        Poll::Ready(Err(ready!(self.poll_gone(slot, context))))
    }

    /// Nothing more comes on this stream: neither a body nor trailers.
    pub fn is_over(&mut self, slot: usize) -> bool {
        self.body_ended(slot) && self.streams.at(slot).trailers.fields.is_empty()
    }

    /// The body of a stream was taken to its end.
    pub fn body_ended(&mut self, slot: usize) -> bool {
        let stream = self.streams.at(slot);
        stream.recv_ended && stream.body.is_empty()
    }

    /// Ready when the stream is over before its time.
    pub fn poll_gone(&mut self, slot: usize, context: &Context<'_>) -> Poll<Gone> {
        let stream = self.streams.at(slot);
        if stream.reset.is_some() {
            return Poll::Ready(Gone { unsent: stream.refused });
        }
        stream.wait(context);
        Poll::Pending
    }

    /// So many octets of a body were used: the peer may send as many again.
    pub fn credit(&mut self, slot: usize, count: usize) {
        self.give_back(count);
        let stream = self.streams.at(slot);
        stream.credit += count;
        if stream.credit as i64 >= STREAM_WINDOW / 2 && !stream.recv_ended && stream.reset.is_none() {
            let credit = std::mem::take(&mut stream.credit);
            stream.recv_window += credit as i64;
            let id = stream.id;
            frame::push(&mut self.out, frame::WINDOW_UPDATE, 0, id, &(credit as u32).to_be_bytes());
            self.kick();
        }
    }

    /// The same for the connection as a whole, where the stream needs no credit any more.
    pub fn give_back(&mut self, count: usize) {
        self.credit += count;
        if self.credit as i64 >= CONNECTION_WINDOW / 4 {
            let credit = std::mem::take(&mut self.credit);
            self.recv_window += credit as i64;
            frame::push(&mut self.out, frame::WINDOW_UPDATE, 0, 0, &(credit as u32).to_be_bytes());
            self.kick();
        }
    }

    /// Ends a stream before its time, unless it is over.
    pub fn reset(&mut self, slot: usize, code: Code) {
        let stream = self.streams.at(slot);
        if stream.reset.is_some() {
            return;
        }
        stream.reset = Some(code);
        stream.wake();
        if !(stream.recv_ended && stream.send_ended) {
            stream.reset_by_us = true;
            let id = stream.id;
            frame::push(&mut self.out, frame::RST_STREAM, 0, id, &code.0.to_be_bytes());
            self.kick();
        }
    }

    /// Nobody works on a stream any more, and `data`, whose memory serves the next one, is done with. What its peer still sends
    /// is not wanted.
    pub fn release(&mut self, slot: usize, data: &mut Vec<u8>) {
        let (side, stream) = (self.side, self.streams.at(slot));
        let code = match side {
            // The answer is whole, and stands (RFC 9113 §8.1).
            Side::Server if stream.send_ended => Code::NO_ERROR,
            Side::Server => Code::INTERNAL_ERROR,
            Side::Client => Code::CANCEL,
        };
        let untaken = stream.body.len();
        if stream.body.capacity() < data.capacity() {
            std::mem::swap(&mut stream.body, data);
        }
        self.reset(slot, code);
        self.give_back(untaken);
        self.blocked.retain(|blocked| *blocked != slot);
        self.streams.close(slot);
        self.openers.drain(..).for_each(Waker::wake);
        if self.streams.count() == 0 {
            self.kick();
        }
    }

    /// There has been no stream for a while: gives back the memory that was kept for the next one.
    pub fn rest(&mut self) {
        self.streams.rest();
        self.waste = Block::default();
        if self.out.is_empty() {
            self.out = Vec::new();
        }
    }

    /// The client made us reset a stream; too many of those are an attack.
    fn mistake(&mut self) -> Result<(), Fatal> {
        let word = self.flood.as_mut().and_then(|flood| flood.mistake(Instant::now));
        match word {
            Some(word) => Err(self.calm(word)),
            None => Ok(()),
        }
    }

    fn calm(&mut self, word: &'static str) -> Fatal {
        self.abused = Some(word);
        Fatal { code: Code::ENHANCE_YOUR_CALM, why: word }
    }
}
