//! Envoy's protocol of external authorization: `envoy.service.auth.v3.Authorization/Check`. Of its messages only the fields that an
//! HTTP request fills or that decide over it are written and read; unknown ones are skipped.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use balance::report::{Field, Fields};
use model::ident::Origin;

use super::super::Visit;
use super::super::asked::Asked;
use super::may_set;
use crate::answer::{Answer, Reason};
use crate::h1::{Framing, Head, Known};

/// Longest message that is read, in bytes.
pub const LONGEST: usize = 1 << 20;

/// What is said about a request whose sender is `visit`, that came over HTTP/2 or not, and has this number: a message with its gRPC frame.
pub fn request(asked: &Asked, allowed: &[Arc<str>], body: &[u8], (visit, is_h2, id): (&Visit<'_>, bool, u128)) -> Vec<u8> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let sent = |span: crate::h1::Span| text(span.of(&asked.head.text));
    let path = match asked.query {
        Some(query) => format!("{}?{}", sent(asked.sent_path), sent(query)),
        None => sent(asked.sent_path),
    };
    let scheme = if asked.https { "https" } else { "http" };
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    if allowed.is_empty() {
        let pseudo =
            [(":method", sent(asked.method)), (":path", path.clone()), (":authority", sent(asked.sent_authority)), (":scheme", scheme.into())];
        headers.extend(pseudo.map(|(name, value)| (name.to_owned(), value)));
    }
    for field in &asked.head.fields {
        let name = text(asked.head.name(field)).to_ascii_lowercase();
        if allowed.is_empty() || allowed.iter().any(|one| **one == *name) {
            let value = text(asked.head.value(field));
            headers.entry(name).and_modify(|known| *known = format!("{known},{value}")).or_insert(value);
        }
    }
    let size = match asked.framing {
        Framing::Length(length) => length.cast_signed(),
        Framing::None => 0,
        Framing::Chunked | Framing::Close => -1,
    };
    let mut http = Writer::default();
    http.text(1, &format!("{id:032x}")).text(2, &sent(asked.method));
    for (name, value) in &headers {
        http.message(3, Writer::default().text(1, name).text(2, value));
    }
    http.text(4, &path).text(5, &sent(asked.sent_authority)).text(6, scheme);
    http.number(9, size.cast_unsigned()).text(10, if is_h2 { "HTTP/2" } else { "HTTP/1.1" });
    match std::str::from_utf8(body) {
        Ok(body) => http.text(11, body),
        // A string of protobuf is UTF-8; other bytes have a field of their own.
        Err(_) => http.bytes(12, body),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = Writer::default().number(1, now.as_secs()).number(2, u64::from(now.subsec_nanos())).take();
    let (address, port, _) = visit.ticket.door().key;
    let attributes = Writer::default()
        .message(1, Writer::default().message(1, &mut at(asked.client.ip(), asked.client.port())))
        .message(2, Writer::default().message(1, &mut at(address, port)))
        .message(4, Writer::default().bytes(1, &time).message(2, &mut http))
        .take();
    let message = Writer::default().bytes(1, &attributes).take();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], &message].concat()
}

/// `envoy.config.core.v3.Address`.
fn at(address: IpAddr, port: u16) -> Writer {
    let mut whole = Writer::default();
    whole.message(1, Writer::default().text(2, &address.to_canonical().to_string()).number(3, u64::from(port)));
    whole
}

/// The call that carries the message.
pub fn question(asked: &Asked, service: &Origin, length: usize) -> Asked {
    let mut call = Asked { trusted: None, ..Asked::new(asked.client, asked.https) };
    call.head = Head::default();
    call.method = call.head.push_text(b"POST");
    let path = call.head.push_text(b"/envoy.service.auth.v3.Authorization/Check");
    (call.path, call.sent_path) = (path, path);
    let host = call.head.push_text(format!("{}.{}", service.name, service.namespace).as_bytes());
    (call.host, call.authority, call.sent_authority) = (host, host, host);
    call.head.push(b"content-type", b"application/grpc");
    call.head.push(b"grpc-timeout", b"5S");
    call.takes_trailers = true;
    call.framing = Framing::Length(length as u64);
    call
}

/// It may pass, changed like this.
#[derive(Debug, Default, PartialEq)]
pub struct Permit {
    set: Vec<Edit>,
    remove: Vec<String>,
    answer: Vec<Edit>,
}

/// It may not, and the client is told so.
#[derive(Debug, Default, PartialEq)]
pub struct Denial {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

/// One change of a head.
#[derive(Debug, PartialEq)]
struct Edit {
    name: String,
    value: Vec<u8>,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Append,
    IfAbsent,
    Replace,
    IfPresent,
}

/// Reads a `CheckResponse` in its gRPC frame. `None` when it is none.
pub fn verdict(framed: &[u8]) -> Option<Result<Permit, Denial>> {
    let (head, message) = framed.split_at_checked(5)?;
    // Compression was not offered.
    if head[0] != 0 || u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize != message.len() {
        return None;
    }
    let (mut code, mut permit, mut denial, mut fields) = (0, Permit::default(), Denial { status: 403, ..Denial::default() }, Fields(message));
    let mut is_denied = false;
    while let Some(field) = fields.field()? {
        match field {
            (1, Field::Bytes(status)) => code = number(status, 1)?,
            (2, Field::Bytes(bytes)) => (denial, is_denied) = (denied(bytes)?, true),
            (3, Field::Bytes(bytes)) => permit = permitted(bytes)?,
            // An error of whoever was asked: not a permit, whatever else it says.
            (5, Field::Bytes(_)) => return None,
            _ => {}
        }
    }
    Some(if code == 0 && !is_denied { Ok(permit) } else { Err(denial) })
}

fn denied(bytes: &[u8]) -> Option<Denial> {
    let (mut denial, mut fields) = (Denial { status: 403, ..Denial::default() }, Fields(bytes));
    while let Some(field) = fields.field()? {
        match field {
            (1, Field::Bytes(status)) => {
                denial.status = u16::try_from(number(status, 1)?).ok().filter(|status| (200..600).contains(status)).unwrap_or(403);
            }
            (2, Field::Bytes(option)) => {
                let edit = edit(option)?;
                denial.fields.push((edit.name, String::from_utf8_lossy(&edit.value).into_owned()));
            }
            (3, Field::Bytes(body)) => denial.body = String::from_utf8_lossy(body).into_owned(),
            _ => {}
        }
    }
    Some(denial)
}

fn permitted(bytes: &[u8]) -> Option<Permit> {
    let (mut permit, mut fields) = (Permit::default(), Fields(bytes));
    while let Some(field) = fields.field()? {
        match field {
            (2, Field::Bytes(option)) => permit.set.push(edit(option)?),
            (5, Field::Bytes(name)) => permit.remove.push(String::from_utf8_lossy(name).into_owned()),
            (6, Field::Bytes(option)) => permit.answer.push(edit(option)?),
            _ => {}
        }
    }
    Some(permit)
}

/// `HeaderValueOption`. Without a word on it a field replaces those of its name, as Envoy has it for this protocol.
fn edit(bytes: &[u8]) -> Option<Edit> {
    let (mut name, mut value, mut append, mut action, mut fields) = (String::new(), Vec::new(), None, 0, Fields(bytes));
    while let Some(field) = fields.field()? {
        match field {
            (1, Field::Bytes(header)) => {
                let mut parts = Fields(header);
                while let Some(part) = parts.field()? {
                    match part {
                        (1, Field::Bytes(bytes)) => name = String::from_utf8_lossy(bytes).into_owned(),
                        (2 | 3, Field::Bytes(bytes)) if !bytes.is_empty() => value = bytes.to_vec(),
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(wrapped)) => append = Some(number(wrapped, 1)? != 0),
            (3, Field::Varint(word)) => action = word,
            _ => {}
        }
    }
    let how = match (append, action) {
        (Some(true), _) => How::Append,
        (_, 1) => How::IfAbsent,
        (_, 3) => How::IfPresent,
        _ => How::Replace,
    };
    Some(Edit { name, value, how })
}

/// A number of a message; 0 where it is not there.
fn number(message: &[u8], wanted: u32) -> Option<u64> {
    let (mut value, mut fields) = (0, Fields(message));
    while let Some(field) = fields.field()? {
        if let (at, Field::Varint(number)) = field
            && at == wanted
        {
            value = number;
        }
    }
    Some(value)
}

impl Permit {
    /// Changes the request, and remembers what the answer shall get.
    pub fn apply(self, asked: &mut Asked, fields: &mut Vec<(Vec<u8>, Vec<u8>)>) {
        for name in self.remove.iter().filter(|name| is_free(name)) {
            asked.head.remove(name.as_bytes());
        }
        for Edit { name, value, how } in self.set.iter().filter(|edit| edit.is_sound()) {
            let name = name.as_bytes();
            let is_there = asked.head.all(name).next().is_some();
            match how {
                How::Append => asked.head.push(name, value),
                How::IfAbsent if is_there => {}
                How::IfPresent if !is_there => {}
                _ => asked.head.set(name, value),
            }
        }
        fields.extend(self.answer.into_iter().filter(Edit::is_sound).map(|edit| (edit.name.into_bytes(), edit.value)));
    }
}

impl Denial {
    /// What the client is told.
    pub fn into_answer(self) -> Answer {
        let mut answer = Answer::new(self.status, Reason::AuthDenied);
        let sound = |(name, value): &(String, String)| is_free(name) && is_value(value.as_bytes());
        answer.fields.extend(self.fields.into_iter().filter(sound).map(|(name, value)| (name.into(), value)));
        answer.text = Some(self.body.into());
        answer
    }
}

impl Edit {
    /// Whoever is asked must not write into our framing.
    fn is_sound(&self) -> bool {
        is_free(&self.name) && is_value(&self.value)
    }
}

fn is_free(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token) && may_set(Known::of(name.as_bytes()), name.as_bytes())
}

fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7F))
}

/// Writes a protobuf message.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u32, value: u64) -> &mut Self {
        self.varint(u64::from(field) << 3);
        self.varint(value);
        self
    }

    fn bytes(&mut self, field: u32, value: &[u8]) -> &mut Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(&mut self, field: u32, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(&mut self, field: u32, value: &mut Writer) -> &mut Self {
        let value = value.take();
        self.bytes(field, &value)
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests;
