//! Moving a body from one side to the other with back-pressure: nothing is read that cannot be written soon.
//!
//! Both directions of a request, both versions of HTTP and tunnels are this one loop over two small traits.

use std::io;
use std::task::{Context, Poll, ready};

use crate::h1::{Head, Malformed};

/// Why a side cannot go on.
#[derive(Debug)]
pub enum Broken {
    /// The connection failed.
    Io(io::Error),
    /// It ended in the middle of a message.
    Cut,
    /// It sent what is against the grammar.
    Malformed(Malformed),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::Io(error) => error.fmt(f),
            Broken::Cut => f.write_str("the connection ended in the middle of a message"),
            Broken::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Io(error)
    }
}

/// What a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// At least one byte of data.
    Data,
    /// The end of the body; its trailers are known.
    End,
}

/// Where a body comes from.
pub trait Source {
    /// Waits for data or the end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>>;
    /// The data that is there, after [`Fill::Data`].
    fn data(&self) -> &[u8];
    /// So much of it is done with.
    fn consume(&mut self, count: usize);
    /// The trailers, after [`Fill::End`].
    fn trailers(&self) -> &Head;
}

/// Where a body goes.
pub trait Sink {
    /// Takes some of the data (at least a byte of it), perhaps into memory. Called again with the rest.
    fn poll_send(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Broken>>;
    /// The body is complete: queues its end. Called once.
    fn finish(&mut self, trailers: &Head);
    /// Sends what is in memory.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>>;
}

/// Which side of a relay broke.
#[derive(Debug)]
pub enum Side {
    /// The source.
    From(Broken),
    /// The sink.
    To(Broken),
}

/// The progress of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Data may still come.
    #[default]
    Moving,
    /// The end is queued, not yet sent.
    Ending,
    /// All of it is sent.
    Done,
}

/// Moves what can be moved; ready when the body is sent to its end. `moved` counts the bytes.
pub fn poll_relay(
    context: &mut Context<'_>,
    from: &mut impl Source,
    to: &mut impl Sink,
    stage: &mut Stage,
    moved: &mut u64,
) -> Poll<Result<(), Side>> {
    while *stage == Stage::Moving {
        match from.poll_fill(context) {
            Poll::Ready(Ok(Fill::Data)) => {
                let taken = ready!(to.poll_send(context, from.data())).map_err(Side::To)?;
                from.consume(taken);
                *moved += taken as u64;
            }
            Poll::Ready(Ok(Fill::End)) => {
                to.finish(from.trailers());
                *stage = Stage::Ending;
            }
            Poll::Ready(Err(broken)) => {
                // What came before the break still belongs to the receiver, as far as it goes without waiting.
                let _ = to.poll_flush(context);
                return Poll::Ready(Err(Side::From(broken)));
            }
            Poll::Pending => {
                ready!(to.poll_flush(context)).map_err(Side::To)?;
                return Poll::Pending;
            }
        }
    }
    if *stage == Stage::Ending {
        ready!(to.poll_flush(context)).map_err(Side::To)?;
        *stage = Stage::Done;
    }
    Poll::Ready(Ok(()))
}
