//! `fairlead why URL`: the URL as typed, put into the form that the look-up of the request path takes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use balance::{KeySource, Layer, Method};
use model::policy::{HashKey, Strategy};
use model::routes::Limits;
use model::service::FrontendKey;
use model::show::{self, Cell, Explanation, Question};
use model::{Now, Pool, Snapshot, Transport};
use net::clock::monotonic_ns;
use proxy::path::{Normal, normalise};
use serde_json::Value;

use crate::cli::misused;
use crate::inside::tabled;

/// Explains a URL against a snapshot. `entries` are where one without a port enters: HTTP, HTTPS.
///
/// # Errors
/// When it is no http or https URL.
pub fn explain(
    snapshot: &Snapshot,
    url: &str,
    method: &str,
    headers: &[String],
    from: Option<IpAddr>,
    server_name: Option<&str>,
    entries: (SocketAddr, SocketAddr),
) -> Result<Value> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if method.is_empty() || !method.bytes().all(token) {
        bail!("method {method:?} would be refused with 400 bad_request: use a word such as GET or POST");
    }
    let (scheme, rest) = url.split_once("://").with_context(|| format!("{url:?} is no URL"))?;
    let entry = match scheme {
        "http" => entries.0,
        "https" => entries.1,
        other => bail!("{other}:// is not routed: use http:// or https://"),
    };
    let split = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(split);
    let (host, port) = host_and_port(authority)?;
    let authority_host = host.clone();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    let path = match normalise(if path.is_empty() { b"/" } else { path.as_bytes() }) {
        Normal::Same => {
            if path.is_empty() {
                "/".to_owned()
            } else {
                path.to_owned()
            }
        }
        Normal::Changed(changed) => String::from_utf8_lossy(&changed).into_owned(),
        Normal::Refused => bail!("the path of {url:?} would be refused with 400 bad_request"),
    };
    let headers: Vec<(String, String)> = headers
        .iter()
        .filter_map(|field| field.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let host = headers.iter().find(|(name, _)| name == "host").map_or(host, |(_, value)| value.to_ascii_lowercase());
    if host.is_empty() {
        return Err(misused!("{url:?} names no host: write http://HOST/PATH"));
    }
    if let Some(odd) = host.chars().find(|one| !(one.is_ascii_alphanumeric() || "-._~:[]%!$&'()*+,;=".contains(*one))) {
        bail!("host {host:?} would be refused with 400 bad_request: it holds {odd:?}");
    }
    if path.bytes().chain(query.iter().flat_map(|query| query.bytes())).any(|byte| byte <= b' ' || byte == 0x7F) {
        bail!("the path of {url:?} would be refused with 400 bad_request: write a space as %20");
    }
    let question = Question {
        method: method.to_ascii_uppercase(),
        host,
        path,
        query,
        headers,
        server_name: server_name.map(|name| name.trim_end_matches('.').to_ascii_lowercase()),
    };
    let key = place(snapshot, entry, port);
    let (mut explanation, mut last_rows) = (show::why(snapshot, key, &question), Vec::new());
    if let Some(relayed) = relayed(snapshot, scheme, &authority_host, port, &explanation, from) {
        explanation = relayed;
    } else if !explanation.pools.is_empty() {
        last_rows = times(explanation.limits.as_deref());
    }
    let picks: Vec<_> = explanation.pools.iter().filter_map(|id| snapshot.pool(*id)).filter_map(|pool| pick(pool, &question, from)).collect();
    // Before the last row, which is the answer.
    let last = explanation.table.rows.len().saturating_sub(1);
    last_rows.extend(picks);
    explanation.table.rows.splice(last..last, last_rows);
    let head = match explanation.status {
        Some(status) => format!("{method} {url}: {status} {}", explanation.reason),
        None => format!("{method} {url}: {}", explanation.reason),
    };
    let mut answer = tabled(snapshot, &head, &explanation.table);
    answer["reason"] = explanation.reason.into();
    if let Some(status) = explanation.status {
        // A redirect is an answer of ours, and no error.
        let what = if explanation.reason == "ok" { "status" } else { "error_status" };
        answer[what] = status.into();
    }
    Ok(answer)
}

/// Whether a URL names a place that can be asked at all, which shows before a server is needed.
///
/// # Errors
/// When its host or port is none; a request for it cannot be sent.
pub fn check(url: &str, headers: &[String]) -> Result<()> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, _) = host_and_port(rest.split(['/', '?', '#']).next().unwrap_or_default())?;
    let names_host =
        |field: &String| field.split_once(':').is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("host") && !value.trim().is_empty());
    if host.is_empty() && !headers.iter().any(names_host) {
        return Err(misused!("{url:?} names no host: write http://HOST/PATH"));
    }
    Ok(())
}

/// Waits that hold for every request of a port, and who says so.
fn times(limits: Option<&Limits>) -> Vec<Vec<Cell>> {
    let usual = proxy::Options::default();
    let row = |(what, own, usual): (&str, Option<Duration>, Duration)| {
        let source = if own.is_some() { "by an annotation of the Gateway" } else { "default" };
        vec!["timeout".into(), what.into(), "applies".into(), format!("{} ms, {source}", own.unwrap_or(usual).as_millis()).into()]
    };
    let own = |of: fn(&Limits) -> Option<Duration>| limits.and_then(of);
    [
        ("connect", own(|limits| limits.connect_timeout), usual.connect_timeout),
        ("silence of the endpoint", own(|limits| limits.silence_timeout), usual.silence_timeout),
        ("silence of the client", own(|limits| limits.body_timeout), usual.body_timeout),
    ]
    .into_iter()
    .map(row)
    .collect()
}

/// What becomes of the connection where the URL names an address of a Service, by number or by its own name, instead of an entry. A
/// URL without a port means an entry; only if nothing is routed there, or its host is no entry's number, the scheme's port is meant.
fn relayed(snapshot: &Snapshot, scheme: &str, host: &str, port: Option<u16>, routed: &Explanation, from: Option<IpAddr>) -> Option<Explanation> {
    let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let address = literal.or_else(|| named(snapshot, host))?;
    let number = port.unwrap_or(if scheme == "https" { 443 } else { 80 });
    let key = FrontendKey { address, transport: Transport::Tcp, port: number };
    let is_entry = snapshot.entrances.ports.keys().any(|(bound, known, _)| *known == number && (*bound == address || bound.is_unspecified()));
    let meant = match port {
        Some(_) => !is_entry || snapshot.frontends.contains_key(&key),
        None => routed.reason == "no_route",
    };
    meant.then(|| show::why_address(snapshot, key, from)).flatten()
}

/// The first address of the Service that a name is of: `S.N.svc.ZONE`.
fn named(snapshot: &Snapshot, host: &str) -> Option<IpAddr> {
    let below = host.strip_suffix(&*snapshot.names.zone)?.strip_suffix(".svc.")?;
    let (service, namespace) = below.split_once('.')?;
    snapshot.services.get(&(namespace.into(), service.into()))?.addresses.first().copied()
}

/// Which endpoint the request's key leads to, where the strategy hashes one.
fn pick(pool: &Arc<Pool>, question: &Question, from: Option<IpAddr>) -> Option<Vec<Cell>> {
    let now = Now(monotonic_ns());
    let picker = balance::preview(pool, Layer::Http, now);
    let row = |subject: String, verdict: &str, detail: &str| Some(vec!["pick".into(), subject.into(), verdict.into(), detail.into()]);
    let by_client = pool.policy.strategy == Strategy::SourceIp || pool.policy.tuning.hash_keys.contains(&HashKey::ClientIp);
    if !matches!(picker.method(), Method::Maglev | Method::RingHash) {
        return None;
    }
    if by_client && from.is_none() {
        return row(pool.label(), "depends", "its strategy hashes the client's address: say it with --from ADDRESS");
    }
    let key = picker.hash_key(&Asked { question, from });
    match key.map(|key| picker.endpoint_of(key, now)) {
        Some(Some(endpoint)) => row(format!("{} {}", endpoint.address, endpoint.stable_name), "chosen", "its key leads here"),
        Some(None) => row(pool.label(), "open", "no endpoint of its key is usable: it is balanced without one"),
        None => row(pool.label(), "open", "the request has none of the keys: it is balanced without one"),
    }
}

/// What a hash key is taken from.
struct Asked<'a> {
    question: &'a Question,
    from: Option<IpAddr>,
}

impl KeySource for Asked<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.question.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_bytes())
    }

    fn cookie(&self, name: &str) -> Option<&[u8]> {
        let cookies = self.question.headers.iter().filter(|(known, _)| known == "cookie").flat_map(|(_, value)| value.split(';'));
        cookies.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
    }

    fn query(&self, name: &str) -> Option<&[u8]> {
        let pairs = self.question.query.iter().flat_map(|query| query.split('&'));
        pairs.filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
    }

    fn client(&self) -> Option<IpAddr> {
        self.from
    }

    fn path(&self) -> Option<&[u8]> {
        Some(self.question.path.as_bytes())
    }

    fn method(&self) -> Option<&[u8]> {
        Some(self.question.method.as_bytes())
    }
}

/// The entrance a request reaches: at its own port where one is given, on whichever address it is bound.
fn place(snapshot: &Snapshot, entry: SocketAddr, port: Option<u16>) -> model::routes::EntranceKey {
    let port = port.unwrap_or(entry.port());
    let bound = snapshot.entrances.ports.keys().find(|(_, known, transport)| *known == port && *transport == Transport::Tcp);
    bound.copied().unwrap_or((entry.ip(), port, Transport::Tcp))
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>)> {
    let bare = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if bare.starts_with('[') != bare.contains(']') {
        return Err(misused!("host {bare:?}: write an address of IPv6 as [ADDRESS]"));
    }
    let wrong = |port: &str| misused!("port {port:?}: use 1 to 65535, or none for the entry");
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !bare.ends_with(']') => (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong(port))?)),
        _ => (bare, None),
    };
    Ok((host.trim_end_matches('.').to_ascii_lowercase(), port))
}
