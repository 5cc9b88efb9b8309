//! One question to one endpoint, on a new connection (balance spec H4, H5).

pub(super) mod agent;
mod exec;
mod grpc;
mod tls;

use std::net::SocketAddr;

use model::policy::Probe;
use model::snapshot::ProbeTarget;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much of an answer is read.
const READ: usize = 8 * 1024;

/// A check that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Nobody listens: hard.
    Refused(String),
    /// Anything else: soft.
    Failed(String),
}

/// Asks; the caller bounds the time.
pub(super) async fn ask(target: &ProbeTarget) -> Result<(), Unfit> {
    let address = SocketAddr::new(target.endpoint.address.ip(), target.check.port.unwrap_or(target.endpoint.address.port()));
    match &target.check.probe {
        Probe::Agent { .. } => Ok(()),
        Probe::Exec { command } => exec::ask(command, address).await,
        Probe::Tcp { send, receive } => tcp(&mut connect(address).await?, send.as_deref(), receive.as_deref()).await,
        Probe::Http { method, path, host, expect, headers, expect_body, tls } => {
            let mut request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: fairlead-check/{}\r\nAccept: */*\r\nConnection: close\r\n",
                env!("CARGO_PKG_VERSION")
            );
            for (name, value) in headers {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
            request.push_str("\r\n");
            let mut stream = connect(address).await?;
            if *tls {
                let mut stream = tls::wrap(stream, host, address).await?;
                return http(&mut stream, &request, expect, expect_body.as_deref()).await;
            }
            http(&mut stream, &request, expect, expect_body.as_deref()).await
        }
        Probe::Grpc { service, host } => grpc::ask(connect(address).await?, host, service).await,
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Unfit> {
    TcpStream::connect(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Unfit::Refused(format!("connection to {address} refused")),
        _ => Unfit::Failed(format!("connection to {address}: {error}")),
    })
}

async fn tcp(stream: &mut TcpStream, send: Option<&str>, receive: Option<&str>) -> Result<(), Unfit> {
    if let Some(text) = send {
        stream.write_all(text.as_bytes()).await.map_err(failed)?;
    }
    let Some(wanted) = receive else { return Ok(()) };
    let mut seen = Vec::new();
    loop {
        if seen.windows(wanted.len().max(1)).any(|window| window == wanted.as_bytes()) {
            return Ok(());
        }
        if seen.len() >= READ || stream.read_buf(&mut seen).await.map_err(failed)? == 0 {
            return Err(Unfit::Failed(format!("the answer does not hold {wanted:?}")));
        }
    }
}

async fn http(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
    expect: &[(u16, u16)],
    expect_body: Option<&str>,
) -> Result<(), Unfit> {
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut seen = Vec::with_capacity(1024);
    let status = loop {
        if let Some(status) = status_of(&seen)? {
            break status;
        }
        if stream.read_buf(&mut seen).await.map_err(failed)? == 0 {
            return Err(Unfit::Failed("the connection ended before an answer".into()));
        }
    };
    let ordinary = [(200, 399)];
    let expect = if expect.is_empty() { &ordinary[..] } else { expect };
    if !expect.iter().any(|(first, last)| (*first..=*last).contains(&status)) {
        return Err(Unfit::Failed(format!("status {status}")));
    }
    let Some(wanted) = expect_body else { return Ok(()) };
    while seen.len() < READ && stream.read_buf(&mut seen).await.map_err(failed)? > 0 {}
    let body = seen.windows(4).position(|window| window == b"\r\n\r\n").map_or(&[][..], |at| &seen[at + 4..]);
    if body.windows(wanted.len().max(1)).any(|window| window == wanted.as_bytes()) {
        Ok(())
    } else {
        Err(Unfit::Failed(format!("the body does not hold {wanted:?}")))
    }
}

/// The status once its line has arrived.
fn status_of(seen: &[u8]) -> Result<Option<u16>, Unfit> {
    let Some(end) = seen.windows(2).position(|window| window == b"\r\n") else {
        return if seen.len() > 256 { Err(Unfit::Failed("the answer is not HTTP".into())) } else { Ok(None) };
    };
    let line = std::str::from_utf8(&seen[..end]).unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
    status.map(Some).ok_or_else(|| Unfit::Failed("the answer is not HTTP".into()))
}

fn failed(error: std::io::Error) -> Unfit {
    Unfit::Failed(error.to_string())
}
