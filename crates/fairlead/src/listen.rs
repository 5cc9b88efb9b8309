//! The API's door: TLS connections in, requests to the API server, identities from client certificates.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use apiserver::{ApiServer, Identity};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use net::identity::{self, Replaceable};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// A client that does not finish its handshake or request head in this time is cut off (apiserver spec H5).
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams a client may have open on one connection (as kube-apiserver).
const STREAMS: u32 = 250;
/// Open connections: beyond it, accepting waits. 10,000 idle watches are a requirement.
const CONNECTIONS: usize = 20_000;

/// Serves the API on bound sockets until `stop` says so, then lets requests in flight finish for `drain` at the most.
///
/// # Errors
/// When the sockets cannot be handed to the runtime.
pub async fn serve(listener: TcpListener, api: ApiServer, serving: Arc<Replaceable>, authority_pem: &str, mut stop: watch::Receiver<bool>, drain: Duration) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener).context("API socket")?;
    let acceptor = TlsAcceptor::from(Arc::new(identity::server_config(serving, authority_pem)?));
    let graceful = GracefulShutdown::new();
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
        let (acceptor, api, watcher) = (acceptor.clone(), api.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _slot = slot;
            let _ = stream.set_nodelay(true);
            let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await else { return };
            let who = identity_of(&stream);
            let service = tower::service_fn(move |mut request: http::Request<Incoming>| {
                if let Some(identity) = &who {
                    request.extensions_mut().insert(identity.clone());
                }
                api.clone().oneshot(request)
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(64 * 1024);
            builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(32 * 1024).keep_alive_interval(Some(Duration::from_secs(30)));
            let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%peer, %error, "an API connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("API requests were still open after {} s and were cut", drain.as_secs());
    }
    Ok(())
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
