//! The API's door: TLS connections in, requests to the API server, identities from client certificates.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use apiserver::{ApiServer, Body, BoxError, Identity, Source};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use net::identity::{self, Replaceable};
use net::pace::{Activity, Busy, Limits, Paced};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::leftover::Leftover;

/// A client that does not finish its handshake or request head in this time is cut off (apiserver spec H5).
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that has nothing to ask may keep its connection this long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// A client that takes nothing of its answer for this long is given up.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that has connected and not asked yet gets this long to do so when the server stops.
const LAST_CALL: Duration = Duration::from_secs(1);
/// Longest head of a request, in bytes; a longer one is answered 431 (RFC 6585 §5).
const HEAD_BYTES: usize = 32 * 1024;
/// Streams a client may have open on one connection (as kube-apiserver).
const STREAMS: u32 = 250;
/// Open connections: beyond it, accepting waits. 10,000 idle watches are a requirement.
const CONNECTIONS: usize = 20_000;

/// Serves the API on bound sockets until `stop` says so, then lets requests in flight finish for `drain` at the most.
///
/// # Errors
/// When the sockets cannot be handed to the runtime.
pub async fn serve(
    listener: TcpListener,
    api: ApiServer,
    serving: Arc<Replaceable>,
    authority_pem: &str,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener).context("API socket")?;
    let acceptor = TlsAcceptor::from(Arc::new(identity::server_config(serving, authority_pem)?));
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let door = Door { api, acceptor, stop: stop.clone(), alive };
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.context("API slots")?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors: waiting is all that helps, and a busy loop would hurt everybody.
                tracing::warn!(%error, "the API cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        tokio::spawn(door.clone().receive(stream, peer, Some(slot)));
    }
    // Whoever still waits in the queue would be reset with the socket.
    for (stream, peer) in net::last_in_queue(listener).context("API socket")? {
        tokio::spawn(door.clone().receive(stream, peer, None));
    }
    drop(door);
    if tokio::time::timeout(drain, all_gone.recv()).await.is_err() {
        tracing::warn!("API requests were still open after {} s and were cut", drain.as_secs());
    }
    Ok(())
}

/// What a connection needs.
#[derive(Clone)]
struct Door {
    api: ApiServer,
    acceptor: TlsAcceptor,
    stop: watch::Receiver<bool>,
    /// Held for as long as the connection lasts.
    alive: mpsc::Sender<()>,
}

impl Door {
    /// Serves one connection from its handshake to its end.
    async fn receive(self, stream: TcpStream, peer: SocketAddr, _slot: Option<OwnedSemaphorePermit>) {
        let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, self.acceptor.accept(stream)).await else { return };
        let who = identity_of(&stream);
        let (activity, limits) = (Arc::new(Activity::default()), limits(&stream));
        let stream = Paced::new(stream, limits, Arc::clone(&activity));
        let (api, asked) = (self.api, Arc::new(Notify::new()));
        let first = Arc::clone(&asked);
        let service = tower::service_fn(move |mut request: http::Request<Incoming>| {
            first.notify_one();
            if let Some(identity) = &who {
                request.extensions_mut().insert(identity.clone());
            }
            request.extensions_mut().insert(Source(peer.ip()));
            // What a connection becomes may outlive the request that made it so.
            request.extensions_mut().insert(Arc::clone(&activity));
            let (busy, api, is_head) = (activity.begin(), api.clone(), *request.method() == http::Method::HEAD);
            async move {
                let answer = api.oneshot(request.map(Leftover::from)).await?;
                let answer = if is_head { without_body(answer) } else { answer };
                Ok::<_, Infallible>(answer.map(|body| Watched { body, _busy: busy }))
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES as u32)
            .keep_alive_interval(Some(Duration::from_secs(30)));
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = last_call(self.stop, &asked) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "an API connection ended");
        }
        drop(self.alive);
    }
}

/// Until the server stops and the connection has been asked something, or has had its time for that: who connects cannot know.
async fn last_call(mut stop: watch::Receiver<bool>, asked: &Notify) {
    stopped(&mut stop).await;
    let _ = tokio::time::timeout(LAST_CALL, asked.notified()).await;
}

/// The answer to HEAD: all that GET would say, without its body (RFC 9110 §9.3.2). HTTP/2 would send one that is there.
fn without_body(answer: http::Response<Body>) -> http::Response<Body> {
    use hyper::body::Body as _;
    let (mut head, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|_| !head.headers.contains_key(http::header::CONTENT_LENGTH)) {
        head.headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    http::Response::from_parts(head, Body::default())
}

/// On HTTP/2 the pings find out who is gone, and a pause says nothing about the single requests.
fn limits(stream: &tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> Limits {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let unless_h2 = |limit| (!is_h2).then_some(limit);
    Limits { head: unless_h2(HEAD_TIMEOUT), idle: unless_h2(IDLE_TIMEOUT), stall: Some(STALL_TIMEOUT) }
}

/// The body of an answer, whose request counts as being served until it is gone.
struct Watched {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Watched {
    type Data = bytes::Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the end as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The identity of a verified client certificate.
fn identity_of(stream: &tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> Option<Identity> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let (user, groups) = identity::subject(certificate)?;
    Some(Identity::new(user, groups))
}
