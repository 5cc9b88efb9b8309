//! What is wrong with a field of an object, in the form that becomes a cause of a 422 Status.

use serde_json::Value;

/// All errors found in one object.
pub type FieldErrors = Vec<FieldError>;

/// One error at one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// What kind of error.
    pub kind: FieldErrorKind,
    /// `spec.ports[0].port`.
    pub path: String,
    /// The value refused, where the kind of error shows one.
    pub value: Option<Value>,
    /// The explanation, without path and value; may be empty.
    pub detail: String,
}

/// The kinds of k8s.io/apimachinery `field.ErrorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// A reference to something that does not exist.
    NotFound,
    /// Missing.
    Required,
    /// Given twice.
    Duplicate,
    /// Malformed or out of range.
    Invalid,
    /// Not one of the possible values.
    NotSupported,
    /// Well formed, but not allowed here.
    Forbidden,
    /// Too long.
    TooLong,
    /// Too many items.
    TooMany,
    /// Of the wrong type.
    TypeInvalid,
    /// The server's own failure while validating.
    Internal,
}
