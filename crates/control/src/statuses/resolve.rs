//! What a decision says now, given what the planes have put in force.

use std::collections::HashSet;

use api::decided::{Condition, Socket, Truth};
use api::{Decided, DecidedStatus};
use model::Transport;
use model::ack::{Applied, Problem};

/// A condition that holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub kind: &'static str,
    pub truth: Truth,
    pub reason: String,
    pub message: String,
}

/// What the planes whose word counts have said.
pub(crate) struct Words<'a> {
    applied: Vec<&'a Applied>,
    expected: usize,
}

impl<'a> Words<'a> {
    /// The words of the planes named.
    pub fn of(planes: &[&'static str], applied: &'a [Applied]) -> Words<'a> {
        Words { applied: applied.iter().filter(|one| planes.contains(&one.plane)).collect(), expected: planes.len() }
    }

    /// Whether all of them serve a generation.
    pub fn reached(&self, generation: u64) -> bool {
        self.applied.len() == self.expected && self.applied.iter().all(|one| one.generation >= generation)
    }

    /// What stands against a socket that an object waits for.
    fn against(&self, decided: &Decided, socket: &Socket) -> Option<&'a Problem> {
        let is_socket = |problem: &&Problem| {
            problem.frontend.is_some_and(|key| key.socket() == socket.address && (key.transport == Transport::Udp) == socket.datagrams)
        };
        let is_object = |problem: &&Problem| {
            let subject = &problem.subject;
            problem.frontend.is_none() && subject.kind == decided.kind && subject.namespace == decided.namespace && subject.name == decided.name
        };
        self.applied.iter().flat_map(|one| &one.problems).find(|problem| is_socket(problem) || is_object(problem))
    }

    /// Resolves a condition (see [`Condition::waits_for`]).
    pub fn resolve(&self, decided: &Decided, condition: &Condition) -> Said {
        let say = |truth, reason: &str, message: &str| Said { kind: condition.kind, truth, reason: reason.into(), message: message.into() };
        let as_decided = say(condition.truth, condition.reason, &condition.message);
        if !is_waiting(condition) || condition.truth != Truth::True {
            return as_decided;
        }
        if !self.reached(decided.snapshot) {
            return say(Truth::Unknown, "Pending", "waiting for the data planes to put this in force");
        }
        let problem = condition.waits_for.iter().find_map(|socket| self.against(decided, socket));
        problem.map_or(as_decided, |problem| say(Truth::False, problem.reason, &problem.message))
    }

    /// The addresses of an Ingress that are in force.
    pub fn bound<'d>(&self, decided: &'d Decided) -> Vec<&'d api::decided::IngressAddress> {
        let DecidedStatus::Ingress { addresses, .. } = &decided.body else { return Vec::new() };
        let is_bound = |sockets: &[Socket]| sockets.iter().all(|socket| self.against(decided, socket).is_none());
        addresses.iter().filter(|address| is_bound(&address.sockets)).collect()
    }

    /// Whether the decision depends on words that have not come.
    pub fn is_awaited(&self, decided: &Decided) -> bool {
        !self.reached(decided.snapshot) && (matches!(decided.body, DecidedStatus::Ingress { .. }) || waits(decided))
    }
}

fn is_waiting(condition: &Condition) -> bool {
    condition.waits || !condition.waits_for.is_empty()
}

/// Whether words of planes can change what the decision says.
pub(crate) fn waits(decided: &Decided) -> bool {
    let any = |conditions: &[Condition]| conditions.iter().any(is_waiting);
    match &decided.body {
        DecidedStatus::GatewayClass { conditions, .. } => any(conditions),
        DecidedStatus::Gateway { conditions, listeners, .. } => any(conditions) || listeners.iter().any(|listener| any(&listener.conditions)),
        DecidedStatus::Route { parents } | DecidedStatus::Ancestors { ancestors: parents } => parents.iter().any(|parent| any(&parent.conditions)),
        DecidedStatus::Policy { ancestors, .. } => ancestors.iter().any(|ancestor| any(&ancestor.conditions)),
        DecidedStatus::Ingress { .. } => true,
    }
}

/// Addresses that this process ever wrote to Ingresses: what it may take back.
pub(crate) type Written = HashSet<std::sync::Arc<str>>;
