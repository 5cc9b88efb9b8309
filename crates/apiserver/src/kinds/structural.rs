//! Kinds that behave as custom resources: their field tables give defaults, bounds and the rules between fields, as a definition's
//! structural schema and CEL would.

use schema::{Gvk, ViolationKind};
use serde_json::Value;

use crate::field::{FieldError, FieldErrorKind, FieldErrors};

/// Fills in what the table of this kind has defaults for.
pub(super) fn fill(gvk: Gvk<'_>, object: &mut Value) {
    if let Some(message) = schema::table(gvk) {
        schema::apply_defaults(message, object);
    }
}

/// What the table of this kind has against an object.
pub(super) fn check(gvk: Gvk<'_>, object: &Value) -> FieldErrors {
    let found = schema::table(gvk).map(|message| schema::validate(message, object)).unwrap_or_default();
    found
        .into_iter()
        .map(|violation| {
            let kind = match violation.kind {
                ViolationKind::Required => FieldErrorKind::Required,
                ViolationKind::Invalid => FieldErrorKind::Invalid,
                ViolationKind::NotSupported => FieldErrorKind::NotSupported,
                ViolationKind::Duplicate => FieldErrorKind::Duplicate,
                ViolationKind::TooLong => FieldErrorKind::TooLong,
                ViolationKind::TooMany => FieldErrorKind::TooMany,
                ViolationKind::Forbidden => FieldErrorKind::Forbidden,
                ViolationKind::TypeInvalid => FieldErrorKind::TypeInvalid,
            };
            FieldError { kind, path: violation.path, value: violation.value, detail: violation.detail }
        })
        .collect()
}
