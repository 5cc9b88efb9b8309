//! How endpoints are spoken to: in the clear, or over TLS because a policy says so (gateway spec G48) or because their port does by
//! its `appProtocol` (G49). Without a policy nobody is named who may vouch for a certificate, so it is not verified.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use model::Pool;
use model::routes::BackendTo;
use model::tls::{Authorities, BackendTls, PeerName, TlsIdentity};
use net::{CertificateName, Stream};
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::request::asked::{self, Asked};

/// Versions of HTTP that an endpoint may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Over TLS, what the handshake agrees on (ALPN); in the clear, HTTP/1.1.
    Either,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, in the clear without being asked.
    Http2,
}

/// How an endpoint is spoken to by one request.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// In which versions of HTTP.
    pub offer: Offer,
    /// Over TLS.
    pub cover: Option<Cover<'a>>,
}

/// TLS to an endpoint.
#[derive(Clone, Copy)]
pub struct Cover<'a> {
    /// The server name that is asked for.
    pub name: &'a str,
    /// Who says so; without a policy any certificate will do.
    pub policy: Option<&'a Arc<BackendTls>>,
    /// What we show, if we are asked.
    pub client: Option<&'a Arc<TlsIdentity>>,
}

/// A [`Cover`] that a connection keeps: requests of no other may use it, and none in the clear.
pub struct Named {
    name: Box<str>,
    policy: Option<Arc<BackendTls>>,
    client: Option<Arc<TlsIdentity>>,
}

impl Named {
    /// Whether a connection, covered or not, is for requests of this cover.
    pub fn suits(named: Option<&Self>, cover: Option<Cover<'_>>) -> bool {
        fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
        }
        match (named, cover) {
            (None, None) => true,
            (Some(own), Some(other)) => {
                same(own.policy.as_ref(), other.policy) && same(own.client.as_ref(), other.client) && *own.name == *other.name
            }
            _ => false,
        }
    }
}

impl From<Cover<'_>> for Named {
    fn from(cover: Cover<'_>) -> Self {
        Self { name: cover.name.into(), policy: cover.policy.cloned(), client: cover.client.cloned() }
    }
}

impl<'a> Manner<'a> {
    /// How this request speaks to the endpoints of a pool. `client` is what its Gateway shows to backends of policies.
    pub fn of(pool: &Pool, to: &'a BackendTo, client: Option<&'a Arc<TlsIdentity>>, asked: &'a Asked) -> Self {
        // Whoever speaks both is asked for a WebSocket in the version that everybody knows it in.
        let offer = if asked.websocket && offer(pool) == Offer::Either { Offer::Http1 } else { offer(pool) };
        let cover = match to.cover() {
            Some(policy) => Some(Cover { name: &policy.server_name, policy: Some(policy), client }),
            None => says_tls(pool).then(|| Cover { name: asked::host_of(asked), policy: None, client: None }),
        };
        Self { offer, cover }
    }

    /// Whether it may go on a connection of HTTP/2 that is there.
    pub fn may_join(&self) -> bool {
        match self.offer {
            Offer::Http1 => false,
            Offer::Http2 => true,
            Offer::Either => self.cover.is_some(),
        }
    }
}

fn says(pool: &Pool, names: &[&str]) -> bool {
    pool.app_protocol.as_deref().is_some_and(|spoken| names.iter().any(|name| name.eq_ignore_ascii_case(spoken)))
}

fn says_tls(pool: &Pool) -> bool {
    says(pool, &["https", "kubernetes.io/https", "kubernetes.io/wss", "wss"])
}

fn offer(pool: &Pool) -> Offer {
    if says(pool, &["kubernetes.io/h2c", "kubernetes.io/grpc", "h2c", "http2", "grpc"]) {
        return Offer::Http2;
    }
    if says(pool, &["http", "http1", "http/1.1", "ws", "kubernetes.io/ws", "kubernetes.io/wss", "wss"]) { Offer::Http1 } else { Offer::Either }
}

/// What is needed to shake hands, made once for each policy, certificate of ours and offer.
#[derive(Default)]
pub struct Clients(Mutex<Vec<Client>>);

struct Client {
    policy: Option<Weak<BackendTls>>,
    identity: Option<Weak<TlsIdentity>>,
    offer: Offer,
    config: Arc<ClientConfig>,
}

impl Clients {
    /// Shakes hands. A name that is an address, or none at all, is not told.
    ///
    /// # Errors
    /// When the endpoint does not speak TLS that we speak, or its certificate is not what the policy asks for.
    pub async fn shake(&self, stream: Stream, cover: Cover<'_>, offer: Offer) -> io::Result<TlsStream<Stream>> {
        let untold = || stream.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip()).into();
        let name = ServerName::try_from(cover.name.to_owned()).unwrap_or_else(|_| ServerName::IpAddress(untold()));
        TlsConnector::from(self.config(cover, offer)?).connect(name, stream).await
    }

    fn config(&self, cover: Cover<'_>, offer: Offer) -> io::Result<Arc<ClientConfig>> {
        fn same<T>(known: Option<&Weak<T>>, one: Option<&Arc<T>>) -> bool {
            known.map(Weak::as_ptr) == one.map(Arc::as_ptr)
        }
        let mut known = self.0.lock();
        let is_it = |one: &&Client| one.offer == offer && same(one.policy.as_ref(), cover.policy) && same(one.identity.as_ref(), cover.client);
        if let Some(one) = known.iter().find(is_it) {
            return Ok(Arc::clone(&one.config));
        }
        // An address is not reused while a weak pointer to it is kept.
        known.retain(|one| one.policy.as_ref().is_none_or(|policy| policy.strong_count() > 0));
        known.retain(|one| one.identity.as_ref().is_none_or(|identity| identity.strong_count() > 0));
        let config = Arc::new(configuration(cover, offer)?);
        let (policy, identity) = (cover.policy.map(Arc::downgrade), cover.client.map(Arc::downgrade));
        known.push(Client { policy, identity, offer, config: Arc::clone(&config) });
        Ok(config)
    }
}

fn configuration(cover: Cover<'_>, offer: Offer) -> io::Result<ClientConfig> {
    let verifier = match cover.policy {
        None => net::anyone(),
        Some(policy) => {
            let name = |name: &PeerName| match name {
                PeerName::Dns(name) => CertificateName::Dns(name.to_string()),
                PeerName::Uri(uri) => CertificateName::Uri(uri.to_string()),
            };
            let names = policy.names.iter().map(name).collect();
            match &policy.authorities {
                Authorities::System => net::vouched_by_host(names),
                Authorities::These(these) => net::vouched(these.iter().map(Vec::as_slice), names),
            }
        }
    };
    let builder = ClientConfig::builder_with_provider(crate::tls::provider()).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match cover.client {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
            let key = PrivateKeyDer::try_from(identity.key.clone()).map_err(io::Error::other)?;
            builder.with_client_auth_cert(chain, key).map_err(io::Error::other)?
        }
    };
    config.alpn_protocols = match offer {
        Offer::Either => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Offer::Http1 => vec![b"http/1.1".to_vec()],
        Offer::Http2 => vec![b"h2".to_vec()],
    };
    Ok(config)
}
