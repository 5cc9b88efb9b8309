//! From a reference to a Service port to its pool.

use std::sync::Arc;

use model::service::{Service, ServicePort};
use model::{PoolId, Transport};

use super::{Ground, Key};

/// How a Service port is named.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PortName<'a> {
    /// By its number.
    Number(u16),
    /// By its name.
    Name(&'a str),
}

/// A Service port that HTTP may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its pool of all usable endpoints.
    pub pool: PoolId,
    /// Its number.
    pub port: u16,
    /// Its name, empty when it has none.
    pub port_name: Arc<str>,
    /// Its `appProtocol`.
    pub app_protocol: Option<Arc<str>>,
}

/// Whether HTTP can be sent to a port with this `appProtocol` (KEP-3726): what names another protocol would get nonsense. None, and
/// HTTP by any of its names, in the clear or over TLS, is fine.
pub(crate) fn speaks_http(app_protocol: &str) -> bool {
    const CLEAR: &[&str] =
        &["", "http", "http1", "http/1.1", "http2", "h2c", "grpc", "grpc-web", "ws", "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/grpc"];
    const COVERED: &[&str] = &["https", "wss", "kubernetes.io/https", "kubernetes.io/wss"];
    CLEAR.iter().chain(COVERED).any(|known| known.eq_ignore_ascii_case(app_protocol))
}

/// The pool of a Service's TCP port; the error says what is missing, with the remedy.
pub(crate) fn find(ground: &Ground<'_>, key: &Key, port: PortName<'_>) -> Result<Found, String> {
    let (namespace, name) = key;
    let Some(service) = ground.services.get(key) else { return Err(format!("service {namespace}/{name} not found")) };
    if service.exposure == "ExternalName" && !ground.settings.external_names {
        let remedy = "give it a selector or endpoints, or start the server with --allow-external-name";
        return Err(format!("service {namespace}/{name} is an ExternalName, which is no backend here; {remedy}"));
    }
    let wanted = |one: &&ServicePort| match port {
        PortName::Number(number) => one.port == number,
        PortName::Name(name) => *one.name == *name,
    };
    // A port stands once per family; the primary family comes first.
    match service.ports.iter().filter(wanted).find(|one| one.transport == Transport::Tcp) {
        Some(one) => Ok(Found { pool: one.cluster, port: one.port, port_name: Arc::clone(&one.name), app_protocol: one.app_protocol.clone() }),
        None => Err(format!("service {namespace}/{name} has no TCP port {}; it has {}", shown(port), ports(service))),
    }
}

fn shown(port: PortName<'_>) -> String {
    match port {
        PortName::Number(number) => number.to_string(),
        PortName::Name(name) => format!("{name:?}"),
    }
}

/// `80 (http), 443`, for a message.
fn ports(service: &Service) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let shown = service.ports.iter().filter(|one| one.transport == Transport::Tcp && seen.insert(one.port));
    let all: Vec<String> = shown
        .map(|one| match &*one.name {
            "" => one.port.to_string(),
            name => format!("{} ({name})", one.port),
        })
        .collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}
