//! Tasks whose connection has ended rest until the next one comes: a task is some kilobytes to get, to fill and to give back, which
//! is much for a connection of one request.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use net::Stream;

use crate::door::Ticket;

/// Tasks that rest at most: 400 KiB.
const RESTING: usize = 64;

/// A connection that is to be served.
pub struct Arrival {
    /// It.
    pub stream: Stream,
    /// Whose it is.
    pub peer: SocketAddr,
    /// Its place at the door.
    pub ticket: Ticket,
}

/// The tasks of a thread that rest. What they wait for is an [`Arrival`].
pub struct Crew<A = Arrival> {
    resting: RefCell<Vec<Rc<Berth<A>>>>,
}

/// Where a task rests.
struct Berth<A> {
    work: Cell<Option<A>>,
    /// Nothing comes any more.
    dismissed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl<A> Default for Crew<A> {
    fn default() -> Self {
        Self { resting: RefCell::default() }
    }
}

impl<A> Crew<A> {
    /// Gives the work to a task that rests.
    ///
    /// # Errors
    /// The work, when none does.
    pub fn rouse(&self, work: A) -> Result<(), A> {
        // The one that went to rest last: its memory is warm.
        let Some(berth) = self.resting.borrow_mut().pop() else { return Err(work) };
        berth.work.set(Some(work));
        berth.wake();
        Ok(())
    }

    /// Rests until there is work. `None`: the task is not needed any more.
    pub async fn rest(&self) -> Option<A> {
        let berth = {
            let mut resting = self.resting.borrow_mut();
            if resting.len() >= RESTING {
                return None;
            }
            let berth = Rc::new(Berth { work: Cell::new(None), dismissed: Cell::new(false), waker: RefCell::new(None) });
            resting.push(Rc::clone(&berth));
            berth
        };
        poll_fn(|context| {
            if let Some(work) = berth.work.take() {
                return Poll::Ready(Some(work));
            }
            if berth.dismissed.get() {
                return Poll::Ready(None);
            }
            berth.waker.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Ends the tasks that rest.
    pub fn dismiss(&self) {
        for berth in self.resting.take() {
            berth.dismissed.set(true);
            berth.wake();
        }
    }
}

impl<A> Berth<A> {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::Context;

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn work_goes_to_who_rests_and_comes_back_when_nobody_does() {
        let crew = Crew::default();
        assert_eq!(crew.rouse(1), Err(1));
        let (mut first, mut last) = (pin!(crew.rest()), pin!(crew.rest()));
        assert!(poll(first.as_mut()).is_pending() && poll(last.as_mut()).is_pending());
        assert_eq!(crew.rouse(2), Ok(()));
        assert!(poll(first.as_mut()).is_pending(), "who rested last is roused first");
        assert_eq!(poll(last), Poll::Ready(Some(2)));
        assert_eq!(crew.rouse(3), Ok(()));
        assert_eq!(poll(first), Poll::Ready(Some(3)));
        assert_eq!(crew.rouse(4), Err(4));
    }

    #[test]
    fn only_so_many_rest_and_all_end_when_they_are_dismissed() {
        let crew = Crew::<u8>::default();
        let mut all: Vec<_> = (0..RESTING).map(|_| Box::pin(crew.rest())).collect();
        assert!(all.iter_mut().all(|one| poll(one.as_mut()).is_pending()));
        assert_eq!(poll(pin!(crew.rest())), Poll::Ready(None));
        crew.dismiss();
        assert!(all.iter_mut().all(|one| poll(one.as_mut()) == Poll::Ready(None)));
        assert_eq!(crew.rouse(1), Err(1));
    }
}
