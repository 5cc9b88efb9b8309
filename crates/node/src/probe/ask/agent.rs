//! One line of an agent (balance spec S15).

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Longest line.
const LINE: usize = 1024;

/// What the agent says up to the end of its line, or of its connection; nothing when nobody answers. The caller bounds the time.
pub(in crate::probe) async fn line(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let (mut said, mut read) = ([0_u8; LINE], 0);
    loop {
        let count = stream.read(&mut said[read..]).await.ok()?;
        let end = said[read..read + count].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        if let Some(end) = end {
            read += end;
            break;
        }
        read += count;
        if count == 0 || read == LINE {
            break;
        }
    }
    String::from_utf8(said[..read].to_vec()).ok()
}
