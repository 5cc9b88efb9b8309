//! The formats of strings that Kubernetes objects are made of: names, labels, addresses, paths.
//!
//! Each function returns what is wrong with its argument, in upstream's words (k8s.io/apimachinery `pkg/api/validate/content`
//! and `pkg/util/validation`); an empty list means that it is right. Lengths are bytes. No regular expression is run: these
//! are on the path of every write.

pub mod address;
#[cfg(test)]
mod tests;

use crate::kinds::NameRule;

/// What stands between two dots of a name.
const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const KEY_NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// `must be no more than N characters`.
pub fn max_length(n: usize) -> String {
    format!("must be no more than {n} characters")
}

/// `must be no more than N bytes`: the newer wording, which label keys and values have already.
pub fn max_bytes(n: usize) -> String {
    format!("must be no more than {n} bytes")
}

/// `must be between LOW and HIGH, inclusive`.
pub fn between(low: i64, high: i64) -> String {
    format!("must be between {low} and {high}, inclusive")
}

/// The tail that upstream gives messages about patterns, with examples where there are any.
pub fn pattern(message: &str, regex: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{regex}')");
    }
    let examples: Vec<String> = examples.iter().map(|e| format!("'{e}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

fn lower_or_digit(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

/// The reasons against an object's name.
pub fn name(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::Dns1123Subdomain => dns1123_subdomain(name),
        NameRule::Dns1123Label | NameRule::RelaxedService => dns1123_label(name),
        NameRule::Dns1035Label => dns1035_label(name),
        NameRule::PathSegment => path_segment(name),
    }
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?` without a limit of length.
pub fn is_label(s: &str) -> bool {
    let b = s.as_bytes();
    !b.is_empty() && lower_or_digit(b[0]) && lower_or_digit(b[b.len() - 1]) && b.iter().all(|&c| lower_or_digit(c) || c == b'-')
}

/// Labels joined by dots, without a limit of length.
pub fn is_subdomain(s: &str) -> bool {
    s.split('.').all(is_label)
}

/// A lowercase RFC 1123 label of at most 63 bytes.
pub fn dns1123_label(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 63 {
        errors.push(max_length(63));
    }
    if !is_label(s) {
        errors.push(if is_subdomain(s) {
            "must not contain dots".to_owned()
        } else {
            let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
            pattern(message, LABEL, &["my-name", "123-abc"])
        });
    }
    errors
}

/// A lowercase RFC 1123 subdomain of at most 253 bytes.
pub fn dns1123_subdomain(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 253 {
        errors.push(max_length(253));
    }
    if !is_subdomain(s) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        errors.push(pattern(message, &format!("{LABEL}(\\.{LABEL})*"), &["example.com"]));
    }
    errors
}

/// An RFC 1123 subdomain that may hold capitals, as EndpointSlices of type FQDN once did.
pub fn dns1123_subdomain_caseless(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 253 {
        errors.push(max_length(253));
    }
    if !is_subdomain(&s.to_ascii_lowercase()) {
        let message =
            "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        errors.push(pattern(message, &format!("{LABEL}(\\.{LABEL})*"), &["Example.com"]));
    }
    errors
}

/// A domain to search in: a subdomain whose labels may hold underscores.
pub fn search_domain(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 253 {
        errors.push(max_length(253));
    }
    if !s.split('.').all(|label| is_label(&label.strip_prefix('_').unwrap_or(label).replace('_', "-"))) {
        let label = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
        errors.push(pattern(message, &format!("{label}(\\.{label})*"), &["example.com"]));
    }
    errors
}

/// An RFC 1035 label: as 1123, but it begins with a letter.
pub fn dns1035_label(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 63 {
        errors.push(max_length(63));
    }
    if !(is_label(s) && s.as_bytes()[0].is_ascii_lowercase()) {
        let message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
        errors.push(pattern(message, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    errors
}

/// `*.` and an RFC 1123 subdomain, at most 253 bytes.
pub fn wildcard_subdomain(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 253 {
        errors.push(max_length(253));
    }
    if !s.strip_prefix("*.").is_some_and(is_subdomain) {
        let message = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        errors.push(pattern(message, &format!("\\*\\.{LABEL}(\\.{LABEL})*"), &["*.example.com"]));
    }
    errors
}

fn is_key_name(s: &str) -> bool {
    let b = s.as_bytes();
    !b.is_empty()
        && b[0].is_ascii_alphanumeric()
        && b[b.len() - 1].is_ascii_alphanumeric()
        && b.iter().all(|&c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// A label key or "qualified name": an optional subdomain and `/`, then a name of at most 63 bytes.
pub fn qualified_name(s: &str) -> Vec<String> {
    let words = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    let examples = ["MyName", "my.name", "123-abc"];
    let mut errors = Vec::new();
    let mut parts = s.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(dns1123_subdomain(prefix).into_iter().map(|m| format!("prefix part {}", m.replace("253 characters", "253 bytes"))));
            }
            name
        }
        _ => {
            let tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {} {tail}", pattern(words, KEY_NAME, &examples))];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        errors.push(format!("name part {}", max_bytes(63)));
    }
    if !is_key_name(name) {
        errors.push(format!("name part {}", pattern(words, KEY_NAME, &examples)));
    }
    errors
}

/// A label value: empty, or a name of at most 63 bytes.
pub fn label_value(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 63 {
        errors.push(max_bytes(63));
    }
    if !s.is_empty() && !is_key_name(s) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        errors.push(pattern(message, &format!("({KEY_NAME})?"), &["MyValue", "my_value", "12345"]));
    }
    errors
}

/// A key of a ConfigMap or Secret.
pub fn config_key(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 253 {
        errors.push(max_length(253));
    }
    if s.is_empty() || !s.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.')) {
        let message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        errors.push(pattern(message, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    match s {
        "." => errors.push("must not be '.'".to_owned()),
        ".." => errors.push("must not be '..'".to_owned()),
        s if s.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

/// The name of a port: an IANA service name of at most 15 bytes, lower case.
pub fn port_name(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.len() > 15 {
        errors.push(max_length(15));
    }
    if s.is_empty() || !s.bytes().all(|c| lower_or_digit(c) || c == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !s.bytes().any(|c| c.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_owned());
    }
    if s.contains("--") {
        errors.push("must not contain consecutive hyphens".to_owned());
    }
    if s.starts_with('-') || s.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_owned());
    }
    errors
}

/// A port number that something can listen on.
pub fn port_number(port: i64) -> Vec<String> {
    if (1..=65535).contains(&port) { Vec::new() } else { vec![between(1, 65535)] }
}

/// A name that can stand as one segment of a path.
pub fn path_segment(s: &str) -> Vec<String> {
    if s == "." || s == ".." {
        return vec![format!("may not be '{s}'")];
    }
    ["/", "%"].iter().filter(|c| s.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// The name of an environment variable: printable ASCII without `=`.
pub fn environment_name(s: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if s.is_empty() {
        errors.push("environment variable name must be non-empty".to_owned());
    }
    if !s.bytes().all(|c| (0x20..0x7f).contains(&c) && c != b'=') {
        errors.push("a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned());
    }
    errors
}

/// A header name as Go's HTTP library accepts it in probes.
pub fn header_name(s: &str) -> Vec<String> {
    if !s.is_empty() && s.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
        return Vec::new();
    }
    vec![pattern("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", &["X-Header-Name"])]
}
