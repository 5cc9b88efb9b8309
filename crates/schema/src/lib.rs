//! What a Kubernetes object looks like, and everything that follows from it alone: decoding, pruning, ordering,
//! patching, server-side apply and the OpenAPI documents.
//!
//! Called by `apiserver`. Pure: it never does I/O, never waits, never asks the time, and never panics on what a client
//! sent. It knows shapes, not meanings: defaults and rules of a kind that need thought live in `apiserver::kinds`.

pub mod apply;
mod custom;
mod decode;
mod error;
mod generated;
pub mod openapi;
mod order;
mod patch;
pub mod protobuf;
mod prune;
mod quantity;
mod rules;
mod table;
mod time;
mod validate;
mod version;
mod yaml;

pub use decode::{from_json, from_yaml, json_complaint};
pub use error::{Error, Problem, Strictness, strict_text};
pub use generated::meta_v1::DELETE_OPTIONS;
pub use order::order;
pub use patch::{json_patch, json_patch_problems, json_type, merge_patch, restorable, strategic_merge};
pub use protobuf::{Decoded, from_protobuf, to_protobuf};
pub use prune::prune;
pub use quantity::canonical as canonical_quantity;
pub use table::{ANY, Check, Extra, Field, Gvk, Kind, Message, NOTHING, Shape, flags, table};
pub use validate::{Violation, ViolationKind, apply_defaults, validate};
pub use version::KUBERNETES;
pub use yaml::to_yaml;
