//! The one file of this crate where `unsafe` is allowed: calls that safe wrappers do not cover.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the current runtime, for waiting until it is readable.
///
/// # Errors
/// When the kernel cannot poll this sort of descriptor.
pub fn watch_readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd always answers with the same descriptor and keeps it open as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}
