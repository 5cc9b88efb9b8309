//! What the judge found, told: one log line and one count per change of state, passive evidence about Instances, the
//! services in panic, and knocks at endpoints that refuse (balance spec H8, H11, O2, O9).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use balance::{Backlog, Judgement, Transition};
use model::vitals::State;
use model::{ObjectTarget, Origin, Target};
use node::knock::Knocker;
use node::{Evidence, Proof, Verdict};
use observe::Registry;
use observe::metrics::{Counter, EncodeLabelSet, Family, Gauge};
use tokio::sync::mpsc;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Waiting {
    queue: &'static str,
    service: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Service {
    service: String,
}

/// Where judgements go.
pub struct Verdicts {
    ejections: Family<Reason, Counter>,
    /// The same in the words of the stream plane.
    ejected: Counter,
    panic: Family<Service, Gauge>,
    in_panic: HashSet<Origin>,
    depth: Family<Waiting, Gauge>,
    dropped: Family<Waiting, Counter>,
    overflowed: Family<Service, Counter>,
    /// What was turned away, and what overflowed, when it was last told.
    backlogs: HashMap<Origin, (u64, u64)>,
    knocker: Knocker,
    evidence: mpsc::Sender<Evidence>,
    /// Where news of Services go.
    events: mpsc::Sender<control::Complaint>,
}

impl Verdicts {
    /// With its metrics registered; passive evidence goes to whoever writes statuses.
    pub fn new(metrics: &Registry, evidence: mpsc::Sender<Evidence>, events: mpsc::Sender<control::Complaint>) -> Self {
        Self {
            ejections: metrics.register("fairlead_endpoint_ejections", "Endpoints taken out by what the data planes saw", Family::default()),
            ejected: metrics.counter("fairlead_proxy_ejections", "Endpoints taken out by what the data planes saw, whatever the reason"),
            panic: metrics.register("fairlead_panic_mode", "1 for services of which no endpoint is usable", Family::default()),
            in_panic: HashSet::new(),
            depth: metrics.register("fairlead_queue_depth", "Requests that wait for an endpoint", Family::default()),
            dropped: metrics.register(
                "fairlead_queue_dropped",
                "Requests that waited for an endpoint in vain, or that too many waited before",
                Family::default(),
            ),
            overflowed: metrics.register(
                "fairlead_cold_overflow",
                "Requests that new endpoints got beyond their share, because all were new and waiting was in vain",
                Family::default(),
            ),
            backlogs: HashMap::new(),
            knocker: Knocker::default(),
            evidence,
            events,
        }
    }

    /// Tells one judgement.
    pub fn tell(&mut self, judgement: Judgement) {
        for transition in &judgement.transitions {
            self.tell_transition(transition);
        }
        let now: HashSet<Origin> = judgement.panic.into_iter().collect();
        for service in now.difference(&self.in_panic) {
            tracing::warn!(service = %service, "no endpoint is usable: the least bad ones are tried one request at a time");
            self.event(service, true, "Panic", "no endpoint is usable: the least bad ones are tried one request at a time".into());
            self.panic.get_or_create(&label(service)).set(1);
        }
        for service in self.in_panic.difference(&now) {
            tracing::info!(service = %service, "an endpoint is usable again");
            self.event(service, false, "PanicOver", "an endpoint is usable again".into());
            self.panic.remove(&label(service));
        }
        self.in_panic = now;
        self.knocker.knock(&judgement.refused);
    }

    /// Tells who waits for endpoints. Series go with their service.
    pub fn tell_backlogs(&mut self, backlogs: &[Backlog]) {
        self.backlogs.retain(|service, _| {
            let stays = backlogs.iter().any(|backlog| backlog.service == *service);
            if !stays {
                self.depth.remove(&waiting(service));
                self.dropped.remove(&waiting(service));
                self.overflowed.remove(&label(service));
            }
            stays
        });
        for backlog in backlogs {
            let told = self.backlogs.insert(backlog.service.clone(), (backlog.dropped, backlog.overflowed)).unwrap_or_default();
            // A service that was idle for long counts from 0 again.
            let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
            self.depth.get_or_create(&waiting(&backlog.service)).set(backlog.depth.into());
            self.dropped.get_or_create(&waiting(&backlog.service)).inc_by(since(backlog.dropped, told.0));
            if backlog.overflowed > 0 {
                self.overflowed.get_or_create(&label(&backlog.service)).inc_by(since(backlog.overflowed, told.1));
            }
        }
    }

    fn tell_transition(&self, transition: &Transition) {
        self.testify(transition);
        let Transition { endpoint, service, before, now, ejection } = transition;
        let why = ejection.map_or_else(|| now.reason().unwrap_or(""), |ejection| ejection.why.as_str());
        if now.has(State::EJECTED) && !before.has(State::EJECTED) {
            self.ejections.get_or_create(&Reason { reason: why }).inc();
            self.ejected.inc();
        }
        // A trial begins and ends within a request: its outcome is the news.
        if now.without(State::TRIAL) != before.without(State::TRIAL) {
            tracing::info!(
                endpoint = %endpoint.stable_name, address = %endpoint.address, service = %service,
                before = before.word(), now = now.word(), why, "an endpoint changed its state"
            );
            // What is told of in passing, such as a bound of its agent, is no news of its Service.
            if before.word() != now.word() {
                let object = match &endpoint.identity.target {
                    Target::Object(object) => format!("{} at {}", object.origin, endpoint.address),
                    Target::Address(_) => endpoint.address.to_string(),
                };
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                let message = format!("endpoint {object} is {}, it was {}{why}", now.word(), before.word());
                self.event(service, now.barred(), if now.barred() { "EndpointOut" } else { "EndpointIn" }, message.into());
            }
        }
    }
}

impl Verdicts {
    /// An Event of a Service; the queue is bounded, and what does not fit stands in the log.
    fn event(&self, about: &Origin, warns: bool, reason: &'static str, message: Arc<str>) {
        let _ = self.events.try_send(control::Complaint { about: about.clone(), warns, reason, message });
    }

    /// The planes' word on an Instance: dead when it was ejected or fails as its check does, alive when neither is so any
    /// more. It takes nobody out, but lets soft proofs hold out more than half of a Service (instances spec E5).
    fn testify(&self, transition: &Transition) {
        let Transition { endpoint, before, now, ejection, .. } = transition;
        let is_dead = |state: &State| state.has(State::EJECTED) || state.has(State::CONFIRMED);
        if is_dead(before) == is_dead(now) {
            return;
        }
        let Target::Object(object) = &endpoint.identity.target else { return };
        let ObjectTarget { origin, uid } = &**object;
        if origin.kind != "Instance" {
            return;
        }
        let (verdict, reason) = match ejection {
            Some(ejection) => (Verdict::Dead, format!("ejected: {}", ejection.why.as_str())),
            None if is_dead(now) => (Verdict::Dead, "requests fail as the check does".to_owned()),
            None => (Verdict::Alive, "answers seen".to_owned()),
        };
        // Under a flood of ejections some stay untold: the planes act on their own knowledge.
        let _ = self.evidence.try_send(Evidence {
            namespace: origin.namespace.clone(),
            name: origin.name.clone(),
            uid: uid.clone(),
            proof: Proof::Passive,
            verdict,
            reason: reason.into(),
        });
    }
}

fn waiting(service: &Origin) -> Waiting {
    Waiting { queue: "requests", service: label(service).service }
}

fn label(service: &Origin) -> Service {
    Service { service: format!("{}/{}", service.namespace, service.name) }
}
