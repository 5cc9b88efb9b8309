//! Allocations are compared with what the stored Services use, at start and from time to time: what leaked is freed, what is missing is
//! taken, and what two Services hold is told by an Event on the younger one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Weak;
use std::time::Duration;

use serde_json::{Value, json};

use crate::allocate::{self, Allocator, Item};
use crate::cache::{self, Cache};
use crate::decode;
use crate::kinds;
use crate::metadata;
use crate::server::Core;
use crate::status::{ApiError, Result};

/// How often allocations are compared with Services (as upstream).
const REPAIR_EVERY: Duration = Duration::from_secs(180);

/// Takes what the stored Services use.
pub(crate) fn seed(allocator: &Allocator, cache: &Cache) {
    for (item, service) in allocator.seed(services(cache).iter()) {
        tracing::warn!(?item, service, "two Services hold the same address or port; the later one is named");
    }
}

/// Compares for as long as the server lives.
pub(crate) async fn run(core: Weak<Core>) {
    while let Some(core) = core.upgrade() {
        core.repair_allocations().await;
        drop(core);
        tokio::time::sleep(REPAIR_EVERY).await;
    }
}

impl Core {
    async fn repair_allocations(&self) {
        let Some(allocator) = &self.allocator else { return };
        let services = services(&self.cache);
        allocator.repair(services.iter());
        for (service, item) in held_twice(&services) {
            if let Err(error) = self.tell_held_twice(service, item).await {
                tracing::warn!(service = metadata::text(service, "name"), error = %error.message, "an Event about an allocation was not written");
            }
        }
    }

    /// One Event for as long as Events live: its name says what it is about.
    async fn tell_held_twice(&self, service: &Value, item: Item) -> Result<()> {
        let kind = kinds::find("", "v1", "events").expect("Event is a row");
        let (namespace, name) = (metadata::text(service, "namespace"), metadata::text(service, "name"));
        let (reason, what, suffix, source) = match item {
            Item::Address(IpAddr::V4(ip)) => {
                ("ClusterIPAlreadyAllocated", format!("Cluster IP [IPv4]:{ip}"), format!("{:x}", ip.to_bits()), "ipallocator-repair-controller")
            }
            Item::Address(IpAddr::V6(ip)) => {
                ("ClusterIPAlreadyAllocated", format!("Cluster IP [IPv6]:{ip}"), format!("{:x}", ip.to_bits()), "ipallocator-repair-controller")
            }
            Item::Port(port) => ("PortAlreadyAllocated", format!("Port {port}"), port.to_string(), "portallocator-repair-controller"),
        };
        let (event, now) = (format!("{name}.{suffix}"), self.timestamp());
        let about = json!({ "kind": "Service", "namespace": namespace, "name": name, "uid": service["metadata"]["uid"], "apiVersion": "v1" });
        let mut object = json!({
            "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": { "name": event }, "involvedObject": about, "reason": reason,
            "message": format!("{what} was assigned to multiple services; please recreate service"), "source": { "component": source },
            "firstTimestamp": now, "lastTimestamp": now, "count": 1, "type": "Warning", "reportingComponent": source
        });
        metadata::fill_new(kind, &mut object, namespace, self.uuid(), now);
        if let Some(message) = decode::table(kind, kind.storage) {
            schema::prune(message, &mut object).map_err(ApiError::internal)?;
        }
        // That it is there already is as well.
        self.put(kind, &cache::key(kind, namespace, &event), 0, &object, None).await.map(drop)
    }
}

/// Services that hold what an older one holds, each with what it is.
fn held_twice(services: &[Value]) -> Vec<(&Value, Item)> {
    let age = |service: &&Value| (metadata::text(service, "creationTimestamp").to_owned(), metadata::text(service, "uid").to_owned());
    let mut by_age: Vec<&Value> = services.iter().collect();
    by_age.sort_by_key(age);
    let (mut holders, mut found) = (BTreeSet::new(), Vec::new());
    for service in by_age {
        for item in allocate::items(&service["spec"]) {
            if !holders.insert(item) {
                found.push((service, item));
            }
        }
    }
    found
}

/// Every Service there is.
fn services(cache: &Cache) -> Vec<Value> {
    let kind = kinds::find("", "v1", "services").expect("Service is a row");
    cache.sight(kind).items.values().map(|object| object.value()).collect()
}
