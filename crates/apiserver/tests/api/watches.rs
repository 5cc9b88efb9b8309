//! Watches: order, resumption, selectors, bookmarks, WatchList, forms.

use serde_json::{Value, json};

use super::harness::{MAPS, Server, config_map};

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).expect("a revision")
}

fn pairs(want: &[(&str, &str)]) -> Vec<(String, String)> {
    want.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

#[tokio::test]
async fn a_watch_tells_changes_in_order_and_resumes_at_any() {
    let server = Server::start().await;
    let start = revision(&server.get(MAPS).await.ok());
    let mut watch = server.watch(&format!("{MAPS}?watch=1&resourceVersion={start}")).await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    server.send("PATCH", &format!("{MAPS}/a"), &json!({ "metadata": { "labels": { "x": "y" } } })).await.ok();
    server.send("POST", MAPS, &config_map("b", json!({}))).await.ok();
    server.send("DELETE", &format!("{MAPS}/a"), &json!({})).await.ok();
    let want = pairs(&[("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]);
    let mut revisions = Vec::new();
    for (kind, name) in &want {
        let (got, object) = watch.next().await.expect("an event");
        assert_eq!((&got, object["metadata"]["name"].as_str()), (kind, Some(name.as_str())));
        revisions.push(revision(&object));
        if kind == "DELETED" {
            assert_eq!(object["metadata"]["labels"], json!({ "x": "y" }), "the last state");
        }
    }
    assert!(revisions.is_sorted() && revisions[0] > start, "{start} {revisions:?}");
    for (at, revision) in revisions.iter().take(3).enumerate() {
        let mut again = server.watch(&format!("{MAPS}?watch=1&resourceVersion={revision}")).await;
        assert_eq!(again.names(3 - at).await, want[at + 1..], "resumed after event {at}");
    }
}

#[tokio::test]
async fn from_zero_a_watch_begins_with_the_state_and_ends_cleanly_in_time() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let mut watch = server.watch(&format!("{MAPS}?watch=1&resourceVersion=0&timeoutSeconds=1")).await;
    assert_eq!(watch.names(1).await, pairs(&[("ADDED", "a")]));
    assert!(watch.next().await.is_none());
    let mut old = server.watch("/api/v1/watch/namespaces/default/configmaps/a?resourceVersion=0").await;
    assert_eq!(old.names(1).await, pairs(&[("ADDED", "a")]));
}

#[tokio::test]
async fn objects_enter_and_leave_the_sight_of_a_selector() {
    let server = Server::start().await;
    let start = revision(&server.send("POST", MAPS, &config_map("a", json!({}))).await.ok());
    let mut watch = server.watch(&format!("{MAPS}?watch=1&labelSelector=on%3Dyes&resourceVersion={start}")).await;
    let mut by_name = server.watch(&format!("{MAPS}?watch=1&fieldSelector=metadata.name%3Da&resourceVersion={start}")).await;
    let mut label = Value::Null;
    for value in ["yes", "no"] {
        label = server.send("PATCH", &format!("{MAPS}/a"), &json!({ "metadata": { "labels": { "on": value } } })).await.ok();
    }
    assert_eq!(watch.names(1).await, pairs(&[("ADDED", "a")]));
    let (kind, left) = watch.next().await.expect("an event");
    assert_eq!((kind.as_str(), &left["metadata"]["labels"]["on"], revision(&left)), ("DELETED", &json!("yes"), revision(&label)));
    assert_eq!(by_name.names(2).await, pairs(&[("MODIFIED", "a"), ("MODIFIED", "a")]));
}

#[tokio::test]
async fn a_watch_list_marks_the_end_of_the_state() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        server.send("POST", MAPS, &config_map(name, json!({}))).await.ok();
    }
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = server.watch(&format!("{MAPS}?{query}")).await;
    assert_eq!(watch.names(2).await, pairs(&[("ADDED", "a"), ("ADDED", "b")]));
    let (kind, mark) = watch.next().await.expect("an event");
    assert_eq!((kind.as_str(), &mark["metadata"]["annotations"]), ("BOOKMARK", &json!({ "k8s.io/initial-events-end": "true" })));
    server.send("DELETE", &format!("{MAPS}/a"), &json!({})).await.ok();
    assert_eq!(watch.names(1).await, pairs(&[("DELETED", "a")]));
    assert_eq!(server.get(&format!("{MAPS}?watch=1&sendInitialEvents=true")).await.code, 422);
}

#[tokio::test]
async fn bookmarks_advance_past_what_the_selector_hid() {
    let server = Server::start().await;
    let start = revision(&server.send("POST", MAPS, &config_map("a", json!({}))).await.ok());
    let mut watch = server.watch(&format!("{MAPS}?watch=1&allowWatchBookmarks=true&labelSelector=on&resourceVersion={start}&timeoutSeconds=3")).await;
    let hidden = revision(&server.send("POST", MAPS, &config_map("b", json!({}))).await.ok());
    let (kind, mark) = watch.next().await.expect("an event");
    assert_eq!((kind.as_str(), revision(&mark), mark["metadata"].get("annotations")), ("BOOKMARK", hidden, None));
    assert!(watch.next().await.is_none(), "nothing newer: no more bookmarks before the end");
}

#[tokio::test]
async fn a_table_watch_sends_its_columns_once() {
    let server = Server::start().await;
    let start = revision(&server.get(MAPS).await.ok());
    let mut watch = server.watch_as(&format!("{MAPS}?watch=1&resourceVersion={start}"), "application/json;as=Table;v=v1;g=meta.k8s.io").await;
    for name in ["a", "b"] {
        server.send("POST", MAPS, &config_map(name, json!({}))).await.ok();
    }
    let (_, first) = watch.next().await.expect("an event");
    let (_, second) = watch.next().await.expect("an event");
    assert!(
        !first["columnDefinitions"].as_array().expect("columns").is_empty() && second["columnDefinitions"].as_array().expect("columns").is_empty()
    );
    assert_eq!((&first["rows"][0]["cells"][0], &second["rows"][0]["cells"][0]), (&json!("a"), &json!("b")));
}

#[tokio::test]
async fn w16_a_watch_of_metadata_has_nothing_else() {
    let server = Server::start().await;
    let start = revision(&server.get(MAPS).await.ok());
    let metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let mut watch = server.watch_as(&format!("{MAPS}?watch=1&resourceVersion={start}"), metadata).await;
    server.send("POST", MAPS, &json!({ "metadata": { "name": "a", "labels": { "x": "y" } }, "data": { "k": "v" } })).await.ok();
    server.send("DELETE", &format!("{MAPS}/a"), &json!({})).await.ok();
    for wanted in ["ADDED", "DELETED"] {
        let (kind, object) = watch.next().await.expect("an event");
        assert_eq!((kind.as_str(), object["kind"].as_str(), object.get("data")), (wanted, Some("PartialObjectMetadata"), None));
        assert_eq!(object["metadata"]["labels"], json!({ "x": "y" }));
    }
}

#[tokio::test]
async fn a_revision_below_the_history_is_an_expired_event() {
    let store = store::Store::memory();
    let server = Server(apiserver::ApiServer::builder(store.clone()).build().expect("an open store"));
    server.0.bootstrap().await.expect("namespaces are made");
    for n in 0..1200 {
        let key = format!("/registry/configmaps/default/c{n}");
        let value = format!(r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"c{n}","namespace":"default"}}}}"#);
        store
            .txn(store::Txn { compare: Vec::new(), ops: vec![store::Op::Put { key: key.into(), value: value.into(), ttl: None }] })
            .await
            .expect("written");
    }
    let middle = store.revision() - 1100;
    let mut replay = server.watch(&format!("{MAPS}?watch=1&resourceVersion={middle}")).await;
    assert_eq!(replay.names(1100).await.last().map(|(_, name)| name.as_str()), Some("c1199"), "older changes come from the store");
    store.compact(store.revision());
    let mut watch = server.watch(&format!("{MAPS}?watch=1&resourceVersion=2")).await;
    let (kind, status) = watch.next().await.expect("an event");
    assert_eq!((kind.as_str(), &status["reason"], &status["code"]), ("ERROR", &json!("Expired"), &json!(410)));
    assert!(watch.next().await.is_none());
    let mut table = server.watch_as(&format!("{MAPS}?watch=1&resourceVersion=2"), "application/json;as=Table;v=v1;g=meta.k8s.io").await;
    let (kind, status) = table.next().await.expect("an event");
    assert_eq!((kind.as_str(), &status["kind"], &status["code"]), ("ERROR", &json!("Status"), &json!(410)), "whatever the form");
}

#[tokio::test]
async fn watches_end_cleanly_when_the_server_stops() {
    let server = Server::start().await;
    let mut watch = server.watch(&format!("{MAPS}?watch=1")).await;
    server.0.stop();
    assert!(watch.next().await.is_none());
    assert_eq!((server.get("/readyz").await.code, server.get(MAPS).await.code), (500, 200));
}

#[tokio::test]
async fn a_kubernetes_client_in_the_process_lists_and_watches() {
    use futures_util::TryStreamExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::{Api, ListParams, PostParams, WatchEvent, WatchParams};

    let server = Server::start().await;
    let client = kube::Client::new(server.0.as_identity(apiserver::Identity::new("system:test", ["system:masters"])), "default");
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let made = maps.create(&PostParams::default(), &serde_json::from_value(config_map("a", json!({}))).expect("a map")).await.expect("created");
    assert_eq!(maps.list(&ListParams::default()).await.expect("listed").items, [made]);
    let mut events = std::pin::pin!(maps.watch(&WatchParams::default(), "0").await.expect("watched"));
    assert!(matches!(events.try_next().await.expect("an event"), Some(WatchEvent::Added(map)) if map.metadata.name.as_deref() == Some("a")));
    assert!(maps.get_opt("nope").await.expect("asked").is_none());
}
