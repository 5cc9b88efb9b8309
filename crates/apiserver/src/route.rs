//! A request's way: who asks, what for, whether they may, and who answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};

use crate::access::{self, Identity};
use crate::body::{self, Body, Incoming};
use crate::call::{Call, Warnings, header_text};
use crate::hooks::ConnectRequest;
use crate::impersonate;
use crate::kinds::{self, Kind, Sub};
use crate::negotiate::{self, Form, Refusal};
use crate::protobuf;
use crate::query::Query;
use crate::registration;
use crate::request::Address;
use crate::server::Core;
use crate::status::{ApiError, Result};
use crate::table::Include;
use crate::throttle::Source;

/// A request that is no watch gets an answer within this time (as kube-apiserver).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const AUDIT_ID: &str = "audit-id";

/// A kind, and which of its versions.
type Target = (&'static Kind, usize);

impl Core {
    pub(crate) async fn serve(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Body> {
        let warnings = Arc::new(Warnings::default());
        let audit_id = self.audit_id(request.headers().get(AUDIT_ID).and_then(|v| v.to_str().ok()).unwrap_or_default());
        let asked = Query::parse(request.uri().query().unwrap_or_default());
        let pretty = negotiate::pretty(request.headers(), asked.get("pretty"));
        let is_yaml = negotiate::prefers_yaml(request.headers());
        let refused = negotiate::refusal(request.headers(), is_native(request.uri().path()));
        if is_yaml {
            // What is compressed could not be rewritten.
            request.headers_mut().remove(header::ACCEPT_ENCODING);
        }
        let mut response = match self.clone().route(request, asked, &warnings).await {
            Ok(response) => response,
            Err(error) if refused == Refusal::Protobuf => protobuf_refusal(&error),
            Err(error) => refusal(&error, pretty || refused == Refusal::Raw || error.is_from_router()),
        };
        let is_refusal = response.status().as_u16() >= 400;
        if if is_refusal { refused == Refusal::Yaml } else { is_yaml } {
            response = body::as_yaml(response);
        }
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
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.into_iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text
    }

    /// The identity that came with the connection, else that of the bearer token; a token that is not known is 401, not nobody.
    fn authenticate(&self, request: &Request<Incoming>) -> Result<Identity> {
        if let Some(identity) = request.extensions().get::<Identity>() {
            return Ok(identity.clone());
        }
        let Some(token) = access::token(header_text(request.headers(), header::AUTHORIZATION)) else { return Ok(Identity::anonymous()) };
        let (source, now) = (request.extensions().get::<Source>().copied(), (self.now)());
        if source.is_some_and(|source| self.throttle.is_braked(source, now)) {
            return Err(ApiError::too_many_requests());
        }
        self.tokens.find(&token).cloned().ok_or_else(|| {
            source.inspect(|source| self.throttle.failed(*source, now));
            ApiError::unauthorized()
        })
    }

    async fn route(self: Arc<Self>, request: Request<Incoming>, mut query: Query, warnings: &Arc<Warnings>) -> Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        let identity = self.authenticate(&request).and_then(|caller| impersonate::identity(caller, request.headers()));
        let user = identity.as_ref().map_or_else(|_| String::new(), |identity| identity.user.clone());
        if registration::serves(&path) {
            let _place = self.flow.enter(request.method(), &user).await?;
            return Ok(self.registration(request, identity).await);
        }
        if let Some(extra) = self.extras.iter().find(|e| e.serves(&path)) {
            let _place = self.flow.enter(request.method(), &user).await?;
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
        let Some(target) = known(&address)? else { return Ok(body::text(404, "404 page not found\n")) };
        if address.watch && !matches!(*request.method(), Method::GET) {
            return Err(ApiError::method_not_allowed());
        }
        if address.watch && !address.name.is_empty() {
            query.require_field(&format!("metadata.name={}", address.name));
        }
        let began = Instant::now();
        let answer = self.target(request, verb, address, target, query, (identity, warnings)).await;
        let code = answer.as_ref().map_or_else(|error| error.code, |response| response.status().as_u16());
        self.metrics.answered(verb, target.0, code, began.elapsed());
        answer
    }

    /// A request for a resource.
    async fn target(
        &self,
        request: Request<Incoming>,
        verb: &str,
        address: Address,
        target: Target,
        query: Query,
        (identity, warnings): (Identity, &Arc<Warnings>),
    ) -> Result<Response<Body>> {
        let (kind, version) = target;
        check_segments(&address)?;
        if !kind.namespaced && address.namespace.is_some() {
            return Err(ApiError::no_resource());
        }
        let (parts, incoming) = request.into_parts();
        let is_watch = verb == "watch" && !kind.is_review();
        let operation = if is_watch || kind.is_review() { None } else { Some(Operation::of(kind, &address, &parts.method)?) };
        if is_watch && !address.subresource.is_empty() {
            return Err(ApiError::no_resource());
        }
        if kind.native {
            negotiate::routable(&parts.headers, address.name.is_empty() && parts.method == Method::GET)?;
        }
        let (form, protobuf) = negotiate::form(&parts.headers, kind.native)?;
        if matches!(form, Form::Table(_)) {
            Include::check(&query)?;
        }
        let pretty = negotiate::pretty(&parts.headers, query.get("pretty"));
        let warnings = warnings.clone();
        if let Some(text) = kind.rules.deprecation() {
            warnings.add(text);
        }
        let mut call = Call { address, kind, version, query, headers: parts.headers, body: Bytes::new(), form, protobuf, pretty, warnings };
        if is_watch {
            return self.watch(call).await;
        }
        let _place = self.flow.enter(&parts.method, &identity.user).await?;
        let limit = time_limit(&call.query)?;
        let answer = async {
            call.body = body::collect(incoming).await?;
            match operation {
                Some(operation) => self.resource(&call, operation).await,
                None => self.review(&call, &parts.method, &identity),
            }
        };
        let late = || ApiError::timeout("request did not complete within the allotted timeout");
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
    }

    /// A request for a resource that is no watch.
    async fn resource(&self, call: &Call, operation: Operation) -> Result<Response<Body>> {
        match operation {
            Operation::List => self.list(call).await,
            Operation::Get => self.get(call).await,
            Operation::Create => self.create(call).await,
            Operation::Update(sub) => self.update(call, sub).await,
            Operation::Patch(sub) => self.patch(call, sub).await,
            Operation::Delete => self.delete(call).await,
            Operation::DeleteCollection => self.delete_collection(call).await,
            Operation::Bind => self.bind(call).await,
            Operation::Evict => self.evict(call).await,
        }
    }

    /// A request for something that is no resource.
    fn path(&self, request: &Request<Incoming>, path: &str, query: &Query) -> Result<Response<Body>> {
        let first = path.trim_matches('/').split('/').next().unwrap_or_default();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let answer = match first {
            "healthz" | "livez" | "readyz" => self.health.answer(path, query, &self.cache),
            _ if !is_read => None,
            "metrics" => self.registry.as_ref().map(|registry| body::reply(200, observe::metrics::CONTENT_TYPE, Body::whole(registry.encode()))),
            "openapi" => crate::openapi::answer(path, query, request.headers()),
            _ => self.discovery.answer(path, request.headers())?,
        };
        match answer {
            Some(response) => Ok(response),
            None if self.discovery.is_known(path) || is_below_group(path) => {
                Err(if is_read || !self.discovery.is_known(path) { ApiError::no_resource() } else { ApiError::method_not_allowed() })
            }
            None => Ok(body::text(404, "404 page not found\n")),
        }
    }
}

/// What a request does with a resource.
#[derive(Clone, Copy)]
enum Operation {
    List,
    Get,
    Create,
    Update(Option<Sub>),
    Patch(Option<Sub>),
    Delete,
    DeleteCollection,
    Bind,
    Evict,
}

impl Operation {
    /// What a method does at an address, if it does anything there.
    fn of(kind: &Kind, address: &Address, method: &Method) -> Result<Self> {
        let sub = match address.subresource.as_str() {
            "" => None,
            "status" if kind.has(Sub::Status) => Some(Sub::Status),
            "scale" if kind.has(Sub::Scale) => Some(Sub::Scale),
            "finalize" if kind.has(Sub::Finalize) => Some(Sub::Finalize),
            "binding" if kind.has(Sub::Binding) => Some(Sub::Binding),
            "eviction" if kind.has(Sub::Eviction) => Some(Sub::Eviction),
            _ => return Err(ApiError::no_resource()),
        };
        let named = !address.name.is_empty();
        // A namespaced kind can be listed over all namespaces, and nothing else.
        let placed = kind.namespaced == address.namespace.is_some();
        match (method.as_str(), named, sub) {
            ("GET", false, None) => Ok(Self::List),
            _ if !placed => Err(if named { ApiError::no_resource() } else { ApiError::method_not_allowed() }),
            ("POST", true, Some(Sub::Binding)) => Ok(Self::Bind),
            ("POST", true, Some(Sub::Eviction)) => Ok(Self::Evict),
            (_, _, Some(Sub::Binding | Sub::Eviction)) => Err(ApiError::method_not_allowed()),
            ("GET", true, None | Some(Sub::Status)) => Ok(Self::Get),
            ("POST", false, None) => Ok(Self::Create),
            ("PUT", true, sub) => Ok(Self::Update(sub)),
            ("PATCH", true, sub) if sub != Some(Sub::Finalize) => Ok(Self::Patch(sub)),
            ("DELETE", true, None) => Ok(Self::Delete),
            ("DELETE", false, None) if !kind.has(Sub::Finalize) => Ok(Self::DeleteCollection),
            _ => Err(ApiError::method_not_allowed()),
        }
    }
}

/// The kind and version at an address: nothing for an unknown group or version, 404 for an unknown resource of a known one.
fn known(address: &Address) -> Result<Option<Target>> {
    let version_of = |kind: &Kind| kind.versions.iter().position(|v| *v == address.version).filter(|_| kind.group == address.group);
    let mut named = kinds::served().filter(|kind| kind.plural == address.resource);
    if let Some(target) = named.find_map(|kind| version_of(kind).map(|version| (kind, version))) {
        return Ok(Some(target));
    }
    if kinds::served().any(|kind| kind.group == address.group) { Err(ApiError::no_resource()) } else { Ok(None) }
}

/// Whether a path without a resource lies below a group that is served.
fn is_below_group(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    match parts.next() {
        Some("api") => true,
        Some("apis") => parts.next().is_some_and(|group| kinds::served().any(|kind| kind.group == group)),
        _ => false,
    }
}

/// Whether a path is that of a kind built into Kubernetes, whose refusals have a protobuf form.
fn is_native(path: &str) -> bool {
    let target = Address::parse(path).and_then(|address| known(&address).ok().flatten());
    target.is_some_and(|(kind, _)| kind.native)
}

/// A refusal as a reply in protobuf.
fn protobuf_refusal(error: &ApiError) -> Response<Body> {
    match protobuf::enveloped(&error.to_value()) {
        Some(bytes) => retried(error, body::reply(error.code, protobuf::MEDIA_TYPE, Body::whole(bytes))),
        None => refusal(error, false),
    }
}

/// A refusal as a reply.
pub(crate) fn refusal(error: &ApiError, pretty: bool) -> Response<Body> {
    retried(error, body::json(error.code, &error.to_value(), pretty))
}

/// When to try again, as a header.
fn retried(error: &ApiError, mut response: Response<Body>) -> Response<Body> {
    if let Some(seconds) = error.details.as_ref().map(|d| d.retry_after_s).filter(|s| *s > 0) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Names that stand for other places in a path, or for several parts of one, name no object.
fn check_segments(address: &Address) -> Result<()> {
    let namespace = address.namespace.as_deref().unwrap_or_default();
    if [namespace, &address.name].iter().any(|name| name.contains('/')) {
        return Err(ApiError::no_resource());
    }
    let name = address.name.as_str();
    let why = match name {
        "." | ".." => format!("may not be '{name}'"),
        _ if name.contains('%') => "may not contain '%'".to_owned(),
        _ => return Ok(()),
    };
    Err(ApiError::bad_request(format!("Name parameter invalid: {}: {why}", crate::field::quote(name))))
}

/// How long a request may take: the client can shorten it.
fn time_limit(query: &Query) -> Result<Duration> {
    let Some(asked) = query.get("timeout").filter(|asked| *asked != "0") else { return Ok(REQUEST_TIMEOUT) };
    // A time that is over already asks for nothing.
    if asked.strip_prefix('-').is_some_and(|time| duration(time).is_some()) {
        return Ok(REQUEST_TIMEOUT);
    }
    match duration(asked) {
        Some(asked) if asked.is_zero() => Ok(REQUEST_TIMEOUT),
        Some(asked) => Ok(asked.min(REQUEST_TIMEOUT)),
        None => {
            let is_bare = asked.parse::<f64>().is_ok_and(f64::is_finite);
            let what = if is_bare { "missing unit in" } else { "invalid" };
            let asked = crate::field::quote(asked);
            Err(ApiError::bad_request(format!("invalid timeout specified in the request URL - time: {what} duration {asked}")))
        }
    }
}

/// A Go duration such as `30s`, `1m30s` or `500ms`.
fn duration(text: &str) -> Option<Duration> {
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
    Duration::try_from_secs_f64(total).ok()
}
