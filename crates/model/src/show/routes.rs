//! `fairlead show routes` and `fairlead show listeners`: what the routing table holds.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cell, Filter, Table, words};
use crate::ack::Applied;
use crate::ident::Origin;
use crate::routes::{Entrance, Fallback, Listener, RouteMatch, Speaks};
use crate::snapshot::Snapshot;

const ROUTES: &[&str] = &["NAMESPACE", "ROUTE", "KIND", "RULE", "HOST", "MATCH", "LISTENERS", "BACKENDS", "WHY"];
const LISTENERS: &[&str] =
    &["NAMESPACE", "NAME", "KIND", "LISTENER", "ADDRESS", "PORT", "PROTOCOL", "HOST", "CERTIFICATES", "ROUTES", "PROGRAMMED", "WHY"];

/// What a row stands for: route, rule, match and host.
type Place<'a> = (&'a Origin, u16, u16, String);

/// The rules of the routes that the filter admits, one row for each host and match.
pub fn routes(snapshot: &Snapshot, filter: Filter<'_>) -> Table {
    let mut found: BTreeMap<Place<'_>, (&RouteMatch, BTreeSet<String>)> = BTreeMap::new();
    for (entrance, listener) in all_listeners(snapshot) {
        for one in listener.hosts.matches().filter(|one| filter.admits(&one.rule.origin.namespace, &one.rule.origin.name)) {
            let key = (&one.rule.origin, one.rule.index, one.index, one.host.to_string());
            found.entry(key).or_insert_with(|| (one, BTreeSet::new())).1.insert(at(entrance, listener));
        }
    }
    let mut table = Table::new(ROUTES);
    for ((origin, rule, _, host), (one, listeners)) in found {
        let backends: Vec<String> = one.rule.backends.iter().map(|backend| words::backend(backend, &one.rule)).collect();
        table.push(vec![
            (&*origin.namespace).into(),
            (&*origin.name).into(),
            origin.kind.into(),
            u32::from(rule).into(),
            host.into(),
            words::condition(one).into(),
            listeners.into_iter().collect::<Vec<_>>().join(", ").into(),
            backends.join(", ").into(),
            incomplete(one, snapshot).into(),
        ]);
    }
    table
}

/// Why a rule does not answer as it was written.
fn incomplete(one: &RouteMatch, snapshot: &Snapshot) -> Option<String> {
    let broken = one.rule.backends.iter().filter_map(|backend| words::broken(backend, snapshot)).map(|(.., why)| why);
    let refused = one.rule.filters.iter().filter_map(|filter| match filter {
        crate::routes::Filter::Refuse { detail, .. } => Some(detail.to_string()),
        _ => None,
    });
    let reasons: BTreeSet<String> = broken.chain(refused).collect();
    (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join("; "))
}

/// The listeners that the filter admits; `applied` is what the planes said last. The entries of Ingresses have no namespace and
/// are admitted in all.
pub fn listeners(snapshot: &Snapshot, applied: &[Applied], filter: Filter<'_>) -> Table {
    let mut table = Table::new(LISTENERS);
    for (entrance, listener) in all_listeners(snapshot) {
        let origin = &listener.origin;
        let namespace = if origin.namespace.is_empty() { filter.namespace.unwrap_or_default() } else { &origin.namespace };
        if filter.admits(namespace, &origin.name) {
            table.push(row(snapshot, entrance, listener, applied));
        }
    }
    table
}

fn row(snapshot: &Snapshot, entrance: &Entrance, listener: &Listener, applied: &[Applied]) -> Vec<Cell> {
    let (address, port, _) = entrance.key;
    let routes: BTreeSet<&Origin> = listener.hosts.rules().map(|rule| &rule.origin).collect();
    let problem = applied.iter().flat_map(|plane| &plane.problems).find(|problem| {
        let here = problem.frontend.is_some_and(|key| (key.address, key.port, key.transport) == entrance.key);
        here || (problem.frontend.is_none() && problem.subject == listener.origin)
    });
    let in_force = applied.iter().any(|plane| plane.plane == "http" && plane.generation >= snapshot.generation);
    let (programmed, why) = match problem {
        Some(problem) => ("False", Some(format!("{}: {}", problem.reason, problem.message))),
        None if in_force => ("True", None),
        None => ("Unknown", Some("the plane has not applied this generation yet".to_owned())),
    };
    vec![
        (&*listener.origin.namespace).into(),
        (&*listener.origin.name).into(),
        listener.origin.kind.into(),
        (&*listener.name).into(),
        address.to_string().into(),
        u32::from(port).into(),
        speaks(entrance.speaks).into(),
        listener.host.to_string().into(),
        certificates(entrance, listener).into(),
        Cell::Count(routes.len() as u64),
        programmed.into(),
        why.into(),
    ]
}

/// The Secrets, each once.
fn certificates(entrance: &Entrance, listener: &Listener) -> Option<String> {
    if entrance.speaks != Speaks::Https {
        return None;
    }
    let secrets = listener.identities.values().flatten().map(|one| format!("{}/{}", one.origin.namespace, one.origin.name));
    let fallback = entrance.fallback.as_ref().filter(|_| listener.ingress).map(|fallback| match fallback {
        Fallback::Identity(identity) => format!("default {}", identity.origin),
        Fallback::SelfSigned => "default self-signed".to_owned(),
    });
    let all: BTreeSet<String> = secrets.chain(fallback).collect();
    Some(all.into_iter().collect::<Vec<_>>().join(", "))
}

fn all_listeners(snapshot: &Snapshot) -> impl Iterator<Item = (&Entrance, &Listener)> {
    snapshot.entrances.ports.values().flat_map(|entrance| entrance.listeners.iter().map(move |listener| (&**entrance, &**listener)))
}

/// `n/gw/web` with the port, `entry:8080` for Ingresses.
fn at(entrance: &Entrance, listener: &Listener) -> String {
    match listener.ingress {
        true => format!("entry:{}", entrance.key.1),
        false => format!("{}/{}/{}:{}", listener.origin.namespace, listener.origin.name, listener.name, entrance.key.1),
    }
}

/// `HTTP`, `HTTPS`, ...
pub(super) fn speaks(speaks: Speaks) -> &'static str {
    match speaks {
        Speaks::Http => "HTTP",
        Speaks::Https => "HTTPS",
        Speaks::Tls => "TLS",
        Speaks::Tcp => "TCP",
        Speaks::Udp => "UDP",
    }
}
