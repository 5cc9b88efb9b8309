//! Reports of load that endpoints send with their answers: ORCA in its three encodings (balance spec V13, V14).
//!
//! `endpoint-load-metrics-bin: <base64 protobuf>`, or `endpoint-load-metrics:` with `TEXT cpu_utilization=0.3,...`,
//! `JSON {...}` or `BIN <base64 protobuf>`. Hostile input costs at most its length: numbers that are not finite and above 0
//! are dropped, names beyond a bound too.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

/// The header with a prefixed report.
pub const HEADER: &str = "endpoint-load-metrics";
/// The header with a binary report.
pub const HEADER_BINARY: &str = "endpoint-load-metrics-bin";

/// Named entries kept of a report.
const NAMES_MAX: usize = 32;
/// Longest value that is looked at.
const LENGTH_MAX: usize = 16 * 1024;

/// One report. Absent numbers were not sent, or were not finite and above 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// `cpu_utilization`.
    pub cpu: Option<f64>,
    /// `mem_utilization`.
    pub memory: Option<f64>,
    /// `application_utilization`.
    pub application: Option<f64>,
    /// `rps_fractional`: requests a second.
    pub requests_per_second: Option<f64>,
    /// `eps`: errors a second.
    pub errors_per_second: Option<f64>,
    /// `utilization.*` and `named_metrics.*`, by their full names.
    pub named: Vec<(Box<str>, f64)>,
}

impl Report {
    /// From a response header, by lower-case name; `None` when it is another header or nothing in it can be read.
    pub fn from_header(name: &str, value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= LENGTH_MAX)?.trim();
        match name {
            HEADER_BINARY => Self::from_base64(text),
            HEADER => match text.split_once(' ')? {
                ("TEXT", rest) => Self::from_text(rest),
                ("JSON", rest) => Self::from_json(rest),
                ("BIN", rest) => Self::from_base64(rest.trim()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of `named_metrics.NAME`.
    pub fn named(&self, name: &str) -> Option<f64> {
        self.named.iter().find(|(known, _)| known.strip_prefix("named_metrics.") == Some(name)).map(|(_, value)| *value)
    }

    /// The utilisation under a policy: the highest of the metrics it names, else the application's, else the processor's.
    pub fn utilisation<S: AsRef<str>>(&self, metrics: &[S]) -> Option<f64> {
        let named = metrics.iter().filter_map(|name| self.metric(name.as_ref())).reduce(f64::max);
        named.or(self.application).or(self.cpu)
    }

    fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "cpu_utilization" => self.cpu,
            "mem_utilization" => self.memory,
            "application_utilization" => self.application,
            _ => self.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| *value),
        }
    }

    fn set(&mut self, name: &str, value: f64) {
        if !value.is_finite() || value <= 0.0 {
            return;
        }
        match name {
            "cpu_utilization" => self.cpu = Some(value),
            "mem_utilization" => self.memory = Some(value),
            "application_utilization" => self.application = Some(value),
            "rps_fractional" => self.requests_per_second = Some(value),
            "eps" => self.errors_per_second = Some(value),
            _ if self.named.len() < NAMES_MAX && (name.starts_with("named_metrics.") || name.starts_with("utilization.")) => {
                self.named.push((name.into(), value));
            }
            _ => {}
        }
    }

    fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut report = Self::default();
        for pair in text.split(',') {
            if let Some((name, value)) = pair.split_once(['=', ':']) {
                report.set(name.trim(), value.trim().parse().unwrap_or(f64::NAN));
            }
        }
        report.some()
    }

    fn from_json(text: &str) -> Option<Self> {
        let Value::Object(fields) = serde_json::from_str(text).ok()? else { return None };
        let mut report = Self::default();
        for (name, value) in &fields {
            let name = snake_case(name);
            match value {
                Value::Object(entries) => entries.iter().for_each(|(entry, value)| report.set(&format!("{name}.{entry}"), number(value))),
                value => report.set(&name, number(value)),
            }
        }
        report.some()
    }

    fn from_base64(text: &str) -> Option<Self> {
        // gRPC sends binary metadata without padding, Envoy with it.
        let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).or_else(|_| STANDARD.decode(text)).ok()?;
        Self::from_protobuf(&bytes)
    }

    /// From the bytes of an `xds.data.orca.v3.OrcaLoadReport`.
    pub fn from_protobuf(bytes: &[u8]) -> Option<Self> {
        let (mut report, mut fields) = (Self::default(), Fields(bytes));
        while let Some(field) = fields.field()? {
            match field {
                (1, Field::Fixed64(bits)) => report.set("cpu_utilization", f64::from_bits(bits)),
                (2, Field::Fixed64(bits)) => report.set("mem_utilization", f64::from_bits(bits)),
                (5, Field::Bytes(entry)) => report.set_entry("utilization", entry),
                (6, Field::Fixed64(bits)) => report.set("rps_fractional", f64::from_bits(bits)),
                (7, Field::Fixed64(bits)) => report.set("eps", f64::from_bits(bits)),
                (8, Field::Bytes(entry)) => report.set_entry("named_metrics", entry),
                (9, Field::Fixed64(bits)) => report.set("application_utilization", f64::from_bits(bits)),
                _ => {}
            }
        }
        report.some()
    }

    fn set_entry(&mut self, map: &str, entry: &[u8]) {
        let (mut name, mut value, mut fields) = ("", f64::NAN, Fields(entry));
        while let Some(Some(field)) = fields.field() {
            match field {
                (1, Field::Bytes(bytes)) => name = std::str::from_utf8(bytes).unwrap_or(""),
                (2, Field::Fixed64(bits)) => value = f64::from_bits(bits),
                _ => {}
            }
        }
        self.set(&format!("{map}.{name}"), value);
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// Protobuf JSON writes `cpuUtilization`; both forms are accepted.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The fields of a protobuf message, one after the other.
pub struct Fields<'a>(pub &'a [u8]);

/// The value of a field of a protobuf message.
pub enum Field<'a> {
    /// A number, a boolean or a word of an enumeration.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Of a sort that nobody asks for.
    Other,
}

impl<'a> Fields<'a> {
    /// The next field; `Some(None)` at the end, `None` when the bytes are no message.
    pub fn field(&mut self) -> Option<Option<(u32, Field<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Field::Other
            }
            _ => return None,
        };
        Some(Some((u32::try_from(tag >> 3).ok()?, field)))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
