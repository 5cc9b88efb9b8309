use super::super::testing::texts as messages;
use super::*;

fn gateway(listeners: Value) -> Value {
    json!({"metadata": {"name": "g"}, "spec": {"gatewayClassName": "c", "listeners": listeners}})
}

fn refused(listeners: Value) -> Vec<String> {
    let mut object = gateway(listeners);
    Gateway.defaults(&mut object);
    messages(&Gateway.validate_create(&object, &Settings::default()))
}

#[test]
fn listeners_do_not_clash() {
    let http = json!({"name": "a", "port": 80, "protocol": "HTTP"});
    let but = |field: &str, value: Value| {
        let mut other = http.clone();
        other[field] = value;
        other
    };
    let at = "spec.listeners: Invalid value: \"array\":";
    for (listeners, want) in [
        (json!([http, but("name", json!("b"))]), "Combination of port, protocol and hostname must be unique for each listener"),
        (json!([but("tls", json!({"certificateRefs": [{"name": "c"}]}))]), "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"),
        (json!([{"name": "a", "port": 1, "protocol": "TCP", "hostname": "a.test"}]), "hostname must not be specified for protocols ['TCP', 'UDP']"),
        (json!([{"name": "a", "port": 1, "protocol": "HTTPS", "tls": {"mode": "Passthrough"}}]), "tls mode must be Terminate for protocol HTTPS"),
        (json!([{"name": "a", "port": 1, "protocol": "TLS"}]), "tls mode must be set for protocol TLS"),
    ] {
        assert_eq!(refused(listeners), [format!("{at} {want}")]);
    }
    assert_eq!(
        refused(json!([{"name": "a", "port": 1, "protocol": "HTTPS", "tls": {"mode": "Terminate"}}])),
        ["spec.listeners[0].tls: Invalid value: \"object\": certificateRefs or options must be specified when mode is Terminate"]
    );
    assert_eq!(
        refused(json!([http, but("port", json!(81))])),
        ["spec.listeners[1]: Duplicate value: {\"name\":\"a\"}".to_owned(), format!("{at} Listener name must be unique within the Gateway")]
    );
    assert!(refused(json!([http, {"name": "b", "port": 80, "protocol": "HTTP", "hostname": "*.test"}])).is_empty());
}

#[test]
fn a_new_gateway_waits_for_its_controller() {
    let mut object = gateway(json!([]));
    Gateway.defaults(&mut object);
    let reasons: Vec<&str> = list(&object["status"], "conditions").iter().map(|c| text(c, "type")).collect();
    assert_eq!(reasons, ["Accepted", "Programmed"]);
    assert_eq!(object["status"]["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
    let row = Gateway.row(&object, Timestamp::UNIX_EPOCH);
    assert_eq!(row[1..4], [json!("c"), json!(null), json!("Unknown")]);
}

#[test]
fn the_controller_of_a_class_never_changes() {
    let of = |name: &str| json!({"spec": {"controllerName": name}});
    assert_eq!(
        messages(&GatewayClass.validate_update(&of("a.test/b"), &of("a.test/a"), &Settings::default())),
        ["spec.controllerName: Invalid value: \"string\": Value is immutable"]
    );
}

fn route(rule: Value) -> Vec<String> {
    let mut object = json!({"metadata": {"name": "r"}, "spec": {"rules": [rule]}});
    HttpRoute.defaults(&mut object);
    messages(&HttpRoute.validate_create(&object, &Settings::default()))
}

#[test]
fn routes_refuse_contradictions_with_the_rules_own_texts() {
    let header = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": []}});
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {}});
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {}});
    let prefix = json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"}}});
    let path = |kind: &str, value: &str| json!([{"path": {"type": kind, "value": value}}]);
    let rule = "spec.rules[0]";
    for (body, at, want) in [
        (
            json!({"filters": [{"type": "RequestHeaderModifier"}]}),
            ".filters[0]",
            "filter.requestHeaderModifier must be specified for RequestHeaderModifier filter.type",
        ),
        (
            json!({"filters": [redirect, rewrite]}),
            ".filters",
            "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both",
        ),
        (json!({"filters": [header, header]}), ".filters", "RequestHeaderModifier filter cannot be repeated"),
        (
            json!({"filters": [redirect], "backendRefs": [{"name": "web", "port": 80}]}),
            "",
            "RequestRedirect filter must not be used together with backendRefs",
        ),
        (
            json!({"filters": [prefix], "matches": path("Exact", "/a")}),
            "",
            "When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
        ),
        (
            json!({"filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath"}}}]}),
            ".filters[0].urlRewrite.path",
            "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
        ),
        (json!({"matches": path("PathPrefix", "/a//b")}), ".matches[0].path", "must not contain '//' when type one of ['Exact', 'PathPrefix']"),
        (json!({"matches": path("Exact", "/a/../b")}), ".matches[0].path", "must not contain '/../' when type one of ['Exact', 'PathPrefix']"),
        (
            json!({"matches": path("Exact", "a")}),
            ".matches[0].path",
            "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
        ),
        (json!({"backendRefs": [{"group": "", "kind": "Service", "name": "web"}]}), ".backendRefs[0]", "Must have port for Service reference"),
        (json!({"timeouts": {"request": "1s", "backendRequest": "2s"}}), ".timeouts", "backendRequest timeout cannot be longer than request timeout"),
        (json!({"sessionPersistence": {"type": "Header"}}), ".sessionPersistence", "header must be specified for Header type"),
    ] {
        assert_eq!(route(body), [format!("{rule}{at}: Invalid value: \"{}\": {want}", if at.ends_with(".filters") { "array" } else { "object" })]);
    }
    assert!(route(json!({"filters": [prefix], "matches": path("PathPrefix", "/a"), "backendRefs": [{"group": "", "kind": "Service", "name": "web", "port": 80}]})).is_empty());
    let two = route(json!({"filters": [{"type": "ResponseHeaderModifier", "requestHeaderModifier": {}}]}));
    assert_eq!(two.len(), 2, "{two:?}");
}

#[test]
fn one_parent_is_named_once_or_by_section() {
    let of = |parents: Value| {
        let mut object = json!({"spec": {"parentRefs": parents}});
        HttpRoute.defaults(&mut object);
        messages(&HttpRoute.validate_create(&object, &Settings::default()))
    };
    assert_eq!(
        of(json!([{"name": "a"}, {"name": "a"}])),
        [
            "spec.parentRefs: Invalid value: \"array\": sectionName or port must be unique when parentRefs includes 2 or more references to the same parent"
        ]
    );
    assert_eq!(
        of(json!([{"name": "a"}, {"name": "a", "sectionName": "s"}])),
        [
            "spec.parentRefs: Invalid value: \"array\": sectionName or port must be specified when parentRefs includes 2 or more references to the same parent"
        ]
    );
    assert!(of(json!([{"name": "a", "sectionName": "r"}, {"name": "a", "sectionName": "s"}, {"name": "b"}])).is_empty());
}

#[test]
fn hostnames_are_shown_as_json() {
    let row = HttpRoute.row(&json!({"metadata": {"name": "r"}, "spec": {"hostnames": ["a.test", "*.b.test"]}}), Timestamp::UNIX_EPOCH);
    assert_eq!(row[1], r#"["a.test","*.b.test"]"#);
    assert_eq!(HttpRoute.row(&json!({"spec": {}}), Timestamp::UNIX_EPOCH)[1], Value::Null);
}

#[test]
fn policies_for_backends_say_whom_to_trust() {
    let of = |targets: Value, validation: Value| {
        let mut object = json!({"metadata": {"name": "p"}, "spec": {"targetRefs": targets, "validation": validation}});
        BackendTlsPolicy.defaults(&mut object);
        messages(&BackendTlsPolicy.validate_create(&object, &Settings::default()))
    };
    let service = |section: &str| {
        let mut target = json!({"group": "", "kind": "Service", "name": "web"});
        if !section.is_empty() {
            target["sectionName"] = section.into();
        }
        target
    };
    let system = json!({"hostname": "web.test", "wellKnownCACertificates": "System"});
    assert!(of(json!([service("")]), system.clone()).is_empty());
    assert!(of(json!([service("a"), service("b")]), system.clone()).is_empty());
    let targets = "spec.targetRefs: Invalid value: \"array\": sectionName must be";
    let more = "when targetRefs includes 2 or more references to the same target";
    assert_eq!(of(json!([service("a"), service("")]), system.clone()), [format!("{targets} specified {more}")]);
    assert_eq!(of(json!([service("a"), service("a")]), system.clone()), [format!("{targets} unique {more}")]);
    let ca = json!([{"group": "", "kind": "ConfigMap", "name": "ca"}]);
    let both = "exactly one of the fields in [caCertificateRefs wellKnownCACertificates] must be set";
    for validation in
        [json!({"hostname": "web.test"}), json!({"hostname": "web.test", "wellKnownCACertificates": "System", "caCertificateRefs": ca.clone()})]
    {
        assert_eq!(of(json!([service("")]), validation), [format!("spec.validation: Invalid value: \"object\": {both}")]);
    }
    let named = json!({"hostname": "web.test", "caCertificateRefs": ca, "subjectAltNames": [{"type": "URI", "hostname": "a.test"}]});
    let name = "spec.validation.subjectAltNames[0]: Invalid value: \"object\": SubjectAltName element must";
    assert_eq!(
        of(json!([service("")]), named),
        [format!("{name} not contain Hostname, if Type is not set to Hostname"), format!("{name} contain URI, if Type is set to URI")]
    );
    assert_eq!(of(json!([]), system), ["spec.targetRefs: Invalid value: 0: spec.targetRefs in body should have at least 1 items"]);
}
