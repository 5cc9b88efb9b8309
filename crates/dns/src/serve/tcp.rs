//! Connections (RFC 7766): many queries at once, replies in the order they are ready, and a bound on everything.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Core, ReplyTo, Served, unix_s};
use crate::answer::{Client, Via};
use crate::transfer::Transfer;

/// How long a connection may be without a whole query (W3).
const IDLE: Duration = Duration::from_secs(10);
/// How long a client may take to read what it asked for.
const WRITE: Duration = Duration::from_secs(5);
/// What a connection that has not asked anything gets to do so when the server stops.
const LAST_CALL: Duration = Duration::from_secs(1);
/// Connections of one client.
const PER_CLIENT: u32 = 64;
/// Queries of one connection that wait for others.
const IN_FLIGHT: usize = 128;
/// Replies are sent when there is so much of them, or no more query to read.
const FLUSH: usize = 64 * 1024;
/// Octets that are read at once.
const READ: usize = 4096;
/// Pause after an accept that failed: out of descriptors, most likely.
const PAUSE: Duration = Duration::from_millis(20);

/// How many connections there are, in all and by client.
pub(crate) struct Crowd {
    most: usize,
    by_client: Mutex<(usize, HashMap<IpAddr, u32>)>,
}

/// A place in the crowd.
struct Seat {
    crowd: Arc<Crowd>,
    client: IpAddr,
}

impl Crowd {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { most, by_client: Mutex::default() }
    }

    fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let mut counts = self.by_client.lock();
        let (all, by_client) = &mut *counts;
        let own = by_client.get(&client).copied().unwrap_or(0);
        if *all >= self.most || own >= PER_CLIENT {
            return None;
        }
        *all += 1;
        by_client.insert(client, own + 1);
        Some(Seat { crowd: Arc::clone(self), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.crowd.by_client.lock();
        counts.0 -= 1;
        if let Some(own) = counts.1.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                counts.1.remove(&self.client);
            }
        }
    }
}

/// Takes connections until told to stop; then those which still wait in the queue, which closing the socket would reset.
pub(super) async fn listen(core: Rc<Core>, listener: TcpListener, mut stop: watch::Receiver<bool>, alive: mpsc::Sender<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => welcome(&core, stream, peer, stop.clone(), alive.clone()),
            Err(why) => {
                tracing::warn!(%why, "a DNS connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    match net::last_in_queue(listener) {
        Ok(queue) => queue.for_each(|(stream, peer)| welcome(&core, stream, peer, stop.clone(), alive.clone())),
        Err(why) => tracing::warn!(%why, "DNS connections that waited to be accepted are lost"),
    }
}

/// Serves a connection, if there is a seat for it. `alive` is held for as long as it lasts.
fn welcome(core: &Rc<Core>, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>, alive: mpsc::Sender<()>) {
    let Some(seat) = core.shared.crowd.enter(peer.ip()) else {
        core.shared.metrics.crowded.inc();
        return;
    };
    let connection = Connection::new(Rc::clone(core), stream, peer);
    tokio::task::spawn_local(async move {
        connection.core.shared.metrics.connections.inc();
        let gauge = connection.core.shared.metrics.connections.clone();
        connection.run(stop).await;
        gauge.dec();
        drop((seat, alive));
    });
}

struct Connection {
    core: Rc<Core>,
    stream: TcpStream,
    peer: SocketAddr,
    /// Octets that are read and not served.
    read: Vec<u8>,
    /// Replies that are not sent.
    write: Vec<u8>,
    send_later: mpsc::UnboundedSender<Vec<u8>>,
    later: mpsc::UnboundedReceiver<Vec<u8>>,
    /// A zone on its way; queries behind it wait.
    transfer: Option<Box<Transfer>>,
    /// Queries that wait for others.
    waiting: usize,
    /// Since the last whole query.
    last_query: Instant,
    /// It asked something.
    has_asked: bool,
    /// What has not arrived by then is not served any more.
    last_call: Option<Instant>,
    /// The client has no more queries.
    done: bool,
}

impl Connection {
    fn new(core: Rc<Core>, stream: TcpStream, peer: SocketAddr) -> Self {
        // Unbounded, and bounded by `IN_FLIGHT`.
        let (send_later, later) = mpsc::unbounded_channel();
        Self {
            core,
            stream,
            peer,
            read: Vec::new(),
            write: Vec::new(),
            send_later,
            later,
            transfer: None,
            waiting: 0,
            last_query: Instant::now(),
            has_asked: false,
            last_call: None,
            done: false,
        }
    }

    /// Serves queries until the client is done, idles or breaks off.
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let more = self.serve();
            // Half a query may still become a whole one.
            self.done |= self.last_call.is_some() && self.has_asked && self.read.is_empty();
            if !self.write.is_empty() {
                match tokio::time::timeout(WRITE, self.stream.write_all(&self.write)).await {
                    Ok(Ok(())) => self.write.clear(),
                    _ => return,
                }
            }
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            if self.done && self.waiting == 0 {
                return;
            }
            let may_read = !self.done && self.waiting < IN_FLIGHT;
            let patience = self.last_call.map_or(self.last_query + IDLE, |end| end.min(self.last_query + IDLE));
            self.read.reserve(READ);
            tokio::select! {
                // What has arrived is served, also when the server stops.
                biased;
                Some(reply) = self.later.recv(), if self.waiting > 0 => {
                    self.waiting -= 1;
                    if !reply.is_empty() {
                        push(&mut self.write, &reply);
                    }
                }
                read = self.stream.read_buf(&mut self.read), if may_read => match read {
                    Ok(0) => self.done = true,
                    Ok(_) => {}
                    Err(_) => return,
                },
                () = tokio::time::sleep_until(patience), if self.waiting == 0 => {
                    tracing::trace!(peer = %self.peer, "an idle DNS connection is closed");
                    return;
                }
                _ = stop.wait_for(|stop| *stop), if !self.done && self.last_call.is_none() => self.call(),
            }
        }
    }

    /// The server stops: a connection that has not asked yet was opened by somebody who could not know.
    fn call(&mut self) {
        self.last_call = Some(Instant::now() + LAST_CALL);
    }

    /// Serves the whole queries that were read, as far as there is room for their replies. True if some are left.
    fn serve(&mut self) -> bool {
        let mut at = 0;
        let mut more = false;
        let client = Client { via: Via::Tcp, address: self.peer.ip(), unix_s: unix_s(), is_pressed: false };
        while let Some(transfer) = &mut self.transfer {
            if self.write.len() >= FLUSH {
                return true;
            }
            if !self.core.transfer(transfer, |message| push(&mut self.write, message)) {
                self.transfer = None;
            }
        }
        while let Some(length) = crate::wire::u16_at(&self.read, at).map(usize::from) {
            let Some(message) = self.read.get(at + 2..at + 2 + length) else { break };
            if self.waiting >= IN_FLIGHT || self.write.len() >= FLUSH {
                more = self.waiting < IN_FLIGHT;
                break;
            }
            let reply_to = || ReplyTo::Connection(self.send_later.clone());
            let served = self.core.serve(message, client, reply_to, |reply| push(&mut self.write, reply));
            (self.last_query, self.has_asked) = (Instant::now(), true);
            at += 2 + length;
            match served {
                Served::Later => self.waiting += 1,
                Served::Transfer(transfer) => {
                    self.transfer = Some(transfer);
                    more = true;
                    break;
                }
                Served::Reply(_) | Served::Never => {}
            }
        }
        self.read.drain(..at);
        more
    }
}

fn push(write: &mut Vec<u8>, reply: &[u8]) {
    write.extend_from_slice(&u16::try_from(reply.len()).unwrap_or(u16::MAX).to_be_bytes());
    write.extend_from_slice(reply);
}
