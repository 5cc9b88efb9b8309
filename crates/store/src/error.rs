//! What can go wrong, in words an operator can act on.

/// Why the store refused, and what helps.
///
/// The type is `Clone` because one failed batch answers many callers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The revision asked for is older than the kept history; start again from a fresh read.
    #[error("revision is older than the kept history, which begins at revision {floor}")]
    Compacted {
        /// The oldest revision that can still be read or watched from.
        floor: u64,
    },
    /// The revision asked for has not happened yet.
    #[error("revision has not happened yet, the newest is {current}")]
    Future {
        /// The newest durable revision.
        current: u64,
    },
    /// A key, a value or a transaction exceeds the limits, which are etcd's, so that data can move.
    #[error("{what} is too large: {size}, at most {limit}")]
    TooLarge {
        /// "key bytes", "value bytes" or "operations in one transaction".
        what: &'static str,
        /// What was given.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// One transaction names a key twice; which write would win is nobody's to guess.
    #[error("key {key:?} occurs twice in one transaction")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The file system is full. Nothing was changed; reads go on, and writes succeed again once there is room.
    #[error("no space left on the file system of {dir}; free some, writes will succeed again without a restart")]
    DiskFull {
        /// The directory of the store.
        dir: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The disk failed. The store reads on and writes no more; the process should end with an error and be looked at.
    #[error("the store accepts no more writes: {0}")]
    Failed(String),
    /// Another process has the directory open.
    #[error("{dir} is in use by process {pid}; stop it first")]
    Locked {
        /// The directory of the store.
        dir: String,
        /// The process that holds it, 0 if it could not be read.
        pid: u32,
    },
    /// A file has content that was never written there.
    #[error("{file} is damaged at byte {offset}: {reason}; restore a backup of the directory")]
    Corrupt {
        /// The file.
        file: String,
        /// Where the first bad byte may be.
        offset: u64,
        /// What was wrong.
        reason: String,
    },
    /// The directory was written by a newer version; it was left untouched.
    #[error("{dir} has format {found}, this version reads up to {known}; use a newer version of the program")]
    NewerVersion {
        /// The directory of the store.
        dir: String,
        /// The format found.
        found: u32,
        /// The newest format this version understands.
        known: u32,
    },
    /// A file could not be read or written while opening.
    #[error("{path}: {reason}")]
    Io {
        /// The file or directory.
        path: String,
        /// What the operating system said.
        reason: String,
    },
}
