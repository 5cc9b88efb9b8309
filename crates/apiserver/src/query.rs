//! The query of a request: decoding, and the options that lists, writes and deletions read from it.

use std::time::Duration;

use schema::Strictness;
use serde_json::Value;

use crate::field::{FieldErrors, Path};
use crate::status::{ApiError, Result};

/// Decoded query parameters in the order sent.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes what stands behind the `?`.
    pub fn parse(text: &str) -> Self {
        let pair = |part: &str| match part.split_once('=') {
            Some((key, value)) => (decode(key, true), decode(value, true)),
            None => (decode(part, true), String::new()),
        };
        Self(text.split('&').filter(|part| !part.is_empty()).map(pair).collect())
    }

    /// The first value of a parameter, if it is not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The first value of a parameter, empty or not.
    pub fn first(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The number that a parameter is; none when it is absent.
    pub fn number(&self, key: &str) -> Result<Option<i64>> {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let Some(text) = self.first(key) else { return Ok(None) };
        text.parse::<i64>().map(Some).map_err(|error| {
            let why = if matches!(error.kind(), PosOverflow | NegOverflow) { "value out of range" } else { "invalid syntax" };
            ApiError::bad_request(format!("strconv.ParseInt: parsing {}: {why}", crate::field::quote(text)))
        })
    }

    /// Whether a parameter is there, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(k, _)| k == key)
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// All parameters in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// A switch: absent is false; present without a value, `1` or `true` is true.
    pub fn switch(&self, key: &str) -> bool {
        self.0.iter().find(|(k, _)| k == key).is_some_and(|(_, v)| !matches!(v.as_str(), "0" | "false" | "False" | "FALSE" | "f" | "F"))
    }

    /// Adds a parameter, as the deprecated `/watch/` paths need it.
    pub fn push(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }

    /// Adds a field requirement to those that are there.
    pub fn require_field(&mut self, requirement: &str) {
        match self.0.iter_mut().find(|(k, _)| k == "fieldSelector") {
            Some((_, present)) if !present.is_empty() => *present = format!("{present},{requirement}"),
            Some((_, present)) => *present = requirement.to_owned(),
            None => self.push("fieldSelector", requirement.to_owned()),
        }
    }
}

/// Undoes percent encoding; `plus` turns `+` into a blank. What is not UTF-8 becomes the replacement character.
pub fn decode(text: &str, plus: bool) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let digit = |b: u8| (b as char).to_digit(16);
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let escaped = match bytes[at..] {
            [b'%', high, low, ..] => digit(high).zip(digit(low)).map(|(h, l)| (h * 16 + l) as u8),
            _ => None,
        };
        match (escaped, bytes[at]) {
            (Some(byte), _) => {
                out.push(byte);
                at += 2;
            }
            (None, b'+') if plus => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// How a list or watch reads: `metav1.ListOptions` without its selectors.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// `resourceVersion` as sent, empty when unset.
    pub resource_version: String,
    /// `resourceVersionMatch=Exact`.
    pub exact: bool,
    /// `resourceVersionMatch=NotOlderThan`.
    pub not_older_than: bool,
    /// Most items of a page, 0 = all.
    pub limit: usize,
    /// The token of the next page, empty at the first.
    pub resume: String,
    /// `timeoutSeconds`.
    pub timeout: Option<Duration>,
    /// `allowWatchBookmarks`.
    pub bookmarks: bool,
    /// `sendInitialEvents` (KEP-3157).
    pub initial_events: Option<bool>,
}

impl ListOptions {
    /// Reads and checks the options.
    pub fn read(query: &Query) -> Result<Self> {
        let number = |key: &str| query.number(key).map(Option::unwrap_or_default);
        let matching = query.get("resourceVersionMatch").unwrap_or_default();
        let options = Self {
            resource_version: query.get("resourceVersion").unwrap_or_default().to_owned(),
            exact: matching == "Exact",
            not_older_than: matching == "NotOlderThan",
            limit: usize::try_from(number("limit")?).unwrap_or(0),
            resume: query.get("continue").unwrap_or_default().to_owned(),
            timeout: u64::try_from(number("timeoutSeconds")?).ok().filter(|s| *s > 0).map(Duration::from_secs),
            bookmarks: query.switch("allowWatchBookmarks"),
            initial_events: query.has("sendInitialEvents").then(|| query.switch("sendInitialEvents")),
        };
        // The old prefix of paths that watch is no option: what stands beside it is judged as for a list.
        let errors = if query.switch("watch") { options.wrong_for_watch(matching) } else { options.wrong_for_list(matching) };
        if errors.is_empty() { Ok(options) } else { Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &errors)) }
    }

    fn wrong_for_list(&self, matching: &str) -> FieldErrors {
        let path = Path::new("resourceVersionMatch");
        let mut errors = FieldErrors::new();
        if !matching.is_empty() {
            if self.resource_version.is_empty() {
                errors.push(path.forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"));
            }
            if !self.resume.is_empty() {
                errors.push(path.forbidden("resourceVersionMatch is forbidden when continue is provided"));
            }
            if !self.exact && !self.not_older_than {
                errors.push(path.not_supported(matching, &["Exact", "NotOlderThan", ""]));
            }
            if self.exact && self.resource_version == "0" {
                errors.push(path.forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
            }
        }
        if self.initial_events.is_some() {
            errors.push(Path::new("sendInitialEvents").forbidden("sendInitialEvents is forbidden for list"));
        }
        errors
    }

    fn wrong_for_watch(&self, matching: &str) -> FieldErrors {
        let path = Path::new("resourceVersionMatch");
        let mut errors = FieldErrors::new();
        if self.initial_events.is_some() && !self.not_older_than {
            errors.push(path.forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
        }
        if !self.resume.is_empty() {
            errors.push(path.forbidden("resourceVersionMatch is forbidden when continue is provided"));
        }
        if !matching.is_empty() {
            if self.initial_events.is_none() {
                errors.push(path.forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
            }
            if !self.not_older_than {
                errors.push(path.not_supported(matching, &["NotOlderThan"]));
            }
        }
        errors
    }
}

/// How a write is made.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// `dryRun=All`.
    pub dry_run: bool,
    /// Who writes, for managedFields.
    pub manager: String,
    /// What happens to unknown and duplicate fields.
    pub strictness: Strictness,
    /// `force` of an apply.
    pub force: bool,
}

/// Which write the options belong to: their validation differs a little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH that is not an apply.
    Patch,
    /// PATCH with an apply configuration.
    Apply,
}

impl WriteOptions {
    /// Reads and checks the options; `user_agent` names the manager when the query does not.
    pub fn read(query: &Query, write: Write, user_agent: &str) -> Result<Self> {
        let mut errors = FieldErrors::new();
        let manager = query.get("fieldManager").unwrap_or_default();
        if manager.is_empty() && write == Write::Apply {
            errors.push(Path::new("fieldManager").required("is required for apply patch"));
        }
        if manager.len() > 128 {
            errors.push(Path::new("fieldManager").too_long(128));
        } else if let Some((at, odd)) = manager.char_indices().find(|(_, c)| c.is_control()) {
            let why = format!("invalid character U+{:04X} (at position {at})", u32::from(odd));
            errors.push(Path::new("fieldManager").invalid(manager, why));
        }
        if write == Write::Patch && query.has("force") {
            errors.push(Path::new("force").forbidden("may not be specified for non-apply patch"));
        }
        errors.extend(wrong_dry_run(query.all("dryRun")));
        let strictness = match query.get("fieldValidation").unwrap_or("Warn") {
            "Ignore" => Strictness::Ignore,
            "Warn" => Strictness::Warn,
            "Strict" => Strictness::Strict,
            other => {
                errors.push(Path::new("fieldValidation").not_supported(other, &["", "Ignore", "Strict", "Warn"]));
                Strictness::Warn
            }
        };
        if !errors.is_empty() {
            let kind = match write {
                Write::Create => "CreateOptions",
                Write::Update => "UpdateOptions",
                Write::Patch | Write::Apply => "PatchOptions",
            };
            return Err(ApiError::invalid("meta.k8s.io", kind, "", &errors));
        }
        let manager = if manager.is_empty() { manager_from(user_agent) } else { manager.to_owned() };
        Ok(Self { dry_run: query.get("dryRun").is_some(), manager, strictness, force: query.switch("force") })
    }
}

/// The manager of a client that names none: its user agent up to the first slash, at most 128 bytes.
fn manager_from(user_agent: &str) -> String {
    let name: String = user_agent.split('/').next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    let mut end = name.len().min(128);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 { "unknown".to_owned() } else { name[..end].to_owned() }
}

/// `dryRun` may only say `All`.
pub fn wrong_dry_run<'a>(values: impl Iterator<Item = &'a str>) -> FieldErrors {
    // An empty value is refused, too: who sends it means no write that lasts.
    let given: Vec<&str> = values.collect();
    if given.iter().all(|v| *v == "All") {
        return FieldErrors::new();
    }
    let shown: Vec<Value> = given.into_iter().map(Value::from).collect();
    vec![Path::new("dryRun").not_supported(Value::Array(shown), &["All"])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_keeps_repeated_keys() {
        let query = Query::parse("a=1&b=x%3Dy+z&a=2&watch&none=");
        assert_eq!((query.get("a"), query.get("b"), query.get("none")), (Some("1"), Some("x=y z"), None));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert!(query.switch("watch") && !query.switch("absent"));
        assert_eq!(decode("%zz%4", false), "%zz%4", "a broken escape stays as it is");
    }

    #[test]
    fn numbers_that_are_none_are_400() {
        let wrong = |q: &str| ListOptions::read(&Query::parse(q)).expect_err(q).message;
        assert_eq!(wrong("limit="), r#"strconv.ParseInt: parsing "": invalid syntax"#);
        assert_eq!(wrong("limit=99999999999999999999"), r#"strconv.ParseInt: parsing "99999999999999999999": value out of range"#);
    }

    #[test]
    fn list_options_that_contradict_each_other_are_422() {
        let wrong = |q: &str| ListOptions::read(&Query::parse(q)).err().map(|e| e.message).unwrap_or_default();
        assert!(wrong("resourceVersionMatch=NotOlderThan").ends_with("resourceVersionMatch is forbidden unless resourceVersion is provided"));
        assert!(wrong("resourceVersionMatch=Exact&resourceVersion=0").contains("\"exact\" is forbidden for resourceVersion \"0\""));
        assert!(wrong("sendInitialEvents=true").contains("sendInitialEvents is forbidden for list"));
        assert!(wrong("watch=1&sendInitialEvents=true").contains("requires setting resourceVersionMatch to NotOlderThan"));
        assert_eq!(wrong("watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"), "");
    }

    #[test]
    fn the_manager_comes_from_the_user_agent() {
        let read = |q: &str, agent: &str| WriteOptions::read(&Query::parse(q), Write::Patch, agent);
        assert_eq!(read("", "my-tool/1.2 (x)").expect("fine").manager, "my-tool");
        assert_eq!(read("fieldManager=me", "x/1").expect("fine").manager, "me");
        assert!(read("dryRun=", "x").expect_err("no word").message.contains(r#"Unsupported value: [""]"#));
        assert!(read("dryRun=Some", "x").expect_err("unknown").message.contains("Unsupported value: [\"Some\"]"));
        assert!(read("force=true", "x").expect_err("no apply").message.contains("may not be specified for non-apply patch"));
    }
}
