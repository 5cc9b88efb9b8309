//! One request on its way through the server.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use serde_json::Value;

use crate::body::{self, Body};
use crate::kinds::Kind;
use crate::negotiate::{self, Form};
use crate::protobuf;
use crate::query::Query;
use crate::request::Address;
use crate::status::{ApiError, Result};

/// All `Warning` headers of a reply together, bytes: more does not fit the header limits of clients.
const WARNINGS_BYTES_MAX: usize = 4096;

/// A request for a resource, with everything that handlers look at.
pub struct Call {
    /// What is asked for.
    pub address: Address,
    /// The kind asked for.
    pub kind: &'static Kind,
    /// The version asked for: an index into the kind's versions.
    pub version: usize,
    /// Decoded query.
    pub query: Query,
    /// Request headers.
    pub headers: HeaderMap,
    /// Request body.
    pub body: Bytes,
    /// The form of the reply.
    pub form: Form,
    /// Protobuf, where the reply has it.
    pub protobuf: bool,
    /// Indented JSON.
    pub pretty: bool,
    /// Texts for `Warning` headers.
    pub warnings: Arc<Warnings>,
}

impl Call {
    /// The namespace asked for; empty for cluster-wide kinds and for all namespaces.
    pub fn namespace(&self) -> &str {
        self.address.namespace.as_deref().unwrap_or_default()
    }

    /// The `apiVersion` asked for, if objects must be rewritten to it.
    pub fn other_version(&self) -> Option<String> {
        let version = self.kind.versions[self.version];
        (version != self.kind.storage).then(|| self.kind.api_version_of(version))
    }

    /// The `apiVersion` asked for.
    pub fn api_version(&self) -> String {
        self.kind.api_version_of(self.kind.versions[self.version])
    }

    /// The same call with a body of another kind.
    pub fn about(&self, kind: &'static Kind) -> Self {
        Self {
            address: self.address.clone(),
            kind,
            version: 0,
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            form: self.form,
            protobuf: self.protobuf,
            pretty: self.pretty,
            warnings: self.warnings.clone(),
        }
    }

    /// Whether metadata is asked for by the name of one object's, where that differs from a list's.
    pub fn wants_one(&self) -> bool {
        negotiate::asks_metadata_as(&self.headers, "PartialObjectMetadata")
    }

    /// 406 when the metadata of one object is asked for as that of a list.
    pub fn check_one(&self) -> Result<()> {
        if matches!(self.form, Form::Metadata(_)) && negotiate::asks_metadata_as(&self.headers, "PartialObjectMetadataList") {
            let why = format!("you requested PartialObjectMetadataList, but the requested object is not a list ({})", self.kind.go_type(false));
            return Err(ApiError::plain_not_acceptable(why));
        }
        Ok(())
    }

    /// The text of `User-Agent`.
    pub fn user_agent(&self) -> &str {
        header_text(&self.headers, header::USER_AGENT)
    }

    /// A value as a reply in the encoding and the style the client wants.
    pub fn reply(&self, code: u16, value: &Value) -> http::Response<Body> {
        match protobuf::enveloped(value).filter(|_| self.protobuf) {
            Some(bytes) => body::reply(code, protobuf::MEDIA_TYPE, Body::whole(bytes)),
            None => body::json(code, value, self.pretty),
        }
    }

    /// Whether the client takes gzip.
    pub fn takes_gzip(&self) -> bool {
        negotiate::takes_gzip(&self.headers)
    }
}

/// The text of a header, empty when absent or not text.
pub fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Texts for `Warning` headers, each once.
#[derive(Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Adds a text.
    pub fn add(&self, text: impl Into<String>) {
        let (text, mut all) = (text.into(), self.0.lock());
        if !all.contains(&text) {
            all.push(text);
        }
    }

    /// The headers, as many as fit.
    pub fn headers(&self) -> Vec<HeaderValue> {
        let mut left = WARNINGS_BYTES_MAX;
        let all = self.0.lock();
        let values = all.iter().filter_map(|text| {
            let escaped: String =
                text.chars().filter(|c| !c.is_control()).flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
            let line = format!("299 - \"{escaped}\"");
            left = left.checked_sub(line.len())?;
            HeaderValue::from_str(&line).or_else(|_| HeaderValue::from_bytes(line.as_bytes())).ok()
        });
        values.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_quoted_told_once_and_bounded() {
        let warnings = Warnings::default();
        warnings.add(r#"unknown field "spec.foo""#);
        warnings.add(r#"unknown field "spec.foo""#);
        assert_eq!(warnings.headers(), [r#"299 - "unknown field \"spec.foo\"""#]);
        for n in 0..100 {
            warnings.add(format!("{n}{}", "x".repeat(99)));
        }
        assert!(warnings.headers().iter().map(HeaderValue::len).sum::<usize>() <= WARNINGS_BYTES_MAX);
    }
}
