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

/// Appends `name: value` lines for the fields that `keep` admits. Lines that were received just as they are written are copied
/// together.
pub fn push_fields(out: &mut Vec<u8>, head: &Head, mut keep: impl FnMut(&Field) -> bool) {
    let mut run = 0..0;
    for field in head.fields.iter().filter(|field| keep(field)) {
        match head.line(field) {
            Some(line) if line.start == run.end => run.end = line.end,
            Some(line) => out.extend_from_slice(&head.text[std::mem::replace(&mut run, line)]),
            None => {
                out.extend_from_slice(&head.text[std::mem::take(&mut run)]);
                out.extend_from_slice(head.name(field));
                out.extend_from_slice(b": ");
                out.extend_from_slice(head.value(field));
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(&head.text[run]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::{Fed, HeadParser, Limits};

    #[test]
    fn fields_are_written_the_same_way_however_they_were_received() {
        let mut head = Head::default();
        let text = b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC:3\r\nD: 4 \r\nE:  5\r\nF:\r\nG: \r\nH: 8\r\nI: 9\r\n\r\n";
        assert_eq!(HeadParser::request(Limits::default()).feed(text, &mut head), Ok(Fed::Complete(text.len())));
        head.push(b"J", b"10");
        head.set(b"b", b"two");
        let written = |head: &Head, drop: &[u8]| {
            let mut out = Vec::new();
            push_fields(&mut out, head, |field| head.name(field) != drop);
            String::from_utf8(out).expect("text")
        };
        let all = "A: 1\r\nB: two\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: \r\nG: \r\nH: 8\r\nI: 9\r\nJ: 10\r\n";
        assert_eq!(written(&head, b""), all);
        for drop in ["A", "H", "I"] {
            let rest: String = all.split_inclusive('\n').filter(|line| !line.starts_with(drop)).collect();
            assert_eq!(written(&head, drop.as_bytes()), rest);
        }
    }
}
