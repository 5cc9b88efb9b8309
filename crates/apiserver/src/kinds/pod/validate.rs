//! What a Pod must look like, in upstream's order.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::value::{flag, has, list, map, number, optional_number, optional_text, text, texts};
use super::containers::{self, is_sidecar, word};
use super::{placement, security, volumes};
use crate::field::{FieldErrors, Path, quote};
use crate::syntax::{self, address};

const SPEC: Path<'static> = Path::new("spec");
const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_BYTES: usize = 2048;

pub(super) fn pod(object: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = &object["spec"];
    let mountable = volumes::volumes(spec, &SPEC, &mut errors);
    containers::regular(spec, &mountable, &SPEC, &mut errors);
    containers::init(spec, &mountable, &SPEC, &mut errors);
    containers::ephemeral(spec, &mountable, &SPEC, &mut errors);
    host_network(spec, &mut errors);
    word(spec, "restartPolicy", &["Always", "OnFailure", "Never"], &SPEC, &mut errors);
    word(spec, "dnsPolicy", &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], &SPEC, &mut errors);
    errors.extend(super::super::labels(map(spec, "nodeSelector"), &SPEC.child("nodeSelector")));
    dns_config(spec, &mut errors);
    gates(spec, &mut errors);
    topology_spread(spec, &mut errors);
    names(spec, &mut errors);
    tolerations(spec, &mut errors);
    placement::affinity(spec, &SPEC, &mut errors);
    security::pod(spec, &SPEC, &mut errors);
    let aliases = SPEC.child("hostAliases");
    for (index, alias) in list(spec, "hostAliases").iter().enumerate() {
        let at = aliases.index(index);
        errors.extend(at.child("ip").invalid_all(text(alias, "ip"), address::ip_legacy(text(alias, "ip"))));
        let hostnames = at.child("hostnames");
        for (index, name) in texts(alias, "hostnames").into_iter().enumerate() {
            errors.extend(hostnames.index(index).invalid_all(name, syntax::dns1123_subdomain(name)));
        }
    }
    for field in ["priorityClassName", "runtimeClassName"] {
        if let Some(name) = optional_text(spec, field).filter(|n| !n.is_empty() || field == "runtimeClassName") {
            errors.extend(SPEC.child(field).invalid_all(name, syntax::dns1123_subdomain(name)));
        }
    }
    if has(spec, "preemptionPolicy") {
        word(spec, "preemptionPolicy", &["PreemptLowerPriority", "Never"], &SPEC, &mut errors);
    }
    errors
}

/// What only a new Pod must not have.
pub(super) fn only_new(spec: &Value, errors: &mut FieldErrors) {
    if !list(spec, "ephemeralContainers").is_empty() {
        errors.push(SPEC.child("ephemeralContainers").forbidden("cannot be set on create"));
    }
    if !text(spec, "nodeName").is_empty() && !list(spec, "schedulingGates").is_empty() {
        errors.push(SPEC.child("nodeName").forbidden("cannot be set until all schedulingGates have been cleared"));
    }
}

fn host_network(spec: &Value, errors: &mut FieldErrors) {
    if !flag(spec, "hostNetwork") {
        return;
    }
    if spec["hostUsers"] == false {
        errors.push(SPEC.child("hostNetwork").forbidden("when `hostUsers` is false"));
    }
    let containers = SPEC.child("containers");
    for (index, container) in list(spec, "containers").iter().enumerate() {
        let at = containers.index(index);
        let ports = at.child("ports");
        for (index, port) in list(container, "ports").iter().enumerate() {
            if number(port, "hostPort") != number(port, "containerPort") {
                errors.push(
                    ports.index(index).child("hostPort").invalid(number(port, "hostPort"), "must match `containerPort` when `hostNetwork` is true"),
                );
            }
        }
    }
}

fn dns_config(spec: &Value, errors: &mut FieldErrors) {
    let (config, at) = (&spec["dnsConfig"], SPEC.child("dnsConfig"));
    let servers = texts(config, "nameservers");
    if text(spec, "dnsPolicy") == "None" {
        if !has(spec, "dnsConfig") {
            errors.push(at.required("must provide `dnsConfig` when `dnsPolicy` is None"));
            return;
        }
        if servers.is_empty() {
            errors.push(at.child("nameservers").required("must provide at least one DNS nameserver when `dnsPolicy` is None"));
            return;
        }
    }
    let here = at.child("nameservers");
    if servers.len() > MAX_NAMESERVERS {
        errors.push(here.invalid(servers.clone(), format!("must not have more than {MAX_NAMESERVERS} nameservers")));
    }
    for (index, server) in servers.into_iter().enumerate() {
        errors.extend(here.index(index).invalid_all(server, address::ip_legacy(server)));
    }
    let (searches, here) = (texts(config, "searches"), at.child("searches"));
    if searches.len() > MAX_SEARCHES {
        errors.push(here.invalid(searches.clone(), format!("must not have more than {MAX_SEARCHES} search paths")));
    }
    if searches.join(" ").len() > MAX_SEARCH_BYTES {
        errors.push(
            here.invalid(searches.clone(), format!("must not have more than {MAX_SEARCH_BYTES} characters (including spaces) in the search list")),
        );
    }
    for (index, search) in searches.into_iter().enumerate().filter(|(_, s)| *s != ".") {
        let name = search.strip_suffix('.').unwrap_or(search);
        errors.extend(here.index(index).invalid_all(name, syntax::search_domain(name)));
    }
    let here = at.child("options");
    for (index, _) in list(config, "options").iter().enumerate().filter(|(_, o)| text(o, "name").is_empty()) {
        errors.push(here.index(index).required("must not be empty"));
    }
}

fn gates(spec: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("readinessGates");
    for (index, gate) in list(spec, "readinessGates").iter().enumerate() {
        let kind = text(gate, "conditionType");
        errors.extend(at.index(index).child("conditionType").invalid_all(kind, syntax::qualified_name(kind)));
    }
    let (gates, at) = (list(spec, "schedulingGates"), SPEC.child("schedulingGates"));
    for (index, gate) in gates.iter().enumerate() {
        let name = text(gate, "name");
        errors.extend(at.index(index).invalid_all(name, syntax::qualified_name(name)));
        if gates[..index].iter().any(|g| text(g, "name") == name) {
            errors.push(at.index(index).duplicate(name));
        }
    }
}

fn topology_spread(spec: &Value, errors: &mut FieldErrors) {
    let (constraints, at) = (list(spec, "topologySpreadConstraints"), SPEC.child("topologySpreadConstraints"));
    for (index, constraint) in constraints.iter().enumerate() {
        let at = at.index(index);
        if number(constraint, "maxSkew") <= 0 {
            errors.push(at.child("maxSkew").invalid(number(constraint, "maxSkew"), "must be greater than zero"));
        }
        if text(constraint, "topologyKey").is_empty() {
            errors.push(at.child("topologyKey").required("can not be empty"));
        }
        let action = text(constraint, "whenUnsatisfiable");
        if !matches!(action, "DoNotSchedule" | "ScheduleAnyway") {
            errors.push(at.child("whenUnsatisfiable").not_supported(action, &["DoNotSchedule", "ScheduleAnyway"]));
        }
        placement::fewest_domains(constraint, action, &at, errors);
        placement::label_selector(&constraint["labelSelector"], &at.child("labelSelector"), errors);
        let key = |c: &Value| (text(c, "topologyKey").to_owned(), text(c, "whenUnsatisfiable").to_owned());
        for _ in constraints[index + 1..].iter().filter(|c| key(c) == key(constraint)) {
            let (topology, action) = key(constraint);
            errors.push(at.child("{topologyKey, whenUnsatisfiable}").duplicate(format!("{{{topology}, {action}}}")));
        }
    }
}

/// Names of other objects, and the Pod's own in DNS.
fn names(spec: &Value, errors: &mut FieldErrors) {
    for field in ["serviceAccountName", "nodeName"] {
        let name = text(spec, field);
        if !name.is_empty() {
            errors.extend(SPEC.child(field).invalid_all(name, syntax::dns1123_subdomain(name)));
        }
    }
    if let Some(seconds) = optional_number(spec, "activeDeadlineSeconds").filter(|s| !(1..=i64::from(i32::MAX)).contains(s)) {
        errors.push(SPEC.child("activeDeadlineSeconds").invalid(seconds, syntax::between(1, i64::from(i32::MAX))));
    }
    if let Some(name) = optional_text(spec, "hostnameOverride") {
        errors.extend(SPEC.child("hostnameOverride").invalid_all(name, syntax::dns1123_subdomain(name)));
    }
    for field in ["hostname", "subdomain"] {
        let name = text(spec, field);
        if !name.is_empty() {
            errors.extend(SPEC.child(field).invalid_all(name, syntax::dns1123_label(name)));
        }
    }
}

pub(super) fn tolerations(spec: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("tolerations");
    for (index, toleration) in list(spec, "tolerations").iter().enumerate() {
        let at = at.index(index);
        let (key, operator, value, effect) =
            (text(toleration, "key"), text(toleration, "operator"), text(toleration, "value"), text(toleration, "effect"));
        if !key.is_empty() {
            errors.extend(at.child("key").invalid_all(key, syntax::qualified_name(key)));
        } else if operator != "Exists" {
            errors.push(
                at.child("operator").invalid(operator, "operator must be Exists when `key` is empty, which means \"match all values and all keys\""),
            );
        }
        if has(toleration, "tolerationSeconds") && effect != "NoExecute" {
            errors.push(at.child("effect").invalid(effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
        }
        match operator {
            "" | "Equal" => {
                let wrong = syntax::label_value(value);
                if !wrong.is_empty() {
                    errors.push(at.child("operator").invalid(value, wrong.join(";")));
                }
            }
            "Exists" if !value.is_empty() => errors.push(at.child("operator").invalid(value, "value must be empty when `operator` is 'Exists'")),
            "Exists" => {}
            // Comparisons are off, which upstream tells only of other words (KEP-5471).
            "Lt" | "Gt" => errors.push(at.child("operator").not_supported(operator, &["Equal", "Exists", "Lt", "Gt"])),
            other => errors.push(at.child("operator").not_supported(other, &["Equal", "Exists"])),
        }
        if !matches!(effect, "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            errors.push(at.child("effect").not_supported(effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]));
        }
    }
}

/// What is accepted and hardly meant.
pub(super) fn warnings(pod: &Value) -> Vec<String> {
    let (spec, mut warnings) = (&pod["spec"], Vec::new());
    if text(&pod["metadata"], "name").contains('.') {
        let why = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
        warnings.push(format!("metadata.name: {why}: [must not contain dots]"));
    }
    let secrets = list(spec, "imagePullSecrets");
    for (index, secret) in secrets.iter().enumerate() {
        let name = text(secret, "name");
        if secrets[..index].iter().any(|s| text(s, "name") == name) {
            warnings.push(format!("spec.imagePullSecrets[{index}].name: duplicate name {}", quote(name)));
        }
    }
    for (index, _) in secrets.iter().enumerate().filter(|(_, s)| text(s, "name").is_empty()) {
        warnings.push(format!("spec.imagePullSecrets[{index}].name: invalid empty name \"\""));
    }
    for (index, _) in list(spec, "topologySpreadConstraints").iter().enumerate().filter(|(_, c)| !has(c, "labelSelector")) {
        warnings.push(format!("spec.topologySpreadConstraints[{index}].labelSelector: a null labelSelector results in matching no pod"));
    }
    placement::warnings(spec, &mut warnings);
    volumes::warnings(spec, &mut warnings);
    for volume in list(spec, "volumes").iter().filter(|v| has(v, "projected") && list(&v["projected"], "sources").iter().all(is_empty)) {
        warnings.push(format!("volume {} (Projected) has no sources provided", quote(text(volume, "name"))));
    }
    for kind in ["containers", "initContainers"] {
        for (index, container) in list(spec, kind).iter().enumerate() {
            let env = list(container, "env");
            for (later, variable) in env.iter().enumerate() {
                let name = text(variable, "name");
                let builds_on_itself = text(variable, "value").contains(&format!("$({name})"));
                if !builds_on_itself && env[..later].iter().any(|e| text(e, "name") == name) {
                    warnings.push(format!(
                        "spec.{kind}[{index}].env[{later}]: hides previous definition of {}, which may be dropped when using apply",
                        quote(name)
                    ));
                }
            }
        }
    }
    port_name_warnings(spec, &mut warnings);
    repeated_port_warnings(spec, &mut warnings);
    for (index, alias) in list(spec, "hostAliases").iter().enumerate() {
        warnings.extend(address::ip_warnings(&format!("spec.hostAliases[{index}].ip"), text(alias, "ip")));
    }
    warnings
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_none_or(serde_json::Map::is_empty)
}

/// A port that a container opens twice.
fn repeated_port_warnings(spec: &Value, warnings: &mut Vec<String>) {
    for (index, container) in list(spec, "containers").iter().enumerate() {
        let ports = list(container, "ports");
        let key = |p: &Value| (number(p, "containerPort"), text(p, "protocol").to_owned(), number(p, "hostPort"), text(p, "hostIP").to_owned());
        for (later, port) in ports.iter().enumerate() {
            if let Some(first) = ports[..later].iter().position(|p| key(p) == key(port)) {
                let at = format!("spec.containers[{index}].ports");
                warnings.push(format!("{at}[{later}]: duplicate port definition with {at}[{first}]"));
            }
        }
    }
}

/// A port name that two containers use selects the first one.
fn port_name_warnings(spec: &Value, warnings: &mut Vec<String>) {
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    for kind in ["initContainers", "containers"] {
        for (index, container) in list(spec, kind).iter().enumerate().filter(|(_, c)| kind == "containers" || is_sidecar(c)) {
            for (port, name) in list(container, "ports").iter().map(|p| text(p, "name")).enumerate().filter(|(_, n)| !n.is_empty()) {
                let at = format!("spec.{kind}[{index}].ports[{port}]");
                match first.get(name) {
                    Some(other) => warnings.push(format!(
                        "{at}: duplicate port name {} with {other}, services and probes that select ports by name will use {other}",
                        quote(name)
                    )),
                    None => drop(first.insert(name, at)),
                }
            }
        }
    }
}
