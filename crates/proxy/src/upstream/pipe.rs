//! The backend's side of one request, whatever version of HTTP the backend speaks.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::h2::Stream;
use crate::h1::{AnswerLine, Encoder, Framing, Head, HeadParser};
use crate::relay::{Broken, Fill, Sink, Source};
use crate::request::asked::Asked;
use crate::request::queue_head;
use crate::wire::Wire;

/// A connection of HTTP/1, or a stream of HTTP/2.
pub enum Pipe {
    /// A connection for this request alone, and for others after it. Behind a pointer: it moves between the task and the pool several times a request.
    Http1(Box<Wire>),
    /// One stream of many.
    Http2(Box<Stream>),
}

impl Pipe {
    /// Sends or queues the request's head.
    pub async fn begin(&mut self, asked: &Asked, id: u128, expects: bool) {
        match self {
            Pipe::Http1(wire) => queue_head(wire, asked, id, expects),
            Pipe::Http2(stream) => poll_fn(|context| stream.poll_begin(context, asked, id)).await,
        }
    }

    /// Bytes written so far, to see later whether anything was sent.
    pub fn written(&self) -> u64 {
        match self {
            Pipe::Http1(wire) => wire.written,
            Pipe::Http2(_) => 0,
        }
    }

    /// Whether a byte of the request counts as sent.
    pub fn has_sent_since(&self, written: u64) -> bool {
        match self {
            Pipe::Http1(wire) => wire.written != written,
            Pipe::Http2(stream) => !stream.refused(),
        }
    }

    /// The backend does not read what is sent.
    pub fn has_queued(&self) -> bool {
        match self {
            Pipe::Http1(wire) => wire.has_queued(),
            Pipe::Http2(stream) => stream.is_stalled(),
        }
    }

    /// Reads a head; `None` is the end of the connection before its first byte.
    pub fn poll_head(&mut self, context: &mut Context<'_>, parser: &mut HeadParser, head: &mut Head) -> Poll<Result<Option<AnswerLine>, Broken>> {
        match self {
            Pipe::Http1(wire) => wire.poll_head(context, parser, head).map_ok(|complete| complete.then(|| parser.answer_line())),
            Pipe::Http2(stream) => stream.poll_head(context, head),
        }
    }

    /// What follows is a body of this framing.
    pub fn begin_body(&mut self, framing: Framing) {
        if let Pipe::Http1(wire) = self {
            wire.begin_body(framing);
        }
    }

    /// Nothing follows the head that was read: neither a body nor trailers.
    pub fn is_over(&mut self) -> bool {
        match self {
            Pipe::Http1(_) => false,
            Pipe::Http2(stream) => stream.is_over(),
        }
    }

    /// Whether, after a whole answer, another request may follow on it.
    pub fn is_clean(&self) -> bool {
        matches!(self, Pipe::Http1(wire) if wire.inbox().is_empty())
    }

    /// It is a stream of many.
    pub fn is_stream(&self) -> bool {
        matches!(self, Pipe::Http2(_))
    }

    /// Whether a WebSocket can be asked for on it: everybody may be asked over HTTP/1, and of HTTP/2 those who say so.
    pub async fn takes_websockets(&self) -> bool {
        match self {
            Pipe::Http1(_) => true,
            Pipe::Http2(stream) => poll_fn(|context| stream.poll_extended(context)).await,
        }
    }

    /// What follows both ways is opaque.
    pub fn begin_tunnel(&mut self) {
        match self {
            Pipe::Http1(wire) => {
                wire.begin_body(Framing::Close);
                wire.queue(Encoder::Plain);
            }
            Pipe::Http2(stream) => stream.begin_tunnel(),
        }
    }

    /// Tells the backend that nothing more comes.
    pub fn poll_shut(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Pipe::Http1(wire) => wire.poll_shutdown(context).map(drop),
            // The end of the stream has gone out with the last of the body.
            Pipe::Http2(_) => Poll::Ready(()),
        }
    }
}

impl Source for Pipe {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        match self {
            Pipe::Http1(wire) => wire.poll_fill(context),
            Pipe::Http2(stream) => stream.poll_fill(context),
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            Pipe::Http1(wire) => wire.data(),
            Pipe::Http2(stream) => stream.data(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Pipe::Http1(wire) => wire.consume(count),
            Pipe::Http2(stream) => stream.consume(count),
        }
    }

    fn trailers(&self) -> &Head {
        match self {
            Pipe::Http1(wire) => wire.trailers(),
            Pipe::Http2(stream) => stream.trailers(),
        }
    }
}

impl Sink for Pipe {
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>> {
        match self {
            Pipe::Http1(wire) => wire.poll_send(context, data),
            Pipe::Http2(stream) => stream.poll_send(context, data),
        }
    }

    fn finish(&mut self, trailers: &Head) {
        match self {
            Pipe::Http1(wire) => wire.finish(trailers),
            Pipe::Http2(stream) => stream.finish(trailers),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self {
            Pipe::Http1(wire) => wire.poll_flush(context),
            Pipe::Http2(stream) => stream.poll_flush(context),
        }
    }
}
