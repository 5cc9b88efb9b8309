//! The truth that every plane serves from: an immutable, numbered [`Snapshot`], published by one atomic swap ([`Live`]),
//! and the numbers that move per request ([`Vitals`]), which survive from one snapshot to the next.
//!
//! `compile` makes snapshots; the planes (`dns`, `proxy`, later `kernel`) read them; `balance` builds pickers from the
//! pools; `control` reads acknowledgements; `fairlead show` and `why` print the tables of [`show`].
//!
//! There is no Kubernetes here: names of objects arrive as opaque [`Origin`]s, policy is already decided, nothing is left
//! to parse. The crate does no I/O, starts no task and never reads a clock.

pub mod ack;
pub mod endpoint;
pub mod health;
pub mod ident;
pub mod live;
pub mod names;
pub mod policy;
pub mod routes;
pub mod service;
pub mod session;
pub mod show;
pub mod snapshot;
pub mod tls;
pub mod vitals;

pub use ack::{Applied, Problem};
pub use endpoint::{Endpoint, Pool, PoolId, Standing};
pub use ident::{Identity, ObjectTarget, Origin, Target, Transport};
pub use live::Live;
pub use snapshot::{NodeView, Snapshot};
pub use vitals::{Holds, InFlight, Interner, LoadReport, Now, Outcome, Vitals};

/// The persistent hash map of every table: cheap to clone, shares structure between generations.
pub type Map<K, V> = imbl::GenericHashMap<K, V, foldhash::fast::FixedState, imbl::shared_ptr::DefaultSharedPtr>;
pub use imbl::ordmap::DiffItem;

/// The persistent ordered map: as [`Map`], in key order, and two generations can be compared in time of their difference.
pub type OrdMap<K, V> = imbl::OrdMap<K, V>;
