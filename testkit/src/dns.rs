//! A small DNS client for scripts: one question over UDP, the answer as lines.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context, Result, bail};

const TYPES: [(&str, u16); 9] = [("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("PTR", 12), ("TXT", 16), ("AAAA", 28), ("SRV", 33), ("HINFO", 13)];
const CODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/// Asks `server` and gives the response code, then the answer's records sorted, one a line: `TYPE DATA`.
///
/// # Errors
/// When nothing comes back within three seconds or it cannot be read.
pub fn ask(server: &str, name: &str, qtype: &str) -> Result<String> {
    let code = TYPES.iter().find(|(known, _)| *known == qtype).with_context(|| format!("unknown type {qtype}"))?.1;
    let mut query = vec![0x5a, 0xa5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, (code >> 8) as u8, code as u8, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    socket.send_to(&query, server)?;
    let mut reply = [0_u8; 4096];
    let length = socket.recv(&mut reply).with_context(|| format!("no answer from {server} for {name} {qtype}"))?;
    read(&reply[..length])
}

fn read(reply: &[u8]) -> Result<String> {
    if reply.len() < 12 {
        bail!("an answer of {} bytes", reply.len());
    }
    let word = |at: usize| u16::from_be_bytes([reply[at], reply[at + 1]]);
    let code = usize::from(reply[3] & 15);
    let (questions, answers) = (word(4), word(6));
    let mut at = 12;
    for _ in 0..questions {
        at = name(reply, at)?.1 + 4;
    }
    let mut lines = Vec::new();
    for _ in 0..answers {
        at = name(reply, at)?.1;
        let (kind, length) = (word(at), usize::from(word(at + 8)));
        let start = at + 10;
        let data = reply.get(start..start + length).context("a record beyond the end")?;
        let shown = match kind {
            1 => data.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
            28 => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(data)?).to_string(),
            2 | 5 | 12 => name(reply, start)?.0,
            33 => format!("{} {} {} {}", word(start), word(start + 2), word(start + 4), name(reply, start + 6)?.0),
            _ => data.iter().map(|byte| char::from(*byte)).filter(|byte| byte.is_ascii_graphic() || *byte == ' ').collect(),
        };
        let kind = TYPES.iter().find(|(_, known)| *known == kind).map_or_else(|| kind.to_string(), |(known, _)| (*known).to_owned());
        lines.push(format!("{kind} {shown}"));
        at = start + length;
    }
    lines.sort();
    lines.insert(0, CODES.get(code).map_or_else(|| code.to_string(), |code| (*code).to_owned()));
    Ok(lines.join("\n") + "\n")
}

fn name(reply: &[u8], mut at: usize) -> Result<(String, usize)> {
    let (mut text, mut end, mut jumps) = (String::new(), None, 0);
    loop {
        let length = usize::from(*reply.get(at).context("a name beyond the end")?);
        if length & 0xc0 == 0xc0 {
            let low = usize::from(*reply.get(at + 1).context("a pointer beyond the end")?);
            end.get_or_insert(at + 2);
            at = (length & 0x3f) << 8 | low;
            jumps += 1;
            if jumps > 20 {
                bail!("a loop of pointers");
            }
            continue;
        }
        at += 1;
        if length == 0 {
            return Ok((if text.is_empty() { ".".into() } else { text }, end.unwrap_or(at)));
        }
        text.push_str(std::str::from_utf8(reply.get(at..at + length).context("a label beyond the end")?)?);
        text.push('.');
        at += length;
    }
}
