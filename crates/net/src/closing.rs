//! The last bytes of a connection, and the last connections of a socket.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsFd;

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::net::{TcpListener, TcpStream};

/// Sends the last bytes of a stream that is closed right afterwards: the kernel holds them back until the close, and both leave in
/// one segment, which is one packet less for each side to handle.
///
/// # Errors
/// As `sendmsg(2)` says; `WouldBlock` when the peer does not read.
pub fn send_last(socket: impl AsFd, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(sendmsg(socket, parts, &mut SendAncillaryBuffer::default(), SendFlags::MORE | SendFlags::NOSIGNAL)?)
}

/// The connections that still wait in the queue of a socket that is closed with the iterator: the close alone would reset them. The kernel
/// is asked itself, since the runtime may not have heard of the latest ones yet.
///
/// # Errors
/// When the runtime does not give the socket back.
pub fn last_in_queue(listener: TcpListener) -> io::Result<impl Iterator<Item = (TcpStream, SocketAddr)>> {
    let listener = listener.into_std()?;
    Ok(std::iter::from_fn(move || {
        let (stream, peer) = loop {
            match listener.accept() {
                Ok(accepted) => break accepted,
                // Who broke off while waiting; the next one may be well.
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
                Err(_) => return None,
            }
        };
        stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)).ok().map(|stream| (stream, peer))
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn the_queue_is_taken_though_the_runtime_has_not_heard_of_it() -> io::Result<()> {
        let listener = super::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // The runtime of this thread does not look at its sockets before this function waits.
        let clients = (0..3).map(|_| TcpStream::connect(address)).collect::<io::Result<Vec<_>>>()?;
        let taken: Vec<_> = last_in_queue(listener)?.map(|(_, peer)| peer).collect();
        assert_eq!(taken, clients.iter().map(TcpStream::local_addr).collect::<io::Result<Vec<_>>>()?);
        Ok(())
    }

    #[test]
    fn the_last_bytes_wait_for_the_close_and_arrive_with_it() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        server.set_nodelay(true)?;
        assert_eq!(send_last(&server, &[IoSlice::new(b"fare"), IoSlice::new(b"well")])?, 8);
        client.set_nonblocking(true)?;
        assert_eq!(client.read(&mut [0; 16]).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock), "held back");
        client.set_nonblocking(false)?;
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text)?;
        assert_eq!(text, "farewell");
        Ok(())
    }
}
