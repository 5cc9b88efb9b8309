//! Who holds an address that several Services claim: the oldest (services spec S47).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::OrdMap;
use model::service::{Frontend, FrontendKey, ServiceKey};
use smallvec::SmallVec;

use super::Built;

/// Older first, then by namespace and name.
type Age = (i64, ServiceKey);

/// Claims on one address, the oldest first. In place: nearly every address is claimed once.
type Claimants = SmallVec<[(Age, Arc<Frontend>); 1]>;

/// All claims on all addresses.
#[derive(Default)]
pub(crate) struct Claims {
    by_address: HashMap<FrontendKey, Claimants>,
}

/// What replacing claims brought about.
#[derive(Default)]
pub(crate) struct Claimed {
    /// The table is another one now.
    pub changed: bool,
    /// Services that may have won or lost an address.
    pub affected: BTreeSet<ServiceKey>,
}

impl Claims {
    /// Replaces what a Service claims and puts the winners into `table`.
    pub fn replace(&mut self, key: &ServiceKey, old: Option<&Built>, new: Option<&Built>, table: &mut OrdMap<FrontendKey, Arc<Frontend>>) -> Claimed {
        let mut claimed = Claimed::default();
        let touched: BTreeSet<FrontendKey> =
            [old, new].into_iter().flatten().flat_map(|built| &built.frontends).map(|frontend| frontend.key).collect();
        if let Some(old) = old {
            for frontend in &old.frontends {
                if let Some(claims) = self.by_address.get_mut(&frontend.key) {
                    claims.retain(|((creation_s, claimant), _)| (*creation_s, &*claimant) != (old.creation_s, key));
                }
            }
        }
        if let Some(new) = new {
            for frontend in &new.frontends {
                let claims = self.by_address.entry(frontend.key).or_default();
                let age = (new.creation_s, key.clone());
                if let Err(place) = claims.binary_search_by(|(known, _)| known.cmp(&age)) {
                    claims.insert(place, (age, Arc::clone(frontend)));
                }
            }
        }
        for address in touched {
            let Some(claims) = self.by_address.get(&address) else { continue };
            match claims.first().map(|(_, frontend)| frontend) {
                Some(winner) if table.get(&address).is_some_and(|known| **known == **winner) => {}
                Some(winner) => {
                    table.insert(address, Arc::clone(winner));
                    claimed.changed = true;
                }
                None => claimed.changed |= table.remove(&address).is_some(),
            }
            // With two or more claims somebody loses; with one left somebody may have lost until now.
            claimed.affected.extend(claims.iter().map(|((_, key), _)| key.clone()));
            if claims.is_empty() {
                self.by_address.remove(&address);
            }
        }
        claimed
    }

    /// Who holds an address.
    pub fn holder(&self, address: &FrontendKey) -> Option<&ServiceKey> {
        self.by_address.get(address)?.first().map(|((_, key), _)| key)
    }
}
