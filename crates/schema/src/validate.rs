//! Checks an object against the bounds of its table.

use serde_json::Value;

/// What kind of rule a value breaks; the words are those of Kubernetes field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// `Required value`.
    Required,
    /// `Invalid value`.
    Invalid,
    /// `Unsupported value`.
    NotSupported,
    /// `Duplicate value`.
    Duplicate,
    /// `Too long`.
    TooLong,
    /// `Too many`.
    TooMany,
    /// `Forbidden`.
    Forbidden,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Dotted path of the field, for example `spec.listeners[0].port`.
    pub path: String,
    /// The kind of rule.
    pub kind: ViolationKind,
    /// The offending value, when it is worth showing.
    pub value: Option<Value>,
    /// What is wrong with it.
    pub detail: String,
}
