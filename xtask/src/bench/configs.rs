//! The peers' configurations: one worker, no logs, keep-alive on both sides, what their own guides advise for this work.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};

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

/// A proxy with three doors: plain HTTP and TLS to the small backends, plain HTTP to the large one.
pub fn proxy(
    name: &str,
    doors: &[SocketAddr; 3],
    small: &[SocketAddr],
    large: SocketAddr,
    certificate: &Path,
    key: &Path,
    scratch: &Path,
) -> Result<String> {
    Ok(match name {
        "haproxy" => haproxy(doors, small, large, scratch),
        "nginx" => nginx(doors, small, large, certificate, key, scratch),
        "envoy" => envoy(doors, small, large, certificate, key).to_string(),
        other => bail!("no configuration is known for {other}"),
    })
}

fn haproxy(doors: &[SocketAddr; 3], small: &[SocketAddr], large: SocketAddr, scratch: &Path) -> String {
    let servers: String = small.iter().enumerate().map(|(index, address)| format!("  server s{index} {address}\n")).collect();
    let [plain, tls, big] = doors;
    format!(
        "global\n  nbthread 1\n  maxconn 4000\n  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets\n  tune.ssl.cachesize 0\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
         frontend plain\n  bind {plain}\n  default_backend small\n\
         frontend tls\n  bind {tls} ssl crt {}/bench.pem alpn h2,http/1.1\n  default_backend small\n\
         frontend large\n  bind {big}\n  default_backend large\n\
         backend small\n  balance roundrobin\n{servers}\
         backend large\n  server l {large}\n",
        scratch.display()
    )
}

fn nginx(doors: &[SocketAddr; 3], small: &[SocketAddr], large: SocketAddr, certificate: &Path, key: &Path, scratch: &Path) -> String {
    let servers: String = small.iter().map(|address| format!("server {address}; ")).collect();
    let [plain, tls, big] = doors;
    let to = |pool: &str| {
        format!("location / {{ proxy_pass http://{pool}; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; }}")
    };
    let body = format!(
        "upstream small {{ {servers} keepalive 256; keepalive_requests 1000000000; }}\n\
         upstream large {{ server {large}; keepalive 64; keepalive_requests 1000000000; }}\n\
         server {{ listen {plain}; {} }}\n\
         server {{ listen {tls} ssl http2; ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off; {} }}\n\
         server {{ listen {big}; {} }}\n",
        to("small"),
        certificate.display(),
        key.display(),
        to("small"),
        to("large"),
    );
    nginx_frame("proxy", &body, scratch)
}

fn nginx_frame(name: &str, body: &str, scratch: &Path) -> String {
    let scratch = scratch.display();
    format!(
        "daemon off; worker_processes 1; pid {scratch}/{name}.pid; error_log {scratch}/{name}.err error;\n\
         events {{ worker_connections 8192; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; client_body_temp_path {scratch}/{name}-body; proxy_temp_path {scratch}/{name}-proxy; fastcgi_temp_path {scratch}/{name}-fastcgi; uwsgi_temp_path {scratch}/{name}-uwsgi; scgi_temp_path {scratch}/{name}-scgi;\n{body}}}\n"
    )
}

fn envoy(doors: &[SocketAddr; 3], small: &[SocketAddr], large: SocketAddr, certificate: &Path, key: &Path) -> Value {
    let address = |address: &SocketAddr| json!({"socket_address": {"address": address.ip(), "port_value": address.port()}});
    let listener = |name: &str, door: &SocketAddr, cluster: &str, tls: bool| {
        let manager = json!({"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": name, "codec_type": "AUTO", "generate_request_id": false,
            "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "60s"}}]}]}});
        let mut chain = json!({"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]});
        if tls {
            chain["transport_socket"] = json!({"name": "envoy.transport_sockets.tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", "disable_stateless_session_resumption": true, "disable_stateful_session_resumption": true,
                "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"}, "tls_certificates": [{"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}]}}});
        }
        json!({"name": name, "address": address(door), "filter_chains": [chain]})
    };
    let cluster = |name: &str, servers: &[SocketAddr]| {
        let endpoints: Vec<Value> = servers.iter().map(|server| json!({"endpoint": {"address": address(server)}})).collect();
        json!({"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}})
    };
    json!({"static_resources": {
        "listeners": [listener("plain", &doors[0], "small", false), listener("tls", &doors[1], "small", true), listener("large", &doors[2], "large", false)],
        "clusters": [cluster("small", small), cluster("large", &[large])],
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
