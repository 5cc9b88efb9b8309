//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static AGGREGATION_RULE: Message = Message {
    name: "io.k8s.api.rbac.v1.AggregationRule",
    gvk: None,
    atomic: false,
    fields: &[f("clusterRoleSelectors", 1, List, Msg(&super::meta_v1::LABEL_SELECTOR), 0)],
    inlined: &[],
    custom: false,
};

pub static CLUSTER_ROLE: Message = Message {
    name: "io.k8s.api.rbac.v1.ClusterRole",
    gvk: Some(("rbac.authorization.k8s.io", "v1", "ClusterRole")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("rules", 2, List, Msg(&POLICY_RULE), ALWAYS),
        f("aggregationRule", 3, One, Msg(&AGGREGATION_RULE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static CLUSTER_ROLE_BINDING: Message = Message {
    name: "io.k8s.api.rbac.v1.ClusterRoleBinding",
    gvk: Some(("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("subjects", 2, List, Msg(&SUBJECT), 0),
        f("roleRef", 3, One, Msg(&ROLE_REF), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static POLICY_RULE: Message = Message {
    name: "io.k8s.api.rbac.v1.PolicyRule",
    gvk: None,
    atomic: false,
    fields: &[
        f("verbs", 1, List, Str, ALWAYS | REQUIRED),
        f("apiGroups", 2, List, Str, 0),
        f("resources", 3, List, Str, 0),
        f("resourceNames", 4, List, Str, 0),
        f("nonResourceURLs", 5, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static ROLE: Message = Message {
    name: "io.k8s.api.rbac.v1.Role",
    gvk: Some(("rbac.authorization.k8s.io", "v1", "Role")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("rules", 2, List, Msg(&POLICY_RULE), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static ROLE_BINDING: Message = Message {
    name: "io.k8s.api.rbac.v1.RoleBinding",
    gvk: Some(("rbac.authorization.k8s.io", "v1", "RoleBinding")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("subjects", 2, List, Msg(&SUBJECT), 0),
        f("roleRef", 3, One, Msg(&ROLE_REF), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static ROLE_REF: Message = Message {
    name: "io.k8s.api.rbac.v1.RoleRef",
    gvk: None,
    atomic: true,
    fields: &[f("apiGroup", 1, One, Str, ALWAYS), f("kind", 2, One, Str, ALWAYS | REQUIRED), f("name", 3, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static SUBJECT: Message = Message {
    name: "io.k8s.api.rbac.v1.Subject",
    gvk: None,
    atomic: true,
    fields: &[
        f("kind", 1, One, Str, ALWAYS | REQUIRED),
        f("apiGroup", 2, One, Str, 0),
        f("name", 3, One, Str, ALWAYS | REQUIRED),
        f("namespace", 4, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};
