//! Moving bytes between two streams: half-close, reset and backpressure pass through.
//!
//! One buffer per thread serves all connections: bytes stay in it only between a read and the write right after, and what
//! the other side does not take at once is copied out and waited for. An idle connection holds no buffer at all.

use std::cell::RefCell;
use std::io;

use net::Stream;

/// Most that is read before it is written.
const CHUNK: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// Relays until both directions have ended, or one failed.
///
/// # Errors
/// The first failure of either side. The caller resets both.
pub(super) async fn relay(client: &Stream, endpoint: &Stream) -> io::Result<()> {
    tokio::try_join!(one_way(client, endpoint), one_way(endpoint, client))?;
    Ok(())
}

async fn one_way(from: &Stream, to: &Stream) -> io::Result<()> {
    loop {
        from.readable().await?;
        let step = SCRATCH.with_borrow_mut(|scratch| step(from, to, scratch));
        match step {
            Ok(Step::Moved) => {}
            Ok(Step::Ended) => return end(to),
            Ok(Step::Left(rest)) => write_all(to, &rest).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

enum Step {
    Moved,
    Ended,
    /// What the other side did not take at once.
    Left(Vec<u8>),
}

fn step(from: &Stream, to: &Stream, scratch: &mut [u8]) -> io::Result<Step> {
    let read = from.try_read(scratch)?;
    if read == 0 {
        return Ok(Step::Ended);
    }
    let written = match to.try_write(&scratch[..read]) {
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    Ok(if written == read { Step::Moved } else { Step::Left(scratch[written..read].to_vec()) })
}

async fn write_all(to: &Stream, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        to.writable().await?;
        match to.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Passes the end of one direction on; the other one goes on.
fn end(to: &Stream) -> io::Result<()> {
    match to.shut() {
        // It is gone already: its own direction says how.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        ended => ended,
    }
}

/// Lets the peer see a reset instead of an orderly end when the stream is dropped.
pub(super) fn reset(stream: &Stream) {
    let _ = stream.set_zero_linger();
}
