//! Loops that write: they watch objects over a `kube::Client`, compute what shall be, and write the difference.
//!
//! `fairlead` starts them with [`Control::start`], standalone over the API server in the same process, in a cluster over the
//! real one. Every loop is level-triggered: it computes from everything it knows, remembers no event, and one bad object never
//! stops the others. The pure parts (`readiness`, slices, graphs) are tested as functions.
//!
//! It knows neither the planes nor `compile`: statuses that were decided and acknowledgements of planes are handed in.

mod discovery;
mod endpoints;
mod events;
mod garbage;
mod instances;
mod leases;
mod names;
mod namespaces;
mod pods;
pub mod readiness;
mod standing;
mod statuses;
mod wire;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::Decided;
use kube::Client;
use model::{Interner, Live};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use events::Complaint;
pub use leases::{Held, Leases};
pub use statuses::Methods;

use standing::Standing;
use wire::Wire;

/// What may wait between two loops.
const QUEUE: usize = 1024;

/// Whose objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Beside our own API server: everything, as kube-controller-manager would.
    Standalone,
    /// Beside a real kube-controller-manager: only what comes from our own kinds.
    InCluster,
}

/// The manager of slices that repeat Endpoints made by hand.
const MIRRORS: &str = "endpointslicemirroring-controller.k8s.io";

impl Scope {
    /// The manager that slices are labelled with.
    fn managed_by(self) -> &'static str {
        match self {
            Scope::Standalone => "endpointslice-controller.k8s.io",
            Scope::InCluster => "endpointslice-controller.fairlead.dev",
        }
    }

    /// All managers whose slices are written here; in a cluster the stock controllers see to theirs.
    fn managers(self) -> Vec<&'static str> {
        match self {
            Scope::Standalone => vec![self.managed_by(), MIRRORS],
            Scope::InCluster => vec![self.managed_by()],
        }
    }
}

/// What an observer found out about an Instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Namespace of the Instance.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID; what is said of a former Instance of that name is dropped.
    pub uid: Arc<str>,
    /// `process`, `connection`, `probe`, `lease`, `passive`.
    pub proof: Arc<str>,
    /// `alive`, `dead`, `unknown`.
    pub verdict: Arc<str>,
    /// RFC 3339, with fractions.
    pub time: Arc<str>,
    /// One line for people. A refused connection is told by the word `refused`.
    pub reason: Arc<str>,
    /// Who says so: a node's name.
    pub observer: Arc<str>,
}

impl Evidence {
    /// Whether this is the same observer's word on the same proof.
    fn replaces(&self, other: &Evidence) -> bool {
        self.uid == other.uid && self.proof == other.proof && self.observer == other.observer
    }
}

/// What loops are started with.
#[derive(Clone)]
pub struct Settings {
    /// Whose objects are written.
    pub scope: Scope,
    /// Heartbeats.
    pub leases: Arc<Leases>,
    /// The snapshot in force and the words of the planes.
    pub live: Arc<Live>,
    /// The numbers of endpoints, to know when one is drained.
    pub interner: Arc<Interner>,
    /// The planes whose word counts, by the names they acknowledge under.
    pub planes: Vec<&'static str>,
    /// What a pool's policy comes to.
    pub methods: Methods,
    /// The DNS server that is asked for addresses of Instances that are names, and for what Services of type ExternalName name.
    pub resolver: Option<SocketAddr>,
    /// Whether such a Service has endpoints.
    pub outside: Outside,
    /// This node's name, told in Events.
    pub node: Arc<str>,
    /// The address of the Service `kubernetes` and where the API is served. Without it there is no such Service.
    pub api: Option<(IpAddr, SocketAddr)>,
}

/// Whether Services of type ExternalName have endpoints: their names are then asked for, and followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// As in Kubernetes: they are aliases in DNS, and no more.
    Closed,
    /// They have.
    Open {
        /// Addresses of this host itself count.
        loopback: bool,
    },
}

/// What every loop needs.
#[derive(Clone)]
struct Context {
    client: Client,
    metrics: watch::Metrics,
    scope: Scope,
    leases: Arc<Leases>,
    live: Arc<Live>,
    interner: Arc<Interner>,
    planes: Vec<&'static str>,
}

impl Context {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

/// Loops that run until this is dropped.
pub struct Control {
    evidence: mpsc::Sender<Evidence>,
    complaints: mpsc::Sender<Complaint>,
    _tasks: JoinSet<()>,
}

impl Control {
    /// Starts all loops of a scope. `decisions` is what `compile` decided about statuses, in order.
    pub fn start(client: &Client, settings: Settings, decisions: mpsc::UnboundedReceiver<Vec<Decided>>, metrics: &watch::Metrics) -> Control {
        let Settings { scope, leases, live, interner, planes, methods, resolver, outside, node, api } = settings;
        let context = Context { client: client.clone(), metrics: metrics.clone(), scope, leases, live, interner, planes };
        let mut tasks = JoinSet::new();
        let (judged, verdicts) = mpsc::channel(QUEUE);
        let (evidence, words) = mpsc::channel(QUEUE);
        let (complaints, complained) = mpsc::channel(events::QUEUE);
        tasks.spawn(events::run(Wire::new(client), node, complained));
        tasks.spawn(endpoints::run(context.clone(), judged, complaints.clone(), resolver, outside));
        tasks.spawn(instances::run(context.clone(), verdicts, words));
        tasks.spawn(statuses::run(Wire::new(client), context.live.clone(), context.planes.clone(), methods, decisions));
        tasks.spawn(standing::keep(context.clone(), Standing::IngressClass));
        tasks.spawn(standing::keep(context.clone(), Standing::GatewayClass));
        if scope == Scope::Standalone {
            tasks.spawn(namespaces::run(context.clone()));
            tasks.spawn(garbage::run(context.clone()));
            tasks.spawn(pods::run(context.clone()));
            if let Some((address, served)) = api {
                for one in [Standing::Service(address, served.port()), Standing::Endpoints(served), Standing::Slice(served)] {
                    tasks.spawn(standing::keep(context.clone(), one));
                }
            }
        }
        Control { evidence, complaints, _tasks: tasks }
    }

    /// Where observers bring what they find out. Bounded: whoever brings more than is written waits.
    pub fn evidence(&self) -> mpsc::Sender<Evidence> {
        self.evidence.clone()
    }
    /// Where what is wrong with objects is told. Bounded: what does not fit is left out, and stands in the log only.
    pub fn complaints(&self) -> mpsc::Sender<Complaint> {
        self.complaints.clone()
    }
}
