//! The command line: every command, flag, environment variable and example. As typed; `config` makes it as meant.

pub mod origin;
mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use node::supervise::Check;

pub use upkeep::{Place, StoreCommand, StoreFlags};

/// `fairlead`, parsed.
#[derive(Debug, Parser)]
#[command(
    name = "fairlead",
    version,
    about = "Registers services, gives them names and addresses, balances their load and watches their health; kubectl is its remote control.",
    after_help = "Start here:\n  fairlead demo                       see it work, nothing to set up\n  fairlead up                         run the server\n  fairlead run --name web --port auto -- ./web\n  fairlead help up                    a page with examples for each command",
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line of this process. A variable that is set to nothing counts as not set, as in files that list them all.
    pub fn from_process() -> Self {
        let unset = |arg: clap::Arg| {
            let empty = arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
            if empty { arg.env(clap::builder::Resettable::Reset) } else { arg }
        };
        let mut command = Self::command().mut_subcommands(|command| command.mut_args(unset));
        let matches = command.try_get_matches_from_mut(std::env::args_os()).unwrap_or_else(|error| origin::of_variable(error, &command).exit());
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: API, DNS, balancers
    #[command(after_help = UP_EXAMPLES)]
    Up(Box<UpFlags>),
    /// Show what Fairlead does, live, with three real backends
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoFlags),
    /// Start a program, register it as a service and keep it running
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunFlags),
    /// Print tables of what is in force now
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowFlags),
    /// Explain a service's endpoints, or which rule serves a URL
    #[command(after_help = WHY_EXAMPLES)]
    Why(WhyFlags),
    /// Back up, restore, check and move what a server keeps
    #[command(after_help = upkeep::STORE_EXAMPLES)]
    Store(StoreFlags),
    /// A backend of the demonstration
    #[command(hide = true)]
    DemoBackend(crate::demo::BackendFlags),
}

const UP_EXAMPLES: &str = "\
Examples:
  fairlead up
      Serve on this host alone: the API on https://127.0.0.1:6443, DNS on 127.0.0.1:1053, HTTP on
      127.0.0.1:8080.
      Then: kubectl --kubeconfig ~/.local/state/fairlead/admin.kubeconfig get services -A

  fairlead up --data-dir ./state --http-address 0.0.0.0:80 --https-address 0.0.0.0:443
      Keep everything in ./state and open the HTTP entries to the network (ports below 1024 need
      the right to bind them).

  fairlead up --config fairlead.yaml
      Take settings from a file: a key is a flag's name without its dashes. Flags and FAIRLEAD_*
      variables override it.";

const DEMO_EXAMPLES: &str = "\
Examples:
  fairlead demo
      Start a server and three backends on free ports, show resolution, balancing, a rolling change
      and a kill -9, then leave everything running to try with kubectl, dig and curl until Ctrl-C.

  fairlead demo --once
      The same, then stop; exit status 0 when every claim held, 1 when one did not.";

const RUN_EXAMPLES: &str = "\
Examples:
  fairlead run --name web --port auto --replicas 3 -- ./web-server
      Three copies, each told its port in $PORT, registered as Instances of Service `web` and
      restarted when they fail.

  fairlead run --name files --port 9000 --check http:/ -- python3 -m http.server 9000
      One copy on port 9000; it gets requests while / answers 200 to 399.";

const SHOW_EXAMPLES: &str = "\
Examples:
  fairlead show services -A
      Every service with its address, ports and how many of its endpoints are usable.

  fairlead show endpoints kubernetes -o json
      The endpoints of one service with state, load and latency, for programs.";

const WHY_EXAMPLES: &str = "\
Examples:
  fairlead why kubernetes
      Which endpoints of Service default/kubernetes are in, which are out, and the evidence for
      each. Another namespace: -n shop.

  fairlead why http://shop.example.com/cart -X POST -H 'x-user: 7'
      Which listener and rule serve this request, what they beat, and which endpoint would be chosen.
      Exit status 1 when the answer would be an error, with its reason.";

/// Flags of `up`. All are optional: environment, file and defaults fill the rest.
#[derive(Clone, Debug, Default, Args)]
pub struct UpFlags {
    /// Read settings from this YAML file
    #[arg(long, env = "FAIRLEAD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything that lasts is kept [default: /var/lib/fairlead as root, else ~/.local/state/fairlead]
    #[arg(long, env = "FAIRLEAD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Kubernetes API over HTTPS [default: 127.0.0.1:6443]
    #[arg(long, env = "FAIRLEAD_API_ADDRESS", value_name = "IP:PORT")]
    pub api_address: Option<SocketAddr>,
    /// DNS over UDP and TCP; repeatable [default: 127.0.0.1:1053]
    #[arg(long, env = "FAIRLEAD_DNS_ADDRESS", value_name = "IP:PORT", value_delimiter = ',')]
    pub dns_address: Vec<SocketAddr>,
    /// HTTP entry of Ingresses and of Gateways that ask for no address [default: 127.0.0.1:8080]
    #[arg(long, env = "FAIRLEAD_HTTP_ADDRESS", value_name = "IP:PORT")]
    pub http_address: Option<SocketAddr>,
    /// HTTPS entry of Ingresses [default: 127.0.0.1:8443]
    #[arg(long, env = "FAIRLEAD_HTTPS_ADDRESS", value_name = "IP:PORT")]
    pub https_address: Option<SocketAddr>,
    /// Addresses for Gateways, one each: IP, CIDR or FIRST-LAST; repeatable [default: all share the IP of --http-address]
    #[arg(long, env = "FAIRLEAD_GATEWAY_ADDRESSES", value_name = "RANGE", value_delimiter = ',', value_parser = crate::config::check::range)]
    pub gateway_addresses: Vec<String>,
    /// Networks of proxies before us, whose X-Forwarded-* and Forwarded fields are believed; repeatable [default: none]
    #[arg(long, env = "FAIRLEAD_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',', value_parser = crate::config::check::network)]
    pub trusted_proxies: Vec<String>,
    /// Connections to the HTTP and HTTPS entries begin with a header of the PROXY protocol (version 1 or 2)
    #[arg(long, env = "FAIRLEAD_PROXY_PROTOCOL", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub proxy_protocol: Option<bool>,
    /// Longest life of a client's connection, give or take a tenth, so that clients spread anew [default: no bound]
    #[arg(long, env = "FAIRLEAD_MAX_CONNECTION_AGE", value_name = "DURATION", value_parser = age)]
    pub max_connection_age: Option<Duration>,
    /// Secret whose certificate is served to names that have none, NAMESPACE/NAME [default: one that signs itself]
    #[arg(long, env = "FAIRLEAD_DEFAULT_SSL_CERTIFICATE", value_name = "NS/NAME", value_parser = crate::config::check::object)]
    pub default_ssl_certificate: Option<String>,
    /// Service that answers what no Ingress does, NAMESPACE/NAME [default: 404]
    #[arg(long, env = "FAIRLEAD_DEFAULT_BACKEND_SERVICE", value_name = "NS/NAME", value_parser = crate::config::check::object)]
    pub default_backend_service: Option<String>,
    /// Address or host name that statuses of Ingresses show; repeatable [default: the one that is bound]
    #[arg(long, env = "FAIRLEAD_PUBLISH_STATUS_ADDRESS", value_name = "IP|NAME", value_delimiter = ',', value_parser = crate::config::check::published)]
    pub publish_status_address: Vec<String>,
    /// Serve Ingresses that name no class, too
    #[arg(long, env = "FAIRLEAD_WATCH_INGRESS_WITHOUT_CLASS", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub watch_ingress_without_class: Option<bool>,
    /// Let Ingresses and HTTPRoutes lead to Services of type ExternalName: whoever may write a Service can then reach what this host can
    #[arg(long, env = "FAIRLEAD_ALLOW_EXTERNAL_NAME", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub allow_external_name: Option<bool>,
    /// Serve `externalIPs` of Services: whoever may write a Service can then take over any address (CVE-2020-8554)
    #[arg(long, env = "FAIRLEAD_EXTERNAL_IPS", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub external_ips: Option<bool>,
    /// Serve the Services whose label service.kubernetes.io/service-proxy-name is this, instead of those without that label
    #[arg(long, env = "FAIRLEAD_SERVICE_PROXY_NAME", value_name = "NAME")]
    pub service_proxy_name: Option<String>,
    /// Where NodePorts listen: CIDR, `primary` (the node's addresses) or `localhost`; repeatable [default: primary]
    #[arg(long, env = "FAIRLEAD_NODEPORT_ADDRESSES", value_name = "CIDR", value_delimiter = ',', value_parser = crate::config::check::node_port_addresses)]
    pub nodeport_addresses: Vec<String>,
    /// Plain HTTP for /metrics, /livez, /readyz, /healthz [default: 127.0.0.1:9533]
    #[arg(long, env = "FAIRLEAD_ADMIN_ADDRESS", value_name = "IP:PORT")]
    pub admin_address: Option<SocketAddr>,
    /// Network of ClusterIPs, one a family; repeatable [default: 127.96.0.0/12 on the userspace plane]
    #[arg(long, env = "FAIRLEAD_SERVICE_CIDR", value_name = "CIDR", value_delimiter = ',', value_parser = crate::config::check::cidr)]
    pub service_cidr: Vec<String>,
    /// Ports for NodePort services [default: 30000-32767]
    #[arg(long, env = "FAIRLEAD_NODE_PORT_RANGE", value_name = "FIRST-LAST", value_parser = crate::config::check::node_ports)]
    pub node_port_range: Option<String>,
    /// Zone of service names [default: cluster.local]
    #[arg(long, env = "FAIRLEAD_CLUSTER_DOMAIN", value_name = "NAME", value_parser = crate::config::check::domain)]
    pub cluster_domain: Option<String>,
    /// Time to live of own DNS records, in seconds, where a Service sets none, 0 to 3600 [default: 5]
    #[arg(long, env = "FAIRLEAD_DNS_TTL", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub dns_ttl: Option<u32>,
    /// Where other names are asked, IP[:PORT], or `none`; repeatable [default: the servers in /etc/resolv.conf]
    #[arg(long, env = "FAIRLEAD_DNS_UPSTREAM", value_name = "IP:PORT", value_delimiter = ',', value_parser = crate::config::check::upstream)]
    pub dns_upstream: Vec<String>,
    /// Networks whose hosts may ask for names of others, besides private ones and those this host is in; repeatable
    #[arg(long, env = "FAIRLEAD_DNS_CLIENTS", value_name = "CIDR", value_delimiter = ',', value_parser = crate::config::check::network)]
    pub dns_clients: Vec<String>,
    /// Which names of Pods there are in DNS (10-0-0-1.NS.pod.ZONE): disabled, insecure (every address), verified (live Pods) [default: verified]
    #[arg(long, env = "FAIRLEAD_DNS_PODS", value_name = "MODE")]
    pub dns_pods: Option<DnsPods>,
    /// Namespaces whose names are answered by DNS; repeatable [default: all]
    #[arg(long, env = "FAIRLEAD_DNS_NAMESPACES", value_name = "NAME", value_delimiter = ',')]
    pub dns_namespaces: Vec<String>,
    /// Give endpoints, and so headless Services, no names in DNS
    #[arg(long, env = "FAIRLEAD_DNS_NO_ENDPOINTS", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub dns_no_endpoints: Option<bool>,
    /// Give a Service with a ClusterIP no name in DNS while it has no ready endpoint
    #[arg(long, env = "FAIRLEAD_DNS_IGNORE_EMPTY_SERVICES", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub dns_ignore_empty_services: Option<bool>,
    /// Call endpoints without a host name by their Pod's name in DNS instead of by their address
    #[arg(long, env = "FAIRLEAD_DNS_ENDPOINT_POD_NAMES", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub dns_endpoint_pod_names: Option<bool>,
    /// Networks whose hosts may have the zone as a whole (AXFR over TCP); repeatable [default: none]
    #[arg(long, env = "FAIRLEAD_DNS_TRANSFER_TO", value_name = "CIDR", value_delimiter = ',', value_parser = crate::config::check::network)]
    pub dns_transfer_to: Vec<String>,
    /// Who carries packets: auto, kernel, userspace [default: auto]
    #[arg(long, env = "FAIRLEAD_PACKET_PLANE", value_name = "PLANE")]
    pub packet_plane: Option<PacketPlane>,
    /// Name of this node [default: the host's name]
    #[arg(long, env = "FAIRLEAD_NODE_NAME", value_name = "NAME", value_parser = crate::config::check::node_name)]
    pub node_name: Option<String>,
    /// Address of this node, one a family; repeatable [default: 127.0.0.1 while the API is on loopback]
    #[arg(long, env = "FAIRLEAD_NODE_ADDRESS", value_name = "IP", value_delimiter = ',')]
    pub node_address: Vec<std::net::IpAddr>,
    /// Time between failing readiness and refusing connections at stop, for balancers to look away [default: 0s]
    #[arg(long, env = "FAIRLEAD_SHUTDOWN_DELAY", value_name = "DURATION", value_parser = duration)]
    pub shutdown_delay: Option<Duration>,
    /// Longest wait for requests in flight at stop [default: 30s]
    #[arg(long, env = "FAIRLEAD_DRAIN_TIMEOUT", value_name = "DURATION", value_parser = duration)]
    pub drain_timeout: Option<Duration>,
    /// When a write is acknowledged: fsync, os, none [default: fsync]
    #[arg(long, env = "FAIRLEAD_DURABILITY", value_name = "WHEN")]
    pub durability: Option<Durability>,
    /// How long changes are kept for watches and pages that continue [default: 5m]
    #[arg(long, env = "FAIRLEAD_ETCD_COMPACTION_INTERVAL", value_name = "DURATION", value_parser = duration)]
    pub etcd_compaction_interval: Option<Duration>,
    /// How much of them is kept at most, in MiB; a thousand are kept in any case [default: 64]
    #[arg(long, env = "FAIRLEAD_HISTORY_MIB", value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub history_mib: Option<u32>,
    /// off, error, warn, info, debug, trace, or a list such as info,proxy=debug [default: info]
    #[arg(long, env = "FAIRLEAD_LOG_LEVEL", value_name = "LEVEL", value_parser = crate::config::check::level)]
    pub log_level: Option<String>,
    /// text or json [default: text]
    #[arg(long, env = "FAIRLEAD_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// One line a request on stderr: off, text, json [default: text]
    #[arg(long, env = "FAIRLEAD_ACCESS_LOG", value_name = "FORMAT")]
    pub access_log: Option<AccessLog>,
    /// Lines only for requests that reach a bound: status>=N, time>=DURATION, tries>=N; repeatable, any of them [default: all]
    #[arg(long, env = "FAIRLEAD_ACCESS_LOG_FILTER", value_name = "BOUND", value_delimiter = ',', value_parser = crate::config::check::log_filter)]
    pub access_log_filter: Vec<String>,
    /// Leave the fairlead-reason field out of answers made here
    #[arg(long, env = "FAIRLEAD_NO_REASON_HEADER", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub no_reason_header: Option<bool>,
    /// Refuse loopback addresses in EndpointSlices and Endpoints, as Kubernetes does
    #[arg(long, env = "FAIRLEAD_NO_LOOPBACK_ENDPOINTS", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub no_loopback_endpoints: Option<bool>,
}

/// `--durability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// When it survives a power failure.
    Fsync,
    /// When it survives the end of the process: a power failure may take the newest writes.
    Os,
    /// The same, and nothing is ever flushed: for tests.
    None,
}

/// `--packet-plane`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PacketPlane {
    /// The kernel's when it can, else ours.
    Auto,
    /// nftables.
    Kernel,
    /// Listeners of this process.
    Userspace,
}

/// `--dns-pods`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DnsPods {
    /// None.
    Disabled,
    /// Every address.
    Insecure,
    /// Those of live Pods.
    Verified,
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `--access-log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessLog {
    /// No lines.
    Off,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoFlags {
    /// Stop after the tour: exit status 0 when every claim held, 1 when not
    #[arg(long, env = "FAIRLEAD_ONCE", value_parser = BoolishValueParser::new())]
    pub once: bool,
}

/// Which server a command talks to: `--kubeconfig`, else `--data-dir`, else `$KUBECONFIG`, else the default data directory.
#[derive(Clone, Debug, Default, Args)]
pub struct Reach {
    /// Kubeconfig of the server
    #[arg(long, env = "FAIRLEAD_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Data directory of a server on this host
    #[arg(long, env = "FAIRLEAD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Flags of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunFlags {
    /// Name of the service
    #[arg(long, value_name = "NAME", env = "FAIRLEAD_NAME")]
    pub name: String,
    /// Port the program listens on, or `auto` for a free one per replica, told in $PORT
    #[arg(long, value_name = "PORT", value_parser = port, env = "FAIRLEAD_PORT")]
    pub port: Port,
    /// Namespace
    #[arg(short, long, default_value = "default", value_name = "NS", env = "FAIRLEAD_NAMESPACE")]
    pub namespace: String,
    /// Port of the Service that is made when none exists [default: the fixed port, else 8080]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), env = "FAIRLEAD_SERVICE_PORT")]
    pub service_port: Option<u16>,
    /// Name of the port
    #[arg(long, default_value = "http", value_name = "NAME", env = "FAIRLEAD_PORT_NAME")]
    pub port_name: String,
    /// How many copies
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000), env = "FAIRLEAD_REPLICAS")]
    pub replicas: u16,
    /// When a copy is ready: http:/path, tcp, or none
    #[arg(long, value_name = "CHECK", env = "FAIRLEAD_CHECK", value_parser = ready_check)]
    pub check: Option<Check>,
    /// Label of the Instances, KEY=VALUE; repeatable
    #[arg(long = "label", value_name = "K=V", env = "FAIRLEAD_LABEL", value_delimiter = ',', value_parser = pair)]
    pub labels: Vec<(String, String)>,
    /// Share of the load: 100 is one ordinary endpoint, 0 gets nothing new
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u16), env = "FAIRLEAD_WEIGHT")]
    pub weight: Option<u16>,
    /// What to do when a copy ends
    #[arg(long, default_value = "on-failure", value_name = "WHEN", env = "FAIRLEAD_RESTART")]
    pub restart: Restart,
    /// Pass the program's output through without a prefix
    #[arg(long, env = "FAIRLEAD_RAW", value_parser = BoolishValueParser::new())]
    pub raw: bool,
    /// The server to register with.
    #[command(flatten)]
    pub reach: Reach,
    /// The program and its arguments, after --
    #[arg(required = true, last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// `--restart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Restart {
    /// Let it be.
    Never,
    /// After a non-zero exit or a signal.
    OnFailure,
    /// Always.
    Always,
}

/// `--port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// A free one for each replica.
    Auto,
    /// This one; allows one replica.
    Fixed(u16),
}

/// Flags of `show`.
#[derive(Clone, Debug, Args)]
pub struct ShowFlags {
    /// What to show
    pub what: What,
    /// Only rows of this name
    pub name: Option<String>,
    /// Namespace
    #[arg(short, long, default_value = "default", value_name = "NS", env = "FAIRLEAD_NAMESPACE")]
    pub namespace: String,
    /// All namespaces
    #[arg(short = 'A', long, env = "FAIRLEAD_ALL_NAMESPACES", value_parser = BoolishValueParser::new())]
    pub all_namespaces: bool,
    /// table, json or yaml
    #[arg(short, long, default_value = "table", value_name = "FORMAT", env = "FAIRLEAD_OUTPUT")]
    pub output: Output,
    /// The server to ask.
    #[command(flatten)]
    pub reach: Reach,
}

/// The tables of `show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Services with addresses and endpoint counts.
    Services,
    /// Endpoints with state and numbers.
    Endpoints,
    /// Addresses that lead to services.
    Frontends,
    /// Rules by listener, host and path.
    Routes,
    /// Names that DNS answers.
    Names,
    /// Ports that route HTTP.
    Listeners,
    /// The snapshot as a whole.
    Snapshot,
}

impl What {
    /// The word on the command line and in the path.
    pub fn word(self) -> &'static str {
        match self {
            What::Services => "services",
            What::Endpoints => "endpoints",
            What::Frontends => "frontends",
            What::Routes => "routes",
            What::Names => "names",
            What::Listeners => "listeners",
            What::Snapshot => "snapshot",
        }
    }
}

/// `-o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    Table,
    /// For programs.
    Json,
    /// For people and programs.
    Yaml,
}

/// Flags of `why`.
#[derive(Clone, Debug, Args)]
pub struct WhyFlags {
    /// A service's name, or a URL
    #[arg(value_name = "SERVICE|URL")]
    pub subject: String,
    /// Namespace of the service
    #[arg(short, long, default_value = "default", value_name = "NS", env = "FAIRLEAD_NAMESPACE")]
    pub namespace: String,
    /// Method of the request
    #[arg(short = 'X', long, default_value = "GET", value_name = "METHOD", env = "FAIRLEAD_METHOD")]
    pub method: String,
    /// Header field of the request, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "FIELD", env = "FAIRLEAD_HEADER", value_parser = field)]
    pub headers: Vec<String>,
    /// Client address of the request
    #[arg(long, value_name = "ADDR", env = "FAIRLEAD_FROM")]
    pub from: Option<std::net::IpAddr>,
    /// Server name of the TLS handshake [default: the host of the URL]
    #[arg(long, value_name = "NAME", env = "FAIRLEAD_SNI")]
    pub sni: Option<String>,
    /// table, json or yaml
    #[arg(short, long, default_value = "table", value_name = "FORMAT", env = "FAIRLEAD_OUTPUT")]
    pub output: Output,
    /// The server to ask.
    #[command(flatten)]
    pub reach: Reach,
}

/// What was typed makes no sense, which shows only when flags are held against one another: exit status 2 (cli spec L2).
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error that is a [`Usage`].
macro_rules! misused {
    ($($what:tt)*) => { anyhow::Error::from($crate::cli::Usage(format!($($what)*))) };
}
pub(crate) use misused;

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| "write KEY=VALUE".into())
}

fn field(text: &str) -> Result<String, String> {
    let named = text.split_once(':').is_some_and(|(name, _)| !name.trim().is_empty());
    if named { Ok(text.to_owned()) } else { Err("write 'Name: value'".into()) }
}

fn ready_check(text: &str) -> Result<Check, String> {
    match (text, text.strip_prefix("http:")) {
        ("none", _) => Ok(Check::None),
        ("tcp", _) => Ok(Check::Tcp),
        (_, Some(path)) if path.starts_with('/') => Ok(Check::Http(path.to_owned())),
        _ => Err("use http:/path, tcp or none".into()),
    }
}

fn port(text: &str) -> Result<Port, String> {
    if text == "auto" {
        return Ok(Port::Auto);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Port::Fixed(port)),
        _ => Err("use a port from 1 to 65535, or auto".into()),
    }
}

/// A duration above 0.
fn age(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|age| if age.is_zero() { Err("use a duration above 0s".into()) } else { Ok(age) })
}

/// Parses `30s`, `500ms`, `1m30s` (Gateway API Duration, GEP-2257).
pub fn duration(text: &str) -> Result<Duration, String> {
    api::parse_duration(text).ok_or_else(|| format!("{text:?} is no duration: use for example 30s, 500ms or 1m30s"))
}
