//! TLS to backends whose port says so by its `appProtocol` (gateway spec G49). No policy names an authority for them, so their
//! certificates are not verified.

use std::net::IpAddr;

use model::Pool;
use net::Stream;
use rustls_pki_types::ServerName;
use tokio_rustls::client::TlsStream;

/// The endpoints of this pool are reached over TLS.
pub fn covers(pool: &Pool) -> bool {
    let names = ["https", "kubernetes.io/https", "kubernetes.io/wss", "wss"];
    pool.app_protocol.as_deref().is_some_and(|spoken| names.iter().any(|name| name.eq_ignore_ascii_case(spoken)))
}

/// Shakes hands. `name` is the host that is asked for, without a port; an address, or no name at all, is not told.
///
/// # Errors
/// When the endpoint does not speak TLS that we speak.
pub async fn shake(stream: Stream, name: &str) -> std::io::Result<TlsStream<Stream>> {
    let untold = || stream.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip()).into();
    let name = ServerName::try_from(name.to_owned()).unwrap_or_else(|_| ServerName::IpAddress(untold()));
    net::unverified().connect(name, stream).await
}
