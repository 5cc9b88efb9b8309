use serde_json::json;

use super::*;
use crate::prune;
use crate::table::{Gvk, table};

const GATEWAY: &str = "gateway.networking.k8s.io/v1";

fn checked(api_version: &str, kind: &str, spec: Value) -> (Value, Vec<Violation>) {
    let message = table(Gvk::new(api_version, kind)).unwrap();
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec});
    assert_eq!(prune(message, &mut object).unwrap(), vec![]);
    apply_defaults(message, &mut object);
    let found = validate(message, &object);
    (object, found)
}

fn texts(kind: &str, spec: Value) -> Vec<String> {
    checked(GATEWAY, kind, spec).1.into_iter().map(|v| format!("{}: {:?}: {}", v.path, v.kind, v.detail)).collect()
}

fn rule(rule: Value) -> Vec<String> {
    texts("HTTPRoute", json!({"rules": [rule]}))
}

#[test]
fn a_plain_route_gets_its_defaults_and_is_accepted() {
    let spec = json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]});
    let (object, found) = checked(GATEWAY, "HTTPRoute", spec);
    assert_eq!(found, vec![]);
    assert_eq!(object["spec"]["parentRefs"][0], json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}));
    assert_eq!(object["spec"]["rules"][0]["matches"], json!([{"path": {"type": "PathPrefix", "value": "/"}}]));
    assert_eq!(object["spec"]["rules"][0]["backendRefs"][0], json!({"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1}));
    assert_eq!(checked(GATEWAY, "HTTPRoute", json!({})).0["spec"]["rules"][0]["matches"][0]["path"]["value"], "/");
}

#[test]
fn a_gateway_starts_with_conditions_nobody_has_decided() {
    let (object, found) = checked(GATEWAY, "Gateway", json!({"gatewayClassName": "c", "listeners": [{"name": "l", "port": 80, "protocol": "HTTP"}]}));
    assert_eq!(found, vec![]);
    assert_eq!(object["status"]["conditions"][0]["status"], "Unknown");
    assert_eq!(object["spec"]["listeners"][0]["allowedRoutes"], json!({"namespaces": {"from": "Same"}}));
}

#[test]
fn bounds_are_refused_with_the_texts_of_a_custom_resource() {
    let spec = json!({"gatewayClassName": "", "listeners": [
        {"name": "l", "port": 0, "protocol": "HTTP"},
        {"name": "l", "port": "x", "protocol": "HTTP", "tls": {"mode": "Nope"}},
    ]});
    let wanted = [
        "spec.gatewayClassName: Invalid: spec.gatewayClassName in body should be at least 1 chars long",
        "spec.listeners[1]: Duplicate: ",
        "spec.listeners[0].port: Invalid: spec.listeners[0].port in body should be greater than or equal to 1",
        "spec.listeners[1].port: TypeInvalid: spec.listeners[1].port in body must be of type integer: \"string\"",
        "spec.listeners[1].tls.mode: NotSupported: supported values: \"Terminate\", \"Passthrough\"",
        "<nil>: Invalid: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
    ];
    assert_eq!(texts("Gateway", spec), wanted);
    assert_eq!(texts("Gateway", json!({}))[..1], ["spec.gatewayClassName: Required: "]);
    let many = texts("HTTPRoute", json!({"hostnames": vec!["a.example"; 17]}));
    assert_eq!(many[..1], ["spec.hostnames: TooMany: must have at most 16 items"]);
}

#[test]
fn listeners_obey_their_protocol() {
    let with = |listener: Value| texts("Gateway", json!({"gatewayClassName": "c", "listeners": [listener]}));
    let certificate = json!([{"name": "c"}]);
    assert_eq!(with(json!({"name": "a", "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": certificate}})), [""; 0]);
    assert_eq!(with(json!({"name": "a", "port": 80, "protocol": "HTTP", "tls": {"certificateRefs": certificate}})).len(), 1);
    assert_eq!(with(json!({"name": "a", "port": 443, "protocol": "HTTPS", "tls": {"mode": "Passthrough"}})).len(), 1);
    assert_eq!(with(json!({"name": "a", "port": 443, "protocol": "HTTPS", "tls": {}})).len(), 1);
    assert_eq!(with(json!({"name": "a", "port": 53, "protocol": "UDP", "hostname": "x.example"})).len(), 1);
    assert_eq!(with(json!({"name": "a", "port": 443, "protocol": "TLS"})).len(), 1);
    let same_place = json!([{"name": "a", "port": 80, "protocol": "HTTP"}, {"name": "b", "port": 80, "protocol": "HTTP"}]);
    let found = texts("Gateway", json!({"gatewayClassName": "c", "listeners": same_place}));
    assert_eq!(found, ["spec.listeners: Invalid: Combination of port, protocol and hostname must be unique for each listener"]);
}

#[test]
fn filters_carry_what_their_type_says_and_some_only_once() {
    let header = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}});
    assert_eq!(rule(json!({"filters": [header]})), [""; 0]);
    assert_eq!(rule(json!({"filters": [header, header]})), ["spec.rules[0].filters: Invalid: RequestHeaderModifier filter cannot be repeated"]);
    assert_eq!(rule(json!({"filters": [{"type": "RequestHeaderModifier"}]})).len(), 1);
    let other = json!({"type": "URLRewrite", "urlRewrite": {"hostname": "a.example"}, "requestMirror": {"backendRef": {"name": "m", "port": 1}}});
    assert_eq!(
        rule(json!({"filters": [other]})),
        ["spec.rules[0].filters[0]: Invalid: filter.requestMirror must be nil if the filter.type is not RequestMirror"]
    );
}

#[test]
fn a_replaced_prefix_needs_one_prefix_match() {
    let filter = json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"}}});
    assert_eq!(rule(json!({"filters": [filter]})), [""; 0]);
    let prefix = json!({"path": {"type": "PathPrefix", "value": "/a"}});
    assert_eq!(rule(json!({"filters": [filter], "matches": [prefix, prefix]})).len(), 1);
    assert_eq!(rule(json!({"filters": [filter], "matches": [{"path": {"type": "Exact", "value": "/a"}}]})).len(), 1);
    assert_eq!(rule(json!({"filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath"}}}]})).len(), 1);
}

#[test]
fn paths_are_absolute_and_plain() {
    let path = |kind: &str, value: &str| rule(json!({"matches": [{"path": {"type": kind, "value": value}}]}));
    assert_eq!(path("PathPrefix", "/a/b%20c"), [""; 0]);
    assert_eq!(path("RegularExpression", "[a-z]+"), [""; 0]);
    for wrong in ["a", "/a//b", "/a/./b", "/a/../b", "/a%2Fb", "/a#b", "/a/..", "/a/.", "/a b"] {
        assert!(!path("Exact", wrong).is_empty(), "{wrong}");
    }
    // Besides, the rules between fields are left unchecked.
    assert_eq!(path("Suffix", "/a").len(), 2);
}

#[test]
fn addresses_that_say_they_are_of_an_ip_are() {
    let with = |address: Value| {
        let listener = json!({"name": "a", "port": 80, "protocol": "HTTP"});
        texts("Gateway", json!({"gatewayClassName": "c", "listeners": [listener], "addresses": [address]}))
    };
    for fine in [json!({"value": "10.0.0.1"}), json!({"value": "2001:db8::1"}), json!({}), json!({"type": "Hostname", "value": "a.test"})] {
        assert_eq!(with(fine.clone()), [""; 0], "{fine}");
    }
    let wanted = [
        r#"<nil>: Invalid: "spec.addresses[0]" must validate one and only one schema (oneOf). Found none valid"#,
        r#"<nil>: Invalid: "spec.addresses[0].value" must validate at least one schema (anyOf)"#,
        r#"spec.addresses[0].value: TypeInvalid: spec.addresses[0].value in body must be of type ipv4: "10.0.0.0/8""#,
    ];
    assert_eq!(with(json!({"type": "IPAddress", "value": "10.0.0.0/8"}))[..3], wanted);
}

#[test]
fn two_references_to_one_parent_need_different_sections() {
    let parents = |refs: Value| texts("HTTPRoute", json!({"parentRefs": refs}));
    assert_eq!(parents(json!([{"name": "g", "sectionName": "a"}, {"name": "g", "sectionName": "b"}, {"name": "h"}])), [""; 0]);
    assert_eq!(parents(json!([{"name": "g"}, {"name": "g", "sectionName": "b"}])).len(), 1);
    assert_eq!(parents(json!([{"name": "g", "port": 1}, {"name": "g", "port": 1}])).len(), 1);
}

#[test]
fn backends_redirects_and_timeouts_fit_together() {
    assert_eq!(rule(json!({"backendRefs": [{"name": "web"}]})), ["spec.rules[0].backendRefs[0]: Invalid: Must have port for Service reference"]);
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}});
    assert_eq!(rule(json!({"filters": [redirect], "backendRefs": [{"name": "web", "port": 1}]})).len(), 1);
    assert_eq!(rule(json!({"timeouts": {"request": "1s", "backendRequest": "2s"}})).len(), 1);
    assert_eq!(rule(json!({"timeouts": {"request": "0s", "backendRequest": "2s"}})), [""; 0]);
    assert_eq!(rule(json!({"timeouts": {"request": "1x"}})).len(), 1);
}

#[test]
fn grants_name_both_sides() {
    for version in ["v1", "v1beta1"] {
        let api_version = format!("gateway.networking.k8s.io/{version}");
        let spec = json!({"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "a"}], "to": [{"group": "", "kind": "Service"}]});
        assert_eq!(checked(&api_version, "ReferenceGrant", spec).1, vec![]);
        assert_eq!(checked(&api_version, "ReferenceGrant", json!({"from": [], "to": []})).1.len(), 2);
    }
}

#[test]
fn instances_and_policies_are_checked() {
    let own = |kind: &str, spec: Value| checked("fairlead.dev/v1alpha1", kind, spec);
    let (object, found) = own("Instance", json!({"addresses": ["10.0.0.1"], "ports": [{"port": 80}], "metadata": {"b": 1, "a": null}}));
    assert_eq!(found, vec![]);
    assert_eq!(object["spec"]["weight"], 100);
    assert_eq!(object["spec"]["ports"][0]["protocol"], "TCP");
    assert_eq!(serde_json::to_string(&object["spec"]["metadata"]).unwrap(), r#"{"b":1,"a":null}"#);
    assert_eq!(own("Instance", json!({"addresses": [], "ports": [{"port": 0}], "weight": 70000})).1.len(), 3);
    let target = json!([{"kind": "Service", "name": "web"}]);
    assert_eq!(
        own("BackendPolicy", json!({"targetRefs": target, "strategy": "LeastRequest", "healthCheck": {"type": "http", "http": {"path": "/"}}})).1,
        vec![]
    );
    assert_eq!(own("BackendPolicy", json!({})).1.len(), 1);
}

#[test]
fn every_pattern_and_default_of_the_tables_is_valid() {
    let mut queue: Vec<&'static Message> = crate::custom::kinds().collect();
    let mut seen = std::collections::HashSet::new();
    while let Some(message) = queue.pop() {
        if !seen.insert(message.name) {
            continue;
        }
        for field in message.fields {
            queue.extend(field.message());
            assert!(field.default_text().is_empty() || field.default().is_some(), "{}.{}", message.name, field.name);
            let text = field.extra.and_then(|e| e.check).map_or("", |c| c.pattern);
            assert!(text.is_empty() || pattern(text).is_some(), "{text}");
        }
    }
}

/// Upstream's own examples, when the Go module cache has them.
#[test]
fn examples_of_the_gateway_api_are_accepted_and_its_bad_ones_refused() {
    let Some(folder) = std::env::var_os("GATEWAY_API_DIR").map(std::path::PathBuf::from) else {
        eprintln!("SKIPPED: GATEWAY_API_DIR does not name an unpacked sigs.k8s.io/gateway-api");
        return;
    };
    let mut checked = 0;
    for (place, bad) in [("examples", false), ("hack/invalid-examples", true)] {
        for (file, text) in yaml_files(&folder.join(place)) {
            for document in text.split("\n---") {
                let Ok((mut object, _)) = crate::from_yaml(document.as_bytes()) else { continue };
                let gvk = Gvk::new(object["apiVersion"].as_str().unwrap_or_default(), object["kind"].as_str().unwrap_or_default());
                let Some(message) = table(gvk).filter(|m| m.custom) else { continue };
                let problems = prune(message, &mut object);
                apply_defaults(message, &mut object);
                let found = validate(message, &object);
                let metadata_only = object["metadata"]["name"].as_str().is_some_and(|n| n.contains("invalid-metadata"));
                assert!(bad != (found.is_empty() && problems == Ok(vec![])) || metadata_only, "{file}: {found:?} {problems:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

fn yaml_files(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}
