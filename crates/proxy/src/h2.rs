//! HTTP/2 without I/O (RFC 9113): frames, header compression, streams, flow control. The sibling of [`crate::h1`]; both
//! directions use it, a client's connection and one to a backend.
//!
//! [`Conn`] takes the octets that arrive and keeps those to be sent. Whoever works on a stream calls it from that stream's task;
//! whoever owns the socket moves octets with [`Io`], many streams at a time, and so in one write. Nothing here allocates per
//! stream in the steady state: the memory of a stream serves the next one.

mod block;
mod conn;
mod flood;
mod frame;
mod hpack;
mod io;
mod streams;

pub use block::{Block, Fault};
pub use conn::{Conn, Fatal, Gone, Shared, Taken};
pub use frame::Code;
pub use hpack::{push_authority, push_content_length, push_field, push_method, push_path, push_scheme, push_status};
pub use io::{Io, Over};
