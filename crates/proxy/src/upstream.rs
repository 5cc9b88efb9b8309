//! Connections to backends: opening them, keeping them while idle, and knowing dead ones before they are used
//! (gateway spec G110). Each thread keeps its own.

pub mod commons;
mod dialing;
pub mod h2;
pub mod pipe;
pub mod tls;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::fast::FixedState;
use model::endpoint::PoolId;
use model::vitals::State;
use model::{Endpoint, Now, Outcome, Snapshot};
use net::Stream;

use crate::answer::Reason;
use crate::buffer::Buffer;
use crate::core::Core;
use crate::h1::Limits;
use crate::log::micros;
use crate::socket::Socket;
use crate::wire::Wire;

pub use dialing::Dials;
use pipe::Pipe;
use tls::{Cover, Manner, Named, Offer};

/// Idle connections kept per endpoint and thread.
const IDLE_MAX: usize = 64;
/// How long one is kept.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// A request that must not be sent twice uses a connection that was in use this recently, or a fresh one (gateway spec G113).
const RECENT: Duration = Duration::from_secs(2);

/// A way to an endpoint for one request at a time.
pub struct Link {
    /// The connection, or the stream.
    pub pipe: Pipe,
    /// Whom it leads to.
    pub endpoint: Arc<Endpoint>,
    /// The pool it was opened for.
    pub pool: PoolId,
    /// Requests it has carried.
    pub served: u32,
    /// How long it took to open, in microseconds.
    pub connect_us: u32,
    used: Now,
    /// The generation whose pool was last seen to have its endpoint: one that comes back from a request may be late for that.
    seen: u64,
    /// Of TLS: whom it is for.
    named: Option<Named>,
    /// Its place in the endpoint's numbers. Streams have none: their connection counts, for itself.
    counted: Option<Counted>,
}

/// An open connection in the numbers of its endpoint.
pub struct Counted {
    endpoint: Arc<Endpoint>,
    /// Those of the process.
    all: Arc<AtomicUsize>,
}

impl Counted {
    /// One more.
    pub fn new(endpoint: &Arc<Endpoint>, all: &Arc<AtomicUsize>) -> Self {
        endpoint.vitals.connected();
        all.fetch_add(1, Ordering::Relaxed);
        Self { endpoint: Arc::clone(endpoint), all: Arc::clone(all) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.endpoint.vitals.disconnected();
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why no connection was made.
#[derive(Debug)]
pub enum Unconnected {
    /// Nobody listens there, or no route leads there.
    Refused,
    /// Not in time.
    Timeout,
    /// It does not speak TLS that we speak.
    NoTls(io::Error),
    /// We ourselves are short of descriptors or ports.
    Exhausted(io::Error),
}

impl Unconnected {
    /// The word of the log.
    pub fn reason(&self) -> Reason {
        match self {
            Unconnected::Refused => Reason::ConnectRefused,
            Unconnected::Timeout => Reason::ConnectTimeout,
            Unconnected::NoTls(_) => Reason::TlsUpstream,
            Unconnected::Exhausted(_) => Reason::Overload,
        }
    }

    /// What it says of the endpoint; nothing when we are at fault.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Unconnected::Refused | Unconnected::NoTls(_) => Some(Outcome::Refused),
            Unconnected::Timeout => Some(Outcome::ConnectTimeout),
            Unconnected::Exhausted(_) => None,
        }
    }
}

impl Link {
    fn new(pipe: Pipe, endpoint: &Arc<Endpoint>, pool: PoolId, served: u32, counted: Option<Counted>) -> Self {
        Self { pipe, endpoint: Arc::clone(endpoint), pool, served, connect_us: 0, used: Now::default(), seen: 0, named: None, counted }
    }
}

/// Opens a connection. One of HTTP/2 serves others of its thread, too; answers on it have heads within `limits`. Where somebody
/// opens one already that may have a place for this request, that one is waited for.
///
/// # Errors
/// When it is refused, takes too long, is not what was asked for, or we are short of something.
pub async fn connect(
    core: &Core,
    endpoint: &Arc<Endpoint>,
    pool: PoolId,
    bounds: (Duration, Limits),
    manner: Manner<'_>,
) -> Result<Link, Unconnected> {
    // In the clear a connection is there as soon as it is asked for: nothing is gained by waiting.
    if !manner.may_join() || manner.cover.is_none() {
        return open(core, endpoint, pool, bounds, manner).await;
    }
    let dials = &core.dials;
    let shared = async {
        while dials.wait(endpoint, manner.cover).await {
            if let Some(link) = join_now(&core.http2, endpoint, pool, manner) {
                return Some(link);
            }
        }
        None
    };
    if let Ok(Some(link)) = tokio::time::timeout(bounds.0, shared).await {
        return Ok(link);
    }
    let dialing = dials.begin(endpoint, manner.cover);
    let opened = open(core, endpoint, pool, bounds, manner).await;
    let http2 = opened.as_ref().is_ok_and(|link| matches!(link.pipe, Pipe::Http2(_)));
    if opened.is_ok() {
        dials.learn(endpoint, http2);
    }
    if let Some(dialing) = dialing {
        dialing.ends(http2);
    }
    opened
}

async fn open(
    core: &Core,
    endpoint: &Arc<Endpoint>,
    pool: PoolId,
    (within, limits): (Duration, Limits),
    manner: Manner<'_>,
) -> Result<Link, Unconnected> {
    let began = std::time::Instant::now();
    let stream = dial(endpoint, within).await?;
    let (socket, http2) = match manner.cover {
        None => (Socket::Tcp(stream), manner.offer == Offer::Http2),
        Some(cover) => {
            let left = within.saturating_sub(began.elapsed());
            let shaking = Box::pin(core.shared.clients.shake(stream, cover, manner.offer));
            let shaken = tokio::time::timeout(left, shaking).await.map_err(|_| Unconnected::Timeout)?.map_err(Unconnected::NoTls)?;
            let http2 = shaken.get_ref().1.alpn_protocol() == Some(b"h2");
            if manner.offer == Offer::Http2 && !http2 {
                return Err(Unconnected::NoTls(io::Error::other("the endpoint does not agree to speak HTTP/2 (ALPN)")));
            }
            (Socket::Tls(Box::new(shaken.into())), http2)
        }
    };
    let named = manner.cover.map(Into::into);
    let counted = Counted::new(endpoint, &core.shared.open.upstreams);
    if http2 {
        let mut link = on_stream(h2::seat_on(&core.http2, (endpoint, counted), socket, named, limits), endpoint, pool);
        link.connect_us = micros(began.elapsed());
        return Ok(link);
    }
    let pipe = Pipe::Http1(Box::new(Wire::new(socket, Buffer::default())));
    let mut link = Link::new(pipe, endpoint, pool, 0, Some(counted));
    (link.named, link.connect_us) = (named, micros(began.elapsed()));
    Ok(link)
}

/// A stream on a connection of HTTP/2 that is there, has room and is for such requests.
pub fn join_now(connections: &RefCell<h2::Connections>, endpoint: &Arc<Endpoint>, pool: PoolId, manner: Manner<'_>) -> Option<Link> {
    h2::seat_now(connections, endpoint, manner.cover).map(|seat| on_stream(seat, endpoint, pool))
}

fn on_stream(seat: h2::Seat, endpoint: &Arc<Endpoint>, pool: PoolId) -> Link {
    let served = u32::from(seat.reused);
    Link::new(Pipe::Http2(Box::new(h2::Stream::new(seat))), endpoint, pool, served, None)
}

async fn dial(endpoint: &Endpoint, within: Duration) -> Result<Stream, Unconnected> {
    let stream = match tokio::time::timeout(within, Stream::connect(endpoint.address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if is_ours(&error) => return Err(Unconnected::Exhausted(error)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => return Err(Unconnected::Timeout),
        Ok(Err(_)) => return Err(Unconnected::Refused),
        Err(_) => return Err(Unconnected::Timeout),
    };
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// EMFILE, ENFILE, EADDRNOTAVAIL (no free port), ENOBUFS, ENOMEM: no fault of the endpoint's.
fn is_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory) || matches!(error.raw_os_error(), Some(23 | 24 | 105))
}

/// The idle connections of a thread.
#[derive(Default)]
pub struct Idle {
    links: HashMap<SocketAddr, Vec<Link>, FixedState>,
}

impl Idle {
    /// The connection used last that is still alive and is for requests of this cover. `careful` asks the kernel itself, for requests that must not be sent on
    /// a dead connection; others trust what the event loop has heard so far.
    pub fn take(&mut self, endpoint: &Arc<Endpoint>, cover: Option<Cover<'_>>, careful: bool, now: Now) -> Option<Link> {
        let links = self.links.get_mut(&endpoint.address)?;
        while let Some(at) = links.iter().rposition(|link| Named::suits(link.named.as_ref(), cover)) {
            let link = links.remove(at);
            // The address may belong to somebody else by now: vitals are one per identity.
            let same = Arc::ptr_eq(&link.endpoint.vitals, &endpoint.vitals);
            let rested = now.since(link.used);
            if same && rested < IDLE_TIME && !(careful && rested > RECENT) && is_silent(&link, careful) {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub fn put(&mut self, mut link: Link, now: Now) {
        link.used = now;
        let links = self.links.entry(link.endpoint.address).or_default();
        if links.len() < IDLE_MAX {
            links.push(link);
        }
    }

    /// Closes all of them.
    pub fn clear(&mut self) {
        self.links.clear();
    }

    /// Gives up what has rested for a while.
    pub fn rested(&mut self, now: Now) -> Vec<Link> {
        let mut rested = Vec::new();
        self.links.retain(|_, links| {
            rested.extend(links.extract_if(.., |link| now.since(link.used) >= commons::RESTED));
            !links.is_empty()
        });
        rested
    }

    /// Closes what was idle for long, and all to endpoints that no longer take requests (balance spec D1).
    pub fn sweep(&mut self, snapshot: &Snapshot, now: Now) {
        let mut members = Members::of(snapshot);
        self.links.retain(|address, links| {
            links.retain_mut(|link| {
                let wanted = members.has(link.pool, address, &mut link.seen) && !link.endpoint.vitals.state().has(State::AGENT_DRAIN);
                wanted && now.since(link.used) < IDLE_TIME
            });
            !links.is_empty()
        });
    }
}

/// Who is in the pools of a snapshot, looked up once a pool.
struct Members<'s> {
    snapshot: &'s Snapshot,
    pools: HashMap<PoolId, HashSet<SocketAddr, FixedState>, FixedState>,
}

impl<'s> Members<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        Self { snapshot, pools: HashMap::default() }
    }

    /// Whether this pool has this address. Not looked up for a connection that was `seen` in this generation.
    fn has(&mut self, pool: PoolId, address: &SocketAddr, seen: &mut u64) -> bool {
        if std::mem::replace(seen, self.snapshot.generation) == self.snapshot.generation {
            return true;
        }
        let of_pool = || self.snapshot.pool(pool).map(|pool| pool.endpoints.iter().map(|one| one.address).collect()).unwrap_or_default();
        self.pools.entry(pool).or_insert_with(of_pool).contains(address)
    }
}

/// Since when an endpoint is to finish what it has, as one of its requests found out.
#[derive(Default)]
pub struct Leaving(Option<Now>);

/// How long that may take for an endpoint whose Service is gone with its policy.
const DRAIN: Duration = Duration::from_secs(30);

impl Leaving {
    /// Whether its time is up (balance spec D1): it drains or has left its pool for as long as its policy lets it. Asked about once a second
    /// of a request that goes on.
    pub fn is_over(&mut self, core: &Core, link: &Link) -> bool {
        let snapshot = core.snapshot();
        let pool = snapshot.pool(link.pool);
        let is_it = |one: &Arc<Endpoint>| Arc::ptr_eq(&one.vitals, &link.endpoint.vitals) && one.address == link.endpoint.address && one.weight > 0;
        let stays = pool.is_some_and(|pool| pool.endpoints.iter().any(is_it)) && !link.endpoint.vitals.state().has(State::AGENT_DRAIN);
        if stays {
            self.0 = None;
            return false;
        }
        let at = crate::core::now();
        at.since(*self.0.get_or_insert(at)) >= pool.map_or(DRAIN, |pool| pool.policy.drain_timeout)
    }
}

/// Nothing has arrived on an idle connection: neither its end nor bytes nobody asked for.
fn is_silent(link: &Link, careful: bool) -> bool {
    let Pipe::Http1(wire) = &link.pipe else { return false };
    wire.socket().tcp().is_silent(careful)
}
