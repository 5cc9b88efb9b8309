//! A WebSocket whose being open is all that it says (RFC 6455): what comes on it is read and forgotten, pings are answered, and who
//! does not answer ours is gone.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use apiserver::Body;
use apiserver::status::ApiError;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use net::pace::{Activity, Busy};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Our pings.
const SIGN: Duration = Duration::from_secs(10);
/// Who sends nothing for so long, not even the answer to a ping, is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// What both sides append to a key before they hash it (RFC 6455 §1.3).
const APPENDED: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const PING: [u8; 2] = [0x89, 0];
/// A close with status 1001 (RFC 6455 §7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 2, 3, 0xE9];
const CLOSE: u8 = 8;
const PONG: u8 = 10;
/// The longest payload of a control frame (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;

/// A WebSocket that is about to open.
pub struct Opening {
    upgrade: OnUpgrade,
    /// The connection is in use, although no request is being served on it any more.
    busy: Option<Busy>,
}

/// Reads a handshake: the answer to it, and the connection. `None` where no WebSocket is asked for.
///
/// # Errors
/// When it is none that we speak.
pub fn begin(parts: &mut Parts) -> Result<Option<(Response<Body>, Opening)>, ApiError> {
    let has = |name, word: &str| {
        let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        return Ok(None);
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(ApiError::bad_request("a WebSocket must be of version 13 (RFC 6455)"));
    }
    let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| ApiError::bad_request("the handshake has no Sec-WebSocket-Key"))?;
    let proof = STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key.as_bytes(), APPENDED].concat()));
    let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or_else(|| ApiError::bad_request("a WebSocket needs HTTP/1.1"))?;
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = response.headers_mut();
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&proof).map_err(|error| ApiError::bad_request(error.to_string()))?);
    let busy = parts.extensions.get::<Arc<Activity>>().map(Activity::begin);
    Ok(Some((response, Opening { upgrade, busy })))
}

impl Opening {
    /// Waits for the connection, and then for its end.
    pub async fn run(self, stopped: impl Future<Output = ()> + Send) {
        let Ok(upgraded) = self.upgrade.await else { return };
        keep(hyper_util::rt::TokioIo::new(upgraded), stopped).await;
        drop(self.busy);
    }
}

/// Until the other side closes it, breaks a rule or falls silent, or we stop.
async fn keep(mut stream: impl AsyncRead + AsyncWrite + Unpin, stopped: impl Future<Output = ()>) {
    let mut stopped = pin!(stopped);
    let mut clock = interval(SIGN);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut read, mut heard) = (Frames::default(), Instant::now());
    let mut buffer = [0; 1024];
    loop {
        let reply = tokio::select! {
            came = stream.read(&mut buffer) => match came {
                Ok(count @ 1..) => {
                    heard = Instant::now();
                    match read.feed(&buffer[..count]) {
                        Some(reply) => reply,
                        None => return,
                    }
                }
                _ => return,
            },
            _ = clock.tick() => match heard.elapsed() > SILENCE {
                true => return,
                false => PING.to_vec(),
            },
            () = &mut stopped => {
                let _ = stream.write_all(&GOING_AWAY).await;
                let _ = stream.shutdown().await;
                return;
            }
        };
        if !reply.is_empty() && stream.write_all(&reply).await.is_err() || read.is_closed {
            let _ = stream.shutdown().await;
            return;
        }
        if stream.flush().await.is_err() {
            return;
        }
    }
}

/// Frames as they come in.
#[derive(Default)]
struct Frames {
    /// A frame that is not whole; of data frames the head alone.
    part: Vec<u8>,
    /// Payload that is still to come and is not looked at.
    skip: u64,
    is_closed: bool,
}

impl Frames {
    /// Takes octets in; gives the answers to control frames. `None`: they are no frames of a client.
    fn feed(&mut self, mut octets: &[u8]) -> Option<Vec<u8>> {
        let mut reply = Vec::new();
        while !octets.is_empty() && !self.is_closed {
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).map_or(octets.len(), |skip| skip.min(octets.len()));
                self.skip -= skipped as u64;
                octets = &octets[skipped..];
                continue;
            }
            self.part.push(octets[0]);
            octets = &octets[1..];
            let [first, second, ..] = self.part[..] else { continue };
            let (opcode, is_masked, short) = (first & 15, second & 0x80 != 0, second & 0x7F);
            if !is_masked || first & 0x70 != 0 {
                return None;
            }
            if opcode & 8 != 0 {
                // Never in pieces, and never long.
                if first & 0x80 == 0 || usize::from(short) > CONTROL_MAX {
                    return None;
                }
                if self.part.len() == 6 + usize::from(short) {
                    self.control(opcode, &mut reply);
                }
                continue;
            }
            let more = match short {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            if self.part.len() == 2 + more + 4 {
                let written = self.part[2..2 + more].iter().fold(0, |length, octet| length << 8 | u64::from(*octet));
                self.skip = if more == 0 { short.into() } else { written };
                self.part.clear();
            }
        }
        Some(reply)
    }

    /// Answers the whole control frame that was read.
    fn control(&mut self, opcode: u8, reply: &mut Vec<u8>) {
        let mask = &self.part[2..6];
        let payload: Vec<u8> = self.part[6..].iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask).collect();
        // A close is answered with itself, a ping with its payload, a pong not at all.
        let answer = match opcode {
            CLOSE => Some(CLOSE),
            9 => Some(PONG),
            _ => None,
        };
        if let Some(answer) = answer {
            reply.extend([0x80 | answer, payload.len() as u8]);
            reply.extend(payload);
        }
        self.is_closed |= opcode == CLOSE;
        self.part.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 1, 250, 3];
        let mut frame = match payload.len() {
            0..126 => vec![first, 0x80 | payload.len() as u8],
            length => [&[first, 0xFE][..], &(length as u16).to_be_bytes()].concat(),
        };
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
        frame
    }

    #[test]
    fn data_is_skipped_pings_and_closes_are_answered_however_the_octets_come() {
        let all = [frame(0x81, &[b'x'; 300]), frame(0x89, b"hello"), frame(0x82, b""), frame(0x8A, b"pong"), frame(0x88, &[3, 232])].concat();
        let expected = [&[0x8A, 5][..], b"hello", &[0x88, 2, 3, 232]].concat();
        for piece in [1, 2, 7, all.len()] {
            let mut frames = Frames::default();
            let replies: Vec<u8> = all.chunks(piece).flat_map(|octets| frames.feed(octets).expect("frames of a client")).collect();
            assert_eq!(replies, expected, "{piece} at once");
            assert!(frames.is_closed);
        }
    }

    #[test]
    fn what_no_client_may_send_ends_it() {
        for wrong in [&[0x81, 5][..], &[0xC1, 0x80], &[0x09, 0x80], &[0x89, 0xFE]] {
            assert_eq!(Frames::default().feed(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn it_lasts_until_the_client_closes_it() {
        let (mut client, server) = tokio::io::duplex(256);
        let kept = tokio::spawn(keep(server, std::future::pending()));
        let mut ping = [0; 2];
        client.read_exact(&mut ping).await.expect("a ping");
        assert_eq!(ping, PING);
        client.write_all(&frame(0x8A, b"")).await.expect("it is open");
        assert!(!kept.is_finished());
        client.write_all(&frame(0x88, &[3, 232])).await.expect("it is open");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("an end");
        assert_eq!(rest, [0x88, 2, 3, 232]);
        kept.await.expect("no panic");
    }

    #[tokio::test]
    async fn it_ends_in_good_order_when_the_server_stops() {
        let (mut client, server) = tokio::io::duplex(256);
        let kept = tokio::spawn(keep(server, std::future::ready(())));
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.expect("an end");
        assert!(said.ends_with(&GOING_AWAY), "{said:?}");
        kept.await.expect("no panic");
    }
}
