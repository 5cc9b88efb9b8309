//! What runs on a data thread: one core's socket and listener, its connections, and the queries that wait for others.

mod tcp;
mod udp;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};

use crate::answer::{Answerer, Ask, External, Outcome, Via};
use crate::forward::{Forwarder, Permit};
use crate::metrics::Metrics;
use crate::table::Table;
use crate::{Config, Sockets};
pub(crate) use tcp::Crowd;

/// What all cores share.
pub(crate) struct Shared {
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub forwarder: Arc<Forwarder>,
    pub metrics: Arc<Metrics>,
    pub crowd: Arc<Crowd>,
}

/// One core.
struct Core {
    shared: Arc<Shared>,
    answerer: RefCell<Answerer>,
    /// Replies are made here, one at a time, so that no connection needs a buffer of its own.
    buffer: RefCell<Box<[u8]>>,
    slow: mpsc::UnboundedSender<Job>,
}

/// A query that waits for others. There are at most as many as permits.
struct Job {
    message: Box<[u8]>,
    via: Via,
    ask: Ask,
    reply_to: ReplyTo,
    permit: Permit,
}

/// Where the reply goes.
#[derive(Clone)]
enum ReplyTo {
    Datagram(Rc<udp::Datagrams>, udp::Asker),
    Connection(mpsc::UnboundedSender<Vec<u8>>),
}

impl Core {
    /// Answers a message: `reply` is called with what to send, now; or the query becomes a job that replies later. True if it did.
    fn serve(&self, message: &[u8], via: Via, to: impl FnOnce() -> ReplyTo, reply: impl FnOnce(&[u8])) -> bool {
        self.shared.metrics.request(via);
        let mut buffer = self.buffer.borrow_mut();
        let outcome = self.answerer.borrow_mut().answer(message, via, &mut buffer);
        let ask = match outcome {
            Outcome::Ask(ask) => ask,
            outcome => {
                self.send(outcome, &buffer, reply);
                return false;
            }
        };
        if let Some((answer, age_s)) = self.shared.forwarder.cache.get(&ask, Instant::now()) {
            self.shared.metrics.cache_hits.inc();
            let external = External { name: &ask.name, result: Ok(&answer), age_s };
            let outcome = self.answerer.borrow_mut().complete(message, via, &mut buffer, &external);
            self.send(outcome, &buffer, reply);
            return false;
        }
        self.shared.metrics.cache_misses.inc();
        let Some(permit) = self.shared.forwarder.admit() else {
            let outcome = self.answerer.borrow_mut().turn_away(message, via, &mut buffer);
            self.send(outcome, &buffer, reply);
            return false;
        };
        self.slow.send(Job { message: message.into(), via, ask, reply_to: to(), permit }).is_ok()
    }

    fn send(&self, outcome: Outcome, buffer: &[u8], reply: impl FnOnce(&[u8])) {
        match outcome {
            Outcome::Reply(length, rcode) => {
                self.shared.metrics.response(rcode);
                reply(&buffer[..length]);
            }
            // An alias that changed while others were asked may lead elsewhere now; the client will ask again.
            Outcome::Silent | Outcome::Ask(_) => drop(self.shared.metrics.silent.inc()),
        }
    }

    /// Asks others and replies.
    async fn finish(self: Rc<Self>, job: Job) {
        let result = self.shared.forwarder.resolve(&job.ask).await;
        let external = External { name: &job.ask.name, result: result.as_deref().map_err(|&reason| reason), age_s: 0 };
        let outcome = self.answerer.borrow_mut().complete(&job.message, job.via, &mut self.buffer.borrow_mut(), &external);
        let buffer = self.buffer.borrow();
        self.send(outcome, &buffer, |octets| match &job.reply_to {
            ReplyTo::Datagram(socket, asker) => socket.reply(octets, *asker),
            ReplyTo::Connection(connection) => drop(connection.send(octets.to_vec())),
        });
        drop(job.permit);
    }
}

/// Serves one core's sockets until `stop`; then finishes what is under way. `alive` is held until the end.
pub(crate) fn core(shared: Arc<Shared>, sockets: Sockets, stop: watch::Receiver<bool>, alive: mpsc::Sender<()>) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let (udp, tcp) = match (udp::Datagrams::new(sockets.udp), tokio::net::TcpListener::from_std(sockets.tcp)) {
            (Ok(udp), Ok(tcp)) => (Rc::new(udp), tcp),
            (Err(why), _) | (_, Err(why)) => {
                tracing::error!(%why, "a DNS socket cannot be served");
                return;
            }
        };
        // Unbounded, and bounded by the permits that jobs hold.
        let (slow, jobs) = mpsc::unbounded_channel();
        let answerer = Answerer::new(Arc::clone(&shared.table), Arc::clone(&shared.config), crate::forward::random());
        let core = Rc::new(Core { shared, answerer: RefCell::new(answerer), buffer: RefCell::new(vec![0; 1 << 16].into()), slow });
        let waiting = tokio::task::spawn_local(wait_for_others(Rc::downgrade(&core), jobs));
        let listening = tokio::task::spawn_local(tcp::listen(Rc::clone(&core), tcp, stop.clone(), alive.clone()));
        udp::serve(&core, &udp, stop).await;
        let _ = listening.await;
        // Connections hold the core as long as they live; when the last is gone no job can come any more.
        drop(core);
        let _ = waiting.await;
        drop(alive);
    })
}

/// Runs the jobs of a core side by side, until no more can come.
async fn wait_for_others(core: std::rc::Weak<Core>, mut jobs: mpsc::UnboundedReceiver<Job>) {
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
