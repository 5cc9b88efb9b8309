//! Requests that wait because nobody can take them now: every endpoint is full, or all are ejected and each is being tried by
//! one request (balance spec R3, O9). A bounded number, for a bounded time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;
use model::endpoint::PoolId;

/// Requests of one service that may wait on one thread.
const WAITING_MAX: u32 = 128;
/// Longest wait.
pub const WAIT_MAX: Duration = Duration::from_secs(1);
/// Time between two looks. A look costs a pick; a place that becomes free is taken by whoever looks first.
pub const LOOK: Duration = Duration::from_millis(10);

/// Who waits on a thread, by pool.
#[derive(Default)]
pub struct Waiting {
    pools: RefCell<HashMap<PoolId, u32, FixedState>>,
}

/// A place among those who wait.
pub struct Place<'a> {
    waiting: &'a Waiting,
    pool: PoolId,
}

impl Waiting {
    /// Takes a place; `None` when too many wait already.
    pub fn enter(&self, pool: PoolId) -> Option<Place<'_>> {
        let mut pools = self.pools.borrow_mut();
        let count = pools.entry(pool).or_default();
        (*count < WAITING_MAX).then(|| {
            *count += 1;
            Place { waiting: self, pool }
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut pools = self.waiting.pools.borrow_mut();
        if let Some(count) = pools.get_mut(&self.pool) {
            *count -= 1;
            if *count == 0 {
                pools.remove(&self.pool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_per_pool_and_given_back() {
        let waiting = Waiting::default();
        let places: Vec<_> = (0..WAITING_MAX).map_while(|_| waiting.enter(PoolId(1))).collect();
        assert_eq!(places.len(), WAITING_MAX as usize);
        assert!(waiting.enter(PoolId(1)).is_none() && waiting.enter(PoolId(2)).is_some());
        drop(places);
        assert!(waiting.pools.borrow().is_empty() && waiting.enter(PoolId(1)).is_some());
    }
}
