//! What a backend speaks besides HTTP/1.1: as little of it as a test needs.

use std::io::{BufRead, Read, Write};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// HTTP/2 by prior knowledge, after the first line of its preface and the empty one: `NAME HTTP/2` to every request, unread.
pub fn http2(reader: &mut impl Read, writer: &mut impl Write, name: &str) {
    let mut rest = [0; 6];
    if reader.read_exact(&mut rest).is_err() || rest != *b"SM\r\n\r\n" || frame(writer, SETTINGS, 0, 0, &[]).is_none() {
        return;
    }
    while let Some((kind, flags, stream, payload)) = read_frame(reader) {
        let sent = match kind {
            SETTINGS if flags & ACK == 0 => frame(writer, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(writer, PING, ACK, 0, &payload),
            // The eighth entry of the static table is `:status: 200` (RFC 7541 appendix A).
            HEADERS => frame(writer, HEADERS, END_HEADERS, stream, &[0x88])
                .and_then(|()| frame(writer, DATA, END_STREAM, stream, format!("{name} HTTP/2").as_bytes())),
            _ => Some(()),
        };
        if sent.is_none() {
            return;
        }
    }
}

fn frame(writer: &mut impl Write, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Option<()> {
    let length = (payload.len() as u32).to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    writer.write_all(&[&head, payload].concat()).ok()
}

fn read_frame(reader: &mut impl Read) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).ok()?;
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    reader.read_exact(&mut payload).ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

/// A WebSocket, after the head that asks for it: every frame of a client (below 126 bytes) comes back unmasked.
pub fn websocket(reader: &mut impl BufRead, writer: &mut impl Write) {
    let head =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    if writer.write_all(head.as_bytes()).is_err() {
        return;
    }
    let mut begin = [0; 6];
    while reader.read_exact(&mut begin).is_ok() {
        let [kind, length, mask @ ..] = begin;
        let mut payload = vec![0; usize::from(length & 0x7F)];
        if reader.read_exact(&mut payload).is_err() {
            return;
        }
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        if writer.write_all(&[&[kind, length & 0x7F], payload.as_slice()].concat()).is_err() {
            return;
        }
    }
}
