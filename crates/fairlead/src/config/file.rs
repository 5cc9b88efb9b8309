//! `fairlead.yaml`: the flags without their dashes. What is wrong in it is told in one line: file, line, key and what would be right.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, IgnoredAny, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A settings file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct File {
    pub data_dir: Option<PathBuf>,
    pub api_address: Option<SocketAddr>,
    pub dns_address: OneOrMany<SocketAddr>,
    pub http_address: Option<SocketAddr>,
    pub https_address: Option<SocketAddr>,
    pub gateway_addresses: OneOrMany<String>,
    pub trusted_proxies: OneOrMany<String>,
    pub proxy_protocol: Option<bool>,
    pub max_connection_age: Option<String>,
    pub default_ssl_certificate: Option<String>,
    pub default_backend_service: Option<String>,
    pub publish_status_address: OneOrMany<String>,
    pub watch_ingress_without_class: Option<bool>,
    pub allow_external_name: Option<bool>,
    pub external_ips: Option<bool>,
    pub service_proxy_name: Option<String>,
    pub nodeport_addresses: OneOrMany<String>,
    pub dns_ttl: Option<u32>,
    pub admin_address: Option<SocketAddr>,
    pub service_cidr: OneOrMany<String>,
    pub node_port_range: Option<String>,
    pub cluster_domain: Option<String>,
    pub dns_upstream: OneOrMany<String>,
    pub dns_clients: OneOrMany<String>,
    pub dns_transfer_to: OneOrMany<String>,
    pub dns_endpoint_pod_names: Option<bool>,
    pub dns_pods: Option<String>,
    pub dns_namespaces: OneOrMany<String>,
    pub dns_no_endpoints: Option<bool>,
    pub dns_ignore_empty_services: Option<bool>,
    pub packet_plane: Option<String>,
    pub node_name: Option<String>,
    pub node_address: OneOrMany<IpAddr>,
    pub durability: Option<String>,
    pub etcd_compaction_interval: Option<String>,
    pub history_mib: Option<u32>,
    pub shutdown_delay: Option<String>,
    pub drain_timeout: Option<String>,
    pub log_level: Option<String>,
    pub log_format: Option<String>,
    pub access_log: Option<String>,
    pub access_log_filter: OneOrMany<String>,
    pub no_reason_header: Option<bool>,
    pub no_loopback_endpoints: Option<bool>,
    /// The fields of a BackendPolicy. No flag has room for them.
    pub defaults: Option<serde_json::Value>,
}

/// A repeatable flag in the file: one value, or a list.
#[derive(Debug)]
pub(super) struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values(PhantomData)).map(Self)
    }
}

/// Takes a scalar as a list of one, so that what is wrong with it is said of the value and not of the list.
struct Values<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Values<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let one: StrDeserializer<'_, E> = text.into_deserializer();
        Ok(vec![T::deserialize(one)?])
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}

/// Reads a file and the keys that stand in it; an empty one sets nothing.
///
/// # Errors
/// When it cannot be read, is no YAML, or has a key or a value that is none.
pub(super) fn read(path: &Path) -> Result<(File, Vec<String>)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--config {}: cannot be read", path.display()))?;
    let file = parse(&text).with_context(|| format!("--config {}", path.display()))?;
    // It was read already: what is no mapping now is empty.
    let keys: BTreeMap<String, IgnoredAny> = serde_saphyr::from_str(&text).unwrap_or_default();
    Ok((file, keys.into_keys().collect()))
}

fn parse(text: &str) -> Result<File> {
    let mut documents: Vec<File> = serde_saphyr::from_multiple(text).map_err(|error| told(text, &error))?;
    match documents.len() {
        0 => Ok(File::default()),
        1 => Ok(documents.remove(0)),
        more => bail!("holds {more} documents: write all settings into one"),
    }
}

/// The library's error as one sentence. Its own text repeats the place, quotes the file and lists every key there is.
fn told(text: &str, error: &serde_saphyr::Error) -> anyhow::Error {
    let whole = error.without_snippet().to_string();
    let first = whole.lines().next().unwrap_or_default();
    // Without its place, which is told before it, and without advice for the library's callers.
    let what = first.split_once(": ").filter(|(place, _)| place.starts_with("error")).map_or(first, |(_, what)| what);
    let what = what.split(" at line ").next().unwrap_or(what);
    let what = what.split(", set DuplicateKeyPolicy").next().unwrap_or(what);
    let what =
        what.split_once("line ").filter(|(before, _)| before.is_empty()).and_then(|(_, rest)| rest.split_once(": ")).map_or(what, |(_, what)| what);
    let line = error.location().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(1);
    let key = text.lines().nth(line.saturating_sub(1)).and_then(|line| line.split_once(':')).map_or("", |(key, _)| key.trim());
    if let Some(unknown) = what.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()) {
        let near = nearest(unknown, what).map_or_else(|| "`fairlead help up` lists them".to_owned(), |known| format!("do you mean {known}?"));
        return anyhow::anyhow!("line {line}: unknown key {unknown}: {near}");
    }
    if what.starts_with("expected mapping") {
        return anyhow::anyhow!("line {line}: write settings as KEY: VALUE");
    }
    let key = if key.is_empty() || key.starts_with('-') { String::new() } else { format!("{key}: ") };
    anyhow::anyhow!("line {line}: {key}{what}")
}

/// The known key, of those that the library listed, that differs least from a misspelt one; none if all differ in much.
fn nearest<'k>(unknown: &str, listed: &'k str) -> Option<&'k str> {
    let known = listed.split_once("expected one of ").map_or("", |(_, known)| known).split(", ").map(|key| key.trim_matches('`'));
    known.map(|key| (distance(unknown, key), key)).filter(|(far, _)| *far <= 3).min().map(|(_, key)| key)
}

/// Edits that lead from one text to another (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.bytes().enumerate() {
        let mut corner = index;
        row[0] = index + 1;
        for (place, b) in to.bytes().enumerate() {
            let change = corner + usize::from(a != b);
            corner = row[place + 1];
            row[place + 1] = change.min(row[place] + 1).min(corner + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn an_unknown_key_is_named_with_the_one_that_was_meant() {
        assert_eq!(refused("node-name: a\ncluster-domian: b\n"), "line 2: unknown key cluster-domian: do you mean cluster-domain?");
        assert_eq!(refused("wholly: wrong\n"), "line 1: unknown key wholly: `fairlead help up` lists them");
    }

    #[test]
    fn a_wrong_value_is_told_by_line_and_key() {
        for (text, place) in [
            ("node-name: a\napi-address: nonsense\n", "line 2: api-address: "),
            ("dns-address: nonsense\n", "line 1: dns-address: "),
            ("dns-address: [127.0.0.1:53, nonsense]\n", "line 1: dns-address: "),
            ("dns-address:\n- 127.0.0.1:53\n- nonsense\n", "line 3: "),
            ("no-reason-header: maybe\n", "line 1: no-reason-header: "),
            ("data-dir: [x]\n", "line 1: data-dir: "),
            ("node-name: a\nnode-name: b\n", "line 2: node-name: "),
        ] {
            let told = refused(text);
            assert!(told.starts_with(place) && !told.contains('\n') && told.len() < 120, "{told}");
        }
        assert!(refused("node-address: here\n").contains("invalid IP address"));
    }

    #[test]
    fn what_is_no_mapping_or_more_than_one_is_refused() {
        assert_eq!(refused("[1, 2]\n"), "line 1: write settings as KEY: VALUE");
        assert_eq!(refused("just text\n"), "line 1: write settings as KEY: VALUE");
        assert!(refused("a: b: c\n").starts_with("line 1: "));
        assert_eq!(refused("node-name: a\n---\nnode-name: b\n"), "holds 2 documents: write all settings into one");
    }

    #[test]
    fn one_value_is_a_list_of_one_and_nothing_sets_nothing() {
        let file =
            parse("dns-address: 127.0.0.1:53\naccess-log: off\nlog-level: off\nnode-name: 5\ndns-upstream: [1.1.1.1, '9.9.9.9']\nservice-cidr:\n")
                .unwrap();
        assert_eq!((file.dns_address.0.len(), file.access_log.as_deref(), file.log_level.as_deref()), (1, Some("off"), Some("off")));
        assert_eq!((file.node_name.as_deref(), file.dns_upstream.0.len(), file.service_cidr.0.len()), (Some("5"), 2, 0));
        for empty in ["", "\n\n", "# a comment\n", "---\n"] {
            assert!(parse(empty).unwrap().node_name.is_none());
        }
    }
}
