//! Kinds that behave as custom resources and need no CustomResourceDefinition: the Gateway API's and Fairlead's own.
//!
//! A folder with `mod.rs`, because the build script includes it by path.
#![allow(missing_docs)]

mod bounds;
mod fairlead;
mod gateway;
mod routes;

use crate::table::Message;

/// Every kind in every version.
pub fn kinds() -> impl Iterator<Item = &'static Message> {
    gateway::KINDS.iter().chain(routes::KINDS).chain(fairlead::KINDS).copied()
}
