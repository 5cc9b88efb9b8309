//! The server's own certificate authority, the certificates it signs, and TLS configurations made of them.
//!
//! Keys are ECDSA P-256. Every certificate carries the key usages and key identifiers of RFC 5280 section 4.2, without
//! which strict verifiers (Python 3.13, Go with `x509strict`) refuse it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const DAY: Duration = Duration::from_secs(86_400);
/// Life of the authority: its renewal is a decision of people, not of a timer.
const AUTHORITY_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Life of serving and client certificates: renewed at half of it.
pub const LEAF_LIFE: Duration = Duration::from_secs(365 * 86_400);
/// Clocks of clients may be behind.
const BACKDATE: Duration = Duration::from_secs(3600);

/// Making or reading an identity failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{what} is not usable: {why}; remove it to have a new one made")]
    Unusable {
        /// The file or certificate.
        what: String,
        /// What is wrong.
        why: String,
    },
}

/// A certificate (chain) and its key, PEM.
#[derive(Clone)]
pub struct Pem {
    /// Leaf first.
    pub certificate: String,
    /// PKCS#8.
    pub key: String,
}

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, PEM.
    pub certificate: String,
}

impl Authority {
    /// A new authority with this common name.
    ///
    /// # Errors
    /// When key generation fails.
    pub fn create(name: &str, now: SystemTime) -> Result<(Self, Pem), Error> {
        let key = KeyPair::generate().map_err(|why| unusable(name, why))?;
        let mut params = params(name, &[], now, AUTHORITY_LIFE)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).map_err(|why| unusable(name, why))?.pem();
        let pem = Pem { certificate: certificate.clone(), key: key.serialize_pem() };
        Ok((Self { issuer: Issuer::new(params, key), certificate }, pem))
    }

    /// An authority from its stored form.
    ///
    /// # Errors
    /// When the PEM is not a certificate authority with its key.
    pub fn from_pem(pem: &Pem, what: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(&pem.key).map_err(|why| unusable(what, why))?;
        let issuer = Issuer::from_ca_cert_pem(&pem.certificate, key).map_err(|why| unusable(what, why))?;
        Ok(Self { issuer, certificate: pem.certificate.clone() })
    }

    /// A serving certificate for these names and addresses.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn issue_server(&self, common_name: &str, names: &[String], addresses: &[IpAddr], now: SystemTime) -> Result<Pem, Error> {
        let mut params = params(common_name, &[], now, LEAF_LIFE)?;
        for name in names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().map_err(|why| unusable(name, why))?));
        }
        params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, common_name)
    }

    /// A client certificate: the user is the common name, the groups are the organisations.
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue_client(&self, user: &str, groups: &[&str], now: SystemTime) -> Result<Pem, Error> {
        let mut params = params(user, groups, now, LEAF_LIFE)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, user)
    }

    fn sign(&self, mut params: CertificateParams, what: &str) -> Result<Pem, Error> {
        let key = KeyPair::generate().map_err(|why| unusable(what, why))?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|why| unusable(what, why))?;
        Ok(Pem { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A certificate that signs itself, for clients whose server name nobody claims.
///
/// # Errors
/// When key generation fails.
pub fn self_signed(common_name: &str, now: SystemTime) -> Result<Pem, Error> {
    let key = KeyPair::generate().map_err(|why| unusable(common_name, why))?;
    let mut params = params(common_name, &[], now, LEAF_LIFE)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(|why| unusable(common_name, why))?;
    Ok(Pem { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn params(common_name: &str, organisations: &[&str], now: SystemTime, life: Duration) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for organisation in organisations {
        params.distinguished_name.push(DnType::OrganizationName, *organisation);
    }
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = (now - BACKDATE).into();
    params.not_after = (now + life).into();
    // RFC 5280 section 4.1.2.2: positive, at most 20 octets, unpredictable.
    let mut serial = [0_u8; 16];
    getrandom::fill(&mut serial).map_err(|why| unusable(common_name, why))?;
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn unusable(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Unusable { what: what.to_owned(), why: why.to_string() }
}

/// Whether a stored leaf must be replaced: past half of its life, not signed by this authority, or without one of the
/// names and addresses it should have.
pub fn is_stale(leaf_pem: &str, authority_pem: &str, names: &[String], addresses: &[IpAddr], now: SystemTime) -> bool {
    let (Ok(leaf_der), Ok(authority_der)) =
        (CertificateDer::from_pem_slice(leaf_pem.as_bytes()), CertificateDer::from_pem_slice(authority_pem.as_bytes()))
    else {
        return true;
    };
    let (Ok((_, leaf)), Ok((_, authority))) = (X509Certificate::from_der(&leaf_der), X509Certificate::from_der(&authority_der)) else {
        return true;
    };
    let now_s = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let (from, to) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    let signed_by_us = authority_key_id(&leaf).is_some_and(|id| Some(id) == subject_key_id(&authority));
    let covered = |wanted: &dyn Fn(&GeneralName) -> bool| {
        leaf.subject_alternative_name().ok().flatten().is_some_and(|san| san.value.general_names.iter().any(wanted))
    };
    let has_name = |name: &String| covered(&|general| matches!(general, GeneralName::DNSName(dns) if dns == name));
    let has_address = |address: &IpAddr| {
        covered(&|general| match (general, address) {
            (GeneralName::IPAddress(bytes), IpAddr::V4(v4)) => **bytes == v4.octets(),
            (GeneralName::IPAddress(bytes), IpAddr::V6(v6)) => **bytes == v6.octets(),
            _ => false,
        })
    };
    now_s > from + (to - from) / 2 || !signed_by_us || !names.iter().all(has_name) || !addresses.iter().all(has_address)
}

fn authority_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        x509_parser::extensions::ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    })
}

fn subject_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

/// Common name and organisations of a verified client certificate: the user and the groups.
pub fn subject(der: &[u8]) -> Option<(String, Vec<String>)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let user = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    let groups = certificate.subject().iter_organization().filter_map(|group| group.as_str().ok().map(str::to_owned)).collect();
    Some((user, groups))
}

/// SHA-256 of a certificate's DER, hexadecimal; empty when the PEM holds none.
pub fn sha256_hex(certificate_pem: &str) -> String {
    let Ok(der) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else { return String::new() };
    let digest = rustls::crypto::aws_lc_rs::default_provider().cipher_suites.iter().find_map(|suite| match suite {
        rustls::SupportedCipherSuite::Tls13(suite) if suite.common.suite == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 => {
            Some(suite.common.hash_provider.hash(&der))
        }
        _ => None,
    });
    digest.map_or_else(String::new, |digest| digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A serving identity that can be replaced while connections are open: new handshakes get the new one.
#[derive(Debug)]
pub struct Replaceable(RwLock<Arc<CertifiedKey>>);

impl Replaceable {
    /// Starts with this identity.
    ///
    /// # Errors
    /// When certificate and key do not belong together.
    pub fn new(pem: &Pem) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self(RwLock::new(certified(pem)?))))
    }

    /// Replaces the identity for the handshakes to come.
    ///
    /// # Errors
    /// As [`Replaceable::new`]; the former identity then stays.
    pub fn replace(&self, pem: &Pem) -> Result<(), Error> {
        let fresh = certified(pem)?;
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl ResolvesServerCert for Replaceable {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }
}

/// The rustls form of an identity.
///
/// # Errors
/// When the PEM holds no certificate or key, or they do not belong together.
pub fn certified(pem: &Pem) -> Result<Arc<CertifiedKey>, Error> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(pem.certificate.as_bytes()).collect::<Result<_, _>>().map_err(|why| unusable("serving certificate", why))?;
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).map_err(|why| unusable("serving key", why))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map(Arc::new).map_err(|why| unusable("serving certificate", why))
}

/// The API server's TLS: clients may present a certificate of this authority, and may do without.
///
/// # Errors
/// When the authority's PEM is not a certificate.
pub fn server_config(identity: Arc<Replaceable>, client_authority_pem: &str) -> Result<ServerConfig, Error> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(client_authority_pem.as_bytes()).map_err(|why| unusable("client authority", why))?;
    roots.add(authority).map_err(|why| unusable("client authority", why))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(|why| unusable("client authority", why))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| unusable("TLS versions", why))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Reads a certificate and its key from files.
///
/// # Errors
/// When a file cannot be read; `Ok(None)` when neither exists.
pub fn read(certificate: &Path, key: &Path) -> Result<Option<Pem>, Error> {
    let text = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    };
    Ok(text(certificate)?.zip(text(key)?).map(|(certificate, key)| Pem { certificate, key }))
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// When the directory is not writable or the disk is full.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| Error::File { path: path.to_owned(), source };
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)
}

/// How long after `now` a leaf issued at `now` should be replaced.
pub fn renewal_period() -> Duration {
    LEAF_LIFE / 2 - DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_kept_while_it_fits_and_replaced_when_not() {
        let now = SystemTime::now();
        let (authority, stored) = Authority::create("fairlead-ca", now).unwrap();
        let names = vec!["localhost".to_owned(), "kubernetes.default.svc".to_owned()];
        let addresses = ["127.0.0.1".parse().unwrap()];
        let leaf = authority.issue_server("fairlead", &names, &addresses, now).unwrap();
        let stale = |names: &[String], addresses: &[IpAddr], at| is_stale(&leaf.certificate, &authority.certificate, names, addresses, at);
        assert!(!stale(&names, &addresses, now));
        assert!(stale(&names, &addresses, now + LEAF_LIFE / 2 + DAY), "past half life");
        assert!(stale(&["other".to_owned()], &addresses, now), "a name is missing");
        assert!(stale(&names, &["10.0.0.1".parse().unwrap()], now), "an address is missing");
        let (stranger, _) = Authority::create("fairlead-ca", now).unwrap();
        assert!(is_stale(&leaf.certificate, &stranger.certificate, &names, &addresses, now), "another authority");
        let again = Authority::from_pem(&stored, "ca.crt").unwrap();
        let second = again.issue_server("fairlead", &names, &addresses, now).unwrap();
        assert!(!is_stale(&second.certificate, &authority.certificate, &names, &addresses, now));
    }

    #[test]
    fn a_client_certificate_names_user_and_groups() {
        let (authority, _) = Authority::create("ca", SystemTime::now()).unwrap();
        let pem = authority.issue_client("admin", &["system:masters"], SystemTime::now()).unwrap();
        let der = CertificateDer::from_pem_slice(pem.certificate.as_bytes()).unwrap();
        assert_eq!(subject(&der), Some(("admin".to_owned(), vec!["system:masters".to_owned()])));
    }
}
