//! Everything that runs beside the API: sources into the engine, the data planes on their threads, the control loops, this
//! node's eyes, and the two slow loops.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result};
use apiserver::ApiServer;
use balance::Pickers;
use compile::{Kind, World};
use model::vitals::Now;
use model::{Interner, Live};
use net::clock::monotonic_ns;
use observe::Registry;
use source::Source;
use tokio::sync::{mpsc, watch};

use crate::config::Settings;
use crate::engine::{self, Engine};
use crate::up::client_as;

/// Evidence that may wait for the loop that writes statuses.
const EVIDENCE: usize = 1_024;

/// What the planes are made of.
pub struct Parts<'a> {
    /// What they obey.
    pub settings: &'a Settings,
    /// The snapshot in force.
    pub live: &'a Arc<Live>,
    /// The API, without a socket.
    pub api: &'a ApiServer,
    /// Where they register numbers.
    pub metrics: &'a Registry,
    /// Set to the first complete generation.
    pub first_complete: &'a Arc<AtomicU64>,
    /// Data threads.
    pub cores: usize,
    /// Bound sockets of the HTTP entry.
    pub http: Vec<TcpListener>,
    /// Bound sockets of the HTTPS entry.
    pub https: Vec<TcpListener>,
    /// Bound sockets of DNS, by core.
    pub dns: Vec<(usize, dns::Sockets)>,
}

/// What runs.
pub struct Planes {
    runtime: proxy::Runtime,
    dns: dns::Plane,
    entries: (Vec<TcpListener>, Vec<TcpListener>),
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Planes {
    /// Starts everything. Called inside the control runtime.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(parts: Parts<'_>) -> Result<Self> {
        let (live, metrics, settings) = (parts.live, parts.metrics, parts.settings);
        let runtime = proxy::Runtime::start(parts.cores).context("data threads")?;
        let pickers = Arc::new(Pickers::new(seed()));
        let interner = Arc::new(Interner::default());
        let dns = start_dns(settings, live, metrics, parts.dns, &runtime);
        let entries = (parts.http, parts.https);

        let watches = ::watch::Metrics::new(metrics);
        let (decided, decisions) = mpsc::unbounded_channel();
        let (wants, wanted) = watch::channel(None);
        let source = Source::start(&client_as(parts.api, "system:fairlead:source"), Kind::ALL, wanted, &watches);
        let world = World::new(compile_settings(settings, &interner));
        let engine = Engine { world, live: Arc::clone(live), source, decided, wants, first_complete: Arc::clone(parts.first_complete) };
        let (seen, evidence) = mpsc::channel(EVIDENCE);
        let agent = node::agent::Agent { node: settings.node_name.as_str().into(), client: client_as(parts.api, "system:fairlead:node"), interner: Arc::clone(&interner), evidence: seen.clone() };
        let prober = node::probe::Prober::new(Arc::clone(live), seen, metrics);
        let tasks = vec![
            tokio::spawn(engine.run(metrics.clone())),
            tokio::spawn(async move { agent.run(&watches).await }),
            tokio::spawn(prober.run()),
            tokio::spawn(slow_loops(Arc::clone(live), pickers, interner)),
            tokio::spawn(crate::steward::run(client_as(parts.api, "system:fairlead:control"), decisions, evidence)),
        ];
        Ok(Self { runtime, dns, entries, tasks })
    }

    /// Drains the data planes, then ends the rest.
    pub async fn stop(self, longest: Duration) {
        self.dns.stop(longest).await;
        drop(self.entries);
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        let runtime = self.runtime;
        let _ = tokio::task::spawn_blocking(move || runtime.stop()).await;
    }
}

fn start_dns(settings: &Settings, live: &Arc<Live>, metrics: &Registry, sockets: Vec<(usize, dns::Sockets)>, runtime: &proxy::Runtime) -> dns::Plane {
    let config = dns::Config { upstreams: settings.upstreams.clone(), listens: settings.dns.iter().map(SocketAddr::ip).collect(), ..dns::Config::default() };
    dns::Plane::start(config, Arc::clone(live), metrics, sockets, |core, seed| runtime.spawn_on(core, seed))
}

fn compile_settings(settings: &Settings, interner: &Arc<Interner>) -> compile::Settings {
    compile::Settings {
        node: settings.node_name.as_str().into(),
        node_addresses: settings.node_addresses.clone(),
        node_port_addresses: Vec::new(),
        cluster_domain: settings.cluster_domain.as_str().into(),
        service_networks: settings.service_cidrs.clone(),
        http: settings.http,
        https: settings.https,
        interner: Arc::clone(interner),
        external_ips: false,
        loopback_endpoints: settings.loopback_endpoints,
        service_proxy_name: None,
        policy: Default::default(),
    }
}

/// `judge` every 100 ms and `weigh` every second; pickers are built after each publication, off the request path.
async fn slow_loops(live: Arc<Live>, pickers: Arc<Pickers>, interner: Arc<Interner>) {
    let mut seen = 0;
    let mut turn = 0_usize;
    let mut judging = tokio::time::interval(engine::JUDGE);
    judging.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            snapshot = live.newer_than(seen) => {
                seen = snapshot.generation;
                pickers.prepare(&snapshot, Now(monotonic_ns()));
            }
            _ = judging.tick() => {
                let (snapshot, now) = (live.snapshot(), Now(monotonic_ns()));
                balance::judge(&snapshot, &pickers, now);
                interner.sweep(turn, now);
                turn += 1;
                if turn % (engine::WEIGH.as_millis() / engine::JUDGE.as_millis()) as usize == 0 {
                    balance::weigh(&snapshot, &pickers, now);
                }
            }
        }
    }
}

/// Round robin begins at a random place, so that clients and replicas do not march in step (balance spec S3).
fn seed() -> u64 {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}
