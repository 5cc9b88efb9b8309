//! SIGHUP: the settings file and the certificates are read again (cli spec L7). What can change while the server runs does;
//! what cannot is named, and a file that is wrong changes nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use api::backend_policy::BackendPolicySpec;
use tokio::sync::watch;

use crate::cli::UpFlags;
use crate::config::Settings;
use crate::state::Identities;

/// What a running server can take anew.
pub struct Reload {
    flags: UpFlags,
    /// What was asked for last, before free ports were chosen.
    asked: Mutex<Settings>,
}

impl Reload {
    /// Remembers what the server was started with.
    pub fn new(flags: UpFlags, asked: Settings) -> Self {
        Self { flags, asked: Mutex::new(asked) }
    }

    /// Reads everything again; what is wrong is a log line, never an end.
    pub fn run(&self, identities: &Arc<Identities>, defaults: &watch::Sender<BackendPolicySpec>) {
        match identities.renew(SystemTime::now()) {
            Ok(()) => tracing::info!("SIGHUP: the certificates were read again"),
            Err(error) => tracing::error!(error = %format!("{error:#}"), "SIGHUP: the certificates cannot be read; the old ones stay in use"),
        }
        if let Err(error) = self.settings(defaults) {
            tracing::error!(error = %format!("{error:#}"), "SIGHUP: the settings are wrong; the old ones stay in force");
        }
    }

    fn settings(&self, defaults: &watch::Sender<BackendPolicySpec>) -> Result<()> {
        let fresh = Settings::resolve(self.flags.clone())?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.log_level != asked.log_level {
            observe::logs::set_level(&fresh.log_level)?;
            tracing::info!(level = fresh.log_level, "SIGHUP: log-level changed");
        }
        if fresh.drain_timeout != asked.drain_timeout {
            tracing::info!(seconds = fresh.drain_timeout.as_secs(), "SIGHUP: drain-timeout changed");
        }
        if fresh.policy != asked.policy {
            defaults.send_replace(fresh.policy.clone());
            tracing::info!("SIGHUP: defaults changed");
            fresh.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            asked.policy = fresh.policy.clone();
        }
        let fixed = asked.fixed_differences(&fresh);
        if !fixed.is_empty() {
            tracing::warn!(keys = fixed.join(", "), "SIGHUP: these settings changed in the file and need a restart");
        }
        // The others are compared with what is in force, so that they are named again until there is a restart.
        asked.log_level = fresh.log_level;
        asked.drain_timeout = fresh.drain_timeout;
        Ok(())
    }

    /// The longest wait at stop, as it was asked for last.
    pub fn drain_timeout(&self) -> Duration {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).drain_timeout
    }
}
