//! One question to one upstream: over UDP from a random port with a random id, over TCP when the reply was cut (F2, F5).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::answer::Ask;
use crate::cache::Answer;
use crate::wire::{HEADER, IN, LONGEST_NAME, ede, flag, kind, u16_at};

/// The largest datagram we take from upstreams (RFC 9715).
const OWN_SIZE: u16 = 1232;
/// Random ports tried before the system chooses one.
const PORTS_TRIED: usize = 4;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing that counts as a reply came in time.
    Silent,
    /// The system could not send or connect, or the other side refused.
    Unreachable,
}

impl Failure {
    pub fn extended_error(self) -> u16 {
        match self {
            Failure::Silent => ede::NO_REACHABLE_AUTHORITY,
            Failure::Unreachable => ede::NETWORK_ERROR,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Failure::Unreachable
    }
}

/// 64 bits from the system.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        // Without a source of randomness ids could be guessed; the clock is the least bad of what is left.
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| u64::try_from(time.as_nanos() & u128::from(u64::MAX)).unwrap_or(0))
    })
}

/// A secret from the system.
pub(crate) fn random_secret() -> [u8; 16] {
    (u128::from(random()) << 64 | u128::from(random())).to_be_bytes()
}

/// Asks an upstream. The caller bounds the time.
pub(super) async fn ask(upstream: SocketAddr, ask: &Ask) -> Result<Answer, Failure> {
    let mut buffer = [0; HEADER + LONGEST_NAME + 4 + 11];
    let id = u16::try_from(random() >> 48).unwrap_or(0);
    let query = write_query(&mut buffer, id, ask);
    let socket = bind(upstream).await?;
    // Connected, so that only the upstream's own datagrams arrive, and a closed port is told at once.
    socket.connect(upstream).await?;
    socket.send(query).await?;
    let mut reply = vec![0; usize::from(OWN_SIZE).max(4096)];
    loop {
        let length = socket.recv(&mut reply).await?;
        let reply = &reply[..length];
        // A forged or broken datagram is no answer and no failure: the right one may follow it.
        if !answers(reply, query) {
            continue;
        }
        if u16_at(reply, 2).is_some_and(|flags| flags & flag::TC != 0) {
            return over_tcp(upstream, query).await;
        }
        if let Some(answer) = Answer::read(reply) {
            return Ok(answer);
        }
    }
}

async fn over_tcp(upstream: SocketAddr, query: &[u8]) -> Result<Answer, Failure> {
    let mut stream = TcpStream::connect(upstream).await?;
    let mut framed = Vec::with_capacity(query.len() + 2);
    framed.extend_from_slice(&u16::try_from(query.len()).unwrap_or(0).to_be_bytes());
    framed.extend_from_slice(query);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await?;
    if answers(&reply, query) { Answer::read(&reply).ok_or(Failure::Unreachable) } else { Err(Failure::Unreachable) }
}

/// A socket on a port that nobody can guess.
async fn bind(upstream: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if upstream.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    for _ in 0..PORTS_TRIED {
        // Above the privileged ports; the shift keeps 16 random bits.
        let port = u16::try_from(random() >> 48).unwrap_or(0) | 0x0400;
        if let Ok(socket) = UdpSocket::bind((any, port)).await {
            return Ok(socket);
        }
    }
    UdpSocket::bind((any, 0)).await
}

fn write_query<'b>(buffer: &'b mut [u8; HEADER + LONGEST_NAME + 4 + 11], id: u16, ask: &Ask) -> &'b [u8] {
    let flags = flag::RD | if ask.checking_disabled { flag::CD } else { 0 };
    let mut at = 0;
    let mut put = |octets: &[u8]| {
        buffer[at..at + octets.len()].copy_from_slice(octets);
        at += octets.len();
    };
    for word in [id, flags, 1, 0, 0, 1] {
        put(&word.to_be_bytes());
    }
    put(ask.name.wire());
    put(&ask.kind.to_be_bytes());
    put(&IN.to_be_bytes());
    put(&[0]);
    put(&kind::OPT.to_be_bytes());
    put(&OWN_SIZE.to_be_bytes());
    put(&[0, 0, if ask.dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
    &buffer[..at]
}

/// Whether a message is the reply to our query: id, kind of message and question, letters in any case.
fn answers(reply: &[u8], query: &[u8]) -> bool {
    let question_end = query.len() - 11;
    let head = u16_at(reply, 0) == u16_at(query, 0)
        && u16_at(reply, 2).is_some_and(|flags| flags & (flag::QR | flag::OPCODE) == flag::QR)
        && u16_at(reply, 4) == Some(1);
    let asked = &query[HEADER..question_end];
    head && reply.get(HEADER..question_end).is_some_and(|question| {
        question[..asked.len() - 4].eq_ignore_ascii_case(&asked[..asked.len() - 4]) && question[asked.len() - 4..] == asked[asked.len() - 4..]
    })
}
