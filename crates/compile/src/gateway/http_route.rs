//! One HTTPRoute: its rules as matches of the routing table, and what is wrong with them. Nothing here knows a listener: the
//! matches are shared by all that the route attaches to (gateway spec G88).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::HttpRoute;
use api::http_route::{HttpBackend, HttpMatch, HttpRetry, HttpRule, HttpTimeouts, NamedMatch};
use api::session::SessionPersistence;
use model::Origin;
use model::routes::{Backend, HostPattern, PathMatch, Pattern, Retry, RouteMatch, Rule, Timeouts, ValueMatch, ValueTest};
use model::session::{self, Session};

use super::backend_tls::Policies;
use super::filters;
use super::references::References;
use crate::grants::Grants;
use crate::routes::{Ground, Key, Refusal, paths};

/// Largest weight of the API.
const MAX_WEIGHT: i32 = 1_000_000;
/// The wait before the first retry where a stanza names none (gateway spec G64).
const BACKOFF: Duration = Duration::from_millis(25);

/// A route without its listeners.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// One per host, rule and match.
    pub matches: Vec<Arc<RouteMatch>>,
    /// Its hosts; never empty.
    pub hosts: Vec<HostPattern>,
    /// Why nothing of it can be served.
    pub refused: Option<Refusal>,
    /// Rules that were dropped while others work, in one sentence.
    pub dropped: Option<Arc<str>>,
    /// What could not be resolved.
    pub unresolved: Option<Refusal>,
    /// Services it looked at.
    pub services: BTreeSet<Key>,
    /// Other namespaces it referred into.
    pub namespaces: BTreeSet<Arc<str>>,
}

/// Compiles a route.
pub(super) fn resolve(route: &HttpRoute, ground: &Ground<'_>, grants: &Grants, backend_tls: &Policies) -> Resolved {
    let mut references = References::new(&route.metadata, ground, grants, backend_tls);
    let mut dropped: Vec<(usize, Refusal)> = Vec::new();
    let mut kept = Vec::new();
    for (index, rule) in route.spec.rules.iter().enumerate() {
        let failures = references.failures();
        match compile_rule(route, index, rule, &mut references) {
            Ok(rule) => kept.push(rule),
            Err(refusal) => {
                references.forget_failures_after(failures);
                dropped.push((index, refusal));
            }
        }
    }
    let mut resolved = Resolved { hosts: hosts(route), unresolved: references.verdict().err(), ..Resolved::default() };
    match (kept.is_empty(), dropped.first()) {
        (true, Some((_, first))) => {
            resolved.refused = Some(Refusal { reason: first.reason, message: format!("no rule can be served: rule {}", sentence(&dropped)).into() })
        }
        (false, Some(_)) => resolved.dropped = Some(format!("Dropped Rule {}", sentence(&dropped)).into()),
        (_, None) => {}
    }
    resolved.services = references.services;
    resolved.namespaces = references.namespaces;
    for (rule, conditions) in kept {
        for host in &resolved.hosts {
            let made = conditions.iter().map(|one| Arc::new(RouteMatch { rule: Arc::clone(&rule), host: host.clone(), ..one.clone() }));
            resolved.matches.extend(made);
        }
    }
    resolved
}

/// `0: why; 2 (named): why`.
fn sentence(dropped: &[(usize, Refusal)]) -> String {
    dropped.iter().map(|(index, refusal)| format!("{index}: {}", refusal.message)).collect::<Vec<_>>().join("; ")
}

/// Hosts as the route writes them, each once; none means any.
fn hosts(route: &HttpRoute) -> Vec<HostPattern> {
    let unique: BTreeSet<HostPattern> = route.spec.hostnames.iter().map(|name| super::host_pattern(Some(name))).collect();
    if unique.is_empty() { vec![HostPattern::Any] } else { unique.into_iter().collect() }
}

/// The rule with its matches, which have no host yet.
fn compile_rule(route: &HttpRoute, index: usize, rule: &HttpRule, references: &mut References<'_>) -> Result<(Arc<Rule>, Vec<RouteMatch>), Refusal> {
    let place = |index: usize| u16::try_from(index).map_err(|_| unsupported("the route has more than 65536 rules or matches"));
    let default = [HttpMatch::default()];
    let matches = if rule.matches.is_empty() { &default } else { rule.matches.as_slice() };
    let conditions: Vec<_> = matches.iter().map(conditions).collect::<Result<_, _>>()?;
    let by_prefix = conditions.iter().all(|(path, ..)| matches!(path, PathMatch::Prefix(_)));
    let meta = &route.metadata;
    let compiled = Arc::new(Rule {
        origin: Origin::new("HTTPRoute", Arc::clone(&meta.namespace), Arc::clone(&meta.name)),
        created_s: meta.creation_s,
        index: place(index)?,
        name: rule.name.clone().unwrap_or_default(),
        filters: filters::compile(&rule.filters, by_prefix, references)?,
        timeouts: timeouts(rule.timeouts.as_deref())?,
        retry: rule.retry.as_deref().map(retry).transpose()?.map(Box::new),
        backends: rule.backend_refs.iter().map(|one| backend(one, by_prefix, references)).collect::<Result<Box<[_]>, _>>()?.into_vec(),
        place: place_of(meta, rule, &conditions),
        session: rule.session_persistence.as_deref().map(session).transpose()?,
    });
    let matches = conditions.into_iter().enumerate().map(|(index, (path, method, headers, query))| {
        let rule = Arc::clone(&compiled);
        Ok(RouteMatch { rule, index: place(index)?, host: HostPattern::Any, path, method, headers, query })
    });
    let matches = matches.collect::<Result<_, Refusal>>()?;
    Ok((compiled, matches))
}

/// The same for as long as the rule has its name, or without one matches the same: rules before it may come and go.
fn place_of(meta: &api::Meta, rule: &HttpRule, conditions: &[Conditions]) -> u64 {
    let own = rule.name.as_deref().filter(|name| !name.is_empty()).map_or_else(|| format!("{conditions:?}"), str::to_owned);
    session::number([meta.namespace.as_bytes(), meta.name.as_bytes(), own.as_bytes()])
}

fn session(written: &SessionPersistence) -> Result<Arc<Session>, Refusal> {
    crate::sessions::read(written).map(Arc::new).map_err(|why| unsupported(format!("sessionPersistence: {why}")))
}

type Conditions = (PathMatch, Option<Arc<str>>, Box<[ValueMatch]>, Box<[ValueMatch]>);

fn conditions(from: &HttpMatch) -> Result<Conditions, Refusal> {
    let root = || Arc::from("/");
    let value = &from.path.as_ref().and_then(|path| path.value.clone()).unwrap_or_else(root);
    let path = match from.path.as_ref().and_then(|path| path.kind.as_deref()).unwrap_or("PathPrefix") {
        "Exact" => PathMatch::Exact(paths::normal(value).map_err(unsupported)?),
        "PathPrefix" => PathMatch::Prefix(paths::normal(value).map_err(unsupported)?),
        "RegularExpression" => PathMatch::Regex(pattern("path", value)?),
        kind => return Err(unsupported(format!("path match type {kind:?} is not supported"))),
    };
    let headers = values("header", &from.headers, str::to_ascii_lowercase)?;
    let query = values("query parameter", &from.query_params, str::to_owned)?;
    Ok((path, from.method.clone(), headers, query))
}

/// Conditions on named values; of several with one name the first counts.
fn values(what: &str, from: &[NamedMatch], form: impl Fn(&str) -> String) -> Result<Box<[ValueMatch]>, Refusal> {
    let mut seen = BTreeSet::new();
    let mut compiled = Vec::with_capacity(from.len());
    for one in from {
        let name: Arc<str> = form(&one.name).into();
        if !seen.insert(Arc::clone(&name)) {
            continue;
        }
        let test = match one.kind.as_deref().unwrap_or("Exact") {
            "Exact" => ValueTest::Exact(Arc::clone(&one.value)),
            "RegularExpression" => ValueTest::Regex(pattern(&format!("{what} {}", one.name), &one.value)?),
            kind => return Err(unsupported(format!("match type {kind:?} of {what} {} is not supported", one.name))),
        };
        compiled.push(ValueMatch { name, test });
    }
    Ok(compiled.into())
}

fn pattern(what: &str, text: &str) -> Result<Pattern, Refusal> {
    Pattern::new(text).map_err(|wrong| unsupported(format!("{what}: {wrong}")))
}

fn unsupported(message: impl Into<Arc<str>>) -> Refusal {
    Refusal { reason: "UnsupportedValue", message: message.into() }
}

fn timeouts(from: Option<&HttpTimeouts>) -> Result<Timeouts, Refusal> {
    let Some(from) = from else { return Ok(Timeouts::default()) };
    let limit = |text: &Option<Arc<str>>| -> Result<Option<Duration>, Refusal> {
        let Some(text) = text else { return Ok(None) };
        Ok(Some(duration("timeout", text)?).filter(|limit| !limit.is_zero()))
    };
    Ok(Timeouts { request: limit(&from.request)?, backend_request: limit(&from.backend_request)? })
}

fn duration(what: &str, text: &str) -> Result<Duration, Refusal> {
    api::parse_duration(text).ok_or_else(|| unsupported(format!("{what} {text:?} is no duration like 1h30m or 250ms")))
}

fn retry(from: &HttpRetry) -> Result<Retry, Refusal> {
    let code = |code: &i32| match u16::try_from(*code) {
        Ok(code @ 400..=599) => Ok(code),
        _ => Err(unsupported(format!("retry code {code} is not within 400..599"))),
    };
    let attempts = from.attempts.unwrap_or(1);
    Ok(Retry {
        codes: from.codes.iter().map(code).collect::<Result<_, _>>()?,
        attempts: u32::try_from(attempts).map_err(|_| unsupported(format!("retry attempts {attempts} is negative")))?,
        backoff: from.backoff.as_ref().map_or(Ok(BACKOFF), |text| duration("retry backoff", text))?,
    })
}

fn backend(from: &HttpBackend, by_prefix: bool, references: &mut References<'_>) -> Result<Backend, Refusal> {
    let weight = from.weight.unwrap_or(1);
    if !(0..=MAX_WEIGHT).contains(&weight) {
        return Err(unsupported(format!("backend weight {weight} is not within 0..{MAX_WEIGHT}")));
    }
    let (to, service, port) = references.backend(&from.to);
    let filters = filters::compile(&from.filters, by_prefix, references)?;
    Ok(Backend { weight: weight.unsigned_abs(), to, service, port, filters })
}
