//! Requests for the tour: a blocking client on one kept connection, and a steady load from several.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One kept connection to an address.
pub struct Client {
    address: SocketAddr,
    host: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client that connects at its first request.
    pub fn new(address: SocketAddr, host: &str) -> Self {
        Self { address, host: host.to_owned(), connection: None }
    }

    /// `GET path`: the body of a 200.
    ///
    /// # Errors
    /// When the connection fails or the status is another.
    pub fn get(&mut self, path: &str) -> Result<String> {
        let answer = self.exchange(path);
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    fn exchange(&mut self, path: &str) -> Result<String> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let stream = TcpStream::connect_timeout(&self.address, PATIENCE).with_context(|| format!("connect {}", self.address))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                none.insert(BufReader::new(stream))
            }
        };
        connection.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host).as_bytes())?;
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let status: u16 = line.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| format!("no answer but {line:?}"))?;
        let (mut length, mut close, mut reason) = (0_usize, false, String::new());
        loop {
            line.clear();
            connection.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse()?,
                ("connection", value) => close = value.eq_ignore_ascii_case("close"),
                ("fairlead-reason", value) => reason = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        if close {
            self.connection = None;
        }
        if status != 200 {
            bail!("status {status} {reason}");
        }
        Ok(String::from_utf8_lossy(&body).trim().to_owned())
    }
}

/// What a load saw.
#[derive(Debug, Default)]
pub struct Tally {
    /// Answers by who gave them.
    pub by_backend: BTreeMap<String, u32>,
    /// What went wrong, the first few.
    pub failures: Vec<String>,
    /// How many went wrong.
    pub failed: u32,
}

impl Tally {
    /// All answers and failures.
    pub fn total(&self) -> u32 {
        self.by_backend.values().sum::<u32>() + self.failed
    }

    /// Notes one outcome.
    pub fn note(&mut self, outcome: Result<String>) {
        match outcome {
            Ok(name) => *self.by_backend.entry(name).or_default() += 1,
            Err(why) => {
                self.failed += 1;
                if self.failures.len() < 3 {
                    self.failures.push(format!("{why:#}"));
                }
            }
        }
    }

    fn add(mut self, other: Tally) -> Self {
        for (name, count) in other.by_backend {
            *self.by_backend.entry(name).or_default() += count;
        }
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self
    }
}

/// Requests from several threads until it is stopped. Every tenth request comes on a fresh connection.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// Starts `threads` clients that pause between requests.
    pub fn start(address: SocketAddr, host: &str, threads: usize, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..threads)
            .map(|_| {
                let (stop, host) = (Arc::clone(&stop), host.to_owned());
                std::thread::spawn(move || {
                    let mut tally = Tally::default();
                    let mut client = Client::new(address, &host);
                    for request in 1.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        tally.note(client.get("/"));
                        if request % 10 == 0 {
                            client = Client::new(address, &host);
                        }
                        std::thread::sleep(pause);
                    }
                    tally
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// Stops and adds up.
    pub fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        std::mem::take(&mut self.threads).into_iter().filter_map(|thread| thread.join().ok()).fold(Tally::default(), Tally::add)
    }
}

impl Drop for Load {
    /// A load that nobody waits for ends too.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
