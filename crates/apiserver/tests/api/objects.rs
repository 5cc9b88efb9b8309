//! Objects: create, read, change, delete.

use serde_json::{Value, json};

use super::harness::{MAPS, Server, config_map};

fn at(name: &str) -> String {
    format!("{MAPS}/{name}")
}

#[tokio::test]
async fn the_server_fills_in_metadata_whatever_the_client_sends() {
    let server = Server::start().await;
    let mut sent = config_map("a", json!({}));
    sent["metadata"]["uid"] = "mine".into();
    sent["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z".into();
    sent["metadata"]["selfLink"] = "/x".into();
    let reply = server.send("POST", MAPS, &sent).await;
    assert_eq!(reply.code, 201, "{}", reply.text);
    let meta = reply.json()["metadata"].clone();
    assert_eq!(meta["uid"].as_str().map(str::len), Some(36));
    assert!(meta["resourceVersion"].as_str().is_some_and(|v| v.parse::<u64>().is_ok()), "{meta}");
    assert!(meta.get("deletionTimestamp").is_none() && meta.get("selfLink").is_none() && meta["namespace"] == "default", "{meta}");
    assert_eq!(server.get(&at("a")).await.ok(), reply.json(), "what is read is what was answered");
}

#[tokio::test]
async fn names_that_are_taken_missing_or_without_a_namespace_are_refused() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let refusal = server.send("POST", MAPS, &config_map("a", json!({}))).await.refusal();
    assert_eq!(refusal, (409, "AlreadyExists".into(), "configmaps \"a\" already exists".into()));
    assert_eq!(server.get(&at("b")).await.refusal(), (404, "NotFound".into(), "configmaps \"b\" not found".into()));
    let lost = server.send("POST", "/api/v1/namespaces/nope/configmaps", &config_map("a", json!({}))).await.refusal();
    assert_eq!(lost, (404, "NotFound".into(), "namespaces \"nope\" not found".into()));
    let nameless = server.send("POST", MAPS, &json!({ "metadata": {} })).await.refusal();
    assert_eq!(nameless.2, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required");
    let elsewhere = json!({ "metadata": { "name": "a", "namespace": "kube-system" } });
    assert_eq!(
        server.send("POST", MAPS, &elsewhere).await.refusal().2,
        "the namespace of the provided object does not match the namespace sent on the request"
    );
}

#[tokio::test]
async fn generated_names_are_five_characters_longer() {
    let server = Server::start().await;
    let made = server.send("POST", MAPS, &json!({ "metadata": { "generateName": "gen-" } })).await.ok();
    let name = made["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("gen-") && name.len() == 9, "{name}");
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_no_change_is_no_write() {
    let server = Server::start().await;
    let first = server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let same = server.send("PUT", &at("a"), &config_map("a", json!({}))).await.ok();
    assert_eq!(same["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let mut next = first.clone();
    next["data"]["k"] = "w".into();
    let second = server.send("PUT", &at("a"), &next).await.ok();
    assert_ne!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let refusal = server.send("PUT", &at("a"), &next).await.refusal();
    let text = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again";
    assert_eq!(refusal, (409, "Conflict".into(), text.into()));
    let other = json!({ "metadata": { "uid": "other" } });
    let (code, _, text) = server.send("PATCH", &at("a"), &other).await.refusal();
    assert_eq!((code, text.as_str()), (422, "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable"));
    let mut foreign = second.clone();
    foreign["metadata"]["uid"] = "other".into();
    assert_eq!(server.send("PUT", &at("a"), &foreign).await.code, 409);
    assert_eq!(server.send("PATCH", &at("a"), &json!({ "data": { "x": "y" } })).await.ok()["data"], json!({ "k": "w", "x": "y" }));
}

#[tokio::test]
async fn concurrent_patches_all_succeed_and_none_is_lost() {
    let server = std::sync::Arc::new(Server::start().await);
    server.send("POST", MAPS, &json!({ "metadata": { "name": "a" } })).await.ok();
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let server = server.clone();
            tokio::spawn(async move { server.send("PATCH", &at("a"), &json!({ "data": { format!("k{n}"): "v" } })).await.ok() })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(server.get(&at("a")).await.ok()["data"].as_object().map(|d| d.len()), Some(32));
}

#[tokio::test]
async fn finalizers_hold_a_deleted_object_until_the_last_is_removed() {
    let server = Server::start().await;
    let mut held = config_map("a", json!({}));
    held["metadata"]["finalizers"] = json!(["a.test/hold"]);
    server.send("POST", MAPS, &held).await.ok();
    let marked = server.send("DELETE", &at("a"), &json!({})).await.ok();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    let again = server.send("DELETE", &at("a"), &json!({})).await.ok();
    assert_eq!(again["metadata"]["deletionTimestamp"], marked["metadata"]["deletionTimestamp"]);
    let refusal = server.send("PATCH", &at("a"), &json!({ "metadata": { "finalizers": ["a.test/hold", "a.test/new"] } })).await.refusal();
    assert_eq!(
        refusal.2,
        "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"a.test/new\"}"
    );
    server.send("PATCH", &at("a"), &json!({ "metadata": { "finalizers": null } })).await.ok();
    assert_eq!(server.get(&at("a")).await.code, 404);
}

#[tokio::test]
async fn deletion_honours_preconditions_dry_run_and_policy() {
    let server = Server::start().await;
    let made = server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let options = |body: serde_json::Value| body;
    let wrong = server.send("DELETE", &at("a"), &options(json!({ "preconditions": { "uid": "other" } }))).await.refusal();
    assert!(wrong.2.contains("the UID in the precondition (other) does not match the UID in record"), "{}", wrong.2);
    let policy = server.send("DELETE", &at("a"), &json!({ "propagationPolicy": "Nope" })).await.refusal();
    assert!(policy.2.ends_with("supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""), "{}", policy.2);
    server.send("DELETE", &at("a"), &json!({ "dryRun": ["All"] })).await.ok();
    server.get(&at("a")).await.ok();
    let done = server.send("DELETE", &at("a"), &json!({})).await.ok();
    assert_eq!(done["details"], json!({ "name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"] }));
}

#[tokio::test]
async fn a_namespace_takes_nothing_new_once_it_is_deleted_and_goes_when_finalized() {
    let server = Server::start().await;
    let home = "/api/v1/namespaces/gone";
    server.send("POST", "/api/v1/namespaces", &json!({ "metadata": { "name": "gone" } })).await.ok();
    assert_eq!(server.send("DELETE", home, &json!({})).await.ok()["status"]["phase"], "Terminating");
    let refusal = server.send("POST", &format!("{home}/configmaps"), &config_map("late", json!({}))).await;
    assert_eq!(
        refusal.refusal().2,
        "configmaps \"late\" is forbidden: unable to create new content in namespace gone because it is being terminated"
    );
    assert_eq!(refusal.json()["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let mut namespace = server.get(home).await.ok();
    namespace["spec"]["finalizers"] = json!([]);
    server.send("PUT", &format!("{home}/finalize"), &namespace).await.ok();
    assert_eq!(server.get(home).await.code, 404);
    assert_eq!(
        server.send("DELETE", "/api/v1/namespaces/default", &json!({})).await.refusal().2,
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}

#[tokio::test]
async fn unknown_fields_warn_or_refuse_as_asked() {
    let server = Server::start().await;
    let odd = json!({ "metadata": { "name": "a", "lables": {} }, "data": {} });
    let refusal = server.send("POST", &format!("{MAPS}?fieldValidation=Strict"), &odd).await.refusal();
    assert_eq!(refusal.2, "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"metadata.lables\"");
    let warned = server.send("POST", MAPS, &odd).await;
    assert_eq!((warned.code, &warned.headers["warning"]), (201, &"299 - \"unknown field \\\"metadata.lables\\\"\"".parse().expect("a value")));
}

#[tokio::test]
async fn bodies_and_replies_of_unknown_types_are_415_and_406() {
    let server = Server::start().await;
    let post = server.raw("POST", MAPS, "x", &[("content-type", "text/nonsense")]).await.refusal();
    assert!(post.0 == 415 && post.2.ends_with("application/json, application/yaml, application/vnd.kubernetes.protobuf"), "{post:?}");
    assert_eq!(server.raw("PATCH", &at("a"), "{}", &[("content-type", "application/json")]).await.code, 415);
    assert_eq!(server.raw("GET", MAPS, "", &[("accept", "text/nonsense")]).await.code, 406);
    assert_eq!(server.raw("POST", MAPS, vec![b'x'; 4 << 20], &[]).await.refusal().0, 413);
}

#[tokio::test]
async fn strangers_may_ask_for_health_and_nothing_else() {
    let server = Server::start().await;
    let ask = async |path: &str, token: Option<&str>| {
        let mut request = http::Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        server.0.answer(request.body(http_body_util::Empty::<bytes::Bytes>::new()).expect("a request")).await.status().as_u16()
    };
    assert_eq!(
        (ask(MAPS, None).await, ask(MAPS, Some("wrong")).await, ask("/readyz", None).await, ask("/version", None).await, ask("/api", None).await),
        (403, 401, 200, 200, 403)
    );
}

#[tokio::test]
async fn events_are_one_kind_in_two_views() {
    let server = Server::start().await;
    let new = json!({ "metadata": { "name": "e" }, "eventTime": "2026-01-02T03:04:05.000000Z", "reportingController": "a.test/b", "reportingInstance": "i", "action": "Do", "reason": "R",
                      "type": "Normal", "note": "words", "regarding": { "kind": "Pod", "name": "p", "namespace": "default" } });
    let made = server.send("POST", "/apis/events.k8s.io/v1/namespaces/default/events", &new).await.ok();
    assert_eq!((&made["apiVersion"], &made["note"]), (&json!("events.k8s.io/v1"), &json!("words")));
    let old = server.get("/api/v1/namespaces/default/events/e").await.ok();
    assert_eq!((&old["apiVersion"], &old["message"], &old["involvedObject"]["name"]), (&json!("v1"), &json!("words"), &json!("p")));
    let list = server.get("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dp").await.ok();
    assert_eq!((&list["kind"], &list["items"][0]["regarding"]["name"]), (&json!("EventList"), &json!("p")));
    let patch = json!({ "metadata": { "labels": { "a": "b" } } });
    let patched = server.send("PATCH", "/apis/events.k8s.io/v1/namespaces/default/events/e", &patch).await.ok();
    assert_eq!((&patched["note"], patched.get("message")), (&json!("words"), None));
    let mut watch = server.watch("/apis/events.k8s.io/v1/events?watch=1").await;
    assert_eq!(watch.next().await.expect("an event").1["note"], "words");
}

#[tokio::test]
async fn a_cluster_wide_kind_is_not_found_below_a_namespace() {
    let server = Server::start().await;
    for path in ["/api/v1/namespaces/default/nodes", "/api/v1/namespaces/default/nodes?watch=1", "/api/v1/namespaces/default/services/x/nope"] {
        assert_eq!(server.get(path).await.code, 404, "{path}");
    }
    assert_eq!(server.send("POST", "/api/v1/configmaps", &json!({})).await.code, 405);
}

#[tokio::test]
async fn l8_an_address_or_port_held_twice_is_told_on_the_younger_service() {
    let store = store::Store::memory();
    let put = async |plural: &str, name: &str, object: Value| {
        let key = format!("/registry/{plural}/{name}").into();
        let op = store::Op::Put { key, value: object.to_string().into(), ttl: None };
        store.txn(store::Txn { compare: Vec::new(), ops: vec![op] }).await.expect("room");
    };
    put("namespaces", "n", json!({ "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": "n" } })).await;
    for (name, year) in [("a-younger", 2026), ("older", 2025)] {
        let meta = json!({ "name": name, "namespace": "n", "uid": name, "creationTimestamp": format!("{year}-01-01T00:00:00Z") });
        let spec = json!({ "type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ports": [{ "port": 80, "nodePort": 30123 }] });
        put("services/specs", &format!("n/{name}"), json!({ "kind": "Service", "apiVersion": "v1", "metadata": meta, "spec": spec })).await;
    }
    let allocator = apiserver::allocate::Allocator::new(&["10.96.0.0/16".parse().expect("a network")], 30000..=32767, 1);
    let server = Server(apiserver::ApiServer::builder(store.clone()).allocator(allocator).build().expect("an open store"));
    let told = async || {
        let events = server.get("/api/v1/namespaces/n/events").await.ok()["items"].clone();
        let text = |event: &Value, field: &str| event.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let each = events.as_array().into_iter().flatten().map(|e| (text(e, "/involvedObject/name"), text(e, "/reason"), text(e, "/message")));
        each.collect::<Vec<_>>()
    };
    for _ in 0..500 {
        if told().await.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let want = |reason: &str, what: &str| {
        ("a-younger".to_owned(), reason.to_owned(), format!("{what} was assigned to multiple services; please recreate service"))
    };
    let told = told().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&want("ClusterIPAlreadyAllocated", "Cluster IP [IPv4]:10.96.0.9")), "{told:?}");
    assert!(told.contains(&want("PortAlreadyAllocated", "Port 30123")), "{told:?}");
}
