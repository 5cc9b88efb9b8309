//! The access log: one line a request (cli spec L16), bounded in rate here and in memory by [`observe::Lines`].

use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::Now;
use model::endpoint::Endpoint;
use model::routes::{Backend, Listener, Rule};
use observe::Lines;

use crate::answer::Reason;
use crate::caller::Caller;
use crate::core::{Core, now};
use crate::h1::{Head, Version};
use crate::request::asked::Asked;

/// Lines a second, over all threads; beyond that one of many is written, with the number it stands for.
const LINES_PER_SECOND: u32 = 1000;
/// Above the bound one request of so many is written.
const SAMPLED: u64 = 100;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where lines go.
#[derive(Clone)]
pub struct AccessLog {
    /// The queue.
    pub lines: Lines,
    /// Their form.
    pub format: Format,
    /// Which requests get one.
    pub only: Only,
}

/// Which requests get a line: those that reach any of these bounds; without a bound all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Statuses from this one on.
    pub status: Option<u16>,
    /// That took so long, or longer.
    pub took: Option<Duration>,
    /// That were tried so many times, or more.
    pub tries: Option<u32>,
}

impl Only {
    fn admits(&self, record: &Record<'_>, took: Duration) -> bool {
        let Self { status, took: long, tries } = self;
        let any = status.is_none() && long.is_none() && tries.is_none();
        any || status.is_some_and(|from| record.status >= from)
            || long.is_some_and(|from| took >= from)
            || tries.is_some_and(|from| record.tries >= from)
    }
}

/// Why a request was tried once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Again {
    /// The rule repeats the status that it was answered with.
    Status,
    /// It failed.
    Failed(Reason),
}

impl Again {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Again::Status => "status",
            Again::Failed(reason) => reason.as_str(),
        }
    }
}

/// How a request came.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// On which connection.
    pub caller: &'a Caller,
    /// On which stream of it, of HTTP/2.
    pub stream: Option<u32>,
    /// The snapshot that it was served from; 0 where none was asked.
    pub generation: u64,
}

/// What a request leaves behind.
pub struct Record<'s> {
    /// When it began.
    pub started: Now,
    /// When it was over, where somebody looked.
    pub ended: Option<Now>,
    /// Its number, where it got one.
    pub id: u128,
    /// The listener that serves it.
    pub listener: Option<&'s Arc<Listener>>,
    /// The rule it matched.
    pub rule: Option<&'s Rule>,
    /// The position of its match in that rule.
    pub matched: u16,
    /// The backend that was drawn.
    pub backend: Option<&'s Backend>,
    /// The endpoint tried last.
    pub endpoint: Option<SocketAddr>,
    /// How many endpoints were tried.
    pub tries: u32,
    /// What went wrong with the try before the last.
    pub retried: Option<Again>,
    /// Copies that were made of it.
    pub mirrors: u8,
    /// Whether the backend speaks HTTP/2; `None` where none did.
    pub to_http2: Option<bool>,
    /// One of them beside another.
    pub hedges: u8,
    /// The status; 0 when the client got none.
    pub status: u16,
    /// Why, when the answer is ours or not whole.
    pub reason: Reason,
    /// It leaves no line.
    pub silent: bool,
    /// Bytes of its body.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
    /// From the last try's beginning to the head of its answer.
    pub head_took: Option<Duration>,
    /// From there to the end of its answer, in microseconds; 0 where none came.
    pub upstream_us: u32,
    /// It waited so long in line for an endpoint.
    pub queued_us: u32,
    /// A connection was made for it in this time; 0 where one was there.
    pub connect_us: u32,
    /// The status that the backend gave a gRPC client; only looked for where a line says it.
    pub grpc_status: Option<u8>,
}

impl Record<'_> {
    /// For a request that begins.
    pub fn new(started: Now) -> Self {
        Self {
            started,
            ended: None,
            id: 0,
            listener: None,
            rule: None,
            matched: 0,
            backend: None,
            endpoint: None,
            tries: 0,
            retried: None,
            mirrors: 0,
            to_http2: None,
            hedges: 0,
            status: 0,
            reason: Reason::Ok,
            silent: false,
            received: 0,
            sent: 0,
            head_took: None,
            upstream_us: 0,
            queued_us: 0,
            connect_us: 0,
            grpc_status: None,
        }
    }

    /// It went to a second endpoint beside the first, and this one's word counts.
    pub fn hedged(&mut self, endpoint: SocketAddr) {
        self.hedges += 1;
        self.endpoint = Some(endpoint);
    }

    /// It goes to this endpoint now.
    pub fn tried(&mut self, endpoint: &Endpoint) {
        self.tries += 1;
        self.endpoint = Some(endpoint.address);
    }
}

/// Counts the requests of a second on one thread.
#[derive(Debug, Default)]
pub struct Sampler {
    second: u64,
    seen: u64,
    /// Requests since the last line.
    silent: u64,
}

impl Sampler {
    /// Whether this request gets a line, and for how many it stands.
    fn admit(&mut self, second: u64, most: u32) -> Option<u64> {
        if self.second != second {
            (self.second, self.seen) = (second, 0);
        }
        self.seen += 1;
        self.silent += 1;
        let written = self.seen <= u64::from(most) || self.seen.is_multiple_of(SAMPLED);
        written.then(|| std::mem::take(&mut self.silent))
    }
}

impl Core {
    /// Counts a request that is over, and writes its line.
    pub fn log(&self, asked: &Asked, record: &Record<'_>, way: Way<'_>) {
        let at = record.ended.unwrap_or_else(now);
        if self.shared.numbers.is_some() {
            self.tally.borrow_mut().count(record, at.since(record.started));
        }
        let Some(log) = self.shared.log.as_ref().filter(|log| !record.silent && log.only.admits(record, at.since(record.started))) else { return };
        let most = (LINES_PER_SECOND / self.shared.cores.max(1) as u32).max(1);
        let Some(stands_for) = self.sampler.borrow_mut().admit(at.seconds(), most) else { return };
        let line = Line { asked, record, way, took: at.since(record.started), stands_for, wall: SystemTime::now() };
        log.lines.send(match log.format {
            Format::Text => line.text(),
            Format::Json => line.json(),
        });
    }
}

struct Line<'a> {
    asked: &'a Asked,
    record: &'a Record<'a>,
    way: Way<'a>,
    took: Duration,
    stands_for: u64,
    wall: SystemTime,
}

impl Line<'_> {
    fn text(&self) -> String {
        let Self { asked, record, .. } = self;
        let mut line = String::with_capacity(320);
        let status = record.status;
        // Writing to a String cannot fail.
        let _ = write!(
            line,
            "{} {} {} {} {} {status}",
            timestamp(self.wall),
            self.client(),
            asked.text(asked.method),
            self.host(),
            asked.text(asked.path)
        );
        self.each(&mut |name, value| {
            let _ = match value {
                Said::Number(number) => write!(line, " {name}={number}"),
                Said::Text(text) if text.contains([' ', '"', '=']) || text.is_empty() => write!(line, " {name}={text:?}"),
                Said::Text(text) => write!(line, " {name}={text}"),
            };
        });
        line
    }

    fn json(&self) -> String {
        let Self { asked, record, .. } = self;
        let mut line = String::with_capacity(1024);
        line.push('{');
        let mut pair = |name: &str, value: Said<'_>| {
            if line.len() > 1 {
                line.push(',');
            }
            push_json(&mut line, name);
            line.push(':');
            match value {
                // Writing to a String cannot fail.
                Said::Number(number) => drop(write!(line, "{number}")),
                Said::Text(text) => push_json(&mut line, text),
            }
        };
        pair("time", Said::Text(&timestamp(self.wall)));
        pair("client", Said::Text(&self.client()));
        pair("method", Said::Text(asked.text(asked.method)));
        pair("host", Said::Text(self.host()));
        pair("path", Said::Text(asked.text(asked.path)));
        pair("status", Said::Number(record.status.into()));
        self.each(&mut pair);
        self.more(&mut pair);
        line.push('}');
        line
    }

    /// The client; its port is known only where it is the peer itself.
    fn client(&self) -> String {
        match self.asked.client {
            client if client.port() == 0 => client.ip().to_string(),
            client => client.to_string(),
        }
    }

    fn host(&self) -> &str {
        if self.asked.host.is_empty() { "-" } else { self.asked.text(self.asked.host) }
    }

    /// The fields that both forms name, in order; what there is nothing to say about is left out.
    fn each(&self, tell: &mut dyn FnMut(&str, Said<'_>)) {
        let record = self.record;
        if self.asked.peer != self.asked.client {
            tell("peer", Said::Text(&self.asked.peer.to_string()));
        }
        if record.reason != Reason::Ok {
            tell("reason", Said::Text(record.reason.as_str()));
        }
        if let Some(rule) = record.rule {
            tell("route", Said::Text(&rule.origin.to_string()));
            tell("rule", Said::Number(rule.index.into()));
        }
        if let Some(backend) = record.backend {
            tell("service", Said::Text(&format!("{}/{}:{}", backend.service.namespace, backend.service.name, backend.port)));
        }
        if let Some(endpoint) = record.endpoint {
            tell("endpoint", Said::Text(&endpoint.to_string()));
            tell("tries", Said::Number(record.tries.into()));
        }
        if let Some(why) = record.retried {
            tell("retry_reason", Said::Text(why.as_str()));
        }
        tell("in", Said::Number(record.received));
        tell("out", Said::Number(record.sent));
        tell("us", Said::micros(self.took));
        if let Some(took) = record.head_took {
            tell("head_us", Said::micros(took));
        }
        // As the backend got it: that of a trusted proxy before us stands.
        match self.asked.head.all(b"x-request-id").next().and_then(|id| std::str::from_utf8(id).ok()) {
            Some(id) => tell("request_id", Said::Text(id)),
            None if record.id > 0 => tell("request_id", Said::Text(&format!("{:032x}", record.id))),
            None => {}
        }
        if let Some(shown) = self.way.caller.tls.as_ref().and_then(|tls| tls.client.as_ref()) {
            tell("client_cert", Said::Text(shown.verdict.as_str()));
            if let Some(print) = &shown.fingerprint {
                tell("client_cert_sha256", Said::Text(print));
            }
        }
        if self.stands_for > 1 {
            tell("requests", Said::Number(self.stands_for));
        }
    }

    /// What only programs read (gateway spec G130). Queries, cookies and credentials are nobody's business.
    fn more(&self, tell: &mut dyn FnMut(&str, Said<'_>)) {
        let (asked, record) = (self.asked, self.record);
        tell("scheme", Said::Text(if asked.https { "https" } else { "http" }));
        tell(
            "protocol",
            Said::Text(match (self.way.stream, asked.version) {
                (Some(_), _) => "HTTP/2",
                (None, Version::Http10) => "HTTP/1.0",
                (None, Version::Http11) => "HTTP/1.1",
            }),
        );
        if let Some(listener) = record.listener {
            tell("gateway", Said::Text(&listener.origin.to_string()));
            tell("listener", Said::Text(&listener.name));
        }
        if record.rule.is_some() {
            tell("match", Said::Number(record.matched.into()));
        }
        if let Some(http2) = record.to_http2 {
            tell("upstream_protocol", Said::Text(if http2 { "HTTP/2" } else { "HTTP/1.1" }));
        }
        for (name, took) in [("upstream_us", record.upstream_us), ("queue_us", record.queued_us), ("connect_us", record.connect_us)] {
            if took > 0 {
                tell(name, Said::Number(took.into()));
            }
        }
        if let Some(status) = record.grpc_status {
            tell("grpc_status", Said::Number(status.into()));
        }
        if record.mirrors > 0 {
            tell("mirrors", Said::Number(record.mirrors.into()));
        }
        for (name, field) in [("user_agent", &b"user-agent"[..]), ("referer", b"referer")] {
            if let Some(value) = text(&asked.head, field) {
                // The query of a referer is that of another request.
                let bare = value.split(['?', '#']).next().unwrap_or_default();
                tell(name, Said::Text(if name == "referer" { bare } else { &value }));
            }
        }
        if let Some(parent) = text(&asked.head, b"traceparent") {
            tell("trace_id", Said::Text(parent.split('-').nth(1).unwrap_or_default()));
        } else if record.id > 0 {
            tell("trace_id", Said::Text(&format!("{:032x}", record.id)));
        }
        let Way { caller, stream, generation } = self.way;
        if let Some(tls) = &caller.tls {
            tell("tls_version", Said::Text(tls.version));
            tell("tls_cipher", Said::Text(&tls.cipher));
            tls.name.iter().for_each(|name| tell("sni", Said::Text(name)));
            tls.protocol.iter().for_each(|protocol| tell("alpn", Said::Text(protocol)));
        }
        tell("connection", Said::Number(caller.number));
        stream.iter().for_each(|stream| tell("stream", Said::Number((*stream).into())));
        if generation > 0 {
            tell("generation", Said::Number(generation));
        }
    }
}

/// A value of a line.
#[derive(Clone, Copy)]
enum Said<'a> {
    Text(&'a str),
    Number(u64),
}

impl Said<'_> {
    fn micros(took: Duration) -> Self {
        Said::Number(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Microseconds as a record keeps them, 71 minutes at the most; never 0, which is nothing.
pub fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1)
}

/// The first field of a name, whatever bytes it holds.
fn text<'h>(head: &'h Head, name: &'h [u8]) -> Option<Cow<'h, str>> {
    head.all(name).next().map(String::from_utf8_lossy)
}

/// A JSON string; the text is what a client sent, so nothing of it is trusted.
fn push_json(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                line.push('\\');
                line.push(character);
            }
            control if control < ' ' => {
                let _ = write!(line, "\\u{:04x}", control as u32);
            }
            plain => line.push(plain),
        }
    }
    line.push('"');
}

/// `2026-01-31T23:59:59.123Z`. The civil date from the days since 1970: Howard Hinnant's `civil_from_days`, for years that
/// begin in March.
fn timestamp(wall: SystemTime) -> String {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400 + 719_468, since.as_secs() % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        let at = |seconds| timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_827_696), "2000-02-29T12:34:56.000Z");
        assert_eq!(at(1_767_225_599), "2025-12-31T23:59:59.000Z");
    }

    #[test]
    fn above_the_bound_a_line_says_for_how_many_it_stands() {
        let mut sampler = Sampler::default();
        let lines: Vec<_> = (0..1000).filter_map(|_| sampler.admit(1, 10)).collect();
        assert_eq!(lines[..10], [1; 10]);
        assert_eq!(lines[10..], [90, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
        assert_eq!(sampler.admit(2, 10), Some(1));
    }

    #[test]
    fn only_requests_that_reach_a_bound_get_a_line() {
        let record = |status, tries| Record { status, tries, ..Record::new(Now(0)) };
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(1));
        assert!(Only::default().admits(&record(200, 1), short));
        let only = Only { status: Some(500), took: Some(Duration::from_millis(500)), tries: Some(2) };
        assert!(!only.admits(&record(404, 1), short));
        assert!(only.admits(&record(503, 1), short) && only.admits(&record(200, 1), long) && only.admits(&record(200, 2), short));
    }

    #[test]
    fn json_is_escaped() {
        let mut line = String::new();
        push_json(&mut line, "a\"\\\n\u{e9}");
        assert_eq!(line, "\"a\\\"\\\\\\u000a\u{e9}\"");
    }
}
