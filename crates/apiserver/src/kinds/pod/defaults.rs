//! What a Pod has when nobody says otherwise.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::value::{default_absent, default_to, flag, has, list, list_mut, map, number, object_at, remove, text};

const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// Mode of files in volumes made of objects: 0644.
const FILE_MODE: i64 = 0o644;

pub(super) fn pod(object: &mut Value) {
    let spec = object_at(object, "spec");
    for (field, value) in [("dnsPolicy", "ClusterFirst"), ("restartPolicy", "Always"), ("schedulerName", "default-scheduler")] {
        default_to(spec, field, value);
    }
    object_at(spec, "securityContext");
    default_absent(spec, "terminationGracePeriodSeconds", 30);
    if number(spec, "terminationGracePeriodSeconds") < 0 {
        spec["terminationGracePeriodSeconds"] = 1.into();
    }
    default_absent(spec, "enableServiceLinks", true);
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if !flag(spec, field) {
            remove(spec, field);
        }
    }
    // Two names of one field.
    let account =
        if text(spec, "serviceAccountName").is_empty() { text(spec, "serviceAccount") } else { text(spec, "serviceAccountName") }.to_owned();
    if !account.is_empty() {
        spec["serviceAccountName"] = account.as_str().into();
        spec["serviceAccount"] = account.into();
    }
    let host_network = flag(spec, "hostNetwork");
    for name in CONTAINERS {
        for one in list_mut(spec, name).into_iter().flatten() {
            container(one);
            if host_network && name != "ephemeralContainers" {
                for port in list_mut(one, "ports").into_iter().flatten().filter(|p| number(p, "hostPort") == 0 && number(p, "containerPort") != 0) {
                    port["hostPort"] = port["containerPort"].clone();
                }
            }
        }
    }
    for one in list_mut(spec, "volumes").into_iter().flatten() {
        if let Some(image) = one.get_mut("image").filter(|image| image.is_object()) {
            let policy = pull_policy(text(image, "reference"));
            default_to(image, "pullPolicy", policy);
        }
        volume(one);
    }
    for toleration in list_mut(spec, "tolerations").into_iter().flatten() {
        if text(toleration, "operator").is_empty() {
            remove(toleration, "operator");
        }
    }
    addresses(object_at(object, "status"));
}

/// `podIP` and `podIPs`, `hostIP` and `hostIPs` are one each: the singular one leads.
fn addresses(status: &mut Value) {
    let (single, first) = (text(status, "podIP").to_owned(), list(status, "podIPs").first().map(|i| text(i, "ip").to_owned()));
    match first {
        None if !single.is_empty() => status["podIPs"] = json!([{"ip": single}]),
        Some(first) if single.is_empty() => status["podIP"] = first.into(),
        Some(first) if first != single => status["podIPs"] = json!([{"ip": single}]),
        _ => {}
    }
}

fn container(one: &mut Value) {
    let policy = pull_policy(text(one, "image"));
    default_to(one, "imagePullPolicy", policy);
    default_to(one, "terminationMessagePath", "/dev/termination-log");
    default_to(one, "terminationMessagePolicy", "File");
    object_at(one, "resources");
    for port in list_mut(one, "ports").into_iter().flatten() {
        default_to(port, "protocol", "TCP");
    }
    for variable in list_mut(one, "env").into_iter().flatten() {
        if let Some(source) = variable.get_mut("valueFrom")
            && has(source, "fieldRef")
        {
            default_to(&mut source["fieldRef"], "apiVersion", "v1");
        }
    }
    for name in PROBES {
        if has(one, name) {
            probe(&mut one[name]);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(handler) = one.get_mut("lifecycle").and_then(|l| l.get_mut(hook)).filter(|h| has(h, "httpGet")) {
            http_get(&mut handler["httpGet"]);
        }
    }
    requests(&mut one["resources"]);
}

/// An image without a tag, or with the tag that moves, is asked for each time.
fn pull_policy(image: &str) -> &'static str {
    if tag(image) == "latest" { "Always" } else { "IfNotPresent" }
}

/// The tag of an image reference: `latest` when it has neither tag nor digest.
fn tag(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, tag)) => tag,
        None if image.contains('@') => "",
        None => "latest",
    }
}

fn probe(probe: &mut Value) {
    for (field, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)] {
        if number(probe, field) == 0 {
            probe[field] = value.into();
        }
    }
    if has(probe, "httpGet") {
        http_get(&mut probe["httpGet"]);
    }
    if has(probe, "grpc") {
        default_absent(&mut probe["grpc"], "service", "");
    }
}

fn http_get(action: &mut Value) {
    default_to(action, "path", "/");
    default_to(action, "scheme", "HTTP");
}

/// A limit without a request asks for what it allows.
fn requests(resources: &mut Value) {
    let limits = map(resources, "limits").clone();
    if !limits.is_empty() {
        let requests = object_at(resources, "requests");
        for (name, value) in limits {
            default_absent(requests, &name, value);
        }
    }
}

fn volume(volume: &mut Value) {
    let has_source = volume.as_object().is_some_and(|v| v.iter().any(|(k, v)| k != "name" && !v.is_null()));
    if !has_source {
        volume["emptyDir"] = json!({});
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if has(volume, source) {
            default_absent(&mut volume[source], "defaultMode", FILE_MODE);
        }
    }
    if has(volume, "hostPath") {
        default_absent(&mut volume["hostPath"], "type", "");
    }
    for item in volume.get_mut("downwardAPI").and_then(|d| list_mut(d, "items")).into_iter().flatten().filter(|i| has(i, "fieldRef")) {
        default_to(&mut item["fieldRef"], "apiVersion", "v1");
    }
    for source in volume.get_mut("projected").and_then(|p| list_mut(p, "sources")).into_iter().flatten() {
        if has(source, "serviceAccountToken") {
            default_absent(&mut source["serviceAccountToken"], "expirationSeconds", 3600);
        }
        for item in source.get_mut("downwardAPI").and_then(|d| list_mut(d, "items")).into_iter().flatten().filter(|i| has(i, "fieldRef")) {
            default_to(&mut item["fieldRef"], "apiVersion", "v1");
        }
    }
}

/// Drops what kube-apiserver does not keep as long as its feature is off by default: signals that end containers (KEP-4960).
pub(super) fn drop_gated(spec: &mut Value) {
    for kind in ["containers", "initContainers"] {
        for container in list_mut(spec, kind).into_iter().flatten() {
            if let Some(lifecycle) = container.get_mut("lifecycle") {
                remove(lifecycle, "stopSignal");
            }
        }
    }
}

/// The quality-of-service class: how much of what its containers may use they ask for.
pub(super) fn quality(spec: &Value) -> &'static str {
    let containers: Vec<&Value> = list(spec, "containers").iter().chain(list(spec, "initContainers")).collect();
    let amount = |c: &Value, kind: &str, name: &str| {
        let text = match &c["resources"][kind][name] {
            Value::String(s) => schema::canonical_quantity(s).unwrap_or_else(|| s.clone()),
            Value::Number(n) => n.to_string(),
            _ => String::new(),
        };
        if text == "0" { String::new() } else { text }
    };
    let (mut asked, mut limited) = (BTreeSet::new(), BTreeSet::new());
    let mut guaranteed = true;
    for container in &containers {
        for name in ["cpu", "memory"] {
            let (request, limit) = (amount(container, "requests", name), amount(container, "limits", name));
            if !request.is_empty() {
                asked.insert(name);
            }
            if !limit.is_empty() {
                limited.insert(name);
            }
            guaranteed &= !limit.is_empty() && request == limit;
        }
    }
    match () {
        () if asked.is_empty() && limited.is_empty() => "BestEffort",
        () if guaranteed => "Guaranteed",
        () => "Burstable",
    }
}
