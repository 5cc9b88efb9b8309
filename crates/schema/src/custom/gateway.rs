//! Gateways, their classes, listener sets, grants and TLS policies of the Gateway API v1.7, experimental channel, and the
//! parts that routes share with them.
//!
//! Data: one line a field. Numbered extras are in `bounds.rs`; rules between fields are in `crate::rules`.

use super::bounds::*;
use crate::generated::meta_v1::OBJECT_META;
use crate::table::flags::*;
use crate::table::{CUSTOM, Field, Kind::*, Message, Shape::*, f, x};

const GROUP: &str = "gateway.networking.k8s.io";

/// Every kind in every served version.
pub static KINDS: &[&Message] = &[
    &GATEWAY_CLASS,
    &GATEWAY_CLASS_V1BETA1,
    &GATEWAY,
    &GATEWAY_V1BETA1,
    &REFERENCE_GRANT,
    &REFERENCE_GRANT_V1BETA1,
    &BACKEND_TLS_POLICY,
    &LISTENER_SET,
];

pub static PARAMETERS_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ParametersReference",
    fields: &[
        x("group", 0, One, Str, REQUIRED, &X0),
        x("kind", 0, One, Str, REQUIRED, &X1),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

pub static GATEWAY_CLASS_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayClassSpec",
    fields: &[
        x("controllerName", 0, One, Str, REQUIRED, &X4),
        x("description", 0, One, Str, 0, &X5),
        f("parametersRef", 0, One, Msg(&PARAMETERS_REFERENCE), 0),
    ],
    ..CUSTOM
};

pub static CONDITION: Message = Message {
    name: "io.k8s.networking.gateway.v1.Condition",
    fields: &[
        f("lastTransitionTime", 0, One, Time, REQUIRED),
        x("message", 0, One, Str, REQUIRED, &X6),
        x("observedGeneration", 0, One, Int64, 0, &X7),
        x("reason", 0, One, Str, REQUIRED, &X8),
        x("status", 0, One, Str, REQUIRED, &X9),
        x("type", 0, One, Str, REQUIRED, &X10),
    ],
    ..CUSTOM
};

pub static SUPPORTED_FEATURE: Message =
    Message { name: "io.k8s.networking.gateway.v1.SupportedFeature", fields: &[f("name", 0, One, Str, REQUIRED)], ..CUSTOM };

pub static GATEWAY_CLASS_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayClassStatus",
    fields: &[x("conditions", 0, List, Msg(&CONDITION), MAP, &X11), x("supportedFeatures", 0, List, Msg(&SUPPORTED_FEATURE), MAP, &X12)],
    ..CUSTOM
};

static GATEWAY_CLASS_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&GATEWAY_CLASS_SPEC), REQUIRED),
    x("status", 0, One, Msg(&GATEWAY_CLASS_STATUS), 0, &X13),
];

pub static GATEWAY_CLASS: Message =
    Message { name: "io.k8s.networking.gateway.v1.GatewayClass", gvk: Some((GROUP, "v1", "GatewayClass")), fields: GATEWAY_CLASS_FIELDS, ..CUSTOM };

pub static GATEWAY_CLASS_V1BETA1: Message = Message {
    name: "io.k8s.networking.gateway.v1beta1.GatewayClass",
    gvk: Some((GROUP, "v1beta1", "GatewayClass")),
    fields: GATEWAY_CLASS_FIELDS,
    ..CUSTOM
};

pub static GATEWAY_SPEC_ADDRESS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewaySpecAddress",
    fields: &[x("routability", 0, One, Str, 0, &X14), x("type", 0, One, Str, 0, &X15), x("value", 0, One, Str, 0, &X14)],
    ..CUSTOM
};

pub static LABEL_SELECTOR_MATCH_EXPRESSIONS: Message = Message {
    name: "io.k8s.networking.gateway.v1.LabelSelectorMatchExpressions",
    fields: &[f("key", 0, One, Str, REQUIRED), f("operator", 0, One, Str, REQUIRED), f("values", 0, List, Str, 0)],
    ..CUSTOM
};

pub static LABEL_SELECTOR: Message = Message {
    name: "io.k8s.networking.gateway.v1.LabelSelector",
    fields: &[f("matchExpressions", 0, List, Msg(&LABEL_SELECTOR_MATCH_EXPRESSIONS), 0), f("matchLabels", 0, Map, Str, 0)],
    atomic: true,
    ..CUSTOM
};

pub static LISTENER_NAMESPACES: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerNamespaces",
    fields: &[x("from", 0, One, Str, 0, &X16), f("selector", 0, One, Msg(&LABEL_SELECTOR), 0)],
    ..CUSTOM
};

pub static ALLOWED_LISTENERS: Message = Message {
    name: "io.k8s.networking.gateway.v1.AllowedListeners",
    fields: &[x("namespaces", 0, One, Msg(&LISTENER_NAMESPACES), 0, &X17)],
    ..CUSTOM
};

pub static LOCAL_PARAMETERS_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.LocalParametersReference",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("name", 0, One, Str, REQUIRED, &X2)],
    ..CUSTOM
};

pub static GATEWAY_INFRASTRUCTURE: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayInfrastructure",
    fields: &[
        x("annotations", 0, Map, Str, 0, &X18),
        x("labels", 0, Map, Str, 0, &X19),
        f("parametersRef", 0, One, Msg(&LOCAL_PARAMETERS_REFERENCE), 0),
    ],
    ..CUSTOM
};

pub static ROUTE_GROUP_KIND: Message = Message {
    name: "io.k8s.networking.gateway.v1.RouteGroupKind",
    fields: &[x("group", 0, One, Str, 0, &X20), x("kind", 0, One, Str, REQUIRED, &X1)],
    ..CUSTOM
};

pub static ROUTE_NAMESPACES: Message = Message {
    name: "io.k8s.networking.gateway.v1.RouteNamespaces",
    fields: &[x("from", 0, One, Str, 0, &X21), f("selector", 0, One, Msg(&LABEL_SELECTOR), 0)],
    ..CUSTOM
};

pub static ALLOWED_ROUTES: Message = Message {
    name: "io.k8s.networking.gateway.v1.AllowedRoutes",
    fields: &[x("kinds", 0, List, Msg(&ROUTE_GROUP_KIND), 0, &X22), x("namespaces", 0, One, Msg(&ROUTE_NAMESPACES), 0, &X23)],
    ..CUSTOM
};

pub static LOCAL_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.LocalObjectReference",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("name", 0, One, Str, REQUIRED, &X2)],
    ..CUSTOM
};

pub static BACKEND_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendObjectReference",
    fields: &[
        x("group", 0, One, Str, 0, &X24),
        x("kind", 0, One, Str, 0, &X25),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
        x("port", 0, One, Int32, 0, &X26),
    ],
    ..CUSTOM
};

pub static FORWARD_BODY_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.ForwardBodyConfig", fields: &[x("maxSize", 0, One, Int32, 0, &X7)], ..CUSTOM };

pub static GRPC_AUTH_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.GRPCAuthConfig", fields: &[x("allowedHeaders", 0, List, Str, SET, &X27)], ..CUSTOM };

pub static HTTP_AUTH_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPAuthConfig",
    fields: &[x("allowedHeaders", 0, List, Str, SET, &X27), x("allowedResponseHeaders", 0, List, Str, SET, &X27), x("path", 0, One, Str, 0, &X28)],
    ..CUSTOM
};

pub static HTTP_EXTERNAL_AUTH_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPExternalAuthFilter",
    fields: &[
        f("backendRef", 0, One, Msg(&BACKEND_OBJECT_REFERENCE), REQUIRED),
        f("forwardBody", 0, One, Msg(&FORWARD_BODY_CONFIG), 0),
        f("grpc", 0, One, Msg(&GRPC_AUTH_CONFIG), 0),
        f("http", 0, One, Msg(&HTTP_AUTH_CONFIG), 0),
        x("protocol", 0, One, Str, REQUIRED, &X29),
    ],
    ..CUSTOM
};

pub static LISTENER_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerFilter",
    fields: &[
        f("extensionRef", 0, One, Msg(&LOCAL_OBJECT_REFERENCE), 0),
        f("externalAuth", 0, One, Msg(&HTTP_EXTERNAL_AUTH_FILTER), 0),
        x("type", 0, One, Str, REQUIRED, &X30),
    ],
    ..CUSTOM
};

pub static LISTENER_FILTERS: Message =
    Message { name: "io.k8s.networking.gateway.v1.ListenerFilters", fields: &[x("requests", 0, List, Msg(&LISTENER_FILTER), 0, &X31)], ..CUSTOM };

pub static SECRET_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.SecretObjectReference",
    fields: &[
        x("group", 0, One, Str, 0, &X24),
        x("kind", 0, One, Str, 0, &X32),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

pub static LISTENER_TLS_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerTLSConfig",
    fields: &[
        x("certificateRefs", 0, List, Msg(&SECRET_OBJECT_REFERENCE), 0, &X27),
        x("mode", 0, One, Str, 0, &X33),
        x("options", 0, Map, Str, 0, &X18),
    ],
    ..CUSTOM
};

pub static LISTENER: Message = Message {
    name: "io.k8s.networking.gateway.v1.Listener",
    fields: &[
        x("allowedRoutes", 0, One, Msg(&ALLOWED_ROUTES), 0, &X34),
        f("filters", 0, One, Msg(&LISTENER_FILTERS), 0),
        x("hostname", 0, One, Str, 0, &X35),
        x("name", 0, One, Str, REQUIRED, &X36),
        x("port", 0, One, Int32, REQUIRED, &X26),
        x("protocol", 0, One, Str, REQUIRED, &X37),
        f("tls", 0, One, Msg(&LISTENER_TLS_CONFIG), 0),
    ],
    ..CUSTOM
};

pub static GATEWAY_BACKEND_TLS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayBackendTLS",
    fields: &[f("clientCertificateRef", 0, One, Msg(&SECRET_OBJECT_REFERENCE), 0)],
    ..CUSTOM
};

pub static OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ObjectReference",
    fields: &[
        x("group", 0, One, Str, REQUIRED, &X0),
        x("kind", 0, One, Str, REQUIRED, &X1),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

pub static FRONTEND_TLS_VALIDATION: Message = Message {
    name: "io.k8s.networking.gateway.v1.FrontendTLSValidation",
    fields: &[x("caCertificateRefs", 0, List, Msg(&OBJECT_REFERENCE), REQUIRED, &X38), x("mode", 0, One, Str, 0, &X39)],
    ..CUSTOM
};

pub static TLS_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.TLSConfig", fields: &[f("validation", 0, One, Msg(&FRONTEND_TLS_VALIDATION), 0)], ..CUSTOM };

pub static TLS_PORT_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSPortConfig",
    fields: &[x("port", 0, One, Int32, REQUIRED, &X26), f("tls", 0, One, Msg(&TLS_CONFIG), REQUIRED)],
    ..CUSTOM
};

pub static FRONTEND_TLS_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.FrontendTLSConfig",
    fields: &[f("default", 0, One, Msg(&TLS_CONFIG), REQUIRED), x("perPort", 0, List, Msg(&TLS_PORT_CONFIG), MAP, &X40)],
    ..CUSTOM
};

pub static GATEWAY_TLS_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayTLSConfig",
    fields: &[f("backend", 0, One, Msg(&GATEWAY_BACKEND_TLS), 0), f("frontend", 0, One, Msg(&FRONTEND_TLS_CONFIG), 0)],
    ..CUSTOM
};

pub static GATEWAY_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewaySpec",
    fields: &[
        x("addresses", 0, List, Msg(&GATEWAY_SPEC_ADDRESS), 0, &X31),
        f("allowedListeners", 0, One, Msg(&ALLOWED_LISTENERS), 0),
        x("defaultScope", 0, One, Str, 0, &X41),
        x("gatewayClassName", 0, One, Str, REQUIRED, &X2),
        f("infrastructure", 0, One, Msg(&GATEWAY_INFRASTRUCTURE), 0),
        x("listeners", 0, List, Msg(&LISTENER), MAP | REQUIRED, &X42),
        f("tls", 0, One, Msg(&GATEWAY_TLS_CONFIG), 0),
    ],
    ..CUSTOM
};

pub static GATEWAY_STATUS_ADDRESS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayStatusAddress",
    fields: &[x("routability", 0, One, Str, 0, &X14), x("type", 0, One, Str, 0, &X15), x("value", 0, One, Str, REQUIRED, &X2)],
    ..CUSTOM
};

pub static LISTENER_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerStatus",
    fields: &[
        f("attachedRoutes", 0, One, Int32, REQUIRED),
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X43),
        x("name", 0, One, Str, REQUIRED, &X36),
        x("supportedKinds", 0, List, Msg(&ROUTE_GROUP_KIND), 0, &X22),
    ],
    ..CUSTOM
};

pub static GATEWAY_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayStatus",
    fields: &[
        x("addresses", 0, List, Msg(&GATEWAY_STATUS_ADDRESS), 0, &X31),
        f("attachedListenerSets", 0, One, Int32, 0),
        x("conditions", 0, List, Msg(&CONDITION), MAP, &X44),
        x("listeners", 0, List, Msg(&LISTENER_STATUS), MAP, &X12),
    ],
    ..CUSTOM
};

static GATEWAY_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&GATEWAY_SPEC), REQUIRED),
    x("status", 0, One, Msg(&GATEWAY_STATUS), 0, &X45),
];

pub static GATEWAY: Message =
    Message { name: "io.k8s.networking.gateway.v1.Gateway", gvk: Some((GROUP, "v1", "Gateway")), fields: GATEWAY_FIELDS, ..CUSTOM };

pub static GATEWAY_V1BETA1: Message =
    Message { name: "io.k8s.networking.gateway.v1beta1.Gateway", gvk: Some((GROUP, "v1beta1", "Gateway")), fields: GATEWAY_FIELDS, ..CUSTOM };

pub static PARENT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ParentReference",
    fields: &[
        x("group", 0, One, Str, 0, &X20),
        x("kind", 0, One, Str, 0, &X46),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
        x("port", 0, One, Int32, 0, &X26),
        x("sectionName", 0, One, Str, 0, &X36),
    ],
    ..CUSTOM
};

pub static COOKIE_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.CookieConfig",
    fields: &[x("lifetimeType", 0, One, Str, 0, &X71), x("name", 0, One, Str, 0, &X51), x("path", 0, One, Str, 0, &X64)],
    ..CUSTOM
};

pub static HEADER_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.HeaderConfig", fields: &[x("name", 0, One, Str, REQUIRED, &X51)], ..CUSTOM };

pub static SESSION_PERSISTENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.SessionPersistence",
    fields: &[
        x("absoluteTimeout", 0, One, Str, 0, &X69),
        f("cookie", 0, One, Msg(&COOKIE_CONFIG), 0),
        f("header", 0, One, Msg(&HEADER_CONFIG), 0),
        x("type", 0, One, Str, 0, &X72),
    ],
    ..CUSTOM
};

pub static REFERENCE_GRANT_FROM: Message = Message {
    name: "io.k8s.networking.gateway.v1.ReferenceGrantFrom",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("namespace", 0, One, Str, REQUIRED, &X3)],
    ..CUSTOM
};

pub static REFERENCE_GRANT_TO: Message = Message {
    name: "io.k8s.networking.gateway.v1.ReferenceGrantTo",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("name", 0, One, Str, 0, &X2)],
    ..CUSTOM
};

pub static REFERENCE_GRANT_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.ReferenceGrantSpec",
    fields: &[x("from", 0, List, Msg(&REFERENCE_GRANT_FROM), REQUIRED, &X38), x("to", 0, List, Msg(&REFERENCE_GRANT_TO), REQUIRED, &X38)],
    ..CUSTOM
};

static REFERENCE_GRANT_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&REFERENCE_GRANT_SPEC), REQUIRED),
];

pub static REFERENCE_GRANT: Message = Message {
    name: "io.k8s.networking.gateway.v1.ReferenceGrant",
    gvk: Some((GROUP, "v1", "ReferenceGrant")),
    fields: REFERENCE_GRANT_FIELDS,
    ..CUSTOM
};

pub static REFERENCE_GRANT_V1BETA1: Message = Message {
    name: "io.k8s.networking.gateway.v1beta1.ReferenceGrant",
    gvk: Some((GROUP, "v1beta1", "ReferenceGrant")),
    fields: REFERENCE_GRANT_FIELDS,
    ..CUSTOM
};

pub static LOCAL_POLICY_TARGET_REFERENCE_WITH_SECTION_NAME: Message = Message {
    name: "io.k8s.networking.gateway.v1.LocalPolicyTargetReferenceWithSectionName",
    fields: &[
        x("group", 0, One, Str, REQUIRED, &X0),
        x("kind", 0, One, Str, REQUIRED, &X1),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("sectionName", 0, One, Str, 0, &X36),
    ],
    ..CUSTOM
};

pub static SUBJECT_ALT_NAME: Message = Message {
    name: "io.k8s.networking.gateway.v1.SubjectAltName",
    fields: &[x("hostname", 0, One, Str, 0, &X35), x("type", 0, One, Str, REQUIRED, &X82), x("uri", 0, One, Str, 0, &X83)],
    ..CUSTOM
};

pub static BACKEND_TLS_POLICY_VALIDATION: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendTLSPolicyValidation",
    fields: &[
        x("caCertificateRefs", 0, List, Msg(&LOCAL_OBJECT_REFERENCE), 0, &X84),
        x("hostname", 0, One, Str, REQUIRED, &X36),
        x("subjectAltNames", 0, List, Msg(&SUBJECT_ALT_NAME), 0, &X85),
        x("wellKnownCACertificates", 0, One, Str, 0, &X86),
    ],
    ..CUSTOM
};

pub static BACKEND_TLS_POLICY_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendTLSPolicySpec",
    fields: &[
        x("options", 0, Map, Str, 0, &X18),
        x("targetRefs", 0, List, Msg(&LOCAL_POLICY_TARGET_REFERENCE_WITH_SECTION_NAME), REQUIRED, &X38),
        f("validation", 0, One, Msg(&BACKEND_TLS_POLICY_VALIDATION), REQUIRED),
    ],
    ..CUSTOM
};

pub static POLICY_ANCESTOR_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.PolicyAncestorStatus",
    fields: &[
        f("ancestorRef", 0, One, Msg(&PARENT_REFERENCE), REQUIRED),
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X77),
        x("controllerName", 0, One, Str, REQUIRED, &X4),
    ],
    ..CUSTOM
};

pub static POLICY_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.PolicyStatus",
    fields: &[x("ancestors", 0, List, Msg(&POLICY_ANCESTOR_STATUS), REQUIRED, &X31)],
    ..CUSTOM
};

static BACKEND_TLS_POLICY_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&BACKEND_TLS_POLICY_SPEC), REQUIRED),
    f("status", 0, One, Msg(&POLICY_STATUS), 0),
];

pub static BACKEND_TLS_POLICY: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendTLSPolicy",
    gvk: Some((GROUP, "v1", "BackendTLSPolicy")),
    fields: BACKEND_TLS_POLICY_FIELDS,
    ..CUSTOM
};

pub static LISTENER_ENTRY: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerEntry",
    fields: &[
        x("allowedRoutes", 0, One, Msg(&ALLOWED_ROUTES), 0, &X34),
        f("filters", 0, One, Msg(&LISTENER_FILTERS), 0),
        x("hostname", 0, One, Str, 0, &X35),
        x("name", 0, One, Str, REQUIRED, &X36),
        x("port", 0, One, Int32, REQUIRED, &X26),
        x("protocol", 0, One, Str, REQUIRED, &X37),
        f("tls", 0, One, Msg(&LISTENER_TLS_CONFIG), 0),
    ],
    ..CUSTOM
};

pub static PARENT_GATEWAY_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ParentGatewayReference",
    fields: &[
        x("group", 0, One, Str, 0, &X20),
        x("kind", 0, One, Str, 0, &X46),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

pub static LISTENER_SET_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerSetSpec",
    fields: &[x("listeners", 0, List, Msg(&LISTENER_ENTRY), MAP | REQUIRED, &X42), f("parentRef", 0, One, Msg(&PARENT_GATEWAY_REFERENCE), REQUIRED)],
    ..CUSTOM
};

pub static LISTENER_ENTRY_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerEntryStatus",
    fields: &[
        f("attachedRoutes", 0, One, Int32, REQUIRED),
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X43),
        x("name", 0, One, Str, REQUIRED, &X36),
        x("supportedKinds", 0, List, Msg(&ROUTE_GROUP_KIND), 0, &X22),
    ],
    ..CUSTOM
};

pub static LISTENER_SET_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerSetStatus",
    fields: &[x("conditions", 0, List, Msg(&CONDITION), MAP, &X44), x("listeners", 0, List, Msg(&LISTENER_ENTRY_STATUS), MAP, &X12)],
    ..CUSTOM
};

static LISTENER_SET_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&LISTENER_SET_SPEC), REQUIRED),
    x("status", 0, One, Msg(&LISTENER_SET_STATUS), 0, &X45),
];

pub static LISTENER_SET: Message =
    Message { name: "io.k8s.networking.gateway.v1.ListenerSet", gvk: Some((GROUP, "v1", "ListenerSet")), fields: LISTENER_SET_FIELDS, ..CUSTOM };
