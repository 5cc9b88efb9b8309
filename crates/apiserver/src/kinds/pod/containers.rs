//! What a container must look like.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::endpoint_slice::PROTOCOLS;
use super::super::value::{has, list, map, number, optional_number, optional_text, text};
use super::{security, volumes};
use crate::field::{FieldErrors, Path};
use crate::syntax;

/// What `fieldRef` of a variable may name, besides `metadata.labels['x']` and `metadata.annotations['x']`.
const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields that exist, and cannot be had in a variable.
const OTHER_FIELDS: [&str; 6] = ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"];
const SOURCES: [&str; 5] = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
const ONLY_SIDECARS: &str = "may not be set for init containers without restartPolicy=Always";

pub(super) fn regular(spec: &Value, mountable: &BTreeSet<&str>, at: &Path<'_>, errors: &mut FieldErrors) {
    let (containers, at) = (list(spec, "containers"), at.child("containers"));
    if containers.is_empty() {
        errors.push(at.required(""));
        return;
    }
    for (index, container) in containers.iter().enumerate() {
        let here = at.index(index);
        common(container, mountable, &here, errors);
        if containers[..index].iter().any(|c| text(c, "name") == text(container, "name")) {
            errors.push(here.child("name").duplicate(text(container, "name")));
        }
        hooks_and_probes(container, number(spec, "terminationGracePeriodSeconds"), &here, errors);
        if has(container, "restartPolicy") {
            restart_policy(container, &here, errors);
        }
    }
    host_ports(containers.iter(), &at, errors);
}

pub(super) fn init(spec: &Value, mountable: &BTreeSet<&str>, at: &Path<'_>, errors: &mut FieldErrors) {
    let (containers, at) = (list(spec, "initContainers"), at.child("initContainers"));
    let mut names: BTreeSet<&str> = list(spec, "containers").iter().map(|c| text(c, "name")).collect();
    for (index, container) in containers.iter().enumerate() {
        let here = at.index(index);
        common(container, mountable, &here, errors);
        if has(container, "restartPolicy") {
            restart_policy(container, &here, errors);
        }
        if !names.insert(text(container, "name")) {
            errors.push(here.child("name").duplicate(text(container, "name")));
        }
        host_ports(std::iter::once(container), &at, errors);
        if text(container, "restartPolicy") == "Always" {
            hooks_and_probes(container, number(spec, "terminationGracePeriodSeconds"), &here, errors);
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if has(container, field) {
                    errors.push(here.child(field).forbidden(ONLY_SIDECARS));
                }
            }
        }
    }
}

/// Containers added to a running Pod for a look: what all containers must be, and names of their own.
pub(super) fn ephemeral(spec: &Value, mountable: &BTreeSet<&str>, at: &Path<'_>, errors: &mut FieldErrors) {
    let (containers, at) = (list(spec, "ephemeralContainers"), at.child("ephemeralContainers"));
    let others = || list(spec, "containers").iter().chain(list(spec, "initContainers"));
    let mut names: BTreeSet<&str> = others().map(|c| text(c, "name")).collect();
    for (index, container) in containers.iter().enumerate() {
        let here = at.index(index);
        common(container, mountable, &here, errors);
        if !names.insert(text(container, "name")) {
            errors.push(here.child("name").duplicate(text(container, "name")));
        }
    }
}

fn restart_policy(container: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let policy = text(container, "restartPolicy");
    if !matches!(policy, "Always" | "Never" | "OnFailure") {
        errors.push(at.child("restartPolicy").not_supported(policy, &["Always", "Never", "OnFailure"]));
    }
}

fn common(container: &Value, mountable: &BTreeSet<&str>, at: &Path<'_>, errors: &mut FieldErrors) {
    match text(container, "name") {
        "" => errors.push(at.child("name").required("")),
        name => errors.extend(at.child("name").invalid_all(name, syntax::dns1123_label(name))),
    }
    let image = text(container, "image");
    if image.is_empty() {
        errors.push(at.child("image").required(""));
    } else if image.trim() != image {
        errors.push(at.child("image").invalid(image, "must not have leading or trailing whitespace"));
    }
    word(container, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], at, errors);
    ports(container, at, errors);
    environment(container, at, errors);
    volumes::mounts(container, mountable, at, errors);
    volumes::devices(container, mountable, at, errors);
    word(container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], at, errors);
    resources(&container["resources"], &at.child("resources"), errors);
    for (index, policy) in list(container, "resizePolicy").iter().enumerate() {
        let (word, allowed) = (text(policy, "restartPolicy"), ["NotRequired", "RestartContainer"]);
        if !allowed.contains(&word) {
            errors.push(if word.is_empty() {
                at.child("resizePolicy").index(index).required("")
            } else {
                at.child("resizePolicy").not_supported(word, &allowed)
            });
        }
    }
    security::container(container, at, errors);
}

/// A required field of a closed set.
pub(super) fn word(object: &Value, field: &str, allowed: &[&str], at: &Path<'_>, errors: &mut FieldErrors) {
    match text(object, field) {
        "" => errors.push(at.child(field).required("")),
        word if allowed.contains(&word) => {}
        other => errors.push(at.child(field).not_supported(other, allowed)),
    }
}

fn ports(container: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (ports, at) = (list(container, "ports"), at.child("ports"));
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let (at, name) = (at.index(index), text(port, "name"));
        if !name.is_empty() {
            let wrong = syntax::port_name(name);
            if wrong.is_empty() && !names.insert(name) {
                errors.push(at.child("name").duplicate(name));
            }
            errors.extend(at.child("name").invalid_all(name, wrong));
        }
        match number(port, "containerPort") {
            0 => errors.push(at.child("containerPort").required("")),
            n => errors.extend(syntax::port_number(n).into_iter().map(|why| at.child("containerPort").invalid(n, why))),
        }
        if let n @ 1.. | n @ ..=-1 = number(port, "hostPort") {
            errors.extend(syntax::port_number(n).into_iter().map(|why| at.child("hostPort").invalid(n, why)));
        }
        word(port, "protocol", &PROTOCOLS, &at, errors);
    }
}

/// A host port is given once among containers that run at the same time.
fn host_ports<'a>(containers: impl Iterator<Item = &'a Value>, at: &Path<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for (index, container) in containers.enumerate() {
        let container_at = at.index(index);
        let ports = container_at.child("ports");
        for (index, port) in list(container, "ports").iter().enumerate().filter(|(_, p)| number(p, "hostPort") != 0) {
            let key = format!("{}/{}/{}", text(port, "protocol"), text(port, "hostIP"), number(port, "hostPort"));
            if !seen.insert(key.clone()) {
                errors.push(ports.index(index).child("hostPort").duplicate(key));
            }
        }
    }
}

fn environment(container: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let env = at.child("env");
    for (index, variable) in list(container, "env").iter().enumerate() {
        let (at, name) = (env.index(index), text(variable, "name"));
        if name.is_empty() {
            errors.push(at.child("name").required(""));
        } else {
            errors.extend(at.child("name").invalid_all(name, syntax::environment_name(name)));
        }
        if has(variable, "valueFrom") {
            value_from(variable, &at.child("valueFrom"), errors);
        }
    }
    let from = at.child("envFrom");
    for (index, source) in list(container, "envFrom").iter().enumerate() {
        let (here, prefix) = (from.index(index), text(source, "prefix"));
        if !prefix.is_empty() {
            errors.extend(here.child("prefix").invalid_all(prefix, syntax::environment_name(prefix)));
        }
        let named: Vec<&str> = ["configMapRef", "secretRef"].into_iter().filter(|s| has(source, s)).collect();
        for field in &named {
            let at = here.child(field);
            match text(&source[*field], "name") {
                "" => errors.push(at.child("name").required("")),
                name => errors.extend(at.child("name").invalid_all(name, syntax::dns1123_subdomain(name))),
            }
        }
        match named.len() {
            0 => errors.push(from.invalid("", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(from.invalid("", "may not have more than one field specified at a time")),
        }
    }
}

fn value_from(variable: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let source = &variable["valueFrom"];
    let named: Vec<&str> = SOURCES.into_iter().filter(|s| has(source, s)).collect();
    for field in &named {
        let (one, at) = (&source[*field], at.child(field));
        match *field {
            "fieldRef" => field_ref(one, &at, errors),
            "configMapKeyRef" | "secretKeyRef" => {
                let name = text(one, "name");
                errors.extend(at.child("name").invalid_all(name, syntax::dns1123_subdomain(name)));
                match text(one, "key") {
                    "" => errors.push(at.child("key").required("")),
                    key => errors.extend(at.child("key").invalid_all(key, syntax::config_key(key))),
                }
            }
            "resourceFieldRef" => resource_ref(one, &at, errors),
            _ => {}
        }
    }
    match named.len() {
        0 => errors.push(at.invalid("", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")),
        _ if !text(variable, "value").is_empty() => errors.push(at.invalid("", "may not be specified when `value` is not empty")),
        1 => {}
        _ => errors.push(at.invalid("", "may not have more than one field specified at a time")),
    }
}

fn resource_ref(reference: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    const AMOUNTS: [&str; 6] =
        ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];
    match text(reference, "resource") {
        "" => errors.push(at.child("resource").required("")),
        known if AMOUNTS.contains(&known) || known.starts_with("limits.hugepages-") || known.starts_with("requests.hugepages-") => {}
        other => errors.push(at.child("resource").not_supported(other, &AMOUNTS)),
    }
}

pub(super) fn field_ref(reference: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let path = text(reference, "fieldPath");
    if path.is_empty() {
        errors.push(at.child("fieldPath").required(""));
        return;
    }
    if let Some(version) = optional_text(reference, "apiVersion").filter(|v| !matches!(*v, "" | "v1")) {
        errors.push(at.child("fieldPath").invalid(path, format!("error converting fieldPath: unsupported pod version: {version}")));
        return;
    }
    let subscript = |prefix: &str| path.strip_prefix(prefix).and_then(|p| p.strip_prefix("['")).and_then(|p| p.strip_suffix("']"));
    if let Some(key) = subscript("metadata.annotations").or_else(|| subscript("metadata.labels")) {
        errors.extend(at.invalid_all(key, syntax::qualified_name(key)));
    } else if !ENV_FIELDS.contains(&path) && !OTHER_FIELDS.contains(&path) {
        errors.push(at.child("fieldPath").invalid(path, format!("error converting fieldPath: field label not supported: {path}")));
    } else if !ENV_FIELDS.contains(&path) {
        errors.push(at.child("fieldPath").not_supported(path, &ENV_FIELDS));
    }
}

/// Requests and limits: amounts that are none below zero, no request above its limit.
pub(super) fn resources(resources: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for kind in ["limits", "requests"] {
        let at = at.child(kind);
        for (name, value) in map(resources, kind) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if amount(&text).is_some_and(|a| a < 0.0) {
                errors.push(at.key(name).invalid(text.as_str(), "must be greater than or equal to 0"));
            }
            let is_standard = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
            if !name.contains('/') && !is_standard {
                errors.push(at.key(name).invalid(name.as_str(), "must be a standard resource type or fully qualified"));
                errors.push(at.key(name).invalid(name.as_str(), "must be a standard resource for containers"));
            }
            if name.contains('/') && amount(&text).is_some_and(|a| a.fract() != 0.0) {
                errors.push(at.key(name).invalid(text, "must be an integer"));
            }
        }
    }
    let requests = at.child("requests");
    for (name, value) in map(resources, "requests") {
        let (request, limit) = (value.as_str().unwrap_or(""), resources["limits"][name.as_str()].as_str().unwrap_or(""));
        if (name.contains('/') || name.starts_with("hugepages-")) && limit.is_empty() {
            errors.push(at.child("limits").required("Limit must be set for non overcommitable resources"));
        }
        if let (Some(asked), Some(allowed)) = (amount(request), amount(limit))
            && asked > allowed
        {
            errors.push(requests.invalid(request, format!("must be less than or equal to {name} limit of {limit}")));
        }
    }
}

/// What a quantity comes to: near enough to compare a request with its limit.
pub(in crate::kinds) fn amount(text: &str) -> Option<f64> {
    let split = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let scale = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        _ => return text.parse().ok(),
    };
    digits.parse::<f64>().ok().map(|d| d * scale)
}

fn hooks_and_probes(container: &Value, grace_s: i64, at: &Path<'_>, errors: &mut FieldErrors) {
    if has(container, "lifecycle") {
        let at = at.child("lifecycle");
        for hook in ["postStart", "preStop"] {
            if has(&container["lifecycle"], hook) {
                handler(&container["lifecycle"][hook], &["exec", "httpGet", "tcpSocket", "sleep"], &at.child(hook), errors);
                if let Some(seconds) = optional_number(&container["lifecycle"][hook]["sleep"], "seconds").filter(|s| !(0..=grace_s).contains(s)) {
                    let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace_s})");
                    errors.push(at.child(hook).child("sleep").invalid(seconds, why));
                }
            }
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if has(container, name) {
            probe(&container[name], name, &at.child(name), errors);
        }
    }
}

fn probe(probe: &Value, name: &str, at: &Path<'_>, errors: &mut FieldErrors) {
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], at, errors);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        let value = number(probe, field);
        if value < 0 {
            errors.push(at.child(field).invalid(value, "must be greater than or equal to 0"));
        }
    }
    let grace = optional_number(probe, "terminationGracePeriodSeconds");
    if let Some(seconds) = grace.filter(|s| *s <= 0) {
        errors.push(at.child("terminationGracePeriodSeconds").invalid(seconds, "must be greater than 0"));
    }
    if name == "readinessProbe" {
        if let Some(seconds) = grace {
            errors.push(at.child("terminationGracePeriodSeconds").invalid(seconds, "must not be set for readinessProbes"));
        }
    } else if number(probe, "successThreshold") != 1 {
        errors.push(at.child("successThreshold").invalid(number(probe, "successThreshold"), "must be 1"));
    }
}

fn handler(handler: &Value, kinds: &[&str], at: &Path<'_>, errors: &mut FieldErrors) {
    let mut first = true;
    for kind in kinds.iter().filter(|k| has(handler, k)) {
        let (action, at) = (&handler[*kind], at.child(kind));
        if !first {
            errors.push(at.forbidden("may not specify more than 1 handler type"));
            continue;
        }
        first = false;
        match *kind {
            "exec" if list(action, "command").is_empty() => errors.push(at.child("command").required("")),
            "httpGet" => http_get(action, &at, errors),
            "tcpSocket" | "grpc" => port(&action["port"], &at.child("port"), errors),
            _ => {}
        }
    }
    if first {
        errors.push(at.required("must specify a handler type"));
    }
}

fn http_get(action: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if text(action, "path").is_empty() {
        errors.push(at.child("path").required(""));
    }
    port(&action["port"], &at.child("port"), errors);
    let scheme = text(action, "scheme");
    if !matches!(scheme, "HTTP" | "HTTPS") {
        errors.push(at.child("scheme").not_supported(scheme, &["HTTP", "HTTPS"]));
    }
    for header in list(action, "httpHeaders") {
        let name = text(header, "name");
        errors.extend(at.child("httpHeaders").invalid_all(name, syntax::header_name(name)));
    }
}

fn port(value: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    match value.as_str() {
        Some(name) => errors.extend(at.invalid_all(name, syntax::port_name(name))),
        None => {
            let number = value.as_i64().unwrap_or(0);
            errors.extend(syntax::port_number(number).into_iter().map(|why| at.invalid(number, why)));
        }
    }
}

/// Whether a container stays beside the others: a regular one, or an init container that restarts.
pub(super) fn is_sidecar(container: &Value) -> bool {
    optional_text(container, "restartPolicy") == Some("Always")
}
