//! A listening socket of a data thread.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::task::{Context, Poll, ready};

use rustix::net::{SocketFlags, acceptfrom_with};

use super::state::READABLE;
use super::{Direction, Place};

/// A listening socket.
pub struct Listener {
    place: Place,
    socket: TcpListener,
}

impl Listener {
    /// Takes over a socket that does not block.
    ///
    /// # Errors
    /// When the system gives no epoll instance.
    pub fn new(socket: TcpListener) -> io::Result<Self> {
        Ok(Self { place: Place::new(READABLE)?, socket })
    }

    /// Waits for a connection. It does not block, belongs to no reactor yet, and so may go to any thread.
    ///
    /// # Errors
    /// As `accept(2)`.
    pub fn poll_accept(&self, context: &Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            ready!(self.place.poll_ready(Direction::Read, &self.socket, context))?;
            match accept(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.place.blocked(Direction::Read),
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Waits for a connection, as [`Listener::poll_accept`].
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|context| self.poll_accept(context)).await
    }

    /// A connection that waits already.
    ///
    /// # Errors
    /// As `accept(2)`; `WouldBlock` when none does.
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        accept(&self.socket)
    }
}

fn accept(socket: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((stream.into(), peer.ok_or(io::ErrorKind::ConnectionAborted)?))
}
