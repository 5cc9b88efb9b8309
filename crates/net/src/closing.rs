//! The last bytes of a connection.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

/// Sends the last bytes of a stream that is closed right afterwards: the kernel holds them back until the close, and both leave in
/// one segment, which is one packet less for each side to handle.
///
/// # Errors
/// As `sendmsg(2)` says; `WouldBlock` when the peer does not read.
pub fn send_last(socket: impl AsFd, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(sendmsg(socket, parts, &mut SendAncillaryBuffer::default(), SendFlags::MORE | SendFlags::NOSIGNAL)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

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
