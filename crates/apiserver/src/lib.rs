//! The Kubernetes API as a tower Service over [`store`]: request parsing, discovery, objects, lists, watches, patches and errors, generic over kinds.
//!
//! Called by the `fairlead` crate, which serves the same value on TLS connections and, without a socket, to the in-process Kubernetes client of
//! `source`, `control` and `node`. It never opens a socket, knows no compiled state and no plane: what it cannot know enters as a trait.
//!
//! Reading order: `route` (a request's way), `kinds` (what is served), `object` and `cache` (what lies where), then `read`, `watch`, `write`,
//! `patch` and `delete`.

mod access;
mod admission;
pub mod allocate;
mod body;
mod cache;
mod call;
mod decode;
mod delete;
mod discovery;
mod dispatch;
pub mod field;
mod filter;
mod flow;
mod health;
mod hooks;
mod impersonate;
pub mod kinds;
mod labels;
mod managed;
mod metadata;
mod metrics;
mod negotiate;
mod object;
mod openapi;
mod patch;
mod pods;
mod protobuf;
mod query;
mod read;
mod registration;
mod repair;
mod request;
mod reviews;
mod route;
mod selector;
mod server;
pub mod status;
pub mod syntax;
mod table;
mod throttle;
mod watch;
mod write;

pub use access::{Identity, Tokens};
pub use body::{Body, BoxError, Incoming, json, reply, text};
pub use hooks::{Answer, Connect, ConnectRequest, Extra};
pub use query::Query;
pub use registration::Registration;
pub use request::Address;
pub use server::{ApiServer, AsIdentity, Builder};
pub use throttle::Source;
