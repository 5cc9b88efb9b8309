//! Errors of single fields: what is wrong, where, and in which words.
//!
//! Every rule of a kind returns these; `status` makes one `Invalid` answer of them. The texts are asserted by client suites
//! and read by people, so they follow k8s.io/apimachinery `pkg/util/validation/field`: path, type, value, detail.
//! Nothing here knows a kind.

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

/// What kind of mistake a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// Nothing is given where something must be.
    Required,
    /// The value is malformed or out of bounds.
    Invalid,
    /// The value is not one of a closed set.
    NotSupported,
    /// The value must be unique and is not.
    Duplicate,
    /// The value names something that does not exist.
    NotFound,
    /// The value would be fine elsewhere or at another time.
    Forbidden,
    /// Too many bytes; the value is not repeated.
    TooLong,
    /// Too many items of a list or map.
    TooMany,
    /// Too few items of a list or map.
    TooFew,
    /// Too few characters.
    TooShort,
    /// The value is of the wrong JSON type.
    TypeInvalid,
    /// Not the client's fault.
    Internal,
}

impl FieldErrorKind {
    /// The machine-readable reason of a Status cause.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::TooShort => "FieldValueTooShort",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::TooShort => "Too short",
            Self::Internal => "Internal error",
        }
    }
}

/// One mistake in one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// Its class.
    pub kind: FieldErrorKind,
    /// Where, as `spec.ports[0].name`; `[]` is the object itself.
    pub path: String,
    /// The value found; `None` where it is absent or too large to repeat.
    pub value: Option<Value>,
    /// What would be right. May be empty.
    pub detail: String,
}

/// The mistakes of one object, in the order in which the rules found them. Empty = valid.
pub type FieldErrors = Vec<FieldError>;

impl FieldError {
    /// The text of a Status cause: everything but the path.
    pub fn body(&self) -> String {
        let mut text = self.kind.words().to_owned();
        if let Some(value) = &self.value {
            text.push_str(": ");
            match value {
                // Words of closed sets are types of their own upstream, which are shown as JSON.
                Value::String(_) if self.kind == FieldErrorKind::NotSupported => text.push_str(&go_json(value)),
                Value::String(s) => text.push_str(&quote(s)),
                Value::Array(_) | Value::Object(_) => text.push_str(&go_json(value)),
                plain => text.push_str(&plain.to_string()),
            }
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body())
    }
}

/// A place in an object. Built on the stack while rules walk down; costs nothing until an error needs its text.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Object,
    Name(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// A top-level field, or (for `""`) the object as a whole.
    pub const fn new(name: &'a str) -> Self {
        if name.is_empty() { Self { parent: None, step: Step::Object } } else { Self { parent: None, step: Step::Name(name) } }
    }

    /// The field `name` of the object here.
    pub const fn child<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path { parent: Some(self), step: Step::Name(name) }
    }

    /// Item `index` of the list here.
    pub const fn index(&self, index: usize) -> Path<'_> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// The entry `key` of the map here.
    pub const fn key<'b>(&'b self, key: &'b str) -> Path<'b> {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    fn error(&self, kind: FieldErrorKind, value: Option<Value>, detail: impl Into<String>) -> FieldError {
        FieldError { kind, path: self.to_string(), value, detail: detail.into() }
    }

    /// `Required value`.
    pub fn required(&self, detail: impl Into<String>) -> FieldError {
        self.error(FieldErrorKind::Required, None, detail)
    }

    /// `Invalid value: VALUE: DETAIL`.
    pub fn invalid(&self, value: impl Into<Value>, detail: impl Into<String>) -> FieldError {
        self.error(FieldErrorKind::Invalid, Some(value.into()), detail)
    }

    /// `Unsupported value: VALUE: supported values: "A", "B"`, in the order given.
    pub fn not_supported(&self, value: impl Into<Value>, supported: &[&str]) -> FieldError {
        let detail = if supported.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", supported.iter().map(|s| quote(s)).collect::<Vec<_>>().join(", "))
        };
        self.error(FieldErrorKind::NotSupported, Some(value.into()), detail)
    }

    /// `Duplicate value: VALUE`.
    pub fn duplicate(&self, value: impl Into<Value>) -> FieldError {
        self.error(FieldErrorKind::Duplicate, Some(value.into()), "")
    }

    /// `Not found: VALUE`.
    pub fn not_found(&self, value: impl Into<Value>) -> FieldError {
        self.error(FieldErrorKind::NotFound, Some(value.into()), "")
    }

    /// `Forbidden: DETAIL`.
    pub fn forbidden(&self, detail: impl Into<String>) -> FieldError {
        self.error(FieldErrorKind::Forbidden, None, detail)
    }

    /// `Too long: may not be more than N bytes`.
    pub fn too_long(&self, max_bytes: usize) -> FieldError {
        self.error(FieldErrorKind::TooLong, None, format!("may not be more than {max_bytes} byte{}", plural(max_bytes)))
    }

    /// `Too many: COUNT: must have at most N items`.
    pub fn too_many(&self, count: usize, max: usize) -> FieldError {
        self.error(FieldErrorKind::TooMany, Some(count.into()), format!("must have at most {max} item{}", plural(max)))
    }

    /// `Internal error: DETAIL`.
    pub fn internal(&self, detail: impl Into<String>) -> FieldError {
        self.error(FieldErrorKind::Internal, None, detail)
    }

    /// `Invalid value: VALUE: DETAIL` for a value of the wrong JSON type.
    pub fn type_invalid(&self, value: impl Into<Value>, detail: impl Into<String>) -> FieldError {
        self.error(FieldErrorKind::TypeInvalid, Some(value.into()), detail)
    }

    /// One `Invalid value` for each message, as the string formats of [`crate::syntax`] return them.
    pub fn invalid_all(&self, value: &str, messages: Vec<String>) -> impl Iterator<Item = FieldError> + use<'_, 'a> {
        let value = Value::from(value);
        messages.into_iter().map(move |m| self.invalid(value.clone(), m))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        match self.step {
            Step::Object => f.write_str("[]"),
            Step::Name(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Name(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// A string in quotes, escaped as Go's `%q` does it: clients compare whole messages.
pub fn quote(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() || matches!(c, '\u{a0}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{200b}'..='\u{200f}') => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// JSON as Go writes it: `<`, `>` and `&` are escaped (they can only stand inside strings).
fn go_json(value: &Value) -> String {
    let text = value.to_string();
    if text.contains(['<', '>', '&']) { text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") } else { text }
}
