//! This host: the programs it runs or watches, the probes it sends, and the evidence of life they give.
//!
//! `fairlead run` calls [`supervise`]; the server runs an [`agent`] that watches the processes behind this node's Instances
//! and a [`probe`] loop for what the snapshot wants probed. What they see goes two ways: hard local facts into
//! [`model::Vitals`] at once, so that planes stop using a dead endpoint without a round trip, and as [`Evidence`] to
//! whoever writes statuses. This crate decides no readiness and writes no status but that of the Instances it supervises.

pub mod agent;
pub mod knock;
pub mod probe;
pub mod process;
pub mod supervise;

use std::sync::Arc;

/// One observation about an Instance (instances spec section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Namespace of the Instance.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID: evidence about a former object of this name says nothing about this one.
    pub uid: Arc<str>,
    /// What kind of proof.
    pub proof: Proof,
    /// What it says.
    pub verdict: Verdict,
    /// One line for people.
    pub reason: Arc<str>,
}

/// The proofs that a host gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proof {
    /// The process runs or has ended. Hard.
    Process,
    /// An active check. Hard when refused, else soft.
    Probe,
    /// What the data planes saw. Never decides alone; it confirms soft suspicions (E5).
    Passive,
}

impl Proof {
    /// As statuses write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Process => "process",
            Proof::Probe => "probe",
            Proof::Passive => "passive",
        }
    }
}

/// What a proof says. Absence is unknown, never dead (E1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It lives.
    Alive,
    /// It is dead.
    Dead,
    /// Nobody knows.
    Unknown,
}

impl Verdict {
    /// As statuses write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Alive => "alive",
            Verdict::Dead => "dead",
            Verdict::Unknown => "unknown",
        }
    }
}
