//! Who asks, and whether they may: identities, bearer tokens, and the rules of a server that has no RBAC yet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::request::Address;
use crate::status::{ApiError, Result};

/// Who makes a request. Arrives as a request extension (client certificate, in-process caller), or is found by a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User name.
    pub user: String,
    /// Groups; `system:authenticated` is implied for everyone but the anonymous.
    pub groups: Vec<String>,
}

impl Identity {
    /// An identity from its user name and groups.
    pub fn new(user: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { user: user.into(), groups: groups.into_iter().map(Into::into).collect() }
    }

    /// A request without credentials.
    pub fn anonymous() -> Self {
        Self::new("system:anonymous", ["system:unauthenticated"])
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        self.groups.iter().any(|g| g == "system:unauthenticated")
    }

    /// Members of `system:masters` may do everything; so may the parts of this process, whose names begin with `system:`.
    fn is_trusted(&self) -> bool {
        !self.is_anonymous() && (self.groups.iter().any(|g| g == "system:masters") || self.user.starts_with("system:"))
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

/// Paths open to everyone (the role system:public-info-viewer).
fn is_public(path: &str) -> bool {
    let first = path.trim_matches('/').split('/').next().unwrap_or_default();
    matches!(first, "healthz" | "livez" | "readyz" | "version")
}

/// Whether the identity may do this to a resource.
pub fn authorize_resource(identity: &Identity, verb: &str, address: &Address) -> Result<()> {
    if identity.is_trusted() {
        return Ok(());
    }
    let resource = if address.subresource.is_empty() { address.resource.clone() } else { format!("{}/{}", address.resource, address.subresource) };
    Err(ApiError::not_allowed(&identity.user, verb, &address.group, &resource, &address.name, address.namespace.as_deref()))
}

/// Whether the identity may do this to a path that is no resource.
pub fn authorize_path(identity: &Identity, verb: &str, path: &str) -> Result<()> {
    if identity.is_trusted() || (verb == "get" && is_public(path)) {
        return Ok(());
    }
    Err(ApiError::path_not_allowed(&identity.user, verb, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_masters_and_parts_of_the_system_may_touch_resources() {
        let address = Address::parse("/api/v1/namespaces/n/secrets/s").expect("a resource");
        assert!(authorize_resource(&Identity::new("admin", ["system:masters"]), "get", &address).is_ok());
        assert!(authorize_resource(&Identity::new("system:fairlead:control", ["system:authenticated"]), "get", &address).is_ok());
        let refusal = authorize_resource(&Identity::anonymous(), "get", &address).expect_err("anonymous");
        assert_eq!(
            refusal.message,
            r#"secrets "s" is forbidden: User "system:anonymous" cannot get resource "secrets" in API group "" in the namespace "n""#
        );
        assert_eq!(authorize_resource(&Identity::new("eve", ["system:authenticated"]), "get", &address).expect_err("eve").code, 403);
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
