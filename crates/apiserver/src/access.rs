//! Who asks, and whether they may: identities, bearer tokens, and the rules of a server that has no RBAC yet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::request::Address;
use crate::status::{ApiError, Result};

/// The group of everybody with a credential.
const AUTHENTICATED: &str = "system:authenticated";

/// Who makes a request. Arrives as a request extension (client certificate, in-process caller), or is found by a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User name.
    pub user: String,
    /// Groups; `system:authenticated` is implied for everyone but the anonymous.
    pub groups: Vec<String>,
    /// What tells this user from an earlier one of the same name; empty when nothing does.
    pub uid: String,
    /// Whatever else is known of the user, by key.
    pub extra: Vec<(String, Vec<String>)>,
}

impl Identity {
    /// An identity from its user name and groups.
    pub fn new(user: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { user: user.into(), groups: groups.into_iter().map(Into::into).collect(), uid: String::new(), extra: Vec::new() }
    }

    /// A request without credentials.
    pub fn anonymous() -> Self {
        Self::new("system:anonymous", ["system:unauthenticated"])
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        self.groups.iter().any(|g| g == "system:unauthenticated")
    }

    /// Members of `system:masters` may do everything.
    pub fn is_master(&self) -> bool {
        !self.is_anonymous() && self.groups.iter().any(|g| g == "system:masters")
    }

    /// The groups with the implied one.
    pub fn all_groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        if !self.is_anonymous() && !groups.contains(&AUTHENTICATED) {
            groups.push(AUTHENTICATED);
        }
        groups
    }
}

/// Static bearer tokens. Only their digests are kept.
#[derive(Clone, Default)]
pub struct Tokens(Vec<([u8; 32], Identity)>);

impl Tokens {
    /// Adds a token of an identity.
    pub fn add(&mut self, token: &str, identity: Identity) {
        self.0.push((Sha256::digest(token).into(), identity));
    }

    /// Whose token this is. Compares digests in full, so that the time taken says nothing about the tokens kept.
    pub fn find(&self, token: &str) -> Option<&Identity> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for (known, identity) in &self.0 {
            let difference = known.iter().zip(&digest).fold(0, |all, (a, b)| all | (a ^ b));
            if difference == 0 {
                found = Some(identity);
            }
        }
        found
    }
}

/// The token in an `Authorization` header: a bearer token, or the secret key of Rancher's `accessKey:secretKey`. None when there is no credential;
/// an empty token, which nobody has, when there is one that cannot be read.
pub fn token(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()))?;
    Some(pair.and_then(|pair| pair.split_once(':').map(|(_, secret)| secret.to_owned())).unwrap_or_default())
}

/// First segments of paths open to everyone (the role system:public-info-viewer).
const PUBLIC_PATHS: [&str; 4] = ["healthz", "livez", "readyz", "version"];
/// First segments of paths open to everyone with a credential (the role system:discovery).
const DISCOVERY_PATHS: [&str; 3] = ["api", "apis", "openapi"];
/// Group and resource of what everyone with a credential may create (the role system:basic-user).
pub const OPEN_REVIEWS: [(&str, &str); 3] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

/// The paths that are open to an identity that has no rights of its own.
pub fn open_paths(identity: &Identity) -> Vec<String> {
    let more: &[&str] = if identity.is_anonymous() { &[] } else { &DISCOVERY_PATHS };
    PUBLIC_PATHS.iter().chain(more).flat_map(|first| [format!("/{first}"), format!("/{first}/*")]).collect()
}

/// Whether the identity may do this to a resource.
pub fn authorize_resource(identity: &Identity, verb: &str, address: &Address) -> Result<()> {
    let is_open = || verb == "create" && !identity.is_anonymous() && OPEN_REVIEWS.contains(&(&*address.group, &*address.resource));
    if identity.is_master() || is_open() {
        return Ok(());
    }
    let resource = if address.subresource.is_empty() { address.resource.clone() } else { format!("{}/{}", address.resource, address.subresource) };
    Err(ApiError::not_allowed(&identity.user, verb, &address.group, &resource, &address.name, address.namespace.as_deref()))
}

/// Whether the identity may do this to a path that is no resource.
pub fn authorize_path(identity: &Identity, verb: &str, path: &str) -> Result<()> {
    let first = path.trim_matches('/').split('/').next().unwrap_or_default();
    let is_open = || PUBLIC_PATHS.contains(&first) || (!identity.is_anonymous() && DISCOVERY_PATHS.contains(&first));
    if identity.is_master() || (matches!(verb, "get" | "head") && is_open()) {
        return Ok(());
    }
    Err(ApiError::path_not_allowed(&identity.user, verb, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_masters_may_touch_resources() {
        let address = Address::parse("/api/v1/namespaces/n/secrets/s").expect("a resource");
        assert!(authorize_resource(&Identity::new("admin", ["system:masters"]), "get", &address).is_ok());
        let account = Identity::new("system:serviceaccount:n:a", ["system:serviceaccounts"]);
        assert_eq!(authorize_resource(&account, "get", &address).expect_err("a name is no right").code, 403);
        let refusal = authorize_resource(&Identity::anonymous(), "get", &address).expect_err("anonymous");
        assert_eq!(
            refusal.message,
            r#"secrets "s" is forbidden: User "system:anonymous" cannot get resource "secrets" in API group "" in the namespace "n""#
        );
        assert_eq!(authorize_resource(&Identity::new("eve", ["system:authenticated"]), "get", &address).expect_err("eve").code, 403);
    }

    #[test]
    fn everybody_with_a_credential_may_look_around_and_ask_about_himself() {
        let eve = Identity::new("eve", ["dev"]);
        assert!(authorize_path(&eve, "get", "/apis/apps/v1").is_ok() && authorize_path(&eve, "get", "/metrics").is_err());
        let review = Address::parse("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").expect("a resource");
        assert!(authorize_resource(&eve, "create", &review).is_ok() && authorize_resource(&Identity::anonymous(), "create", &review).is_err());
        assert_eq!(eve.all_groups(), ["dev", "system:authenticated"]);
    }

    #[test]
    fn health_and_version_are_open_to_all() {
        for path in ["/healthz", "/livez/ping", "/readyz", "/version"] {
            assert!(authorize_path(&Identity::anonymous(), "get", path).is_ok(), "{path}");
        }
        assert_eq!(
            authorize_path(&Identity::anonymous(), "get", "/api").expect_err("closed").message,
            r#"forbidden: User "system:anonymous" cannot get path "/api""#
        );
    }

    #[test]
    fn tokens_come_as_bearer_or_as_the_secret_key_of_a_pair() {
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("Basic a2V5OmFiYw==").as_deref(), Some("abc"));
        assert_eq!(token("Basic nonsense!").as_deref(), Some(""));
        assert_eq!(token(""), None);
    }

    #[test]
    fn a_token_is_found_only_when_it_is_equal() {
        let mut tokens = Tokens::default();
        tokens.add("s3cret", Identity::new("admin", ["system:masters"]));
        assert_eq!(tokens.find("s3cret").map(|i| i.user.as_str()), Some("admin"));
        assert!(tokens.find("s3cre").is_none() && tokens.find("").is_none());
    }
}
