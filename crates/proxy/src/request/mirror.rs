//! Copies of requests (gateway spec G61). A copy runs beside its request: it is fed what passes, falls behind at its own cost,
//! and nobody waits for it or reads its answer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use balance::{Ask, Layer};
use model::routes::{BackendTo, Mirror};
use model::tls::TlsIdentity;
use model::{Outcome, Pool, Snapshot};

use super::asked::Asked;
use crate::core::{Core, now};
use crate::h1::{Framing, Head, HeadParser, Limits};
use crate::numbers::Numbers;
use crate::relay::{Broken, Fill, Source, Stage, poll_relay};
use crate::upstream::tls::Manner;
use crate::upstream::{self, Link};

/// Bytes of body a copy may lag behind its request, and while it has no connection yet.
const LAG_MAX: usize = 64 << 10;
const LAG_UNCONNECTED: usize = 256 << 10;
/// After so many bytes the copies have their turn.
pub const TURN: usize = 16 << 10;
/// Copies under way per thread; beyond that requests are not copied.
const COPIES_MAX: usize = 1024;
/// Longest life of a copy.
const LIFE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    ended: bool,
    /// The copy is given up: by whoever feeds it, or because it lags.
    dropped: bool,
    connected: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The feeding end. Dropping it before the end gives the copy up.
pub struct Feed(Rc<RefCell<Queue>>);

impl Feed {
    /// These bytes of the body passed.
    pub fn data(&self, bytes: &[u8]) {
        let mut queue = self.0.borrow_mut();
        let most = if queue.connected { LAG_MAX } else { LAG_UNCONNECTED };
        if queue.bytes.len() + bytes.len() > most {
            queue.dropped = true;
        } else if !queue.dropped {
            queue.bytes.extend_from_slice(bytes);
        }
        queue.wake();
    }

    /// The body is complete.
    pub fn end(&self) {
        let mut queue = self.0.borrow_mut();
        queue.ended = true;
        queue.wake();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut queue = self.0.borrow_mut();
        queue.dropped |= !queue.ended;
        queue.wake();
    }
}

/// The copy's end of the queue.
struct Eater {
    queue: Rc<RefCell<Queue>>,
    bite: Vec<u8>,
    at: usize,
    none: Head,
}

impl Source for Eater {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        let mut queue = self.queue.borrow_mut();
        if queue.dropped {
            return Poll::Ready(Err(Broken::Cut));
        }
        if self.at < self.bite.len() {
            return Poll::Ready(Ok(Fill::Data));
        }
        if !queue.bytes.is_empty() {
            self.bite = std::mem::take(&mut queue.bytes);
            self.at = 0;
            return Poll::Ready(Ok(Fill::Data));
        }
        if queue.ended {
            return Poll::Ready(Ok(Fill::End));
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn data(&self) -> &[u8] {
        &self.bite[self.at..]
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }

    fn trailers(&self) -> &Head {
        &self.none
    }
}

/// Starts the copies that the draw of each mirror asks for.
pub fn start(core: &Rc<Core>, snapshot: &Snapshot, (mirrors, client): (&[&Mirror], Option<&Arc<TlsIdentity>>), asked: &Asked, id: u128) -> Vec<Feed> {
    mirrors.iter().filter_map(|mirror| start_one(core, snapshot, (mirror, client), asked, id)).collect()
}

fn start_one(core: &Rc<Core>, snapshot: &Snapshot, (mirror, client): (&Mirror, Option<&Arc<TlsIdentity>>), asked: &Asked, id: u128) -> Option<Feed> {
    let drawn = core.random() % u64::from(mirror.denominator.max(1)) < u64::from(mirror.numerator);
    let pool = snapshot.pool(mirror.to.pool()?)?;
    if !drawn {
        return None;
    }
    if core.copies.get() >= COPIES_MAX {
        core.shared.numbers.iter().for_each(Numbers::mirror_dropped);
        return None;
    }
    let picker = core.shared.pickers.of(pool, Layer::Http);
    let ask = Ask { hash: picker.hash_key(asked), tried: &[], ..Ask::default() };
    let guard = picker.pick(&mut core.worker.borrow_mut(), &ask, now()).ok()?;
    let queue = Rc::new(RefCell::new(Queue::default()));
    let feed = Feed(Rc::clone(&queue));
    let way = (Arc::clone(pool), mirror.to.clone(), client.cloned());
    let plan = Plan { core: Rc::clone(core), guard, way, head: asked.clone(), id };
    core.copies.set(core.copies.get() + 1);
    tokio::task::spawn_local(async move {
        let eater = Eater { queue: Rc::clone(&queue), bite: Vec::new(), at: 0, none: Head::default() };
        let late = tokio::time::timeout(LIFE, plan.run(eater)).await.is_err();
        if late || queue.borrow().dropped {
            plan.core.shared.numbers.iter().for_each(Numbers::mirror_dropped);
        }
    });
    Some(feed)
}

struct Plan {
    core: Rc<Core>,
    guard: balance::Guard,
    /// Where it goes, and what we show there.
    way: (Arc<Pool>, BackendTo, Option<Arc<TlsIdentity>>),
    head: Asked,
    id: u128,
}

impl Drop for Plan {
    fn drop(&mut self) {
        self.core.copies.set(self.core.copies.get() - 1);
    }
}

impl Plan {
    /// Sends the copy and reads the answer to its end, so that the backend is not cut off in the middle of it.
    async fn run(&self, mut eater: Eater) {
        let started = now();
        let (endpoint, within) = (self.guard.endpoint(), self.core.options().connect_timeout);
        let limits = self.core.options().answer_limits;
        let (pool, to, client) = &self.way;
        let manner = Manner::of(pool, to, client.as_ref(), &self.head);
        let joined = if manner.may_join() { upstream::join_now(&self.core.http2, endpoint, pool.id, manner) } else { None };
        let connected = match joined {
            Some(link) => Ok(link),
            None => upstream::connect(&self.core, endpoint, pool.id, (within, limits), manner).await,
        };
        let Ok(mut link) = connected else {
            self.guard.head(Outcome::Refused, now().since(started), now());
            return;
        };
        eater.queue.borrow_mut().connected = true;
        link.pipe.begin(&self.head, self.id, false).await;
        let mut stage = Stage::Moving;
        if poll_fn(|context| poll_relay(context, &mut eater, &mut link.pipe, &mut stage, &mut 0)).await.is_ok() {
            let _ = self.discard(&mut link).await;
        }
    }

    async fn discard(&self, link: &mut Link) -> Result<(), Broken> {
        let (mut parser, mut head) = (HeadParser::answer(Limits::default()), Head::default());
        let Some(line) = poll_fn(|context| link.pipe.poll_head(context, &mut parser, &mut head)).await? else { return Ok(()) };
        let reply = super::reply::judge(&mut head, line, self.head.is_head()).map_err(Broken::Malformed)?;
        if reply.framing != Framing::None {
            link.pipe.begin_body(reply.framing);
            poll_fn(|context| {
                while let Poll::Ready(fill) = link.pipe.poll_fill(context) {
                    match fill? {
                        Fill::Data => link.pipe.consume(link.pipe.data().len()),
                        Fill::End => return Poll::Ready(Ok::<_, Broken>(())),
                    }
                }
                Poll::Pending
            })
            .await?;
        }
        Ok(())
    }
}
