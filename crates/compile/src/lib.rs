//! Objects in, truth out: [`World`] keeps slim objects as users wrote them, [`World::compile`] decides everything that is policy and
//! makes the next [`model::Snapshot`], the statuses it implies, and diagnostics.
//!
//! `fairlead` owns the one World: it feeds it [`Change`]s from `source`, compiles when the queue is drained, publishes the snapshot
//! and hands statuses to `control`. Where things are decided: `services` (which endpoints are usable for whom, frontends),
//! `policy` (BackendPolicy, annotations, defaults), `names` (DNS), `gateway`, `ingress` and `tls` (routes).
//!
//! The crate is pure: no I/O, no clock (`now_s` is an argument), nothing random. It cannot fail: a bad object is a diagnostic and a
//! status, never an error for the others. Cost follows the change: one slice of one service recompiles that service alone.

mod change;
mod complaints;
mod gateway;
mod grants;
mod ingress;
mod names;
mod policy;
mod probes;
mod routes;
mod services;
mod sessions;
mod text;
mod tls;
mod world;

#[cfg(test)]
mod testing;

pub use change::{Change, Kind, Object};
pub use gateway::edge::networks;
pub use policy::judge_defaults;
pub use text::holds;
pub use world::{Compiled, Diagnostic, IngressSettings, NameSettings, Settings, Wants, World};
