//! The backend of the HTTP contests: one epoll loop that answers each request head with the same bytes. It costs far less than any
//! proxy in front of it, so that the proxy is what saturates.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
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

/// `bench-backend ADDRESS BYTES`: answers every GET with that many bytes, until killed.
pub fn run(arguments: &[String]) -> Result<()> {
    let [address, bytes] = arguments else { bail!("usage: cargo xtask bench-backend IP:PORT BYTES") };
    let address: SocketAddr = address.parse().context("an address like 127.0.0.1:8000")?;
    let reply = reply(bytes.parse().context("the length of the reply in bytes")?);
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
            } else if connections.get_mut(&id).is_some_and(|connection| !answer(connection, &mut buffer, &reply)) {
                // Closing the descriptor takes it out of the epoll set.
                connections.remove(&id);
            }
        }
    }
}

fn reply(length: usize) -> Vec<u8> {
    let mut reply = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    reply.resize(reply.len() + length, b'x');
    reply
}

/// Reads what is there and answers each head that ended in it; false when the connection is over.
fn answer(connection: &mut Connection, buffer: &mut [u8], reply: &[u8]) -> bool {
    let read = match connection.stream.read(buffer) {
        Ok(0) | Err(_) => return false,
        Ok(read) => read,
    };
    for byte in &buffer[..read] {
        connection.matched = if *byte == END[connection.matched] { connection.matched + 1 } else { usize::from(*byte == END[0]) };
        if connection.matched == END.len() {
            connection.matched = 0;
            if connection.stream.write_all(reply).is_err() {
                return false;
            }
        }
    }
    true
}
