//! Details of answers, each as kube-apiserver 1.36 gives it.

use http::header::WARNING;
use serde_json::json;

use super::harness::{MAPS, Server, config_map};

const SERVICES: &str = "/api/v1/namespaces/default/services";

#[tokio::test]
async fn m7_what_the_server_adds_to_an_object_belongs_to_nobody() {
    let server = Server::start().await;
    let service = json!({ "metadata": { "name": "s" }, "spec": { "type": "NodePort", "ports": [{ "port": 80 }] } });
    let made = server.send("POST", SERVICES, &service).await.ok();
    assert!(made["spec"]["clusterIP"].is_string() && made["spec"]["ports"][0]["nodePort"].is_u64());
    let owned = &made["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
    assert!(owned["f:type"].is_object() && owned["f:internalTrafficPolicy"].is_object(), "defaults belong to the writer: {owned}");
    for given in ["f:clusterIP", "f:clusterIPs", "f:ipFamilies", "f:ipFamilyPolicy"] {
        assert!(owned[given].is_null(), "{given}: {owned}");
    }
    assert!(!owned["f:ports"].to_string().contains("f:nodePort"), "{owned}");
    let changed = server.send("PATCH", &format!("{SERVICES}/s"), &json!({ "spec": { "type": "LoadBalancer" } })).await.ok();
    assert!(!changed["metadata"]["managedFields"].to_string().contains("f:clusterIP"), "{changed}");
    let namespace = server.send("POST", "/api/v1/namespaces", &json!({ "metadata": { "name": "n" } })).await.ok();
    assert!(namespace["spec"]["finalizers"].is_array() && namespace["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"].is_null(), "{namespace}");
}

#[tokio::test]
async fn o11_what_a_patch_says_twice_is_told() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let headers = [("content-type", "application/merge-patch+json")];
    let twice = r#"{"data":{"k":"1"},"data":{"k":"2"}}"#;
    let (code, _, message) = server.raw("PATCH", &format!("{MAPS}/a?fieldValidation=Strict"), twice, &headers).await.refusal();
    assert_eq!(code, 422);
    assert!(message.ends_with(r#"strict decoding error: duplicate field "data""#), "{message}");
    let warned = server.raw("PATCH", &format!("{MAPS}/a"), twice, &headers).await;
    assert_eq!((warned.code, warned.headers[WARNING].to_str().ok()), (200, Some(r#"299 - "duplicate field \"data\"""#)));
    let apply = [("content-type", "application/apply-patch+yaml")];
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\nmetadata: {name: b}\n";
    let refused = server.raw("PATCH", &format!("{MAPS}/b?fieldManager=m&fieldValidation=Strict"), yaml, &apply).await.refusal();
    assert!(refused.2.starts_with("error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:"), "{}", refused.2);
}

#[tokio::test]
async fn an_apply_that_does_not_fit_is_named_as_it_was_sent() {
    let server = Server::start().await;
    let headers = [("content-type", "application/apply-patch+yaml")];
    let config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, bogus: 1}";
    let refused = server.raw("PATCH", &format!("{MAPS}/a?fieldManager=m"), config, &headers).await.refusal();
    assert_eq!(refused.2, "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .bogus: field not declared in schema");
    // A new object has the name that its configuration says; that of one which is there may be left out.
    let nameless = "{apiVersion: v1, kind: ConfigMap, data: {k: v}}";
    let refused = server.raw("PATCH", &format!("{MAPS}/a?fieldManager=m"), nameless, &headers).await.refusal();
    assert_eq!(refused.2, "the name of the object (a based on URL) was undeterminable: name must be provided");
    server.raw("PATCH", &format!("{MAPS}/a?fieldManager=m"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", &headers).await.ok();
    let made = server.raw("PATCH", &format!("{MAPS}/a?fieldManager=m"), nameless, &headers).await.ok();
    assert_eq!((&made["metadata"]["name"], &made["metadata"]["namespace"]), (&json!("a"), &json!("default")));
}

#[tokio::test]
async fn what_is_refused_is_not_warned_of() {
    let server = Server::start().await;
    let service = json!({ "metadata": { "name": "s" }, "spec": { "externalIPs": ["1.2.3.4"], "ports": [{ "port": 0 }] } });
    let refused = server.send("POST", SERVICES, &service).await;
    assert_eq!((refused.code, refused.headers.get(WARNING)), (422, None));
}

#[tokio::test]
async fn revisions_and_tokens_that_are_none_are_told_apart() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let mut stale = config_map("a", json!({}));
    stale["metadata"]["resourceVersion"] = "bad".into();
    let put = server.send("PUT", &format!("{MAPS}/a"), &stale).await.refusal();
    assert_eq!((put.0, put.2.as_str()), (500, r#"strconv.ParseUint: parsing "bad": invalid syntax"#));
    let list = server.get(&format!("{MAPS}?resourceVersion=bad")).await.refusal();
    assert!(list.0 == 400 && list.2.starts_with("invalid resource version: resourceVersion: Invalid value"), "{list:?}");
    let watch = server.get(&format!("{MAPS}?watch=1&resourceVersion=bad")).await.refusal();
    assert_eq!((watch.0, watch.1.as_str()), (500, ""), "{}", watch.2);
    let page = server.get(&format!("{MAPS}?continue=x")).await.refusal();
    assert!(page.0 == 400 && page.2.starts_with("invalid continue token: continue key is not valid: illegal base64 data"), "{page:?}");
}

#[tokio::test]
async fn rows_carry_what_there_is_and_head_is_no_way_to_read_resources() {
    let server = Server::start().await;
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let refused = server.raw("GET", &format!("{MAPS}?includeObject=Bogus"), "", &table).await.refusal();
    let want = r#"Unable to convert to Table as requested: includeObject: Invalid value: "Bogus": must be 'Metadata', 'Object', 'None', or empty"#;
    assert_eq!((refused.0, refused.2.as_str()), (400, want));
    assert_eq!(server.raw("HEAD", MAPS, "", &[]).await.code, 405);
}

#[tokio::test]
async fn o12_preconditions_name_the_kind_and_collections_name_it_once() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let refused = server.send("DELETE", &format!("{MAPS}/a"), &json!({ "preconditions": { "uid": "x" } })).await;
    assert!(
        refused.refusal().2.starts_with(r#"Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x)"#),
        "{}",
        refused.text
    );
    assert_eq!(refused.json()["details"]["kind"], "ConfigMap");
    let gone = server.send("DELETE", MAPS, &json!({})).await.ok();
    assert_eq!((&gone["kind"], &gone["items"][0]["metadata"]["name"]), (&json!("ConfigMapList"), &json!("a")));
    assert!(gone["items"][0]["kind"].is_null() && gone["items"][0]["apiVersion"].is_null(), "{gone}");
}

#[tokio::test]
async fn h1_an_excluded_check_is_shown_as_excluded() {
    let server = Server::start().await;
    let text = server.get("/healthz?exclude=ping&verbose").await.text;
    assert!(text.starts_with("[+]ping excluded: ok\n[+]log ok\n") && text.ends_with("healthz check passed\n"), "{text}");
}

#[tokio::test]
async fn o3_an_update_names_its_object_and_times_of_the_client_are_not_heard() {
    let server = Server::start().await;
    let made = server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let nameless = server.send("PUT", &format!("{MAPS}/a"), &json!({ "data": { "k": "w" } })).await.refusal();
    assert_eq!((nameless.0, nameless.2.as_str()), (400, "the name of the object (a based on URL) was undeterminable: name must be provided"));
    let old = json!({ "metadata": { "creationTimestamp": "2020-01-01T00:00:00Z" } });
    let patched = server.send("PATCH", &format!("{MAPS}/a"), &old).await.ok();
    assert_eq!(patched["metadata"]["creationTimestamp"], made["metadata"]["creationTimestamp"]);
    let other = server.send("PATCH", &format!("{MAPS}/a"), &json!({ "kind": "Secret" })).await.refusal();
    assert!(other.0 == 422 && other.2.contains("patch: Invalid value"), "{other:?}");
}

#[tokio::test]
async fn m3_operations_are_read_as_generously_as_upstream_reads_them() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let headers = [("content-type", "application/json-patch+json")];
    let patch = async |operations: &str| server.raw("PATCH", &format!("{MAPS}/a"), operations, &headers).await;
    let data = patch(r#"[{"op":"replace","path":"/data/new","value":"1"},{"op":"add","path":"/data/empty"}]"#).await.ok()["data"].clone();
    assert_eq!(data, json!({ "empty": "", "k": "v", "new": "1" }));
    assert_eq!(patch("null").await.ok()["data"], data, "no operations");
    assert_eq!(patch(r#"[{"op":"remove","path":"/data/none"}]"#).await.code, 422);
    let root = patch(r#"[{"op":"add","path":"","value":{}}]"#).await;
    assert_eq!((root.code, &root.json()["details"]), (422, &json!({})));
    let object = patch(r#"{"op":"remove"}"#).await.refusal();
    assert!(object.0 == 400 && object.2.starts_with("error decoding patch: json: cannot unmarshal object"), "{object:?}");
}

#[tokio::test]
async fn m4_a_strategic_patch_that_does_not_fit_is_500() {
    let server = Server::start().await;
    server.send("POST", SERVICES, &json!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80 }] } })).await.ok();
    let headers = [("content-type", "application/strategic-merge-patch+json")];
    let keyless = server.raw("PATCH", &format!("{SERVICES}/s"), r#"{"spec":{"ports":[{"name":"x"}]}}"#, &headers).await.refusal();
    assert!(keyless.0 == 500 && keyless.2.contains("does not contain declared merge key: port"), "{keyless:?}");
}

#[tokio::test]
async fn o13_a_grace_that_is_no_number_deletes_nothing() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let refused = server.raw("DELETE", &format!("{MAPS}/a?gracePeriodSeconds=x"), "", &[]).await.refusal();
    assert_eq!((refused.0, refused.2.as_str()), (400, r#"strconv.ParseInt: parsing "x": invalid syntax"#));
    assert_eq!(server.get(&format!("{MAPS}/a")).await.code, 200);
    assert_eq!(server.get(&format!("{MAPS}?watch=1&continue=x")).await.code, 422);
}

#[tokio::test]
async fn d7_what_is_not_served_in_a_served_group_is_a_status() {
    let server = Server::start().await;
    for path in ["/apis/networking.k8s.io/v9", "/apis/networking.k8s.io/v9/ingresses", "/api/v9/pods", "/api/v1//pods"] {
        assert_eq!(server.get(path).await.refusal().1, "NotFound", "{path}");
    }
    assert_eq!(server.get("/apis/nobody.example/v1/things").await.text, "404 page not found\n");
}

#[tokio::test]
async fn o8_owners_are_told_by_kind_and_repeated_ones_by_uid() {
    let server = Server::start().await;
    let owner = |name: &str| json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": true });
    let mut map = config_map("a", json!({}));
    map["metadata"]["ownerReferences"] = json!([owner("p"), owner("q")]);
    let refused = server.send("POST", MAPS, &map).await.refusal();
    assert!(refused.2.ends_with(r#"Found "true" in references for Pod/p and Pod/q"#), "{}", refused.2);
    map["metadata"]["ownerReferences"] = json!([owner("p"), owner("p")]);
    let warned = server.send("POST", MAPS, &map).await;
    let warning = warned.headers[WARNING].to_str().unwrap_or_default();
    assert!(warning.starts_with("299 - \".metadata.ownerReferences contains") && warning.ends_with("observed: p\""), "{warning}");
    assert_eq!(warned.ok()["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn o17_a_dry_run_answers_what_would_be_and_not_what_is() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let patched = server.send("PATCH", &format!("{MAPS}/a?dryRun=All"), &json!({ "data": { "k": "w" } })).await.ok();
    assert_eq!(patched["data"]["k"], "w");
    let mut replaced = config_map("a", json!({}));
    replaced["data"]["k"] = "x".into();
    assert_eq!(server.send("PUT", &format!("{MAPS}/a?dryRun=All"), &replaced).await.ok()["data"]["k"], "x");
    assert_eq!(server.get(&format!("{MAPS}/a")).await.ok()["data"]["k"], "v");
}
