//! Choosing an endpoint, and judging its health from what requests saw (balance spec).
//!
//! The planes ask [`Pickers`] for the [`Picker`] of a pool, let it pick, and tell the [`Guard`] they get how the try
//! ended. `fairlead` drives the two slow loops: [`judge`] every 100 ms, [`weigh`] every second. Numbers live in
//! [`model::Vitals`], one record per endpoint for the whole process, so that every plane, worker and service sees the same.
//!
//! Nothing here does I/O, reads a clock or owns a source of randomness: time, random state and keys are arguments, so the
//! same code runs in simulations. A pick allocates nothing and takes no lock.

mod alias;
mod budget;
mod build;
mod guard;
mod hash;
mod hedge;
mod judge;
mod key;
mod ledger;
mod maglev;
mod pick;
mod pickers;
mod prequal;
mod queue;
mod ramp;
pub mod report;
mod ring_hash;
mod rng;
mod round_robin;
mod slots;
mod two_choices;
mod weigh;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

pub use budget::RetryBudget;
pub use build::Picker;
pub use guard::Guard;
pub use judge::{Judgement, Transition, judge};
pub use key::{KeySource, Peer};
pub use model::{Now, Outcome};
pub use pickers::{Backlog, Pickers, preview};
pub use queue::Place;
pub use rng::{Rng, Worker};
pub use weigh::weigh;

/// What is balanced: it decides what `Auto` means and which hash keys exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Requests.
    Http,
    /// Connections.
    Tcp,
    /// Flows of datagrams.
    Udp,
}

/// What a pick is told about the request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// [`Picker::hash_key`] of it.
    pub hash: Option<u64>,
    /// Endpoints it was already tried on (at most a handful); none of them is given again while another one is usable.
    pub tried: &'a [SocketAddr],
    /// It was asked about before, and earns its service no more of the retry budget.
    pub again: bool,
    /// Whether it may safely be sent again: such requests are preferred as trials of ejected endpoints.
    pub retryable: bool,
    /// Whether it can stand in line while every endpoint that is left is new and has as much as it shall have ([`NoPick::Cold`]).
    pub may_wait: bool,
}

/// Why nothing was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPick {
    /// No usable endpoint, or each one left is already being tried: `no_endpoint`.
    NoEndpoint,
    /// A limit of the service or of each of its usable endpoints is reached: `circuit_open`.
    Full,
    /// Every usable endpoint is new and has as much as it shall have (balance spec C4). Only for who may wait: stand in line, and
    /// after a second ask without [`Ask::may_wait`].
    Cold,
}

/// The strategy a picker runs, after `Auto` and the layer were resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Weighted random.
    Random,
    /// Lowest load of a few drawn.
    LeastRequest,
    /// Lowest latency times load of a few drawn.
    PeakEwma,
    /// As [`Method::PeakEwma`], weighted by reported load.
    Performance,
    /// Maglev table.
    Maglev,
    /// Consistent ring.
    RingHash,
    /// Hot and cold over a pool of looks.
    Prequal,
    /// Any endpoint with a free slot.
    Reserve,
    /// The first endpoint with a free slot.
    Fill,
}

impl Method {
    /// The word for tables and `why`.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::RoundRobin => "RoundRobin",
            Method::Random => "Random",
            Method::LeastRequest => "LeastRequest",
            Method::PeakEwma => "PeakEwma",
            Method::Performance => "Performance",
            Method::Maglev => "Maglev",
            Method::RingHash => "RingHash",
            Method::Prequal => "Prequal",
            Method::Reserve => "Reserve",
            Method::Fill => "Fill",
        }
    }

    fn hashes(self) -> bool {
        matches!(self, Method::Maglev | Method::RingHash)
    }
}
