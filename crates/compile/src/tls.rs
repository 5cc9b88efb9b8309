//! Certificates from Secrets: checked once per version, found by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{ConfigMap, Secret};
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
    config_maps: BTreeMap<Key, Arc<ConfigMap>>,
}

/// A kind of object that may hold certificates of authorities, under `ca.crt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    ConfigMap,
    Secret,
}

impl Holder {
    /// The kind that a reference names, if it is one of them.
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        match (group, kind) {
            ("", "ConfigMap") => Some(Holder::ConfigMap),
            ("", "Secret") => Some(Holder::Secret),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Holder::ConfigMap => "configmap",
            Holder::Secret => "secret",
        }
    }
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

    /// A ConfigMap came, changed or went. Whether that makes a difference to who refers to it.
    pub fn set_config_map(&mut self, key: &Key, config_map: Option<&Arc<ConfigMap>>) -> bool {
        let before = match config_map {
            Some(new) => self.config_maps.insert(key.clone(), Arc::clone(new)),
            None => self.config_maps.remove(key),
        };
        before.as_ref().map(|one| &one.data) != config_map.map(|one| &one.data)
    }

    /// The authorities that an object holds, DER, or why it holds none.
    pub fn authorities(&self, holder: Holder, key: &Key) -> Result<Vec<Vec<u8>>, Arc<str>> {
        let fail = |what: &str| -> Arc<str> { format!("{} {}/{} {what}", holder.as_str(), key.0, key.1).into() };
        let missing = || fail("has no ca.crt; put the PEM certificates of the authorities there");
        let pem = match holder {
            Holder::ConfigMap => {
                let found = self.config_maps.get(key).ok_or_else(|| fail("not found"))?;
                found.data.authorities.as_deref().filter(|text| !text.is_empty()).ok_or_else(missing)?.as_bytes().to_vec()
            }
            Holder::Secret => {
                let (found, _) = self.known.get(key).ok_or_else(|| fail("not found"))?;
                let text = found.data.authorities.as_deref().filter(|text| !text.is_empty()).ok_or_else(missing)?;
                STANDARD.decode(text).map_err(|_| fail("has a ca.crt that is not base64"))?
            }
        };
        let read: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = read.map_err(|_| fail("has a ca.crt that is not PEM"))?;
        if found.is_empty() || found.iter().any(|one| X509Certificate::from_der(one).is_err()) {
            return Err(fail("has a ca.crt without an X.509 certificate in it"));
        }
        Ok(found.iter().map(|one| one.to_vec()).collect())
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
        staple: secret.data.staple.as_deref().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default(),
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
