//! Backends that speak HTTP/2 without being asked (`appProtocol: kubernetes.io/h2c`, gateway spec G49): few connections, many
//! streams. A connection is driven by a task of its own and serves every request of its thread: what they all have to say in one
//! turn leaves in one write.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use foldhash::fast::FixedState;
use model::{Endpoint, Snapshot};

use super::Counted;
use super::tls::{Cover, Named};
use crate::buffer::Buffer;
use crate::h1::{AnswerLine, Framing, Head, Limits, Version};
use crate::h2::{Code, Conn, Io, Over, Shared, push_authority, push_content_length, push_field, push_method, push_path, push_scheme};
use crate::halves::{Halves, OnStream, broken};
use crate::relay::Broken;
use crate::request::asked::Asked;
use crate::request::each_forwarding;
use crate::socket::Socket;

/// Connections to one endpoint from one thread.
const CONNECTIONS_MAX: usize = 8;

/// The connections of a thread.
#[derive(Default)]
pub struct Connections {
    known: HashMap<SocketAddr, Vec<Rc<Connection>>, FixedState>,
}

/// One connection. While somebody may want a stream on it there is a handle; its task ends with the last one.
struct Connection {
    conn: Shared,
    endpoint: Arc<Endpoint>,
    /// Of TLS: whom it is for.
    named: Option<Named>,
    /// Requests that have a place on it, with a stream or about to have one.
    seats: Cell<usize>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut conn = self.conn.borrow_mut();
        if conn.is_open() {
            conn.end(Code::NO_ERROR);
        }
        conn.kick();
    }
}

impl Connections {
    /// A connection with room: below 80 % of what its peer allows.
    fn with_room(&mut self, endpoint: &Arc<Endpoint>, cover: Option<Cover<'_>>) -> Option<Rc<Connection>> {
        let known = self.known.get_mut(&endpoint.address)?;
        known.retain(|one| one.conn.borrow().is_open() && Arc::ptr_eq(&one.endpoint.vitals, &endpoint.vitals));
        let suits = |one: &&Rc<Connection>| Named::suits(one.named.as_ref(), cover);
        let full = known.iter().filter(suits).count() >= CONNECTIONS_MAX;
        let has_room = |one: &&Rc<Connection>| full || one.seats.get() < (one.conn.borrow().streams_max() * 4 / 5).max(1);
        known.iter().filter(suits).filter(has_room).min_by_key(|one| one.seats.get()).cloned()
    }

    /// Forgets connections to endpoints that no longer take requests; they are closed when their last stream ends.
    pub fn sweep(&mut self, snapshot: &Snapshot) {
        self.known.retain(|_, connections| {
            connections.retain(|one| one.conn.borrow().is_open());
            !connections.is_empty()
        });
        let wanted: HashSet<SocketAddr, FixedState> = match self.known.is_empty() {
            true => return,
            false => snapshot.pools.values().flat_map(|pool| pool.endpoints.iter().map(|one| one.address)).collect(),
        };
        self.known.retain(|address, _| wanted.contains(address));
    }
}

/// A place on a connection.
pub struct Seat {
    connection: Rc<Connection>,
    /// The connection was there before this request.
    pub reused: bool,
}

impl Seat {
    fn take(connection: Rc<Connection>, reused: bool) -> Self {
        connection.seats.set(connection.seats.get() + 1);
        Self { connection, reused }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connection.seats.set(self.connection.seats.get() - 1);
    }
}

/// Takes a place on a connection that is there and has room.
pub fn seat_now(connections: &RefCell<Connections>, endpoint: &Arc<Endpoint>, cover: Option<Cover<'_>>) -> Option<Seat> {
    connections.borrow_mut().with_room(endpoint, cover).map(|connection| Seat::take(connection, true))
}

/// Begins HTTP/2 on a new connection and takes a place on it.
pub fn seat_on(
    connections: &RefCell<Connections>,
    (endpoint, counted): (&Arc<Endpoint>, Counted),
    socket: Socket,
    named: Option<Named>,
    limits: Limits,
) -> Seat {
    let conn = Rc::new(RefCell::new(Conn::client(limits)));
    let made = Rc::new(Connection { conn: Rc::clone(&conn), endpoint: Arc::clone(endpoint), named, seats: Cell::new(0) });
    connections.borrow_mut().known.entry(endpoint.address).or_default().push(Rc::clone(&made));
    let endpoint = Arc::clone(endpoint);
    tokio::task::spawn_local(async move {
        let mut io = Io::new(socket, Buffer::default());
        poll_fn(|context| poll_drive(context, &mut io, &conn, &endpoint)).await;
        drop(counted);
    });
    Seat::take(made, false)
}

/// Moves what there is to move; ready when the connection is over.
fn poll_drive(context: &mut Context<'_>, io: &mut Io, conn: &Shared, endpoint: &Endpoint) -> Poll<()> {
    let mut conn = conn.borrow_mut();
    conn.drive(context);
    if let Poll::Ready(over) = io.poll_receive(context, &mut conn) {
        if let Over::Fatal(fatal) = over {
            tracing::debug!(why = fatal.why, endpoint = %endpoint.address, "a backend breaks the rules of HTTP/2");
            conn.end(fatal.code);
        }
        conn.die();
        // Its last word, if it can be said at once.
        let _ = io.poll_send(context, &mut conn);
        return Poll::Ready(());
    }
    match io.poll_send(context, &mut conn) {
        Poll::Ready(Err(_)) => {
            conn.die();
            Poll::Ready(())
        }
        Poll::Ready(Ok(())) if !conn.is_open() && conn.count() == 0 => {
            conn.die();
            Poll::Ready(())
        }
        _ => Poll::Pending,
    }
}

/// A request and its answer on a stream.
pub struct Stream {
    halves: Halves,
    /// Not a byte of the request counts: the backend has not looked at it.
    refused: bool,
    seat: Seat,
}

impl Stream {
    /// Not begun yet.
    pub fn new(seat: Seat) -> Self {
        Self { halves: Halves::new(Rc::clone(&seat.connection.conn)), refused: false, seat }
    }

    /// See the field.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Whether the backend takes WebSockets, as soon as it has said so.
    pub fn poll_extended(&self, context: &Context<'_>) -> Poll<bool> {
        self.halves.conn.borrow_mut().poll_extended(context)
    }

    /// What follows both ways is opaque.
    pub fn begin_tunnel(&mut self) {
        self.halves.begin_body(false);
    }

    /// The backend does not read.
    pub fn is_stalled(&self) -> bool {
        self.halves.is_stalled()
    }

    /// Nothing follows the head of the answer.
    pub fn is_over(&self) -> bool {
        self.halves.slot.is_some_and(|slot| self.halves.conn.borrow_mut().is_over(slot))
    }

    /// Sends the request's head, when the backend allows one more stream.
    pub fn poll_begin(&mut self, context: &mut Context<'_>, asked: &Asked, id: u128) -> Poll<()> {
        let mut conn = self.halves.conn.borrow_mut();
        let Ok(slot) = ready!(conn.poll_open(context)) else {
            // The answer's poll says so.
            self.refused = true;
            return Poll::Ready(());
        };
        let whole = asked.framing == Framing::None && !asked.websocket;
        if asked.is_head() {
            conn.expect_no_body(slot);
        }
        let covered = self.seat.connection.named.is_some();
        conn.send_block(slot, whole, |out| push_request(out, asked, id, covered));
        drop(conn);
        self.halves.begin(slot);
        // What follows a handshake is no body of the request: nothing ends it before the answer.
        self.halves.begin_body(whole || asked.websocket);
        Poll::Ready(())
    }

    /// Reads the head of the answer.
    pub fn poll_head(&mut self, context: &mut Context<'_>, head: &mut Head) -> Poll<Result<Option<AnswerLine>, Broken>> {
        let Some(slot) = self.halves.slot else { return Poll::Ready(Ok(None)) };
        Poll::Ready(match ready!(self.halves.conn.borrow_mut().poll_answer(slot, context, head)) {
            Ok(status) => Ok(Some(AnswerLine { status, version: Version::Http11 })),
            Err(gone) => {
                self.refused |= gone.unsent;
                Err(broken())
            }
        })
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

/// Appends the request's head.
fn push_request(out: &mut Vec<u8>, asked: &Asked, id: u128, covered: bool) {
    let text = &asked.head.text;
    if asked.websocket {
        push_method(out, b"CONNECT");
        push_field(out, b":protocol", b"websocket");
    } else {
        push_method(out, asked.method_text());
    }
    push_scheme(out, covered);
    push_authority(
        out,
        match asked.sent_authority.of(text) {
            b"" => b"localhost",
            authority => authority,
        },
    );
    push_path(out, asked.sent_path.of(text), asked.query.map(|query| query.of(text)));
    for field in &asked.head.fields {
        // The key of the older handshake proves nothing here (RFC 8441 §5).
        if !(asked.websocket && asked.head.name(field).eq_ignore_ascii_case(b"sec-websocket-key")) {
            push_field(out, asked.head.name(field), asked.head.value(field));
        }
    }
    each_forwarding(asked, id, &mut |name, value| push_field(out, name, value));
    if asked.takes_trailers {
        push_field(out, b"te", b"trailers");
    }
    if let Framing::Length(length) = asked.framing {
        push_content_length(out, length);
    }
}
