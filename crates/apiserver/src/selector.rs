//! Label and field selectors: parsing with upstream's refusals, and matching.

use crate::field::Path;
use crate::status::{ApiError, Result};
use crate::syntax;

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRequirement {
    /// Label key.
    pub key: String,
    /// What must hold.
    pub test: LabelTest,
}

/// What a label requirement asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelTest {
    /// The label has one of these values.
    In(Vec<String>),
    /// The label is absent or has none of these values.
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is not there.
    Absent,
    /// The label is a number above this one.
    Above(i64),
    /// The label is a number below this one.
    Below(i64),
}

impl LabelRequirement {
    /// Whether a label's value (or its absence) satisfies the requirement.
    pub fn admits(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.test {
            LabelTest::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
            LabelTest::NotIn(values) => !value.is_some_and(|v| values.iter().any(|w| w == v)),
            LabelTest::Exists => value.is_some(),
            LabelTest::Absent => value.is_none(),
            LabelTest::Above(bound) => number().is_some_and(|n| n > *bound),
            LabelTest::Below(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

/// One requirement on a field: `path` = or != `value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// `metadata.name`, `spec.nodeName`, ...
    pub path: String,
    /// The value compared with.
    pub value: String,
    /// True for `=`, false for `!=`.
    pub equal: bool,
}

/// Reads a label selector; an empty one has no requirements.
pub fn labels(text: &str) -> Result<Vec<LabelRequirement>> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut requirements = Vec::new();
    match parser.peek() {
        Token::End => return Ok(requirements),
        Token::Word(_) | Token::Not => {}
        other => return Err(ApiError::bad_request(format!("found '{}', expected: !, identifier, or 'end of string'", other.text()))),
    }
    loop {
        requirements.push(parser.requirement()?);
        match parser.next() {
            Token::End => return Ok(requirements),
            // A trailing comma is tolerated only by being refused in upstream's words.
            Token::Comma if matches!(parser.peek(), Token::Word(_) | Token::Not) => {}
            Token::Comma => return Err(ApiError::bad_request(format!("found '{}', expected: identifier after ','", parser.peek().text()))),
            other => return Err(ApiError::bad_request(format!("found '{}', expected: ',' or 'end of string'", other.text()))),
        }
    }
}

fn refuse(why: String) -> ApiError {
    ApiError::bad_request(format!("unable to parse requirement: {why}"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Comma,
    Open,
    Close,
    Not,
    Equal,
    DoubleEqual,
    NotEqual,
    Above,
    Below,
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) => text,
            Self::Comma => ",",
            Self::Open => "(",
            Self::Close => ")",
            Self::Not => "!",
            Self::Equal => "=",
            Self::DoubleEqual => "==",
            Self::NotEqual => "!=",
            Self::Above => ">",
            Self::Below => "<",
            Self::End => "",
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    const SYMBOLS: &str = ",()!=<>";
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            ',' => (Token::Comma, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '>' => (Token::Above, 1),
            '<' => (Token::Below, 1),
            '=' if rest.starts_with("==") => (Token::DoubleEqual, 2),
            '=' => (Token::Equal, 1),
            '!' if rest.starts_with("!=") => (Token::NotEqual, 2),
            '!' => (Token::Not, 1),
            _ => {
                let length = rest.find(|c: char| c.is_whitespace() || SYMBOLS.contains(c)).unwrap_or(rest.len());
                (Token::Word(rest[..length].to_owned()), length)
            }
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    found.push(Token::End);
    found
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<LabelRequirement> {
        let absent = self.peek() == &Token::Not;
        if absent {
            self.at += 1;
        }
        let key = match self.next() {
            Token::Word(key) => key,
            other => return Err(refuse(format!("found '{}', expected: identifier", other.text()))),
        };
        if let Some(why) = syntax::qualified_name(&key).into_iter().next() {
            // Upstream knows no path here, and says so.
            return Err(refuse(Path::new("<nil>").invalid(key, why).to_string()));
        }
        if absent {
            return Ok(LabelRequirement { key, test: LabelTest::Absent });
        }
        let test = match self.peek().clone() {
            Token::End | Token::Comma => LabelTest::Exists,
            Token::Equal | Token::DoubleEqual => LabelTest::In(vec![self.operand(&key)?]),
            Token::NotEqual => LabelTest::NotIn(vec![self.operand(&key)?]),
            Token::Above => LabelTest::Above(self.number(&key)?),
            Token::Below => LabelTest::Below(self.number(&key)?),
            Token::Word(word) if word == "in" => LabelTest::In(self.values(&key)?),
            Token::Word(word) if word == "notin" => LabelTest::NotIn(self.values(&key)?),
            other => return Err(refuse(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.text()))),
        };
        Ok(LabelRequirement { key, test })
    }

    /// The value behind the operator that is next; nothing there means the empty value.
    fn operand(&mut self, key: &str) -> Result<String> {
        self.at += 1;
        match self.peek().clone() {
            Token::Word(value) => {
                self.at += 1;
                checked(key, value)
            }
            Token::End | Token::Comma => Ok(String::new()),
            other => Err(refuse(format!("found '{}', expected: identifier", other.text()))),
        }
    }

    fn number(&mut self, key: &str) -> Result<i64> {
        let text = self.operand(key)?;
        let why = "for 'Gt', 'Lt' operators, the value must be an integer";
        text.parse().map_err(|_| refuse(Path::new("values").index(0).invalid(text, why).to_string()))
    }

    fn values(&mut self, key: &str) -> Result<Vec<String>> {
        self.at += 1;
        match self.next() {
            Token::Open => {}
            other => return Err(refuse(format!("found '{}' expected: '('", other.text()))),
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                Token::Word(value) => {
                    values.push(checked(key, value)?);
                    match self.next() {
                        Token::Comma => {}
                        Token::Close => return Ok(values),
                        other => return Err(refuse(format!("found '{}', expected: ',' or ')'", other.text()))),
                    }
                }
                // `in (a,)` and `in ()` name the empty value.
                Token::Comma => values.push(String::new()),
                Token::Close => {
                    values.push(String::new());
                    return Ok(values);
                }
                other => return Err(refuse(format!("found '{}', expected: ',', ')' or identifier", other.text()))),
            }
        }
    }
}

fn checked(key: &str, value: String) -> Result<String> {
    match syntax::label_value(&value).into_iter().next() {
        Some(why) => Err(refuse(Path::new("values").index(0).key(key).invalid(value, why).to_string())),
        None => Ok(value),
    }
}

/// Reads a field selector; an empty one has no requirements. Which paths exist is the caller's business.
pub fn fields(text: &str) -> Result<Vec<FieldRequirement>> {
    let mut requirements = Vec::new();
    for term in split_unescaped(text) {
        if term.is_empty() {
            continue;
        }
        let (path, value, equal) =
            operator(term).ok_or_else(|| ApiError::bad_request(format!("invalid selector: '{text}'; can't understand '{term}'")))?;
        requirements.push(FieldRequirement { path: path.to_owned(), value: unescape(value)?, equal });
    }
    Ok(requirements)
}

/// Cuts at commas that no backslash precedes.
fn split_unescaped(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The path, the value and whether they must be equal.
fn operator(term: &str) -> Option<(&str, &str, bool)> {
    let at = term.find(['=', '!'])?;
    let (path, rest) = term.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((path, value, false));
    }
    rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')).map(|value| (path, value, true))
}

fn unescape(value: &str) -> Result<String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next @ ('\\' | ',' | '=')) => out.push(next),
                other => {
                    let shown = other.map_or_else(|| "\\".to_owned(), |o| format!("\\{o}"));
                    return Err(ApiError::bad_request(format!("invalid field selector: invalid escape sequence: {shown}")));
                }
            },
            ',' | '=' => return Err(ApiError::bad_request(format!("invalid field selector: unescaped character in value: {}", u32::from(c)))),
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(selector: &str, value: Option<&str>) -> bool {
        labels(selector).expect(selector).iter().all(|r| r.admits(value))
    }

    #[test]
    fn every_operator_of_label_selectors_works() {
        for (selector, some, none) in [
            ("k=a", true, false),
            ("k==a", true, false),
            ("k!=a", false, true),
            ("k in (a,b)", true, false),
            ("k notin (a, b)", false, true),
            ("k", true, false),
            ("!k", false, true),
            ("k in (b)", false, false),
            ("k,k!=b", true, false),
            ("", true, true),
        ] {
            assert_eq!((admits(selector, Some("a")), admits(selector, None)), (some, none), "{selector}");
        }
        assert!(admits("k>4", Some("5")) && !admits("k<4", Some("5")) && !admits("k>4", Some("x")));
        assert_eq!(labels("k in ()").expect("empty value")[0].test, LabelTest::In(vec![String::new()]));
    }

    #[test]
    fn bad_label_selectors_are_refused_in_upstream_words() {
        let why = |s: &str| labels(s).expect_err(s).message;
        assert_eq!(why("a b c"), "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        assert_eq!(why("a,"), "found '', expected: identifier after ','");
        assert_eq!(why("=a"), "found '=', expected: !, identifier, or 'end of string'");
        assert!(why("-a=b").starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must"), "{}", why("-a=b"));
        assert!(why("bad key!=").contains("found 'key'"));
        for bad in ["=a", "k in a", "k in (a", "k>x", "k=v v", "-=b", "()"] {
            assert_eq!(labels(bad).expect_err(bad).code, 400);
        }
    }

    #[test]
    fn field_selectors_split_at_unescaped_commas() {
        let got = fields(r"a=1\,2,b!=x,c==").expect("fine");
        let plain: Vec<_> = got.iter().map(|r| (r.path.as_str(), r.value.as_str(), r.equal)).collect();
        assert_eq!(plain, [("a", "1,2", true), ("b", "x", false), ("c", "", true)]);
        for bad in ["a", "a=b=c", r"a=\x"] {
            assert_eq!(fields(bad).expect_err(bad).code, 400);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_selector_panics(text in ".{0,40}") {
            let _ = (labels(&text), fields(&text));
        }
    }
}
