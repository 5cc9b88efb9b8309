//! The kinds of the Gateway API v1.7, experimental channel, field by field.
//!
//! Longer than other files because it is data: one line a field. Numbered extras are in `bounds.rs`; rules between
//! fields are in `crate::rules`.

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
    &HTTP_ROUTE,
    &HTTP_ROUTE_V1BETA1,
    &REFERENCE_GRANT,
    &REFERENCE_GRANT_V1BETA1,
    &GRPC_ROUTE,
    &TLS_ROUTE,
    &TCP_ROUTE,
    &UDP_ROUTE,
    &BACKEND_TLS_POLICY,
    &LISTENER_SET,
];

static PARAMETERS_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ParametersReference",
    fields: &[
        x("group", 0, One, Str, REQUIRED, &X0),
        x("kind", 0, One, Str, REQUIRED, &X1),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

static GATEWAY_CLASS_SPEC: Message = Message {
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

static SUPPORTED_FEATURE: Message =
    Message { name: "io.k8s.networking.gateway.v1.SupportedFeature", fields: &[f("name", 0, One, Str, REQUIRED)], ..CUSTOM };

static GATEWAY_CLASS_STATUS: Message = Message {
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

static GATEWAY_SPEC_ADDRESS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewaySpecAddress",
    fields: &[x("routability", 0, One, Str, 0, &X14), x("type", 0, One, Str, 0, &X15), x("value", 0, One, Str, 0, &X14)],
    ..CUSTOM
};

static LABEL_SELECTOR_MATCH_EXPRESSIONS: Message = Message {
    name: "io.k8s.networking.gateway.v1.LabelSelectorMatchExpressions",
    fields: &[f("key", 0, One, Str, REQUIRED), f("operator", 0, One, Str, REQUIRED), f("values", 0, List, Str, 0)],
    ..CUSTOM
};

static LABEL_SELECTOR: Message = Message {
    name: "io.k8s.networking.gateway.v1.LabelSelector",
    fields: &[f("matchExpressions", 0, List, Msg(&LABEL_SELECTOR_MATCH_EXPRESSIONS), 0), f("matchLabels", 0, Map, Str, 0)],
    atomic: true,
    ..CUSTOM
};

static LISTENER_NAMESPACES: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerNamespaces",
    fields: &[x("from", 0, One, Str, 0, &X16), f("selector", 0, One, Msg(&LABEL_SELECTOR), 0)],
    ..CUSTOM
};

static ALLOWED_LISTENERS: Message = Message {
    name: "io.k8s.networking.gateway.v1.AllowedListeners",
    fields: &[x("namespaces", 0, One, Msg(&LISTENER_NAMESPACES), 0, &X17)],
    ..CUSTOM
};

static LOCAL_PARAMETERS_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.LocalParametersReference",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("name", 0, One, Str, REQUIRED, &X2)],
    ..CUSTOM
};

static GATEWAY_INFRASTRUCTURE: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayInfrastructure",
    fields: &[
        x("annotations", 0, Map, Str, 0, &X18),
        x("labels", 0, Map, Str, 0, &X19),
        f("parametersRef", 0, One, Msg(&LOCAL_PARAMETERS_REFERENCE), 0),
    ],
    ..CUSTOM
};

static ROUTE_GROUP_KIND: Message = Message {
    name: "io.k8s.networking.gateway.v1.RouteGroupKind",
    fields: &[x("group", 0, One, Str, 0, &X20), x("kind", 0, One, Str, REQUIRED, &X1)],
    ..CUSTOM
};

static ROUTE_NAMESPACES: Message = Message {
    name: "io.k8s.networking.gateway.v1.RouteNamespaces",
    fields: &[x("from", 0, One, Str, 0, &X21), f("selector", 0, One, Msg(&LABEL_SELECTOR), 0)],
    ..CUSTOM
};

static ALLOWED_ROUTES: Message = Message {
    name: "io.k8s.networking.gateway.v1.AllowedRoutes",
    fields: &[x("kinds", 0, List, Msg(&ROUTE_GROUP_KIND), 0, &X22), x("namespaces", 0, One, Msg(&ROUTE_NAMESPACES), 0, &X23)],
    ..CUSTOM
};

static LOCAL_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.LocalObjectReference",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("name", 0, One, Str, REQUIRED, &X2)],
    ..CUSTOM
};

static BACKEND_OBJECT_REFERENCE: Message = Message {
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

static FORWARD_BODY_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.ForwardBodyConfig", fields: &[x("maxSize", 0, One, Int32, 0, &X7)], ..CUSTOM };

static GRPC_AUTH_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.GRPCAuthConfig", fields: &[x("allowedHeaders", 0, List, Str, SET, &X27)], ..CUSTOM };

static HTTP_AUTH_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPAuthConfig",
    fields: &[x("allowedHeaders", 0, List, Str, SET, &X27), x("allowedResponseHeaders", 0, List, Str, SET, &X27), x("path", 0, One, Str, 0, &X28)],
    ..CUSTOM
};

static HTTP_EXTERNAL_AUTH_FILTER: Message = Message {
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

static LISTENER_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerFilter",
    fields: &[
        f("extensionRef", 0, One, Msg(&LOCAL_OBJECT_REFERENCE), 0),
        f("externalAuth", 0, One, Msg(&HTTP_EXTERNAL_AUTH_FILTER), 0),
        x("type", 0, One, Str, REQUIRED, &X30),
    ],
    ..CUSTOM
};

static LISTENER_FILTERS: Message =
    Message { name: "io.k8s.networking.gateway.v1.ListenerFilters", fields: &[x("requests", 0, List, Msg(&LISTENER_FILTER), 0, &X31)], ..CUSTOM };

static SECRET_OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.SecretObjectReference",
    fields: &[
        x("group", 0, One, Str, 0, &X24),
        x("kind", 0, One, Str, 0, &X32),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

static LISTENER_TLS_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerTLSConfig",
    fields: &[
        x("certificateRefs", 0, List, Msg(&SECRET_OBJECT_REFERENCE), 0, &X27),
        x("mode", 0, One, Str, 0, &X33),
        x("options", 0, Map, Str, 0, &X18),
    ],
    ..CUSTOM
};

static LISTENER: Message = Message {
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

static GATEWAY_BACKEND_TLS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayBackendTLS",
    fields: &[f("clientCertificateRef", 0, One, Msg(&SECRET_OBJECT_REFERENCE), 0)],
    ..CUSTOM
};

static OBJECT_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ObjectReference",
    fields: &[
        x("group", 0, One, Str, REQUIRED, &X0),
        x("kind", 0, One, Str, REQUIRED, &X1),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

static FRONTEND_TLS_VALIDATION: Message = Message {
    name: "io.k8s.networking.gateway.v1.FrontendTLSValidation",
    fields: &[x("caCertificateRefs", 0, List, Msg(&OBJECT_REFERENCE), REQUIRED, &X38), x("mode", 0, One, Str, 0, &X39)],
    ..CUSTOM
};

static TLS_CONFIG: Message =
    Message { name: "io.k8s.networking.gateway.v1.TLSConfig", fields: &[f("validation", 0, One, Msg(&FRONTEND_TLS_VALIDATION), 0)], ..CUSTOM };

static TLS_PORT_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSPortConfig",
    fields: &[x("port", 0, One, Int32, REQUIRED, &X26), f("tls", 0, One, Msg(&TLS_CONFIG), REQUIRED)],
    ..CUSTOM
};

static FRONTEND_TLS_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.FrontendTLSConfig",
    fields: &[f("default", 0, One, Msg(&TLS_CONFIG), REQUIRED), x("perPort", 0, List, Msg(&TLS_PORT_CONFIG), MAP, &X40)],
    ..CUSTOM
};

static GATEWAY_TLS_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayTLSConfig",
    fields: &[f("backend", 0, One, Msg(&GATEWAY_BACKEND_TLS), 0), f("frontend", 0, One, Msg(&FRONTEND_TLS_CONFIG), 0)],
    ..CUSTOM
};

static GATEWAY_SPEC: Message = Message {
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

static GATEWAY_STATUS_ADDRESS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GatewayStatusAddress",
    fields: &[x("routability", 0, One, Str, 0, &X14), x("type", 0, One, Str, 0, &X15), x("value", 0, One, Str, REQUIRED, &X2)],
    ..CUSTOM
};

static LISTENER_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerStatus",
    fields: &[
        f("attachedRoutes", 0, One, Int32, REQUIRED),
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X43),
        x("name", 0, One, Str, REQUIRED, &X36),
        x("supportedKinds", 0, List, Msg(&ROUTE_GROUP_KIND), 0, &X22),
    ],
    ..CUSTOM
};

static GATEWAY_STATUS: Message = Message {
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

static PARENT_REFERENCE: Message = Message {
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

static HTTPCORS_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPCORSFilter",
    fields: &[
        f("allowCredentials", 0, One, Bool, 0),
        x("allowHeaders", 0, List, Str, SET, &X47),
        x("allowMethods", 0, List, Str, SET, &X48),
        x("allowOrigins", 0, List, Str, SET, &X49),
        x("exposeHeaders", 0, List, Str, SET, &X47),
        x("maxAge", 0, One, Int32, 0, &X50),
    ],
    ..CUSTOM
};

static HTTP_HEADER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPHeader",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("value", 0, One, Str, REQUIRED, &X52)],
    ..CUSTOM
};

static HTTP_HEADER_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPHeaderFilter",
    fields: &[x("add", 0, List, Msg(&HTTP_HEADER), MAP, &X53), x("remove", 0, List, Str, SET, &X31), x("set", 0, List, Msg(&HTTP_HEADER), MAP, &X53)],
    ..CUSTOM
};

static FRACTION: Message = Message {
    name: "io.k8s.networking.gateway.v1.Fraction",
    fields: &[x("denominator", 0, One, Int32, 0, &X54), x("numerator", 0, One, Int32, REQUIRED, &X7)],
    ..CUSTOM
};

static HTTP_REQUEST_MIRROR_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRequestMirrorFilter",
    fields: &[
        f("backendRef", 0, One, Msg(&BACKEND_OBJECT_REFERENCE), REQUIRED),
        f("fraction", 0, One, Msg(&FRACTION), 0),
        x("percent", 0, One, Int32, 0, &X55),
    ],
    ..CUSTOM
};

static HTTP_PATH_MODIFIER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPPathModifier",
    fields: &[x("replaceFullPath", 0, One, Str, 0, &X56), x("replacePrefixMatch", 0, One, Str, 0, &X56), x("type", 0, One, Str, REQUIRED, &X57)],
    ..CUSTOM
};

static HTTP_REQUEST_REDIRECT_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRequestRedirectFilter",
    fields: &[
        x("hostname", 0, One, Str, 0, &X36),
        f("path", 0, One, Msg(&HTTP_PATH_MODIFIER), 0),
        x("port", 0, One, Int32, 0, &X26),
        x("scheme", 0, One, Str, 0, &X58),
        x("statusCode", 0, One, Int32, 0, &X59),
    ],
    ..CUSTOM
};

static HTTPURL_REWRITE_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPURLRewriteFilter",
    fields: &[x("hostname", 0, One, Str, 0, &X36), f("path", 0, One, Msg(&HTTP_PATH_MODIFIER), 0)],
    ..CUSTOM
};

static HTTP_ROUTE_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteFilter",
    fields: &[
        f("cors", 0, One, Msg(&HTTPCORS_FILTER), 0),
        f("extensionRef", 0, One, Msg(&LOCAL_OBJECT_REFERENCE), 0),
        f("externalAuth", 0, One, Msg(&HTTP_EXTERNAL_AUTH_FILTER), 0),
        f("requestHeaderModifier", 0, One, Msg(&HTTP_HEADER_FILTER), 0),
        f("requestMirror", 0, One, Msg(&HTTP_REQUEST_MIRROR_FILTER), 0),
        f("requestRedirect", 0, One, Msg(&HTTP_REQUEST_REDIRECT_FILTER), 0),
        f("responseHeaderModifier", 0, One, Msg(&HTTP_HEADER_FILTER), 0),
        x("type", 0, One, Str, REQUIRED, &X60),
        f("urlRewrite", 0, One, Msg(&HTTPURL_REWRITE_FILTER), 0),
    ],
    ..CUSTOM
};

static HTTP_BACKEND_REF: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPBackendRef",
    fields: &[
        x("filters", 0, List, Msg(&HTTP_ROUTE_FILTER), 0, &X31),
        x("group", 0, One, Str, 0, &X24),
        x("kind", 0, One, Str, 0, &X25),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
        x("port", 0, One, Int32, 0, &X26),
        x("weight", 0, One, Int32, 0, &X61),
    ],
    ..CUSTOM
};

static HTTP_HEADER_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPHeaderMatch",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("type", 0, One, Str, 0, &X62), x("value", 0, One, Str, REQUIRED, &X52)],
    ..CUSTOM
};

static HTTP_PATH_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPPathMatch",
    fields: &[x("type", 0, One, Str, 0, &X63), x("value", 0, One, Str, 0, &X64)],
    ..CUSTOM
};

static HTTP_QUERY_PARAM_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPQueryParamMatch",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("type", 0, One, Str, 0, &X62), x("value", 0, One, Str, REQUIRED, &X65)],
    ..CUSTOM
};

static HTTP_ROUTE_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteMatch",
    fields: &[
        x("headers", 0, List, Msg(&HTTP_HEADER_MATCH), MAP, &X53),
        x("method", 0, One, Str, 0, &X66),
        x("path", 0, One, Msg(&HTTP_PATH_MATCH), 0, &X67),
        x("queryParams", 0, List, Msg(&HTTP_QUERY_PARAM_MATCH), MAP, &X53),
    ],
    ..CUSTOM
};

static HTTP_ROUTE_RETRY: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteRetry",
    fields: &[x("attempts", 0, One, Int32, 0, &X68), x("backoff", 0, One, Str, 0, &X69), x("codes", 0, List, Int32, SET, &X70)],
    ..CUSTOM
};

static COOKIE_CONFIG: Message = Message {
    name: "io.k8s.networking.gateway.v1.CookieConfig",
    fields: &[x("lifetimeType", 0, One, Str, 0, &X71), x("name", 0, One, Str, 0, &X51), x("path", 0, One, Str, 0, &X64)],
    ..CUSTOM
};

static HEADER_CONFIG: Message =
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

static HTTP_ROUTE_TIMEOUTS: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteTimeouts",
    fields: &[x("backendRequest", 0, One, Str, 0, &X69), x("request", 0, One, Str, 0, &X69)],
    ..CUSTOM
};

static HTTP_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteRule",
    fields: &[
        x("backendRefs", 0, List, Msg(&HTTP_BACKEND_REF), 0, &X31),
        x("filters", 0, List, Msg(&HTTP_ROUTE_FILTER), 0, &X31),
        x("matches", 0, List, Msg(&HTTP_ROUTE_MATCH), 0, &X73),
        x("name", 0, One, Str, 0, &X36),
        f("retry", 0, One, Msg(&HTTP_ROUTE_RETRY), 0),
        f("sessionPersistence", 0, One, Msg(&SESSION_PERSISTENCE), 0),
        f("timeouts", 0, One, Msg(&HTTP_ROUTE_TIMEOUTS), 0),
    ],
    ..CUSTOM
};

static HTTP_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteSpec",
    fields: &[
        x("hostnames", 0, List, Str, 0, &X74),
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&HTTP_ROUTE_RULE), 0, &X76),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

static ROUTE_PARENT_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.RouteParentStatus",
    fields: &[
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X77),
        x("controllerName", 0, One, Str, REQUIRED, &X4),
        f("parentRef", 0, One, Msg(&PARENT_REFERENCE), REQUIRED),
    ],
    ..CUSTOM
};

static HTTP_ROUTE_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteStatus",
    fields: &[x("parents", 0, List, Msg(&ROUTE_PARENT_STATUS), REQUIRED, &X75)],
    ..CUSTOM
};

static HTTP_ROUTE_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&HTTP_ROUTE_SPEC), REQUIRED),
    f("status", 0, One, Msg(&HTTP_ROUTE_STATUS), 0),
];

pub static HTTP_ROUTE: Message =
    Message { name: "io.k8s.networking.gateway.v1.HTTPRoute", gvk: Some((GROUP, "v1", "HTTPRoute")), fields: HTTP_ROUTE_FIELDS, ..CUSTOM };

pub static HTTP_ROUTE_V1BETA1: Message =
    Message { name: "io.k8s.networking.gateway.v1beta1.HTTPRoute", gvk: Some((GROUP, "v1beta1", "HTTPRoute")), fields: HTTP_ROUTE_FIELDS, ..CUSTOM };

static REFERENCE_GRANT_FROM: Message = Message {
    name: "io.k8s.networking.gateway.v1.ReferenceGrantFrom",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("namespace", 0, One, Str, REQUIRED, &X3)],
    ..CUSTOM
};

static REFERENCE_GRANT_TO: Message = Message {
    name: "io.k8s.networking.gateway.v1.ReferenceGrantTo",
    fields: &[x("group", 0, One, Str, REQUIRED, &X0), x("kind", 0, One, Str, REQUIRED, &X1), x("name", 0, One, Str, 0, &X2)],
    ..CUSTOM
};

static REFERENCE_GRANT_SPEC: Message = Message {
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

static GRPC_ROUTE_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteFilter",
    fields: &[
        f("extensionRef", 0, One, Msg(&LOCAL_OBJECT_REFERENCE), 0),
        f("requestHeaderModifier", 0, One, Msg(&HTTP_HEADER_FILTER), 0),
        f("requestMirror", 0, One, Msg(&HTTP_REQUEST_MIRROR_FILTER), 0),
        f("responseHeaderModifier", 0, One, Msg(&HTTP_HEADER_FILTER), 0),
        x("type", 0, One, Str, REQUIRED, &X78),
    ],
    ..CUSTOM
};

static GRPC_BACKEND_REF: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCBackendRef",
    fields: &[
        x("filters", 0, List, Msg(&GRPC_ROUTE_FILTER), 0, &X31),
        x("group", 0, One, Str, 0, &X24),
        x("kind", 0, One, Str, 0, &X25),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
        x("port", 0, One, Int32, 0, &X26),
        x("weight", 0, One, Int32, 0, &X61),
    ],
    ..CUSTOM
};

static GRPC_HEADER_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCHeaderMatch",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("type", 0, One, Str, 0, &X62), x("value", 0, One, Str, REQUIRED, &X79)],
    ..CUSTOM
};

static GRPC_METHOD_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCMethodMatch",
    fields: &[x("method", 0, One, Str, 0, &X56), x("service", 0, One, Str, 0, &X56), x("type", 0, One, Str, 0, &X62)],
    ..CUSTOM
};

static GRPC_ROUTE_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteMatch",
    fields: &[x("headers", 0, List, Msg(&GRPC_HEADER_MATCH), MAP, &X53), f("method", 0, One, Msg(&GRPC_METHOD_MATCH), 0)],
    ..CUSTOM
};

static GRPC_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteRule",
    fields: &[
        x("backendRefs", 0, List, Msg(&GRPC_BACKEND_REF), 0, &X31),
        x("filters", 0, List, Msg(&GRPC_ROUTE_FILTER), 0, &X31),
        x("matches", 0, List, Msg(&GRPC_ROUTE_MATCH), 0, &X27),
        x("name", 0, One, Str, 0, &X36),
        f("sessionPersistence", 0, One, Msg(&SESSION_PERSISTENCE), 0),
    ],
    ..CUSTOM
};

static GRPC_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteSpec",
    fields: &[
        x("hostnames", 0, List, Str, 0, &X74),
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&GRPC_ROUTE_RULE), 0, &X31),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

static GRPC_ROUTE_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteStatus",
    fields: &[x("parents", 0, List, Msg(&ROUTE_PARENT_STATUS), REQUIRED, &X75)],
    ..CUSTOM
};

static GRPC_ROUTE_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&GRPC_ROUTE_SPEC), REQUIRED),
    f("status", 0, One, Msg(&GRPC_ROUTE_STATUS), 0),
];

pub static GRPC_ROUTE: Message =
    Message { name: "io.k8s.networking.gateway.v1.GRPCRoute", gvk: Some((GROUP, "v1", "GRPCRoute")), fields: GRPC_ROUTE_FIELDS, ..CUSTOM };

static BACKEND_REF: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendRef",
    fields: &[
        x("group", 0, One, Str, 0, &X24),
        x("kind", 0, One, Str, 0, &X25),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
        x("port", 0, One, Int32, 0, &X26),
        x("weight", 0, One, Int32, 0, &X61),
    ],
    ..CUSTOM
};

static TLS_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSRouteRule",
    fields: &[x("backendRefs", 0, List, Msg(&BACKEND_REF), REQUIRED, &X38), x("name", 0, One, Str, 0, &X36)],
    ..CUSTOM
};

static TLS_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSRouteSpec",
    fields: &[
        x("hostnames", 0, List, Str, REQUIRED, &X80),
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&TLS_ROUTE_RULE), REQUIRED, &X81),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

static TLS_ROUTE_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSRouteStatus",
    fields: &[x("parents", 0, List, Msg(&ROUTE_PARENT_STATUS), REQUIRED, &X75)],
    ..CUSTOM
};

static TLS_ROUTE_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&TLS_ROUTE_SPEC), REQUIRED),
    f("status", 0, One, Msg(&TLS_ROUTE_STATUS), 0),
];

pub static TLS_ROUTE: Message =
    Message { name: "io.k8s.networking.gateway.v1.TLSRoute", gvk: Some((GROUP, "v1", "TLSRoute")), fields: TLS_ROUTE_FIELDS, ..CUSTOM };

static TCP_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.TCPRouteRule",
    fields: &[x("backendRefs", 0, List, Msg(&BACKEND_REF), REQUIRED, &X38), x("name", 0, One, Str, 0, &X36)],
    ..CUSTOM
};

static TCP_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.TCPRouteSpec",
    fields: &[
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&TCP_ROUTE_RULE), REQUIRED, &X81),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

static TCP_ROUTE_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.TCPRouteStatus",
    fields: &[x("parents", 0, List, Msg(&ROUTE_PARENT_STATUS), REQUIRED, &X75)],
    ..CUSTOM
};

static TCP_ROUTE_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&TCP_ROUTE_SPEC), REQUIRED),
    f("status", 0, One, Msg(&TCP_ROUTE_STATUS), 0),
];

pub static TCP_ROUTE: Message =
    Message { name: "io.k8s.networking.gateway.v1.TCPRoute", gvk: Some((GROUP, "v1", "TCPRoute")), fields: TCP_ROUTE_FIELDS, ..CUSTOM };

static UDP_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.UDPRouteRule",
    fields: &[x("backendRefs", 0, List, Msg(&BACKEND_REF), REQUIRED, &X38), x("name", 0, One, Str, 0, &X36)],
    ..CUSTOM
};

static UDP_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.UDPRouteSpec",
    fields: &[
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&UDP_ROUTE_RULE), REQUIRED, &X81),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

static UDP_ROUTE_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.UDPRouteStatus",
    fields: &[x("parents", 0, List, Msg(&ROUTE_PARENT_STATUS), REQUIRED, &X75)],
    ..CUSTOM
};

static UDP_ROUTE_FIELDS: &[Field] = &[
    f("apiVersion", 0, One, Str, 0),
    f("kind", 0, One, Str, 0),
    f("metadata", 0, One, Msg(&OBJECT_META), 0),
    f("spec", 0, One, Msg(&UDP_ROUTE_SPEC), REQUIRED),
    f("status", 0, One, Msg(&UDP_ROUTE_STATUS), 0),
];

pub static UDP_ROUTE: Message =
    Message { name: "io.k8s.networking.gateway.v1.UDPRoute", gvk: Some((GROUP, "v1", "UDPRoute")), fields: UDP_ROUTE_FIELDS, ..CUSTOM };

static LOCAL_POLICY_TARGET_REFERENCE_WITH_SECTION_NAME: Message = Message {
    name: "io.k8s.networking.gateway.v1.LocalPolicyTargetReferenceWithSectionName",
    fields: &[
        x("group", 0, One, Str, REQUIRED, &X0),
        x("kind", 0, One, Str, REQUIRED, &X1),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("sectionName", 0, One, Str, 0, &X36),
    ],
    ..CUSTOM
};

static SUBJECT_ALT_NAME: Message = Message {
    name: "io.k8s.networking.gateway.v1.SubjectAltName",
    fields: &[x("hostname", 0, One, Str, 0, &X35), x("type", 0, One, Str, REQUIRED, &X82), x("uri", 0, One, Str, 0, &X83)],
    ..CUSTOM
};

static BACKEND_TLS_POLICY_VALIDATION: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendTLSPolicyValidation",
    fields: &[
        x("caCertificateRefs", 0, List, Msg(&LOCAL_OBJECT_REFERENCE), 0, &X84),
        x("hostname", 0, One, Str, REQUIRED, &X36),
        x("subjectAltNames", 0, List, Msg(&SUBJECT_ALT_NAME), 0, &X85),
        x("wellKnownCACertificates", 0, One, Str, 0, &X86),
    ],
    ..CUSTOM
};

static BACKEND_TLS_POLICY_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.BackendTLSPolicySpec",
    fields: &[
        x("options", 0, Map, Str, 0, &X18),
        x("targetRefs", 0, List, Msg(&LOCAL_POLICY_TARGET_REFERENCE_WITH_SECTION_NAME), REQUIRED, &X38),
        f("validation", 0, One, Msg(&BACKEND_TLS_POLICY_VALIDATION), REQUIRED),
    ],
    ..CUSTOM
};

static POLICY_ANCESTOR_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.PolicyAncestorStatus",
    fields: &[
        f("ancestorRef", 0, One, Msg(&PARENT_REFERENCE), REQUIRED),
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X77),
        x("controllerName", 0, One, Str, REQUIRED, &X4),
    ],
    ..CUSTOM
};

static POLICY_STATUS: Message = Message {
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

static LISTENER_ENTRY: Message = Message {
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

static PARENT_GATEWAY_REFERENCE: Message = Message {
    name: "io.k8s.networking.gateway.v1.ParentGatewayReference",
    fields: &[
        x("group", 0, One, Str, 0, &X20),
        x("kind", 0, One, Str, 0, &X46),
        x("name", 0, One, Str, REQUIRED, &X2),
        x("namespace", 0, One, Str, 0, &X3),
    ],
    ..CUSTOM
};

static LISTENER_SET_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerSetSpec",
    fields: &[x("listeners", 0, List, Msg(&LISTENER_ENTRY), MAP | REQUIRED, &X42), f("parentRef", 0, One, Msg(&PARENT_GATEWAY_REFERENCE), REQUIRED)],
    ..CUSTOM
};

static LISTENER_ENTRY_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.ListenerEntryStatus",
    fields: &[
        f("attachedRoutes", 0, One, Int32, REQUIRED),
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X43),
        x("name", 0, One, Str, REQUIRED, &X36),
        x("supportedKinds", 0, List, Msg(&ROUTE_GROUP_KIND), 0, &X22),
    ],
    ..CUSTOM
};

static LISTENER_SET_STATUS: Message = Message {
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
