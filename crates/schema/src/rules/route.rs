//! Routes of every protocol.

use serde_json::{Map, Value};

use super::{Scope, list, objects, text, unique};
use crate::validate::pattern;

/// Matches of all rules of a route together.
const MOST_MATCHES: usize = 128;
const PATH: &str = r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$";
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const GRPC_SERVICE: &str = r"^(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$";
const GRPC_METHOD: &str = "^[A-Za-z_][A-Za-z_0-9]*$";

pub fn spec(scope: &mut Scope<'_>, part: &str) {
    let parents: Vec<&Map<String, Value>> = objects(scope.object, "parentRefs").collect();
    let target = |p: &Map<String, Value>| [text(p, "group"), text(p, "kind"), text(p, "name"), text(p, "namespace")].map(str::to_owned);
    let section = |p: &Map<String, Value>| (text(p, "sectionName").to_owned(), p.get("port").and_then(Value::as_i64).unwrap_or(0));
    let narrowed = |p: &Map<String, Value>| {
        let (name, port) = section(p);
        (!name.is_empty(), port != 0)
    };
    let mut ways = std::collections::HashMap::new();
    let consistent = parents.iter().all(|p| *ways.entry(target(p)).or_insert_with(|| narrowed(p)) == narrowed(p));
    if !consistent {
        scope.fail_at("parentRefs", "sectionName or port must be specified when parentRefs includes 2 or more references to the same parent");
    }
    if !unique(parents.iter().map(|p| (target(p), section(p)))) {
        scope.fail_at("parentRefs", "sectionName or port must be unique when parentRefs includes 2 or more references to the same parent");
    }
    if matches!(part, "HTTPRouteSpec" | "GRPCRouteSpec") {
        let matches: usize = objects(scope.object, "rules").map(|r| list(r, "matches").len()).sum();
        if matches > MOST_MATCHES {
            scope.fail_at(
                "rules",
                "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128",
            );
        }
    }
    if matches!(part, "HTTPRouteSpec" | "GRPCRouteSpec")
        && !unique(objects(scope.object, "rules").filter_map(|r| r.get("name")).map(Value::to_string))
    {
        scope.fail_at("rules", "Rule name must be unique within the route");
    }
    if part == "TLSRouteSpec" {
        tls_hostnames(scope);
    }
}

fn tls_hostnames(scope: &mut Scope<'_>) {
    let hostnames = || list(scope.object, "hostnames").iter().filter_map(Value::as_str);
    let valid = |name: &str| pattern(SUBDOMAIN).is_some_and(|p| p.is_match(name));
    let literal = hostnames().any(|h| h.parse::<std::net::IpAddr>().is_ok());
    let wrong = hostnames().any(|h| !valid(h.strip_prefix("*.").unwrap_or(h)));
    if literal {
        scope.fail_at("hostnames", "Hostnames cannot contain an IP");
    }
    if wrong {
        scope.fail_at("hostnames", "Hostnames must be valid based on RFC-1123; a wildcard must be the first label");
    }
}

pub fn http_rule(scope: &mut Scope<'_>) {
    filters(scope);
    let has_redirect = objects(scope.object, "filters").any(|f| f.contains_key("requestRedirect"));
    let holds = scope.list("backendRefs").is_empty() || !has_redirect;
    scope.require(holds, "RequestRedirect filter must not be used together with backendRefs");
    let matches = scope.list("matches");
    let one_prefix = matches.len() == 1 && matches[0]["path"]["type"] == "PathPrefix";
    let backends: Vec<&Map<String, Value>> = objects(scope.object, "backendRefs").collect();
    for (field, name) in [("requestRedirect", "RequestRedirect"), ("urlRewrite", "URLRewrite")] {
        let own = objects(scope.object, "filters").filter(|f| replaces_prefix(f, field)).count() == 1;
        let holding = |b: &&Map<String, Value>| objects(b, "filters").filter(|f| replaces_prefix(f, field)).count() == 1;
        let inner = backends.iter().copied().filter(holding).count() == 1;
        if own && !one_prefix {
            scope.fail(&format!("When using {name} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified"));
        }
        if inner && !one_prefix {
            let when = if field == "urlRewrite" { "When" } else { "when" };
            scope.fail(&format!(
                "Within backendRefs, {when} using {name} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified"
            ));
        }
    }
}

fn replaces_prefix(filter: &Map<String, Value>, field: &str) -> bool {
    let path = filter.get(field).and_then(|f| f.get("path"));
    path.is_some_and(|p| p["type"] == "ReplacePrefixMatch" && p.get("replacePrefixMatch").is_some())
}

/// Rules on the list of filters of a rule or backend.
pub fn filters(scope: &mut Scope<'_>) {
    let kinds: Vec<&str> = objects(scope.object, "filters").map(|f| text(f, "type")).collect();
    let count = |kind: &str| kinds.iter().filter(|k| **k == kind).count();
    if count("RequestRedirect") > 0 && count("URLRewrite") > 0 {
        scope.fail_at("filters", "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both");
    }
    for kind in ["CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"] {
        if count(kind) > 1 {
            scope.fail_at("filters", &format!("{kind} filter cannot be repeated"));
        }
    }
}

pub fn filter(scope: &mut Scope<'_>) {
    let kind = scope.text("type").to_owned();
    for (field, of) in [
        ("requestHeaderModifier", "RequestHeaderModifier"),
        ("responseHeaderModifier", "ResponseHeaderModifier"),
        ("requestMirror", "RequestMirror"),
        ("requestRedirect", "RequestRedirect"),
        ("urlRewrite", "URLRewrite"),
        ("cors", "CORS"),
        ("externalAuth", "ExternalAuth"),
        ("extensionRef", "ExtensionRef"),
    ] {
        if scope.has(field) && kind != of {
            scope.fail(&format!("filter.{field} must be nil if the filter.type is not {of}"));
        }
        if !scope.has(field) && kind == of {
            scope.fail(&format!("filter.{field} must be specified for {of} filter.type"));
        }
    }
}

pub fn backend(scope: &mut Scope<'_>) {
    let service = scope.text("group").is_empty() && scope.text("kind") == "Service";
    let holds = !service || scope.has("port");
    scope.require(holds, "Must have port for Service reference");
    let backend = scope.text("group") == "gateway.networking.x-k8s.io" && scope.text("kind") == "XBackend";
    let holds = !backend || !scope.has("port");
    scope.require(holds, "Must not have port for Backend reference");
}

pub fn cors(scope: &mut Scope<'_>) {
    // The word for headers is upstream's slip.
    for (field, name, what) in
        [("allowHeaders", "AllowHeaders", "methods"), ("allowMethods", "AllowMethods", "methods"), ("allowOrigins", "AllowOrigins", "origins")]
    {
        let values = scope.list(field);
        if values.len() > 1 && values.iter().any(|v| v == "*") {
            scope.fail_at(field, &format!("{name} cannot contain '*' alongside other {what}"));
        }
    }
}

pub fn external_auth(scope: &mut Scope<'_>) {
    for (protocol, field) in [("GRPC", "grpc"), ("HTTP", "http")] {
        let chosen = scope.text("protocol") == protocol;
        let holds = !chosen || scope.has(field);
        scope.require(holds, &format!("{field} must be specified when protocol is set to '{protocol}'"));
        let holds = chosen || !scope.has(field);
        scope.require(holds, &format!("protocol must be '{protocol}' when {field} is set"));
    }
}

pub fn mirror(scope: &mut Scope<'_>) {
    let holds = !(scope.has("percent") && scope.has("fraction"));
    scope.require(holds, "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter");
}

pub fn fraction(scope: &mut Scope<'_>) {
    let number = |name: &str, absent| scope.object.get(name).and_then(Value::as_i64).unwrap_or(absent);
    let holds = number("numerator", 0) <= number("denominator", 100);
    scope.require(holds, "numerator must be less than or equal to denominator");
}

pub fn path_modifier(scope: &mut Scope<'_>) {
    for (kind, field) in [("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")] {
        let chosen = scope.text("type") == kind;
        let holds = !chosen || scope.has(field);
        scope.require(holds, &format!("{field} must be specified when type is set to '{kind}'"));
        let holds = chosen || !scope.has(field);
        scope.require(holds, &format!("type must be '{kind}' when {field} is set"));
    }
}

pub fn path_match(scope: &mut Scope<'_>) {
    if !matches!(scope.text("type"), "Exact" | "PathPrefix") {
        return;
    }
    let value = scope.text("value").to_owned();
    scope.require(value.starts_with('/'), "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']");
    for part in ["//", "/./", "/../", "%2f", "%2F", "#"] {
        scope.require(!value.contains(part), &format!("must not contain '{part}' when type one of ['Exact', 'PathPrefix']"));
    }
    for end in ["/..", "/."] {
        scope.require(!value.ends_with(end), &format!("must not end with '{end}' when type one of ['Exact', 'PathPrefix']"));
    }
    let valid = pattern(PATH).is_some_and(|p| p.is_match(&value));
    scope.require(valid, &format!("must only contain valid characters (matching {PATH}) for types ['Exact', 'PathPrefix']"));
}

pub fn grpc_method(scope: &mut Scope<'_>) {
    let holds = !scope.has("type") || scope.has("service") || scope.has("method");
    scope.require(holds, "One or both of 'service' or 'method' must be specified");
    if !matches!(scope.text("type"), "" | "Exact") {
        return;
    }
    for (field, shape) in [("service", GRPC_SERVICE), ("method", GRPC_METHOD)] {
        let holds = !scope.has(field) || pattern(shape).is_some_and(|p| p.is_match(scope.text(field)));
        scope.require(holds, &format!("{field} must only contain valid characters (matching {shape})"));
    }
}

pub fn timeouts(scope: &mut Scope<'_>) {
    let longer = super::gateway::exceeds(scope.text("backendRequest"), scope.text("request"));
    let holds = !(scope.has("request") && scope.has("backendRequest") && longer);
    scope.require(holds, "backendRequest timeout cannot be longer than request timeout");
}

pub fn session_persistence(scope: &mut Scope<'_>) {
    let permanent = scope.object.get("cookie").is_some_and(|c| c["lifetimeType"] == "Permanent");
    let holds = !permanent || scope.has("absoluteTimeout");
    scope.require(holds, "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent");
    for (kind, field) in [("Cookie", "cookie"), ("Header", "header")] {
        let chosen = scope.text("type") == kind;
        let holds = chosen || !scope.has(field);
        scope.require(holds, &format!("{field} must be nil if type is not {kind}"));
        let holds = !chosen || scope.has(field);
        scope.require(holds, &format!("{field} must be specified for {kind} type"));
    }
}
