//! A backend of the demonstration: says who it is, can be told to be slow, and reports how busy it is.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

/// The backend takes everything from the environment that `run` gives it: PORT and INSTANCE.
#[derive(Clone, Debug, clap::Args)]
pub struct BackendFlags {}

/// Answers requests until it is killed.
///
/// # Errors
/// When PORT is missing or taken.
pub fn serve(_: &BackendFlags) -> Result<ExitCode> {
    let port: u16 =
        std::env::var("PORT").ok().and_then(|text| text.parse().ok()).context("PORT is not set: this command is started by `fairlead demo`")?;
    let name: Arc<str> = std::env::var("INSTANCE").unwrap_or_else(|_| format!("backend-{}", std::process::id())).into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("backend port {port}"))?;
    let delay_ms = Arc::new(AtomicU64::new(0));
    for client in listener.incoming().flatten() {
        let (name, delay_ms) = (Arc::clone(&name), Arc::clone(&delay_ms));
        std::thread::spawn(move || drop(converse(client, &name, &delay_ms)));
    }
    Ok(ExitCode::SUCCESS)
}

/// One connection. `/be/slow/N` makes every later answer wait N ms and report a processor as busy as that suggests.
fn converse(client: TcpStream, name: &str, delay_ms: &AtomicU64) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut writer = client.try_clone()?;
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        if let Some(told) = path.strip_prefix("/be/slow/").and_then(|text| text.parse().ok()) {
            delay_ms.store(told, Ordering::Relaxed);
        }
        let delay = delay_ms.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(delay));
        let busy = if delay > 0 { 0.95 } else { 0.2 };
        let body = format!("{name}\n");
        writer.write_all(
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nendpoint-load-metrics: TEXT cpu_utilization={busy}\r\n\r\n{body}", body.len()).as_bytes(),
        )?;
    }
}
