//! Answers that we make ourselves: refusals, redirects, preflights (gateway spec G94, G131).

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::h1::{Head, reason_phrase};

/// Why a request ended as it did: the word in the access log, in metrics and in `fairlead-reason`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words explain themselves; gateway spec G131 lists them")]
pub enum Reason {
    #[default]
    Ok,
    ClientGone,
    ClientTimeout,
    BadRequest,
    HeaderLimit,
    BodyLimit,
    NoRoute,
    Misdirected,
    BackendInvalid,
    NoEndpoint,
    ConnectRefused,
    TlsUpstream,
    ConnectTimeout,
    UpstreamReset,
    UpstreamProtocol,
    UpstreamTimeout,
    RequestTimeout,
    RetriesExhausted,
    RetryBudget,
    CircuitOpen,
    FilterError,
    Overload,
    Draining,
    AuthDenied,
    AuthUnreachable,
}

impl Reason {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Ok => "ok",
            Reason::ClientGone => "client_gone",
            Reason::ClientTimeout => "client_timeout",
            Reason::BadRequest => "bad_request",
            Reason::HeaderLimit => "header_limit",
            Reason::BodyLimit => "body_limit",
            Reason::NoRoute => "no_route",
            Reason::Misdirected => "misdirected",
            Reason::BackendInvalid => "backend_invalid",
            Reason::NoEndpoint => "no_endpoint",
            Reason::ConnectRefused => "connect_refused",
            Reason::TlsUpstream => "tls_upstream",
            Reason::ConnectTimeout => "connect_timeout",
            Reason::UpstreamReset => "upstream_reset",
            Reason::UpstreamProtocol => "upstream_protocol",
            Reason::UpstreamTimeout => "upstream_timeout",
            Reason::RequestTimeout => "request_timeout",
            Reason::RetriesExhausted => "retries_exhausted",
            Reason::RetryBudget => "retry_budget",
            Reason::CircuitOpen => "circuit_open",
            Reason::FilterError => "filter_error",
            Reason::Overload => "overload",
            Reason::Draining => "draining",
            Reason::AuthDenied => "auth_denied",
            Reason::AuthUnreachable => "auth_unreachable",
        }
    }

    /// The status that a gRPC client is told (gateway spec G75).
    pub fn grpc_status(self) -> u8 {
        match self {
            Reason::Ok => 0,
            Reason::BadRequest | Reason::HeaderLimit => 3,
            Reason::ClientTimeout | Reason::UpstreamTimeout | Reason::RequestTimeout => 4,
            Reason::AuthDenied | Reason::AuthUnreachable => 7,
            Reason::BodyLimit => 8,
            Reason::NoRoute | Reason::Misdirected => 12,
            Reason::FilterError => 13,
            _ => 14,
        }
    }

    /// The word for a message that is refused with this status.
    pub fn of_refusal(status: u16) -> Self {
        match status {
            414 | 431 => Reason::HeaderLimit,
            413 => Reason::BodyLimit,
            408 => Reason::ClientTimeout,
            _ => Reason::BadRequest,
        }
    }
}

/// An answer of ours.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its word.
    pub reason: Reason,
    /// Fields besides those every answer of ours has.
    pub fields: SmallVec<[(Cow<'static, str>, String); 1]>,
    /// The connection cannot go on after it.
    pub close: bool,
    /// The body, where somebody else wrote it.
    pub text: Option<Box<str>>,
}

impl Answer {
    /// A plain one.
    pub fn new(status: u16, reason: Reason) -> Self {
        Self { status, reason, fields: SmallVec::new(), close: false, text: None }
    }

    /// One after which the connection ends.
    pub fn last(status: u16, reason: Reason) -> Self {
        Self { close: true, ..Self::new(status, reason) }
    }

    /// With one more field.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.fields.push((name.into(), value));
        self
    }

    /// The body: a line of text, or JSON for who prefers that; nothing where a status has none. Never an object's name.
    pub fn body(&self, accept: Option<&[u8]>) -> Option<(&'static str, String)> {
        if matches!(self.status, 100..=199 | 204 | 304) {
            return None;
        }
        if let Some(text) = &self.text {
            return Some(("text/plain; charset=utf-8", text.to_string()));
        }
        let (status, word) = (self.status, self.reason.as_str());
        let json = accept.is_some_and(|accept| {
            let at = |what: &[u8]| memchr::memmem::find(accept, what).unwrap_or(usize::MAX);
            at(b"application/json") < at(b"text/").min(at(b"*/*"))
        });
        Some(match json {
            true => ("application/json", format!("{{\"status\":{status},\"reason\":\"{word}\"}}\n")),
            false => ("text/plain; charset=utf-8", format!("{status} {}: {word}\n", reason_phrase(status))),
        })
    }

    /// The same for a gRPC client: an answer that consists of trailers only.
    pub fn to_grpc(&self, show_reason: bool) -> Head {
        let mut head = self.head(Some("application/grpc"), show_reason);
        // Who is asked to say who he is was not refused as himself.
        let status = if (self.status, self.reason) == (401, Reason::AuthDenied) { 16 } else { self.reason.grpc_status() };
        head.push(b"grpc-status", status.to_string().as_bytes());
        head.push(b"grpc-message", self.reason.as_str().as_bytes());
        head
    }

    /// Its fields as a head, without framing.
    pub fn head(&self, content_type: Option<&str>, show_reason: bool) -> Head {
        let mut head = Head::default();
        let is_said = |name: &str| self.fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !is_said("server") {
            head.push(b"server", b"fairlead");
        }
        if show_reason {
            head.push(b"fairlead-reason", self.reason.as_str().as_bytes());
        }
        if let Some(content_type) = content_type.filter(|_| !is_said("content-type")) {
            head.push(b"content-type", content_type.as_bytes());
        }
        for (name, value) in &self.fields {
            head.push(name.as_bytes(), value.as_bytes());
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_json_only_for_who_prefers_it() {
        let answer = Answer::new(404, Reason::NoRoute);
        let kind = |accept: Option<&[u8]>| answer.body(accept).map(|(kind, _)| kind).unwrap_or_default();
        assert_eq!(kind(None), "text/plain; charset=utf-8");
        assert_eq!(kind(Some(b"text/html, application/json")), "text/plain; charset=utf-8");
        assert_eq!(kind(Some(b"application/json, */*")), "application/json");
        assert_eq!(answer.body(None).map(|(_, text)| text).as_deref(), Some("404 Not Found: no_route\n"));
        assert!(Answer::new(204, Reason::Ok).body(None).is_none());
    }
}
