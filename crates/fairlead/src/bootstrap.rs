//! What exists before the first user comes: the namespaces and this node.

use anyhow::{Context, Result, bail};
use apiserver::ApiServer;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::Settings;

/// Creates what is missing and brings the Node up to date.
///
/// # Errors
/// When the API refuses; the message names the object.
pub async fn prepare(api: &ApiServer, client: &kube::Client, settings: &Settings) -> Result<()> {
    api.bootstrap().await.map_err(|refused| anyhow::anyhow!("namespaces: {}", refused.message))?;
    node(client, settings).await.with_context(|| format!("node {}", settings.node_name))
}

async fn node(client: &kube::Client, settings: &Settings) -> Result<()> {
    let name = &settings.node_name;
    let labels = json!({"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64")});
    let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}});
    create_if_missing(client, "/api/v1/nodes", &object).await?;
    merge(client, &format!("/api/v1/nodes/{name}"), &json!({"metadata": {"labels": labels}})).await?;
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut addresses: Vec<Value> = settings.node_addresses.iter().map(|address| json!({"type": "InternalIP", "address": address})).collect();
    addresses.push(json!({"type": "Hostname", "address": name}));
    let uname = rustix::system::uname();
    let status = json!({"status": {
        "addresses": addresses,
        "conditions": [{"type": "Ready", "status": "True", "reason": "FairleadReady", "message": "fairlead serves on this node", "lastHeartbeatTime": now, "lastTransitionTime": now}],
        "nodeInfo": {
            "kubeletVersion": concat!("v", env!("CARGO_PKG_VERSION")), "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": std::env::consts::ARCH,
            "kernelVersion": uname.release().to_string_lossy(), "osImage": os_image(), "containerRuntimeVersion": "", "machineID": "", "systemUUID": "", "bootID": "",
        },
    }});
    merge(client, &format!("/api/v1/nodes/{name}/status"), &status).await
}

fn os_image() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "Linux".into(), |name| name.trim_matches('"').to_owned())
}

async fn merge(client: &kube::Client, path: &str, change: &Value) -> Result<()> {
    let request = Request::patch(format!("{path}?fieldManager=fairlead"))
        .header("Content-Type", "application/merge-patch+json")
        .body(serde_json::to_vec(change)?)?;
    client.request::<Value>(request).await.map(drop).map_err(crate::reach::readable)
}

/// Creates an object unless one of its name is there.
///
/// # Errors
/// Any refusal but `AlreadyExists`.
pub async fn create_if_missing(client: &kube::Client, path: &str, object: &Value) -> Result<()> {
    let request = Request::post(path).header("Content-Type", "application/json").body(serde_json::to_vec(object)?)?;
    match client.request::<Value>(request).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(kube::Error::Api(status)) => bail!("{}", status.message),
        Err(other) => Err(other.into()),
    }
}
