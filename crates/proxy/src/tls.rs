//! TLS that ends here: the certificate of the server name, from the snapshot in force at the handshake (gateway spec G45, G105).
//!
//! A new Secret serves the next handshake; open connections keep what they have. The key object of an identity is built once
//! per pointer, on first use.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use foldhash::fast::FixedState;
use model::Snapshot;
use model::routes::{Clients, Entrance, EntranceKey, Fallback, HostMap, HostTable, Listener, Terms};
use model::tls::TlsIdentity;
use net::Stream;
use parking_lot::Mutex;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme, SupportedCipherSuite};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::caller::{Shaken, Shown, Verdict};
use crate::numbers::Shook;

/// Longest handshake (gateway spec G105).
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A fatal alert, "unrecognized name" (RFC 6066 §3), as a plain record: there is no key yet.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// The keys of all identities in use.
#[derive(Default)]
pub struct Certificates {
    /// By the address of the snapshot's identity.
    known: Mutex<HashMap<usize, Known, FixedState>>,
    self_signed: OnceLock<Option<Made>>,
}

struct Known {
    identity: Weak<TlsIdentity>,
    /// By the terms of the listeners that serve it; `None` when rustls takes the key for unusable.
    made: Vec<(Terms, Option<Made>)>,
}

#[derive(Clone)]
struct Made {
    key: Arc<CertifiedKey>,
    config: Arc<ServerConfig>,
    /// Who knows which clients' certificates are good, where any are asked for.
    judge: Option<Judge>,
}

/// A judge of clients' certificates, and whether everybody is let in whatever it says.
#[derive(Clone)]
struct Judge {
    strict: Arc<dyn ClientCertVerifier>,
    lenient: bool,
}

/// A handshake that ended well.
pub struct Accepted {
    /// The connection.
    stream: TlsStream<Stream>,
    /// The listener that the server name chose.
    listener: Option<Arc<Listener>>,
    judge: Option<Judge>,
}

impl Accepted {
    /// The connection, its listener, and what it came to where that is `told`.
    pub fn into_parts(self, told: bool) -> (TlsStream<Stream>, Option<Arc<Listener>>, Option<Rc<Shaken>>) {
        let shaken = told.then(|| Rc::new(self.shaken()));
        (self.stream, self.listener, shaken)
    }

    fn shaken(&self) -> Shaken {
        let (_, session) = self.stream.get_ref();
        let client = self.judge.as_ref().map(|judge| {
            let chain = session.peer_certificates().unwrap_or_default();
            let Some((leaf, between)) = chain.split_first() else { return Shown { verdict: Verdict::None, fingerprint: None } };
            // Whom only good certificates get past needs no second look.
            let good = !judge.lenient || judge.strict.verify_client_cert(leaf, between, UnixTime::now()).is_ok();
            let verdict = if good { Verdict::Verified } else { Verdict::Unverified };
            let print = digest::digest(&digest::SHA256, leaf);
            Shown { verdict, fingerprint: Some(print.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()) }
        });
        Shaken {
            version: if session.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3) { "1.3" } else { "1.2" },
            cipher: session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or_default().replace("TLS13_", "TLS_"),
            name: session.server_name().map(str::to_owned),
            protocol: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            client,
        }
    }
}

/// Why a handshake failed; for the log.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It took too long.
    #[error("the handshake took longer than {} s", HANDSHAKE.as_secs())]
    Slow,
    /// Nobody here answers for the name.
    #[error("no certificate for the server name")]
    UnknownName,
    /// The client or its connection.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// The word of the metrics.
    pub fn shook(&self) -> Shook {
        match self {
            Failure::Slow => Shook::Timeout,
            Failure::UnknownName => Shook::UnknownName,
            Failure::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_)) => Shook::ClientCertificate,
                _ => Shook::Error,
            },
        }
    }
}

/// Shakes hands on a connection to this entrance.
///
/// # Errors
/// As [`Failure`] says.
pub async fn accept(certificates: &Certificates, snapshot: &Snapshot, key: &EntranceKey, stream: Stream) -> Result<Accepted, Failure> {
    let handshake = async {
        let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let name = hello.server_name().map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let chosen = snapshot.entrances.ports.get(key).and_then(|entrance| {
            let listener = entrance.listener_for(name.as_deref());
            Some((certificates.choose(entrance, listener, name.as_deref(), &hello)?, listener.map(slim)))
        });
        let Some((Made { config, judge, .. }, listener)) = chosen else {
            let _ = start.io.write_all(&UNRECOGNIZED_NAME).await;
            return Err(Failure::UnknownName);
        };
        Ok(Accepted { stream: start.into_stream(config).await?, listener, judge })
    };
    tokio::time::timeout(HANDSHAKE, handshake).await.map_err(|_| Failure::Slow)?
}

/// What a connection keeps of its listener: enough to know it again. The rules would keep an old table alive with it.
fn slim(listener: &Arc<Listener>) -> Arc<Listener> {
    let (identities, hosts) = (HostMap::default(), HostTable::default());
    let Listener { origin, name, host, ingress, edge, client, .. } = &**listener;
    let (name, edge) = (Arc::clone(name), Arc::clone(edge));
    Arc::new(Listener { origin: origin.clone(), name, host: host.clone(), ingress: *ingress, identities, edge, client: client.clone(), hosts })
}

impl Certificates {
    /// The configuration for a name: the listener's certificates, then the entrance's fallback.
    fn choose(&self, entrance: &Entrance, listener: Option<&Arc<Listener>>, name: Option<&str>, hello: &ClientHello<'_>) -> Option<Made> {
        let identities = listener.map_or(&[][..], |listener| listener.identities_for(name));
        let usual = Terms::default();
        let terms = listener.map_or(&usual, |listener| &listener.edge.terms);
        if let Some(made) = self.first_usable(identities, terms, hello) {
            return Some(made);
        }
        match &entrance.fallback {
            Some(Fallback::Identity(identity)) => self.first_usable(std::slice::from_ref(identity), terms, hello),
            // It asks nobody for a certificate.
            Some(Fallback::SelfSigned) if terms.clients.is_none() => self.self_signed(),
            _ => None,
        }
    }

    /// Of several certificates of one name, the first whose key the client can verify.
    fn first_usable(&self, identities: &[Arc<TlsIdentity>], terms: &Terms, hello: &ClientHello<'_>) -> Option<Made> {
        let mut made = identities.iter().filter_map(|identity| self.make(identity, terms));
        let first = made.next()?;
        let suits = |one: &Made| one.key.key.choose_scheme(hello.signature_schemes()).is_some();
        if suits(&first) { Some(first) } else { Some(made.find(suits).unwrap_or(first)) }
    }

    fn make(&self, identity: &Arc<TlsIdentity>, terms: &Terms) -> Option<Made> {
        let place = Arc::as_ptr(identity) as usize;
        if let Some(known) = self.known.lock().get(&place)
            && known.identity.as_ptr() == Arc::as_ptr(identity)
            && let Some((_, made)) = known.made.iter().find(|(known, _)| known == terms)
        {
            return made.clone();
        }
        let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let made = match certified(chain, &identity.key).map(|key| stapled(key, identity)) {
            Ok(key) => configuration(Arc::new(key), terms),
            Err(error) => {
                tracing::warn!(%error, secret = %identity.origin, "the key cannot be used: replace the Secret");
                None
            }
        };
        let mut known = self.known.lock();
        known.retain(|_, known| known.identity.strong_count() > 0);
        let known = known.entry(place).or_insert_with(|| Known { identity: Weak::new(), made: Vec::new() });
        if known.identity.as_ptr() != Arc::as_ptr(identity) {
            *known = Known { identity: Arc::downgrade(identity), made: Vec::new() };
        }
        known.made.push((terms.clone(), made.clone()));
        made
    }

    /// A certificate that signs itself, made on first use and kept.
    fn self_signed(&self) -> Option<Made> {
        let make = || {
            let pem = net::identity::self_signed("fairlead", SystemTime::now()).ok()?;
            configuration(net::identity::certified(&pem).ok()?, &Terms::default())
        };
        self.self_signed.get_or_init(make).clone()
    }
}

pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// With these suites only, in this order; none means all.
fn with_suites(wanted: &[u16]) -> Arc<CryptoProvider> {
    if wanted.is_empty() {
        return provider();
    }
    let mut provider = CryptoProvider::clone(&provider());
    let place = |suite: &SupportedCipherSuite| wanted.iter().position(|number| *number == u16::from(suite.suite()));
    provider.cipher_suites.retain(|suite| place(suite).is_some());
    provider.cipher_suites.sort_by_key(place);
    Arc::new(provider)
}

fn certified(chain: Vec<CertificateDer<'static>>, key: &[u8]) -> Result<CertifiedKey, String> {
    let key = PrivateKeyDer::try_from(key.to_vec()).map_err(str::to_owned)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| error.to_string())
}

/// The key with what its authority says of the certificate (RFC 6066 §8): a successful response, as far as its first octets tell.
fn stapled(mut key: CertifiedKey, identity: &TlsIdentity) -> CertifiedKey {
    match identity.staple.as_slice() {
        [] => {}
        staple if is_response(staple) => key.ocsp = Some(staple.to_vec()),
        _ => tracing::warn!(secret = %identity.origin, "tls.ocsp-staple is no successful OCSP response in DER: it is not sent"),
    }
    key
}

/// `OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED { successful (0), ... }, ... }`
fn is_response(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else { return false };
    let after = match usize::from(*length) {
        ..0x80 => rest,
        long => rest.get(long - 0x80..).unwrap_or_default(),
    };
    after.starts_with(&[0x0A, 1, 0])
}

/// TLS 1.2 and 1.3 with this key, unless the terms ask for less. Sessions are kept per configuration, so a ticket never carries
/// an identity elsewhere.
fn configuration(key: Arc<CertifiedKey>, terms: &Terms) -> Option<Made> {
    let versions: &[_] = if terms.only_13 { &[&rustls::version::TLS13] } else { rustls::ALL_VERSIONS };
    let builder = ServerConfig::builder_with_provider(with_suites(&terms.suites)).with_protocol_versions(versions).ok()?;
    let judge = match &terms.clients {
        Some(clients) => Some(Judge { strict: verifier(clients)?, lenient: clients.fallback }),
        None => None,
    };
    let builder = match &judge {
        None => builder.with_no_client_auth(),
        Some(Judge { strict, lenient: false }) => builder.with_client_cert_verifier(Arc::clone(strict)),
        Some(Judge { strict, lenient: true }) => builder.with_client_cert_verifier(Arc::new(Lenient(Arc::clone(strict)))),
    };
    let mut config = builder.with_cert_resolver(Arc::new(One(Arc::clone(&key))));
    config.alpn_protocols = match terms.alpn.as_slice() {
        [] => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        some => some.iter().map(|name| name.as_bytes().to_vec()).collect(),
    };
    if let Ok(ticketer) = rustls::crypto::aws_lc_rs::Ticketer::new() {
        config.ticketer = ticketer;
    }
    Some(Made { key, config: Arc::new(config), judge })
}

/// Who judges the certificates of clients. Without one nobody would: then there is no configuration, and no handshake ends well.
fn verifier(clients: &Clients) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(clients.authorities.iter().map(|der| CertificateDer::from(der.clone())));
    match WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build() {
        Ok(strict) => Some(strict),
        Err(error) => {
            tracing::warn!(%error, "the certificates of clients cannot be verified: replace the authorities in tls.frontend of the Gateway");
            None
        }
    }
}

/// Asks clients for a certificate, and lets them in whatever they show; that it is theirs they prove all the same.
#[derive(Debug)]
struct Lenient(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if let Err(error) = self.0.verify_client_cert(leaf, between, now) {
            tracing::debug!(%error, "a client that nobody vouches for is let in");
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        said: &[u8],
        by: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(said, by, signed)
    }

    fn verify_tls13_signature(
        &self,
        said: &[u8],
        by: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(said, by, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The one key of a configuration.
#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
