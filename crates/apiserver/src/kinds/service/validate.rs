//! What a Service must look like, in the order in which upstream looks (`pkg/apis/core/validation`): messages of several mistakes are compared whole.

use serde_json::{Value, json};

use super::super::endpoint_slice::{check_protocol, check_reachable};
use super::super::ingress::check_load_balancer_point;
use super::super::value::{annotation, has, list, map, number, optional_text, text, texts};
use super::types::{externally_accessible, is_headless, needs_health_check};
use super::{HINTS_ANNOTATION, MODE_ANNOTATION, RANGES_ANNOTATION, families};
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

const SPEC: Path<'static> = Path::new("spec");
/// Longest sessionAffinity: a day.
const MAX_AFFINITY_SECONDS: i64 = 86_400;
const ONLY_LOAD_BALANCER: &str = "may only be used when `type` is 'LoadBalancer'";

/// Everything but metadata. `old` is what is stored, on an update: addresses that stand in it are not judged again.
pub(super) fn service(service: &Value, old: Option<&Value>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = &service["spec"];
    let old_spec = old.map(|o| &o["spec"]);
    check_topology_annotations(service, &mut errors);
    check_type_needs(spec, &mut errors);
    check_ports(spec, &mut errors);
    errors.extend(super::super::labels(map(spec, "selector"), &SPEC.child("selector")));
    check_affinity(spec, &mut errors);
    errors.extend(families::cluster_ip_errors(spec, old_spec));
    check_external_ips(spec, old_spec, &mut errors);
    check_type(spec, &mut errors);
    check_duplicate_ports(spec, &mut errors);
    check_source_ranges(service, old, &mut errors);
    check_load_balancer_fields(spec, &mut errors);
    check_external_policy(spec, &mut errors);
    check_internal_policy(spec, &mut errors);
    if let Some(distribution) = optional_text(spec, "trafficDistribution") {
        let supported = ["PreferClose", "PreferSameZone", "PreferSameNode"];
        if !supported.contains(&distribution) {
            errors.push(SPEC.child("trafficDistribution").not_supported(distribution, &supported));
        }
    }
    errors
}

fn check_topology_annotations(service: &Value, errors: &mut FieldErrors) {
    if let (Some(mode), Some(hints)) = (annotation(service, MODE_ANNOTATION), annotation(service, HINTS_ANNOTATION))
        && mode != hints
    {
        let (metadata, detail) = (Path::new("metadata"), format!("must match annotations[{HINTS_ANNOTATION}] when both are specified"));
        errors.push(metadata.child("annotations").key(MODE_ANNOTATION).invalid(mode, detail));
    }
}

fn check_type_needs(spec: &Value, errors: &mut FieldErrors) {
    let (kind, headless) = (text(spec, "type"), is_headless(spec));
    if list(spec, "ports").is_empty() && !headless && kind != "ExternalName" {
        errors.push(SPEC.child("ports").required(""));
    }
    if headless && matches!(kind, "LoadBalancer" | "NodePort") {
        errors.push(SPEC.child("clusterIPs").index(0).invalid("None", format!("may not be set to 'None' for {kind} services")));
    }
    if kind == "ExternalName" {
        for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if has(spec, field) && (field == "ipFamilyPolicy" || !list(spec, field).is_empty()) {
                errors.push(SPEC.child(field).forbidden("may not be set for ExternalName services"));
            }
        }
        let (name, at) = (text(spec, "externalName"), SPEC.child("externalName"));
        match name.strip_suffix('.').unwrap_or(name) {
            "" => errors.push(at.required("")),
            name => errors.extend(at.invalid_all(name, syntax::dns1123_subdomain(name))),
        }
    }
}

fn check_ports(spec: &Value, errors: &mut FieldErrors) {
    let (ports, at) = (list(spec, "ports"), SPEC.child("ports"));
    for (index, port) in ports.iter().enumerate() {
        let (at, name, own) = (at.index(index), text(port, "name"), number(port, "port"));
        if !name.is_empty() {
            errors.extend(at.child("name").invalid_all(name, syntax::dns1123_label(name)));
            if ports[..index].iter().any(|p| text(p, "name") == name) {
                errors.push(at.child("name").duplicate(name));
            }
        } else if ports.len() > 1 {
            errors.push(at.child("name").required(""));
        }
        errors.extend(syntax::port_number(own).into_iter().map(|why| at.child("port").invalid(own, why)));
        // The order within a port: protocol, targetPort, appProtocol.
        let mut after = FieldErrors::new();
        check_protocol(port, &at, &mut after);
        let app = after.iter().position(|e| e.path.ends_with(".appProtocol")).unwrap_or(after.len());
        let tail = after.split_off(app);
        errors.extend(after);
        check_target(&port["targetPort"], &at.child("targetPort"), errors);
        errors.extend(tail);
    }
}

fn check_target(target: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    match target.as_str() {
        Some(name) => errors.extend(at.invalid_all(name, syntax::port_name(name))),
        None => {
            let number = target.as_i64().unwrap_or(0);
            errors.extend(syntax::port_number(number).into_iter().map(|why| at.invalid(number, why)));
        }
    }
}

fn check_affinity(spec: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("sessionAffinityConfig");
    match text(spec, "sessionAffinity") {
        "" => errors.push(SPEC.child("sessionAffinity").required("")),
        "None" => {
            if has(spec, "sessionAffinityConfig") {
                errors.push(at.forbidden("must not be set when session affinity is None"));
            }
        }
        "ClientIP" => {
            let seconds = number(&spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds");
            if !(1..=MAX_AFFINITY_SECONDS).contains(&seconds) {
                let detail = format!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}");
                errors.push(at.child("clientIP").child("timeoutSeconds").invalid(seconds, detail));
            }
        }
        other => errors.push(SPEC.child("sessionAffinity").not_supported(other, &["ClientIP", "None"])),
    }
}

fn check_external_ips(spec: &Value, old: Option<&Value>, errors: &mut FieldErrors) {
    let known = old.map(|o| texts(o, "externalIPs")).unwrap_or_default();
    let at = SPEC.child("externalIPs");
    for (index, ip) in texts(spec, "externalIPs").into_iter().enumerate() {
        let at = at.index(index);
        let wrong = if known.contains(&ip) { Vec::new() } else { address::ip_legacy(ip) };
        if wrong.is_empty() {
            check_reachable(ip, &at, false, errors);
        } else {
            errors.extend(at.invalid_all(ip, wrong));
        }
    }
}

fn check_type(spec: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("type");
    match text(spec, "type") {
        "" => errors.push(at.required("")),
        "ClusterIP" => {
            let ports = SPEC.child("ports");
            for (index, _) in list(spec, "ports").iter().enumerate().filter(|(_, p)| number(p, "nodePort") != 0) {
                errors.push(ports.index(index).child("nodePort").forbidden("may not be used when `type` is 'ClusterIP'"));
            }
        }
        "ExternalName" | "LoadBalancer" | "NodePort" => {}
        other => errors.push(at.not_supported(other, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])),
    }
}

fn check_duplicate_ports(spec: &Value, errors: &mut FieldErrors) {
    let (ports, at) = (list(spec, "ports"), SPEC.child("ports"));
    let repeats = |index: usize, field: &str| {
        let key = |p: &Value| (text(p, "protocol").to_owned(), number(p, field));
        ports[..index].iter().any(|p| key(p) == key(&ports[index]))
    };
    for (index, port) in ports.iter().enumerate() {
        if number(port, "nodePort") != 0 && repeats(index, "nodePort") {
            errors.push(at.index(index).child("nodePort").duplicate(number(port, "nodePort")));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        if repeats(index, "port") {
            // The unversioned form of a port, which is what upstream prints here.
            let key = json!({"Name": "", "Protocol": text(port, "protocol"), "AppProtocol": null, "Port": number(port, "port"), "TargetPort": 0, "NodePort": 0});
            errors.push(at.index(index).duplicate(key));
        }
    }
}

/// Spaces around a range are part of the API, by accident.
fn check_source_ranges(service: &Value, old: Option<&Value>, errors: &mut FieldErrors) {
    let spec = &service["spec"];
    let balancer = text(spec, "type") == "LoadBalancer";
    let ranges = texts(spec, "loadBalancerSourceRanges");
    if !ranges.is_empty() {
        let at = SPEC.child("LoadBalancerSourceRanges");
        if !balancer {
            errors.push(at.forbidden(ONLY_LOAD_BALANCER));
        }
        let known: Vec<&str> = old.map(|o| texts(&o["spec"], "loadBalancerSourceRanges")).unwrap_or_default().into_iter().map(str::trim).collect();
        for (index, range) in ranges.into_iter().map(str::trim).enumerate().filter(|(_, r)| !known.contains(r)) {
            errors.extend(at.index(index).invalid_all(range, address::cidr_legacy(range)));
        }
    } else if let Some(text) = annotation(service, RANGES_ANNOTATION) {
        let metadata = Path::new("metadata");
        let annotations = metadata.child("annotations");
        let at = annotations.key(RANGES_ANNOTATION);
        if !balancer {
            errors.push(at.forbidden(ONLY_LOAD_BALANCER));
        }
        let unchanged = old.is_some_and(|o| annotation(o, RANGES_ANNOTATION) == Some(text));
        if !unchanged && !text.trim().is_empty() {
            for range in text.trim().split(',').map(str::trim) {
                errors.extend(at.invalid_all(range, address::cidr_legacy(range)));
            }
        }
    }
}

fn check_load_balancer_fields(spec: &Value, errors: &mut FieldErrors) {
    let balancer = text(spec, "type") == "LoadBalancer";
    let allocates = has(spec, "allocateLoadBalancerNodePorts");
    if allocates && !balancer {
        errors.push(SPEC.child("allocateLoadBalancerNodePorts").forbidden(ONLY_LOAD_BALANCER));
    }
    if balancer && !allocates {
        errors.push(Path::new("allocateLoadBalancerNodePorts").required(""));
    }
    check_class(spec, errors);
}

fn check_class(spec: &Value, errors: &mut FieldErrors) {
    let (Some(class), at) = (optional_text(spec, "loadBalancerClass"), SPEC.child("loadBalancerClass")) else { return };
    if text(spec, "type") == "LoadBalancer" {
        errors.extend(at.invalid_all(class, syntax::qualified_name(class)));
    } else {
        errors.push(at.forbidden(ONLY_LOAD_BALANCER));
    }
}

fn check_external_policy(spec: &Value, errors: &mut FieldErrors) {
    let (policy, at) = (text(spec, "externalTrafficPolicy"), SPEC.child("externalTrafficPolicy"));
    match (externally_accessible(spec), policy) {
        (false, "") | (true, "Cluster" | "Local") => {}
        (false, set) => errors.push(at.invalid(set, "may only be set for externally-accessible services")),
        (true, "") => errors.push(at.required("")),
        (true, other) => errors.push(at.not_supported(other, &["Cluster", "Local"])),
    }
    let (port, at) = (number(spec, "healthCheckNodePort"), SPEC.child("healthCheckNodePort"));
    match (needs_health_check(spec), port) {
        (false, 0) => {}
        (false, set) => errors.push(at.invalid(set, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")),
        (true, 0) => errors.push(at.required("")),
        (true, set) => errors.extend(syntax::port_number(set).into_iter().map(|why| at.invalid(set, why))),
    }
}

fn check_internal_policy(spec: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("internalTrafficPolicy");
    match optional_text(spec, "internalTrafficPolicy") {
        None if matches!(text(spec, "type"), "ClusterIP" | "NodePort" | "LoadBalancer") => errors.push(at.required("")),
        None | Some("Cluster" | "Local") => {}
        Some(other) => errors.push(at.not_supported(other, &["Cluster", "Local"])),
    }
}

/// Fields of load balancers that hold still: the class, and the health port while one is needed.
pub(super) fn fixed_once_set(new: &Value, old: &Value) -> FieldErrors {
    let (mut errors, new, old) = (FieldErrors::new(), &new["spec"], &old["spec"]);
    let balancer = |spec: &Value| text(spec, "type") == "LoadBalancer";
    if balancer(old) && balancer(new) && old.get("loadBalancerClass") != new.get("loadBalancerClass") {
        errors.push(SPEC.child("loadBalancerClass").invalid(new["loadBalancerClass"].clone(), "may not change once set"));
    }
    // The class is judged here and once more with the whole object, as upstream does: the message drops what repeats, the causes do not.
    check_class(new, &mut errors);
    if needs_health_check(old) && needs_health_check(new) && number(old, "healthCheckNodePort") != number(new, "healthCheckNodePort") {
        errors.push(SPEC.child("healthCheckNodePort").forbidden("field is immutable"));
    }
    errors
}

/// The points of `status.loadBalancer`.
pub(super) fn load_balancer_status(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = Path::new("status");
    let balancer = status.child("loadBalancer");
    let at = balancer.child("ingress");
    let points = list(&new["status"]["loadBalancer"], "ingress");
    if text(&new["spec"], "type") != "LoadBalancer" && !points.is_empty() {
        errors.push(at.forbidden("may only be used when `spec.type` is 'LoadBalancer'"));
        return errors;
    }
    let known: Vec<String> = list(&old["status"]["loadBalancer"], "ingress").iter().map(|p| text(p, "ip").to_owned()).collect();
    for (index, point) in points.iter().enumerate() {
        let (at, mut rest) = (at.index(index), FieldErrors::new());
        check_load_balancer_point(point, &known, &at, &mut rest);
        let hostname = rest.iter().position(|e| e.path.ends_with(".hostname")).unwrap_or(rest.len());
        let tail = rest.split_off(hostname);
        errors.extend(rest);
        let has_ip = !text(point, "ip").is_empty();
        match optional_text(point, "ipMode") {
            None if has_ip => errors.push(at.child("ipMode").required("must be specified when `ip` is set")),
            Some(_) if !has_ip => errors.push(at.child("ipMode").forbidden("may not be specified when `ip` is not set")),
            Some(mode) if !matches!(mode, "VIP" | "Proxy") => errors.push(at.child("ipMode").not_supported(mode, &["Proxy", "VIP"])),
            _ => {}
        }
        errors.extend(tail);
    }
    errors
}
