use super::super::testing::{texts, with};
use super::*;

fn ingress() -> Value {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    json!({"metadata": {"name": "i"}, "spec": {"rules": [{"host": "a.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}})
}

fn refused(object: &Value) -> Vec<String> {
    texts(&Ingress.validate_create(object, &Settings::default()))
}

#[test]
fn each_rule_has_its_words() {
    let at = "/spec/rules/0/http/paths/0";
    let paths = "spec.rules[0].http.paths[0]";
    let port = |port: Value| json!({"service": {"name": "s", "port": port}});
    for (pointer, value, want) in [
        ("/spec/rules".to_owned(), json!(null), "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified".to_owned()),
        (
            "/spec/rules/0/host".into(),
            json!("1.2.3.4"),
            "spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address".into(),
        ),
        ("/spec/rules/0/http/paths".into(), json!([]), "spec.rules[0].http.paths: Required value".into()),
        (format!("{at}/pathType"), json!(null), format!("{paths}.pathType: Required value: pathType must be specified")),
        (
            format!("{at}/pathType"),
            json!("Odd"),
            format!("{paths}.pathType: Unsupported value: \"Odd\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\""),
        ),
        (format!("{at}/path"), json!("a"), format!("{paths}.path: Invalid value: \"a\": must be an absolute path")),
        (format!("{at}/path"), json!("/a//b"), format!("{paths}.path: Invalid value: \"/a//b\": must not contain '//'")),
        (format!("{at}/path"), json!("/a/.."), format!("{paths}.path: Invalid value: \"/a/..\": cannot end with '/..'")),
        (format!("{at}/path"), json!("/a%2fb"), format!("{paths}.path: Invalid value: \"/a%2fb\": must not contain '%2f'")),
        (format!("{at}/backend"), json!({}), format!("{paths}.backend: Invalid value: \"\": resource or service backend is required")),
        (format!("{at}/backend"), port(json!({})), format!("{paths}.backend: Required value: port name or number is required")),
        (
            format!("{at}/backend"),
            port(json!({"number": 80, "name": "a"})),
            format!("{paths}.backend: Invalid value: \"\": cannot set both port name & port number"),
        ),
        (
            format!("{at}/backend"),
            port(json!({"number": 70000})),
            format!("{paths}.backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ),
        (format!("{at}/backend/service/name"), json!(""), format!("{paths}.backend.service.name: Required value")),
        (
            format!("{at}/backend/resource"),
            json!({"kind": "a", "name": "b"}),
            format!("{paths}.backend: Invalid value: \"\": cannot set both resource and service backends"),
        ),
        ("/spec/tls".into(), json!([{"hosts": ["a.test"], "secretName": "s"}, {"hosts": ["*"]}]), String::new()),
    ] {
        let got = refused(&with(&ingress(), &pointer, value));
        match want.as_str() {
            "" => assert!(
                got[0].starts_with("spec.tls[1].hosts[0]: Invalid value: \"*\": a wildcard DNS-1123 subdomain must start with '*.'"),
                "{got:?}"
            ),
            want => assert_eq!(got, [want], "{pointer}"),
        }
    }
    assert!(refused(&ingress()).is_empty());
    assert!(refused(&with(&ingress(), "/spec/rules/0/host", json!("a.*.test")))[0].contains("a wildcard DNS-1123 subdomain must start with '*.'"));
}

#[test]
fn the_annotation_must_agree_with_the_class_on_create_only() {
    let object = json!({"metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}, "spec": {"ingressClassName": "b", "defaultBackend": {"service": {"name": "s", "port": {"number": 1}}}}});
    assert_eq!(
        refused(&object),
        ["annotations.kubernetes.io/ingress.class: Invalid value: \"a\": must match `ingressClassName` when both are specified"]
    );
    assert!(Ingress.validate_update(&object, &object, &Settings::default()).is_empty());
    let object = json!({"metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}, "spec": {}});
    assert_eq!(
        Ingress.warnings(&object, None),
        ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"]
    );
}

#[test]
fn old_mistakes_may_stay_but_not_come() {
    let old = with(&ingress(), "/spec/tls", json!([{"secretName": "Bad_"}]));
    assert_eq!(refused(&old).len(), 1);
    assert!(Ingress.validate_update(&old, &old, &Settings::default()).is_empty());
    assert_eq!(Ingress.validate_update(&old, &ingress(), &Settings::default()).len(), 1);
}

#[test]
fn the_newest_default_class_is_filled_in() {
    let class = |name: &str, created: &str, default: bool| json!({"metadata": {"name": name, "creationTimestamp": created, "annotations": {"ingressclass.kubernetes.io/is-default-class": default.to_string()}}});
    let classes = [
        class("z", "2026-01-01T00:00:00Z", true),
        class("c", "2026-01-02T00:00:00Z", true),
        class("b", "2026-01-02T00:00:00Z", true),
        class("a", "2026-01-03T00:00:00Z", false),
    ];
    let mut object = ingress();
    fill_default_class(&mut object, classes.iter());
    assert_eq!(object["spec"]["ingressClassName"], "b");
    fill_default_class(&mut object, classes[..1].iter());
    assert_eq!(object["spec"]["ingressClassName"], "b");
    let mut none = ingress();
    fill_default_class(&mut none, classes[3..].iter());
    assert_eq!(none, ingress());
}

#[test]
fn rows_show_class_hosts_and_ports() {
    let row = Ingress.row(&ingress(), Timestamp::UNIX_EPOCH);
    assert_eq!(row[1..5], [json!("<none>"), json!("a.test"), json!(""), json!("80")]);
    let rules: Vec<Value> = (0..5).map(|i| json!({"host": format!("{i}.test")})).collect();
    let object = json!({"spec": {"rules": rules, "ingressClassName": "c", "tls": [{}]}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}, {"hostname": "a.test"}]}}});
    assert_eq!(
        Ingress.row(&object, Timestamp::UNIX_EPOCH)[1..5],
        [json!("c"), json!("0.test,1.test,2.test + 2 more..."), json!("10.0.0.2,a.test"), json!("80, 443")]
    );
    assert_eq!(Ingress.row(&json!({"spec": {"rules": [{}]}}), Timestamp::UNIX_EPOCH)[2], "*");
}

#[test]
fn the_status_holds_addresses_and_names() {
    let status = |point: Value| json!({"status": {"loadBalancer": {"ingress": [point]}}});
    let empty = json!({});
    assert_eq!(
        texts(&Ingress.validate_status(&status(json!({"hostname": "1.2.3.4"})), &empty)),
        ["status.loadBalancer.ingress[0].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address"]
    );
    let old = status(json!({"ip": "010.0.0.1"}));
    assert!(Ingress.validate_status(&old, &old).is_empty());
    assert_eq!(
        texts(&Ingress.validate_status(&old, &empty)),
        ["status.loadBalancer.ingress[0].ip: Invalid value: \"010.0.0.1\": must not have leading 0s"]
    );
}
