//! What a Kubernetes object looks like, and everything that follows from it alone: decoding, pruning, ordering,
//! patching, server-side apply and the OpenAPI documents.
//!
//! Called by `apiserver`. Pure: it never does I/O, never waits, never asks the time, and never panics on what a client
//! sent. It knows shapes, not meanings: defaults and rules of a kind that need thought live in `apiserver::kinds`.

mod generated;
mod table;
mod validate;

pub use table::{ANY, Check, Extra, Field, Gvk, Kind, Message, NOTHING, Rule, Shape, flags, table};
pub use validate::{Violation, ViolationKind};
