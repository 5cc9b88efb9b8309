//! clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy: four fields that must tell one story.

use std::net::IpAddr;

use serde_json::Value;

use super::super::value::{has, text, texts};
use super::types::is_headless;
use crate::field::{FieldErrors, Path};
use crate::syntax::address;

const SPEC: Path<'static> = Path::new("spec");
const ONCE_SET: &str = "may not change once set";

fn is_v6(ip: &str) -> bool {
    matches!(address::parse_ip_sloppy(ip), Some(IpAddr::V6(_)))
}

/// What is wrong with the four fields in themselves. Also asked before allocation, which relies on it. Addresses that stand in `old` are
/// not judged again.
pub fn cluster_ip_errors(spec: &Value, old: Option<&Value>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if text(spec, "type") == "ExternalName" {
        return errors;
    }
    let (single, ips, at) = (text(spec, "clusterIP"), texts(spec, "clusterIPs"), SPEC.child("clusterIPs"));
    match (single, ips.first()) {
        ("", None) => {}
        ("", Some(_)) => errors.push(at.invalid(ips.clone(), "must be empty when `clusterIP` is not specified")),
        (_, None) => errors.push(at.required("")),
        (single, Some(first)) if *first != single => errors.push(at.invalid(ips.clone(), "first value must match `clusterIP`")),
        _ => {}
    }
    family_errors(spec, &mut errors);
    let known = old.map(|o| texts(o, "clusterIPs")).unwrap_or_default();
    let mut unreadable = false;
    for (index, ip) in ips.iter().enumerate() {
        if index == 0 && *ip == "None" {
            if ips.len() > 1 {
                unreadable = true;
                errors.push(at.invalid(ips.clone(), "'None' must be the first and only value"));
            }
            continue;
        }
        let wrong = if known.contains(ip) { Vec::new() } else { address::ip_legacy(ip) };
        unreadable |= !wrong.is_empty();
        errors.extend(at.index(index).invalid_all(ip, wrong));
    }
    if ips.len() > 2 {
        errors.push(at.invalid(ips.clone(), "may only hold up to 2 values"));
    }
    // More would only confuse: the rest compares addresses with families.
    if unreadable {
        return errors;
    }
    if ips.len() > 1 && (ips.iter().all(|ip| is_v6(ip)) || !ips.iter().any(|ip| is_v6(ip))) {
        errors.push(at.invalid(ips.clone(), "may specify no more than one IP for each IP family"));
    }
    if !is_headless(spec) {
        for (index, (ip, family)) in ips.iter().zip(texts(spec, "ipFamilies")).enumerate() {
            let wanted = match (family, is_v6(ip)) {
                ("IPv4", true) => "IPv4",
                ("IPv6", false) => "IPv6",
                _ => continue,
            };
            errors.push(at.index(index).invalid(*ip, format!("expected an {wanted} value as indicated by `ipFamilies[{index}]`")));
        }
    }
    errors
}

fn family_errors(spec: &Value, errors: &mut FieldErrors) {
    let (families, at) = (texts(spec, "ipFamilies"), SPEC.child("ipFamilies"));
    for (index, family) in families.iter().enumerate() {
        if !matches!(*family, "IPv4" | "IPv6") {
            errors.push(at.index(index).not_supported(*family, &["IPv4", "IPv6"]));
        }
        if families[..index].contains(family) {
            errors.push(at.index(index).duplicate(*family));
        }
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    if has(spec, "ipFamilyPolicy") && !policies.contains(&text(spec, "ipFamilyPolicy")) {
        errors.push(SPEC.child("ipFamilyPolicy").not_supported(text(spec, "ipFamilyPolicy"), &policies));
    }
}

/// What an update may not do to addresses and families: the first ones hold still except to and from ExternalName, the second ones go
/// only by way of SingleStack.
pub(super) fn upgrade_errors(new: &Value, old: &Value) -> FieldErrors {
    let (mut errors, new, old) = (FieldErrors::new(), &new["spec"], &old["spec"]);
    if text(new, "type") == "ExternalName" || text(old, "type") == "ExternalName" {
        return errors;
    }
    let (headless, was_headless) = (is_headless(new), is_headless(old));
    if !(headless && was_headless) {
        address_changes(new, old, &mut errors);
    }
    if !headless && !was_headless {
        family_changes(new, old, &mut errors);
    }
    errors
}

fn address_changes(new: &Value, old: &Value, errors: &mut FieldErrors) {
    let (ips, was, at) = (texts(new, "clusterIPs"), texts(old, "clusterIPs"), SPEC.child("clusterIPs"));
    let first_changed = || matches!((ips.first(), was.first()), (Some(a), Some(b)) if a != b);
    if ips.len() == was.len() {
        for index in (0..ips.len()).filter(|i| ips[*i] != was[*i]) {
            errors.push(at.index(index).invalid(ips.clone(), ONCE_SET));
        }
        return;
    }
    if ips.is_empty() {
        errors.push(at.index(0).invalid(Value::Null, "primary clusterIP can not be unset"));
    }
    if first_changed() {
        errors.push(at.index(0).invalid(ips.clone(), ONCE_SET));
    }
    if was.len() > ips.len() && ips.len() == 1 && text(new, "ipFamilyPolicy") != "SingleStack" {
        errors.push(
            SPEC.child("ipFamilyPolicy")
                .invalid(new["ipFamilyPolicy"].clone(), "must be set to 'SingleStack' when releasing the secondary clusterIP"),
        );
    }
}

fn family_changes(new: &Value, old: &Value, errors: &mut FieldErrors) {
    let (families, was, at) = (texts(new, "ipFamilies"), texts(old, "ipFamilies"), SPEC.child("ipFamilies"));
    let ips = texts(new, "clusterIPs");
    if families.len() == was.len() {
        for _ in (0..families.len()).filter(|i| families[*i] != was[*i]) {
            errors.push(at.index(0).invalid(families.clone(), ONCE_SET));
        }
        return;
    }
    if was.len() > families.len() && ips.is_empty() {
        let shown = if families.is_empty() { Value::Null } else { families.clone().into() };
        errors.push(at.index(0).invalid(shown, "primary ipFamily can not be unset"));
    }
    // Upstream shows the addresses here, not the families.
    if matches!((families.first(), was.first()), (Some(a), Some(b)) if a != b) {
        errors.push(at.index(0).invalid(ips, ONCE_SET));
    }
    if was.len() > families.len() && families.len() == 1 && text(new, "ipFamilyPolicy") != "SingleStack" {
        errors.push(
            SPEC.child("ipFamilyPolicy").invalid(new["ipFamilyPolicy"].clone(), "must be set to 'SingleStack' when releasing the secondary ipFamily"),
        );
    }
}
