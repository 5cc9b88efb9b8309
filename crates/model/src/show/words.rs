//! Conditions, filters and backends of rules in words, for tables.

use crate::routes::{
    AuthProtocol, Backend, BackendTo, Filter, HeaderEdit, PathEdit, PathMatch, Redirect, Rewrite, RouteMatch, Rule, ValueMatch, ValueTest,
};
use crate::session::{self, Carrier, Session};
use crate::snapshot::Snapshot;
use crate::tls::{Authorities, BackendTls, PeerName};

/// `prefix /a GET header x="1" query q~/v.*/`.
pub(super) fn condition(one: &RouteMatch) -> String {
    let path = match &one.path {
        PathMatch::Exact(path) => format!("exact {path}"),
        PathMatch::Prefix(path) => format!("prefix {path}"),
        PathMatch::Regex(pattern) => format!("regex {pattern:?}"),
        PathMatch::Rest => "default backend".to_owned(),
    };
    let value = |what: &str, one: &ValueMatch| match &one.test {
        ValueTest::Exact(text) => format!("{what} {}={text:?}", one.name),
        ValueTest::Regex(pattern) => format!("{what} {}~{pattern:?}", one.name),
    };
    let headers = one.headers.iter().map(|one| value("header", one));
    let query = one.query.iter().map(|one| value("query", one));
    let words = std::iter::once(path).chain(one.method.iter().map(|method| method.to_string())).chain(headers).chain(query);
    words.collect::<Vec<_>>().join(" ")
}

/// `HTTPRoute n/r rule 0 (name) match 1`.
pub(super) fn place(one: &RouteMatch) -> String {
    let name = if one.rule.name.is_empty() { String::new() } else { format!(" ({})", one.rule.name) };
    format!("{} rule {}{name} match {}", one.rule.origin, one.rule.index, one.index)
}

/// What a filter does.
pub(super) fn filter(one: &Filter) -> String {
    match one {
        Filter::EditRequest(edit) => format!("request headers: {}", edited(edit)),
        Filter::EditResponse(edit) => format!("answer headers: {}", edited(edit)),
        Filter::Redirect(redirect) => redirected(redirect),
        Filter::Rewrite(rewrite) => rewritten(rewrite),
        Filter::Mirror(mirror) => {
            format!("mirror {}/{} of the requests to {}{}", mirror.numerator, mirror.denominator, mirror.service, reached(&mirror.to))
        }
        Filter::Auth(auth) => {
            let body = if auth.body_max > 0 { format!(" with at most {} bytes of body", auth.body_max) } else { String::new() };
            let protocol = if auth.protocol == AuthProtocol::Grpc { "gRPC" } else { "HTTP" };
            format!("ask {} by {protocol}{body} whether it may pass{}", auth.service, reached(&auth.to))
        }
        Filter::Cors(cors) => format!("CORS for {}", cors.origins.iter().map(|one| &**one).collect::<Vec<_>>().join(", ")),
        Filter::Refuse { status, detail } => format!("answer {status}: {detail}"),
    }
}

/// How whoever a filter speaks to is reached, where that is worth a word.
fn reached(to: &BackendTo) -> String {
    match to {
        BackendTo::Pool(_) => String::new(),
        BackendTo::Covered(_, tls) => format!(" over TLS ({})", tls.origin),
        BackendTo::Unvouched { detail } | BackendTo::Nowhere { detail, .. } => format!(", but {detail}"),
    }
}

fn edited(edit: &HeaderEdit) -> String {
    let set = edit.set.iter().map(|(name, value)| format!("set {name}: {value}"));
    let add = edit.add.iter().map(|(name, value)| format!("add {name}: {value}"));
    let remove = edit.remove.iter().map(|name| format!("remove {name}"));
    set.chain(add).chain(remove).collect::<Vec<_>>().join("; ")
}

fn redirected(redirect: &Redirect) -> String {
    let mut words = vec![format!("redirect {}", redirect.status)];
    words.extend(redirect.scheme.iter().map(|scheme| format!("scheme {scheme}")));
    words.extend(redirect.host.iter().map(|host| format!("host {host}")));
    words.extend(redirect.port.iter().map(|port| format!("port {port}")));
    words.extend(redirect.path.iter().map(path_edit));
    words.join(" ")
}

fn rewritten(rewrite: &Rewrite) -> String {
    let host = rewrite.host.iter().map(|host| format!("host {host}"));
    format!("rewrite {}", host.chain(rewrite.path.iter().map(path_edit)).collect::<Vec<_>>().join(" "))
}

fn path_edit(edit: &PathEdit) -> String {
    match edit {
        PathEdit::Full(path) => format!("path {path}"),
        PathEdit::Prefix(prefix) => format!("prefix {}", if prefix.is_empty() { "/" } else { prefix }),
    }
}

/// `cookie s for /, permanent, at most 600000 ms, at most 60000 ms unused`.
pub(super) fn session(one: &Session, rule: &Rule) -> String {
    let name = one.carrier.written().map_or_else(|| session::name(rule), |name| name.to_string());
    let kept = match &one.carrier {
        Carrier::Cookie { path, permanent, .. } => format!(" for {path}{}", if *permanent { ", permanent" } else { "" }),
        Carrier::Header { .. } => String::new(),
    };
    let times = [(one.absolute, ""), (one.idle, " unused")].into_iter().filter_map(|(time, word)| Some((time?, word)));
    let times: String = times.map(|(time, word)| format!(", at most {} ms{word}", time.as_millis())).collect();
    format!("{} {name}{kept}{times}", one.carrier.as_str())
}

/// `web:80` or `web:80 (90 %)`, by weight.
pub(super) fn backend(one: &Backend, rule: &Rule) -> String {
    let name = format!("{}:{}", one.service.name, one.port);
    if rule.backends.len() == 1 { name } else { format!("{name} ({})", share(one, rule)) }
}

/// The share of the requests a backend gets.
pub(super) fn share(one: &Backend, rule: &Rule) -> String {
    let sum: u64 = rule.backends.iter().map(|one| u64::from(one.weight)).sum();
    if sum == 0 { "0 %".into() } else { format!("{:.4} %", 100.0 * f64::from(one.weight) / sum as f64).replace(".0000", "") }
}

/// Who says that a backend is spoken to over TLS, and what its certificate must be.
pub(super) fn cover(tls: &BackendTls) -> String {
    let names: Vec<&str> = tls.names.iter().map(|(PeerName::Dns(name) | PeerName::Uri(name))| &**name).collect();
    let names = if names.is_empty() { tls.server_name.to_string() } else { names.join(" or ") };
    let vouching = match &tls.authorities {
        Authorities::System => "the authorities of this host".to_owned(),
        Authorities::These(these) => format!("{} authorities", these.len()),
    };
    format!("{}: a certificate for {names}, vouched for by {vouching}", tls.origin)
}

/// Why a backend cannot answer: the status, the word of the access log, and the sentence.
pub(super) fn broken(one: &Backend, snapshot: &Snapshot) -> Option<(u16, &'static str, String)> {
    match &one.to {
        BackendTo::Nowhere { status, detail } => Some((*status, "backend_invalid", detail.to_string())),
        BackendTo::Unvouched { detail } => Some((503, "tls_upstream", detail.to_string())),
        BackendTo::Pool(id) | BackendTo::Covered(id, _) => match snapshot.pool(*id) {
            Some(pool) if !pool.endpoints.is_empty() => None,
            Some(pool) => Some((503, "no_endpoint", format!("{} has no usable endpoint: see fairlead why {}", pool.label(), one.service.name))),
            None => Some((503, "no_endpoint", format!("the endpoints of {} are not known yet", one.service))),
        },
    }
}
