//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &["uid"], merge_key: "uid", default: "", check: None };

pub static CONDITION: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
    gvk: None,
    atomic: false,
    fields: &[
        f("type", 1, One, Str, ALWAYS | REQUIRED),
        f("status", 2, One, Str, ALWAYS | REQUIRED),
        f("observedGeneration", 3, One, Int64, 0),
        f("lastTransitionTime", 4, One, Time, ALWAYS | REQUIRED),
        f("reason", 5, One, Str, ALWAYS | REQUIRED),
        f("message", 6, One, Str, ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static DELETE_OPTIONS: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    gvk: None,
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("gracePeriodSeconds", 1, One, Int64, KEEP),
        f("preconditions", 2, One, Msg(&PRECONDITIONS), KEEP),
        f("orphanDependents", 3, One, Bool, KEEP),
        f("propagationPolicy", 4, One, Str, KEEP),
        f("dryRun", 5, List, Str, 0),
        f("ignoreStoreReadErrorWithClusterBreakingPotential", 6, One, Bool, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static FIELD_SELECTOR_REQUIREMENT: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement",
    gvk: None,
    atomic: false,
    fields: &[f("key", 1, One, Str, ALWAYS | REQUIRED), f("operator", 2, One, Str, ALWAYS | REQUIRED), f("values", 3, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static LABEL_SELECTOR: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    gvk: None,
    atomic: true,
    fields: &[f("matchLabels", 1, Map, Str, 0), f("matchExpressions", 2, List, Msg(&LABEL_SELECTOR_REQUIREMENT), 0)],
    inlined: &[],
    custom: false,
};

pub static LABEL_SELECTOR_REQUIREMENT: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
    gvk: None,
    atomic: false,
    fields: &[f("key", 1, One, Str, ALWAYS | REQUIRED), f("operator", 2, One, Str, ALWAYS | REQUIRED), f("values", 3, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static LIST_META: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
    gvk: None,
    atomic: false,
    fields: &[
        f("selfLink", 1, One, Str, 0),
        f("resourceVersion", 2, One, Str, 0),
        f("continue", 3, One, Str, 0),
        f("remainingItemCount", 4, One, Int64, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static MANAGED_FIELDS_ENTRY: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
    gvk: None,
    atomic: false,
    fields: &[
        f("manager", 1, One, Str, 0),
        f("operation", 2, One, Str, 0),
        f("apiVersion", 3, One, Str, 0),
        f("time", 4, One, Time, KEEP),
        f("fieldsType", 6, One, Str, 0),
        f("fieldsV1", 7, One, Fields, KEEP),
        f("subresource", 8, One, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static OBJECT_META: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, 0),
        f("generateName", 2, One, Str, 0),
        f("namespace", 3, One, Str, 0),
        f("selfLink", 4, One, Str, 0),
        f("uid", 5, One, Str, 0),
        f("resourceVersion", 6, One, Str, 0),
        f("generation", 7, One, Int64, 0),
        f("creationTimestamp", 8, One, Time, 0),
        f("deletionTimestamp", 9, One, Time, KEEP),
        f("deletionGracePeriodSeconds", 10, One, Int64, KEEP),
        f("labels", 11, Map, Str, 0),
        f("annotations", 12, Map, Str, 0),
        x("ownerReferences", 13, List, Msg(&OWNER_REFERENCE), MAP | MERGE, &X0),
        f("finalizers", 14, List, Str, SET | MERGE),
        f("managedFields", 17, List, Msg(&MANAGED_FIELDS_ENTRY), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static OWNER_REFERENCE: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
    gvk: None,
    atomic: true,
    fields: &[
        f("apiVersion", 5, One, Str, ALWAYS | REQUIRED),
        f("kind", 1, One, Str, ALWAYS | REQUIRED),
        f("name", 3, One, Str, ALWAYS | REQUIRED),
        f("uid", 4, One, Str, ALWAYS | REQUIRED),
        f("controller", 6, One, Bool, KEEP),
        f("blockOwnerDeletion", 7, One, Bool, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static PRECONDITIONS: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions",
    gvk: None,
    atomic: false,
    fields: &[f("uid", 1, One, Str, KEEP), f("resourceVersion", 2, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static STATUS: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    gvk: Some(("", "v1", "Status")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&LIST_META), ALWAYS),
        f("status", 2, One, Str, 0),
        f("message", 3, One, Str, 0),
        f("reason", 4, One, Str, 0),
        f("details", 5, One, Msg(&STATUS_DETAILS), KEEP),
        f("code", 6, One, Int32, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static STATUS_CAUSE: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause",
    gvk: None,
    atomic: false,
    fields: &[f("reason", 1, One, Str, 0), f("message", 2, One, Str, 0), f("field", 3, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static STATUS_DETAILS: Message = Message {
    name: "io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails",
    gvk: None,
    atomic: false,
    fields: &[
        f("name", 1, One, Str, 0),
        f("group", 2, One, Str, 0),
        f("kind", 3, One, Str, 0),
        f("uid", 6, One, Str, 0),
        f("causes", 4, List, Msg(&STATUS_CAUSE), 0),
        f("retryAfterSeconds", 5, One, Int32, 0),
    ],
    inlined: &[],
    custom: false,
};
