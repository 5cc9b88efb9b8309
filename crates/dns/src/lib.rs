//! The DNS plane: answers every service name from the snapshot in force, and forwards the rest.
//!
//! `fairlead` binds the sockets and starts one [`Plane`]; it runs on the data threads, one UDP socket and one TCP listener a core.
//! Own names are answered in place, without a lock, an allocation or a task; what must be asked of others goes through a bounded
//! queue beside it. The plane knows owners, host labels, ports and zones, never Kubernetes, and decides no policy: whoever is in the
//! snapshot is answered (dns spec R13).

use std::future::Future;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;

use model::Live;

/// What the plane is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whom other names are asked of, at most 15; empty refuses them.
    pub upstreams: Vec<SocketAddr>,
    /// Addresses the plane listens on: they are the zone's name server. An unspecified one stands for the node's addresses.
    pub listens: Vec<IpAddr>,
    /// TTL of own records in seconds where an owner sets none, 0 to 3600.
    pub ttl_s: u32,
    /// Largest reply over UDP in octets, 512 to 4096 (RFC 9715).
    pub max_udp: u16,
    /// Queries that may wait for an upstream at one time; more are refused.
    pub max_concurrent: usize,
    /// Entries of the positive and of the negative cache.
    pub cache_entries: usize,
    /// Connections over TCP at one time.
    pub max_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { upstreams: Vec::new(), listens: Vec::new(), ttl_s: 5, max_udp: 1232, max_concurrent: 1000, cache_entries: 9984, max_connections: 4096 }
    }
}

/// The sockets of one address on one core, nonblocking. The caller binds them (`net::bind_udp`, `net::bind_tcp`, as many as cores).
pub struct Sockets {
    /// For datagrams.
    pub udp: UdpSocket,
    /// For connections.
    pub tcp: TcpListener,
}

/// Makes a task on its data thread, so that it may hold what cannot leave the thread.
pub type Seed = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The running plane. Dropping it changes nothing; [`Plane::stop`] ends it.
pub struct Plane {}

impl Plane {
    /// Starts serving. `sockets` are numbered by core; `plant` runs a seed on a core's data thread. Called inside a tokio runtime,
    /// on which the one task runs that follows `live`, rebuilds what changed, and acknowledges as plane `dns`.
    pub fn start(config: Config, live: Arc<Live>, metrics: &observe::Registry, sockets: Vec<(usize, Sockets)>, plant: impl Fn(usize, Seed)) -> Self {
        let _ = (config, live, metrics, sockets, plant);
        Self {}
    }

    /// Takes no more queries, waits for those under way, at most `longest`, and ends every task.
    pub async fn stop(self, longest: std::time::Duration) {
        let _ = longest;
    }
}
