//! The words of the interface: records, transactions, outcomes, events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::Error;

/// The longest key, in bytes. The three limits are etcd's defaults, so that data can move there and back.
pub const KEY_BYTES_MAX: usize = 1024;
/// The largest value, in bytes: 1.5 MiB.
pub const VALUE_BYTES_MAX: usize = 3 * 1024 * 1024 / 2;
/// The most operations of one transaction.
pub const TXN_OPS_MAX: usize = 128;

/// A key, its value, and when both came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key.
    pub key: Arc<str>,
    /// The value, shared, never changed in place.
    pub value: Bytes,
    /// The revision that created the key (again, if it had been deleted).
    pub create_revision: u64,
    /// The revision of the last write.
    pub mod_revision: u64,
}

/// Conditions and writes that happen together, under one revision, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    /// All must hold.
    pub compare: Vec<Compare>,
    /// At most [`TXN_OPS_MAX`], no key twice.
    pub ops: Vec<Op>,
}

/// A condition on one key.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The key.
    pub key: Arc<str>,
    /// The revision of its last write; 0 means that it must not exist.
    pub revision: u64,
}

/// One write.
#[derive(Clone, Debug)]
pub enum Op {
    /// Create or replace.
    Put {
        /// The key.
        key: Arc<str>,
        /// The new value.
        value: Bytes,
        /// After this time the key is deleted, unless written again; `None` takes an earlier limit away.
        ttl: Option<Duration>,
    },
    /// Delete; a key that does not exist is no error and makes no event.
    Delete {
        /// The key.
        key: Arc<str>,
    },
}

impl Op {
    /// The key that is written.
    pub fn key(&self) -> &Arc<str> {
        match self {
            Op::Put { key, .. } | Op::Delete { key } => key,
        }
    }

    fn value_bytes(&self) -> usize {
        match self {
            Op::Put { value, .. } => value.len(),
            Op::Delete { .. } => 0,
        }
    }
}

impl Txn {
    /// Checks the limits, before anything is queued.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let too_large = |what, size, limit| if size > limit { Err(Error::TooLarge { what, size, limit }) } else { Ok(()) };
        too_large("operations in one transaction", self.ops.len(), TXN_OPS_MAX)?;
        too_large("conditions in one transaction", self.compare.len(), TXN_OPS_MAX)?;
        for (i, op) in self.ops.iter().enumerate() {
            too_large("key bytes", op.key().len(), KEY_BYTES_MAX)?;
            too_large("value bytes", op.value_bytes(), VALUE_BYTES_MAX)?;
            if self.ops[..i].iter().any(|earlier| earlier.key() == op.key()) {
                return Err(Error::DuplicateKey { key: op.key().to_string() });
            }
        }
        Ok(())
    }

    /// What the transaction occupies while it waits, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let ops: usize = self.ops.iter().map(|op| op.key().len() + op.value_bytes()).sum();
        ops + self.compare.iter().map(|c| c.key.len()).sum::<usize>()
    }
}

/// How a transaction ended, when nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Committed {
        /// Its revision. A transaction that changed nothing (no ops, or deletes of absent keys) reports the newest one and uses none up.
        revision: u64,
    },
    /// A condition did not hold; nothing was changed.
    Conflict {
        /// The first condition that failed.
        index: usize,
        /// What its key holds instead.
        current: Option<Record>,
    },
}

/// One key changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The revision of the change. Events of one transaction share it.
    pub revision: u64,
    /// The key.
    pub key: Arc<str>,
    /// The new record, `None` if it was deleted.
    pub now: Option<Record>,
    /// The record before, `None` if it was created.
    pub before: Option<Record>,
}
