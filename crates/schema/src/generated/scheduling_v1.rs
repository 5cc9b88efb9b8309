//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static PRIORITY_CLASS: Message = Message {
    name: "io.k8s.api.scheduling.v1.PriorityClass",
    gvk: Some(("scheduling.k8s.io", "v1", "PriorityClass")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("value", 2, One, Int32, ALWAYS),
        f("globalDefault", 3, One, Bool, 0),
        f("description", 4, One, Str, 0),
        f("preemptionPolicy", 5, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};
