//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &["type"], merge_key: "type", default: "", check: None };

pub static CONTAINER_RESOURCE_METRIC_SOURCE: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ContainerResourceMetricSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("target", 2, One, Msg(&METRIC_TARGET), ALWAYS | REQUIRED),
        f("container", 3, One, Str, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static CONTAINER_RESOURCE_METRIC_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ContainerResourceMetricStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, ALWAYS | REQUIRED),
        f("current", 2, One, Msg(&METRIC_VALUE_STATUS), ALWAYS | REQUIRED),
        f("container", 3, One, Str, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static CROSS_VERSION_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.api.autoscaling.v2.CrossVersionObjectReference",
    gvk: None,
    atomic: false,
    fields: &[f("kind", 1, One, Str, ALWAYS | REQUIRED), f("name", 2, One, Str, ALWAYS | REQUIRED), f("apiVersion", 3, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static EXTERNAL_METRIC_SOURCE: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ExternalMetricSource",
    gvk: None,
    atomic: false,
    fields: &[f("metric", 1, One, Msg(&METRIC_IDENTIFIER), ALWAYS | REQUIRED), f("target", 2, One, Msg(&METRIC_TARGET), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static EXTERNAL_METRIC_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ExternalMetricStatus",
    gvk: None,
    atomic: false,
    fields: &[f("metric", 1, One, Msg(&METRIC_IDENTIFIER), ALWAYS | REQUIRED), f("current", 2, One, Msg(&METRIC_VALUE_STATUS), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    gvk: Some(("autoscaling", "v2", "HorizontalPodAutoscaler")),
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

pub static HORIZONTAL_POD_AUTOSCALER_BEHAVIOR: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior",
    gvk: None,
    atomic: false,
    fields: &[f("scaleUp", 1, One, Msg(&HPA_SCALING_RULES), KEEP), f("scaleDown", 2, One, Msg(&HPA_SCALING_RULES), KEEP)],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER_CONDITION: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("status", 2, One, Str, ALWAYS | REQUIRED),
        f("lastTransitionTime", 3, One, Time, ALWAYS),
        f("reason", 4, One, Str, 0),
        f("message", 5, One, Str, 0),
        f("observedGeneration", 6, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER_SPEC: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("scaleTargetRef", 1, One, Msg(&CROSS_VERSION_OBJECT_REFERENCE), ALWAYS | REQUIRED),
        f("minReplicas", 2, One, Int32, KEEP),
        f("maxReplicas", 3, One, Int32, ALWAYS | REQUIRED),
        f("metrics", 4, List, Msg(&METRIC_SPEC), 0),
        f("behavior", 5, One, Msg(&HORIZONTAL_POD_AUTOSCALER_BEHAVIOR), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static HORIZONTAL_POD_AUTOSCALER_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("observedGeneration", 1, One, Int64, KEEP),
        f("lastScaleTime", 2, One, Time, KEEP),
        f("currentReplicas", 3, One, Int32, 0),
        f("desiredReplicas", 4, One, Int32, ALWAYS | REQUIRED),
        f("currentMetrics", 5, List, Msg(&METRIC_STATUS), ALWAYS),
        x("conditions", 6, List, Msg(&HORIZONTAL_POD_AUTOSCALER_CONDITION), MAP | MERGE, &X0),
    ],
    inlined: &[],
    custom: false,
};

pub static HPA_SCALING_POLICY: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HPAScalingPolicy",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("value", 2, One, Int32, ALWAYS | REQUIRED),
        f("periodSeconds", 3, One, Int32, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static HPA_SCALING_RULES: Message = Message {
    name: "io.k8s.api.autoscaling.v2.HPAScalingRules",
    gvk: None,
    atomic: false,
    fields: &[
        f("stabilizationWindowSeconds", 3, One, Int32, KEEP),
        f("selectPolicy", 1, One, Str, KEEP),
        f("policies", 2, List, Msg(&HPA_SCALING_POLICY), 0),
        f("tolerance", 4, One, Quantity, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static METRIC_IDENTIFIER: Message = Message {
    name: "io.k8s.api.autoscaling.v2.MetricIdentifier",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("selector", 2, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP)],
    inlined: &[],
    custom: false,
};

pub static METRIC_SPEC: Message = Message {
    name: "io.k8s.api.autoscaling.v2.MetricSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("object", 2, One, Msg(&OBJECT_METRIC_SOURCE), KEEP),
        f("pods", 3, One, Msg(&PODS_METRIC_SOURCE), KEEP),
        f("resource", 4, One, Msg(&RESOURCE_METRIC_SOURCE), KEEP),
        f("containerResource", 7, One, Msg(&CONTAINER_RESOURCE_METRIC_SOURCE), KEEP),
        f("external", 5, One, Msg(&EXTERNAL_METRIC_SOURCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static METRIC_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.MetricStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("object", 2, One, Msg(&OBJECT_METRIC_STATUS), KEEP),
        f("pods", 3, One, Msg(&PODS_METRIC_STATUS), KEEP),
        f("resource", 4, One, Msg(&RESOURCE_METRIC_STATUS), KEEP),
        f("containerResource", 7, One, Msg(&CONTAINER_RESOURCE_METRIC_STATUS), KEEP),
        f("external", 5, One, Msg(&EXTERNAL_METRIC_STATUS), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static METRIC_TARGET: Message = Message {
    name: "io.k8s.api.autoscaling.v2.MetricTarget",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("value", 2, One, Quantity, KEEP),
        f("averageValue", 3, One, Quantity, KEEP),
        f("averageUtilization", 4, One, Int32, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static METRIC_VALUE_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.MetricValueStatus",
    gvk: None,
    atomic: false,
    fields: &[f("value", 1, One, Quantity, KEEP), f("averageValue", 2, One, Quantity, KEEP), f("averageUtilization", 3, One, Int32, KEEP)],
    inlined: &[],
    custom: false,
};

pub static OBJECT_METRIC_SOURCE: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ObjectMetricSource",
    gvk: None,
    atomic: false,
    fields: &[
        f("describedObject", 1, One, Msg(&CROSS_VERSION_OBJECT_REFERENCE), ALWAYS | REQUIRED),
        f("target", 2, One, Msg(&METRIC_TARGET), ALWAYS | REQUIRED),
        f("metric", 3, One, Msg(&METRIC_IDENTIFIER), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static OBJECT_METRIC_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ObjectMetricStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("metric", 1, One, Msg(&METRIC_IDENTIFIER), ALWAYS | REQUIRED),
        f("current", 2, One, Msg(&METRIC_VALUE_STATUS), ALWAYS | REQUIRED),
        f("describedObject", 3, One, Msg(&CROSS_VERSION_OBJECT_REFERENCE), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static PODS_METRIC_SOURCE: Message = Message {
    name: "io.k8s.api.autoscaling.v2.PodsMetricSource",
    gvk: None,
    atomic: false,
    fields: &[f("metric", 1, One, Msg(&METRIC_IDENTIFIER), ALWAYS | REQUIRED), f("target", 2, One, Msg(&METRIC_TARGET), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static PODS_METRIC_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.PodsMetricStatus",
    gvk: None,
    atomic: false,
    fields: &[f("metric", 1, One, Msg(&METRIC_IDENTIFIER), ALWAYS | REQUIRED), f("current", 2, One, Msg(&METRIC_VALUE_STATUS), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_METRIC_SOURCE: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ResourceMetricSource",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("target", 2, One, Msg(&METRIC_TARGET), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static RESOURCE_METRIC_STATUS: Message = Message {
    name: "io.k8s.api.autoscaling.v2.ResourceMetricStatus",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("current", 2, One, Msg(&METRIC_VALUE_STATUS), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};
