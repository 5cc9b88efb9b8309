//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
//! Data only, one line a field, hence its length.

use crate::table::flags::*;
use crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};

static X0: Extra = Extra { keys: &["type"], merge_key: "type", default: "", check: None };

pub static HTTP_INGRESS_PATH: Message = Message {
    name: "io.k8s.api.networking.v1.HTTPIngressPath",
    gvk: None,
    atomic: false,
    fields: &[
        f("path", 1, One, Str, 0),
        f("pathType", 3, One, Str, KEEP | ALWAYS | REQUIRED),
        f("backend", 2, One, Msg(&INGRESS_BACKEND), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static HTTP_INGRESS_RULE_VALUE: Message = Message {
    name: "io.k8s.api.networking.v1.HTTPIngressRuleValue",
    gvk: None,
    atomic: false,
    fields: &[f("paths", 1, List, Msg(&HTTP_INGRESS_PATH), ALWAYS | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static INGRESS: Message = Message {
    name: "io.k8s.api.networking.v1.Ingress",
    gvk: Some(("networking.k8s.io", "v1", "Ingress")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&INGRESS_SPEC), ALWAYS),
        f("status", 3, One, Msg(&INGRESS_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static INGRESS_BACKEND: Message = Message {
    name: "io.k8s.api.networking.v1.IngressBackend",
    gvk: None,
    atomic: false,
    fields: &[
        f("service", 4, One, Msg(&INGRESS_SERVICE_BACKEND), KEEP),
        f("resource", 3, One, Msg(&super::core_v1::TYPED_LOCAL_OBJECT_REFERENCE), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static INGRESS_CLASS: Message = Message {
    name: "io.k8s.api.networking.v1.IngressClass",
    gvk: Some(("networking.k8s.io", "v1", "IngressClass")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&INGRESS_CLASS_SPEC), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static INGRESS_CLASS_PARAMETERS_REFERENCE: Message = Message {
    name: "io.k8s.api.networking.v1.IngressClassParametersReference",
    gvk: None,
    atomic: false,
    fields: &[
        f("apiGroup", 1, One, Str, KEEP),
        f("kind", 2, One, Str, ALWAYS | REQUIRED),
        f("name", 3, One, Str, ALWAYS | REQUIRED),
        f("scope", 4, One, Str, KEEP | ALWAYS),
        f("namespace", 5, One, Str, KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static INGRESS_CLASS_SPEC: Message = Message {
    name: "io.k8s.api.networking.v1.IngressClassSpec",
    gvk: None,
    atomic: false,
    fields: &[f("controller", 1, One, Str, 0), f("parameters", 2, One, Msg(&INGRESS_CLASS_PARAMETERS_REFERENCE), KEEP)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_LOAD_BALANCER_INGRESS: Message = Message {
    name: "io.k8s.api.networking.v1.IngressLoadBalancerIngress",
    gvk: None,
    atomic: false,
    fields: &[f("ip", 1, One, Str, 0), f("hostname", 2, One, Str, 0), f("ports", 4, List, Msg(&INGRESS_PORT_STATUS), 0)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_LOAD_BALANCER_STATUS: Message = Message {
    name: "io.k8s.api.networking.v1.IngressLoadBalancerStatus",
    gvk: None,
    atomic: false,
    fields: &[f("ingress", 1, List, Msg(&INGRESS_LOAD_BALANCER_INGRESS), 0)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_PORT_STATUS: Message = Message {
    name: "io.k8s.api.networking.v1.IngressPortStatus",
    gvk: None,
    atomic: false,
    fields: &[f("port", 1, One, Int32, ALWAYS | REQUIRED), f("protocol", 2, One, Str, ALWAYS | REQUIRED), f("error", 3, One, Str, KEEP)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_RULE: Message = Message {
    name: "io.k8s.api.networking.v1.IngressRule",
    gvk: None,
    atomic: false,
    fields: &[f("host", 1, One, Str, 0), f("http", 0, One, Msg(&HTTP_INGRESS_RULE_VALUE), KEEP)],
    inlined: &[(2, &INGRESS_RULE_VALUE)],
    custom: false,
};

pub static INGRESS_RULE_VALUE: Message = Message {
    name: "io.k8s.api.networking.v1.IngressRuleValue",
    gvk: None,
    atomic: false,
    fields: &[f("http", 1, One, Msg(&HTTP_INGRESS_RULE_VALUE), KEEP)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_SERVICE_BACKEND: Message = Message {
    name: "io.k8s.api.networking.v1.IngressServiceBackend",
    gvk: None,
    atomic: false,
    fields: &[f("name", 1, One, Str, ALWAYS | REQUIRED), f("port", 2, One, Msg(&SERVICE_BACKEND_PORT), ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_SPEC: Message = Message {
    name: "io.k8s.api.networking.v1.IngressSpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("ingressClassName", 4, One, Str, KEEP),
        f("defaultBackend", 1, One, Msg(&INGRESS_BACKEND), KEEP),
        f("tls", 2, List, Msg(&INGRESS_TLS), 0),
        f("rules", 3, List, Msg(&INGRESS_RULE), 0),
    ],
    inlined: &[],
    custom: false,
};

pub static INGRESS_STATUS: Message = Message {
    name: "io.k8s.api.networking.v1.IngressStatus",
    gvk: None,
    atomic: false,
    fields: &[f("loadBalancer", 1, One, Msg(&INGRESS_LOAD_BALANCER_STATUS), ALWAYS)],
    inlined: &[],
    custom: false,
};

pub static INGRESS_TLS: Message = Message {
    name: "io.k8s.api.networking.v1.IngressTLS",
    gvk: None,
    atomic: false,
    fields: &[f("hosts", 1, List, Str, 0), f("secretName", 2, One, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static IP_ADDRESS: Message = Message {
    name: "io.k8s.api.networking.v1.IPAddress",
    gvk: Some(("networking.k8s.io", "v1", "IPAddress")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&IP_ADDRESS_SPEC), ALWAYS | REQUIRED),
    ],
    inlined: &[],
    custom: false,
};

pub static IP_ADDRESS_SPEC: Message = Message {
    name: "io.k8s.api.networking.v1.IPAddressSpec",
    gvk: None,
    atomic: false,
    fields: &[f("parentRef", 1, One, Msg(&PARENT_REFERENCE), KEEP | REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static IP_BLOCK: Message = Message {
    name: "io.k8s.api.networking.v1.IPBlock",
    gvk: None,
    atomic: false,
    fields: &[f("cidr", 1, One, Str, ALWAYS | REQUIRED), f("except", 2, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static NETWORK_POLICY: Message = Message {
    name: "io.k8s.api.networking.v1.NetworkPolicy",
    gvk: Some(("networking.k8s.io", "v1", "NetworkPolicy")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&NETWORK_POLICY_SPEC), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static NETWORK_POLICY_EGRESS_RULE: Message = Message {
    name: "io.k8s.api.networking.v1.NetworkPolicyEgressRule",
    gvk: None,
    atomic: false,
    fields: &[f("ports", 1, List, Msg(&NETWORK_POLICY_PORT), 0), f("to", 2, List, Msg(&NETWORK_POLICY_PEER), 0)],
    inlined: &[],
    custom: false,
};

pub static NETWORK_POLICY_INGRESS_RULE: Message = Message {
    name: "io.k8s.api.networking.v1.NetworkPolicyIngressRule",
    gvk: None,
    atomic: false,
    fields: &[f("ports", 1, List, Msg(&NETWORK_POLICY_PORT), 0), f("from", 2, List, Msg(&NETWORK_POLICY_PEER), 0)],
    inlined: &[],
    custom: false,
};

pub static NETWORK_POLICY_PEER: Message = Message {
    name: "io.k8s.api.networking.v1.NetworkPolicyPeer",
    gvk: None,
    atomic: false,
    fields: &[
        f("podSelector", 1, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("namespaceSelector", 2, One, Msg(&super::meta_v1::LABEL_SELECTOR), KEEP),
        f("ipBlock", 3, One, Msg(&IP_BLOCK), KEEP),
    ],
    inlined: &[],
    custom: false,
};

pub static NETWORK_POLICY_PORT: Message = Message {
    name: "io.k8s.api.networking.v1.NetworkPolicyPort",
    gvk: None,
    atomic: false,
    fields: &[f("protocol", 1, One, Str, KEEP), f("port", 2, One, IntOrString, KEEP), f("endPort", 3, One, Int32, KEEP)],
    inlined: &[],
    custom: false,
};

pub static NETWORK_POLICY_SPEC: Message = Message {
    name: "io.k8s.api.networking.v1.NetworkPolicySpec",
    gvk: None,
    atomic: false,
    fields: &[
        f("podSelector", 1, One, Msg(&super::meta_v1::LABEL_SELECTOR), ALWAYS),
        f("ingress", 2, List, Msg(&NETWORK_POLICY_INGRESS_RULE), 0),
        f("egress", 3, List, Msg(&NETWORK_POLICY_EGRESS_RULE), 0),
        f("policyTypes", 4, List, Str, 0),
    ],
    inlined: &[],
    custom: false,
};

pub static PARENT_REFERENCE: Message = Message {
    name: "io.k8s.api.networking.v1.ParentReference",
    gvk: None,
    atomic: false,
    fields: &[f("group", 1, One, Str, 0), f("resource", 2, One, Str, REQUIRED), f("namespace", 3, One, Str, 0), f("name", 4, One, Str, REQUIRED)],
    inlined: &[],
    custom: false,
};

pub static SERVICE_BACKEND_PORT: Message = Message {
    name: "io.k8s.api.networking.v1.ServiceBackendPort",
    gvk: None,
    atomic: true,
    fields: &[f("name", 1, One, Str, 0), f("number", 2, One, Int32, 0)],
    inlined: &[],
    custom: false,
};

pub static SERVICE_CIDR: Message = Message {
    name: "io.k8s.api.networking.v1.ServiceCIDR",
    gvk: Some(("networking.k8s.io", "v1", "ServiceCIDR")),
    atomic: false,
    fields: &[
        f("kind", 0, One, Str, 0),
        f("apiVersion", 0, One, Str, 0),
        f("metadata", 1, One, Msg(&super::meta_v1::OBJECT_META), ALWAYS),
        f("spec", 2, One, Msg(&SERVICE_CIDR_SPEC), ALWAYS),
        f("status", 3, One, Msg(&SERVICE_CIDR_STATUS), ALWAYS),
    ],
    inlined: &[],
    custom: false,
};

pub static SERVICE_CIDR_SPEC: Message = Message {
    name: "io.k8s.api.networking.v1.ServiceCIDRSpec",
    gvk: None,
    atomic: false,
    fields: &[f("cidrs", 1, List, Str, 0)],
    inlined: &[],
    custom: false,
};

pub static SERVICE_CIDR_STATUS: Message = Message {
    name: "io.k8s.api.networking.v1.ServiceCIDRStatus",
    gvk: None,
    atomic: false,
    fields: &[x("conditions", 1, List, Msg(&super::meta_v1::CONDITION), MAP | MERGE, &X0)],
    inlined: &[],
    custom: false,
};
