//! Volumes of a Pod and where its containers mount them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::value::{has, list, number, optional_text, text};
use super::containers::{amount, field_ref};
use crate::field::{FieldErrors, Path};
use crate::syntax;

/// Volumes of drivers that are gone from Kubernetes: field, name in the text, and what became of it.
const GONE: [(&str, &str, &str); 8] = [
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
];

/// Volumes that nothing can mount any more.
pub(super) fn warnings(spec: &Value, warnings: &mut Vec<String>) {
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        for (_, name, why) in GONE.iter().filter(|(field, ..)| has(volume, field)) {
            warnings.push(format!("spec.volumes[{index}].{name}: {why}"));
        }
    }
}

/// Sources that must name an object, and the field that names it.
const NAMED: [(&str, &str); 3] = [("secret", "secretName"), ("configMap", "name"), ("persistentVolumeClaim", "claimName")];

/// What a path of the host may have to be.
const HOST_PATHS: [&str; 8] = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// Judges the volumes. Returns the names of those that can be mounted: the ones without a mistake.
pub(super) fn volumes<'a>(spec: &'a Value, at: &Path<'_>, errors: &mut FieldErrors) -> BTreeSet<&'a str> {
    let at = at.child("volumes");
    let mut names = BTreeSet::new();
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        let (at, name, before) = (at.index(index), text(volume, "name"), errors.len());
        source(volume, &at, errors);
        match name {
            "" => errors.push(at.child("name").required("")),
            name => errors.extend(at.child("name").invalid_all(name, syntax::dns1123_label(name))),
        }
        if names.contains(name) {
            errors.push(at.child("name").duplicate(name));
        }
        if errors.len() == before {
            names.insert(name);
        }
    }
    names
}

fn source(volume: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let given = volume.as_object().into_iter().flatten().filter(|(k, v)| *k != "name" && !v.is_null()).map(|(k, _)| k.as_str());
    let mut sources: Vec<&str> = given.collect();
    // The order in which upstream looks at them decides which one is too many.
    sources.sort_by_key(|source| *source != "emptyDir");
    let mut sources = sources.into_iter();
    if sources.next().is_none() {
        errors.push(at.required("must specify a volume type"));
    }
    errors.extend(sources.map(|more| at.child(more).forbidden("may not specify more than 1 volume type")));
    for (source, field) in NAMED {
        if has(volume, source) && text(&volume[source], field).is_empty() {
            errors.push(at.child(source).child(field).required(""));
        }
    }
    if has(volume, "hostPath") {
        let path = text(&volume["hostPath"], "path");
        let here = at.child("hostPath");
        if path.is_empty() {
            errors.push(here.child("path").required(""));
        } else if path.split('/').any(|part| part == "..") {
            errors.push(here.child("path").invalid(path, "must not contain '..'"));
        }
        if let Some(kind) = optional_text(&volume["hostPath"], "type").filter(|kind| !HOST_PATHS.contains(kind)) {
            errors.push(here.child("type").not_supported(kind, &HOST_PATHS));
        }
    }
    if has(volume, "nfs") {
        let (path, here) = (text(&volume["nfs"], "path"), at.child("nfs"));
        if text(&volume["nfs"], "server").is_empty() {
            errors.push(here.child("server").required(""));
        }
        match path {
            "" => errors.push(here.child("path").required("")),
            path if !path.starts_with('/') => errors.push(here.child("path").invalid(path, "must be an absolute path")),
            _ => {}
        }
    }
    if has(volume, "csi") && text(&volume["csi"], "driver").is_empty() {
        errors.push(at.child("csi").child("driver").required(""));
    }
    if has(volume, "ephemeral") && !has(&volume["ephemeral"], "volumeClaimTemplate") {
        errors.push(at.child("ephemeral").child("volumeClaimTemplate").required(""));
    }
    if optional_text(&volume["emptyDir"], "sizeLimit").and_then(amount).is_some_and(|limit| limit < 0.0) {
        errors.push(at.child("emptyDir").child("sizeLimit").forbidden("SizeLimit field must be a valid resource quantity"));
    }
    let here = at.child("downwardAPI");
    for item in list(&volume["downwardAPI"], "items").iter().filter(|item| has(item, "fieldRef")) {
        field_ref(&item["fieldRef"], &here.child("fieldRef"), errors);
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        let mode = number(&volume[source], "defaultMode");
        if !(0..=0o777).contains(&mode) {
            errors.push(at.child(source).child("defaultMode").invalid(mode, "must be a number between 0 and 0777 (octal), both inclusive"));
        }
        let here = at.child(source).child("items").to_string();
        let here = Path::new(&here);
        for (index, item) in list(&volume[source], "items").iter().enumerate() {
            descending(text(item, "path"), &here.index(index).child("path"), errors);
        }
    }
}

/// Block devices that a container sees.
pub(super) fn devices(container: &Value, known: &BTreeSet<&str>, at: &Path<'_>, errors: &mut FieldErrors) {
    let at = at.child("volumeDevices");
    for (index, device) in list(container, "volumeDevices").iter().enumerate() {
        let (here, name, path) = (at.index(index), text(device, "name"), text(device, "devicePath"));
        if name.is_empty() {
            errors.push(here.child("name").required(""));
        }
        if path.is_empty() {
            errors.push(here.child("devicePath").required(""));
        }
        if !name.is_empty() && !known.contains(name) {
            errors.push(here.child("name").not_found(name));
        }
    }
}

pub(super) fn mounts(container: &Value, known: &BTreeSet<&str>, at: &Path<'_>, errors: &mut FieldErrors) {
    let at = at.child("volumeMounts");
    let mut paths = BTreeSet::new();
    for (index, mount) in list(container, "volumeMounts").iter().enumerate() {
        let (here, name, path) = (at.index(index), text(mount, "name"), text(mount, "mountPath"));
        if name.is_empty() {
            errors.push(here.child("name").required(""));
        }
        if !known.contains(name) {
            errors.push(here.child("name").not_found(name));
        }
        if path.is_empty() {
            errors.push(here.child("mountPath").required(""));
        }
        if !paths.insert(path) {
            errors.push(here.child("mountPath").invalid(path, "must be unique"));
        }
        if !text(mount, "subPath").is_empty() && !text(mount, "subPathExpr").is_empty() {
            errors.push(here.child("subPathExpr").invalid(text(mount, "subPathExpr"), "subPathExpr and subPath are mutually exclusive"));
        }
        // Without the item's index: upstream's path.
        for field in ["subPath", "subPathExpr"] {
            descending(text(mount, field), &at.child(field), errors);
        }
    }
}

/// A path that leads nowhere but down.
fn descending(path: &str, at: &Path<'_>, errors: &mut FieldErrors) {
    if path.starts_with('/') {
        errors.push(at.invalid(path, "must be a relative path"));
    }
    if path.split('/').any(|part| part == "..") {
        errors.push(at.invalid(path, "must not contain '..'"));
    }
}
