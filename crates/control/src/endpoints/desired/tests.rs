use super::*;

fn service(spec: &str) -> Service {
    let json = format!(r#"{{"metadata":{{"name":"web","namespace":"a"}},"spec":{spec}}}"#);
    serde_json::from_str(&json).unwrap()
}

fn pod(json: &str) -> Member {
    Member::Pod(Arc::new(serde_json::from_str(json).unwrap()))
}

const READY: Verdict =
    Verdict { ready: true, serving: true, terminating: false, reason: "Ready", is_soft: false, recheck_ms: None, is_forfeit: false };

fn instance(spec: &str) -> Member {
    let json = format!(r#"{{"metadata":{{"name":"vm","namespace":"a","uid":"u"}},"spec":{spec}}}"#);
    Member::Instance(Arc::new(serde_json::from_str(&json).unwrap()), READY)
}

fn nodes() -> Vec<(String, Arc<Node>)> {
    let node = |name: &str, zone: &str| {
        let json = format!(r#"{{"metadata":{{"name":"{name}","labels":{{"topology.kubernetes.io/zone":"{zone}"}}}}}}"#);
        (name.to_owned(), Arc::new(serde_json::from_str(&json).unwrap()))
    };
    vec![node("n1", "east"), node("n2", "west")]
}

fn groups(service: &Service, members: &[Member]) -> Vec<Group> {
    let nodes = nodes();
    desired(service, members, |name| nodes.iter().find(|(known, _)| known == name).map(|(_, node)| node), |_| &[])
}

/// Address, port, ready/serving/terminating of every endpoint.
fn flat(groups: &[Group]) -> Vec<(String, i32, [bool; 3])> {
    let endpoints = groups.iter().flat_map(|group| group.endpoints.iter().map(move |endpoint| (group, endpoint)));
    let all = endpoints.map(|(group, endpoint)| {
        let c = endpoint.conditions;
        let port = group.ports.first().and_then(|port| port.port).unwrap_or(0);
        (endpoint.addresses[0].to_string(), port, [c.ready.unwrap(), c.serving.unwrap(), c.terminating.unwrap()])
    });
    all.collect()
}

const HTTP: &str = r#"{"ipFamilies":["IPv4"],"ports":[{"name":"http","port":80,"targetPort":"web"}]}"#;

fn ready_pod(more_meta: &str, node: &str, ip: &str, ready: &str) -> Member {
    pod(&format!(
        r#"{{"metadata":{{"name":"p","namespace":"a","uid":"u"{more_meta}}},
            "spec":{{"nodeName":"{node}","containers":[{{"ports":[{{"name":"web","containerPort":8080}}]}}]}},
            "status":{{"phase":"Running","podIP":"{ip}","conditions":[{{"type":"Ready","status":"{ready}"}}]}}}}"#
    ))
}

#[test]
fn conditions_follow_readiness_and_deletion() {
    let deleted = r#","deletionTimestamp":"2024-01-01T00:00:00Z""#;
    let cases = [
        ("", "True", [true, true, false]),
        ("", "False", [false, false, false]),
        (deleted, "True", [false, true, true]),
        (deleted, "False", [false, false, true]),
    ];
    for (meta, ready, expected) in cases {
        let found = groups(&service(HTTP), &[ready_pod(meta, "n1", "10.0.0.1", ready)]);
        assert_eq!(flat(&found), [("10.0.0.1".to_owned(), 8080, expected)]);
    }
    let publishing = service(r#"{"ipFamilies":["IPv4"],"publishNotReadyAddresses":true,"ports":[{"port":80}]}"#);
    assert_eq!(flat(&groups(&publishing, &[ready_pod("", "n1", "10.0.0.1", "False")]))[0].2, [true, false, false]);
}

#[test]
fn pods_that_are_over_without_address_or_of_unknown_nodes_are_left_out() {
    let over = pod(r#"{"metadata":{"name":"p"},"spec":{"nodeName":"n1"},"status":{"phase":"Failed","podIP":"10.0.0.1"}}"#);
    let bare = pod(r#"{"metadata":{"name":"p"},"spec":{"nodeName":"n1"},"status":{"phase":"Pending"}}"#);
    let lost = ready_pod("", "gone", "10.0.0.1", "True");
    let found = groups(&service(HTTP), &[over, bare, lost.clone()]);
    assert_eq!(found, [Group { address_type: "IPv4", ports: vec![], endpoints: vec![] }], "the Service keeps one empty slice");
    let publishing = service(r#"{"ipFamilies":["IPv4"],"publishNotReadyAddresses":true,"ports":[{"port":80}]}"#);
    assert_eq!(flat(&groups(&publishing, &[lost])).len(), 1, "unless addresses are published whatever happens");
}

#[test]
fn zone_node_name_hostname_and_target_are_filled_in() {
    let named = pod(r#"{"metadata":{"name":"p","namespace":"a","uid":"u"},"spec":{"nodeName":"n2","hostname":"h","subdomain":"web"},
            "status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}]}}"#);
    let both = service(r#"{"ipFamilies":["IPv4","IPv6"],"ports":[{"port":80,"targetPort":9}]}"#);
    let found = groups(&both, &[named]);
    assert_eq!(found.iter().map(|group| group.address_type).collect::<Vec<_>>(), ["IPv4", "IPv6"]);
    let endpoint = &found[0].endpoints[0];
    let text = |value: &Option<Arc<str>>| value.as_deref().unwrap_or("").to_owned();
    assert_eq!((text(&endpoint.zone), text(&endpoint.node_name), text(&endpoint.hostname)), ("west".into(), "n2".into(), "h".into()));
    assert_eq!(&*endpoint.target_ref.as_ref().unwrap().kind, "Pod");
    assert_eq!(&*found[1].endpoints[0].addresses[0], "fd00::1");
}

#[test]
fn instances_resolve_ports_by_name_or_must_list_the_number() {
    let by_name = service(HTTP);
    let listed = r#"{"addresses":["192.0.2.1"],"ports":[{"name":"web","port":9001}]}"#;
    assert_eq!(flat(&groups(&by_name, &[instance(listed)])), [("192.0.2.1".to_owned(), 9001, [true, true, false])]);
    let by_number = |number| service(&format!(r#"{{"ipFamilies":["IPv4"],"ports":[{{"port":80,"targetPort":{number}}}]}}"#));
    assert_eq!(flat(&groups(&by_number(9001), &[instance(listed)])).len(), 1);
    assert_eq!(flat(&groups(&by_number(9002), &[instance(listed)])).len(), 0, "a number that is not listed");
    assert_eq!(flat(&groups(&by_number(9002), &[instance(r#"{"addresses":["192.0.2.1"]}"#)])).len(), 1, "no list takes any");
    let found = groups(&by_number(9001), &[instance(listed)]);
    assert_eq!(&*found[0].endpoints[0].target_ref.as_ref().unwrap().kind, "Instance");
}

#[test]
fn endpoints_with_equal_ports_share_a_group_and_others_do_not() {
    let one = |ip: &str, port: u16| instance(&format!(r#"{{"addresses":["{ip}"],"ports":[{{"name":"web","port":{port}}}]}}"#));
    let found = groups(&service(HTTP), &[one("192.0.2.1", 9001), one("192.0.2.2", 9002), one("192.0.2.3", 9001)]);
    assert_eq!(found.iter().map(|group| group.endpoints.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn traffic_distribution_becomes_hints_of_ready_endpoints() {
    let hints = |distribution: &str, annotation: &str, ready: &str| {
        let json = format!(
            r#"{{"metadata":{{"name":"web","annotations":{{"service.kubernetes.io/topology-mode":"{annotation}"}}}},
                "spec":{{"ipFamilies":["IPv4"],"trafficDistribution":"{distribution}","ports":[{{"port":80}}]}}}}"#
        );
        let found = groups(&serde_json::from_str(&json).unwrap(), &[ready_pod("", "n1", "10.0.0.1", ready)]);
        let endpoint = &found[0].endpoints[0];
        let names = |list: &[HintedName]| list.iter().map(|hint| hint.name.to_string()).collect::<Vec<_>>().join(",");
        (names(endpoint.for_zones()), names(endpoint.for_nodes()))
    };
    assert_eq!(hints("PreferClose", "", "True"), ("east".into(), String::new()));
    assert_eq!(hints("PreferSameNode", "", "True"), ("east".into(), "n1".into()));
    assert_eq!(hints("PreferClose", "", "False"), (String::new(), String::new()));
    assert_eq!(hints("PreferClose", "Auto", "True"), (String::new(), String::new()));
    assert_eq!(hints("", "", "True"), (String::new(), String::new()));
}
