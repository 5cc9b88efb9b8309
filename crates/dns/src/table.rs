//! The answers that were derived from the names of a generation: one block an owner, in shards that are swapped one by one.
//!
//! Readers never lock; the one writer follows the snapshot and rebuilds only what `OrdMap::diff` names.

mod block;
mod follow;
mod reverse;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use foldhash::quality::RandomState;
use model::{Map, OrdMap};

pub(crate) use block::{Block, Host, Port, SERVICE, Srv};
pub(crate) use follow::Follower;
pub(crate) use reverse::Register;

/// How many shards: a change copies 1/256 of the owners' pointers.
const SHARDS: usize = 256;

/// A block that is found by its name.
#[derive(Clone)]
pub(crate) struct ByName(Arc<Block>);

impl Borrow<[u8]> for ByName {
    fn borrow(&self) -> &[u8] {
        &self.0.name
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for ByName {}

/// The blocks whose names hash to one number. The hash is keyed with a random seed, so that nobody can fill one shard.
pub(crate) type Shard = HashSet<ByName, RandomState>;

/// Everything that is not a block.
#[derive(Clone)]
pub(crate) struct Zone {
    /// False until the first complete generation: own names then fail instead of being denied (dns spec B9).
    pub complete: bool,
    /// The zone in wire form, lower case.
    pub apex: Arc<[u8]>,
    /// `svc.` and the zone.
    pub services: Arc<[u8]>,
    /// The SOA's serial.
    pub serial: u32,
    /// TTL of records whose owner sets none, and of negative answers.
    pub ttl_s: u32,
    /// Namespaces that exist.
    pub namespaces: Map<Arc<str>, ()>,
    /// Addresses of live pods by namespace.
    pub pods: OrdMap<(Arc<str>, IpAddr), ()>,
    /// Names of addresses.
    pub pointers: Register,
    /// Networks whose reverse zones are ours.
    pub networks: Vec<(IpAddr, u8)>,
    /// The name server's addresses.
    pub servers: Vec<IpAddr>,
}

/// The table that all cores read.
pub(crate) struct Table {
    shards: Vec<ArcSwap<Shard>>,
    zone: ArcSwap<Zone>,
    hasher: RandomState,
}

impl Table {
    /// A table without owners for a zone that is not known yet.
    pub fn new(ttl_s: u32) -> Self {
        let hasher = RandomState::default();
        let zone = Zone {
            complete: false,
            apex: Arc::from(*b"\x00"),
            services: Arc::from(*b"\x03svc\x00"),
            serial: 0,
            ttl_s,
            namespaces: Map::default(),
            pods: OrdMap::new(),
            pointers: Register::new(),
            networks: Vec::new(),
            servers: Vec::new(),
        };
        let shards = (0..SHARDS).map(|_| ArcSwap::from_pointee(Shard::with_hasher(hasher.clone()))).collect();
        Self { shards, zone: ArcSwap::from_pointee(zone), hasher }
    }

    /// The zone in force, for one query.
    pub fn zone(&self) -> Guard<Arc<Zone>> {
        self.zone.load()
    }

    /// The shard that has the block of this name (`S.N` in wire form, folded, without root), if any has.
    pub fn shard(&self, name: &[u8]) -> Guard<Arc<Shard>> {
        self.shards[self.index(name)].load()
    }

    /// Every block in force.
    pub fn blocks(&self) -> Vec<Arc<Block>> {
        self.shards.iter().flat_map(|shard| shard.load().iter().map(|found| Arc::clone(&found.0)).collect::<Vec<_>>()).collect()
    }

    fn index(&self, name: &[u8]) -> usize {
        // Bits from the middle: the set inside a shard finds a place by the lowest ones and tells names apart by the uppermost seven.
        usize::try_from((self.hasher.hash_one(name) >> 40) & (SHARDS as u64 - 1)).unwrap_or(0)
    }
}

/// The block of a name within its shard.
pub(crate) fn find<'a>(shard: &'a Shard, name: &[u8]) -> Option<&'a Arc<Block>> {
    shard.get(name).map(|found| &found.0)
}
