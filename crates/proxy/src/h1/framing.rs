//! Where a body ends (RFC 9112 §6), decided once per message, and the reader that finds that end.

use super::chunked::{Chunked, Piece};
use super::head::{Head, Known};
use super::parse::{Malformed, Version};

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Everything until the connection ends (answers only).
    Close,
}

/// The framing of a request's body.
///
/// # Errors
/// Whenever two readers could disagree (gateway spec G98).
pub fn request_framing(head: &Head, version: Version) -> Result<Framing, Malformed> {
    Ok(declared(head, version)?.unwrap_or(Framing::None))
}

/// The framing of an answer's body, to a request of method HEAD or another.
///
/// # Errors
/// As [`request_framing`].
pub fn answer_framing(head: &Head, version: Version, status: u16, to_head: bool) -> Result<Framing, Malformed> {
    // Judged even where no body follows: an ambiguous answer is refused whatever it answers.
    let declared = declared(head, version)?;
    Ok(match (status, declared) {
        (100..=199 | 204 | 304, _) => Framing::None,
        _ if to_head => Framing::None,
        (_, Some(declared)) => declared,
        (_, None) => Framing::Close,
    })
}

fn declared(head: &Head, version: Version) -> Result<Option<Framing>, Malformed> {
    let mut found = None;
    for field in &head.fields {
        let next = match field.known {
            Known::ContentLength => Framing::Length(content_length(head.value(field))?),
            Known::TransferEncoding if version == Version::Http10 => {
                return Err(Malformed::Syntax("transfer-encoding in a message of version 1.0"));
            }
            Known::TransferEncoding if head.value(field).eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
            Known::TransferEncoding => return Err(Malformed::Syntax("transfer-encoding other than chunked")),
            _ => continue,
        };
        if found.replace(next).is_some() {
            return Err(Malformed::Syntax("more than one field says where the body ends"));
        }
    }
    Ok(found)
}

/// Digits only, at most 2^63 - 1, which every implementation can hold.
fn content_length(value: &[u8]) -> Result<u64, Malformed> {
    const WRONG: Malformed = Malformed::Syntax("content-length is not a number");
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(WRONG);
    }
    // 19 digits are below 10^19 and so fit in 64 bits.
    let length = value.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    if length > i64::MAX as u64 { Err(WRONG) } else { Ok(length) }
}

/// The options of every `Connection` field, without blanks.
pub fn connection_options(head: &Head) -> impl Iterator<Item = &[u8]> {
    head.fields
        .iter()
        .filter(|field| field.known == Known::Connection)
        .flat_map(|field| head.value(field).split(|byte| *byte == b','))
        .map(|option| option.trim_ascii())
        .filter(|option| !option.is_empty())
}

/// Reads a body by its framing.
#[derive(Clone, Debug)]
pub enum Body {
    /// So many bytes are left.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// Until the connection ends.
    Close,
}

impl Body {
    /// A reader for this framing.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None => Body::Length(0),
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::Chunked(Chunked::default()),
            Framing::Close => Body::Close,
        }
    }

    /// What stands at the beginning of `input`.
    ///
    /// # Errors
    /// When chunks are malformed.
    pub fn decode(&mut self, input: &[u8], trailers: &mut Head) -> Result<Piece, Malformed> {
        match self {
            Body::Length(0) => Ok(Piece::End { skip: 0 }),
            Body::Length(_) | Body::Close if input.is_empty() => Ok(Piece::More { skip: 0 }),
            Body::Length(left) => Ok(Piece::Data { skip: 0, data: usize::try_from(*left).unwrap_or(usize::MAX).min(input.len()) }),
            Body::Close => Ok(Piece::Data { skip: 0, data: input.len() }),
            Body::Chunked(chunked) => chunked.decode(input, trailers),
        }
    }

    /// So many bytes of data were used.
    pub fn advance(&mut self, used: usize) {
        match self {
            Body::Length(left) => *left -= used as u64,
            Body::Chunked(chunked) => chunked.advance(used),
            Body::Close => {}
        }
    }
}

#[cfg(test)]
mod tests;
