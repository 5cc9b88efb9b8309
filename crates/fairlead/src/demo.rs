//! `fairlead demo`: a server, three backends, and a tour that claims nothing it does not measure.

mod backend;
mod load;
mod scene;
mod tour;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

pub use backend::{BackendFlags, serve as backend};

use crate::cli::DemoFlags;
use crate::up::Signals;

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
            () = signals.stop(|| {}) => None,
        };
        if !flags.once && matches!(ended, Some(Ok(_))) {
            tour::farewell(&scene);
            signals.stop(|| {}).await;
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
