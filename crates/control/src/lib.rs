//! Loops that write: they watch objects over a `kube::Client`, compute what shall be, and write the difference.
//!
//! `fairlead` starts them with [`Control::start`], standalone over the API server in the same process, in a cluster over the
//! real one. Every loop is level-triggered: it computes from everything it knows, remembers no event, and one bad object never
//! stops the others. The pure parts (`readiness`, slices, graphs) are tested as functions.
//!
//! It knows neither the planes nor `compile`: statuses that were decided and acknowledgements of planes are handed in.

mod endpoints;
mod instances;
pub mod readiness;
mod wire;

use std::sync::Arc;

use kube::Client;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Whose objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Beside our own API server: everything, as kube-controller-manager would.
    Standalone,
    /// Beside a real kube-controller-manager: only what comes from our own kinds.
    InCluster,
}

impl Scope {
    /// The manager that slices are labelled with.
    fn managed_by(self) -> &'static str {
        match self {
            Scope::Standalone => "endpointslice-controller.k8s.io",
            Scope::InCluster => "endpointslice-controller.fairlead.dev",
        }
    }
}

/// Proofs of life that are never stored, because they change too often: heartbeats, what proxies see.
pub trait Proofs: Send + Sync + 'static {
    /// What is known of an Instance now.
    fn facts(&self, namespace: &str, name: &str, uid: &str) -> Vec<readiness::Fact>;
}

/// No proofs but the stored ones.
pub struct NoProofs;

impl Proofs for NoProofs {
    fn facts(&self, _: &str, _: &str, _: &str) -> Vec<readiness::Fact> {
        Vec::new()
    }
}

/// What loops are started with.
#[derive(Clone)]
pub struct Settings {
    /// Whose objects are written.
    pub scope: Scope,
    /// Proofs that are not stored.
    pub proofs: Arc<dyn Proofs>,
}

/// What every loop needs.
#[derive(Clone)]
struct Context {
    client: Client,
    metrics: watch::Metrics,
    scope: Scope,
    proofs: Arc<dyn Proofs>,
}

impl Context {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

/// Loops that run until this is dropped.
pub struct Control {
    _tasks: JoinSet<()>,
}

impl Control {
    /// Starts all loops of a scope.
    pub fn start(client: &Client, settings: Settings, metrics: &watch::Metrics) -> Control {
        let Settings { scope, proofs } = settings;
        let context = Context { client: client.clone(), metrics: metrics.clone(), scope, proofs };
        let mut tasks = JoinSet::new();
        let (judged, _verdicts) = mpsc::channel(1024);
        tasks.spawn(endpoints::run(context, judged));
        Control { _tasks: tasks }
    }
}
