//! Revisioned keys and bytes: read, transact, watch, expire, compact. It knows no kind and no Kubernetes.
//!
//! The API server calls it, and nothing else does. Reads are synchronous, on an in-memory index that *is* the database;
//! only commits wait. There is one writer thread: everything queued during one fsync is the next batch (group commit), and a
//! revision is seen by reads and watches only after its batch is durable, so nobody ever sees a write that a crash can undo.
//!
//! It never interprets a value, never holds a lock across an await, never panics a caller because of a disk, and never
//! reuses or skips a revision while it runs.
//!
//! Reading order: `record` (the words), `store` (the handle), `index` (the map), `history` (events and the past), `writer`.

mod clock;
mod error;
mod history;
mod index;
mod queue;
mod record;
mod shared;
mod store;
mod watch;
mod writer;

pub use error::Error;
pub use index::Snapshot;
pub use record::{Compare, Event, KEY_BYTES_MAX, Op, Outcome, Record, TXN_OPS_MAX, Txn, VALUE_BYTES_MAX};
pub use store::{Durability, Options, Stats, Store};
pub use watch::Watch;

#[cfg(test)]
mod tests;
