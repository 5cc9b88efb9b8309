//! What is wrong, collected while one object is compiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Origin;

use crate::Diagnostic;

/// The diagnostics of one compiled object. A set: a hundred endpoints of one slice with the same fault are one complaint.
#[derive(Default)]
pub(crate) struct Complaints {
    found: BTreeSet<Diagnostic>,
    /// Complaints above [`Complaints::MOST`] that were not kept.
    dropped: usize,
}

impl Complaints {
    /// Kept per object: somebody who reads thirty-two will fix the cause of the rest.
    const MOST: usize = 32;

    /// Complains about an object.
    pub fn about(&mut self, origin: Origin, reason: &'static str, message: impl Into<Arc<str>>) {
        if self.found.len() < Self::MOST {
            self.found.insert(Diagnostic { origin, reason, message: message.into() });
        } else {
            self.dropped += 1;
        }
    }

    /// The sentences, for tables.
    pub fn sentences(&self) -> Vec<Arc<str>> {
        let more = (self.dropped > 0).then(|| Arc::from(format!("{} more complaints are not shown", self.dropped)));
        self.found.iter().map(|one| Arc::clone(&one.message)).chain(more).collect()
    }

    /// All of them.
    pub fn into_set(self) -> BTreeSet<Diagnostic> {
        self.found
    }
}
