//! `fairlead why URL`: the look-up of the request path, run with a trace that writes down every decision (gateway spec G133).

mod filters;
mod relay;

pub use relay::why_address;

use std::sync::Arc;

use super::{Cell, Table, routes::speaks, words};
use crate::endpoint::{PoolId, Standing};
use crate::ident::Origin;
use crate::routes::{
    Ask, Entrance, EntranceKey, Filter, HostPattern, Limits, Listener, PathMatch, RouteMatch, Routed, Rule, Speaks, Step, Trace, decided_by,
};
use crate::snapshot::Snapshot;

const COLUMNS: &[&str] = &["STEP", "SUBJECT", "VERDICT", "DETAIL"];
/// Rows of one sort; a route with more of them than somebody reads is cut, and says so.
const ROWS: usize = 64;

/// A request that somebody asks about, in the form that the proxy gives the look-up (gateway spec G97).
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Upper case.
    pub method: String,
    /// Lower case, without port.
    pub host: String,
    /// In normal form.
    pub path: String,
    /// Without the `?`.
    pub query: Option<String>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The TLS server name; absent is the host.
    pub server_name: Option<String>,
}

impl Ask for Question {
    fn host(&self) -> &str {
        &self.host
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn header(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        self.headers.iter().filter(|(known, _)| known == name).for_each(|(_, value)| each(value.as_bytes()));
    }
}

/// What would become of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Every decision in order.
    pub table: Table,
    /// The status, when we would answer ourselves instead of a backend.
    pub status: Option<u16>,
    /// The word of the access log: `ok`, `no_route`, `misdirected`, `backend_invalid`, `no_endpoint`, ...
    pub reason: &'static str,
    /// The pools that a request may be served from.
    pub pools: Vec<PoolId>,
    /// Bounds of the port, where it has some of its own.
    pub limits: Option<Arc<Limits>>,
}

/// Explains what a request at an address and port would meet.
pub fn why(snapshot: &Snapshot, key: EntranceKey, question: &Question) -> Explanation {
    let mut notes = Notes { table: Table::new(COLUMNS), candidates: 0, hosts: Vec::new(), pools: Vec::new(), sent_to: None };
    let entrance = snapshot.entrances.ports.get(&key);
    let (status, reason) = match entrance {
        Some(entrance) => explain(snapshot, entrance, question, &mut notes),
        None => {
            notes.row("port", format!("{}:{}", key.0, key.1), "closed", "nothing listens here: see fairlead show listeners".into());
            (None, "connect_refused")
        }
    };
    let answer = status.map_or_else(|| if reason == "ok" { "by a backend".into() } else { "none".into() }, |status| status.to_string());
    let sent_to = notes.sent_to.take().map_or(Cell::None, Cell::Text);
    notes.row("answer", answer, reason, sent_to);
    let limits = entrance.and_then(|entrance| entrance.limits.clone());
    Explanation { table: notes.table, status, reason, pools: notes.pools, limits }
}

fn explain(snapshot: &Snapshot, entrance: &Entrance, question: &Question, notes: &mut Notes) -> (Option<u16>, &'static str) {
    let (address, port, _) = entrance.key;
    notes.row(
        "port",
        format!("{address}:{port}"),
        "open",
        format!("{}, {}", speaks(entrance.speaks), counted(entrance.listeners.len(), "listener")).into(),
    );
    let connection = match entrance.speaks {
        Speaks::Https => {
            let name = question.server_name.as_deref().unwrap_or(&question.host);
            let Some(listener) = entrance.listener_for(Some(name)) else {
                notes.row("tls", name.into(), "refused", "no listener is for this server name".into());
                return (None, "tls_client");
            };
            notes.tls(entrance, listener, name);
            Some(listener)
        }
        _ => None,
    };
    let routed = entrance.route(question, connection, notes);
    passed_over(entrance, &routed, question, notes);
    match routed {
        Routed::NoRoute => (Some(404), "no_route"),
        Routed::Misdirected => (Some(421), "misdirected"),
        Routed::Match(listener, winner) => {
            beaten(listener, winner, question, notes);
            effects(entrance, winner, question, notes);
            if let Some(answer) = answered_by_filter(&winner.rule) {
                return answer;
            }
            backends(snapshot, &winner.rule, notes)
        }
    }
}

/// `1 listener`, `2 listeners`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Collects rows; the trace of the look-up.
struct Notes {
    table: Table,
    candidates: usize,
    /// Entries that were tried.
    hosts: Vec<HostPattern>,
    pools: Vec<PoolId>,
    /// Where a redirect sends the client.
    sent_to: Option<String>,
}

impl Notes {
    fn row(&mut self, step: &'static str, subject: String, verdict: &str, detail: Cell) {
        self.table.push(vec![step.into(), subject.into(), verdict.into(), detail]);
    }

    fn tls(&mut self, entrance: &Entrance, listener: &Listener, name: &str) {
        let found = listener.identities_for(Some(name));
        let (verdict, detail) = match (found.first(), &entrance.fallback) {
            (Some(identity), _) => ("certificate", identity.origin.to_string()),
            (None, Some(_)) => ("default", "no certificate is for this name: the default one is shown".to_owned()),
            (None, None) => ("refused", "no certificate is for this name".to_owned()),
        };
        self.row("tls", name.into(), verdict, detail.into());
    }
}

impl Trace for Notes {
    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Listener(one) if one.ingress => {
                self.row("listener", "entry of the Ingresses".into(), "chosen", "no listener of a Gateway serves this request".into())
            }
            Step::Listener(one) => {
                self.row(
                    "listener",
                    format!("{} {}", one.origin, one.name),
                    "chosen",
                    format!("for host {}, the most specific one", one.host).into(),
                );
            }
            Step::Misdirected(connection, best) => {
                let detail = format!("the connection belongs to {} {}", connection.origin, connection.name);
                self.row("listener", format!("{} {}", best.origin, best.name), "misdirected", detail.into());
            }
            Step::Host(host) => {
                self.hosts.push(host.clone());
                self.row("host", host.to_string(), "tried", Cell::None);
            }
            Step::Candidate(one, failed) => {
                self.candidates += 1;
                let verdict = if failed.is_none() { "matches" } else { "fails" };
                let detail = failed.map_or_else(|| words::condition(one), |failed| format!("{}; {failed}", words::condition(one)));
                if failed.is_none() || self.candidates <= ROWS {
                    self.row("candidate", words::place(one), verdict, detail.into());
                }
            }
        }
    }
}

/// Listeners of the port that are not asked, and rules of the hosts that were tried whose path is another one.
fn passed_over(entrance: &Entrance, routed: &Routed<'_>, question: &Question, notes: &mut Notes) {
    let asked = entrance.listener_for(Some(&question.host));
    let chosen = match routed {
        Routed::Match(listener, _) => Some(*listener),
        _ => asked,
    };
    let is_asked = |one: &Arc<Listener>| one.ingress || [asked, chosen].into_iter().flatten().any(|known| Arc::ptr_eq(known, one));
    for one in entrance.listeners.iter().filter(|one| !is_asked(one)).take(ROWS) {
        let why = if one.host.matches(&question.host) { "less specific than that of the one chosen" } else { "which is another host" };
        notes.row("listener", format!("{} {}", one.origin, one.name), "not asked", format!("for host {}, {why}", one.host).into());
    }
    if matches!(routed, Routed::Misdirected) {
        return;
    }
    let listeners = [chosen, entrance.ingress().filter(|_| matches!(routed, Routed::NoRoute))];
    let mut others: Vec<&Arc<RouteMatch>> = listeners.into_iter().flatten().flat_map(|one| one.hosts.matches()).collect();
    others.retain(|one| notes.hosts.contains(&one.host) && !one.path.holds(&question.path) && !matches!(one.path, PathMatch::Regex(_)));
    others.sort_by_key(|one| one.path.specificity());
    others.dedup_by(|a, b| Arc::ptr_eq(a, b));
    let more = others.len().saturating_sub(ROWS);
    for one in others.into_iter().take(ROWS) {
        notes.row("candidate", words::place(one), "fails", format!("{}; the path is another one", words::condition(one)).into());
    }
    if more > 0 {
        notes.row("candidate", format!("{more} more"), "fail", "the path is another one".into());
    }
    if notes.hosts.is_empty() {
        notes.row("host", question.host.clone(), "unknown", "no rule of this port is for it: see fairlead show routes".into());
    }
}

/// Matches that hold as well, and why they lost.
fn beaten(listener: &Listener, winner: &RouteMatch, question: &Question, notes: &mut Notes) {
    let others = listener.hosts.matches().filter(|one| !one.same_place(winner) && one.host.matches(&question.host) && one.holds(question));
    let mut lost: Vec<_> = others.collect();
    lost.sort_by_key(|one| (one.host.specificity(), one.path.specificity()));
    for one in lost.iter().take(ROWS) {
        notes.row("beaten", words::place(one), "loses", format!("{}; to the winner: {}", words::condition(one), advantage(winner, one)).into());
    }
}

/// The step of the order at which the winner was better.
fn advantage(winner: &RouteMatch, other: &RouteMatch) -> &'static str {
    let kind = |path: &PathMatch| path.specificity().0;
    if winner.host.specificity() != other.host.specificity() {
        match winner.host {
            HostPattern::Exact(_) => "its host is exact",
            _ => "its host is more specific",
        }
    } else if kind(&winner.path) != kind(&other.path) {
        match winner.path {
            PathMatch::Exact(_) => "its path is exact",
            PathMatch::Regex(_) => "its path is a regular expression, which goes before prefixes",
            PathMatch::Prefix(_) | PathMatch::Rest => "its path matches, a default backend comes last",
        }
    } else if winner.path.specificity() != other.path.specificity() {
        "its path is longer"
    } else {
        decided_by(winner, other)
    }
}

/// What the filters make of the request, deadlines and retries, each with where it comes from.
fn effects(entrance: &Entrance, winner: &RouteMatch, question: &Question, notes: &mut Notes) {
    let rule = &winner.rule;
    let mut request = filters::Request::new(question, winner, entrance);
    for filter in &rule.filters {
        let change = request.pass(filter);
        // The first one answers; what stands behind it is never reached.
        if let (Filter::Redirect(_), None) = (filter, &notes.sent_to) {
            notes.sent_to = change.clone();
        }
        notes.row("filter", words::filter(filter), "applies", change.map_or(Cell::None, Cell::Text));
    }
    for (what, limit) in [("request", rule.timeouts.request), ("each try", rule.timeouts.backend_request)] {
        match limit {
            Some(limit) => notes.row("timeout", what.into(), "applies", format!("{} ms, by the rule", limit.as_millis()).into()),
            None => notes.row("timeout", what.into(), "none", "default".into()),
        }
    }
    match &rule.retry {
        Some(retry) => {
            let detail = format!("{} retries, codes {:?}, first wait {} ms, by the rule", retry.attempts, retry.codes, retry.backoff.as_millis());
            notes.row("retry", rule.origin.to_string(), "applies", detail.into());
        }
        None => {
            let detail = "of what was sent, once, GET, HEAD, OPTIONS and TRACE whose connection dies before the answer; default";
            notes.row("retry", "after a reset".into(), "applies", detail.into());
        }
    }
}

/// The answer, where a filter gives it.
fn answered_by_filter(rule: &Rule) -> Option<(Option<u16>, &'static str)> {
    rule.filters.iter().find_map(|filter| match filter {
        Filter::Redirect(to) => Some((Some(to.status), "ok")),
        Filter::Refuse { status, .. } => Some((Some(*status), "filter_error")),
        _ => None,
    })
}

/// Who gets the request by weight, and who could be picked there. The answer is an error when every share is one.
fn backends(snapshot: &Snapshot, rule: &Rule, notes: &mut Notes) -> (Option<u16>, &'static str) {
    for one in rule.backends.iter().take(ROWS) {
        let share = format!("{} of the requests", words::share(one, rule));
        let (verdict, detail) = match words::broken(one, snapshot) {
            Some((.., why)) => ("broken", format!("{share}; {why}")),
            None => ("usable", share),
        };
        notes.row("backend", format!("{}:{}", one.service, one.port), verdict, detail.into());
        for filter in &one.filters {
            notes.row("filter", words::filter(filter), "applies", "to this backend only".into());
        }
        let of_policy = || one.to.pool().and_then(|id| snapshot.pool(id)).and_then(|pool| pool.policy.session.as_ref());
        if let Some(session) = rule.session.as_ref().or_else(of_policy) {
            notes.row("session", words::session(session, rule), "applies", "clients stay at their endpoint of this backend".into());
        }
        endpoints(snapshot, one, notes);
    }
    match rule.backends.iter().filter(|one| one.weight > 0).map(|one| words::broken(one, snapshot)).collect::<Option<Vec<_>>>() {
        Some(broken) => broken.first().map_or((Some(500), "backend_invalid"), |(status, reason, _)| (Some(*status), reason)),
        None => (None, "ok"),
    }
}

fn endpoints(snapshot: &Snapshot, backend: &crate::routes::Backend, notes: &mut Notes) {
    let Some(id) = backend.to.pool() else { return };
    if let Some(tls) = backend.to.cover() {
        notes.row("tls", format!("server name {}", tls.server_name), "applies", words::cover(tls).into());
    }
    let Some(pool) = snapshot.pool(id) else { return };
    if backend.weight > 0 && !pool.endpoints.is_empty() {
        notes.pools.push(id);
    }
    at_pool(snapshot, id, &backend.service, notes);
}

/// Who may be picked of a pool, and who of its Service may not.
fn at_pool(snapshot: &Snapshot, id: PoolId, service: &Origin, notes: &mut Notes) {
    let Some(pool) = snapshot.pool(id) else { return };
    for endpoint in pool.endpoints.iter().take(ROWS) {
        let state = endpoint.vitals.state();
        let (verdict, why) = match state.reason() {
            Some(reason) if state.barred() => ("held back", format!("{reason}; ")),
            _ => ("may be picked", String::new()),
        };
        let detail = format!("{why}strategy {:?}, weight {}, {} in flight", pool.policy.strategy, endpoint.weight, endpoint.vitals.in_flight());
        notes.row("endpoint", format!("{} {}", endpoint.address, endpoint.stable_name), verdict, detail.into());
    }
    let service = snapshot.services.get(&(service.namespace.clone(), service.name.clone()));
    let out = service.into_iter().flat_map(|service| &service.endpoints).filter_map(|one| match &one.standing {
        Standing::Out(why) => Some((one, why)),
        Standing::Ready | Standing::Draining => None,
    });
    for (endpoint, why) in out.take(ROWS) {
        notes.row("endpoint", format!("{} {}", endpoint.address, endpoint.stable_name), "out", (&**why).into());
    }
}
