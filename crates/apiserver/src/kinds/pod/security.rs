//! Who the processes of a Pod are, and what they may do on the host.

use serde_json::Value;

use super::super::value::{flag, has, list, optional_number, optional_text, text};
use crate::field::{FieldErrors, Path};
use crate::syntax;

const SYSCTL: &str = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const SYSCTL_BYTES_MAX: usize = 253;

/// What the Pod says of all its containers.
pub(super) fn pod(spec: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (context, here) = (&spec["securityContext"], at.child("securityContext"));
    if flag(spec, "hostPID") && flag(spec, "shareProcessNamespace") {
        errors.push(here.child("shareProcessNamespace").invalid(true, "ShareProcessNamespace and HostPID cannot both be enabled"));
    }
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        identity(optional_number(context, field), &here.child(field), errors);
    }
    let groups = here.child("supplementalGroups");
    for (index, group) in list(context, "supplementalGroups").iter().enumerate() {
        identity(group.as_i64(), &groups.index(index), errors);
    }
    sysctls(context, &here, errors);
    if let Some(policy) = optional_text(context, "fsGroupChangePolicy").filter(|p| !matches!(*p, "Always" | "OnRootMismatch")) {
        errors.push(here.child("fsGroupChangePolicy").not_supported(policy, &["Always", "OnRootMismatch"]));
    }
    profiles(context, &here, errors);
    if optional_text(&spec["os"], "name").is_some_and(|os| !matches!(os, "linux" | "windows")) {
        errors.push(at.child("os").not_supported(text(&spec["os"], "name"), &["linux", "windows"]));
    }
}

/// What a container says of itself.
pub(super) fn container(container: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (context, at) = (&container["securityContext"], at.child("securityContext"));
    for field in ["runAsUser", "runAsGroup"] {
        identity(optional_number(context, field), &at.child(field), errors);
    }
    if let Some(mount) = optional_text(context, "procMount").filter(|m| !matches!(*m, "Default" | "Unmasked")) {
        errors.push(at.child("procMount").not_supported(mount, &["Default", "Unmasked"]));
    }
    profiles(context, &at, errors);
    if context["allowPrivilegeEscalation"] == false && flag(context, "privileged") {
        errors.push(at.invalid(context.clone(), "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
    }
}

/// The number of a user or group.
fn identity(number: Option<i64>, at: &Path<'_>, errors: &mut FieldErrors) {
    let most = i64::from(i32::MAX);
    if let Some(number) = number.filter(|n| !(0..=most).contains(n)) {
        errors.push(at.invalid(number, syntax::between(0, most)));
    }
}

fn sysctls(context: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (sysctls, at) = (list(context, "sysctls"), at.child("sysctls"));
    for (index, sysctl) in sysctls.iter().enumerate() {
        let (here, name) = (at.index(index).child("name").to_string(), text(sysctl, "name"));
        let here = Path::new(&here);
        if name.is_empty() {
            errors.push(here.required(""));
        } else if !is_sysctl(name) {
            errors.push(here.invalid(name, format!("must have at most {SYSCTL_BYTES_MAX} characters and match regex {SYSCTL}")));
        } else if sysctls[..index].iter().any(|s| text(s, "name") == name) {
            errors.push(here.duplicate(name));
        }
    }
}

/// Whether a name matches [`SYSCTL`]: parts of small letters, digits, dashes and underscores between dots or slashes.
fn is_sysctl(name: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_part = |part: &str| {
        is_end(part.chars().next()) && is_end(part.chars().last()) && part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
    };
    name.len() <= SYSCTL_BYTES_MAX && name.split(['.', '/']).all(is_part)
}

fn profiles(context: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for (field, word) in [("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")] {
        if !has(context, field) {
            continue;
        }
        let (profile, at) = (&context[field], at.child(field));
        let local = optional_text(profile, "localhostProfile");
        match text(profile, "type") {
            "Localhost" if local.is_none_or(str::is_empty) => {
                errors.push(at.child("localhostProfile").required(format!("must be set when {word} type is Localhost")));
            }
            "Localhost" => {}
            "RuntimeDefault" | "Unconfined" => {
                if let Some(local) = local {
                    errors.push(at.child("localhostProfile").invalid(local, format!("can only be set when {word} type is Localhost")));
                }
            }
            "" => errors.push(at.child("type").required(if field == "appArmorProfile" {
                "type is required when appArmorProfile is set"
            } else {
                "type is required when seccompProfile is set"
            })),
            other => errors.push(at.child("type").not_supported(other, &["Localhost", "RuntimeDefault", "Unconfined"])),
        }
    }
}
