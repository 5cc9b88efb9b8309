//! `grpc.health.v1.Health/Check`, written by hand: two messages of one field each need no generated code.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client;
use http::{HeaderMap, Request, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{READ, Unfit};

/// `SERVING` of `HealthCheckResponse.ServingStatus`.
const SERVING: u64 = 1;
const UNIMPLEMENTED: &str = "12";
const NOT_FOUND: &str = "5";

/// Asks for the health of a service; empty is the whole server. Only `SERVING` passes.
pub(super) async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, authority: &str, service: &str) -> Result<(), Unfit> {
    let (sender, connection) = client::handshake(stream).await.map_err(failed)?;
    // Ends with this question: the task is dropped with the guard.
    let driver = Driver(tokio::spawn(async move { drop(connection.await) }).abort_handle());
    let answer = talk(sender, authority, service).await;
    drop(driver);
    answer
}

struct Driver(tokio::task::AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn talk(sender: client::SendRequest<Bytes>, authority: &str, service: &str) -> Result<(), Unfit> {
    let request = Request::post(format!("http://{authority}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, concat!("fairlead-check/", env!("CARGO_PKG_VERSION")))
        .body(())
        .map_err(|error| Unfit::Failed(format!("the question cannot be asked: {error}")))?;
    let mut sender = sender.ready().await.map_err(failed)?;
    let (response, mut body) = sender.send_request(request, false).map_err(failed)?;
    body.send_data(question(service), true).map_err(failed)?;
    let response = response.await.map_err(failed)?;
    if response.status() != http::StatusCode::OK {
        return Err(Unfit::Failed(format!("status {}", response.status().as_u16())));
    }
    said(response.headers())?;
    let mut answer = response.into_body();
    let mut seen = Vec::new();
    while let Some(piece) = answer.data().await {
        let piece = piece.map_err(failed)?;
        let _ = answer.flow_control().release_capacity(piece.len());
        seen.extend_from_slice(&piece);
        if seen.len() > READ {
            return Err(Unfit::Failed("the answer is too long".into()));
        }
    }
    if let Some(trailers) = answer.trailers().await.map_err(failed)? {
        said(&trailers)?;
    }
    match serving_status(&seen) {
        Some(SERVING) => Ok(()),
        Some(0) => Err(Unfit::Failed("UNKNOWN".into())),
        Some(2) => Err(Unfit::Failed("NOT_SERVING".into())),
        Some(3) => Err(Unfit::Failed("SERVICE_UNKNOWN".into())),
        _ => Err(Unfit::Failed("the answer is no health status".into())),
    }
}

/// What `grpc-status` says, in the head of an answer without messages or in its trailers.
fn said(fields: &HeaderMap) -> Result<(), Unfit> {
    let text = |name| fields.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(UNIMPLEMENTED) => Err(Unfit::Failed("no health service".into())),
        Some(NOT_FOUND) => Err(Unfit::Failed("the health service does not know this service".into())),
        Some(code) => Err(Unfit::Failed(format!("gRPC status {code} {}", text("grpc-message").unwrap_or_default()))),
    }
}

/// A message with its five-byte prefix: `HealthCheckRequest { service = 1 }`.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0A);
        varint(service.len() as u64, &mut message);
        message.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::with_capacity(5 + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(&message);
    framed.freeze()
}

fn varint(mut value: u64, into: &mut BytesMut) {
    while value >= 0x80 {
        into.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    into.put_u8(value as u8);
}

/// Field 1 of the first message; absent fields are 0 in proto3. `None` when the bytes are no such message.
fn serving_status(framed: &[u8]) -> Option<u64> {
    let (prefix, rest) = framed.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    let message = rest.get(..length).filter(|_| prefix[0] == 0)?;
    match message {
        [] => Some(0),
        [0x08, status] if *status < 0x80 => Some(u64::from(*status)),
        _ => None,
    }
}

fn failed(error: h2::Error) -> Unfit {
    Unfit::Failed(format!("HTTP/2: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one question over HTTP/2 with this message and these trailers.
    async fn told(message: &'static [u8], code: &'static str) -> Result<(), Unfit> {
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(theirs).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!((request.uri().path(), request.uri().authority().unwrap().as_str()), ("/grpc.health.v1.Health/Check", "web.shop"));
                let mut body = respond.send_response(http::Response::new(()), false).unwrap();
                body.send_data(Bytes::from_static(message), false).unwrap();
                body.send_trailers(HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), code.parse().unwrap())])).unwrap();
            }
        });
        ask(ours, "web.shop", "shop.Cart").await
    }

    #[tokio::test]
    async fn only_serving_passes_and_a_server_without_the_service_says_so() {
        assert_eq!(told(&[0, 0, 0, 0, 2, 0x08, 1], "0").await, Ok(()));
        for (message, code, why) in
            [(&[0, 0, 0, 0, 2, 0x08, 2][..], "0", "NOT_SERVING"), (&[], "12", "no health service"), (&[], "5", "does not know"), (&[], "13", "13")]
        {
            assert!(matches!(told(message, code).await, Err(Unfit::Failed(said)) if said.contains(why)), "{why}");
        }
    }

    #[test]
    fn messages_are_those_of_the_published_protocol() {
        assert_eq!(&question("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&question("ab")[..], [0, 0, 0, 0, 4, 0x0A, 2, b'a', b'b']);
        assert_eq!(serving_status(&[0, 0, 0, 0, 2, 0x08, 1]), Some(SERVING));
        assert_eq!(serving_status(&[0, 0, 0, 0, 0]), Some(0));
        for hostile in [&[][..], &[0, 0, 0], &[0, 255, 255, 255, 255, 1], &[1, 0, 0, 0, 2, 8, 1], &[0, 0, 0, 0, 2, 8, 0x81]] {
            assert_eq!(serving_status(hostile), None, "{hostile:?}");
        }
    }
}
