//! Names of Pods: `1-2-3-4.NS.pod.ZONE` exists while a live Pod of the namespace has that address (dns spec B1, mode verified).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::OrdMap;

use crate::text;

/// (Namespace, address) as the names table has it.
type Named = (Arc<str>, IpAddr);

/// How many live Pods have an address; Pods on the host's network share theirs.
#[derive(Default)]
pub(crate) struct PodAddresses {
    count: BTreeMap<Named, u32>,
}

impl PodAddresses {
    /// A Pod became another one, came or went. True if the table changed.
    pub fn replace(&mut self, old: Option<&api::Pod>, new: Option<&api::Pod>, table: &mut OrdMap<Named, ()>) -> bool {
        let (gone, came) = (old.map(addresses).unwrap_or_default(), new.map(addresses).unwrap_or_default());
        let mut changed = false;
        for named in &came {
            let count = self.count.entry(named.clone()).or_default();
            *count += 1;
            if *count == 1 && table.insert(named.clone(), ()).is_none() {
                changed = true;
            }
        }
        for named in gone {
            let Some(count) = self.count.get_mut(&named) else { continue };
            *count -= 1;
            if *count == 0 {
                self.count.remove(&named);
                changed |= table.remove(&named).is_some();
            }
        }
        changed
    }
}

/// What a Pod is called; nothing once it terminates or is over.
fn addresses(pod: &api::Pod) -> Vec<Named> {
    if pod.metadata.deletion_s.is_some() || pod.status.is_over() {
        return Vec::new();
    }
    let mut found: Vec<Named> = pod.status.addresses().filter_map(|text| Some((Arc::clone(&pod.metadata.namespace), text::address(text)?))).collect();
    found.sort_unstable();
    found.dedup();
    found
}
