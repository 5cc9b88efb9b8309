//! HTTP/1 without I/O: heads in and out, body framing, chunks. Both directions use it, requests and answers alike.
//!
//! Strict by design (gateway spec G96 to G98): what two implementations could read differently is refused here, so that
//! nothing behind us can be told another message than the one we judged. Nothing in this module waits, allocates per
//! message in the steady state, or knows a route.

mod chunked;
mod framing;
mod head;
mod parse;
mod write;

pub use chunked::Piece;
pub use framing::{Body, Framing, answer_framing, connection_options, request_framing};
pub use head::{Head, Known, Span};
pub use parse::{AnswerLine, Fed, HeadParser, Limits, Malformed, RequestLine, Target, Version};
pub(crate) use parse::{is_text, is_token};
pub use write::{Encoder, push_chunk_head, push_decimal, push_fields, reason_phrase};
