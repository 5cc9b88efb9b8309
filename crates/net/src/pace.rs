//! Time limits of a server's connection: a request head must arrive soon, an idle client may stay a while, and a socket that takes no bytes is
//! given up. While a request is served there is no limit here: its handler has its own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a connection may do what; none is without a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of a request until it is handed to its handler. On a new connection it counts from the start.
    pub head: Option<Duration>,
    /// Between requests.
    pub idle: Option<Duration>,
    /// A write that makes no progress.
    pub stall: Option<Duration>,
}

/// The requests of one connection that are being served.
#[derive(Debug, Default)]
pub struct Activity {
    busy: AtomicUsize,
    finished: AtomicUsize,
}

/// A request being served, until dropped: hold it as long as the body of its answer.
#[derive(Debug)]
pub struct Busy(Arc<Activity>);

impl Activity {
    /// A request is being served from now on.
    pub fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finished.fetch_add(1, Ordering::AcqRel);
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream under [`Limits`]. A limit that is exceeded is an error of kind `TimedOut`.
pub struct Paced<S> {
    stream: S,
    limits: Limits,
    activity: Arc<Activity>,
    reading: Alarm,
    writing: Alarm,
    /// Requests that were finished when the present pause began.
    seen: usize,
    /// When the pause, or the head that ended it, began.
    since: Option<Instant>,
    has_head: bool,
}

/// A timer that is armed late and moved seldom: most waits end long before.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether the deadline has passed; if not, the task is woken then at the latest.
    fn is_over(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

impl<S> Paced<S> {
    /// Puts a stream under limits; `activity` is told of each request that is served on it.
    pub fn new(stream: S, limits: Limits, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            limits,
            activity,
            reading: Alarm::default(),
            writing: Alarm::default(),
            seen: 0,
            since: Some(Instant::now()),
            has_head: limits.head.is_some(),
        }
    }

    /// Nothing came: whether the client has been waited for long enough.
    fn waited_enough(&mut self, cx: &mut Context<'_>) -> bool {
        let finished = self.activity.finished.load(Ordering::Acquire);
        if finished != self.seen {
            (self.seen, self.since, self.has_head) = (finished, None, false);
        }
        if self.activity.busy.load(Ordering::Acquire) > 0 {
            return false;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let limit = if self.has_head { self.limits.head } else { self.limits.idle };
        limit.is_some_and(|limit| self.reading.is_over(cx, since + limit))
    }

    /// The first byte after a pause begins a head.
    fn received(&mut self) {
        let is_pause = !self.has_head && self.activity.busy.load(Ordering::Acquire) == 0;
        if is_pause && self.limits.head.is_some() {
            (self.since, self.has_head) = (Some(Instant::now()), true);
        }
    }

    fn stalled<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Pending => {
                let Some(limit) = self.limits.stall else { return Poll::Pending };
                let armed = self.writing.0.as_ref().map(|sleep| sleep.deadline());
                let deadline = armed.unwrap_or_else(|| Instant::now() + limit);
                if self.writing.is_over(cx, deadline) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
            }
            done => {
                self.writing.0 = None;
                done
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending if self.waited_enough(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            done => {
                if buffer.filled().len() > before {
                    self.received();
                }
                done
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.stalled(cx, outcome)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.stalled(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.stalled(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.stalled(cx, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMITS: Limits = Limits { head: Some(Duration::from_secs(10)), idle: Some(Duration::from_secs(120)), stall: Some(Duration::from_secs(60)) };

    fn seconds(since: Instant) -> u64 {
        since.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_or_does_not_end_is_cut_after_its_time() {
        let (_client, server) = tokio::io::duplex(64);
        let (began, mut paced) = (Instant::now(), Paced::new(server, LIMITS, Arc::default()));
        assert_eq!(paced.read_u8().await.expect_err("nothing came").kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds(began), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_a_client_may_rest_longer_and_its_next_head_counts_anew() {
        let (mut client, server) = tokio::io::duplex(64);
        let activity = Arc::new(Activity::default());
        let mut paced = Paced::new(server, LIMITS, Arc::clone(&activity));
        client.write_all(b"G").await.expect("room");
        paced.read_u8().await.expect("a byte");
        let busy = activity.begin();
        let slow = tokio::time::timeout(Duration::from_secs(3600), paced.read_u8()).await;
        assert!(slow.is_err(), "no limit while a request is served");
        drop(busy);
        let resting = tokio::time::timeout(Duration::from_secs(100), paced.read_u8()).await;
        assert!(resting.is_err(), "still welcome");
        client.write_all(b"G").await.expect("room");
        paced.read_u8().await.expect("a byte");
        let began = Instant::now();
        assert_eq!(paced.read_u8().await.expect_err("half a head").kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds(began), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (_client, server) = tokio::io::duplex(4);
        let (began, mut paced) = (Instant::now(), Paced::new(server, LIMITS, Arc::default()));
        assert_eq!(paced.write_all(b"too much").await.expect_err("full").kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds(began), 60);
    }
}
