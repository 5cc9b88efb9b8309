//! Everything that runs beside the API: sources into the engine, the data planes on their threads, the control loops, this
//! node's eyes, and the two slow loops.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result};
use api::backend_policy::BackendPolicySpec;
use apiserver::ApiServer;
use balance::{Layer, Pickers};
use compile::{Kind, World};
use control::{Control, Leases};
use model::vitals::Now;
use model::{Interner, Live};
use net::clock::monotonic_ns;
use observe::{Lines, Registry};
use source::Source;
use tokio::sync::{mpsc, watch};

use crate::cli::AccessLog;
use crate::config::Settings;
use crate::engine::{self, Engine};
use crate::state::first_address;
use crate::up::{PLANES, client_as};
use crate::verdicts::Verdicts;

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
    /// What seals the tokens of sessions.
    pub session_key: [u8; 32],
    /// Where they register numbers.
    pub metrics: &'a Registry,
    /// Heartbeats of Instances.
    pub leases: &'a Arc<Leases>,
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
    http: proxy::Plane,
    stream: proxy::stream::Stream,
    control: Option<Control>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    /// Defaults of all policies, to change.
    pub defaults: watch::Sender<BackendPolicySpec>,
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
        let dns = start_dns(settings, live, metrics, parts.dns, &runtime)?;
        let http = proxy::Plane::start(
            &runtime,
            Arc::clone(live),
            Arc::clone(&pickers),
            http_settings(&parts.session_key, settings, metrics, (parts.http, parts.https))?,
        );
        let stream = proxy::stream::Stream::start(&runtime, Arc::clone(live), Arc::clone(&pickers), proxy::stream::Options::default(), metrics);

        let watches = ::watch::Metrics::new(metrics);
        let (decided, decisions) = mpsc::unbounded_channel();
        let (wants, wanted) = watch::channel(None);
        let (defaults, followed) = watch::channel(settings.policy.clone());
        let source = Source::start(&client_as(parts.api, "system:fairlead:source"), Kind::ALL, wanted, &watches);
        let world = World::new(compile_settings(settings, &interner));
        let control = Control::start(
            &client_as(parts.api, "system:fairlead:control"),
            control_settings(settings, live, &interner, parts.leases, Arc::clone(&pickers)),
            decisions,
            &watches,
        );
        let engine = Engine {
            world,
            live: Arc::clone(live),
            source,
            decided,
            complaints: control.complaints(),
            wants,
            defaults: followed,
            first_complete: Arc::clone(parts.first_complete),
        };
        let (seen, evidence) = mpsc::channel(EVIDENCE);
        let agent = node::agent::Agent {
            node: settings.node_name.as_str().into(),
            client: client_as(parts.api, "system:fairlead:node"),
            interner: Arc::clone(&interner),
            evidence: seen.clone(),
        };
        let verdicts = Verdicts::new(metrics, seen.clone(), control.complaints());
        let prober = node::probe::Prober::new(Arc::clone(live), seen, metrics);
        let tasks = vec![
            tokio::spawn(engine.run(metrics.clone())),
            tokio::spawn(async move { agent.run(&watches).await }),
            tokio::spawn(prober.run()),
            tokio::spawn(slow_loops(Arc::clone(live), pickers, interner, verdicts)),
            tokio::spawn(bear_witness(settings.node_name.as_str().into(), evidence, control.evidence())),
        ];
        Ok(Self { runtime, dns, http, stream, control: Some(control), tasks, defaults })
    }

    /// Ends what follows and writes objects. The last snapshot stays in force while the planes drain; sources would only
    /// complain about the API that goes.
    pub fn rest(&mut self) {
        self.control = None;
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }

    /// Drains the data planes and ends their threads.
    pub async fn stop(self, longest: Duration) {
        let (requests, connections, ()) = tokio::join!(self.http.drain(longest), self.stream.stop(longest), self.dns.stop(longest));
        if requests + connections > 0 {
            tracing::warn!(requests, connections, "cut after {} s of draining", longest.as_secs());
        }
        let runtime = self.runtime;
        let _ = tokio::task::spawn_blocking(move || runtime.stop()).await;
    }
}

fn start_dns(
    settings: &Settings,
    live: &Arc<Live>,
    metrics: &Registry,
    sockets: Vec<(usize, dns::Sockets)>,
    runtime: &proxy::Runtime,
) -> Result<dns::Plane> {
    let config = dns::Config {
        upstreams: settings.upstreams.clone().unwrap_or_default(),
        resolv_conf: settings.upstreams.is_none().then(|| "/etc/resolv.conf".into()),
        listens: settings.dns.clone(),
        clients: settings.dns_clients.clone(),
        transfer_to: settings.transfer_to.clone(),
        pods: settings.dns_pods,
        ttl_s: settings.dns_ttl_s,
        server_id: Some(settings.node_name.bytes().take(dns::LONGEST_SERVER_ID).collect()),
        ..dns::Config::default()
    };
    dns::Plane::start(config, Arc::clone(live), metrics, sockets, |core, seed| runtime.spawn_on(core, seed)).context("the DNS plane")
}

fn http_settings(
    session_key: &[u8; 32],
    settings: &Settings,
    metrics: &Registry,
    (http, https): (Vec<TcpListener>, Vec<TcpListener>),
) -> Result<proxy::Settings> {
    let format = match settings.access_log {
        AccessLog::Off => None,
        AccessLog::Text => Some(proxy::Format::Text),
        AccessLog::Json => Some(proxy::Format::Json),
    };
    let log = format
        .map(|format| {
            anyhow::Ok(proxy::AccessLog { lines: Lines::start("access-log", std::io::stderr())?, format, only: settings.access_log_filter })
        })
        .transpose()?;
    let options = proxy::Options {
        show_reason: settings.reason_header,
        age_max: settings.connection_age,
        drain: settings.drain_timeout,
        ..proxy::Options::default()
    };
    Ok(proxy::Settings {
        options,
        log,
        metrics: Some(metrics.clone()),
        bound: vec![(settings.http, http), (settings.https, https)],
        session_key: Some(*session_key),
        memory: None,
    })
}

fn control_settings(
    settings: &Settings,
    live: &Arc<Live>,
    interner: &Arc<Interner>,
    leases: &Arc<Leases>,
    pickers: Arc<Pickers>,
) -> control::Settings {
    control::Settings {
        scope: control::Scope::Standalone,
        leases: Arc::clone(leases),
        resolver: settings.dns.first().map(|dns| if dns.ip().is_unspecified() { ([127, 0, 0, 1], dns.port()).into() } else { *dns }),
        outside: match settings.external_names {
            true => control::Outside::Open { loopback: settings.loopback_endpoints },
            false => control::Outside::Closed,
        },
        live: Arc::clone(live),
        interner: Arc::clone(interner),
        planes: PLANES.to_vec(),
        methods: Arc::new(move |pool| [Layer::Http, Layer::Tcp, Layer::Udp].map(|layer| pickers.method(pool, layer).as_str())),
        node: settings.node_name.as_str().into(),
        api: settings.service_cidrs.first().map(|(network, _)| (first_address(*network), settings.api)),
    }
}

/// What this host saw, in the words of whoever writes statuses.
async fn bear_witness(node: Arc<str>, mut evidence: mpsc::Receiver<node::Evidence>, to: mpsc::Sender<control::Evidence>) {
    while let Some(seen) = evidence.recv().await {
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into();
        let said = control::Evidence {
            namespace: seen.namespace,
            name: seen.name,
            uid: seen.uid,
            proof: seen.proof.as_str().into(),
            verdict: seen.verdict.as_str().into(),
            time,
            reason: seen.reason,
            observer: Arc::clone(&node),
        };
        if to.send(said).await.is_err() {
            return;
        }
    }
}

fn compile_settings(settings: &Settings, interner: &Arc<Interner>) -> compile::Settings {
    compile::Settings {
        node: settings.node_name.as_str().into(),
        node_addresses: settings.node_addresses.clone(),
        node_port_addresses: settings.node_port_addresses.clone(),
        cluster_domain: settings.cluster_domain.as_str().into(),
        names: compile::NameSettings {
            endpoint_pod_names: settings.endpoint_pod_names,
            namespaces: settings.dns_namespaces.iter().map(|name| name.as_str().into()).collect(),
            no_endpoints: settings.dns_no_endpoints,
            no_empty_services: settings.dns_ignore_empty,
        },
        service_networks: settings.service_cidrs.clone(),
        http: settings.http,
        https: settings.https,
        gateway_addresses: settings.entry.gateway_addresses.clone(),
        peers: settings.entry.peers.clone(),
        ingress: settings.entry.ingress.clone(),
        interner: Arc::clone(interner),
        external_ips: settings.external_ips,
        external_names: settings.external_names,
        loopback_endpoints: settings.loopback_endpoints,
        service_proxy_name: settings.service_proxy_name.as_deref().map(Into::into),
        policy: settings.policy.clone(),
    }
}

/// `judge` every 100 ms and `weigh` every second; pickers are built after each publication, off the request path.
async fn slow_loops(live: Arc<Live>, pickers: Arc<Pickers>, interner: Arc<Interner>, mut verdicts: Verdicts) {
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
                verdicts.tell(balance::judge(&snapshot, &pickers, now));
                verdicts.tell_backlogs(&pickers.backlogs());
                interner.sweep(turn, now);
                turn += 1;
                if turn.is_multiple_of((engine::WEIGH.as_millis() / engine::JUDGE.as_millis()) as usize) {
                    balance::weigh(&snapshot, &pickers, now);
                }
            }
        }
    }
}

/// Round robin begins at a random place, so that clients and replicas do not march in step (balance spec S3).
pub fn seed() -> u64 {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}
