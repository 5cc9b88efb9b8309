//! One [`Vitals`] per identity for the whole process, and their end.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{Now, Vitals};
use crate::ident::{Identity, Target, Transport};

/// Enough that a sweep of one shard of 100,000 endpoints holds its lock for well under a millisecond.
const SHARDS: usize = 64;
/// Vitals that no snapshot names any more are kept for this long, so that an endpoint which comes back keeps its numbers.
const KEPT_MS: u32 = 60_000;

/// Gives each identity its one [`Vitals`]. Never on the request path: `compile` asks when it makes an endpoint.
#[derive(Debug)]
pub struct Interner {
    shards: [Mutex<Shard>; SHARDS],
}

/// Targets with their ports.
type Shard = HashMap<Target, SmallVec<[Held; 1]>, FixedState>;

/// The vitals of one port of a target.
#[derive(Debug)]
struct Held {
    cluster: u16,
    port: u16,
    transport: Transport,
    vitals: Arc<Vitals>,
    /// The tick at which a sweep first found that nobody else holds them; 0 while somebody does.
    alone_tick_ms: u32,
}

impl Default for Interner {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Interner {
    fn shard(&self, target: &Target) -> &Mutex<Shard> {
        &self.shards[(FixedState::default().hash_one(target) >> 32) as usize % SHARDS]
    }

    /// The vitals of this identity, made when it is new.
    pub fn intern(&self, identity: &Identity) -> Arc<Vitals> {
        let mut shard = self.shard(&identity.target).lock();
        let held = shard.entry(identity.target.clone()).or_default();
        let known = held.iter_mut().find(|one| one.port == identity.port && one.transport == identity.transport && one.cluster == identity.cluster);
        if let Some(known) = known {
            known.alone_tick_ms = 0;
            return Arc::clone(&known.vitals);
        }
        let vitals = Arc::<Vitals>::default();
        held.push(Held {
            cluster: identity.cluster,
            port: identity.port,
            transport: identity.transport,
            vitals: Arc::clone(&vitals),
            alone_tick_ms: 0,
        });
        vitals
    }

    /// The vitals of every port of a target, for whoever knows that the whole target is gone (balance spec E3).
    pub fn of_target(&self, target: &Target) -> Vec<Arc<Vitals>> {
        let shard = self.shard(target).lock();
        shard.get(target).map(|held| held.iter().map(|one| Arc::clone(&one.vitals)).collect()).unwrap_or_default()
    }

    /// Frees what nobody has held for 60 s, in one 64th of the table a call: `turn` counts the calls.
    pub fn sweep(&self, turn: usize, now: Now) {
        self.shards[turn % SHARDS].lock().retain(|_, held| {
            held.retain(|one| {
                // In flight implies held: a guard keeps the endpoint, which keeps its vitals.
                if Arc::strong_count(&one.vitals) > 1 {
                    one.alone_tick_ms = 0;
                    return true;
                }
                if one.alone_tick_ms == 0 {
                    one.alone_tick_ms = now.tick_ms();
                }
                now.since_tick(one.alone_tick_ms) < KEPT_MS
            });
            !held.is_empty()
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().values().map(SmallVec::len).sum::<usize>()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
