//! The addresses of services at L4: one listener per (VIP or NodePort, port, protocol) of the snapshot, TCP and UDP
//! (services spec section 3).
//!
//! A reconciler keeps the listeners as the newest generation wants them and acknowledges it; each new connection or flow
//! looks at the snapshot in force by itself, so nothing about pools is ever pushed to a listener. An address without
//! endpoints has no listening socket, so that clients are refused by the kernel.

mod accept;
mod affinity;
mod flows;
mod listeners;
mod relay;
mod route;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use balance::Pickers;
use model::Live;
use observe::Registry;
use observe::metrics::{Counter, Gauge};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::Runtime;
use affinity::Affinity;

/// The name of this plane in acknowledgements.
pub const PLANE: &str = "stream";

/// Bounds of the plane.
#[derive(Clone, Debug)]
pub struct Options {
    /// Longest wait for a connection to an endpoint, before another one is tried.
    pub connect_timeout: Duration,
    /// A flow without an answer yet ends after this.
    pub flow_unanswered: Duration,
    /// A flow that was answered ends after this without a datagram.
    pub flow_idle: Duration,
    /// Flows per UDP listener; the one that was idle longest leaves.
    pub flows_max: usize,
    /// Clients whose endpoint is remembered (`sessionAffinity`), over all services.
    pub affinity_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            flow_unanswered: Duration::from_secs(30),
            flow_idle: Duration::from_secs(120),
            flows_max: 65_536,
            affinity_max: 262_144,
        }
    }
}

/// What every listener and connection of the plane shares.
pub(crate) struct Shared {
    live: Arc<Live>,
    pickers: Arc<Pickers>,
    affinity: Affinity,
    options: Options,
    /// Connections that are open, on all threads.
    open: AtomicUsize,
    /// Woken when the last of them ends.
    quiet: Notify,
    /// True: whatever is still open ends now.
    cut: watch::Sender<bool>,
    numbers: Numbers,
}

/// Handles of the plane's metrics.
struct Numbers {
    listeners: Gauge,
    connections_open: Gauge,
    connections: Counter,
    unserved: Counter,
    connect_failures: Counter,
    flows: Gauge,
    flows_evicted: Counter,
    accept_errors: Counter,
}

impl Numbers {
    fn new(metrics: &Registry) -> Self {
        Self {
            listeners: metrics.gauge("fairlead_stream_listeners", "Addresses of services that are listened on"),
            connections_open: metrics.gauge("fairlead_stream_connections_open", "Connections to addresses of services that are open"),
            connections: metrics.counter("fairlead_stream_connections", "Connections to addresses of services that reached an endpoint"),
            unserved: metrics.counter("fairlead_stream_unserved", "Connections that were reset because no endpoint could be reached"),
            connect_failures: metrics.counter("fairlead_stream_connect_failures", "Connects to endpoints that failed"),
            flows: metrics.gauge("fairlead_stream_udp_flows", "UDP flows that are open"),
            flows_evicted: metrics.counter("fairlead_stream_udp_flows_evicted", "UDP flows that left early because their table was full"),
            accept_errors: metrics.counter("fairlead_net_accept_errors", "Failed accepts"),
        }
    }
}

/// The running plane.
pub struct Stream {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    reconciler: JoinHandle<()>,
}

impl Stream {
    /// Starts the plane: sockets and connections on the data threads, the reconciler on the calling tokio runtime. Serves
    /// nothing before the first complete generation.
    pub fn start(runtime: &Runtime, live: Arc<Live>, pickers: Arc<Pickers>, options: Options, metrics: &Registry) -> Self {
        let affinity = Affinity::new(options.affinity_max);
        let shared = Arc::new(Shared {
            live,
            pickers,
            affinity,
            options,
            open: AtomicUsize::new(0),
            quiet: Notify::new(),
            cut: watch::Sender::new(false),
            numbers: Numbers::new(metrics),
        });
        let stop = watch::Sender::new(false);
        let reconciler = tokio::spawn(listeners::reconcile(Arc::clone(&shared), runtime.clone(), stop.subscribe()));
        Self { shared, stop, reconciler }
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Closes every listener, after serving what already waits in its queue, lets connections finish for at most `drain`,
    /// and cuts what is left. Gives how many were cut.
    pub async fn stop(self, drain: Duration) -> usize {
        let _ = self.stop.send(true);
        let _ = self.reconciler.await;
        let finished = async {
            loop {
                let quiet = self.shared.quiet.notified();
                if self.shared.open.load(Ordering::Relaxed) == 0 {
                    return;
                }
                quiet.await;
            }
        };
        let _ = tokio::time::timeout(drain, finished).await;
        let left = self.shared.open.load(Ordering::Relaxed);
        self.shared.cut.send_replace(true);
        left
    }
}

/// Counts one open connection for as long as it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        shared.numbers.connections_open.inc();
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.numbers.connections_open.dec();
        if self.0.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.quiet.notify_waiters();
        }
    }
}
