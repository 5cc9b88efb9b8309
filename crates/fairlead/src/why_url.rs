//! `fairlead why URL`: the URL as typed, put into the form that the look-up of the request path takes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use model::show::{self, Question};
use model::{Snapshot, Transport};
use proxy::path::{Normal, normalise};
use serde_json::Value;

use crate::inside::tabled;

/// Explains a URL against a snapshot. `entries` are where one without a port enters: HTTP, HTTPS.
///
/// # Errors
/// When it is no http or https URL.
pub fn explain(snapshot: &Snapshot, url: &str, method: &str, headers: &[String], entries: (SocketAddr, SocketAddr)) -> Result<Value> {
    let (scheme, rest) = url.split_once("://").with_context(|| format!("{url:?} is no URL"))?;
    let entry = match scheme {
        "http" => entries.0,
        "https" => entries.1,
        other => bail!("{other}:// is not routed: use http:// or https://"),
    };
    let split = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(split);
    let (host, port) = host_and_port(authority)?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    let path = match normalise(if path.is_empty() { b"/" } else { path.as_bytes() }) {
        Normal::Same => if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        Normal::Changed(changed) => String::from_utf8_lossy(&changed).into_owned(),
        Normal::Refused => bail!("the path of {url:?} would be refused with 400 bad_request"),
    };
    let headers: Vec<(String, String)> =
        headers.iter().filter_map(|field| field.split_once(':')).map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect();
    let host = headers.iter().find(|(name, _)| name == "host").map_or(host, |(_, value)| value.to_ascii_lowercase());
    let question = Question { method: method.to_ascii_uppercase(), host, path, query, headers, server_name: None };
    let key = place(snapshot, entry, port);
    let explanation = show::why(snapshot, key, &question);
    let head = match explanation.status {
        Some(status) => format!("{method} {url}: {status} {}", explanation.reason),
        None => format!("{method} {url}: {}", explanation.reason),
    };
    let mut answer = tabled(snapshot, &head, &explanation.table);
    answer["reason"] = explanation.reason.into();
    if let Some(status) = explanation.status {
        answer["error_status"] = status.into();
    }
    Ok(answer)
}

/// The entrance a request reaches: at its own port where one is given, on whichever address it is bound.
fn place(snapshot: &Snapshot, entry: SocketAddr, port: Option<u16>) -> model::routes::EntranceKey {
    let port = port.unwrap_or(entry.port());
    let bound = snapshot.entrances.ports.keys().find(|(_, known, transport)| *known == port && *transport == Transport::Tcp);
    bound.copied().unwrap_or((entry.ip(), port, Transport::Tcp))
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>)> {
    let bare = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !bare.ends_with(']') => (host, Some(port.parse().with_context(|| format!("port {port:?}"))?)),
        _ => (bare, None),
    };
    Ok((host.trim_end_matches('.').to_ascii_lowercase(), port))
}
