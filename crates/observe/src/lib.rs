//! What the process says of itself: metrics, logs. (The access log is written by the plane that serves the requests,
//! through [`lines`]; traces and alerts come later.)
//!
//! Every crate that has numbers registers them here at start; handles are resolved then, never per request. This crate
//! knows no object and no plane.

pub mod lines;
pub mod logs;
pub mod metrics;
mod process;
pub mod scrape;

pub use lines::Lines;
pub use metrics::Registry;
