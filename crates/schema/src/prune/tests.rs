use serde_json::json;

use super::*;
use crate::error::strict_text;
use crate::table::{Gvk, table};

fn message(api_version: &str, kind: &str) -> &'static Message {
    table(Gvk::new(api_version, kind)).unwrap()
}

fn pruned(api_version: &str, kind: &str, mut value: Value) -> (Value, Vec<Problem>) {
    let problems = prune(message(api_version, kind), &mut value).unwrap();
    (value, problems)
}

#[test]
fn unknown_fields_are_dropped_and_named() {
    let given = json!({"spec": {"foo": 1, "ports": [{"port": 1, "bar": {}}]}, "metadata": {"baz": "x"}});
    let (value, problems) = pruned("v1", "Service", given);
    assert_eq!(value, json!({"metadata": {}, "spec": {"ports": [{"port": 1, "targetPort": 0}]}, "status": {"loadBalancer": {}}}));
    let wanted = r#"strict decoding error: unknown field "spec.foo", unknown field "spec.ports[0].bar", unknown field "metadata.baz""#;
    assert_eq!(strict_text(&problems).as_deref(), Some(wanted));
}

#[test]
fn unknown_fields_are_told_in_the_order_of_the_body() {
    let json = r#"{"zzz": 1, "metadata": {"foo": 1}, "aaa": 2, "spec": {"ports": [{"x": 1}], "abc": 2}}"#;
    let yaml = "zzz: 1\nmetadata: {foo: 1}\naaa: 2\nspec: {ports: [{x: 1}], abc: 2}\n";
    let told = |(value, _): (Value, Vec<Problem>)| {
        pruned("v1", "Service", value).1.iter().map(|p| p.to_string().replace("unknown field ", "")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(crate::from_json(json.as_bytes()).unwrap()), r#""zzz" "metadata.foo" "aaa" "spec.ports[0].x" "spec.abc""#);
    // YAML becomes JSON with sorted keys first.
    assert_eq!(told(crate::from_yaml(yaml.as_bytes()).unwrap()), r#""aaa" "metadata.foo" "spec.abc" "spec.ports[0].x" "zzz""#);
}

#[test]
fn types_of_fields_are_named_as_go_does() {
    let said = |kind: &str, mut value: Value| prune(message("v1", kind), &mut value).unwrap_err().to_string();
    let families = said("Service", json!({"spec": {"ipFamilies": [1]}}));
    assert_eq!(families, "json: cannot unmarshal number into Go struct field ServiceSpec.spec.ipFamilies of type v1.IPFamily");
    assert!(said("Service", json!({"spec": {"ipFamilies": "x"}})).ends_with("of type []v1.IPFamily"));
    assert!(said("Service", json!({"metadata": {"uid": true}})).ends_with("ObjectMeta.metadata.uid of type types.UID"));
    assert!(said("Service", json!({"metadata": {"name": true}})).ends_with("ObjectMeta.metadata.name of type string"));
}

#[test]
fn keys_take_the_order_of_the_structs() {
    let given = json!({"status": {}, "spec": {"type": "ClusterIP", "ports": []}, "metadata": {"labels": {"b": "", "a": ""}, "name": "x"}, "apiVersion": "v1", "kind": "Service"});
    let (value, _) = pruned("v1", "Service", given);
    let wanted = r#"{"kind":"Service","apiVersion":"v1","metadata":{"name":"x","labels":{"a":"","b":""}},"spec":{"type":"ClusterIP"},"status":{"loadBalancer":{}}}"#;
    assert_eq!(serde_json::to_string(&value).unwrap(), wanted);
}

#[test]
fn empty_values_stay_only_where_go_can_tell_them_from_absent_ones() {
    let given = json!({"spec": {"replicas": 0, "paused": false, "template": {"spec": {"containers": [{"name": "c", "image": "", "env": [], "securityContext": {}}]}}}});
    let (value, _) = pruned("apps/v1", "Deployment", given);
    assert_eq!(value["spec"]["replicas"], json!(0));
    assert_eq!(value["spec"].get("paused"), None);
    assert_eq!(value["spec"]["strategy"], json!({}));
    assert_eq!(value["spec"]["selector"], json!(null));
    assert_eq!(value["spec"]["template"]["spec"]["containers"], json!([{"name": "c", "resources": {}, "securityContext": {}}]));
}

#[test]
fn nulls_count_as_absent() {
    let (value, problems) = pruned("v1", "ConfigMap", json!({"metadata": {"creationTimestamp": null, "labels": null}, "data": {"a": null}}));
    assert_eq!((value, problems), (json!({"metadata": {}, "data": {"a": ""}}), vec![]));
}

#[test]
fn quantities_become_canonical() {
    let (value, _) = pruned("v1", "Node", json!({"status": {"capacity": {"memory": "1024Mi", "cpu": 2, "pods": "0.5"}}}));
    assert_eq!(value["status"]["capacity"], json!({"cpu": "2", "memory": "1Gi", "pods": "500m"}));
}

#[test]
fn a_wrong_type_is_named_as_go_names_it() {
    for (kind, given, wanted) in [
        (
            "Service",
            json!({"spec": {"ports": [{"port": "x"}]}}),
            "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            "Service",
            json!({"spec": {"ports": {}}}),
            "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
        ),
        (
            "Service",
            json!({"spec": {"ports": [{"port": 80.5}]}}),
            "json: cannot unmarshal number 80.5 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        ("ConfigMap", json!({"data": {"a": 1}}), "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        (
            "ConfigMap",
            json!({"metadata": {"labels": "x"}}),
            "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        ("ConfigMap", json!([]), "json: cannot unmarshal array into Go value of type v1.ConfigMap"),
        ("Secret", json!({"data": {"a": "%"}}), "illegal base64 data at input byte 0"),
        (
            "ConfigMap",
            json!({"metadata": {"name": true}}),
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string",
        ),
    ] {
        let mut value = given;
        assert_eq!(prune(message("v1", kind), &mut value), Err(Error::Type(wanted.to_owned())));
    }
}

#[test]
fn problems_are_bounded() {
    let many: Map<String, Value> = (0..1000).map(|i| (format!("k{i}"), Value::Null)).collect();
    assert_eq!(pruned("v1", "ConfigMap", Value::Object(many)).1.len(), MOST_PROBLEMS);
}
