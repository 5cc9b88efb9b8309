//! A watcher: a cursor into a topic.

use std::sync::Arc;

use crate::history::Topic;
use crate::shared::Shared;
use crate::{Error, Event};

/// Events under one prefix after one revision, in the order of their revisions.
///
/// It holds no events of its own. One that is read too slowly ends with [`Error::Compacted`] when the history has moved on.
pub struct Watch {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    prefix: Arc<str>,
    /// The revision after which the watcher began.
    after: u64,
    /// The place of the next event in the topic.
    place: u64,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>, topic: Arc<Topic>, prefix: Arc<str>, after: u64, place: u64) -> Watch {
        Watch { shared, topic, prefix, after, place }
    }

    /// The next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Error::Compacted`] if the event is no longer kept, [`Error::Closed`] after the last event of a store that was closed.
    pub async fn next(&mut self) -> Result<Arc<Event>, Error> {
        loop {
            let topic = self.topic.clone();
            // Created before looking, so that a publication between the look and the wait wakes it.
            let news = topic.wake.notified();
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            news.await;
        }
    }

    /// The next event if there is one by now.
    ///
    /// # Errors
    /// As for [`Watch::next`].
    pub fn try_next(&mut self) -> Result<Option<Arc<Event>>, Error> {
        let is_closed = self.shared.is_closed();
        let ring = self.topic.ring.read();
        if self.place < ring.first {
            drop(ring);
            return Err(Error::Compacted { floor: self.shared.history.lock().floor() });
        }
        while let Some(event) = ring.events.get((self.place - ring.first) as usize) {
            self.place += 1;
            // A watch may begin at a revision that readers see already while the topic is still being told of it.
            if event.revision > self.after {
                return Ok(Some(event.clone()));
            }
        }
        if is_closed { Err(Error::Closed) } else { Ok(None) }
    }

    /// The revision up to which everything was delivered. It advances without events too: an idle prefix keeps up with the store.
    pub fn position(&self) -> u64 {
        // Read first: whatever is published by now is in the topic by now.
        let published = self.shared.published();
        let ring = self.topic.ring.read();
        let next = self.place.checked_sub(ring.first).map(|offset| ring.events.get(offset as usize));
        match next {
            Some(None) => published.max(self.after),
            Some(Some(next)) => (next.revision - 1).max(self.after),
            None => self.after,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.history.lock().unsubscribe(&self.prefix);
    }
}
