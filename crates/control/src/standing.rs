//! Objects that always exist: our classes, and the Service `kubernetes` with its endpoint (API spec R14).
//!
//! One task an object: it watches that one name and puts right what is missing or wrong. What a user may change is left alone.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use api::decided::{GATEWAY_CONTROLLER, INGRESS_CONTROLLER};
use serde_json::{Value, json};
use tokio::time::sleep;
use watch::{Partial, Target, Watcher};

use crate::Context;
use crate::wire::{Error, Wire, path};

/// Marks the class of Ingresses that name none.
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// One object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing {
    IngressClass,
    GatewayClass,
    /// The Service that leads to the API, with its address, and the port that the API listens on.
    Service(IpAddr, u16),
    /// Its Endpoints.
    Endpoints(SocketAddr),
    /// Its EndpointSlice.
    Slice(SocketAddr),
}

impl Standing {
    /// Group, version, kind, plural.
    fn kind(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Standing::IngressClass => ("networking.k8s.io", "v1", "IngressClass", "ingressclasses"),
            Standing::GatewayClass => ("gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses"),
            Standing::Service(..) => ("", "v1", "Service", "services"),
            Standing::Endpoints(_) => ("", "v1", "Endpoints", "endpoints"),
            Standing::Slice(_) => ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
        }
    }

    fn is_class(self) -> bool {
        matches!(self, Standing::IngressClass | Standing::GatewayClass)
    }

    fn name(self) -> &'static str {
        if self.is_class() { "fairlead" } else { "kubernetes" }
    }

    fn namespace(self) -> &'static str {
        if self.is_class() { "" } else { "default" }
    }

    fn path(self, name: &str) -> String {
        let (group, version, _, plural) = self.kind();
        path(group, version, plural, self.namespace(), name)
    }

    /// What is asserted besides name and kind.
    fn content(self) -> Value {
        match self {
            Standing::IngressClass => json!({"spec": {"controller": INGRESS_CONTROLLER}}),
            Standing::GatewayClass => json!({"spec": {"controllerName": GATEWAY_CONTROLLER}}),
            Standing::Service(address, port) => json!({
                "metadata": {"labels": {"component": "apiserver", "provider": "kubernetes"}},
                // With a selector somebody else would write its endpoints, too.
                "spec": {
                    "selector": null, "type": "ClusterIP", "clusterIP": address.to_string(), "sessionAffinity": "None",
                    "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
                },
            }),
            Standing::Endpoints(api) => json!({
                "metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
                "subsets": [{
                    "addresses": [{"ip": api.ip().to_string()}],
                    "ports": [{"name": "https", "port": api.port(), "protocol": "TCP"}],
                }],
            }),
            Standing::Slice(api) => json!({
                "metadata": {"labels": {"kubernetes.io/service-name": "kubernetes"}},
                "addressType": if api.is_ipv4() { "IPv4" } else { "IPv6" },
                "endpoints": [{"addresses": [api.ip().to_string()], "conditions": {"ready": true}}],
                "ports": [{"name": "https", "port": api.port(), "protocol": "TCP"}],
            }),
        }
    }
}

/// Runs until the runtime ends.
pub(crate) async fn keep(context: Context, standing: Standing) {
    let (group, version, kind, plural) = standing.kind();
    let mut target = Target::new(group, version, kind, plural).with_fields(&format!("metadata.name={}", standing.name())).metadata_only();
    if !standing.namespace().is_empty() {
        target = target.in_namespace(standing.namespace());
    }
    let wire = Wire::new(&context.client);
    let mut watcher = Watcher::<Partial>::new(context.client.clone(), target, &context.metrics);
    loop {
        watcher.next().await;
        let mut pause = Duration::from_millis(100);
        while let Err(error) = put_right(&wire, standing).await {
            if pause > Duration::from_secs(1) {
                tracing::warn!(kind, name = standing.name(), %error, "an object that must exist could not be written; trying again");
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }
}

async fn put_right(wire: &Wire, standing: Standing) -> Result<(), Error> {
    match wire.get(&standing.path(standing.name())).await {
        Ok(current) => {
            let wanted = standing.content();
            // Somebody may have given a class of this name to another controller, on purpose.
            if standing.is_class() || holds(&wanted, &current) {
                return Ok(());
            }
            // An address cannot be changed: where the range of addresses is another one now, the Service is made anew.
            if current["spec"]["clusterIP"].as_str().zip(wanted["spec"]["clusterIP"].as_str()).is_some_and(|(is, wanted)| is != wanted) {
                tracing::info!(kind = standing.kind().2, name = standing.name(), "made anew, with the address that the range of addresses gives it");
                wire.delete_now(&standing.path(standing.name()), current["metadata"]["uid"].as_str().unwrap_or_default()).await?;
                return create(wire, standing).await;
            }
            wire.merge(&standing.path(standing.name()), &wanted).await.map(drop)
        }
        Err(Error::NotFound) => create(wire, standing).await,
        Err(error) => Err(error),
    }
}

async fn create(wire: &Wire, standing: Standing) -> Result<(), Error> {
    let mut object = standing.content();
    let (group, version, kind, _) = standing.kind();
    object["apiVersion"] = if group.is_empty() { json!(version) } else { json!(format!("{group}/{version}")) };
    object["kind"] = json!(kind);
    object["metadata"]["name"] = json!(standing.name());
    if !standing.namespace().is_empty() {
        object["metadata"]["namespace"] = json!(standing.namespace());
    }
    if matches!(standing, Standing::IngressClass) && !has_default(wire, &standing.path("")).await? {
        object["metadata"]["annotations"] = json!({DEFAULT_CLASS: "true"});
    }
    match wire.create(&standing.path(""), &object).await {
        // Made in the meantime; the watch will tell of it.
        Ok(_) | Err(Error::Conflict(_)) => Ok(()),
        // The server does not serve the kind: there is nothing to keep.
        Err(Error::NotFound) if standing.is_class() => Ok(()),
        Err(error) => Err(error),
    }
}

async fn has_default(wire: &Wire, path: &str) -> Result<bool, Error> {
    let list = wire.get(path).await?;
    let is_default = |class: &Value| class["metadata"]["annotations"][DEFAULT_CLASS] == "true";
    Ok(list["items"].as_array().is_some_and(|classes| classes.iter().any(is_default)))
}

/// Whether everything that is wanted is there, and nothing where null is; what is there besides does not matter, except in lists.
fn holds(wanted: &Value, current: &Value) -> bool {
    match (wanted, current) {
        (Value::Object(wanted), Value::Object(current)) => {
            wanted.iter().all(|(key, value)| current.get(key).map_or(value.is_null(), |other| holds(value, other)))
        }
        (Value::Array(wanted), Value::Array(current)) => wanted.len() == current.len() && wanted.iter().zip(current).all(|(a, b)| holds(a, b)),
        _ => wanted == current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_besides_does_not_matter() {
        let wanted = json!({"spec": {"ports": [{"port": 443}]}});
        assert!(holds(&wanted, &json!({"spec": {"ports": [{"port": 443, "name": "x"}], "type": "y"}})));
        assert!(!holds(&wanted, &json!({"spec": {"ports": [{"port": 443}, {"port": 80}]}})));
        assert!(!holds(&wanted, &json!({"spec": {}})));
        let nothing = json!({"spec": {"selector": null}});
        assert!(holds(&nothing, &json!({"spec": {"type": "y"}})) && !holds(&nothing, &json!({"spec": {"selector": {"a": "b"}}})));
    }
}
