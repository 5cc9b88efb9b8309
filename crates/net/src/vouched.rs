//! TLS towards those whose certificate somebody must vouch for: the authorities of a policy or of this host (GEP-1897).

use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// A name of which a certificate must have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// A DNS name, lower case; `*.` and a suffix stands for one label.
    Dns(String),
    /// A URI, byte for byte.
    Uri(String),
}

/// Takes certificates that these authorities (DER) vouch for and that have one of these names; without names, the name that is
/// asked for in the handshake. Authorities that cannot be read vouch for nobody.
pub fn vouched<'a>(authorities: impl IntoIterator<Item = &'a [u8]>, names: Vec<CertificateName>) -> Arc<dyn ServerCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.into_iter().map(|der| CertificateDer::from(der.to_vec())));
    Arc::new(Vouched { roots: Arc::new(roots), names, provider: aws_lc_rs::default_provider() })
}

/// As [`vouched`], by the authorities that this host trusts. They are read once.
pub fn vouched_by_host(names: Vec<CertificateName>) -> Arc<dyn ServerCertVerifier> {
    static HOST: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::warn!("this host has no certificates of authorities: install ca-certificates, or name authorities in the policy");
        }
        Arc::new(roots)
    });
    Arc::new(Vouched { roots: Arc::clone(&HOST), names, provider: aws_lc_rs::default_provider() })
}

#[derive(Debug)]
struct Vouched {
    roots: Arc<RootCertStore>,
    names: Vec<CertificateName>,
    provider: CryptoProvider,
}

impl ServerCertVerifier for Vouched {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        asked: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, between, now, self.provider.signature_verification_algorithms.all)?;
        if self.names.is_empty() {
            verify_server_name(&parsed, asked)?;
        } else if !has_one_of(leaf, &self.names) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, said: &[u8], by: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(said, by, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(&self, said: &[u8], by: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(said, by, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate has one of these among its alternative names. The common name counts for nothing (RFC 6125 §6.4.4).
fn has_one_of(leaf: &[u8], names: &[CertificateName]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(leaf) else { return false };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else { return false };
    alternatives.value.general_names.iter().any(|found| match found {
        GeneralName::DNSName(found) => {
            let found = found.to_ascii_lowercase();
            names.iter().any(|name| matches!(name, CertificateName::Dns(name) if covers(&found, name) || covers(name, &found)))
        }
        GeneralName::URI(found) => names.iter().any(|name| matches!(name, CertificateName::Uri(name) if name == found)),
        _ => false,
    })
}

/// Whether a name, perhaps with a wildcard for its first label, covers another one.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(suffix) => pattern == name || name.split_once('.').is_some_and(|(label, rest)| rest == suffix && !label.is_empty() && label != "*"),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(names: &[&str], uris: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = authority.self_signed(&key).expect("an authority");
        let issuer = rcgen::Issuer::new(authority, key);
        let mut params = rcgen::CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("parameters");
        params.subject_alt_names.extend(uris.iter().map(|uri| rcgen::SanType::URI((*uri).try_into().expect("a URI"))));
        let leaf = params.signed_by(&rcgen::KeyPair::generate().expect("a key"), &issuer).expect("a leaf");
        (root.der().to_vec(), leaf.der().to_vec())
    }

    fn takes(root: &[u8], leaf: &[u8], names: &[CertificateName], asked: &str) -> bool {
        let verifier = vouched([root], names.to_vec());
        let asked = ServerName::try_from(asked.to_owned()).expect("a name");
        verifier.verify_server_cert(&CertificateDer::from(leaf), &[], &asked, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn a_certificate_needs_an_authority_and_the_name_that_is_asked_for() {
        let (root, leaf) = issued(&["a.test", "*.b.test"], &[]);
        let (other, _) = issued(&[], &[]);
        assert!(takes(&root, &leaf, &[], "a.test") && takes(&root, &leaf, &[], "x.b.test"));
        assert!(!takes(&root, &leaf, &[], "c.test"), "another name");
        assert!(!takes(&other, &leaf, &[], "a.test"), "another authority");
        assert!(!takes(b"nonsense", &leaf, &[], "a.test"), "no authority at all");
    }

    #[test]
    fn alternative_names_take_the_place_of_the_name_that_is_asked_for() {
        let (root, leaf) = issued(&["a.test"], &["spiffe://trust.test/ns/shop"]);
        let dns = |name: &str| CertificateName::Dns(name.into());
        let uri = |name: &str| CertificateName::Uri(name.into());
        assert!(takes(&root, &leaf, &[dns("no.test"), dns("a.test")], "elsewhere.test"), "any of them");
        assert!(takes(&root, &leaf, &[uri("spiffe://trust.test/ns/shop")], "elsewhere.test"));
        assert!(!takes(&root, &leaf, &[dns("no.test")], "a.test"), "the name that is asked for does not count");
        assert!(!takes(&root, &leaf, &[uri("spiffe://trust.test/ns/sho")], "a.test"));
        assert!(!takes(&root, &leaf, &[uri("a.test")], "a.test"), "a URI is no DNS name");
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        assert!(covers("*.a.test", "x.a.test") && covers("*.a.test", "*.a.test"));
        assert!(!covers("*.a.test", "a.test") && !covers("*.a.test", "x.y.a.test") && !covers("*.a.test", ".a.test"));
    }
}
