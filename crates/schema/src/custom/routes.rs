//! The routes of the Gateway API v1.7, experimental channel.
//!
//! Data: one line a field. Numbered extras are in `bounds.rs`; rules between fields are in `crate::rules`.

use super::bounds::*;
use super::gateway::{BACKEND_OBJECT_REFERENCE, CONDITION, HTTP_EXTERNAL_AUTH_FILTER, LOCAL_OBJECT_REFERENCE, PARENT_REFERENCE, SESSION_PERSISTENCE};
use crate::generated::meta_v1::OBJECT_META;
use crate::table::flags::*;
use crate::table::{CUSTOM, Field, Kind::*, Message, Shape::*, f, x};

const GROUP: &str = "gateway.networking.k8s.io";

/// Every kind in every served version.
pub static KINDS: &[&Message] = &[&HTTP_ROUTE, &HTTP_ROUTE_V1BETA1, &GRPC_ROUTE, &TLS_ROUTE, &TCP_ROUTE, &UDP_ROUTE];

pub static HTTPCORS_FILTER: Message = Message {
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

pub static HTTP_HEADER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPHeader",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("value", 0, One, Str, REQUIRED, &X52)],
    ..CUSTOM
};

pub static HTTP_HEADER_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPHeaderFilter",
    fields: &[x("add", 0, List, Msg(&HTTP_HEADER), MAP, &X53), x("remove", 0, List, Str, SET, &X31), x("set", 0, List, Msg(&HTTP_HEADER), MAP, &X53)],
    ..CUSTOM
};

pub static FRACTION: Message = Message {
    name: "io.k8s.networking.gateway.v1.Fraction",
    fields: &[x("denominator", 0, One, Int32, 0, &X54), x("numerator", 0, One, Int32, REQUIRED, &X7)],
    ..CUSTOM
};

pub static HTTP_REQUEST_MIRROR_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRequestMirrorFilter",
    fields: &[
        f("backendRef", 0, One, Msg(&BACKEND_OBJECT_REFERENCE), REQUIRED),
        f("fraction", 0, One, Msg(&FRACTION), 0),
        x("percent", 0, One, Int32, 0, &X55),
    ],
    ..CUSTOM
};

pub static HTTP_PATH_MODIFIER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPPathModifier",
    fields: &[x("replaceFullPath", 0, One, Str, 0, &X56), x("replacePrefixMatch", 0, One, Str, 0, &X56), x("type", 0, One, Str, REQUIRED, &X57)],
    ..CUSTOM
};

pub static HTTP_REQUEST_REDIRECT_FILTER: Message = Message {
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

pub static HTTPURL_REWRITE_FILTER: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPURLRewriteFilter",
    fields: &[x("hostname", 0, One, Str, 0, &X36), f("path", 0, One, Msg(&HTTP_PATH_MODIFIER), 0)],
    ..CUSTOM
};

pub static HTTP_ROUTE_FILTER: Message = Message {
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

pub static HTTP_BACKEND_REF: Message = Message {
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

pub static HTTP_HEADER_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPHeaderMatch",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("type", 0, One, Str, 0, &X62), x("value", 0, One, Str, REQUIRED, &X52)],
    ..CUSTOM
};

pub static HTTP_PATH_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPPathMatch",
    fields: &[x("type", 0, One, Str, 0, &X63), x("value", 0, One, Str, 0, &X64)],
    ..CUSTOM
};

pub static HTTP_QUERY_PARAM_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPQueryParamMatch",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("type", 0, One, Str, 0, &X62), x("value", 0, One, Str, REQUIRED, &X65)],
    ..CUSTOM
};

pub static HTTP_ROUTE_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteMatch",
    fields: &[
        x("headers", 0, List, Msg(&HTTP_HEADER_MATCH), MAP, &X53),
        x("method", 0, One, Str, 0, &X66),
        x("path", 0, One, Msg(&HTTP_PATH_MATCH), 0, &X67),
        x("queryParams", 0, List, Msg(&HTTP_QUERY_PARAM_MATCH), MAP, &X53),
    ],
    ..CUSTOM
};

pub static HTTP_ROUTE_RETRY: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteRetry",
    fields: &[x("attempts", 0, One, Int32, 0, &X68), x("backoff", 0, One, Str, 0, &X69), x("codes", 0, List, Int32, SET, &X70)],
    ..CUSTOM
};

pub static HTTP_ROUTE_TIMEOUTS: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteTimeouts",
    fields: &[x("backendRequest", 0, One, Str, 0, &X69), x("request", 0, One, Str, 0, &X69)],
    ..CUSTOM
};

pub static HTTP_ROUTE_RULE: Message = Message {
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

pub static HTTP_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.HTTPRouteSpec",
    fields: &[
        x("hostnames", 0, List, Str, 0, &X74),
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&HTTP_ROUTE_RULE), 0, &X76),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

pub static ROUTE_PARENT_STATUS: Message = Message {
    name: "io.k8s.networking.gateway.v1.RouteParentStatus",
    fields: &[
        x("conditions", 0, List, Msg(&CONDITION), MAP | REQUIRED, &X77),
        x("controllerName", 0, One, Str, REQUIRED, &X4),
        f("parentRef", 0, One, Msg(&PARENT_REFERENCE), REQUIRED),
    ],
    ..CUSTOM
};

pub static HTTP_ROUTE_STATUS: Message = Message {
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

pub static GRPC_ROUTE_FILTER: Message = Message {
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

pub static GRPC_BACKEND_REF: Message = Message {
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

pub static GRPC_HEADER_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCHeaderMatch",
    fields: &[x("name", 0, One, Str, REQUIRED, &X51), x("type", 0, One, Str, 0, &X62), x("value", 0, One, Str, REQUIRED, &X79)],
    ..CUSTOM
};

pub static GRPC_METHOD_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCMethodMatch",
    fields: &[x("method", 0, One, Str, 0, &X56), x("service", 0, One, Str, 0, &X56), x("type", 0, One, Str, 0, &X62)],
    ..CUSTOM
};

pub static GRPC_ROUTE_MATCH: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteMatch",
    fields: &[x("headers", 0, List, Msg(&GRPC_HEADER_MATCH), MAP, &X53), f("method", 0, One, Msg(&GRPC_METHOD_MATCH), 0)],
    ..CUSTOM
};

pub static GRPC_ROUTE_RULE: Message = Message {
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

pub static GRPC_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.GRPCRouteSpec",
    fields: &[
        x("hostnames", 0, List, Str, 0, &X74),
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&GRPC_ROUTE_RULE), 0, &X31),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

pub static GRPC_ROUTE_STATUS: Message = Message {
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

pub static BACKEND_REF: Message = Message {
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

pub static TLS_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSRouteRule",
    fields: &[x("backendRefs", 0, List, Msg(&BACKEND_REF), REQUIRED, &X38), x("name", 0, One, Str, 0, &X36)],
    ..CUSTOM
};

pub static TLS_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.TLSRouteSpec",
    fields: &[
        x("hostnames", 0, List, Str, REQUIRED, &X80),
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&TLS_ROUTE_RULE), REQUIRED, &X81),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

pub static TLS_ROUTE_STATUS: Message = Message {
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

pub static TCP_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.TCPRouteRule",
    fields: &[x("backendRefs", 0, List, Msg(&BACKEND_REF), REQUIRED, &X38), x("name", 0, One, Str, 0, &X36)],
    ..CUSTOM
};

pub static TCP_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.TCPRouteSpec",
    fields: &[
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&TCP_ROUTE_RULE), REQUIRED, &X81),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

pub static TCP_ROUTE_STATUS: Message = Message {
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

pub static UDP_ROUTE_RULE: Message = Message {
    name: "io.k8s.networking.gateway.v1.UDPRouteRule",
    fields: &[x("backendRefs", 0, List, Msg(&BACKEND_REF), REQUIRED, &X38), x("name", 0, One, Str, 0, &X36)],
    ..CUSTOM
};

pub static UDP_ROUTE_SPEC: Message = Message {
    name: "io.k8s.networking.gateway.v1.UDPRouteSpec",
    fields: &[
        x("parentRefs", 0, List, Msg(&PARENT_REFERENCE), 0, &X75),
        x("rules", 0, List, Msg(&UDP_ROUTE_RULE), REQUIRED, &X81),
        x("useDefaultGateways", 0, One, Str, 0, &X41),
    ],
    ..CUSTOM
};

pub static UDP_ROUTE_STATUS: Message = Message {
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
