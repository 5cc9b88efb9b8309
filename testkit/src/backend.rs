//! Backends that say who they are. Each runs on threads of its own and ends with the test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

mod speak;

/// How a backend answers.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What it calls itself in every answer.
    pub name: String,
    /// Wait before each answer.
    pub delay: Duration,
    /// Status of HTTP answers.
    pub status: u16,
    /// Answers go on with the fields and the body of the request.
    pub echo: bool,
}

/// A running backend.
#[derive(Clone)]
pub struct Backend {
    /// Its port on 127.0.0.1, the same for TCP and UDP.
    pub port: u16,
    /// Requests (or datagrams) answered so far.
    pub answered: Arc<AtomicU64>,
    /// `METHOD PATH HOST` of each HTTP request.
    pub seen: Arc<Mutex<Vec<String>>>,
    behaviour: Arc<Mutex<Behaviour>>,
    /// Refuses connections for now.
    halted: Arc<AtomicBool>,
}

/// Between two looks at whether to accept connections.
const LOOK: Duration = Duration::from_millis(2);

impl Backend {
    /// Starts an HTTP/1.1 and UDP backend on one free port of 127.0.0.1. HTTP answers `NAME METHOD PATH HOST`, UDP
    /// answers `NAME ` and the datagram. A WebSocket gets its frames back, HTTP/2 by prior knowledge `NAME HTTP/2`.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(behaviour: Behaviour) -> std::io::Result<Self> {
        let (listener, datagrams) = pair()?;
        let backend = Self {
            port: listener.local_addr()?.port(),
            answered: Arc::default(),
            seen: Arc::default(),
            behaviour: Arc::new(Mutex::new(behaviour.clone())),
            halted: Arc::default(),
        };
        let listening = backend.clone();
        std::thread::spawn(move || listening.listen(listener));
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

    /// How it answers from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().expect("no thread panics while it holds this"));
    }

    /// Ends all connections and refuses new ones, or listens again. Returns when it is so.
    pub fn halt(&self, halted: bool) {
        self.halted.store(halted, Ordering::SeqCst);
        std::thread::sleep(LOOK * 10);
    }

    fn listen(&self, first: TcpListener) {
        let mut open = vec![];
        let mut listener = Some(first);
        loop {
            std::thread::sleep(LOOK);
            let halted = self.halted.load(Ordering::SeqCst);
            match &listener {
                Some(_) if halted => {
                    listener = None;
                    open.drain(..).for_each(|client: TcpStream| drop(client.shutdown(std::net::Shutdown::Both)));
                }
                Some(listener) => {
                    let _ = listener.set_nonblocking(true);
                    while let Ok((client, _)) = listener.accept() {
                        let _ = client.set_nonblocking(false);
                        open.extend(client.try_clone());
                        let serving = self.clone();
                        std::thread::spawn(move || serve(client, &serving));
                    }
                }
                None if halted => {}
                None => listener = TcpListener::bind(("127.0.0.1", self.port)).ok(),
            }
        }
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

fn serve(client: TcpStream, backend: &Backend) {
    let _ = client.set_nodelay(true);
    let Ok(mut writer) = client.try_clone() else { return };
    let mut reader = BufReader::new(client);
    while let Some(asked) = read_head(&mut reader) {
        let behaviour = backend.behaviour.lock().expect("no thread panics while it holds this").clone();
        if asked.method == "PRI" {
            speak::http2(&mut reader, &mut writer, &behaviour.name);
            return;
        }
        let mut body = vec![0_u8; asked.length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let Asked { method, path, host, .. } = &asked;
        backend.seen.lock().expect("no thread panics while it holds this").push(format!("{method} {path} {host}"));
        backend.answered.fetch_add(1, Ordering::Relaxed);
        if asked.upgrades {
            speak::websocket(&mut reader, &mut writer);
            return;
        }
        std::thread::sleep(behaviour.delay);
        let mut text = format!("{} {method} {path} {host}", behaviour.name);
        if behaviour.echo {
            text = format!("{text}\n{}{}", asked.fields, String::from_utf8_lossy(&body));
        }
        let shown = if method == "HEAD" { "" } else { &text };
        let head = format!("HTTP/1.1 {} Any\r\nContent-Length: {}\r\nX-Backend: {}\r\n\r\n{shown}", behaviour.status, text.len(), behaviour.name);
        if writer.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// What a request asks.
#[derive(Default)]
struct Asked {
    method: String,
    path: String,
    host: String,
    length: usize,
    upgrades: bool,
    /// All fields, one a line, names lower case.
    fields: String,
}

fn read_head(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_ascii_whitespace();
    let mut asked = Asked { method: words.next()?.to_owned(), path: words.next()?.to_owned(), ..Asked::default() };
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok().filter(|read| *read > 0)?;
        let field = field.trim_end();
        if field.is_empty() {
            return Some(asked);
        }
        let (name, value) = field.split_once(':')?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        asked.fields.push_str(&format!("{name}: {value}\n"));
        match name.as_str() {
            "host" => asked.host = value.to_owned(),
            "content-length" => asked.length = value.parse().ok()?,
            "upgrade" => asked.upgrades = true,
            _ => {}
        }
    }
}
