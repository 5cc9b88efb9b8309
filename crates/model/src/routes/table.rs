//! Rules by host and path, and the walk through them.

use std::sync::Arc;

use super::ask::{Ask, Asked, Failed};
use super::paths::HostRules;
use super::{Entrance, HostMap, HostPattern, Listener, PathMatch, RouteMatch, Rule};

/// What became of a request at the table.
#[derive(Clone, Copy, Debug)]
pub enum Routed<'a> {
    /// This match of this listener won.
    Match(&'a Arc<Listener>, &'a Arc<RouteMatch>),
    /// 404.
    NoRoute,
    /// 421: another listener of this port is the better one for this authority (gateway spec G39).
    Misdirected,
}

/// Told of every decision of a look-up; [`NoTrace`] compiles to nothing.
pub trait Trace {
    /// Whether it wants to hear of candidates that an index rules out, too.
    const EVERYTHING: bool = true;

    /// One step was decided.
    fn step(&mut self, step: Step<'_>);
}

/// The silent trace of the request path.
pub struct NoTrace;

impl Trace for NoTrace {
    const EVERYTHING: bool = false;

    #[inline(always)]
    fn step(&mut self, _: Step<'_>) {}
}

/// A decision.
#[derive(Debug)]
pub enum Step<'a> {
    /// This listener was chosen.
    Listener(&'a Arc<Listener>),
    /// The connection belongs to the first listener, and the authority of the request to the second.
    Misdirected(&'a Arc<Listener>, &'a Arc<Listener>),
    /// This host entry was tried.
    Host(&'a HostPattern),
    /// This candidate was looked at; `None` means it matched, else the condition that failed.
    Candidate(&'a Arc<RouteMatch>, Option<Failed<'a>>),
}

/// The rules of a listener by host and path. Persistent: clones share structure, a change touches one path of one host.
#[derive(Clone, Debug, Default)]
pub struct HostTable {
    hosts: HostMap<HostRules>,
}

impl HostTable {
    /// A table of these matches; their order does not matter.
    pub fn new(matches: impl IntoIterator<Item = Arc<RouteMatch>>) -> Self {
        let mut table = Self::default();
        for one in matches {
            table.insert(one);
        }
        table
    }

    /// Adds a match. Nothing is replaced: take out the former one of the same place first.
    pub fn insert(&mut self, one: Arc<RouteMatch>) {
        match self.hosts.get_mut(&one.host) {
            Some(rules) => rules.insert(one),
            None => {
                let host = one.host.clone();
                self.hosts.entry(&host, || HostRules::One(one));
            }
        }
    }

    /// Takes out the match of this place (route, rule, match, host and path).
    pub fn remove(&mut self, one: &RouteMatch) {
        if self.hosts.get_mut(&one.host).is_some_and(|rules| rules.remove(one)) {
            self.hosts.remove(&one.host);
        }
    }

    /// Every match, in no order.
    pub fn matches(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
        self.hosts.values().flat_map(|rules| rules.matches())
    }

    /// Every rule, once per match that leads to it, in no order.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.matches().map(|one| &one.rule)
    }

    /// The match that wins. A Gateway's hosts fall through to less specific ones (gateway spec G55), an Ingress's do not, but
    /// the default backend of the class answers for all (ingress spec I3, I5).
    fn find<A: Ask>(&self, asked: &mut Asked<'_, A>, falls_through: bool, trace: &mut impl Trace) -> Option<&Arc<RouteMatch>> {
        for rules in self.hosts.matching(asked.ask.host()).take(if falls_through { usize::MAX } else { 1 }) {
            trace.step(Step::Host(rules.host()));
            if let Some(found) = rules.find(asked, trace).or_else(|| rules.find_rest(asked, trace)) {
                return Some(found);
            }
        }
        self.hosts.any()?.find_rest(asked, trace)
    }
}

/// The candidate if every condition holds.
#[inline]
pub(super) fn test<'a, A: Ask>(asked: &mut Asked<'_, A>, one: &'a Arc<RouteMatch>, trace: &mut impl Trace) -> Option<&'a Arc<RouteMatch>> {
    let path = match &one.path {
        PathMatch::Regex(pattern) if !pattern.matches(asked.ask.path().as_bytes()) => Some(Failed::Path),
        _ => None,
    };
    let failed = path.or_else(|| asked.failed(one));
    trace.step(Step::Candidate(one, failed));
    failed.is_none().then_some(one)
}

impl Entrance {
    /// The listener for a host or TLS server name (lower case): of the Gateways' the most specific one, else the Ingress entry.
    pub fn listener_for(&self, name: Option<&str>) -> Option<&Arc<Listener>> {
        match name {
            Some(name) => self.by_host.matching(name).next(),
            None => self.by_host.any(),
        }
        .map(|at| &self.listeners[*at])
        .or(self.ingress())
    }

    /// The listener that all Ingresses share, where this port is their entry.
    pub fn ingress(&self) -> Option<&Arc<Listener>> {
        self.listeners.last().filter(|last| last.ingress)
    }

    /// Which rule a request matches. `connection` is the listener that the connection's server name chose (HTTPS).
    pub fn route(&self, ask: &impl Ask, connection: Option<&Arc<Listener>>, trace: &mut impl Trace) -> Routed<'_> {
        let Some(best) = self.listener_for(Some(ask.host())) else { return Routed::NoRoute };
        if let Some(connection) = connection
            && !self.is_same(connection, best)
        {
            trace.step(Step::Misdirected(connection, best));
            return Routed::Misdirected;
        }
        trace.step(Step::Listener(best));
        let mut asked = Asked::new(ask);
        if let Some(found) = best.hosts.find(&mut asked, !best.ingress, trace) {
            return Routed::Match(best, found);
        }
        let Some(ingress) = self.ingress().filter(|_| !best.ingress) else { return Routed::NoRoute };
        trace.step(Step::Listener(ingress));
        match ingress.hosts.find(&mut asked, false, trace) {
            Some(found) => Routed::Match(ingress, found),
            None => Routed::NoRoute,
        }
    }

    /// Whether a connection of the one listener may ask for the other. A connection lives longer than a snapshot, so
    /// listeners are compared by name.
    fn is_same(&self, connection: &Arc<Listener>, best: &Arc<Listener>) -> bool {
        Arc::ptr_eq(connection, best) || (connection.name == best.name && connection.origin == best.origin)
    }
}
