//! Bodies: what comes in is collected under a limit, what goes out is whole, made piece by piece, or lives as long as a watch.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::Stream;
use http::{HeaderValue, Response, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use serde_json::Value;

use crate::status::{ApiError, Result};

/// Any error of a transport.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request body of any transport.
pub type Incoming = UnsyncBoxBody<Bytes, BoxError>;

/// Largest request body, bytes (as kube-apiserver).
pub const REQUEST_LIMIT_BYTES: usize = 3 * 1024 * 1024;

/// Replies above this many bytes are compressed when the client takes it (as upstream).
pub const GZIP_BYTES_MIN: usize = 128 * 1024;

/// A reply body.
pub struct Body(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
    Live(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
    Foreign(Incoming),
}

impl Body {
    /// A body that is known whole.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(Inner::Whole((!bytes.is_empty()).then_some(bytes)))
    }

    /// A body made piece by piece as the client reads it, so that a long list never exists at once.
    pub fn pieces(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self(Inner::Pieces(Box::new(pieces)))
    }

    /// A body that goes on until the stream ends.
    pub fn live(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Inner::Live(Box::pin(stream)))
    }

    /// All bytes of a body that has an end of its own; the body back when it has none.
    fn into_whole(self) -> std::result::Result<Bytes, Self> {
        match self.0 {
            Inner::Whole(bytes) => Ok(bytes.unwrap_or_default()),
            Inner::Pieces(pieces) => Ok(pieces.flatten().collect::<Vec<u8>>().into()),
            other => Err(Self(other)),
        }
    }

    /// A body that comes from elsewhere, such as a proxied reply.
    pub fn foreign(body: Incoming) -> Self {
        Self(Inner::Foreign(body))
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(Inner::Whole(None))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Inner::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Inner::Pieces(pieces) => Poll::Ready(pieces.next().map(|b| Ok(Frame::data(b)))),
            Inner::Live(stream) => stream.as_mut().poll_next(cx).map(|next| next.map(|b| Ok(Frame::data(b)))),
            Inner::Foreign(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_none(),
            Inner::Foreign(body) => body.is_end_stream(),
            Inner::Pieces(_) | Inner::Live(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Inner::Foreign(body) => body.size_hint(),
            Inner::Pieces(_) | Inner::Live(_) => SizeHint::default(),
        }
    }
}

/// The whole request body, or 413 beyond [`REQUEST_LIMIT_BYTES`]. What is left of it then is the transport's to read.
pub async fn collect(mut body: Incoming) -> Result<Bytes> {
    let too_large = || ApiError::too_large(REQUEST_LIMIT_BYTES);
    if http_body::Body::size_hint(&body).lower() > REQUEST_LIMIT_BYTES as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::bad_request(format!("the body of the request ended early: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > REQUEST_LIMIT_BYTES {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// A reply of this status, media type and body.
pub fn reply(code: u16, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A reply whose body is at hand, compressed if it is long and the client takes that.
pub fn packed(code: u16, media_type: &'static str, bytes: Vec<u8>, takes_gzip: bool) -> Response<Body> {
    if bytes.len() > GZIP_BYTES_MIN && takes_gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        if let Some(packed) = encoder.write_all(&bytes).ok().and_then(|()| encoder.finish().ok()) {
            let mut response = reply(code, media_type, Body::whole(packed));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return response;
        }
    }
    reply(code, media_type, Body::whole(bytes))
}

/// A JSON reply rewritten as YAML; other replies as they are.
pub fn as_yaml(response: Response<Body>) -> Response<Body> {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    if !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = match body.into_whole() {
        Ok(json) => match serde_json::from_slice(&json).ok().and_then(|value| schema::to_yaml(value).ok()) {
            Some(yaml) => {
                parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(crate::negotiate::YAML));
                Body::whole(yaml)
            }
            None => Body::whole(json),
        },
        Err(body) => body,
    };
    Response::from_parts(parts, body)
}

/// A JSON reply.
pub fn json(code: u16, value: &Value, pretty: bool) -> Response<Body> {
    reply(code, "application/json", Body::whole(to_bytes(value, pretty)))
}

/// A plain text reply.
pub fn text(code: u16, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = reply(code, "text/plain; charset=utf-8", Body::whole(text));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The JSON of a value, followed by a line break as upstream writes it.
pub fn to_bytes(value: &Value, pretty: bool) -> Bytes {
    let written = if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
    let mut bytes = written.expect("a JSON value has string keys and is always writable");
    bytes.push(b'\n');
    bytes.into()
}
