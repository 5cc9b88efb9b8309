//! What is written to the status of an Instance: the judgement, and how far its leaving has come.

use std::sync::Arc;

use api::Instance;

use crate::readiness::Verdict;

/// An Instance and what was found of it.
pub(crate) struct Judged {
    pub instance: Arc<Instance>,
    pub verdict: Verdict,
}
