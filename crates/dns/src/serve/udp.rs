//! Datagrams: read what is there, answer each at once, yield (dns spec H5).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::{Core, ReplyTo};
use crate::answer::Via;

/// Datagrams that are answered before others on this thread get a turn.
const BATCH: usize = 64;
/// Longest query that is read; what is longer was cut by this and is malformed.
const LONGEST_QUERY: usize = 4096;
/// Octets of datagrams that may wait in the kernel, which doubles it for its own needs. Not more: what waits in a longer queue is
/// answered too late to be of use (dns spec O3).
const RECEIVE_BUFFER: usize = 1 << 20;

/// A socket whose replies leave from the address that was asked (W11).
pub(super) struct Datagrams {
    socket: UdpSocket,
    /// Bound to all addresses: the kernel has to tell which one was asked.
    everywhere: bool,
}

/// Who asked, and which of our addresses where that matters.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    peer: SocketAddr,
    asked: Option<IpAddr>,
}

impl Datagrams {
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        if let Err(why) = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(%why, "the receive buffer keeps the system's size");
        }
        let bound = socket.local_addr()?.ip();
        let everywhere = bound.is_unspecified();
        if everywhere {
            net::sys::tell_destination(&socket, bound.is_ipv4())?;
        }
        Ok(Self { socket: UdpSocket::from_std(socket)?, everywhere })
    }

    fn receive(&self, into: &mut [u8]) -> io::Result<(usize, Asker)> {
        if !self.everywhere {
            let (length, peer) = self.socket.try_recv_from(into)?;
            return Ok((length, Asker { peer, asked: None }));
        }
        let (length, peer, asked) = self.socket.try_io(Interest::READABLE, || net::sys::receive_to(&self.socket, into))?;
        Ok((length, Asker { peer, asked }))
    }

    /// Sends a reply. What the kernel does not take is lost as any datagram may be: the client asks again.
    pub fn reply(&self, octets: &[u8], to: Asker) {
        let sent = match to.asked {
            Some(from) => self.socket.try_io(Interest::WRITABLE, || net::sys::send_from(&self.socket, octets, from, to.peer)),
            None => self.socket.try_send_to(octets, to.peer),
        };
        if let Err(why) = sent {
            tracing::trace!(%why, peer = %to.peer, "a DNS reply was not sent");
        }
    }
}

/// Answers datagrams until told to stop, then those that came before.
pub(super) async fn serve(core: &Rc<Core>, socket: &Rc<Datagrams>, mut stop: watch::Receiver<bool>) {
    let mut message = vec![0; LONGEST_QUERY];
    loop {
        tokio::select! {
            ready = socket.socket.readable() => if ready.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => {
                batch(core, socket, &mut message);
                return;
            }
        }
        if batch(core, socket, &mut message) {
            tokio::task::yield_now().await;
        }
    }
}

/// Answers what is there, at most a batch. True if there may be more.
fn batch(core: &Rc<Core>, socket: &Rc<Datagrams>, message: &mut [u8]) -> bool {
    for _ in 0..BATCH {
        match socket.receive(message) {
            Ok((length, asker)) => {
                let reply_to = || ReplyTo::Datagram(Rc::clone(socket), asker);
                core.serve(&message[..length], Via::Udp, reply_to, |reply| socket.reply(reply, asker));
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => return false,
            // An ICMP error about an earlier reply: its client is gone, the next datagram is somebody else's.
            Err(_) => {}
        }
    }
    true
}
