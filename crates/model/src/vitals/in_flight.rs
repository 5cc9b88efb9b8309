//! The only way to raise an endpoint's in-flight count: a value that lowers it when dropped (balance spec V4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Now, Vitals};
use crate::endpoint::Endpoint;

/// One request (or opaque connection) on its way to or at an endpoint. Held by the response body or the tunnel, never by
/// the future alone; dropped exactly once on end, error, cancel and panic alike.
#[derive(Debug)]
pub struct InFlight {
    endpoint: Arc<Endpoint>,
    /// Whether this is the request whose age the endpoint's vitals track.
    oldest: AtomicBool,
}

impl InFlight {
    /// Counts one more at this endpoint.
    pub fn raise(endpoint: Arc<Endpoint>, now: Now) -> Self {
        endpoint.vitals.in_flight.fetch_add(1, Ordering::Relaxed);
        Self::raised(endpoint, now)
    }

    /// Counts one more unless there are already `limit`. Exact under any number of threads.
    pub fn raise_below(endpoint: Arc<Endpoint>, limit: u32, now: Now) -> Option<Self> {
        let count = &endpoint.vitals.in_flight;
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limit).then_some(count + 1)).ok()?;
        Some(Self::raised(endpoint, now))
    }

    fn raised(endpoint: Arc<Endpoint>, now: Now) -> Self {
        let slot = &endpoint.vitals.oldest_ns;
        // The slot goes to the first request that starts after it became free: always a real one, never younger than the
        // first that started after the last completion of its holder.
        let oldest = slot.load(Ordering::Relaxed) == 0;
        if oldest {
            // Of two that find it free at once the later writes last and the first to end frees it: early by one request,
            // which costs less than an exchange on every start.
            slot.store(now.0.max(1), Ordering::Relaxed);
        }
        endpoint.vitals.picked(now);
        Self { endpoint, oldest: AtomicBool::new(oldest) }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Its numbers.
    pub fn vitals(&self) -> &Vitals {
        &self.endpoint.vitals
    }

    /// The answer began (or the connection is open): what follows is not latency any more.
    pub fn answered(&self) {
        if self.oldest.load(Ordering::Relaxed) && self.oldest.swap(false, Ordering::Relaxed) {
            self.endpoint.vitals.oldest_ns.store(0, Ordering::Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.answered();
        // In one order with the count of those who wait for a place (balance's queue); costs no more than a relaxed one here.
        self.endpoint.vitals.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
