//! Discovery: which groups, versions, resources and verbs there are, in the legacy and the aggregated form, and `/version`.
//!
//! Everything is built once: the served kinds do not change while the server runs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::body::{self, Body};
use crate::call::header_text;
use crate::kinds::{self, Kind, Sub};
use crate::negotiate;
use crate::status::{ApiError, Result};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// All documents, ready to send.
pub struct Discovery {
    plain: BTreeMap<String, Document>,
    /// At `/api` and `/apis`.
    aggregated: BTreeMap<&'static str, Document>,
}

struct Document {
    json: Bytes,
    etag: HeaderValue,
}

impl Document {
    fn new(path: &str, value: &Value) -> Self {
        // People ask for the version.
        let json = body::to_bytes(value, path == "/version");
        let hash: String = Sha256::digest(&json).iter().map(|b| format!("{b:02X}")).collect();
        Self { json, etag: HeaderValue::from_str(&format!("\"{hash}\"")).expect("hexadecimal digits are a header value") }
    }

    /// The document, or 304 when the client has it.
    fn reply(&self, media_type: &'static str, headers: &HeaderMap) -> Response<Body> {
        let known = header_text(headers, header::IF_NONE_MATCH);
        let mut response = if known.split(',').any(|tag| tag.trim() == self.etag) {
            body::reply(304, media_type, Body::default())
        } else {
            body::reply(200, media_type, Body::whole(self.json.clone()))
        };
        response.headers_mut().insert(header::ETAG, self.etag.clone());
        if media_type == AGGREGATED {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        }
        response
    }
}

impl Discovery {
    /// The documents of [`kinds::served`]; `version` is the program's own.
    pub fn new(version: &str) -> Self {
        let mut plain = BTreeMap::new();
        let groups: Vec<Value> = groups().into_iter().filter(|g| !g.is_empty()).map(group).collect();
        plain.insert("/version".to_owned(), version_document(version));
        plain.insert(
            "/api".to_owned(),
            json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "" }] }),
        );
        for group in &groups {
            let mut one = json!({ "kind": "APIGroup", "apiVersion": "v1" });
            merge(&mut one, group);
            plain.insert(format!("/apis/{}", group["name"].as_str().unwrap_or_default()), one);
        }
        plain.insert("/apis".to_owned(), json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }));
        for (group, version) in group_versions() {
            let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
            plain.insert(path, resource_list(group, version));
        }
        let mut paths: Vec<String> = plain.keys().cloned().collect();
        paths.extend(["/healthz", "/livez", "/openapi/v3", "/readyz"].map(str::to_owned));
        paths.sort_unstable();
        plain.insert("/".to_owned(), json!({ "paths": paths }));
        Self {
            plain: plain.iter().map(|(path, value)| (path.clone(), Document::new(path, value))).collect(),
            aggregated: [("/api", true), ("/apis", false)].map(|(path, is_core)| (path, Document::new(path, &aggregated(is_core)))).into(),
        }
    }

    /// The document at a path, if there is one.
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Result<Option<Response<Body>>> {
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let Some(document) = self.plain.get(path) else { return Ok(None) };
        for clause in negotiate::clauses(headers).iter().filter(|c| c.takes_json()) {
            match (self.aggregated.get(path), clause.parameter("as"), clause.parameter("g"), clause.parameter("v")) {
                (Some(aggregated), "APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => {
                    return Ok(Some(varying(aggregated.reply(AGGREGATED, headers))));
                }
                (Some(_), "", ..) => return Ok(Some(varying(document.reply("application/json", headers)))),
                (None, "", ..) => return Ok(Some(document.reply("application/json", headers))),
                _ => {}
            }
        }
        Err(ApiError::not_acceptable(negotiate::REPLIES))
    }

    /// Whether something is served at exactly this path.
    pub fn is_known(&self, path: &str) -> bool {
        self.plain.contains_key(if path.len() > 1 { path.trim_end_matches('/') } else { path })
    }
}

/// A reply at a path that has two forms.
fn varying(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn version_document(version: &str) -> Value {
    let [major, minor, patch] = schema::KUBERNETES;
    // Build metadata (`+`), so that clients that compare semantic versions see the Kubernetes version.
    json!({
        "major": major, "minor": minor, "gitVersion": format!("v{major}.{minor}.{patch}+fairlead.{version}"), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, match std::env::consts::ARCH { "x86_64" => "amd64", "aarch64" => "arm64", other => other }),
    })
}

/// Groups in the order of their first kind.
fn groups() -> Vec<&'static str> {
    let mut groups = Vec::new();
    for kind in kinds::served() {
        if !groups.contains(&kind.group) {
            groups.push(kind.group);
        }
    }
    groups
}

/// The versions of a group, the preferred one first.
fn versions(group: &str) -> Vec<&'static str> {
    let mut versions: Vec<&'static str> = kinds::served().filter(|k| k.group == group).flat_map(|k| k.versions.iter().copied()).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
    versions.dedup();
    versions
}

/// Kubernetes' order of versions: stable above beta above alpha, then by number (`v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`).
fn priority(version: &str) -> (u8, u32, u32) {
    let number = |text: &str| text.parse().unwrap_or(0);
    let rest = version.strip_prefix('v').unwrap_or(version);
    for (stage, rank) in [("beta", 1), ("alpha", 0)] {
        if let Some((major, minor)) = rest.split_once(stage) {
            return (rank, number(major), number(minor));
        }
    }
    (2, number(rest), 0)
}

fn group_versions() -> Vec<(&'static str, &'static str)> {
    groups().into_iter().flat_map(|group| versions(group).into_iter().map(move |version| (group, version))).collect()
}

fn group(name: &str) -> Value {
    let versions: Vec<Value> = versions(name).into_iter().map(|v| json!({ "groupVersion": format!("{name}/{v}"), "version": v })).collect();
    json!({ "name": name, "versions": versions, "preferredVersion": versions[0] })
}

fn merge(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
}

fn kinds_of(group: &str, version: &str) -> impl Iterator<Item = &'static Kind> {
    let mut kinds: Vec<&'static Kind> = kinds::served().filter(|k| k.group == group && k.versions.contains(&version)).collect();
    kinds.sort_by_key(|k| k.plural);
    kinds.into_iter()
}

fn verbs(kind: &Kind) -> Vec<&'static str> {
    if kind.is_review() {
        return vec!["create"];
    }
    let all = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    // Namespaces are deleted one by one: each deletion is a process of its own.
    all.into_iter().filter(|verb| *verb != "deletecollection" || !kind.has(Sub::Finalize)).collect()
}

/// Name, group, version, kind and verbs of a subresource.
fn subresource(kind: &Kind, version: &str, sub: Sub) -> (&'static str, Value, Vec<&'static str>) {
    let own = json!({ "group": kind.group, "version": version, "kind": kind.kind });
    match sub {
        Sub::Status => ("status", own, vec!["get", "patch", "update"]),
        Sub::Scale => ("scale", json!({ "group": "autoscaling", "version": "v1", "kind": "Scale" }), vec!["get", "patch", "update"]),
        Sub::Finalize => ("finalize", own, vec!["update"]),
        Sub::Binding => ("binding", json!({ "group": "", "version": "v1", "kind": "Binding" }), vec!["create"]),
        Sub::Eviction => ("eviction", json!({ "group": "policy", "version": "v1", "kind": "Eviction" }), vec!["create"]),
    }
}

/// The subresources of a kind by name.
fn subresources(kind: &Kind, version: &str) -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let mut all: Vec<_> = kind.subresources.iter().map(|sub| subresource(kind, version, *sub)).collect();
    all.sort_by_key(|(name, ..)| *name);
    all
}

fn resource_list(group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for kind in kinds_of(group, version) {
        let mut entry =
            json!({ "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": verbs(kind) });
        for (key, words) in [("shortNames", kind.short), ("categories", kind.categories)] {
            if !words.is_empty() {
                entry[key] = words.into();
            }
        }
        if !kind.is_review() {
            entry["storageVersionHash"] = storage_version_hash(kind.home()).into();
        }
        resources.push(entry);
        for (name, gvk, verbs) in subresources(kind, version) {
            let mut entry = json!({ "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced, "kind": gvk["kind"], "verbs": verbs });
            if gvk["group"] != group {
                entry["group"] = gvk["group"].clone();
                entry["version"] = gvk["version"].clone();
            }
            resources.push(entry);
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources })
}

/// Differs when the version that objects are stored in does, which tells clients that migrate them.
fn storage_version_hash(kind: &Kind) -> String {
    let stored = format!("{}/{}/{}", kind.group, kind.storage, kind.kind);
    STANDARD.encode(&Sha256::digest(stored.as_bytes())[..8])
}

fn aggregated(is_core: bool) -> Value {
    let item = |group: &'static str| {
        let versions: Vec<Value> = versions(group)
            .into_iter()
            .map(|version| json!({ "version": version, "resources": kinds_of(group, version).map(|kind| aggregated_resource(kind, version)).collect::<Vec<_>>(), "freshness": "Current" }))
            .collect();
        let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
        json!({ "metadata": metadata, "versions": versions })
    };
    let items: Vec<Value> = groups().into_iter().filter(|group| group.is_empty() == is_core).map(item).collect();
    json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items })
}

fn aggregated_resource(kind: &Kind, version: &str) -> Value {
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": { "group": kind.group, "version": version, "kind": kind.kind },
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": verbs(kind),
    });
    for (key, words) in [("shortNames", kind.short), ("categories", kind.categories)] {
        if !words.is_empty() {
            resource[key] = words.into();
        }
    }
    let subresources: Vec<Value> = subresources(kind, version)
        .into_iter()
        .map(|(name, gvk, verbs)| json!({ "subresource": name, "responseKind": gvk, "verbs": verbs }))
        .collect();
    if !subresources.is_empty() {
        resource["subresources"] = subresources.into();
    }
    resource
}

#[cfg(test)]
impl Discovery {
    /// The plain document at a path.
    pub fn document(&self, path: &str) -> Value {
        serde_json::from_slice(&self.plain[path].json).expect("a document is JSON")
    }

    /// How many groups and versions there are.
    pub fn group_versions(&self) -> usize {
        group_versions().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(text));
        headers
    }

    #[test]
    fn versions_are_ordered_as_kubernetes_does() {
        let mut all = ["v1alpha1", "v1", "v2beta1", "v10", "v1beta2", "v2"];
        all.sort_by_key(|v| std::cmp::Reverse(priority(v)));
        assert_eq!(all, ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1"]);
    }

    #[test]
    fn the_aggregated_form_comes_only_by_its_newest_name() {
        let discovery = Discovery::new("0.1.0");
        let kind = |text| discovery.answer("/apis", &accept(text)).map(|r| r.map(|r| r.headers()[header::CONTENT_TYPE].clone()));
        assert_eq!(kind(AGGREGATED).expect("served").expect("a document"), AGGREGATED);
        assert_eq!(kind("application/json").expect("served").expect("a document"), "application/json");
        assert_eq!(kind("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList").expect_err("retired").code, 406);
    }

    #[test]
    fn a_client_that_has_the_document_gets_304() {
        let discovery = Discovery::new("0.1.0");
        let first = discovery.answer("/api/v1", &HeaderMap::new()).expect("served").expect("a document");
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(discovery.answer("/api/v1", &headers).expect("served").expect("a document").status(), 304);
    }
}
