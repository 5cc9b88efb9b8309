//! The Instance of one copy, and the Service of all.

use std::time::Duration;

use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::child::Child;
use super::{Check, Error, Spec, Stop};

/// Longest wait for `Drained`: the server bounds draining itself (30 s by default), this is for a server that is gone.
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
/// How often a draining Instance is looked at.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);
/// Tries to add a proof to a status that others write too.
const PROVE_TRIES: u32 = 20;
/// Tries to take an Instance away before the server's agent is left to do it.
const DELETE_TRIES: u32 = 20;

/// A registered copy.
pub(super) struct Registration {
    client: kube::Client,
    path: String,
    object: String,
}

impl Registration {
    /// Creates the Instance, out of rotation until [`Registration::enter`], with the evidence that its process lives.
    pub async fn create(client: &kube::Client, spec: &Spec, name: &str, child: &Child) -> Result<Self, Error> {
        let collection = format!("/apis/fairlead.dev/v1alpha1/namespaces/{}/instances", spec.namespace);
        let made = Self { client: client.clone(), path: format!("{collection}/{name}"), object: format!("Instance {}/{name}", spec.namespace) };
        let request = Request::post(&collection).header("Content-Type", "application/json").body(bytes(&instance(spec, name, child.port)));
        let object = made.send(request).await?;
        let evidence = json!({"proof": "process", "verdict": "alive", "time": now(), "reason": format!("process {} runs", child.pid), "observer": "run",
                              "pid": child.pid, "startTicks": child.start_ticks});
        made.prove(object, evidence).await?;
        Ok(made)
    }

    /// Adds a proof to those that others may have brought meanwhile: a merge patch replaces the whole list, so it must be the list of
    /// this version.
    async fn prove(&self, mut object: Value, evidence: Value) -> Result<(), Error> {
        for _ in 0..PROVE_TRIES {
            let mut all = object["status"]["evidence"].as_array().cloned().unwrap_or_default();
            all.push(evidence.clone());
            let change = json!({"metadata": {"resourceVersion": object["metadata"]["resourceVersion"]}, "status": {"evidence": all}});
            let request =
                self.merge("/status", &change).map_err(|error| Error::Refused { object: self.object.clone(), message: error.to_string() })?;
            match self.client.request::<Value>(request).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => object = self.send(Request::get(&self.path).body(Vec::new())).await?,
                Err(error) => return Err(refused(&self.object, error)),
            }
        }
        Err(Error::Refused { object: self.object.clone(), message: "its status changes too often to add a proof to it".into() })
    }

    /// Lets it have requests; whether the server knows.
    pub async fn enter(&self) -> bool {
        let entered = self.patch("", &json!({"spec": {"maintenance": null}})).await;
        if let Err(error) = &entered {
            tracing::error!(%error, "a copy is ready but cannot be announced");
        }
        entered.is_ok()
    }

    /// Asks for no new requests and waits until those in flight are done, or `stop` has no more patience.
    pub async fn drain(&self, mut stop: watch::Receiver<Stop>) {
        let drained = async {
            if self.patch("/status", &json!({"status": {"terminating": true}})).await.is_err() {
                return;
            }
            while !self.is_drained().await {
                tokio::time::sleep(DRAIN_PAUSE).await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(DRAIN_LIMIT, drained) => {}
            _ = stop.wait_for(|stop| *stop == Stop::Now) => {}
        }
    }

    async fn is_drained(&self) -> bool {
        match self.send(Request::get(&self.path).body(Vec::new())).await {
            Ok(object) => {
                object["status"]["conditions"].as_array().into_iter().flatten().any(|one| one["type"] == "Drained" && one["status"] == "True")
            }
            // Gone, or nobody to ask: nothing more to wait for.
            Err(_) => true,
        }
    }

    /// Takes the Instance away.
    pub async fn delete(&self) {
        for _ in 0..DELETE_TRIES {
            match self.send(Request::delete(&self.path).body(Vec::new())).await {
                Err(Error::Unreachable(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
                _ => return,
            }
        }
    }

    async fn patch(&self, sub: &str, change: &Value) -> Result<Value, Error> {
        self.send(self.merge(sub, change)).await
    }

    fn merge(&self, sub: &str, change: &Value) -> http::Result<Request<Vec<u8>>> {
        Request::patch(format!("{}{sub}?fieldManager=fairlead-run", self.path))
            .header("Content-Type", "application/merge-patch+json")
            .body(bytes(change))
    }

    async fn send(&self, request: http::Result<Request<Vec<u8>>>) -> Result<Value, Error> {
        send(&self.client, &self.object, request).await
    }
}

/// Asks whether an Instance like those of the copies would be taken, before anything is made.
pub(super) async fn try_out(client: &kube::Client, spec: &Spec) -> Result<(), Error> {
    let name = format!("{}-{}", spec.name, super::suffix());
    let collection = format!("/apis/fairlead.dev/v1alpha1/namespaces/{}/instances?dryRun=All", spec.namespace);
    let body = bytes(&instance(spec, &name, spec.port.unwrap_or(1)));
    let request = Request::post(collection).header("Content-Type", "application/json").body(body);
    send(client, &format!("Instance {}/{name}", spec.namespace), request).await.map(drop)
}

/// Makes the Service unless there is one; an existing one is never changed (L11).
pub(super) async fn ensure_service(client: &kube::Client, spec: &Spec) -> Result<(), Error> {
    let object = format!("Service {}/{}", spec.namespace, spec.name);
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": spec.name, "annotations": {"fairlead.dev/created-by": "run"}},
        "spec": {"selector": {"app": spec.name}, "ports": [{"name": spec.port_name, "port": spec.service_port, "targetPort": spec.port_name}]}});
    let request =
        Request::post(format!("/api/v1/namespaces/{}/services", spec.namespace)).header("Content-Type", "application/json").body(bytes(&service));
    match client.request::<Value>(request.map_err(|error| Error::Unreachable(error.to_string()))?).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(refused(&object, error)),
    }
}

fn instance(spec: &Spec, name: &str, port: u16) -> Value {
    let mut labels = json!({"app": spec.name});
    for (key, value) in &spec.labels {
        labels[key] = json!(value);
    }
    let mut body = json!({"addresses": [spec.address], "ports": [{"name": spec.port_name, "port": port}], "maintenance": "starting"});
    if let Some(node) = &spec.node {
        body["node"] = json!(node);
    }
    if let Some(weight) = spec.weight {
        body["weight"] = json!(weight);
    }
    match &spec.check {
        Check::None => {}
        Check::Tcp => body["checks"] = json!([{"type": "tcp"}]),
        Check::Http(path) => body["checks"] = json!([{"type": "http", "http": {"path": path}}]),
    }
    json!({"apiVersion": "fairlead.dev/v1alpha1", "kind": "Instance",
           "metadata": {"name": name, "labels": labels, "annotations": {"fairlead.dev/created-by": "run"}}, "spec": body})
}

async fn send(client: &kube::Client, object: &str, request: http::Result<Request<Vec<u8>>>) -> Result<Value, Error> {
    let request = request.map_err(|error| Error::Refused { object: object.to_owned(), message: error.to_string() })?;
    client.request(request).await.map_err(|error| refused(object, error))
}

fn refused(object: &str, error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) => Error::Refused { object: object.to_owned(), message: status.message.clone() },
        other => Error::Unreachable(other.to_string()),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
