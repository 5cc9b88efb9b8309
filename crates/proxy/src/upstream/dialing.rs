//! One handshake for many: requests that may share a connection wait for the one that is being opened instead of opening as many
//! again. Whether it can be shared is known when the handshake is over (ALPN); an endpoint that turned out to speak HTTP/1.1 is not
//! waited for again.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Endpoint, Vitals};
use tokio::sync::Notify;

use super::tls::{Cover, Named};

/// Endpoints that are remembered to speak HTTP/1.1 over TLS, per thread; beyond that all are forgotten.
const KNOWN_MAX: usize = 4096;

/// The connections that a thread is opening and others may share.
#[derive(Default)]
pub struct Dials {
    open: RefCell<Vec<Rc<Dial>>>,
    /// Endpoints whose last handshake agreed on HTTP/1.1.
    one_by_one: RefCell<HashSet<SocketAddr, FixedState>>,
}

/// How an opening ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Not at all: who opened it has left.
    Left,
    /// With nothing that others could use.
    Alone,
    /// With a connection of HTTP/2.
    Shared,
}

struct Dial {
    vitals: Arc<Vitals>,
    named: Option<Named>,
    end: Cell<End>,
    over: Notify,
}

/// The one who opens a connection. Dropping it lets those who wait go on.
pub struct Dialing<'d> {
    dials: &'d Dials,
    dial: Rc<Dial>,
}

impl Dials {
    fn to(&self, endpoint: &Endpoint, cover: Option<Cover<'_>>) -> Option<Rc<Dial>> {
        let suits = |one: &&Rc<Dial>| Arc::ptr_eq(&one.vitals, &endpoint.vitals) && Named::suits(one.named.as_ref(), cover);
        self.open.borrow().iter().find(suits).cloned()
    }

    /// Waits for the connection that somebody else opens to this endpoint. True: it may have a place; false: open one.
    pub async fn wait(&self, endpoint: &Endpoint, cover: Option<Cover<'_>>) -> bool {
        loop {
            let Some(dial) = self.to(endpoint, cover) else { return false };
            dial.over.notified().await;
            match dial.end.get() {
                End::Shared => return true,
                End::Alone => return false,
                End::Left => {}
            }
        }
    }

    /// Says that a connection is being opened which others may share. `None` where that is known not to be so.
    pub fn begin(&self, endpoint: &Endpoint, cover: Option<Cover<'_>>) -> Option<Dialing<'_>> {
        if self.one_by_one.borrow().contains(&endpoint.address) {
            return None;
        }
        let (vitals, named) = (Arc::clone(&endpoint.vitals), cover.map(Into::into));
        let dial = Rc::new(Dial { vitals, named, end: Cell::new(End::Left), over: Notify::new() });
        self.open.borrow_mut().push(Rc::clone(&dial));
        Some(Dialing { dials: self, dial })
    }

    /// Remembers what a handshake agreed on.
    pub fn learn(&self, endpoint: &Endpoint, http2: bool) {
        let mut known = self.one_by_one.borrow_mut();
        if http2 {
            known.remove(&endpoint.address);
            return;
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(endpoint.address);
    }
}

impl Dialing<'_> {
    /// It is open, and others may use it or not; or it could not be opened.
    pub fn ends(&self, shared: bool) {
        self.dial.end.set(if shared { End::Shared } else { End::Alone });
    }
}

impl Drop for Dialing<'_> {
    fn drop(&mut self) {
        self.dials.open.borrow_mut().retain(|one| !Rc::ptr_eq(one, &self.dial));
        self.dial.over.notify_waiters();
    }
}
