//! Certificates from Secrets: checked once per version, found by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Origin;
use model::routes::HostPattern;
use model::tls::TlsIdentity;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::routes::Key;

/// The Secrets that were read, with what came of each.
#[derive(Default)]
pub(crate) struct Certificates {
    known: BTreeMap<Key, (Arc<Secret>, Verdict)>,
}

/// The identity, or what is wrong with the Secret.
pub(crate) type Verdict = Result<Arc<TlsIdentity>, Arc<str>>;

impl Certificates {
    /// A Secret came or changed. Whether that makes a difference to who refers to it.
    pub fn insert(&mut self, secret: &Arc<Secret>) -> bool {
        let key = (Arc::clone(&secret.metadata.namespace), Arc::clone(&secret.metadata.name));
        if self.known.get(&key).is_some_and(|(known, _)| known.data == secret.data && known.kind == secret.kind) {
            return false;
        }
        self.known.insert(key, (Arc::clone(secret), identity(secret).map(Arc::new).map_err(Into::into)));
        true
    }

    /// A Secret is gone. Whether it was known.
    pub fn remove(&mut self, key: &Key) -> bool {
        self.known.remove(key).is_some()
    }

    /// The identity of a Secret, or why there is none.
    pub fn identity(&self, key: &Key) -> Verdict {
        match self.known.get(key) {
            Some((_, verdict)) => verdict.clone(),
            None => Err(format!("secret {}/{} not found", key.0, key.1).into()),
        }
    }
}

/// Reads a Secret. The error is one sentence that never quotes what is in it.
fn identity(secret: &Secret) -> Result<TlsIdentity, String> {
    let meta = &secret.metadata;
    let fail = |what: &str| format!("secret {}/{}: {what}", meta.namespace, meta.name);
    let field = |value: &Option<Arc<str>>, name: &str| match value.as_deref() {
        None | Some("") => Err(fail(&format!("{name} is missing; make it with `kubectl create secret tls`"))),
        Some(text) => STANDARD.decode(text).map_err(|_| fail(&format!("{name} is not base64"))),
    };
    let certificates = field(&secret.data.certificate, "tls.crt")?;
    let key = field(&secret.data.key, "tls.key")?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&certificates).collect::<Result<_, _>>().map_err(|_| fail("tls.crt is not PEM"))?;
    let leaf = chain.first().ok_or_else(|| fail("tls.crt holds no certificate"))?.clone();
    let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|_| fail("tls.crt does not hold an X.509 certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| fail("tls.key holds no PEM private key"))?;
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|_| fail("tls.key is of no supported type; use RSA from 2048 bits, ECDSA P-256, P-384, P-521 or Ed25519"))?;
    match CertifiedKey::new(chain.clone(), signer).keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(_) => return Err(fail("tls.key does not belong to tls.crt")),
    }
    Ok(TlsIdentity {
        origin: Origin::new("Secret", Arc::clone(&meta.namespace), Arc::clone(&meta.name)),
        names: names(&parsed),
        not_after_s: parsed.validity().not_after.timestamp(),
        chain: chain.iter().map(|one| one.to_vec()).collect(),
        key: key.secret_der().to_vec(),
    })
}

/// DNS names of the leaf, lower case; the common name only where there is no alternative name at all.
fn names(leaf: &X509Certificate<'_>) -> Vec<Arc<str>> {
    let lower = |name: &str| Arc::from(name.to_ascii_lowercase());
    if let Ok(Some(alternatives)) = leaf.subject_alternative_name() {
        let dns = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some(lower(name)),
            _ => None,
        };
        return alternatives.value.general_names.iter().filter_map(dns).collect();
    }
    leaf.subject().iter_common_name().filter_map(|name| name.as_str().ok()).map(lower).collect()
}

/// A name of a certificate as a pattern: a wildcard stands for one label (RFC 6125 section 6.4.3).
pub(crate) fn pattern(name: &Arc<str>) -> HostPattern {
    match name.strip_prefix("*.") {
        Some(suffix) => HostPattern::OneBelow(suffix.into()),
        None => HostPattern::Exact(Arc::clone(name)),
    }
}

#[cfg(test)]
mod tests;
