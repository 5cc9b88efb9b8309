//! `fairlead demo`: a server, three backends, and a tour that claims nothing it does not measure.

/// Prints a line of the tour. Its reader may have had enough (`demo | head`), which `println!` takes for a bug.
macro_rules! say {
    ($($what:tt)*) => { $crate::demo::print(format_args!($($what)*)) };
}

mod backend;
mod load;
mod scene;
mod tour;

use std::fmt::Arguments;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use tokio::sync::Notify;

pub use backend::{BackendFlags, serve as backend};

use crate::cli::DemoFlags;
use crate::up::Signals;

/// Told when nobody reads any more.
static UNREAD: Notify = Notify::const_new();

fn print(line: Arguments<'_>) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        UNREAD.notify_one();
    }
}

/// Waits until somebody wants it to end: by a signal, or by reading no further. With `--once` the exit status is what counts, and is
/// waited for.
async fn enough(signals: &mut Signals, once: bool) {
    tokio::select! {
        () = signals.stop(|| {}) => {}
        () = UNREAD.notified(), if !once => {}
    }
}

/// The command: exit status 0 when every claim held (or the tour was left with Ctrl-C), 1 when one did not.
///
/// # Errors
/// When the server cannot start.
pub fn main(flags: &DemoFlags) -> Result<ExitCode> {
    let started = Instant::now();
    observe::logs::start("error", observe::logs::Format::Text)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("control").enable_all().build()?;
    let held = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut scene = scene::Scene::set(started).await?;
        let ended = tokio::select! {
            held = tour::give(&mut scene) => Some(held),
            () = enough(&mut signals, flags.once) => None,
        };
        if !flags.once && matches!(ended, Some(Ok(_))) {
            tour::farewell(&scene);
            enough(&mut signals, flags.once).await;
        }
        tokio::select! {
            () = scene.strike() => {}
            () = signals.stop(|| {}) => {}
        }
        // Whoever leaves early has seen what they wanted.
        ended.unwrap_or(Ok(true))
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(if held? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
