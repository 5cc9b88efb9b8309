//! Registration tokens: `POST /apis/registration_tokens` makes what a host or an instance needs to join, in one call with a bearer token.
//!
//! The path holds an underscore, which no API group may, so it collides with nothing; the same resource answers at the paths of Rancher 1.6.
//! Behind each token stands a Secret of the form of Kubernetes bootstrap tokens: rights on the token are rights on the Secret.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::access::{self, Identity};
use crate::body::{self, Body, Incoming};
use crate::call::{Call, Warnings, header_text};
use crate::kinds;
use crate::managed::Origin;
use crate::metadata;
use crate::negotiate::{self, Form};
use crate::query::{Query, WriteOptions};
use crate::request::Address;
use crate::server::Core;
use crate::status::{ApiError, Result};

const PATH: &str = "/apis/registration_tokens";
/// Where the script stands that the command fetches.
const SCRIPT_PATH: &str = "/join.sh";
/// Secrets of tokens are named by this and the token's id (as Kubernetes bootstrap tokens).
const SECRET_PREFIX: &str = "bootstrap-token-";
const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";
/// Where tokens for the whole cluster are kept.
const HOME: &str = "kube-system";
const DEFAULT_TTL_S: i64 = 86_400;
/// The longest life a token can be given: ten years.
const TTL_MAX_S: i64 = 10 * 365 * 86_400;
const NAME_ANNOTATION: &str = "fairlead.dev/name";
const MAX_USES_ANNOTATION: &str = "fairlead.dev/max-uses";
const USES_ANNOTATION: &str = "fairlead.dev/uses";
/// Letters of token ids and secrets: `[a-z0-9]`, of which 32 are taken so that five random bits pick one evenly.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What the command of a token says of this server.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// SHA-256 of the certificate authority, hexadecimal. Empty: the command pins nothing.
    pub authority_sha256: String,
    /// The version of the program.
    pub version: String,
}

impl Registration {
    /// Hosts cannot join this version yet; the script says so instead of doing half of it.
    fn script(&self) -> String {
        format!(
            "#!/bin/sh\necho 'fairlead {}: this server does not take joining hosts yet.' >&2\n\
             echo 'Register services of this host as Instances through the API, or start a server of its own: fairlead up' >&2\nexit 1\n",
            self.version
        )
    }
}

/// A path that belongs here: the namespace it names, the token's id.
struct Place {
    namespace: Option<String>,
    id: Option<String>,
}

fn place(path: &str) -> Option<Place> {
    if let Some(rest) = path.strip_prefix(PATH) {
        let id = rest.strip_prefix('/').filter(|id| !id.is_empty()).map(str::to_owned);
        return (rest.is_empty() || rest.starts_with('/')).then_some(Place { namespace: None, id });
    }
    // Rancher 1.6: /v1/projects/PROJECT/registrationTokens, the last word in any case.
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["v1" | "v2-beta", "projects", project, word, rest @ ..] if word.eq_ignore_ascii_case("registrationtokens") && rest.len() < 2 => {
            Some(Place { namespace: Some((*project).to_owned()), id: rest.first().map(|id| (*id).to_owned()) })
        }
        _ => None,
    }
}

/// Whether a path is answered by [`Core::registration`].
pub(crate) fn serves(path: &str) -> bool {
    path == SCRIPT_PATH || place(path).is_some()
}

impl Core {
    /// Answers a request for registration tokens; `identity` fails when the credentials are wrong.
    pub(crate) async fn registration(&self, request: Request<Incoming>, identity: Result<Identity>) -> Response<Body> {
        self.register(request, identity).await.unwrap_or_else(|error| refusal(&error))
    }

    async fn register(&self, request: Request<Incoming>, identity: Result<Identity>) -> Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        if path == SCRIPT_PATH {
            return Ok(body::text(200, self.registration.script()));
        }
        let identity = identity?;
        if identity.is_anonymous() {
            return Err(ApiError::unauthorized());
        }
        let place = place(&path).ok_or_else(ApiError::no_resource)?;
        let host = host(&request);
        let (parts, incoming) = request.into_parts();
        match (&parts.method, &place.id) {
            (&Method::POST, None) => {
                let asked = read(&parts.headers, &body::collect(incoming).await?)?;
                self.make_token(&identity, &place, &asked, &host).await
            }
            (&Method::GET, None) => {
                allow(&identity, "list", place.namespace.as_deref(), "")?;
                let tokens: Vec<Value> = self.tokens(place.namespace.as_deref()).iter().map(|secret| self.shown(secret, &host)).collect();
                Ok(body::json(200, &json!({ "type": "collection", "resourceType": "registrationToken", "data": tokens }), false))
            }
            (&Method::GET, Some(id)) => {
                let secret = self.token(&identity, "get", &place, id)?;
                Ok(body::json(200, &self.shown(&secret, &host), false))
            }
            (&Method::DELETE, Some(id)) => {
                let secret = self.token(&identity, "delete", &place, id)?;
                let namespace = metadata::text(&secret, "namespace");
                self.delete_now(&secrets_call(namespace), metadata::text(&secret, "name")).await?;
                Ok(body::reply(204, "application/json", Body::default()))
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    async fn make_token(&self, identity: &Identity, place: &Place, asked: &Value, host: &str) -> Result<Response<Body>> {
        let named = ["namespace", "project", "environment"].iter().find_map(|key| asked[*key].as_str()).filter(|n| !n.is_empty());
        let namespace = place.namespace.as_deref().or(named).unwrap_or(HOME);
        allow(identity, "create", Some(namespace), "")?;
        let ttl_s = number(asked, "ttlSeconds")?.unwrap_or(DEFAULT_TTL_S);
        let max_uses = number(asked, "maxUses")?;
        if !(0..=TTL_MAX_S).contains(&ttl_s) || max_uses.is_some_and(|uses| uses < 1) {
            return Err(ApiError::bad_request(format!("ttlSeconds must be between 0 and {TTL_MAX_S}, maxUses at least 1")));
        }
        let (id, secret) = (self.letters(6), self.letters(16));
        let now = (self.now)();
        let mut data = json!({ "token-id": id, "token-secret": secret, "usage-bootstrap-authentication": "true", "auth-extra-groups": "system:bootstrappers:fairlead",
                               "description": asked["description"].as_str().unwrap_or_default() });
        if ttl_s > 0 {
            data["expiration"] = metadata::seconds(now.checked_add(SignedDuration::from_secs(ttl_s)).unwrap_or(now)).into();
        }
        for value in data.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
            *value = STANDARD.encode(value.as_str().unwrap_or_default()).into();
        }
        let mut annotations = json!({ USES_ANNOTATION: "0" });
        if let Some(name) = asked["name"].as_str() {
            annotations[NAME_ANNOTATION] = name.into();
        }
        if let Some(uses) = max_uses {
            annotations[MAX_USES_ANNOTATION] = uses.to_string().into();
        }
        let labels = if asked["labels"].is_object() { asked["labels"].clone() } else { json!({}) };
        let object = json!({ "kind": "Secret", "apiVersion": "v1", "type": SECRET_TYPE, "data": data,
                             "metadata": { "name": format!("{SECRET_PREFIX}{id}"), "annotations": annotations, "labels": labels } });
        let options = WriteOptions { dry_run: false, manager: "registration".to_owned(), strictness: schema::Strictness::Ignore, force: false };
        let made = self.create_object(&secrets_call(namespace), &options, object, Origin::Write).await?;
        let mut response = body::json(201, &self.shown(&made, host), false);
        if let Ok(location) = HeaderValue::from_str(&format!("{PATH}/{id}")) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    fn letters(&self, count: usize) -> String {
        let mut bytes = vec![0; count];
        (self.random)(&mut bytes);
        bytes.iter().map(|b| LETTERS[usize::from(b & 31)] as char).collect()
    }

    /// The Secrets of all tokens, of one namespace or of all.
    fn tokens(&self, namespace: Option<&str>) -> Vec<Value> {
        let sight = self.cache.sight(secrets());
        let objects = sight.items.values().filter(|o| o.head.name.starts_with(SECRET_PREFIX) && namespace.is_none_or(|n| *o.head.namespace == *n));
        objects.map(|o| o.value()).filter(|secret| secret["type"] == SECRET_TYPE).collect()
    }

    /// The Secret of a token, for somebody who may do this to it.
    fn token(&self, identity: &Identity, verb: &str, place: &Place, id: &str) -> Result<Value> {
        let name = format!("{SECRET_PREFIX}{id}");
        let found = self.tokens(place.namespace.as_deref()).into_iter().find(|secret| metadata::text(secret, "name") == name);
        let namespace = found.as_ref().map(|secret| metadata::text(secret, "namespace").to_owned()).or_else(|| place.namespace.clone());
        allow(identity, verb, Some(namespace.as_deref().unwrap_or(HOME)), &name)?;
        found.ok_or_else(|| ApiError::not_found(secrets(), &name))
    }

    /// A token as clients read it.
    fn shown(&self, secret: &Value, host: &str) -> Value {
        let data = |key: &str| {
            secret["data"][key].as_str().and_then(|text| STANDARD.decode(text).ok()).and_then(|b| String::from_utf8(b).ok()).unwrap_or_default()
        };
        let annotation = |key: &str| secret["metadata"]["annotations"][key].as_str();
        let count = |key: &str| annotation(key).and_then(|text| text.parse::<u64>().ok());
        let (id, token) = (data("token-id"), format!("{}.{}", data("token-id"), data("token-secret")));
        let created: Option<Timestamp> = metadata::text(secret, "creationTimestamp").parse().ok();
        let expires = data("expiration");
        let is_over = expires.parse::<Timestamp>().is_ok_and(|end| end <= (self.now)());
        let url = format!("https://{host}{SCRIPT_PATH}");
        let hash: String = Sha256::digest(self.registration.script()).iter().map(|b| format!("{b:02x}")).collect();
        let pin = if self.registration.authority_sha256.is_empty() {
            String::new()
        } else {
            format!(" --ca sha256:{}", self.registration.authority_sha256)
        };
        json!({
            "id": id, "type": "registrationToken", "state": if is_over { "expired" } else { "active" },
            "name": annotation(NAME_ANNOTATION), "description": data("description"), "token": token, "registrationUrl": url,
            "command": format!("curl -kfsS {url} -o j && echo \"{hash}  j\" | sha256sum -c && sh j --token {token}{pin}"),
            "image": format!("fairlead:{}", self.registration.version),
            "created": metadata::text(secret, "creationTimestamp"), "createdTS": created.map(Timestamp::as_millisecond),
            "expiresAt": if expires.is_empty() { Value::Null } else { expires.into() },
            "maxUses": count(MAX_USES_ANNOTATION), "uses": count(USES_ANNOTATION).unwrap_or(0),
            "links": { "self": format!("https://{host}{PATH}/{id}") },
        })
    }
}

fn secrets() -> &'static kinds::Kind {
    kinds::find("", "v1", "secrets").expect("Secret is a row")
}

/// The call that a write of a Secret in a namespace belongs to.
fn secrets_call(namespace: &str) -> Call {
    let address = Address { version: "v1".to_owned(), namespace: Some(namespace.to_owned()), resource: "secrets".to_owned(), ..Address::default() };
    Call {
        address,
        kind: secrets(),
        version: 0,
        query: Query::default(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        form: Form::Object,
        protobuf: false,
        pretty: false,
        warnings: Arc::new(Warnings::default()),
    }
}

/// Rights on a token are those on its Secret.
fn allow(identity: &Identity, verb: &str, namespace: Option<&str>, name: &str) -> Result<()> {
    let address = Address {
        version: "v1".to_owned(),
        namespace: namespace.map(str::to_owned),
        resource: "secrets".to_owned(),
        name: name.to_owned(),
        ..Address::default()
    };
    access::authorize_resource(identity, verb, &address)
}

/// The address under which the client found this server.
fn host(request: &Request<Incoming>) -> String {
    let named = header_text(request.headers(), header::HOST);
    let host = if named.is_empty() { request.uri().authority().map(ToString::to_string).unwrap_or_default() } else { named.to_owned() };
    // It goes into a shell command: nothing but what addresses are made of.
    let is_plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    if is_plain { host } else { "localhost:6443".to_owned() }
}

/// The fields of a body: a JSON object, a form, or nothing.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    if negotiate::content_type(headers) == "application/x-www-form-urlencoded" && body.first() != Some(&b'{') {
        let form = Query::parse(&String::from_utf8_lossy(body));
        return Ok(form.iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into());
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(ApiError::bad_request("the body must be a JSON object, a form or empty")),
        Err(error) => Err(ApiError::bad_request(format!("the body is no JSON: {error}"))),
    }
}

/// A whole number, given as such or as text (forms know nothing else).
fn number(asked: &Value, key: &str) -> Result<Option<i64>> {
    match &asked[key] {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        value => {
            let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.map(Some).ok_or_else(|| ApiError::bad_request(format!("{key} must be a whole number, not {value}")))
        }
    }
}

/// A refusal that reads as Rancher's and as Kubernetes' at once.
fn refusal(error: &ApiError) -> Response<Body> {
    let word = if error.reason.is_empty() { "InternalError" } else { error.reason };
    let value = json!({ "type": "error", "status": error.code, "code": word, "message": error.message, "kind": "Status", "apiVersion": "v1" });
    let mut response = body::json(error.code, &value, false);
    if error.code == 401 {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_of_paths_are_known() {
        let of = |path: &str| place(path).map(|p| (p.namespace, p.id));
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(of("/apis/registration_tokens"), Some((None, None)));
        assert_eq!(of("/apis/registration_tokens/abc"), Some((None, text("abc"))));
        assert_eq!(of("/v1/projects/shop/registrationtokens"), Some((text("shop"), None)));
        assert_eq!(of("/v2-beta/projects/shop/registrationTokens/x"), Some((text("shop"), text("x"))));
        for other in ["/apis/registration_tokens_more", "/v1/projects/shop", "/v1/projects/a/registrationTokens/b/c", "/apis"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn bodies_may_be_json_forms_or_nothing() {
        let mut form = HeaderMap::new();
        form.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let asked = read(&form, b"name=a+b&ttlSeconds=60").expect("a form");
        assert_eq!((asked["name"].as_str(), number(&asked, "ttlSeconds").expect("a number")), (Some("a b"), Some(60)));
        assert_eq!(read(&HeaderMap::new(), b" ").expect("nothing"), json!({}));
        assert_eq!(read(&HeaderMap::new(), b"[1]").expect_err("a list").code, 400);
        assert_eq!(number(&json!({ "maxUses": "x" }), "maxUses").expect_err("a word").code, 400);
    }
}
