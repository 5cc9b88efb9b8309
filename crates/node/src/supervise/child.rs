//! The process of one copy: its environment, its output, its end.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::UnixDatagram;
use tokio::process::Command;

use super::{Error, Output, Spec};
use crate::process::{Process, start_ticks};

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// Longest line that gets a prefix; a longer one is cut into pieces of this size.
const LINE: u64 = 64 * 1024;

/// A started copy.
pub(super) struct Child {
    pub life: Life,
    pub group: Group,
    pub port: u16,
    pub pid: u32,
    pub start_ticks: u64,
    /// Where it may say `READY=1`.
    pub notified: Option<UnixDatagram>,
}

/// The processes of a copy: the one that was started, and what it started.
#[derive(Clone, Copy)]
pub(super) struct Group(Option<Pid>);

/// From its start to its end.
pub(super) struct Life {
    process: tokio::process::Child,
    /// Absent where the kernel gave no descriptor.
    watched: Option<Process>,
    group: Group,
}

impl Group {
    /// Sends them a signal. Only while the copy runs: after its end was taken note of, the number may belong to somebody else.
    pub fn signal(self, signal: Signal) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Life {
    /// Waits for its end, and ends what it left behind: a process that still holds the port would keep the next copy from it.
    pub async fn ended(&mut self) -> ExitStatus {
        if let Some(watched) = &self.watched {
            watched.ended().await;
            // Nobody has looked at its end yet, so the number is still its own.
            self.group.signal(Signal::KILL);
        }
        let status = self.process.wait().await.unwrap_or_default();
        self.watched = None;
        status
    }
}

impl Child {
    /// Starts the program in a process group of its own, so that a Ctrl-C meant for the supervisor does not reach it
    /// before its requests are drained.
    pub fn start(spec: &Spec, name: &str, services: &[(String, String)]) -> Result<Self, Error> {
        let port = match spec.port {
            Some(port) => {
                is_free(&spec.address, port)?;
                port
            }
            None => free_port(&spec.address)?,
        };
        let program = spec.command.first().cloned().unwrap_or_default();
        let failed = |why| Error::Start { program: program.clone(), why };
        let (notified, notify_name) = notify_socket(name).map_err(failed)?;
        let mut command = Command::new(&program);
        command.args(spec.command.get(1..).unwrap_or_default()).process_group(0).kill_on_drop(false).stdin(Stdio::null());
        command.env("PORT", port.to_string()).env("INSTANCE", name).env("NOTIFY_SOCKET", notify_name);
        for (key, value) in services.iter().chain(&spec.environment) {
            if std::env::var_os(key).is_none() {
                command.env(key, value);
            }
        }
        match spec.output {
            Output::Prefixed => command.stdout(Stdio::piped()).stderr(Stdio::piped()),
            Output::Raw => &mut command,
            Output::Discarded => command.stdout(Stdio::null()).stderr(Stdio::null()),
        };
        let mut process = command.spawn().map_err(failed)?;
        if let Some(lines) = process.stdout.take() {
            tokio::spawn(prefix(name.to_owned(), lines, false));
        }
        if let Some(lines) = process.stderr.take() {
            tokio::spawn(prefix(name.to_owned(), lines, true));
        }
        let pid = process.id().unwrap_or(0);
        let start_ticks = start_ticks(pid).unwrap_or(0);
        let group = Group(Pid::from_raw(pid as i32));
        let life = Life { process, watched: Process::open(pid, start_ticks).ok(), group };
        Ok(Self { life, group, port, pid, start_ticks, notified: Some(notified) })
    }

    /// SIGTERM to its group, SIGKILL after a grace.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.group.signal(Signal::TERM);
        match tokio::time::timeout(GRACE, self.life.ended()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    /// SIGKILL to its group.
    pub async fn kill(&mut self) -> ExitStatus {
        self.group.signal(Signal::KILL);
        self.life.ended().await
    }
}

/// Whether there is such a program, before anything is made for it.
pub(super) fn find(spec: &Spec) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let program = spec.command.first().map_or("", String::as_str);
    let runs = |path: &std::path::Path| path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let found = if program.contains('/') { runs(program.as_ref()) } else { std::env::split_paths(&path).any(|dir| runs(&dir.join(program))) };
    let missing = || if program.contains('/') && std::path::Path::new(program).exists() { Errno::ACCESS } else { Errno::NOENT };
    if found { Ok(()) } else { Err(Error::Start { program: program.to_owned(), why: missing().into() }) }
}

/// Whether a fixed port can be had. A program that is refused it would end, but until then whoever holds it would be taken for the copy.
fn is_free(address: &str, port: u16) -> Result<(), Error> {
    let Ok(ip) = address.parse() else { return Ok(()) };
    match net::bind_tcp(SocketAddr::new(ip, port), 1) {
        Err(why) if why.in_use() => Err(Error::Held { port, why }),
        // What else is wrong the program will say.
        _ => Ok(()),
    }
}

/// A port that is free now. Between this and the program's bind somebody may take it; the copy then fails and is restarted
/// on another.
fn free_port(address: &str) -> Result<u16, Error> {
    let failed = |why| Error::Port { address: address.to_owned(), why };
    let ip = address.parse().map_err(|_| failed(std::io::Error::from(std::io::ErrorKind::InvalidInput)))?;
    let listener = TcpListener::bind(SocketAddr::new(ip, 0)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}

/// A datagram socket in the abstract namespace: no file to leave behind.
fn notify_socket(name: &str) -> std::io::Result<(UnixDatagram, String)> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};
    let abstract_name = format!("fairlead-notify-{}-{name}", std::process::id());
    let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrUnix::new_abstract_name(abstract_name.as_bytes())?)?;
    Ok((UnixDatagram::from_std(socket.into())?, format!("@{abstract_name}")))
}

async fn prefix(name: String, output: impl AsyncRead + Unpin, to_stderr: bool) {
    use std::io::{self, Write};
    use tokio::io::AsyncReadExt;
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        // Whoever read it may be gone; the program must not end for that.
        let _ = if to_stderr { writeln!(io::stderr(), "{name} | {text}") } else { writeln!(io::stdout(), "{name} | {text}") };
    }
}
