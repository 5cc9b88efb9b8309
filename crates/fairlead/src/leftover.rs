//! A request's body that is not simply dropped: what its reader leaves is read to the end, within bounds.
//!
//! An answer that needs no body (401, 404, 409, 413, ...) is ready while the client still sends, and most clients send all they have before they
//! read. Dropping the body then resets an HTTP/2 stream or closes an HTTP/1 connection with bytes unread, and the client reports a broken
//! connection instead of the status.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// How much of a body nobody wants is read, in bytes; a client that sends more learns of it by the reset.
const MOST: usize = 64 * 1024 * 1024;
/// For how long.
const LONGEST: Duration = Duration::from_secs(10);

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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// A server that answers 413 without a look at the body.
    async fn hasty(stream: DuplexStream) {
        let service = service_fn(|request: Request<Incoming>| async move {
            drop(request.map(Leftover::from));
            let mut answer = Response::new(Full::new(Bytes::from_static(b"large")));
            *answer.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            Ok::<_, Infallible>(answer)
        });
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(client: &mut DuplexStream) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"large") {
            let mut piece = [0; 1024];
            let count = client.read(&mut piece).await.expect("an answer");
            assert!(count > 0, "the connection ended after {:?}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_sends_all_before_it_reads_gets_its_answer_and_keeps_its_connection() {
        let (mut client, server) = duplex(16 * 1024);
        tokio::spawn(hasty(server));
        for _ in 0..2 {
            let body = vec![b'x'; 8 * 1024 * 1024];
            client.write_all(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await.expect("a head");
            client.write_all(&body).await.expect("all of it is taken");
            assert!(answer(&mut client).await.starts_with("HTTP/1.1 413"));
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_not_read_for_ever() {
        let (mut client, server) = duplex(16 * 1024);
        tokio::spawn(hasty(server));
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await.expect("a head");
        let mut piece = b"10000\r\n".to_vec();
        piece.extend(vec![b'x'; 0x10000]);
        piece.extend(b"\r\n");
        let mut sent = 0;
        while client.write_all(&piece).await.is_ok() {
            sent += 0x10000;
            assert!(sent < 4 * MOST, "it reads on and on");
        }
    }
}
