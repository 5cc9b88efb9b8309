//! Ownership across `/scale`: the subresource knows one field, `spec.replicas`, which is a field of the parent object
//! under a path and a version of its own.

use serde_json::Value;

use super::fieldset::Set;
use super::managers::{self, Managers, Owned};

const SCALE_VERSION: &str = "autoscaling/v1";
const REPLICAS: &[&[&str]] = &[&["spec", "replicas"]];

/// The managed fields of a Scale, from those of its parent. The parent's replicas are at `spec.replicas`.
pub fn to_scale(parent: &Value, parent_version: &str) -> Value {
    let all = managers::decode(parent["metadata"].get("managedFields")).unwrap_or_default();
    let replicas = Set::of_fields(REPLICAS);
    let held = all.mapped(|_, owned| {
        let held = owned.api_version == parent_version && !owned.set.intersection(&replicas).is_empty();
        held.then(|| Owned { set: replicas.clone(), api_version: SCALE_VERSION.to_owned(), applied: owned.applied })
    });
    managers::entries(&renamed(held))
}

/// The managed fields of the parent after a write to its Scale.
pub fn from_scale(parent: &Value, scale: &Value, parent_version: &str) -> Value {
    let before = managers::decode(parent["metadata"].get("managedFields")).unwrap_or_default();
    let after = managers::decode(scale["metadata"].get("managedFields")).unwrap_or_default();
    let replicas = Set::of_fields(REPLICAS);
    let mut out = Managers::default();
    let mut kept = Vec::new();
    for (id, owned, time) in before.entries() {
        let holds = owned.api_version == parent_version && !owned.set.intersection(&replicas).is_empty();
        let still = after.entries().any(|(other, _, _)| other.same_writer(id));
        if holds && !still {
            let set = owned.set.difference(&replicas);
            if !set.is_empty() {
                out.insert(id.clone(), Owned { set, ..owned.clone() }, time);
            }
            continue;
        }
        if holds {
            kept.push(id.clone());
        }
        out.insert(id.clone(), owned.clone(), time);
    }
    for (id, owned, time) in after.entries() {
        let known = kept.iter().any(|k| k.same_writer(id));
        if known || owned.set.intersection(&replicas).is_empty() {
            continue;
        }
        let owned = Owned { set: replicas.clone(), api_version: parent_version.to_owned(), applied: owned.applied };
        out.insert(id.at_version(parent_version), owned, time);
    }
    managers::entries(&out)
}

/// Update entries carry their version in their identity.
fn renamed(managers: Managers) -> Managers {
    let mut out = Managers::default();
    for (id, owned, time) in managers.entries() {
        out.insert(id.at_version(SCALE_VERSION), owned.clone(), time);
    }
    out
}
