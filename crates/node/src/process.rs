//! Processes by descriptor: a pidfd cannot be fooled by a recycled number, and its end is an event.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::unix::AsyncFd;

/// A process that is being watched.
pub struct Process {
    fd: AsyncFd<OwnedFd>,
    /// Its number, for people.
    pub pid: u32,
}

impl Process {
    /// Opens a process and checks that it is the one that began at `start_ticks` (field 22 of `/proc/PID/stat`); numbers
    /// are reused, start times of one number are not.
    ///
    /// # Errors
    /// `NotFound` when it has ended or another process has its number now.
    pub fn open(pid: u32, start_ticks: u64) -> io::Result<Self> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, format!("process {pid} has ended"));
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
        let fd = pidfd_open(raw, PidfdFlags::NONBLOCK).map_err(|_| gone())?;
        if self::start_ticks(pid) != Some(start_ticks) {
            return Err(gone());
        }
        Ok(Self { fd: net::sys::watch_readable(fd)?, pid })
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        // A pidfd becomes readable once, when the process ends; an error of epoll is an end of watching as well.
        let _ = self.fd.readable().await;
    }

    /// Sends it a signal; one that has ended does not mind.
    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(self.fd.get_ref(), signal);
    }
}

/// When a process began, in clock ticks after boot; `None` when there is none of this number.
pub fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name may hold spaces and parentheses: count from the last one.
    let fields = stat.rsplit_once(')')?.1;
    // A zombie has ended; only its parent has not looked yet.
    if fields.trim_start().starts_with(['Z', 'X']) {
        return None;
    }
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_end_of_a_process_is_an_event() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id(), start_ticks(child.id()).unwrap()).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), process.ended()).await.is_err(), "it lives");
        process.signal(Signal::KILL);
        tokio::time::timeout(Duration::from_secs(5), process.ended()).await.unwrap();
        assert_eq!(start_ticks(child.id()), None, "a zombie has ended");
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn another_process_of_the_same_number_is_not_it() {
        let me = std::process::id();
        assert!(Process::open(me, start_ticks(me).unwrap()).is_ok());
        assert!(Process::open(me, start_ticks(me).unwrap() + 1).is_err());
    }
}
