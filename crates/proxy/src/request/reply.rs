//! What a backend's answer says to a proxy, and the answer without it (gateway spec G99, G100; balance spec V8, V14).

use std::time::Duration;

use balance::Guard;
use balance::report::Report;
use model::{Now, Outcome};

use crate::front::Extent;
use crate::h1::{AnswerLine, Framing, Head, Known, Malformed, Version, answer_framing, connection_options};

/// A judged answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Where its body ends.
    pub framing: Framing,
    /// The same, as the client is told.
    pub extent: Extent,
    /// The connection may carry another request.
    pub keep_alive: bool,
    /// It switches to the WebSocket that was asked for.
    pub websocket: bool,
    /// How long the backend asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Reads what the answer says to us and takes it out of the head.
///
/// # Errors
/// When two readers could understand it differently.
pub fn judge(head: &mut Head, line: AnswerLine, to_head: bool) -> Result<Reply, Malformed> {
    let framing = answer_framing(head, line.version, line.status, to_head)?;
    let length = head.first(Known::ContentLength).and_then(|value| std::str::from_utf8(value).ok()).and_then(|value| value.parse().ok());
    let extent = match framing {
        Framing::None if matches!(line.status, 100..=199 | 204) => Extent::Nothing(None),
        Framing::None => Extent::Nothing(length),
        Framing::Length(length) => Extent::Length(length),
        Framing::Chunked | Framing::Close => Extent::Open,
    };
    let mut keep_alive = line.version == Version::Http11;
    let mut close = framing == Framing::Close;
    let mut named: Vec<Vec<u8>> = Vec::new();
    for option in connection_options(head) {
        match option {
            _ if option.eq_ignore_ascii_case(b"close") => close = true,
            _ if option.eq_ignore_ascii_case(b"keep-alive") => keep_alive = true,
            _ if option.eq_ignore_ascii_case(b"upgrade") => {}
            other if Known::of(other).removable() => named.push(other.to_vec()),
            _ => {}
        }
    }
    let websocket = line.status == 101 && head.first(Known::Upgrade).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
    let retry_after = head.first(Known::RetryAfter).and_then(|value| std::str::from_utf8(value).ok()).and_then(|value| value.parse().ok());
    let text = &head.text;
    head.fields.retain(|field| {
        let ends_here =
            matches!(field.known, Known::ContentLength | Known::TransferEncoding | Known::Connection | Known::Hop | Known::Te | Known::Upgrade);
        !ends_here && !named.iter().any(|name| field.name.of(text).eq_ignore_ascii_case(name))
    });
    Ok(Reply { status: line.status, framing, extent, keep_alive: keep_alive && !close, websocket, retry_after: retry_after.map(Duration::from_secs) })
}

/// Hands load reports to the endpoint's vitals, and takes them out unless the policy passes them on.
pub fn take_reports(head: &mut Head, guard: &Guard, keep: bool, now: Now) {
    if read_reports(head, guard, now) && !keep {
        head.fields.retain(|field| field.known != Known::LoadReport);
    }
}

/// Hands load reports to the endpoint's vitals. True if there are any.
pub fn read_reports(head: &Head, guard: &Guard, now: Now) -> bool {
    if !head.fields.iter().any(|field| field.known == Known::LoadReport) {
        return false;
    }
    for field in head.fields.iter().filter(|field| field.known == Known::LoadReport) {
        let name = String::from_utf8_lossy(head.name(field)).to_ascii_lowercase();
        if let Some(report) = Report::from_header(&name, head.value(field)) {
            guard.report(&report, now);
        }
    }
    true
}

/// What a gRPC status says of the endpoint (balance spec V8).
pub fn grpc_outcome(status: u8) -> Outcome {
    match status {
        14 => Outcome::Gateway,
        8 => Outcome::Throttled,
        2 | 4 | 13 | 15 => Outcome::ServerError,
        _ => Outcome::Success,
    }
}

/// The request is not to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Never;

/// How long a gRPC answer asks to be left alone, in its head or in trailers.
pub fn grpc_pause(fields: &Head) -> Option<Duration> {
    grpc_wait(fields)?.ok()
}

/// The same for whoever would try again: what is no time in milliseconds, a negative number above all, asks never to be (gRFC A6).
pub fn grpc_wait(fields: &Head) -> Option<Result<Duration, Never>> {
    let text = fields.all(b"grpc-retry-pushback-ms").next()?;
    let time = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    Some(time.map(Duration::from_millis).ok_or(Never))
}

/// How long a gRPC client waits: at most eight digits and a unit.
pub fn grpc_timeout(fields: &Head) -> Option<Duration> {
    let (unit, digits) = fields.all(b"grpc-timeout").next()?.split_last()?;
    let count: u64 =
        std::str::from_utf8(digits).ok().filter(|digits| digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

/// What a status says of the endpoint.
pub fn outcome(status: u16) -> Outcome {
    match status {
        429 => Outcome::Throttled,
        502..=504 => Outcome::Gateway,
        500.. => Outcome::ServerError,
        _ => Outcome::Success,
    }
}
