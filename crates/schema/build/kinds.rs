//! The kinds that the documents describe, and where their paths are.

use std::collections::BTreeMap;

use k8s_openapi::schemars::SchemaGenerator;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource, SubResourceScope};
use serde_json::Value;

use crate::table::Message;

/// One kind with paths of its own.
pub struct Row {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: String,
    pub namespaced: bool,
    /// Only POST: reviews that are answered and not stored.
    pub create_only: bool,
    /// Subresource and what its body is; `None` = the object.
    pub subresources: Vec<(&'static str, Option<Gvk>)>,
}

/// Group, version and kind.
pub type Gvk = (&'static str, &'static str, &'static str);

trait Scope {
    const NAMESPACED: Option<bool>;
}

impl Scope for ClusterResourceScope {
    const NAMESPACED: Option<bool> = Some(false);
}

impl Scope for NamespaceResourceScope {
    const NAMESPACED: Option<bool> = Some(true);
}

impl Scope for SubResourceScope {
    const NAMESPACED: Option<bool> = None;
}

fn row<T: Resource>(subresources: &[&'static str]) -> Row
where
    T::Scope: Scope,
{
    Row {
        group: T::GROUP,
        version: T::VERSION,
        kind: T::KIND,
        plural: T::URL_PATH_SEGMENT.to_owned(),
        namespaced: T::Scope::NAMESPACED.unwrap_or(true),
        create_only: subresources == ["create only"],
        subresources: subresources.iter().filter(|s| **s != "create only").map(|s| (*s, body(s))).collect(),
    }
}

/// Subresources whose body is another kind.
fn body(subresource: &str) -> Option<Gvk> {
    match subresource {
        "eviction" => Some(("policy", "v1", "Eviction")),
        "binding" => Some(("", "v1", "Binding")),
        _ => None,
    }
}

/// Kinds of Gateway API whose tables lie ready and that are not served yet.
const NOT_SERVED: &[&str] = &["GRPCRoute", "ListenerSet", "TCPRoute", "TLSRoute", "UDPRoute"];

/// The row of a kind that behaves as a custom resource, if it is served.
pub fn custom_row(message: &'static Message) -> Option<Row> {
    let (group, version, kind) = message.gvk.filter(|(_, _, kind)| !NOT_SERVED.contains(kind))?;
    let lower = kind.to_lowercase();
    let plural = match lower.as_bytes().last()? {
        b's' => format!("{lower}es"),
        b'y' if !lower.ends_with("ay") => format!("{}ies", &lower[..lower.len() - 1]),
        _ => format!("{lower}s"),
    };
    let status = message.field("status").map(|_| ("status", None));
    Some(Row { group, version, kind, plural, namespaced: kind != "GatewayClass", create_only: false, subresources: status.into_iter().collect() })
}

/// Calls `$visit!(Type, [subresources])` for every kind.
macro_rules! kinds {
    ($($path:path, [$($sub:literal),*];)*) => {
        /// Every built-in kind with paths.
        pub fn rows() -> Vec<Row> {
            vec![$(row::<$path>(&[$($sub),*])),*]
        }

        fn describe(generator: &mut SchemaGenerator) {
            $(generator.subschema_for::<$path>();)*
        }
    };
}

use k8s_openapi::api;

// Those that the server serves, with the subresources that it serves: a test of crate `apiserver` compares them with its discovery.
kinds! {
    api::core::v1::ConfigMap, [];
    api::core::v1::Endpoints, [];
    api::core::v1::Event, [];
    api::core::v1::Namespace, ["status", "finalize"];
    api::core::v1::Node, ["status"];
    api::core::v1::Pod, ["status", "eviction", "binding"];
    api::core::v1::Secret, [];
    api::core::v1::Service, ["status"];
    api::authentication::v1::SelfSubjectReview, ["create only"];
    api::authentication::v1::TokenReview, ["create only"];
    api::authorization::v1::LocalSubjectAccessReview, ["create only"];
    api::authorization::v1::SelfSubjectAccessReview, ["create only"];
    api::authorization::v1::SelfSubjectRulesReview, ["create only"];
    api::authorization::v1::SubjectAccessReview, ["create only"];
    api::coordination::v1::Lease, [];
    api::discovery::v1::EndpointSlice, [];
    api::events::v1::Event, [];
    api::networking::v1::Ingress, ["status"];
    api::networking::v1::IngressClass, [];
}

/// Schemas with texts by component name.
pub fn texts() -> BTreeMap<String, Value> {
    let mut generator = SchemaGenerator::default();
    describe(&mut generator);
    generator.subschema_for::<api::core::v1::Binding>();
    generator.subschema_for::<api::policy::v1::Eviction>();
    generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions>();
    generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta>();
    generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Status>();
    generator.definitions().iter().map(|(name, schema)| (name.clone(), schema.clone())).collect()
}
