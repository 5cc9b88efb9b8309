//! All pickers of the process, by pool and layer (balance spec B3).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use foldhash::fast::FixedState;
use model::endpoint::{Pool, PoolId};
use model::ident::Origin;
use model::snapshot::Snapshot;
use model::{Map, Now};
use parking_lot::Mutex;

use crate::budget::RetryBudget;
use crate::build::Picker;
use crate::ledger::{Ledger, ServiceLedger};
use crate::{Layer, Method};

/// Pools without a pick for this long lose their picker; their endpoints keep their vitals.
const IDLE_MS: u32 = 600_000;

/// The pickers, cached by the pool's pointer and shared by all planes and workers. Only pools that somebody asked for have
/// one: cost follows activity, not the size of the table.
#[derive(Debug)]
pub struct Pickers {
    ledgers: ArcSwap<Map<(PoolId, Layer), Arc<Ledger>>>,
    /// Also the lock of every build: two threads that ask for one pool build it once.
    services: Mutex<HashMap<Origin, Weak<ServiceLedger>, FixedState>>,
    /// The newest time a loop was driven with, for builds that happen between.
    clock_ns: AtomicU64,
    numbers: AtomicU64,
    seed: u64,
}

/// Requests of a service that wait for an endpoint, or waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Whose.
    pub service: Origin,
    /// Waiting now.
    pub depth: u32,
    /// Turned away since the service was first asked for.
    pub dropped: u64,
    /// Sent to new endpoints beyond their share since then, because all were new (balance spec C4).
    pub overflowed: u64,
}

/// A picker of a pool for somebody who only asks what would be: nothing is kept of it.
pub fn preview(pool: &Arc<Pool>, layer: Layer, now: Now) -> Arc<Picker> {
    let service = service(&mut HashMap::default(), pool);
    Picker::build(pool, layer, &Arc::new(Ledger::new(0, service)), None, 0, now)
}

impl Pickers {
    /// None yet. `seed` shuffles the layout of round-robin sequences, so that two processes do not march in step.
    pub fn new(seed: u64) -> Self {
        Self { ledgers: ArcSwap::default(), services: Mutex::default(), clock_ns: AtomicU64::new(0), numbers: AtomicU64::new(1), seed }
    }

    /// The picker of this pool. Cheap when the pool was asked for before; the first ask builds it.
    pub fn of(&self, pool: &Arc<Pool>, layer: Layer) -> Arc<Picker> {
        let known = self.ledgers.load().get(&(pool.id, layer)).and_then(|ledger| ledger.picker_of(pool));
        known.unwrap_or_else(|| self.make(pool, layer))
    }

    /// What runs for a pool, or would if somebody asked for it.
    pub fn method(&self, pool: &Pool, layer: Layer) -> Method {
        // A picker of before a change stays until somebody asks again: its word counts only under the same policy.
        let of_policy = |picker: &Picker| (picker.pool.policy == pool.policy).then_some(picker.method);
        let running = self.ledgers.load().get(&(pool.id, layer)).and_then(|ledger| ledger.with_newest(of_policy).flatten());
        running.unwrap_or_else(|| Method::of(&pool.policy, layer))
    }

    /// Builds what is dear to build, for pools in use that changed. Call it just before a snapshot is published.
    pub fn prepare(&self, snapshot: &Snapshot, now: Now) {
        self.tick(now);
        for (&(id, layer), ledger) in self.ledgers.load().iter() {
            // Who waits must learn of new endpoints without anybody asking for them.
            let wanted = !ledger.queue.is_empty() || ledger.with_newest(Picker::costly).unwrap_or(false);
            if let Some(pool) = snapshot.pool(id).filter(|pool| wanted && ledger.picker_of(pool).is_none()) {
                self.make(pool, layer);
            }
        }
    }

    pub(crate) fn tick(&self, now: Now) {
        self.clock_ns.fetch_max(now.0, Ordering::Relaxed);
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn ledgers(&self) -> Arc<Map<(PoolId, Layer), Arc<Ledger>>> {
        self.ledgers.load_full()
    }

    fn make(&self, pool: &Arc<Pool>, layer: Layer) -> Arc<Picker> {
        let mut services = self.services.lock();
        let ledgers = self.ledgers.load();
        let now = Now(self.clock_ns.load(Ordering::Relaxed));
        let ledger = match ledgers.get(&(pool.id, layer)) {
            Some(ledger) => Arc::clone(ledger),
            None => {
                let ledger = Arc::new(Ledger::new(self.numbers.fetch_add(1, Ordering::Relaxed), service(&mut services, pool)));
                self.ledgers.store(Arc::new(ledgers.update((pool.id, layer), Arc::clone(&ledger))));
                ledger
            }
        };
        if let Some(built) = ledger.picker_of(pool) {
            return built;
        }
        let before = ledger.newest();
        // Nobody asked for this pool before: whoever is in it was there from the beginning (balance spec C2, C4).
        for endpoint in pool.endpoints.iter().filter(|endpoint| !endpoint.vitals.has_ramp()) {
            endpoint.vitals.begin_ramp(before.is_none(), now);
        }
        self.build(pool, layer, &ledger, before.as_deref(), now)
    }

    fn build(&self, pool: &Arc<Pool>, layer: Layer, ledger: &Arc<Ledger>, before: Option<&Picker>, now: Now) -> Arc<Picker> {
        let picker = Picker::build(pool, layer, ledger, before, self.seed, now);
        if let Some(before) = before {
            picker.inherit_overruled(before);
        }
        ledger.publish(Arc::clone(&picker));
        picker
    }

    /// The services in use whose requests have ever had to wait in vain, or wait now.
    pub fn backlogs(&self) -> Vec<Backlog> {
        let services = self.services.lock();
        let backlog = |service: Arc<ServiceLedger>| Backlog {
            service: service.origin.clone(),
            depth: service.pending.depth.load(Ordering::Relaxed),
            dropped: service.pending.dropped.load(Ordering::Relaxed),
            overflowed: service.pending.overflowed.load(Ordering::Relaxed),
        };
        let is_told = |backlog: &Backlog| backlog.depth > 0 || backlog.dropped > 0 || backlog.overflowed > 0;
        services.values().filter_map(Weak::upgrade).map(backlog).filter(is_told).collect()
    }

    /// Builds a picker of the same pool anew, because shares moved.
    pub(crate) fn rebuild(&self, ledger: &Arc<Ledger>, now: Now) {
        let _building = self.services.lock();
        if let Some(before) = ledger.newest() {
            self.build(&before.pool, before.layer, ledger, Some(&before), now);
        }
    }

    /// Puts the picker of the snapshot's pool first. A worker that holds an older snapshot may have asked for an older pool since, whose
    /// picker then is the newest that was made; whoever judges, weighs or waits goes by the first.
    pub(crate) fn prefer(&self, ledger: &Ledger, pool: &Arc<Pool>) {
        if ledger.prefers_another(pool) {
            let _building = self.services.lock();
            ledger.prefer(pool);
        }
    }

    /// Lets go of pools that left the snapshot or that nobody asked for in ten minutes.
    pub(crate) fn collect(&self, snapshot: &Snapshot, now: Now) {
        let gone: Vec<(PoolId, Layer)> = self
            .ledgers
            .load()
            .iter()
            .filter(|((id, _), ledger)| snapshot.pool(*id).is_none() || ledger.idle_ms(now) != u32::MAX && ledger.idle_ms(now) > IDLE_MS)
            .map(|(key, _)| *key)
            .collect();
        if gone.is_empty() {
            return;
        }
        let mut services = self.services.lock();
        let mut ledgers = Map::clone(&self.ledgers.load());
        for key in &gone {
            if let Some(ledger) = ledgers.remove(key) {
                ledger.close();
            }
        }
        self.ledgers.store(Arc::new(ledgers));
        services.retain(|_, service| service.strong_count() > 0);
    }
}

fn service(services: &mut HashMap<Origin, Weak<ServiceLedger>, FixedState>, pool: &Pool) -> Arc<ServiceLedger> {
    if let Some(known) = services.get(&pool.service).and_then(Weak::upgrade) {
        return known;
    }
    let made = Arc::new(ServiceLedger::new(pool.service.clone(), RetryBudget::default()));
    services.insert(pool.service.clone(), Arc::downgrade(&made));
    made
}
