//! Which endpoint a client was given last, for services with `sessionAffinity: ClientIP` (services spec S51).

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use balance::Now;
use foldhash::fast::RandomState;
use model::ident::{Origin, Target, Transport};
use model::service::Frontend;
use parking_lot::Mutex;

/// Locks are held for a look-up; this many make meeting at one unlikely.
const SHARDS: usize = 64;

/// A client and a service port: the ClusterIP, NodePorts and load-balancer addresses of a port share the choice.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    client: IpAddr,
    service: Origin,
    port_name: Arc<str>,
    transport: Transport,
}

struct Choice {
    address: SocketAddr,
    /// The address alone may be somebody else's by now.
    target: Target,
    used: Now,
}

/// The choices, bounded.
pub(super) struct Affinity {
    shards: [Mutex<HashMap<Key, Choice, RandomState>>; SHARDS],
    hasher: RandomState,
    shard_max: usize,
}

impl Affinity {
    pub(super) fn new(max: usize) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::default(), shard_max: max.div_ceil(SHARDS) }
    }

    fn shard(&self, key: &Key) -> &Mutex<HashMap<Key, Choice, RandomState>> {
        &self.shards[(self.hasher.hash_one(key) >> 32) as usize % SHARDS]
    }

    /// The endpoint this client had within the timeout.
    pub(super) fn get(&self, frontend: &Frontend, client: IpAddr, timeout: Duration, now: Now) -> Option<(SocketAddr, Target)> {
        let key = key(frontend, client);
        let shard = self.shard(&key).lock();
        shard.get(&key).filter(|choice| now.since(choice.used) < timeout).map(|choice| (choice.address, choice.target.clone()))
    }

    /// Remembers the endpoint, from now on for the whole timeout again.
    pub(super) fn put(&self, frontend: &Frontend, client: IpAddr, address: SocketAddr, target: &Target, timeout: Duration, now: Now) {
        let key = key(frontend, client);
        let mut shard = self.shard(&key).lock();
        if shard.len() >= self.shard_max && !shard.contains_key(&key) {
            shard.retain(|_, choice| now.since(choice.used) < timeout);
            if shard.len() >= self.shard_max {
                // Full of living ones: forget any. A table that grew without bound would be worse than one client that moves.
                let any = shard.keys().next().cloned();
                any.map(|key| shard.remove(&key));
            }
        }
        shard.insert(key, Choice { address, target: target.clone(), used: now });
    }
}

fn key(frontend: &Frontend, client: IpAddr) -> Key {
    Key { client, service: frontend.service.clone(), port_name: Arc::clone(&frontend.port_name), transport: frontend.key.transport }
}

#[cfg(test)]
mod tests {
    use model::service::{FrontendKey, FrontendKind, Verdict};

    use super::*;

    fn frontend() -> Frontend {
        Frontend {
            key: FrontendKey { address: [127, 96, 0, 1].into(), transport: Transport::Tcp, port: 80 },
            kind: FrontendKind::ClusterIp,
            service: Origin::new("Service", "shop", "cart"),
            port_name: "http".into(),
            inside: Verdict::Reject,
            outside: Verdict::Reject,
            affinity: None,
            source_ranges: Vec::new(),
            announces: false,
        }
    }

    fn client(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0A00_0000 + number).into()
    }

    #[test]
    fn a_choice_lasts_for_the_timeout_and_is_renewed_by_use() {
        let (table, frontend, target) = (Affinity::new(100), frontend(), Target::Address(client(9)));
        let address = SocketAddr::new(client(9), 80);
        let timeout = Duration::from_secs(10);
        table.put(&frontend, client(1), address, &target, timeout, Now::from_ms(0));
        assert_eq!(table.get(&frontend, client(1), timeout, Now::from_ms(9_999)), Some((address, target.clone())));
        assert_eq!(table.get(&frontend, client(1), timeout, Now::from_ms(10_000)), None);
        assert_eq!(table.get(&frontend, client(2), timeout, Now::from_ms(0)), None);
        table.put(&frontend, client(1), address, &target, timeout, Now::from_ms(9_000));
        assert!(table.get(&frontend, client(1), timeout, Now::from_ms(18_000)).is_some());
    }

    #[test]
    fn the_table_is_bounded() {
        let (table, frontend, target) = (Affinity::new(64), frontend(), Target::Address(client(9)));
        for number in 0..10_000 {
            table.put(&frontend, client(number), SocketAddr::new(client(9), 80), &target, Duration::from_secs(10), Now::from_ms(0));
        }
        assert!(table.shards.iter().map(|shard| shard.lock().len()).sum::<usize>() <= 64);
    }
}
