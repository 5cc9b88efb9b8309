//! Rules by host and path, and the walk through them.

use std::sync::Arc;

use super::{Entrance, HostPattern, Listener, RouteMatch, Rule};

/// What the look-up asks of a request. Host and path are already in normal form (gateway spec G97).
pub trait Ask {
    /// Lower case, without port and trailing dot; empty when there is none.
    fn host(&self) -> &str;
    /// Begins with `/` (or is `*`).
    fn path(&self) -> &str;
    /// Without the `?`.
    fn query(&self) -> Option<&str>;
    /// Upper case.
    fn method(&self) -> &str;
    /// Calls `each` with the value of every field of this lower-case name, in order.
    fn header(&self, name: &str, each: &mut dyn FnMut(&[u8]));
}

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
    /// One step was decided.
    fn step(&mut self, step: Step<'_>);
}

/// The silent trace of the request path.
pub struct NoTrace;

impl Trace for NoTrace {
    #[inline(always)]
    fn step(&mut self, _: Step<'_>) {}
}

/// A decision.
#[derive(Debug)]
pub enum Step<'a> {
    /// This listener was chosen.
    Listener(&'a Listener),
    /// This host entry was tried.
    Host(&'a HostPattern),
    /// This candidate was looked at; `None` means it matched, else the condition that failed.
    Candidate(&'a RouteMatch, Option<&'static str>),
}

/// The rules of a listener by host and path.
#[derive(Clone, Debug, Default)]
pub struct HostTable {
    matches: Vec<Arc<RouteMatch>>,
}

impl HostTable {
    /// A table of these matches; their order does not matter.
    pub fn new(matches: Vec<Arc<RouteMatch>>) -> Self {
        Self { matches }
    }

    /// Every rule, once, for tables.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.matches.iter().map(|one| &one.rule)
    }
}

impl Entrance {
    /// The listener for a TLS server name (lower case), before any request is read.
    pub fn listener_for(&self, server_name: Option<&str>) -> Option<&Arc<Listener>> {
        let _ = server_name;
        self.listeners.first()
    }

    /// Which rule a request matches. `connection` is the listener that the connection's server name chose (HTTPS).
    pub fn route(&self, ask: &impl Ask, connection: Option<&Arc<Listener>>, trace: &mut impl Trace) -> Routed<'_> {
        let _ = (ask, connection, trace);
        Routed::NoRoute
    }
}
