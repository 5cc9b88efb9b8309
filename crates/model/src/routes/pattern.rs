//! Regular expressions of routes: the dialect, the bounds, and equality by text.

use std::fmt;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

/// Longest text of an expression, in bytes (gateway spec G56).
pub const PATTERN_BYTES: usize = 4096;
/// Largest compiled expression, in bytes.
const COMPILED_BYTES: usize = 1 << 20;

/// An expression that a whole value must match. It runs in time linear to the value.
#[derive(Clone)]
pub struct Pattern(Arc<Compiled>);

struct Compiled {
    text: Arc<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression, anchored at both ends, with ASCII classes (GEP-4359). The error says what is wrong with it.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, String> {
        let text = text.into();
        if text.len() > PATTERN_BYTES {
            return Err(format!("regular expression of {} bytes is longer than {PATTERN_BYTES}", text.len()));
        }
        let build = |text: &str| RegexBuilder::new(text).unicode(false).size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES).build();
        // Alone first: unbalanced parentheses must not become valid through those that anchor it.
        build(&text).and_then(|_| build(&format!(r"\A(?:{text})\z"))).map(|regex| Self(Arc::new(Compiled { regex, text }))).map_err(|error| {
            match error {
                regex::Error::CompiledTooBig(_) => format!("regular expression compiles to more than {COMPILED_BYTES} bytes; make it simpler"),
                error => format!("regular expression is invalid: {}", last_line(&error.to_string())),
            }
        })
    }

    /// The expression as written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Whether the whole value matches.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.regex.is_match(value)
    }
}

/// The parser draws the expression over several lines; the last one names the mistake.
fn last_line(message: &str) -> &str {
    let last = message.trim_end().rsplit('\n').next().unwrap_or(message);
    last.strip_prefix("error: ").unwrap_or(last)
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.0.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_values_with_ascii_classes() {
        let pattern = Pattern::new("v[0-9]+|x").expect("valid");
        assert!(pattern.matches(b"v12") && pattern.matches(b"x"));
        assert!(!pattern.matches(b"v12b") && !pattern.matches(b"xv1"));
        let digit = Pattern::new(r"\d").expect("valid");
        assert!(digit.matches(b"7") && !digit.matches("\u{0667}".as_bytes()));
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        assert_eq!(Pattern::new("([").expect_err("invalid"), "regular expression is invalid: unclosed character class");
        assert!(Pattern::new(")(").is_err());
        assert!(Pattern::new("a".repeat(PATTERN_BYTES + 1)).expect_err("long").contains("longer than"));
        assert!(Pattern::new("(?:a{1000}){1000}").expect_err("large").contains("compiles to more"));
    }
}
