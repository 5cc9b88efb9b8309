//! The DNS plane: answers every service name from the snapshot in force, and forwards the rest.
//!
//! `fairlead` binds the sockets and starts one [`Plane`]. Datagrams are read and answered on a thread of their own per core, which
//! waits in the kernel; connections, and queries that wait for others, live on the core's data thread. Own names are answered in
//! place, without a lock, an allocation or a task; what must be asked of others goes through a bounded queue beside it. The plane
//! knows owners, host labels, ports and zones, never Kubernetes, and decides no policy: whoever is in the snapshot is answered (dns
//! spec R13).

mod answer;
mod cache;
mod cookie;
mod forward;
mod metrics;
mod name;
mod select;
mod serve;
mod table;
#[cfg(test)]
mod testing;
mod transfer;
mod wire;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::{Applied, Live};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use forward::Forwarder;
use metrics::Metrics;
use table::{Follower, Table};

/// Octets that [`Config::server_id`] may have, so that it fits beside any question.
pub const LONGEST_SERVER_ID: usize = 64;

/// Which names of pods are answered (`10-0-0-1.NS.pod.ZONE`, dns spec B1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pods {
    /// None.
    Disabled,
    /// Every address, in a namespace that exists: the answer says nothing about pods.
    Insecure,
    /// Addresses of live pods of the namespace.
    #[default]
    Verified,
}

/// What the plane is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whom other names are asked of, at most 15; empty refuses them.
    pub upstreams: Vec<SocketAddr>,
    /// The host's `resolv.conf`, whose servers (those of `listens` left out) take the place of `upstreams` whenever it changes.
    pub resolv_conf: Option<PathBuf>,
    /// Addresses the plane listens on: they are the zone's name server. An unspecified one stands for the node's addresses.
    pub listens: Vec<SocketAddr>,
    /// TTL of own records in seconds where an owner sets none, 0 to 3600.
    pub ttl_s: u32,
    /// Which names of pods are answered.
    pub pods: Pods,
    /// Largest reply over UDP in octets, 512 to 4096 (RFC 9715).
    pub max_udp: u16,
    /// Queries that may wait for an upstream at one time; more are refused.
    pub max_concurrent: usize,
    /// Entries of the positive and of the negative cache.
    pub cache_entries: usize,
    /// Connections over TCP at one time.
    pub max_connections: usize,
    /// Networks, as (address, prefix length), on whose behalf others are asked, besides private ones and those that this host is in.
    pub clients: Vec<(IpAddr, u8)>,
    /// Networks whose hosts may have the zone as a whole.
    pub transfer_to: Vec<(IpAddr, u8)>,
    /// What the server calls itself to those who ask (RFC 5001), at most [`LONGEST_SERVER_ID`]; `None` does not say.
    pub server_id: Option<Arc<[u8]>>,
    /// Makes cookies (RFC 9018); servers of one name share it. `None` draws one.
    pub cookie_secret: Option<[u8; 16]>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            resolv_conf: None,
            listens: Vec::new(),
            ttl_s: 5,
            pods: Pods::default(),
            max_udp: 1232,
            max_concurrent: 1000,
            cache_entries: 9984,
            max_connections: 4096,
            clients: Vec::new(),
            transfer_to: Vec::new(),
            server_id: None,
            cookie_secret: None,
        }
    }
}

impl Config {
    fn listen_ips(&self) -> Vec<IpAddr> {
        self.listens.iter().map(SocketAddr::ip).collect()
    }
}

/// The sockets of one address on one core, the listener nonblocking. The caller binds them (`net::bind_udp`, `net::bind_tcp`, as many as cores).
pub struct Sockets {
    /// For datagrams.
    pub udp: UdpSocket,
    /// For connections.
    pub tcp: TcpListener,
}

/// Makes a task on its data thread, so that it may hold what cannot leave the thread.
pub type Seed = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The running plane.
pub struct Plane {
    stop: watch::Sender<bool>,
    /// Closed once every core and connection ended.
    ended: mpsc::Receiver<()>,
    /// What follows the snapshot, and what tends the upstreams.
    tasks: Vec<JoinHandle<()>>,
}

impl Plane {
    /// Starts serving. `sockets` are numbered by core; `plant` runs a seed on a core's data thread. Called inside a tokio runtime,
    /// on which two tasks run: one follows `live`, rebuilds what changed, and acknowledges as plane `dns`; one tends the upstreams.
    ///
    /// # Errors
    /// When the system gives no thread, or a socket cannot tell which address was asked.
    pub fn start(
        mut config: Config,
        live: Arc<Live>,
        metrics: &observe::Registry,
        sockets: Vec<(usize, Sockets)>,
        plant: impl Fn(usize, Seed),
    ) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::register(metrics));
        let table = Arc::new(Table::new(config.ttl_s));
        let follower = Follower::new(Arc::clone(&table), config.listen_ips(), config.ttl_s);
        if let Some(servers) = config.resolv_conf.as_deref().and_then(|path| forward::read_resolv_conf(path, &config.listens)) {
            config.upstreams = servers;
        }
        let forwarder = Arc::new(Forwarder::new(&config, Arc::clone(&metrics)));
        let tasks =
            vec![tokio::spawn(follow(follower, live)), tokio::spawn(Arc::clone(&forwarder).tend(config.resolv_conf.clone(), config.listens.clone()))];
        let crowd = Arc::new(serve::Crowd::new(config.max_connections));
        let secrets = cookie::Secrets::new(config.cookie_secret.unwrap_or_else(forward::random_secret));
        let shared = Arc::new(serve::Shared { config: Arc::new(config), table, forwarder, metrics, crowd, secrets });
        let (stop, stopping) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        for (core, sockets) in sockets {
            let start = serve::start(Arc::clone(&shared), core, sockets)?;
            let (stopping, alive) = (stopping.clone(), alive.clone());
            plant(core, Box::new(move || serve::core(start, stopping, alive)));
        }
        Ok(Self { stop, ended, tasks })
    }

    /// Takes no more queries, waits for those under way, at most `longest`, and ends every task.
    pub async fn stop(mut self, longest: Duration) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(longest, self.ended.recv()).await;
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Puts every generation in force and says so.
async fn follow(mut follower: Follower, live: Arc<Live>) {
    let mut generation = 0;
    loop {
        let snapshot = live.newer_than(generation).await;
        generation = snapshot.generation;
        follower.apply(&snapshot);
        live.applied(Applied { plane: "dns", generation, problems: Vec::new() });
    }
}
