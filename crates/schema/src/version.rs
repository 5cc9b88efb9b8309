//! Which Kubernetes this is.

/// Major, minor and patch version of the Kubernetes whose API is served.
pub const KUBERNETES: [&str; 3] = ["1", "36", "3"];
