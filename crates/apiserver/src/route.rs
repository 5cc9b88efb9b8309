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
use crate::negotiate::{self, Form};
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
        if is_yaml {
            // What is compressed could not be rewritten.
            request.headers_mut().remove(header::ACCEPT_ENCODING);
        }
        let mut response = match self.clone().route(request, asked, &warnings).await {
            Ok(response) => response,
            Err(error) => refusal(&error, pretty),
        };
        if is_yaml {
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
        let (parts, incoming) = request.into_parts();
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
        if !kind.namespaced && call.address.namespace.is_some() {
            return Err(ApiError::no_resource());
        }
        if verb == "watch" && !kind.is_review() {
            return if call.address.subresource.is_empty() { self.watch(call).await } else { Err(ApiError::no_resource()) };
        }
        let _place = self.flow.enter(&parts.method, &identity.user).await?;
        let limit = time_limit(&call.query)?;
        let answer = async {
            call.body = body::collect(incoming).await?;
            if kind.is_review() { self.review(&call, &parts.method, &identity) } else { self.resource(&call, &parts.method).await }
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
            "binding" if call.kind.has(Sub::Binding) => return self.bind(call, method).await,
            "eviction" if call.kind.has(Sub::Eviction) => return self.evict(call, method).await,
            _ => return Err(ApiError::no_resource()),
        };
        let named = !call.address.name.is_empty();
        // A namespaced kind can be listed over all namespaces, and nothing else.
        let placed = call.kind.namespaced == call.address.namespace.is_some();
        match (method.as_str(), named, sub) {
            ("GET", false, None) => self.list(call).await,
            _ if !placed => Err(if named { ApiError::no_resource() } else { ApiError::method_not_allowed() }),
            ("GET", true, None | Some(Sub::Status)) => self.get(call).await,
            ("POST", false, None) => self.create(call).await,
            ("PUT", true, sub) => self.update(call, sub).await,
            ("PATCH", true, Some(Sub::Finalize)) => Err(ApiError::method_not_allowed()),
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

/// A refusal as a reply.
pub(crate) fn refusal(error: &ApiError, pretty: bool) -> Response<Body> {
    let mut response = body::json(error.code, &error.to_value(), pretty);
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
    match duration(asked) {
        Some(asked) if asked.is_zero() => Ok(REQUEST_TIMEOUT),
        Some(asked) => Ok(asked.min(REQUEST_TIMEOUT)),
        None => Err(ApiError::bad_request(format!(
            "invalid timeout specified in the request URL - time: invalid duration {}",
            crate::field::quote(asked)
        ))),
    }
}

/// A Go duration such as `30s`, `1m30s` or `500ms`; a bare number is seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
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
    Duration::try_from_secs_f64(total).ok()
}
