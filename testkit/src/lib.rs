//! What tests share: the script runner, servers under test, backends that say who they are, and small clients.
//!
//! Scripts (`tests/**/*.txtar`) are the specification: commands, input objects and expected output in one file, run
//! against the built binary. Used by tests only; never by the product.

pub mod backend;
pub mod dns;
pub mod http;
pub mod script;
pub mod server;
pub mod txtar;

pub use script::run_all;
