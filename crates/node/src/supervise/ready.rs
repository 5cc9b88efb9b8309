//! When a copy may be sent its first request.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram};

use super::{Check, Spec};

/// How often a copy that is not ready is asked: soon enough that nobody notices.
const PAUSE: Duration = Duration::from_millis(25);
/// One question.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns when the copy is ready; never, when it never is.
pub(super) async fn wait(spec: &Spec, notified: &mut Option<UnixDatagram>, port: u16) {
    let listening = async {
        while !passes(spec, port).await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    match (notified, &spec.check) {
        // A check decides alone, whatever else the program says (R2).
        (Some(socket), Check::None) => tokio::select! {
            () = listening => {}
            () = said_ready(socket) => {}
        },
        _ => listening.await,
    }
}

async fn said_ready(socket: &UnixDatagram) {
    let mut message = [0_u8; 4096];
    while let Ok(length) = socket.recv(&mut message).await {
        if message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
            return;
        }
    }
    std::future::pending().await
}

async fn passes(spec: &Spec, port: u16) -> bool {
    let question = async {
        let mut stream = TcpStream::connect((spec.address.as_str(), port)).await.ok()?;
        let Check::Http(path) = &spec.check else { return Some(true) };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}.{}\r\nUser-Agent: fairlead-check/{}\r\nConnection: close\r\n\r\n",
            spec.name,
            spec.namespace,
            env!("CARGO_PKG_VERSION")
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head).await.ok()?;
        // `HTTP/1.1 200`: the class of the status stands at byte 9.
        Some(head.starts_with(b"HTTP/1.") && matches!(head[9], b'2' | b'3'))
    };
    tokio::time::timeout(PATIENCE, question).await.ok().flatten().unwrap_or(false)
}
