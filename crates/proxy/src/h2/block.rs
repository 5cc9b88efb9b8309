//! The fields of one header block, judged as they are read (RFC 9113 §8).

use crate::h1::{Head, Known, Limits, Malformed, Span, is_text, is_token};

/// What a block is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The head of a request.
    #[default]
    Request,
    /// The head of an answer.
    Answer,
    /// What follows a body.
    Trailers,
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no message of HTTP/2: its stream is reset.
    Stream,
    /// It is one that we do not serve: its client is told.
    Message(Malformed),
}

/// A head or trailers.
#[derive(Default)]
pub struct Block {
    /// The ordinary fields; its text also holds what the spans below point to.
    pub head: Head,
    /// `:method`.
    pub method: Option<Span>,
    /// `:path`.
    pub path: Option<Span>,
    /// `:authority`.
    pub authority: Option<Span>,
    /// `:scheme`.
    pub scheme: Option<Span>,
    /// `:protocol` (RFC 8441).
    pub protocol: Option<Span>,
    /// `:status`.
    pub status: Option<u16>,
    /// `content-length`, as a number.
    pub length: Option<u64>,
    /// The first thing that is wrong. What follows it is not kept.
    pub fault: Option<Fault>,
    sort: Sort,
    ordinary: bool,
    size: usize,
    /// Fields that became part of another one.
    crumbs: usize,
}

impl Block {
    /// Empties it for another block; its memory stays.
    pub fn begin(&mut self, sort: Sort) {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        *self = Self { head, sort, ..Self::default() };
    }

    /// Takes a field.
    pub fn field(&mut self, name: &[u8], value: &[u8], limits: &Limits) {
        // A stream that is to be reset is worse than a message that is refused.
        if self.fault == Some(Fault::Stream) {
            return;
        }
        let outcome = match name {
            [b':', rest @ ..] => self.pseudo(rest, value, limits),
            _ => self.ordinary(name, value, limits),
        };
        if let Err(fault) = outcome
            && (fault == Fault::Stream || self.fault.is_none())
        {
            self.fault = Some(fault);
        }
    }

    /// Judges it as a whole.
    pub fn end(&mut self) {
        let fine = match self.sort {
            Sort::Trailers => true,
            Sort::Answer => self.status.is_some(),
            Sort::Request => self.is_request(),
        };
        if !fine {
            self.fault = Some(Fault::Stream);
        }
    }

    /// The pseudo-fields that each request must have, and those that it must not (RFC 9113 §8.3.1, §8.5; RFC 8441 §4).
    fn is_request(&self) -> bool {
        let connects = self.method.is_some_and(|method| method.of(&self.head.text) == b"CONNECT");
        match (connects, self.protocol) {
            (true, None) => self.authority.is_some() && self.path.is_none() && self.scheme.is_none(),
            (true, Some(_)) => self.authority.is_some() && self.path.is_some() && self.scheme.is_some(),
            (false, protocol) => {
                protocol.is_none() && self.method.is_some() && self.scheme.is_some() && self.path.is_some_and(|path| !path.is_empty())
            }
        }
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8], limits: &Limits) -> Result<(), Fault> {
        if self.ordinary || !is_text(value) {
            return Err(Fault::Stream);
        }
        let place = match (self.sort, name) {
            (Sort::Request, b"method") => &mut self.method,
            (Sort::Request, b"path") => &mut self.path,
            (Sort::Request, b"authority") => &mut self.authority,
            (Sort::Request, b"scheme") => &mut self.scheme,
            (Sort::Request, b"protocol") => &mut self.protocol,
            (Sort::Answer, b"status") => return self.status(value),
            _ => return Err(Fault::Stream),
        };
        if place.is_some() {
            return Err(Fault::Stream);
        }
        if name == b"method" && (value.is_empty() || !value.iter().all(|byte| is_token(*byte))) {
            return Err(Fault::Stream);
        }
        if name == b"scheme" && !is_scheme(value) {
            return Err(Fault::Stream);
        }
        // What is too long is there, but is not kept.
        let kept = if value.len() <= limits.target { value } else { b"/" };
        *place = Some(self.head.push_text(kept));
        if kept.len() < value.len() {
            return Err(Fault::Message(Malformed::TargetTooLong));
        }
        Ok(())
    }

    fn status(&mut self, value: &[u8]) -> Result<(), Fault> {
        let [hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = value else { return Err(Fault::Stream) };
        let digit = |byte: &u8| u16::from(byte - b'0');
        let status = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
        if self.status.replace(status).is_some() { Err(Fault::Stream) } else { Ok(()) }
    }

    fn ordinary(&mut self, name: &[u8], value: &[u8], limits: &Limits) -> Result<(), Fault> {
        self.ordinary = true;
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte) && !byte.is_ascii_uppercase()) || !is_text(value) {
            return Err(Fault::Stream);
        }
        let known = Known::of(name);
        // No value of a client begins or ends with a blank (RFC 9113 §8.2.1): somebody behind us might not cut it off. What
        // backends say is cut off by us.
        let whole = value.len();
        let value = value.trim_ascii();
        if self.sort == Sort::Request && value.len() < whole {
            return Err(Fault::Stream);
        }
        let forbidden = match known {
            Known::Connection | Known::TransferEncoding | Known::Upgrade => true,
            Known::Hop => matches!(name, b"keep-alive" | b"proxy-connection"),
            Known::Te => !value.eq_ignore_ascii_case(b"trailers"),
            _ => false,
        };
        if forbidden {
            return Err(Fault::Stream);
        }
        let line = name.len() + value.len();
        self.size += line;
        if self.fault.is_some() || line > limits.field || self.size > limits.block || self.head.fields.len() + self.crumbs >= limits.fields {
            return Err(Fault::Message(Malformed::HeadTooLarge));
        }
        if known == Known::ContentLength && self.sort != Sort::Trailers {
            let length = number(value).ok_or(Fault::Stream)?;
            if self.length.replace(length).is_some_and(|before| before != length) {
                return Err(Fault::Stream);
            }
        }
        if name == b"cookie"
            && let Some(at) = self.head.fields.iter().position(|field| field.name.of(&self.head.text) == b"cookie")
        {
            return self.add_crumb(at, value, limits);
        }
        self.head.push_known(name, value, known);
        Ok(())
    }

    /// Crumbs of Cookie become one field (RFC 9113 §8.2.3), which is bound as any other; each counts as one, too (gateway spec G115).
    fn add_crumb(&mut self, at: usize, crumb: &[u8], limits: &Limits) -> Result<(), Fault> {
        let head = &mut self.head;
        let whole = [head.fields[at].value.of(&head.text), b"; ", crumb].concat();
        if b"cookie".len() + whole.len() > limits.field {
            return Err(Fault::Message(Malformed::HeadTooLarge));
        }
        head.fields[at].value = head.push_text(&whole);
        self.crumbs += 1;
        Ok(())
    }
}

/// A scheme (RFC 3986 §3.1).
fn is_scheme(value: &[u8]) -> bool {
    let [first, rest @ ..] = value else { return false };
    first.is_ascii_alphabetic() && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
}

/// At most 19 digits, so that it fits.
fn number(value: &[u8]) -> Option<u64> {
    let fits = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
    fits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}
