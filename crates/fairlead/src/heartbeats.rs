//! How an Instance proves without any library that it lives: `POST .../instances/NAME/renew` is a heartbeat, a `GET` of
//! `.../instances/NAME/hold` that stays open, or the WebSocket it becomes, is a proof for as long as it does (instances spec I10). Neither is stored
//! here; `control` notes in the status that a connection opened or closed.

mod websocket;

use std::sync::Arc;
use std::time::Duration;

use api::Instance;
use apiserver::status::ApiError;
use apiserver::{Address, Body};
use bytes::Bytes;
use control::{Held, Leases};
use futures_util::StreamExt as _;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// An empty line this often keeps a held connection from looking idle to what stands between.
const SIGN: Duration = Duration::from_secs(10);

/// Whether an address is one of the two.
pub fn serves(address: &Address) -> bool {
    address.group == "fairlead.dev" && address.resource == "instances" && matches!(address.subresource.as_str(), "renew" | "hold")
}

/// Takes a heartbeat (204), or holds the connection (200 and empty lines, or 101 and a WebSocket) until `stopping` says true.
///
/// # Errors
/// 404 when there is no such Instance, or it is going: register again; 405 for other methods.
pub async fn answer(
    address: &Address,
    parts: &mut Parts,
    client: &kube::Client,
    leases: &Arc<Leases>,
    stopping: watch::Receiver<bool>,
) -> Result<Response<Body>, ApiError> {
    let is_renewal = address.subresource == "renew";
    if parts.method != if is_renewal { Method::POST } else { Method::GET } {
        return Err(ApiError::method_not_allowed());
    }
    let namespace = address.namespace.as_deref().ok_or_else(ApiError::no_resource)?;
    let path = format!("/apis/fairlead.dev/{}/namespaces/{namespace}/instances/{}", address.version, address.name);
    let instance = find(client, &path).await?;
    let now = jiff::Timestamp::now();
    if is_renewal {
        leases.renew(&instance, now.as_millisecond());
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    if let Some((response, socket)) = websocket::begin(parts)? {
        let held = leases.hold(&instance, now.as_millisecond());
        tokio::spawn(async move {
            socket.run(stopped(stopping)).await;
            drop(held);
        });
        return Ok(response);
    }
    let held = leases.hold(&instance, now.as_millisecond());
    let mut response = Response::new(Body::live(signs(held).take_until(stopped(stopping))));
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn find(client: &kube::Client, path: &str) -> Result<Instance, ApiError> {
    let request = Request::get(path).body(Vec::new()).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let instance: Instance = match client.request(request).await {
        Ok(instance) => instance,
        Err(kube::Error::Api(status)) => return Err(ApiError::plain(status.code, status.message)),
        Err(error) => return Err(ApiError::unavailable(error.to_string())),
    };
    if instance.metadata.deletion_s.is_some() {
        return Err(ApiError::plain(404, format!("instances.fairlead.dev {:?} is being deleted: register again", &*instance.metadata.name)));
    }
    Ok(instance)
}

/// Until it is so, or nobody can say any more.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Empty lines for as long as somebody reads them.
fn signs(held: Held) -> impl futures_util::Stream<Item = Bytes> + Send {
    let mut clock = interval(SIGN);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    futures_util::stream::unfold((held, clock), |(held, mut clock): (Held, Interval)| async move {
        clock.tick().await;
        Some((Bytes::from_static(b"\n"), (held, clock)))
    })
}
