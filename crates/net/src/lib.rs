//! Sockets and identities: binding addresses so that a second server is noticed, the certificate authority and
//! certificates that the server makes for itself, the PROXY protocol, the reactor of the data threads, and (later) descriptor hand-over and ACME.
//!
//! Called by `fairlead` (addresses, first start), `proxy` and `dns` (sockets of their planes). It knows no object, no
//! request and no query.

pub mod announced;
pub mod bind;
pub mod clock;
mod closing;
pub mod identity;
pub mod limits;
pub mod memory;
pub mod pace;
pub mod reactor;
pub mod sys;
mod unverified;
mod vouched;

pub use bind::{BindError, bind_tcp, bind_udp};
pub use closing::{last_in_queue, send_last};
pub use reactor::{Listener, Stream, is_silent};
pub use unverified::{anyone, unverified};
pub use vouched::{CertificateName, vouched, vouched_by_host};
