//! The only way to raise an endpoint's in-flight count: a value that lowers it when dropped (balance spec V4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Now, Vitals};
use crate::endpoint::Endpoint;

/// What keeps an endpoint alive for as long as something is in flight at it: the endpoint itself, or something that holds it.
pub trait Holds {
    /// The endpoint; always the same one.
    fn endpoint(&self) -> &Arc<Endpoint>;
}

impl Holds for Arc<Endpoint> {
    fn endpoint(&self) -> &Arc<Endpoint> {
        self
    }
}

/// One request (or opaque connection) on its way to or at an endpoint. Held by the response body or the tunnel, never by
/// the future alone; its count is lowered exactly once on end, error, cancel and panic alike.
#[derive(Debug)]
pub struct InFlight<H: Holds = Arc<Endpoint>> {
    holder: H,
    /// Whether this is the request whose age the endpoint's vitals track.
    oldest: AtomicBool,
    raised: bool,
}

impl<H: Holds> InFlight<H> {
    /// Counts one more at this endpoint.
    #[inline]
    pub fn raise(holder: H, now: Now) -> Self {
        holder.endpoint().vitals.in_flight.fetch_add(1, Ordering::Relaxed);
        Self::raised(holder, now)
    }

    /// Counts one more unless there are already `limit`. Exact under any number of threads.
    pub fn raise_below(holder: H, limit: u32, now: Now) -> Option<Self> {
        let count = &holder.endpoint().vitals.in_flight;
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limit).then_some(count + 1)).ok()?;
        Some(Self::raised(holder, now))
    }

    #[inline]
    fn raised(holder: H, now: Now) -> Self {
        let vitals = &holder.endpoint().vitals;
        // The slot goes to the first request that starts after it became free: always a real one, never younger than the
        // first that started after the last completion of its holder.
        let oldest = vitals.oldest_ns.load(Ordering::Relaxed) == 0;
        if oldest {
            // Of two that find it free at once the later writes last and the first to end frees it: early by one request,
            // which costs less than an exchange on every start.
            vitals.oldest_ns.store(now.0.max(1), Ordering::Relaxed);
        }
        vitals.picked(now);
        Self { holder, oldest: AtomicBool::new(oldest), raised: true }
    }

    /// What holds the endpoint.
    pub fn holder(&self) -> &H {
        &self.holder
    }

    /// Something else holds the same endpoint from now on.
    pub fn hold_by(&mut self, holder: H) {
        debug_assert!(Arc::ptr_eq(self.holder.endpoint(), holder.endpoint()), "another endpoint's count would be lowered");
        self.holder = holder;
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        self.holder.endpoint()
    }

    /// Its numbers.
    pub fn vitals(&self) -> &Vitals {
        &self.endpoint().vitals
    }

    /// The answer began (or the connection is open): what follows is not latency any more.
    pub fn answered(&self) {
        // One thread at a time tells it: no exchange is needed.
        if self.oldest.load(Ordering::Relaxed) {
            self.oldest.store(false, Ordering::Relaxed);
            self.vitals().oldest_ns.store(0, Ordering::Relaxed);
        }
    }

    /// Lowers the count; what the drop does too, for those who must know it done.
    #[inline]
    pub fn lower(&mut self) {
        if std::mem::take(&mut self.raised) {
            self.answered();
            // In one order with the count of those who wait for a place (balance's queue); costs no more than a relaxed one.
            self.vitals().in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl<H: Holds> Drop for InFlight<H> {
    fn drop(&mut self) {
        self.lower();
    }
}
