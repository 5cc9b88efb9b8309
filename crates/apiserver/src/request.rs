//! What a path asks for: the rules of k8s.io/apiserver `requestinfo`.

use http::Method;

use crate::query::{Query, decode};

/// A path that names a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// API group, empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// `.../namespaces/NS/...`.
    pub namespace: Option<String>,
    /// `services`.
    pub resource: String,
    /// The object's name; empty for the collection.
    pub name: String,
    /// `status`; empty for the object itself.
    pub subresource: String,
    /// What follows the subresource, as `proxy` has it; without a leading slash.
    pub rest: String,
    /// The deprecated `/watch/` prefix was there.
    pub watch: bool,
}

impl Address {
    /// Reads `/api/v1/...` and `/apis/G/V/...`; nothing for other paths and for those that stop before a resource.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut address = Self::default();
        match *parts.first()? {
            "api" => {
                address.version = parts.get(1).map(|v| decode(v, false))?;
                parts.drain(..2);
            }
            "apis" => {
                address.group = parts.get(1).map(|g| decode(g, false))?;
                address.version = parts.get(2).map(|v| decode(v, false))?;
                parts.drain(..3);
            }
            _ => return None,
        }
        if parts.first() == Some(&"watch") {
            address.watch = true;
            parts.remove(0);
        }
        let own = |parts: &[&str]| parts.len() == 2 || matches!(parts.get(2), Some(&"status" | &"finalize"));
        if parts.first() == Some(&"namespaces") && !own(&parts) && parts.len() > 2 {
            address.namespace = Some(decode(parts[1], false));
            parts.drain(..2);
        }
        let mut parts = parts.into_iter();
        address.resource = decode(parts.next().filter(|r| !r.is_empty())?, false);
        address.name = parts.next().map(|n| decode(n, false)).unwrap_or_default();
        address.subresource = parts.next().map(|s| decode(s, false)).unwrap_or_default();
        address.rest = parts.collect::<Vec<_>>().join("/");
        Some(address)
    }

    /// The verb for authorization.
    pub fn verb(&self, method: &Method, query: &Query) -> &'static str {
        match (method.as_str(), self.name.is_empty()) {
            ("GET" | "HEAD", _) if self.watch => "watch",
            ("GET" | "HEAD", false) => "get",
            ("GET" | "HEAD", true) if query.switch("watch") => "watch",
            ("GET" | "HEAD", true) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", false) => "delete",
            ("DELETE", true) => "deletecollection",
            _ => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> (String, Option<String>, String, String, String) {
        let a = Address::parse(path).expect("a resource path");
        (format!("{}/{}", a.group, a.version), a.namespace, a.resource, a.name, a.subresource)
    }

    #[test]
    fn paths_name_group_version_namespace_resource_and_object() {
        let of = |gv: &str, ns: Option<&str>, res: &str, name: &str, sub: &str| {
            (gv.to_owned(), ns.map(str::to_owned), res.to_owned(), name.to_owned(), sub.to_owned())
        };
        assert_eq!(read("/api/v1/pods"), of("/v1", None, "pods", "", ""));
        assert_eq!(read("/api/v1/namespaces"), of("/v1", None, "namespaces", "", ""));
        assert_eq!(read("/api/v1/namespaces/x"), of("/v1", None, "namespaces", "x", ""));
        assert_eq!(read("/api/v1/namespaces/x/status"), of("/v1", None, "namespaces", "x", "status"));
        assert_eq!(read("/api/v1/namespaces/x/finalize"), of("/v1", None, "namespaces", "x", "finalize"));
        assert_eq!(read("/api/v1/namespaces/x/pods/p/status/"), of("/v1", Some("x"), "pods", "p", "status"));
        assert_eq!(read("/apis/apps/v1/namespaces/x/deployments/d/scale"), of("apps/v1", Some("x"), "deployments", "d", "scale"));
        assert_eq!(read("/api/v1/nodes/a%2Fb"), of("/v1", None, "nodes", "a/b", ""));
    }

    #[test]
    fn the_watch_prefix_and_what_follows_proxy_are_kept() {
        let old = Address::parse("/api/v1/watch/namespaces/x/pods/p").expect("old form");
        assert!(old.watch && old.name == "p" && old.verb(&Method::GET, &Query::default()) == "watch");
        assert_eq!(Address::parse("/api/v1/nodes/n/proxy/fairlead/show/names").expect("proxied").rest, "fairlead/show/names");
    }

    #[test]
    fn other_paths_are_none() {
        for path in ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version", "/apis/apps/v1/"] {
            assert_eq!(Address::parse(path), None, "{path}");
        }
    }
}
