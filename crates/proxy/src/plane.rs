//! The HTTP plane: binds what the snapshot says, serves it on every data thread, acknowledges, drains (gateway spec G41, G123).
//!
//! Level-triggered: each generation is compared with what is bound. A socket that is still wanted is never closed or bound
//! anew; listeners, hosts, certificates and routes of a port change under it without it noticing.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use balance::Pickers;
use model::ident::Transport;
use model::routes::{Entrance, EntranceKey, Speaks};
use model::service::FrontendKey;
use model::{Applied, Live, Problem, Snapshot};
use net::{BindError, Listener, Stream};
use observe::Registry;
use tokio::sync::oneshot;

use crate::Runtime;
use crate::buffer::Buffer;
use crate::caller::{self, Caller};
use crate::core::{Core, Options, Shared, entrance, now};
use crate::crew::Arrival;
use crate::door::{Door, Ticket};
use crate::front::h1::Over;
use crate::front::{h1, h2};
use crate::loads::Loads;
use crate::log::AccessLog;
use crate::numbers::{Numbers, Open, Opened, Shook};
use crate::pressure::Pressure;
use crate::request::session::Seals;
use crate::socket::Socket;
use crate::tls::{self, Certificates};
use crate::upstream::commons::Commons;
use crate::upstream::tls::Clients;
use crate::wire::Wire;

/// First and longest wait before an address is tried again.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How often a drain looks whether it is done.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// How often a full plane looks whether somebody has left.
const FULL_LOOK: Duration = Duration::from_millis(20);
/// How often memory is looked at, and numbers are added up.
const LOOK: Duration = Duration::from_secs(1);
/// Refused certificates of clients that a thread tells of in a second.
const REFUSALS_TOLD: u32 = 10;
/// What connections get to say farewell after the drain is over.
const FAREWELL: Duration = Duration::from_millis(300);

/// What the plane is started with.
#[derive(Default)]
pub struct Settings {
    /// How to behave.
    pub options: Options,
    /// Where request lines go.
    pub log: Option<AccessLog>,
    /// Where numbers are registered.
    pub metrics: Option<Registry>,
    /// Sockets that are bound already, one per data thread: the entries whose port the system chose. They are served for the
    /// life of the plane, with 404 while no snapshot names them.
    pub bound: Vec<(SocketAddr, Vec<std::net::TcpListener>)>,
    /// What seals the tokens of sessions; `None` is one of its own, which does not outlive the process.
    pub session_key: Option<[u8; 32]>,
    /// How much memory is in use and may be; `None` asks the control groups of the process.
    pub memory: Option<Measure>,
}

/// Use and bound of memory now; `None` where nothing bounds it.
pub type Measure = Box<dyn Fn() -> Option<net::memory::Memory> + Send>;

/// The running plane.
#[derive(Clone)]
pub struct Plane {
    runtime: Runtime,
    shared: Arc<Shared>,
}

thread_local! {
    static LOCAL: RefCell<Option<Local>> = const { RefCell::new(None) };
}

/// What a data thread serves.
struct Local {
    core: Rc<Core>,
    doors: HashMap<EntranceKey, (Rc<Door>, oneshot::Sender<()>)>,
    /// Doors that are closed, while connections that came through them live.
    left: Vec<Rc<Door>>,
}

impl Plane {
    /// Starts serving whatever `live` publishes.
    pub fn start(runtime: &Runtime, live: Arc<Live>, pickers: Arc<Pickers>, settings: Settings) -> Self {
        // A request needs two descriptors, one on each side.
        let files = || usize::try_from(net::limits::raise_open_files()).unwrap_or(usize::MAX);
        let open_max = settings.options.connections_max.unwrap_or_else(|| files() / 10 * 4);
        let numbers = settings.metrics.as_ref().map(|registry| Numbers::new(registry, &live));
        let shared = Arc::new(Shared {
            open_max,
            live,
            pickers,
            log: settings.log,
            numbers,
            open: Open::default(),
            certificates: Certificates::default(),
            clients: Clients::default(),
            seals: settings.session_key.as_ref().map_or_else(Seals::random, Seals::new),
            options: settings.options,
            cores: runtime.cores(),
            runtime: runtime.clone(),
            loads: Loads::new(runtime.cores()),
            commons: Commons::default(),
            pressure: Pressure::default(),
        });
        for core in 0..runtime.cores() {
            let shared = Arc::clone(&shared);
            runtime.spawn_on(core, move || {
                let core = Core::new(shared, core);
                LOCAL.set(Some(Local { core: Rc::clone(&core), doors: HashMap::new(), left: Vec::new() }));
                core.tick()
            });
        }
        let plane = Self { runtime: runtime.clone(), shared };
        let mut keeper = Keeper { plane: plane.clone(), bound: BTreeMap::new(), failed: BTreeMap::new() };
        for (address, sockets) in settings.bound {
            let key = (address.ip(), address.port(), Transport::Tcp);
            plane.open(key, sockets);
            keeper.bound.insert(key, Bound::Given);
        }
        runtime.spawn_on(0, move || keeper.run());
        let shared = Arc::clone(&plane.shared);
        let memory = settings.memory.unwrap_or_else(|| {
            let groups = net::memory::Groups::of_this_process();
            Box::new(move || groups.tightest())
        });
        runtime.spawn_on(0, move || look(shared, memory));
        plane
    }

    /// Stops accepting, lets requests in flight finish, and cuts off what is left after this time. Gives how many connections
    /// and streams were cut off.
    pub async fn drain(&self, within: Duration) -> usize {
        let end = Instant::now() + within;
        self.everywhere(|local| {
            local.close_all();
            local.left.iter().for_each(|door| door.close());
        });
        while self.open_connections() > 0 && Instant::now() < end {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        let left = self.open_connections();
        if left > 0 {
            tracing::warn!(connections = left, "drain timeout: cutting off what is still open");
            self.everywhere(|local| local.left.iter().for_each(|door| door.cut_off()));
            tokio::time::sleep(FAREWELL).await;
        }
        left
    }

    /// Closes an entrance that is not wanted any more; what came through it has the time of a drain.
    fn leave(&self, key: EntranceKey) {
        let within = self.shared.options.drain;
        for core in 0..self.runtime.cores() {
            self.runtime.spawn_on(core, move || {
                let mut closed = None;
                with_local(|local| closed = local.close(&key));
                async move {
                    if let Some(door) = closed {
                        tokio::time::sleep(within).await;
                        door.cut_off();
                    }
                }
            });
        }
    }

    /// Client connections and HTTP/2 streams that are open.
    pub fn open_connections(&self) -> usize {
        self.shared.loads.total()
    }

    fn everywhere(&self, act: impl Fn(&mut Local) + Clone + Send + 'static) {
        for core in 0..self.runtime.cores() {
            let act = act.clone();
            self.runtime.spawn_on(core, move || {
                with_local(act);
                async {}
            });
        }
    }

    /// Serves an entrance with one socket per data thread.
    fn open(&self, key: EntranceKey, sockets: Vec<std::net::TcpListener>) {
        for (core, socket) in sockets.into_iter().enumerate() {
            self.runtime.spawn_on(core, move || {
                let (stop, stopped) = oneshot::channel();
                let mut place = None;
                with_local(|local| {
                    let door = Door::new(key, Arc::clone(&local.core.shared), local.core.thread);
                    local.doors.insert(key, (Rc::clone(&door), stop));
                    place = Some((Rc::clone(&local.core), door));
                });
                async move {
                    if let (Some((core, door)), Ok(listener)) = (place, Listener::new(socket)) {
                        accept(listener, door, core, stopped).await;
                    }
                }
            });
        }
    }
}

fn with_local(act: impl FnOnce(&mut Local)) {
    LOCAL.with_borrow_mut(|local| local.as_mut().map(act));
}

impl Local {
    fn close(&mut self, key: &EntranceKey) -> Option<Rc<Door>> {
        let (door, stop) = self.doors.remove(key)?;
        let _ = stop.send(());
        door.close();
        self.left.retain(|door| door.open() > 0);
        self.left.push(Rc::clone(&door));
        Some(door)
    }

    /// The door of an entrance, also while it is being closed.
    fn door(&self, key: &EntranceKey) -> Option<Rc<Door>> {
        let open = self.doors.get(key).map(|(door, _)| door);
        open.or_else(|| self.left.iter().rev().find(|door| door.key == *key)).cloned()
    }

    fn close_all(&mut self) {
        for key in self.doors.keys().copied().collect::<Vec<_>>() {
            self.close(&key);
        }
    }
}

/// Accepts until told to stop; then takes what still waits in the queue, which closing the socket would reset.
async fn accept(listener: Listener, door: Rc<Door>, core: Rc<Core>, mut stopped: oneshot::Receiver<()>) {
    loop {
        let full = core.shared.loads.total() >= core.shared.open_max;
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            // Whoever waits in the kernel's queue is served when somebody has left.
            () = tokio::time::sleep(FULL_LOOK), if full => {}
            accepted = listener.accept(), if !full => match accepted {
                Ok((stream, peer)) => welcome(stream, peer, &door, &core),
                // Out of descriptors or memory: wait for connections to end instead of asking again at once.
                Err(error) if !is_of_the_peer(&error) => {
                    tracing::warn!(%error, address = %door.key.0, port = door.key.1, "cannot accept: raise the limit of open files");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(_) => {}
            },
        }
    }
    while let Ok((stream, peer)) = listener.try_accept() {
        welcome(stream, peer, &door, &core);
    }
}

/// The connection broke before it was accepted: nobody's concern.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted)
}

fn welcome(stream: TcpStream, peer: SocketAddr, door: &Rc<Door>, core: &Rc<Core>) {
    match core.shared.loads.elsewhere(core.thread).filter(|_| !door.is_closing()) {
        Some(other) => pass_on(stream, peer, door.key, other, core),
        None => serve(stream, peer, door, core),
    }
}

/// Gives a connection of which nothing was read yet to a thread that has less to do.
fn pass_on(stream: TcpStream, peer: SocketAddr, key: EntranceKey, other: usize, core: &Core) {
    core.shared.runtime.spawn_on(other, move || {
        let mut place = None;
        with_local(|local| place = local.door(&key).map(|door| (door, Rc::clone(&local.core))));
        if let Some((door, core)) = place {
            serve(stream, peer, &door, &core);
        }
        async {}
    });
}

fn serve(stream: TcpStream, peer: SocketAddr, door: &Rc<Door>, core: &Rc<Core>) {
    if let Some(entrance) = entrance(&core.snapshot(), &door.key) {
        door.bound(entrance.limits.as_ref());
    }
    let Ok(stream) = Stream::new(stream) else { return };
    let ticket = door.enter(core.wheel.timer(), core.random());
    let Err(arrival) = core.crew.rouse(Arrival { stream, peer, ticket }) else { return };
    let core = Rc::clone(core);
    tokio::task::spawn_local(async move {
        let mut arrival = Some(arrival);
        while let Some(Arrival { stream, peer, ticket }) = arrival.take() {
            connection(stream, peer, &ticket, &core).await;
            drop(ticket);
            arrival = core.crew.rest().await;
        }
    });
}

/// One client connection, from its first byte to its last. What few connections need is boxed, so that all are small.
async fn connection(mut stream: Stream, mut peer: SocketAddr, ticket: &Ticket, core: &Rc<Core>) {
    let _open = Opened::count(&core.shared.open.clients);
    let key = ticket.door().key;
    let (speaks, peers) = entrance(&core.snapshot(), &key).map(|entrance| (entrance.speaks, entrance.peers.clone())).unzip();
    let peers = peers.unwrap_or_default();
    if peers.announced {
        match Box::pin(caller::announcement(&mut stream, peer, &peers, ticket.options().head_timeout)).await {
            Ok(announced) => peer = announced,
            Err(error) => return tracing::debug!(%error, client = %peer, "a connection without the header of the PROXY protocol is closed"),
        }
    }
    let https = ticket.door().speaks(speaks) == Some(Speaks::Https);
    let mut caller = Box::new(Caller::new(peer, https, &peers, core.next_connection()));
    drop(peers);
    if !https {
        let wire = Wire::new(Socket::Tcp(stream), Buffer::default());
        if let Over::Http2(wire) = h1::serve(wire, &caller, None, core, ticket).await {
            Box::pin(h2::serve(*wire, &caller, None, core, ticket)).await;
        }
        return;
    }
    let snapshot = core.snapshot();
    let count = |how| core.shared.numbers.iter().for_each(|numbers| numbers.shaken(how));
    let Some(shaking) = Shaking::begin(core) else {
        count(Shook::Overload);
        let _ = stream.set_zero_linger();
        return;
    };
    let shaken = Box::pin(tls::accept(&core.shared.certificates, &snapshot, &key, stream)).await;
    drop(shaking);
    match shaken {
        Ok(accepted) => {
            drop(snapshot);
            count(Shook::Ok);
            let (stream, listener, shaken) = accepted.into_parts(core.shared.log.is_some());
            caller.tls = shaken;
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let wire = Wire::new(Socket::Tls(Box::new(stream.into())), Buffer::default());
            if is_h2 {
                Box::pin(h2::serve(wire, &caller, listener, core, ticket)).await;
            } else {
                h1::serve(wire, &caller, listener, core, ticket).await;
            }
        }
        Err(failure) => {
            let how = failure.shook();
            count(how);
            match how {
                Shook::ClientCertificate if may_tell(core) => {
                    tracing::info!(error = %failure, client = %peer, port = key.1, "a client without a certificate that is vouched for is refused");
                }
                _ => tracing::debug!(error = %failure, client = %peer, "TLS handshake failed"),
            }
        }
    }
}

/// Whether one more refusal of this second is told: whoever knocks without end must not fill the log.
fn may_tell(core: &Core) -> bool {
    let (second, told) = core.refusals.get();
    let told = if second == now().seconds() { told + 1 } else { 1 };
    core.refusals.set((now().seconds(), told));
    told <= REFUSALS_TOLD
}

/// A handshake in progress.
struct Shaking<'a>(&'a Core);

impl<'a> Shaking<'a> {
    /// `None` when there are too many.
    fn begin(core: &'a Core) -> Option<Self> {
        let count = core.handshakes.get();
        (count < core.options().handshakes_max).then(|| {
            core.handshakes.set(count + 1);
            Self(core)
        })
    }
}

impl Drop for Shaking<'_> {
    fn drop(&mut self) {
        self.0.handshakes.set(self.0.handshakes.get() - 1);
    }
}

/// Who holds an address for us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Bound because a snapshot asked for it.
    Asked,
    /// Handed to us at start: never closed.
    Given,
}

/// An address that could not be bound.
struct Failed {
    reason: &'static str,
    message: String,
    again: Instant,
    wait: Duration,
}

/// Keeps the bound sockets equal to what the snapshot asks for. One task.
struct Keeper {
    plane: Plane,
    bound: BTreeMap<EntranceKey, Bound>,
    failed: BTreeMap<EntranceKey, Failed>,
}

impl Keeper {
    async fn run(mut self) {
        let live = Arc::clone(&self.plane.shared.live);
        let mut generation = 0;
        loop {
            let again = self.failed.values().map(|failed| failed.again).min();
            let snapshot = tokio::select! {
                snapshot = live.newer_than(generation) => snapshot,
                () = until(again) => live.snapshot(),
            };
            generation = snapshot.generation;
            self.reconcile(&snapshot);
            live.applied(Applied { plane: "http", generation, problems: self.problems(&snapshot) });
        }
    }

    fn reconcile(&mut self, snapshot: &Snapshot) {
        let wanted = |key: &EntranceKey| entrance(snapshot, key).is_some_and(|entrance| is_ours(entrance));
        let gone: Vec<_> = self.bound.iter().filter(|(key, bound)| **bound == Bound::Asked && !wanted(key)).map(|(key, _)| *key).collect();
        for key in gone {
            self.bound.remove(&key);
            self.plane.leave(key);
        }
        self.failed.retain(|key, _| wanted(key));
        let now = Instant::now();
        for (key, entrance) in &snapshot.entrances.ports {
            let due = self.failed.get(key).is_none_or(|failed| failed.again <= now);
            if is_ours(entrance) && !self.bound.contains_key(key) && due {
                self.bind(*key, now);
            }
        }
    }

    fn bind(&mut self, key: EntranceKey, now: Instant) {
        match net::bind_tcp(SocketAddr::new(key.0, key.1), self.plane.runtime.cores()) {
            Ok(sockets) => {
                self.plane.open(key, sockets);
                self.bound.insert(key, Bound::Asked);
                self.failed.remove(&key);
            }
            Err(error) => {
                let wait = self.failed.get(&key).map_or(RETRY, |failed| (failed.wait * 2).min(RETRY_MAX));
                if !self.failed.contains_key(&key) {
                    tracing::warn!(%error, "a listener has no socket; trying again");
                }
                self.failed.insert(key, Failed { reason: reason(&error), message: error.to_string(), again: now + wait, wait });
            }
        }
    }

    /// One problem for each listener of an address that is not bound.
    fn problems(&self, snapshot: &Snapshot) -> Vec<Problem> {
        let of = |(key, failed): (&EntranceKey, &Failed)| {
            let listeners = entrance(snapshot, key).map(|entrance| entrance.listeners.clone()).unwrap_or_default();
            let frontend = FrontendKey { address: key.0, transport: key.2, port: key.1 };
            let (reason, message) = (failed.reason, failed.message.clone());
            listeners.into_iter().map(move |listener| Problem {
                subject: listener.origin.clone(),
                frontend: Some(frontend),
                reason,
                message: message.clone(),
            })
        };
        self.failed.iter().flat_map(of).collect()
    }
}

/// What belongs to no thread, once a second: memory, and some of the numbers.
async fn look(shared: Arc<Shared>, memory: Measure) {
    loop {
        shared.pressure.measured(memory());
        if let Some(numbers) = &shared.numbers {
            let dropped = shared.log.as_ref().map_or(0, |log| log.lines.dropped());
            numbers.sweep(&shared.open, dropped, &shared.live);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

fn is_ours(entrance: &Entrance) -> bool {
    matches!(entrance.speaks, Speaks::Http | Speaks::Https)
}

/// The word of a condition.
fn reason(error: &BindError) -> &'static str {
    match () {
        () if error.in_use() => "AddressInUse",
        () if error.privileged() => "PortPrivileged",
        () => "PortUnavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand idle connections then cost less than 70 MB: they hold no buffers beside their task.
    #[test]
    fn a_connections_task_is_small() {
        fn size_of_output<A, B, C, D, F>(_: impl Fn(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        fn probe<'a>(stream: Stream, peer: SocketAddr, ticket: &'a Ticket, core: &'a Rc<Core>) -> impl Future<Output = ()> + 'a {
            connection(stream, peer, ticket, core)
        }
        let size = size_of_output(|stream, peer, ticket: &'static Ticket, core: &'static Rc<Core>| probe(stream, peer, ticket, core));
        assert!(size < 6656, "{size} bytes");
    }
}
