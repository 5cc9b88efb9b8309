//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &["type"], merge_key: "", default: "", check: None };

pub static CERTIFICATE_SIGNING_REQUEST: Message = Message {
    name: "io.k8s.api.certificates.v1.CertificateSigningRequest",
    gvk: Some(("certificates.k8s.io", "v1", "CertificateSigningRequest")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&CERTIFICATE_SIGNING_REQUEST_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&CERTIFICATE_SIGNING_REQUEST_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static CERTIFICATE_SIGNING_REQUEST_CONDITION: Message = Message {
    name: "io.k8s.api.certificates.v1.CertificateSigningRequestCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("status", 6, One, Str, ALWAYS | REQUIRED),
        f("reason", 2, One, Str, 0),
        f("message", 3, One, Str, 0),
        f("lastUpdateTime", 4, One, Time, ALWAYS),
        f("lastTransitionTime", 5, One, Time, ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static CERTIFICATE_SIGNING_REQUEST_SPEC: Message = Message {
    name: "io.k8s.api.certificates.v1.CertificateSigningRequestSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("request", 1, One, Bytes, ALWAYS | REQUIRED),
        f("signerName", 7, One, Str, ALWAYS | REQUIRED),
        f("expirationSeconds", 8, One, Int32, KEEP),
        f("usages", 5, List, Str, 0),
        f("username", 2, One, Str, 0),
        f("uid", 3, One, Str, 0),
        f("groups", 4, List, Str, 0),
        f("extra", 6, Map, Strings, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static CERTIFICATE_SIGNING_REQUEST_STATUS: Message = Message {
    name: "io.k8s.api.certificates.v1.CertificateSigningRequestStatus",
    gvk: None,
    atomic: false,
    fields: &[x("conditions", 1, List, Msg(&CERTIFICATE_SIGNING_REQUEST_CONDITION), MAP, &X0), f("certificate", 2, One, Bytes, 0)],
    inlined: &[],
    custom: false,
};
