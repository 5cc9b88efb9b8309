//! Pools and clocks for the tests of this crate.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::endpoint::{Endpoint, Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::{Policy, Strategy};
use model::snapshot::Snapshot;

use crate::{Ask, Guard, Judgement, Layer, NoPick, Now, Outcome, Picker, Pickers, Worker, judge, weigh};

/// A policy with this strategy and without a ramp.
pub(crate) fn policy(strategy: Strategy) -> Policy {
    Policy { strategy, slow_start: None, ..Policy::default() }
}

/// An endpoint by its number.
pub(crate) fn endpoint(number: u16, weight: u32) -> Arc<Endpoint> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 10_000 + number));
    Arc::new(Endpoint {
        address,
        identity: Identity { cluster: 0, target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp },
        vitals: Arc::default(),
        weight,
        stable_name: format!("shop/e{number}").into(),
        node: None,
        zone: None,
        standing: Standing::Ready,
        serving: true,
        attributes: None,
    })
}

/// One pool with its pickers, a worker and a clock.
pub(crate) struct Bench {
    pub(crate) pickers: Pickers,
    pub(crate) pool: Arc<Pool>,
    pub(crate) layer: Layer,
    pub(crate) worker: Worker,
    pub(crate) now: Now,
}

impl Bench {
    pub(crate) fn new(policy: Policy, weights: &[u32]) -> Self {
        Self::at(Layer::Http, policy, weights)
    }

    pub(crate) fn at(layer: Layer, policy: Policy, weights: &[u32]) -> Self {
        let endpoints = (0..).zip(weights).map(|(number, &weight)| endpoint(number, weight)).collect();
        let pool = Arc::new(Pool {
            id: PoolId(1),
            service: Origin::new("Service", "shop", "cart"),
            port_name: "http".into(),
            port: 80,
            transport: Transport::Tcp,
            app_protocol: None,
            endpoints,
            draining: Vec::new(),
            policy: Arc::new(policy),
        });
        Self { pickers: Pickers::new(7), pool, layer, worker: Worker::new(42), now: Now::from_ms(1_000_000) }
    }

    /// Another generation of the pool.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Pool)) {
        let mut pool = Pool::clone(&self.pool);
        change(&mut pool);
        self.pool = Arc::new(pool);
        self.pickers.prepare(&self.snapshot(), self.now);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.pools.insert(self.pool.id, Arc::clone(&self.pool));
        snapshot
    }

    pub(crate) fn picker(&self) -> Arc<Picker> {
        self.pickers.of(&self.pool, self.layer)
    }

    pub(crate) fn pick(&mut self) -> Result<Guard, NoPick> {
        self.ask(&Ask { retryable: true, ..Ask::default() })
    }

    pub(crate) fn ask(&mut self, ask: &Ask<'_>) -> Result<Guard, NoPick> {
        self.picker().pick(&mut self.worker, ask, self.now)
    }

    /// The number of the endpoint of a guard.
    pub(crate) fn number(guard: &Guard) -> usize {
        usize::from(guard.endpoint().address.port()) - 10_000
    }

    /// One request that ends at once; gives who served it.
    pub(crate) fn request(&mut self, outcome: impl Fn(usize) -> Outcome) -> Option<usize> {
        let guard = self.pick().ok()?;
        let number = Self::number(&guard);
        guard.head(outcome(number), Duration::from_millis(5), self.now);
        guard.finish(Outcome::Success, Duration::from_millis(5), self.now);
        Some(number)
    }

    /// Good requests one by one; gives how many each endpoint served.
    pub(crate) fn shares(&mut self, requests: usize) -> Vec<usize> {
        let mut counts = vec![0; self.pool.endpoints.len()];
        for _ in 0..requests {
            counts[self.request(|_| Outcome::Success).expect("somebody serves")] += 1;
        }
        counts
    }

    pub(crate) fn judge(&self) -> Judgement {
        judge(&self.snapshot(), &self.pickers, self.now)
    }

    /// Lets time pass with both loops running.
    pub(crate) fn pass(&mut self, ms: u64) -> Vec<Judgement> {
        (0..ms / 100)
            .map(|step| {
                self.now = self.now.after(Duration::from_millis(100));
                if step % 10 == 0 {
                    weigh(&self.snapshot(), &self.pickers, self.now);
                }
                self.judge()
            })
            .collect()
    }
}
