//! List and watch of one kind over a `kube::Client`, as an endless sequence of differences.
//!
//! `source`, `control`, `node` and `registry` call it; each of them wants the same protocol and none may know the others. A
//! [`Watcher`] asks for a streaming list (KEP-3157), falls back to list and watch where the server does not know it, resumes
//! where it was after a lost connection, and after an expired revision lists again and reports only what differs, so no
//! object ever disappears because a list is under way.
//!
//! It never ends and never returns an error: trouble is logged, counted, and retried with growing, jittered pauses. Loss of
//! contact deletes nothing. An object that cannot be decoded is reported once and keeps its last good state.

mod backoff;
mod lines;
mod metrics;
mod request;
mod watcher;

pub use metrics::Metrics;
pub use request::Target;
pub use watcher::{Event, Key, Watcher};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An object that can be watched: it decodes itself and has metadata.
pub trait Read: DeserializeOwned + Send + 'static {
    /// Its metadata.
    fn meta(&self) -> &api::Meta;
}

impl<T: api::Object> Read for T {
    fn meta(&self) -> &api::Meta {
        api::Object::meta(self)
    }
}

/// The metadata of an object of any kind, for watches that want nothing else ([`Target::metadata_only`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Partial {
    /// The metadata.
    pub metadata: api::Meta,
}

impl Read for Partial {
    fn meta(&self) -> &api::Meta {
        &self.metadata
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
