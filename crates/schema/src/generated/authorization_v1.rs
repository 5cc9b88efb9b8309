//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static FIELD_SELECTOR_ATTRIBUTES: Message = Message {
    name: "io.k8s.api.authorization.v1.FieldSelectorAttributes",
    gvk: None,
    atomic: false,
    fields: &[f("rawSelector", 1, One, Str, 0), f("requirements", 2, List, Msg(&super::meta_v1::FIELD_SELECTOR_REQUIREMENT), 0)],
    inlined: &[],
    custom: false,
};

pub static LABEL_SELECTOR_ATTRIBUTES: Message = Message {
    name: "io.k8s.api.authorization.v1.LabelSelectorAttributes",
    gvk: None,
    atomic: false,
    fields: &[f("rawSelector", 1, One, Str, 0), f("requirements", 2, List, Msg(&super::meta_v1::LABEL_SELECTOR_REQUIREMENT), 0)],
    inlined: &[],
    custom: false,
};

pub static LOCAL_SUBJECT_ACCESS_REVIEW: Message = Message {
    name: "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    gvk: Some(("authorization.k8s.io", "v1", "LocalSubjectAccessReview")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SUBJECT_ACCESS_REVIEW_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&SUBJECT_ACCESS_REVIEW_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static NON_RESOURCE_ATTRIBUTES: Message = Message {
    name: "io.k8s.api.authorization.v1.NonResourceAttributes",
    gvk: None,
    atomic: false,
    fields: &[f("path", 1, One, Str, 0), f("verb", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static NON_RESOURCE_RULE: Message = Message {
    name: "io.k8s.api.authorization.v1.NonResourceRule",
    gvk: None,
    atomic: false,
    fields: &[f("verbs", 1, List, Str, ALWAYS | REQUIRED), f("nonResourceURLs", 2, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_ATTRIBUTES: Message = Message {
    name: "io.k8s.api.authorization.v1.ResourceAttributes",
    gvk: None,
    atomic: false,
    fields: &[
        f("namespace", 1, One, Str, 0),
        f("verb", 2, One, Str, 0),
        f("group", 3, One, Str, 0),
        f("version", 4, One, Str, 0),
        f("resource", 5, One, Str, 0),
        f("subresource", 6, One, Str, 0),
        f("name", 7, One, Str, 0),
        f("fieldSelector", 8, One, Msg(&FIELD_SELECTOR_ATTRIBUTES), KEEP),
        f("labelSelector", 9, One, Msg(&LABEL_SELECTOR_ATTRIBUTES), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_RULE: Message = Message {
    name: "io.k8s.api.authorization.v1.ResourceRule",
    gvk: None,
    atomic: false,
    fields: &[
        f("verbs", 1, List, Str, ALWAYS | REQUIRED),
        f("apiGroups", 2, List, Str, 0),
        f("resources", 3, List, Str, 0),
        f("resourceNames", 4, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static SELF_SUBJECT_ACCESS_REVIEW: Message = Message {
    name: "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    gvk: Some(("authorization.k8s.io", "v1", "SelfSubjectAccessReview")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SELF_SUBJECT_ACCESS_REVIEW_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&SUBJECT_ACCESS_REVIEW_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SELF_SUBJECT_ACCESS_REVIEW_SPEC: Message = Message {
    name: "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("resourceAttributes", 1, One, Msg(&RESOURCE_ATTRIBUTES), KEEP),
        f("nonResourceAttributes", 2, One, Msg(&NON_RESOURCE_ATTRIBUTES), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SELF_SUBJECT_RULES_REVIEW: Message = Message {
    name: "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    gvk: Some(("authorization.k8s.io", "v1", "SelfSubjectRulesReview")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SELF_SUBJECT_RULES_REVIEW_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&SUBJECT_RULES_REVIEW_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SELF_SUBJECT_RULES_REVIEW_SPEC: Message = Message {
    name: "io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec",
    gvk: None,
    atomic: false,
    fields: &[f("namespace", 1, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static SUBJECT_ACCESS_REVIEW: Message = Message {
    name: "io.k8s.api.authorization.v1.SubjectAccessReview",
    gvk: Some(("authorization.k8s.io", "v1", "SubjectAccessReview")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SUBJECT_ACCESS_REVIEW_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&SUBJECT_ACCESS_REVIEW_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SUBJECT_ACCESS_REVIEW_SPEC: Message = Message {
    name: "io.k8s.api.authorization.v1.SubjectAccessReviewSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("resourceAttributes", 1, One, Msg(&RESOURCE_ATTRIBUTES), KEEP),
        f("nonResourceAttributes", 2, One, Msg(&NON_RESOURCE_ATTRIBUTES), KEEP),
        f("user", 3, One, Str, 0),
        f("groups", 4, List, Str, 0),
        f("extra", 5, Map, Strings, 0),
        f("uid", 6, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static SUBJECT_ACCESS_REVIEW_STATUS: Message = Message {
    name: "io.k8s.api.authorization.v1.SubjectAccessReviewStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("allowed", 1, One, Bool, ALWAYS | REQUIRED),
        f("denied", 4, One, Bool, 0),
        f("reason", 2, One, Str, 0),
        f("evaluationError", 3, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static SUBJECT_RULES_REVIEW_STATUS: Message = Message {
    name: "io.k8s.api.authorization.v1.SubjectRulesReviewStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("resourceRules", 1, List, Msg(&RESOURCE_RULE), ALWAYS | REQUIRED),
        f("nonResourceRules", 2, List, Msg(&NON_RESOURCE_RULE), ALWAYS | REQUIRED),
        f("incomplete", 3, One, Bool, ALWAYS | REQUIRED),
        f("evaluationError", 4, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};
