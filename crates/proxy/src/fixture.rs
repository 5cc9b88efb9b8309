//! Snapshots made by hand, for tests.

use std::sync::Arc;

use model::ident::Origin;
use model::routes::{Backend, BackendTo, Rule, Timeouts};

/// A backend of this weight that leads nowhere.
pub fn nowhere(weight: u32) -> Backend {
    let to = BackendTo::Nowhere { status: 500, detail: "for a test".into() };
    Backend { weight, to, service: Origin::new("Service", "test", "web"), port: 80, filters: Vec::new() }
}

/// A rule with these backends.
pub fn rule(backends: Vec<Backend>) -> Rule {
    Rule {
        origin: Origin::new("HTTPRoute", "test", "route"),
        created_s: 0,
        index: 0,
        name: Arc::from(""),
        filters: Vec::new(),
        backends,
        timeouts: Timeouts::default(),
        retry: None,
        place: 0,
        session: None,
    }
}
