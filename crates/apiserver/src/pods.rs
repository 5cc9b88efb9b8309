//! What Pods have and no other kind: being bound to a Node, and being evicted from it.

use http::Response;
use serde_json::{Value, json};

use crate::body::Body;
use crate::cache;
use crate::call::Call;
use crate::decode;
use crate::field::{FieldErrors, Path};
use crate::kinds::{self, Kind};
use crate::metadata;
use crate::negotiate;
use crate::query::{Write, WriteOptions};
use crate::server::Core;
use crate::status::{ApiError, Result};

impl Core {
    /// POST of `/binding`: the Pod gets its Node, once.
    pub(crate) async fn bind(&self, call: &Call) -> Result<Response<Body>> {
        let (binding, options) = self.action(call, &kinds::BINDING)?;
        let target = &binding["target"];
        let node = target["name"].as_str().unwrap_or_default();
        let mut errors = FieldErrors::new();
        let at = Path::new("target");
        if let Some(kind) = target["kind"].as_str().filter(|kind| !matches!(*kind, "" | "Node")) {
            errors.push(at.child("kind").not_supported(kind, &["Node", "<empty>"]));
        }
        if node.is_empty() {
            errors.push(at.child("name").required(""));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid("", "Binding", &call.address.name, &errors));
        }
        let (kind, name) = (call.kind, call.address.name.as_str());
        let key = cache::key(kind, call.namespace(), name);
        loop {
            let current = self.cache.get(kind, &key).ok_or_else(|| ApiError::not_found(kind, name))?;
            let mut pod = current.value();
            self.assign(call, &mut pod, &binding, node)?;
            decode::order(kind, &mut pod);
            if options.dry_run || self.put(kind, &key, current.revision, &pod, None).await?.is_some() {
                return Ok(call.reply(201, &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 })));
            }
        }
    }

    /// Gives a Pod its Node, with what the binding says of it.
    fn assign(&self, call: &Call, pod: &mut Value, binding: &Value, node: &str) -> Result<()> {
        let (kind, name) = (call.kind, call.address.name.as_str());
        let refuse = |why: String| ApiError::conflict_at(kind, "binding", name, &why);
        let uid = metadata::text(binding, "uid");
        if !uid.is_empty() && uid != metadata::text(pod, "uid") {
            return Err(refuse(format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", metadata::text(pod, "uid"))));
        }
        if metadata::is_deleting(pod) {
            return Err(refuse(format!("pod {name} is being deleted, cannot be assigned to a host")));
        }
        if let Some(taken) = pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
            return Err(refuse(format!("pod {name} is already assigned to node {}", crate::field::quote(taken))));
        }
        if pod["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
            return Err(refuse(format!("pod {name} has non-empty .spec.schedulingGates")));
        }
        pod["spec"]["nodeName"] = node.into();
        for (key, value) in binding["metadata"]["annotations"].as_object().into_iter().flatten() {
            pod["metadata"]["annotations"][key] = value.clone();
        }
        let scheduled = json!({ "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": self.timestamp() });
        let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.retain(|condition| condition["type"] != "PodScheduled");
        conditions.push(scheduled);
        pod["status"]["conditions"] = conditions.into();
        Ok(())
    }

    /// POST of `/eviction`: a deletion that disruption budgets may refuse. No kind of budget is served yet, so none does.
    pub(crate) async fn evict(&self, call: &Call) -> Result<Response<Body>> {
        let (eviction, options) = self.action(call, &kinds::EVICTION)?;
        self.delete_by(call, &eviction["deleteOptions"], options.dry_run).await?;
        Ok(call.reply(201, &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 })))
    }

    /// The body of an action on a Pod, which is of another kind than the Pod.
    fn action(&self, call: &Call, kind: &'static Kind) -> Result<(Value, WriteOptions)> {
        negotiate::plain(&call.headers)?;
        let options = WriteOptions::read(&call.query, Write::Create, call.user_agent())?;
        let mut body = decode::object(&call.about(kind), options.strictness)?;
        let named = metadata::text(&body, "name");
        if kind.kind == "Eviction" && !named.is_empty() && named != call.address.name {
            return Err(ApiError::bad_request("name in URL does not match name in Eviction object"));
        }
        self.agree(call, &mut body)?;
        Ok((body, options))
    }
}
