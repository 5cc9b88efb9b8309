//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &["type"], merge_key: "type", default: "", check: None };

pub static EVICTION: Message = Message {
    name: "io.k8s.api.policy.v1.Eviction",
    gvk: Some(("policy", "v1", "Eviction")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("deleteOptions", 2, One, Msg(&super::meta_v1::DELETE_OPTIONS), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_DISRUPTION_BUDGET: Message = Message {
    name: "io.k8s.api.policy.v1.PodDisruptionBudget",
    gvk: Some(("policy", "v1", "PodDisruptionBudget")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&POD_DISRUPTION_BUDGET_SPEC), ALWAYS),
        f("status", 3, One, Msg(&POD_DISRUPTION_BUDGET_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_DISRUPTION_BUDGET_SPEC: Message = Message {
    name: "io.k8s.api.policy.v1.PodDisruptionBudgetSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("minAvailable", 1, One, IntOrString, KEEP),
        f("selector", 2, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP | REPLACE),
        f("maxUnavailable", 3, One, IntOrString, KEEP),
        f("unhealthyPodEvictionPolicy", 4, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static POD_DISRUPTION_BUDGET_STATUS: Message = Message {
    name: "io.k8s.api.policy.v1.PodDisruptionBudgetStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("observedGeneration", 1, One, Int64, 0),
        f("disruptedPods", 2, Map, Time, 0),
        f("disruptionsAllowed", 3, One, Int32, ALWAYS),
        f("currentHealthy", 4, One, Int32, ALWAYS),
        f("desiredHealthy", 5, One, Int32, ALWAYS),
        f("expectedPods", 6, One, Int32, ALWAYS),
        x("conditions", 7, List, Msg(&super::meta_v1::CONDITION), MAP | MERGE, &X0),
    ],
    inlined: &[],
    custom: false,
};
