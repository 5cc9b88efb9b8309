//! The Kubernetes API as a tower Service over [`store`]: request parsing, discovery, objects, lists, watches, patches and errors, generic over kinds.
//!
//! Called by the `fairlead` crate, which serves the same value on TLS connections and, without a socket, to the in-process Kubernetes client of
//! `source`, `control` and `node`. It never opens a socket, knows no compiled state and no plane: what it cannot know enters as a trait.

pub mod allocate;
pub mod field;
pub mod kinds;
pub mod syntax;
