//! Keeping the listeners as the newest generation wants them, and saying so.
//!
//! Work follows the difference between two generations. A TCP address begins with one listening socket on one data thread
//! and gets one on each when it is busy: thousands of services are mostly idle, and a socket per core each would cost more
//! than they carry.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use model::ack::{Applied, Problem};
use model::ident::Transport;
use model::service::{Frontend, FrontendKey, Verdict};
use model::{DiffItem, OrdMap, Snapshot};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::accept::{self, Phase};
use super::{PLANE, Shared, flows};
use crate::Runtime;

/// First pause before an address that could not be bound is tried again; doubles to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Sockets bound before other tasks of the control runtime have a turn.
const BATCH: usize = 64;
/// Longest wait for a data thread to close a socket. A thread that is stuck longer keeps its old socket, and binding it
/// again fails and is retried.
const CLOSING: Duration = Duration::from_secs(1);

/// An address that is listened on.
struct Gate {
    phase: watch::Sender<Phase>,
    frontend: Arc<Frontend>,
    spread: bool,
}

/// An address that could not be bound.
struct Failed {
    frontend: Arc<Frontend>,
    problem: Problem,
    again: Instant,
    pause: Duration,
}

struct Listeners {
    shared: Arc<Shared>,
    runtime: Runtime,
    gates: HashMap<FrontendKey, Gate, FixedState>,
    failed: HashMap<FrontendKey, Failed, FixedState>,
    /// What the gates were made from.
    frontends: OrdMap<FrontendKey, Arc<Frontend>>,
    busy: mpsc::Sender<FrontendKey>,
    generation: u64,
}

/// Follows the snapshot until told to stop, then closes everything.
pub(super) async fn reconcile(shared: Arc<Shared>, runtime: Runtime, mut stop: watch::Receiver<bool>) {
    let (busy, mut wanted) = mpsc::channel(256);
    let mut listeners = Listeners {
        shared: Arc::clone(&shared),
        runtime,
        gates: HashMap::default(),
        failed: HashMap::default(),
        frontends: OrdMap::default(),
        busy,
        generation: 0,
    };
    loop {
        let again = listeners.failed.values().map(|failed| failed.again).min();
        tokio::select! {
            // Changed once, to true; or its owner is gone.
            _ = stop.changed() => break,
            snapshot = shared.live.newer_than(listeners.generation) => listeners.apply(&snapshot).await,
            Some(key) = wanted.recv() => listeners.spread(key),
            () = sleep_until(again) => listeners.retry(),
        }
    }
    listeners.close_all().await;
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Listeners {
    /// Puts a generation in force and acknowledges it.
    async fn apply(&mut self, snapshot: &Snapshot) {
        self.generation = snapshot.generation;
        if !snapshot.complete {
            return;
        }
        let before = std::mem::replace(&mut self.frontends, snapshot.frontends.clone());
        let mut changed: Vec<(FrontendKey, Option<Arc<Frontend>>)> = Vec::new();
        for item in before.diff(&snapshot.frontends) {
            match item {
                DiffItem::Add(key, frontend) | DiffItem::Update { new: (key, frontend), .. } => changed.push((*key, Some(Arc::clone(frontend)))),
                DiffItem::Remove(key, _) => changed.push((*key, None)),
            }
        }
        self.close_unwanted(&changed).await;
        let opened = changed.into_iter().filter_map(|(_, frontend)| frontend);
        for (count, frontend) in opened.enumerate() {
            self.want(frontend);
            if count % BATCH == BATCH - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.acknowledge();
    }

    /// Closes what is gone or has no endpoint, and waits until the sockets are closed: an acknowledged generation refuses.
    async fn close_unwanted(&mut self, changed: &[(FrontendKey, Option<Arc<Frontend>>)]) {
        let mut closing = Vec::new();
        for (key, frontend) in changed {
            self.failed.remove(key);
            if frontend.as_deref().map(phase_of) == Some(Phase::Closed { drain: false }) || frontend.is_none() {
                closing.extend(self.gates.remove(key));
            }
        }
        self.close(closing, false).await;
    }

    async fn close(&self, closing: Vec<Gate>, drain: bool) {
        for gate in &closing {
            gate.phase.send_replace(Phase::Closed { drain });
            self.shared.numbers.listeners.dec();
        }
        let all = async {
            for gate in &closing {
                gate.phase.closed().await;
            }
        };
        let _ = tokio::time::timeout(CLOSING, all).await;
    }

    async fn close_all(&mut self) {
        let closing = self.gates.drain().map(|(_, gate)| gate).collect();
        self.close(closing, true).await;
    }

    /// Opens, pauses or keeps the gate of a frontend.
    fn want(&mut self, frontend: Arc<Frontend>) {
        let phase = phase_of(&frontend);
        // SCTP is not refused, nothing answers it: whoever asks for it is told, with endpoints or without.
        if matches!(phase, Phase::Closed { .. }) && frontend.key.transport != Transport::Sctp {
            return;
        }
        match self.gates.get_mut(&frontend.key) {
            Some(gate) => {
                gate.phase.send_if_modified(|now| std::mem::replace(now, phase) != phase);
                gate.frontend = frontend;
            }
            None => self.open(frontend, phase, RETRY_FIRST),
        }
    }

    fn open(&mut self, frontend: Arc<Frontend>, phase: Phase, pause: Duration) {
        let key = frontend.key;
        match self.bind(&key, phase) {
            Ok(phase) => {
                self.shared.numbers.listeners.inc();
                self.gates.insert(key, Gate { phase, frontend, spread: self.runtime.cores() == 1 });
            }
            Err(error) => {
                let problem = problem(&frontend, &error);
                if pause == RETRY_FIRST {
                    tracing::warn!(address = %key.socket(), transport = %key.transport, service = %frontend.service, reason = problem.reason, "{}", problem.message);
                }
                self.failed.insert(key, Failed { frontend, problem, again: Instant::now() + pause, pause });
            }
        }
    }

    /// Binds the first socket of an address on the data thread that its key falls on.
    fn bind(&self, key: &FrontendKey, phase: Phase) -> io::Result<watch::Sender<Phase>> {
        let (sender, receiver) = watch::channel(phase);
        let (shared, key, core) = (Arc::clone(&self.shared), *key, core_of(key));
        match key.transport {
            Transport::Tcp => {
                let socket = net::bind::bind_tcp_once(key.socket())?;
                let busy = (self.runtime.cores() > 1).then(|| self.busy.clone());
                self.runtime.spawn_on(core, move || accept::listen(shared, key, socket, receiver, busy));
            }
            Transport::Udp => {
                let socket = net::bind::bind_udp_once(key.socket())?;
                self.runtime.spawn_on(core, move || flows::listen(shared, key, socket, receiver));
            }
            Transport::Sctp => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(sender)
    }

    /// Gives a busy TCP address a socket on every other data thread. It keeps them: closing one would reset what waits in it.
    fn spread(&mut self, key: FrontendKey) {
        let Some(gate) = self.gates.get_mut(&key).filter(|gate| !gate.spread) else { return };
        gate.spread = true;
        for other in 1..self.runtime.cores() {
            match net::bind::bind_tcp_beside(key.socket()) {
                Ok(socket) => {
                    let (shared, receiver) = (Arc::clone(&self.shared), gate.phase.subscribe());
                    self.runtime.spawn_on(core_of(&key) + other, move || accept::listen(shared, key, socket, receiver, None));
                }
                Err(error) => tracing::debug!(address = %key.socket(), "one core serves a busy address: {error}"),
            }
        }
    }

    /// Tries again what could not be bound.
    fn retry(&mut self) {
        let now = Instant::now();
        let due: Vec<FrontendKey> = self.failed.iter().filter(|(_, failed)| failed.again <= now).map(|(key, _)| *key).collect();
        let before = self.failed.len();
        for key in due {
            if let Some(failed) = self.failed.remove(&key) {
                let phase = phase_of(&failed.frontend);
                self.open(failed.frontend, phase, (failed.pause * 2).min(RETRY_MAX));
            }
        }
        if self.failed.len() != before {
            self.acknowledge();
        }
    }

    fn acknowledge(&self) {
        let mut problems: Vec<Problem> = self.failed.values().map(|failed| failed.problem.clone()).collect();
        problems.sort_unstable_by_key(|problem| problem.frontend);
        self.shared.live.applied(Applied { plane: PLANE, generation: self.generation, problems });
    }
}

/// What a listener of this frontend is to do. A loopback address has clients of this node only; elsewhere it listens if
/// either view is served, and the view of each client decides.
fn phase_of(frontend: &Frontend) -> Phase {
    let views = if frontend.key.address.is_loopback() { [frontend.inside; 2] } else { [frontend.inside, frontend.outside] };
    if views.iter().any(|view| matches!(view, Verdict::Pool(_))) {
        Phase::Open
    } else if views.contains(&Verdict::Drop) {
        Phase::Paused
    } else {
        Phase::Closed { drain: false }
    }
}

fn core_of(key: &FrontendKey) -> usize {
    let mut hasher = FixedState::default().build_hasher();
    match key.address {
        IpAddr::V4(address) => hasher.write_u32(address.to_bits()),
        IpAddr::V6(address) => hasher.write_u128(address.to_bits()),
    }
    hasher.write_u16(key.port);
    (hasher.finish() >> 48) as usize
}

fn problem(frontend: &Frontend, error: &io::Error) -> Problem {
    let (address, transport) = (frontend.key.socket(), frontend.key.transport);
    let (reason, message) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            "PortPrivileged",
            format!(
                "cannot listen on {transport} {address}: ports below 1024 need CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start"
            ),
        ),
        io::ErrorKind::AddrInUse => {
            ("AddressInUse", format!("cannot listen on {transport} {address}: another process holds it; stop it or change the port of the service"))
        }
        io::ErrorKind::AddrNotAvailable => (
            "AddressNotLocal",
            format!(
                "cannot listen on {address}: it is no address of this host; without the kernel plane the service network must lie in 127.0.0.0/8"
            ),
        ),
        io::ErrorKind::Unsupported => ("ProtocolUnsupported", format!("cannot listen on {transport} {address}: SCTP needs the kernel plane")),
        _ => ("PortUnavailable", format!("cannot listen on {transport} {address}: {error}")),
    };
    Problem { subject: frontend.service.clone(), frontend: Some(frontend.key), reason, message }
}
