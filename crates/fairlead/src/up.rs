//! `fairlead up`, top to bottom: take the data directory, bind, serve the API, compile, start the planes, say ready, wait,
//! drain.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use apiserver::{ApiServer, Identity};
use compile::World;
use model::Live;
use net::{BindError, bind_tcp, bind_udp};
use observe::Registry;
use store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::cli::{LogFormat, UpFlags};
use crate::config::Settings;
use crate::engine::{self, Engine};
use crate::state::{self, Addresses, Identities};
use crate::{admin, bootstrap, listen};

/// Threads for everything but data: the API, sources, control loops.
const CONTROL_THREADS: usize = 2;
/// Planes that must serve a complete generation before the process is ready.
const PLANES: [&str; 3] = ["dns", "http", "stream"];

/// The command.
///
/// # Errors
/// When the server cannot start; the message names the address, flag, directory or process.
pub fn main(flags: UpFlags) -> Result<ExitCode> {
    let started = Instant::now();
    let settings = Settings::resolve(flags)?;
    let format = if settings.log_format == LogFormat::Json { observe::logs::Format::Json } else { observe::logs::Format::Text };
    observe::logs::start(&settings.log_level, format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(CONTROL_THREADS).thread_name("control").enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let server = Server::start(settings).await?;
        server.banner(started);
        server.stop_on(&mut signals).await
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
    store: Store,
    api: ApiServer,
    identities: Arc<Identities>,
    stop_api: watch::Sender<bool>,
    api_task: tokio::task::JoinHandle<Result<()>>,
    planes: crate::planes::Planes,
}

/// Sockets that are bound before anything is started, so that an address in use costs nothing.
struct Sockets {
    api: TcpListener,
    admin: TcpListener,
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    dns: Vec<crate::planes::DnsSockets>,
}

impl Server {
    /// Starts everything and returns when the server is ready.
    ///
    /// # Errors
    /// As [`main`].
    pub async fn start(mut settings: Settings) -> Result<Self> {
        let now = SystemTime::now();
        state::make_private_dir(&settings.data_dir)?;
        let store = open_store(&settings)?;
        state::remove_addresses(&settings.data_dir);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let sockets = Sockets::bind(&mut settings, cores)?;
        let identities = Arc::new(Identities::prepare(&settings, now)?);
        let addresses = Addresses { api: settings.api, dns: settings.dns[0], http: settings.http, https: settings.https, admin: settings.admin };
        net::limits::raise_open_files();

        let metrics = Registry::default();
        let live = Arc::new(Live::default());
        let first_complete = Arc::new(AtomicU64::new(0));
        let api = build_api(&settings, store.clone(), &identities, &live, &first_complete)?;
        let client = client_as(&api, "system:apiserver", &settings);
        bootstrap::prepare(&client, &settings).await.context("preparing the API")?;

        let (stop_api, stopping) = watch::channel(false);
        let authority = identities.authority_pem.clone();
        let api_task = tokio::spawn(listen::serve(sockets.api, api.clone(), Arc::clone(&identities.serving), authority_owned(authority), stopping, settings.drain_timeout));
        tokio::spawn(admin::serve(sockets.admin, api.clone(), metrics.clone()));

        let interner = Arc::new(model::Interner::default());
        let (change, changes) = mpsc::channel(engine::CHANGES);
        let (decided, decisions) = mpsc::unbounded_channel();
        let (wants, wanted) = watch::channel(compile::Wants::default());
        let world = World::new(compile_settings(&settings, &interner));
        let engine = Engine { world, live: Arc::clone(&live), changes, decided, wants, first_complete: Arc::clone(&first_complete) };
        tokio::spawn(engine.run(metrics.clone()));
        let planes = crate::planes::Planes::start(crate::planes::Parts {
            settings: &settings, live: &live, api: &api, metrics: &metrics, cores,
            http: sockets.http, https: sockets.https, dns: sockets.dns, change, wanted, decisions,
        })?;

        let kubeconfig = identities.write_kubeconfig(&settings.data_dir, settings.api)?;
        state::write_addresses(&settings.data_dir, &addresses, &settings.node_name)?;
        tokio::spawn(renew(Arc::clone(&identities)));
        let server = Self { settings, addresses, kubeconfig, client, live, store, api, identities, stop_api, api_task, planes };
        server.until_ready(&first_complete).await?;
        Ok(server)
    }
}
