//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static LEASE: Message = Message {
    name: "io.k8s.api.coordination.v1.Lease",
    gvk: Some(("coordination.k8s.io", "v1", "Lease")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&LEASE_SPEC), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static LEASE_SPEC: Message = Message {
    name: "io.k8s.api.coordination.v1.LeaseSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("holderIdentity", 1, One, Str, KEEP),
        f("leaseDurationSeconds", 2, One, Int32, KEEP),
        f("acquireTime", 3, One, MicroTime, KEEP),
        f("renewTime", 4, One, MicroTime, KEEP),
        f("leaseTransitions", 5, One, Int32, KEEP),
        f("strategy", 6, One, Str, KEEP),
        f("preferredHolder", 7, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};
