//! Binding one address with one socket per core.
//!
//! With `SO_REUSEPORT` alone two servers of one user would both bind an address and share its connections. So the first
//! socket of an address is bound *without* the option, which fails when anybody holds it, and gets the option before the
//! others are bound beside it; the kernel compares the option of both sockets at the time of the second bind. For TCP the first
//! one listens before it gets the option: of two servers that start in the same moment both may bind, as `SO_REUSEADDR` forbids
//! only what somebody listens at, and `listen` is where one of them is refused.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Pending connections the kernel keeps per socket; it cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// How often one looks again who was refused because another one started in the same instant.
const LISTEN_TRIES: u32 = 3;

/// An address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind {transport} {address}: {}", explain(source, holder))]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// `TCP` or `UDP`.
    pub transport: &'static str,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
    /// The process that holds the address, where it can be known: `nginx (pid 812)`.
    pub holder: Option<String>,
}

impl BindError {
    /// The address is held by somebody else.
    pub fn in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }

    /// A port below 1024 without the right to bind it.
    pub fn privileged(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// The address is not one of this host's.
    pub fn not_local(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrNotAvailable
    }
}

fn explain(source: &io::Error, holder: &Option<String>) -> String {
    match (source.kind(), holder) {
        (io::ErrorKind::AddrInUse, Some(holder)) => format!("in use by {holder}"),
        (io::ErrorKind::AddrInUse, None) => "in use by another process".into(),
        (io::ErrorKind::PermissionDenied, _) => {
            "not permitted: ports below 1024 need CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start".into()
        }
        _ => source.to_string(),
    }
}

/// Binds a TCP address with `count` listening sockets (at least one). Port 0 takes any free port, the same for all.
///
/// # Errors
/// When the address is in use (also by another server of the same user), not permitted or not local.
pub fn bind_tcp(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, BindError> {
    let sockets = bind_all(address, Type::STREAM, Protocol::TCP, count).map_err(|source| failed(address, "TCP", source))?;
    Ok(sockets.into_iter().map(Into::into).collect())
}

/// Binds a UDP address with `count` sockets (at least one). Port 0 takes any free port, the same for all.
///
/// # Errors
/// As [`bind_tcp`].
pub fn bind_udp(address: SocketAddr, count: usize) -> Result<Vec<UdpSocket>, BindError> {
    let sockets = bind_all(address, Type::DGRAM, Protocol::UDP, count).map_err(|source| failed(address, "UDP", source))?;
    Ok(sockets.into_iter().map(Into::into).collect())
}

/// Binds a TCP address with one listening socket, ready for [`bind_tcp_beside`]. For the thousands of addresses of
/// services: unlike [`bind_tcp`] it never searches for the process that holds the address.
///
/// # Errors
/// What the kernel says; [`io::ErrorKind::AddrInUse`] also for another server of the same user.
pub fn bind_tcp_once(address: SocketAddr) -> io::Result<TcpListener> {
    Ok(bind_all(address, Type::STREAM, Protocol::TCP, 1)?.remove(0).into())
}

/// Another listening socket of an address that this process has bound with [`bind_tcp_once`], for another core.
///
/// # Errors
/// What the kernel says.
pub fn bind_tcp_beside(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds a UDP address with one socket, without a search for its holder.
///
/// # Errors
/// What the kernel says.
pub fn bind_udp_once(address: SocketAddr) -> io::Result<UdpSocket> {
    Ok(bind_all(address, Type::DGRAM, Protocol::UDP, 1)?.remove(0).into())
}

fn bind_all(address: SocketAddr, kind: Type, protocol: Protocol, count: usize) -> io::Result<Vec<Socket>> {
    let listens = kind == Type::STREAM;
    let first = first_of(address, kind, protocol)?;
    let bound = first.local_addr()?;
    first.set_reuse_port(true)?;
    let mut sockets = vec![first];
    for _ in 1..count {
        let next = open(address, kind, protocol)?;
        if listens {
            next.set_reuse_address(true)?;
        }
        next.set_reuse_port(true)?;
        next.bind(&bound)?;
        if listens {
            next.listen(BACKLOG)?;
        }
        sockets.push(next);
    }
    Ok(sockets)
}

/// The socket that decides whose the address is. The kernel marks a socket as listening before it looks for others that are: two that
/// start to in the same instant may both be refused. Whoever is refused by `listen` alone looks again a moment later, each after
/// another one.
fn first_of(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let mut tries = 0;
    loop {
        let socket = open(address, kind, protocol)?;
        if kind == Type::DGRAM {
            socket.bind(&address.into())?;
            return Ok(socket);
        }
        // Connections in TIME_WAIT of a former run must not keep us out; a listener that lives still does.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        match socket.listen(BACKLOG) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < LISTEN_TRIES => {
                drop(socket);
                std::thread::sleep(Duration::from_micros(200 + crate::clock::monotonic_ns() % 5_000));
                tries += 1;
            }
            outcome => return outcome.map(|()| socket),
        }
    }
}

fn open(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        // Accepted connections inherit it, which saves each of them a system call (tcp(7)).
        socket.set_tcp_nodelay(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn failed(address: SocketAddr, transport: &'static str, source: io::Error) -> BindError {
    let holder = (source.kind() == io::ErrorKind::AddrInUse).then(|| holder_of(address, transport)).flatten();
    BindError { address, transport, source, holder }
}

/// The process that holds an address: the socket's inode from `/proc/net`, then whoever has it open. Only processes
/// whose descriptors we may read can be named.
fn holder_of(address: SocketAddr, transport: &str) -> Option<String> {
    // A socket of IPv6 that listens everywhere may hold the port of IPv4, too.
    let tables = match (transport, address.is_ipv4()) {
        ("TCP", true) => ["/proc/net/tcp", "/proc/net/tcp6"],
        ("TCP", false) => ["/proc/net/tcp6", "/proc/net/tcp6"],
        (_, true) => ["/proc/net/udp", "/proc/net/udp6"],
        (_, false) => ["/proc/net/udp6", "/proc/net/udp6"],
    };
    let sockets: String = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect();
    let inode = sockets.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (host, port) = fields.nth(1)?.split_once(':')?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let listens = transport == "UDP" || state == "0A";
        let same_port = u16::from_str_radix(port, 16).ok()? == address.port();
        let same_host = address.ip().is_unspecified() || host.bytes().all(|byte| byte == b'0') || host == hex_of(address);
        (listens && same_port && same_host).then(|| format!("socket:[{inode}]"))
    })?;
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let holds = std::fs::read_dir(process.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| std::fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == inode.as_str()));
        let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("{} (pid {pid})", name.trim()))
    })
}

/// The address as `/proc/net` writes it: each 32-bit word in host order.
fn hex_of(address: SocketAddr) -> String {
    let word = |bytes: &[u8]| format!("{:08X}", u32::from_ne_bytes(bytes.try_into().expect("four bytes")));
    match address {
        SocketAddr::V4(v4) => word(&v4.ip().octets()),
        SocketAddr::V6(v6) => v6.ip().octets().chunks(4).map(word).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn several_sockets_share_one_port() {
        let sockets = bind_tcp(any(), 3).unwrap();
        let port = sockets[0].local_addr().unwrap().port();
        assert!(port != 0 && sockets.iter().all(|socket| socket.local_addr().unwrap().port() == port));
        let datagrams = bind_udp(any(), 2).unwrap();
        assert_eq!(datagrams[0].local_addr().unwrap(), datagrams[1].local_addr().unwrap());
    }

    #[test]
    fn a_second_server_of_the_same_user_is_refused_and_the_first_named() {
        let first = bind_tcp(any(), 2).unwrap();
        let address = first[0].local_addr().unwrap();
        let refused = bind_tcp(address, 2).unwrap_err();
        assert!(refused.in_use());
        assert!(refused.to_string().contains(&format!("pid {}", std::process::id())), "{refused}");
        let datagrams = bind_udp(any(), 2).unwrap();
        let refused = bind_udp(datagrams[0].local_addr().unwrap(), 1).unwrap_err();
        assert!(refused.in_use() && refused.holder.is_some());
    }

    #[test]
    fn of_two_servers_that_start_at_once_one_gets_the_address() {
        for round in 0..500 {
            let address = bind_tcp(any(), 1).unwrap()[0].local_addr().unwrap();
            // Nobody sleeps, or one would be through before the other wakes.
            let ready = AtomicU32::new(0);
            let start = || {
                ready.fetch_add(1, Relaxed);
                while ready.load(Relaxed) < 2 {
                    std::hint::spin_loop();
                }
                bind_tcp(address, 2)
            };
            let (one, other) = std::thread::scope(|scope| {
                let other = scope.spawn(start);
                (start(), other.join().unwrap())
            });
            assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        }
    }

    #[test]
    fn accepted_connections_send_at_once() {
        for listener in [bind_tcp(any(), 1).unwrap().remove(0), bind_tcp_once(any()).unwrap()] {
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            listener.set_nonblocking(false).unwrap();
            assert!(listener.accept().unwrap().0.nodelay().unwrap());
        }
    }

    #[test]
    fn one_socket_at_a_time_and_more_beside_it() {
        let first = bind_tcp_once(any()).unwrap();
        let address = first.local_addr().unwrap();
        assert_eq!(bind_tcp_once(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let beside = bind_tcp_beside(address).unwrap();
        assert_eq!(beside.local_addr().unwrap(), address);
        drop((first, beside));
        bind_tcp_once(address).unwrap();
    }

    #[test]
    fn an_address_of_another_host_is_not_local() {
        assert!(bind_tcp("192.0.2.1:80".parse().unwrap(), 1).unwrap_err().not_local());
    }
}
