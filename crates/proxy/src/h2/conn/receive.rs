//! Frames that arrive.

use std::time::Instant;

use super::{Conn, FAREWELL, Fatal, Part, STREAM_WINDOW, STREAMS_MAX, Side};
use crate::h2::block::{Block, Fault, Sort};
use crate::h2::frame::{self, Code, FrameHead, HEADER, PAYLOAD_MAX, PREFACE, WINDOW_MAX};
use crate::h2::streams::Former;

/// Octets of a header block in several frames.
const BLOCK_MAX: usize = 64 << 10;
/// Interim answers that wait to be read; one more is an attack (gateway spec G100).
const INTERIM_MAX: usize = 8;

const fn fatal(code: Code, why: &'static str) -> Fatal {
    Fatal { code, why }
}

const WRONG_SIZE: Fatal = fatal(Code::FRAME_SIZE_ERROR, "a frame of a wrong size");
const WRONG_STREAM: Fatal = fatal(Code::PROTOCOL_ERROR, "a frame on a stream where it must not be");
const WRONG_PADDING: Fatal = fatal(Code::PROTOCOL_ERROR, "padding that is longer than its frame");

impl Conn {
    /// Takes whole frames off the front of `bytes`; gives how many octets were taken.
    ///
    /// # Errors
    /// When the connection cannot go on. What came before stands.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<usize, Fatal> {
        let mut at = self.preface(bytes)?;
        while let Some(head) = FrameHead::read(&bytes[at..]) {
            if head.length > PAYLOAD_MAX {
                return Err(WRONG_SIZE);
            }
            let Some(payload) = bytes.get(at + HEADER..at + HEADER + head.length) else { break };
            self.frame(head, payload)?;
            at += HEADER + head.length;
        }
        Ok(at)
    }

    fn preface(&mut self, bytes: &[u8]) -> Result<usize, Fatal> {
        let taken = self.preface_left.min(bytes.len());
        let begun = PREFACE.len() - self.preface_left;
        if bytes[..taken] != PREFACE[begun..begun + taken] {
            return Err(fatal(Code::PROTOCOL_ERROR, "no preface"));
        }
        self.preface_left -= taken;
        Ok(taken)
    }

    fn frame(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if !self.greeted {
            if head.kind != frame::SETTINGS || head.has(frame::ACK) {
                return Err(fatal(Code::PROTOCOL_ERROR, "the first frame is not SETTINGS"));
            }
            self.greeted = true;
        }
        let continued = self.part.as_ref().map(|part| part.stream);
        if continued.is_some_and(|stream| head.kind != frame::CONTINUATION || head.stream != stream) {
            return Err(fatal(Code::PROTOCOL_ERROR, "a header block is interrupted"));
        }
        if let Some(word) = self.flood.as_mut().and_then(|flood| flood.frame(head.kind, head.length, Instant::now)) {
            return Err(self.calm(word));
        }
        match head.kind {
            frame::DATA => self.data(head, payload),
            frame::HEADERS => self.headers(head, payload),
            frame::CONTINUATION => self.continuation(head, payload),
            frame::PRIORITY => self.priority(head, payload),
            frame::RST_STREAM => self.rst_stream(head, payload),
            frame::SETTINGS => self.settings(head, payload),
            frame::PUSH_PROMISE => Err(fatal(Code::PROTOCOL_ERROR, "a push that nobody wants")),
            frame::PING => self.ping(head, payload),
            frame::GOAWAY => self.goaway(head, payload),
            frame::WINDOW_UPDATE => self.window_update(head, payload),
            _ => Ok(()),
        }
    }

    /// No such stream was ever opened.
    fn is_idle(&self, stream: u32) -> bool {
        stream.is_multiple_of(2) || stream > self.last
    }

    /// The peer broke a rule on this stream.
    fn refuse(&mut self, slot: usize, code: Code) -> Result<(), Fatal> {
        self.reset(slot, code);
        self.mistake()
    }

    /// The same, where there is no such stream any more.
    fn refuse_former(&mut self, stream: u32, code: Code) -> Result<(), Fatal> {
        frame::push(&mut self.out, frame::RST_STREAM, 0, stream, &code.0.to_be_bytes());
        self.streams.remember(stream, Former::Reset);
        self.mistake()
    }

    fn data(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream == 0 {
            return Err(WRONG_STREAM);
        }
        let data = head.unpadded(payload).ok_or(WRONG_PADDING)?;
        // Padding counts, too (RFC 9113 §6.9).
        self.recv_window -= payload.len() as i64;
        if self.recv_window < 0 {
            return Err(fatal(Code::FLOW_CONTROL_ERROR, "more data than the connection's window"));
        }
        let Some(slot) = self.streams.find(head.stream) else {
            self.give_back(payload.len());
            return match self.streams.former(head.stream) {
                _ if self.is_idle(head.stream) => Err(WRONG_STREAM),
                Some(Former::Reset) => Ok(()),
                _ if self.side == Side::Client => Ok(()),
                _ => self.refuse_former(head.stream, Code::STREAM_CLOSED),
            };
        };
        let server = self.side == Side::Server;
        let stream = self.streams.at(slot);
        stream.recv_window -= payload.len() as i64;
        let fault = match () {
            () if stream.reset_by_us => None,
            // What the peer has reset, it must not go on with.
            () if stream.reset.is_some() => {
                self.give_back(payload.len());
                return self.refuse_former(head.stream, Code::STREAM_CLOSED);
            }
            () if stream.recv_ended => Some(Code::STREAM_CLOSED),
            () if !server && !stream.answered => Some(Code::PROTOCOL_ERROR),
            () if stream.recv_window < 0 => Some(Code::FLOW_CONTROL_ERROR),
            () if stream.expected.is_some_and(|left| left < data.len() as u64) => Some(Code::PROTOCOL_ERROR),
            () => {
                stream.expected = stream.expected.map(|left| left - data.len() as u64);
                stream.body.extend_from_slice(data);
                stream.wake();
                let padding = payload.len() - data.len();
                if padding > 0 {
                    self.credit(slot, padding);
                }
                return if head.has(frame::END_STREAM) { self.ended(slot) } else { Ok(()) };
            }
        };
        self.give_back(payload.len());
        fault.map_or(Ok(()), |code| self.refuse(slot, code))
    }

    /// The last frame of a stream has arrived.
    fn ended(&mut self, slot: usize) -> Result<(), Fatal> {
        let stream = self.streams.at(slot);
        if stream.expected.is_some_and(|left| left > 0) {
            return self.refuse(slot, Code::PROTOCOL_ERROR);
        }
        stream.recv_ended = true;
        stream.wake();
        Ok(())
    }

    fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream == 0 {
            return Err(WRONG_STREAM);
        }
        let mut octets = head.unpadded(payload).ok_or(WRONG_PADDING)?;
        let mut part = Part { stream: head.stream, ends: head.has(frame::END_STREAM), depends_on_itself: false };
        if head.has(frame::PRIORITIZED) {
            part.depends_on_itself = frame::word(octets) & !(1 << 31) == head.stream;
            octets = octets.get(5..).ok_or(WRONG_SIZE)?;
        }
        if head.has(frame::END_HEADERS) {
            return self.block(&part, octets);
        }
        self.fragments.clear();
        self.fragments.extend_from_slice(octets);
        self.part = Some(part);
        Ok(())
    }

    fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        let Some(part) = self.part.take() else { return Err(fatal(Code::PROTOCOL_ERROR, "a continuation of nothing")) };
        self.fragments.extend_from_slice(payload);
        if self.fragments.len() > BLOCK_MAX {
            return Err(self.calm("continuation"));
        }
        if !head.has(frame::END_HEADERS) {
            self.part = Some(part);
            return Ok(());
        }
        let octets = std::mem::take(&mut self.fragments);
        self.block(&part, &octets)
    }

    /// A whole header block.
    fn block(&mut self, part: &Part, octets: &[u8]) -> Result<(), Fatal> {
        match (self.streams.find(part.stream), self.side) {
            (Some(slot), Side::Server) => self.trailers(slot, part, octets),
            (Some(slot), Side::Client) if self.streams.at(slot).answered => self.trailers(slot, part, octets),
            (Some(slot), Side::Client) => self.answer(slot, part, octets),
            (None, Side::Server) => self.request(part, octets),
            (None, Side::Client) if self.is_idle(part.stream) => Err(WRONG_STREAM),
            (None, Side::Client) => self.discard(octets),
        }
    }

    /// Reads a block that nobody wants: the table must stay in step.
    fn discard(&mut self, octets: &[u8]) -> Result<(), Fatal> {
        let Self { decoder, waste, limits, .. } = self;
        read(decoder, waste, Sort::Trailers, octets, limits)
    }

    fn request(&mut self, part: &Part, octets: &[u8]) -> Result<(), Fatal> {
        let id = part.stream;
        if !self.is_idle(id) {
            self.discard(octets)?;
            return match self.streams.former(id) {
                Some(Former::Reset) => Ok(()),
                Some(Former::Ended) => Err(fatal(Code::STREAM_CLOSED, "a header block on a stream that has ended")),
                None => Err(fatal(Code::PROTOCOL_ERROR, "a stream's number is lower than one before")),
            };
        }
        if id.is_multiple_of(2) {
            return Err(WRONG_STREAM);
        }
        self.last = if self.going { self.last } else { id };
        if self.going || self.streams.count() >= STREAMS_MAX {
            self.discard(octets)?;
            return self.refuse_former(id, Code::REFUSED_STREAM);
        }
        let slot = self.streams.open(id, self.peer.window, STREAM_WINDOW);
        let Self { decoder, streams, limits, .. } = self;
        let stream = streams.at(slot);
        read(decoder, &mut stream.block, Sort::Request, octets, limits)?;
        let length = stream.block.length;
        let fault = stream.block.fault == Some(Fault::Stream) || part.depends_on_itself || (part.ends && length.is_some_and(|length| length > 0));
        if fault {
            self.reset(slot, Code::PROTOCOL_ERROR);
            self.streams.close(slot);
            return self.mistake();
        }
        (stream.has_head, stream.recv_ended, stream.expected) = (true, part.ends, length);
        self.opened.push_back(slot);
        Ok(())
    }

    fn answer(&mut self, slot: usize, part: &Part, octets: &[u8]) -> Result<(), Fatal> {
        let Self { decoder, streams, limits, .. } = self;
        let stream = streams.at(slot);
        let mut later = Block::default();
        let waits = stream.has_head;
        read(decoder, if waits { &mut later } else { &mut stream.block }, Sort::Answer, octets, limits)?;
        let block = if waits { &later } else { &stream.block };
        let status = block.status.unwrap_or(0);
        let interim = matches!(status, 100..=199);
        // 101 does not exist here (RFC 9113 §8.6), and no interim answer is the last one.
        let fault = block.fault.is_some() || status == 101 || (interim && (part.ends || stream.later.len() >= INTERIM_MAX));
        if stream.reset.is_some() {
            return Ok(());
        }
        if fault {
            return self.refuse(slot, Code::PROTOCOL_ERROR);
        }
        if !interim {
            stream.answered = true;
            stream.expected = if stream.bodiless || matches!(status, 204 | 304) { Some(0) } else { block.length };
        }
        if waits {
            stream.later.push_back(later);
        }
        stream.has_head = true;
        stream.wake();
        if part.ends { self.ended(slot) } else { Ok(()) }
    }

    fn trailers(&mut self, slot: usize, part: &Part, octets: &[u8]) -> Result<(), Fatal> {
        let Self { decoder, waste, streams, limits, .. } = self;
        read(decoder, waste, Sort::Trailers, octets, limits)?;
        let stream = streams.at(slot);
        let code = match () {
            () if stream.reset_by_us => return Ok(()),
            () if stream.reset.is_some() => return self.refuse_former(part.stream, Code::STREAM_CLOSED),
            () if stream.recv_ended => Code::STREAM_CLOSED,
            () if waste.fault.is_some() || !part.ends || part.depends_on_itself => Code::PROTOCOL_ERROR,
            () => {
                std::mem::swap(&mut stream.trailers, &mut waste.head);
                return self.ended(slot);
            }
        };
        self.refuse(slot, code)
    }

    fn priority(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream == 0 {
            return Err(WRONG_STREAM);
        }
        let code = match () {
            () if payload.len() != 5 => Code::FRAME_SIZE_ERROR,
            () if frame::word(payload) & !(1 << 31) == head.stream => Code::PROTOCOL_ERROR,
            // Priorities of this form are no longer in use (RFC 9113 §5.3).
            () => return Ok(()),
        };
        match self.streams.find(head.stream) {
            Some(slot) => self.refuse(slot, code),
            None => self.refuse_former(head.stream, code),
        }
    }

    fn rst_stream(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if payload.len() != 4 {
            return Err(WRONG_SIZE);
        }
        if self.is_idle(head.stream) {
            return Err(WRONG_STREAM);
        }
        if let Some(slot) = self.streams.find(head.stream) {
            let stream = self.streams.at(slot);
            let code = Code(frame::word(payload));
            if stream.reset.is_none() {
                stream.reset = Some(code);
                stream.refused = code == Code::REFUSED_STREAM;
            }
            stream.wake();
        }
        Ok(())
    }

    fn settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream != 0 {
            return Err(WRONG_STREAM);
        }
        if head.has(frame::ACK) {
            return if payload.is_empty() { Ok(()) } else { Err(WRONG_SIZE) };
        }
        let (settings, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(WRONG_SIZE);
        }
        for &[a, b, w, x, y, z] in settings {
            self.setting(u16::from_be_bytes([a, b]), u32::from_be_bytes([w, x, y, z]))?;
        }
        self.peer.settled = true;
        self.openers.drain(..).for_each(std::task::Waker::wake);
        frame::push(&mut self.out, frame::SETTINGS, frame::ACK, 0, &[]);
        self.kick();
        Ok(())
    }

    fn setting(&mut self, key: u16, value: u32) -> Result<(), Fatal> {
        const WRONG: Fatal = fatal(Code::PROTOCOL_ERROR, "a setting has no such value");
        match key {
            // We use no dynamic table, which must be said where it may not be as large as usual (RFC 7541 §4.2).
            frame::HEADER_TABLE_SIZE => self.size_update |= value < 4096,
            frame::ENABLE_PUSH if value > 1 || (value == 1 && self.side == Side::Client) => return Err(WRONG),
            frame::ENABLE_CONNECT_PROTOCOL if value > 1 => return Err(WRONG),
            frame::ENABLE_CONNECT_PROTOCOL => self.peer.extended = value == 1,
            frame::MAX_CONCURRENT_STREAMS => {
                self.peer.streams_max = value as usize;
                self.openers.drain(..).for_each(std::task::Waker::wake);
            }
            frame::INITIAL_WINDOW_SIZE => return self.resize_windows(i64::from(value)),
            frame::MAX_FRAME_SIZE => match value as usize {
                size @ PAYLOAD_MAX..=0xFF_FFFF => self.peer.payload_max = size,
                _ => return Err(WRONG),
            },
            _ => {}
        }
        Ok(())
    }

    /// The windows of streams that are open change with the first window (RFC 9113 §6.9.2).
    fn resize_windows(&mut self, window: i64) -> Result<(), Fatal> {
        const WRONG: Fatal = fatal(Code::FLOW_CONTROL_ERROR, "a window is too large");
        if window > WINDOW_MAX {
            return Err(WRONG);
        }
        let more = window - std::mem::replace(&mut self.peer.window, window);
        let mut largest = 0;
        self.streams.each(|stream| {
            stream.send_window += more;
            largest = largest.max(stream.send_window);
            stream.wake();
        });
        if largest > WINDOW_MAX { Err(WRONG) } else { Ok(()) }
    }

    fn ping(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream != 0 {
            return Err(WRONG_STREAM);
        }
        if payload.len() != 8 {
            return Err(WRONG_SIZE);
        }
        if head.has(frame::ACK) {
            self.ponged |= payload == FAREWELL;
        } else {
            frame::push(&mut self.out, frame::PING, frame::ACK, 0, payload);
            self.kick();
        }
        Ok(())
    }

    fn goaway(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream != 0 {
            return Err(WRONG_STREAM);
        }
        if payload.len() < 8 {
            return Err(WRONG_SIZE);
        }
        if self.side == Side::Client {
            self.going = true;
            let last = frame::word(payload) & !(1 << 31);
            self.streams.each(|stream| {
                if stream.id > last && stream.reset.is_none() {
                    (stream.reset, stream.refused) = (Some(Code::REFUSED_STREAM), true);
                    stream.wake();
                }
            });
            self.openers.drain(..).for_each(std::task::Waker::wake);
        }
        Ok(())
    }

    fn window_update(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if payload.len() != 4 {
            return Err(WRONG_SIZE);
        }
        let more = i64::from(frame::word(payload) & !(1 << 31));
        if head.stream == 0 {
            self.send_window += more;
            self.unblock();
            return match more {
                0 => Err(fatal(Code::PROTOCOL_ERROR, "credit of nothing")),
                _ if self.send_window > WINDOW_MAX => Err(fatal(Code::FLOW_CONTROL_ERROR, "the connection's window is too large")),
                _ => Ok(()),
            };
        }
        if self.is_idle(head.stream) {
            return Err(WRONG_STREAM);
        }
        let Some(slot) = self.streams.find(head.stream) else { return Ok(()) };
        let stream = self.streams.at(slot);
        stream.send_window += more;
        stream.wake();
        match more {
            0 => self.refuse(slot, Code::PROTOCOL_ERROR),
            _ if stream.send_window > WINDOW_MAX => self.refuse(slot, Code::FLOW_CONTROL_ERROR),
            _ => Ok(()),
        }
    }
}

/// Reads a block.
fn read(decoder: &mut crate::h2::hpack::Decoder, block: &mut Block, sort: Sort, octets: &[u8], limits: &crate::h1::Limits) -> Result<(), Fatal> {
    block.begin(sort);
    let limits = if sort == Sort::Trailers { &crate::h1::Limits::TRAILERS } else { limits };
    let read = decoder.decode(octets, |name, value| block.field(name, value, limits));
    block.end();
    read.map_err(|_| fatal(Code::COMPRESSION_ERROR, "a header block cannot be read"))
}
