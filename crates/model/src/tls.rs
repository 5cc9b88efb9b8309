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
    /// What its authority says of the leaf, for clients that ask (an OCSP response, DER); empty where the Secret has none.
    pub staple: Vec<u8>,
    /// Names of the leaf, lower case, wildcards as written.
    pub names: Vec<Arc<str>>,
    /// End of the leaf's validity, Unix seconds.
    pub not_after_s: i64,
}

/// How the endpoints of a backend are spoken to over TLS, because a policy says so (gateway spec G48). Two that say the same are
/// equal; planes keep connections apart by pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendTls {
    /// The policy.
    pub origin: Origin,
    /// The server name that is asked for, and that the certificate must be for unless `names` says otherwise.
    pub server_name: Arc<str>,
    /// Names of which the certificate must have one; empty is the server name.
    pub names: Vec<PeerName>,
    /// Who may vouch for the certificate.
    pub authorities: Authorities,
}

/// A name that a certificate may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerName {
    /// A DNS name, lower case; `*.` and a suffix stands for one label.
    Dns(Arc<str>),
    /// A URI, byte for byte (SPIFFE).
    Uri(Arc<str>),
}

/// Certificates of authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// Those of the host.
    System,
    /// These, DER.
    These(Arc<[Vec<u8>]>),
}

impl std::fmt::Debug for TlsIdentity {
    /// Names only: a key never reaches a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("origin", &self.origin).field("names", &self.names).finish_non_exhaustive()
    }
}
