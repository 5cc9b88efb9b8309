//! What each type of Service needs, and what a change of type takes away.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::value::{flag, has, list, list_mut, number, remove, text, texts};

/// Whether this spec is reached from outside the cluster: by node port, load balancer or external address.
pub fn externally_accessible(spec: &Value) -> bool {
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !list(spec, "externalIPs").is_empty(),
        _ => false,
    }
}

/// Whether this spec asks for no address of its own.
pub fn is_headless(spec: &Value) -> bool {
    texts(spec, "clusterIPs") == ["None"]
}

/// Whether this spec has a clusterIP at all, be it `None`.
pub fn needs_cluster_ip(spec: &Value) -> bool {
    text(spec, "type") != "ExternalName"
}

/// Whether load balancers must be told which nodes have endpoints, on a port of its own.
pub fn needs_health_check(spec: &Value) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

/// Whether each port of this spec gets a node port unasked.
pub fn wants_node_ports(spec: &Value) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => !has(spec, "allocateLoadBalancerNodePorts") || flag(spec, "allocateLoadBalancerNodePorts"),
        _ => false,
    }
}

fn may_have_node_ports(spec: &Value) -> bool {
    matches!(text(spec, "type"), "NodePort" | "LoadBalancer")
}

fn node_ports(spec: &Value) -> BTreeSet<i64> {
    list(spec, "ports").iter().map(|p| number(p, "nodePort")).filter(|p| *p != 0).collect()
}

/// Drops fields that the old type needed and the new one does not, where the client did not change them itself: those it
/// changed are left for validation to refuse.
pub(super) fn drop_dependent(new: &mut Value, old: &Value) {
    let old_spec = &old["spec"];
    let same = |new: &Value, field: &str| new.get(field) == old_spec.get(field);
    let spec = &mut new["spec"];
    if needs_cluster_ip(old_spec) && !needs_cluster_ip(spec) {
        // Who names only the first address means the others, too.
        if same(spec, "clusterIP") && (same(spec, "clusterIPs") || list(spec, "clusterIPs").is_empty()) {
            remove(spec, "clusterIP");
            remove(spec, "clusterIPs");
        }
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            if same(spec, field) {
                remove(spec, field);
            }
        }
    }
    if may_have_node_ports(old_spec) && !may_have_node_ports(spec) && node_ports(old_spec).is_superset(&node_ports(spec)) {
        for port in list_mut(spec, "ports").into_iter().flatten() {
            remove(port, "nodePort");
        }
    }
    if needs_health_check(old_spec) && !needs_health_check(spec) && same(spec, "healthCheckNodePort") {
        remove(spec, "healthCheckNodePort");
    }
    if text(old_spec, "type") == "LoadBalancer" && text(spec, "type") != "LoadBalancer" {
        for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            if same(spec, field) {
                remove(spec, field);
            }
        }
    }
    if externally_accessible(old_spec) && !externally_accessible(spec) && same(spec, "externalTrafficPolicy") {
        remove(spec, "externalTrafficPolicy");
    }
    if text(spec, "type") != "LoadBalancer" && has(&new["status"], "loadBalancer") {
        new["status"]["loadBalancer"] = Value::Object(serde_json::Map::new());
    }
}
