//! The client's side of one request, whatever version of HTTP it speaks.

pub mod h1;
pub mod h2;

use std::task::{Context, Poll};

use crate::h1::Head;
use crate::relay::{Sink, Source};

/// How the body of an answer is delimited, before it is put into the client's version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// No body follows. The length is what the answer says of the body it leaves out (HEAD, 304).
    Nothing(Option<u64>),
    /// A body could follow, and none does: it is known already that the answer is whole.
    Empty,
    /// So many bytes.
    Length(u64),
    /// As many as come.
    Open,
}

/// Where the request's body comes from and its answer goes to.
pub trait Front: Source + Sink {
    /// The number of its stream, of HTTP/2.
    fn stream(&self) -> Option<u32> {
        None
    }
    /// Queues an interim answer (1xx).
    fn interim(&mut self, status: u16, head: &Head);
    /// Queues the head of the final answer. `close` announces that the connection ends after it.
    fn begin_answer(&mut self, status: u16, head: &Head, extent: Extent, close: bool);
    /// Ready when the client has left while it should wait for its answer.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()>;
    /// Takes back a queued answer; false when a part of it has left already.
    fn take_back(&mut self) -> bool;
    /// Part of the answer waits for the client to read.
    fn has_queued(&self) -> bool;
    /// The request's body was read to its end.
    fn body_ended(&mut self) -> bool;
    /// The answer cannot be completed: whatever the client has of it must not look whole.
    fn abort(&mut self);
    /// Queues the answer that switches to a tunnel, whose head this is. What follows both ways is opaque.
    fn begin_tunnel(&mut self, head: &Head);
    /// Tells the client that the tunnel brings nothing more.
    fn poll_shut(&mut self, context: &mut Context<'_>) -> Poll<()>;
}
