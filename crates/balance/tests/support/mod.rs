//! A pool of n endpoints, for the budgets and the benches.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use model::endpoint::{Endpoint, Pool, PoolId, Standing};
use model::ident::{Identity, Origin, Target, Transport};
use model::policy::{HashKey, Limits, Policy, Strategy, Tuning};

/// Every strategy.
pub const STRATEGIES: [Strategy; 10] = [
    Strategy::RoundRobin,
    Strategy::Random,
    Strategy::LeastRequest,
    Strategy::PeakEwma,
    Strategy::Performance,
    Strategy::Maglev,
    Strategy::RingHash,
    Strategy::Prequal,
    Strategy::Reserve,
    Strategy::Fill,
];

/// A pool of `n` endpoints, the number of each modulo the length of `weights` choosing its weight.
pub fn pool(strategy: Strategy, n: u16, weights: &[u32]) -> Arc<Pool> {
    let endpoint = |number: u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1 + number));
        Arc::new(Endpoint {
            address,
            identity: Identity { cluster: 0, target: Target::Address(address.ip()), port: address.port(), transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: weights[usize::from(number) % weights.len()],
            stable_name: format!("shop/cart-{number}").into(),
            node: None,
            zone: None,
            standing: Standing::Ready,
            serving: true,
            attributes: None,
        })
    };
    let tuning = Tuning { hash_keys: vec![HashKey::Path], ..Tuning::default() };
    let bounded = matches!(strategy, Strategy::Reserve | Strategy::Fill);
    let limits = Limits { endpoint_in_flight: bounded.then_some(4), ..Limits::default() };
    Arc::new(Pool {
        id: PoolId(1),
        service: Origin::new("Service", "shop", "cart"),
        port_name: "".into(),
        port: 80,
        transport: Transport::Tcp,
        app_protocol: None,
        endpoints: (0..n).map(endpoint).collect(),
        draining: Vec::new(),
        policy: Arc::new(Policy { strategy, tuning, limits, slow_start: None, ..Policy::default() }),
    })
}
