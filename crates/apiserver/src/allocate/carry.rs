//! What a client left out of a Service and meant to keep: without this nobody could send the same YAML twice.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kinds::service::{needs_cluster_ip, needs_health_check, wants_node_ports};
use crate::kinds::value::{list, list_mut, number, remove, text, texts};

/// Values that the server once chose come over from `old` where `new` names none and still needs them.
pub(super) fn allocated_values(spec: &mut Value, old: &Value) {
    if needs_cluster_ip(old) && needs_cluster_ip(spec) {
        if text(spec, "clusterIP").is_empty() && !text(old, "clusterIP").is_empty() {
            spec["clusterIP"] = old["clusterIP"].clone();
        }
        if list(spec, "clusterIPs").is_empty() && !list(old, "clusterIPs").is_empty() {
            spec["clusterIPs"] = old["clusterIPs"].clone();
        }
    }
    if wants_node_ports(old) && wants_node_ports(spec) {
        node_ports(spec, old);
    }
    if needs_health_check(old) && needs_health_check(spec) && number(spec, "healthCheckNodePort") == 0 && number(old, "healthCheckNodePort") != 0 {
        spec["healthCheckNodePort"] = old["healthCheckNodePort"].clone();
    }
}

/// Node ports follow the name of their port, unless the number already serves another one.
fn node_ports(spec: &mut Value, old: &Value) {
    let used = |s: &Value| -> BTreeSet<i64> { list(s, "ports").iter().map(|p| number(p, "nodePort")).filter(|p| *p != 0).collect() };
    let kept: BTreeSet<i64> = used(old).intersection(&used(spec)).copied().collect();
    for port in list_mut(spec, "ports").into_iter().flatten().filter(|p| number(p, "nodePort") == 0) {
        // The last of several ports of one name leads; names are unique where there are several.
        let was = list(old, "ports").iter().rev().find(|o| text(o, "name") == text(port, "name")).map_or(0, |o| number(o, "nodePort"));
        if was != 0 && !kept.contains(&was) {
            port["nodePort"] = was.into();
        }
    }
}

/// Makes clusterIP and clusterIPs agree where a client set only the older one. `old` is `None` on create.
pub(super) fn cluster_ips(spec: &mut Value, old: Option<&Value>) {
    let ip = text(spec, "clusterIP").to_owned();
    let Some(old) = old else {
        if !ip.is_empty() && list(spec, "clusterIPs").is_empty() {
            spec["clusterIPs"] = json!([ip]);
        }
        return;
    };
    let was = text(old, "clusterIP");
    if !list(old, "clusterIPs").is_empty() && list(spec, "clusterIPs").is_empty() && was == ip {
        spec["clusterIPs"] = old["clusterIPs"].clone();
    }
    if was != ip && texts(spec, "clusterIPs") == texts(old, "clusterIPs") {
        if ip.is_empty() {
            remove(spec, "clusterIPs");
        } else {
            spec["clusterIPs"] = json!([ip]);
        }
    }
}
