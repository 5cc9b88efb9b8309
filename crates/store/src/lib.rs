//! Revisioned keys and bytes: read, transact, watch, expire, compact. It knows no kind and no Kubernetes.
//!
//! The API server calls it, and nothing else does. Reads are synchronous, on an in-memory index that *is* the database;
//! only commits wait. There is one writer thread: everything queued during one fsync is the next batch (group commit), and a
//! revision is seen by reads and watches only after its batch is durable, so nobody ever sees a write that a crash can undo.
//!
//! It never interprets a value, never holds a lock across an await, never panics a caller because of a disk, and never
//! reuses or skips a revision while it runs.
//!
//! On disk a store is a log of transactions and an image of the state at the beginning of the kept history (`layout`), so a
//! restart restores the history too and watches go on where they were.
//!
//! Reading order: `record` (the words), `store` (the handle), `index` (the map), `history` (events and the past), `writer`.

mod clock;
mod disk;
mod error;
mod history;
mod image;
mod index;
mod layout;
mod log;
mod offline;
mod queue;
mod record;
mod recover;
mod replay;
mod shared;
mod store;
mod watch;
mod writer;

pub use error::Error;
pub use index::Snapshot;
pub use offline::{Summary, check, import, load, read_backup, repair, restore};
pub use record::{Compare, Event, KEY_BYTES_MAX, Op, Outcome, Record, TXN_OPS_MAX, Txn, VALUE_BYTES_MAX};
pub use store::{Durability, Options, Stats, Store};
pub use watch::Watch;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
