//! Waiting for sockets on a data thread: one epoll instance a thread, and no lock or atomic anywhere.
//!
//! A socket is registered once, edge-triggered, and only when somebody has to wait for it. A connection whose request is there
//! when it is accepted, and which ends with its answer, is served without the epoll instance ever hearing of it. Closing a
//! descriptor takes it out.
//!
//! The tokio runtime of the thread sleeps for both: the epoll instance is itself a descriptor of that runtime ([`drive`]).

mod listener;
mod stream;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::time::Timespec;

pub use listener::Listener;
pub use stream::{Stream, is_silent};

/// Events that one call reads at most.
const BATCH: usize = 256;

/// What is known of a socket, and who waits for it.
mod state {
    /// A read may give something.
    pub const READABLE: u8 = 1;
    /// A write may take something.
    pub const WRITABLE: u8 = 2;
    /// The peer has said its last, or the connection is broken: reads wait no more.
    pub const ENDED: u8 = 4;
    /// The epoll instance tells of it.
    pub const WATCHED: u8 = 8;
    /// Somebody waits to read.
    pub const READS: u8 = 16;
    /// Somebody waits to write.
    pub const WRITES: u8 = 32;
    /// Whoever waits to read does so without being told, until the second tick from then.
    pub const LATE: u8 = 64;
    /// That tick has come.
    pub const DUE: u8 = 128;
}

use state::{DUE, ENDED, LATE, READABLE, READS, WATCHED, WRITABLE, WRITES};

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

impl Direction {
    fn ready(self) -> u8 {
        if self == Direction::Read { READABLE } else { WRITABLE }
    }

    fn waits(self) -> u8 {
        if self == Direction::Read { READS } else { WRITES }
    }
}

/// The epoll instance of a thread, and what it knows.
struct Reactor {
    epoll: OwnedFd,
    slots: RefCell<Vec<Rc<Slot>>>,
    free: RefCell<Vec<u32>>,
    /// Who waits without being told: since the last tick, and since the one before it.
    late: RefCell<Vec<(u32, u32)>>,
    later: RefCell<Vec<(u32, u32)>>,
    events: RefCell<Vec<epoll::Event>>,
    /// How many events the last harvest brought.
    crowd: Cell<usize>,
}

/// One socket. A place is used again under another generation, so that an event of a former socket means nobody.
#[derive(Default)]
struct Slot {
    generation: Cell<u32>,
    state: Cell<u8>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

thread_local! {
    static CURRENT: OnceCell<Rc<Reactor>> = const { OnceCell::new() };
}

/// Hears what the sockets of this thread have to say, until the runtime ends. One task a data thread.
///
/// # Errors
/// When the system gives no epoll instance.
pub async fn drive() -> io::Result<()> {
    let reactor = Reactor::current()?;
    let watch = crate::sys::watch_readable(reactor.epoll.try_clone()?)?;
    loop {
        // Readiness goes first: what comes after the harvest makes it anew.
        watch.readable().await?.clear_ready();
        while reactor.harvest()? == BATCH {
            tokio::task::yield_now().await;
        }
    }
}

/// A coarse tick has passed on this thread: who has waited without being told for longer than that is told from now on.
pub fn tick() {
    let _ = CURRENT.try_with(|current| current.get().map(|reactor| reactor.tick()));
}

impl Reactor {
    fn current() -> io::Result<Rc<Self>> {
        CURRENT.with(|current| match current.get() {
            Some(reactor) => Ok(Rc::clone(reactor)),
            None => {
                let made = Rc::new(Self::new()?);
                Ok(Rc::clone(current.get_or_init(|| made)))
            }
        })
    }

    fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let events = RefCell::new(Vec::with_capacity(BATCH));
        let (slots, free) = (RefCell::default(), RefCell::default());
        Ok(Self { epoll, slots, free, late: RefCell::default(), later: RefCell::default(), events, crowd: Cell::new(0) })
    }

    /// Reads what has happened, without waiting, and wakes whom it concerns. Gives how many events there were.
    fn harvest(&self) -> io::Result<usize> {
        let mut events = self.events.borrow_mut();
        events.clear();
        let outcome = epoll::wait(&self.epoll, spare_capacity(&mut *events), Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        match outcome {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        self.crowd.set(events.len());
        let slots = self.slots.borrow();
        for event in events.iter() {
            let (flags, data) = (event.flags, event.data.u64());
            // The lower half is the place, the upper one its generation.
            if let Some(slot) = slots.get(data as u32 as usize)
                && slot.generation.get() == (data >> 32) as u32
            {
                slot.hear(flags);
            }
        }
        Ok(events.len())
    }

    fn tick(&self) {
        let late = self.later.replace(self.late.take());
        let slots = self.slots.borrow();
        for (place, generation) in late {
            if let Some(slot) = slots.get(place as usize).filter(|slot| slot.generation.get() == generation) {
                let state = slot.state.get();
                if state & (LATE | READS | WATCHED) == LATE | READS {
                    slot.state.set((state & !(LATE | READS)) | DUE);
                    slot.wake(Direction::Read);
                }
            }
        }
    }
}

impl Slot {
    /// Takes in what the kernel says. Who waits is woken; wakers only queue tasks.
    fn hear(&self, flags: EventFlags) {
        let (broken, over) = (EventFlags::HUP | EventFlags::ERR, EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        let mut state = self.state.get();
        if flags.intersects(EventFlags::IN | over) {
            state |= READABLE;
        }
        if flags.intersects(over) {
            state |= ENDED;
        }
        if flags.intersects(EventFlags::OUT | broken) {
            state |= WRITABLE;
        }
        let reads = state & (READS | READABLE) == READS | READABLE;
        let writes = state & (WRITES | WRITABLE) == WRITES | WRITABLE;
        self.state.set(state & !(if reads { READS } else { 0 } | if writes { WRITES } else { 0 }));
        if reads {
            self.wake(Direction::Read);
        }
        if writes {
            self.wake(Direction::Write);
        }
    }

    fn wake(&self, direction: Direction) {
        if let Some(waker) = &*self.waker(direction).borrow() {
            waker.wake_by_ref();
        }
    }

    fn waker(&self, direction: Direction) -> &RefCell<Option<Waker>> {
        if direction == Direction::Read { &self.reader } else { &self.writer }
    }
}

/// A socket's place in the reactor of its thread.
struct Place {
    reactor: Rc<Reactor>,
    slot: Rc<Slot>,
    at: u32,
}

impl Place {
    /// A place for a socket that is thought to be like this.
    fn new(state: u8) -> io::Result<Self> {
        let reactor = Reactor::current()?;
        let mut slots = reactor.slots.borrow_mut();
        let at = reactor.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(Rc::default());
            // Descriptors are fewer than 2^32.
            slots.len() as u32 - 1
        });
        let slot = Rc::clone(&slots[at as usize]);
        drop(slots);
        slot.state.set(state);
        Ok(Self { reactor, slot, at })
    }

    fn crowd(&self) -> usize {
        self.reactor.crowd.get()
    }

    fn state(&self) -> u8 {
        self.slot.state.get()
    }

    fn set(&self, state: u8) {
        self.slot.state.set(state);
    }

    fn is_ready(&self, direction: Direction) -> bool {
        self.state() & direction.ready() != 0
    }

    /// The kernel has no more for now, or takes no more: from here on it says when that changes.
    fn spent(&self, direction: Direction) {
        let state = self.state();
        let stays = direction == Direction::Read && state & ENDED != 0;
        if !stays {
            self.set(state & !direction.ready());
        }
    }

    /// The kernel itself said that there is nothing, whatever was heard before.
    fn blocked(&self, direction: Direction) {
        self.set(self.state() & !direction.ready() & !ENDED);
    }

    /// Ready when a try may succeed; else the task is woken when it may.
    fn poll_ready(&self, direction: Direction, socket: impl AsFd, context: &Context<'_>) -> Poll<io::Result<()>> {
        let state = self.state();
        if state & direction.ready() != 0 {
            return Poll::Ready(Ok(()));
        }
        self.wait(direction, state & !DUE, context);
        if state & WATCHED == 0
            && let Err(error) = self.watch(socket)
        {
            return Poll::Ready(Err(error));
        }
        Poll::Pending
    }

    /// As [`Place::poll_ready`] for reading, where nothing hangs on being told at once: a socket that is not registered stays so
    /// until the second [`tick`].
    fn poll_readable_late(&self, socket: impl AsFd, context: &Context<'_>) -> Poll<io::Result<()>> {
        let state = self.state();
        if state & (READABLE | WATCHED | DUE) != 0 {
            return self.poll_ready(Direction::Read, socket, context);
        }
        self.wait(Direction::Read, state | LATE, context);
        if state & LATE == 0 {
            self.reactor.late.borrow_mut().push((self.at, self.slot.generation.get()));
        }
        Poll::Pending
    }

    fn wait(&self, direction: Direction, state: u8, context: &Context<'_>) {
        self.set(state | direction.waits());
        let mut waker = self.slot.waker(direction).borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            let former = waker.replace(context.waker().clone());
            // The last reference to a task may end it, and with it its sockets.
            drop(waker);
            drop(former);
        }
    }

    fn watch(&self, socket: impl AsFd) -> io::Result<()> {
        self.set(self.state() | WATCHED);
        let data = epoll::EventData::new_u64(u64::from(self.slot.generation.get()) << 32 | u64::from(self.at));
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        // What is there already is told as well.
        epoll::add(&self.reactor.epoll, socket, data, flags).inspect_err(|_| self.set(self.state() & !WATCHED))?;
        Ok(())
    }

    /// Takes a socket out that lives on elsewhere.
    fn leave(self, socket: impl AsFd) -> io::Result<()> {
        if self.state() & WATCHED != 0 {
            epoll::delete(&self.reactor.epoll, socket)?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let slot = &self.slot;
        slot.generation.set(slot.generation.get().wrapping_add(1));
        let wakers = (slot.reader.take(), slot.writer.take());
        self.reactor.free.borrow_mut().push(self.at);
        drop(wakers);
    }
}

#[cfg(test)]
mod tests;
