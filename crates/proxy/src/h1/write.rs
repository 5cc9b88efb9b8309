//! Bytes of heads and chunks. Messages are always made from the parsed form (gateway spec G99).

use super::head::{Field, Head};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// As it is: its length was announced, or the end of the connection ends it.
    Plain,
    /// In chunks.
    Chunked,
}

/// Appends `name: value` lines for the fields that `keep` admits.
pub fn push_fields(out: &mut Vec<u8>, head: &Head, mut keep: impl FnMut(&Field) -> bool) {
    for field in &head.fields {
        if keep(field) {
            out.extend_from_slice(head.name(field));
            out.extend_from_slice(b": ");
            out.extend_from_slice(head.value(field));
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends a number in decimal.
pub fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends the line before a chunk of `size` bytes.
pub fn push_chunk_head(out: &mut Vec<u8>, size: usize) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|digit| b"0123456789abcdef"[size >> (4 * digit) & 15]));
    out.extend_from_slice(b"\r\n");
}

/// The usual phrase for a status; clients ignore it, people like it.
pub fn reason_phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Status")
}
