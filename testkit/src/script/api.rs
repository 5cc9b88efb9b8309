//! Talking to the API of a server under test: a real client over TLS, with the kubeconfig a user would have.

use anyhow::{Context, Result, bail};
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::server::Server;

/// Server-side apply of every document, as field manager `script`.
pub fn apply(server: &Server, text: &str, namespace: &str) -> Result<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("the objects are not YAML")?;
    block_on(server, async |client| {
        let mut lines = String::new();
        for document in documents.iter().filter(|document| !document.is_null()) {
            let (version, kind) = (string(document, "/apiVersion")?, string(document, "/kind")?);
            let name = string(document, "/metadata/name")?;
            let namespace = document.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(namespace);
            let path = object_path(&client, version, kind, namespace, name).await?;
            let request = Request::patch(format!("{path}?fieldManager=script&force=true"))
                .header("Content-Type", "application/apply-patch+yaml")
                .body(serde_json::to_vec(document)?)?;
            client.request::<Value>(request).await.map_err(told)?;
            lines.push_str(&format!("{kind} {name} applied\n"));
        }
        Ok(lines)
    })
}

/// Deletes one object by plural.
pub fn delete(server: &Server, plural: &str, name: &str, namespace: &str) -> Result<String> {
    block_on(server, async |client| {
        let path = plural_path(&client, plural, namespace, name).await?;
        client.request::<Value>(Request::delete(path).body(Vec::new())?).await.map_err(told)?;
        Ok(format!("{plural} {name} deleted\n"))
    })
}

/// A field of one object as text (strings without quotes).
pub fn get(server: &Server, plural: &str, name: &str, namespace: &str, pointer: &str) -> Result<String> {
    block_on(server, async |client| {
        let path = plural_path(&client, plural, namespace, name).await?;
        let object: Value = client.request(Request::get(path).body(Vec::new())?).await.map_err(told)?;
        match object.pointer(pointer).with_context(|| format!("no {pointer} in {object}"))? {
            Value::String(text) => Ok(format!("{text}\n")),
            other => Ok(format!("{other}\n")),
        }
    })
}

/// A request as it is given: the status, then the body as it comes.
pub fn raw(server: &Server, method: &str, path: &str, fields: &[(String, String)], body: String) -> Result<String> {
    block_on(server, async |client| {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() && !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("Content-Type", "application/json");
        }
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let answer = client.send(request.body(kube::client::Body::from(body.into_bytes()))?).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect_bytes().await?;
        Ok(format!("{status}\n{}\n", String::from_utf8_lossy(&body).trim_end()))
    })
}

fn block_on<T>(server: &Server, work: impl AsyncFnOnce(kube::Client) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let kubeconfig = Kubeconfig::read_from(server.data().join("admin.kubeconfig"))?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        work(kube::Client::try_from(config)?).await
    })
}

async fn object_path(client: &kube::Client, version: &str, kind: &str, namespace: &str, name: &str) -> Result<String> {
    let root = root_of(version);
    let resources: Value = client.request(Request::get(&root).body(Vec::new())?).await.map_err(told)?;
    let found = resources["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["kind"] == kind && one["name"].as_str().is_some_and(|name| !name.contains('/')));
    let resource = found.with_context(|| format!("the server has no {kind} in {version}"))?;
    let plural = string(resource, "/name")?;
    Ok(if resource["namespaced"] == true { format!("{root}/namespaces/{namespace}/{plural}/{name}") } else { format!("{root}/{plural}/{name}") })
}

/// `services`, or `instances.fairlead.dev`, to a path: the group's preferred version is looked up.
async fn plural_path(client: &kube::Client, plural: &str, namespace: &str, name: &str) -> Result<String> {
    let (plural, group) = plural.split_once('.').unwrap_or((plural, ""));
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        let described: Value = client.request(Request::get(format!("/apis/{group}")).body(Vec::new())?).await.map_err(told)?;
        string(&described, "/preferredVersion/groupVersion")?.to_owned()
    };
    let root = root_of(&version);
    let resources: Value = client.request(Request::get(&root).body(Vec::new())?).await.map_err(told)?;
    let found = resources["resources"].as_array().into_iter().flatten().find(|one| one["name"] == plural);
    let resource = found.with_context(|| format!("the server has no {plural} in {version}"))?;
    Ok(if resource["namespaced"] == true { format!("{root}/namespaces/{namespace}/{plural}/{name}") } else { format!("{root}/{plural}/{name}") })
}

fn root_of(version: &str) -> String {
    if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") }
}

fn string<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(text) => Ok(text),
        None => bail!("no {pointer} in {value}"),
    }
}

fn told(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("{}", status.message),
        other => other.into(),
    }
}
