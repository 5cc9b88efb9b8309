//! The chunked coding (RFC 9112 §7.1), read strictly: no blanks around sizes, no bare line ends, bounded extensions.

use super::head::Head;
use super::parse::{Fed, HeadParser, Malformed, is_text};

/// Bytes of extensions that a chunk may carry; they are dropped.
const EXTENSIONS: u16 = 256;

/// What the next bytes are.
#[derive(Clone, Debug)]
enum State {
    /// Digits of a size; so many were read.
    Size(u8),
    /// Extensions; so many bytes were read.
    Extension(u16),
    /// The LF that ends the size line.
    SizeEnd,
    /// Data; `left` says how much.
    Data,
    /// The CR after the data.
    DataEnd,
    /// The LF after that.
    DataLf,
    /// The trailer section.
    Trailers(HeadParser),
    /// Nothing: the body is complete.
    Done,
}

/// Decodes a chunked body from pieces.
#[derive(Clone, Debug)]
pub struct Chunked {
    state: State,
    left: u64,
}

/// What [`Chunked::decode`] found at the beginning of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Drop so many bytes of framing; so many bytes of data follow them.
    Data {
        /// Framing.
        skip: usize,
        /// Data, at least one byte. Tell [`Chunked::advance`] how much was used.
        data: usize,
    },
    /// Drop so many bytes; more input is needed.
    More {
        /// Framing.
        skip: usize,
    },
    /// Drop so many bytes; the body and its trailers are complete.
    End {
        /// Framing and trailers.
        skip: usize,
    },
}

impl Default for Chunked {
    fn default() -> Self {
        Self { state: State::Size(0), left: 0 }
    }
}

impl Chunked {
    /// Reads framing at the beginning of `input`; trailers are appended to `trailers`.
    ///
    /// # Errors
    /// At the first byte that is against the grammar.
    pub fn decode(&mut self, input: &[u8], trailers: &mut Head) -> Result<Piece, Malformed> {
        let mut at = 0;
        loop {
            match &mut self.state {
                State::Data if at < input.len() => {
                    let data = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len() - at);
                    return Ok(Piece::Data { skip: at, data });
                }
                State::Trailers(parser) => match parser.feed(&input[at..], trailers)? {
                    Fed::Partial(taken) => return Ok(Piece::More { skip: at + taken }),
                    Fed::Complete(taken) => {
                        self.state = State::Done;
                        return Ok(Piece::End { skip: at + taken });
                    }
                },
                State::Done => return Ok(Piece::End { skip: at }),
                _ => {}
            }
            let Some(byte) = input.get(at) else { return Ok(Piece::More { skip: at }) };
            self.framing_byte(*byte)?;
            at += 1;
        }
    }

    /// So many bytes of the data that [`Chunked::decode`] announced were used.
    pub fn advance(&mut self, used: usize) {
        self.left -= used as u64;
        if self.left == 0 {
            self.state = State::DataEnd;
        }
    }

    fn framing_byte(&mut self, byte: u8) -> Result<(), Malformed> {
        const SIZE: Malformed = Malformed::Syntax("a chunk's size is malformed");
        self.state = match (&self.state, byte) {
            (State::Size(digits @ 0..=15), byte) if byte.is_ascii_hexdigit() => {
                // 16 digits at the most, so the shift never loses one.
                self.left = self.left << 4 | u64::from((byte as char).to_digit(16).unwrap_or(0));
                State::Size(digits + 1)
            }
            (State::Size(1..), b';') => State::Extension(1),
            (State::Size(1..) | State::Extension(_), b'\r') => State::SizeEnd,
            (State::Extension(read @ 0..EXTENSIONS), byte) if is_text(&[byte]) => State::Extension(read + 1),
            (State::Extension(_), _) => return Err(Malformed::Syntax("a chunk's extension is malformed or too long")),
            (State::SizeEnd, b'\n') if self.left == 0 => State::Trailers(HeadParser::trailers()),
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataEnd, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0),
            (State::DataEnd | State::DataLf, _) => return Err(Malformed::Syntax("a chunk is longer than its size")),
            _ => return Err(SIZE),
        };
        Ok(())
    }
}
