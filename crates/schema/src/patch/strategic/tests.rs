use serde_json::json;

use super::*;
use crate::table::{Gvk, table};

fn merged(api_version: &str, kind: &str, current: Value, patch: Value) -> Result<Value, Error> {
    strategic_merge(table(Gvk::new(api_version, kind)).unwrap(), &current, &patch)
}

fn service(current: Value, patch: Value) -> Value {
    merged("v1", "Service", json!({"spec": {"ports": current}}), json!({"spec": patch})).unwrap()["spec"]["ports"].clone()
}

fn containers(current: Value, patch: Value) -> Value {
    merged("v1", "Pod", json!({"spec": {"containers": current}}), json!({"spec": patch})).unwrap()["spec"]["containers"].clone()
}

#[test]
fn service_ports_merge_by_port() {
    let current = json!([{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 443}]);
    let wanted = json!([{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 443}]);
    assert_eq!(service(current, json!({"ports": [{"port": 80, "targetPort": 8080}]})), wanted);
}

#[test]
fn ports_of_equal_number_are_clobbered_as_upstream_does() {
    let current = json!([{"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]);
    let patch = json!({"ports": [{"port": 53, "protocol": "UDP", "name": "u", "targetPort": 5353}]});
    let wanted = json!([{"name": "u", "port": 53, "protocol": "UDP", "targetPort": 5353}, {"name": "u", "port": 53, "protocol": "UDP"}]);
    assert_eq!(service(current, patch), wanted);
}

#[test]
fn new_items_come_first_unless_an_order_says_otherwise() {
    let current = json!([{"name": "a"}, {"name": "b"}]);
    assert_eq!(containers(current.clone(), json!({"containers": [{"name": "c"}]})), json!([{"name": "c"}, {"name": "a"}, {"name": "b"}]));
    let patch = json!({"containers": [{"name": "c"}], "$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}]});
    assert_eq!(containers(current, patch), json!([{"name": "b"}, {"name": "c"}, {"name": "a"}]));
}

#[test]
fn an_order_alone_moves_items_and_keeps_those_of_the_server() {
    let current = json!([{"name": "a"}, {"name": "server"}, {"name": "b"}]);
    let patch = json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]});
    assert_eq!(containers(current, patch), json!([{"name": "server"}, {"name": "b"}, {"name": "a"}]));
}

#[test]
fn an_order_that_contradicts_the_patch_is_refused() {
    let patch = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}], "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}});
    assert!(matches!(merged("v1", "Pod", json!({"spec": {"containers": []}}), patch), Err(Error::PatchFailed(_))));
}

#[test]
fn items_are_deleted_and_lists_replaced_by_directive() {
    let current = json!([{"name": "a", "image": "x"}, {"name": "b"}, {"name": "c"}]);
    let patch = json!({"containers": [{"name": "b", "$patch": "delete"}, {"name": "a", "image": null}]});
    assert_eq!(containers(current.clone(), patch), json!([{"name": "a"}, {"name": "c"}]));
    let patch = json!({"containers": [{"$patch": "replace"}, {"name": "d"}]});
    assert_eq!(containers(current, patch), json!([{"name": "d"}]));
}

#[test]
fn objects_are_replaced_and_emptied_by_directive() {
    let current = json!({"metadata": {"labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}}});
    let patch = json!({"metadata": {"labels": {"$patch": "replace", "c": "3"}, "annotations": {"$patch": "delete"}}});
    assert_eq!(merged("v1", "ConfigMap", current, patch), Ok(json!({"metadata": {"labels": {"c": "3"}, "annotations": {}}})));
}

#[test]
fn plain_lists_merge_with_the_items_of_the_patch_first_and_lose_items_by_directive() {
    let current = json!({"metadata": {"finalizers": ["a/b", "c/d"]}});
    let add = merged("v1", "ConfigMap", current.clone(), json!({"metadata": {"finalizers": ["e/f", "c/d"]}}));
    assert_eq!(add, Ok(json!({"metadata": {"finalizers": ["e/f", "a/b", "c/d"]}})));
    let remove = merged("v1", "ConfigMap", current, json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/b", "zz"]}}));
    assert_eq!(remove, Ok(json!({"metadata": {"finalizers": ["c/d"]}})));
}

#[test]
fn lists_without_a_strategy_are_replaced() {
    let current = json!({"spec": {"externalIPs": ["1.1.1.1"]}});
    assert_eq!(merged("v1", "Service", current, json!({"spec": {"externalIPs": ["2.2.2.2"]}})), Ok(json!({"spec": {"externalIPs": ["2.2.2.2"]}})));
}

#[test]
fn retained_keys_drop_the_others() {
    let current = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}});
    assert_eq!(merged("apps/v1", "Deployment", current.clone(), patch), Ok(json!({"spec": {"strategy": {"type": "Recreate"}}})));
    let patch = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {}, "$retainKeys": ["type"]}}});
    assert!(matches!(merged("apps/v1", "Deployment", current, patch), Err(Error::BadPatch(_))));
}

#[test]
fn a_selector_with_strategy_replace_is_replaced() {
    let current = json!({"spec": {"selector": {"matchLabels": {"a": "1"}}}});
    let patch = json!({"spec": {"selector": {"matchLabels": {"b": "2"}}}});
    assert_eq!(merged("policy/v1", "PodDisruptionBudget", current, patch.clone()), Ok(patch));
}

#[test]
fn nulls_delete_and_vanish() {
    let current = json!({"metadata": {"labels": {"a": "1"}}});
    let patch = json!({"metadata": {"labels": {"a": null, "b": null}, "annotations": {"x": null, "y": "z"}}});
    assert_eq!(merged("v1", "ConfigMap", current, patch), Ok(json!({"metadata": {"labels": {}, "annotations": {"y": "z"}}})));
}

#[test]
fn an_item_without_its_key_is_refused() {
    let patch = json!({"spec": {"ports": [{"name": "x"}]}});
    assert!(matches!(merged("v1", "Service", json!({"spec": {"ports": [{"port": 1}]}}), patch), Err(Error::PatchFailed(_))));
}

#[test]
fn corners_found_by_comparison_with_upstream() {
    // An appended item takes the place of a deleted one in the server's order.
    let patch = json!({
        "containers": [{"name": "e", "$patch": "delete"}, {"name": "d"}, {"name": "b"}],
        "$setElementOrder/containers": [{"name": "e"}, {"name": "d"}, {"name": "b"}],
    });
    let wanted = json!([{"name": "a"}, {"name": "d"}, {"name": "b"}]);
    assert_eq!(containers(json!([{"name": "e"}, {"name": "a"}]), patch), wanted);
    // An empty order names nobody.
    let patch = json!({"containers": [{"name": "c"}], "$setElementOrder/containers": []});
    let wanted = json!([{"name": "d"}, {"name": "e"}, {"name": "c"}]);
    assert_eq!(containers(json!([{"name": "d"}, {"name": "e"}]), patch), wanted);
    // A directive after the last named item counts as an item that the order lacks.
    let patch = json!({"spec": {"containers": [{"name": "a"}, {"$patch": "replace"}], "$setElementOrder/containers": [{"name": "a"}]}});
    assert!(merged("v1", "Pod", json!({"spec": {}}), patch).is_err());
}

proptest::proptest! {
    #[test]
    fn no_patch_makes_it_panic(current in pods(), patch in pods()) {
        let _ = merged("v1", "Pod", current, patch);
    }

    #[test]
    fn an_object_patched_with_itself_stays(current in pods()) {
        let message = table(Gvk::new("v1", "Pod")).unwrap();
        let mut current = current;
        if crate::prune(message, &mut current).is_ok()
            && let Ok(once) = strategic_merge(message, &current, &current)
        {
            let twice = strategic_merge(message, &once, &current);
            proptest::prop_assert_eq!(twice, Ok(once));
        }
    }
}

/// Objects that look a little like Pods and a little like patches of them.
fn pods() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        prop::sample::select(vec!["a", "b", "delete", "replace", "merge"]).prop_map(Value::from),
    ];
    let names = vec![
        "metadata",
        "labels",
        "finalizers",
        "spec",
        "containers",
        "name",
        "ports",
        "containerPort",
        "env",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
        "$setElementOrder",
        "volumes",
        "x",
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(names.clone()), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}
