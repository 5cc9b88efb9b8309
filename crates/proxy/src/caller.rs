//! Who is at the other end of a client's connection, and whether it may speak for others (gateway spec G92, G95).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use model::routes::Peers;
use net::Stream;
use net::announced::{Announced, announced};
use tokio::io::AsyncReadExt;

/// One end of a connection.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its address; with the PROXY protocol, the one that was announced.
    pub address: SocketAddr,
    /// The connection is encrypted.
    pub https: bool,
    /// The networks whose word about a client counts, if this is one of them.
    pub trusted: Option<Arc<[(IpAddr, u8)]>>,
    /// The number of the connection, for the log.
    pub number: u64,
    /// What its handshake came to, where somebody writes that down.
    pub tls: Option<Rc<Shaken>>,
}

impl Caller {
    /// Judged by the rules of an entrance.
    pub fn new(address: SocketAddr, https: bool, peers: &Peers, number: u64) -> Self {
        Self { address, https, trusted: peers.trusts(address.ip()).then(|| Arc::clone(&peers.trusted)), number, tls: None }
    }
}

/// What a TLS handshake came to, for the log.
#[derive(Debug)]
pub struct Shaken {
    /// `1.2`, `1.3`.
    pub version: &'static str,
    /// The cipher suite, by its name at IANA.
    pub cipher: String,
    /// The server name that the client asked for.
    pub name: Option<String>,
    /// The application protocol.
    pub protocol: Option<String>,
    /// What it showed, where it was asked for a certificate.
    pub client: Option<Shown>,
}

/// The certificate of a client.
#[derive(Debug)]
pub struct Shown {
    /// What came of it.
    pub verdict: Verdict,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: Option<String>,
}

/// What came of a client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An authority of the listener vouches for it.
    Verified,
    /// Nobody does; the client was let in all the same.
    Unverified,
    /// It showed none, and was let in.
    None,
}

impl Verdict {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Unverified => "unverified",
            Verdict::None => "none",
        }
    }
}

/// Takes the header of the PROXY protocol off the front of a connection, and not a byte more: what follows may be a TLS
/// handshake. Gives the client that it announces, or the peer itself.
///
/// # Errors
/// When the peer may not announce anybody, sends something else, or takes too long.
pub async fn announcement(stream: &mut Stream, peer: SocketAddr, peers: &Peers, within: Duration) -> io::Result<SocketAddr> {
    if !peers.trusted.is_empty() && !peers.trusts(peer.ip()) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "a peer that is no trusted proxy sends the PROXY protocol"));
    }
    let source = tokio::time::timeout(within, read(stream)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    Ok(source.unwrap_or(peer))
}

async fn read(stream: &mut Stream) -> io::Result<Option<SocketAddr>> {
    let mut head = Vec::with_capacity(128);
    loop {
        let known = head.len();
        head.resize(known + 512, 0);
        let seen = stream.peek(&mut head[known..]).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.truncate(known + seen);
        let (length, source) = match announced(&head).map_err(|none| io::Error::new(io::ErrorKind::InvalidData, none))? {
            Announced::Part => (head.len(), None),
            Announced::Whole(length, source) => (length, Some(source)),
        };
        head.truncate(length);
        stream.read_exact(&mut head[known..]).await?;
        if let Some(source) = source {
            return Ok(source);
        }
    }
}
