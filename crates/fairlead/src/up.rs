//! `fairlead up`, top to bottom: take the data directory, bind, serve the API, compile, start the planes, say ready, wait,
//! drain.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use apiserver::allocate::{Allocator, Cidr};
use apiserver::{ApiServer, Identity, Tokens};
use control::Leases;
use model::Live;
use net::{BindError, bind_tcp, bind_udp};
use observe::Registry;
use store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cli::{LogFormat, UpFlags};
use crate::config::Settings;
use crate::inside::Inside;
use crate::planes::{Parts, Planes};
use crate::reload::Reload;
use crate::state::{self, Addresses, Identities};
use crate::{admin, bootstrap, engine, listen};

/// Threads for everything but data: the API, sources, control loops.
const CONTROL_THREADS: usize = 2;
/// Planes that must serve a complete generation before the process is ready.
pub const PLANES: [&str; 3] = ["dns", "http", "stream"];

/// The command.
///
/// # Errors
/// When the server cannot start; the message names the address, flag, directory or process.
pub fn main(flags: UpFlags) -> Result<ExitCode> {
    let started = Instant::now();
    let settings = Settings::resolve(flags.clone())?;
    let reload = Reload::new(flags, settings.clone());
    let format = if settings.log_format == LogFormat::Json { observe::logs::Format::Json } else { observe::logs::Format::Text };
    observe::logs::start(&settings.log_level, format)?;
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    // Huge pages make small heaps large: where the kernel gives them to all, an idle server would weigh 20 MB more.
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay as they are");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(CONTROL_THREADS).thread_name("control").enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let server = Server::start(settings).await?;
        server.banner(started);
        server.stop_on(&mut signals, &reload).await;
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(ExitCode::SUCCESS)
}

/// The signals that mean something to a server.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen: from here on a signal no longer kills.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn new() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hang_up: signal(SignalKind::hangup())? })
    }

    /// Waits for SIGTERM or SIGINT; `reload` runs at each SIGHUP.
    pub async fn stop(&mut self, reload: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => reload(),
            }
        }
    }
}

/// A running server.
pub struct Server {
    /// What it obeys.
    pub settings: Settings,
    /// What was bound.
    pub addresses: Addresses,
    /// The kubeconfig for people.
    pub kubeconfig: std::path::PathBuf,
    /// An administrator's client without a socket.
    pub client: kube::Client,
    /// The snapshot in force.
    pub live: Arc<Live>,
    identities: Arc<Identities>,
    store: Store,
    api: ApiServer,
    stop_api: watch::Sender<bool>,
    api_task: tokio::task::JoinHandle<Result<()>>,
    planes: Planes,
}

/// Sockets that are bound before anything is started, so that an address in use costs nothing.
struct Sockets {
    api: TcpListener,
    admin: TcpListener,
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    dns: Vec<(usize, dns::Sockets)>,
}

impl Sockets {
    /// Binds every address of the settings and writes back what port 0 became.
    fn bind(settings: &mut Settings, cores: usize) -> Result<Self> {
        let any = settings.any_port_if_taken;
        let api = tcp("--api-address", &mut settings.api, 1, any)?.remove(0);
        let admin = tcp("--admin-address", &mut settings.admin, 1, any)?.remove(0);
        let http = tcp("--http-address", &mut settings.http, cores, any)?;
        let https = tcp("--https-address", &mut settings.https, cores, any)?;
        let mut dns = Vec::new();
        for address in &mut settings.dns {
            dns.extend(dns_sockets(address, cores, any)?);
        }
        Ok(Self { api, admin, http, https, dns })
    }
}

fn tcp(flag: &str, address: &mut SocketAddr, count: usize, any: bool) -> Result<Vec<TcpListener>> {
    let bound = match bind_tcp(*address, count) {
        Err(error) if any && error.in_use() => bind_tcp(SocketAddr::new(address.ip(), 0), count),
        other => other,
    };
    let sockets = bound.map_err(|error| in_the_way(flag, &error))?;
    *address = sockets[0].local_addr()?;
    Ok(sockets)
}

/// One UDP and one TCP socket per core on the same port.
fn dns_sockets(address: &mut SocketAddr, cores: usize, any: bool) -> Result<Vec<(usize, dns::Sockets)>> {
    let pair = |wanted: SocketAddr| -> Result<_, BindError> {
        let udp = bind_udp(wanted, cores)?;
        let bound = udp[0].local_addr().unwrap_or(wanted);
        Ok((bound, udp, bind_tcp(bound, cores)?))
    };
    // A free UDP port may be taken for TCP: with port 0 another one will do.
    let free = SocketAddr::new(address.ip(), 0);
    let mut bound = pair(*address);
    for _ in 0..16 {
        bound = match bound {
            Err(error) if error.in_use() && (any || address.port() == 0) => pair(free),
            done => {
                bound = done;
                break;
            }
        };
    }
    let (local, udp, tcp) = bound.map_err(|error| in_the_way("--dns-address", &error))?;
    *address = local;
    Ok(udp.into_iter().zip(tcp).enumerate().map(|(core, (udp, tcp))| (core, dns::Sockets { udp, tcp })).collect())
}

fn in_the_way(flag: &str, error: &BindError) -> anyhow::Error {
    let remedy = if error.in_use() {
        "stop it or choose another address"
    } else if error.privileged() {
        "choose a port from 1024 on, or give the right to bind this one"
    } else if error.not_local() {
        "choose an address of this host, or 0.0.0.0 for all of them"
    } else {
        "choose another address"
    };
    anyhow::anyhow!("{flag} {}: {error}; {remedy}", error.address)
}

impl Server {
    /// Starts everything and returns when the server is ready.
    ///
    /// # Errors
    /// As [`main`].
    pub async fn start(mut settings: Settings) -> Result<Self> {
        state::make_private_dir(&settings.data_dir)?;
        let store = open_store(&settings.data_dir, &settings.store)?;
        state::remove_addresses(&settings.data_dir);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let sockets = Sockets::bind(&mut settings, cores)?;
        let identities = Arc::new(Identities::prepare(&settings, SystemTime::now())?);
        net::limits::raise_open_files();

        let metrics = Registry::default();
        let live = Arc::new(Live::default());
        let first_complete = Arc::new(AtomicU64::new(0));
        let known = Arc::new(OnceLock::new());
        let leases = Arc::new(Leases::new(&settings.node_name, jiff::Timestamp::now().as_millisecond()));
        let (stop_api, stopping) = watch::channel(false);
        let inside = Inside {
            node: settings.node_name.clone(),
            live: Arc::clone(&live),
            entries: (settings.http, settings.https),
            client: Arc::clone(&known),
            leases: Arc::clone(&leases),
            stopping: stopping.clone(),
            store: store.clone(),
        };
        let api = build_api(&settings, store.clone(), &identities, inside, &metrics, Arc::clone(&live), Arc::clone(&first_complete))?;
        let client = client_as(&api, "system:apiserver");
        let _ = known.set(client.clone());
        bootstrap::prepare(&api, &client, &settings).await.context("preparing the API")?;

        let (serving, authority) = (Arc::clone(&identities.serving), identities.authority_pem.clone());
        let (served, drain) = (api.clone(), settings.drain_timeout);
        let api_task = tokio::spawn(async move { listen::serve(sockets.api, served, serving, &authority, stopping, drain).await });
        tokio::spawn(admin::serve(sockets.admin, api.clone(), metrics.clone()));
        let planes = Planes::start(Parts {
            settings: &settings,
            live: &live,
            api: &api,
            session_key: identities.session_key,
            metrics: &metrics,
            leases: &leases,
            first_complete: &first_complete,
            cores,
            http: sockets.http,
            https: sockets.https,
            dns: sockets.dns,
        })?;

        let addresses = Addresses { api: settings.api, dns: settings.dns[0], http: settings.http, https: settings.https, admin: settings.admin };
        let kubeconfig = identities.write_kubeconfig(&settings.data_dir, settings.api)?;
        state::write_addresses(&settings.data_dir, &addresses, &settings.node_name)?;
        tokio::spawn(renew(Arc::clone(&identities)));
        let server = Self { settings, addresses, kubeconfig, client, live, identities, store, api, stop_api, api_task, planes };
        server.until_ready(&first_complete).await?;
        Ok(server)
    }

    /// Waits until every plane serves a complete generation.
    async fn until_ready(&self, first_complete: &AtomicU64) -> Result<()> {
        let waiting = async {
            let mut version = 0;
            while !engine::planes_ready(&self.live, first_complete, &PLANES) {
                (version, _) = self.live.acknowledged_after(version).await;
            }
        };
        let (_, applied) = self.live.acknowledgements();
        tokio::time::timeout(READY_LIMIT, waiting)
            .await
            .with_context(|| format!("not ready after {} s; planes said: {applied:?}", READY_LIMIT.as_secs()))
    }

    /// The lines of cli spec L5. Nobody need read them: a server goes on when its output is closed.
    fn banner(&self, started: Instant) {
        let Addresses { api, dns, http, https, .. } = self.addresses;
        let (kubeconfig, plane) = (self.kubeconfig.display(), &self.settings.plane);
        let ready = started.elapsed().as_millis();
        let text = format!(
            "api        https://{api}\nkubeconfig {kubeconfig}\ndns        {dns}\nhttp       {http}\nhttps      {https}\nplane      {plane}\nready in {ready} ms\n"
        );
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// Waits for a signal, then stops in order; a second signal ends at once.
    async fn stop_on(mut self, signals: &mut Signals, reload: &Reload) {
        signals.stop(|| reload.run(&self.identities, &self.planes.defaults)).await;
        self.settings.drain_timeout = reload.drain_timeout();
        tracing::info!("stopping: draining for {} s at most", self.settings.drain_timeout.as_secs());
        let data_dir = self.settings.data_dir.clone();
        tokio::select! {
            () = self.stop() => {}
            () = signals.stop(|| {}) => {
                tracing::warn!("a second signal: stopping at once");
                state::remove_addresses(&data_dir);
            }
        }
    }

    /// Fails readiness, drains planes and API, closes the store (gateway spec G123).
    pub async fn stop(mut self) {
        self.planes.rest();
        self.api.stop();
        // Balancers before us have this long to see that we are not ready any more.
        tokio::time::sleep(self.settings.shutdown_delay).await;
        self.planes.stop(self.settings.drain_timeout).await;
        self.stop_api.send_replace(true);
        let _ = self.api_task.await;
        self.store.close().await;
        state::remove_addresses(&self.settings.data_dir);
    }
}

/// Longest wait for the first complete generation. Everything is in this process: seconds mean that something is broken.
const READY_LIMIT: Duration = Duration::from_secs(60);

fn open_store(data_dir: &Path, options: &store::Options) -> Result<Store> {
    let dir = data_dir.join("store");
    Store::open(&dir, options.clone()).map_err(|error| crate::upkeep::opening(data_dir, error))
}

fn build_api(
    settings: &Settings,
    store: Store,
    identities: &Identities,
    inside: Inside,
    metrics: &Registry,
    live: Arc<Live>,
    first_complete: Arc<AtomicU64>,
) -> Result<ApiServer> {
    let mut tokens = Tokens::default();
    tokens.add(&identities.admin_token, Identity::new("fairlead-admin", ["system:masters"]));
    let cidrs: Vec<Cidr> = settings.service_cidrs.iter().map(|&(network, bits)| Cidr { network, bits }).collect();
    let allocator = Allocator::new(&cidrs, settings.node_ports.0..=settings.node_ports.1, crate::planes::seed());
    ApiServer::builder(store)
        .tokens(tokens)
        .connect(inside)
        .settings(apiserver::kinds::Settings { loopback_node: settings.loopback_endpoints.then(|| settings.node_name.clone()) })
        .allocator(allocator)
        .authority_sha256(identities.authority_sha256())
        .metrics(metrics)
        .ready_check("planes", move || engine::planes_ready(&live, &first_complete, &PLANES))
        .version(env!("CARGO_PKG_VERSION"))
        .build()
        .with_context(|| format!("--data-dir {}", settings.data_dir.display()))
}

/// A client without a socket, for a named part of this process.
pub fn client_as(api: &ApiServer, user: &str) -> kube::Client {
    kube::Client::new(api.as_identity(Identity::new(user, ["system:masters"])), "default")
}

/// Renews the serving certificate when half its life is over.
async fn renew(identities: Arc<Identities>) {
    loop {
        // Asked daily: a machine that slept for months is caught up within a day.
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        if let Err(error) = identities.renew(SystemTime::now()) {
            tracing::error!(%error, "the serving certificate cannot be renewed");
        }
    }
}
