//! What planes say back: which generation they serve, and what they had to leave out.

use crate::ident::Origin;
use crate::service::FrontendKey;

/// A plane's acknowledgement of a generation.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// `dns`, `stream`, `http`.
    pub plane: &'static str,
    /// Everything up to this generation is in force.
    pub generation: u64,
    /// What was left out of it; one bad object never holds a generation.
    pub problems: Vec<Problem>,
}

/// A part of a snapshot that a plane could not put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object that is affected.
    pub subject: Origin,
    /// The frontend, where it is one.
    pub frontend: Option<FrontendKey>,
    /// CamelCase reason for a condition: `PortPrivileged`, `AddressInUse`, `PortUnavailable`, ...
    pub reason: &'static str,
    /// One sentence with the remedy.
    pub message: String,
}
