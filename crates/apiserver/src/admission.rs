//! What must hold before an object is written, beyond the object itself, and what the server adds to it.

use serde_json::{Value, json};

use crate::allocate::{Refusal, Reservation};
use crate::cache;
use crate::kinds::{self, Kind};
use crate::metadata;
use crate::server::Core;
use crate::status::{ApiError, Result};

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
        // Another server that shares the store may have been quicker, which is as well.
        self.put(kind, &key, 0, &object, None).await.map(drop)
    }

    /// What the server adds to a new object.
    pub(crate) fn admit_new(&self, kind: &Kind, object: &mut Value) -> Result<()> {
        if (kind.group, kind.plural) == ("", "pods") {
            kinds::pod::admission::admit(object).map_err(|why| ApiError::forbidden(kind, metadata::text(object, "name"), &why))?;
        }
        if (kind.group, kind.plural) == ("networking.k8s.io", "ingresses")
            && let Some(classes) = kinds::find("networking.k8s.io", "v1", "ingressclasses")
        {
            let classes: Vec<Value> = self.cache.sight(classes).items.values().map(|o| o.value()).collect();
            kinds::ingress::fill_default_class(object, classes.iter());
        }
        Ok(())
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
