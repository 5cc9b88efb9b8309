//! The shape of an active health check, which Instances and BackendPolicies share.

use serde_json::Value;

use super::bounds::{self, Bound, HOUR_MS, PERCENT, PORT, POSITIVE, span_at};
use super::value::{has, list, optional_text, text, texts};
use crate::field::{FieldErrors, Path};
use crate::syntax;

const KINDS: [&str; 4] = ["http", "tcp", "grpc", "exec"];
const TABLE: &[(&str, Bound)] = &[
    ("interval", Bound::Span(500, HOUR_MS)),
    ("timeout", POSITIVE),
    ("unhealthyThreshold", Bound::Whole(1, 10)),
    ("healthyThreshold", Bound::Whole(1, 10)),
    ("jitterPercent", PERCENT),
    ("transitionInterval", POSITIVE),
    ("scope", Bound::Word(&["Shared", "Node"])),
    ("port", PORT),
    ("http.path", Bound::Text(1024)),
    ("http.host", Bound::Text(253)),
    ("http.scheme", Bound::Word(&["http", "https", "HTTP", "HTTPS"])),
    ("http.method", Bound::Word(&["GET", "HEAD", "OPTIONS"])),
    ("http.expectBody", Bound::Text(1024)),
    ("tcp.send", Bound::Text(1024)),
    ("tcp.receive", Bound::Text(1024)),
    ("grpc.service", Bound::Text(253)),
];
/// Interval of a check that does not say: two seconds. A timeout that is not said follows the interval.
const INTERVAL_MS: u128 = 2000;

/// Judges one check: bounds, a type, and at most the one body that fits it.
pub(super) fn check(check: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    bounds::check(check, TABLE, at, errors);
    let (kind, bodies) = (optional_text(check, "type"), KINDS.into_iter().filter(|k| has(check, k)));
    match kind {
        Some(kind) if KINDS.contains(&kind) => {
            for body in bodies.filter(|b| *b != kind) {
                errors.push(at.child(body).forbidden(format!("may not be set when `type` is '{kind}'")));
            }
            if kind == "exec" && list(&check["exec"], "command").is_empty() {
                errors.push(at.child("exec").child("command").required("must name a program"));
            }
        }
        Some(other) => errors.push(at.child("type").not_supported(other, &KINDS)),
        None if bodies.count() > 0 => errors.push(at.child("type").required("must say which kind of check this is")),
        None => {}
    }
    let interval_ms = span_at(check, "interval").map_or(INTERVAL_MS, |s| s.as_millis());
    if span_at(check, "timeout").is_some_and(|t| t.as_millis() > interval_ms) {
        errors.push(at.child("timeout").invalid(check["timeout"].clone(), "must not be longer than `interval`"));
    }
    check_http(&check["http"], &at.child("http"), errors);
}

fn check_http(http: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let path = text(http, "path");
    if !path.is_empty() && (!path.starts_with('/') || path.bytes().any(|b| b <= b' ' || b == 0x7f)) {
        errors.push(at.child("path").invalid(path, "must be an absolute path without spaces and control characters"));
    }
    // A list of ranges, or one as text.
    let (expected, words) = (at.child("expect"), "must be a status or a range of them, such as 204, 2xx or 200-399");
    if let Some(range) = optional_text(http, "expect").filter(|r| !is_status_range(r)) {
        errors.push(expected.invalid(range, words));
    }
    for (index, range) in texts(http, "expect").into_iter().enumerate().filter(|(_, r)| !is_status_range(r)) {
        errors.push(expected.index(index).invalid(range, words));
    }
    let headers = at.child("headers");
    for (index, header) in list(http, "headers").iter().enumerate() {
        let name = text(header, "name");
        errors.extend(headers.index(index).child("name").invalid_all(name, syntax::header_name(name)));
    }
}

/// `204`, `2xx`, `200-399` or `2xx-3xx`.
fn is_status_range(text: &str) -> bool {
    let end = |part: &str| {
        let b = part.as_bytes();
        b.len() == 3 && (b'1'..=b'5').contains(&b[0]) && (part[1..].eq_ignore_ascii_case("xx") || b[1..].iter().all(u8::is_ascii_digit))
    };
    match text.split_once('-') {
        None => end(text),
        Some((low, high)) => end(low) && end(high) && low.as_bytes() <= high.as_bytes(),
    }
}
