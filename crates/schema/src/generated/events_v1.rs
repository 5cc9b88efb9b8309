//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

pub static EVENT: Message = Message {
    name: "io.k8s.api.events.v1.Event",
    gvk: Some(("events.k8s.io", "v1", "Event")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS | REQUIRED),
        f("eventTime", 2, One, MicroTime, ALWAYS),
        f("series", 3, One, Msg(&EVENT_SERIES), KEEP),
        f("reportingController", 4, One, Str, 0),
        f("reportingInstance", 5, One, Str, 0),
        f("action", 6, One, Str, 0),
        f("reason", 7, One, Str, 0),
        f("regarding", 8, One, Msg(&super::core_v1::OBJECT_REFERENCE), ALWAYS),
        f("related", 9, One, Msg(&super::core_v1::OBJECT_REFERENCE), KEEP),
        f("note", 10, One, Str, 0),
        f("type", 11, One, Str, 0),
        f("deprecatedSource", 12, One, Msg(&super::core_v1::EVENT_SOURCE), ALWAYS),
        f("deprecatedFirstTimestamp", 13, One, Time, ALWAYS),
        f("deprecatedLastTimestamp", 14, One, Time, ALWAYS),
        f("deprecatedCount", 15, One, Int32, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static EVENT_SERIES: Message = Message {
    name: "io.k8s.api.events.v1.EventSeries",
    gvk: None,
    atomic: false,
    fields: &[f("count", 1, One, Int32, ALWAYS | REQUIRED), f("lastObservedTime", 2, One, MicroTime, ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};
