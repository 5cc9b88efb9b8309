//! The backends of the contests: one epoll loop that answers each request head with the same bytes, and one that sends datagrams back.
//! They cost far less than any proxy in front of them, so that the proxy is what saturates.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;

use anyhow::{Context, Result, bail};
use rustix::event::epoll;

/// How a request head ends.
const END: [u8; 4] = *b"\r\n\r\n";

struct Connection {
    stream: TcpStream,
    /// How many bytes of [`END`] the last bytes read already match.
    matched: usize,
}

const USAGE: &str = "usage: cargo xtask bench-backend IP:PORT BYTES [--brief] | IP:PORT --datagrams";

/// `bench-backend ADDRESS BYTES [--brief]`: answers every GET with that many bytes, until killed; `--brief` ends each connection with
/// the first answer. `bench-backend ADDRESS --datagrams`: see [`datagrams`].
pub fn run(arguments: &[String]) -> Result<()> {
    let (address, bytes, brief) = match arguments {
        [address, flag] if flag == "--datagrams" => return datagrams(address.parse().context("an address like 127.0.0.1:8000")?),
        [address, bytes] => (address, bytes, false),
        [address, bytes, flag] if flag == "--brief" => (address, bytes, true),
        _ => bail!(USAGE),
    };
    let address: SocketAddr = address.parse().context("an address like 127.0.0.1:8000")?;
    let reply = reply(bytes.parse().context("the length of the reply in bytes")?, brief);
    let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let listening = listener.as_raw_fd() as u64;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(listening), epoll::EventFlags::IN)?;
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut events = Vec::with_capacity(256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            let id = event.data.u64();
            if id == listening {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let id = stream.as_raw_fd() as u64;
                    epoll::add(&poll, &stream, epoll::EventData::new_u64(id), epoll::EventFlags::IN)?;
                    connections.insert(id, Connection { stream, matched: 0 });
                }
            } else if connections.get_mut(&id).is_some_and(|connection| !answer(connection, &mut buffer, &reply, brief)) {
                // Closing the descriptor takes it out of the epoll set.
                connections.remove(&id);
            }
        }
    }
}

/// Sends every datagram back with the third octet's first bit set, which makes an answer of a DNS query: so the load generator for name
/// servers measures relays of datagrams.
fn datagrams(address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind(address).with_context(|| format!("binding {address}"))?;
    let mut buffer = [0; 2048];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer)?;
        if length > 2 {
            buffer[2] |= 0x80;
        }
        // What the kernel does not take is lost, as any datagram may be.
        let _ = socket.send_to(&buffer[..length], peer);
    }
}

fn reply(length: usize, brief: bool) -> Vec<u8> {
    let end = if brief { "connection: close\r\n" } else { "" };
    let mut reply = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n{end}\r\n").into_bytes();
    reply.resize(reply.len() + length, b'x');
    reply
}

/// Reads what is there and answers each head that ended in it; false when the connection is over.
fn answer(connection: &mut Connection, buffer: &mut [u8], reply: &[u8], brief: bool) -> bool {
    let read = match connection.stream.read(buffer) {
        Ok(0) | Err(_) => return false,
        Ok(read) => read,
    };
    for byte in &buffer[..read] {
        connection.matched = if *byte == END[connection.matched] { connection.matched + 1 } else { usize::from(*byte == END[0]) };
        if connection.matched == END.len() {
            connection.matched = 0;
            if connection.stream.write_all(reply).is_err() || brief {
                return false;
            }
        }
    }
    true
}
