//! Which address families a Service has: from what it says, what it had and what the server can give.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::field::{FieldErrors, Path};
use crate::kinds::service::cluster_ip_errors;
use crate::kinds::value::{list, map, text, texts};
use crate::syntax::address::parse_ip_sloppy;

const SPEC: Path<'static> = Path::new("spec");

/// The family of an address, as `ipFamilies` names it.
pub(super) fn family_of(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Whether nobody can know the families of its endpoints: headless and without a selector. Such a Service may name any.
fn is_open(spec: &Value) -> bool {
    text(spec, "clusterIP") == "None" && map(spec, "selector").is_empty()
}

/// Whether nothing that concerns addresses changes in a Service that prefers two families: such a one is neither upgraded nor
/// downgraded when the server's families change under it.
pub(super) fn is_settled(spec: &Value, old: Option<&Value>) -> bool {
    old.is_some_and(|old| {
        text(spec, "ipFamilyPolicy") == "PreferDualStack"
            && matches!(text(old, "ipFamilyPolicy"), "PreferDualStack" | "")
            && text(old, "type") == text(spec, "type")
            && matches!(text(spec, "type"), "ClusterIP" | "NodePort" | "LoadBalancer")
            && list(spec, "clusterIPs") == list(old, "clusterIPs")
            && list(spec, "ipFamilies") == list(old, "ipFamilies")
    })
}

/// Completes `ipFamilyPolicy` and `ipFamilies`. `families` are those the server has addresses of, the primary one first.
pub(super) fn complete(spec: &mut Value, old: Option<&Value>, families: &[&'static str]) -> Result<(), FieldErrors> {
    if text(spec, "type") == "ExternalName" || is_settled(spec, old) {
        return Ok(());
    }
    fill_policy(spec, old);
    refuse(cluster_ip_errors(spec, old))?;
    let mut errors = FieldErrors::new();
    if let Some(old) = old {
        shrink(spec, old, &mut errors);
    }
    let policy = text(spec, "ipFamilyPolicy").to_owned();
    if policy == "SingleStack" {
        let at = SPEC.child("ipFamilyPolicy");
        for (field, words) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
            if list(spec, field).len() == 2 {
                errors.push(
                    at.invalid(policy.as_str(), format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {words} are specified")),
                );
            }
        }
    }
    infer(spec, families, &mut errors);
    refuse(errors)?;
    let mut chosen: Vec<String> = texts(spec, "ipFamilies").into_iter().map(str::to_owned).collect();
    let open = is_open(spec);
    if !open {
        refuse(unavailable(&chosen, &policy, families))?;
    }
    if chosen.is_empty() {
        chosen.push(families.first().copied().unwrap_or("IPv4").to_owned());
    }
    if policy != "SingleStack" && chosen.len() == 1 && (open || families.len() == 2) {
        chosen.push(if chosen[0] == "IPv4" { "IPv6" } else { "IPv4" }.to_owned());
    }
    spec["ipFamilies"] = chosen.into();
    Ok(())
}

fn refuse(errors: FieldErrors) -> Result<(), FieldErrors> {
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// No policy said: the one before, else one family; never a default that would add or take addresses by itself.
fn fill_policy(spec: &mut Value, old: Option<&Value>) {
    if text(spec, "ipFamilyPolicy").is_empty() {
        let before = old.map_or("", |o| text(o, "ipFamilyPolicy"));
        let policy = match before {
            "" if is_open(spec) => "RequireDualStack",
            "" => "SingleStack",
            before => before,
        };
        spec["ipFamilyPolicy"] = policy.into();
    }
}

/// SingleStack alone says clearly that the second address and family shall go; with another policy their absence is a mistake.
fn shrink(spec: &mut Value, old: &Value, errors: &mut FieldErrors) {
    let at = SPEC.child("ipFamilyPolicy");
    let single = text(spec, "ipFamilyPolicy") == "SingleStack";
    for (field, words) in [("clusterIPs", "secondary cluster IP"), ("ipFamilies", "secondary IP family")] {
        let (now, was) = (list(spec, field), list(old, field));
        if single && now == was && now.len() > 1 {
            spec[field] = json!([now[0]]);
        } else if !single && !now.is_empty() && now.len() < was.len() {
            errors.push(at.invalid(spec["ipFamilyPolicy"].clone(), format!("must be 'SingleStack' to release the {words}")));
        }
    }
}

/// The families of addresses that were asked for.
fn infer(spec: &mut Value, families: &[&'static str], errors: &mut FieldErrors) {
    let ips: Vec<String> = texts(spec, "clusterIPs").into_iter().map(str::to_owned).collect();
    let mut chosen: Vec<Value> = list(spec, "ipFamilies").to_vec();
    let at = SPEC.child("clusterIPs");
    for (index, ip) in ips.iter().enumerate().take_while(|(_, ip)| *ip != "None") {
        let Some(family) = parse_ip_sloppy(ip).map(family_of).filter(|_| index >= chosen.len()) else { continue };
        if families.contains(&family) {
            chosen.push(family.into());
        } else {
            errors.push(at.index(index).invalid(ips.clone(), format!("{family} is not configured on this cluster")));
        }
    }
    if !chosen.is_empty() {
        spec["ipFamilies"] = chosen.into();
    }
}

fn unavailable(chosen: &[String], policy: &str, families: &[&'static str]) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if policy == "RequireDualStack" && families.len() < 2 {
        errors.push(SPEC.child("ipFamilyPolicy").invalid(policy, "this cluster is not configured for dual-stack services"));
    }
    let at = SPEC.child("ipFamilies");
    for (index, family) in chosen.iter().enumerate().filter(|(_, f)| !families.contains(&f.as_str())) {
        errors.push(at.index(index).invalid(family.as_str(), "not configured on this cluster"));
    }
    errors
}
