//! A check by a program on the endpoint's own host (balance spec H5): no shell, exit status 0 passes, and what it started is
//! ended with it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::Unfit;

/// Bytes of the output that become the reason.
const REASON: usize = 256;

/// Kills the program's process group when the check is over, in time or not.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs the program; it learns where the endpoint is from `ADDRESS` and `PORT`. The caller bounds the time.
pub(super) async fn ask(command: &[Arc<str>], endpoint: SocketAddr) -> Result<(), Unfit> {
    let Some((program, arguments)) = command.split_first() else { return Err(Unfit::Failed("the check has no command".into())) };
    let mut child = Command::new(&**program)
        .args(arguments.iter().map(|argument| &**argument))
        .env("ADDRESS", endpoint.ip().to_string())
        .env("PORT", endpoint.port().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Unfit::Failed(format!("{program} cannot be started: {error}")))?;
    let _group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (status, said, complained) = tokio::join!(child.wait(), beginning(stdout), beginning(stderr));
    let status = status.map_err(|error| Unfit::Failed(format!("{program}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let words = if complained.is_empty() { said } else { complained };
    Err(Unfit::Failed(format!("{status}: {}", String::from_utf8_lossy(&words).trim())))
}

/// The first bytes of a stream; the rest is read and dropped, so that the program does not wait for a reader.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0_u8; 1024]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let room = REASON - kept.len();
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn argv(words: &[&str]) -> Vec<Arc<str>> {
        words.iter().map(|word| (*word).into()).collect()
    }

    #[tokio::test]
    async fn exit_status_zero_passes_and_the_first_output_is_the_reason_otherwise() {
        let at = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(ask(&argv(&["sh", "-c", "test $PORT = 80"]), at).await, Ok(()));
        let refused = ask(&argv(&["sh", "-c", "yes disk full | head -c 5000; exit 3"]), at).await.unwrap_err();
        assert!(
            matches!(&refused, Unfit::Failed(why) if why.contains("exit status: 3") && why.contains("disk full") && why.len() < 300),
            "{refused:?}"
        );
        assert!(matches!(ask(&argv(&["/nonexistent"]), at).await, Err(Unfit::Failed(why)) if why.contains("/nonexistent")));
        assert!(ask(&[], at).await.is_err());
    }

    #[tokio::test]
    async fn what_it_started_ends_with_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("late");
        let script = format!("(sleep 1; touch {}) & sleep 60", mark.display());
        let asked =
            tokio::time::timeout(Duration::from_millis(200), ask(&argv(&["sh", "-c", &script]), SocketAddr::from(([127, 0, 0, 1], 80)))).await;
        assert!(asked.is_err());
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!mark.exists(), "a child of the check outlived it");
    }
}
