//! TLS to backends whose port says so by its `appProtocol` (gateway spec G49). No policy names an authority for them, so their
//! certificates are not verified: that hides requests from who listens, not from who stands in between.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use model::Pool;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The endpoints of this pool are reached over TLS.
pub fn covers(pool: &Pool) -> bool {
    let names = ["https", "kubernetes.io/https", "kubernetes.io/wss", "wss"];
    pool.app_protocol.as_deref().is_some_and(|spoken| names.iter().any(|name| name.eq_ignore_ascii_case(spoken)))
}

/// What a connection of this process to a backend says in its handshake.
#[derive(Default)]
pub struct Hello(OnceLock<TlsConnector>);

impl Hello {
    /// Shakes hands. `name` is the host that is asked for, without a port; an address, or no name at all, is not told.
    ///
    /// # Errors
    /// When the endpoint does not speak TLS that we speak.
    pub async fn shake(&self, stream: TcpStream, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let untold = || stream.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip()).into();
        let name = ServerName::try_from(name.to_owned()).unwrap_or_else(|_| ServerName::IpAddress(untold()));
        self.0.get_or_init(connector).connect(name, stream).await
    }
}

fn connector() -> TlsConnector {
    let provider = crate::tls::provider();
    let anyone = Arc::new(Anyone(Arc::clone(&provider)));
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config =
        versions.expect("the provider has suites of both versions").dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// Takes any certificate whose key the other end has.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, said: &[u8], by: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(said, by, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(&self, said: &[u8], by: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(said, by, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
