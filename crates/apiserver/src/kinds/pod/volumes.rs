//! Volumes of a Pod and where its containers mount them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::value::{has, list, number, text};
use crate::field::{FieldErrors, Path};
use crate::syntax;

/// Sources that must name an object, and the field that names it.
const NAMED: [(&str, &str); 3] = [("secret", "secretName"), ("configMap", "name"), ("persistentVolumeClaim", "claimName")];

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
    let mut sources = volume.as_object().into_iter().flatten().filter(|(k, v)| *k != "name" && !v.is_null()).map(|(k, _)| k.as_str());
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
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        let mode = number(&volume[source], "defaultMode");
        if !(0..=0o777).contains(&mode) {
            errors.push(at.child(source).child("defaultMode").invalid(mode, "must be a number between 0 and 0777 (octal), both inclusive"));
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
