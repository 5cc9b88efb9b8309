//! Kubernetes objects as we read them: slim types with only the fields that `compile`, `control` and `source` use, one file a kind.
//!
//! `source` decodes them from list and watch, `compile` keeps them in its World, `control` decides from them. Status values that
//! `compile` decides live here too, because `control` writes them and may not know `compile`. No I/O, no policy: what a field
//! means is decided elsewhere. Text that is kept is `Arc<str>`; a field that is absent, or null, has its default.

pub mod backend_policy;
pub mod backend_tls;
pub mod config_map;
pub mod decided;
pub mod gateway;
pub mod grant;
pub mod http_route;
pub mod ingress;
pub mod instance;
mod labels;
pub mod meta;
pub mod namespace;
pub mod node;
pub mod pod;
pub mod secret;
pub mod selector;
pub mod service;
pub mod session;
pub mod slice;
mod text;
pub mod time;

pub use backend_policy::BackendPolicy;
pub use backend_tls::BackendTlsPolicy;
pub use config_map::ConfigMap;
pub use decided::{Decided, DecidedStatus};
pub use gateway::{Gateway, GatewayClass};
pub use grant::ReferenceGrant;
pub use http_route::HttpRoute;
pub use ingress::{Ingress, IngressClass};
pub use instance::Instance;
pub use labels::Labels;
pub use meta::{Meta, Object, OwnerReference};
pub use namespace::Namespace;
pub use node::Node;
pub use pod::Pod;
pub use secret::Secret;
pub use selector::Selector;
pub use service::{IntOrString, Service};
pub use slice::EndpointSlice;
pub use time::{parse_duration, parse_rfc3339};

#[cfg(test)]
mod tests;
