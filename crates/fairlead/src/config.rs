//! Settings of the server: flags over environment over file over defaults, checked once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use api::backend_policy::BackendPolicySpec;
use clap::ValueEnum;

use crate::cli::{AccessLog, DnsPods, Durability, LogFormat, PacketPlane, UpFlags, misused, origin};

mod addresses;
mod entry;
mod file;

pub use addresses::of_this_host;
pub use entry::Entry;
use entry::Given;
use file::File;

/// What the server obeys.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Everything that lasts.
    pub data_dir: PathBuf,
    /// The API's address.
    pub api: SocketAddr,
    /// DNS addresses, at least one.
    pub dns: Vec<SocketAddr>,
    /// HTTP entry.
    pub http: SocketAddr,
    /// HTTPS entry.
    pub https: SocketAddr,
    /// What stands before Gateways and Ingresses.
    pub entry: Entry,
    /// Metrics and health.
    pub admin: SocketAddr,
    /// Networks of ClusterIPs as (address, prefix length), the primary family first.
    pub service_cidrs: Vec<(IpAddr, u8)>,
    /// NodePorts, both ends included.
    pub node_ports: (u16, u16),
    /// Zone of names, lower case, no trailing dot.
    pub cluster_domain: String,
    /// Forwarders; empty refuses other names; `None` are those of the host's `resolv.conf`, whatever they become.
    pub upstreams: Option<Vec<SocketAddr>>,
    /// Networks whose hosts may ask for names of others, besides those that are near.
    pub dns_clients: Vec<(IpAddr, u8)>,
    /// Networks whose hosts may have the zone as a whole.
    pub transfer_to: Vec<(IpAddr, u8)>,
    /// Whether endpoints are called by their Pods' names in DNS.
    pub endpoint_pod_names: bool,
    /// Which Pods have names in DNS.
    pub dns_pods: dns::Pods,
    /// Namespaces that have names in DNS; empty is all.
    pub dns_namespaces: Vec<String>,
    /// Endpoints have no names in DNS.
    pub dns_no_endpoints: bool,
    /// Services without a ready endpoint have no name in DNS.
    pub dns_ignore_empty: bool,
    /// What `plane` says at start: `userspace (reason)`.
    pub plane: String,
    /// Name of this node.
    pub node_name: String,
    /// Addresses of this node, at most one a family.
    pub node_addresses: Vec<IpAddr>,
    /// Wait between failing readiness and refusing connections.
    pub shutdown_delay: Duration,
    /// Longest wait at stop.
    pub drain_timeout: Duration,
    /// How the store keeps its data.
    pub store: store::Options,
    /// Longest life of a client's connection.
    pub connection_age: Option<Duration>,
    /// Log filter.
    pub log_level: String,
    /// Log form.
    pub log_format: LogFormat,
    /// Access log form.
    pub access_log: AccessLog,
    /// Which requests get a line there.
    pub access_log_filter: proxy::Only,
    /// Whether own answers carry their reason.
    pub reason_header: bool,
    /// Whether loopback endpoints are accepted.
    pub loopback_endpoints: bool,
    /// Whether routes may lead to Services of type ExternalName.
    pub external_names: bool,
    /// Whether `externalIPs` of Services are served.
    pub external_ips: bool,
    /// Serves the Services that name this proxy, instead of those that name none.
    pub service_proxy_name: Option<String>,
    /// Where NodePorts listen; empty: at the node's addresses.
    pub node_port_addresses: Vec<IpAddr>,
    /// Time to live of own DNS records, in seconds, where a Service sets none.
    pub dns_ttl_s: u32,
    /// How Services are balanced that say nothing of it.
    pub policy: BackendPolicySpec,
    /// What is taken and has no effect, for the log.
    pub warnings: Vec<String>,
    /// Take any free port where the wanted one is taken (the demonstration).
    pub any_port_if_taken: bool,
}

impl Settings {
    /// Fills what the flags leave open from the file and the defaults.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key, or a value makes no sense; the message names it.
    pub fn resolve(flags: UpFlags) -> Result<Self> {
        let Some(path) = flags.config.clone() else { return Self::with(flags, File::default()) };
        let (read, keys) = file::read(&path)?;
        Self::with(flags.clone(), read).map_err(|error| match Self::with(flags, File::default()) {
            // What was typed is fine: it is the file that makes no sense.
            Ok(_) if !format!("{error:#}").contains(&path.display().to_string()) => {
                anyhow::anyhow!("{} (in {})", origin::told_of_file(&format!("{error:#}"), &keys), path.display())
            }
            _ => error,
        })
    }

    fn with(flags: UpFlags, file: File) -> Result<Self> {
        let from_file = |path: &Option<PathBuf>| path.as_deref().map_or_else(String::new, |path| format!(" (in {})", path.display()));
        let place = from_file(&flags.config);
        let store = kept(&flags, &file, &place)?;
        let api = flags.api_address.or(file.api_address).unwrap_or_else(|| loopback(6443));
        let plane = match flags.packet_plane.map_or_else(|| named(file.packet_plane, "packet-plane", &place), |plane| Ok(Some(plane)))? {
            Some(PacketPlane::Kernel) => bail!("--packet-plane kernel: the kernel plane is not built into this version; use auto or userspace"),
            Some(PacketPlane::Userspace) => "userspace (asked for)",
            Some(PacketPlane::Auto) | None => "userspace (kernel plane not built in)",
        };
        let node_addresses = match either(flags.node_address, file.node_address.0) {
            given if !given.is_empty() => given,
            _ if api.ip().is_loopback() => vec![Ipv4Addr::LOCALHOST.into()],
            _ => addresses::primary(),
        };
        let node_addresses = addresses::one_a_family(node_addresses)?;
        let node_port_addresses = addresses::of_node_ports(&either(flags.nodeport_addresses, file.nodeport_addresses.0), &node_addresses)?;
        let (policy, warnings) = defaults(file.defaults, &place)?;
        let settings = Self {
            data_dir: flags.data_dir.or(file.data_dir).map_or_else(default_data_dir, Ok)?,
            api,
            dns: match either(flags.dns_address, file.dns_address.0) {
                given if given.is_empty() => vec![loopback(1053)],
                given => given,
            },
            http: flags.http_address.or(file.http_address).unwrap_or_else(|| loopback(8080)),
            https: flags.https_address.or(file.https_address).unwrap_or_else(|| loopback(8443)),
            entry: Entry::resolve(Given {
                gateway_addresses: either(flags.gateway_addresses, file.gateway_addresses.0),
                trusted_proxies: either(flags.trusted_proxies, file.trusted_proxies.0),
                proxy_protocol: flags.proxy_protocol.or(file.proxy_protocol),
                default_ssl_certificate: flags.default_ssl_certificate.or(file.default_ssl_certificate),
                default_backend_service: flags.default_backend_service.or(file.default_backend_service),
                publish_status_address: either(flags.publish_status_address, file.publish_status_address.0),
                watch_ingress_without_class: flags.watch_ingress_without_class.or(file.watch_ingress_without_class),
            })?,
            admin: flags.admin_address.or(file.admin_address).unwrap_or_else(|| loopback(9533)),
            service_cidrs: service_cidrs(either(flags.service_cidr, file.service_cidr.0))?,
            node_ports: node_ports(flags.node_port_range.or(file.node_port_range).as_deref().unwrap_or("30000-32767"))?,
            cluster_domain: domain(&flags.cluster_domain.or(file.cluster_domain).unwrap_or_else(|| "cluster.local".into()))?,
            upstreams: None,
            dns_clients: networks("--dns-clients", &either(flags.dns_clients, file.dns_clients.0))?,
            transfer_to: networks("--dns-transfer-to", &either(flags.dns_transfer_to, file.dns_transfer_to.0))?,
            dns_pods: match flags.dns_pods.map_or_else(|| named(file.dns_pods, "dns-pods", &place), |mode| Ok(Some(mode)))? {
                Some(DnsPods::Disabled) => dns::Pods::Disabled,
                Some(DnsPods::Insecure) => dns::Pods::Insecure,
                Some(DnsPods::Verified) | None => dns::Pods::Verified,
            },
            endpoint_pod_names: flags.dns_endpoint_pod_names.or(file.dns_endpoint_pod_names).unwrap_or(false),
            dns_namespaces: either(flags.dns_namespaces, file.dns_namespaces.0).iter().map(|name| name.to_ascii_lowercase()).collect(),
            dns_no_endpoints: flags.dns_no_endpoints.or(file.dns_no_endpoints).unwrap_or(false),
            dns_ignore_empty: flags.dns_ignore_empty_services.or(file.dns_ignore_empty_services).unwrap_or(false),
            plane: plane.into(),
            node_name: node_name(flags.node_name.or(file.node_name))?,
            node_addresses,
            shutdown_delay: time(flags.shutdown_delay, file.shutdown_delay, "shutdown-delay", &place)?.unwrap_or_default(),
            drain_timeout: time(flags.drain_timeout, file.drain_timeout, "drain-timeout", &place)?.unwrap_or(Duration::from_secs(30)),
            store,
            connection_age: time(flags.max_connection_age, file.max_connection_age, "max-connection-age", &place)?.filter(|age| !age.is_zero()),
            log_level: level(flags.log_level.or(file.log_level).unwrap_or_else(|| "info".into()))?,
            log_format: flags
                .log_format
                .map_or_else(|| named(file.log_format, "log-format", &place), |format| Ok(Some(format)))?
                .unwrap_or(LogFormat::Text),
            access_log: flags
                .access_log
                .map_or_else(|| named(file.access_log, "access-log", &place), |format| Ok(Some(format)))?
                .unwrap_or(AccessLog::Text),
            access_log_filter: log_filter(&either(flags.access_log_filter, file.access_log_filter.0))?,
            reason_header: !flags.no_reason_header.or(file.no_reason_header).unwrap_or(false),
            loopback_endpoints: !flags.no_loopback_endpoints.or(file.no_loopback_endpoints).unwrap_or(false),
            external_ips: flags.external_ips.or(file.external_ips).unwrap_or(false),
            service_proxy_name: proxy_name(flags.service_proxy_name.or(file.service_proxy_name))?,
            node_port_addresses,
            dns_ttl_s: ttl(flags.dns_ttl.or(file.dns_ttl))?,
            external_names: flags.allow_external_name.or(file.allow_external_name).unwrap_or(false),
            policy,
            warnings,
            any_port_if_taken: false,
        };
        addresses::apart(&settings)?;
        settings.with_upstreams(either(flags.dns_upstream, file.dns_upstream.0))
    }

    /// The keys of the file whose values differ and cannot change while the server runs.
    pub fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let same = [
            ("data-dir", self.data_dir == other.data_dir),
            ("api-address", self.api == other.api),
            ("dns-address", self.dns == other.dns),
            ("http-address", self.http == other.http),
            ("https-address", self.https == other.https),
            ("admin-address", self.admin == other.admin),
            ("service-cidr", self.service_cidrs == other.service_cidrs),
            ("node-port-range", self.node_ports == other.node_ports),
            ("cluster-domain", self.cluster_domain == other.cluster_domain),
            ("dns-upstream", self.upstreams == other.upstreams),
            ("dns-clients", self.dns_clients == other.dns_clients),
            ("dns-transfer-to", self.transfer_to == other.transfer_to),
            ("dns-namespaces", self.dns_namespaces == other.dns_namespaces),
            ("dns-no-endpoints", self.dns_no_endpoints == other.dns_no_endpoints),
            ("dns-ignore-empty-services", self.dns_ignore_empty == other.dns_ignore_empty),
            ("dns-pods", self.dns_pods == other.dns_pods),
            ("dns-endpoint-pod-names", self.endpoint_pod_names == other.endpoint_pod_names),
            ("packet-plane", self.plane == other.plane),
            ("node-name", self.node_name == other.node_name),
            ("node-address", self.node_addresses == other.node_addresses),
            ("gateway-addresses", self.entry.gateway_addresses == other.entry.gateway_addresses),
            ("trusted-proxies", self.entry.peers.trusted == other.entry.peers.trusted),
            ("proxy-protocol", self.entry.peers.announced == other.entry.peers.announced),
            ("default-ssl-certificate", self.entry.ingress.default_certificate == other.entry.ingress.default_certificate),
            ("default-backend-service", self.entry.ingress.default_backend == other.entry.ingress.default_backend),
            ("publish-status-address", self.entry.ingress.published == other.entry.ingress.published),
            ("watch-ingress-without-class", self.entry.ingress.without_class == other.entry.ingress.without_class),
            ("shutdown-delay", self.shutdown_delay == other.shutdown_delay),
            ("max-connection-age", self.connection_age == other.connection_age),
            ("durability", self.store.durability == other.store.durability),
            ("etcd-compaction-interval", self.store.history_age == other.store.history_age),
            ("history-mib", self.store.history_bytes == other.store.history_bytes),
            ("log-format", self.log_format == other.log_format),
            ("access-log", self.access_log == other.access_log),
            ("access-log-filter", self.access_log_filter == other.access_log_filter),
            ("no-reason-header", self.reason_header == other.reason_header),
            ("external-ips", self.external_ips == other.external_ips),
            ("service-proxy-name", self.service_proxy_name == other.service_proxy_name),
            ("nodeport-addresses", self.node_port_addresses == other.node_port_addresses),
            ("dns-ttl", self.dns_ttl_s == other.dns_ttl_s),
            ("allow-external-name", self.external_names == other.external_names),
            ("no-loopback-endpoints", self.loopback_endpoints == other.loopback_endpoints),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
    }

    fn with_upstreams(mut self, given: Vec<String>) -> Result<Self> {
        self.upstreams = match given.as_slice() {
            [] => None,
            [none] if none == "none" => Some(Vec::new()),
            given => Some(given.iter().map(|text| upstream(text)).collect::<Result<_>>()?),
        };
        Ok(self)
    }
}

/// How the store keeps its data.
fn kept(flags: &UpFlags, file: &File, place: &str) -> Result<store::Options> {
    let standard = store::Options::default();
    let asked = flags.durability.map_or_else(|| named(file.durability.clone(), "durability", place), |when| Ok(Some(when)))?;
    let mib = flags.history_mib.or(file.history_mib);
    if mib == Some(0) {
        bail!("history-mib{place}: use a number from 1");
    }
    let age = time(flags.etcd_compaction_interval, file.etcd_compaction_interval.clone(), "etcd-compaction-interval", place)?;
    Ok(store::Options {
        durability: match asked {
            Some(Durability::Fsync) | None => store::Durability::Fsync,
            Some(Durability::Os) => store::Durability::Os,
            Some(Durability::None) => store::Durability::None,
        },
        history_bytes: mib.map_or(standard.history_bytes, |mib| mib as usize * (1 << 20)),
        history_age: age.unwrap_or(standard.history_age),
        ..standard
    })
}

fn named<T: ValueEnum>(text: Option<String>, key: &str, place: &str) -> Result<Option<T>> {
    text.map(|text| T::from_str(&text, true).map_err(|_| anyhow::anyhow!("{key}{place}: {text:?} is none of {}", words::<T>()))).transpose()
}

fn words<T: ValueEnum>() -> String {
    T::value_variants().iter().filter_map(|one| one.to_possible_value()).map(|one| one.get_name().to_owned()).collect::<Vec<_>>().join(", ")
}

fn time(flag: Option<Duration>, file: Option<String>, key: &str, place: &str) -> Result<Option<Duration>> {
    let from_file = || file.map(|text| crate::cli::duration(&text).map_err(|why| anyhow::anyhow!("{key}{place}: {why}"))).transpose();
    flag.map_or_else(from_file, |flag| Ok(Some(flag)))
}

/// The defaults block: as strict as the API is with a BackendPolicy.
fn defaults(block: Option<serde_json::Value>, place: &str) -> Result<(BackendPolicySpec, Vec<String>)> {
    let Some(block) = block.filter(|block| !block.is_null()) else { return Ok(Default::default()) };
    let (block, mut warnings) = apiserver::kinds::policy_defaults(block).map_err(|wrong| anyhow::anyhow!("{}{place}", wrong.join("; ")))?;
    let spec: BackendPolicySpec = serde_json::from_value(block).with_context(|| format!("defaults{place}"))?;
    // What is wrong begins with the field.
    let idle = compile::judge_defaults(&spec).map_err(|wrong| anyhow::anyhow!("defaults.{}{place}", wrong.replace("; ", "; defaults.")))?;
    warnings.extend(idle.map(|idle| format!("defaults: {idle}")));
    Ok((spec, warnings))
}

fn either<T>(flags: Vec<T>, file: Vec<T>) -> Vec<T> {
    if flags.is_empty() { file } else { flags }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

/// Root keeps its state where services do, people in their home (XDG base directories).
///
/// # Errors
/// When there is no home: a directory that others may write to is no place for keys.
pub fn default_data_dir() -> Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/fairlead".into());
    }
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("fairlead")).context("neither XDG_STATE_HOME nor HOME names a directory for the data: give --data-dir")
}

fn service_cidrs(given: Vec<String>) -> Result<Vec<(IpAddr, u8)>> {
    if given.is_empty() {
        return Ok(vec![(Ipv4Addr::new(127, 96, 0, 0).into(), 12)]);
    }
    let parsed: Vec<(IpAddr, u8)> = given.iter().map(|text| cidr(text)).collect::<Result<_>>()?;
    match parsed.as_slice() {
        [_] => Ok(parsed),
        [(a, _), (b, _)] if a.is_ipv4() != b.is_ipv4() => Ok(parsed),
        _ => Err(misused!("--service-cidr: give one network, or one of each family")),
    }
}

fn networks(flag: &str, given: &[String]) -> Result<Vec<(IpAddr, u8)>> {
    let given = given.join(",");
    let networks = compile::networks(&given).map_err(|wrong| anyhow::anyhow!("{flag} {given:?}: {wrong}"))?;
    Ok(networks.to_vec())
}

fn cidr(text: &str) -> Result<(IpAddr, u8)> {
    let wrong = || format!("--service-cidr {text}: use ADDRESS/BITS such as 10.96.0.0/16");
    let (address, bits) = text.split_once('/').with_context(wrong)?;
    let address: IpAddr = address.parse().with_context(wrong)?;
    let bits: u8 = bits.parse().with_context(wrong)?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    if bits < 8 || bits > width - 3 {
        bail!("--service-cidr {text}: the prefix must be from /8 to /{}", width - 3);
    }
    let rest = match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) & ((1_u128 << (32 - bits)) - 1),
        IpAddr::V6(v6) => u128::from(v6) & ((1_u128 << (128 - bits)) - 1),
    };
    if rest != 0 {
        bail!("--service-cidr {text}: the address has bits set beyond the prefix");
    }
    Ok((address, bits))
}

fn level(given: String) -> Result<String> {
    observe::logs::check_level(&given).map_err(|error| anyhow::anyhow!("--log-level: {error}"))?;
    Ok(given)
}

/// Checks of the values of single flags, for the command line: what is wrong there is wrong usage.
pub mod check {
    use anyhow::Result;

    /// The text itself, or what is wrong with it. Clap names the flag.
    fn sound<T>(text: &str, checked: Result<T>) -> Result<String, String> {
        let what = |error: anyhow::Error| error.to_string().split_once(": ").map_or_else(|| error.to_string(), |(_, what)| what.to_owned());
        checked.map(|_| text.to_owned()).map_err(what)
    }

    /// `--service-cidr`.
    pub fn cidr(text: &str) -> Result<String, String> {
        sound(text, super::cidr(text))
    }

    /// `--node-port-range`.
    pub fn node_ports(text: &str) -> Result<String, String> {
        sound(text, super::node_ports(text))
    }

    /// `--cluster-domain`.
    pub fn domain(text: &str) -> Result<String, String> {
        sound(text, super::domain(text))
    }

    /// `--node-name`.
    pub fn node_name(text: &str) -> Result<String, String> {
        sound(text, super::node_name(Some(text.to_owned())))
    }

    /// `--dns-upstream`, one of the list.
    pub fn upstream(text: &str) -> Result<String, String> {
        sound(text, if text == "none" { Ok(()) } else { super::upstream(text).map(drop) })
    }

    /// `--gateway-addresses`, one of the list.
    pub fn range(text: &str) -> Result<String, String> {
        sound(text, super::entry::range(text))
    }

    /// `NAMESPACE/NAME`.
    pub fn object(text: &str) -> Result<String, String> {
        sound(text, super::entry::object(Some(text.to_owned()), ""))
    }

    /// `--publish-status-address`, one of the list.
    pub fn published(text: &str) -> Result<String, String> {
        sound(text, super::entry::published(text))
    }

    /// `--nodeport-addresses`, one of the list; whether this host has such an address is not the user's mistake.
    pub fn node_port_addresses(text: &str) -> Result<String, String> {
        sound(text, if matches!(text, "primary" | "localhost") { Ok(()) } else { super::addresses::node_port_networks(text).map(drop) })
    }

    /// `--access-log-filter`, one of the list.
    pub fn log_filter(text: &str) -> Result<String, String> {
        sound(text, super::log_filter(&[text.to_owned()]))
    }

    /// `--log-level`.
    pub fn level(text: &str) -> Result<String, String> {
        sound(text, super::level(text.to_owned()))
    }

    /// A list of networks, one of it.
    pub fn network(text: &str) -> Result<String, String> {
        sound(text, super::networks("", &[text.to_owned()]))
    }
}

fn ttl(given: Option<u32>) -> Result<u32> {
    match given {
        Some(seconds) if seconds > 3600 => bail!("--dns-ttl {seconds}: use seconds, 0 to 3600"),
        given => Ok(given.unwrap_or(5)),
    }
}

/// Bounds such as `status>=500`.
fn log_filter(given: &[String]) -> Result<proxy::Only> {
    let mut only = proxy::Only::default();
    for text in given {
        let read = text.split_once(">=").and_then(|(what, bound)| match (what.trim(), bound.trim()) {
            ("status", bound) => bound.parse().ok().filter(|status| (100..=599).contains(status)).map(|status| only.status = Some(status)),
            ("time", bound) => crate::cli::duration(bound).ok().map(|took| only.took = Some(took)),
            ("tries", bound) => bound.parse().ok().map(|tries| only.tries = Some(tries)),
            _ => None,
        });
        read.ok_or_else(|| misused!("--access-log-filter {text:?}: use status>=N, time>=DURATION or tries>=N"))?;
    }
    Ok(only)
}

fn node_ports(text: &str) -> Result<(u16, u16)> {
    let range = text.split_once('-').and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    let range = range.filter(|(first, last)| *first > 0 && first <= last);
    range.ok_or_else(|| misused!("--node-port-range {text}: use FIRST-LAST such as 30000-32767"))
}

fn domain(text: &str) -> Result<String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        let is_sound = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && label.len() <= 63 && is_sound && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > 200 || !name.split('.').all(label) {
        return Err(misused!("--cluster-domain {text:?}: is no domain name such as cluster.local"));
    }
    Ok(name)
}

/// A value of label `service.kubernetes.io/service-proxy-name`; empty is none.
fn proxy_name(given: Option<String>) -> Result<Option<String>> {
    let Some(name) = given.filter(|name| !name.is_empty()) else { return Ok(None) };
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if name.len() > 63 || !name.bytes().all(inner) || !outer(name.as_bytes().first()) || !outer(name.as_bytes().last()) {
        return Err(misused!(
            "--service-proxy-name {name:?}: is no label value: use up to 63 letters, digits, -, _ and ., a letter or digit first and last"
        ));
    }
    Ok(Some(name))
}

fn node_name(given: Option<String>) -> Result<String> {
    let name = match given {
        Some(name) => name,
        None => rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase(),
    };
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    if name.is_empty() || name.len() > 253 || !name.bytes().all(sound) || name.starts_with(['-', '.']) || name.ends_with(['-', '.']) {
        return Err(misused!("--node-name {name:?}: is no DNS name, use lower-case letters, digits, - and ."));
    }
    Ok(name)
}

fn upstream(text: &str) -> Result<SocketAddr> {
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse::<SocketAddr>().or(bare).map_err(|_| misused!("--dns-upstream {text:?}: use IP, IP:PORT or none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, flags: UpFlags) -> Result<Settings> {
        let path = std::env::temp_dir().join(format!("fairlead-config-{}-{:p}.yaml", std::process::id(), text));
        std::fs::write(&path, text)?;
        let resolved = Settings::resolve(UpFlags { config: Some(path.clone()), ..flags });
        std::fs::remove_file(path)?;
        resolved
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_default() {
        let flags = UpFlags { node_name: Some("from-flag".into()), ..UpFlags::default() };
        let settings = with_file("node-name: from-file\ncluster-domain: file.test\ndns-address: [127.0.0.1:53, 127.0.0.2:53]\n", flags).unwrap();
        assert_eq!((settings.node_name.as_str(), settings.cluster_domain.as_str(), settings.dns.len()), ("from-flag", "file.test", 2));
        assert_eq!(settings.http, loopback(8080));
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        let refused = format!("{:#}", with_file("cluster-domian: typo.test\n", UpFlags::default()).unwrap_err());
        assert!(refused.contains("cluster-domian") && refused.contains(".yaml"), "{refused}");
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let settings = |text: &str| with_file(text, UpFlags { node_name: Some("n".into()), ..UpFlags::default() }).unwrap();
        let before = settings("log-level: info\n");
        let after = settings("log-level: debug\ndrain-timeout: 5s\naccess-log: json\ncluster-domain: other.test\n");
        assert_eq!(before.fixed_differences(&after), ["cluster-domain", "access-log"]);
    }

    #[test]
    fn networks_ranges_and_domains_are_checked() {
        assert!(cidr("10.96.0.0/16").is_ok());
        assert!(cidr("10.96.0.1/16").unwrap_err().to_string().contains("beyond the prefix"));
        assert!(cidr("10.96.0.0/31").is_err() && cidr("banana").is_err());
        assert!(node_ports("30000-32767").is_ok() && node_ports("9-1").is_err() && node_ports("x").is_err());
        assert!(domain("Cluster.Local.").is_ok_and(|name| name == "cluster.local") && domain("a..b").is_err());
    }
}
