//! Ingress: HTTP from outside, by host and path. Also the admission step that fills in the default class.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, column};
use super::ingress_class::{DEFAULT_CLASS, check_reference};
use super::value::{annotation, has, list, name, number, object_at, optional_text, text, texts};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

/// The older way to name a class.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const SPEC: Path<'static> = Path::new("spec");
/// Sequences that two servers may read differently; no Exact or Prefix path holds one.
const FORBIDDEN_IN_PATH: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const FORBIDDEN_AT_END: [&str; 2] = ["/..", "/."];

/// Fills in the class of a new Ingress that names none: the newest class marked as default, the first by name of equally new ones.
/// `classes` are all IngressClasses, in any order.
pub fn fill_default_class<'a>(ingress: &mut Value, classes: impl Iterator<Item = &'a Value>) {
    if has(&ingress["spec"], "ingressClassName") || annotation(ingress, CLASS_ANNOTATION).is_some() {
        return;
    }
    let created = |class: &'a Value| text(&class["metadata"], "creationTimestamp");
    let newest =
        classes.filter(|c| annotation(c, DEFAULT_CLASS) == Some("true")).min_by(|a, b| created(b).cmp(created(a)).then_with(|| name(a).cmp(name(b))));
    if let Some(class) = newest {
        object_at(ingress, "spec")["ingressClassName"] = name(class).into();
    }
}

/// The rules of Ingresses.
pub struct Ingress;

/// What an older server accepted and an unchanged object may keep.
#[derive(Clone, Copy, Default)]
struct Tolerated {
    secret_names: bool,
    wildcard_rules: bool,
}

impl Rules for Ingress {
    fn defaults(&self, object: &mut Value) {
        object_at(object, "spec");
        object_at(object_at(object, "status"), "loadBalancer");
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({"loadBalancer": {}});
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = check_spec(&object["spec"], Tolerated::default());
        let (class, old) = (optional_text(&object["spec"], "ingressClassName"), annotation(object, CLASS_ANNOTATION));
        if let (Some(class), Some(old)) = (class, old)
            && class != old
        {
            let at = Path::new("annotations");
            errors.push(at.child(CLASS_ANNOTATION).invalid(old, "must match `ingressClassName` when both are specified"));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, _: &Settings) -> FieldErrors {
        let spec = &old["spec"];
        let tolerated = Tolerated {
            secret_names: list(spec, "tls").iter().any(|t| !secret_name(text(t, "secretName")).is_empty()),
            wildcard_rules: list(spec, "rules").iter().any(|rule| {
                let mut errors = FieldErrors::new();
                check_http(rule, &SPEC, &mut errors);
                text(rule, "host").contains('*') && !errors.is_empty()
            }),
        };
        check_spec(&new["spec"], tolerated)
    }

    fn validate_status(&self, new: &Value, old: &Value) -> FieldErrors {
        let points = |object: &Value| list(&object["status"]["loadBalancer"], "ingress").to_vec();
        let known: Vec<String> = points(old).iter().map(|p| text(p, "ip").to_owned()).collect();
        let status = Path::new("status");
        let (balancer, mut errors) = (status.child("loadBalancer"), FieldErrors::new());
        let at = balancer.child("ingress");
        for (index, point) in points(new).iter().enumerate() {
            check_load_balancer_point(point, &known, &at.index(index), &mut errors);
        }
        errors
    }

    fn warnings(&self, new: &Value, old: Option<&Value>) -> Vec<String> {
        if old.is_some() || has(&new["spec"], "ingressClassName") || annotation(new, CLASS_ANNOTATION).is_none() {
            return Vec::new();
        }
        vec![format!("annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead")]
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("Class", "The IngressClass that serves it."),
                column("Hosts", "Hosts that requests are matched by."),
                column("Address", "Where it is reached."),
                column("Ports", "Ports that are open for it."),
                AGE,
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let spec = &object["spec"];
        vec![
            cells::name(object),
            optional_text(spec, "ingressClassName").unwrap_or("<none>").into(),
            hosts(list(spec, "rules")).into(),
            load_balancer_addresses(object).into(),
            if list(spec, "tls").is_empty() { "80" } else { "80, 443" }.into(),
            cells::age(object, now),
        ]
    }
}

/// The address or name of each point of a load balancer's status, sorted.
pub(super) fn load_balancer_addresses(object: &Value) -> String {
    let points = list(&object["status"]["loadBalancer"], "ingress");
    let mut addresses: Vec<&str> = points.iter().map(|p| cells::or(text(p, "ip"), text(p, "hostname"))).filter(|a| !a.is_empty()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.join(",")
}

/// The address and host name of one point of a load balancer's status. `known` addresses were accepted before.
pub(super) fn check_load_balancer_point(point: &Value, known: &[String], at: &Path<'_>, errors: &mut FieldErrors) {
    let (ip, hostname) = (text(point, "ip"), text(point, "hostname"));
    if !ip.is_empty() && !known.iter().any(|k| k == ip) {
        errors.extend(at.child("ip").invalid_all(ip, address::ip_legacy(ip)));
    }
    if !hostname.is_empty() {
        let at = at.child("hostname");
        errors.extend(at.invalid_all(hostname, syntax::dns1123_subdomain(hostname)));
        if address::parse_ip_sloppy(hostname).is_some() {
            errors.push(at.invalid(hostname, "must be a DNS name, not an IP address"));
        }
    }
}

fn hosts(rules: &[Value]) -> String {
    let (mut shown, mut more) = (Vec::new(), false);
    for host in rules.iter().map(|r| text(r, "host")) {
        more |= shown.len() == 3;
        if !more && !host.is_empty() {
            shown.push(host);
        }
    }
    match (shown.is_empty(), more) {
        (true, _) => "*".to_owned(),
        (_, true) => format!("{} + {} more...", shown.join(","), rules.len() - 3),
        _ => shown.join(","),
    }
}

fn secret_name(name: &str) -> Vec<String> {
    if name.is_empty() { Vec::new() } else { syntax::dns1123_subdomain(name) }
}

fn check_spec(spec: &Value, tolerated: Tolerated) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let rules = list(spec, "rules");
    if has(spec, "defaultBackend") {
        check_backend(&spec["defaultBackend"], &SPEC.child("defaultBackend"), &mut errors);
    } else if rules.is_empty() {
        errors.push(SPEC.invalid(Value::Null, "either `defaultBackend` or `rules` must be specified"));
    }
    let at = SPEC.child("rules");
    for (index, rule) in rules.iter().enumerate() {
        let at = at.index(index);
        let wildcard = check_host(text(rule, "host"), &at.child("host"), &mut errors);
        if !(wildcard && tolerated.wildcard_rules) {
            check_http(rule, &at, &mut errors);
        }
    }
    check_tls(spec, tolerated, &mut errors);
    if let Some(class) = optional_text(spec, "ingressClassName") {
        errors.extend(SPEC.child("ingressClassName").invalid_all(class, syntax::dns1123_subdomain(class)));
    }
    errors
}

/// Whether the host is a wildcard; what is wrong with it goes into `errors`.
fn check_host(host: &str, at: &Path<'_>, errors: &mut FieldErrors) -> bool {
    if host.is_empty() {
        return false;
    }
    if address::parse_ip_sloppy(host).is_some() {
        errors.push(at.invalid(host, "must be a DNS name, not an IP address"));
    }
    let wildcard = host.contains('*');
    errors.extend(at.invalid_all(host, if wildcard { syntax::wildcard_subdomain(host) } else { syntax::dns1123_subdomain(host) }));
    wildcard
}

fn check_tls(spec: &Value, tolerated: Tolerated, errors: &mut FieldErrors) {
    let at = SPEC.child("tls");
    for (index, tls) in list(spec, "tls").iter().enumerate() {
        let at = at.index(index);
        let hosts = at.child("hosts");
        for (index, host) in texts(tls, "hosts").into_iter().enumerate() {
            let wrong = if host.contains('*') { syntax::wildcard_subdomain(host) } else { syntax::dns1123_subdomain(host) };
            errors.extend(hosts.index(index).invalid_all(host, wrong));
        }
        if !tolerated.secret_names {
            let secret = text(tls, "secretName");
            errors.extend(at.child("secretName").invalid_all(secret, secret_name(secret)));
        }
    }
}

fn check_http(rule: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if !has(rule, "http") {
        return;
    }
    let (http, paths) = (at.child("http"), list(&rule["http"], "paths"));
    let at = http.child("paths");
    if paths.is_empty() {
        errors.push(at.required(""));
    }
    for (index, path) in paths.iter().enumerate() {
        check_path(path, &at.index(index), errors);
    }
}

fn check_path(path: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (kind, text) = (optional_text(path, "pathType"), text(path, "path"));
    let here = at.child("path");
    match kind {
        None => {
            errors.push(at.child("pathType").required("pathType must be specified"));
            return;
        }
        Some("Exact" | "Prefix") => {
            if !text.starts_with('/') {
                errors.push(here.invalid(text, "must be an absolute path"));
            }
            let inside = FORBIDDEN_IN_PATH.iter().filter(|bad| text.contains(**bad));
            errors.extend(inside.map(|bad| here.invalid(text, format!("must not contain '{bad}'"))));
            let at_end = FORBIDDEN_AT_END.iter().filter(|bad| text.ends_with(**bad));
            errors.extend(at_end.map(|bad| here.invalid(text, format!("cannot end with '{bad}'"))));
        }
        Some("ImplementationSpecific") => {
            if !text.is_empty() && !text.starts_with('/') {
                errors.push(here.invalid(text, "must be an absolute path"));
            }
        }
        Some(other) => errors.push(at.child("pathType").not_supported(other, &["Exact", "ImplementationSpecific", "Prefix"])),
    }
    check_backend(&path["backend"], &at.child("backend"), errors);
}

fn check_backend(backend: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    match (has(backend, "resource"), has(backend, "service")) {
        (true, true) => errors.push(at.invalid("", "cannot set both resource and service backends")),
        (true, false) => check_reference(&backend["resource"], &at.child("resource"), errors),
        (false, true) => check_service_backend(&backend["service"], at, errors),
        (false, false) => errors.push(at.invalid("", "resource or service backend is required")),
    }
}

fn check_service_backend(service: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let here = at.child("service");
    match text(service, "name") {
        "" => errors.push(here.child("name").required("")),
        name => errors.extend(here.child("name").invalid_all(name, syntax::dns1123_label(name))),
    }
    let (name, number) = (text(&service["port"], "name"), number(&service["port"], "number"));
    let port = here.child("port");
    match (name.is_empty(), number == 0) {
        (false, false) => errors.push(at.invalid("", "cannot set both port name & port number")),
        (false, true) => errors.extend(port.child("name").invalid_all(name, syntax::port_name(name))),
        (true, false) => errors.extend(syntax::port_number(number).into_iter().map(|why| port.child("number").invalid(number, why))),
        (true, true) => errors.push(at.required("port name or number is required")),
    }
}

#[cfg(test)]
mod tests;
