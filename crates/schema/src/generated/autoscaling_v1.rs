//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &[], merge_key: "", default: "0", check: None };

pub static CROSS_VERSION_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.autoscaling.v1.CrossVersionObjectReference",
    gvk: None,
    atomic: true,
    fields: &[f("kind", 1, One, Str, ALWAYS | REQUIRED), f("name", 2, One, Str, ALWAYS | REQUIRED), f("apiVersion", 3, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER: Message = Message {
    name: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    gvk: Some(("autoscaling", "v1", "HorizontalPodAutoscaler")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&HORIZONTAL_POD_AUTOSCALER_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&HORIZONTAL_POD_AUTOSCALER_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER_SPEC: Message = Message {
    name: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("scaleTargetRef", 1, One, Msg(&CROSS_VERSION_OBJECT_REFERENCE), ALWAYS | REQUIRED),
        f("minReplicas", 2, One, Int32, KEEP),
        f("maxReplicas", 3, One, Int32, ALWAYS | REQUIRED),
        f("targetCPUUtilizationPercentage", 4, One, Int32, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("observedGeneration", 1, One, Int64, KEEP),
        f("lastScaleTime", 2, One, Time, KEEP),
        f("currentReplicas", 3, One, Int32, ALWAYS | REQUIRED),
        f("desiredReplicas", 4, One, Int32, ALWAYS | REQUIRED),
        f("currentCPUUtilizationPercentage", 5, One, Int32, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static SCALE: Message = Message {
    name: "io.k8s.api.autoscaling.v1.Scale",
    gvk: Some(("autoscaling", "v1", "Scale")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SCALE_SPEC), ALWAYS),
        f("status", 3, One, Msg(&SCALE_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SCALE_SPEC: Message = Message {
    name: "io.k8s.api.autoscaling.v1.ScaleSpec",
    gvk: None,
    atomic: false,
    fields: &[x("replicas", 1, One, Int32, 0, &X0)],
    inlined: &[],
    custom: false,
};

pub static SCALE_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v1.ScaleStatus",
    gvk: None,
    atomic: false,
    fields: &[f("replicas", 1, One, Int32, ALWAYS | REQUIRED), f("selector", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};
