//! What must hold before an object is written, beyond the object itself, and what the server adds to it.

use std::sync::Weak;
use std::time::Duration;

use serde_json::{Value, json};

use crate::allocate::{Allocator, Refusal, Reservation};
use crate::cache::{self, Cache};
use crate::kinds::{self, Kind};
use crate::metadata;
use crate::server::Core;
use crate::status::{ApiError, Result};

/// How often allocations are compared with Services.
const REPAIR_EVERY: Duration = Duration::from_secs(180);

impl Core {
    /// Nothing new goes into a namespace that is not there or on its way out.
    pub(crate) fn admit_namespace(&self, kind: &Kind, namespace: &str, name: &str) -> Result<()> {
        if !kind.namespaced {
            return Ok(());
        }
        match self.cache.get(self.namespaces, &cache::key(self.namespaces, "", namespace)) {
            None => Err(ApiError::no_namespace(namespace)),
            Some(found) if found.head.is_deleting => Err(ApiError::namespace_terminating(kind, name, namespace)),
            Some(_) => Ok(()),
        }
    }

    /// Makes a namespace unless it is there.
    pub(crate) async fn ensure_namespace(&self, name: &str) -> Result<()> {
        let kind = self.namespaces;
        let key = cache::key(kind, "", name);
        if self.cache.get(kind, &key).is_some() {
            return Ok(());
        }
        let mut object = json!({ "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": { "name": name } });
        kind.rules.defaults(&mut object);
        metadata::fill_new(kind, &mut object, "", self.uuid(), self.timestamp());
        kind.rules.prepare_create(&mut object);
        metadata::order(&mut object);
        // Another server that shares the store may have been quicker, which is as well.
        self.put(kind, &key, 0, &object, None).await.map(drop)
    }

    /// What the server adds to a new object.
    pub(crate) fn admit_new(&self, kind: &Kind, object: &mut Value) {
        if (kind.group, kind.plural) == ("networking.k8s.io", "ingresses")
            && let Some(classes) = kinds::find("networking.k8s.io", "v1", "ingressclasses")
        {
            let classes: Vec<Value> = self.cache.sight(classes).items.values().map(|o| o.value()).collect();
            kinds::ingress::fill_default_class(object, classes.iter());
        }
    }

    /// Addresses and ports for a Service; nothing for other kinds.
    pub(crate) fn reserve(&self, kind: &Kind, object: &mut Value, old: Option<&Value>, dry_run: bool) -> Result<Option<Reservation>> {
        let Some(allocator) = self.allocator.as_ref().filter(|_| is_service(kind)) else { return Ok(None) };
        match allocator.reserve(object, old, dry_run) {
            Ok(reservation) => Ok(Some(reservation)),
            Err(Refusal::Fields(errors)) => Err(ApiError::invalid(kind.group, kind.kind, metadata::text(object, "name"), &errors)),
            Err(Refusal::Internal(why)) => Err(ApiError::internal(why)),
        }
    }

    /// Gives back what a deleted object held.
    pub(crate) fn release(&self, kind: &Kind, object: &Value) {
        if let Some(allocator) = self.allocator.as_ref().filter(|_| is_service(kind)) {
            allocator.release(object);
        }
    }
}

fn is_service(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "services"
}

/// Every Service there is.
fn services(cache: &Cache) -> Vec<Value> {
    let kind = kinds::find("", "v1", "services").expect("Service is a row");
    cache.sight(kind).items.values().map(|object| object.value()).collect()
}

/// Takes what the stored Services use.
pub(crate) fn seed(allocator: &Allocator, cache: &Cache) {
    for (item, service) in allocator.seed(services(cache).iter()) {
        tracing::warn!(?item, service, "two Services hold the same address or port; the later one is named");
    }
}

/// Compares allocations with Services for as long as the server lives (a write whose fate was never learned leaks its allocation).
pub(crate) async fn repair(allocator: Allocator, cache: Weak<Cache>) {
    loop {
        tokio::time::sleep(REPAIR_EVERY).await;
        let Some(cache) = cache.upgrade() else { return };
        allocator.repair(services(&cache).iter());
    }
}
