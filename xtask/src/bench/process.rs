//! A program under test or one that helps: started on one core, looked at, ended with all its descendants.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::machine::{self, Usage};

/// Where servers under test run; clients and backends have the other core.
pub const SERVER_CORE: usize = 0;
/// Where load generators and backends run.
pub const CLIENT_CORE: usize = 1;

/// A running program. Ends with everything it started when dropped.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` on `core`; what it prints goes to a file in `scratch`.
    pub fn start(name: &str, core: usize, program: &Path, arguments: &[String], scratch: &Path) -> Result<Self> {
        let log = scratch.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string()])
            .arg(program)
            .args(arguments)
            .current_dir(scratch)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name} by taskset (package util-linux)"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// CPU time and memory so far.
    pub fn usage(&self) -> Result<Usage> {
        machine::usage(self.child.id())
    }

    /// Waits until something accepts connections on `address`.
    pub fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        self.wait_until(&format!("{address} accepts"), || TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok())
    }

    /// Waits until `holds`, at most 60 seconds; an early end of the program is an error with what it printed.
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !holds() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.printed());
            }
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{}: not within a minute: {what}\n{}", self.name, self.printed());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits for a program that ends by itself and gives the last line that it printed.
    pub fn finish(&mut self) -> Result<String> {
        let status = self.child.wait()?;
        let printed = self.printed();
        if !status.success() {
            bail!("{} ended with {status}:\n{printed}", self.name);
        }
        Ok(printed.lines().last().unwrap_or_default().to_owned())
    }

    fn printed(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(group) = Pid::from_raw(self.child.id().cast_signed()) else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Workers that outlive their master, and a master that does not listen.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 that was free for TCP a moment ago.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("asking for a free port")?;
    Ok(listener.local_addr()?)
}

/// Runs a client on the clients' core and gives what it printed on both streams.
pub fn client(program: &Path, arguments: &[String]) -> Result<String> {
    let output = Command::new("taskset")
        .args(["--cpu-list", &CLIENT_CORE.to_string()])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", program.display()))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{} {} ended with {}:\n{text}", program.display(), arguments.join(" "), output.status);
    }
    Ok(text)
}
