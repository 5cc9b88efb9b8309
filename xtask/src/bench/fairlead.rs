//! Ourselves as a subject: `fairlead up` of the release build on the server's core, and objects written to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::process::{Process, SERVER_CORE};

/// A running `fairlead up`.
pub struct Fairlead {
    /// The server.
    pub process: Process,
    data: PathBuf,
    addresses: Value,
    /// From exec to the API's `/readyz`, in milliseconds.
    pub ready_ms: f64,
}

/// Builds the release binary and says where it is.
pub fn build() -> Result<PathBuf> {
    println!("$ cargo build --release --package fairlead");
    let status = Command::new(env!("CARGO")).args(["build", "--release", "--package", "fairlead"]).status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("the release build failed");
    }
    Ok(target().join("release/fairlead"))
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
}

impl Fairlead {
    /// Starts a server on free ports with its data in a folder of `scratch`; the data of an earlier start by the same name is kept.
    pub fn start(name: &str, binary: &Path, scratch: &Path, more: &[&str]) -> Result<Self> {
        let data = scratch.join(format!("{name}-data"));
        let _ = std::fs::remove_file(data.join("addresses.json"));
        let mut arguments: Vec<String> = vec!["up".into(), "--data-dir".into(), data.display().to_string()];
        for flag in ["--api-address", "--dns-address", "--http-address", "--https-address", "--admin-address"] {
            arguments.extend([flag.to_owned(), "127.0.0.1:0".to_owned()]);
        }
        arguments.extend(["--dns-upstream", "none", "--access-log", "off", "--packet-plane", "userspace", "--node-name", "bench"].map(str::to_owned));
        arguments.extend(more.iter().map(|&flag| flag.to_owned()));
        let start = Instant::now();
        let process = Process::start(name, SERVER_CORE, binary, &arguments, scratch)?;
        let mut this = Self { process, data, addresses: Value::Null, ready_ms: 0.0 };
        let file = this.data.join("addresses.json");
        this.process.wait_until("addresses.json is written", || file.is_file())?;
        this.addresses = serde_json::from_str(&std::fs::read_to_string(&file)?).context("addresses.json")?;
        let admin = format!("http://{}/readyz", this.address("admin")?);
        this.process.wait_until("/readyz says ok", || {
            Command::new("curl").args(["--silent", "--fail", "--output", "/dev/null", &admin]).status().is_ok_and(|status| status.success())
        })?;
        this.ready_ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(this)
    }

    /// Where one of its doors is: `api`, `dns`, `http`, `https`, `admin`.
    pub fn address(&self, door: &str) -> Result<SocketAddr> {
        self.addresses[door].as_str().with_context(|| format!("addresses.json has no {door}"))?.parse().context("an address in addresses.json")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.data.join("admin.kubeconfig")
    }

    /// The administrator's bearer token.
    pub fn token(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.data.join("admin.token")).context("reading admin.token")?.trim().to_owned())
    }

    /// Creates objects over one connection, in order.
    pub fn create(&self, objects: &[Value], scratch: &Path) -> Result<()> {
        let base = format!("https://{}", self.address("api")?);
        let mut config = String::new();
        for (index, object) in objects.iter().enumerate() {
            let body = scratch.join(format!("object-{index}.json"));
            std::fs::write(&body, object.to_string())?;
            if index > 0 {
                config.push_str("next\n");
            }
            let (body, token) = (body.display(), self.token()?);
            config.push_str(&format!(
                "url = \"{base}{}\"\ninsecure\nsilent\nshow-error\nfail-with-body\noutput = \"{}\"\nheader = \"authorization: Bearer {token}\"\nheader = \"content-type: application/json\"\ndata-binary = \"@{body}\"\n",
                collection(object)?,
                scratch.join("reply.json").display(),
            ));
        }
        let file = scratch.join("objects.curl");
        std::fs::write(&file, config)?;
        let output = Command::new("curl").arg("--fail-early").arg("--config").arg(&file).stdin(Stdio::null()).output().context("running curl")?;
        if !output.status.success() {
            let reply = std::fs::read_to_string(scratch.join("reply.json")).unwrap_or_default();
            bail!("an object was not taken: {} {reply}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Waits until a GET of `url` answers 200.
    pub fn wait_for_url(&mut self, url: &str, headers: &[String]) -> Result<()> {
        let mut arguments: Vec<&str> = vec!["--silent", "--fail", "--insecure", "--max-time", "2", "--output", "/dev/null", url];
        arguments.extend(headers.iter().flat_map(|header| ["--header", header.as_str()]));
        self.process.wait_until(&format!("{url} answers 200"), || {
            std::thread::sleep(Duration::from_millis(20));
            Command::new("curl").args(&arguments).status().is_ok_and(|status| status.success())
        })
    }
}

/// The path that objects of a kind are posted to.
pub fn collection(object: &Value) -> Result<String> {
    let plural = match object["kind"].as_str().unwrap_or_default() {
        "GatewayClass" => "gatewayclasses",
        kind => &format!("{}s", kind.to_lowercase()),
    };
    let version = object["apiVersion"].as_str().context("an object without apiVersion")?;
    let root = if version.contains('/') { "apis" } else { "api" };
    Ok(match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{version}/{plural}"),
    })
}

/// A Service with one port and the slice that gives it endpoints on 127.0.0.1.
pub fn service(name: &str, backends: &[SocketAddr]) -> Vec<Value> {
    let metadata = |labels: Value| json!({"name": name, "namespace": "default", "labels": labels});
    let mut objects =
        vec![json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata(json!({})), "spec": {"ports": [{"name": "http", "port": 80}]}})];
    for (index, backend) in backends.iter().enumerate() {
        let mut slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata(json!({"kubernetes.io/service-name": name})), "addressType": "IPv4",
            "ports": [{"name": "http", "port": backend.port(), "protocol": "TCP"}], "endpoints": [{"addresses": [backend.ip()], "conditions": {"ready": true}}]});
        slice["metadata"]["name"] = format!("{name}-{index}").into();
        objects.push(slice);
    }
    objects
}

/// A Gateway with one listener, named as given; TLS ends there when a Secret is named.
pub fn gateway(name: &str, port: u16, secret: Option<&str>) -> Value {
    let mut listener = json!({"name": "web", "port": port, "protocol": "HTTP"});
    if let Some(secret) = secret {
        listener["protocol"] = "HTTPS".into();
        listener["tls"] = json!({"mode": "Terminate", "certificateRefs": [{"name": secret}]});
    }
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": "default"}, "spec": {"gatewayClassName": "fairlead", "listeners": [listener]}})
}

/// A route that sends what `matches` says from a Gateway to a Service.
pub fn route(name: &str, gateway: &str, service: &str, matches: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "default"},
        "spec": {"parentRefs": [{"name": gateway}], "rules": [{"matches": [matches], "backendRefs": [{"name": service, "port": 80}]}]}})
}
