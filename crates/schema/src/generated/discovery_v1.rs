//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static ENDPOINT: Message = Message {
    name: "io.k8s.api.discovery.v1.Endpoint",
    gvk: None,
    atomic: false,
    fields: &[
        f("addresses", 1, List, Str, ALWAYS | REQUIRED | SET),
        f("conditions", 2, One, Msg(&ENDPOINT_CONDITIONS), ALWAYS),
        f("hostname", 3, One, Str, KEEP),
        f("targetRef", 4, One, Msg(&super::core_v1::OBJECT_REFERENCE), KEEP),
        f("deprecatedTopology", 5, Map, Str, 0),
        f("nodeName", 6, One, Str, KEEP),
        f("zone", 7, One, Str, KEEP),
        f("hints", 8, One, Msg(&ENDPOINT_HINTS), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_CONDITIONS: Message = Message {
    name: "io.k8s.api.discovery.v1.EndpointConditions",
    gvk: None,
    atomic: false,
    fields: &[f("ready", 1, One, Bool, KEEP), f("serving", 2, One, Bool, KEEP), f("terminating", 3, One, Bool, KEEP)],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_HINTS: Message = Message {
    name: "io.k8s.api.discovery.v1.EndpointHints",
    gvk: None,
    atomic: false,
    fields: &[f("forZones", 1, List, Msg(&FOR_ZONE), 0), f("forNodes", 2, List, Msg(&FOR_NODE), 0)],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_PORT: Message = Message {
    name: "io.k8s.api.discovery.v1.EndpointPort",
    gvk: None,
    atomic: true,
    fields: &[f("name", 1, One, Str, KEEP), f("protocol", 2, One, Str, KEEP), f("port", 3, One, Int32, KEEP), f("appProtocol", 4, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static ENDPOINT_SLICE: Message = Message {
    name: "io.k8s.api.discovery.v1.EndpointSlice",
    gvk: Some(("discovery.k8s.io", "v1", "EndpointSlice")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("addressType", 4, One, Str, ALWAYS | REQUIRED),
        f("endpoints", 2, List, Msg(&ENDPOINT), ALWAYS),
        f("ports", 3, List, Msg(&ENDPOINT_PORT), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static FOR_NODE: Message = Message {
    name: "io.k8s.api.discovery.v1.ForNode",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static FOR_ZONE: Message = Message {
    name: "io.k8s.api.discovery.v1.ForZone",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};
