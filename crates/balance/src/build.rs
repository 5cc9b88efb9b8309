//! Building a [`Picker`] from a pool: shares, draws and the tables of the strategy in force.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use model::endpoint::{Endpoint, Pool};
use model::policy::{HashKey, Policy, Strategy};
use model::vitals::Fade;
use model::{Now, Vitals};

use crate::alias::Alias;
use crate::hash::xxh64;
use crate::key::{self, KeySource};
use crate::ledger::Ledger;
use crate::maglev::{Claimant, Maglev};
use crate::prequal::Terms;
use crate::ring_hash::Ring;
use crate::round_robin::Sequence;
use crate::slots::Slots;
use crate::{Layer, Method, ramp};

/// Chooses endpoints of one pool. Immutable; shared by all workers; a new one is published when shares change.
#[derive(Debug)]
pub struct Picker {
    me: Weak<Picker>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) layer: Layer,
    pub(crate) method: Method,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) entries: Box<[Entry]>,
    /// `None` when all shares are equal: then a uniform draw does, and two draws can be distinct.
    pub(crate) shares: Option<Alias>,
    pub(crate) table: Table,
    /// Endpoints that the cap or the mass guard keeps in although soft evidence is against them, one bit each.
    pub(crate) overruled: Box<[AtomicU64]>,
    /// Endpoints that are tried last because their node is probably gone, one bit each, and whether there are any.
    pub(crate) late: Box<[AtomicU64]>,
    pub(crate) any_late: AtomicBool,
    /// Some share still rises.
    pub(crate) ramping: bool,
    /// Endpoints with a weight.
    pub(crate) drawable: usize,
    /// Sum of the weights, for bounded loads.
    pub(crate) weight_sum: f32,
    /// No limit, no ramp and no endpoint without a weight: an endpoint whose state is clear is usable.
    pub(crate) plain: bool,
    /// Neither the service nor the pool counts its requests in flight.
    pub(crate) uncounted: bool,
    /// The limit of each endpoint, as far as it counts at this layer.
    pub(crate) endpoint_limit: Option<u32>,
    /// How latency fades under this policy.
    pub(crate) fade: Fade,
    /// What the policy makes of Prequal.
    pub(crate) terms: Terms,
    /// Endpoints by the numbers that sessions name them by, sorted; made by the first request that is in one.
    pub(crate) sessions: OnceLock<Box<[(u64, u32)]>>,
}

/// One endpoint of a picker.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) endpoint: Arc<Endpoint>,
    /// The endpoint's own, without the way through it.
    pub(crate) vitals: Arc<Vitals>,
    /// 1 / (w m r), the shares scaled to mean 1; infinite for weight 0.
    pub(crate) inverse: f32,
    /// The ramp's factor when this was built.
    pub(crate) ramp: f32,
    /// Percent of its weight, by its agent, when this was built.
    pub(crate) agent_percent: u16,
}

/// The table of a strategy that has one.
#[derive(Clone, Debug)]
pub(crate) enum Table {
    None,
    Sequence(Arc<Sequence>),
    Maglev(Arc<Maglev>),
    Ring(Arc<Ring>),
    Slots(Arc<Slots>),
}

/// From this many endpoints on, and for hash tables, pickers are built before anybody asks.
const COSTLY: usize = 64;

impl Picker {
    /// The pool.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The policy of the pool.
    pub fn policy(&self) -> &Policy {
        &self.pool.policy
    }

    /// The strategy that runs.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The key of a request, where the strategy hashes; `None` when it does not or no key is present.
    pub fn hash_key(&self, request: &impl KeySource) -> Option<u64> {
        if !self.method.hashes() {
            return None;
        }
        let tuning = &self.pool.policy.tuning;
        if self.pool.policy.strategy == Strategy::SourceIp {
            return key::hash(&[HashKey::ClientIp], tuning.ipv6_prefix, request);
        }
        key::hash(&tuning.hash_keys, tuning.ipv6_prefix, request)
    }

    /// Takes a token for a retry of the service (balance spec R4). False: answer 503 `retry_budget`.
    pub fn allows_retry(&self, now: Now) -> bool {
        self.ledger.service.budget.retry(self.pool.policy.retry_budget, now)
    }

    /// Carries the judge's exceptions over to a picker that replaces another one, by endpoint.
    pub(crate) fn inherit_overruled(&self, before: &Picker) {
        for (index, entry) in before.entries.iter().enumerate().filter(|(index, _)| before.is_overruled(*index)) {
            let same = |other: &Entry| Arc::ptr_eq(&other.endpoint.vitals, &entry.endpoint.vitals);
            let place = if self.entries.get(index).is_some_and(same) { Some(index) } else { self.entries.iter().position(same) };
            if let Some(place) = place {
                self.overruled[place / 64].fetch_or(1 << (place % 64), Ordering::Relaxed);
            }
        }
    }

    /// The endpoint that a key leads to now, by a strategy that hashes; nothing is counted.
    pub fn endpoint_of(&self, key: u64, now: Now) -> Option<&Arc<Endpoint>> {
        self.index_of(key, now).map(|index| &self.entries[index].endpoint)
    }

    pub(crate) fn costly(&self) -> bool {
        self.method.hashes() || self.entries.len() > COSTLY
    }

    /// Builds the picker of a pool. `seed` shuffles layouts, one per process; tables of `before` are shared where they
    /// depend on nothing that changed.
    pub(crate) fn build(pool: &Arc<Pool>, layer: Layer, ledger: &Arc<Ledger>, before: Option<&Picker>, seed: u64, now: Now) -> Arc<Self> {
        let policy = &pool.policy;
        let method = match Method::of(policy, layer) {
            Method::PeakEwma if policy.strategy == Strategy::Auto && ledger.by_looks.load(Ordering::Relaxed) => Method::Prequal,
            method => method,
        };
        let (mut entries, weights) = weigh_entries(pool, now);
        let sum: f32 = weights.iter().sum();
        let drawable = weights.iter().filter(|&&weight| weight > 0.0).count();
        let mean = sum / drawable.max(1) as f32;
        for (entry, weight) in entries.iter_mut().zip(&weights) {
            entry.inverse = if *weight > 0.0 { mean / weight } else { f32::INFINITY };
        }
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let shares = (drawable > 0 && !equal).then(|| Alias::new(&weights));
        let table = if drawable == 0 { Table::None } else { table_of(pool, method, &weights, before, seed) };
        let ramping = entries.iter().any(|entry| entry.ramp < 1.0);
        let limits = &policy.limits;
        let (endpoint_limit, service_limit) = match layer {
            Layer::Http => (limits.endpoint_in_flight, limits.service_in_flight),
            Layer::Tcp | Layer::Udp => (limits.endpoint_connections, limits.service_connections),
        };
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            plain: endpoint_limit.is_none() && !ramping && drawable == entries.len(),
            uncounted: service_limit.is_none() && policy.tuning.bounded_load_percent == 0,
            endpoint_limit,
            fade: Fade::over(policy.tuning.decay),
            terms: Terms::of(&policy.tuning.prequal, entries.len()),
            sessions: OnceLock::new(),
            pool: Arc::clone(pool),
            layer,
            method,
            ledger: Arc::clone(ledger),
            ramping,
            late: (0..entries.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            any_late: AtomicBool::new(false),
            overruled: (0..entries.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            weight_sum: pool.endpoints.iter().map(|endpoint| endpoint.weight as f32).sum(),
            entries: entries.into(),
            shares,
            table,
            drawable,
        })
    }

    /// A reference to itself.
    pub(crate) fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("whoever picks holds the picker")
    }
}

/// Under `Auto`, up to this many requests at once per endpoint are reserved.
const RESERVE_MAX: u32 = 4;

impl Method {
    /// What runs at a layer under this policy (balance spec S1, P1).
    pub fn of(policy: &Policy, layer: Layer) -> Method {
        let by_client = policy.tuning.hash_keys.contains(&HashKey::ClientIp);
        let keyed = match layer {
            Layer::Http => !policy.tuning.hash_keys.is_empty(),
            Layer::Tcp | Layer::Udp => by_client,
        };
        let balanced = match layer {
            Layer::Http => Method::PeakEwma,
            Layer::Tcp => Method::LeastRequest,
            Layer::Udp => Method::Random,
        };
        match policy.strategy {
            Strategy::Auto if keyed => Method::Maglev,
            // Few at a time: a slot that is surely free matters more than who is fastest.
            Strategy::Auto if layer == Layer::Http && policy.limits.endpoint_in_flight.is_some_and(|limit| limit <= RESERVE_MAX) => Method::Reserve,
            Strategy::Auto => balanced,
            Strategy::RoundRobin => Method::RoundRobin,
            Strategy::Random => Method::Random,
            Strategy::LeastRequest => Method::LeastRequest,
            Strategy::PeakEwma => Method::PeakEwma,
            Strategy::Performance if policy.tuning.by_rates => Method::RoundRobin,
            Strategy::Performance => Method::Performance,
            Strategy::SourceIp if layer == Layer::Http && policy.session.is_some() && policy.strategy_is_affinity() => balanced,
            Strategy::SourceIp => Method::Maglev,
            Strategy::Maglev if keyed => Method::Maglev,
            Strategy::RingHash if keyed => Method::RingHash,
            // Keys that this layer cannot see.
            Strategy::Maglev | Strategy::RingHash => balanced,
            Strategy::Prequal if layer == Layer::Http => Method::Prequal,
            Strategy::Reserve if layer == Layer::Http => Method::Reserve,
            Strategy::Fill if layer == Layer::Http => Method::Fill,
            // They count requests: connections and flows go to the least loaded.
            Strategy::Prequal | Strategy::Reserve | Strategy::Fill => balanced,
        }
    }
}

/// The endpoints with their ramp factors, and w m r of each in hundredths.
fn weigh_entries(pool: &Pool, now: Now) -> (Vec<Entry>, Vec<f32>) {
    let slow_start = pool.policy.slow_start.as_ref();
    pool.endpoints
        .iter()
        .map(|endpoint| {
            let ramp = ramp::factor(&endpoint.vitals, slow_start, now);
            let slow = if pool.policy.strategy == Strategy::Performance { endpoint.vitals.slow_weight() } else { 1.0 };
            let agent_percent = endpoint.vitals.agent_percent();
            let weight = endpoint.weight as f32 * ramp * slow * f32::from(agent_percent) / 100.0;
            (Entry { endpoint: Arc::clone(endpoint), vitals: Arc::clone(&endpoint.vitals), inverse: 1.0, ramp, agent_percent }, weight)
        })
        .unzip()
}

fn table_of(pool: &Arc<Pool>, method: Method, weights: &[f32], before: Option<&Picker>, seed: u64) -> Table {
    match method {
        Method::RoundRobin => {
            let order: Vec<u64> = pool.endpoints.iter().map(|endpoint| xxh64(endpoint.stable_name.as_bytes(), seed)).collect();
            Table::Sequence(Arc::new(Sequence::new(weights, &order)))
        }
        Method::Maglev | Method::RingHash => {
            if let Some(before) = before.filter(|before| before.method == method && same_claims(pool, &before.pool)) {
                return before.table.clone();
            }
            // Ramps and slow weights do not touch hash tables: keys would move with every step.
            let claimants: Vec<Claimant<'_>> =
                pool.endpoints.iter().map(|endpoint| Claimant { name: &endpoint.stable_name, weight: endpoint.weight }).collect();
            match method {
                Method::Maglev => Table::Maglev(Arc::new(Maglev::new(&claimants, pool.policy.tuning.table_size))),
                _ => Table::Ring(Arc::new(Ring::new(&claimants, pool.policy.tuning.ring_size))),
            }
        }
        Method::Reserve | Method::Fill => Table::Slots(Arc::new(Slots::new(pool, method == Method::Fill))),
        _ => Table::None,
    }
}

/// Whether both pools fill the same table: same names and weights in the same places, same size.
fn same_claims(pool: &Pool, before: &Pool) -> bool {
    let (tuning, old) = (&pool.policy.tuning, &before.policy.tuning);
    tuning.table_size == old.table_size
        && tuning.ring_size == old.ring_size
        && pool.endpoints.len() == before.endpoints.len()
        && pool.endpoints.iter().zip(&before.endpoints).all(|(a, b)| a.weight == b.weight && a.stable_name == b.stable_name)
}
