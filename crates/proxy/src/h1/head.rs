//! The head of a message: its text, and where in it the fields are. Changing a head appends to the text and moves spans;
//! nothing is copied field by field, and the memory is kept from one message to the next.

use std::ops::Range;

/// A part of [`Head::text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From byte `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Self { start: start as u32, end: end as u32 }
    }

    /// Nothing in it.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The part of this span from `start` to `end`, both counted from its own beginning.
    pub fn slice(self, start: usize, end: usize) -> Self {
        Self::new(self.start as usize + start, self.start as usize + end)
    }

    /// The bytes.
    pub fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// Fields that mean something to a proxy; everything else is [`Known::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Passed on unread.
    Other,
    /// `Host`.
    Host,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Connection`.
    Connection,
    /// `Keep-Alive`, `Proxy` and every `Proxy-*`: never passed on.
    Hop,
    /// `TE`.
    Te,
    /// `Trailer`.
    Trailer,
    /// `Upgrade`.
    Upgrade,
    /// `Expect`.
    Expect,
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`, `Forwarded`, `X-Real-IP`, `X-Request-Id`: ours to say.
    Forwarding,
    /// `Authorization`, `Cookie`, `Set-Cookie`, `traceparent`: pass in heads, not in trailers, and `Connection` cannot remove them.
    Protected,
    /// `endpoint-load-metrics`, `endpoint-load-metrics-bin`: a backend's load report.
    LoadReport,
    /// `Accept`, read when we answer ourselves.
    Accept,
    /// `Retry-After`.
    RetryAfter,
    /// A name with an underscore: backends that map fields to variables confuse it with a dash.
    Underscore,
}

impl Known {
    /// What a name is; the length decides first, so that ordinary names cost one comparison at most.
    pub fn of(name: &[u8]) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let known = match name.len() {
            2 if is("te") => Known::Te,
            4 if is("host") => Known::Host,
            5 if is("proxy") => Known::Hop,
            6 if is("expect") => Known::Expect,
            6 if is("cookie") => Known::Protected,
            6 if is("accept") => Known::Accept,
            7 if is("upgrade") => Known::Upgrade,
            7 if is("trailer") => Known::Trailer,
            9 if is("forwarded") || is("x-real-ip") => Known::Forwarding,
            10 if is("connection") => Known::Connection,
            10 if is("keep-alive") => Known::Hop,
            10 if is("set-cookie") => Known::Protected,
            11 if is("traceparent") => Known::Protected,
            11 if is("retry-after") => Known::RetryAfter,
            12 if is("x-request-id") => Known::Forwarding,
            13 if is("authorization") => Known::Protected,
            14 if is("content-length") => Known::ContentLength,
            15 if is("x-forwarded-for") => Known::Forwarding,
            16 if is("x-forwarded-host") || is("x-forwarded-port") => Known::Forwarding,
            17 if is("transfer-encoding") => Known::TransferEncoding,
            17 if is("x-forwarded-proto") => Known::Forwarding,
            21 if is("endpoint-load-metrics") => Known::LoadReport,
            25 if is("endpoint-load-metrics-bin") => Known::LoadReport,
            6.. if name[..6].eq_ignore_ascii_case(b"proxy-") => Known::Hop,
            _ => Known::Other,
        };
        if known == Known::Other && name.contains(&b'_') { Known::Underscore } else { known }
    }

    /// Whether `Connection` may name this field to have it removed (gateway spec G99).
    pub fn removable(self) -> bool {
        !matches!(self, Known::Host | Known::ContentLength | Known::TransferEncoding | Known::Forwarding | Known::Protected)
    }
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, as written.
    pub name: Span,
    /// Its value, without surrounding blanks.
    pub value: Span,
    /// What it is.
    pub known: Known,
}

/// A head's text and fields.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Everything the spans point into: what was parsed, then what was appended.
    pub text: Vec<u8>,
    /// The fields in order.
    pub fields: Vec<Field>,
}

/// Whether two field names are one. Names of one length mostly differ in their last character, which is looked at first.
fn same_name(one: &[u8], other: &[u8]) -> bool {
    let last = |name: &[u8]| name.last().map(u8::to_ascii_lowercase);
    one.len() == other.len() && last(one) == last(other) && one.eq_ignore_ascii_case(other)
}

/// Memory that is kept for the next message; what a rare large head took beyond it is given back.
const KEPT: usize = 4096;

impl Head {
    /// Empties it for the next message.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.fields.clear();
    }

    /// Appends text that belongs to no field.
    pub fn push_text(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        Span::new(start, self.text.len())
    }

    /// Appends a field.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_known(name, value, Known::of(name));
    }

    /// Appends a field whose sort is known.
    pub fn push_known(&mut self, name: &[u8], value: &[u8], known: Known) {
        let (name, value) = (self.push_text(name), self.push_text(value));
        self.fields.push(Field { name, value, known });
    }

    /// Appends a field whose value is in the text already.
    pub fn push_at(&mut self, name: &[u8], value: Span) {
        let (name, known) = (self.push_text(name), Known::of(name));
        self.fields.push(Field { name, value, known });
    }

    /// A field's value as bytes.
    pub fn value(&self, field: &Field) -> &[u8] {
        field.value.of(&self.text)
    }

    /// A field's name as bytes.
    pub fn name(&self, field: &Field) -> &[u8] {
        field.name.of(&self.text)
    }

    /// Where in the text the field's line stands, from its name through its end, if that is how it would be written: with one blank
    /// after the colon and none at the end.
    pub fn line(&self, field: &Field) -> Option<Range<usize>> {
        let (start, end) = (field.name.start as usize, field.value.end as usize);
        let between = self.text.get(field.name.end as usize..field.value.start as usize)?;
        let after = self.text.get(end..end + 2)?;
        (between == b": " && after == b"\r\n").then_some(start..end + 2)
    }

    /// The first field of this sort.
    pub fn first(&self, known: Known) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.known == known).map(|field| self.value(field))
    }

    /// The values of every field of this name, in order; the case of names does not matter.
    pub fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| same_name(self.name(field), name)).map(|field| self.value(field))
    }

    /// Removes every field of this name.
    pub fn remove(&mut self, name: &[u8]) {
        let text = &self.text;
        self.fields.retain(|field| !field.name.of(text).eq_ignore_ascii_case(name));
    }

    /// Replaces every field of this name by one, at the place of the first.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let value = self.push_text(value);
        let text = &self.text;
        let mut placed = false;
        self.fields.retain_mut(|field| {
            if !field.name.of(text).eq_ignore_ascii_case(name) {
                return true;
            }
            field.value = value;
            !std::mem::replace(&mut placed, true)
        });
        if !placed {
            let (name, known) = (self.push_text(name), Known::of(name));
            self.fields.push(Field { name, value, known });
        }
    }
}
