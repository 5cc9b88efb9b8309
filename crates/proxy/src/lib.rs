//! The stream plane: listeners, TLS, HTTP/1 and HTTP/2, upstream connections, retries.
//!
//! `fairlead` starts a [`Runtime`] and the planes on it; they serve what the snapshot in force says and acknowledge each
//! generation. This crate never sees Kubernetes: names of objects are opaque origins, and policy arrives decided. It never
//! chooses an endpoint by itself either: that is `balance`.
//!
//! Start reading in [`request`]: the life of a request from its head to its log line.

mod answer;
mod backends;
mod buffer;
mod caller;
mod core;
mod crew;
mod date;
mod door;
#[cfg(test)]
mod fixture;
mod front;
mod h1;
mod h2;
mod halves;
mod loads;
mod log;
mod numbers;
pub mod path;
mod plane;
mod pressure;
mod relay;
mod request;
mod runtime;
mod socket;
pub mod stream;
mod tls;
mod upstream;
mod wheel;
mod wire;

pub use crate::core::Options;
pub use log::{AccessLog, Format, Only};
pub use plane::{Measure, Plane, Settings};
pub use runtime::Runtime;
