//! A bounded queue of finished log lines and the thread that writes them: the data path never waits for a terminal, a
//! pipe or a disk. What does not fit is dropped and counted.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

/// Lines that may wait: 8,192 of about 300 bytes are 2.5 MB at the most.
const QUEUE: usize = 8_192;

/// The sending side. Cheap to clone.
#[derive(Clone)]
pub struct Lines {
    queue: SyncSender<String>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    /// Starts a thread named `name` that writes every line to `out`, flushing when the queue is empty. It ends when the
    /// last sender is gone.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(name: &str, mut out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (queue, lines) = sync_channel::<String>(QUEUE);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(first) = lines.recv() {
                let mut next = Some(first);
                while let Some(mut line) = next {
                    line.push('\n');
                    if out.write_all(line.as_bytes()).is_err() {
                        return;
                    }
                    next = lines.try_recv().ok();
                }
                let _ = out.flush();
            }
        })?;
        Ok(Self { queue, dropped: Arc::default() })
    }

    /// Queues a line (without its line end); drops it when the queue is full.
    pub fn send(&self, line: String) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Blocked(mpsc::Receiver<()>);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.recv().map(|()| bytes.len()).map_err(std::io::Error::other)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_stands_still_drops_lines_and_never_blocks() {
        let (_go, blocked) = mpsc::channel();
        let lines = Lines::start("test-lines", Blocked(blocked)).unwrap();
        for line in 0..QUEUE + 10 {
            lines.send(line.to_string());
        }
        assert!(lines.dropped() >= 9, "{}", lines.dropped());
    }
}
