//! A TCP connection of a data thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType, connect, recv, send, sendmsg, socket_with};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::state::{READABLE, WATCHED, WRITABLE};
use super::{Direction, Place};

/// Reads in a row without a wait, after which the other tasks of the thread have their turn.
const STREAK: u8 = 128;

/// A connection. It stays on its thread.
pub struct Stream {
    pub(super) place: Place,
    socket: TcpStream,
    streak: Cell<u8>,
}

impl Stream {
    /// Takes over a connection that does not block. Something may wait to be read on it.
    ///
    /// # Errors
    /// When the system gives no epoll instance.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        Ok(Self { place: Place::new(READABLE | WRITABLE)?, socket, streak: Cell::new(0) })
    }

    /// Connects to an address.
    ///
    /// # Errors
    /// As `connect(2)`.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket: TcpStream = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?.into();
        let connected = match connect(&socket, &address) {
            Ok(()) => true,
            Err(rustix::io::Errno::INPROGRESS) => false,
            Err(error) => return Err(error.into()),
        };
        // Nobody has answered yet, so that the first read is one that waits.
        let place = Place::new(if connected { WRITABLE } else { 0 })?;
        let stream = Self { place, socket, streak: Cell::new(0) };
        if !connected {
            stream.writable().await?;
            if let Some(error) = stream.socket.take_error()? {
                return Err(error);
            }
        }
        Ok(stream)
    }

    /// The connection without its place, for another thread.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn into_std(self) -> io::Result<TcpStream> {
        let Self { place, socket, .. } = self;
        place.leave(&socket)?;
        Ok(socket)
    }

    /// The other end.
    ///
    /// # Errors
    /// As `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// This end.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Small writes leave at once.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.set_nodelay(on)
    }

    /// Makes the close a reset.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))
    }

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// As `shutdown(2)`.
    pub fn shut(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// Whether nothing has arrived: neither bytes nor the end. With `ask` the kernel is asked; else what was heard so far counts,
    /// if this connection was listened to at all.
    pub fn is_silent(&self, ask: bool) -> bool {
        if !ask && self.place.state() & (WATCHED | READABLE) == WATCHED {
            return true;
        }
        is_silent(&self.socket)
    }

    /// How many sockets of the thread had something to say when it last listened.
    pub fn crowd(&self) -> usize {
        self.place.crowd()
    }

    /// Waits until a read may give something.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn poll_readable(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_turn(context, self.place.poll_ready(Direction::Read, &self.socket, context))
    }

    /// Puts one who never has to wait off for a turn now and then.
    fn poll_turn(&self, context: &Context<'_>, ready: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        let streak = if ready.is_ready() { self.streak.get() + 1 } else { 0 };
        if streak <= STREAK {
            self.streak.set(streak);
            return ready;
        }
        self.streak.set(0);
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// As [`Stream::poll_readable`], for a wait that most likely ends otherwise: it may go unheard until the
    /// second [`tick`](super::tick).
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn poll_readable_late(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_turn(context, self.place.poll_readable_late(&self.socket, context))
    }

    /// Waits until a read may give something.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_readable(context)).await
    }

    /// Waits until a write may take something.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|context| self.place.poll_ready(Direction::Write, &self.socket, context)).await
    }

    /// Reads what is there; 0 is the end.
    ///
    /// # Errors
    /// As `recv(2)`; `WouldBlock` when nothing is there.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        if !self.place.is_ready(Direction::Read) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let room = into.len();
        loop {
            match recv(&self.socket, &mut *into, RecvFlags::empty()) {
                Ok((read, _)) => {
                    // Less than was asked for is all that there was: what comes later is told.
                    if read > 0 && read < room {
                        self.place.spent(Direction::Read);
                    }
                    return Ok(read);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    self.place.blocked(Direction::Read);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes what is taken at once.
    ///
    /// # Errors
    /// As `send(2)`; `WouldBlock` when nothing is.
    pub fn try_write(&self, from: &[u8]) -> io::Result<usize> {
        self.write(from.len(), || Ok(send(&self.socket, from, SendFlags::NOSIGNAL)?))
    }

    fn write(&self, length: usize, mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
        if !self.place.is_ready(Direction::Write) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            match call() {
                Ok(written) => {
                    if written < length {
                        self.place.spent(Direction::Write);
                    }
                    return Ok(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() == io::ErrorKind::WouldBlock {
                        self.place.spent(Direction::Write);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Reads; 0 is the end.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub fn poll_read(&self, context: &Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_readable(context))?;
            match self.try_read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Writes.
    ///
    /// # Errors
    /// As `send(2)`.
    pub fn poll_write(&self, context: &Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(context, || self.try_write(from))
    }

    /// Writes what it can of these parts, in order.
    ///
    /// # Errors
    /// As `sendmsg(2)`.
    pub fn poll_write_parts(&self, context: &Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        let call = || Ok(sendmsg(&self.socket, parts, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)?);
        self.poll_with(context, || self.write(length, call))
    }

    /// As [`Stream::poll_write_parts`], for the last bytes before the close: they leave together with it.
    ///
    /// # Errors
    /// As `sendmsg(2)`.
    pub fn poll_write_last(&self, context: &Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        self.poll_with(context, || self.write(length, || crate::send_last(&self.socket, parts)))
    }

    fn poll_with(&self, context: &Context<'_>, mut attempt: impl FnMut() -> io::Result<usize>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.place.poll_ready(Direction::Write, &self.socket, context))?;
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Waits for bytes and reads them without taking them off.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.readable().await?;
            match self.socket.peek(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.place.blocked(Direction::Read),
                outcome => return outcome,
            }
        }
    }
}

/// Neither bytes nor the end of this connection have arrived.
pub fn is_silent(socket: &TcpStream) -> bool {
    socket.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Stream::poll_read(&self, context, buffer.initialize_unfilled()))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Stream::poll_write(&self, context, from)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_write_parts(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shut())
    }
}
