//! Where queries come in. Each core has two threads of ours to serve it: one that does nothing but read and answer datagrams
//! (`udp`), and its data thread, where connections live (`tcp`) and where queries of both wait for others.

mod fair;
mod tcp;
mod udp;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::answer::{Answerer, Ask, Client, External, Outcome, Via};
use crate::cookie::Secrets;
use crate::forward::{Forwarder, Permit};
use crate::metrics::{Metrics, Tally};
use crate::table::Table;
use crate::transfer::Transfer;
use crate::wire::rcode;
use crate::{Config, Sockets};
pub(crate) use tcp::Crowd;

/// What all threads share.
pub(crate) struct Shared {
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub forwarder: Arc<Forwarder>,
    pub metrics: Arc<Metrics>,
    pub crowd: Arc<Crowd>,
    /// Make cookies.
    pub secrets: Secrets,
}

/// What answers on one thread.
struct Desk {
    shared: Arc<Shared>,
    answerer: Answerer,
    /// Told at the end of each burst.
    tally: Tally,
    /// Unbounded, and bounded by the permits that jobs hold.
    slow: mpsc::UnboundedSender<Job>,
}

/// A query that waits for others. There are at most as many as permits, on all cores together.
struct Job {
    message: Box<[u8]>,
    client: Client,
    ask: Ask,
    reply_to: ReplyTo,
    permit: Permit,
}

/// Where the reply goes.
#[derive(Clone)]
enum ReplyTo {
    Datagram(Arc<udp::Datagrams>, udp::Asker),
    Connection(mpsc::UnboundedSender<Vec<u8>>),
}

/// What became of a query.
enum Served {
    /// So many octets of the buffer are the reply.
    Reply(usize),
    /// It waits for others and will be replied to later.
    Later,
    /// It gets no reply, or it has it.
    Never,
    /// A zone in messages that are made one by one.
    Transfer(Box<Transfer>),
}

impl Desk {
    fn new(shared: Arc<Shared>, slow: mpsc::UnboundedSender<Job>) -> Self {
        let (table, config, upstreams) = (Arc::clone(&shared.table), Arc::clone(&shared.config), Arc::clone(&shared.forwarder.upstreams));
        let answerer = Answerer::new(table, config, upstreams, shared.secrets, crate::forward::random());
        Self { shared, answerer, tally: Tally::default(), slow }
    }

    /// Answers a message into `buffer`, or makes it a job that replies `to` somebody later.
    fn serve(&mut self, message: &[u8], client: Client, buffer: &mut [u8], to: impl FnOnce() -> ReplyTo) -> Served {
        self.tally.request(client.via);
        let ask = match self.answerer.answer(message, client, buffer) {
            Outcome::Ask(ask) => ask,
            outcome => return self.told(outcome, client.via),
        };
        if let Some((answer, age_s)) = self.shared.forwarder.cache.get(&ask, Instant::now()) {
            self.shared.metrics.cache_hits.inc();
            return self.complete(message, client, buffer, &External { name: &ask.name, result: Ok(&answer), age_s });
        }
        self.shared.metrics.cache_misses.inc();
        let Some(permit) = self.shared.forwarder.admit() else {
            let outcome = self.answerer.turn_away(message, client, buffer);
            return self.told(outcome, client.via);
        };
        match self.slow.send(Job { message: message.into(), client, ask, reply_to: to(), permit }) {
            Ok(()) => Served::Later,
            Err(_) => Served::Never,
        }
    }

    /// Answers a message with what others said.
    fn complete(&mut self, message: &[u8], client: Client, buffer: &mut [u8], external: &External<'_>) -> Served {
        let outcome = self.answerer.complete(message, client, buffer, external);
        self.told(outcome, client.via)
    }

    /// Tells what was counted.
    fn tell(&mut self) {
        self.shared.metrics.add(&mut self.tally);
    }

    fn told(&mut self, outcome: Outcome, via: Via) -> Served {
        match outcome {
            Outcome::Reply(length, rcode, is_cut) => {
                self.tally.response(rcode);
                if is_cut {
                    self.tally.cut(via);
                }
                Served::Reply(length)
            }
            Outcome::Transfer(transfer) => {
                self.tally.response(rcode::NOERROR);
                Served::Transfer(transfer)
            }
            // An alias that changed while others were asked may lead elsewhere now; the client will ask again.
            Outcome::Silent | Outcome::Ask(_) => {
                self.tally.silence();
                Served::Never
            }
        }
    }
}

/// Seconds of Unix time, as cookies count them.
fn unix_s() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // RFC 9018 compares in serial number arithmetic: the count may turn over.
    u32::try_from(since.as_secs() & u64::from(u32::MAX)).unwrap_or(0)
}

/// The data thread's part of a core.
struct Core {
    shared: Arc<Shared>,
    desk: RefCell<Desk>,
    /// Replies are made here, one at a time, so that no connection needs a buffer of its own.
    buffer: RefCell<Box<[u8]>>,
}

impl Core {
    /// Answers a message with `reply`, now; or the query becomes a job, or the reply is longer than a message.
    fn serve(&self, message: &[u8], client: Client, to: impl FnOnce() -> ReplyTo, reply: impl FnOnce(&[u8])) -> Served {
        let mut buffer = self.buffer.borrow_mut();
        let mut desk = self.desk.borrow_mut();
        let served = desk.serve(message, client, &mut buffer, to);
        desk.tell();
        if let Served::Reply(length) = served {
            reply(&buffer[..length]);
            return Served::Never;
        }
        served
    }

    /// Writes the next message of a transfer. False when there is none.
    fn transfer(&self, transfer: &mut Transfer, write: impl FnOnce(&[u8])) -> bool {
        let mut buffer = self.buffer.borrow_mut();
        let Some(length) = transfer.next(&mut buffer) else { return false };
        write(&buffer[..length]);
        true
    }

    /// Asks others and replies.
    async fn finish(self: Rc<Self>, job: Job) {
        let result = self.shared.forwarder.resolve(&job.ask).await;
        let external = External { name: &job.ask.name, result: result.as_deref().map_err(|&reason| reason), age_s: 0 };
        let mut buffer = self.buffer.borrow_mut();
        let mut desk = self.desk.borrow_mut();
        let served = desk.complete(&job.message, job.client, &mut buffer, &external);
        desk.tell();
        // A connection counts its queries that wait: it hears of each, of some with no octets.
        let length = if let Served::Reply(length) = served { length } else { 0 };
        match &job.reply_to {
            ReplyTo::Datagram(socket, asker) if length > 0 => socket.reply(&buffer[..length], *asker),
            ReplyTo::Datagram(..) => {}
            ReplyTo::Connection(connection) => drop(connection.send(buffer[..length].to_vec())),
        }
        drop(job.permit);
    }
}

/// A core whose threads are about to serve.
pub(crate) struct Start {
    pub shared: Arc<Shared>,
    pub listener: std::net::TcpListener,
    datagrams: Arc<udp::Datagrams>,
    jobs: mpsc::UnboundedReceiver<Job>,
    slow: mpsc::UnboundedSender<Job>,
    /// Closed when the thread for datagrams ended.
    quiet: oneshot::Receiver<()>,
}

/// Starts the thread that answers a core's datagrams; what it gives back is for [`core`] on the core's data thread.
///
/// # Errors
/// When the socket cannot tell addresses, or the system gives no thread.
pub(crate) fn start(shared: Arc<Shared>, core: usize, sockets: Sockets) -> io::Result<Start> {
    let datagrams = Arc::new(udp::Datagrams::new(sockets.udp)?);
    let (slow, jobs) = mpsc::unbounded_channel();
    let (ended, quiet) = oneshot::channel();
    let (desk, socket) = (Desk::new(Arc::clone(&shared), slow.clone()), Arc::clone(&datagrams));
    std::thread::Builder::new().name(format!("dns-{core}")).spawn(move || {
        udp::serve(desk, &socket);
        drop(ended);
    })?;
    Ok(Start { shared, listener: sockets.tcp, datagrams, jobs, slow, quiet })
}

/// Serves a core's connections and the queries of both its threads that wait, until `stop`; then finishes what is under way.
/// `alive` is held until the end.
pub(crate) fn core(start: Start, mut stop: watch::Receiver<bool>, alive: mpsc::Sender<()>) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let listener = match TcpListener::from_std(start.listener) {
            Ok(listener) => listener,
            Err(why) => {
                tracing::error!(%why, "DNS connections cannot be served");
                start.datagrams.close();
                return;
            }
        };
        let desk = RefCell::new(Desk::new(Arc::clone(&start.shared), start.slow));
        let core = Rc::new(Core { shared: start.shared, desk, buffer: RefCell::new(vec![0; 1 << 16].into()) });
        let waiting = tokio::task::spawn_local(wait_for_others(Rc::downgrade(&core), start.jobs));
        let listening = tokio::task::spawn_local(tcp::listen(Rc::clone(&core), listener, stop.clone(), alive.clone()));
        let _ = stop.wait_for(|stop| *stop).await;
        start.datagrams.close();
        let _ = start.quiet.await;
        let _ = listening.await;
        // Connections hold the core as long as they live; when the last is gone no job can come any more.
        drop(core);
        let _ = waiting.await;
        drop(alive);
    })
}

/// Runs the jobs of a core side by side, until no more can come.
async fn wait_for_others(core: Weak<Core>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut waiting = FuturesUnordered::new();
    let mut open = true;
    while open || !waiting.is_empty() {
        tokio::select! {
            job = jobs.recv(), if open => match (job, core.upgrade()) {
                (Some(job), Some(core)) => waiting.push(core.finish(job)),
                _ => open = false,
            },
            Some(()) = waiting.next() => {}
        }
    }
}
