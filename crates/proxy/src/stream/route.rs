//! From a client at a frontend to an endpoint: the verdict for its view, source ranges, affinity, then the pool's picker.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use balance::{Ask, Guard, Layer, NoPick, Now, Peer, Worker};
use model::endpoint::Pool;
use model::ident::Transport;
use model::service::{Frontend, FrontendKey, FrontendKind, Verdict};
use model::snapshot::Snapshot;

use super::Shared;

thread_local! {
    /// The balancing state of this data thread.
    static WORKER: RefCell<Worker> = RefCell::new(Worker::new(seed()));
}

fn seed() -> u64 {
    // Only the spread between threads and processes depends on it.
    getrandom::u64().unwrap_or_else(|_| net::clock::monotonic_ns())
}

/// Why a client gets no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    /// Its address is not admitted, or there are endpoints but none local: no answer.
    Silent,
    /// Nothing usable, or a limit: reset.
    Refused,
}

impl From<NoPick> for Unserved {
    fn from(_: NoPick) -> Self {
        Unserved::Refused
    }
}

/// A choice: the raised endpoint, and the pool it came from.
pub(super) struct Chosen {
    pub(super) guard: Guard,
    pub(super) frontend: Arc<Frontend>,
    pub(super) pool: Arc<Pool>,
}

/// The clock that vitals are kept by.
pub(super) fn now() -> Now {
    Now(net::clock::monotonic_ns())
}

impl Shared {
    /// Chooses an endpoint for a client, by the snapshot in force. `tried` are those that could not be reached.
    pub(super) fn choose(&self, key: &FrontendKey, client: IpAddr, tried: &[SocketAddr]) -> Result<Chosen, Unserved> {
        let snapshot = self.live.load();
        let frontend = snapshot.frontends.get(key).ok_or(Unserved::Refused)?;
        let client = client.to_canonical();
        if !admitted(frontend, &snapshot, client) {
            return Err(Unserved::Silent);
        }
        let pool = pool(&snapshot, frontend, client)?;
        let now = now();
        let layer = if key.transport == Transport::Udp { Layer::Udp } else { Layer::Tcp };
        let picker = self.pickers.of(pool, layer);
        let sticky = frontend.affinity.filter(|_| tried.is_empty()).and_then(|timeout| {
            let (address, target) = self.affinity.get(frontend, client, timeout, now)?;
            let same = pool.endpoints.iter().any(|endpoint| endpoint.address == address && endpoint.identity.target == target);
            if same { WORKER.with_borrow_mut(|worker| picker.pick_at(worker, address, now)) } else { None }
        });
        let guard = match sticky {
            Some(guard) => guard,
            None => {
                // Whose time with an endpoint is over is chosen for anew: its address would lead back to the same one (services spec S51).
                let hash = if frontend.affinity.is_some() && is_by_affinity(pool) { None } else { picker.hash_key(&Peer(client)) };
                let ask = Ask { hash, tried, again: !tried.is_empty(), retryable: true, may_wait: false };
                WORKER.with_borrow_mut(|worker| picker.pick(worker, &ask, now))?
            }
        };
        Ok(Chosen { guard, frontend: Arc::clone(frontend), pool: Arc::clone(pool) })
    }

    /// The client stays with this endpoint, where its service asks for that.
    pub(super) fn remember(&self, chosen: &Chosen, client: IpAddr, now: Now) {
        if let Some(timeout) = chosen.frontend.affinity {
            let endpoint = chosen.guard.endpoint();
            self.affinity.put(&chosen.frontend, client.to_canonical(), endpoint.address, &endpoint.identity.target, timeout, now);
        }
    }
}

/// Whether the strategy goes by the client's address because the Service's `sessionAffinity` says so, which this plane keeps by itself.
fn is_by_affinity(pool: &Pool) -> bool {
    pool.policy.sources.iter().any(|(field, source)| *field == "strategy" && **source == *"sessionAffinity")
}

/// The pool a client is served from.
fn pool<'a>(snapshot: &'a Snapshot, frontend: &Frontend, client: IpAddr) -> Result<&'a Arc<Pool>, Unserved> {
    let verdict = if is_inside(snapshot, frontend, client) { frontend.inside } else { frontend.outside };
    match verdict {
        Verdict::Pool(id) => snapshot.pool(id).ok_or(Unserved::Refused),
        Verdict::Reject => Err(Unserved::Refused),
        Verdict::Drop => Err(Unserved::Silent),
    }
}

/// The pool that a client at this frontend would be served from now; `None` when it would not be.
pub(super) fn pool_now(snapshot: &Snapshot, key: &FrontendKey, client: IpAddr) -> Option<Arc<Pool>> {
    let frontend = snapshot.frontends.get(key)?;
    pool(snapshot, frontend, client.to_canonical()).ok().cloned()
}

/// Whether a client is on this node. A loopback address is reached by nobody else.
fn is_inside(snapshot: &Snapshot, frontend: &Frontend, client: IpAddr) -> bool {
    frontend.key.address.is_loopback() || client.is_loopback() || client == frontend.key.address || snapshot.node.addresses.contains(&client)
}

/// Source ranges: of load-balancer addresses only; ranges of the other family alone filter nothing (services spec S43).
fn admitted(frontend: &Frontend, snapshot: &Snapshot, client: IpAddr) -> bool {
    if frontend.kind != FrontendKind::LoadBalancer {
        return true;
    }
    let mut ranges = frontend.source_ranges.iter().filter(|(network, _)| network.is_ipv4() == client.is_ipv4()).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    // A range that holds the node's address also admits the address itself as source.
    let own = (client == frontend.key.address).then(|| snapshot.node.addresses.first().copied()).flatten();
    ranges.any(|&(network, length)| holds(network, length, client) || own.is_some_and(|own| holds(network, length, own)))
}

fn holds(network: IpAddr, length: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            (network.to_bits() ^ address.to_bits()) & mask == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            (network.to_bits() ^ address.to_bits()) & mask == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses_only() {
        let ip = |text: &str| text.parse().unwrap();
        assert!(holds(ip("10.1.0.0"), 16, ip("10.1.255.3")));
        assert!(!holds(ip("10.1.0.0"), 16, ip("10.2.0.3")));
        assert!(holds(ip("0.0.0.0"), 0, ip("203.0.113.9")));
        assert!(holds(ip("10.1.2.3"), 32, ip("10.1.2.3")) && !holds(ip("10.1.2.3"), 32, ip("10.1.2.4")));
        assert!(holds(ip("2001:db8::"), 32, ip("2001:db8:1::5")) && !holds(ip("2001:db8::"), 32, ip("2001:db9::5")));
        assert!(!holds(ip("0.0.0.0"), 0, ip("::1")));
    }
}
