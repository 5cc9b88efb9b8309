//! The body of an answer on its way to the client, while the rest of the request may still be on its way to the backend.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use super::exchange::Clock;
use super::upload::Upload;
use crate::answer::Reason;
use crate::core::{Core, Options};
use crate::front::Front;
use crate::relay::{Side, Source as _, Stage, poll_relay};
use crate::upstream::{Leaving, Link};

/// How it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broke {
    /// The client left or does not read.
    Client(Reason),
    /// The backend broke off or fell silent.
    Backend(Reason),
    /// The endpoint leaves, and had its time.
    Left,
}

/// Moves the answer's body; its head is queued already. Gives the bytes of the body.
///
/// # Errors
/// When one side breaks: what the client has of the answer is not whole.
pub async fn run(
    front: &mut impl Front,
    link: &mut Link,
    upload: &mut Upload,
    clock: &mut Clock<'_>,
    (core, options): (&Core, &Options),
) -> Result<u64, (u64, Broke)> {
    let (mut stage, mut moved, mut seen, mut leaving) = (Stage::Moving, 0, u64::MAX, Leaving::default());
    let outcome = poll_fn(|context| {
        if !upload.is_over() && !upload.held && upload.poll(context, front, &mut link.pipe).is_ready() && !upload.is_over() {
            return Poll::Ready(Err(Broke::Client(Reason::ClientGone)));
        }
        match poll_relay(context, &mut link.pipe, front, &mut stage, &mut moved) {
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
            Poll::Ready(Err(Side::From(broken))) => {
                tracing::debug!(endpoint = %link.endpoint.address, %broken, "answer cut off");
                return Poll::Ready(Err(Broke::Backend(Reason::UpstreamReset)));
            }
            Poll::Ready(Err(Side::To(broken))) => {
                tracing::debug!(%broken, "client left before the end of its answer");
                return Poll::Ready(Err(Broke::Client(Reason::ClientGone)));
            }
            Poll::Pending => {}
        }
        // A client that waits for the next event of a quiet stream may leave without our writing anything.
        if upload.is_over() && front.poll_gone(context).is_ready() {
            return Poll::Ready(Err(Broke::Client(Reason::ClientGone)));
        }
        // What is there and not taken waits for the client, and so does what was taken and has not left.
        let client_owes = front.has_queued() || !link.pipe.data().is_empty();
        let link = &*link;
        poll_time(context, (moved, &mut seen), client_owes, clock, (options, || leaving.is_over(core, link)))
    })
    .await;
    outcome.map(|()| moved).map_err(|broke| (moved, broke))
}

fn poll_time(
    context: &mut Context<'_>,
    (moved, seen): (u64, &mut u64),
    client_owes: bool,
    clock: &mut Clock<'_>,
    (options, leaves): (&Options, impl FnMut() -> bool),
) -> Poll<Result<(), Broke>> {
    let over = match (clock.whole_is_over(context), clock.each_is_over(context)) {
        (true, _) => Some(Reason::RequestTimeout),
        (_, true) => Some(Reason::UpstreamTimeout),
        _ => None,
    };
    if let Some(reason) = over {
        // Who does not read is no fault of the endpoint's.
        return Poll::Ready(Err(if client_owes { Broke::Client(reason) } else { Broke::Backend(reason) }));
    }
    if moved != std::mem::replace(seen, moved) {
        clock.timer.set_in_steps(if client_owes { options.stalled_timeout } else { options.silence_timeout });
    }
    if !ready!(clock.timer.poll_steps(context, leaves)) {
        return Poll::Ready(Err(Broke::Left));
    }
    Poll::Ready(Err(if client_owes { Broke::Client(Reason::ClientTimeout) } else { Broke::Backend(Reason::UpstreamTimeout) }))
}
