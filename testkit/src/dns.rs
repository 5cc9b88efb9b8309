//! A small DNS client for scripts: one question over UDP, the answer as lines.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context, Result, bail};

const TYPES: [(&str, u16); 11] =
    [("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("PTR", 12), ("HINFO", 13), ("MX", 15), ("TXT", 16), ("AAAA", 28), ("SRV", 33), ("ANY", 255)];
const OPT: u16 = 41;
const CODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/// What came back.
struct Reply {
    code: String,
    /// Section (0 to 2), TTL in seconds, and `TYPE DATA`, in the order they came; OPT left out.
    records: Vec<(usize, u32, String)>,
}

/// Asks `server` and gives the response code, then the answer's records sorted, one a line: `TYPE DATA`.
///
/// # Errors
/// When nothing comes back within three seconds or it cannot be read.
pub fn ask(server: &str, name: &str, qtype: &str) -> Result<String> {
    let reply = exchange(server, name, qtype)?;
    let mut lines: Vec<String> = reply.records.into_iter().filter(|(section, ..)| *section == 0).map(|(.., text)| text).collect();
    lines.sort();
    lines.insert(0, reply.code);
    Ok(lines.join("\n") + "\n")
}

/// Asks many questions, one `NAME TYPE` a line, and gives each with its reply: the code, then answers and, after a `+`, additional
/// records, both sorted. A TTL other than 5 s is told. Names without a final dot are below `svc.cluster.local`.
///
/// # Errors
/// As [`ask`].
pub fn table(server: &str, questions: &str) -> Result<String> {
    let mut text = String::new();
    for line in questions.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (name, qtype) = line.trim().rsplit_once(' ').with_context(|| format!("{line:?}: write NAME TYPE"))?;
        let name = name.trim();
        let whole = if name.ends_with('.') { name.to_owned() } else { format!("{name}.svc.cluster.local.") };
        let reply = exchange(server, &whole, qtype)?;
        let section = |wanted: usize, mark: &str| {
            let of_it = reply.records.iter().filter(|(section, ..)| *section == wanted);
            let mut texts: Vec<String> =
                of_it.map(|(_, ttl_s, text)| if *ttl_s == 5 { format!("{mark}{text}") } else { format!("{mark}{text} ({ttl_s} s)") }).collect();
            texts.sort();
            texts
        };
        let parts = [vec![reply.code.clone()], section(0, ""), section(2, "+ ")].concat();
        text.push_str(&format!("{name} {qtype} = {}\n", parts.join("; ")));
    }
    Ok(text)
}

fn exchange(server: &str, name: &str, qtype: &str) -> Result<Reply> {
    let code = TYPES.iter().find(|(known, _)| *known == qtype).map(|(_, code)| *code).or_else(|| qtype.strip_prefix("TYPE")?.parse().ok());
    let code = code.with_context(|| format!("unknown type {qtype}"))?;
    let mut query = vec![0x5a, 0xa5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, (code >> 8) as u8, code as u8, 0, 1]);
    // EDNS, so that what is asked for here is never cut.
    query.extend_from_slice(&[0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    socket.connect(server)?;
    socket.send(&query)?;
    let mut reply = [0_u8; 4096];
    let length = socket.recv(&mut reply).with_context(|| format!("no answer from {server} for {name} {qtype}"))?;
    read(&reply[..length])
}

fn read(reply: &[u8]) -> Result<Reply> {
    if reply.len() < 12 {
        bail!("an answer of {} bytes", reply.len());
    }
    let word = |at: usize| Ok::<_, anyhow::Error>(u16::from_be_bytes(*reply.get(at..).and_then(|rest| rest.first_chunk()).context("cut short")?));
    let code = usize::from(reply[3] & 15);
    let mut at = 12;
    for _ in 0..word(4)? {
        at = name(reply, at)?.1 + 4;
    }
    let mut records = Vec::new();
    for (section, count) in [word(6)?, word(8)?, word(10)?].into_iter().enumerate() {
        for _ in 0..count {
            at = name(reply, at)?.1;
            let (kind, length) = (word(at)?, usize::from(word(at + 8)?));
            let ttl_s = u32::from(word(at + 4)?) << 16 | u32::from(word(at + 6)?);
            let start = at + 10;
            let data = reply.get(start..start + length).context("a record beyond the end")?;
            if kind != OPT {
                records.push((section, ttl_s, show(reply, kind, start, data)?));
            }
            at = start + length;
        }
    }
    Ok(Reply { code: CODES.get(code).map_or_else(|| code.to_string(), |code| (*code).to_owned()), records })
}

/// A record as `TYPE DATA`.
fn show(reply: &[u8], kind: u16, start: usize, data: &[u8]) -> Result<String> {
    let shown = match kind {
        1 => data.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
        28 => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(data)?).to_string(),
        2 | 5 | 12 => name(reply, start)?.0,
        33 => {
            let [a, b, c, d, e, f, ..] = *data else { bail!("an SRV record of {} bytes", data.len()) };
            let numbers = [[a, b], [c, d], [e, f]].map(|pair| u16::from_be_bytes(pair).to_string());
            format!("{} {}", numbers.join(" "), name(reply, start + 6)?.0)
        }
        6 => {
            let (server, after) = name(reply, start)?;
            format!("{server} {}", name(reply, after)?.0)
        }
        _ => data.iter().map(|byte| char::from(*byte)).filter(|byte| byte.is_ascii_graphic() || *byte == ' ').collect(),
    };
    let kind = TYPES.iter().find(|(_, known)| *known == kind).map_or_else(|| kind.to_string(), |(known, _)| (*known).to_owned());
    Ok(format!("{kind} {shown}"))
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
