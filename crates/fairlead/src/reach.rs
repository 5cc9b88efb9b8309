//! Reaching a server from the command line: kubeconfig or data directory to a client, and the node's own tables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::cli::Reach;
use crate::config::default_data_dir;

/// A server, reached.
pub struct Server {
    /// Its API.
    pub client: kube::Client,
    /// The node that answers for this host, when the data directory is known.
    pub node: Option<String>,
}

impl Server {
    /// Connects as the flags say: `--kubeconfig`, else `--data-dir`, else `$KUBECONFIG`, else the default data directory.
    ///
    /// # Errors
    /// When there is no kubeconfig there; the message says where it looked and what to do.
    pub async fn connect(reach: &Reach) -> Result<Self> {
        let (path, data_dir) = locate(reach);
        let kubeconfig = Kubeconfig::read_from(&path).with_context(|| {
            format!("no usable kubeconfig at {}: is `fairlead up` running? name another server with --data-dir or --kubeconfig", path.display())
        })?;
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .with_context(|| format!("kubeconfig {}", path.display()))?;
        config.connect_timeout = Some(Duration::from_secs(5));
        let client = kube::Client::try_from(config).with_context(|| format!("kubeconfig {}", path.display()))?;
        let node = data_dir.as_deref().and_then(node_of);
        Ok(Self { client, node })
    }

    /// A table or explanation of the node, as JSON. `path` begins after `/proxy/fairlead/`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn ask(&self, path: &str) -> Result<Value> {
        let node = match &self.node {
            Some(node) => node.clone(),
            None => self.only_node().await?,
        };
        let request = http::Request::get(format!("/api/v1/nodes/{node}/proxy/fairlead/{path}")).body(Vec::new())?;
        let text = self.client.request_text(request).await.map_err(readable)?;
        serde_json::from_str(&text).context("the server's answer is not JSON")
    }

    async fn only_node(&self) -> Result<String> {
        let nodes: Value = self.client.request(http::Request::get("/api/v1/nodes").body(Vec::new())?).await.map_err(readable)?;
        let names: Vec<&str> = nodes["items"].as_array().into_iter().flatten().filter_map(|node| node["metadata"]["name"].as_str()).collect();
        match names.as_slice() {
            [] => bail!("the server has no node"),
            [first, ..] => Ok((*first).to_owned()),
        }
    }
}

/// The server's message without the client library's wrapping.
pub fn readable(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("{}", status.message),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(&other);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            anyhow::anyhow!("cannot reach the API server: {text}: is `fairlead up` running?")
        }
    }
}

fn locate(reach: &Reach) -> (PathBuf, Option<PathBuf>) {
    if let Some(path) = &reach.kubeconfig {
        return (path.clone(), None);
    }
    if let Some(dir) = &reach.data_dir {
        return (dir.join("admin.kubeconfig"), Some(dir.clone()));
    }
    if let Some(path) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
        return (path.into(), None);
    }
    let dir = default_data_dir();
    (dir.join("admin.kubeconfig"), Some(dir))
}

fn node_of(data_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join("addresses.json")).ok()?;
    let addresses: Value = serde_json::from_str(&text).ok()?;
    addresses["node"].as_str().map(str::to_owned)
}
