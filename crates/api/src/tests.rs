use crate::*;

#[test]
fn null_lists_and_absent_fields_are_defaults() {
    let slice: EndpointSlice = serde_json::from_str(
        r#"{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4","endpoints":null,"ports":null,
            "metadata":{"name":"a","creationTimestamp":null,"labels":{"kubernetes.io/service-name":"web"},"managedFields":[{"x":1}]}}"#,
    )
    .expect("decodes");
    assert_eq!(slice.service_name().map(|name| &**name), Some("web"));
    assert!(slice.endpoints.is_empty() && slice.metadata.creation_s == 0);
}

#[test]
fn absent_conditions_are_ready_serving_and_not_terminating() {
    let conditions = |json| -> slice::Conditions { serde_json::from_str(json).expect("decodes") };
    let all = |one: slice::Conditions| (one.is_ready(), one.is_serving(), one.is_terminating());
    assert_eq!(all(conditions("{}")), (true, true, false));
    assert_eq!(all(conditions(r#"{"ready":false}"#)), (false, false, false));
    assert_eq!(all(conditions(r#"{"ready":false,"serving":true,"terminating":true}"#)), (false, true, true));
}

#[test]
fn a_target_port_is_a_number_or_a_name() {
    let service: Service = serde_json::from_str(
        r#"{"metadata":{"name":"web","namespace":"n","creationTimestamp":"1970-01-01T00:01:00Z"},
            "spec":{"type":"NodePort","clusterIP":"10.0.0.1","ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":8081,"nodePort":30000}]}}"#,
    )
    .expect("decodes");
    assert_eq!(service.metadata.creation_s, 60);
    assert_eq!(service.spec.ports[0].target_port, Some(IntOrString::Name("http".into())));
    assert_eq!(service.spec.ports[1].target_port, Some(IntOrString::Int(8081)));
}

#[test]
fn instance_metadata_stays_byte_for_byte() {
    let text = r#"{"metadata":{"name":"i"},"spec":{"addresses":["10.0.0.1"],"weight":250,"maintenance":"disk","metadata":{"b" : 1,"a":[ ]},
        "checks":[{"type":"http","http":{"path":"/up","expect":"2xx-3xx"}}]}}"#;
    let instance: Instance = serde_json::from_str(text).expect("decodes");
    assert_eq!(instance.spec.metadata.as_deref(), Some(r#"{"b" : 1,"a":[ ]}"#));
    assert_eq!((instance.spec.weight(), instance.spec.maintenance().map(|why| &**why)), (250, Some("disk")));
    assert_eq!(instance.spec.checks[0].http.as_ref().map(|http| http.expect.len()), Some(1));
    let value: serde_json::Value = serde_json::from_str(text).expect("parses");
    assert!(serde_json::from_value::<Instance>(value).is_ok(), "an object that was decoded before decodes again");
}
