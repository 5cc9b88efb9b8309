//! A plain HTTP/1.1 client: one request on a fresh connection, nothing hidden.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Fields in order, names lower case.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: String,
}

/// Sends `METHOD url` with these fields and body.
///
/// # Errors
/// When the address cannot be reached or the answer cannot be read.
pub fn request(method: &str, url: &str, fields: &[(String, String)], body: &[u8]) -> Result<Answer> {
    let (stream, authority, path) = connect(url)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("Host: {authority}\r\n"));
    }
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("Connection: close\r\n\r\n");
    (&stream).write_all(&[head.as_bytes(), body].concat())?;
    read_answer(&mut BufReader::new(stream), method)
}

/// Asks for a WebSocket and sends one frame of text: gives the status, then the text that comes back.
///
/// # Errors
/// When the address cannot be reached or the answer cannot be read.
pub fn websocket(url: &str, text: &str, fields: &[(String, String)]) -> Result<String> {
    let (stream, authority, path) = connect(url)?;
    let mut head = format!("GET {path} HTTP/1.1\r\n");
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("Host: {authority}\r\n"));
    }
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    (&stream).write_all(head.as_bytes())?;
    let mut reader = BufReader::new(&stream);
    let (status, _) = read_head(&mut reader)?;
    if status != 101 {
        return Ok(format!("{status}\n"));
    }
    // A mask of zeros is a mask (RFC 6455 section 5.3); a short text has its length in the second byte.
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).context("use a text below 126 bytes")?;
    (&stream).write_all(&[&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat())?;
    let mut back = vec![0; 2 + text.len()];
    reader.read_exact(&mut back)?;
    Ok(format!("101\n{}\n", String::from_utf8_lossy(&back[2..])))
}

fn connect(url: &str) -> Result<(TcpStream, &str, &str)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url}: only http:// URLs"))?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let address = authority.to_socket_addrs().with_context(|| authority.to_owned())?.next().with_context(|| format!("{authority} has no address"))?;
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).with_context(|| format!("connect {authority}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok((stream, authority, path))
}

/// The status and the fields, names lower case.
fn read_head(reader: &mut impl BufRead) -> Result<(u16, Vec<(String, String)>)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status: u16 = line.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| format!("no status line: {line:?}"))?;
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field)? == 0 {
            bail!("the answer ends inside its head");
        }
        let Some((name, value)) = field.trim_end().split_once(':') else { return Ok((status, fields)) };
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_answer(reader: &mut impl BufRead, method: &str) -> Result<Answer> {
    let (status, fields) = read_head(reader)?;
    let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if method != "HEAD" && status != 204 && status != 304 {
        if field("transfer-encoding") == Some("chunked") {
            read_chunks(reader, &mut body)?;
        } else if let Some(length) = field("content-length") {
            body.resize(length.parse()?, 0);
            reader.read_exact(&mut body)?;
        } else {
            reader.read_to_end(&mut body)?;
        }
    }
    Ok(Answer { status, fields, body: String::from_utf8_lossy(&body).into_owned() })
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let length = usize::from_str_radix(size.trim(), 16).with_context(|| format!("chunk size {size:?}"))?;
        let at = body.len();
        body.resize(at + length, 0);
        reader.read_exact(&mut body[at..])?;
        reader.read_line(&mut String::new())?;
        if length == 0 {
            return Ok(());
        }
    }
}
