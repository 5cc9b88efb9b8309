//! How many requests are served at once: beyond the bounds the answer is 429 at once, never a queue that grows.

use std::sync::Arc;

use http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::status::{ApiError, Result};

/// The bounds for reading and for mutating requests. Watches and health checks do not count.
pub struct Flow {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
}

impl Flow {
    /// Bounds in requests.
    pub fn new(reads: usize, writes: usize) -> Self {
        Self { reads: Arc::new(Semaphore::new(reads)), writes: Arc::new(Semaphore::new(writes)) }
    }

    /// A place among the requests in flight, free again when dropped; 429 when there is none.
    pub fn enter(&self, method: &Method) -> Result<OwnedSemaphorePermit> {
        let side = if matches!(*method, Method::GET | Method::HEAD) { &self.reads } else { &self.writes };
        side.clone().try_acquire_owned().map_err(|_| ApiError::too_many_requests())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_requests_are_told_to_come_back() {
        let flow = Flow::new(1, 1);
        let first = flow.enter(&Method::GET).expect("free");
        let refusal = flow.enter(&Method::GET).expect_err("full");
        assert_eq!((refusal.code, refusal.details.map(|d| d.retry_after_s)), (429, Some(1)));
        assert!(flow.enter(&Method::POST).is_ok(), "writes have their own bound");
        drop(first);
        assert!(flow.enter(&Method::GET).is_ok());
    }
}
