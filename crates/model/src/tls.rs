//! Certificates as the snapshot carries them: DER, checked by `compile`, without types of any TLS library.

use std::sync::Arc;

use crate::ident::Origin;

/// A certificate chain and its key, known to belong together. Planes build their own key object once per pointer.
pub struct TlsIdentity {
    /// The Secret.
    pub origin: Origin,
    /// Leaf first, DER.
    pub chain: Vec<Vec<u8>>,
    /// PKCS#8, PKCS#1 or SEC1, DER.
    pub key: Vec<u8>,
    /// Names of the leaf, lower case, wildcards as written.
    pub names: Vec<Arc<str>>,
    /// End of the leaf's validity, Unix seconds.
    pub not_after_s: i64,
}

impl std::fmt::Debug for TlsIdentity {
    /// Names only: a key never reaches a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("origin", &self.origin).field("names", &self.names).finish_non_exhaustive()
    }
}
