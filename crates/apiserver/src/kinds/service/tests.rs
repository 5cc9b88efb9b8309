use super::super::testing::{texts as messages, with};
use super::*;

/// A Service as it is when validated: defaults filled in and addresses allocated.
fn service(spec: Value) -> Value {
    let mut object = json!({"metadata": {"name": "x"}, "spec": spec});
    Service.defaults(&mut object);
    let spec = &mut object["spec"];
    match text(spec, "clusterIP").to_owned().as_str() {
        "" if needs_cluster_ip(spec) => {
            spec["clusterIP"] = "10.96.0.5".into();
            spec["clusterIPs"] = json!(["10.96.0.5"]);
        }
        "" => {}
        ip => spec["clusterIPs"] = json!([ip]),
    }
    object
}

fn refused(spec: Value) -> Vec<String> {
    messages(&Service.validate_create(&service(spec), &Settings::default()))
}

#[test]
fn defaults_are_exactly_upstreams() {
    let mut object = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "clusterIP": "", "externalIPs": []}});
    Service.defaults(&mut object);
    assert_eq!(
        object,
        json!({"metadata": {"name": "web"}, "status": {"loadBalancer": {}},
               "spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}], "sessionAffinity": "None", "type": "ClusterIP", "internalTrafficPolicy": "Cluster"}})
    );
    let mut object = json!({"spec": {"type": "NodePort", "sessionAffinity": "ClientIP", "ports": [{"port": 80, "nodePort": 0, "targetPort": ""}]}});
    Service.defaults(&mut object);
    assert_eq!(object["spec"]["sessionAffinityConfig"], json!({"clientIP": {"timeoutSeconds": 10800}}));
    assert_eq!(
        (&object["spec"]["externalTrafficPolicy"], &object["spec"]["ports"][0]),
        (&json!("Cluster"), &json!({"port": 80, "targetPort": 80, "protocol": "TCP"}))
    );
    let mut object = json!({"spec": {"type": "ExternalName", "externalName": "a.test"}});
    Service.defaults(&mut object);
    assert_eq!(object["spec"], json!({"type": "ExternalName", "externalName": "a.test", "sessionAffinity": "None"}));
    let mut object = json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, {"hostname": "a.test"}]}}});
    Service.defaults(&mut object);
    assert_eq!(object["spec"]["allocateLoadBalancerNodePorts"], true);
    assert_eq!(object["status"]["loadBalancer"]["ingress"], json!([{"ip": "10.0.0.1", "ipMode": "VIP"}, {"hostname": "a.test"}]));
}

#[test]
fn ports_are_named_unique_and_in_range() {
    let bad = "must be between 1 and 65535, inclusive";
    for (ports, want) in [
        (json!([]), vec!["spec.ports: Required value".to_owned()]),
        (json!([{"port": 80}, {"port": 81}]), vec!["spec.ports[0].name: Required value".into(), "spec.ports[1].name: Required value".into()]),
        (json!([{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]), vec!["spec.ports[1].name: Duplicate value: \"a\"".into()]),
        (
            json!([{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
            vec![r#"spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}"#.into()],
        ),
        (
            json!([{"port": 0}]),
            vec![format!("spec.ports[0].port: Invalid value: 0: {bad}"), format!("spec.ports[0].targetPort: Invalid value: 0: {bad}")],
        ),
        (
            json!([{"port": 80, "targetPort": "a-name-of-over-15"}]),
            vec!["spec.ports[0].targetPort: Invalid value: \"a-name-of-over-15\": must be no more than 15 characters".into()],
        ),
        (
            json!([{"port": 80, "protocol": "ICMP"}]),
            vec!["spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"".into()],
        ),
        (json!([{"port": 80, "nodePort": 30000}]), vec!["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'".into()]),
    ] {
        assert_eq!(refused(json!({"ports": ports})), want);
    }
    assert!(refused(json!({"ports": [{"port": 53, "name": "dns"}, {"port": 53, "name": "dns-udp", "protocol": "UDP"}]})).is_empty());
}

#[test]
fn other_fields_have_their_words() {
    let ports = json!([{"port": 80}]);
    for (extra, want) in [
        (
            json!({"type": "Nonsense"}),
            "spec.type: Unsupported value: \"Nonsense\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ),
        (json!({"sessionAffinity": "X"}), "spec.sessionAffinity: Unsupported value: \"X\": supported values: \"ClientIP\", \"None\""),
        (
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}}),
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400",
        ),
        (json!({"internalTrafficPolicy": "X"}), "spec.internalTrafficPolicy: Unsupported value: \"X\": supported values: \"Cluster\", \"Local\""),
        (
            json!({"externalTrafficPolicy": "Local"}),
            "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services",
        ),
        (
            json!({"externalIPs": ["127.0.0.1"]}),
            "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            json!({"trafficDistribution": "X"}),
            "spec.trafficDistribution: Unsupported value: \"X\": supported values: \"PreferClose\", \"PreferSameZone\", \"PreferSameNode\"",
        ),
        (json!({"loadBalancerClass": "a.test/b"}), "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"),
        (
            json!({"loadBalancerSourceRanges": ["10.0.0.0/8"]}),
            "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerSourceRanges": [" 10.0.0.1/8"]}),
            "spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.1/8\": must not have bits set beyond the prefix length",
        ),
        (json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}), "spec.healthCheckNodePort: Required value"),
        (
            json!({"healthCheckNodePort": 30001}),
            "spec.healthCheckNodePort: Invalid value: 30001: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
        (
            json!({"clusterIP": "None", "type": "NodePort"}),
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
        ),
        (
            json!({"clusterIP": "nonsense"}),
            "spec.clusterIPs[0]: Invalid value: \"nonsense\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
        (json!({"ipFamilies": ["IPv4", "IPv4"]}), "spec.ipFamilies[1]: Duplicate value: \"IPv4\""),
        (
            json!({"ipFamilyPolicy": "X"}),
            "spec.ipFamilyPolicy: Unsupported value: \"X\": supported values: \"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"",
        ),
        (json!({"ipFamilies": ["IPv6"]}), "spec.clusterIPs[0]: Invalid value: \"10.96.0.5\": expected an IPv6 value as indicated by `ipFamilies[0]`"),
    ] {
        let mut spec = extra;
        spec["ports"] = ports.clone();
        assert_eq!(refused(spec), [want]);
    }
}

#[test]
fn external_names_have_a_name_and_no_address() {
    assert_eq!(refused(json!({"type": "ExternalName"})), ["spec.externalName: Required value"]);
    assert!(
        refused(json!({"type": "ExternalName", "externalName": "not a name"}))[0]
            .starts_with("spec.externalName: Invalid value: \"not a name\": a lowercase RFC 1123 subdomain")
    );
    assert_eq!(
        refused(json!({"type": "ExternalName", "externalName": "a.test.", "clusterIP": "None"})),
        ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"]
    );
    assert!(refused(json!({"clusterIP": "None"})).is_empty(), "headless without ports");
}

#[test]
fn addresses_and_families_hold_still() {
    let old =
        with(&with(&service(json!({"ports": [{"port": 80}]})), "/spec/ipFamilies", json!(["IPv4"])), "/spec/ipFamilyPolicy", json!("SingleStack"));
    let update = |new: &Value| messages(&Service.validate_update(new, &old, &Settings::default()));
    assert!(update(&old).is_empty());
    for (ip, want) in [
        ("192.0.2.9", r#"spec.clusterIPs[0]: Invalid value: ["192.0.2.9"]: may not change once set"#),
        ("None", r#"spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set"#),
    ] {
        assert_eq!(update(&with(&with(&old, "/spec/clusterIP", json!(ip)), "/spec/clusterIPs", json!([ip]))), [want]);
    }
    let dual = with(
        &with(&with(&old, "/spec/clusterIPs", json!(["10.96.0.5", "fd00::5"])), "/spec/ipFamilies", json!(["IPv4", "IPv6"])),
        "/spec/ipFamilyPolicy",
        json!("RequireDualStack"),
    );
    let shrunk = with(&with(&dual, "/spec/clusterIPs", json!(["10.96.0.5"])), "/spec/ipFamilies", json!(["IPv4"]));
    assert_eq!(
        messages(&Service.validate_update(&shrunk, &dual, &Settings::default())),
        [
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP",
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be set to 'SingleStack' when releasing the secondary ipFamily"
        ]
    );
}

#[test]
fn the_class_of_a_load_balancer_and_its_health_port_hold_still() {
    let balancer = |class: &str, port: u16| {
        service(
            json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}], "loadBalancerClass": class, "healthCheckNodePort": port}),
        )
    };
    assert_eq!(
        messages(&Service.validate_update(&balancer("b.test/b", 2), &balancer("a.test/a", 1), &Settings::default())),
        ["spec.loadBalancerClass: Invalid value: \"b.test/b\": may not change once set", "spec.healthCheckNodePort: Forbidden: field is immutable"]
    );
}

#[test]
fn a_change_of_type_drops_what_the_old_one_needed() {
    let old = service(json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30100}]}));
    let mut new = with(&old, "/spec/type", json!("ClusterIP"));
    Service.prepare_update(&mut new, &old);
    assert!(new["spec"]["ports"][0].get("nodePort").is_none() && new["spec"].get("externalTrafficPolicy").is_none());
    let mut new = with(&with(&old, "/spec/type", json!("ClusterIP")), "/spec/ports/0/nodePort", json!(30101));
    Service.prepare_update(&mut new, &old);
    assert_eq!(new["spec"]["ports"][0]["nodePort"], 30101, "what the client changed is left to be refused");
    let mut new = with(&old, "/spec/type", json!("ExternalName"));
    Service.prepare_update(&mut new, &old);
    assert!(new["spec"].get("clusterIP").is_none() && new["spec"].get("clusterIPs").is_none());
}

#[test]
fn the_status_belongs_to_load_balancers() {
    let status = |kind: &str, point: Value| json!({"spec": {"type": kind}, "status": {"loadBalancer": {"ingress": [point]}}});
    let none = json!({});
    assert_eq!(
        messages(&Service.validate_status(&status("ClusterIP", json!({"ip": "10.0.0.1", "ipMode": "VIP"})), &none)),
        ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"]
    );
    for (point, want) in [
        (json!({"ip": "10.0.0.1"}), "status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set"),
        (
            json!({"hostname": "a.test", "ipMode": "VIP"}),
            "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set",
        ),
        (
            json!({"ip": "10.0.0.1", "ipMode": "X"}),
            "status.loadBalancer.ingress[0].ipMode: Unsupported value: \"X\": supported values: \"Proxy\", \"VIP\"",
        ),
    ] {
        assert_eq!(messages(&Service.validate_status(&status("LoadBalancer", point), &none)), [want]);
    }
}

#[test]
fn warnings_name_what_is_ignored_or_old() {
    let of = |spec: Value| Service.warnings(&service(spec), None);
    assert_eq!(
        of(json!({"trafficDistribution": "PreferClose"})),
        ["spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""]
    );
    assert_eq!(of(json!({"externalName": "a.test"})), ["spec.externalName is ignored when spec.type is not \"ExternalName\""]);
    assert_eq!(of(json!({"externalIPs": ["10.0.0.1"]})), ["spec.externalIPs is deprecated and may no longer be implemented in some clusters"]);
    assert_eq!(of(json!({"clusterIP": "None", "sessionAffinity": "ClientIP"})), ["spec.SessionAffinity is ignored for headless services"]);
}

#[test]
fn rows_read_as_upstream_prints_them() {
    let row =
        |object: &Value| Service.row(object, Timestamp::UNIX_EPOCH)[1..].iter().map(|v| v.as_str().unwrap_or("").to_owned()).collect::<Vec<_>>();
    let object = service(json!({"ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "nodePort": 30053}], "selector": {"b": "2", "a": "1"}}));
    assert_eq!(row(&object), ["ClusterIP", "10.96.0.5", "<none>", "80/TCP,53:30053/UDP", "<unknown>", "a=1,b=2"]);
    assert_eq!(
        row(&service(json!({"type": "ExternalName", "externalName": "x.test"}))),
        ["ExternalName", "<none>", "x.test", "<none>", "<unknown>", "<none>"]
    );
    let mut balancer = service(json!({"type": "LoadBalancer", "externalIPs": ["10.1.1.1"]}));
    assert_eq!(row(&balancer)[2], "10.1.1.1");
    balancer["status"]["loadBalancer"]["ingress"] = json!([{"ip": "10.0.0.2", "ipMode": "VIP"}]);
    assert_eq!(row(&balancer)[2], "10.0.0.2,10.1.1.1");
    assert_eq!(row(&service(json!({"type": "LoadBalancer"})))[2], "<pending>");
}
