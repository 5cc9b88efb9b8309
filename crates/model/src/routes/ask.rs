//! What the look-up reads of a request, and how conditions on it are tested.

use smallvec::SmallVec;

use super::{Filter, RouteMatch, ValueMatch, ValueTest};

/// What the look-up asks of a request. Host and path are already in normal form (gateway spec G97).
pub trait Ask {
    /// Lower case, without port and trailing dot; empty when there is none.
    fn host(&self) -> &str;
    /// Begins with `/` (or is `*`).
    fn path(&self) -> &str;
    /// Without the `?`.
    fn query(&self) -> Option<&str>;
    /// Upper case.
    fn method(&self) -> &str;
    /// Calls `each` with the value of every field of this lower-case name, in order.
    fn header(&self, name: &str, each: &mut dyn FnMut(&[u8]));
}

/// The condition of a candidate that a request does not meet.
#[derive(Clone, Copy, Debug)]
pub enum Failed<'a> {
    /// The path does not match the expression.
    Path,
    /// Another method is asked for.
    Method(&'a str),
    /// A header is absent or has another value.
    Header(&'a ValueMatch),
    /// A query parameter is absent or has another value.
    Query(&'a ValueMatch),
}

impl std::fmt::Display for Failed<'_> {
    /// `method is not PUT`, `header x-color is not "red"`, ...
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failed::Path => f.write_str("path does not match the regular expression"),
            Failed::Method(wanted) => write!(f, "method is not {wanted}"),
            Failed::Header(wanted) => write!(f, "header {wanted}"),
            Failed::Query(wanted) => write!(f, "query parameter {wanted}"),
        }
    }
}

impl std::fmt::Display for ValueMatch {
    /// The condition, negated: `x-color is not "red"`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.test {
            ValueTest::Exact(value) => write!(f, "{} is not {value:?}", self.name),
            ValueTest::Regex(pattern) => write!(f, "{} does not match {pattern:?}", self.name),
        }
    }
}

/// A value of a request; usual ones are on the stack.
type Value = SmallVec<[u8; 256]>;

/// A request with its query split at most once, and only when a condition asks for it.
pub(super) struct Asked<'a, A> {
    pub(super) ask: &'a A,
    pairs: Option<SmallVec<[(&'a str, &'a str); 16]>>,
}

impl<'a, A: Ask> Asked<'a, A> {
    pub(super) fn new(ask: &'a A) -> Self {
        Self { ask, pairs: None }
    }

    /// The first condition besides host and path that does not hold.
    pub(super) fn failed<'m>(&mut self, one: &'m RouteMatch) -> Option<Failed<'m>> {
        if let Some(method) = &one.method
            && **method != *self.ask.method()
            && !self.is_preflight_of(one, method)
        {
            return Some(Failed::Method(method));
        }
        if let Some(header) = one.headers.iter().find(|wanted| !self.header_holds(wanted)) {
            return Some(Failed::Header(header));
        }
        one.query.iter().find(|wanted| !self.query_holds(wanted)).map(Failed::Query)
    }

    /// A browser asks with OPTIONS whether it may send this method: the rule that would serve it, and says so, answers (gateway spec G62).
    fn is_preflight_of(&self, one: &RouteMatch, method: &str) -> bool {
        self.ask.method() == "OPTIONS"
            && one.rule.filters.iter().any(|filter| matches!(filter, Filter::Cors(_)))
            && self.header("origin").is_some()
            && self.header_is("access-control-request-method", method.as_bytes())
    }

    fn header_holds(&self, wanted: &ValueMatch) -> bool {
        match &wanted.test {
            ValueTest::Exact(value) => self.header_is(&wanted.name, value.as_bytes()),
            ValueTest::Regex(pattern) => self.header(&wanted.name).is_some_and(|value| pattern.matches(&value)),
        }
    }

    /// Whether the header has exactly this value, without putting it together.
    fn header_is(&self, name: &str, value: &[u8]) -> bool {
        let mut count = 0;
        let mut left = Some(value);
        self.ask.header(name, &mut |field| {
            let rest = if count == 0 { left } else { left.and_then(|left| left.strip_prefix(b", ")) };
            left = rest.and_then(|left| left.strip_prefix(field));
            count += 1;
        });
        count > 0 && left.is_some_and(<[u8]>::is_empty)
    }

    /// The value of a header; repeated fields are one value, joined with `, ` (gateway spec G56).
    pub(super) fn header(&self, name: &str) -> Option<Value> {
        let mut joined: Option<Value> = None;
        self.ask.header(name, &mut |field| match &mut joined {
            Some(joined) => {
                joined.extend_from_slice(b", ");
                joined.extend_from_slice(field);
            }
            None => joined = Some(Value::from_slice(field)),
        });
        joined
    }

    fn query_holds(&mut self, wanted: &ValueMatch) -> bool {
        let Some(value) = self.raw_query(&wanted.name) else { return false };
        match &wanted.test {
            ValueTest::Exact(exact) => decoded(value).eq(exact.bytes()),
            ValueTest::Regex(pattern) => pattern.matches(&decoded(value).collect::<Value>()),
        }
    }

    /// The value of a query parameter.
    pub(super) fn query(&mut self, name: &str) -> Option<Value> {
        self.raw_query(name).map(|value| decoded(value).collect())
    }

    /// The first value of the name counts; `+` is a space (gateway spec G56).
    fn raw_query(&mut self, name: &str) -> Option<&'a str> {
        let query = self.ask.query().unwrap_or_default();
        let pairs = self
            .pairs
            .get_or_insert_with(|| query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect());
        pairs.iter().find(|(known, _)| decoded(known).eq(name.bytes())).map(|(_, value)| *value)
    }
}

/// The bytes of a query component; an escape that is none stays as it is.
fn decoded(component: &str) -> impl Iterator<Item = u8> {
    let bytes = component.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let byte = *bytes.get(at)?;
        at += 1;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, bytes.get(at).and_then(digit), bytes.get(at + 1).and_then(digit)) {
            (b'%', Some(high), Some(low)) => {
                at += 2;
                Some(high * 16 + low)
            }
            (b'+', ..) => Some(b' '),
            _ => Some(byte),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_components_are_decoded_and_bad_escapes_stay() {
        let text = |component| String::from_utf8(decoded(component).collect()).expect("text");
        assert_eq!(text("a%20b+c"), "a b c");
        assert_eq!(text("%zz%4"), "%zz%4");
        assert_eq!(text("%2b"), "+");
    }
}
