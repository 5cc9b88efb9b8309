//! The columns of Services.

use jiff::Timestamp;
use serde_json::Value;

use super::super::cells::{self, column, wide};
use super::super::ingress::load_balancer_addresses;
use super::super::value::{list, map, number, text, texts};
use super::super::{AGE, Column, NAME};

pub(super) static COLUMNS: &[Column] = &[
    NAME,
    column("Type", "How the service is reached."),
    column("Cluster-IP", "Its first address inside the cluster."),
    column("External-IP", "Its addresses outside the cluster."),
    column("Port(s)", "Ports, each with its node port if it has one."),
    AGE,
    wide("Selector", "Labels of the pods and instances behind it."),
];

pub(super) fn row(object: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &object["spec"];
    let ports: Vec<String> = list(spec, "ports").iter().map(port_cell).collect();
    vec![
        cells::name(object),
        text(spec, "type").into(),
        texts(spec, "clusterIPs").first().copied().unwrap_or("<none>").into(),
        external_cell(object).into(),
        cells::or(&ports.join(","), "<none>").into(),
        cells::age(object, now),
        selector_cell(spec).into(),
    ]
}

fn port_cell(port: &Value) -> String {
    let (number, node_port, protocol) = (number(port, "port"), number(port, "nodePort"), text(port, "protocol"));
    if node_port > 0 { format!("{number}:{node_port}/{protocol}") } else { format!("{number}/{protocol}") }
}

fn external_cell(object: &Value) -> String {
    let spec = &object["spec"];
    let external = texts(spec, "externalIPs").join(",");
    match text(spec, "type") {
        "ClusterIP" | "NodePort" => cells::or(&external, "<none>").to_owned(),
        "LoadBalancer" => {
            let all: Vec<String> = [load_balancer_addresses(object), external].into_iter().filter(|a| !a.is_empty()).collect();
            cells::or(&all.join(","), "<pending>").to_owned()
        }
        "ExternalName" => text(spec, "externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

fn selector_cell(spec: &Value) -> String {
    let mut pairs: Vec<String> = map(spec, "selector").iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or(""))).collect();
    pairs.sort_unstable();
    cells::or(&pairs.join(","), "<none>").to_owned()
}
