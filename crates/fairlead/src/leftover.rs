//! A request's body that is not simply dropped: what its reader leaves is read to the end, within bounds.
//!
//! An answer that needs no body (401, 404, 409, ...) is ready while the client still sends. Dropping the body then resets an HTTP/2 stream, and a client
//! that sees the reset before the answer reports a broken stream instead of the status.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// How much of a body nobody wants is read, in bytes; a client that sends more learns of it by the reset.
const MOST: usize = 256 * 1024;
/// For how long.
const LONGEST: Duration = Duration::from_secs(2);

/// A body on its way to a handler.
pub struct Leftover(Option<Incoming>);

impl From<Incoming> for Leftover {
    fn from(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl Body for Leftover {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Outside a runtime there is no connection that could suffer either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST, read(body)));
        }
    }
}

async fn read(mut body: Incoming) {
    let mut left = MOST;
    while let Some(Ok(frame)) = body.frame().await {
        let count = frame.data_ref().map_or(0, Bytes::len);
        if count >= left {
            return;
        }
        left -= count;
    }
}
