//! The one file of this crate where `unsafe` is allowed: calls that safe wrappers do not cover.
#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the current runtime, for waiting until it is readable.
///
/// # Errors
/// When the kernel cannot poll this sort of descriptor.
pub fn watch_readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd always answers with the same descriptor and keeps it open as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// Control data of one address: a header and an IPv6 packet info, aligned, with room to spare.
const CONTROL: usize = 64;

/// Control data, aligned as the kernel wants its headers.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Makes a datagram socket tell which address each datagram was sent to, and never send fragments that path discovery could be
/// fooled about (`IP_PMTUDISC_OMIT`).
///
/// # Errors
/// When the kernel knows no such option for this socket.
pub fn tell_destination(socket: &impl AsFd, v4: bool) -> io::Result<()> {
    let (level, info, discovery) = if v4 {
        (libc::IPPROTO_IP, libc::IP_PKTINFO, (libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT))
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, (libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT))
    };
    set_int(socket, level, info, 1)?;
    set_int(socket, level, discovery.0, discovery.1)
}

fn set_int(socket: &impl AsFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for the length of the call, and the value is an int of the length that is told.
    let done = unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Receives a datagram: its length, its sender, and the address it was sent to where the socket tells ([`tell_destination`]).
///
/// # Errors
/// As `recvmsg(2)`; `WouldBlock` when none is there.
pub fn receive_to(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, Option<IpAddr>)> {
    let mut control = Control([0; CONTROL]);
    let mut sender = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zero is a valid msghdr; every pointer put into it is to memory of the told length that outlives the call.
    let (length, header) = unsafe {
        let mut header: libc::msghdr = zeroed();
        header.msg_name = sender.as_mut_ptr().cast();
        header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL;
        (libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT), header)
    };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: zeroed at first and then written by the kernel, so it is initialised, and every bit pattern is a valid one.
    let sender = address_of(unsafe { sender.assume_init_ref() }).ok_or(io::ErrorKind::InvalidData)?;
    Ok((length, sender, destination(&control.0[..header.msg_controllen.min(CONTROL)])))
}

/// Sends a datagram from an address of this host.
///
/// # Errors
/// As `sendmsg(2)`.
pub fn send_from(socket: &impl AsFd, octets: &[u8], from: IpAddr, to: SocketAddr) -> io::Result<usize> {
    let mut control = Control([0; CONTROL]);
    let (kind, data) = match from {
        IpAddr::V4(v4) => ((libc::IPPROTO_IP, libc::IP_PKTINFO), PacketInfo::v4(v4)),
        IpAddr::V6(v6) => ((libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), PacketInfo::v6(v6)),
    };
    let used = put_control(&mut control.0, kind, data.octets());
    let to = socket2::SockAddr::from(to);
    let mut vector = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
    // SAFETY: as in `receive_to`; the kernel does not write to what it sends.
    let sent = unsafe {
        let mut header: libc::msghdr = zeroed();
        header.msg_name = to.as_ptr().cast_mut().cast();
        header.msg_namelen = to.len();
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = used;
        libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const header, libc::MSG_DONTWAIT)
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// A packet info of either family: `in_pktinfo` (interface, address to send from, destination) or `in6_pktinfo` (address, interface).
struct PacketInfo {
    octets: [u8; 20],
    length: usize,
}

impl PacketInfo {
    fn v4(address: Ipv4Addr) -> Self {
        let mut octets = [0; 20];
        octets[4..8].copy_from_slice(&address.octets());
        Self { octets, length: 12 }
    }

    fn v6(address: Ipv6Addr) -> Self {
        let mut octets = [0; 20];
        octets[..16].copy_from_slice(&address.octets());
        Self { octets, length: 20 }
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Where level, type and data of a control message begin, after its length.
const LEVEL: usize = size_of::<usize>();
const TYPE: usize = LEVEL + size_of::<libc::c_int>();
const CONTROL_HEADER: usize = TYPE + size_of::<libc::c_int>();

/// Writes one control message; gives the octets it takes.
fn put_control(control: &mut [u8; CONTROL], (level, kind): (libc::c_int, libc::c_int), data: &[u8]) -> usize {
    let length = CONTROL_HEADER + data.len();
    control[..LEVEL].copy_from_slice(&length.to_ne_bytes());
    control[LEVEL..TYPE].copy_from_slice(&level.to_ne_bytes());
    control[TYPE..CONTROL_HEADER].copy_from_slice(&kind.to_ne_bytes());
    control[CONTROL_HEADER..length].copy_from_slice(data);
    length.next_multiple_of(size_of::<usize>())
}

/// The address that the first control message tells, if it is one of an address.
fn destination(control: &[u8]) -> Option<IpAddr> {
    let word = |at: usize| Some(libc::c_int::from_ne_bytes(*control.get(at..)?.first_chunk()?));
    match (word(LEVEL)?, word(TYPE)?) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => Some(IpAddr::from(*control.get(CONTROL_HEADER + 4..)?.first_chunk::<4>()?)),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => Some(IpAddr::from(*control.get(CONTROL_HEADER..)?.first_chunk::<16>()?)),
        _ => None,
    }
}

fn address_of(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in, which a sockaddr_storage has room and alignment for.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            Some(SocketAddrV4::new(u32::from_be(v4.sin_addr.s_addr).into(), u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: likewise of a sockaddr_in6.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            Some(SocketAddrV6::new(v6.sin6_addr.s6_addr.into(), u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_reply_comes_from_the_address_that_was_asked() {
        for (any, asked) in [("0.0.0.0:0", "127.0.0.9"), ("[::]:0", "::1")] {
            let Ok(server) = UdpSocket::bind(any) else { continue };
            let asked: IpAddr = asked.parse().expect("an address");
            tell_destination(&server, asked.is_ipv4()).expect("the kernel tells");
            let port = server.local_addr().expect("bound").port();
            let client = UdpSocket::bind(any).expect("a port");
            client.send_to(b"ping", (asked, port)).expect("sent");
            client.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a timeout");
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mut buffer = [0; 16];
            let (length, sender, destination) = receive_to(&server, &mut buffer).expect("a datagram");
            assert_eq!((&buffer[..length], destination), (&b"ping"[..], Some(asked)));
            send_from(&server, b"pong", asked, sender).expect("sent");
            let (length, from) = client.recv_from(&mut buffer).expect("a reply");
            assert_eq!((&buffer[..length], from), (&b"pong"[..], SocketAddr::new(asked, port)));
            assert_eq!(receive_to(&server, &mut buffer).expect_err("nothing more").kind(), io::ErrorKind::WouldBlock);
        }
    }
}
