//! Acting as somebody else: the `Impersonate-*` headers, for those who may.

use http::HeaderMap;

use crate::access::{Identity, authorize_resource};
use crate::request::Address;
use crate::status::{ApiError, Result};

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";
const ACCOUNT: &str = "system:serviceaccount:";

/// The identity that a request is made as: the caller's own, or the one its headers name.
///
/// # Errors
/// 403 when the caller may not act as that user, group, uid or extra; 400 for headers that name no user.
pub fn identity(caller: Identity, headers: &HeaderMap) -> Result<Identity> {
    let all = |name: &str| -> Vec<String> { headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect() };
    let extras: Vec<String> = headers.keys().filter_map(|name| name.as_str().strip_prefix(EXTRA)).map(str::to_owned).collect();
    let (user, groups, uids) = (all(USER).into_iter().next().unwrap_or_default(), all(GROUP), all(UID));
    if user.is_empty() {
        return match groups.is_empty() && uids.is_empty() && extras.is_empty() {
            true => Ok(caller),
            false => Err(ApiError::bad_request("requested groups, uid or extra without impersonating a user name")),
        };
    }
    let account = user.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':'));
    match account {
        Some((namespace, name)) => may(&caller, "", "serviceaccounts", Some(namespace), name, "")?,
        None => may(&caller, "", "users", None, &user, "")?,
    }
    for group in &groups {
        may(&caller, "", "groups", None, group, "")?;
    }
    for uid in &uids {
        may(&caller, "authentication.k8s.io", "uids", None, uid, "")?;
    }
    let mut extra = Vec::new();
    for key in extras {
        let values = all(&format!("{EXTRA}{key}"));
        values.iter().try_for_each(|value| may(&caller, "authentication.k8s.io", "userextras", None, value, &key))?;
        extra.push((unescaped(&key), values));
    }
    extra.sort();
    let known = Identity::new(&*user, with_implied(groups, &user, account.map(|(namespace, _)| namespace)));
    Ok(Identity { uid: uids.into_iter().next().unwrap_or_default(), extra, ..known })
}

/// A key of the extra fields may hold characters that header names may not: they come percent-encoded.
fn unescaped(key: &str) -> String {
    crate::query::decode(key, false)
}

/// The groups that come with a user who names none, or with being a service account.
fn with_implied(mut groups: Vec<String>, user: &str, namespace: Option<&str>) -> Vec<String> {
    if groups.is_empty()
        && let Some(namespace) = namespace
    {
        groups.extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
    }
    if user == "system:anonymous" && !groups.iter().any(|g| g == "system:unauthenticated") {
        groups.push("system:unauthenticated".to_owned());
    }
    groups
}

fn may(caller: &Identity, group: &str, resource: &str, namespace: Option<&str>, name: &str, subresource: &str) -> Result<()> {
    let address = Address {
        group: group.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
        ..Address::default()
    };
    authorize_resource(caller, "impersonate", &address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    fn admin() -> Identity {
        Identity::new("admin", ["system:masters"])
    }

    #[test]
    fn an_administrator_becomes_whom_the_headers_name() {
        assert_eq!(identity(admin(), &HeaderMap::new()), Ok(admin()));
        let bob = identity(admin(), &headers(&[(USER, "bob"), (GROUP, "dev"), (GROUP, "ops")]));
        assert_eq!(bob, Ok(Identity::new("bob", ["dev", "ops"])));
        let account = identity(admin(), &headers(&[(USER, "system:serviceaccount:n:a")]));
        assert_eq!(account, Ok(Identity::new("system:serviceaccount:n:a", ["system:serviceaccounts", "system:serviceaccounts:n"])));
        assert!(identity(admin(), &headers(&[(USER, "system:anonymous")])).expect("allowed").is_anonymous());
    }

    #[test]
    fn who_may_not_is_403_and_groups_alone_are_refused() {
        let refusal = identity(Identity::new("eve", ["dev"]), &headers(&[(USER, "bob")])).expect_err("not allowed");
        assert_eq!(
            refusal.message,
            r#"users "bob" is forbidden: User "eve" cannot impersonate resource "users" in API group "" at the cluster scope"#
        );
        assert_eq!(identity(admin(), &headers(&[(GROUP, "dev")])).expect_err("nobody named").code, 400);
    }
}
