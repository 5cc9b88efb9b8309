//! The access log: one line a request (cli spec L16), bounded in rate here and in memory by [`observe::Lines`].

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use model::Now;
use model::endpoint::Endpoint;
use model::routes::{Backend, Rule};
use observe::Lines;

use crate::answer::Reason;
use crate::core::{Core, now};
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
}

/// What a request leaves behind.
pub struct Record<'s> {
    /// When it began.
    pub started: Now,
    /// When it was over, where somebody looked.
    pub ended: Option<Now>,
    /// Its number, where it got one.
    pub id: u128,
    /// The rule it matched.
    pub rule: Option<&'s Rule>,
    /// The backend that was drawn.
    pub backend: Option<&'s Backend>,
    /// The endpoint tried last.
    pub endpoint: Option<SocketAddr>,
    /// How many endpoints were tried.
    pub tries: u32,
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
}

impl Record<'_> {
    /// For a request that begins.
    pub fn new(started: Now) -> Self {
        let (rule, backend, endpoint, head_took) = (None, None, None, None);
        Self {
            started,
            ended: None,
            id: 0,
            rule,
            backend,
            endpoint,
            tries: 0,
            status: 0,
            reason: Reason::Ok,
            silent: false,
            received: 0,
            sent: 0,
            head_took,
        }
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
    pub fn log(&self, asked: &Asked, record: &Record<'_>) {
        let at = record.ended.unwrap_or_else(now);
        if self.shared.numbers.is_some() {
            let pool = record.backend.and_then(|backend| backend.to.pool());
            self.tally.borrow_mut().count(pool, record.status, record.reason, record.tries, at.since(record.started));
        }
        let Some(log) = self.shared.log.as_ref().filter(|_| !record.silent) else { return };
        let most = (LINES_PER_SECOND / self.shared.cores.max(1) as u32).max(1);
        let Some(stands_for) = self.sampler.borrow_mut().admit(at.seconds(), most) else { return };
        let line = Line { asked, record, took: at.since(record.started), stands_for, wall: SystemTime::now() };
        log.lines.send(match log.format {
            Format::Text => line.text(),
            Format::Json => line.json(),
        });
    }
}

struct Line<'a> {
    asked: &'a Asked,
    record: &'a Record<'a>,
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
            let quoted = value.contains([' ', '"']);
            let _ = if quoted { write!(line, " {name}={value:?}") } else { write!(line, " {name}={value}") };
        });
        line
    }

    fn json(&self) -> String {
        let Self { asked, record, .. } = self;
        let mut line = String::with_capacity(480);
        line.push('{');
        let mut pair = |name: &str, value: &str, bare: bool| {
            if line.len() > 1 {
                line.push(',');
            }
            push_json(&mut line, name);
            line.push(':');
            if bare { line.push_str(value) } else { push_json(&mut line, value) }
        };
        pair("time", &timestamp(self.wall), false);
        pair("client", &self.client(), false);
        pair("method", asked.text(asked.method), false);
        pair("host", self.host(), false);
        pair("path", asked.text(asked.path), false);
        pair("status", &record.status.to_string(), true);
        self.each(&mut |name, value| pair(name, value, name != "request_id" && value.bytes().all(|byte| byte.is_ascii_digit())));
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
    fn each(&self, tell: &mut dyn FnMut(&str, &str)) {
        let record = self.record;
        if self.asked.peer != self.asked.client {
            tell("peer", &self.asked.peer.to_string());
        }
        if record.reason != Reason::Ok {
            tell("reason", record.reason.as_str());
        }
        if let Some(rule) = record.rule {
            tell("route", &rule.origin.to_string());
            tell("rule", &rule.index.to_string());
        }
        if let Some(backend) = record.backend {
            tell("service", &format!("{}/{}:{}", backend.service.namespace, backend.service.name, backend.port));
        }
        if let Some(endpoint) = record.endpoint {
            tell("endpoint", &endpoint.to_string());
            tell("tries", &record.tries.to_string());
        }
        tell("in", &record.received.to_string());
        tell("out", &record.sent.to_string());
        tell("us", &self.took.as_micros().to_string());
        if let Some(took) = record.head_took {
            tell("head_us", &took.as_micros().to_string());
        }
        // As the backend got it: that of a trusted proxy before us stands.
        match self.asked.head.all(b"x-request-id").next().and_then(|id| std::str::from_utf8(id).ok()) {
            Some(id) => tell("request_id", id),
            None if record.id > 0 => tell("request_id", &format!("{:032x}", record.id)),
            None => {}
        }
        if self.stands_for > 1 {
            tell("requests", &self.stands_for.to_string());
        }
    }
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
    fn json_is_escaped() {
        let mut line = String::new();
        push_json(&mut line, "a\"\\\n\u{e9}");
        assert_eq!(line, "\"a\\\"\\\\\\u000a\u{e9}\"");
    }
}
