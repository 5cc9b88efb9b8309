//! Idle connections that any thread may take (gateway spec G110). A thread keeps what it used a moment ago to itself, without a
//! lock; what rests for longer lies here, for whoever would have to open a connection otherwise.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::fast::FixedState;
use model::vitals::State;
use model::{Endpoint, Now, PoolId, Snapshot};
use net::{Stream, is_silent};
use parking_lot::Mutex;

use super::pipe::Pipe;
use super::{Counted, IDLE_MAX, IDLE_TIME, Link, Members, RECENT};
use crate::buffer::Buffer;
use crate::socket::Socket;
use crate::wire::Wire;

/// How long a connection rests before others may have it.
pub const RESTED: Duration = Duration::from_secs(1);

/// The connections.
#[derive(Default)]
pub struct Commons {
    /// How many there are, to see without the lock that there are none.
    count: AtomicUsize,
    idle: Mutex<HashMap<SocketAddr, Vec<Spare>, FixedState>>,
}

/// A connection that belongs to no thread.
struct Spare {
    stream: std::net::TcpStream,
    endpoint: Arc<Endpoint>,
    pool: PoolId,
    counted: Counted,
    served: u32,
    used: Now,
    seen: u64,
}

impl Commons {
    /// Takes these from their thread. What cannot be moved is closed.
    pub fn leave(&self, links: impl Iterator<Item = Link>) {
        let spares: Vec<Spare> = links.filter_map(spare).collect();
        let mut idle = self.idle.lock();
        for spare in spares {
            let known = idle.entry(spare.endpoint.address).or_default();
            if known.len() < IDLE_MAX {
                known.push(spare);
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// One that leads to this endpoint and is still silent, for the calling thread. `careful` asks for one that was in use a
    /// moment ago.
    pub fn take(&self, endpoint: &Arc<Endpoint>, careful: bool, now: Now) -> Option<Link> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        loop {
            let spare = self.idle.lock().get_mut(&endpoint.address)?.pop()?;
            self.count.fetch_sub(1, Ordering::Relaxed);
            let same = Arc::ptr_eq(&spare.endpoint.vitals, &endpoint.vitals);
            let rested = now.since(spare.used);
            if same
                && rested < IDLE_TIME
                && !(careful && rested > RECENT)
                && is_silent(&spare.stream)
                && let Ok(stream) = Stream::new(spare.stream)
            {
                let pipe = Pipe::Http1(Box::new(Wire::new(Socket::Tcp(stream), Buffer::default())));
                let Spare { endpoint, pool, counted, served, used, seen, .. } = spare;
                return Some(Link { pipe, endpoint, pool, served, connect_us: 0, used, seen, named: None, counted: Some(counted) });
            }
        }
    }

    /// Closes all of them.
    pub fn clear(&self) {
        let mut idle = self.idle.lock();
        idle.clear();
        self.count.store(0, Ordering::Relaxed);
    }

    /// Closes what rested for long, and what leads to endpoints that no longer take requests.
    pub fn sweep(&self, snapshot: &Snapshot, now: Now) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut members = Members::of(snapshot);
        let mut idle = self.idle.lock();
        idle.retain(|address, spares| {
            spares.retain_mut(|spare| {
                let wanted = members.has(spare.pool, address, &mut spare.seen) && !spare.endpoint.vitals.state().has(State::AGENT_DRAIN);
                wanted && now.since(spare.used) < IDLE_TIME
            });
            !spares.is_empty()
        });
        self.count.store(idle.values().map(Vec::len).sum(), Ordering::Relaxed);
    }
}

fn spare(link: Link) -> Option<Spare> {
    let Link { pipe, endpoint, pool, served, used, seen, counted, .. } = link;
    let Pipe::Http1(wire) = pipe else { return None };
    let (Socket::Tcp(stream), _) = wire.into_parts() else { return None };
    Some(Spare { stream: stream.into_std().ok()?, endpoint, pool, counted: counted?, served, used, seen })
}
