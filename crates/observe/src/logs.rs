//! The process log: one line per event on stderr, for people or as JSON.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, reload};

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The level is none.
    #[error("log level {0:?} is none: use off, error, warn, info, debug, trace, or a list such as info,proxy=debug")]
    Level(String),
    /// Somebody else set it up already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Starts logging to stderr. `level` is a level or a list of `crate=level`.
///
/// # Errors
/// When the level cannot be read.
pub fn start(level: &str, format: Format) -> Result<(), Error> {
    let filter = filter(level)?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour).with_target(true);
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        Format::Text => registry.with(lines).try_init()?,
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    // Whoever starts twice is told above.
    let _ = FILTER.set(handle);
    Ok(())
}

/// A level, or a list of levels and `crate=level`. A bare word that is no level would switch off everything but a crate of that name.
fn filter(level: &str) -> Result<EnvFilter, Error> {
    let wrong = || Error::Level(level.to_owned());
    let parts: Vec<&str> = level.split(',').map(str::trim).collect();
    for word in parts.iter().filter(|part| !part.contains('=')) {
        // The library takes nothing at all for `error`, and digits for levels.
        let is_level = word.starts_with(|first: char| first.is_ascii_alphabetic()) && word.parse::<LevelFilter>().is_ok();
        is_level.then_some(()).ok_or_else(wrong)?;
    }
    // The library takes no blank after a comma, which people write.
    EnvFilter::try_new(parts.join(",")).map_err(|_| wrong())
}

/// Whether a level can be read.
///
/// # Errors
/// When it cannot.
pub fn check_level(level: &str) -> Result<(), Error> {
    filter(level).map(drop)
}

/// Another level from now on; nothing happens where no log was started.
///
/// # Errors
/// When the level cannot be read; the old one stays in force.
pub fn set_level(level: &str) -> Result<(), Error> {
    let filter = filter(level)?;
    // It fails only when the subscriber is gone, and nothing is logged then.
    let _ = FILTER.get().map(|handle| handle.reload(filter));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_six_words_or_a_list_with_crates() {
        for level in ["off", "error", "warn", "INFO", "debug", "trace", "info,proxy=debug", "warn, dns=off", "proxy=trace"] {
            assert!(check_level(level).is_ok(), "{level}");
        }
        for level in ["loud", "", "3", "proxy", "info,proxy", "proxy=loud", "info;debug"] {
            assert!(check_level(level).is_err(), "{level}");
        }
    }
}
