//! What to watch, and the requests that ask for it.

use std::fmt::Write;

use http::Request;

const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// Objects per page of a list.
const PAGE: u32 = 500;

/// A kind, and which of its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    kind: String,
    root: String,
    plural: String,
    namespace: Option<String>,
    field_selector: Option<String>,
    label_selector: Option<String>,
    metadata_only: bool,
}

impl Target {
    /// All objects of a kind that is known at compile time.
    pub fn of<T: api::Object>() -> Target {
        Target::new(T::GROUP, T::VERSION, T::KIND, T::PLURAL)
    }

    /// All objects of a kind.
    pub fn new(group: &str, version: &str, kind: &str, plural: &str) -> Target {
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        Target { kind: kind.into(), root, plural: plural.into(), namespace: None, field_selector: None, label_selector: None, metadata_only: false }
    }

    /// Only objects of one namespace.
    pub fn in_namespace(self, namespace: &str) -> Target {
        Target { namespace: Some(namespace.into()), ..self }
    }

    /// Only objects that a field selector matches: `spec.nodeName=a`.
    pub fn with_fields(self, selector: &str) -> Target {
        Target { field_selector: Some(selector.into()), ..self }
    }

    /// Only objects that a label selector matches.
    pub fn with_labels(self, selector: &str) -> Target {
        Target { label_selector: Some(selector.into()), ..self }
    }

    /// Only the metadata of each object; decode with [`Partial`](crate::Partial).
    pub fn metadata_only(self) -> Target {
        Target { metadata_only: true, ..self }
    }

    /// The kind, as messages name it.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// A page of a list; `token` continues an earlier page.
    pub(crate) fn list(&self, token: Option<&str>) -> Request<Vec<u8>> {
        let mut query = format!("limit={PAGE}");
        if let Some(token) = token {
            parameter(&mut query, "continue", token);
        }
        self.get(query, METADATA_LIST)
    }

    /// Everything there is as events, then what follows (KEP-3157).
    pub(crate) fn stream(&self, timeout_s: u64) -> Request<Vec<u8>> {
        let query = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        self.get(format!("{query}&timeoutSeconds={timeout_s}"), METADATA_ONLY)
    }

    /// What follows a revision.
    pub(crate) fn follow(&self, revision: &str, timeout_s: u64) -> Request<Vec<u8>> {
        let mut query = format!("watch=1&allowWatchBookmarks=true&timeoutSeconds={timeout_s}");
        parameter(&mut query, "resourceVersion", revision);
        self.get(query, METADATA_ONLY)
    }

    fn get(&self, mut query: String, metadata_accept: &'static str) -> Request<Vec<u8>> {
        for (name, value) in [("fieldSelector", &self.field_selector), ("labelSelector", &self.label_selector)] {
            if let Some(value) = value {
                parameter(&mut query, name, value);
            }
        }
        let Target { root, plural, .. } = self;
        let uri = match &self.namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}?{query}"),
            None => format!("{root}/{plural}?{query}"),
        };
        let accept = if self.metadata_only { metadata_accept } else { "application/json" };
        let mut request = Request::new(Vec::new());
        // Group, version, plural and namespace are names that the server gave or accepts; anything else asks for `/`, which no kind is at.
        *request.uri_mut() = uri.parse().unwrap_or_default();
        request.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static(accept));
        // Compressed streams are delayed streams.
        request.headers_mut().insert(http::header::ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
        request
    }
}

/// Appends a query parameter, escaping all but unreserved characters (RFC 3986 §2.3).
fn parameter(query: &mut String, name: &str, value: &str) {
    query.push('&');
    query.push_str(name);
    query.push('=');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            query.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(query, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_group_namespace_and_selectors() {
        let target = Target::of::<api::EndpointSlice>().in_namespace("a").with_labels("k in (a,b)").with_fields("x=y");
        let uri = target.follow("12", 300).uri().to_string();
        let expected = "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices?watch=1&allowWatchBookmarks=true&timeoutSeconds=300\
                        &resourceVersion=12&fieldSelector=x%3Dy&labelSelector=k%20in%20%28a%2Cb%29";
        assert_eq!(uri, expected);
        assert_eq!(Target::of::<api::Pod>().list(Some("t=")).uri(), "/api/v1/pods?limit=500&continue=t%3D");
    }
}
