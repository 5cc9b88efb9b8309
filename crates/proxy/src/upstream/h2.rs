//! Backends that speak HTTP/2 without being asked (`appProtocol: kubernetes.io/h2c`, gateway spec G49): few connections, many
//! streams. A connection is driven by a task of its own and serves every request of its thread.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use foldhash::fast::FixedState;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Method, Request, Uri};
use model::{Endpoint, Snapshot};

use super::Unconnected;
use crate::h1::{AnswerLine, Framing, Head, Version};
use crate::halves::{Halves, Incoming, OnStream, Outgoing, broken, fields, push_field, push_fields};
use crate::relay::Broken;
use crate::request::asked::Asked;
use crate::request::each_forwarding;

/// Connections to one endpoint from one thread.
const CONNECTIONS_MAX: usize = 8;

/// The connections of a thread.
#[derive(Default)]
pub struct Connections {
    known: HashMap<SocketAddr, Vec<Connection>, FixedState>,
}

#[derive(Clone)]
struct Connection {
    send: SendRequest<Bytes>,
    endpoint: Arc<Endpoint>,
    streams: Rc<Cell<usize>>,
}

impl Connections {
    /// A connection with room: below 80 % of what its peer allows.
    fn with_room(&mut self, endpoint: &Arc<Endpoint>) -> Option<Connection> {
        let known = self.known.get_mut(&endpoint.address)?;
        // A connection that has ended has lost its task, which held the other half of its counter.
        known.retain(|one| Rc::strong_count(&one.streams) > 1 && Arc::ptr_eq(&one.endpoint.vitals, &endpoint.vitals));
        let full = known.len() >= CONNECTIONS_MAX;
        let has_room = |one: &&Connection| full || one.streams.get() < one.send.current_max_send_streams() / 5 * 4;
        known.iter().filter(has_room).min_by_key(|one| one.streams.get()).cloned()
    }

    /// Forgets connections to endpoints that no longer take requests; h2 closes them when their last stream ends.
    pub fn sweep(&mut self, snapshot: &Snapshot) {
        self.known.retain(|_, connections| {
            connections.retain(|one| Rc::strong_count(&one.streams) > 1);
            !connections.is_empty()
        });
        let wanted: std::collections::HashSet<SocketAddr, FixedState> = match self.known.is_empty() {
            true => return,
            false => snapshot.pools.values().flat_map(|pool| pool.endpoints.iter().map(|one| one.address)).collect(),
        };
        self.known.retain(|address, _| wanted.contains(address));
    }
}

/// A place on a connection.
pub struct Seat {
    connection: Connection,
    /// The connection was there before this request.
    pub reused: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connection.streams.set(self.connection.streams.get() - 1);
    }
}

/// Finds or makes a connection and takes a place on it. `fresh` asks for a new one.
///
/// # Errors
/// As for any connection.
pub async fn seat(
    connections: &std::cell::RefCell<Connections>,
    endpoint: &Arc<Endpoint>,
    within: Duration,
    fresh: bool,
) -> Result<Seat, Unconnected> {
    let known = if fresh { None } else { connections.borrow_mut().with_room(endpoint) };
    let reused = known.is_some();
    let connection = match known {
        Some(connection) => connection,
        None => {
            let made = tokio::time::timeout(within, open(endpoint, within)).await.map_err(|_| Unconnected::Timeout)??;
            connections.borrow_mut().known.entry(endpoint.address).or_default().push(made.clone());
            made
        }
    };
    connection.streams.set(connection.streams.get() + 1);
    Ok(Seat { connection, reused })
}

async fn open(endpoint: &Arc<Endpoint>, within: Duration) -> Result<Connection, Unconnected> {
    let stream = super::dial(endpoint, within).await?;
    let mut builder = Builder::new();
    builder
        .initial_window_size(64 << 10)
        .initial_connection_window_size(1 << 20)
        .max_frame_size(16 << 10)
        .enable_push(false)
        .max_send_buffer_size(64 << 10);
    let (send, connection) = builder.handshake::<_, Bytes>(stream).await.map_err(|_| Unconnected::Refused)?;
    let streams = Rc::new(Cell::new(0));
    let (alive, counted) = (Rc::clone(&streams), Arc::clone(endpoint));
    endpoint.vitals.connected();
    tokio::task::spawn_local(async move {
        let _alive = alive;
        if let Err(error) = connection.await {
            tracing::debug!(%error, endpoint = %counted.address, "HTTP/2 connection to a backend ended");
        }
        counted.vitals.disconnected();
    });
    Ok(Connection { send, endpoint: Arc::clone(endpoint), streams })
}

/// A request and its answer on a stream.
pub struct Stream {
    seat: Seat,
    answer: Option<Pin<Box<ResponseFuture>>>,
    halves: Halves,
    /// The peer said that it has not looked at the request.
    refused: bool,
}

impl Stream {
    /// Not begun yet.
    pub fn new(seat: Seat) -> Self {
        Self { seat, answer: None, halves: Halves::default(), refused: false }
    }

    /// Not a byte of the request counts: the connection refused the stream.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// The backend does not read.
    pub fn is_stalled(&self) -> bool {
        self.halves.outgoing.is_stalled()
    }

    /// Sends the request's head.
    pub async fn begin(&mut self, asked: &Asked, id: u128) {
        let outcome = match request_of(asked, id) {
            Some(request) => poll_fn(|context| self.seat.connection.send.poll_ready(context)).await.and_then(|()| self.send(request, asked)),
            None => Err(Reason::INTERNAL_ERROR.into()),
        };
        // What fails here has not left: the answer's poll says so.
        self.refused = outcome.is_err();
    }

    fn send(&mut self, request: Request<()>, asked: &Asked) -> Result<(), h2::Error> {
        let whole = asked.framing == Framing::None;
        let (answer, stream): (ResponseFuture, SendStream<Bytes>) = self.seat.connection.send.send_request(request, whole)?;
        let length = if let Framing::Length(length) = asked.framing { Some(length) } else { None };
        self.answer = Some(Box::pin(answer));
        // A length of zero has no last byte to end the stream with: `finish` does.
        self.halves.outgoing = Outgoing::new(Some(stream), length.filter(|length| *length > 0), whole);
        Ok(())
    }

    /// Reads the head of the answer.
    pub fn poll_head(&mut self, context: &mut Context<'_>, head: &mut Head) -> Poll<Result<Option<AnswerLine>, Broken>> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(Ok(None)) };
        match ready!(answer.as_mut().poll(context)) {
            Ok(answer) => {
                let (parts, body) = answer.into_parts();
                push_fields(head, &parts.headers);
                self.halves.incoming = Incoming::new(body);
                self.answer = None;
                Poll::Ready(Ok(Some(AnswerLine { status: parts.status.as_u16(), version: Version::Http11 })))
            }
            Err(error) => {
                self.refused |= error.reason() == Some(Reason::REFUSED_STREAM) || (error.is_go_away() && error.is_remote());
                Poll::Ready(Err(broken(error)))
            }
        }
    }
}

impl Drop for Stream {
    /// A stream that is given up is reset, so that the backend can stop.
    fn drop(&mut self) {
        if self.answer.is_some() || !self.halves.incoming.ended() {
            self.halves.outgoing.reset(Reason::CANCEL);
        }
    }
}

impl OnStream for Stream {
    fn halves(&self) -> &Halves {
        &self.halves
    }

    fn halves_mut(&mut self) -> &mut Halves {
        &mut self.halves
    }
}

/// The request's head; `None` when HTTP/2 cannot say it.
fn request_of(asked: &Asked, id: u128) -> Option<Request<()>> {
    let mut target = asked.text(asked.sent_path).to_owned();
    if let Some(query) = asked.query {
        target.push('?');
        target.push_str(asked.text(query));
    }
    let authority = asked.text(asked.sent_authority);
    let authority = if authority.is_empty() { "localhost" } else { authority };
    let uri = Uri::builder().scheme("http").authority(authority).path_and_query(target).build().ok()?;
    let mut request = Request::builder().method(Method::from_bytes(asked.method_text()).ok()?).uri(uri).body(()).ok()?;
    let mut map: HeaderMap = fields(&asked.head, |_| true);
    each_forwarding(asked, id, &mut |name, value| push_field(&mut map, name, value));
    if asked.takes_trailers {
        push_field(&mut map, b"te", b"trailers");
    }
    if let Framing::Length(length) = asked.framing {
        map.insert(http::header::CONTENT_LENGTH, length.into());
    }
    *request.headers_mut() = map;
    Some(request)
}
