//! The admin address: metrics and health over plain HTTP, on loopback unless asked otherwise.

use std::convert::Infallible;
use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result};
use apiserver::ApiServer;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use observe::Registry;

/// Serves `/metrics`, `/livez`, `/readyz`, `/healthz` for as long as the process lives: scrapers see the end of it too.
///
/// # Errors
/// When the socket cannot be handed to the runtime.
pub async fn serve(listener: TcpListener, api: ApiServer, metrics: Registry) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener).context("admin socket")?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (api, metrics) = (api.clone(), metrics.clone());
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(request, api.clone(), metrics.clone()));
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, api: ApiServer, metrics: Registry) -> Result<Response<Either<Full<Bytes>, apiserver::Body>>, Infallible> {
    let path = request.uri().path();
    if path == "/metrics" {
        return Ok(text(200, observe::metrics::CONTENT_TYPE, metrics.encode()));
    }
    if ["/livez", "/readyz", "/healthz"].iter().any(|health| path == *health || path.starts_with(&format!("{health}/"))) {
        return Ok(api.answer(request.map(|body| body.boxed())).await.map(Either::Right));
    }
    Ok(text(404, "text/plain; charset=utf-8", "here are /metrics, /livez, /readyz and /healthz\n".into()))
}

fn text(status: u16, kind: &'static str, body: String) -> Response<Either<Full<Bytes>, apiserver::Body>> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
