//! The server as a value: what it is made of, and the tower service that it is.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;

use crate::access::{Identity, Tokens};
use crate::allocate::Allocator;
use crate::body::{Body, BoxError};
use crate::cache::Cache;
use crate::discovery::Discovery;
use crate::flow::Flow;
use crate::health::Health;
use crate::hooks::{Connect, Extra};
use crate::kinds::{self, Kind, Settings};
use crate::metrics::Metrics;
use crate::registration::Registration;
use crate::repair;
use crate::status::Result;
use crate::throttle::Throttle;

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;
type Random = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// The Kubernetes API. Clones are handles to one server.
#[derive(Clone)]
pub struct ApiServer(Arc<Core>);

/// What all handlers share.
pub(crate) struct Core {
    pub cache: Arc<Cache>,
    pub health: Health,
    pub discovery: Discovery,
    pub now: Clock,
    pub random: Random,
    pub settings: Settings,
    pub allocator: Option<Allocator>,
    pub registration: Registration,
    /// The row of Namespaces.
    pub namespaces: &'static Kind,
    pub metrics: Metrics,
    /// All numbers of the process, for `/metrics`.
    pub registry: Option<observe::Registry>,
    pub tokens: Tokens,
    pub connect: Option<Arc<dyn Connect>>,
    pub extras: Vec<Arc<dyn Extra>>,
    pub flow: Flow,
    pub throttle: Throttle,
}

/// What a server is made of.
pub struct Builder {
    store: store::Store,
    tokens: Tokens,
    connect: Option<Arc<dyn Connect>>,
    extras: Vec<Arc<dyn Extra>>,
    health: Health,
    settings: Settings,
    allocator: Option<Allocator>,
    authority_sha256: String,
    metrics: Metrics,
    registry: Option<observe::Registry>,
    version: String,
    reads: usize,
    writes: usize,
    now: Clock,
    random: Random,
}

impl Builder {
    /// Adds static bearer tokens.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Who answers `nodes/NAME/proxy/...` and the like. Without it these paths do not exist.
    pub fn connect(mut self, connect: impl Connect + 'static) -> Self {
        self.connect = Some(Arc::new(connect));
        self
    }

    /// Who answers paths that look like API groups but are none.
    pub fn extra(mut self, extra: impl Extra + 'static) -> Self {
        self.extras.push(Arc::new(extra));
        self
    }

    /// Adds a check to `/readyz` and `/healthz`: true while all is well.
    pub fn ready_check(mut self, name: &'static str, check: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.health.add(name, check);
        self
    }

    /// What the rules of kinds must know about this server.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Gives Services their addresses and node ports; filled from the stored Services when the server is built. Without it they get none.
    pub fn allocator(mut self, allocator: Allocator) -> Self {
        self.allocator = Some(allocator);
        self
    }

    /// SHA-256 of the certificate authority's DER, hexadecimal: what joining hosts are told to expect.
    pub fn authority_sha256(mut self, hash: impl Into<String>) -> Self {
        self.authority_sha256 = hash.into();
        self
    }

    /// Where the numbers of the server are shown.
    pub fn metrics(mut self, registry: &observe::Registry) -> Self {
        self.metrics.register(registry);
        self.registry = Some(registry.clone());
        self
    }

    /// The version of the program, `A.B.C`, shown as build metadata of the Kubernetes version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Reading and mutating requests served at once; watches count as neither.
    pub fn in_flight(mut self, reads: usize, writes: usize) -> Self {
        (self.reads, self.writes) = (reads, writes);
        self
    }

    /// Where the time comes from.
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.now = Box::new(now);
        self
    }

    /// Where randomness comes from.
    pub fn random(mut self, random: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Reads the store and starts to follow it. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// Those of the store: closed.
    pub fn build(self) -> std::result::Result<ApiServer, store::Error> {
        let signal = self.store.watch(crate::cache::ROOT, self.store.revision())?;
        let cache = Arc::new(Cache::new(self.store)?);
        tokio::spawn(crate::cache::follow(Arc::downgrade(&cache), signal));
        if let Some(registry) = &self.registry {
            let shown = Arc::downgrade(&cache);
            registry.on_scrape(move || shown.upgrade().map_or_else(Vec::new, |cache| crate::metrics::readings(&cache)));
        }
        if let Some(allocator) = &self.allocator {
            repair::seed(allocator, &cache);
        }
        let core = Arc::new(Core {
            cache,
            health: self.health,
            discovery: Discovery::new(&self.version),
            now: self.now,
            random: self.random,
            settings: self.settings,
            allocator: self.allocator,
            registration: Registration { authority_sha256: self.authority_sha256, version: self.version },
            namespaces: kinds::find("", "v1", "namespaces").expect("Namespace is a row"),
            metrics: self.metrics,
            registry: self.registry,
            tokens: self.tokens,
            connect: self.connect,
            extras: self.extras,
            flow: Flow::new(self.reads, self.writes),
            throttle: Throttle::default(),
        });
        if core.allocator.is_some() {
            tokio::spawn(repair::run(Arc::downgrade(&core)));
        }
        Ok(ApiServer(core))
    }
}

impl ApiServer {
    /// A server over this store, with upstream's limits.
    pub fn builder(store: store::Store) -> Builder {
        Builder {
            store,
            tokens: Tokens::default(),
            connect: None,
            extras: Vec::new(),
            health: Health::default(),
            settings: Settings::default(),
            allocator: None,
            authority_sha256: String::new(),
            metrics: Metrics::default(),
            registry: None,
            version: "0.0.0".to_owned(),
            reads: 400,
            writes: 200,
            now: Box::new(Timestamp::now),
            random: Box::new(|bytes| getrandom::fill(bytes).expect("the operating system gives random bytes")),
        }
    }

    /// Answers one request. The identity is the request extension [`Identity`], or that of its bearer token, or nobody's.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.0.clone().serve(request.map(|b| b.map_err(Into::into).boxed_unsync())).await
    }

    /// The same server for a caller inside the process who is this identity: the transport of an in-process Kubernetes client.
    pub fn as_identity(&self, identity: Identity) -> AsIdentity {
        AsIdentity { server: self.clone(), identity }
    }

    /// Makes what must exist before the server is ready: the namespaces that everybody relies on. Does nothing when they are there.
    ///
    /// # Errors
    /// Those of a write.
    pub async fn bootstrap(&self) -> Result<()> {
        for name in kinds::namespace::PRESENT {
            self.0.ensure_namespace(name).await?;
        }
        Ok(())
    }

    /// Begins to stop: `/readyz` fails, watches end with a clean end of their stream, new ones end at once. Other requests are served.
    pub fn stop(&self) {
        self.0.health.begin_stop();
        for shelf in self.0.cache.shelves() {
            shelf.end_watches();
        }
    }
}

impl<B> tower_service::Service<Request<B>> for ApiServer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let core = self.0.clone();
        let request = request.map(|b| b.map_err(Into::into).boxed_unsync());
        Box::pin(async move { Ok(core.serve(request).await) })
    }
}

/// An [`ApiServer`] whose every request comes from one identity.
#[derive(Clone)]
pub struct AsIdentity {
    server: ApiServer,
    identity: Identity,
}

impl<B> tower_service::Service<Request<B>> for AsIdentity
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.identity.clone());
        tower_service::Service::call(&mut self.server, request)
    }
}
