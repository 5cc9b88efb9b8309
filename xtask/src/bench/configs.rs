//! The peers' configurations: one worker, no logs, keep-alive on both sides, what their own guides advise for this work.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::process::free_address;

/// How each program is told its configuration and to stay in the foreground.
pub fn arguments(dialect: &str, file: &Path, scratch: &Path) -> Vec<String> {
    let file = file.display().to_string();
    let list: &[&str] = match dialect {
        "haproxy" => &["-db", "-f", &file],
        "nginx" => &["-p", &scratch.display().to_string(), "-c", &file],
        "envoy" => &["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", &file],
        "knotd" => &["-c", &file],
        "nsd" => &["-d", "-c", &file],
        "unbound" => &["-d", "-c", &file],
        _ => &["-conf", &file],
    };
    list.iter().map(|&word| word.to_owned()).collect()
}

/// A web server with one large file, sent by sendfile.
pub fn files(address: SocketAddr, scratch: &Path) -> String {
    let body = format!("sendfile on; tcp_nopush on; server {{ listen {address}; location / {{ root {}/www; }} }}", scratch.display());
    nginx_frame("files", &body, scratch)
}

/// Where a proxy is entered.
pub struct Doors {
    /// HTTP to the small backends.
    pub plain: SocketAddr,
    /// HTTPS to the same.
    pub tls: SocketAddr,
    /// HTTP to the large one.
    pub large: SocketAddr,
    /// HTTP/2 in the clear to the backend of calls.
    pub grpc: SocketAddr,
    /// TCP to the small backends.
    pub tcp: SocketAddr,
    /// TCP to backends that end each connection after one answer.
    pub brief: SocketAddr,
    /// TCP to the large one.
    pub bulk: SocketAddr,
    /// Datagrams.
    pub udp: SocketAddr,
}

impl Doors {
    /// Free ones.
    pub fn free() -> Result<Self> {
        let free = free_address;
        Ok(Self { plain: free()?, tls: free()?, large: free()?, grpc: free()?, tcp: free()?, brief: free()?, bulk: free()?, udp: free()? })
    }
}

/// What stands behind the proxies.
pub struct Backends {
    /// Three that answer any request at once with a few bytes.
    pub small: Vec<SocketAddr>,
    /// A web server with a megabyte.
    pub large: SocketAddr,
    /// Answers gRPC calls, HTTP/2 in the clear.
    pub grpc: SocketAddr,
    /// As the small ones, but each connection ends with its first answer.
    pub brief: SocketAddr,
    /// Answers datagrams.
    pub udp: Vec<SocketAddr>,
}

/// Files of a certificate.
pub struct Identity {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// A proxy with all doors. nginx relays what is not HTTP only with its module for streams.
pub fn proxy(name: &str, doors: &Doors, backends: &Backends, identity: &Identity, stream: Option<&Path>, scratch: &Path) -> Result<String> {
    Ok(match name {
        "haproxy" => haproxy(doors, backends, scratch),
        "nginx" => nginx(doors, backends, identity, stream, scratch),
        "envoy" => envoy(doors, backends, identity).to_string(),
        other => bail!("no configuration is known for {other}"),
    })
}

fn haproxy(doors: &Doors, backends: &Backends, scratch: &Path) -> String {
    let servers: String = backends.small.iter().enumerate().map(|(index, address)| format!("  server s{index} {address}\n")).collect();
    let Doors { plain, tls, large, grpc, tcp, brief, bulk, .. } = doors;
    let scratch = scratch.display();
    format!(
        "global\n  nbthread 1\n  maxconn 4000\n  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets\n  tune.ssl.cachesize 0\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
         frontend plain\n  bind {plain}\n  default_backend small\n\
         frontend tls\n  bind {tls} ssl crt {scratch}/bench.pem alpn h2,http/1.1\n  default_backend small\n\
         frontend large\n  bind {large}\n  default_backend large\n\
         frontend calls\n  bind {grpc} proto h2\n  default_backend calls\n\
         frontend relayed\n  mode tcp\n  bind {tcp}\n  default_backend relayed\n\
         frontend brief\n  mode tcp\n  bind {brief}\n  default_backend brief\n\
         frontend bulk\n  mode tcp\n  option splice-auto\n  bind {bulk}\n  default_backend bulk\n\
         backend small\n  balance roundrobin\n{servers}\
         backend large\n  server l {}\n\
         backend calls\n  server c {} proto h2\n\
         backend relayed\n  mode tcp\n  balance roundrobin\n{servers}\
         backend brief\n  mode tcp\n  server b {}\n\
         backend bulk\n  mode tcp\n  option splice-auto\n  server l {}\n",
        backends.large, backends.grpc, backends.brief, backends.large
    )
}

fn nginx(doors: &Doors, backends: &Backends, identity: &Identity, stream: Option<&Path>, scratch: &Path) -> String {
    let servers: String = backends.small.iter().map(|address| format!("server {address}; ")).collect();
    let Doors { plain, tls, large, grpc, .. } = doors;
    let to = |pool: &str| {
        format!("location / {{ proxy_pass http://{pool}; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; }}")
    };
    let body = format!(
        "upstream small {{ {servers} keepalive 256; keepalive_requests 1000000000; }}\n\
         upstream large {{ server {}; keepalive 64; keepalive_requests 1000000000; }}\n\
         upstream calls {{ server {}; keepalive 256; keepalive_requests 1000000000; }}\n\
         server {{ listen {plain}; {small} }}\n\
         server {{ listen {tls} ssl http2; ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off; {small} }}\n\
         server {{ listen {large}; {} }}\n\
         server {{ listen {grpc} http2; location / {{ grpc_pass grpc://calls; }} }}\n",
        backends.large,
        backends.grpc,
        identity.certificate.display(),
        identity.key.display(),
        to("large"),
        small = to("small"),
    );
    let frame = nginx_frame("proxy", &body, scratch);
    let Some(module) = stream else { return frame };
    let datagrams: String = backends.udp.iter().map(|address| format!("server {address}; ")).collect();
    let Doors { tcp, brief, bulk, udp, .. } = doors;
    format!(
        "load_module {};\n{frame}stream {{ upstream small {{ {servers} }} upstream datagrams {{ {datagrams} }}\n\
         server {{ listen {tcp}; proxy_pass small; }}\nserver {{ listen {brief}; proxy_pass {}; }}\nserver {{ listen {bulk}; proxy_pass {}; }}\n\
         server {{ listen {udp} udp; proxy_pass datagrams; }} }}\n",
        module.display(),
        backends.brief,
        backends.large,
    )
}

fn nginx_frame(name: &str, body: &str, scratch: &Path) -> String {
    let scratch = scratch.display();
    format!(
        "daemon off; worker_processes 1; pid {scratch}/{name}.pid; error_log {scratch}/{name}.err error;\n\
         events {{ worker_connections 8192; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; client_body_temp_path {scratch}/{name}-body; proxy_temp_path {scratch}/{name}-proxy; fastcgi_temp_path {scratch}/{name}-fastcgi; uwsgi_temp_path {scratch}/{name}-uwsgi; scgi_temp_path {scratch}/{name}-scgi;\n{body}}}\n"
    )
}

fn envoy(doors: &Doors, backends: &Backends, identity: &Identity) -> Value {
    const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions";
    let address = |address: &SocketAddr| json!({"socket_address": {"address": address.ip(), "port_value": address.port()}});
    let listener = |name: &str, door: &SocketAddr, filter: &str, config: Value| json!({"name": name, "address": address(door), "filter_chains": [{"filters": [{"name": filter, "typed_config": config}]}]});
    let http = |name: &str, door: &SocketAddr, cluster: &str| {
        let router = json!({"name": "envoy.filters.http.router", "typed_config": {"@type": format!("{EXTENSIONS}.filters.http.router.v3.Router")}});
        let hosts =
            json!([{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "60s"}}]}]);
        let manager = json!({"@type": format!("{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"), "stat_prefix": name, "codec_type": "AUTO",
            "generate_request_id": false, "http_filters": [router], "route_config": {"virtual_hosts": hosts}});
        listener(name, door, "envoy.filters.network.http_connection_manager", manager)
    };
    let mut tls = http("tls", &doors.tls, "small");
    let files = json!([{"certificate_chain": {"filename": identity.certificate}, "private_key": {"filename": identity.key}}]);
    tls["filter_chains"][0]["transport_socket"] = json!({"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": format!("{EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext"), "disable_stateless_session_resumption": true, "disable_stateful_session_resumption": true,
        "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"}, "tls_certificates": files}}});
    let relay = |name: &str, door: &SocketAddr, cluster: &str| {
        let config = json!({"@type": format!("{EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy"), "stat_prefix": name, "cluster": cluster});
        listener(name, door, "envoy.filters.network.tcp_proxy", config)
    };
    let to = json!({"@type": format!("{EXTENSIONS}.filters.udp.udp_proxy.v3.Route"), "cluster": "datagrams"});
    let udp = json!({"name": "datagrams", "address": {"socket_address": {"address": doors.udp.ip(), "port_value": doors.udp.port(), "protocol": "UDP"}},
        "listener_filters": [{"name": "envoy.filters.udp_listener.udp_proxy", "typed_config": {"@type": format!("{EXTENSIONS}.filters.udp.udp_proxy.v3.UdpProxyConfig"), "stat_prefix": "datagrams",
            "matcher": {"on_no_match": {"action": {"name": "route", "typed_config": to}}}}}]});
    let cluster = |name: &str, servers: &[SocketAddr]| {
        let endpoints: Vec<Value> = servers.iter().map(|server| json!({"endpoint": {"address": address(server)}})).collect();
        json!({"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}})
    };
    let mut calls = cluster("calls", &[backends.grpc]);
    let options =
        json!({"@type": format!("{EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions"), "explicit_http_config": {"http2_protocol_options": {}}});
    calls["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options});
    json!({"static_resources": {
        "listeners": [http("plain", &doors.plain, "small"), tls, http("large", &doors.large, "large"), http("calls", &doors.grpc, "calls"),
            relay("relayed", &doors.tcp, "small"), relay("brief", &doors.brief, "brief"), relay("bulk", &doors.bulk, "large"), udp],
        "clusters": [cluster("small", &backends.small), cluster("large", &[backends.large]), calls, cluster("brief", &[backends.brief]), cluster("datagrams", &backends.udp)],
    }})
}

/// A name server for the zone `cluster.local` in `zone`, with its own files in `home`. CoreDNS reads the Services themselves from our API.
pub fn name_server(name: &str, address: SocketAddr, zone: &Path, kubeconfig: &Path, home: &Path) -> Result<String> {
    let (ip, port, zone, kubeconfig, home) = (address.ip(), address.port(), zone.display(), kubeconfig.display(), home.display());
    Ok(match name {
        "knot" => format!(
            "server:\n  rundir: {home}\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: {home}\n\
             zone:\n  - domain: cluster.local\n    file: {zone}\n    zonefile-sync: -1\n    journal-content: none\n"
        ),
        "nsd" => format!(
            "server:\n  server-count: 1\n  ip-address: {ip}@{port}\n  username: \"\"\n  zonesdir: {home}\n  database: \"\"\n  pidfile: {home}/pid\n  xfrdfile: {home}/xfrd\n  zonelistfile: {home}/zones\n  hide-version: yes\n\
             remote-control:\n  control-enable: no\nzone:\n  name: cluster.local\n  zonefile: {zone}\n"
        ),
        "unbound" => format!(
            "server:\n  num-threads: 1\n  interface: {ip}@{port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  directory: {home}\n  pidfile: {home}/pid\n  use-syslog: no\n  access-control: 127.0.0.0/8 allow\n  do-not-query-localhost: no\n\
             remote-control:\n  control-enable: no\nauth-zone:\n  name: cluster.local\n  zonefile: {zone}\n  for-downstream: yes\n  for-upstream: no\n"
        ),
        "coredns" => format!("cluster.local:{port} {{\n  bind {ip}\n  kubernetes {{\n    kubeconfig {kubeconfig}\n    ttl 5\n  }}\n}}\n"),
        "coredns cached" => format!(
            "cluster.local:{port} {{\n  bind {ip}\n  cache 3600 {{\n    success 20000\n  }}\n  kubernetes {{\n    kubeconfig {kubeconfig}\n    ttl 3600\n  }}\n}}\n"
        ),
        other => bail!("no configuration is known for {other}"),
    })
}
