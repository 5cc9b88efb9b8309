//! How many requests are served at once, and who of those waiting is next.
//!
//! Beyond the bounds a request waits for a moment, and whoever has the fewest requests in flight is served first: one busy client slows itself
//! down, not the others. What is still waiting after that moment gets 429, so nothing ever queues up for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::status::{ApiError, Result};

/// Longest wait for a place: overload is to be told within 10 ms.
const WAIT_MAX: Duration = Duration::from_millis(8);

/// The bounds for reading and for mutating requests. Watches and health checks do not count.
pub struct Flow {
    reads: Side,
    writes: Side,
}

/// One bound and its state, shared with the places given out.
type Side = Arc<Mutex<Places>>;

struct Places {
    bound: usize,
    taken: usize,
    by_user: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    user: Arc<str>,
    call: oneshot::Sender<Place>,
}

impl Flow {
    /// Bounds in requests.
    pub fn new(reads: usize, writes: usize) -> Self {
        let side = |bound| Arc::new(Mutex::new(Places { bound, taken: 0, by_user: HashMap::default(), waiting: Vec::new() }));
        Self { reads: side(reads), writes: side(writes) }
    }

    /// A place among the requests in flight, free again when dropped.
    ///
    /// # Errors
    /// 429 when there is none even after a short wait.
    pub async fn enter(&self, method: &Method, user: &str) -> Result<Place> {
        let side = if matches!(*method, Method::GET | Method::HEAD) { &self.reads } else { &self.writes };
        let answer = {
            let mut places = side.lock();
            let user = places.known(user);
            if places.waiting.is_empty() && places.may_take(&user) {
                return Ok(places.take(side, user));
            }
            // As many may wait as are served: beyond that the wait would be in vain.
            if places.waiting.len() >= places.bound {
                return Err(ApiError::too_many_requests());
            }
            let (call, answer) = oneshot::channel();
            places.waiting.push(Waiting { user, call });
            places.call_next(side);
            answer
        };
        match tokio::time::timeout(WAIT_MAX, answer).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(ApiError::too_many_requests()),
        }
    }
}

impl Places {
    /// The user's name as it is kept already, so that a busy one costs one text.
    fn known(&self, user: &str) -> Arc<str> {
        self.by_user.get_key_value(user).map_or_else(|| user.into(), |(known, _)| known.clone())
    }

    fn of(&self, user: &str) -> usize {
        self.by_user.get(user).copied().unwrap_or(0)
    }

    /// One user never takes the last eighth: requests that hang must not shut everybody else out.
    fn may_take(&self, user: &str) -> bool {
        self.taken < self.bound && (self.bound < 8 || self.of(user) < self.bound - self.bound / 8)
    }

    fn take(&mut self, side: &Side, user: Arc<str>) -> Place {
        self.taken += 1;
        *self.by_user.entry(user.clone()).or_default() += 1;
        Place { side: Some(side.clone()), user }
    }

    /// Gives free places to those waiting, the least served users first, among equals the first come.
    fn call_next(&mut self, side: &Side) {
        self.waiting.retain(|one| !one.call.is_closed());
        loop {
            let able = self.waiting.iter().enumerate().filter(|(_, one)| self.may_take(&one.user));
            let Some(at) = able.min_by_key(|(_, one)| self.of(&one.user)).map(|(at, _)| at) else { return };
            let next = self.waiting.remove(at);
            let place = self.take(side, next.user);
            // Who gave up in this very moment leaves the place to another; dropping it here would lock twice.
            if let Err(mut unused) = next.call.send(place) {
                unused.side = None;
                self.free(&unused.user);
            }
        }
    }

    fn free(&mut self, user: &str) {
        self.taken -= 1;
        if let Some(count) = self.by_user.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                self.by_user.remove(user);
            }
        }
    }
}

/// A place among the requests in flight.
pub struct Place {
    /// None once it was given back.
    side: Option<Side>,
    user: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(side) = self.side.take() {
            let mut places = side.lock();
            places.free(&self.user);
            places.call_next(&side);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_the_bound_requests_are_told_to_come_back() {
        let flow = Flow::new(1, 1);
        let first = flow.enter(&Method::GET, "a").await.expect("free");
        let refusal = flow.enter(&Method::GET, "a").await.map(drop).expect_err("full");
        assert_eq!((refusal.code, refusal.details.map(|d| d.retry_after_s)), (429, Some(1)));
        assert!(flow.enter(&Method::POST, "a").await.is_ok(), "writes have their own bound");
        drop(first);
        assert!(flow.enter(&Method::GET, "a").await.is_ok());
    }

    #[tokio::test]
    async fn a_busy_user_cannot_take_every_place() {
        let flow = Flow::new(16, 16);
        let mut busy = Vec::new();
        while let Ok(place) = flow.enter(&Method::POST, "busy").await {
            busy.push(place);
        }
        assert_eq!(busy.len(), 14);
        assert!(flow.enter(&Method::POST, "other").await.is_ok());
    }

    #[tokio::test]
    async fn the_place_that_becomes_free_goes_to_the_least_served_user() {
        let flow = Arc::new(Flow::new(2, 2));
        let busy = [flow.enter(&Method::POST, "busy").await.expect("free"), flow.enter(&Method::POST, "busy").await.expect("free")];
        let (mut again, mut light) = (Box::pin(flow.enter(&Method::POST, "busy")), Box::pin(flow.enter(&Method::POST, "light")));
        assert!(futures_util::poll!(&mut again).is_pending() && futures_util::poll!(&mut light).is_pending(), "both wait, the busy one first");
        let [first, _second] = busy;
        drop(first);
        let _held = light.await.expect("the free place");
        assert_eq!(again.await.map(drop).expect_err("still full").code, 429);
        assert_eq!(flow.writes.lock().taken, 2, "nobody holds a place in vain");
    }
}
