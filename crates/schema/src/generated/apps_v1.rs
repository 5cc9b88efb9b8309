//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &["type"], merge_key: "type", default: "", check: None };

pub static CONTROLLER_REVISION: Message = Message {
    name: "io.k8s.api.apps.v1.ControllerRevision",
    gvk: Some(("apps", "v1", "ControllerRevision")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("data", 2, One, Raw, ALWAYS | REQUIRED),
        f("revision", 3, One, Int64, ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static DEPLOYMENT: Message = Message {
    name: "io.k8s.api.apps.v1.Deployment",
    gvk: Some(("apps", "v1", "Deployment")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&DEPLOYMENT_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&DEPLOYMENT_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static DEPLOYMENT_CONDITION: Message = Message {
    name: "io.k8s.api.apps.v1.DeploymentCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS),
        f("status", 2, One, Str, ALWAYS),
        f("lastUpdateTime", 6, One, Time, ALWAYS),
        f("lastTransitionTime", 7, One, Time, ALWAYS),
        f("reason", 4, One, Str, 0),
        f("message", 5, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static DEPLOYMENT_SPEC: Message = Message {
    name: "io.k8s.api.apps.v1.DeploymentSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("replicas", 1, One, Int32, KEEP),
        f("selector", 2, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP | ALWAYS | REQUIRED),
        f("template", 3, One, Msg(&super::core_v1::POD_TEMPLATE_SPEC), ALWAYS | REQUIRED),
        f("strategy", 4, One, Msg(&DEPLOYMENT_STRATEGY), ALWAYS | RETAIN_KEYS),
        f("minReadySeconds", 5, One, Int32, 0),
        f("revisionHistoryLimit", 6, One, Int32, KEEP),
        f("paused", 7, One, Bool, 0),
        f("progressDeadlineSeconds", 9, One, Int32, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static DEPLOYMENT_STATUS: Message = Message {
    name: "io.k8s.api.apps.v1.DeploymentStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("observedGeneration", 1, One, Int64, 0),
        f("replicas", 2, One, Int32, 0),
        f("updatedReplicas", 3, One, Int32, 0),
        f("readyReplicas", 7, One, Int32, 0),
        f("availableReplicas", 4, One, Int32, 0),
        f("unavailableReplicas", 5, One, Int32, 0),
        f("terminatingReplicas", 9, One, Int32, KEEP),
        x("conditions", 6, List, Msg(&DEPLOYMENT_CONDITION), MAP | MERGE, &X0),
        f("collisionCount", 8, One, Int32, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static DEPLOYMENT_STRATEGY: Message = Message {
    name: "io.k8s.api.apps.v1.DeploymentStrategy",
    gvk: None,
    atomic: false,
    fields: &[f("type", 1, One, Str, 0), f("rollingUpdate", 2, One, Msg(&ROLLING_UPDATE_DEPLOYMENT), KEEP)],
    inlined: &[],
    custom: false,
};

pub static REPLICA_SET: Message = Message {
    name: "io.k8s.api.apps.v1.ReplicaSet",
    gvk: Some(("apps", "v1", "ReplicaSet")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&REPLICA_SET_SPEC), ALWAYS | REQUIRED),
        f("status", 3, One, Msg(&REPLICA_SET_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static REPLICA_SET_CONDITION: Message = Message {
    name: "io.k8s.api.apps.v1.ReplicaSetCondition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS),
        f("status", 2, One, Str, ALWAYS),
        f("lastTransitionTime", 3, One, Time, ALWAYS),
        f("reason", 4, One, Str, 0),
        f("message", 5, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static REPLICA_SET_SPEC: Message = Message {
    name: "io.k8s.api.apps.v1.ReplicaSetSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("replicas", 1, One, Int32, KEEP),
        f("minReadySeconds", 4, One, Int32, 0),
        f("selector", 2, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP | ALWAYS | REQUIRED),
        f("template", 3, One, Msg(&super::core_v1::POD_TEMPLATE_SPEC), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static REPLICA_SET_STATUS: Message = Message {
    name: "io.k8s.api.apps.v1.ReplicaSetStatus",
    gvk: None,
    atomic: false,
    fields: &[
        f("replicas", 1, One, Int32, ALWAYS | REQUIRED),
        f("fullyLabeledReplicas", 2, One, Int32, 0),
        f("readyReplicas", 4, One, Int32, 0),
        f("availableReplicas", 5, One, Int32, 0),
        f("terminatingReplicas", 7, One, Int32, KEEP),
        f("observedGeneration", 3, One, Int64, 0),
        x("conditions", 6, List, Msg(&REPLICA_SET_CONDITION), MAP | MERGE, &X0),
    ],
    inlined: &[],
    custom: false,
};

pub static ROLLING_UPDATE_DEPLOYMENT: Message = Message {
    name: "io.k8s.api.apps.v1.RollingUpdateDeployment",
    gvk: None,
    atomic: false,
    fields: &[f("maxUnavailable", 1, One, IntOrString, KEEP), f("maxSurge", 2, One, IntOrString, KEEP)],
    inlined: &[],
    custom: false,
};
