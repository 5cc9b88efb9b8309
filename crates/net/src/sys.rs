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

/// Makes a datagram socket tell which address each datagram was sent to.
///
/// # Errors
/// When the kernel knows no such option for this socket.
pub fn tell_destination(socket: &impl AsFd, v4: bool) -> io::Result<()> {
    let (level, option) = if v4 { (libc::IPPROTO_IP, libc::IP_PKTINFO) } else { (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) };
    set_int(socket, level, option, 1)
}

/// Makes a datagram socket send whole packets of the interface's size, whatever path discovery was made to believe (RFC 9715): forged
/// messages about a smaller path would make it send fragments, which can be spoofed.
///
/// # Errors
/// When the kernel knows no such option for this socket.
pub fn ignore_path_mtu(socket: &impl AsFd, v4: bool) -> io::Result<()> {
    if v4 {
        set_int(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
    } else {
        set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)
    }
}

/// Datagrams that the kernel dropped so far because a socket's queue was full; the count turns over.
///
/// # Errors
/// When the kernel knows no such option.
pub fn dropped(socket: &impl AsFd) -> io::Result<u32> {
    // `SK_MEMINFO_DROPS` of `linux/sock_diag.h` is the last of nine words.
    const WORDS: usize = 9;
    let mut words = [0_u32; WORDS];
    let mut length = size_of::<[u32; WORDS]>() as libc::socklen_t;
    // SAFETY: the descriptor is open for the length of the call, which writes at most the told length into the words.
    let done =
        unsafe { libc::getsockopt(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, words.as_mut_ptr().cast(), &raw mut length) };
    if done == 0 { Ok(words[WORDS - 1]) } else { Err(io::Error::last_os_error()) }
}

fn set_int(socket: &impl AsFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for the length of the call, and the value is an int of the length that is told.
    let done = unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sends a datagram from an address of this host.
///
/// # Errors
/// As `sendmsg(2)`.
pub fn send_from(socket: &impl AsFd, octets: &[u8], from: IpAddr, to: SocketAddr) -> io::Result<usize> {
    let mut control = Control([0; CONTROL]);
    let used = put_source(&mut control, from);
    let to = socket2::SockAddr::from(to);
    let mut vector = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
    // SAFETY: all zero is a valid msghdr; every pointer put into it is to memory of the told length that outlives the call. The
    // kernel does not write to what it sends.
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

/// Datagrams that one call reads at most: as many as there are bits in [`Places`]. The deeper the queue that is read at once, the more
/// of its replies go to one asker, and leave together.
pub const BURST: usize = Places::BITS as usize;

/// Places of a burst, a bit each.
type Places = u128;

/// Octets of the replies that leave as segments of one datagram, whose own length has 16 bits.
const DATAGRAM: usize = 60_000;

/// Segments that every kernel which knows them takes in one datagram (`UDP_MAX_SEGMENTS` before Linux 6.10).
const SEGMENTS: usize = 64;

/// The control message of `udp(7)` that says how long each segment is; `linux/udp.h`.
const UDP_SEGMENT: libc::c_int = 103;

/// Datagrams that are read with one call and answered with one call (`recvmmsg(2)`, `sendmmsg(2)`).
///
/// The number that is asked for follows the number that was there: an idle socket is asked for two, a deep queue for [`BURST`],
/// because the kernel reads and writes a header for each.
pub struct Burst {
    slots: Box<[Slot]>,
    /// Of each reply what tells most replies that do not go together apart: its length and the port of the asker. Kept side by side,
    /// because each is compared with those before it.
    marks: Box<[u32; BURST]>,
    /// How many are asked for next.
    depth: usize,
    /// How many the last call read.
    count: usize,
    /// Nothing has refused segments so far.
    segments: bool,
}

/// One datagram with room for its reply. Addresses and control data are kept as the kernel gives and takes them.
struct Slot {
    query: Box<[u8]>,
    length: usize,
    reply: Box<[u8]>,
    /// 0: no reply.
    reply_length: usize,
    sender: libc::sockaddr_storage,
    sender_length: libc::socklen_t,
    control: Control,
    control_length: usize,
    outgoing: Control,
}

/// A datagram of a [`Burst`].
pub struct Datagram<'b> {
    /// Its octets; what did not fit is cut.
    pub octets: &'b [u8],
    /// Who sent it.
    pub sender: SocketAddr,
    /// Which address it was sent to, where the socket tells ([`tell_destination`]).
    pub destination: Option<IpAddr>,
    /// Room for the reply.
    pub reply: &'b mut [u8],
}

impl Burst {
    /// Room for [`BURST`] datagrams of at most `longest` octets, and as much for each reply.
    pub fn new(longest: usize) -> Self {
        let slot = || Slot {
            query: vec![0; longest].into(),
            length: 0,
            reply: vec![0; longest].into(),
            reply_length: 0,
            // SAFETY: all zero is a valid address of no family.
            sender: unsafe { zeroed() },
            sender_length: 0,
            control: Control([0; CONTROL]),
            control_length: 0,
            outgoing: Control([0; CONTROL]),
        };
        Self { slots: (0..BURST).map(|_| slot()).collect(), marks: Box::new([0; BURST]), depth: 2, count: 0, segments: true }
    }

    /// Waits for a datagram if the socket blocks, and reads it and those that came with it. Gives how many there are.
    ///
    /// # Errors
    /// As `recvmmsg(2)`.
    pub fn receive(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        self.count = 0;
        let slots = &mut self.slots[..self.depth];
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BURST];
        let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BURST];
        for (slot, (header, vector)) in slots.iter_mut().zip(headers.iter_mut().zip(&mut vectors)) {
            let vector = vector.write(libc::iovec { iov_base: slot.query.as_mut_ptr().cast(), iov_len: slot.query.len() });
            let header = header.write(empty_header());
            header.msg_hdr.msg_name = (&raw mut slot.sender).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = slot.control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL;
        }
        let wanted = libc::c_uint::try_from(slots.len()).unwrap_or(1);
        // SAFETY: so many headers are written above, and what they point at is of the told length and outlives the call.
        let read =
            unsafe { libc::recvmmsg(socket.as_fd().as_raw_fd(), headers.as_mut_ptr().cast(), wanted, libc::MSG_WAITFORONE, std::ptr::null_mut()) };
        self.count = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        for (slot, header) in slots.iter_mut().zip(&headers[..self.count]) {
            // SAFETY: the kernel gives no more than were asked for, and those are written above.
            let header = unsafe { header.assume_init_ref() };
            slot.length = usize::try_from(header.msg_len).unwrap_or(0).min(slot.query.len());
            slot.sender_length = header.msg_hdr.msg_namelen;
            slot.control_length = header.msg_hdr.msg_controllen.min(CONTROL);
            slot.reply_length = 0;
        }
        self.depth = (self.count * 2).clamp(2, BURST);
        Ok(self.count)
    }

    /// Whether the last call read as many as it may: others wait behind them.
    pub fn is_full(&self) -> bool {
        self.count == BURST
    }

    /// A datagram of the last [`Burst::receive`]; `None` when it came from nobody, as on a socket that was shut down.
    pub fn datagram(&mut self, index: usize) -> Option<Datagram<'_>> {
        let slot = self.slots[..self.count].get_mut(index).filter(|slot| slot.sender_length > 0)?;
        Some(Datagram {
            octets: &slot.query[..slot.length],
            sender: address_of(&slot.sender)?,
            destination: destination(&slot.control.0[..slot.control_length]),
            reply: &mut slot.reply,
        })
    }

    /// The first `length` octets of its room are the reply to a datagram.
    pub fn reply(&mut self, index: usize, length: usize) {
        let slot = &mut self.slots[index];
        slot.reply_length = length.min(slot.reply.len());
        // A family, the port, then the address: the same places in `sockaddr_in` and `sockaddr_in6`.
        let port = slot.sender_octets().get(2..4).map_or(0, |port| u32::from(u16::from_ne_bytes([port[0], port[1]])));
        self.marks[index] = port << 16 | (slot.reply_length as u32 & 0xffff);
    }

    /// Sends the replies, each from the address that was asked. What the kernel does not take is lost, as any datagram may be; gives
    /// how many were.
    pub fn send(&mut self, socket: &impl AsFd) -> usize {
        let mut lost = 0;
        while let Some(refused) = self.send_gathered(socket) {
            lost += refused;
        }
        lost
    }

    /// Sends what is left to send, replies of one length to one asker as segments of one large datagram (`UDP_SEGMENT` of `udp(7)`):
    /// the kernel then walks the path to the asker once for all of them. Gives what was lost; `None` when nothing was left.
    fn send_gathered(&mut self, socket: &impl AsFd) -> Option<usize> {
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BURST];
        let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BURST];
        let mut groups: [Places; BURST] = [0; BURST];
        let (mut wanted, mut gathered) = (0, 0);
        let mut left = self.unsent();
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let group = if self.segments { self.like(first, left) } else { 1 << first };
            left &= !group;
            let begin = gathered;
            for at in each(group) {
                let slot = &mut self.slots[at];
                vectors[gathered].write(libc::iovec { iov_base: slot.reply.as_mut_ptr().cast(), iov_len: slot.reply_length });
                gathered += 1;
            }
            let header = &mut headers[wanted].write(empty_header()).msg_hdr;
            header.msg_iov = vectors[begin].as_mut_ptr();
            header.msg_iovlen = gathered - begin;
            self.slots[first].address(header, gathered - begin > 1);
            groups[wanted] = group;
            wanted += 1;
        }
        let mut lost = (wanted > 0).then_some(0);
        let mut at = 0;
        while at < wanted {
            let count = libc::c_uint::try_from(wanted - at).unwrap_or(1);
            // SAFETY: the headers before `wanted` are written above; what they point at outlives the call.
            let sent = unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), headers[at..].as_mut_ptr().cast(), count, libc::MSG_DONTWAIT) };
            let done = match usize::try_from(sent) {
                Ok(sent) => sent,
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => 0,
                // The error is that of the first one. Not every way out takes segments: then each reply goes by itself.
                Err(_) if groups[at].count_ones() > 1 => {
                    self.segments = false;
                    return lost;
                }
                Err(_) => {
                    lost = lost.map(|lost| lost + 1);
                    1
                }
            };
            for slot in groups[at..at + done].iter().flat_map(|group| each(*group)) {
                self.slots[slot].reply_length = 0;
            }
            at += done;
        }
        lost
    }

    /// The slots with a reply, a bit each.
    fn unsent(&self) -> Places {
        let bits = self.slots[..self.count].iter().enumerate().map(|(at, slot)| Places::from(slot.reply_length > 0) << at);
        bits.sum()
    }

    /// Those of `among` whose reply goes the same way as that of `first` and is as long; as many as fit one datagram.
    fn like(&self, first: usize, among: Places) -> Places {
        let (model, mark) = (&self.slots[first], self.marks[first]);
        let most = (DATAGRAM / model.reply_length.max(1)).clamp(1, SEGMENTS);
        let alike = each(among).filter(|at| self.marks[*at] == mark && self.slots[*at].goes_like(model));
        alike.take(most).fold(1 << first, |group, at| group | 1 << at)
    }
}

/// The places of the bits that are set.
fn each(mut bits: Places) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
}

impl Slot {
    /// Whether the reply is as long, goes to the same asker, and leaves from the same address.
    fn goes_like(&self, other: &Slot) -> bool {
        self.reply_length == other.reply_length
            && self.sender_octets() == other.sender_octets()
            && destination(&self.control.0[..self.control_length]) == destination(&other.control.0[..other.control_length])
    }

    /// The sender as the kernel wrote it, which is the same for the same sender.
    fn sender_octets(&self) -> &[u8] {
        let length = (self.sender_length as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: it was zeroed as a whole when it was made, so all of its octets can be read.
        unsafe { std::slice::from_raw_parts((&raw const self.sender).cast(), length) }
    }

    /// Sends a header's vectors to the asker, from the address that was asked, in segments of the reply's length if there are many.
    fn address(&mut self, header: &mut libc::msghdr, segments: bool) {
        header.msg_name = (&raw mut self.sender).cast();
        header.msg_namelen = self.sender_length;
        let from = destination(&self.control.0[..self.control_length]);
        // The control data that was received stays as it is: it is read again should this have to be sent another way.
        let mut length = from.map_or(0, |from| put_source(&mut self.outgoing, from));
        if segments && let Ok(each) = u16::try_from(self.reply_length) {
            length += put_control(&mut self.outgoing.0[length..], (libc::SOL_UDP, UDP_SEGMENT), &each.to_ne_bytes());
        }
        if length > 0 {
            header.msg_controllen = length;
            header.msg_control = self.outgoing.0.as_mut_ptr().cast();
        }
    }
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: all zero is a valid header: of no address, no vector, no control data.
    unsafe { zeroed() }
}

/// Control data that makes a datagram leave from an address of this host; gives the octets it takes.
fn put_source(control: &mut Control, from: IpAddr) -> usize {
    let (kind, info) = match from {
        IpAddr::V4(v4) => ((libc::IPPROTO_IP, libc::IP_PKTINFO), PacketInfo::v4(v4)),
        IpAddr::V6(v6) => ((libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), PacketInfo::v6(v6)),
    };
    put_control(&mut control.0, kind, info.octets())
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
fn put_control(control: &mut [u8], (level, kind): (libc::c_int, libc::c_int), data: &[u8]) -> usize {
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

    fn pair(any: &str, asked: IpAddr) -> Option<(UdpSocket, UdpSocket)> {
        let server = UdpSocket::bind(any).ok()?;
        tell_destination(&server, asked.is_ipv4()).expect("the kernel tells");
        let client = UdpSocket::bind(any).expect("a port");
        client.connect((asked, server.local_addr().expect("bound").port())).expect("connected: other senders are not heard");
        client.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a timeout");
        Some((server, client))
    }

    #[test]
    fn replies_come_from_the_address_that_was_asked_at_once_or_later() {
        for (any, asked) in [("0.0.0.0:0", "127.0.0.9"), ("[::]:0", "::1")] {
            let asked: IpAddr = asked.parse().expect("an address");
            let Some((server, client)) = pair(any, asked) else { continue };
            let mut burst = Burst::new(64);
            let mut heard = [0; 16];
            for _ in 0..2 {
                client.send(b"ping").expect("sent");
                assert_eq!(burst.receive(&server).expect("a datagram"), 1);
                let ping = burst.datagram(0).expect("from somebody");
                assert_eq!((ping.octets, ping.destination), (&b"ping"[..], Some(asked)));
                let sender = ping.sender;
                ping.reply[..4].copy_from_slice(b"pong");
                burst.reply(0, 4);
                assert_eq!(burst.send(&server), 0, "none is lost");
                assert_eq!(client.recv(&mut heard).expect("a reply"), 4);
                send_from(&server, b"later", asked, sender).expect("sent");
                assert_eq!(client.recv(&mut heard).expect("another reply"), 5);
            }
        }
    }

    #[test]
    fn a_deep_queue_is_read_in_fewer_calls_and_answered_whole() {
        let Some((server, client)) = pair("127.0.0.1:0", Ipv4Addr::LOCALHOST.into()) else { return };
        for number in 0..100_u8 {
            client.send(&[number]).expect("sent");
        }
        let mut burst = Burst::new(64);
        let (mut calls, mut read) = (0, 0);
        while read < 100 {
            let count = burst.receive(&server).expect("datagrams");
            for index in 0..count {
                let datagram = burst.datagram(index).expect("from somebody");
                let number = datagram.octets[0];
                datagram.reply[0] = number;
                // Every other one is not answered.
                burst.reply(index, usize::from(number % 2));
            }
            assert_eq!(burst.send(&server), 0);
            (calls, read) = (calls + 1, read + count);
        }
        assert!(calls <= 8, "{calls} calls: 2, 4, 8, 16, 32, 32 and the rest");
        let mut heard = [0; 16];
        let numbers: Vec<u8> = (0..50).map(|_| client.recv(&mut heard).map(|_| heard[0]).expect("a reply")).collect();
        assert_eq!(numbers, (0..100).filter(|number| number % 2 == 1).collect::<Vec<u8>>());
    }

    #[test]
    fn replies_of_one_length_to_one_asker_leave_together_and_arrive_apart() {
        for any in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let asked: IpAddr = if any.starts_with('[') { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
            let Some((server, client)) = pair(any, asked) else { continue };
            let (_, other) = pair(any, asked).expect("another client");
            other.connect((asked, server.local_addr().expect("bound").port())).expect("connected");
            for refuses in [false, true] {
                let mut burst = Burst::new(64);
                burst.depth = BURST;
                let checksums = |on: libc::c_int| set_int(&server, libc::SOL_SOCKET, libc::SO_NO_CHECK, on).expect("an option of all sockets");
                // Without checksums the kernel refuses segments.
                checksums(refuses.into());
                for number in 0..12_u8 {
                    (if number % 3 == 0 { &other } else { &client }).send(&[number]).expect("sent");
                }
                assert_eq!(burst.receive(&server).expect("datagrams"), 12);
                for index in 0..12 {
                    let datagram = burst.datagram(index).expect("from somebody");
                    let number = datagram.octets[0];
                    datagram.reply[..9].fill(number);
                    // Some are longer.
                    burst.reply(index, if number >= 9 { 9 } else { 5 });
                }
                assert_eq!(burst.send(&server), 0, "none is lost");
                assert_eq!(burst.segments, !(refuses && asked.is_ipv4()), "{any}");
                let mut heard = [0; 64];
                let mut hear = |from: &UdpSocket, count: usize| {
                    let one = |_| from.recv(&mut heard).map(|length| (heard[0], length)).expect("a reply");
                    (0..count).map(one).collect::<std::collections::BTreeSet<_>>()
                };
                let expected = |mine: fn(u8) -> bool| (0..12).filter(|n| mine(*n)).map(|n| (n, if n >= 9 { 9 } else { 5 })).collect();
                assert_eq!(hear(&client, 8), expected(|n| n % 3 != 0));
                assert_eq!(hear(&other, 4), expected(|n| n % 3 == 0));
                checksums(0);
            }
        }
    }

    #[test]
    fn what_a_full_queue_drops_is_counted() {
        let Some((server, client)) = pair("127.0.0.1:0", Ipv4Addr::LOCALHOST.into()) else { return };
        assert_eq!(dropped(&server).expect("counted"), 0);
        socket2::SockRef::from(&server).set_recv_buffer_size(4096).expect("a small queue");
        for _ in 0..100 {
            let _ = client.send(&[0; 1000]);
        }
        assert!(dropped(&server).expect("counted") > 50);
        ignore_path_mtu(&server, true).expect("an option of IPv4");
    }

    #[test]
    fn shutting_a_socket_down_ends_the_wait_for_datagrams() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut burst = Burst::new(64);
                let count = burst.receive(&server).expect("woken");
                (0..count).all(|index| burst.datagram(index).is_none())
            });
            std::thread::sleep(std::time::Duration::from_millis(50));
            let _ = socket2::SockRef::from(&server).shutdown(std::net::Shutdown::Read);
            assert!(waiting.join().expect("ended"), "nobody sent anything");
        });
    }
}
