//! Heads from bytes, line by line.
//!
//! A line is judged when its end is there, and lines are judged in order, so the verdict on a message never depends on how
//! its bytes arrived. Complete lines move into the [`Head`]; the reader keeps only the piece of a line that is unfinished.

use super::head::{Field, Head, Known, Span};

/// Bounds of a head (gateway spec G115), in bytes and fields.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The request target.
    pub target: usize,
    /// One field line, without its line end.
    pub field: usize,
    /// All field lines with their line ends, without the empty line behind them.
    pub block: usize,
    /// Number of fields.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { target: 8 << 10, field: 16 << 10, block: 32 << 10, fields: 128 }
    }
}

impl Limits {
    /// Bounds of a trailer section (gateway spec G98).
    pub const TRAILERS: Self = Self { target: 0, field: 8 << 10, block: 8 << 10, fields: 32 };
}

/// Room in a first line for what is not the target: a method of 32 bytes, two blanks, `HTTP/1.1`, and the line end.
const LINE_OVERHEAD: usize = 48;

/// CR LF.
const LINE_END: usize = 2;

/// A message that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Against the grammar; the word says what.
    Syntax(&'static str),
    /// The target is too long.
    TargetTooLong,
    /// A field, all fields or their number is too large.
    HeadTooLarge,
    /// The body is larger than its listener admits.
    BodyTooLarge,
    /// A version other than 1.0 and 1.1.
    Version,
    /// CONNECT.
    Method,
    /// An expectation other than `100-continue`.
    Expectation,
}

impl Malformed {
    /// The status of the answer when a client sent it.
    pub fn status(self) -> u16 {
        match self {
            Malformed::Syntax(_) => 400,
            Malformed::Method => 405,
            Malformed::BodyTooLarge => 413,
            Malformed::TargetTooLong => 414,
            Malformed::Expectation => 417,
            Malformed::HeadTooLarge => 431,
            Malformed::Version => 505,
        }
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Malformed::Syntax(what) => what,
            Malformed::TargetTooLong => "the request target is too long",
            Malformed::HeadTooLarge => "the header fields are too large or too many",
            Malformed::BodyTooLarge => "the body is too large",
            Malformed::Version => "the protocol version is not served",
            Malformed::Method => "the method is not served",
            Malformed::Expectation => "the expectation cannot be met",
        })
    }
}

/// HTTP/1.0 or 1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 1.0: no chunks, connections close unless asked otherwise.
    Http10,
    /// 1.1.
    #[default]
    Http11,
}

/// The form of a request target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// `/path?query`.
    #[default]
    Origin,
    /// `http://authority/path?query`.
    Absolute,
    /// `*`.
    Asterisk,
}

/// The first line of a request, as spans of its head.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestLine {
    /// The method, a token.
    pub method: Span,
    /// The target, unread.
    pub target: Span,
    /// Its form.
    pub form: Target,
    /// The version.
    pub version: Version,
}

/// The first line of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerLine {
    /// 100 to 999.
    pub status: u16,
    /// The version.
    pub version: Version,
}

/// What came of feeding a parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// So many bytes were taken; more are needed.
    Partial(usize),
    /// So many bytes were taken; the head is complete.
    Complete(usize),
}

/// A first line that this parser expects, or none (trailers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Request { blank_seen: bool },
    Answer,
    Fields,
}

/// Parses one head from pieces. `start_line` is the request's or answer's, once there.
#[derive(Clone, Debug)]
pub struct HeadParser {
    expects: Expects,
    limits: Limits,
    /// Bytes of the unfinished line that hold no line end.
    scanned: usize,
    block: usize,
    request: RequestLine,
    answer: AnswerLine,
}

impl HeadParser {
    /// For a request.
    pub fn request(limits: Limits) -> Self {
        Self::new(Expects::Request { blank_seen: false }, limits)
    }

    /// For an answer.
    pub fn answer(limits: Limits) -> Self {
        Self::new(Expects::Answer, limits)
    }

    /// For trailers: fields only.
    pub fn trailers() -> Self {
        Self::new(Expects::Fields, Limits::TRAILERS)
    }

    fn new(expects: Expects, limits: Limits) -> Self {
        Self { expects, limits, scanned: 0, block: 0, request: RequestLine::default(), answer: AnswerLine::default() }
    }

    /// The request line, once [`Fed::Complete`].
    pub fn request_line(&self) -> RequestLine {
        self.request
    }

    /// The status line, once [`Fed::Complete`].
    pub fn answer_line(&self) -> AnswerLine {
        self.answer
    }

    /// Judges `input`, which begins where the last call stopped taking, and appends complete lines to `head`.
    ///
    /// # Errors
    /// The first fault in the order of the lines.
    pub fn feed(&mut self, input: &[u8], head: &mut Head) -> Result<Fed, Malformed> {
        let whole = head.fields.len();
        // Fields of a piece that is refused would point into text that is not kept.
        self.lines(input, head).inspect_err(|_| head.fields.truncate(whole))
    }

    fn lines(&mut self, input: &[u8], head: &mut Head) -> Result<Fed, Malformed> {
        let mut at = 0;
        let base = head.text.len();
        // Spans are counted from `base`, where the complete lines are appended in one piece at the end.
        let outcome = loop {
            let rest = &input[at..];
            if let (Expects::Request { .. }, Some(first)) = (self.expects, rest.first())
                && !is_token(*first)
                && *first != b'\r'
            {
                return Err(Malformed::Syntax("the request line is malformed"));
            }
            let Some(end) = memchr::memchr(b'\n', &rest[self.scanned.min(rest.len())..]).map(|end| self.scanned + end) else {
                self.bound_line(rest.len())?;
                self.scanned = rest.len();
                break Fed::Partial(at);
            };
            self.bound_line(end + 1)?;
            self.scanned = 0;
            let line = rest[..end].strip_suffix(b"\r").ok_or(Malformed::Syntax("a line does not end with CR LF"))?;
            let place = base + at;
            at += end + 1;
            if self.line(line, place, head)? {
                break Fed::Complete(at);
            }
        };
        let (Fed::Partial(taken) | Fed::Complete(taken)) = outcome;
        head.text.extend_from_slice(&input[..taken]);
        Ok(outcome)
    }

    /// Bounds a line, finished or not, by its length so far: both ways of arriving meet the same bound first.
    fn bound_line(&self, length: usize) -> Result<(), Malformed> {
        match self.expects {
            Expects::Fields if length > self.limits.field + LINE_END || self.block + length > self.limits.block + LINE_END => {
                Err(Malformed::HeadTooLarge)
            }
            Expects::Request { .. } if length > self.limits.target + LINE_OVERHEAD => Err(Malformed::TargetTooLong),
            Expects::Answer if length > self.limits.field + LINE_END => Err(Malformed::HeadTooLarge),
            _ => Ok(()),
        }
    }

    /// One complete line that will stand at `place` of the head's text. True when it was the empty one that ends the head.
    fn line(&mut self, line: &[u8], place: usize, head: &mut Head) -> Result<bool, Malformed> {
        match self.expects {
            Expects::Request { blank_seen: false } if line.is_empty() => self.expects = Expects::Request { blank_seen: true },
            Expects::Request { .. } => {
                self.request = request_line(line, place, &self.limits)?;
                self.expects = Expects::Fields;
            }
            Expects::Answer => {
                self.answer = answer_line(line)?;
                self.expects = Expects::Fields;
            }
            Expects::Fields if line.is_empty() => return Ok(true),
            Expects::Fields => {
                self.block += line.len() + LINE_END;
                if head.fields.len() >= self.limits.fields {
                    return Err(Malformed::HeadTooLarge);
                }
                head.fields.push(field(line, place)?);
            }
        }
        Ok(false)
    }
}

fn request_line(line: &[u8], place: usize, limits: &Limits) -> Result<RequestLine, Malformed> {
    const SYNTAX: Malformed = Malformed::Syntax("the request line is malformed");
    let method_end = memchr::memchr(b' ', line).ok_or(SYNTAX)?;
    let method = &line[..method_end];
    if method.is_empty() || method.len() > 32 || !method.iter().all(|byte| is_token(*byte)) {
        return Err(SYNTAX);
    }
    let rest = &line[method_end + 1..];
    let target_end = memchr::memchr(b' ', rest).ok_or(SYNTAX)?;
    let (target, version) = (&rest[..target_end], version(&rest[target_end + 1..])?);
    if target.len() > limits.target {
        return Err(Malformed::TargetTooLong);
    }
    if !target.iter().all(|byte| matches!(byte, 0x21..=0x7E) && *byte != b'#') {
        return Err(Malformed::Syntax("the request target holds a character that it must not"));
    }
    let form = match target {
        _ if method == b"CONNECT" => return Err(Malformed::Method),
        [b'/', ..] => Target::Origin,
        b"*" if method == b"OPTIONS" => Target::Asterisk,
        _ if has_scheme(target) => Target::Absolute,
        _ => return Err(Malformed::Syntax("the request target has no known form")),
    };
    let target = Span::new(place + method_end + 1, place + method_end + 1 + target_end);
    Ok(RequestLine { method: Span::new(place, place + method_end), target, form, version })
}

/// Whether a target begins with `http://` or `https://`.
fn has_scheme(target: &[u8]) -> bool {
    let after = target.iter().position(|byte| *byte == b':').unwrap_or(0);
    let scheme = &target[..after];
    (scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")) && target[after..].starts_with(b"://")
}

fn version(text: &[u8]) -> Result<Version, Malformed> {
    match text {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(Malformed::Version),
        _ => Err(Malformed::Syntax("the protocol version is malformed")),
    }
}

fn answer_line(line: &[u8]) -> Result<AnswerLine, Malformed> {
    const SYNTAX: Malformed = Malformed::Syntax("the status line is malformed");
    let (name, rest) = line.split_at_checked(8).ok_or(SYNTAX)?;
    let version = version(name)?;
    let [b' ', hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', reason @ ..] = rest else { return Err(SYNTAX) };
    if !matches!(reason, [] | [b' ', ..]) || !is_text(reason) {
        return Err(SYNTAX);
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    Ok(AnswerLine { status: digit(hundreds) * 100 + digit(tens) * 10 + digit(ones), version })
}

fn field(line: &[u8], place: usize) -> Result<Field, Malformed> {
    let name_end = line.iter().position(|byte| !is_token(*byte)).unwrap_or(line.len());
    // A blank before the colon, a folded line and a line without a colon all end here.
    if name_end == 0 || line.get(name_end) != Some(&b':') {
        return Err(Malformed::Syntax("a header field's name is malformed"));
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let raw = &line[name_end + 1..];
    let lead = raw.iter().position(|byte| !blank(byte)).unwrap_or(raw.len());
    let length = raw.iter().rposition(|byte| !blank(byte)).map_or(lead, |last| last + 1);
    if !is_text(&raw[lead..length]) {
        return Err(Malformed::Syntax("a header field's value holds a control character"));
    }
    let value_place = place + name_end + 1;
    Ok(Field {
        name: Span::new(place, place + name_end),
        value: Span::new(value_place + lead, value_place + length),
        known: Known::of(&line[..name_end]),
    })
}

/// RFC 9110 §5.6.2: a character of a token.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

/// No control character but HTAB. Written without branches so that it becomes vector code.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |fine, byte| fine & (((*byte >= 0x20) & (*byte != 0x7F)) | (*byte == b'\t')))
}

#[cfg(test)]
mod tests;
