//! The served kinds, one row each.

use super::{Kind, NameRule, Rules, Sub};

/// Every kind the server serves, in the order discovery lists them.
pub static KINDS: &[Kind] = &[
    Kind {
        group: "",
        versions: &["v1"],
        storage: "v1",
        kind: "ConfigMap",
        plural: "configmaps",
        singular: "configmap",
        short: &["cm"],
        categories: &[],
        namespaced: true,
        subresources: &[],
        prefix: "configmaps",
        native: true,
        create_on_update: false,
        unconditional_update: true,
        returns_deleted: false,
        generation: false,
        ttl: None,
        rules: &Plain,
    },
    Kind {
        group: "",
        versions: &["v1"],
        storage: "v1",
        kind: "Namespace",
        plural: "namespaces",
        singular: "namespace",
        short: &["ns"],
        categories: &[],
        namespaced: false,
        subresources: &[Sub::Status, Sub::Finalize],
        prefix: "namespaces",
        native: true,
        create_on_update: false,
        unconditional_update: true,
        returns_deleted: true,
        generation: false,
        ttl: None,
        rules: &PlainLabel,
    },
];

/// A kind with no rules of its own.
struct Plain;

impl Rules for Plain {}

/// A kind with no rules but that its name is a DNS label.
struct PlainLabel;

impl Rules for PlainLabel {
    fn name_rule(&self) -> NameRule {
        NameRule::Dns1123Label
    }
}
