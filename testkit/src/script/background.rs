//! Programs that run beside a script, and end with it.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long `end` waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program under way.
pub struct Background {
    child: Child,
    output: PathBuf,
    ended: Option<ExitStatus>,
}

impl Background {
    /// Starts a program whose output and errors go to a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, output: &Path) -> Result<Self> {
        let file = std::fs::File::create(output).with_context(|| output.display().to_string())?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn().context(name)?;
        Ok(Self { child, output: output.to_owned(), ended: None })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    ///
    /// # Errors
    /// When the file is gone.
    pub fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.output)?).into_owned())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended, or the signal has another name.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        let signal = match name {
            "TERM" => Signal::TERM,
            "INT" => Signal::INT,
            "HUP" => Signal::HUP,
            "KILL" => Signal::KILL,
            other => bail!("signal {other}: use TERM, INT, HUP or KILL"),
        };
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for its end and tells how it came.
    ///
    /// # Errors
    /// When it does not come in time.
    pub fn end(&mut self) -> Result<String> {
        let started = Instant::now();
        while self.ended.is_none() {
            self.ended = self.child.try_wait()?;
            if started.elapsed() > PATIENCE {
                bail!("does not end within {} s; it said:\n{}", PATIENCE.as_secs(), self.said()?);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = self.ended.context("ended")?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit {code}\n"),
            (None, signal) => format!("signal {}\n", signal.unwrap_or(0)),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
