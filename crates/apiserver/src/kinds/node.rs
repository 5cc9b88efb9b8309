//! Node: a host.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, column, wide};
use super::value::{default_absent, flag, has, list, map, object_at, remove, text, texts};
use super::{AGE, Column, NAME, Rules, Settings, pod};
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE_LABEL: &str = "kubernetes.io/role";
const SPEC: Path<'static> = Path::new("spec");

/// The rules of Nodes.
pub struct Node;

impl Rules for Node {
    fn defaults(&self, object: &mut Value) {
        let spec = object_at(object, "spec");
        if !flag(spec, "unschedulable") {
            remove(spec, "unschedulable");
        }
        join_pod_cidrs(spec);
        let status = object_at(object, "status");
        if has(status, "capacity") && !has(status, "allocatable") {
            let capacity = status["capacity"].clone();
            default_absent(status, "allocatable", capacity);
        }
        default_absent(object_at(status, "daemonEndpoints"), "kubeletEndpoint", json!({"Port": 0}));
        object_at(status, "nodeInfo");
    }

    fn prepare_create(&self, object: &mut Value) {
        remove(object_at(object, "spec"), "configSource");
        remove(object_at(object, "status"), "config");
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if !has(&old["spec"], "configSource") {
            remove(object_at(new, "spec"), "configSource");
        }
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        check(object)
    }

    fn validate_update(&self, new: &Value, old: &Value, _: &Settings) -> FieldErrors {
        let mut errors = check(new);
        check_update(new, old, &mut errors);
        errors
    }

    fn validate_status(&self, new: &Value, old: &Value) -> FieldErrors {
        let mut errors = FieldErrors::new();
        check_amounts(new, &mut errors);
        check_update(new, old, &mut errors);
        errors
    }

    fn warnings(&self, new: &Value, _old: Option<&Value>) -> Vec<String> {
        let (spec, mut warnings) = (&new["spec"], Vec::new());
        if has(spec, "configSource") {
            warnings.push("spec.configSource: the feature is removed".to_owned());
        }
        if !text(spec, "externalID").is_empty() {
            warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".to_owned());
        }
        for (index, cidr) in texts(spec, "podCIDRs").into_iter().enumerate() {
            warnings.extend(address::cidr_warnings(&format!("spec.podCIDRs[{index}]"), cidr));
        }
        warnings
    }

    fn counts_generation(&self, _new: &Value, _old: &Value) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("Status", "Whether the node takes work."),
                column("Roles", "What the node is for."),
                AGE,
                column("Version", "Version of what runs its pods."),
                wide("Internal-IP", "Its address inside the cluster."),
                wide("External-IP", "Its address outside the cluster."),
                wide("OS-Image", "Its operating system."),
                wide("Kernel-Version", "Its kernel."),
                wide("Container-Runtime", "What runs its containers."),
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let info = &object["status"]["nodeInfo"];
        let mut kernel = cells::or(text(info, "kernelVersion"), "<unknown>").to_owned();
        if !text(info, "architecture").is_empty() {
            kernel = format!("{kernel} ({})", text(info, "architecture"));
        }
        vec![
            cells::name(object),
            status_cell(object).into(),
            roles_cell(object).into(),
            cells::age(object, now),
            text(info, "kubeletVersion").into(),
            address_of(object, "InternalIP").into(),
            address_of(object, "ExternalIP").into(),
            cells::or(text(info, "osImage"), "<unknown>").into(),
            kernel.into(),
            cells::or(text(info, "containerRuntimeVersion"), "<unknown>").into(),
        ]
    }

    fn fields(&self) -> &'static [&'static str] {
        &["spec.unschedulable"]
    }

    fn field(&self, object: &Value, _name: &str) -> String {
        flag(&object["spec"], "unschedulable").to_string()
    }
}

/// `podCIDR` and `podCIDRs` are one: the singular one leads.
fn join_pod_cidrs(spec: &mut Value) {
    let (single, several) = (text(spec, "podCIDR").to_owned(), texts(spec, "podCIDRs").first().map(|s| (*s).to_owned()));
    match (single.as_str(), several) {
        ("", None) => {
            remove(spec, "podCIDR");
            remove(spec, "podCIDRs");
        }
        ("", Some(first)) => spec["podCIDR"] = first.into(),
        (single, Some(first)) if first == single => {}
        (single, _) => spec["podCIDRs"] = json!([single]),
    }
}

fn check(node: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    check_taints(node, &mut errors);
    check_amounts(node, &mut errors);
    let (cidrs, at) = (texts(&node["spec"], "podCIDRs"), SPEC.child("podCIDRs"));
    for (index, cidr) in cidrs.iter().enumerate() {
        errors.extend(at.index(index).invalid_all(cidr, address::cidr_legacy(cidr)));
    }
    let unreadable = cidrs.iter().position(|c| address::parse_cidr_sloppy(c).is_none()).filter(|_| cidrs.len() > 1);
    if let Some(index) = unreadable {
        let why = format!("invalid CIDR[{index}]: <nil> (invalid CIDR address: {})", cidrs[index]);
        errors.push(at.internal(format!("invalid PodCIDRs. failed to check with dual stack with error:{why}")));
    }
    let families = |v6: bool| cidrs.iter().filter_map(|c| address::parse_cidr_sloppy(c)).any(|(ip, _)| ip.is_ipv6() == v6);
    if cidrs.len() > 1 && (cidrs.len() > 2 || !(families(true) && families(false))) {
        errors.push(at.invalid(cidrs.clone(), "may specify no more than one CIDR for each IP family"));
    }
    errors
}

/// Taints are judged under `metadata`, upstream's path.
fn check_taints(node: &Value, errors: &mut FieldErrors) {
    let (taints, metadata) = (list(&node["spec"], "taints"), Path::new("metadata"));
    let at = metadata.child("taints");
    for (index, taint) in taints.iter().enumerate() {
        let at = at.index(index);
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        errors.extend(at.child("key").invalid_all(key, syntax::qualified_name(key)));
        let wrong = syntax::label_value(value);
        if !wrong.is_empty() {
            errors.push(at.child("value").invalid(value, wrong.join(";")));
        }
        match effect {
            "" => errors.push(at.child("effect").required("")),
            "NoSchedule" | "PreferNoSchedule" | "NoExecute" => {}
            other => errors.push(at.child("effect").not_supported(other, &["NoSchedule", "PreferNoSchedule", "NoExecute"])),
        }
        if taints[..index].iter().any(|t| text(t, "key") == key && text(t, "effect") == effect) {
            let mut error = at.duplicate(json!({"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint["timeAdded"]}));
            error.detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(error);
        }
    }
}

/// What a node has is not below zero, and whole unless it can be divided.
fn check_amounts(node: &Value, errors: &mut FieldErrors) {
    let status = Path::new("status");
    for field in ["capacity", "allocatable"] {
        let at = status.child(field);
        for (name, value) in map(&node["status"], field) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // Upstream joins the name with a dot here, not in brackets.
            let at = at.child(name);
            match pod::amount(&text) {
                Some(amount) if amount < 0.0 => errors.push(at.invalid(text, "must be greater than or equal to 0")),
                Some(amount) if amount.fract() != 0.0 && (name.contains('/') || name == "pods") => {
                    errors.push(at.invalid(text, "must be an integer"))
                }
                _ => {}
            }
        }
    }
}

fn check_update(new: &Value, old: &Value, errors: &mut FieldErrors) {
    let status = Path::new("status");
    let (addresses, at) = (list(&new["status"], "addresses"), status.child("addresses"));
    for (index, one) in addresses.iter().enumerate().filter(|(i, a)| addresses[..*i].contains(a)) {
        errors.push(at.index(index).duplicate(json!({"Type": one["type"], "Address": one["address"]})));
    }
    let (now, was) = (texts(&new["spec"], "podCIDRs"), texts(&old["spec"], "podCIDRs"));
    // One error for each that differs, or one for a different number of them.
    let changes = if now.len() == was.len() { now.iter().zip(&was).filter(|(a, b)| a != b).count() } else { 1 };
    for _ in 0..if was.is_empty() { 0 } else { changes } {
        errors.push(SPEC.child("podCIDRs").forbidden("node updates may not change podCIDR except from \"\" to valid"));
    }
    let (now, was) = (text(&new["spec"], "providerID"), text(&old["spec"], "providerID"));
    if !was.is_empty() && now != was {
        errors.push(SPEC.child("providerID").forbidden("node updates may not change providerID except from \"\" to valid"));
    }
    // Upstream judges taints twice on an update; the message drops what repeats, the causes do not.
    check_taints(new, errors);
    if text(&new["spec"], "externalID") != text(&old["spec"], "externalID") {
        errors.push(SPEC.child("externalID").forbidden("may not be updated"));
    }
}

fn status_cell(node: &Value) -> String {
    let ready = list(&node["status"], "conditions").iter().rev().find(|c| text(c, "type") == "Ready");
    let status = match ready.map(|c| text(c, "status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if flag(&node["spec"], "unschedulable") { format!("{status},SchedulingDisabled") } else { status.to_owned() }
}

fn roles_cell(node: &Value) -> String {
    let labels = map(&node["metadata"], "labels").iter();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role),
            None if key == ROLE_LABEL => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    cells::or(&roles.join(","), "<none>").to_owned()
}

fn address_of<'a>(node: &'a Value, kind: &str) -> &'a str {
    list(&node["status"], "addresses").iter().find(|a| text(a, "type") == kind).map_or("<none>", |a| text(a, "address"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{texts as messages, with};
    use super::*;

    #[test]
    fn pod_ranges_are_set_once() {
        let mut old = json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "10.200.0.0/24"}});
        Node.defaults(&mut old);
        assert_eq!(old["spec"]["podCIDRs"], json!(["10.200.0.0/24"]));
        let new = with(&with(&old, "/spec/podCIDR", json!("10.201.0.0/24")), "/spec/podCIDRs", json!(["10.201.0.0/24"]));
        assert_eq!(
            messages(&Node.validate_update(&new, &old, &Settings::default())),
            ["spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid"]
        );
        let two = json!({"spec": {"podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"]}});
        assert_eq!(
            messages(&Node.validate_create(&two, &Settings::default())),
            ["spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.0/24\"]: may specify no more than one CIDR for each IP family"]
        );
    }

    #[test]
    fn taints_are_unique_and_well_formed() {
        let taint = json!({"key": "a", "effect": "NoSchedule"});
        let node = json!({"spec": {"taints": [taint, taint, {"key": "b", "effect": "Odd"}]}});
        let got = messages(&Node.validate_create(&node, &Settings::default()));
        assert!(
            got[0].starts_with("metadata.taints[1]: Duplicate value: ") && got[0].ends_with(": taints must be unique by key and effect pair"),
            "{got:?}"
        );
        assert_eq!(
            got[1],
            "metadata.taints[2].effect: Unsupported value: \"Odd\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\""
        );
    }

    #[test]
    fn rows_show_status_roles_and_addresses() {
        let node = json!({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/edge": "", "kubernetes.io/role": "x"}}, "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1", "architecture": "amd64"}, "addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}});
        let row = Node.row(&node, Timestamp::UNIX_EPOCH);
        assert_eq!(
            row[1..],
            [
                json!("Ready,SchedulingDisabled"),
                json!("edge,x"),
                json!("<unknown>"),
                json!("v1"),
                json!("192.0.2.7"),
                json!("<none>"),
                json!("<unknown>"),
                json!("<unknown> (amd64)"),
                json!("<unknown>")
            ]
        );
        assert_eq!(Node.row(&json!({}), Timestamp::UNIX_EPOCH)[1], "Unknown");
        assert_eq!(Node.field(&node, "spec.unschedulable"), "true");
    }

    #[test]
    fn allocatable_is_the_capacity_and_false_is_nothing() {
        let mut node = json!({"spec": {"unschedulable": false}, "status": {"capacity": {"cpu": "4"}}});
        Node.defaults(&mut node);
        assert_eq!((&node["spec"], &node["status"]["allocatable"]), (&json!({}), &json!({"cpu": "4"})));
    }
}
