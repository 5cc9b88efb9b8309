//! HTTPRoute: which requests go where, and what is done to them on the way.

use jiff::Timestamp;
use schema::Gvk;
use serde_json::Value;

use super::super::cells::{self, column};
use super::super::structural;
use super::super::value::{has, list, number, optional_text, text, texts};
use super::super::{AGE, Column, NAME, Rules, Settings};
use super::{ARRAY, GROUP, OBJECT, json_cell, repeats};
use crate::field::{FieldErrors, Path};

const SPEC: Path<'static> = Path::new("spec");
const MAX_MATCHES: usize = 128;
/// Filter types, each with the field that configures it, in the order of the definition.
const FILTERS: [(&str, &str); 8] = [
    ("CORS", "cors"),
    ("RequestHeaderModifier", "requestHeaderModifier"),
    ("ResponseHeaderModifier", "responseHeaderModifier"),
    ("RequestMirror", "requestMirror"),
    ("RequestRedirect", "requestRedirect"),
    ("URLRewrite", "urlRewrite"),
    ("ExtensionRef", "extensionRef"),
    ("ExternalAuth", "externalAuth"),
];
/// Filters that may stand once in a list.
const ONCE: [&str; 5] = ["CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"];

/// The rules of HTTPRoutes.
pub struct HttpRoute;

impl Rules for HttpRoute {
    fn defaults(&self, object: &mut Value) {
        structural::fill(Gvk { group: GROUP, version: "v1", kind: "HTTPRoute" }, object);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let (spec, mut errors) = (&object["spec"], FieldErrors::new());
        check_parents(list(spec, "parentRefs"), &mut errors);
        let (rules, at) = (list(spec, "rules"), SPEC.child("rules"));
        if rules.iter().map(|r| list(r, "matches").len()).sum::<usize>() > MAX_MATCHES {
            let words =
                "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128";
            errors.push(at.invalid(ARRAY, words));
        }
        if repeats(rules, |a, b| has(a, "name") && text(a, "name") == text(b, "name")) {
            errors.push(at.invalid(ARRAY, "Rule name must be unique within the route"));
        }
        for (index, rule) in rules.iter().enumerate() {
            check_rule(rule, &at.index(index), &mut errors);
        }
        errors
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Hostnames", "Hosts that requests are matched by."), AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), json_cell(&object["spec"], "hostnames"), cells::age(object, now)]
    }
}

/// One parent may be named several times only for several sections or ports of it.
fn check_parents(parents: &[Value], errors: &mut FieldErrors) {
    let at = SPEC.child("parentRefs");
    let same = |a: &Value, b: &Value| ["group", "kind", "name", "namespace"].iter().all(|f| text(a, f) == text(b, f));
    let alike = |a: &Value, b: &Value| {
        text(a, "sectionName").is_empty() == text(b, "sectionName").is_empty() && (number(a, "port") == 0) == (number(b, "port") == 0)
    };
    if repeats(parents, |a, b| same(a, b) && !alike(a, b)) {
        errors.push(at.invalid(ARRAY, "sectionName or port must be specified when parentRefs includes 2 or more references to the same parent"));
    }
    if repeats(parents, |a, b| same(a, b) && text(a, "sectionName") == text(b, "sectionName") && number(a, "port") == number(b, "port")) {
        errors.push(at.invalid(ARRAY, "sectionName or port must be unique when parentRefs includes 2 or more references to the same parent"));
    }
}

fn check_rule(rule: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let (filters, backends) = (list(rule, "filters"), list(rule, "backendRefs"));
    if !backends.is_empty() && filters.iter().any(|f| has(f, "requestRedirect")) {
        errors.push(at.invalid(OBJECT, "RequestRedirect filter must not be used together with backendRefs"));
    }
    check_prefix_replacement(rule, at, errors);
    for (index, one) in list(rule, "matches").iter().enumerate() {
        check_path(&one["path"], &at.child("matches").index(index).child("path"), errors);
    }
    check_filters(filters, &at.child("filters"), errors);
    for (index, backend) in backends.iter().enumerate() {
        let refs = at.child("backendRefs");
        let at = refs.index(index);
        check_backend(backend, &at, errors);
        check_filters(list(backend, "filters"), &at.child("filters"), errors);
    }
    check_timeouts(&rule["timeouts"], &at.child("timeouts"), errors);
    if has(rule, "sessionPersistence") {
        check_persistence(&rule["sessionPersistence"], &at.child("sessionPersistence"), errors);
    }
}

/// Replacing a prefix needs to know which one: exactly one match, by PathPrefix.
fn check_prefix_replacement(rule: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let matches = list(rule, "matches");
    if matches.len() == 1 && text(&matches[0]["path"], "type") == "PathPrefix" {
        return;
    }
    let replaces = |filters: &[Value], field: &str| {
        let replacing = |f: &&Value| text(&f[field]["path"], "type") == "ReplacePrefixMatch" && has(&f[field]["path"], "replacePrefixMatch");
        filters.iter().filter(replacing).count() == 1
    };
    let words = "filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified";
    for (field, name) in [("requestRedirect", "RequestRedirect"), ("urlRewrite", "URLRewrite")] {
        if replaces(list(rule, "filters"), field) {
            errors.push(at.invalid(OBJECT, format!("When using {name} {words}")));
        }
    }
    for (field, start) in [("requestRedirect", "when using RequestRedirect"), ("urlRewrite", "When using URLRewrite")] {
        if list(rule, "backendRefs").iter().filter(|b| replaces(list(b, "filters"), field)).count() == 1 {
            errors.push(at.invalid(OBJECT, format!("Within backendRefs, {start} {words}")));
        }
    }
}

fn check_path(path: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if !path.is_object() {
        return;
    }
    let (kind, value) = (text(path, "type"), text(path, "value"));
    let mut rule = |broken: bool, message: String| {
        if broken {
            errors.push(at.invalid(OBJECT, message));
        }
    };
    if matches!(kind, "Exact" | "PathPrefix") {
        let of = "when type one of ['Exact', 'PathPrefix']";
        rule(!value.starts_with('/'), format!("value must be an absolute path and start with '/' {of}"));
        for part in ["//", "/./", "/../", "%2f", "%2F", "#"] {
            rule(value.contains(part), format!("must not contain '{part}' {of}"));
        }
        for end in ["/..", "/."] {
            rule(value.ends_with(end), format!("must not end with '{end}' {of}"));
        }
        let pattern = "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$";
        rule(!has_path_characters(value), format!("must only contain valid characters (matching {pattern}) for types ['Exact', 'PathPrefix']"));
    } else {
        rule(kind != "RegularExpression", "type must be one of ['Exact', 'PathPrefix', 'RegularExpression']".to_owned());
    }
}

fn has_path_characters(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at += match bytes[at] {
            b'%' if bytes.len() > at + 2 && bytes[at + 1].is_ascii_hexdigit() && bytes[at + 2].is_ascii_hexdigit() => 3,
            c if c.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(&c) => 1,
            _ => return false,
        };
    }
    !bytes.is_empty()
}

fn check_filters(filters: &[Value], at: &Path<'_>, errors: &mut FieldErrors) {
    let count = |kind: &str| filters.iter().filter(|f| text(f, "type") == kind).count();
    if count("RequestRedirect") > 0 && count("URLRewrite") > 0 {
        errors.push(at.invalid(ARRAY, "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both"));
    }
    for kind in ONCE.into_iter().filter(|k| count(k) > 1) {
        errors.push(at.invalid(ARRAY, format!("{kind} filter cannot be repeated")));
    }
    for (index, filter) in filters.iter().enumerate() {
        check_filter(filter, &at.index(index), errors);
    }
}

fn check_filter(filter: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let kind = text(filter, "type");
    for (name, field) in FILTERS {
        if has(filter, field) && kind != name {
            errors.push(at.invalid(OBJECT, format!("filter.{field} must be nil if the filter.type is not {name}")));
        }
        if !has(filter, field) && kind == name {
            errors.push(at.invalid(OBJECT, format!("filter.{field} must be specified for {name} filter.type")));
        }
    }
    for field in ["requestRedirect", "urlRewrite"] {
        let path = &filter[field]["path"];
        if path.is_object() {
            check_path_modifier(path, &at.child(field).child("path"), errors);
        }
    }
    if has(filter, "requestMirror") {
        check_mirror(&filter["requestMirror"], &at.child("requestMirror"), errors);
    }
    if has(filter, "cors") {
        let at = at.child("cors");
        for (field, words) in [
            ("allowHeaders", "AllowHeaders cannot contain '*' alongside other methods"),
            ("allowMethods", "AllowMethods cannot contain '*' alongside other methods"),
            ("allowOrigins", "AllowOrigins cannot contain '*' alongside other origins"),
        ] {
            let values = texts(&filter["cors"], field);
            if values.len() > 1 && values.contains(&"*") {
                errors.push(at.child(field).invalid(ARRAY, words));
            }
        }
    }
    if has(filter, "externalAuth") {
        let (auth, at) = (&filter["externalAuth"], at.child("externalAuth"));
        for (protocol, field) in [("GRPC", "grpc"), ("HTTP", "http")] {
            if text(auth, "protocol") == protocol && !has(auth, field) {
                errors.push(at.invalid(OBJECT, format!("{field} must be specified when protocol is set to '{protocol}'")));
            }
            if has(auth, field) && text(auth, "protocol") != protocol {
                errors.push(at.invalid(OBJECT, format!("protocol must be '{protocol}' when {field} is set")));
            }
        }
        check_backend(&auth["backendRef"], &at.child("backendRef"), errors);
    }
}

fn check_path_modifier(path: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for (kind, field) in [("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")] {
        if text(path, "type") == kind && !has(path, field) {
            errors.push(at.invalid(OBJECT, format!("{field} must be specified when type is set to '{kind}'")));
        }
        if has(path, field) && text(path, "type") != kind {
            errors.push(at.invalid(OBJECT, format!("type must be '{kind}' when {field} is set")));
        }
    }
}

fn check_mirror(mirror: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if has(mirror, "percent") && has(mirror, "fraction") {
        errors.push(at.invalid(OBJECT, "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter"));
    }
    let fraction = &mirror["fraction"];
    if has(mirror, "fraction") && number(fraction, "numerator") > fraction["denominator"].as_i64().unwrap_or(100) {
        errors.push(at.child("fraction").invalid(OBJECT, "numerator must be less than or equal to denominator"));
    }
    check_backend(&mirror["backendRef"], &at.child("backendRef"), errors);
}

fn check_backend(backend: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    if backend.is_object() && text(backend, "group").is_empty() && text(backend, "kind") == "Service" && !has(backend, "port") {
        errors.push(at.invalid(OBJECT, "Must have port for Service reference"));
    }
}

fn check_timeouts(timeouts: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    let of = |field: &str| optional_text(timeouts, field).and_then(api::time::parse_duration);
    if let (Some(whole), Some(backend)) = (of("request"), of("backendRequest"))
        && !whole.is_zero()
        && backend > whole
    {
        errors.push(at.invalid(OBJECT, "backendRequest timeout cannot be longer than request timeout"));
    }
}

fn check_persistence(persistence: &Value, at: &Path<'_>, errors: &mut FieldErrors) {
    for message in persistence_rules(persistence) {
        errors.push(at.invalid(OBJECT, message));
    }
}

/// What is wrong with a session persistence (GEP-1619). BackendPolicy has the same struct.
pub(in super::super) fn persistence_rules(persistence: &Value) -> Vec<&'static str> {
    let (kind, cookie) = (text(persistence, "type"), has(persistence, "cookie"));
    let permanent = text(&persistence["cookie"], "lifetimeType") == "Permanent";
    [
        (cookie && permanent && !has(persistence, "absoluteTimeout"), "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent"),
        (cookie && kind != "Cookie", "cookie must be nil if type is not Cookie"),
        (!cookie && kind == "Cookie", "cookie must be specified for Cookie type"),
        (has(persistence, "header") && kind != "Header", "header must be nil if type is not Header"),
        (!has(persistence, "header") && kind == "Header", "header must be specified for Header type"),
    ]
    .into_iter()
    .filter(|(broken, _)| *broken)
    .map(|(_, message)| message)
    .collect()
}
