use serde_json::json;

use super::super::testing::{texts, with};
use super::*;

fn slice() -> Value {
    json!({"metadata": {"name": "x"}, "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": [{"addresses": ["10.0.0.1"]}]})
}

fn refused(object: &Value) -> Vec<String> {
    texts(&EndpointSlice.validate_create(object, &Settings::default()))
}

#[test]
fn each_rule_has_its_words() {
    let ip = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    for (pointer, value, want) in [
        ("/endpoints/0/addresses", json!(["nope"]), format!("endpoints[0].addresses[0]: Invalid value: \"nope\": {ip}")),
        ("/addressType", json!("IPv9"), "addressType: Unsupported value: \"IPv9\": supported values: \"FQDN\", \"IPv4\", \"IPv6\"".into()),
        ("/addressType", json!(null), "addressType: Required value".into()),
        ("/endpoints/0/addresses", json!([]), "endpoints[0].addresses: Required value: must contain at least 1 address".into()),
        ("/endpoints/0/addresses", json!(["2001:db8::1"]), "endpoints[0].addresses: Invalid value: \"2001:db8::1\": must be an IPv4 address".into()),
        ("/ports/-", json!({"name": "http", "protocol": "TCP"}), "ports[1].name: Duplicate value: \"http\"".into()),
        ("/ports/0/protocol", json!("ICMP"), "ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"".into()),
        ("/endpoints", json!(vec![json!({"addresses": ["10.0.0.1"]}); 1001]), "endpoints: Too many: 1001: must have at most 1000 items".into()),
        ("/endpoints/0/addresses", json!(vec!["10.0.0.1"; 101]), "endpoints[0].addresses: Too many: 101: must have at most 100 items".into()),
        (
            "/endpoints/0/addresses",
            json!(["169.254.1.1"]),
            "endpoints[0].addresses[0]: Invalid value: \"169.254.1.1\": may not be in the link-local range (169.254.0.0/16, fe80::/10)".into(),
        ),
        (
            "/endpoints/0/addresses",
            json!(["0.0.0.0"]),
            "endpoints[0].addresses[0]: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)".into(),
        ),
        (
            "/endpoints/0/hints",
            json!({"forZones": [{"name": "a"}, {"name": "a"}]}),
            "endpoints[0].hints.forZones[1].name: Duplicate value: \"a\"".into(),
        ),
        (
            "/endpoints/0/hints",
            json!({"forNodes": vec![json!({"name": "a"}); 9]}),
            "endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items".into(),
        ),
    ] {
        assert_eq!(refused(&with(&slice(), pointer, value)), [want]);
    }
    assert!(refused(&slice()).is_empty());
    let fqdn = with(&with(&slice(), "/addressType", json!("FQDN")), "/endpoints/0/addresses", json!(["plain"]));
    assert_eq!(
        refused(&fqdn),
        ["endpoints[0].addresses[0]: Invalid value: \"plain\": should be a domain with at least two segments separated by dots"]
    );
}

#[test]
fn loopback_is_accepted_on_the_node_that_the_server_is() {
    let object = with(&slice(), "/endpoints/0/addresses", json!(["127.0.0.1"]));
    assert_eq!(
        refused(&object),
        ["endpoints[0].addresses[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)"]
    );
    let settings = Settings { loopback_node: Some("me".to_owned()) };
    assert!(EndpointSlice.validate_create(&object, &settings).is_empty());
    for (node, errors) in [("me", 0), ("other", 1)] {
        assert_eq!(EndpointSlice.validate_create(&with(&object, "/endpoints/0/nodeName", json!(node)), &settings).len(), errors, "{node}");
    }
}

#[test]
fn the_address_type_never_changes_and_old_endpoints_are_tolerated() {
    let old = with(&slice(), "/endpoints/0/addresses", json!(["010.0.0.1"]));
    let new = with(&old, "/addressType", json!("IPv6"));
    assert_eq!(texts(&EndpointSlice.validate_update(&new, &old, &Settings::default())), ["addressType: Invalid value: \"IPv6\": field is immutable"]);
    let new = with(&old, "/endpoints/-", json!({"addresses": ["10.0.0.2"]}));
    assert_eq!(
        texts(&EndpointSlice.validate_update(&new, &old, &Settings::default())),
        ["endpoints[0].addresses[0]: Invalid value: \"010.0.0.1\": must not have leading 0s"]
    );
}

#[test]
fn defaults_rows_and_generation_are_upstreams() {
    let mut object = json!({"metadata": {"name": "x"}, "addressType": "IPv4", "ports": [{"port": 8080}, {"name": "any"}]});
    EndpointSlice.defaults(&mut object);
    assert_eq!(object["ports"], json!([{"port": 8080, "name": "", "protocol": "TCP"}, {"name": "any", "protocol": "TCP"}]));
    let row = EndpointSlice.row(&object, Timestamp::UNIX_EPOCH);
    assert_eq!(row[1..4], [json!("IPv4"), json!("8080,any"), json!("<unset>")]);
    let object =
        with(&slice(), "/endpoints", json!([{"addresses": ["10.0.0.1", "10.0.0.2"]}, {"addresses": ["10.0.0.3"]}, {"addresses": ["10.0.0.4"]}]));
    assert_eq!(EndpointSlice.row(&object, Timestamp::UNIX_EPOCH)[3], "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...");
    assert!(EndpointSlice.counts_generation(&object, &slice()));
    assert!(EndpointSlice.counts_generation(&with(&slice(), "/metadata/labels", json!({"a": "b"})), &slice()));
    assert!(!EndpointSlice.counts_generation(&with(&slice(), "/metadata/annotations", json!({"a": "b"})), &slice()));
}

#[test]
fn topology_cannot_be_written() {
    let mut object = with(&slice(), "/endpoints/0/deprecatedTopology", json!({"kubernetes.io/hostname": "n"}));
    EndpointSlice.prepare_create(&mut object);
    assert_eq!(object, slice());
}
