//! The PROXY protocol, versions 1 and 2: what a balancer before us says of a connection, in front of its first byte.
//!
//! Pure: bytes in, an address out, or the other way. Who is believed is the caller's affair.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, with its end.
const LINE_MAX: usize = 107;
/// Bytes after the fixed part of version 2: addresses and additions (certificates, names). More is no announcement.
const REST_MAX: usize = 4096;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// The beginning of a header: all of them belong to it, and more must come.
    Part,
    /// A header of so many bytes. `None`: the balancer speaks for itself (a health check), or of no address that we know.
    Whole(usize, Option<SocketAddr>),
}

/// The bytes are no header. One may not guess then (PROXY protocol specification, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no header of the PROXY protocol: the balancer must send one, or the setting proxy-protocol be turned off")]
pub struct NoHeader;

/// Reads the beginning of a connection.
///
/// # Errors
/// As soon as it cannot become a header any more.
pub fn announced(bytes: &[u8]) -> Result<Announced, NoHeader> {
    let common = bytes.len().min(SIGNATURE.len());
    if bytes[..common] == SIGNATURE[..common] {
        return if common == SIGNATURE.len() { version_2(bytes) } else { Ok(Announced::Part) };
    }
    const WORD: &[u8] = b"PROXY ";
    let common = bytes.len().min(WORD.len());
    if bytes[..common] != WORD[..common] {
        return Err(NoHeader);
    }
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if end < LINE_MAX => version_1(&bytes[..=end]),
        None if bytes.len() < LINE_MAX => Ok(Announced::Part),
        _ => Err(NoHeader),
    }
}

/// The header of version 2 for a TCP connection from a client to an address of ours.
pub fn header(client: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let ports = [client.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    match (client.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(client), IpAddr::V4(to)) => {
            header.extend_from_slice(&[0x21, 0x11, 0, 12]);
            header.extend_from_slice(&client.octets());
            header.extend_from_slice(&to.octets());
        }
        (client, to) => {
            let wide = |address: IpAddr| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            };
            header.extend_from_slice(&[0x21, 0x21, 0, 36]);
            header.extend_from_slice(&wide(client));
            header.extend_from_slice(&wide(to));
        }
    }
    header.extend_from_slice(&ports);
    header
}

/// `PROXY TCP4 source destination port port`, with CRLF.
fn version_1(line: &[u8]) -> Result<Announced, NoHeader> {
    let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok()).ok_or(NoHeader)?;
    let mut words = text.split(' ').skip(1);
    let family = words.next().ok_or(NoHeader)?;
    if family == "UNKNOWN" {
        return Ok(Announced::Whole(line.len(), None));
    }
    let mut address = || words.next().and_then(|word| word.parse::<IpAddr>().ok()).ok_or(NoHeader);
    let (source, destination) = (address()?, address()?);
    let mut port = || words.next().filter(|word| !word.starts_with('+')).and_then(|word| word.parse::<u16>().ok()).ok_or(NoHeader);
    let (from, _) = (port()?, port()?);
    let fits = |address: IpAddr| if family == "TCP4" { address.is_ipv4() } else { family == "TCP6" && address.is_ipv6() };
    if !fits(source) || !fits(destination) || words.next().is_some() {
        return Err(NoHeader);
    }
    Ok(Announced::Whole(line.len(), Some(SocketAddr::new(source, from))))
}

/// Version and command, family and transport, length; then the addresses.
fn version_2(bytes: &[u8]) -> Result<Announced, NoHeader> {
    let Some(fixed) = bytes.get(12..16) else { return Ok(Announced::Part) };
    let length = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    if fixed[0] >> 4 != 2 || fixed[0] & 15 > 1 || length > REST_MAX {
        return Err(NoHeader);
    }
    let Some(rest) = bytes.get(16..16 + length) else { return Ok(Announced::Part) };
    let port = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
    let source = match (fixed[0] & 15, fixed[1] >> 4) {
        (1, 1) if rest.len() >= 12 => Some((Ipv4Addr::new(rest[0], rest[1], rest[2], rest[3]).into(), port(8))),
        (1, 2) if rest.len() >= 36 => {
            let octets: [u8; 16] = rest[..16].try_into().map_err(|_| NoHeader)?;
            Some((Ipv6Addr::from(octets).into(), port(32)))
        }
        (1, 1 | 2) => return Err(NoHeader),
        _ => None,
    };
    Ok(Announced::Whole(16 + length, source.map(|(address, port): (IpAddr, u16)| SocketAddr::new(address, port))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2 with this command, family and rest.
    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        [&SIGNATURE[..], &[0x20 | command, family], &(rest.len() as u16).to_be_bytes(), rest].concat()
    }

    fn whole(bytes: &[u8]) -> Option<String> {
        // However it is cut, the beginning asks for more and the end is found.
        for at in 0..bytes.len() {
            assert_eq!(announced(&bytes[..at]), Ok(Announced::Part), "{at}");
        }
        let more = [bytes, b"GET / HTTP/1.1\r\n"].concat();
        match announced(&more).expect("a header") {
            Announced::Whole(length, source) => {
                assert_eq!(length, bytes.len());
                source.map(|address| address.to_string())
            }
            Announced::Part => panic!("more is asked for"),
        }
    }

    #[test]
    fn both_versions_say_who_the_client_is() {
        assert_eq!(whole(b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n").as_deref(), Some("192.0.2.7:4711"));
        assert_eq!(whole(b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n").as_deref(), Some("[2001:db8::7]:4711"));
        assert_eq!(whole(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(whole(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), None);
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
        assert_eq!(whole(&second(1, 0x11, &v4)).as_deref(), Some("192.0.2.7:4711"));
        assert_eq!(whole(&second(1, 0x11, &[&v4[..], &[4, 0, 1, 9]].concat())).as_deref(), Some("192.0.2.7:4711"), "additions are skipped");
        let v6 = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 16], &[0x12, 0x67, 0, 80]].concat();
        assert_eq!(whole(&second(1, 0x21, &v6)).as_deref(), Some("[2001:db8::7]:4711"));
        assert_eq!(whole(&second(0, 0, &[])), None, "a health check of the balancer");
        assert_eq!(whole(&second(1, 0x31, &[0; 216])), None, "a local socket");
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for (client, to) in [("192.0.2.7:4711", "10.0.0.1:80"), ("[2001:db8::7]:4711", "[::1]:80"), ("[::ffff:192.0.2.7]:1", "127.0.0.1:2")] {
            let (client, to): (SocketAddr, SocketAddr) = (client.parse().expect("an address"), to.parse().expect("an address"));
            let header = header(client, to);
            let expected = SocketAddr::new(client.ip().to_canonical(), client.port());
            assert_eq!(announced(&header), Ok(Announced::Whole(header.len(), Some(expected))));
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 120]].concat();
        let huge = second(1, 0x11, &vec![0; REST_MAX + 1]);
        let short = second(1, 0x11, &[1, 2, 3, 4]);
        let version = [&SIGNATURE[..], &[0x11, 0x11, 0, 0]].concat();
        let wrong: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80 x\r\n",
            b"PROXY TCP4 2001:db8::7 ::1 4711 80\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 +1 80\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 70000 80\r\n",
            b"\x16\x03\x01",
            &long,
            &huge,
            &short,
            &version,
        ];
        for bytes in wrong {
            assert_eq!(announced(bytes), Err(NoHeader), "{}", bytes.escape_ascii());
        }
    }
}
