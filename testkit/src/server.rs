//! A `fairlead up` under test, in a directory of its own on free ports.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Ready within this time even on a loaded machine, or the test fails.
const START: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    binary: PathBuf,
    data: tempfile::TempDir,
    child: Option<Child>,
    flags: Vec<String>,
    /// The chosen addresses by name: api, dns, http, https, admin, node.
    pub addresses: Value,
}

impl Server {
    /// Starts `binary up` with these flags besides the data directory and free ports.
    ///
    /// # Errors
    /// When it ends or is not ready in time; the message carries its log.
    pub fn start(binary: &Path, flags: &[String]) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("fairlead-test-").tempdir()?;
        let mut server = Self { binary: binary.to_owned(), data, child: None, flags: flags.to_vec(), addresses: Value::Null };
        server.launch()?;
        Ok(server)
    }

    /// Starts the process again in the same directory.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn launch(&mut self) -> Result<()> {
        let mut command = Command::new(&self.binary);
        command.arg("up").arg("--data-dir").arg(self.data());
        for name in ["api", "dns", "http", "https", "admin"] {
            command.args([format!("--{name}-address"), "127.0.0.1:0".to_owned()]);
        }
        if !self.flags.iter().any(|flag| flag.starts_with("--dns-upstream")) {
            command.args(["--dns-upstream", "none"]);
        }
        let log = std::fs::File::create(self.data().join("test.log"))?;
        let told = self.data().join("addresses.json");
        let _ = std::fs::remove_file(&told);
        self.child = Some(command.args(&self.flags).stdout(Stdio::null()).stderr(log).spawn().with_context(|| self.binary.display().to_string())?);
        let started = Instant::now();
        while !self.is_ready(&told) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || started.elapsed() > START {
                bail!("the server is not ready ({ended:?}):\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn is_ready(&mut self, told: &Path) -> bool {
        let Ok(text) = std::fs::read_to_string(told) else { return false };
        let Ok(addresses) = serde_json::from_str::<Value>(&text) else { return false };
        let admin = addresses["admin"].as_str().unwrap_or_default().to_owned();
        self.addresses = addresses;
        crate::http::request("GET", &format!("http://{admin}/readyz"), &[], b"").is_ok_and(|answer| answer.status == 200)
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// An address by name.
    pub fn address(&self, name: &str) -> &str {
        self.addresses[name].as_str().unwrap_or_default()
    }

    /// What it logged, the end of it.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.data().join("test.log")).unwrap_or_default();
        let from = text.len().saturating_sub(6_000);
        text.get(from..).unwrap_or(&text).to_owned()
    }

    /// Sends a signal and waits for the end; gives the exit status, `None` after a signal.
    ///
    /// # Errors
    /// When it does not end within 40 seconds.
    pub fn stop(&mut self, signal: rustix::process::Signal) -> Result<Option<i32>> {
        let Some(mut child) = self.child.take() else { return Ok(None) };
        if let Some(pid) = rustix::process::Pid::from_raw(child.id() as i32) {
            let _ = rustix::process::kill_process(pid, signal);
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(40) {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        bail!("the server did not end within 40 s of the signal")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
