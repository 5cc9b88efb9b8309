//! A connection's bytes, in the clear or through TLS, polled without wrapping futures.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use net::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// A connected socket.
pub enum Socket {
    /// Plain TCP.
    Tcp(Stream),
    /// TLS, from a client or to a backend.
    Tls(Box<TlsStream<Stream>>),
}

impl Socket {
    /// The TCP connection underneath.
    pub fn tcp(&self) -> &Stream {
        match self {
            Socket::Tcp(stream) => stream,
            Socket::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Whether a read could give something, without memory for it where that can be known. A false alarm is harmless.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => stream.poll_readable(context),
            // Plain text may wait inside the TLS layer while the socket is silent.
            Socket::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    /// As [`Socket::poll_readable`], for a wait that most likely ends otherwise: what happens may stay unheard for two ticks.
    pub fn poll_readable_late(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => stream.poll_readable_late(context),
            Socket::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    /// Reads; 0 is the end.
    pub fn poll_read(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let stream = match self {
            Socket::Tcp(stream) => return stream.poll_read(context, into),
            Socket::Tls(stream) => stream,
        };
        let mut buffer = ReadBuf::new(into);
        match Pin::new(stream).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            // Many clients end TLS without its farewell; where the end matters, framing tells a cut message.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes what it can of these parts, in order.
    pub fn poll_write(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => match parts {
                [one] => stream.poll_write(context, one),
                parts => stream.poll_write_parts(context, parts),
            },
            Socket::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    /// As [`Socket::poll_write`], for the last bytes before the close: they leave together with it. Through TLS there is no such thing.
    pub fn poll_write_last(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => stream.poll_write_last(context, parts),
            Socket::Tls(_) => self.poll_write(context, parts),
        }
    }

    /// Pushes out what the TLS layer still holds.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(_) => Poll::Ready(Ok(())),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    /// Says that nothing more will be written.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => Poll::Ready(stream.shut()),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    /// Makes the close a reset: what was received and not read is nobody's any more.
    pub fn reset(&self) {
        let _ = self.tcp().set_zero_linger();
    }
}
