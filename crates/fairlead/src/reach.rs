//! Reaching a server from the command line: kubeconfig or data directory to a client, and the node's own tables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http_body_util::BodyExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::cli::Reach;
use crate::config::default_data_dir;

/// A server, reached.
pub struct Server {
    /// Its API.
    pub client: kube::Client,
    /// Where that is.
    pub url: http::Uri,
    /// The node that answers for this host, when the data directory is known.
    pub node: Option<String>,
}

impl Server {
    /// Connects as the flags say: `--kubeconfig`, else `--data-dir`, else `$KUBECONFIG`, else the default data directory.
    ///
    /// # Errors
    /// When there is no kubeconfig there; the message says where it looked and what to do.
    pub async fn connect(reach: &Reach) -> Result<Self> {
        let (path, data_dir) = locate(reach)?;
        let kubeconfig = read_kubeconfig(&path)?;
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .with_context(|| format!("kubeconfig {}", path.display()))?;
        config.connect_timeout = Some(Duration::from_secs(5));
        let url = config.cluster_url.clone();
        let client = kube::Client::try_from(config).with_context(|| format!("kubeconfig {}", path.display()))?;
        let node = data_dir.as_deref().and_then(node_of);
        Ok(Self { client, url, node })
    }

    /// A table or explanation of the node, as JSON. `path` begins after `/proxy/fairlead/`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses; the message is the server's own.
    pub async fn ask(&self, path: &str) -> Result<Value> {
        let nodes = match &self.node {
            Some(node) => vec![node.clone()],
            None => self.nodes().await?,
        };
        let mut refused = None;
        for node in &nodes {
            match self.ask_node(node, path).await? {
                (http::StatusCode::NOT_FOUND, answer) if answer["kind"] == "Status" => refused = Some(answer),
                (_, answer) => return told(answer),
            }
        }
        // A Node may be an object that somebody wrote: those that no Fairlead runs on do not answer.
        match refused {
            Some(answer) => {
                told(answer).with_context(|| format!("the API server {} knows no node that runs Fairlead (asked {})", self.url, nodes.join(", ")))
            }
            None => bail!("the API server {} has no node", self.url),
        }
    }

    /// What the node keeps under a path, as it comes. `path` begins after `/proxy/fairlead/`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or the answer ends early or cannot be written.
    pub async fn download(&self, path: &str, out: &mut impl std::io::Write) -> Result<()> {
        let nodes = self.node.clone().map_or_else(Vec::new, |node| vec![node]);
        let nodes = if nodes.is_empty() { self.nodes().await? } else { nodes };
        for node in &nodes {
            let request = http::Request::get(format!("/api/v1/nodes/{node}/proxy/fairlead/{path}")).body(kube::client::Body::empty())?;
            let answer = self.client.send(request).await.map_err(|error| self.unreached(error))?;
            if answer.status() == http::StatusCode::NOT_FOUND {
                continue;
            }
            let is_good = answer.status().is_success();
            let mut body = answer.into_body();
            if !is_good {
                let body = body.collect_bytes().await.map_err(|error| self.unreached(error))?;
                let told = told(serde_json::from_slice(&body).unwrap_or_default())?;
                bail!("the API server {} refused: {told}", self.url);
            }
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| anyhow::anyhow!("the answer of {} ended early: {error}", self.url))?;
                out.write_all(&frame.into_data().unwrap_or_default())?;
            }
            return Ok(());
        }
        bail!("the API server {} knows no node that runs Fairlead (asked {})", self.url, nodes.join(", "))
    }

    async fn ask_node(&self, node: &str, path: &str) -> Result<(http::StatusCode, Value)> {
        let request = http::Request::get(format!("/api/v1/nodes/{node}/proxy/fairlead/{path}")).body(kube::client::Body::empty())?;
        let answer = self.client.send(request).await.map_err(|error| self.unreached(error))?;
        let status = answer.status();
        let body = answer.into_body().collect_bytes().await.map_err(|error| self.unreached(error))?;
        let answer =
            serde_json::from_slice(&body).with_context(|| format!("the answer of {} ({status}) is not JSON: is it a Fairlead?", self.url))?;
        Ok((status, answer))
    }

    async fn nodes(&self) -> Result<Vec<String>> {
        let list = http::Request::get("/api/v1/nodes").body(Vec::new())?;
        let nodes: Value = self.client.request(list).await.map_err(|error| self.unreached(error))?;
        Ok(nodes["items"].as_array().into_iter().flatten().filter_map(|node| node["metadata"]["name"].as_str()).map(str::to_owned).collect())
    }

    /// What went wrong on the way, and where it led.
    pub fn unreached(&self, error: kube::Error) -> anyhow::Error {
        match error {
            kube::Error::Api(status) => anyhow::anyhow!("{}", status.message),
            other => anyhow::anyhow!("cannot reach the API server {}: {}: is `fairlead up` running there?", self.url, innermost(&other)),
        }
    }
}

/// The kubeconfig, or why not, once: the library says the same several times over.
fn read_kubeconfig(path: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(path).map_err(|error| {
        anyhow::anyhow!(
            "no usable kubeconfig at {}: {}: is `fairlead up` running? name another server with --data-dir or --kubeconfig",
            path.display(),
            innermost(&error)
        )
    })
}

/// The last cause of an error, which says what happened; those before it say where in the library.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// An answer, unless it says that there is none.
fn told(answer: Value) -> Result<Value> {
    if let Some(error) = answer["error"].as_str() {
        bail!("{error}");
    }
    if answer["kind"] == "Status" {
        bail!("{}", answer["message"].as_str().unwrap_or("the server refused"));
    }
    Ok(answer)
}

/// The server's message without the client library's wrapping.
pub fn readable(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("{}", status.message),
        other => anyhow::anyhow!("cannot reach the API server: {}: is `fairlead up` running?", innermost(&other)),
    }
}

fn locate(reach: &Reach) -> Result<(PathBuf, Option<PathBuf>)> {
    if let Some(path) = &reach.kubeconfig {
        return Ok((path.clone(), None));
    }
    if let Some(dir) = &reach.data_dir {
        return Ok((dir.join("admin.kubeconfig"), Some(dir.clone())));
    }
    if let Some(path) = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
        return Ok((path.into(), None));
    }
    let dir = default_data_dir()?;
    Ok((dir.join("admin.kubeconfig"), Some(dir)))
}

fn node_of(data_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join("addresses.json")).ok()?;
    let addresses: Value = serde_json::from_str(&text).ok()?;
    addresses["node"].as_str().map(str::to_owned)
}
