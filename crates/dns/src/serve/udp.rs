//! Datagrams: read what is there, answer each at once, yield (dns spec H5).

use std::rc::Rc;

use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::{Core, ReplyTo};
use crate::answer::Via;

/// Datagrams that are answered before others on this thread get a turn.
const BATCH: usize = 64;
/// Longest query that is read; what is longer was cut by this and is malformed.
const LONGEST_QUERY: usize = 4096;

/// Answers datagrams until told to stop, then those that came before.
pub(super) async fn serve(core: &Rc<Core>, socket: &Rc<UdpSocket>, mut stop: watch::Receiver<bool>) {
    let mut message = vec![0; LONGEST_QUERY];
    loop {
        tokio::select! {
            ready = socket.readable() => if ready.is_err() { return },
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
fn batch(core: &Rc<Core>, socket: &Rc<UdpSocket>, message: &mut [u8]) -> bool {
    for _ in 0..BATCH {
        match socket.try_recv_from(message) {
            Ok((length, peer)) => {
                let reply_to = || ReplyTo::Datagram(Rc::clone(socket), peer);
                // A reply that the kernel does not take is lost as any datagram may be.
                core.serve(&message[..length], Via::Udp, reply_to, |reply| drop(socket.try_send_to(reply, peer)));
            }
            Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => return false,
            // An ICMP error about an earlier reply: its client is gone, the next datagram is somebody else's.
            Err(_) => {}
        }
    }
    true
}
