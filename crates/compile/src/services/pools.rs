//! Pools: their numbers, the stable order of their endpoints, and keeping what did not change.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use model::{Endpoint, Pool, PoolId, Transport};

use super::Family;

/// What a pool is, within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolKey {
    pub port: u16,
    pub transport: Transport,
    pub family: Family,
    pub local: bool,
}

/// The numbers of one service's pools, kept from one compilation to the next, and the counter behind them.
pub(super) struct Numbers<'a> {
    pub known: &'a [(PoolKey, PoolId)],
    pub next: &'a mut u32,
    pub given: Vec<(PoolKey, PoolId)>,
}

impl Numbers<'_> {
    /// The number of this pool: the old one, or a new one.
    pub fn number(&mut self, key: PoolKey) -> PoolId {
        let id = match self.known.iter().find(|(known, _)| *known == key) {
            Some(&(_, id)) => id,
            None => {
                *self.next += 1;
                PoolId(*self.next)
            }
        };
        self.given.push((key, id));
        id
    }
}

/// Puts endpoints in the order of slots: survivors stay, a removal moves the last one into the hole, newcomers go to the end by
/// address (services spec S28).
pub(super) fn in_slots(old: Option<&Pool>, now: Vec<Arc<Endpoint>>) -> Vec<Arc<Endpoint>> {
    let Some(old) = old else { return now };
    let present: BTreeSet<SocketAddr> = now.iter().map(|endpoint| endpoint.address).collect();
    let mut slots: Vec<SocketAddr> = old.endpoints.iter().map(|endpoint| endpoint.address).collect();
    let mut at = 0;
    while at < slots.len() {
        if present.contains(&slots[at]) {
            at += 1;
        } else {
            slots.swap_remove(at);
        }
    }
    let kept: BTreeSet<SocketAddr> = slots.iter().copied().collect();
    slots.extend(present.iter().filter(|address| !kept.contains(address)));
    // `now` is sorted by address, as candidates are.
    let find = |address: &SocketAddr| now.binary_search_by(|endpoint| endpoint.address.cmp(address)).ok().map(|index| Arc::clone(&now[index]));
    slots.iter().filter_map(find).collect()
}

/// The old pool if the new one is the same, so that what is cached by its pointer stays.
pub(super) fn keep(old: Option<&Arc<Pool>>, new: Pool) -> Arc<Pool> {
    match old {
        Some(old) if **old == new => Arc::clone(old),
        _ => Arc::new(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Identity, Origin, Standing, Target};

    fn endpoint(last: u8) -> Arc<Endpoint> {
        let address = SocketAddr::from(([10, 0, 0, last], 80));
        Arc::new(Endpoint {
            address,
            identity: Identity { cluster: 0, target: Target::Address(address.ip()), port: 80, transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: 100,
            stable_name: address.to_string().into(),
            node: None,
            zone: None,
            standing: Standing::Ready,
            serving: true,
            attributes: None,
        })
    }

    fn pool(lasts: &[u8]) -> Pool {
        Pool {
            id: PoolId(1),
            service: Origin::new("Service", "n", "s"),
            port_name: "".into(),
            port: 80,
            transport: Transport::Tcp,
            app_protocol: None,
            endpoints: lasts.iter().map(|&last| endpoint(last)).collect(),
            draining: Vec::new(),
            policy: Arc::default(),
        }
    }

    fn slots(old: &[u8], now: &[u8]) -> Vec<u8> {
        let ordered = in_slots(Some(&pool(old)), now.iter().map(|&last| endpoint(last)).collect());
        ordered.iter().map(|endpoint| if let std::net::IpAddr::V4(v4) = endpoint.address.ip() { v4.octets()[3] } else { 0 }).collect()
    }

    #[test]
    fn survivors_keep_their_slot_and_the_last_fills_a_hole() {
        assert_eq!(slots(&[5, 1, 3, 9], &[1, 3, 5, 9]), [5, 1, 3, 9]);
        assert_eq!(slots(&[5, 1, 3, 9], &[1, 3, 9]), [9, 1, 3]);
        assert_eq!(slots(&[5, 1, 3, 9], &[2, 3, 4, 9]), [9, 3, 2, 4]);
        assert_eq!(slots(&[5, 1], &[]), [] as [u8; 0]);
        assert_eq!(slots(&[], &[1, 2]), [1, 2]);
    }
}
