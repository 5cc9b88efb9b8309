//! Datagrams: a thread that waits for them in the kernel, answers all that are there, and waits again (dns spec H5).
//!
//! It shares nothing with a runtime, because that is what a query costs: one call to read and one to answer, for as many queries as
//! came together. A runtime would add a call to learn that there is something, and one to learn that there is no more.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use net::sys::Burst;

use super::fair::Fair;
use super::{Desk, ReplyTo, Served, unix_s};
use crate::answer::{Client, Via};

/// Longest query that is read, and longest reply; a query that is longer was cut by this and is malformed.
const LONGEST: usize = 4096;
/// Octets of datagrams that may wait in the kernel, which doubles it for its own needs. Not more: what waits in a longer queue is
/// answered too late to be of use (dns spec O3).
const RECEIVE_BUFFER: usize = 1 << 20;
/// Pause after the kernel could not give us a datagram: out of memory, most likely.
const PAUSE: Duration = Duration::from_millis(20);

/// A socket whose replies leave from the address that was asked (W11).
pub(super) struct Datagrams {
    socket: UdpSocket,
    closed: AtomicBool,
}

/// Who asked, and which of our addresses where that matters.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    peer: SocketAddr,
    asked: Option<IpAddr>,
}

impl Datagrams {
    /// Makes a bound socket ready for [`serve`].
    ///
    /// # Errors
    /// When it cannot be made to wait or to tell addresses.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        if let Err(why) = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(%why, "the receive buffer keeps the system's size");
        }
        socket.set_nonblocking(false)?;
        let bound = socket.local_addr()?.ip();
        if let Err(why) = net::sys::ignore_path_mtu(&socket, bound.is_ipv4()) {
            tracing::debug!(%why, "path discovery applies to DNS replies");
        }
        if bound.is_unspecified() {
            net::sys::tell_destination(&socket, bound.is_ipv4())?;
        }
        Ok(Self { socket, closed: AtomicBool::new(false) })
    }

    /// Ends [`serve`] once it answered what came before.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Says "not connected", and wakes whoever waits all the same.
        let _ = socket2::SockRef::from(&self.socket).shutdown(std::net::Shutdown::Read);
    }

    /// Sends a reply that had to wait. What the kernel does not take is lost as any datagram may be: the client asks again.
    pub fn reply(&self, octets: &[u8], to: Asker) {
        let sent = match to.asked {
            Some(from) => net::sys::send_from(&self.socket, octets, from, to.peer),
            None => self.socket.send_to(octets, to.peer),
        };
        if let Err(why) = sent {
            tracing::trace!(%why, peer = %to.peer, "a DNS reply was not sent");
        }
    }
}

/// Answers datagrams until the socket is closed.
pub(super) fn serve(mut desk: Desk, socket: &Arc<Datagrams>) {
    let mut burst = Burst::new(LONGEST);
    let mut fair = Fair::default();
    let mut dropped = 0;
    loop {
        match burst.receive(&socket.socket) {
            Ok(count) => {
                // Only a queue that is deep can overflow: nothing is asked of the kernel otherwise.
                if let Some(now) = burst.is_full().then(|| net::sys::dropped(&socket.socket).ok()).flatten() {
                    desk.shared.metrics.overflown.inc_by(u64::from(now.wrapping_sub(dropped)));
                    dropped = now;
                }
                fair.burst(burst.is_full());
                if !answer(&mut desk, socket, &mut burst, &mut fair, count) && socket.closed.load(Ordering::Acquire) {
                    return;
                }
            }
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if socket.closed.load(Ordering::Acquire) => return,
            Err(why) => {
                tracing::warn!(%why, "DNS queries could not be read");
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Answers the datagrams that were read together. False if one of them is none: the socket is closed and nothing is left.
fn answer(desk: &mut Desk, socket: &Arc<Datagrams>, burst: &mut Burst, fair: &mut Fair, count: usize) -> bool {
    let now_s = unix_s();
    let is_pressed = fair.is_pressed();
    let mut whole = true;
    for index in 0..count {
        let Some(query) = burst.datagram(index) else {
            whole = false;
            continue;
        };
        let client = Client { via: Via::Udp, address: query.sender.ip(), unix_s: now_s, is_pressed };
        if is_pressed && !fair.admits(client.address) {
            desk.tally.unfair += 1;
            continue;
        }
        let asker = Asker { peer: query.sender, asked: query.destination };
        let reply_to = || ReplyTo::Datagram(Arc::clone(socket), asker);
        if let Served::Reply(length) = desk.serve(query.octets, client, query.reply, reply_to) {
            burst.reply(index, length);
        }
    }
    let lost = burst.send(&socket.socket);
    desk.tell();
    if lost > 0 {
        desk.shared.metrics.unsent.inc_by(lost as u64);
    }
    whole
}
