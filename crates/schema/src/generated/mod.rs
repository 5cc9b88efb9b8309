//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.
#![allow(missing_docs, unused_imports)]

use crate::table::Message;

pub mod apps_v1;
pub mod authentication_v1;
pub mod authorization_v1;
pub mod autoscaling_v1;
pub mod autoscaling_v2;
pub mod certificates_v1;
pub mod coordination_v1;
pub mod core_v1;
pub mod discovery_v1;
pub mod events_v1;
pub mod meta_v1;
pub mod networking_v1;
pub mod policy_v1;
pub mod rbac_v1;
pub mod scheduling_v1;

/// Every kind with a group, version and kind of its own.
pub static KINDS: &[&Message] = &[
    &apps_v1::CONTROLLER_REVISION,
    &apps_v1::DEPLOYMENT,
    &apps_v1::REPLICA_SET,
    &authentication_v1::SELF_SUBJECT_REVIEW,
    &authentication_v1::TOKEN_REQUEST,
    &authentication_v1::TOKEN_REVIEW,
    &authorization_v1::LOCAL_SUBJECT_ACCESS_REVIEW,
    &authorization_v1::SELF_SUBJECT_ACCESS_REVIEW,
    &authorization_v1::SELF_SUBJECT_RULES_REVIEW,
    &authorization_v1::SUBJECT_ACCESS_REVIEW,
    &autoscaling_v1::HORIZONTAL_POD_AUTOSCALER,
    &autoscaling_v1::SCALE,
    &autoscaling_v2::HORIZONTAL_POD_AUTOSCALER,
    &certificates_v1::CERTIFICATE_SIGNING_REQUEST,
    &coordination_v1::LEASE,
    &core_v1::BINDING,
    &core_v1::CONFIG_MAP,
    &core_v1::ENDPOINTS,
    &core_v1::EVENT,
    &core_v1::LIMIT_RANGE,
    &core_v1::NAMESPACE,
    &core_v1::NODE,
    &core_v1::POD,
    &core_v1::RESOURCE_QUOTA,
    &core_v1::SECRET,
    &core_v1::SERVICE,
    &core_v1::SERVICE_ACCOUNT,
    &discovery_v1::ENDPOINT_SLICE,
    &events_v1::EVENT,
    &networking_v1::INGRESS,
    &networking_v1::INGRESS_CLASS,
    &networking_v1::IP_ADDRESS,
    &networking_v1::NETWORK_POLICY,
    &networking_v1::SERVICE_CIDR,
    &policy_v1::EVICTION,
    &policy_v1::POD_DISRUPTION_BUDGET,
    &rbac_v1::CLUSTER_ROLE,
    &rbac_v1::CLUSTER_ROLE_BINDING,
    &rbac_v1::ROLE,
    &rbac_v1::ROLE_BINDING,
    &scheduling_v1::PRIORITY_CLASS,
    &meta_v1::STATUS,
];
