//! TCP: accepting at one socket, reaching an endpoint, relaying.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use balance::{Guard, Outcome};
use model::service::FrontendKey;
use net::{Listener, Stream};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};

use super::route::{Chosen, Unserved, now};
use super::{Open, Shared, relay};

/// What a listener is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Serve.
    Open,
    /// Keep the socket, accept nothing: there are endpoints, but none for anybody who could ask here.
    Paused,
    /// Close, and serve first what already waits (`true`), or not.
    Closed {
        /// Whether connections in the queue are served.
        drain: bool,
    },
}

/// Endpoints that are tried for one connection: the first and three more (gateway spec G112).
const TRIES: usize = 4;
/// Connections in one second that ask for a listening socket on every core.
const BUSY_A_SECOND: u32 = 64;
/// Pause after a failed accept: the reason (descriptors, memory) does not go away faster.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Dead peers of idle connections are found after about this long.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// Accepts at one socket until it is told to close. Asks once through `busy` for sockets on the other cores when one core
/// has much to do.
pub(super) async fn listen(
    shared: Arc<Shared>,
    key: FrontendKey,
    socket: std::net::TcpListener,
    mut phase: watch::Receiver<Phase>,
    busy: Option<mpsc::Sender<FrontendKey>>,
) {
    let listener = match Listener::new(socket) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(address = %key.socket(), "cannot watch a listening socket: {error}; the address is refused until it is bound again");
            return;
        }
    };
    let mut rate = Rate { since: Instant::now(), count: 0, busy };
    loop {
        let now = *phase.borrow_and_update();
        match now {
            Phase::Closed { drain } => {
                // The socket goes before the receiver: whoever waits for the receivers may then bind the address again.
                close(&shared, key, listener, drain);
                return;
            }
            Phase::Paused => {
                if phase.changed().await.is_err() {
                    return;
                }
            }
            Phase::Open => tokio::select! {
                changed = phase.changed() => if changed.is_err() { return },
                accepted = listener.accept() => match accepted {
                    Ok((client, peer)) => {
                        rate.count(key);
                        tokio::task::spawn_local(serve(Arc::clone(&shared), key, client, peer));
                    }
                    Err(error) => {
                        shared.numbers.accept_errors.inc();
                        tracing::warn!(address = %key.socket(), "cannot accept: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            },
        }
    }
}

/// Closes the socket. With `drain`, connections that the kernel completed but nobody accepted are served, not reset.
fn close(shared: &Arc<Shared>, key: FrontendKey, listener: Listener, drain: bool) {
    while let Some((client, peer)) = drain.then(|| listener.try_accept().ok()).flatten() {
        tokio::task::spawn_local(serve(Arc::clone(shared), key, client, peer));
    }
}

struct Rate {
    since: Instant,
    count: u32,
    busy: Option<mpsc::Sender<FrontendKey>>,
}

impl Rate {
    fn count(&mut self, key: FrontendKey) {
        if self.since.elapsed() >= Duration::from_secs(1) {
            (self.since, self.count) = (Instant::now(), 0);
        }
        self.count += 1;
        if self.count >= BUSY_A_SECOND
            && let Some(busy) = self.busy.take()
        {
            // A full queue only means that a busy second comes again.
            let _ = busy.try_send(key);
        }
    }
}

/// One connection from accept to end.
async fn serve(shared: Arc<Shared>, key: FrontendKey, client: TcpStream, peer: SocketAddr) {
    let _open = Open::new(&shared);
    let Ok(client) = Stream::new(client) else { return };
    prepare(&client);
    let Ok((endpoint, _connected)) = reach(&shared, key, peer).await else {
        shared.numbers.unserved.inc();
        // After an accept silence is not possible any more; a reset is the nearest thing for both.
        return relay::reset(&client);
    };
    shared.numbers.connections.inc();
    if relay_until_cut(&shared, &client, &endpoint).await.is_err() {
        relay::reset(&client);
        relay::reset(&endpoint);
    }
}

async fn relay_until_cut(shared: &Shared, client: &Stream, endpoint: &Stream) -> io::Result<()> {
    let mut cut = shared.cut.subscribe();
    let mut relayed = std::pin::pin!(relay::relay(client, endpoint));
    // Polled when it begins, so that the cut wakes this task; after that one look at a number tells whether it came.
    let (mut cutting, mut waits) = (std::pin::pin!(cut.wait_for(|cut| *cut)), false);
    let news = shared.cut.subscribe();
    poll_fn(|context| match relayed.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending if waits && !news.has_changed().unwrap_or(true) => Poll::Pending,
        Poll::Pending => {
            waits = true;
            cutting.as_mut().poll(context).map(|_| Err(io::ErrorKind::ConnectionAborted.into()))
        }
    })
    .await
}

fn prepare(stream: &Stream) {
    // Failing to set an option of a socket that just died is found out by the next read.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

/// Connects to an endpoint; to another one when that fails, since no byte was sent yet.
async fn reach(shared: &Shared, key: FrontendKey, peer: SocketAddr) -> Result<(Stream, Connected), Unserved> {
    let mut tried: Vec<SocketAddr> = Vec::new();
    loop {
        let chosen = shared.choose(&key, peer.ip(), &tried)?;
        let address = chosen.guard.endpoint().address;
        let started = now();
        let connecting = tokio::time::timeout(shared.options.connect_timeout, Stream::connect(address));
        let outcome = match connecting.await {
            Ok(Ok(stream)) if stream.local_addr().is_ok_and(|own| own == address) => {
                // The kernel connected the socket to itself: its own port happened to be that of an endpoint nobody serves.
                relay::reset(&stream);
                Outcome::Refused
            }
            Ok(Ok(mut stream)) => {
                prepare(&stream);
                if chosen.frontend.announces {
                    // A connection that was just made has room for these few bytes; one that has broken already is found out by the relay.
                    let _ = stream.write_all(&net::announced::header(peer, key.socket())).await;
                }
                return Ok((stream, connected(shared, chosen, peer, started)));
            }
            Ok(Err(error)) => outcome_of(&error),
            Err(_) => Outcome::ConnectTimeout,
        };
        shared.numbers.connect_failures.inc();
        let failed = now();
        chosen.guard.head(outcome, failed.since(started), failed);
        tried.push(address);
        if tried.len() >= TRIES {
            return Err(Unserved::Refused);
        }
    }
}

/// An endpoint with an open connection.
struct Connected(Guard);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.endpoint().vitals.disconnected();
    }
}

fn connected(shared: &Shared, chosen: Chosen, peer: SocketAddr, started: balance::Now) -> Connected {
    let now = now();
    shared.remember(&chosen, peer.ip(), now);
    chosen.guard.connected(now);
    chosen.guard.head(Outcome::Success, now.since(started), now);
    chosen.guard.endpoint().vitals.connected();
    Connected(chosen.guard.lasting())
}

/// What a failed connect says of the endpoint.
fn outcome_of(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::TimedOut => Outcome::ConnectTimeout,
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Outcome::Refused
        }
        // Out of descriptors or ports: ours, not the endpoint's.
        _ => Outcome::Canceled,
    }
}
