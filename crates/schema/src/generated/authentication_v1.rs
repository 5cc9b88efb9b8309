//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static BOUND_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.authentication.v1.BoundObjectReference",
    gvk: None,
    atomic: false,
    fields: &[f("kind", 1, One, Str, 0), f("apiVersion", 2, One, Str, 0), f("name", 3, One, Str, 0), f("uid", 4, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static SELF_SUBJECT_REVIEW: Message = Message {
    name: "io.k8s.api.authentication.v1.SelfSubjectReview",
    gvk: Some(("authentication.k8s.io", "v1", "SelfSubjectReview")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("status", 2, One, Msg(&SELF_SUBJECT_REVIEW_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SELF_SUBJECT_REVIEW_STATUS: Message = Message {
    name: "io.k8s.api.authentication.v1.SelfSubjectReviewStatus",
    gvk: None,
    atomic: false,
    fields: &[f("userInfo", 1, One, Msg(&USER_INFO), ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static TOKEN_REQUEST: Message = Message {
    name: "io.k8s.api.authentication.v1.TokenRequest",
    gvk: Some(("authentication.k8s.io", "v1", "TokenRequest")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&TOKEN_REQUEST_SPEC), ALWAYS),
        f("status", 3, One, Msg(&TOKEN_REQUEST_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static TOKEN_REQUEST_SPEC: Message = Message {
    name: "io.k8s.api.authentication.v1.TokenRequestSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("audiences", 1, List, Str, ALWAYS),
        f("expirationSeconds", 4, One, Int64, KEEP | ALWAYS),
        f("boundObjectRef", 3, One, Msg(&BOUND_OBJECT_REFERENCE), KEEP | ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static TOKEN_REQUEST_STATUS: Message = Message {
    name: "io.k8s.api.authentication.v1.TokenRequestStatus",
    gvk: None,
    atomic: false,
    fields: &[f("token", 1, One, Str, ALWAYS), f("expirationTimestamp", 2, One, Time, ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static TOKEN_REVIEW: Message = Message {
    name: "io.k8s.api.authentication.v1.TokenReview",
    gvk: Some(("authentication.k8s.io", "v1", "TokenReview")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&TOKEN_REVIEW_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&TOKEN_REVIEW_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static TOKEN_REVIEW_SPEC: Message = Message {
    name: "io.k8s.api.authentication.v1.TokenReviewSpec",
    gvk: None,
    atomic: false,
    fields: &[f("token", 1, One, Str, REQUIRED), f("audiences", 2, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static TOKEN_REVIEW_STATUS: Message = Message {
    name: "io.k8s.api.authentication.v1.TokenReviewStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("authenticated", 1, One, Bool, 0),
        f("user", 2, One, Msg(&USER_INFO), ALWAYS),
        f("audiences", 4, List, Str, 0),
        f("error", 3, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static USER_INFO: Message = Message {
    name: "io.k8s.api.authentication.v1.UserInfo",
    gvk: None,
    atomic: false,
    fields: &[f("username", 1, One, Str, 0), f("uid", 2, One, Str, 0), f("groups", 3, List, Str, 0), f("extra", 4, Map, Strings, 0)],
    inlined: &[],
    custom: false,
};
