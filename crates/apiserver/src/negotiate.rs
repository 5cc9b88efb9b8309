//! Which form a reply takes, from `Accept`, and which one a body has, from `Content-Type`.

use http::{HeaderMap, header};

use crate::protobuf;
use crate::status::{ApiError, Result};

/// What replies can be, for 406.
pub const REPLIES: &str = "application/json, application/yaml";
/// What replies about built-in kinds can be, for 406.
pub const NATIVE_REPLIES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// What request bodies can be, for 415.
pub const BODIES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// What patches can be, for 415, of a built-in kind.
pub const PATCHES: &str =
    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";
/// What patches can be of a kind that is not built into Kubernetes.
pub const CUSTOM_PATCHES: &str = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// Media type of YAML, in bodies and in replies.
pub const YAML: &str = "application/yaml";

/// The shape of objects in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The objects themselves.
    Object,
    /// `meta.k8s.io` Table of this version.
    Table(MetaVersion),
    /// `meta.k8s.io` PartialObjectMetadata(List) of this version.
    Metadata(MetaVersion),
}

/// Versions of `meta.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaVersion {
    /// `meta.k8s.io/v1`.
    V1,
    /// `meta.k8s.io/v1beta1`.
    V1Beta1,
}

impl MetaVersion {
    /// The `apiVersion` text.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// One alternative of an `Accept` header.
#[derive(Debug, PartialEq)]
pub struct Clause<'a> {
    /// `application/json`, lower case as sent.
    pub media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    weight: f32,
}

impl<'a> Clause<'a> {
    /// A parameter such as `as`; empty when absent.
    pub fn parameter(&self, key: &str) -> &'a str {
        self.parameters.iter().find(|(k, _)| *k == key).map_or("", |(_, v)| v)
    }

    /// Whether JSON, or YAML that is made of it, satisfies the clause.
    pub fn takes_json(&self) -> bool {
        matches!(self.media_type, "application/json" | YAML | "application/*" | "*/*")
    }
}

/// The alternatives of `Accept`, best first; one that takes everything when there is no header.
pub fn clauses(headers: &HeaderMap) -> Vec<Clause<'_>> {
    let mut all: Vec<Clause<'_>> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter(|text| !text.trim().is_empty())
        .map(|text| {
            let mut parts = text.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default();
            let parameters: Vec<(&str, &str)> =
                parts.filter_map(|p| p.split_once('=')).map(|(k, v)| (k.trim(), v.trim().trim_matches('"'))).collect();
            let weight = parameters.iter().find(|(k, _)| *k == "q").and_then(|(_, q)| q.parse().ok()).unwrap_or(1.0);
            Clause { media_type, parameters, weight }
        })
        .filter(|clause| clause.weight > 0.0)
        .collect();
    if all.is_empty() {
        all.push(Clause { media_type: "*/*", parameters: Vec::new(), weight: 1.0 });
    }
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    all
}

/// The form of objects that the client likes best among those there are, and whether it likes protobuf best. Kinds that are not built into
/// Kubernetes have no protobuf but for their metadata; a Table has none at all.
pub fn form(headers: &HeaderMap, is_native: bool) -> Result<(Form, bool)> {
    let of_clause = |clause: &Clause<'_>| {
        let is_protobuf = clause.media_type == protobuf::MEDIA_TYPE;
        let version = match (clause.parameter("g"), clause.parameter("v")) {
            ("meta.k8s.io", "v1") => Some(MetaVersion::V1),
            ("meta.k8s.io", "v1beta1") => Some(MetaVersion::V1Beta1),
            _ => None,
        };
        let form = match (clause.parameter("as"), version) {
            ("", _) if is_protobuf && !is_native => None,
            ("", _) => Some(Form::Object),
            ("Table", Some(version)) if !is_protobuf => Some(Form::Table(version)),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", Some(version)) => Some(Form::Metadata(version)),
            _ => None,
        };
        form.filter(|_| is_protobuf || clause.takes_json()).map(|form| (form, is_protobuf))
    };
    let possible = if is_native { NATIVE_REPLIES } else { REPLIES };
    clauses(headers).iter().find_map(of_clause).ok_or_else(|| ApiError::not_acceptable(possible))
}

/// Whether the first alternative that asks for metadata alone calls it this.
pub fn asks_metadata_as(headers: &HeaderMap, name: &str) -> bool {
    let all = clauses(headers);
    all.iter().map(|clause| clause.parameter("as")).find(|form| form.starts_with("PartialObjectMetadata")) == Some(name)
}

/// 406 when a client takes none of what replies about a built-in kind can be, by the names alone: upstream's router judges so before anybody
/// looks at parameters, and knows no `application/*`.
pub fn routable(headers: &HeaderMap, is_collection: bool) -> Result<()> {
    let is_one = |clause: &Clause<'_>| matches!(clause.media_type, "*/*" | "application/json" | YAML | protobuf::MEDIA_TYPE);
    if clauses(headers).iter().any(is_one) {
        return Ok(());
    }
    let live = if is_collection { ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch" } else { "" };
    Err(ApiError::not_routable(&format!("{NATIVE_REPLIES}{live}")))
}

/// In which form a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// JSON, indented when the client is one that people read.
    Json,
    /// JSON, which is always indented: the client takes nothing that a refusal can be.
    Raw,
    /// YAML.
    Yaml,
    /// Protobuf, where the kind has it.
    Protobuf,
}

/// The form of refusals that a client likes best. They are never Tables or the like, so such alternatives do not count.
pub fn refusal(headers: &HeaderMap, is_native: bool) -> Refusal {
    let of_clause = |clause: &Clause<'_>| match clause.media_type {
        _ if !clause.parameter("as").is_empty() => None,
        protobuf::MEDIA_TYPE => is_native.then_some(Refusal::Protobuf),
        YAML => Some(Refusal::Yaml),
        _ => clause.takes_json().then_some(Refusal::Json),
    };
    clauses(headers).iter().find_map(of_clause).unwrap_or(Refusal::Raw)
}

/// Whether the reply is to be YAML: it comes before everything that JSON satisfies.
pub fn prefers_yaml(headers: &HeaderMap) -> bool {
    clauses(headers).iter().find(|clause| clause.takes_json()).is_some_and(|clause| clause.media_type == YAML)
}

/// 406 unless the client takes objects as they are, for replies about built-in kinds that have no other form.
pub fn plain(headers: &HeaderMap) -> Result<()> {
    let is_plain = |clause: &Clause<'_>| (clause.takes_json() || clause.media_type == protobuf::MEDIA_TYPE) && clause.parameter("as").is_empty();
    if clauses(headers).iter().any(is_plain) { Ok(()) } else { Err(ApiError::not_acceptable(NATIVE_REPLIES)) }
}

/// Media type of a request body without parameters; JSON when the client says nothing.
pub fn content_type(headers: &HeaderMap) -> &str {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() { "application/json" } else { media_type }
}

/// Whether the client takes gzip.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).any(|v| {
        let (name, weight) = v.split_once(';').unwrap_or((v, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

/// Indented JSON: asked for, or the client is one that people read.
pub fn pretty(headers: &HeaderMap, asked: Option<&str>) -> bool {
    match asked {
        Some(answer) => !matches!(answer, "0" | "false"),
        None => {
            let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
            ["curl", "Wget", "Mozilla/5.0"].iter().any(|known| agent.starts_with(known))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, text.parse().expect("a header value"));
        headers
    }

    #[test]
    fn the_first_form_that_exists_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let json = |text: &str| form(&accept(text), true).expect(text);
        assert_eq!(json(kubectl), (Form::Table(MetaVersion::V1), false));
        assert_eq!(json("application/json;as=Nonsense;v=v1;g=meta.k8s.io, */*"), (Form::Object, false));
        assert_eq!(form(&HeaderMap::new(), true).expect("any"), (Form::Object, false));
        assert_eq!(json("application/yaml"), (Form::Object, false));
        assert_eq!(json("text/nonsense, */*;q=0.1"), (Form::Object, false));
    }

    #[test]
    fn protobuf_is_for_built_in_kinds_and_for_metadata() {
        let typed = accept("application/vnd.kubernetes.protobuf, application/json");
        assert_eq!(form(&typed, true).expect("protobuf"), (Form::Object, true));
        assert_eq!(form(&typed, false).expect("json"), (Form::Object, false));
        let metadata = accept("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json");
        assert_eq!(form(&metadata, false).expect("metadata"), (Form::Metadata(MetaVersion::V1), true));
        let table = accept("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1");
        assert_eq!(form(&table, true).expect_err("a Table has rows of any type").code, 406);
        assert!(plain(&typed).is_ok());
    }

    #[test]
    fn yaml_is_made_only_when_it_is_liked_best() {
        for (text, is_yaml) in
            [("application/yaml", true), ("application/yaml, */*;q=0.1", true), ("application/json, application/yaml", false), ("*/*", false)]
        {
            assert_eq!(prefers_yaml(&accept(text)), is_yaml, "{text}");
        }
    }

    #[test]
    fn a_table_of_what_has_no_table_is_406() {
        assert_eq!(plain(&accept("application/json;as=Table;v=v1;g=meta.k8s.io")).expect_err("a table only").code, 406);
        assert!(plain(&accept("application/json;as=Table;v=v1;g=meta.k8s.io, application/json")).is_ok());
    }

    #[test]
    fn what_cannot_be_made_is_406() {
        for text in ["text/nonsense", "application/vnd.kubernetes.protobuf", "application/json;as=Table;v=v7;g=meta.k8s.io"] {
            assert_eq!(form(&accept(text), false).expect_err(text).code, 406);
        }
    }
}
