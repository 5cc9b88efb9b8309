use serde_json::json;

use super::*;
use crate::table::{Gvk, table};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// One object and the writes to it.
struct Subject {
    message: &'static Message,
    api_version: String,
    live: Option<Value>,
    clock: i64,
}

impl Subject {
    fn new(api_version: &str, kind: &str) -> Subject {
        Subject { message: table(Gvk::new(api_version, kind)).unwrap(), api_version: api_version.to_owned(), live: None, clock: 0 }
    }

    fn service() -> Subject {
        Subject::new("v1", "Service")
    }

    fn config_map() -> Subject {
        Subject::new("v1", "ConfigMap")
    }

    fn writer<'a>(&'a self, manager: &'a str, subresource: &'a str) -> Writer<'a> {
        Writer { manager, subresource, api_version: &self.api_version, now: at(self.clock) }
    }

    fn full(&self, mut object: Value) -> Value {
        object["apiVersion"] = self.api_version.as_str().into();
        object["kind"] = self.message.gvk.unwrap().2.into();
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = "x".into();
        object
    }

    fn keep(&mut self, mut object: Value) {
        prune(self.message, &mut object).unwrap();
        object["metadata"]["uid"] = "u".into();
        self.live = Some(object);
    }

    fn try_apply(&mut self, manager: &str, config: Value, force: bool) -> Result<(), ApplyError> {
        self.clock += 1;
        let config = self.full(config);
        let object = apply(self.message, self.live.as_ref(), &config, &self.writer(manager, ""), force)?;
        self.keep(object);
        Ok(())
    }

    fn apply(&mut self, manager: &str, config: Value) {
        self.try_apply(manager, config, false).unwrap();
    }

    /// A write that replaces the object by `change` merged into it.
    fn update_through(&mut self, manager: &str, subresource: &str, change: Value) {
        self.clock += 1;
        let change = if self.live.is_none() { self.full(change) } else { change };
        let mut new = crate::merge_patch(self.live.as_ref().unwrap_or(&nothing(self.message)), &change);
        prune(self.message, &mut new).unwrap();
        update(self.message, self.live.as_ref(), &mut new, &self.writer(manager, subresource));
        self.keep(new);
    }

    fn update(&mut self, manager: &str, change: Value) {
        self.update_through(manager, "", change);
    }

    fn live(&self) -> &Value {
        self.live.as_ref().unwrap()
    }

    fn entries(&self) -> Vec<&Value> {
        self.live()["metadata"]["managedFields"].as_array().map(|e| e.iter().collect()).unwrap_or_default()
    }

    /// `manager/operation`, in order.
    fn owners(&self) -> Vec<String> {
        self.entries().iter().map(|e| format!("{}/{}", e["manager"].as_str().unwrap(), e["operation"].as_str().unwrap())).collect()
    }

    fn fields(&self, manager: &str, operation: &str) -> String {
        let entry = self.entries().into_iter().find(|e| e["manager"] == manager && e["operation"] == operation);
        entry.map(|e| e["fieldsV1"].to_string()).unwrap_or_default()
    }

    fn time(&self, manager: &str) -> String {
        self.entries().iter().find(|e| e["manager"] == manager).unwrap()["time"].as_str().unwrap().to_owned()
    }
}

#[test]
fn apply_new_object() {
    let mut subject = Subject::service();
    subject.apply("m", json!({"metadata": {"labels": {"a": "b"}}, "spec": {"ports": [{"port": 80}], "selector": {"app": "x"}}}));
    let wanted = r#"{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}},"f:selector":{}}}"#;
    assert_eq!(subject.fields("m", "Apply"), wanted);
    let entry = subject.entries()[0];
    assert_eq!((&entry["apiVersion"], &entry["fieldsType"]), (&json!("v1"), &json!("FieldsV1")));
}

#[test]
fn update_tracks_what_it_sets() {
    let mut subject = Subject::service();
    subject.update("kubectl-create", json!({"metadata": {"labels": {"a": "b"}}, "spec": {"ports": [{"port": 80}], "type": "ClusterIP"}}));
    let wanted = r#"{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:targetPort":{}}},"f:type":{}}}"#;
    assert_eq!(subject.fields("kubectl-create", "Update"), wanted);
}

#[test]
fn update_apply_conflict() {
    let mut subject = Subject::new("apps/v1", "Deployment");
    subject.apply("fieldmanager_test", json!({"spec": {"replicas": 3}}));
    subject.update("fieldmanager_conflict", json!({"spec": {"replicas": 101}}));
    let refused = subject.try_apply("fieldmanager_test", json!({"spec": {"replicas": 4}}), false).unwrap_err();
    assert_eq!(refused.to_string(), r#"Apply failed with 1 conflict: conflict with "fieldmanager_conflict" using apps/v1: .spec.replicas"#);
    let ApplyError::Conflict(causes) = refused else { panic!("a conflict") };
    assert_eq!(causes, [Conflict { manager: r#""fieldmanager_conflict" using apps/v1"#.into(), path: ".spec.replicas".into() }]);
    subject.try_apply("fieldmanager_test", json!({"spec": {"replicas": 4}}), true).unwrap();
    assert_eq!(subject.live()["spec"]["replicas"], 4);
    assert_eq!(subject.fields("fieldmanager_conflict", "Update"), "");
}

#[test]
fn several_conflicts_are_listed_by_manager() {
    let mut subject = Subject::service();
    subject.apply("a", json!({"spec": {"ports": [{"port": 80, "name": "x"}], "type": "ClusterIP"}}));
    subject.update("b", json!({"metadata": {"labels": {"l": "1"}}}));
    let config = json!({"metadata": {"labels": {"l": "2"}}, "spec": {"ports": [{"port": 80, "name": "y"}], "type": "NodePort"}});
    let refused = subject.try_apply("c", config, false).unwrap_err();
    let wanted = "Apply failed with 3 conflicts: conflicts with \"a\":\n- .spec.type\n- .spec.ports[port=80,protocol=\"TCP\"].name\n\
                  conflicts with \"b\" using v1:\n- .metadata.labels.l";
    assert_eq!(refused.to_string(), wanted);
}

#[test]
fn equal_values_are_shared() {
    let mut subject = Subject::config_map();
    subject.apply("a", json!({"data": {"k": "v"}}));
    subject.apply("b", json!({"data": {"k": "v"}}));
    // An apply that changes nothing has no time, and entries without one come first.
    assert_eq!(subject.owners(), ["b/Apply", "a/Apply"]);
    assert!(subject.try_apply("a", json!({"data": {"k": "w"}}), false).is_err());
    subject.apply("b", json!({}));
    assert_eq!(subject.live()["data"], json!({"k": "v"}));
    subject.apply("a", json!({"data": {"k": "w"}}));
}

#[test]
fn a_field_dropped_by_its_only_applier_is_removed() {
    let mut subject = Subject::config_map();
    subject.apply("a", json!({"data": {"k": "1", "l": "2"}}));
    subject.update("b", json!({"data": {"m": "3"}}));
    subject.apply("a", json!({"data": {"k": "1"}}));
    assert_eq!(subject.live()["data"], json!({"k": "1", "m": "3"}));
    subject.apply("a", json!({}));
    assert_eq!(subject.live()["data"], json!({"m": "3"}));
}

#[test]
fn a_port_dropped_by_its_applier_is_removed_and_the_others_stay() {
    let mut subject = Subject::service();
    subject.apply("a", json!({"spec": {"ports": [{"port": 80}, {"port": 443, "name": "tls"}]}}));
    subject.apply("b", json!({"spec": {"ports": [{"port": 53, "protocol": "UDP"}]}}));
    subject.apply("a", json!({"spec": {"ports": [{"port": 80}]}}));
    let ports: Vec<&Value> = subject.live()["spec"]["ports"].as_array().unwrap().iter().map(|p| &p["port"]).collect();
    assert_eq!(ports, [&json!(80), &json!(53)]);
}

#[test]
fn atomic_maps_belong_to_one() {
    let mut subject = Subject::service();
    subject.apply("a", json!({"spec": {"selector": {"x": "1"}}}));
    let refused = subject.try_apply("b", json!({"spec": {"selector": {"y": "1"}}}), false).unwrap_err();
    assert!(refused.to_string().ends_with(r#"conflict with "a": .spec.selector"#), "{refused}");
    subject.try_apply("b", json!({"spec": {"selector": {"y": "1"}}}), true).unwrap();
    assert_eq!(subject.live()["spec"]["selector"], json!({"y": "1"}));
}

#[test]
fn update_set() {
    let mut subject = Subject::config_map();
    subject.apply("a", json!({"metadata": {"finalizers": ["a/1", "a/2"]}}));
    subject.apply("b", json!({"metadata": {"finalizers": ["b/1", "a/2"]}}));
    assert_eq!(subject.live()["metadata"]["finalizers"], json!(["a/1", "b/1", "a/2"]));
    subject.apply("a", json!({"metadata": {"finalizers": ["a/1"]}}));
    assert_eq!(subject.live()["metadata"]["finalizers"], json!(["a/1", "b/1", "a/2"]));
    assert_eq!(subject.fields("b", "Apply"), r#"{"f:metadata":{"f:finalizers":{"v:\"a/2\"":{},"v:\"b/1\"":{}}}}"#);
}

#[test]
fn duplicates_in_a_configuration_are_an_error() {
    let mut subject = Subject::service();
    let refused = subject.try_apply("a", json!({"spec": {"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}}), false).unwrap_err();
    let wanted = r#"failed to create typed patch object (/x; /v1, Kind=Service): .spec.ports: duplicate entries for key [port=80,protocol="TCP"]"#;
    assert_eq!(refused, ApplyError::Typed(wanted.to_owned()));
}

#[test]
fn duplicates_in_a_stored_list_are_tolerated() {
    let mut subject = Subject::new("v1", "Pod");
    subject.update("a", json!({"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}]}}));
    assert!(subject.fields("a", "Update").contains(r#""k:{\"name\":\"A\"}":{}"#));
    subject.apply("b", json!({"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "3"}]}]}}));
    let names: Vec<&Value> = subject.live()["spec"]["containers"][0]["env"].as_array().unwrap().iter().map(|e| &e["name"]).collect();
    assert_eq!(names, ["A", "A", "B"]);
}

#[test]
fn fields_that_the_kind_does_not_have_are_an_error() {
    let mut subject = Subject::service();
    let refused = subject.try_apply("a", json!({"spec": {"foo": 1}}), false).unwrap_err();
    assert_eq!(refused.to_string(), "failed to create typed patch object (/x; /v1, Kind=Service): .spec.foo: field not declared in schema");
    let refused = subject.try_apply("a", json!({"spec": {"ports": [{"port": "x"}]}}), false).unwrap_err();
    assert!(refused.to_string().contains("expected numeric (int or float), got string"), "{refused}");
}

#[test]
fn version_check() {
    let mut subject = Subject::config_map();
    let config = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}});
    let refused = apply(subject.message, None, &config, &subject.writer("a", ""), false).unwrap_err();
    assert_eq!(refused, ApplyError::BadRequest("invalid object type: /v1, Kind=Secret".to_owned()));
    assert!(matches!(subject.try_apply("a", json!({"metadata": {"managedFields": []}}), false), Err(ApplyError::BadRequest(_))));
}

#[test]
fn apply_strips_what_nobody_owns() {
    let mut subject = Subject::config_map();
    let metadata = json!({"namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "1", "labels": {"a": "b"}});
    subject.apply("a", json!({"metadata": metadata}));
    assert_eq!(subject.fields("a", "Apply"), r#"{"f:metadata":{"f:labels":{"f:a":{}}}}"#);
}

#[test]
fn no_op_changes_keep_times() {
    let mut subject = Subject::config_map();
    subject.apply("a", json!({"data": {"k": "v"}}));
    let before = subject.live().clone();
    subject.apply("a", json!({"data": {"k": "v"}}));
    assert_eq!(subject.live(), &before);
    subject.update("b", json!({"data": {"k": "v"}}));
    assert_eq!(subject.live(), &before);
    subject.apply("a", json!({"data": {"k": "w"}}));
    assert_ne!(subject.time("a"), before["metadata"]["managedFields"][0]["time"].as_str().unwrap());
}

#[test]
fn untracked_objects_get_before_first_apply() {
    let mut subject = Subject::config_map();
    subject.keep(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"k": "v"}}));
    subject.update("nobody", json!({"data": {"l": "1"}}));
    assert_eq!(subject.entries().len(), 0);
    subject.apply("a", json!({"data": {"m": "1"}}));
    assert_eq!(subject.owners(), ["a/Apply", "before-first-apply/Update"]);
    assert_eq!(subject.fields("before-first-apply", "Update"), r#"{"f:data":{".":{},"f:k":{},"f:l":{}}}"#);
}

#[test]
fn reset_managed_fields_by_empty_list_or_empty_item() {
    for reset in [json!([]), json!([{}])] {
        let mut subject = Subject::config_map();
        subject.apply("a", json!({"data": {"k": "v"}}));
        subject.update("b", json!({"metadata": {"managedFields": reset}, "data": {"k": "w"}}));
        assert_eq!(subject.entries().len(), 0, "{reset}");
    }
}

#[test]
fn undecodable_managed_fields_fall_back_to_the_stored_ones() {
    let mut subject = Subject::config_map();
    subject.apply("a", json!({"data": {"k": "v"}}));
    for broken in [json!([{"manager": "x", "operation": "Steal"}]), json!([{"operation": "Apply", "apiVersion": "v1", "fieldsType": "V9"}])] {
        subject.update("b", json!({"metadata": {"managedFields": broken}, "data": {"l": "w"}}));
    }
    assert_eq!(subject.owners(), ["a/Apply", "b/Update"]);
}

#[test]
fn cap_update_managers() {
    let mut subject = Subject::config_map();
    for i in 0..20 {
        subject.update(&format!("m{i:02}"), json!({"data": {format!("k{i:02}"): "v"}}));
    }
    let owners = subject.owners();
    assert_eq!(owners.len(), 10);
    assert_eq!(owners[0], "ancient-changes/Update");
    assert_eq!(owners[9], "m19/Update");
    assert!(subject.fields("ancient-changes", "Update").contains(r#""f:k00":{},"f:k01":{}"#));
}

#[test]
fn update_via_subresources() {
    let mut subject = Subject::service();
    subject.update("a", json!({"spec": {"ports": [{"port": 80}]}}));
    subject.update_through("b", "status", json!({"spec": {"type": "NodePort"}, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}));
    assert_eq!(subject.fields("b", "Update"), r#"{"f:status":{"f:loadBalancer":{"f:ingress":{}}}}"#);
    assert_eq!(subject.entries().iter().find(|e| e["manager"] == "b").unwrap()["subresource"], "status");
    subject.update("c", json!({"status": {"loadBalancer": null}}));
    assert_eq!(subject.fields("c", "Update"), "");
}

#[test]
fn kubectl_takes_over_what_client_side_apply_set() {
    let mut subject = Subject::new("apps/v1", "Deployment");
    let last = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replicas": 1}});
    let annotations = json!({LAST_APPLIED: last.to_string()});
    subject.update("kubectl-client-side-apply", json!({"metadata": {"annotations": annotations}, "spec": {"replicas": 1}}));
    assert!(subject.try_apply("other", json!({"spec": {"replicas": 2}}), false).is_err());
    subject.apply("kubectl", json!({"spec": {"replicas": 2}}));
    assert_eq!(subject.live()["spec"]["replicas"], 2);
    let kept = subject.live()["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap();
    assert_eq!(kept, "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"replicas\":2}}\n");
    // Somebody changed the field since: then it is a conflict again.
    subject.update("scaler", json!({"spec": {"replicas": 5}}));
    assert!(subject.try_apply("kubectl", json!({"spec": {"replicas": 3}}), false).is_err());
}

#[test]
fn obsolete_versions_are_forgotten() {
    let mut subject = Subject::config_map();
    subject.apply("a", json!({"data": {"k": "v"}}));
    let mut live = subject.live().clone();
    let stale = json!({"manager": "old", "operation": "Update", "apiVersion": "v0", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:k": {}}}});
    live["metadata"]["managedFields"].as_array_mut().unwrap().push(stale);
    subject.live = Some(live);
    subject.apply("a", json!({"data": {"k": "w"}}));
    assert_eq!(subject.owners(), ["a/Apply"]);
}

#[test]
fn granular_to_atomic() {
    let mut subject = Subject::service();
    subject.update("a", json!({"spec": {"selector": {"x": "1"}}}));
    let mut live = subject.live().clone();
    live["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:spec": {"f:selector": {".": {}, "f:x": {}}}});
    subject.live = Some(live);
    subject.update("b", json!({"metadata": {"labels": {"l": "1"}}}));
    assert_eq!(subject.fields("a", "Update"), r#"{"f:spec":{"f:selector":{}}}"#);
}

#[test]
fn custom_kinds_are_merged_by_their_tables() {
    let mut subject = Subject::new("gateway.networking.k8s.io/v1", "Gateway");
    let listener = |name: &str, port: i64| json!({"name": name, "port": port, "protocol": "HTTP"});
    subject.apply("a", json!({"spec": {"gatewayClassName": "c", "listeners": [listener("x", 80)]}}));
    subject.apply("b", json!({"spec": {"listeners": [listener("y", 81)]}}));
    assert_eq!(subject.live()["spec"]["listeners"], json!([listener("x", 80), listener("y", 81)]));
    subject.apply("a", json!({"spec": {"gatewayClassName": "c"}}));
    assert_eq!(subject.live()["spec"]["listeners"], json!([listener("y", 81)]));
}

#[test]
fn scale_handler() {
    let mut subject = Subject::new("apps/v1", "Deployment");
    subject.apply("a", json!({"spec": {"replicas": 3, "paused": true}}));
    let scale_message = table(Gvk::new("autoscaling/v1", "Scale")).unwrap();
    let held = to_scale(subject.live(), "apps/v1");
    assert_eq!(held[0]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!((&held[0]["apiVersion"], &held[0]["manager"]), (&json!("autoscaling/v1"), &json!("a")));
    let old = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "x", "uid": "u", "managedFields": held}, "spec": {"replicas": 3}});
    let mut new = old.clone();
    new["spec"]["replicas"] = 5.into();
    let writer = Writer { manager: "scaler", subresource: "scale", api_version: "autoscaling/v1", now: at(9) };
    update(scale_message, Some(&old), &mut new, &writer);
    let entries = from_scale(subject.live(), &new, "apps/v1");
    let shown: Vec<String> = entries.as_array().unwrap().iter().map(|e| format!("{} {} {}", e["manager"], e["apiVersion"], e["fieldsV1"])).collect();
    let wanted = [r#""a" "apps/v1" {"f:spec":{"f:paused":{}}}"#, r#""scaler" "apps/v1" {"f:spec":{"f:replicas":{}}}"#];
    assert_eq!(shown, wanted);
}

#[test]
fn sets_read_and_print_the_same() {
    for fields in
        [r#"{"f:a":{},"f:b":{".":{},"f:c":{}},"f:d":{"k:{\"name\":\"x\",\"port\":1}":{".":{},"f:e":{}},"v:\"s\"":{},"v:1":{},"i:0":{}}}"#, "{}"]
    {
        let set = Set::from_fields(&serde_json::from_str(fields).unwrap()).unwrap();
        let printed = set.to_fields().to_string();
        assert_eq!(Set::from_fields(&serde_json::from_str(&printed).unwrap()), Some(set));
    }
    let unsorted: Value = serde_json::from_str(r#"{"v:2":{},"f:b":{},"k:{\"b\":1,\"a\":2}":{},"f:a":{}}"#).unwrap();
    assert_eq!(Set::from_fields(&unsorted).unwrap().to_fields().to_string(), r#"{"f:a":{},"f:b":{},"k:{\"a\":2,\"b\":1}":{},"v:2":{}}"#);
    for broken in [r#"{"a":{}}"#, r#"{"f:a":1}"#, r#"{"k:x":{}}"#, r#"{"i:x":{}}"#, "[]"] {
        assert_eq!(Set::from_fields(&serde_json::from_str(broken).unwrap()), None, "{broken}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = Set> {
        let element = prop_oneof![
            "[a-c]".prop_map(|n| Element::field(&n)),
            (0..3i64).prop_map(Element::Index),
            (0..3i64).prop_map(|n| Element::Value(n.into())),
            "[a-b]".prop_map(|n| Element::Key(vec![("name".into(), n.into())])),
        ];
        prop::collection::vec(prop::collection::vec(element, 1..4), 0..12).prop_map(|paths| {
            let mut set = Set::default();
            paths.iter().for_each(|p| set.insert(p));
            set
        })
    }

    fn objects() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), (0..2i64).prop_map(Value::from), "[ab]".prop_map(Value::from)];
        let names = vec!["metadata", "labels", "finalizers", "spec", "ports", "port", "protocol", "name", "selector", "status", "a"];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((prop::sample::select(names.clone()), inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn set_algebra_holds(a in sets(), b in sets()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.intersection(&b), b.intersection(&a));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert!(a.difference(&a).is_empty());
            for path in a.difference(&b).paths() {
                prop_assert!(a.has(&path) && !b.has(&path));
            }
            prop_assert_eq!(Set::from_fields(&a.to_fields()), Some(a));
        }

        #[test]
        fn no_fields_make_it_panic(value in objects(), text in "[fkvi.:{}\"a-c0-9]{0,12}") {
            let _ = Set::from_fields(&value);
            let _ = Set::from_fields(&json!({text: {}}));
        }

        #[test]
        fn no_object_makes_apply_or_update_panic(live in objects(), config in objects(), new in objects()) {
            let subject = Subject::service();
            let mut live = subject.full(if live.is_object() { live } else { json!({}) });
            let config = subject.full(if config.is_object() { config } else { json!({}) });
            let mut new = subject.full(if new.is_object() { new } else { json!({}) });
            let writer = subject.writer("m", "");
            let _ = apply(subject.message, Some(&live), &config, &writer, true);
            update(subject.message, Some(&live), &mut new, &writer);
            if prune(subject.message, &mut live).is_ok()
                && let Ok(mut once) = apply(subject.message, Some(&live), &config, &writer, true)
                && prune(subject.message, &mut once).is_ok()
                && let Ok(mut twice) = apply(subject.message, Some(&once), &config, &writer, true)
                && prune(subject.message, &mut twice).is_ok()
            {
                prop_assert_eq!(once, twice);
            }
        }
    }
}
