//! Backends that say who they are. Each runs on threads of its own and ends with the test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How a backend answers.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What it calls itself in every answer.
    pub name: String,
    /// Wait before each answer.
    pub delay: Duration,
    /// Status of HTTP answers.
    pub status: u16,
}

/// A running backend.
#[derive(Clone)]
pub struct Backend {
    /// Its port on 127.0.0.1, the same for TCP and UDP.
    pub port: u16,
    /// Requests (or datagrams) answered so far.
    pub answered: Arc<AtomicU64>,
}

impl Backend {
    /// Starts an HTTP/1.1 and UDP backend on one free port of 127.0.0.1. HTTP answers `NAME METHOD PATH HOST`, UDP
    /// answers `NAME ` and the datagram.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(behaviour: Behaviour) -> std::io::Result<Self> {
        let (listener, datagrams) = pair()?;
        let backend = Self { port: listener.local_addr()?.port(), answered: Arc::default() };
        let (counted, told) = (Arc::clone(&backend.answered), behaviour.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (counted, told) = (Arc::clone(&counted), told.clone());
                std::thread::spawn(move || serve(client, &told, &counted));
            }
        });
        let counted = Arc::clone(&backend.answered);
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 65_536];
            while let Ok((length, from)) = datagrams.recv_from(&mut buffer) {
                let mut answer = format!("{} ", behaviour.name).into_bytes();
                answer.extend_from_slice(&buffer[..length]);
                let _ = datagrams.send_to(&answer, from);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(backend)
    }
}

fn pair() -> std::io::Result<(TcpListener, UdpSocket)> {
    let mut last = std::io::Error::other("no free port");
    for _ in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        match UdpSocket::bind(listener.local_addr()?) {
            Ok(datagrams) => return Ok((listener, datagrams)),
            Err(taken) => last = taken,
        }
    }
    Err(last)
}

fn serve(client: TcpStream, behaviour: &Behaviour, answered: &AtomicU64) {
    let _ = client.set_nodelay(true);
    let Ok(mut writer) = client.try_clone() else { return };
    let mut reader = BufReader::new(client);
    while let Some((method, path, host, length)) = read_head(&mut reader) {
        let mut body = vec![0_u8; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        std::thread::sleep(behaviour.delay);
        let text = format!("{} {method} {path} {host}", behaviour.name);
        let shown = if method == "HEAD" { "" } else { &text };
        let head = format!("HTTP/1.1 {} Any\r\nContent-Length: {}\r\nX-Backend: {}\r\n\r\n{shown}", behaviour.status, text.len(), behaviour.name);
        answered.fetch_add(1, Ordering::Relaxed);
        if writer.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> Option<(String, String, String, usize)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut host, mut length) = (String::new(), 0);
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok().filter(|read| *read > 0)?;
        let field = field.trim_end();
        if field.is_empty() {
            return Some((method, path, host, length));
        }
        let (name, value) = field.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "host" => host = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
}
