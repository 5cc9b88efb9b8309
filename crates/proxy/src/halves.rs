//! The two halves of an HTTP/2 stream as bodies: the same for a client's stream and for one to a backend. Whoever has both says
//! where ([`OnStream`]), and is a body both ways.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::h1::{Head, Known};
use crate::relay::{Broken, Fill, Sink, Source};
use crate::wire::allowed_trailer;

/// Bytes of one DATA frame we make.
const PIECE: usize = 16 << 10;

/// A body that arrives.
#[derive(Default)]
pub struct Incoming {
    stream: Option<RecvStream>,
    data: Bytes,
    trailers: Head,
}

impl Incoming {
    /// The body of a stream; none if it has ended with its head.
    pub fn new(stream: RecvStream) -> Self {
        Self { stream: (!stream.is_end_stream()).then_some(stream), ..Self::default() }
    }

    /// It was read to its end.
    pub fn ended(&self) -> bool {
        self.stream.is_none() && self.data.is_empty()
    }
}

impl Source for Incoming {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        loop {
            if !self.data.is_empty() {
                return Poll::Ready(Ok(Fill::Data));
            }
            let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(Fill::End)) };
            match ready!(stream.poll_data(context)) {
                Some(data) => self.data = data.map_err(broken)?,
                None => {
                    if let Some(trailers) = ready!(stream.poll_trailers(context)).map_err(broken)? {
                        push_fields(&mut self.trailers, &trailers);
                    }
                    self.stream = None;
                }
            }
        }
    }

    fn data(&self) -> &[u8] {
        &self.data
    }

    fn consume(&mut self, count: usize) {
        self.data.advance(count);
        if let Some(stream) = &mut self.stream {
            // Fails only on a stream that is over, whose window nobody needs.
            let _ = stream.flow_control().release_capacity(count);
        }
    }

    fn trailers(&self) -> &Head {
        &self.trailers
    }
}

/// A body that is sent.
#[derive(Default)]
pub struct Outgoing {
    stream: Option<SendStream<Bytes>>,
    /// What is left of a body whose length is known; its last byte ends the stream.
    left: Option<u64>,
    finished: bool,
    stalled: bool,
}

impl Outgoing {
    /// Through this stream, whose head is sent; `ended` with it.
    pub fn new(stream: Option<SendStream<Bytes>>, length: Option<u64>, ended: bool) -> Self {
        Self { stream, left: length.filter(|_| !ended), finished: ended, stalled: false }
    }

    /// The peer's window is closed.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Ready when the peer has reset the stream or its connection is gone; `None` while nothing was begun.
    pub fn poll_reset(&mut self, context: &mut Context<'_>) -> Option<Poll<()>> {
        self.stream.as_mut().map(|stream| stream.poll_reset(context).map(drop))
    }

    /// Ends the stream as broken; false when it was never begun.
    pub fn reset(&mut self, reason: Reason) -> bool {
        self.stream.as_mut().map(|stream| stream.send_reset(reason)).is_some()
    }
}

impl Sink for Outgoing {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        let wanted = data.len().min(PIECE);
        let stream = self.stream.as_mut().ok_or(Broken::Cut)?;
        stream.reserve_capacity(wanted);
        self.stalled = true;
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(context)) {
                Some(capacity) => drop(capacity.map_err(broken)?),
                None => return Poll::Ready(Err(Broken::Cut)),
            }
        }
        self.stalled = false;
        let taken = stream.capacity().min(wanted);
        let last = self.left == Some(taken as u64);
        stream.send_data(Bytes::copy_from_slice(&data[..taken]), last).map_err(broken)?;
        self.left = self.left.map(|left| left.saturating_sub(taken as u64));
        self.finished |= last;
        Poll::Ready(Ok(taken))
    }

    fn finish(&mut self, trailers: &Head) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let fields = fields(trailers, allowed_trailer);
        if let Some(stream) = &mut self.stream {
            // An error here means that the stream is gone, which the next poll tells.
            let _ = match fields.is_empty() {
                true => stream.send_data(Bytes::new(), true),
                false => stream.send_trailers(fields),
            };
        }
    }

    /// The connection's task writes.
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }
}

/// Both halves of a stream.
#[derive(Default)]
pub struct Halves {
    /// What arrives.
    pub incoming: Incoming,
    /// What is sent.
    pub outgoing: Outgoing,
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
        self.halves_mut().incoming.poll_fill(context)
    }

    fn data(&self) -> &[u8] {
        self.halves().incoming.data()
    }

    fn consume(&mut self, count: usize) {
        self.halves_mut().incoming.consume(count);
    }

    fn trailers(&self) -> &Head {
        self.halves().incoming.trailers()
    }
}

impl<T: OnStream> Sink for T {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        self.halves_mut().outgoing.poll_send(context, data)
    }

    fn finish(&mut self, trailers: &Head) {
        self.halves_mut().outgoing.finish(trailers);
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.halves_mut().outgoing.poll_flush(context)
    }
}

/// An error of a stream.
pub fn broken(error: h2::Error) -> Broken {
    Broken::Io(io::Error::other(error))
}

/// Appends the fields of a map to a head.
pub fn push_fields(head: &mut Head, map: &HeaderMap) {
    for (name, value) in map {
        head.push(name.as_str().as_bytes(), value.as_bytes());
    }
}

/// The fields of a head that `keep` admits, as a map.
pub fn fields(head: &Head, keep: impl Fn(Known) -> bool) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(head.fields.len());
    for field in head.fields.iter().filter(|field| keep(field.known)) {
        push_field(&mut map, head.name(field), head.value(field));
    }
    map
}

/// Appends one field. What HTTP/1 may say, HTTP/2 can carry; anything else is left out rather than mangled.
pub fn push_field(map: &mut HeaderMap, name: &[u8], value: &[u8]) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        map.append(name, value);
    }
}
