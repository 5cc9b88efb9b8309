//! The service: one request in, one reply out. Who asks, what for, whether they may, and who answers.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use jiff::Timestamp;

use crate::access::{self, Identity, Tokens};
use crate::admission;
use crate::allocate::Allocator;
use crate::body::{self, Body, BoxError, Incoming};
use crate::cache::Cache;
use crate::call::{Call, Warnings, header_text};
use crate::discovery::Discovery;
use crate::flow::Flow;
use crate::health::Health;
use crate::hooks::{Connect, ConnectRequest, Extra};
use crate::kinds::{self, Kind, Settings, Sub};
use crate::negotiate;
use crate::query::Query;
use crate::registration::{self, Registration};
use crate::request::Address;
use crate::status::{ApiError, Result};

/// A request that is no watch gets an answer within this time (as kube-apiserver).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

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
    tokens: Tokens,
    connect: Option<Arc<dyn Connect>>,
    extras: Vec<Arc<dyn Extra>>,
    flow: Flow,
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
        if let Some(allocator) = &self.allocator {
            admission::seed(allocator, &cache);
            tokio::spawn(admission::repair(allocator.clone(), Arc::downgrade(&cache)));
        }
        Ok(ApiServer(Arc::new(Core {
            cache,
            health: self.health,
            discovery: Discovery::new(&self.version),
            now: self.now,
            random: self.random,
            settings: self.settings,
            allocator: self.allocator,
            registration: Registration { authority_sha256: self.authority_sha256, version: self.version },
            namespaces: kinds::find("", "v1", "namespaces").expect("Namespace is a row"),
            tokens: self.tokens,
            connect: self.connect,
            extras: self.extras,
            flow: Flow::new(self.reads, self.writes),
        })))
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

impl Core {
    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let warnings = Arc::new(Warnings::default());
        let audit_id = self.audit_id(request.headers().get(AUDIT_ID).and_then(|v| v.to_str().ok()).unwrap_or_default());
        let asked = Query::parse(request.uri().query().unwrap_or_default());
        let pretty = negotiate::pretty(request.headers(), asked.get("pretty"));
        let mut response = match self.clone().route(request, asked, &warnings).await {
            Ok(response) => response,
            Err(error) => refusal(&error, pretty),
        };
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&audit_id) {
            headers.insert(AUDIT_ID, value);
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
        for warning in warnings.headers() {
            headers.append(header::WARNING, warning);
        }
        response
    }

    /// The client's id for the request, or a new one.
    fn audit_id(&self, sent: &str) -> String {
        if sent.is_empty() || sent.len() > 64 { self.uuid() } else { sent.to_owned() }
    }

    /// A random UUID, version 4.
    pub fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        (self.random)(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// The identity that came with the connection, else that of the bearer token; a token that is not known is 401, not nobody.
    fn authenticate(&self, request: &Request<Incoming>) -> Result<Identity> {
        if let Some(identity) = request.extensions().get::<Identity>() {
            return Ok(identity.clone());
        }
        let Some(token) = access::token(header_text(request.headers(), header::AUTHORIZATION)) else { return Ok(Identity::anonymous()) };
        self.tokens.find(&token).cloned().ok_or_else(ApiError::unauthorized)
    }

    async fn route(self: Arc<Self>, request: Request<Incoming>, mut query: Query, warnings: &Arc<Warnings>) -> Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        let identity = self.authenticate(&request);
        if registration::serves(&path) {
            let _permit = self.flow.enter(request.method())?;
            return Ok(self.registration(request, identity).await);
        }
        if let Some(extra) = self.extras.iter().find(|e| e.serves(&path)) {
            let _permit = self.flow.enter(request.method())?;
            return Ok(extra.answer(request, identity.ok()).await);
        }
        let identity = identity?;
        let Some(address) = Address::parse(&path) else {
            let verb = request.method().as_str().to_ascii_lowercase();
            access::authorize_path(&identity, &verb, &path)?;
            return self.path(&request, &path, &query);
        };
        let verb = address.verb(request.method(), &query);
        access::authorize_resource(&identity, verb, &address)?;
        if let Some(connect) = self.connect.as_ref().filter(|c| c.serves(&address)) {
            let (parts, body) = request.into_parts();
            return connect.answer(ConnectRequest { address, query, identity, parts, body }).await;
        }
        let Some((kind, version)) = known(&address)? else { return Ok(body::text(404, "404 page not found\n")) };
        if address.watch && !address.name.is_empty() {
            query.require_field(&format!("metadata.name={}", address.name));
        }
        let (parts, incoming) = request.into_parts();
        let form = negotiate::form(&parts.headers)?;
        let pretty = negotiate::pretty(&parts.headers, query.get("pretty"));
        let warnings = warnings.clone();
        if let Some(text) = kind.rules.deprecation() {
            warnings.add(text);
        }
        let mut call = Call { address, kind, version, query, headers: parts.headers, body: Bytes::new(), form, pretty, warnings };
        if !kind.namespaced && call.address.namespace.is_some() {
            return Err(ApiError::no_resource());
        }
        if verb == "watch" {
            return if call.address.subresource.is_empty() { self.watch(call).await } else { Err(ApiError::no_resource()) };
        }
        let _permit = self.flow.enter(&parts.method)?;
        let limit = call.query.get("timeout").and_then(duration).map_or(REQUEST_TIMEOUT, |asked| asked.min(REQUEST_TIMEOUT));
        let answer = async {
            call.body = body::collect(incoming).await?;
            self.resource(&call, &parts.method).await
        };
        let late = || ApiError::timeout("request did not complete within the allotted timeout");
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
    }

    /// A request for a resource that is no watch.
    async fn resource(&self, call: &Call, method: &Method) -> Result<Response<Body>> {
        let sub = match call.address.subresource.as_str() {
            "" => None,
            "status" if call.kind.has(Sub::Status) => Some(Sub::Status),
            "scale" if call.kind.has(Sub::Scale) => Some(Sub::Scale),
            "finalize" if call.kind.has(Sub::Finalize) => Some(Sub::Finalize),
            _ => return Err(ApiError::no_resource()),
        };
        let named = !call.address.name.is_empty();
        // A namespaced kind can be listed over all namespaces, and nothing else.
        let placed = call.kind.namespaced == call.address.namespace.is_some();
        match (method.as_str(), named, sub) {
            ("GET" | "HEAD", false, None) => self.list(call).await,
            _ if !placed => Err(if named { ApiError::no_resource() } else { ApiError::method_not_allowed() }),
            ("GET" | "HEAD", true, None | Some(Sub::Status)) => self.get(call).await,
            ("POST", false, None) => self.create(call).await,
            ("PUT", true, sub) => self.update(call, sub).await,
            ("PATCH", true, sub) => self.patch(call, sub).await,
            ("DELETE", true, None) => self.delete(call).await,
            ("DELETE", false, None) if !call.kind.has(Sub::Finalize) => self.delete_collection(call).await,
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    /// A request for something that is no resource.
    fn path(&self, request: &Request<Incoming>, path: &str, query: &Query) -> Result<Response<Body>> {
        let first = path.trim_matches('/').split('/').next().unwrap_or_default();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let answer = match first {
            "healthz" | "livez" | "readyz" => self.health.answer(path, query, &self.cache),
            _ if !is_read => None,
            "openapi" => crate::openapi::answer(path, query, request.headers()),
            _ => self.discovery.answer(path, request.headers())?,
        };
        match answer {
            Some(response) => Ok(response),
            None if self.discovery.is_known(path) => Err(if is_read { ApiError::no_resource() } else { ApiError::method_not_allowed() }),
            None => Ok(body::text(404, "404 page not found\n")),
        }
    }
}

/// The kind and version at an address: nothing for an unknown group or version, 404 for an unknown resource of a known one.
fn known(address: &Address) -> Result<Option<(&'static Kind, usize)>> {
    let mut group = kinds::KINDS.iter().filter(|k| k.group == address.group && k.versions.contains(&address.version.as_str())).peekable();
    if group.peek().is_none() {
        return Ok(None);
    }
    let kind = group.find(|k| k.plural == address.resource).ok_or_else(ApiError::no_resource)?;
    Ok(kind.versions.iter().position(|v| *v == address.version).map(|version| (kind, version)))
}

/// A refusal as a reply.
pub(crate) fn refusal(error: &ApiError, pretty: bool) -> Response<Body> {
    let mut response = body::json(error.code, &error.to_value(), pretty);
    if let Some(seconds) = error.details.as_ref().map(|d| d.retry_after_s).filter(|s| *s > 0) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A Go duration such as `30s`, `1m30s` or `500ms`; a bare number is seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, factor) = [("ms", 0.001), ("us", 1e-6), ("ns", 1e-9), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        total += amount * factor;
        rest = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(total).ok().filter(|d| !d.is_zero())
}

const AUDIT_ID: &str = "audit-id";
