//! The stream plane: listeners, TLS, HTTP/1 and HTTP/2, upstream connections, retries.
//!
//! `fairlead` starts a [`Runtime`] and the planes on it; they serve what the snapshot in force says and acknowledge each
//! generation. This crate never sees Kubernetes: names of objects are opaque origins, and policy arrives decided. It never
//! chooses an endpoint by itself either: that is `balance`.

pub mod h1;
pub mod path;
pub mod runtime;
pub mod stream;

pub use runtime::Runtime;
