//! What can be wrong with what a client sent. The texts are part of the API: clients and suites compare them.

use std::fmt;

/// Why a body could not become an object.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The body lacks the prefix of the Kubernetes protobuf envelope.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NotProtobuf,
    /// The protobuf bytes end early or contradict the table.
    #[error("proto: {0}")]
    Protobuf(String),
    /// The bytes are no JSON.
    #[error("json parse error: {0}")]
    Json(String),
    /// The bytes are no YAML, or more than one document.
    #[error("error converting YAML to JSON: {0}")]
    Yaml(String),
    /// The body does not say what it is, or there is no such kind.
    #[error("no kind \"{kind}\" is registered for version \"{api_version}\"")]
    UnknownKind {
        /// As the body gives it.
        api_version: String,
        /// As the body gives it.
        kind: String,
    },
    /// A value has the wrong type. The text is the part after `cannot be handled as a Service: `.
    #[error("{0}")]
    Type(String),
    /// A patch that cannot be read: 400.
    #[error("{0}")]
    BadPatch(String),
    /// A patch that reads well and does not fit the object: 422.
    #[error("{0}")]
    PatchFailed(String),
    /// More than the limits allow: 413.
    #[error("{0}")]
    TooLarge(String),
}

/// What `fieldValidation` tells the server to do with problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Say nothing.
    Ignore,
    /// Answer with `Warning` headers.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

/// Something that a lenient reader drops. The texts are those of upstream's strict decoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// A field that the kind does not have; the path as `spec.ports[0].foo`.
    Unknown(String),
    /// A field given twice; the last one counts.
    Duplicate(String),
    /// A key given twice in YAML: line (from 1) and key.
    YamlDuplicate(u64, String),
    /// A field of a JSON patch that no operation has, with its path.
    UnknownInPatch(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unknown(path) => write!(f, "unknown field \"{path}\""),
            Problem::Duplicate(path) => write!(f, "duplicate field \"{path}\""),
            Problem::UnknownInPatch(path) => write!(f, "json patch unknown field \"{path}\""),
            Problem::YamlDuplicate(line, key) => write!(f, "line {line}: key \"{key}\" already set in map"),
        }
    }
}

/// The text that refuses a request under `fieldValidation=Strict`; `None` when there is nothing to refuse.
///
/// YAML duplicates come first and in one block, because upstream's YAML reader collects them before it looks at fields.
pub fn strict_text(problems: &[Problem]) -> Option<String> {
    if problems.is_empty() {
        return None;
    }
    let is_yaml = |p: &&Problem| matches!(p, Problem::YamlDuplicate(..));
    let yaml: Vec<String> = problems.iter().filter(is_yaml).map(|p| format!("\n  {p}")).collect();
    let mut parts = Vec::with_capacity(problems.len());
    if !yaml.is_empty() {
        parts.push(format!("yaml: unmarshal errors:{}", yaml.concat()));
    }
    parts.extend(problems.iter().filter(|p| !is_yaml(p)).map(Problem::to_string));
    Some(format!("strict decoding error: {}", parts.join(", ")))
}
