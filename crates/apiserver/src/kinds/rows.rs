//! The served kinds, one row each: facts of their strategies in kubernetes/kubernetes `pkg/registry` and of the Gateway API's definitions.

use std::time::Duration;

use super::{
    Kind, Sub, backend_policy, config_map, endpoint_slice, endpoints, event, gateway, ingress, ingress_class, instance, lease, namespace, node, pod,
    secret, service,
};

/// What most built-in kinds have in common.
const NATIVE: Kind = Kind {
    group: "",
    versions: &["v1"],
    storage: "v1",
    kind: "",
    plural: "",
    singular: "",
    short: &[],
    categories: &[],
    namespaced: true,
    subresources: &[],
    prefix: "",
    is_view: false,
    native: true,
    create_on_update: false,
    unconditional_update: true,
    returns_deleted: false,
    generation: false,
    ttl: None,
    rules: &super::Plain,
};

/// What all kinds that behave as custom resources have in common.
const CUSTOM: Kind =
    Kind { native: false, unconditional_update: false, returns_deleted: false, generation: true, subresources: &[Sub::Status], ..NATIVE };

/// How long an Event lives after its last write.
const EVENT_TTL: Option<Duration> = Some(Duration::from_secs(3600));

/// Every kind the server serves, in the order discovery lists them.
pub static KINDS: &[Kind] = &[
    Kind {
        kind: "ConfigMap",
        plural: "configmaps",
        singular: "configmap",
        short: &["cm"],
        prefix: "configmaps",
        rules: &config_map::ConfigMap,
        ..NATIVE
    },
    Kind {
        kind: "Endpoints",
        plural: "endpoints",
        singular: "endpoints",
        short: &["ep"],
        prefix: "services/endpoints",
        create_on_update: true,
        rules: &endpoints::Endpoints,
        ..NATIVE
    },
    Kind {
        kind: "Event",
        plural: "events",
        singular: "event",
        short: &["ev"],
        prefix: "events",
        create_on_update: true,
        ttl: EVENT_TTL,
        rules: &event::Event,
        ..NATIVE
    },
    Kind {
        kind: "Namespace",
        plural: "namespaces",
        singular: "namespace",
        short: &["ns"],
        namespaced: false,
        subresources: &[Sub::Status, Sub::Finalize],
        prefix: "namespaces",
        returns_deleted: true,
        rules: &namespace::Namespace,
        ..NATIVE
    },
    Kind {
        kind: "Node",
        plural: "nodes",
        singular: "node",
        short: &["no"],
        namespaced: false,
        subresources: &[Sub::Status],
        prefix: "minions",
        rules: &node::Node,
        ..NATIVE
    },
    Kind {
        kind: "Pod",
        plural: "pods",
        singular: "pod",
        short: &["po"],
        categories: &["all"],
        subresources: &[Sub::Binding, Sub::Eviction, Sub::Status],
        prefix: "pods",
        returns_deleted: true,
        generation: true,
        rules: &pod::Pod,
        ..NATIVE
    },
    Kind { kind: "Secret", plural: "secrets", singular: "secret", prefix: "secrets", rules: &secret::Secret, ..NATIVE },
    Kind {
        kind: "Service",
        plural: "services",
        singular: "service",
        short: &["svc"],
        categories: &["all"],
        subresources: &[Sub::Status],
        prefix: "services/specs",
        create_on_update: true,
        returns_deleted: true,
        rules: &service::Service,
        ..NATIVE
    },
    Kind {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        singular: "lease",
        prefix: "leases",
        create_on_update: true,
        unconditional_update: false,
        rules: &lease::Lease,
        ..NATIVE
    },
    Kind {
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        plural: "endpointslices",
        singular: "endpointslice",
        prefix: "endpointslices",
        generation: true,
        rules: &endpoint_slice::EndpointSlice,
        ..NATIVE
    },
    Kind {
        group: "events.k8s.io",
        kind: "Event",
        plural: "events",
        singular: "event",
        short: &["ev"],
        prefix: "events",
        is_view: true,
        create_on_update: true,
        ttl: EVENT_TTL,
        rules: &event::NewEvent,
        ..NATIVE
    },
    Kind {
        group: "networking.k8s.io",
        kind: "Ingress",
        plural: "ingresses",
        singular: "ingress",
        short: &["ing"],
        subresources: &[Sub::Status],
        prefix: "ingress",
        generation: true,
        rules: &ingress::Ingress,
        ..NATIVE
    },
    Kind {
        group: "networking.k8s.io",
        kind: "IngressClass",
        plural: "ingressclasses",
        singular: "ingressclass",
        namespaced: false,
        prefix: "ingressclasses",
        generation: true,
        rules: &ingress_class::IngressClass,
        ..NATIVE
    },
    Kind {
        group: "gateway.networking.k8s.io",
        versions: &["v1", "v1beta1"],
        kind: "GatewayClass",
        plural: "gatewayclasses",
        singular: "gatewayclass",
        short: &["gc"],
        categories: &["gateway-api"],
        namespaced: false,
        prefix: "gateway.networking.k8s.io/gatewayclasses",
        rules: &gateway::GatewayClass,
        ..CUSTOM
    },
    Kind {
        group: "gateway.networking.k8s.io",
        versions: &["v1", "v1beta1"],
        kind: "Gateway",
        plural: "gateways",
        singular: "gateway",
        short: &["gtw"],
        categories: &["gateway-api"],
        prefix: "gateway.networking.k8s.io/gateways",
        rules: &gateway::Gateway,
        ..CUSTOM
    },
    Kind {
        group: "gateway.networking.k8s.io",
        versions: &["v1", "v1beta1"],
        kind: "HTTPRoute",
        plural: "httproutes",
        singular: "httproute",
        categories: &["gateway-api"],
        prefix: "gateway.networking.k8s.io/httproutes",
        rules: &gateway::HttpRoute,
        ..CUSTOM
    },
    Kind {
        group: "gateway.networking.k8s.io",
        versions: &["v1", "v1beta1"],
        storage: "v1beta1",
        kind: "ReferenceGrant",
        plural: "referencegrants",
        singular: "referencegrant",
        short: &["refgrant"],
        categories: &["gateway-api"],
        subresources: &[],
        prefix: "gateway.networking.k8s.io/referencegrants",
        rules: &gateway::ReferenceGrant,
        ..CUSTOM
    },
    Kind {
        group: "gateway.networking.k8s.io",
        kind: "BackendTLSPolicy",
        plural: "backendtlspolicies",
        singular: "backendtlspolicy",
        short: &["btlspolicy"],
        categories: &["gateway-api"],
        prefix: "gateway.networking.k8s.io/backendtlspolicies",
        rules: &gateway::BackendTlsPolicy,
        ..CUSTOM
    },
    Kind {
        group: "fairlead.dev",
        versions: &["v1alpha1"],
        storage: "v1alpha1",
        kind: "BackendPolicy",
        plural: "backendpolicies",
        singular: "backendpolicy",
        short: &["bp"],
        categories: &["fairlead"],
        prefix: "fairlead.dev/backendpolicies",
        rules: &backend_policy::BackendPolicy,
        ..CUSTOM
    },
    Kind {
        group: "fairlead.dev",
        versions: &["v1alpha1"],
        storage: "v1alpha1",
        kind: "Instance",
        plural: "instances",
        singular: "instance",
        short: &["inst"],
        categories: &["fairlead"],
        prefix: "fairlead.dev/instances",
        rules: &instance::Instance,
        ..CUSTOM
    },
];

/// The body of a Pod's `/binding`.
pub static BINDING: Kind = Kind { kind: "Binding", plural: "bindings", singular: "binding", ..NATIVE };

/// The body of a Pod's `/eviction`.
pub static EVICTION: Kind = Kind { group: "policy", kind: "Eviction", plural: "evictions", singular: "eviction", ..NATIVE };

/// Questions that are answered and not stored.
pub static REVIEWS: &[Kind] = &[
    Kind {
        group: "authentication.k8s.io",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
        namespaced: false,
        ..NATIVE
    },
    Kind { group: "authentication.k8s.io", kind: "TokenReview", plural: "tokenreviews", singular: "tokenreview", namespaced: false, ..NATIVE },
    Kind {
        group: "authorization.k8s.io",
        kind: "LocalSubjectAccessReview",
        plural: "localsubjectaccessreviews",
        singular: "localsubjectaccessreview",
        ..NATIVE
    },
    Kind {
        group: "authorization.k8s.io",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        namespaced: false,
        ..NATIVE
    },
    Kind {
        group: "authorization.k8s.io",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        singular: "selfsubjectrulesreview",
        namespaced: false,
        ..NATIVE
    },
    Kind {
        group: "authorization.k8s.io",
        kind: "SubjectAccessReview",
        plural: "subjectaccessreviews",
        singular: "subjectaccessreview",
        namespaced: false,
        ..NATIVE
    },
];
