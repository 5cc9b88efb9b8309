//! The numbers that move per request, one record per endpoint for the whole process (balance spec section 2).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::Map;
use crate::ident::Identity;

/// In flight, latency, errors, ejection and reported load of one endpoint. Survives recompilation.
#[derive(Debug, Default)]
pub struct Vitals {
    in_flight: AtomicU32,
}

impl Vitals {
    /// Requests (or connections, for opaque streams) in flight now, over all planes and workers.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// Gives each identity its one [`Vitals`].
#[derive(Debug, Default)]
pub struct Interner {
    known: Mutex<Map<Identity, Arc<Vitals>>>,
}

impl Interner {
    /// The vitals of this identity, made when it is new.
    pub fn intern(&self, identity: &Identity) -> Arc<Vitals> {
        Arc::clone(self.known.lock().entry(identity.clone()).or_insert_with(Arc::default))
    }
}
