//! Service: a name and an address for a set of endpoints.
//!
//! Addresses and node ports come from [`crate::allocate`], which shares the predicates here. What a client left out of an update is
//! carried over there too, because it must happen before allocation.

mod families;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod validate;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::value::{annotation, default_absent, default_to, has, list, list_mut, number, object_at, remove, text, texts};
use super::{Column, NameRule, Rules, Settings};
use crate::field::FieldErrors;
use crate::syntax::address;

pub use families::cluster_ip_errors;
pub use types::{externally_accessible, is_headless, needs_cluster_ip, needs_health_check, wants_node_ports};

const HINTS_ANNOTATION: &str = "service.kubernetes.io/topology-aware-hints";
const MODE_ANNOTATION: &str = "service.kubernetes.io/topology-mode";
const RANGES_ANNOTATION: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
/// Seconds for which a client keeps its endpoint under sessionAffinity ClientIP unless the Service says otherwise: three hours.
const AFFINITY_SECONDS: i64 = 10_800;

/// The rules of Services.
pub struct Service;

impl Rules for Service {
    fn defaults(&self, object: &mut Value) {
        let spec = object_at(object, "spec");
        drop_empty(spec);
        affinity(spec);
        default_to(spec, "type", "ClusterIP");
        for port in list_mut(spec, "ports").into_iter().flatten() {
            default_to(port, "protocol", "TCP");
            if port.get("targetPort").is_none_or(|t| t.is_null() || t == 0 || t == "") {
                port["targetPort"] = number(port, "port").into();
            }
            if number(port, "nodePort") == 0 {
                remove(port, "nodePort");
            }
        }
        if externally_accessible(spec) {
            default_to(spec, "externalTrafficPolicy", "Cluster");
        }
        let kind = text(spec, "type").to_owned();
        match kind.as_str() {
            "ClusterIP" | "NodePort" | "LoadBalancer" => default_absent(spec, "internalTrafficPolicy", "Cluster"),
            // Once set by default for this type too; nobody reads it.
            "ExternalName" => drop(remove(spec, "internalTrafficPolicy")),
            _ => {}
        }
        if kind == "LoadBalancer" {
            default_absent(spec, "allocateLoadBalancerNodePorts", true);
        }
        let balancer = object_at(object_at(object, "status"), "loadBalancer");
        if kind == "LoadBalancer" {
            for point in list_mut(balancer, "ingress").into_iter().flatten().filter(|p| !text(p, "ip").is_empty()) {
                default_absent(point, "ipMode", "VIP");
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({"loadBalancer": {}});
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        types::drop_dependent(new, old);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        validate::service(object, None)
    }

    fn validate_update(&self, new: &Value, old: &Value, _: &Settings) -> FieldErrors {
        let mut errors = families::upgrade_errors(new, old);
        errors.extend(validate::fixed_once_set(new, old));
        errors.extend(validate::service(new, Some(old)));
        errors
    }

    fn validate_status(&self, new: &Value, old: &Value) -> FieldErrors {
        validate::load_balancer_status(new, old)
    }

    fn warnings(&self, new: &Value, _old: Option<&Value>) -> Vec<String> {
        warnings(new)
    }

    fn counts_generation(&self, _new: &Value, _old: &Value) -> bool {
        false
    }

    fn name_rule(&self) -> NameRule {
        NameRule::RelaxedService
    }

    fn columns(&self) -> &'static [Column] {
        table::COLUMNS
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::row(object, now)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["spec.clusterIP", "spec.type"]
    }
}

/// Empty texts and lists are the same as none, and are not stored.
fn drop_empty(spec: &mut Value) {
    for field in [
        "clusterIP",
        "externalName",
        "loadBalancerIP",
        "externalTrafficPolicy",
        "clusterIPs",
        "ipFamilies",
        "externalIPs",
        "loadBalancerSourceRanges",
        "ports",
        "selector",
    ] {
        let empty = match spec.get(field) {
            Some(Value::String(s)) => s.is_empty(),
            Some(Value::Array(a)) => a.is_empty(),
            Some(Value::Object(o)) => o.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            remove(spec, field);
        }
    }
    if number(spec, "healthCheckNodePort") == 0 {
        remove(spec, "healthCheckNodePort");
    }
}

fn affinity(spec: &mut Value) {
    default_to(spec, "sessionAffinity", "None");
    match text(spec, "sessionAffinity") {
        "None" => drop(remove(spec, "sessionAffinityConfig")),
        "ClientIP" if !has(&spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds") => {
            spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}});
        }
        _ => {}
    }
}

fn warnings(service: &Value) -> Vec<String> {
    let (spec, mut warnings) = (&service["spec"], Vec::new());
    let kind = text(spec, "type");
    if annotation(service, HINTS_ANNOTATION).is_some() {
        warnings.push(format!("annotation {HINTS_ANNOTATION} is deprecated, please use {MODE_ANNOTATION} instead"));
    }
    let addresses = |field: &str| -> Vec<String> {
        texts(spec, field).into_iter().enumerate().flat_map(|(i, ip)| address::ip_warnings(&format!("spec.{field}[{i}]"), ip)).collect()
    };
    if !matches!(text(spec, "clusterIP"), "" | "None") {
        warnings.extend(addresses("clusterIPs"));
    }
    let external = !list(spec, "externalIPs").is_empty();
    let headless = kind == "ClusterIP" && text(spec, "clusterIP") == "None";
    if headless {
        let ignored = |set: bool, field: &str| set.then(|| format!("spec.{field} is ignored for headless services"));
        warnings.extend(ignored(!text(spec, "loadBalancerIP").is_empty(), "loadBalancerIP"));
        warnings.extend(ignored(external, "externalIPs"));
        warnings.extend(ignored(text(spec, "sessionAffinity") != "None", "SessionAffinity"));
    }
    warnings.extend(addresses("externalIPs"));
    if external && !headless && kind != "ExternalName" {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    warnings.extend(address::ip_warnings("spec.loadBalancerIP", text(spec, "loadBalancerIP")));
    for (index, range) in texts(spec, "loadBalancerSourceRanges").into_iter().enumerate() {
        warnings.extend(address::cidr_warnings(&format!("spec.loadBalancerSourceRanges[{index}]"), range.trim()));
    }
    if kind == "ExternalName" && external {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if kind != "ExternalName" && !text(spec, "externalName").is_empty() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if text(spec, "trafficDistribution") == "PreferClose" {
        warnings.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
    warnings
}
