//! A WebSocket after its 101: bytes both ways, unread (gateway spec G104). It outlives every change of routes and endpoints.

mod frames;

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::front::Front;
use crate::h1::Head;
use crate::relay::{Broken, Fill, Side, Sink, Source, Stage, poll_relay};
use crate::upstream::pipe::Pipe;
use crate::upstream::{Leaving, Link};

use super::Visit;
use frames::Frames;

/// A close frame with code 1001, "going away" (RFC 6455 §7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xE9];

/// One direction.
#[derive(Default)]
struct Way {
    stage: Stage,
    shut: bool,
    moved: u64,
}

impl Way {
    /// Moves bytes; at the end of the one side, tells the other.
    fn poll<T: Sink>(
        &mut self,
        context: &mut Context<'_>,
        from: &mut impl Source,
        to: &mut T,
        shut: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<()>,
    ) -> Poll<Result<(), Side>> {
        ready!(poll_relay(context, from, to, &mut self.stage, &mut self.moved))?;
        if !self.shut {
            ready!(shut(to, context));
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// The backend's bytes, with an eye on where its frames end.
struct Counted<'a> {
    pipe: &'a mut Pipe,
    frames: &'a mut Frames,
}

impl Source for Counted<'_> {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<Fill, Broken>> {
        self.pipe.poll_fill(context)
    }

    fn data(&self) -> &[u8] {
        self.pipe.data()
    }

    fn consume(&mut self, count: usize) {
        self.frames.pass(&self.pipe.data()[..count]);
        self.pipe.consume(count);
    }

    fn trailers(&self) -> &Head {
        self.pipe.trailers()
    }
}

/// How a tunnel ended.
pub struct Ended {
    /// Bytes that went to the client.
    pub sent: u64,
    /// Its endpoint leaves, and it had its time.
    pub drained: bool,
}

/// Passes bytes both ways until both sides have ended, one broke, nothing moved for long, or a drain cuts it off. The client's side of it is
/// begun already.
pub async fn run(client: &mut impl Front, link: &mut Link, visit: &Visit<'_>) -> Ended {
    let (ticket, options) = (visit.ticket, visit.ticket.options());
    link.pipe.begin_tunnel();
    let (mut up, mut down, mut frames) = (Way::default(), Way::default(), Frames::default());
    let (mut seen, mut said, mut leaving, mut drained) = (u64::MAX, false, Leaving::default(), false);
    let cut_off = poll_fn(|context| {
        let backend = &mut link.pipe;
        // A backend that is gone already needs no farewell.
        let rising = up.poll(context, client, backend, Pipe::poll_shut);
        let falling = down.poll(context, &mut Counted { pipe: &mut *backend, frames: &mut frames }, client, Front::poll_shut);
        match (rising, falling) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) | (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(false),
            _ => {}
        }
        if up.moved + down.moved != std::mem::replace(&mut seen, up.moved + down.moved) {
            ticket.timer().set_in_steps(options.tunnel_timeout);
        }
        if ticket.is_cut_off() {
            return Poll::Ready(true);
        }
        let link = &*link;
        ticket.timer().poll_steps(context, || leaving.is_over(visit.core, link)).map(|is_idle| {
            drained = !is_idle;
            drained
        })
    })
    .await;
    if cut_off && frames.at_boundary() && down.stage == Stage::Moving {
        let farewell = poll_fn(|context| {
            // Small enough to be taken whole, or not at all.
            while !said {
                ready!(client.poll_send(context, &GOING_AWAY)).map(|_| said = true)?;
            }
            client.poll_flush(context)
        });
        let _ = tokio::time::timeout(Duration::from_millis(100), farewell).await;
    }
    Ended { sent: down.moved, drained }
}
