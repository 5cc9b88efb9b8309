//! UDP: one connected socket per flow, so that each client gets the answers to its own datagrams, from the address it
//! asked (services spec U7).
//!
//! All flows of a listener live on its data thread. A flow looks at the snapshot when a datagram arrives under another
//! generation than the last: if its endpoint has left, it is chosen anew at once.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use balance::{Guard, Outcome};
use foldhash::fast::RandomState;
use model::endpoint::Pool;
use model::service::FrontendKey;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Shared;
use super::accept::Phase;
use super::route::{now, pool_now};

/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;
/// Datagrams taken in before other tasks of the thread have a turn.
const BURST: usize = 64;
/// Places looked at for a flow that may leave, before any will do.
const EVICT_LOOKS: usize = 32;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; DATAGRAM_MAX].into());
}

/// One listening socket and its flows.
struct Listener {
    shared: Arc<Shared>,
    key: FrontendKey,
    socket: Rc<UdpSocket>,
    flows: RefCell<HashMap<SocketAddr, Rc<Flow>, RandomState>>,
    /// Clients in order of arrival, for eviction; may name flows that ended.
    order: RefCell<VecDeque<(SocketAddr, Instant)>>,
}

/// A client and the endpoint it talks to.
struct Flow {
    upstream: Rc<UdpSocket>,
    guard: Guard,
    /// The pool by which the endpoint was found usable last.
    pool: RefCell<Arc<Pool>>,
    active: Cell<Instant>,
    answered: Cell<bool>,
    started: balance::Now,
    /// The task that carries answers back.
    answers: Cell<Option<AbortHandle>>,
}

impl Drop for Flow {
    fn drop(&mut self) {
        if let Some(answers) = self.answers.take() {
            answers.abort();
        }
    }
}

/// Serves a UDP address until it is told to close. Pausing means nothing here: datagrams for nobody are dropped anyway.
pub(super) async fn listen(shared: Arc<Shared>, key: FrontendKey, socket: std::net::UdpSocket, mut phase: watch::Receiver<Phase>) {
    let socket = match UdpSocket::from_std(socket) {
        Ok(socket) => Rc::new(socket),
        Err(error) => {
            tracing::error!(address = %key.socket(), "cannot watch a socket: {error}; the address is refused until it is bound again");
            return;
        }
    };
    let listener = Rc::new(Listener { shared, key, socket, flows: RefCell::default(), order: RefCell::default() });
    loop {
        tokio::select! {
            changed = phase.changed() => {
                if changed.is_err() || matches!(*phase.borrow(), Phase::Closed { .. }) {
                    break;
                }
            }
            ready = listener.socket.readable() => {
                if ready.is_ok() {
                    listener.take_in();
                }
                tokio::task::yield_now().await;
            }
        }
    }
    listener.forget_all();
}

impl Listener {
    /// Takes in what has arrived, up to a burst.
    fn take_in(self: &Rc<Self>) {
        SCRATCH.with_borrow_mut(|scratch| {
            for _ in 0..BURST {
                match self.socket.try_recv_from(scratch) {
                    Ok((length, client)) => self.deliver(client, &scratch[..length]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    // An ICMP error of an answer we sent: the client has gone, its flow ends by itself.
                    Err(_) => {}
                }
            }
        });
    }

    fn deliver(self: &Rc<Self>, client: SocketAddr, datagram: &[u8]) {
        let known = self.flows.borrow().get(&client).cloned();
        let flow = match known.filter(|flow| self.still_served(flow, client)) {
            Some(flow) => flow,
            None => match self.open(client) {
                Some(flow) => flow,
                None => return,
            },
        };
        flow.active.set(Instant::now());
        match send(&flow, datagram) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // The answer to an earlier datagram: nobody listens. This one gets another endpoint.
                self.refused(client, &flow);
                if let Some(other) = self.open(client) {
                    let _ = send(&other, datagram);
                }
            }
            // A full socket buffer drops the datagram, as any router would.
            _ => {}
        }
    }

    /// Whether the flow's endpoint may be used still; a flow whose endpoint has left ends here.
    fn still_served(&self, flow: &Flow, client: SocketAddr) -> bool {
        let snapshot = self.shared.live.load();
        let pool = pool_now(&snapshot, &self.key, client.ip());
        let served = pool.is_some_and(|pool| {
            if Arc::ptr_eq(&pool, &flow.pool.borrow()) {
                return !flow.guard.endpoint().vitals.state().barred_hard();
            }
            let own = flow.guard.endpoint();
            // Draining ones still serve what they have (services spec S53).
            let stays = pool
                .endpoints
                .iter()
                .chain(&pool.draining)
                .any(|endpoint| endpoint.address == own.address && endpoint.identity.target == own.identity.target && endpoint.serving);
            flow.pool.replace(pool);
            stays
        });
        if !served {
            self.forget(client);
        }
        served
    }

    fn open(self: &Rc<Self>, client: SocketAddr) -> Option<Rc<Flow>> {
        let chosen = self.shared.choose(&self.key, client.ip(), &[]).ok()?;
        let now = now();
        self.shared.remember(&chosen, client.ip(), now);
        let upstream = match connect(chosen.guard.endpoint().address) {
            Ok(upstream) => Rc::new(upstream),
            Err(error) => {
                tracing::debug!(endpoint = %chosen.guard.endpoint().address, "cannot open a flow: {error}");
                self.shared.numbers.connect_failures.inc();
                chosen.guard.head(Outcome::Canceled, std::time::Duration::ZERO, now);
                return None;
            }
        };
        self.make_room();
        let flow = Rc::new(Flow {
            upstream: Rc::clone(&upstream),
            guard: chosen.guard.lasting(),
            pool: RefCell::new(chosen.pool),
            active: Cell::new(Instant::now()),
            answered: Cell::new(false),
            started: now,
            answers: Cell::new(None),
        });
        self.flows.borrow_mut().insert(client, Rc::clone(&flow));
        self.order.borrow_mut().push_back((client, flow.active.get()));
        self.shared.numbers.flows.inc();
        let answers = tokio::task::spawn_local(answers(Rc::downgrade(self), Rc::downgrade(&flow), upstream, client));
        flow.answers.set(Some(answers.abort_handle()));
        Some(flow)
    }

    /// Makes the flow that was idle longest leave when the table is full: the first in order of arrival that was not
    /// active since; those that were go to the end.
    fn make_room(&self) {
        let max = self.shared.options.flows_max.max(1);
        for look in 0.. {
            if self.flows.borrow().len() < max {
                break;
            }
            let Some((client, seen)) = self.order.borrow_mut().pop_front() else { break };
            let active = self.flows.borrow().get(&client).map(|flow| flow.active.get());
            match active {
                Some(active) if active > seen && look < EVICT_LOOKS => self.order.borrow_mut().push_back((client, active)),
                Some(_) => {
                    self.forget(client);
                    self.shared.numbers.flows_evicted.inc();
                }
                None => {}
            }
        }
        // Names of flows that ended by themselves must not pile up.
        if self.order.borrow().len() > 2 * self.flows.borrow().len() + 64 {
            let flows = self.flows.borrow();
            self.order.borrow_mut().retain(|(client, _)| flows.contains_key(client));
        }
    }

    fn refused(&self, client: SocketAddr, flow: &Flow) {
        let now = now();
        flow.guard.head(Outcome::Refused, now.since(flow.started), now);
        self.forget(client);
    }

    fn forget(&self, client: SocketAddr) {
        if self.flows.borrow_mut().remove(&client).is_some() {
            self.shared.numbers.flows.dec();
        }
    }

    fn forget_all(&self) {
        let flows = std::mem::take(&mut *self.flows.borrow_mut());
        self.shared.numbers.flows.dec_by(flows.len() as i64);
    }
}

/// Carries the answers of one flow back until it is idle or its endpoint refuses. While it waits it holds neither the flow
/// nor the listener, so that forgetting a flow and closing the listener take effect at once.
async fn answers(listener: Weak<Listener>, flow: Weak<Flow>, upstream: Rc<UdpSocket>, client: SocketAddr) {
    loop {
        let (waited_from, deadline) = match (listener.upgrade(), flow.upgrade()) {
            (Some(listener), Some(flow)) => {
                let options = &listener.shared.options;
                let idle = if flow.answered.get() { options.flow_idle } else { options.flow_unanswered };
                (flow.active.get(), flow.active.get() + idle)
            }
            _ => return,
        };
        let ready = tokio::time::timeout_at(deadline, upstream.readable()).await;
        let (Some(listener), Some(flow)) = (listener.upgrade(), flow.upgrade()) else { return };
        match ready {
            Ok(_) if carry(&listener, &flow, client).is_err() => return listener.refused(client, &flow),
            Ok(_) => {}
            // Active meanwhile by a datagram of the client: the deadline has moved.
            Err(_) if flow.active.get() > waited_from => {}
            Err(_) => return listener.forget(client),
        }
    }
}

/// Sends what has arrived to the client. An error is the endpoint's refusal.
fn carry(listener: &Listener, flow: &Flow, client: SocketAddr) -> io::Result<()> {
    SCRATCH.with_borrow_mut(|scratch| {
        for _ in 0..BURST {
            match flow.upstream.try_recv(scratch) {
                Ok(length) => {
                    flow.active.set(Instant::now());
                    if !flow.answered.replace(true) {
                        let now = now();
                        flow.guard.head(Outcome::Success, now.since(flow.started), now);
                    }
                    let _ = listener.socket.try_send_to(&scratch[..length], client);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

/// Sends without waiting for the runtime's word that the socket is writable: a new one has not had it yet.
fn send(flow: &Flow, datagram: &[u8]) -> io::Result<usize> {
    SockRef::from(&*flow.upstream).send(datagram)
}

fn connect(endpoint: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if endpoint.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    socket.connect(endpoint)?;
    UdpSocket::from_std(socket)
}
